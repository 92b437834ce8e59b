#!/bin/sh
# A study as a Slurm job array: 8 shards, each on one node, then merged.  From the root of the repository:
#     sbatch --array=1-8 lattices/studies/cluster/array.sh lattices/studies/dopants.toml
# Slurm asks for a checkpoint two minutes before the time is up (SIGTERM) and puts the job back into the queue; the same command goes on with the shard.
# When all eight have ended:  build/kmc merge runs/study-*-of-8 -o runs/study
#SBATCH --job-name=kmc-study
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=16
#SBATCH --time=24:00:00
#SBATCH --signal=B:TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append

shard=${SLURM_ARRAY_TASK_ID:?run it with sbatch --array=1-N}
count=${SLURM_ARRAY_TASK_COUNT:?run it with sbatch --array=1-N}
directory=runs/study-$shard-of-$count
[ -e "$directory/DONE" ] && exit 0
build/kmc study "${1:?which study}" --shard "$shard/$count" -o "$directory" &
trap 'kill -TERM $!' TERM
wait $!
status=$?
[ $status -gt 128 ] && { # stopped by the signal: wait until the checkpoint is written
    wait $!
    scontrol requeue "$SLURM_JOB_ID"
}
exit $status
