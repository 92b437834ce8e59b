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

/* Writes a site's byte, into the border of a tile too. */
KMC_HD void energy_put_byte(struct configuration *x, struct lattice_coord c, uint8_t byte) {
    struct lattice_images m = lattice_images_of(x->lattice, c);
    uint8_t *at = x->occupancy + lattice_site(x->lattice, c);
    *at = byte;
    for (int n = m.axes; n; n = (n - 1) & m.axes)
        at[lattice_image_step(x->lattice, &m, n, SITE_KINDS)] = byte;
}

/* Adds to the deviation and TM count of an O, in the border of a tile too. */
KMC_HD void energy_add_oxygen(struct configuration *x, struct lattice_coord o, int deviation,
                              int tm) {
    struct lattice_images m = lattice_images_of(x->lattice, o);
    int64_t index = lattice_oxygen_index(x->lattice, o);
    int32_t is = x->deviation[index], n_tm = tm ? x->n_tm[index] + tm : 0;
    is += is != RATE_MODEL_ABSENT ? deviation : 0;
    for (int n = m.axes;; n = (n - 1) & m.axes) {
        int64_t at = index + lattice_image_step(x->lattice, &m, n, 1);
        x->deviation[at] = (int16_t)is;
        if (tm)
            x->n_tm[at] = (uint8_t)n_tm;
        if (!n)
            return;
    }
}

struct energy_field {
    int32_t phi, n; /* sum of deviations and number of the anions around a cation site */
};

/* Of the cell of a layer of a padded lattice; n is right only where no anion is missing. */
KMC_HD_HOT struct energy_field energy_field_in(const struct configuration *x,
                                               const struct lattice_layer *y, int64_t cell) {
    const int16_t *d = x->deviation + cell;
    const int32_t *v = y->r->vertex;
    struct energy_field f = {d[v[0]] + d[v[1]] + d[v[2]] + d[v[3]], 4};
    if (y->kind == SITE_OCT) {
        f.phi += d[v[4]] + d[v[5]];
        f.n = 6;
    }
    return f;
}

KMC_HD_ONCE struct energy_field energy_field_at(const struct configuration *x,
                                                struct lattice_coord c) {
    const struct lattice_reach *r = lattice_reach_of(x->lattice, c);
    const int16_t *near = x->deviation + (r ? lattice_oxygen_index(x->lattice, c) : 0);
    int n = c.kind == SITE_OCT ? 6 : 4;
    struct energy_field f = {0, 0};
    KMC_ROLLED
    for (int v = 0; v < n; v++) {
        int32_t d = near[r ? r->vertex[v] : lattice_vertex(x->lattice, c, v)];
        int there = d != RATE_MODEL_ABSENT;
        f.phi += there ? d : 0;
        f.n += there;
    }
    return f;
}

/* An ion taken as absent although the configuration still holds it: hops are judged without moving anything. */
struct energy_absent {
    int64_t site, oxygen[6]; /* its site and the O it touches */
    int n, tm;
    int32_t valence; /* e/12 that it gives to each of them */
};

/* O vertex v as a cell of the lattice itself, never of its border: to be compared. */
KMC_HD int64_t energy_vertex(const struct lattice *l, struct lattice_coord c, int v) {
    return lattice_oxygen_index(l, lattice_step(l, c, lattice_stencil_of(l, c)->vertex[v]));
}

KMC_HD void energy_take_off(const struct rate_model *m, const struct configuration *x,
                            struct lattice_coord c, int species, struct energy_absent *a) {
    a->site = lattice_site(x->lattice, c);
    a->n = lattice_stencil_of(x->lattice, c)->n_vertex;
    a->tm = m->group[species] == GROUP_TM;
    a->valence = m->charge[species] * rate_model_valence_step(c.kind);
    for (int v = 0; v < a->n; v++)
        a->oxygen[v] = energy_vertex(x->lattice, c, v);
}

/* Sum of face energies of an ion of `group` at a cation site with all its face neighbours. */
KMC_HD_LARGE int32_t energy_faces_in(const struct rate_model *m, const struct configuration *x,
                                     const struct lattice_layer *y, int64_t cell, int group) {
    const uint8_t *site = x->occupancy + cell + y->shift;
    int32_t sum = 0;
    KMC_ROLLED
    for (int v = 0; v < y->st->n_face; v++) {
        uint8_t ion = site[y->r->face[v]];
        if (ion != CATION_VACANCY)
            sum += m->face[y->r->face_contact[v]][group][m->group[ion]];
    }
    return sum;
}

KMC_HD_ONCE int32_t energy_faces(const struct rate_model *m, const struct configuration *x,
                                 struct lattice_coord c, int group) {
    const struct lattice_stencil *st = lattice_stencil_of(x->lattice, c);
    int32_t sum = 0;
    if (x->lattice->layer)
        return energy_faces_in(m, x, lattice_layer_of(x->lattice, c.plane, c.kind),
                               lattice_oxygen_index(x->lattice, c), group);
    KMC_ROLLED
    for (int v = 0; v < st->n_face; v++)
        sum += m->face[rate_model_contact(c.kind, st->face[v].kind)][group]
                      [m->group[x->occupancy[lattice_neighbor(x->lattice, c, st->face[v])]]];
    return sum;
}

/* The part of it that the absent ion would have. */
KMC_HD_ONCE int32_t energy_face_with(const struct rate_model *m, const struct configuration *x,
                                     struct lattice_coord c, int group,
                                     const struct energy_absent *a) {
    const struct lattice_stencil *st = lattice_stencil_of(x->lattice, c);
    const struct lattice_reach *r = lattice_reach_of(x->lattice, c);
    uint8_t ion = x->occupancy[a->site];
    int64_t site = lattice_site(x->lattice, c);
    int32_t sum = 0;
    KMC_ROLLED
    for (int v = 0; v < st->n_face; v++) {
        if (r && x->occupancy[site + r->face[v]] != ion) /* only where it can be */
            continue;
        if (lattice_neighbor(x->lattice, c, st->face[v]) == a->site)
            sum += m->face[rate_model_contact(c.kind, st->face[v].kind)][group][m->group[ion]];
    }
    return sum;
}

/* Energy of putting an ion on a cation site that is vacant, or that the absent ion (may be NULL) leaves vacant. */
KMC_HD_ONCE int32_t energy_place(const struct rate_model *m, const struct configuration *x,
                                 struct lattice_coord c, int species,
                                 const struct energy_absent *a) {
    const struct lattice_stencil *st = lattice_stencil_of(x->lattice, c);
    int n = st->n_vertex;
    int32_t q = m->charge[species] * rate_model_valence_step(c.kind), sum = 0;
    int is_tm = m->group[species] == GROUP_TM;
    KMC_ROLLED
    for (int v = 0; v < n; v++) {
        struct lattice_coord at = lattice_step(x->lattice, c, st->vertex[v]);
        int64_t o = lattice_oxygen_index(x->lattice, at);
        int32_t d = x->deviation[o], n_tm = x->n_tm[o];
        if (d == RATE_MODEL_ABSENT)
            continue;
        for (int w = 0; a && w < a->n; w++)
            if (a->oxygen[w] == o) {
                d -= a->valence;
                n_tm -= a->tm;
            }
        sum += m->valence_unit * (2 * d * q + q * q);
        int state = rate_model_state(x->occupancy[lattice_site(x->lattice, at)]);
        if (is_tm && state < ANION_ACTIVE)
            sum += m->anion[state][n_tm + 1] - m->anion[state][n_tm];
    }
    return sum + m->cation[species][rate_model_site_class(c)] +
           energy_faces(m, x, c, m->group[species]) -
           (a ? energy_face_with(m, x, c, m->group[species], a) : 0);
}

/* What the O around a TM ion pay for it as a neighbour. */
KMC_HD_ONCE int32_t energy_of_neighbors(const struct rate_model *m, const struct configuration *x,
                                        struct lattice_coord c) {
    const struct lattice_stencil *st = lattice_stencil_of(x->lattice, c);
    const struct lattice_reach *r = lattice_reach_of(x->lattice, c);
    const uint8_t *site = x->occupancy + (r ? lattice_site(x->lattice, c) : 0);
    const uint8_t *n_tm = x->n_tm + (r ? lattice_oxygen_index(x->lattice, c) : 0);
    int32_t sum = 0;
    KMC_ROLLED
    for (int v = 0; v < st->n_vertex; v++) {
        struct lattice_coord o = r ? c : lattice_step(x->lattice, c, st->vertex[v]);
        int state = rate_model_state(site[r ? r->vertex_site[v] : lattice_site(x->lattice, o)]);
        int n = n_tm[r ? r->vertex[v] : lattice_oxygen_index(x->lattice, o)];
        if (state < ANION_ACTIVE)
            sum += m->anion[state][n] - m->anion[state][n - 1];
    }
    return sum;
}

/* Energy of the ion that is on a cation site: what energy_place gives when it is taken off. */
KMC_HD int32_t energy_of_ion(const struct rate_model *m, const struct configuration *x,
                             struct lattice_coord c, int species) {
    struct energy_field f = energy_field_at(x, c);
    int32_t q = m->charge[species] * rate_model_valence_step(c.kind);
    return m->valence_unit * (2 * f.phi * q - f.n * q * q) +
           m->cation[species][rate_model_site_class(c)] + energy_faces(m, x, c, m->group[species]) +
           (m->group[species] == GROUP_TM ? energy_of_neighbors(m, x, c) : 0);
}

/* A lower bound of energy_place at a tet of a class for a TM ion taken off an oct that shares a face with it, in three parts: a constant, one for each unit
 * of phi of the tet, and one for each TM ion and each Li around it, all with the ion still in its oct.  The O take the least that another TM can cost,
 * faces between tets are left out (they cost energy: see fields_bound_hops). */
struct energy_bound {
    int32_t constant, per_phi, per_tm, per_li;
};

KMC_HD struct energy_bound energy_place_bound(const struct rate_model *m, int species, int cls) {
    int32_t q = m->charge[species] * rate_model_valence_step(SITE_TET_UP);
    int32_t valence = m->charge[species] * rate_model_valence_step(SITE_OCT); /* on three O */
    const int32_t *face = m->face[FACE_TET_OCT][m->group[species]];
    struct energy_bound b = {m->valence_unit * (4 * q * q - 2 * 3 * valence * q) +
                                 4 * m->tm_step_least + m->cation[species][cls] - face[GROUP_TM],
                             2 * m->valence_unit * q, face[GROUP_TM], face[GROUP_LI]};
    return b;
}

/* Adds (sign +1) or takes away (-1) an ion's charge and TM count at the O around it, and sets the site's byte. */
KMC_HD void energy_apply_cation(const struct rate_model *m, struct configuration *x,
                                struct lattice_coord c, int species, int sign) {
    const struct lattice_stencil *st = lattice_stencil_of(x->lattice, c);
    int q = sign * m->charge[species] * rate_model_valence_step(c.kind);
    int tm = m->group[species] == GROUP_TM ? sign : 0;
    KMC_ROLLED
    for (int v = 0; v < st->n_vertex; v++)
        energy_add_oxygen(x, lattice_step(x->lattice, c, st->vertex[v]), q, tm);
    energy_put_byte(x, c, (uint8_t)(sign > 0 ? species : CATION_VACANCY));
}

/* Sum over the O neighbours of pair(to, .) - pair(from, .), the neighbour in direction `skip` left out (-1: none).  O2- and what cannot be oxidised have
 * no pair energy. */
KMC_HD_ONCE int32_t energy_pairs_in(const struct rate_model *m, const struct configuration *x,
                                    const struct lattice_layer *y, int64_t cell, int from, int to,
                                    int skip) {
    const uint8_t *near = x->occupancy + cell + y->shift;
    const int32_t *gained = m->pair[to], *lost = m->pair[from], *v = y->r->oxygen;
    int32_t sum = 0;
    if (x->around[ANION_HOLE]) {
        for (int s = ANION_HOLE; s < ANION_ACTIVE; s++)
            sum += x->around[s][cell] * (gained[s] - lost[s]);
    } else {
        for (int k = 0; k < 12; k++) {
            int state = rate_model_state(near[v[k]]);
            if (state != ANION_OXIDE)
                sum += gained[state] - lost[state];
        }
    }
    int partner = skip < 0 ? ANION_OXIDE : rate_model_state(near[v[skip]]);
    return sum - (gained[partner] - lost[partner]);
}

KMC_HD_ONCE int32_t energy_pairs(const struct rate_model *m, const struct configuration *x,
                                 struct lattice_coord o, int from, int to, int skip) {
    const int32_t *gained = m->pair[to], *lost = m->pair[from];
    int32_t sum = 0;
    if (x->lattice->layer)
        return energy_pairs_in(m, x, lattice_layer_of(x->lattice, o.plane, SITE_O),
                               lattice_oxygen_index(x->lattice, o), from, to, skip);
    KMC_ROLLED
    for (int v = 0; v < 12; v++) {
        int state = rate_model_state(x->occupancy[lattice_oxygen(x->lattice, o, v)]);
        sum += v != skip ? gained[state] - lost[state] : 0;
    }
    return sum;
}

/* The share of an O in a bond that it makes, as a hole or as O2- that turns into a hole first, is energy_anion from its state to peroxo, with the partner to
 * come counted as it is now.  This is the energy of a bond beside the shares of both O: of a hole, and of `other` (ANION_HOLE or ANION_OXIDE). */
KMC_HD int32_t energy_bond_constant(const struct rate_model *m, int other) {
    int32_t join = m->bond[BOND_PEROXO] - m->pair[ANION_PEROXO][ANION_HOLE];
    if (other == ANION_HOLE)
        return join - m->pair[ANION_PEROXO][ANION_HOLE] + m->pair[ANION_HOLE][ANION_HOLE];
    return join - m->pair[ANION_PEROXO][ANION_OXIDE] + m->pair[ANION_HOLE][ANION_OXIDE];
}

/* Energy of changing an O's state from -> to by one token (or none), bond terms left out, given energy_pairs. */
KMC_HD int32_t energy_anion_with(const struct rate_model *m, int from, int to, int n_tm,
                                 int32_t deviation, int32_t pairs) {
    int32_t step = m->z12[from] - m->z12[to];
    return m->valence_unit * (2 * deviation * step + step * step) + m->anion[to][n_tm] -
           m->anion[from][n_tm] + pairs;
}

/* The same of an O; skip = direction of a partner or -1. */
KMC_HD_ONCE int32_t energy_anion(const struct rate_model *m, const struct configuration *x,
                                 struct lattice_coord o, int from, int to, int skip) {
    int64_t index = lattice_oxygen_index(x->lattice, o);
    return energy_anion_with(m, from, to, x->n_tm[index], x->deviation[index],
                             energy_pairs(m, x, o, from, to, skip));
}

/* Energy of joining o and its neighbour in direction `dir` into a peroxo dimer, both taken as holes whatever they are now. */
KMC_HD_ONCE int32_t energy_join(const struct rate_model *m, const struct configuration *x,
                                struct lattice_coord o, int dir) {
    const struct lattice_stencil *st = lattice_stencil_of(x->lattice, o);
    struct lattice_coord p = lattice_step(x->lattice, o, st->oxygen[dir]);
    uint8_t no = x->n_tm[lattice_oxygen_index(x->lattice, o)];
    uint8_t np = x->n_tm[lattice_oxygen_index(x->lattice, p)];
    return m->anion[ANION_PEROXO][no] - m->anion[ANION_HOLE][no] + m->anion[ANION_PEROXO][np] -
           m->anion[ANION_HOLE][np] + energy_pairs(m, x, o, ANION_HOLE, ANION_PEROXO, dir) +
           energy_pairs(m, x, p, ANION_HOLE, ANION_PEROXO, st->reverse[dir]) +
           m->bond[BOND_PEROXO] - m->pair[ANION_HOLE][ANION_HOLE];
}

/* Sum of pair(state, .) over the neighbours of an O, two sites left out. */
KMC_HD_ONCE int32_t energy_pairs_but(const struct rate_model *m, const struct configuration *x,
                                     struct lattice_coord o, int state, int64_t skip,
                                     int64_t skip2) {
    const struct lattice_stencil *st = lattice_stencil_of(x->lattice, o);
    int32_t sum = 0;
    KMC_ROLLED
    for (int v = 0; v < st->n_oxygen; v++) {
        int64_t site = lattice_neighbor(x->lattice, o, st->oxygen[v]);
        if (site != skip && site != skip2)
            sum += m->pair[state][rate_model_state(x->occupancy[site])];
    }
    return sum;
}

/* Is site_b an O neighbour of a? */
KMC_HD int energy_is_neighbor(const struct lattice *l, struct lattice_coord a, int64_t site_b) {
    const struct lattice_stencil *st = lattice_stencil_of(l, a);
    int found = 0;
    KMC_ROLLED
    for (int v = 0; v < st->n_oxygen; v++)
        found |= lattice_neighbor(l, a, st->oxygen[v]) == site_b;
    return found;
}

/* Energy of the anions of a and b changing places.  That of b is O2- or a vacancy, which have no pair energies; the one of a may be bonded before and after
 * to an O beside both, with which it has the same pair energy in either place. */
KMC_HD_ONCE int32_t energy_exchange(const struct rate_model *m, const struct configuration *x,
                                    struct lattice_coord a, struct lattice_coord b) {
    int64_t site_a = lattice_site(x->lattice, a), site_b = lattice_site(x->lattice, b);
    int64_t o = lattice_oxygen_index(x->lattice, a), p = lattice_oxygen_index(x->lattice, b);
    int s = rate_model_state(x->occupancy[site_a]), t = rate_model_state(x->occupancy[site_b]);
    int32_t za = m->z12[s], zb = m->z12[t];
    int32_t sum_a = x->deviation[o] + za, sum_b = x->deviation[p] + zb; /* S of both sites */
    int32_t e = 2 * m->valence_unit * (sum_a - sum_b) * (za - zb);
    e += m->anion[s][x->n_tm[p]] - m->anion[s][x->n_tm[o]];
    if (t == ANION_OXIDE)
        e += m->anion[t][x->n_tm[o]] - m->anion[t][x->n_tm[p]];
    e += energy_pairs(m, x, b, ANION_OXIDE, s, -1) - energy_pairs(m, x, a, ANION_OXIDE, s, -1);
    return e - (m->pair[s][s] && energy_is_neighbor(x->lattice, a, site_b) ? m->pair[s][s] : 0);
}

/* Energy of the O2 whose ends are o and its neighbour p, beside its valence terms, which vacancies have too. */
KMC_HD_ONCE int32_t energy_of_molecule(const struct rate_model *m, const struct configuration *x,
                                       struct lattice_coord o, struct lattice_coord p) {
    int64_t site_o = lattice_site(x->lattice, o), site_p = lattice_site(x->lattice, p);
    return m->anion[ANION_MOLECULAR][x->n_tm[lattice_oxygen_index(x->lattice, o)]] +
           m->anion[ANION_MOLECULAR][x->n_tm[lattice_oxygen_index(x->lattice, p)]] +
           m->bond[BOND_MOLECULAR] + energy_pairs_but(m, x, o, ANION_MOLECULAR, site_p, -1) +
           energy_pairs_but(m, x, p, ANION_MOLECULAR, site_o, -1);
}

/* Changes an O's state and its deviation; partner direction 0 unless bonded. */
KMC_HD_ONCE void energy_apply_anion(const struct rate_model *m, struct configuration *x,
                                    struct lattice_coord o, int to, int partner) {
    int from = rate_model_state(x->occupancy[lattice_site(x->lattice, o)]);
    energy_add_oxygen(x, o, m->z12[from] - m->z12[to], 0);
    energy_put_byte(x, o, (uint8_t)(to | partner << 4));
}

#endif
