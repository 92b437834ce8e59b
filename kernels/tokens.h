/* tokens: single-token moves, the elementary steps of Li+ and electrons.  Formulas: energy.h.
 *
 * A token site is a cation site that is vacant or holds Li+, a TM ion with more than one valence, or an O.  On a bonded O a token turns
 * z = 1 into z = 0 (peroxo -> superoxo -> molecular): those moves belong to the slow events and use the same formulas.
 */
#ifndef KERNELS_TOKENS_H
#define KERNELS_TOKENS_H
#include "energy.h"

enum token_class {
    TOKEN_LI_OCT, /* oct that is vacant or holds Li+ */
    TOKEN_LI_TET, /* tet that is vacant or holds Li+ */
    TOKEN_REDOX,  /* TM ion with a valence step above 3.5 eV */
    TOKEN_DEEP,   /* TM ion whose valence steps all lie below: Mn */
    TOKEN_OXYGEN, /* O that can be oxidised, bonded or not */
    TOKEN_CLASSES,
    TOKEN_NONE = TOKEN_CLASSES /* fixed ions, halides, vacant anion sites, outside */
};

/* Class of a site from its byte: fixed while TM ions rest, wherever the tokens are.  Li+ that hops on the clock takes part in no fast move. */
KMC_HD enum token_class tokens_class(const struct rate_model *m, int32_t kind, uint8_t byte) {
    if (kind == SITE_O)
        return rate_model_state(byte) < ANION_ACTIVE ? TOKEN_OXYGEN : TOKEN_NONE;
    if (byte == SITE_OUTSIDE)
        return TOKEN_NONE;
    if (byte <= CATION_LI && m->with_lithium)
        return TOKEN_NONE;
    if (byte <= CATION_LI)
        return kind == SITE_OCT ? TOKEN_LI_OCT : TOKEN_LI_TET;
    /* cppcheck-suppress arrayIndexOutOfBoundsCond ; bytes of ions are below MODEL_SPECIES */
    if (m->capacity[byte] == 0)
        return TOKEN_NONE;
    return m->deep[byte] ? TOKEN_DEEP : TOKEN_REDOX;
}

/* Does an oct lack an O, so that it is in touch with the electrolyte? */
KMC_HD int tokens_is_edge(const struct configuration *x, struct lattice_coord c) {
    return c.kind == SITE_OCT && energy_field_at(x, c).n < 6;
}

/* Class of a site of the box: with Li+ on the clock its octs at an edge may be open all the same. */
KMC_HD enum token_class tokens_class_at(const struct rate_model *m, const struct configuration *x,
                                        struct lattice_coord c, uint8_t byte) {
    if (m->with_edges && c.kind == SITE_OCT && byte <= CATION_LI && tokens_is_edge(x, c))
        return TOKEN_LI_OCT;
    return tokens_class(m, c.kind, byte);
}

/* Tokens now on a site that can still be taken away / room for one more; on bonded O: z = 0 -> 1 / z = 1 -> 0. */
KMC_HD int tokens_has(const struct rate_model *m, int32_t kind, uint8_t byte) {
    if (kind != SITE_O)
        return byte != SITE_OUTSIDE && (byte == CATION_LI || m->tokens[byte] > 0);
    int s = rate_model_state(byte);
    return s == ANION_HOLE || s == ANION_MOLECULAR;
}

KMC_HD int tokens_has_room(const struct rate_model *m, int32_t kind, uint8_t byte) {
    if (kind != SITE_O)
        return byte != SITE_OUTSIDE &&
               (byte == CATION_VACANCY || m->tokens[byte] < m->capacity[byte]);
    int s = rate_model_state(byte);
    return s == ANION_OXIDE || s == ANION_PEROXO;
}

/* Tokens per site step in e/12 given to each touched O. */
KMC_HD int32_t tokens_step(int32_t kind) {
    return kind == SITE_O ? 12 : rate_model_valence_step(kind);
}

/* Change of the bond energy when the bonded O gains (+1) or loses (-1) a token. */
KMC_HD int32_t tokens_bond_change(const struct rate_model *m, const struct configuration *x,
                                  struct lattice_coord o, uint8_t byte, int gain) {
    int other =
        rate_model_state(x->occupancy[lattice_oxygen(x->lattice, o, rate_model_partner(byte))]);
    int now = rate_model_state(byte) + other - 2 * ANION_PEROXO;
    return m->bond[now + gain] - m->bond[now];
}

KMC_HD int32_t tokens_oxygen(const struct rate_model *m, const struct configuration *x,
                             struct lattice_coord o, uint8_t byte, int gain) {
    int from = rate_model_state(byte), to = from + gain;
    if (from < ANION_PEROXO)
        return energy_anion(m, x, o, from, to, -1);
    return energy_anion(m, x, o, from, to, rate_model_partner(byte)) +
           tokens_bond_change(m, x, o, byte, gain);
}

/* Of a cation site with valence step d, class cls and field f; `faces` = energy of the faces of a Li+ there, for Li sites. */
KMC_HD_HOT int32_t tokens_cation(const struct rate_model *m, uint8_t byte, int32_t d, int cls,
                                 struct energy_field f, int32_t faces, int gain) {
    int32_t valence = m->valence_unit * (gain * 2 * d * f.phi + f.n * d * d);
    if (byte <= CATION_LI)
        return valence + gain * (m->cation[CATION_LI][cls] + faces);
    /* cppcheck-suppress arrayIndexOutOfBoundsCond ; bytes of ions are below MODEL_SPECIES */
    return valence + m->cation[byte + gain][cls] - m->cation[byte][cls];
}

/* Energy of adding (gain = +1) or removing (-1) a token at a site; the electrode's share is not in it. */
KMC_HD_ONCE int32_t tokens_energy(const struct rate_model *m, const struct configuration *x,
                                  struct lattice_coord c, uint8_t byte, int gain) {
    if (c.kind == SITE_O)
        return tokens_oxygen(m, x, c, byte, gain);
    return tokens_cation(m, byte, rate_model_valence_step(c.kind), rate_model_site_class(c),
                         energy_field_at(x, c),
                         byte <= CATION_LI ? energy_faces(m, x, c, GROUP_LI) : 0, gain);
}

/* The same for the cell of a layer of a padded lattice in which no anion is missing; an O must not be bonded. */
KMC_HD_LARGE int32_t tokens_energy_in(const struct rate_model *m, const struct configuration *x,
                                      const struct lattice_layer *y, int64_t cell, uint8_t byte,
                                      int gain) {
    if (y->kind == SITE_O) {
        int from = rate_model_state(byte), to = from + gain;
        return energy_anion_with(m, from, to, x->n_tm[cell], x->deviation[cell],
                                 energy_pairs_in(m, x, y, cell, from, to, -1));
    }
    return tokens_cation(m, byte, rate_model_valence_step(y->kind), y->site_class,
                         energy_field_in(x, y, cell),
                         byte <= CATION_LI ? energy_faces_in(m, x, y, cell, GROUP_LI) : 0, gain);
}

/* Number of anions present that both sites touch; one of them may be an O itself. */
KMC_HD_ONCE int32_t tokens_shared(const struct configuration *x, struct lattice_coord a,
                                  struct lattice_coord b) {
    const struct lattice *l = x->lattice;
    int na = a.kind == SITE_O ? 1 : lattice_stencil_of(l, a)->n_vertex;
    int nb = b.kind == SITE_O ? 1 : lattice_stencil_of(l, b)->n_vertex;
    int64_t touched[6];
    int shared = 0;
    KMC_ROLLED
    for (int v = 0; v < na; v++) {
        struct lattice_coord o =
            a.kind == SITE_O ? a : lattice_step(l, a, lattice_stencil_of(l, a)->vertex[v]);
        touched[v] = lattice_oxygen_index(l, o);
    }
    KMC_ROLLED
    for (int v = 0; v < nb; v++) {
        struct lattice_coord c =
            b.kind == SITE_O ? b : lattice_step(l, b, lattice_stencil_of(l, b)->vertex[v]);
        int64_t o = lattice_oxygen_index(l, c);
        KMC_ROLLED
        for (int k = 0; k < na; k++)
            shared += touched[k] == o && x->deviation[o] != RATE_MODEL_ABSENT;
    }
    return shared;
}

/* Energy correction of a move a -> b that touch each other, given how many anions they share and whether they share a face. */
KMC_HD int32_t tokens_cross(const struct rate_model *m, int32_t kind_a, int32_t kind_b,
                            uint8_t byte_a, uint8_t byte_b, int32_t shared, int face) {
    int32_t e = -2 * m->valence_unit * tokens_step(kind_a) * tokens_step(kind_b) * shared;
    if (face && byte_a == CATION_LI && byte_b == CATION_VACANCY && kind_a != SITE_O &&
        kind_b != SITE_O)
        e -= m->face[rate_model_contact(kind_a, kind_b)][GROUP_LI][GROUP_LI];
    return e;
}

/* Adds or removes one token at a site of the configuration. */
KMC_HD_ONCE void tokens_apply(const struct rate_model *m, struct configuration *x,
                              struct lattice_coord c, int gain) {
    uint8_t byte = x->occupancy[lattice_site(x->lattice, c)];
    if (c.kind == SITE_O) {
        energy_apply_anion(m, x, c, rate_model_state(byte) + gain, rate_model_partner(byte));
        return;
    }
    const struct lattice_stencil *st = lattice_stencil_of(x->lattice, c);
    int q = gain * rate_model_valence_step(c.kind);
    KMC_ROLLED
    for (int v = 0; v < st->n_vertex; v++)
        energy_add_oxygen(x, lattice_step(x->lattice, c, st->vertex[v]), q, 0);
    energy_put_byte(x, c, (uint8_t)(byte + gain));
}

/* Li ions that a move adds to the crystal: +1 when b is a Li site and a is not, -1 the other way round. */
KMC_HD int tokens_li_change(int32_t kind_a, uint8_t byte_a, int32_t kind_b, uint8_t byte_b) {
    return (kind_b != SITE_O && byte_b == CATION_VACANCY) -
           (kind_a != SITE_O && byte_a == CATION_LI);
}

/* The electrode: Li enters with energy +voltage (against Li metal) and a restraint holds N near target.
 *   weight exp(-(E + voltage N)/kT - kappa (N - target)^2 / 2kT)  =>  cell voltage = voltage + kappa <N - target>  (more Li than the target = lower
 * free-energy cost than assumed is a higher cell voltage: the field had to be that much higher to hold N at the target). */
struct electrode {
    int32_t voltage_ueV; /* field on Li sites, e x volts */
    int32_t kappa_ueV;   /* 0 = fixed voltage; even number */
    int64_t target;      /* number of Li the restraint aims at */
};

KMC_HD int64_t tokens_electrode(const struct electrode *e, int64_t n_li, int change) {
    if (change == 0)
        return 0;
    return change * ((int64_t)e->voltage_ueV + e->kappa_ueV * (n_li - e->target)) +
           e->kappa_ueV / 2;
}

#endif
