/* study_ranks: the processes that work on one study together, under MPI.
 *
 * Built with MPI=1, `mpirun -n 8 kmc study ...` gives eight ranks; everywhere else there is one, and nothing here does anything.  All ranks must make the same
 * calls of study_ranks_wait, _worst and _largest in the same order.
 * The ranks of one machine share its GPUs out among themselves, unless each was given its own.
 */
#ifndef KMC_STUDY_RANKS_H
#define KMC_STUDY_RANKS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Joins the others, if there are any; the end of the program leaves them. */
void study_ranks_begin(void);

/* This rank, from 0, and how many there are. */
int study_ranks_number(void);
int study_ranks_count(void);

/* Where what all ranks find is told once: stderr of the first, nowhere of the others. */
FILE *study_ranks_errors(void);

/* Until all are here. */
void study_ranks_wait(void);

/* The largest of the exit codes of all ranks: all go on, or none. */
int study_ranks_worst(int status);

/* Each number becomes the largest over all ranks. */
void study_ranks_largest(double *x, size_t n);

/* CUDA_VISIBLE_DEVICES for the rank at this place of its machine: one of those in `visible` (NULL: of n_devices).  False when there is none. */
bool study_ranks_device(const char *visible, int n_devices, int place, char text[80]);

/* "MPI 3.1, Open MPI v4.1.4", or "built without MPI". */
const char *study_ranks_library(void);

#endif
