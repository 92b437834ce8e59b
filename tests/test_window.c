/* Guarantee: a window of `advance` keeps, after every event, bit for bit the rates that the plain enumeration gives: no field, bound, margin of the copy
 * or list of influence falls short.  And the copy stays what the box is.
 *
 * The engine's own functions are compiled into this file, so that its loop can be stopped after each event.
 */
#include <criterion/criterion.h>
#define engine_cpu window_engine_cpu
#include "../kmc/engine_cpu.c"
#undef engine_cpu
#include "fixture.h"

struct bench {
    struct fixture *f;
    struct engine *e;
    struct workspace *work;
    int64_t fired[EVENT_KINDS];
};

static void bench_init(struct bench *b, struct fixture *f) {
    memset(b, 0, sizeof *b);
    b->f = f;
    fixture_vacate(f, 1, 4);
    b->e = cpu_create(f->model, fixture_state(f), 1);
    cr_assert_not_null(b->e);
    b->work = take_workspace(b->e->c);
}

static void bench_free(struct bench *b) {
    give_workspace(b->e->c, b->work);
    cpu_free(b->e);
    fixture_free(b->f);
}

/* All rates of the region, computed on the box itself without fields and bounds. */
static void compare_rates(const struct window *w) {
    struct event_context plain = w->context;
    struct configuration box = w->box;
    plain.x = &box;
    plain.fields = NULL;
    for (int64_t leaf = 0; leaf < window_leaves(&w->region); leaf++) {
        struct event_list list = {.search = -1};
        events_of_site(&plain, tile_global(&w->tile, box.lattice, window_coord(w, leaf)), &list);
        cr_assert_eq(memcmp(&list.total, &w->rate[leaf], sizeof list.total), 0,
                     "leaf %lld: plain %.17g, kept %.17g", (long long)leaf, list.total,
                     w->rate[leaf]);
    }
}

/* Does a cell of the copy lie in the border beyond the margin of a cut axis?  Nothing may depend on what stands there. */
static bool is_beyond(const struct window *w, struct lattice_coord c) {
    const struct lattice *l = &w->tile.lattice;
    const uint8_t *cut = w->tile.cut;
    return (cut[AXIS_A] && (c.i < 0 || c.i >= l->na)) ||
           (cut[AXIS_B] && (c.j < 0 || c.j >= l->nb)) ||
           (cut[AXIS_C] && (c.plane < 0 || c.plane >= l->n_planes));
}

/* Puts nonsense there: rates that read it differ from those of the box. */
static void spoil_beyond(struct window *w) {
    const struct lattice *l = &w->tile.lattice;
    struct configuration *x = &w->tile.x;
    struct lattice_coord c;
    for (c.plane = -1; c.plane <= l->n_planes; c.plane++)
        for (c.kind = 0; c.kind < SITE_KINDS; c.kind++)
            for (c.j = -1; c.j <= l->nb; c.j++)
                for (c.i = -1; c.i <= l->na; c.i++) {
                    if (!is_beyond(w, c))
                        continue;
                    uint8_t *byte = &x->occupancy[lattice_site(l, c)];
                    *byte = c.kind == SITE_O
                                ? ANION_HOLE
                                : (uint8_t)(*byte == CATION_LI ? CATION_VACANCY : CATION_LI);
                    x->deviation[lattice_oxygen_index(l, c)] = 17;
                    x->n_tm[lattice_oxygen_index(l, c)] = 5;
                }
}

/* Every cell of the copy, images included, against the box. */
static void compare_copy(const struct window *w) {
    const struct lattice *l = &w->tile.lattice, *box = w->box.lattice;
    struct lattice_coord c;
    for (c.plane = -1; c.plane <= l->n_planes; c.plane++)
        for (c.kind = 0; c.kind < SITE_KINDS; c.kind++)
            for (c.j = -1; c.j <= l->nb; c.j++)
                for (c.i = -1; c.i <= l->na; c.i++) {
                    struct lattice_coord g = tile_global(&w->tile, box, c);
                    if (is_beyond(w, c))
                        continue;
                    cr_assert_eq(w->tile.x.occupancy[lattice_site(l, c)],
                                 w->box.occupancy[lattice_site(box, g)]);
                    cr_assert_eq(w->tile.x.deviation[lattice_oxygen_index(l, c)],
                                 w->box.deviation[lattice_oxygen_index(box, g)]);
                    cr_assert_eq(w->tile.x.n_tm[lattice_oxygen_index(l, c)],
                                 w->box.n_tm[lattice_oxygen_index(box, g)]);
                }
}

/* Every field of the copy, border included, against fields filled anew.  What stands at O that are no O2- or have no hole beside means nothing. */
static void compare_fields(const struct window *w) {
    const struct lattice *l = &w->tile.lattice;
    struct window anew = *w;
    void *memory = malloc((size_t)fields_bytes(l));
    cr_assert_not_null(memory);
    fields_point(&anew.fields, memory);
    fill_fields(&anew);
    struct lattice_coord c = {0, SITE_O, 0, 0};
    for (c.plane = 0; c.plane < l->n_planes; c.plane++)
        for (c.j = 0; c.j < l->nb; c.j++)
            for (c.i = 0; c.i < l->na; c.i++) {
                struct lattice_images m = lattice_images_of(l, c);
                int64_t own = lattice_oxygen_index(l, c);
                for (int n = m.axes, last = 0; !last; last = n == 0, n = (n - 1) & m.axes) {
                    int64_t cell = own + lattice_image_step(l, &m, n, 1);
                    const struct fields *a = &w->fields, *b = &anew.fields;
                    cr_assert_eq(a->give[cell], b->give[cell]);
                    cr_assert_eq(a->group[cell], b->group[cell]);
                    cr_assert_eq(a->tm_step[cell], b->tm_step[cell]);
                    cr_assert_eq(a->real[cell], own);
                    cr_assert_eq(a->may_hop[own], b->may_hop[own]);
                    for (int kind = SITE_TET_UP; kind < SITE_KINDS; kind++) {
                        cr_assert_eq(a->phi[kind][cell], b->phi[kind][cell]);
                        for (int ion = 0; ion < FIELDS_NEAR; ion++)
                            cr_assert_eq(a->near[kind][ion][cell], b->near[kind][ion][cell]);
                    }
                    for (int s = ANION_HOLE; s < ANION_ACTIVE; s++)
                        cr_assert_eq(a->around[s][own], b->around[s][own]);
                    if (a->around[ANION_HOLE][own] &&
                        rate_model_state(w->tile.x.occupancy[lattice_site(l, c)]) == ANION_OXIDE)
                        cr_assert_eq(a->share[cell], b->share[cell]);
                }
            }
    free(memory);
}

static bool fire_one(struct bench *b, struct window *w, struct window_sums *sums, uint32_t number) {
    if (!(window_total(w) > 0))
        return false;
    struct event_channel ch =
        window_event(w, window_draw(b->e->s->random, b->e->s->step, 0, number));
    int64_t site[3];
    int n = window_changed(&w->tile.lattice, &ch, site);
    window_apply(w, &ch, 0);
    window_apply(w, &ch, 1);
    window_count(sums, w, &ch);
    refresh_changed(b->e, b->work, w, site, n);
    b->fired[ch.kind]++;
    return true;
}

/* A window of every region of the first parity, `events` checked events in each. */
static void run_windows(struct bench *b, const struct window_call *call, int events) {
    const struct lattice *box = &b->e->m->lattice;
    struct tiling g;
    memcpy(g.pieces, b->e->c->schedule.region_pieces, sizeof g.pieces);
    pass_place_cuts(&g, box, call->random, call->step, 2);
    for (int64_t t = 0; t < b->e->c->schedule.n_regions; t++) {
        struct window_sums sums = {.slow_down_min = 1};
        struct window w = window_of(b->e, call);
        if (!region_place(&w.region, &g, box, t, 0))
            continue;
        load_window(b->e, b->work, &w);
        spoil_beyond(&w);
        refresh_rates(&w);
        compare_rates(&w);
        for (int d = 0; d < events && fire_one(b, &w, &sums, (uint32_t)d); d++) {
            compare_rates(&w);
            compare_fields(&w);
        }
        compare_copy(&w);
        b->e->s->energy_ueV += sums.energy;
        b->e->s->n_li += sums.li;
        const char *problem = state_verify(b->e->s, b->e->m);
        cr_assert_null(problem, "%s", problem);
    }
}

/* Rounds of equilibration and windows: all oxygen events in the even rounds, those that are not fast in the odd. */
static void run(struct bench *b, double voltage_V, double step_s, int rounds, int events) {
    struct engine_equilibrated moved;
    struct engine_task task = {.electrode = {(int32_t)(voltage_V * 1e6), 0, 0}, .step_s = step_s};
    struct window_call call;
    for (int k = 0; k < rounds; k++) {
        cpu_equilibrate(b->e, &task.electrode, step_s, 20 * b->e->s->n_sites, 1, &moved);
        task.slice_s = k % 2 ? step_s : 0;
        schedule_advance(&b->e->c->schedule, b->e->m, b->e->s, &task, &call);
        call.slice_s = step_s;
        b->e->s->step++;
        run_windows(b, &call, events);
    }
}

/* 500 K and low barriers, so that all kinds of events take turns. */
#define LIVELY                                                                                     \
    FIXTURE_CHEMISTRY, "structure.order=solid-solution", "conditions.temperature_K=500",           \
        "elements.Mn.hop_barrier_eV=[0.3,0.4]", "elements.Ni.hop_barrier_eV=[0.3,0.3,0.3]",        \
        "elements.Co.hop_barrier_eV=[0.3,0.3]", "model.gate_max_li=4", "model.gate_per_li_eV=0.1", \
        "model.direct_hop_extra_eV=0", "model.molecular_wall_eV=1", "model.molecular_move_eV=0.5", \
        "model.molecular_exchange_eV=0.5", "model.vacancy_hop_eV=0.6",                             \
        "model.molecular_loss_eV=0.6"
#define SIZE(a, b, c) "structure.cells_a=" #a, "structure.cells_b=" #b, "structure.repeats=" #c

static void follow(const char *source, const char *const *set, int rounds, int events,
                   int64_t wanted) {
    struct bench b;
    int64_t all = 0;
    bench_init(&b, fixture_create(source, set));
    run(&b, 4.6, 1e-3, 2 * rounds, events);
    run(&b, 4.9, 1e-9, rounds, events);
    run(&b, 3.0, 1e-3, rounds, events);
    for (int k = 0; k < EVENT_KINDS; k++)
        all += b.fired[k];
    cr_assert_geq(all, wanted, "only %lld events fired", (long long)all);
    cr_expect_gt(b.fired[EVENT_HOP], 0);
    cr_expect_gt(b.fired[EVENT_COMBINE], 0);
    cr_expect_gt(b.fired[EVENT_VACANCY], 0);
    if (!b.e->complete) /* there is a surface */
        cr_expect_gt(b.fired[EVENT_LOSE], 0);
    if (wanted >= 200) /* enough of them for the rare ones too */
        cr_expect_gt(b.fired[EVENT_MOVE], 0);
    bench_free(&b);
}

Test(window, keeps_all_rates_in_o3) {
    follow("builtin:o3-lmr", FIXTURE_SET(LIVELY, SIZE(6, 6, 1)), 2, 40, 200);
}

Test(window, keeps_all_rates_in_o2) {
    follow("builtin:o2-lmr", FIXTURE_SET(LIVELY, SIZE(6, 6, 1)), 2, 40, 200);
}

Test(window, keeps_all_rates_in_a_hybrid) {
    follow("builtin:o2-o3-hybrid", FIXTURE_SET(LIVELY, SIZE(4, 5, 1)), 2, 40, 200);
}

Test(window, keeps_all_rates_at_free_surfaces) {
    follow("builtin:o3-lmr", FIXTURE_SET(LIVELY, SIZE(6, 6, 1), "structure.geometry=slab"), 2, 40,
           200);
}

Test(window, keeps_all_rates_in_the_smallest_box) {
    follow("builtin:o3-lmr", FIXTURE_SET(LIVELY, SIZE(3, 3, 1), "structure.stacking=ABAC"), 2, 40,
           100);
}

/* A bonded O in the face of a hop that hinders it or helps it: barriers about the floor of rates, so that bounds decide. */
Test(window, keeps_all_rates_whatever_a_bonded_oxygen_does) {
    static const char *const face[] = {"model.peroxo_face_eV=0.5", "model.peroxo_face_eV=-0.5"};
    for (int k = 0; k < 2; k++) {
        struct bench b;
        bench_init(&b, fixture_create("builtin:o3-lmr",
                                      FIXTURE_SET(LIVELY, SIZE(6, 6, 1), face[k],
                                                  "elements.Mn.hop_barrier_eV=[1.7,1.7]",
                                                  "elements.Ni.hop_barrier_eV=[1.7,1.7,1.7]",
                                                  "elements.Co.hop_barrier_eV=[1.7,1.7]")));
        run(&b, 4.6, 1e-3, 4, 40);
        run(&b, 4.9, 1e-3, 4, 40);
        cr_expect_gt(b.fired[EVENT_COMBINE] + b.fired[EVENT_JOIN], 10);
        bench_free(&b);
    }
}

Test(window, keeps_all_rates_with_contested_mechanisms) {
    struct bench b;
    struct fixture *slab = fixture_create(
        "builtin:o3-lmr",
        FIXTURE_SET(LIVELY, SIZE(6, 6, 1), FIXTURE_CONTESTED_LIVELY, "structure.geometry=slab"));
    fixture_protonate(slab, 1);
    bench_init(&b, slab);
    run(&b, 3.6, 1e-3, 4, 40);
    run(&b, 4.6, 1e-3, 4, 40);
    run(&b, 4.9, 1e-9, 2, 40);
    cr_expect_gt(b.fired[EVENT_EXCHANGE], 0);
    cr_expect_gt(b.fired[EVENT_PROTON], 0);
    cr_expect_gt(b.fired[EVENT_HOP], 0);
    bench_free(&b);
    bench_init(&b, fixture_create("builtin:li2mno3",
                                  FIXTURE_SET(LIVELY, SIZE(6, 6, 1), FIXTURE_CONTESTED_LIVELY)));
    run(&b, 4.6, 1e-3, 4, 40);
    cr_expect_gt(b.fired[EVENT_HOP], 0);
    bench_free(&b);
}

/* Regions with margins: eight regions, and cuts in one axis only. */
Test(window, keeps_all_rates_in_regions) {
    follow("builtin:o3-lmr", FIXTURE_SET(LIVELY, SIZE(18, 18, 3)), 2, 40, 60);
    follow("builtin:o2-lmr", FIXTURE_SET(LIVELY, SIZE(5, 18, 1)), 3, 40, 120);
    follow("builtin:o2-lmr", FIXTURE_SET(LIVELY, SIZE(4, 4, 5)), 3, 40, 120);
}
