/* equilibrate: coloured passes of fast moves (kernels/moves.h) over one tile, the same text for a CPU core and a thread block.
 *
 * A pass draws, for the whole tile, a channel (kind of bond), a member of it (which neighbour) and a random corner; its bonds are the translates of that
 * one bond by the channel's spacing, at random places of the tile:
 *
 *     x . . x . . x . .        lanes x: bonds of one pass, too far apart to touch what another one reads or writes
 *     . . . . . . . . .        spacing: derived by program (kmc/passes.c) from the reads and writes of moves.h, checked by brute force in
 *     x . . x . . x . .        tests/test_passes.c; rest of the tile after the last lane stays out of this pass
 *
 * What is drawn does not depend on the state (classes are fixed while TM ions rest), lanes do not interact, each obeys detailed balance: the product is
 * exactly stationary, and each bond is tried at the same rate as in a serial sweep.  Where the number of Li is restrained, the lanes that
 * change it decide one after the other in the order of their numbers; all else about them is independent.
 * Random numbers: one Philox block a pass, one for four passes a lane; nothing depends on who computes it.
 */
#ifndef KERNELS_EQUILIBRATE_H
#define KERNELS_EQUILIBRATE_H
#include "moves.h"
#include "tile.h"

enum {
    PASS_CHANNELS_MAX = 24,
    PASS_SLOT_BITS = 12,
    PASS_SLOTS = 1 << PASS_SLOT_BITS,
    PASS_BANDS = 3,
    PASS_LANES_MAX = 512,
    PASS_PICKS_MAX = 72,
    PASS_KEEP = 128 /* keep = this: never thinned out */
};

enum pass_group {
    PASS_VERTEX,
    PASS_OCT_IN_GAP,
    PASS_OCT_ACROSS,
    PASS_TET,
    PASS_OXYGEN,
    PASS_TRIPLE,
    PASS_FAR
};

/* A kind of bond by geometry alone: from a site of `kind` in TM gaps (parity 0), Li gaps (1) or any (2) to a neighbour in `group`. */
struct pass_channel {
    uint8_t kind, parity, group;
    uint8_t far_kind, far_parity; /* PASS_FAR: the other site */
    uint8_t spacing[AXES];
    uint8_t n_picks; /* members: largest number over all stencils */
    uint8_t keep[PASS_BANDS][TOKEN_CLASSES][TOKEN_CLASSES]; /* share of draws kept, of PASS_KEEP */
};

/* Immutable plan of all passes, for CPU and GPU alike. */
struct pass_plan {
    int32_t n_channels;
    struct pass_channel channel[PASS_CHANNELS_MAX];
    uint8_t slot[PASS_BANDS][PASS_SLOTS]; /* channel by the top bits of a random word */
    /* members of PASS_OCT_IN_GAP and PASS_OCT_ACROSS among the octs of a stencil */
    uint8_t n_in_gap[LATTICE_MAX_STENCILS], n_across[LATTICE_MAX_STENCILS];
    uint8_t in_gap[LATTICE_MAX_STENCILS][26], across[LATTICE_MAX_STENCILS][26];
};

/* One pass of one tile. */
struct pass {
    const struct pass_channel *channel;
    int32_t pick, lanes;
    int32_t count[AXES], corner[AXES];
    int32_t mirror; /* PASS_FAR: lane l meets lane (mirror - l) mod lanes */
    uint8_t kind, far_kind, band;
};

KMC_HD int pass_band(int32_t voltage_ueV) {
    return voltage_ueV < 3650000 ? 0 : voltage_ueV < 4250000 ? 1 : 2;
}

KMC_HD int32_t pass_count(int32_t cells, int32_t spacing) {
    return cells >= spacing ? cells / spacing : 1;
}

/* Position 0 .. n-1 from 16 random bits. */
KMC_HD int32_t pass_below(uint32_t bits16, int32_t n) {
    return (int32_t)((bits16 * (uint32_t)n) >> 16);
}

KMC_HD struct philox_block pass_words(struct philox random, uint32_t step, uint32_t pass,
                                      uint32_t tile) {
    return philox_draw(random, STREAM_PASS, step, (uint64_t)pass << 32 | tile);
}

/* Words of one lane for the passes 4 q .. 4 q + 3. */
KMC_HD struct philox_block pass_lane_words(struct philox random, uint32_t step, uint32_t q,
                                           uint32_t tile, uint32_t lane) {
    return philox_draw(random, STREAM_EQUILIBRATE, step,
                       (uint64_t)q << 40 | (uint64_t)tile * PASS_LANES_MAX | lane);
}

KMC_HD uint64_t pass_low_index(uint32_t pass, uint32_t tile, uint32_t lane) {
    return (uint64_t)1 << 62 | (uint64_t)pass << 40 | (uint64_t)tile * PASS_LANES_MAX | lane;
}

KMC_HD void pass_begin(struct pass *p, const struct pass_plan *plan, const struct tile *t, int band,
                       struct philox_block r) {
    const struct pass_channel *ch =
        &plan->channel[plan->slot[band][r.v[0] >> (32 - PASS_SLOT_BITS)]];
    const struct lattice *l = &t->lattice;
    const int32_t length[AXES] = {l->na, l->nb, l->n_planes};
    p->channel = ch;
    p->band = (uint8_t)band;
    p->kind = ch->kind == SITE_TET_UP && (r.v[0] & 1) ? SITE_TET_DOWN : ch->kind;
    p->far_kind = ch->far_kind == SITE_TET_UP && (r.v[0] & 2) ? SITE_TET_DOWN : ch->far_kind;
    p->pick = (int32_t)philox_below(r.v[1], ch->n_picks);
    p->lanes = 1;
    for (int a = 0; a < AXES; a++) {
        p->count[a] = pass_count(length[a], ch->spacing[a]);
        p->lanes *= p->count[a];
    }
    p->corner[AXIS_A] = pass_below(r.v[2] >> 16, length[AXIS_A]);
    p->corner[AXIS_B] = pass_below(r.v[2] & 0xffff, length[AXIS_B]);
    p->corner[AXIS_C] = pass_below(r.v[3] >> 16, length[AXIS_C]);
    if (ch->parity < 2)
        p->corner[AXIS_C] = p->corner[AXIS_C] / 2 * 2 + ch->parity;
    p->mirror = pass_below(r.v[3] & 0xffff, p->lanes);
}

/* Cell of a lane from its numbers along the axes. */
KMC_HD struct lattice_coord pass_cell(const struct pass *p, const struct lattice *l, int kind,
                                      int32_t ma, int32_t mb, int32_t mc) {
    struct lattice_coord c;
    c.kind = kind;
    c.i = p->corner[AXIS_A] + ma * p->channel->spacing[AXIS_A];
    c.i -= c.i >= l->na ? l->na : 0;
    c.j = p->corner[AXIS_B] + mb * p->channel->spacing[AXIS_B];
    c.j -= c.j >= l->nb ? l->nb : 0;
    c.plane = p->corner[AXIS_C] + mc * p->channel->spacing[AXIS_C];
    c.plane -= c.plane >= l->n_planes ? l->n_planes : 0;
    return c;
}

KMC_HD struct lattice_coord pass_cell_of_lane(const struct pass *p, const struct lattice *l,
                                              int kind, int32_t lane) {
    int32_t ma = lane % p->count[AXIS_A], rest = lane / p->count[AXIS_A];
    return pass_cell(p, l, kind, ma, rest % p->count[AXIS_B], rest / p->count[AXIS_B]);
}

KMC_HD void pass_other_end(const struct lattice *l, struct move_bond *b, struct lattice_offset o) {
    b->b = lattice_step(l, b->a, o);
    b->shared = o.shared;
    b->face = o.shared >= 3;
}

/* The far site of a lane: same place in the mirror lane's cell. 0 for the second lane of a pair. */
KMC_HD int pass_far_end(const struct pass *p, const struct lattice *l, int32_t lane,
                        struct move_bond *b) {
    int32_t other = p->mirror - lane;
    other += other < 0 ? p->lanes : 0;
    if (other <= lane)
        return 0;
    b->b = pass_cell_of_lane(p, l, p->far_kind, other);
    if (p->channel->far_parity < 2 && b->b.plane % 2 != p->channel->far_parity)
        b->b.plane += b->b.plane + 1 < l->n_planes ? 1 : 1 - l->n_planes;
    b->shared = 0;
    b->face = 0;
    return 1;
}

/* The bond that starts at `a`; 0 when the pass has none there. */
KMC_HD int pass_bond(const struct pass_plan *plan, const struct pass *p, const struct tile *t,
                     struct lattice_coord a, int32_t lane, struct move_bond *b) {
    const struct lattice *l = &t->lattice;
    int s = lattice_stencil_index(l, a), pick = p->pick;
    const struct lattice_stencil *st = &l->stencil[s];
    b->a = a;
    b->dir = -1;
    b->triple = 0;
    switch (p->channel->group) {
    case PASS_TRIPLE:
        b->dir = (int8_t)(pick % 12);
        b->triple = 1;
        pick /= 12; /* fall through */
    case PASS_VERTEX:
        if (pick >= st->n_vertex)
            return 0;
        pass_other_end(l, b, st->vertex[pick]);
        b->shared = 1;
        b->face = 0;
        break;
    case PASS_OCT_IN_GAP:
        if (pick >= plan->n_in_gap[s])
            return 0;
        pass_other_end(l, b, st->oct[plan->in_gap[s][pick]]);
        break;
    case PASS_OCT_ACROSS:
        if (pick >= plan->n_across[s])
            return 0;
        pass_other_end(l, b, st->oct[plan->across[s][pick]]);
        break;
    case PASS_TET:
        if (pick >= st->n_tet)
            return 0;
        pass_other_end(l, b, st->tet[pick]);
        break;
    case PASS_OXYGEN:
        pass_other_end(l, b, st->oxygen[pick]);
        b->dir = (int8_t)pick;
        break;
    default: /* PASS_FAR */
        if (!pass_far_end(p, l, lane, b))
            return 0;
        break;
    }
    b->site_a = lattice_site(l, b->a);
    b->site_b = lattice_site(l, b->b);
    return !(t->cut[AXIS_A] | t->cut[AXIS_B] | t->cut[AXIS_C]) ||
           (tile_allows(t, b->a) && tile_allows(t, b->b));
}

/* In a cut tile the third site of a triple must be allowed, too. */
KMC_HD int pass_triple_allowed(const struct tile *t, const struct move_bond *b) {
    return !b->triple ||
           tile_allows(t, lattice_step(&t->lattice, b->b,
                                       lattice_stencil_of(&t->lattice, b->b)->oxygen[b->dir]));
}

/* Judges the bond that starts at `a`: 1 when there is a move. `word` = the lane's random word of this pass. */
KMC_HD int pass_judge(const struct pass_plan *plan, const struct pass *p, const struct tile *t,
                      const struct move_context *k, struct lattice_coord a, int32_t lane,
                      uint32_t word, struct move *mv) {
    struct move_bond b;
    if (!pass_bond(plan, p, t, a, lane, &b))
        return 0;
    enum token_class ca = tokens_class(k->m, b.a.kind, t->x.occupancy[b.site_a]);
    enum token_class cb = tokens_class(k->m, b.b.kind, t->x.occupancy[b.site_b]);
    if (ca == TOKEN_NONE || cb == TOKEN_NONE ||
        (word >> 1 & (PASS_KEEP - 1)) >= p->channel->keep[p->band][ca][cb])
        return 0;
    return pass_triple_allowed(t, &b) && moves_judge(k, &b, (int)(word & 1), mv);
}

#endif
