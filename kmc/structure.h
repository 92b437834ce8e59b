/* structure: counts of ions and O states in a configuration, the raw material of all reported observables. */
#ifndef KMC_STRUCTURE_H
#define KMC_STRUCTURE_H
#include "../kernels/rate_model.h"
#include "species.h"

struct structure {
    int64_t n_anions;             /* anion sites that hold an anion */
    int64_t species[SPECIES_MAX]; /* ions in the whole crystal, by species */
    int64_t tm, tm_li_oct, tm_li_tet,
        tm_tm_tet; /* ROLE_TM ions: all, in Li octs, in tets of either layer */
    int64_t element_li_layer
        [ELEMENT_MAX];            /* ROLE_TM ions in octs and tets of the Li layers, by element */
    int64_t element[ELEMENT_MAX]; /* ions of the element */
    int64_t li_tet;               /* Li+ in tets */
    int64_t oxide;                /* O sites: O2- */
    int64_t hole, peroxo, superoxo,
        molecular; /* O sites: single holes; in peroxo, superoxo and O2 pairs */
};

void structure_count(struct structure *s, const struct rate_model *m, const struct species_table *t,
                     const struct configuration *x);

/* Is this the site of an O in O2, both ends molecular? */
bool structure_is_o2(const struct rate_model *m, const struct configuration *x, int64_t site);

#endif
