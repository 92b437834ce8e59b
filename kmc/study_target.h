/* study_target: how many replicas a requested precision takes.
 *
 * A study with target_standard_error_mV runs its first replicas, then as many more as the spread of their fades asks for, at most twice as many as before,
 * until the standard error of the mean fade of a scenario is at the target or replicas_max are done.  What is added depends on the results of whole stages
 * alone: not on time, threads, ranks or interruptions.  Stopping when the error happens to be small makes errors look smaller than they are, by a few per cent
 * where a stage holds 8 replicas or more.
 */
#ifndef KMC_STUDY_TARGET_H
#define KMC_STUDY_TARGET_H
#include <stdint.h>

/* Replicas of the next stage when the first n have these fades, mV/cycle (NaN: not defined, left out): n itself when the target is reached or n = most. */
int64_t study_target_next(double target_mV, const double *fade, int64_t n, int64_t most);

#endif
