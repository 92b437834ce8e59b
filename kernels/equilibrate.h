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

/* Bits of pass_plan.info.  PASS_BOND: holes and peroxo O, and all cations, between which bonds of O may be made or cut; PASS_BONDED: O in a bond. */
enum { PASS_CLASS = 7, PASS_HAS = 8, PASS_ROOM = 16, PASS_BOND = 32, PASS_BONDED = 64 };
enum { PASS_CODE_BITS = 4, PASS_CODES = 1 << PASS_CODE_BITS };

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
    uint8_t bonded;  /* only with O in a bond */
    uint8_t on_top;  /* draws not counted as effort: most find nothing */
    /* by the codes of both sites, a << PASS_CODE_BITS | b: share of draws kept, of PASS_KEEP; 0 where there is no move or a class takes no part */
    uint8_t keep[PASS_BANDS][PASS_CODES * PASS_CODES];
};

/* Immutable plan of all passes, for CPU and GPU alike. */
struct pass_plan {
    int32_t n_channels;
    struct pass_channel channel[PASS_CHANNELS_MAX];
    uint8_t slot[PASS_BANDS][PASS_SLOTS]; /* channel by the top bits of a random word */
    uint8_t code[2][256]; /* by cation (0) or anion (1) byte: a number for each different info */
    uint8_t info[PASS_CODES]; /* token class, PASS_HAS, PASS_ROOM, PASS_BOND */
    /* members of PASS_OCT_IN_GAP and PASS_OCT_ACROSS among the octs of a stencil */
    uint8_t n_in_gap[LATTICE_MAX_STENCILS], n_across[LATTICE_MAX_STENCILS];
    uint8_t in_gap[LATTICE_MAX_STENCILS][26], across[LATTICE_MAX_STENCILS][26];
};

/* One pass of one tile. */
struct pass {
    const struct pass_channel *channel;
    int32_t pick, lanes;
    int32_t count[AXES], corner[AXES]; /* corner and lanes within the span of the tile */
    int32_t first[AXES], span[AXES];
    int32_t mirror; /* PASS_FAR: lane l meets lane (mirror - l) mod lanes */
    uint8_t kind, far_kind, group;
    /* of the plan, for this kind of first site and this band */
    const uint8_t *code, *keep;
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
    if (KMC_SABOTAGE == SABOTAGE_SWEEP)
        pass /= 36; /* one channel for a whole sweep */
    return philox_draw(random, STREAM_PASS, step, (uint64_t)pass << 32 | tile);
}

/* Words of one lane for the passes 4 q .. 4 q + 3. */
KMC_HD_HOT struct philox_block pass_lane_words(struct philox random, uint32_t step, uint32_t q,
                                               uint32_t tile, uint32_t lane) {
    return philox_draw(random, STREAM_EQUILIBRATE, step,
                       (uint64_t)q << 40 | (uint64_t)tile * PASS_LANES_MAX | lane);
}

KMC_HD uint64_t pass_low_index(uint32_t pass, uint32_t tile, uint32_t lane) {
    return (uint64_t)1 << 62 | (uint64_t)pass << 40 | (uint64_t)tile * PASS_LANES_MAX | lane;
}

KMC_HD void pass_begin(struct pass *p, const struct pass_plan *plan, const struct tile *t, int band,
                       struct philox_block r, uint32_t number) {
    const struct pass_channel *ch =
        &plan->channel[plan->slot[band][r.v[0] >> (32 - PASS_SLOT_BITS)]];
    p->channel = ch;
    p->group = ch->group;
    p->keep = ch->keep[band];
    p->kind = ch->kind == SITE_TET_UP && (r.v[0] & 1) ? SITE_TET_DOWN : ch->kind;
    p->far_kind = ch->far_kind == SITE_TET_UP && (r.v[0] & 2) ? SITE_TET_DOWN : ch->far_kind;
    p->code = plan->code[p->kind == SITE_O];
    p->pick = (int32_t)philox_below(r.v[1], ch->n_picks);
    p->lanes = 1;
    for (int a = 0; a < AXES; a++) {
        p->first[a] = tile_first(t, a);
        p->span[a] = tile_span(t, a);
        p->count[a] = pass_count(p->span[a], ch->spacing[a]);
        p->lanes *= p->count[a];
    }
    p->corner[AXIS_A] = pass_below(r.v[2] >> 16, p->span[AXIS_A]);
    p->corner[AXIS_B] = pass_below(r.v[2] & 0xffff, p->span[AXIS_B]);
    p->corner[AXIS_C] = pass_below(r.v[3] >> 16, p->span[AXIS_C]);
    if (KMC_SABOTAGE == SABOTAGE_SWEEP) {
        p->corner[AXIS_A] = (int32_t)(number % ch->spacing[AXIS_A]);
        p->corner[AXIS_B] = (int32_t)(number / ch->spacing[AXIS_A] % ch->spacing[AXIS_B]);
    }
    if (ch->parity < 2)
        p->corner[AXIS_C] = p->corner[AXIS_C] / 2 * 2 + ch->parity;
    p->mirror = pass_below(r.v[3] & 0xffff, p->lanes);
}

/* What the lanes of one plane have in common. */
struct pass_plane {
    int32_t plane;
    struct lattice_offset other; /* from a to b */
    int32_t other_plane;
    int32_t base_a, base_b;                        /* sites of cell (0, 0) of the tile */
    int32_t cell_a, cell_b;                        /* these cells */
    const struct lattice_layer *layer_a, *layer_b; /* see struct move_bond */
    const uint8_t *code_b;                         /* of the plan, for the kind of b */
    /* of a triple: the third site, an O, from the first: offset of its cell, and site of cell (0, 0) of its plane */
    struct lattice_offset third;
    int32_t base_third;
    int8_t dir;
    uint8_t triple, usable;
};

KMC_HD int32_t pass_wrap(int32_t c, int32_t n) {
    c += c < 0 ? n : 0;
    return c - (c >= n ? n : 0);
}

/* Member of the channel at a stencil; 0 when it has none. */
KMC_HD int pass_member(const struct pass_plan *plan, const struct pass *p, const struct lattice *l,
                       int s, struct pass_plane *q) {
    const struct lattice_stencil *st = &l->stencil[s];
    int pick = p->pick;
    q->dir = -1;
    q->triple = 0;
    switch (p->channel->group) {
    case PASS_TRIPLE:
        q->dir = (int8_t)(pick % 12);
        q->triple = 1;
        q->other = st->vertex[pick / 12];
        return pick < 12 * st->n_vertex;
    case PASS_VERTEX:
        q->other = st->vertex[pick];
        return pick < st->n_vertex;
    case PASS_OCT_IN_GAP:
        q->other = st->oct[plan->in_gap[s][pick]];
        return pick < plan->n_in_gap[s];
    case PASS_OCT_ACROSS:
        q->other = st->oct[plan->across[s][pick]];
        return pick < plan->n_across[s];
    case PASS_TET:
        q->other = st->tet[pick];
        return pick < st->n_tet;
    case PASS_OXYGEN:
        q->dir = (int8_t)pick;
        q->other = st->oxygen[pick];
        return 1;
    default: /* PASS_FAR: place in its own lane's cell */
        q->other.dplane = q->other.di = q->other.dj = q->other.shared = 0;
        q->other.kind = p->far_kind;
        if (p->channel->far_parity < 2 && q->plane % 2 != p->channel->far_parity)
            q->other.dplane = 1;
        return 1;
    }
}

/* Cell along an axis of the lane that is number m there. */
KMC_HD int32_t pass_place(const struct pass *p, int axis, int32_t m) {
    int32_t c = p->corner[axis] + m * p->channel->spacing[axis];
    return p->first[axis] + c - (c >= p->span[axis] ? p->span[axis] : 0);
}

/* The other site of a plane's bonds, once the member is known. */
KMC_HD void pass_plane_other(const struct pass_plan *plan, const struct lattice *l, int complete,
                             struct pass_plane *q) {
    struct lattice_coord b = {0, q->other.kind, 0, 0};
    b.plane = q->other_plane = pass_wrap(q->plane + q->other.dplane, l->n_planes);
    q->base_b = (int32_t)lattice_site(l, b);
    q->cell_b = (int32_t)lattice_oxygen_index(l, b);
    q->code_b = plan->code[b.kind == SITE_O];
    q->layer_b = complete ? lattice_layer_of(l, b.plane, b.kind) : NULL;
    if (!q->triple)
        return;
    q->third = lattice_stencil_of(l, b)->oxygen[q->dir];
    struct lattice_coord third = {pass_wrap(b.plane + q->third.dplane, l->n_planes), SITE_O, 0, 0};
    q->base_third = (int32_t)lattice_site(l, third);
    q->third.di = (int8_t)(q->third.di + q->other.di);
    q->third.dj = (int8_t)(q->third.dj + q->other.dj);
}

/* `complete`: no anion is missing (struct move_context).  Returns 0 when the plane has no such bonds. */
KMC_HD int pass_plane_begin(const struct pass_plan *plan, const struct pass *p,
                            const struct lattice *l, int32_t mc, int complete,
                            struct pass_plane *q) {
    struct lattice_coord a = {pass_place(p, AXIS_C, mc), p->kind, 0, 0};
    q->plane = a.plane;
    q->usable = (uint8_t)pass_member(plan, p, l, lattice_stencil_index(l, a), q);
    q->base_a = (int32_t)lattice_site(l, a);
    q->cell_a = (int32_t)lattice_oxygen_index(l, a);
    q->layer_a = complete ? lattice_layer_of(l, a.plane, a.kind) : NULL;
    pass_plane_other(plan, l, complete, q);
    return q->usable;
}

/* Numbers of a lane along the axes. */
KMC_HD void pass_lane(const struct pass *p, int32_t lane, int32_t at[AXES]) {
    int32_t rest = lane / p->count[AXIS_A];
    at[AXIS_A] = lane % p->count[AXIS_A];
    at[AXIS_B] = rest % p->count[AXIS_B];
    at[AXIS_C] = rest / p->count[AXIS_B];
}

/* Plane of the far site of a lane that is number mc along c. */
KMC_HD int32_t pass_far_plane(const struct pass *p, const struct lattice *l, int32_t mc) {
    int32_t plane = pass_place(p, AXIS_C, mc);
    int other = p->channel->far_parity < 2 && plane % 2 != p->channel->far_parity;
    return pass_wrap(plane + other, l->n_planes);
}

/* The far site of a lane: in the cell of its mirror lane.  0 for the second lane of a pair. */
KMC_HD int pass_far_end(const struct pass *p, const struct pass_plane *q, const struct lattice *l,
                        int32_t lane, struct move_bond *b) {
    int32_t other = p->mirror - lane, at[AXES];
    other += other < 0 ? p->lanes : 0;
    if (other <= lane)
        return 0;
    pass_lane(p, other, at);
    b->b.plane = pass_far_plane(p, l, at[AXIS_C]);
    b->b.kind = p->far_kind;
    b->b.i = pass_place(p, AXIS_A, at[AXIS_A]);
    b->b.j = pass_place(p, AXIS_B, at[AXIS_B]);
    b->site_b = lattice_site(l, b->b);
    b->cell_b = lattice_oxygen_index(l, b->b);
    b->layer_b = q->layer_a ? lattice_layer_of(l, b->b.plane, b->b.kind) : NULL;
    return 1;
}

/* In a cut tile all sites that a bond may change must be allowed. */
KMC_HD int pass_allowed(const struct tile *t, const struct move_bond *b) {
    return tile_is_whole(t) ||
           (tile_allows(t, b->a) && tile_allows(t, b->b) &&
            (!b->triple ||
             tile_allows(t, lattice_step(&t->lattice, b->b,
                                         lattice_stencil_of(&t->lattice, b->b)->oxygen[b->dir]))));
}

/* What the lanes of one row of a plane have in common: offsets in memory of the rows of both sites from those of cell (0, 0). */
struct pass_row {
    int32_t j, other_j;
    int64_t at_a, at_b;
};

KMC_HD void pass_row_begin(const struct pass_plane *q, const struct lattice *l, int32_t j,
                           struct pass_row *row) {
    row->j = j;
    row->other_j = pass_wrap(j + q->other.dj, l->nb);
    row->at_a = j * l->row;
    row->at_b = row->other_j * l->row;
}

/* Only a hole or a peroxo O can be the third of a triple. */
KMC_HD int pass_third_is_open(const struct pass_plane *q, const struct tile *t, int32_t i,
                              int32_t j) {
    const struct lattice *l = &t->lattice;
    int64_t at = pass_wrap(j + q->third.dj, l->nb) * l->row + pass_wrap(i + q->third.di, l->na);
    int state = rate_model_state(t->x.occupancy[q->base_third + at]);
    return state == ANION_HOLE || state == ANION_PEROXO;
}

/* Can the bond between two bytes be a move at all, and is it kept?  What most lanes end at. */
KMC_HD int pass_is_open(const struct pass *p, const struct pass_plane *q, uint8_t byte_a,
                        uint8_t byte_b, uint32_t word) {
    return (word >> 1 & (PASS_KEEP - 1)) <
           p->keep[p->code[byte_a] << PASS_CODE_BITS | q->code_b[byte_b]];
}

/* The bond of a lane, whose cell is number i in a row of plane q, without a look at its sites; 0 when it has none. */
KMC_HD int pass_bond(const struct pass *p, const struct pass_plane *q, const struct pass_row *row,
                     const struct tile *t, int32_t i, int32_t lane, struct move_bond *b) {
    int64_t at_a = row->at_a + i;
    if (p->group == PASS_FAR) {
        if (!pass_far_end(p, q, &t->lattice, lane, b))
            return 0;
    } else {
        b->b.plane = q->other_plane;
        b->b.kind = q->other.kind;
        b->b.i = pass_wrap(i + q->other.di, t->lattice.na);
        b->b.j = row->other_j;
        b->site_b = q->base_b + row->at_b + b->b.i;
        b->cell_b = q->cell_b + row->at_b + b->b.i;
        b->layer_b = q->layer_b;
    }
    b->a.plane = q->plane;
    b->a.kind = p->kind;
    b->a.i = i;
    b->a.j = row->j;
    b->site_a = q->base_a + at_a;
    b->cell_a = q->cell_a + at_a;
    b->layer_a = q->layer_a;
    b->dir = q->dir;
    b->triple = q->triple;
    b->shared = p->group == PASS_VERTEX || q->triple ? 1 : q->other.shared;
    b->face = q->other.shared >= 3;
    return 1;
}

/* A lane whose bond is open, and its cell. */
struct pass_open_lane {
    int32_t lane;
    int16_t i, j;
};

/* Those of a plane, the first lane of which is number `lane`; their number.  Not for PASS_FAR.  The same as pass_is_open of each bond, in loops without
 * branches. */
KMC_HD int32_t pass_scan_plane(const struct pass *p, const struct pass_plane *q,
                               const struct tile *t, const struct philox_block *words,
                               uint32_t word_number, int32_t lane,
                               struct pass_open_lane *KMC_RESTRICT open) {
    const uint8_t *a = t->x.occupancy + q->base_a, *b = t->x.occupancy + q->base_b;
    const uint8_t *code_a = p->code, *code_b = q->code_b, *keep = p->keep;
    const int32_t na = t->lattice.na, nb = t->lattice.nb, row = (int32_t)t->lattice.row;
    const int32_t di = q->other.di, dj = q->other.dj, near = di >= -1 && di <= 1;
    const int32_t span_a = p->span[AXIS_A], end_a = p->first[AXIS_A] + span_a;
    const int32_t span_b = p->span[AXIS_B], end_b = p->first[AXIS_B] + span_b;
    const int32_t step_a = p->channel->spacing[AXIS_A], step_b = p->channel->spacing[AXIS_B];
    const int32_t first_i = pass_place(p, AXIS_A, 0), count_a = p->count[AXIS_A];
    int32_t n = 0, j = pass_place(p, AXIS_B, 0);
    for (int32_t mb = 0; mb < p->count[AXIS_B]; mb++) {
        const uint8_t *row_a = a + j * row, *row_b = b + pass_wrap(j + dj, nb) * row;
        int32_t i = first_i;
        for (int32_t end = lane + count_a; lane < end; lane++) {
            int32_t other = near ? i + di : pass_wrap(i + di, na); /* the border has images */
            int kept = keep[code_a[row_a[i]] << PASS_CODE_BITS | code_b[row_b[other]]];
            open[n].lane = lane;
            open[n].i = (int16_t)i;
            open[n].j = (int16_t)j;
            if (q->triple) /* the same for all lanes */
                kept = pass_third_is_open(q, t, i, j) ? kept : 0;
            n += (int)(words[lane].v[word_number] >> 1 & (PASS_KEEP - 1)) < kept;
            i += step_a; /* pass_place of the next one */
            i -= i >= end_a ? span_a : 0;
        }
        j += step_b;
        j -= j >= end_b ? span_b : 0;
    }
    return n;
}

#if KMC_SABOTAGE == 3
/* Only an occupied site draws, a direction of its own. */
KMC_HD int pass_drawn_bond(const struct pass_plan *plan, const struct pass *p,
                           const struct pass_plane *q, const struct pass_row *row,
                           const struct tile *t, int32_t i, int32_t lane, uint32_t word,
                           struct move_bond *b) {
    struct pass own = *p;
    struct pass_plane plane = *q;
    struct pass_row other;
    own.pick = (int32_t)((word >> 4) % p->channel->n_picks);
    plane.usable = (uint8_t)pass_member(plan, &own, &t->lattice,
                                        t->lattice.stencil_of[q->plane][p->kind], &plane);
    pass_plane_other(plan, &t->lattice, q->layer_a != NULL, &plane);
    pass_row_begin(&plane, &t->lattice, row->j, &other);
    return plane.usable && pass_bond(&own, &plane, &other, t, i, lane, b) &&
           pass_is_open(&own, &plane, t->x.occupancy[b->site_a], t->x.occupancy[b->site_b], word) &&
           (plan->info[plan->code[b->a.kind == SITE_O][t->x.occupancy[b->site_a]]] & PASS_HAS);
}
#else
KMC_HD int pass_drawn_bond(const struct pass_plan *plan, const struct pass *p,
                           const struct pass_plane *q, const struct pass_row *row,
                           const struct tile *t, int32_t i, int32_t lane, uint32_t word,
                           struct move_bond *b) {
    (void)plan;
    return pass_bond(p, q, row, t, i, lane, b) &&
           pass_is_open(p, q, t->x.occupancy[b->site_a], t->x.occupancy[b->site_b], word);
}
#endif

/* Judges the bond of a lane in a usable plane: 1 when there is a move.  `word` = the lane's random word of this pass. */
KMC_HD int pass_judge(const struct pass_plan *plan, const struct pass *p,
                      const struct pass_plane *q, const struct pass_row *row, const struct tile *t,
                      const struct move_context *k, int32_t i, int32_t lane, uint32_t word,
                      struct move *mv) {
    return pass_drawn_bond(plan, p, q, row, t, i, lane, word, &mv->bond) &&
           (!q->triple || pass_third_is_open(q, t, i, row->j)) && pass_allowed(t, &mv->bond) &&
           moves_judge_bond(k, (int)(word & 1), mv);
}

/* The same for a bond that pass_scan_plane has found open. */
KMC_HD int pass_judge_open(const struct pass *p, const struct pass_plane *q,
                           const struct pass_row *row, const struct tile *t,
                           const struct move_context *k, int32_t i, int32_t lane, uint32_t word,
                           struct move *mv) {
    return pass_bond(p, q, row, t, i, lane, &mv->bond) && pass_allowed(t, &mv->bond) &&
           moves_judge_bond(k, (int)(word & 1), mv);
}

/* Energy, Li change and direction of the commonest bonds, those of a plain token hop, without filling in the bond: 1 when there is a move, 0 when there is
 * none, -1 when it is not for this function.  Of an open bond in a plane whose layers are known, not PASS_FAR; the same as moves_judge_bond. */
KMC_HD_HOT int pass_judge_token(const struct pass_plan *plan, const struct pass *p,
                                const struct pass_plane *q, const struct tile *t,
                                const struct move_context *k, struct pass_open_lane at,
                                uint32_t word, struct move *mv, int *turned) {
    const struct lattice *l = &t->lattice;
    const struct configuration *x = k->x;
    const struct lattice_layer *from = q->layer_a, *to = q->layer_b;
    int64_t a = at.j * l->row + at.i;
    int64_t b =
        pass_wrap(at.j + q->other.dj, l->nb) * l->row + pass_wrap(at.i + q->other.di, l->na);
    uint8_t byte_a = x->occupancy[q->base_a + a], byte_b = x->occupancy[q->base_b + b];
    int info_a = plan->info[p->code[byte_a]], info_b = plan->info[q->code_b[byte_b]];
    int forward = (info_a & PASS_HAS) && (info_b & PASS_ROOM);
    int backward = (info_b & PASS_HAS) && (info_a & PASS_ROOM);
    int oxygen_a = from->kind == SITE_O, oxygen_b = to->kind == SITE_O;
    if ((oxygen_a && byte_a > ANION_HOLE) || (oxygen_b && byte_b > ANION_HOLE) ||
        !(forward | backward))
        return -1;
    int both_deep =
        !oxygen_a && !oxygen_b && k->m->capacity[byte_a] > 1 && k->m->capacity[byte_b] > 1;
    *turned = both_deep ? (int)(word & 1) : !forward; /* moves_orient */
    if (!(*turned ? backward : forward))
        return 0;
    a += q->cell_a;
    b += q->cell_b;
    if (*turned) {
        const struct lattice_layer *layer = from;
        int64_t cell = a;
        uint8_t byte = byte_a;
        from = to;
        to = layer;
        a = b;
        b = cell;
        byte_a = byte_b;
        byte_b = byte;
    }
    int shared = p->group == PASS_VERTEX ? 1 : q->other.shared;
    mv->kind = MOVE_TOKEN;
    mv->li_change = (int8_t)tokens_li_change(from->kind, byte_a, to->kind, byte_b);
    mv->energy =
        (int64_t)tokens_energy_in(k->m, x, from, a, byte_a, -1) +
        tokens_energy_in(k->m, x, to, b, byte_b, +1) +
        tokens_cross(k->m, from->kind, to->kind, byte_a, byte_b, shared, q->other.shared >= 3);
    if (oxygen_a && oxygen_b)
        mv->energy -= k->m->pair[ANION_HOLE][ANION_HOLE];
    return 1;
}

/* ---- one call on many tiles ---- */

/* What a call of equilibrate asks of every tile of one replica in one round. */
struct tile_call {
    struct event_limits limits;
    struct electrode electrode; /* target counts from the demon of the tile */
    struct philox random;
    int32_t band;
    uint32_t step, first_pass, passes; /* of this round */
    uint32_t measured_from, all;       /* in passes of the whole call */
    uint8_t complete;                  /* see struct move_context */
};

/* What a tile did; integers, so the order of adding does not matter. */
struct tile_sums {
    int64_t energy, li, evaluated, accepted, draws;
    int64_t sum_li; /* sum over the measured passes of the call of the change since its beginning */
};

KMC_HD void tile_sums_add(struct tile_sums *a, const struct tile_sums *b) {
    a->energy += b->energy;
    a->li += b->li;
    a->evaluated += b->evaluated;
    a->accepted += b->accepted;
    a->draws += b->draws;
    a->sum_li += b->sum_li;
}

/* Books an accepted move of a pass: a change of N counts in all measured passes from here to the end of the call. */
KMC_HD void tile_sums_book(struct tile_sums *s, const struct tile_call *c, const struct move *mv,
                           uint32_t pass) {
    uint32_t from = pass > c->measured_from ? pass : c->measured_from;
    s->accepted++;
    s->energy += mv->energy;
    s->li += mv->li_change;
    s->sum_li += (int64_t)mv->li_change * (c->all - from);
}

KMC_HD int pass_accepts(const struct rate_model *m, const struct tile_call *c,
                        const struct move *mv, int64_t n_li, uint32_t word, uint32_t pass,
                        uint32_t tile, uint32_t lane) {
    int64_t omega = mv->energy + tokens_electrode(&c->electrode, n_li, mv->li_change);
    return moves_accept(&m->boltzmann, omega, word, c->random, c->step,
                        pass_low_index(pass, tile, lane));
}

/* Random places of the cuts for one round (equilibrate) or window (advance) of a step. */
KMC_HD void pass_place_cuts(struct tiling *g, const struct lattice *box, struct philox random,
                            uint32_t step, uint32_t purpose) {
    struct philox_block r = pass_words(random, step, purpose, UINT32_MAX);
    for (int a = 0; a < AXES; a++)
        g->origin[a] =
            g->pieces[a] > 1 ? (int32_t)philox_below(r.v[a], (uint32_t)tile_box_length(box, a)) : 0;
    g->origin[AXIS_C] = g->origin[AXIS_C] / 2 * 2;
}

/* Demon of a tile in a round. */
KMC_HD int64_t pass_demon(struct philox random, uint32_t step, int64_t tile, int64_t n_demons) {
    return (tile + pass_words(random, step, 1, UINT32_MAX).v[0]) % n_demons;
}

/* Gives the demons what is missing until N + their sum = target, spread evenly. */
KMC_HD void pass_charge_demons(int32_t *demon, int64_t n, int64_t target, int64_t n_li) {
    int64_t missing = target - n_li;
    for (int64_t t = 0; t < n; t++)
        missing -= demon[t];
    int64_t each = missing / n, left = missing % n, sign = left < 0 ? -1 : 1;
    for (int64_t t = 0; t < n; t++)
        demon[t] += (int32_t)(each + (t < left * sign ? sign : 0));
}

#endif
