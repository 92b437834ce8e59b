/* Guarantee: bonds of one pass do not touch what another one reads or writes, whatever the state.
 *
 * No reasoning about neighbours: on random configurations every lane of a pass is judged, then moves
 * are carried out one by one, and after each every other lane must be judged as before, to the
 * microelectronvolt.  All channels, members and kinds come up, in O3, O2, a hybrid, a slab, a
 * particle, boxes of odd sizes and cut tiles.  A spacing made smaller by one along any axis must be
 * caught.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include "../kmc/schedule.h"
#include "fixture.h"

enum { LANES = PASS_LANES_MAX };

struct bench {
    struct fixture *f;
    struct schedule schedule;
    struct tile tile;
    struct lattice_reach reach[LATTICE_MAX_STENCILS];
    struct lattice_layer layer[TILE_PLANES_MAX * SITE_KINDS];
    void *workspace;
    struct move_context moves;
    struct philox random;
    int64_t judged, applied, seen[PASS_CHANNELS_MAX];
};

static struct bench *create(const char *source, const char *const *set) {
    struct bench *b = calloc(1, sizeof *b);
    cr_assert_not_null(b);
    b->f = fixture_create(source, set);
    cr_assert(schedule_init(&b->schedule, b->f->model, (const int32_t[AXES]){4, 4, 4}));
    b->workspace = malloc((size_t)b->schedule.tile_bytes);
    cr_assert_not_null(b->workspace);
    b->random.seed = 7;
    return b;
}

static void destroy(struct bench *b) {
    free(b->workspace);
    fixture_free(b->f);
    free(b);
}

/* Tile `index` of a random cut of the present configuration; every oxygen pair counts as fast. */
static void load_tile(struct bench *b, uint32_t round, int64_t index) {
    struct state *s = fixture_state(b->f);
    struct tiling g;
    memcpy(g.pieces, b->schedule.tile_pieces, sizeof g.pieces);
    pass_place_cuts(&g, &b->f->model->lattice, b->random, round, 0);
    tile_place(&b->tile, &g, &b->f->model->lattice, index);
    tile_point(&b->tile, b->workspace);
    tile_tables(&b->tile, b->reach, b->layer);
    for (int32_t row = 0; row < tile_rows(&b->tile); row++)
        tile_load_row(&b->tile, &s->x, row);
    b->moves =
        (struct move_context){b->f->model, &b->tile.x, {0}, 4200000, schedule_is_complete(s)};
    for (int k = 0; k < EVENT_KINDS; k++)
        b->moves.limits.fast[k] = INT64_MAX;
}

static void load(struct bench *b, uint32_t round, int64_t index) {
    fixture_randomise(b->f, round);
    load_tile(b, round, index);
}

static int judge(const struct bench *b, const struct pass *p, int32_t lane, struct move *mv) {
    const struct lattice *l = &b->tile.lattice;
    struct pass_plane q;
    int32_t at[AXES];
    pass_lane(p, lane, at);
    struct pass_row row;
    if (!pass_plane_begin(&b->schedule.plan, p, l, at[AXIS_C], b->moves.complete, &q))
        return 0;
    pass_row_begin(&q, l, pass_place(p, AXIS_B, at[AXIS_B]), &row);
    /* word 0: nothing is thinned out that can be kept at all, the coin shows tails */
    return pass_judge(&b->schedule.plan, p, &q, &row, &b->tile, &b->moves,
                      pass_place(p, AXIS_A, at[AXIS_A]), lane, 0, mv);
}

static bool same(const struct move *a, const struct move *b) {
    return a->energy == b->energy && a->kind == b->kind && a->li_change == b->li_change &&
           a->bond.site_a == b->bond.site_a && a->bond.site_b == b->bond.site_b;
}

/* Number of lanes whose judgement another lane's move has changed. */
static int64_t conflicts(struct bench *b, const struct pass *p) {
    static struct move before[LANES];
    static int has[LANES];
    int64_t bad = 0;
    cr_assert_leq(p->lanes, LANES);
    for (int32_t k = 0; k < p->lanes; k++)
        has[k] = judge(b, p, k, &before[k]);
    for (int32_t k = 0; k < p->lanes; k++) {
        if (!has[k])
            continue;
        moves_apply(&b->moves, &before[k]);
        b->applied++;
        for (int32_t other = k + 1; other < p->lanes; other++) {
            struct move now;
            int still = judge(b, p, other, &now);
            b->judged++;
            bad += still != has[other] || (still && !same(&now, &before[other]));
        }
    }
    return bad;
}

/* Passes of every channel on random configurations; returns the conflicts found. */
static int64_t sweep(struct bench *b, int channel, uint32_t rounds) {
    const struct pass_plan *plan = &b->schedule.plan;
    int64_t bad = 0;
    for (uint32_t r = 0; r < rounds; r++) {
        load(b, 1000 * (uint32_t)channel + r, r % b->schedule.n_tiles);
        for (uint32_t n = 0; n < 24; n++) {
            struct philox_block w = pass_words(b->random, r, n, (uint32_t)channel);
            struct pass p;
            uint32_t slot = 0;
            while (slot < PASS_SLOTS && plan->slot[1][slot] != channel)
                slot++;
            cr_assert_lt(slot, PASS_SLOTS, "channel %d is never drawn", channel);
            w.v[0] = slot << (32 - PASS_SLOT_BITS) | (w.v[0] & 3);
            pass_begin(&p, plan, &b->tile, 1, w, n);
            cr_assert_eq(p.channel, &plan->channel[channel]);
            bad += conflicts(b, &p);
        }
    }
    b->seen[channel] = b->applied;
    return bad;
}

static void all_channels(const char *source, const char *const *set, uint32_t rounds) {
    struct bench *b = create(source, set);
    for (int c = 0; c < b->schedule.plan.n_channels; c++) {
        int64_t before = b->applied;
        cr_expect_eq(sweep(b, c, rounds), 0, "channel %d: lanes touch each other", c);
        cr_expect_gt(b->applied, before, "channel %d: no move was tried", c);
    }
    cr_assert_gt(b->judged, 1000);
    destroy(b);
}

#define BOX(a, b, n)                                                                               \
    "structure.cells_a=" #a, "structure.cells_b=" #b, "structure.repeats=" #n,                     \
        "structure.order=solid-solution", FIXTURE_CHEMISTRY

Test(passes, lanes_do_not_touch_in_o3) {
    all_channels("builtin:o3-lmr", FIXTURE_SET(BOX(9, 7, 2)), 4);
}

Test(passes, lanes_do_not_touch_in_o2) {
    all_channels("builtin:o2-lmr", FIXTURE_SET(BOX(8, 9, 3)), 4);
}

Test(passes, lanes_do_not_touch_in_a_hybrid) {
    all_channels("builtin:o2-o3-hybrid", FIXTURE_SET(BOX(7, 8, 1)), 4);
}

Test(passes, lanes_do_not_touch_in_a_slab) {
    all_channels("builtin:o3-lmr", FIXTURE_SET(BOX(8, 6, 2), "structure.geometry=slab"), 4);
}

Test(passes, lanes_do_not_touch_with_contested_mechanisms) {
    all_channels("builtin:o3-lmr",
                 FIXTURE_SET(BOX(8, 6, 2), "structure.geometry=slab", FIXTURE_CONTESTED), 4);
}

Test(passes, lanes_do_not_touch_in_cut_tiles) {
    all_channels("builtin:o3-lmr", FIXTURE_SET(BOX(18, 20, 3)), 4);
}

/* A spacing smaller by one (two planes) is caught along each axis, in most channels: the spacings
 * are not larger than they need to be, and the test can fail. */
Test(passes, a_smaller_spacing_is_caught) {
    struct bench *b = create("builtin:o3-lmr", FIXTURE_SET(BOX(12, 12, 2)));
    for (int axis = 0; axis < AXES; axis++) {
        int caught = 0, n = 0;
        for (int c = 0; c < b->schedule.plan.n_channels; c++) {
            uint8_t *spacing = &b->schedule.plan.channel[c].spacing[axis];
            uint8_t right = *spacing, step = axis == AXIS_C ? 2 : 1;
            if (b->schedule.plan.channel[c].bonded) /* bonds and spacings of another channel */
                continue;
            n++;
            if (right <= step)
                continue;
            *spacing = (uint8_t)(right - step);
            caught += sweep(b, c, 6) > 0;
            *spacing = right;
        }
        cr_log_info("axis %d: caught in %d of %d channels", axis, caught, n);
        cr_expect_geq(caught, n / 3, "axis %d: caught in %d of %d channels", axis, caught, n);
    }
    destroy(b);
}

/* Tries many passes in the loaded tile: the sum of all energies as found, nothing applied. */
static int64_t judgement(struct bench *b, uint32_t round) {
    int64_t sum = 0;
    for (uint32_t n = 0; n < 300; n++) {
        struct pass p;
        pass_begin(&p, &b->schedule.plan, &b->tile, (int)(n % 3),
                   pass_words(b->random, round, n, 99), n);
        for (int32_t lane = 0; lane < p.lanes; lane++) {
            struct move mv;
            if (judge(b, &p, lane, &mv))
                sum += (n + 1) * (int64_t)(lane + 1) * mv.energy;
        }
    }
    return sum;
}

static int64_t move_much(struct bench *b, uint32_t round, uint32_t tile) {
    int64_t changed = 0;
    for (uint32_t n = 0; n < 300; n++) {
        struct pass p;
        pass_begin(&p, &b->schedule.plan, &b->tile, (int)(n % 3),
                   pass_words(b->random, round, n, tile), n);
        for (int32_t lane = 0; lane < p.lanes; lane++) {
            struct move mv;
            if (!judge(b, &p, lane, &mv))
                continue;
            moves_apply(&b->moves, &mv);
            changed++;
        }
    }
    return changed;
}

/* Tiles of one round never change what another one reads: after all that may move in one tile has
 * moved, every judgement in the others is as before, and the caches of the box are right. */
Test(passes, tiles_do_not_touch) {
    struct bench *b = create("builtin:o3-lmr", FIXTURE_SET(BOX(18, 20, 3)));
    struct state *s = fixture_state(b->f);
    int64_t n = b->schedule.n_tiles, *before = calloc((size_t)n, sizeof *before);
    cr_assert_gt(n, 4);
    for (uint32_t round = 0; round < 2; round++) {
        fixture_randomise(b->f, round);
        for (int64_t t = 0; t < n; t++) {
            load_tile(b, round, t);
            before[t] = judgement(b, round);
        }
        for (int64_t t = 0; t < 2; t++) {
            load_tile(b, round, t);
            cr_assert_gt(move_much(b, round, (uint32_t)t), 100);
            for (int32_t row = 0; row < tile_rows(&b->tile); row++)
                tile_store_row(&b->tile, &s->x, row);
            for (int64_t u = t + 1; u < n; u++) {
                load_tile(b, round, u);
                cr_expect_eq(judgement(b, round), before[u], "tile %lld reads what %lld changes",
                             (long long)u, (long long)t);
            }
        }
        struct state again = fixture_copy(b->f, s);
        cr_expect_eq(
            memcmp(again.x.deviation, s->x.deviation, (size_t)s->n_oxygen * sizeof *s->x.deviation),
            0);
        state_free(&again);
    }
    free(before);
    destroy(b);
}
