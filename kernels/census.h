/* census: how many cation sites hold each species and how many anion sites are in each state, over a whole box.
 *
 * What the charge of every redox couple follows from; a GPU counts its replicas without sending their states back. */
#ifndef KERNELS_CENSUS_H
#define KERNELS_CENSUS_H
#include "rate_model.h"

struct census {
    int64_t cation[MODEL_SPECIES]; /* sites of any kind by species, CATION_VACANCY included */
    int64_t anion[ANION_STATES];
};

/* Entry of a census that a site belongs to, anions after the cations; -1 for sites outside. */
KMC_HD int census_entry(int oxygen, uint8_t byte) {
    if (oxygen)
        return MODEL_SPECIES + rate_model_state(byte);
    return byte < MODEL_SPECIES ? byte : -1;
}

/* Does a site of an array [plane][kind][cells of a layer] hold an anion? */
KMC_HD int census_is_oxygen(int64_t site, int64_t layer_size) {
    return site / layer_size % SITE_KINDS == SITE_O;
}

#endif
