/* rate_model: every number of the energy and of the barriers as integers (ueV), immutable, plain data for CPU and GPU.
 *
 *   E = sum_c cation(species, site class)                       on-site and redox energies of cations
 *     + K/288 sum_o (S_o - 12 z_o)^2 + sum_o anion(state, n_TM)   bond valence (Pauling's second rule); S_o in e/12, K a multiple of 288 ueV
 *     + sum_faces face(contact, group, group)                    face-sharing polyhedra
 *     + sum_{O-O} pair(state, state), or bond(charge) between partners of a dimer
 * S_o = sum of 2q over its octs and 3q over its tets; z = 2 (O2-), 1 (hole, peroxo O), 0 (molecular O, O vacancy); n_TM = TM among its 14 cation sites.
 * So an O vacancy costs what its cations lack: it has the valence term of an O that carries no charge, and no other.
 */
#ifndef KERNELS_RATE_MODEL_H
#define KERNELS_RATE_MODEL_H
#include "lattice.h"
#include "tables.h"

enum { MODEL_SPECIES = 64, MODEL_N_TM = 15 };
enum { PASS_CLOSED = 1000000000 }; /* ueV: no way for Li+ */
enum { CATION_VACANCY = 0, CATION_LI = 1 };

/* Low nibble of an anion site's byte; the high nibble is the direction of the partner for states 2 and 3. */
enum anion_state {
    ANION_OXIDE,     /* O2- */
    ANION_HOLE,      /* O-, unbonded */
    ANION_PEROXO,    /* bonded O with z = 1 */
    ANION_MOLECULAR, /* bonded O with z = 0 */
    ANION_F,
    ANION_S,
    ANION_CL,
    ANION_VACANCY = 14,
    ANION_OUTSIDE = 15,
    ANION_STATES = 16
};
enum { ANION_ACTIVE = 4 }; /* states below this can be oxidised */

/* Charge state of an O-O bond: sum of (state - ANION_PEROXO) of both ends. */
enum bond_state { BOND_PEROXO, BOND_SUPEROXO, BOND_MOLECULAR };

enum site_class { CLASS_TM_OCT, CLASS_TM_TET, CLASS_LI_OCT, CLASS_LI_TET, SITE_CLASSES };
enum ion_group { GROUP_NONE, GROUP_LI, GROUP_TM, ION_GROUPS };
enum face_contact { FACE_OCT_OCT, FACE_TET_OCT, FACE_TET_TET, FACE_CONTACTS };

struct rate_model {
    struct lattice lattice; /* of the whole box */
    struct boltzmann boltzmann;

    /* energies, ueV */
    int32_t valence_unit; /* K/288 */
    int32_t cation[MODEL_SPECIES]
                  [SITE_CLASSES]; /* on-site + oxidation from the most reduced state */
    int32_t face[FACE_CONTACTS][ION_GROUPS][ION_GROUPS];
    int32_t anion[ANION_ACTIVE][MODEL_N_TM];
    int32_t pair[ANION_ACTIVE][ANION_STATES]; /* 0 for states that take no part */
    int32_t bond[3];
    int32_t tm_step_least; /* smallest change of anion[][] by one more TM neighbour */

    /* species */
    int8_t charge[MODEL_SPECIES]; /* e */
    uint8_t group
        [256]; /* enum ion_group of a cation byte; GROUP_NONE, without energy, for vacant and outside */
    uint8_t tokens[MODEL_SPECIES]; /* holes on a redox centre above its most reduced state */
    uint8_t capacity
        [MODEL_SPECIES]; /* largest number of tokens the ion's element can hold; 0 = fixed valence */
    uint8_t deep
        [MODEL_SPECIES]; /* 1 for redox centres that work below 3.65 V only (Mn): drawn seldom at higher voltage */
    uint8_t mobile
        [MODEL_SPECIES]; /* 1 for ions that take part in TM hops; Li+ when with_lithium or with_exchange */
    uint8_t proton;           /* species of H+: group and charge of Li+, no token; 0 = none */
    int8_t z12[ANION_STATES]; /* 12 z of an anion state */

    /* KRA barriers, ueV, and attempt frequency, 1/s */
    int32_t hop_barrier[MODEL_SPECIES]; /* of Li+: between octs and tets, with_lithium only */
    int32_t pass;                       /* of Li+ from oct to oct past a tet */
    int32_t pass_beside
        [MODEL_SPECIES]; /* added for an ion in another oct of that tet, PASS_CLOSED for pillars; 0 for none */
    int32_t gate_per_li, direct_hop_extra, peroxo_face;
    int32_t gate_free_li, gate_max_li;
    int32_t peroxo_formation[3]; /* contact: 0 in plane, 1 across a Li gap, 2 across a TM slab */
    int32_t peroxo_reduction, molecular_formation, molecular_wall;
    int32_t molecular_move[2]; /* one end of O2 goes into an O vacancy, changes places with O2- */
    int32_t molecular_loss, vacancy_hop, vacancy_face;
    int32_t exchange_barrier; /* Li+ of the crystal against H+ of the electrolyte */
    int32_t molecular_gas;    /* energy of O2 gas relative to O2 in a void without neighbours */
    double attempt_frequency;

    /* switches and numerical controls of `advance` */
    uint8_t with_hops, with_dimers, with_molecular;
    uint8_t with_transport, with_loss; /* O2 and O vacancies move; O2 leaves at the surface */
    uint8_t with_exchange;             /* Li+ and H+ change places with the electrolyte, H+ moves */
    uint8_t with_beyond;               /* Mn has valences above 4, attainable in tets */
    uint8_t with_lithium; /* Li+ hops on the clock and rests in `equilibrate` (kmc/diffusion.h) */
    uint8_t
        with_edges; /* but for octs at an edge, which exchange it with the electrode (kmc/transport.h) */
    double lithium_share,
        surface_share; /* factors on hops of Li+ on the clock, on what passes the surface */
    double
        lithium_firings; /* a slice, from which on hops of Li+ are moves of `equilibrate`; 0 = none is */
    double lithium_tries,     /* of each way of a Li+ there, a slice */
        lithium_tries_a_draw; /* for one draw a site */
    double stiff_firings;     /* firings per sub-slice kept for pairs fast in both directions */
    double
        tet_lifetime_steps; /* a TM tet with exit rate * sub-slice above this is a transit state */
    double large_step;      /* k * sub-slice above this counts as a large step */
    double events_max;      /* events a site of one region and window; 0 = any number */
    int32_t windows;        /* windows of a sub-slice in a box of several regions */
};

/* The mutable arrays of one configuration and the lattice that says how they lie in memory. */
struct configuration {
    const struct lattice *lattice;
    uint8_t *occupancy; /* [n_sites] species or anion byte */
    int16_t *deviation; /* [n_oxygen] S_o - 12 z_o, or RATE_MODEL_ABSENT outside the crystal */
    uint8_t *n_tm;      /* [n_oxygen] TM among the 14 cation sites */
    /* [n_oxygen] each, O neighbours in a state (holes, peroxo, molecular); NULL where nobody keeps them up to date (kernels/fields.h does) */
    const uint8_t *around[ANION_ACTIVE];
};
enum { RATE_MODEL_ABSENT = -32768 };

KMC_HD int rate_model_site_class(struct lattice_coord c) {
    return (lattice_is_tm_gap(c.plane) ? CLASS_TM_OCT : CLASS_LI_OCT) +
           (c.kind == SITE_OCT ? 0 : 1);
}

/* Bond valence that one elementary charge on a cation site gives to each of its O, in e/12: 2 (oct), 3 (tet). */
KMC_HD int32_t rate_model_valence_step(int32_t kind) {
    return kind == SITE_OCT ? 2 : 3;
}

KMC_HD int rate_model_contact(int32_t kind_a, int32_t kind_b) {
    return kind_a == SITE_OCT ? (kind_b == SITE_OCT ? FACE_OCT_OCT : FACE_TET_OCT)
                              : (kind_b == SITE_OCT ? FACE_TET_OCT : FACE_TET_TET);
}

KMC_HD int rate_model_state(uint8_t anion_byte) {
    return anion_byte & 15;
}

KMC_HD int rate_model_partner(uint8_t anion_byte) {
    return anion_byte >> 4;
}

#endif
