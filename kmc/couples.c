#include <stdio.h>
#include <string.h>
#include "couples.h"

static void add(struct couples *c, const char *name, int element) {
    snprintf(c->name[c->n], sizeof c->name[c->n], "%s", name);
    c->element[c->n++] = element;
}

void couples_of(struct couples *c, const struct species_table *t, const struct supercell *cell) {
    memset(c, 0, sizeof *c);
    for (int e = 0; e < t->n_elements; e++) {
        const struct element *x = &t->elements[e];
        if (x->role == ROLE_TM && x->valence_last > x->valence_first && cell->element_count[e] > 0)
            add(c, x->symbol, e);
    }
    add(c, "O hole", -1);
    add(c, "O dimer", -1);
    add(c, "O2", -1);
}

void couples_census(struct census *census, const struct configuration *x) {
    const struct lattice *l = x->lattice;
    int64_t count[2][256] = {{0}}, cells = (int64_t)l->na * l->nb;
    const uint8_t *layer = x->occupancy;
    for (int32_t k = 0; k < l->n_planes * SITE_KINDS; k++, layer += cells)
        for (int64_t c = 0; c < cells; c++)
            count[k % SITE_KINDS == SITE_O][layer[c]]++;
    memset(census, 0, sizeof *census);
    for (int oxygen = 0; oxygen < 2; oxygen++)
        for (int byte = 0; byte < 256; byte++) {
            int entry = census_entry(oxygen, (uint8_t)byte);
            if (entry >= MODEL_SPECIES)
                census->anion[entry - MODEL_SPECIES] += count[oxygen][byte];
            else if (entry >= 0)
                census->cation[entry] += count[oxygen][byte];
        }
}

static int64_t of_element(const struct species_table *t, int element, const struct census *n) {
    int64_t charge = 0;
    for (int s = 0; s < t->n_species; s++)
        if (t->species[s].element == element)
            charge += n->cation[s] * t->species[s].charge;
    return charge;
}

void couples_electrons(const struct couples *c, const struct species_table *t,
                       const struct census *pristine, const struct census *now,
                       int64_t *electrons) {
    static const struct {
        int state, electrons;
    } oxygen[] = {{ANION_HOLE, 1}, {ANION_PEROXO, 1}, {ANION_MOLECULAR, 2}};
    int kind = 0;
    for (int k = 0; k < c->n; k++) {
        int e = c->element[k];
        if (e >= 0) {
            electrons[k] = of_element(t, e, now) - of_element(t, e, pristine);
            continue;
        }
        int state = oxygen[kind].state;
        int64_t more = now->anion[state] - pristine->anion[state];
        if (state == ANION_MOLECULAR) /* O2 that left gave its electrons before */
            more += now->anion[ANION_VACANCY] - pristine->anion[ANION_VACANCY];
        electrons[k] = oxygen[kind++].electrons * more;
    }
}
