/* model: fills the immutable rate model (kernels/rate_model.h) from a scenario and its supercell. */
#ifndef KMC_MODEL_H
#define KMC_MODEL_H
#include "../kernels/rate_model.h"
#include "../lattices/supercell.h"
#include "scenario.h"
#include "species.h"

/* Keys read: model.*, elements.*, kinetics.*, conditions.temperature_K. Prints problems to `errors`; false when there was any. */
bool model_init(struct rate_model *m, const struct scenario *s, const struct species_table *t,
                const struct lattice *lattice, FILE *errors);

/* By how much the dopants of a scenario widen its Li layers, angstrom, averaged over the crystal. */
double model_li_gap_A(const struct scenario *s, const struct species_table *t);
#endif
