/* depth: profiles from the free surface inwards, for slabs and particles.
 *
 * Depth of an anion site = O-O contacts to the nearest anion site that borders on the vacuum (0: it borders on it itself).  Towards a (001) face that is the number of O
 * planes; the step is the mean distance of O planes, (TM gap + Li gap) / 2, and rows of O towards a lateral face lie sqrt(3)/2 a apart, 4 % more.
 * Every cation is shared out evenly over its O, in units of 1/DEPTH_PARTS: so an O plane takes half of the gap below and half of the gap above.
 */
#ifndef KMC_DEPTH_H
#define KMC_DEPTH_H
#include <stdbool.h>
#include "../kernels/rate_model.h"

enum { DEPTH_BINS = 64, DEPTH_PARTS = 60 }; /* the last bin holds all that is deeper */

struct depth_bin {
    int64_t sites;                           /* anion sites */
    int64_t vacant, molecular;               /* of these: without an anion, with O in O2 */
    int64_t tm, tm_li_layer, tm_valence, li; /* DEPTH_PARTS an ion, and an e */
};

struct depth {
    int32_t n; /* bins; 0 without a free surface */
    struct depth_bin bin[DEPTH_BINS];
};

/* False when memory runs out. */
bool depth_profile(struct depth *d, const struct rate_model *m, const struct configuration *x);

#endif
