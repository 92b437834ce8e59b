/* simulation: everything immutable that the replicas of one scenario share. */
#ifndef KMC_SIMULATION_H
#define KMC_SIMULATION_H
#include "protocol.h"

struct simulation {
    const struct scenario *scenario; /* owner: the caller */
    struct species_table species;
    struct supercell cell; /* of replica 0: sizes, counts and texts, no occupancy */
    struct rate_model *model;
    struct rate_model *resting; /* of each replica; NULL = not needed */
    struct protocol protocol;
    const struct engine_ops *ops;
    char note[256]; /* line about the choice of engine, or empty */
    int64_t replicas;
    int threads, cores; /* replicas at a time; cores in all */
    const bool *skip;   /* [replicas] those that simulation_for_each leaves out; NULL = none */
};

/* Builds all of it; exit code 0, 2 or 4 after printing to `errors`. */
int simulation_create(struct simulation *sim, const struct scenario *s, FILE *errors);
void simulation_free(struct simulation *sim);

/* Name of the engine that a scenario asks for: run.engine, and the only one that can where "auto" leaves the choice. */
const char *simulation_engine(const struct scenario *s);

/* Cores that the engine of one replica may use: what replicas side by side leave over. */
int simulation_inner_threads(const struct simulation *sim);

/* Replicas that are in memory at a time. */
int64_t simulation_at_once(const struct simulation *sim);

/* What is done with a group of replicas: one on the CPU, all on a GPU. */
typedef int (*simulation_body)(void *context, struct replica *r, int n);

/* Builds these n replicas, calls body with them and frees them. */
int simulation_run_group(const struct simulation *sim, const int64_t *number, int n,
                         simulation_body body, void *context, FILE *errors);

/* Runs body for every group of replicas, groups side by side on `threads` cores; the first non-zero status is returned, later groups are then skipped.
 * Replica numbers, crystals and random streams do not depend on the number of threads or on the groups. */
int simulation_for_each(const struct simulation *sim, simulation_body body, void *context,
                        FILE *errors);

#endif
