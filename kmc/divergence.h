/* divergence: a protocol run by two back ends at once, call by call, up to the first difference (kmc/engine_compare.h), and its report. */
#ifndef KMC_DIVERGENCE_H
#define KMC_DIVERGENCE_H
#include "engine_compare.h"
#include "simulation.h"

/* Two back ends and the threads each may use. */
struct divergence {
    const struct engine_ops *ops[2];
    int threads[2];
};

/* Runs all replicas of the simulation and prints the first difference, or that there is none, to `out`.  Returns 0 without a difference, 1 with one,
 * else what the protocol returned. */
int divergence_run(struct simulation *sim, const struct divergence *d, FILE *out, FILE *errors);

#endif
