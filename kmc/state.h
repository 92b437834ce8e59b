/* state: the one mutable thing of a replica.
 *
 * Memory of the exact engine: occupancy 1 B a site, deviation 2 B and n_tm 1 B an O (a quarter of the sites).
 */
#ifndef KMC_STATE_H
#define KMC_STATE_H
#include <stdbool.h>
#include "../kernels/philox.h"
#include "../kernels/rate_model.h"

struct state {
    struct configuration x; /* arrays; owner: this struct */
    int64_t n_sites, n_oxygen;
    int64_t energy_ueV; /* running total, equal to a recount at all times */
    int64_t
        n_li; /* Li+ in the crystal, and H+ that took the place of Li+: pristine ones less this = electrons passed */
    double time_s; /* clock of the slow events */
    struct philox random;
    int32_t *
        demon; /* [n_demons] restraint of a box cut into tiles, see kmc/engine_cpu.c; owner: this struct */
    int64_t n_demons;
    uint32_t step; /* counter of equilibrate and advance calls: the Philox step word */
};

/* Copies the pristine occupancy and derives all caches. False when memory runs out. */
bool state_init(struct state *s, const struct rate_model *m, const uint8_t *occupancy,
                uint64_t seed, uint32_t replica);
void state_free(struct state *s);

/* Room for n demons, all 0; keeps them when there are n already. False when memory runs out. */
bool state_demons(struct state *s, int64_t n);

/* Recomputes deviation and n_tm of every O and n_li from the occupancy alone. */
void state_rebuild(struct state *s, const struct rate_model *m);

/* Energy of the configuration from the definition in kernels/rate_model.h, sum by sum, ueV. */
int64_t state_recount(const struct state *s, const struct rate_model *m);

/* Total charge in e (0 in a neutral crystal). */
int64_t state_charge(const struct state *s, const struct rate_model *m);

/* Is every bonded O its partner's partner?  Of stored sites, whose bytes are known to be those of ions. */
bool state_partners_agree(const struct state *s, const struct rate_model *m);

/* Compares caches, energy, Li count, charge and dimer partners with a recount. Returns NULL or a static text naming the first mismatch. */
const char *state_verify(const struct state *s, const struct rate_model *m);

/* 64-bit XXH3 of occupancy, energy, Li count, clock and step. */
uint64_t state_hash(const struct state *s);

#endif
