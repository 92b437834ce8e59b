/* passes: fills the plan of coloured passes (kernels/equilibrate.h): channels with their weights, members and spacings. */
#ifndef KMC_PASSES_H
#define KMC_PASSES_H
#include <stdbool.h>
#include "../kernels/equilibrate.h"

/* Derives everything from the stencils of the model's lattice and its switches. False when memory runs out. */
bool passes_init(struct pass_plan *plan, const struct rate_model *m);

/* Lanes that count as effort of an average pass in a band of the voltage, in a tile in which bonds begin in span[] cells along each axis. */
double passes_mean_lanes(const struct pass_plan *plan, int band, const int32_t span[AXES]);

#endif
