/* bench_timing: how the replicas of a job are timed: both verbs from the saved state, and cycles from the pristine crystal. */
#ifndef KMC_BENCH_TIMING_H
#define KMC_BENCH_TIMING_H
#include "bench_job.h"

enum { BENCH_TIMED_SLICES = 1 }; /* of a repeat */

/* Both verbs on so many threads; the job is charged. False when a slice failed. */
bool bench_timing_verbs(struct bench_job *j, int threads, struct bench_verbs *v);

/* A cycle of one replica; of an ensemble: the throughput of all threads too. Exit code. */
int bench_timing_cycle(struct bench_job *j, bool ensemble, struct bench_cycle *c);

/* Charges the replica quickly and times a move on one thread. Exit code. */
int bench_timing_size(struct bench_job *j, struct bench_size *out);

#endif
