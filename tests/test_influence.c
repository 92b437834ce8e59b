/* Guarantee: after every event the rates kept in the tree are, bit for bit, those of a full
 * recomputation.
 *
 * The engine's own functions are compiled into this file, so that its loop can be stopped after
 * each event.
 */
#include <criterion/criterion.h>
#define engine_exact influence_engine_exact
#define engine_find influence_engine_find
#include "../kmc/engine_exact.c"
#undef engine_exact
#undef engine_find
#include "../kmc/tiling.h"
#include "fixture.h"

/* The engine of this file on the fixture's state, and the context of `advance`. */
struct bench {
    struct fixture *f;
    struct engine *e;
    struct event_context ctx;
    int64_t fired[EVENT_KINDS];
};

static void bench_init(struct bench *b, struct fixture *f) {
    memset(b, 0, sizeof *b);
    b->f = f;
    fixture_vacate(f, 1, 4);
    b->e = exact_create(f->model, fixture_state(f), 1);
    cr_assert_not_null(b->e);
}

static void bench_free(struct bench *b) {
    exact_free(b->e);
    fixture_free(b->f);
}

/* Channels of all sites from the configuration alone. */
static void compare_with_recomputation(const struct bench *b) {
    for (int64_t s = 0; s < b->e->s->n_sites; s++) {
        struct event_list list = {.search = -1};
        events_of_site(&b->ctx, lattice_coord_of(&b->e->m->lattice, s), &list);
        double kept = rate_tree_get(&b->e->tree, s);
        cr_assert_eq(memcmp(&list.total, &kept, sizeof kept), 0,
                     "site %lld: recomputed %.17g, kept %.17g", (long long)s, list.total, kept);
    }
}

static bool fire_one(struct bench *b, uint64_t number) {
    if (rate_tree_total(&b->e->tree) == 0)
        return false;
    struct philox_block r = philox_draw(b->e->s->random, STREAM_ADVANCE, b->e->s->step, number);
    struct event_channel ch = select_event(b->e, &b->ctx, r);
    int64_t site[3];
    int n = window_changed(&b->e->m->lattice, &ch, site);
    apply_event(b->e, &ch);
    b->ctx.n_li = b->e->s->n_li;
    refresh_influenced(b->e, &b->ctx, site, n);
    b->fired[ch.kind]++;
    return true;
}

/* Rounds of equilibration and `events` checked events each: all oxygen events in the even rounds, those that are not fast in the odd. */
static void run(struct bench *b, double voltage_V, double step_s, int rounds, int events) {
    struct engine_equilibrated moved;
    struct electrode electrode = {(int32_t)(voltage_V * 1e6), 0, 0};
    for (int k = 0; k < rounds; k++) {
        exact_equilibrate(b->e, &electrode, step_s, 20 * b->e->s->n_sites, 1, &moved);
        b->ctx = (struct event_context){.m = b->e->m,
                                        .x = &b->e->s->x,
                                        .electrode = electrode,
                                        .n_li = b->e->s->n_li,
                                        .step_s = step_s,
                                        .slice_s = step_s};
        channels_limits_init(&b->ctx.limits, b->e->m, k % 2 ? step_s : 0);
        b->e->s->step++;
        refresh_rates(b->e, &b->ctx);
        compare_with_recomputation(b);
        for (int d = 0; d < events && fire_one(b, (uint64_t)d); d++)
            compare_with_recomputation(b);
    }
    const char *problem = state_verify(b->e->s, b->e->m);
    cr_assert_null(problem, "%s", problem);
}

static int64_t all_fired(const struct bench *b) {
    int64_t sum = 0;
    for (int k = 0; k < EVENT_KINDS; k++)
        sum += b->fired[k];
    return sum;
}

/* 500 K and low barriers, so that all kinds of events take turns. */
#define LIVELY                                                                                     \
    FIXTURE_CHEMISTRY, "structure.repeats=1", "structure.order=solid-solution",                    \
        "conditions.temperature_K=500", "elements.Mn.hop_barrier_eV=[0.3,0.4]",                    \
        "elements.Ni.hop_barrier_eV=[0.3,0.3,0.3]", "elements.Co.hop_barrier_eV=[0.3,0.3]",        \
        "model.gate_max_li=4", "model.gate_per_li_eV=0.1", "model.direct_hop_extra_eV=0",          \
        "model.molecular_wall_eV=1", "model.molecular_move_eV=0.5",                                \
        "model.molecular_exchange_eV=0.5", "model.vacancy_hop_eV=0.6",                             \
        "model.molecular_loss_eV=0.6"
#define BOX_4 "structure.cells_a=4", "structure.cells_b=4"
#define BOX_3 "structure.cells_a=3", "structure.cells_b=3"

static void follow(const char *source, const char *const *set, int64_t wanted) {
    struct bench b;
    bench_init(&b, fixture_create(source, set));
    run(&b, 4.6, 1e-3, 6, 40);
    run(&b, 4.9, 1e-9, 3, 40);
    run(&b, 3.0, 1e-3, 2, 40);
    cr_assert_geq(all_fired(&b), wanted, "only %lld events fired", (long long)all_fired(&b));
    cr_expect_gt(b.fired[EVENT_HOP], 0);
    cr_expect_gt(b.fired[EVENT_CLEAVE] + b.fired[EVENT_COMBINE], 0);
    cr_expect_gt(b.fired[EVENT_VACANCY], 0);
    if (!b.e->complete) /* there is a surface */
        cr_expect_gt(b.fired[EVENT_LOSE], 0);
    if (wanted >= 200) /* enough of them for the rare ones too */
        cr_expect_gt(b.fired[EVENT_MOVE], 0);
    bench_free(&b);
}

Test(influence, covers_all_reads_in_o3) {
    follow("builtin:o3-lmr", FIXTURE_SET(LIVELY, BOX_4), 300);
}

Test(influence, covers_all_reads_in_o2) {
    follow("builtin:o2-lmr", FIXTURE_SET(LIVELY, BOX_4), 300);
}

Test(influence, covers_all_reads_in_a_hybrid) {
    follow("builtin:o2-o3-hybrid", FIXTURE_SET(LIVELY, BOX_3), 300);
}

Test(influence, covers_all_reads_at_free_surfaces) {
    follow("builtin:o3-lmr", FIXTURE_SET(LIVELY, BOX_4, "structure.geometry=slab"), 300);
}

Test(influence, covers_all_reads_in_the_smallest_box) {
    follow("builtin:o3-lmr", FIXTURE_SET(LIVELY, BOX_3, "structure.stacking=ABAC"), 190);
}

Test(influence, covers_all_reads_with_contested_mechanisms) {
    struct bench b;
    struct fixture *slab =
        fixture_create("builtin:o3-lmr", FIXTURE_SET(LIVELY, BOX_4, FIXTURE_CONTESTED_LIVELY,
                                                     "structure.geometry=slab"));
    fixture_protonate(slab, 1);
    bench_init(&b, slab);
    run(&b, 3.6, 1e-3, 4, 40);
    run(&b, 4.6, 1e-3, 12, 40);
    run(&b, 4.9, 1e-9, 2, 40);
    cr_expect_gt(b.fired[EVENT_EXCHANGE], 0);
    cr_expect_gt(b.fired[EVENT_PROTON], 0);
    cr_expect_gt(b.fired[EVENT_HOP], 0);
    bench_free(&b);
    bench_init(&b, fixture_create("builtin:li2mno3",
                                  FIXTURE_SET(LIVELY, BOX_4, FIXTURE_CONTESTED_LIVELY)));
    run(&b, 4.6, 1e-3, 4, 40);
    cr_expect_gt(b.fired[EVENT_HOP], 0);
    bench_free(&b);
}

Test(influence, covers_all_reads_with_lithium_on_the_clock) {
    struct bench b;
    bench_init(&b,
               fixture_create("builtin:o3-lmr",
                              FIXTURE_SET(LIVELY, "structure.cells_a=6", "structure.cells_b=4",
                                          "structure.geometry=film", "structure.vacuum_cells=1",
                                          "kinetics.lithium_transport=true", "model.li_hop_eV=0.4",
                                          "model.li_pass_eV=0.5", "surface.particle_nm=2")));
    run(&b, 4.6, 1e-3, 6, 60);
    run(&b, 3.6, 1e-3, 2, 60);
    cr_expect_gt(b.fired[EVENT_LITHIUM], 50);
    cr_expect_gt(b.fired[EVENT_HOP], 0);
    cr_expect_gt(b.fired[EVENT_CLEAVE] + b.fired[EVENT_COMBINE], 0);
    bench_free(&b);
}

/* Wide enough that an event leaves most owners alone: a missing owner cannot hide behind the
 * periodic images. */
Test(influence, covers_all_reads_in_a_wider_box) {
    struct bench b;
    bench_init(&b, fixture_create("builtin:o2-lmr", FIXTURE_SET(LIVELY, "structure.cells_a=9",
                                                                "structure.cells_b=9")));
    run(&b, 4.6, 1e-3, 3, 60);
    run(&b, 4.6, 1e-9, 2, 60);
    cr_assert_geq(all_fired(&b), 250);
    bench_free(&b);
}

/* A state whose events change nothing far away: the list must not simply be the whole box. */
Test(influence, is_local) {
    struct influence f;
    struct fixture *x = fixture_create("builtin:o3-lmr", FIXTURE_SET("structure.repeats=2"));
    const struct lattice *l = &x->model->lattice;
    cr_assert(influence_init(&f, l));
    for (int32_t k = 0; k < l->n_planes * SITE_KINDS; k++) {
        cr_assert_lt(f.lists.owner_begin[k + 1] - f.lists.owner_begin[k], lattice_n_sites(l) / 4);
        cr_assert_lt(f.lists.field_begin[k + 1] - f.lists.field_begin[k], lattice_n_sites(l) / 8);
    }
    for (int a = 0; a < AXES; a++) /* reads and writes fit between two regions that act at a time */
        cr_expect_leq(2 * f.reach[a], TILING_REGION_MIN, "axis %d: %d", a, f.reach[a]);
    influence_free(&f);
    fixture_free(x);
}
