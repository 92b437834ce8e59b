/* simulation: everything immutable that the replicas of one scenario share. */
#ifndef KMC_SIMULATION_H
#define KMC_SIMULATION_H
#include "protocol.h"

struct simulation {
    const struct scenario *scenario; /* owner: the caller */
    struct species_table species;
    struct supercell cell; /* crystal of replica 0, for sizes and composition */
    struct rate_model *model;
    struct protocol protocol;
    const struct engine_ops *ops;
    int64_t replicas;
    int threads, cores; /* replicas at a time; cores in all */
};

/* Builds all of it; exit code 0, 2 or 4 after printing to `errors`. */
int simulation_create(struct simulation *sim, const struct scenario *s, FILE *errors);
void simulation_free(struct simulation *sim);

/* Bytes that one replica of the exact engine needs, and the same per site. */
int64_t simulation_replica_bytes(const struct simulation *sim);

/* Runs body(context, replica) for every replica on `threads` cores; the first non-zero status is returned, later replicas are then skipped.
 * Replica numbers, crystals and random streams do not depend on the number of threads. */
int simulation_for_each(const struct simulation *sim, int (*body)(void *context, struct replica *r),
                        void *context, FILE *errors);

#endif
