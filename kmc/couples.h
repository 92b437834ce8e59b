/* couples: how much of the charge each redox couple has given since the pristine crystal.
 *
 * A couple is an element that can change its valence, or a kind of oxidised oxygen: single holes, O in peroxo pairs (a superoxo pair counts half here, half
 * as O2), O in molecular O2.  The sum over the couples is the charge of the Li that left, to the electron, at every moment.
 */
#ifndef KMC_COUPLES_H
#define KMC_COUPLES_H
#include <stdbool.h>
#include "../kernels/census.h"
#include "replica.h"

enum { COUPLES_MAX = ELEMENT_MAX + 3 };

struct couples {
    int n;
    char name[COUPLES_MAX][16]; /* "Ni", ..., "O hole", "O dimer", "O2" */
    int element[COUPLES_MAX];   /* of the species table; -1 for oxygen */
};

/* Couples of a crystal. */
void couples_of(struct couples *c, const struct species_table *t, const struct supercell *cell);

/* Counts a configuration on the host. */
void couples_census(struct census *census, const struct configuration *x);

/* Electrons given between two censuses, by couple; electrons[COUPLES_MAX]. */
void couples_electrons(const struct couples *c, const struct species_table *t,
                       const struct census *pristine, const struct census *now, int64_t *electrons);

#endif
