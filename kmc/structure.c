#include "structure.h"

static void count_oxygen(struct structure *s, const struct rate_model *m,
                         const struct configuration *x, struct lattice_coord c, uint8_t byte) {
    int state = rate_model_state(byte);
    if (state == ANION_VACANCY || state == ANION_OUTSIDE)
        return;
    s->n_anions++;
    s->oxide += state == ANION_OXIDE;
    if (state == ANION_HOLE)
        s->hole++;
    if (state != ANION_PEROXO && state != ANION_MOLECULAR)
        return;
    struct lattice_offset dir =
        lattice_stencil_of(&m->lattice, c)->oxygen[rate_model_partner(byte)];
    int other = rate_model_state(x->occupancy[lattice_neighbor(&m->lattice, c, dir)]);
    int tokens = state + other - 2 * ANION_PEROXO;
    s->peroxo += tokens == BOND_PEROXO;
    s->superoxo += tokens == BOND_SUPEROXO;
    s->molecular += tokens == BOND_MOLECULAR;
}

static void count_tm(struct structure *s, const struct species_table *t, struct lattice_coord c,
                     uint8_t ion) {
    int element = t->species[ion].element;
    if (element < 0 || t->elements[element].role != ROLE_TM)
        return;
    int li_layer = !lattice_is_tm_gap(c.plane), oct = c.kind == SITE_OCT;
    s->tm++;
    s->tm_li_oct += li_layer && oct;
    s->tm_li_tet += li_layer && !oct;
    s->tm_tm_tet += !li_layer && !oct;
    s->element_li_layer[element] += li_layer;
}

void structure_count(struct structure *s, const struct rate_model *m, const struct species_table *t,
                     const struct configuration *x) {
    memset(s, 0, sizeof *s);
    int64_t n = lattice_n_sites(&m->lattice);
    for (int64_t site = 0; site < n; site++) {
        struct lattice_coord c = lattice_coord_of(&m->lattice, site);
        uint8_t byte = x->occupancy[site];
        if (c.kind == SITE_O) {
            count_oxygen(s, m, x, c, byte);
            continue;
        }
        if (byte == SITE_OUTSIDE || byte == CATION_VACANCY)
            continue;
        s->species[byte]++;
        s->li_tet += byte == CATION_LI && c.kind != SITE_OCT;
        if (t->species[byte].element >= 0)
            s->element[t->species[byte].element]++;
        count_tm(s, t, c, byte);
    }
}

bool structure_is_o2(const struct rate_model *m, const struct configuration *x, int64_t site) {
    struct lattice_coord c = lattice_coord_of(&m->lattice, site);
    uint8_t byte = x->occupancy[site];
    if (c.kind != SITE_O || rate_model_state(byte) != ANION_MOLECULAR)
        return false;
    struct lattice_offset dir =
        lattice_stencil_of(&m->lattice, c)->oxygen[rate_model_partner(byte)];
    int64_t other = lattice_neighbor(&m->lattice, c, dir);
    return rate_model_state(x->occupancy[other]) == ANION_MOLECULAR;
}
