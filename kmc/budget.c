#include "budget.h"
#include "units.h"

static int64_t sum_states(const struct census *c, int first, int last) {
    int64_t n = 0;
    for (int state = first; state <= last; state++)
        n += c->anion[state];
    return n;
}

void budget_of(struct budget *b, const struct structure *now, const struct census *pristine) {
    b->pristine = sum_states(pristine, ANION_OXIDE, ANION_ACTIVE - 1);
    b->oxide = now->oxide;
    b->hole = now->hole;
    b->dimer = now->peroxo + now->superoxo;
    b->molecular = now->molecular;
    b->lost = sum_states(pristine, ANION_OXIDE, ANION_VACANCY - 1) - now->n_anions;
}

double budget_share(const struct budget *b, int64_t atoms) {
    return b->pristine > 0 ? (double)atoms / (double)b->pristine : 0;
}

double budget_mL_per_g(int64_t atoms, double mass_g_per_mol) {
    return mass_g_per_mol > 0 ? 0.5 * (double)atoms * UNITS_ML_PER_MOL_STP / mass_g_per_mol : 0;
}
