/* replica: one crystal with its state and engine. */
#ifndef KMC_REPLICA_H
#define KMC_REPLICA_H
#include "engine.h"
#include "model.h"

struct replica {
    uint32_t number;
    const struct rate_model *model; /* shared by all replicas; owner: the command */
    const struct rate_model *
        resting; /* with Li+ in equilibrium where `model` has it on the clock; NULL = not needed; the same owner */
    const struct species_table *species; /* the same */
    struct supercell cell; /* sizes, counts and texts; its occupancy is gone, the state holds it */
    struct state state;
    struct census pristine; /* of the crystal as built */
    const struct engine_ops *ops;
    struct engine *engine;
    bool rests;  /* the engine follows `resting` */
    int threads; /* that the engine may use */
};

/* Builds crystal, state and engine of replica `number`; the engine may use `threads` threads. Returns 0 or an exit code (2 input, 4 memory) after printing to `errors`. */
int replica_create(struct replica *r, const struct scenario *s, const struct species_table *t,
                   const struct rate_model *m, const struct engine_ops *ops, int threads,
                   uint32_t number, FILE *errors);

/* A fresh engine for a state that was replaced by a stored one. False when memory runs out. */
bool replica_renew(struct replica *r);

/* From now on Li+ is in equilibrium (rest) or moves as `model` says; an engine is made anew when that is a change. False when memory runs out. */
bool replica_rest_lithium(struct replica *r, bool rest);
void replica_free(struct replica *r);

/* Specific capacity of one Li in the box: mAh per gram of the pristine, doped composition. */
double replica_mAh_per_g_per_li(const struct replica *r);

#endif
