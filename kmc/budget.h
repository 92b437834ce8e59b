/* budget: where the O of the pristine crystal is.
 *
 *   pristine = oxide + hole + dimer + molecular + lost          exact, in O atoms
 * pristine: O of the crystal as built (F, S, Cl left out); lost: anions of the crystal as built less those present; dimer: O in peroxo and superoxo pairs.
 */
#ifndef KMC_BUDGET_H
#define KMC_BUDGET_H
#include "../kernels/census.h"
#include "structure.h"

struct budget {
    int64_t pristine, oxide, hole, dimer, molecular, lost; /* O atoms */
};

void budget_of(struct budget *b, const struct structure *now, const struct census *pristine);

/* Share of the pristine O; 0 without any. */
double budget_share(const struct budget *b, int64_t atoms);

/* Gas that so many O atoms make as O2, mL at 0 degrees Celsius and 1 atm (ideal gas, UNITS_ML_PER_MOL_STP), per gram of a box of mass_g_per_mol. */
double budget_mL_per_g(int64_t atoms, double mass_g_per_mol);

#endif
