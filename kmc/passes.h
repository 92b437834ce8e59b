/* passes: fills the plan of coloured passes (kernels/equilibrate.h): channels with their weights, members and spacings. */
#ifndef KMC_PASSES_H
#define KMC_PASSES_H
#include <stdbool.h>
#include "../kernels/equilibrate.h"

/* Derives everything from the stencils of the model's lattice and its switches. False when memory runs out. */
bool passes_init(struct pass_plan *plan, const struct rate_model *m);

/* Lanes of an average pass in a tile in which bonds begin in span[] cells along each axis, the mean over the bands. */
double passes_mean_lanes(const struct pass_plan *plan, const int32_t span[AXES]);

#endif
