#!/bin/sh
# A study on MPI ranks, one GPU each (built with `make MPI=1 BUILD=build/mpi`).  From the root of the repository:
#     sbatch lattices/studies/cluster/mpi.sh lattices/studies/dopants.toml
# Without GPUs: leave out --gpus-per-task, and give each rank cores.  The same command goes on with an interrupted study, on any number of ranks.
#SBATCH --job-name=kmc-mpi
#SBATCH --ntasks=8
#SBATCH --cpus-per-task=8
#SBATCH --gpus-per-task=1
#SBATCH --time=24:00:00

srun build/mpi/kmc study "${1:?which study}" -o runs/study --max-wallclock 86000
