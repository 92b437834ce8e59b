/* moves: the fast moves of `equilibrate`, judged and carried out one at a time.
 *
 *   token            one +e hops along a bond a - b: Li+ to a vacancy, a hole between redox centres, Li+ out against a hole in
 *   join, split      two holes on a bond O - O form a dimer and back
 *   oxidise, reduce  a token hops between an oct and a bonded O of it
 *   oxidise, reduce  also between a bonded O and an O beside it that is in no bond, O2- or hole
 *   combine, cleave  a token hops between an oct and an O of it, which forms or leaves a dimer with its neighbour in direction `dir`
 * The last three rows take part only while their pair is fast (kernels/channels.h); seen from either end that is the same question, so each move has its
 * reverse with the same chance of being drawn, and acceptance min(1, exp(-dOmega/kT)) keeps exp(-Omega/kT) stationary.
 * Where both ends can hold two tokens or more a coin picks the direction before looking: Ni3+ Ni3+ <-> Ni2+ Ni4+ is drawn alike from both sides.
 */
#ifndef KERNELS_MOVES_H
#define KERNELS_MOVES_H
#include "oxygen.h"
#include "philox.h"

enum move_kind { MOVE_TOKEN, MOVE_JOIN, MOVE_SPLIT, MOVE_COMBINE, MOVE_CLEAVE };

/* A bond as drawn: two token sites and what ties them. */
struct move_bond {
    struct lattice_coord a, b;
    int64_t site_a, site_b;
    int32_t shared; /* O that both touch, as the stencil has it */
    int8_t face,
        dir; /* do they share a face; O - O: direction from a to b; a triple: direction from the O b to its neighbour; else -1 */
    uint8_t triple;
    /* of a padded lattice in which no anion is missing: layers and cells of the sites; else NULL */
    const struct lattice_layer *layer_a, *layer_b;
    int64_t cell_a, cell_b;
};

struct move_context {
    const struct rate_model *m;
    struct configuration *x;
    struct event_limits limits;
    int32_t voltage_ueV; /* field on Li sites that decides which pairs are fast */
    uint8_t complete;    /* no anion site is empty or outside: stencils give the shared O */
};

/* A move that may be carried out. */
struct move {
    struct move_bond bond; /* the token goes a -> b */
    int64_t energy;        /* change of the crystal's energy, ueV */
    int8_t li_change;
    uint8_t kind;
};

KMC_HD void moves_turn(struct move_bond *b) {
    struct move_bond t = *b;
    b->a = t.b;
    b->b = t.a;
    b->site_a = t.site_b;
    b->site_b = t.site_a;
    b->layer_a = t.layer_b;
    b->layer_b = t.layer_a;
    b->cell_a = t.cell_b;
    b->cell_b = t.cell_a;
}

KMC_HD int moves_is_bonded(uint8_t anion_byte) {
    int s = rate_model_state(anion_byte);
    return s == ANION_PEROXO || s == ANION_MOLECULAR;
}

KMC_HD int moves_is_bonded_at(int32_t kind, uint8_t byte) {
    return kind == SITE_O && moves_is_bonded(byte);
}

KMC_HD int moves_is_fast(const struct move_context *k, int kind, const struct move *mv,
                         int64_t kra) {
    return channels_is_fast(&k->limits, kind, mv->energy + (int64_t)mv->li_change * k->voltage_ueV,
                            kra);
}

/* Of an electron of the bonded O; what lies around it is looked at only when it can matter. */
KMC_HD int moves_is_fast_at(const struct move_context *k, const struct move *mv,
                            struct lattice_coord o, uint8_t byte_o) {
    const struct rate_model *m = k->m;
    if (m->molecular_wall >= 0 && !moves_is_fast(k, EVENT_OXIDISE, mv, m->molecular_formation))
        return 0;
    return moves_is_fast(k, EVENT_OXIDISE, mv,
                         oxygen_molecular_kra(m, k->x, o, rate_model_partner(byte_o)));
}

/* Turns the bond so that a token can hop a -> b; 0 when none can. */
KMC_HD int moves_orient(const struct rate_model *m, struct move_bond *b, uint8_t byte_a,
                        uint8_t byte_b, int coin) {
    int forward = tokens_has(m, b->a.kind, byte_a) && tokens_has_room(m, b->b.kind, byte_b);
    int backward = tokens_has(m, b->b.kind, byte_b) && tokens_has_room(m, b->a.kind, byte_a);
    int both_deep = b->a.kind != SITE_O && b->b.kind != SITE_O && m->capacity[byte_a] > 1 &&
                    m->capacity[byte_b] > 1;
    if (both_deep ? coin : !forward) {
        moves_turn(b);
        return backward;
    }
    return forward;
}

/* Energy and Li change of a token hop a -> b, one of which is a bonded O or not. */
KMC_HD void moves_token(const struct move_context *k, struct move *mv, uint8_t byte_a,
                        uint8_t byte_b, int bonded) {
    const struct move_bond *b = &mv->bond;
    int32_t shared = b->shared;
    if (shared > 0 && !k->complete) /* anions that do not exist are not shared */
        shared = tokens_shared(k->x, b->a, b->b);
    mv->kind = MOVE_TOKEN;
    if (b->layer_a && !bonded)
        mv->energy = (int64_t)tokens_energy_in(k->m, k->x, b->layer_a, b->cell_a, byte_a, -1) +
                     tokens_energy_in(k->m, k->x, b->layer_b, b->cell_b, byte_b, +1);
    else
        mv->energy = (int64_t)tokens_energy(k->m, k->x, b->a, byte_a, -1) +
                     tokens_energy(k->m, k->x, b->b, byte_b, +1);
    mv->energy += tokens_cross(k->m, b->a.kind, b->b.kind, byte_a, byte_b, shared, b->face);
    if (b->a.kind == SITE_O && b->b.kind == SITE_O && b->dir >= 0)
        mv->energy -= k->m->pair[ANION_HOLE][ANION_HOLE];
    mv->li_change = (int8_t)tokens_li_change(b->a.kind, byte_a, b->b.kind, byte_b);
}

/* Token between an oct and a bonded O, drawn along their bond; with Li+ on the clock, which then brings no electron to an O that no TM touches, from any oct. */
KMC_HD_ONCE int moves_exchange(const struct move_context *k, struct move *mv, uint8_t byte_a,
                               uint8_t byte_b) {
    struct lattice_coord o = mv->bond.a.kind == SITE_O ? mv->bond.a : mv->bond.b;
    uint8_t byte_o = mv->bond.a.kind == SITE_O ? byte_a : byte_b;
    int other_kind = mv->bond.a.kind == SITE_O ? mv->bond.b.kind : mv->bond.a.kind;
    if (other_kind != SITE_OCT || (mv->bond.shared != 1 && !k->m->with_lithium) ||
        !(k->m->with_molecular || rate_model_state(byte_o) == ANION_MOLECULAR))
        return 0;
    moves_token(k, mv, byte_a, byte_b, 1);
    return moves_is_fast_at(k, mv, o, byte_o);
}

/* Two O: both holes may join, partners may split. */
KMC_HD_ONCE int moves_pair(const struct move_context *k, struct move *mv, uint8_t byte_a,
                           uint8_t byte_b) {
    const struct lattice_stencil *st = lattice_stencil_of(k->x->lattice, mv->bond.a);
    int sa = rate_model_state(byte_a), sb = rate_model_state(byte_b), dir = mv->bond.dir;
    if (sa != sb || dir < 0 ||
        !(sa == ANION_HOLE || (sa == ANION_PEROXO && rate_model_partner(byte_a) == dir)))
        return 0;
    mv->kind = sa == ANION_HOLE ? MOVE_JOIN : MOVE_SPLIT;
    mv->energy = energy_join(k->m, k->x, mv->bond.a, dir);
    mv->energy = sa == ANION_HOLE ? mv->energy : -mv->energy;
    mv->li_change = 0;
    return moves_is_fast(k, EVENT_JOIN, mv,
                         k->m->peroxo_formation[oxygen_contact(mv->bond.a, st->oxygen[dir])]);
}

/* Token between an O in no bond and a bonded one beside it. */
KMC_HD_ONCE int moves_between_oxygen(const struct move_context *k, struct move *mv, uint8_t byte_a,
                                     uint8_t byte_b) {
    const struct rate_model *m = k->m;
    int a_bonded = moves_is_bonded(byte_a), a = rate_model_state(byte_a),
        b = rate_model_state(byte_b);
    struct lattice_coord o = a_bonded ? mv->bond.a : mv->bond.b;
    uint8_t byte_o = a_bonded ? byte_a : byte_b;
    if (!(m->with_molecular || rate_model_state(byte_o) == ANION_MOLECULAR))
        return 0;
    mv->kind = MOVE_TOKEN;
    mv->li_change = 0;
    mv->energy = (int64_t)tokens_oxygen(m, k->x, mv->bond.a, byte_a, -1) +
                 tokens_oxygen(m, k->x, mv->bond.b, byte_b, +1) + m->pair[a - 1][b + 1] +
                 m->pair[a][b] - m->pair[a - 1][b] - m->pair[a][b + 1];
    return moves_is_fast_at(k, mv, o, byte_o);
}

/* Oct a, its O b (of bond.shared = 0: an O that it does not touch), and b's neighbour in direction dir. */
KMC_HD_ONCE int moves_triple(const struct move_context *k, struct move *mv, uint8_t byte_a,
                             uint8_t byte_b) {
    const struct rate_model *m = k->m;
    struct lattice_coord a = mv->bond.a, o = mv->bond.b;
    const struct lattice_stencil *st = lattice_stencil_of(k->x->lattice, o);
    int dir = mv->bond.dir, state = rate_model_state(byte_b);
    struct lattice_coord p = lattice_step(k->x->lattice, o, st->oxygen[dir]);
    int other = rate_model_state(k->x->occupancy[lattice_site(k->x->lattice, p)]);
    int combine = state == ANION_OXIDE && other == ANION_HOLE && tokens_has(m, a.kind, byte_a);
    int cleave = state == ANION_PEROXO && other == ANION_PEROXO &&
                 rate_model_partner(byte_b) == dir && tokens_has_room(m, a.kind, byte_a);
    if (a.kind != SITE_OCT || (!combine && !cleave))
        return 0;
    int64_t join = energy_join(m, k->x, p, st->reverse[dir]);
    int64_t oxygen = combine ? join + tokens_energy(m, k->x, o, byte_b, +1)
                             : -join + oxygen_cut_off(m, k->x, o, dir);
    mv->kind = combine ? MOVE_COMBINE : MOVE_CLEAVE;
    mv->energy = oxygen + tokens_energy(m, k->x, a, byte_a, combine ? -1 : +1) -
                 2 * m->valence_unit * 12 * 2 * mv->bond.shared;
    mv->li_change = (int8_t)(byte_a > CATION_LI ? 0 : combine ? -1 : +1);
    return moves_is_fast(k, EVENT_COMBINE, mv, m->peroxo_reduction);
}

/* Judges the bond in mv: 1 when there is a move with a finite energy, filled in. */
KMC_HD int moves_judge_bond(const struct move_context *k, int coin, struct move *mv) {
    const struct rate_model *m = k->m;
    const struct move_bond *bond = &mv->bond;
    int64_t site_a = bond->site_a;
    uint8_t byte_a = k->x->occupancy[site_a], byte_b = k->x->occupancy[bond->site_b];
    int bonded =
        moves_is_bonded_at(bond->a.kind, byte_a) || moves_is_bonded_at(bond->b.kind, byte_b);
    if (bond->triple)
        return m->with_dimers && moves_triple(k, mv, byte_a, byte_b);
    int oxygen = bond->a.kind == SITE_O && bond->b.kind == SITE_O;
    int one_bonded = oxygen && moves_is_bonded(byte_a) != moves_is_bonded(byte_b);
    if (oxygen && (byte_a == byte_b || (bonded && !one_bonded)))
        return m->with_dimers && moves_pair(k, mv, byte_a, byte_b);
    if ((bonded && !m->with_dimers) || !moves_orient(m, &mv->bond, byte_a, byte_b, coin))
        return 0;
    if (mv->bond.site_a != site_a) {
        uint8_t t = byte_a;
        byte_a = byte_b;
        byte_b = t;
    }
    if (one_bonded)
        return bond->dir >= 0 && moves_between_oxygen(k, mv, byte_a, byte_b);
    if (bonded)
        return moves_exchange(k, mv, byte_a, byte_b);
    moves_token(k, mv, byte_a, byte_b, 0);
    return 1;
}

/* The same for a bond that stays as it is. */
KMC_HD int moves_judge(const struct move_context *k, const struct move_bond *bond, int coin,
                       struct move *mv) {
    mv->bond = *bond;
    return moves_judge_bond(k, coin, mv);
}

/* True with probability exp(-omega/kT): 24 bits of `word`, the other 39 drawn only when these decide nothing.  The low 8 bits are free. */
KMC_HD int moves_accept(const struct boltzmann *b, int64_t omega, uint32_t word,
                        struct philox random, uint32_t step, uint64_t index) {
    if (omega <= 0)
        return 1;
    if (omega >= b->rare &&
        word >> 8 != 0) /* what the rest would say, without a look at the tables */
        return 0;
    uint64_t threshold = tables_threshold(b, omega);
    uint32_t top = (uint32_t)(threshold >> 39);
    if (word >> 8 != top)
        return word >> 8 < top;
    struct philox_block low =
        philox_draw(random, STREAM_EQUILIBRATE, step, index | (uint64_t)1 << 63);
    uint64_t rest = (((uint64_t)low.v[0] << 32) | low.v[1]) >> 25;
    return rest < (threshold & 0x7fffffffffull);
}

KMC_HD void moves_apply(const struct move_context *k, const struct move *mv) {
    const struct rate_model *m = k->m;
    struct lattice_coord a = mv->bond.a, b = mv->bond.b;
    switch (mv->kind) {
    case MOVE_TOKEN:
        tokens_apply(m, k->x, a, -1);
        tokens_apply(m, k->x, b, +1);
        break;
    case MOVE_JOIN:
    case MOVE_SPLIT:
        oxygen_apply_bond(m, k->x, a, mv->bond.dir, mv->kind == MOVE_JOIN);
        break;
    case MOVE_COMBINE:
        tokens_apply(m, k->x, a, -1);
        tokens_apply(m, k->x, b, +1);
        oxygen_apply_bond(m, k->x, b, mv->bond.dir, 1);
        break;
    default: /* MOVE_CLEAVE */
        oxygen_apply_bond(m, k->x, b, mv->bond.dir, 0);
        tokens_apply(m, k->x, b, -1);
        tokens_apply(m, k->x, a, +1);
        break;
    }
}

#endif
