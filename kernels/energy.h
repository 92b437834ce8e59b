/* energy: exact integer energy changes (ueV) of elementary changes of a configuration; the letters are those of rate_model.h.
 *
 * A token is one +e: a Li+ on a cation site, or a hole on a redox centre (TM ion above its most reduced state, O above O2-).
 * With D = 2 (oct), 3 (tet), 12 (O) per token and phi = sum of deviations over the n anions a site touches,
 *   add(b)    =  k(2 D phi + n D^2) + on-site + faces or O-O pairs
 *   remove(a) =  k(-2 D phi + n D^2) - on-site - faces or O-O pairs,   k = valence_unit
 *   move      =  remove(a) + add(b) - 2 k D_a D_b n_shared - face(Li, Li) or pair(hole, hole) when a and b touch.
 */
#ifndef KERNELS_ENERGY_H
#define KERNELS_ENERGY_H
#include "rate_model.h"

struct energy_field {
    int32_t phi, n; /* sum of deviations and number of the anions around a cation site */
};

KMC_HD struct energy_field energy_field_at(const struct rate_model *m,
                                           const struct configuration *x, struct lattice_coord c) {
    const struct lattice_stencil *st = lattice_stencil_of(&m->lattice, c);
    struct energy_field f = {0, 0};
    for (int v = 0; v < st->n_vertex; v++) {
        int32_t d = x->deviation[lattice_oxygen_index(&m->lattice,
                                                      lattice_step(&m->lattice, c, st->vertex[v]))];
        if (d == RATE_MODEL_ABSENT)
            continue;
        f.phi += d;
        f.n++;
    }
    return f;
}

/* Sum of face energies of an ion of `group` at a cation site with all its face neighbours. */
KMC_HD int32_t energy_faces(const struct rate_model *m, const struct configuration *x,
                            struct lattice_coord c, int group) {
    const struct lattice_stencil *st = lattice_stencil_of(&m->lattice, c);
    int32_t sum = 0;
    for (int v = 0; v < st->n_face; v++) {
        struct lattice_coord n = lattice_step(&m->lattice, c, st->face[v]);
        uint8_t ion = x->occupancy[lattice_site(&m->lattice, n)];
        if (ion != CATION_VACANCY && ion != SITE_OUTSIDE)
            sum += m->face[rate_model_contact(c.kind, n.kind)][group][m->group[ion]];
    }
    return sum;
}

/* Energy of putting an ion on a vacant cation site. */
KMC_HD int32_t energy_place(const struct rate_model *m, const struct configuration *x,
                            struct lattice_coord c, int species) {
    const struct lattice_stencil *st = lattice_stencil_of(&m->lattice, c);
    int32_t q = m->charge[species] * rate_model_valence_step(c.kind), sum = 0;
    int is_tm = m->group[species] == GROUP_TM;
    for (int v = 0; v < st->n_vertex; v++) {
        struct lattice_coord oc = lattice_step(&m->lattice, c, st->vertex[v]);
        int64_t o = lattice_oxygen_index(&m->lattice, oc);
        int32_t d = x->deviation[o];
        if (d == RATE_MODEL_ABSENT)
            continue;
        sum += m->valence_unit * (2 * d * q + q * q);
        int state = rate_model_state(x->occupancy[lattice_site(&m->lattice, oc)]);
        if (is_tm && state < ANION_ACTIVE)
            sum += m->anion[state][x->n_tm[o] + 1] - m->anion[state][x->n_tm[o]];
    }
    return sum + m->cation[species][rate_model_site_class(c)] +
           energy_faces(m, x, c, m->group[species]);
}

/* Adds (sign +1) or takes away (-1) an ion's charge and TM count at the O around it, and sets the site's byte. */
KMC_HD void energy_apply_cation(const struct rate_model *m, struct configuration *x,
                                struct lattice_coord c, int species, int sign) {
    const struct lattice_stencil *st = lattice_stencil_of(&m->lattice, c);
    int q = sign * m->charge[species] * rate_model_valence_step(c.kind);
    int tm = m->group[species] == GROUP_TM ? sign : 0;
    for (int v = 0; v < st->n_vertex; v++) {
        int64_t o = lattice_oxygen_index(&m->lattice, lattice_step(&m->lattice, c, st->vertex[v]));
        x->n_tm[o] = (uint8_t)(x->n_tm[o] + tm);
        if (x->deviation[o] != RATE_MODEL_ABSENT)
            x->deviation[o] = (int16_t)(x->deviation[o] + q);
    }
    x->occupancy[lattice_site(&m->lattice, c)] = (uint8_t)(sign > 0 ? species : CATION_VACANCY);
}

/* Sum over the O neighbours of pair(to, .) - pair(from, .), the neighbour in direction `skip` left out (-1: none). */
KMC_HD int32_t energy_pairs(const struct rate_model *m, const struct configuration *x,
                            struct lattice_coord o, int from, int to, int skip) {
    const struct lattice_stencil *st = lattice_stencil_of(&m->lattice, o);
    int32_t sum = 0;
    for (int v = 0; v < st->n_oxygen; v++) {
        int state = rate_model_state(x->occupancy[lattice_neighbor(&m->lattice, o, st->oxygen[v])]);
        if (v != skip && state < ANION_ACTIVE)
            sum += m->pair[to][state] - m->pair[from][state];
    }
    return sum;
}

/* Energy of changing an O's state from -> to by one token (or none), bond terms left out; skip = direction of a partner or -1. */
KMC_HD int32_t energy_anion(const struct rate_model *m, const struct configuration *x,
                            struct lattice_coord o, int from, int to, int skip) {
    int64_t index = lattice_oxygen_index(&m->lattice, o);
    int32_t step = m->z12[from] - m->z12[to], d = x->deviation[index];
    return m->valence_unit * (2 * d * step + step * step) + m->anion[to][x->n_tm[index]] -
           m->anion[from][x->n_tm[index]] + energy_pairs(m, x, o, from, to, skip);
}

/* Energy of joining o and its neighbour in direction `dir` into a peroxo dimer, both taken as holes whatever they are now. */
KMC_HD int32_t energy_join(const struct rate_model *m, const struct configuration *x,
                           struct lattice_coord o, int dir) {
    const struct lattice_stencil *st = lattice_stencil_of(&m->lattice, o);
    struct lattice_coord p = lattice_step(&m->lattice, o, st->oxygen[dir]);
    uint8_t no = x->n_tm[lattice_oxygen_index(&m->lattice, o)];
    uint8_t np = x->n_tm[lattice_oxygen_index(&m->lattice, p)];
    return m->anion[ANION_PEROXO][no] - m->anion[ANION_HOLE][no] + m->anion[ANION_PEROXO][np] -
           m->anion[ANION_HOLE][np] + energy_pairs(m, x, o, ANION_HOLE, ANION_PEROXO, dir) +
           energy_pairs(m, x, p, ANION_HOLE, ANION_PEROXO, st->reverse[dir]) +
           m->bond[BOND_PEROXO] - m->pair[ANION_HOLE][ANION_HOLE];
}

/* Changes an O's state and its deviation; partner direction 0 unless bonded. */
KMC_HD void energy_apply_anion(const struct rate_model *m, struct configuration *x,
                               struct lattice_coord o, int to, int partner) {
    int64_t index = lattice_oxygen_index(&m->lattice, o), site = lattice_site(&m->lattice, o);
    int from = rate_model_state(x->occupancy[site]);
    x->deviation[index] = (int16_t)(x->deviation[index] + m->z12[from] - m->z12[to]);
    x->occupancy[site] = (uint8_t)(to | partner << 4);
}

#endif
