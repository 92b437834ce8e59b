/* Guarantee: fast hops of Li+ are drawn alike from both ends, keep all books, leave what is no Li+ where it is, and cost nothing where Li+ is not on the clock.
 * That they sample the Boltzmann distribution: validate/test_equilibrium.c; that a hop is a move or an event, never both: test_lithium_hops.c. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include "../kmc/lithium_moves.h"
#include "fixture.h"

static bool same(struct lattice_coord a, struct lattice_coord b) {
    return a.plane == b.plane && a.kind == b.kind && a.i == b.i && a.j == b.j;
}

/* Number of the way from oct c past `tet` to `end`, -1 when there is none. */
static int way_between(const struct lithium_moves *l, struct lattice_coord c,
                       struct lattice_coord tet, struct lattice_coord end) {
    const struct lattice *lat = &l->m->lattice;
    const struct lithium_way *way = &l->way[lattice_oxygen_index(lat, c) * l->most_ways];
    for (int k = 0; k < l->most_ways; k++)
        if (way[k].tet == lattice_site(lat, tet) && way[k].end == lattice_oxygen_index(lat, end))
            return k;
    return -1;
}

static int number_of_ways(const struct lithium_moves *l, struct lattice_coord c) {
    int n = 0;
    while (n < l->most_ways &&
           l->way[lattice_oxygen_index(&l->m->lattice, c) * l->most_ways + n].end >= 0)
        n++;
    return n;
}

/* Ways of an oct: all from the stencils, each once, each with its way back. */
static int check_ways(const struct lithium_moves *l, struct lattice_coord c) {
    const struct lattice *lat = &l->m->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(lat, c);
    int n = 0;
    for (int v = 0; v < st->n_face; v++) {
        struct lattice_coord tet = lattice_step(lat, c, st->face[v]);
        const struct lattice_stencil *of_tet = lattice_stencil_of(lat, tet);
        for (int w = 0; w < of_tet->n_face && tet.kind != SITE_OCT; w++) {
            struct lattice_coord end = lattice_step(lat, tet, of_tet->face[w]);
            if (end.kind != SITE_OCT || same(end, c))
                continue;
            n++;
            cr_assert_geq(way_between(l, c, tet, end), 0, "plane %d", c.plane);
            cr_assert_geq(way_between(l, end, tet, c), 0, "plane %d: no way back", c.plane);
        }
    }
    cr_assert_eq(number_of_ways(l, c), n, "plane %d", c.plane);
    cr_assert_eq(l->site[lattice_oxygen_index(lat, c)], lattice_site(lat, c));
    return n;
}

Test(lithium_moves, every_way_has_its_way_back) {
    static const char *const scenario[] = {"builtin:o3-lmr", "builtin:o2-lmr",
                                           "builtin:o2-o3-hybrid", "builtin:o6-lmr"};
    for (int s = 0; s < 4; s++) {
        struct fixture *f =
            fixture_create(scenario[s], FIXTURE_SET("structure.cells_a=6", "structure.cells_b=6"));
        struct lithium_moves l;
        f->model->with_lithium = 1;
        f->model->lithium_firings = 10;
        cr_assert(lithium_moves_init(&l, f->model));
        for (int32_t plane = 0; plane < f->model->lattice.n_planes; plane++) {
            int n = check_ways(&l, (struct lattice_coord){plane, SITE_OCT, 5, 0});
            cr_expect(n > 0 && n <= LITHIUM_WAYS);
        }
        lithium_moves_free(&l);
        fixture_free(f);
    }
}

Test(lithium_moves, take_no_memory_where_none_is_fast) {
    struct fixture *f = fixture_create("builtin:o3-lmr", NULL);
    struct lithium_moves l;
    cr_assert(lithium_moves_init(&l, f->model));
    cr_expect(!l.vacant && !l.way);
    f->model->with_lithium = 1;
    cr_assert(lithium_moves_init(&l, f->model)); /* lithium_firings = 0: all on the clock */
    cr_expect(!l.vacant && !l.way);
    fixture_free(f);
}

/* Octs listed as vacant are those that are, and know their place. */
static void check_list(const struct lithium_moves *l, const struct state *s) {
    int64_t n = 0;
    for (int64_t site = 0; site < s->n_sites; site++) {
        struct lattice_coord c = lattice_coord_of(&l->m->lattice, site);
        if (c.kind != SITE_OCT || s->x.occupancy[site] != CATION_VACANCY)
            continue;
        int64_t oct = lattice_oxygen_index(&l->m->lattice, c), place = l->place[oct];
        cr_assert(place >= 0 && place < l->n_vacant && l->vacant[place] == oct);
        n++;
    }
    cr_assert_eq(l->n_vacant, n);
}

Test(lithium_moves, keep_the_books_and_all_that_is_no_lithium) {
    struct fixture *f = fixture_create("builtin:o3-lmr",
                                       FIXTURE_SET("structure.cells_a=6", "structure.cells_b=6",
                                                   "structure.repeats=1", "structure.geometry=slab",
                                                   "conditions.temperature_K=500"));
    struct state *s = fixture_state(f);
    fixture_scramble(f, 4.3, 2, 20, 1e-3);
    struct state before = fixture_copy(f, s);
    struct engine_equilibrated out = {0};
    struct event_limits limits;
    struct lithium_moves l;
    int64_t moved = 0, n_li = s->n_li;
    f->model->with_lithium = f->model->mobile[CATION_LI] = 1;
    f->model->lithium_share = f->model->lithium_firings = 1;
    f->model->lithium_tries_a_draw = 4;
    f->model->lithium_tries = 1e-6; /* a hop would fire more often than that: every try goes */
    channels_limits_init(&limits, f->model, 1e6);
    cr_assert(lithium_moves_init(&l, f->model));
    lithium_moves_begin(&l, &s->x, &limits, 1e6, 1);
    for (int64_t d = 0; d < 20000; d++)
        lithium_moves_try(&l, s, d, &out);
    cr_expect(out.accepted > 1000 && out.accepted < out.evaluated, "%lld of %lld",
              (long long)out.accepted, (long long)out.evaluated);
    const char *problem = state_verify(s, f->model);
    cr_assert_null(problem, "%s", problem);
    cr_assert_eq(s->energy_ueV, state_recount(s, f->model));
    cr_assert_eq(s->n_li, n_li);
    check_list(&l, s);
    for (int64_t site = 0; site < s->n_sites; site++) {
        uint8_t was = before.x.occupancy[site], now = s->x.occupancy[site];
        bool li_site = lattice_coord_of(&f->model->lattice, site).kind != SITE_O &&
                       was <= CATION_LI && now <= CATION_LI;
        cr_assert(was == now || li_site);
        moved += was != now;
    }
    cr_expect_gt(moved, 40, "%lld sites of %lld Li+", (long long)moved, (long long)n_li);
    lithium_moves_free(&l);
    state_free(&before);
    fixture_free(f);
}

/* How often a way is tried for one draw a site, whatever share of the draws the effort asks for; into a tet each face an eighth as often. */
Test(lithium_moves, are_tried_as_often_as_asked) {
    struct fixture *f = fixture_create("builtin:o3-lmr", FIXTURE_SET("structure.repeats=1"));
    struct state *s = fixture_state(f);
    struct engine_equilibrated out = {0};
    struct event_limits limits = {0};
    struct lithium_moves l;
    f->model->with_lithium = 1;
    f->model->lithium_firings = f->model->lithium_share = 1;
    f->model->lithium_tries = f->model->lithium_tries_a_draw = 3;
    for (int k = 0; k < EVENT_KINDS; k++)
        limits.fast[k] = -1; /* none is carried out */
    cr_assert(lithium_moves_init(&l, f->model));
    lithium_moves_begin(&l, &s->x, &limits, 1, 0.5);
    for (int64_t d = 0; d < 2 * s->n_sites; d++)
        lithium_moves_try(&l, s, d, &out);
    double ways = (double)(l.most_ways * l.n_vacant + l.n_octs);
    cr_expect_float_eq((double)l.tried, 3 * ways, 2, "%g tries, expected %g", (double)l.tried,
                       3 * ways);
    cr_expect_eq(out.evaluated, 0);
    lithium_moves_free(&l);
    fixture_free(f);
}

/* Firings of a hop in one slice by its rate; its faster direction fires no more often than it is tried. */
static double firings_of(const struct event_context *e, const struct event_channel *ch) {
    const struct lattice *l = &e->m->lattice;
    bool tet = lattice_coord_of(l, ch->site).kind != lattice_coord_of(l, ch->target).kind;
    double firings = ch->rate * e->slice_s,
           uphill = ch->energy > 0 ? (double)ch->energy / e->m->boltzmann.kT_ueV : 0,
           faster = firings * exp(uphill), most = e->m->lithium_tries / (tet ? LITHIUM_FACES : 1);
    return firings * (faster > most ? most / faster : 1);
}

/* Of all fast hops. */
static double expected_firings(const struct event_context *fast) {
    struct event_context all = *fast;
    struct fixture_channels *channels = malloc(sizeof *channels);
    double sum = 0;
    cr_assert_not_null(channels);
    all.limits.fast[EVENT_LITHIUM] = -1;
    for (int with_moves = 0; with_moves < 2; with_moves++)
        for (int64_t site = 0; site < lattice_n_sites(&fast->m->lattice); site++) {
            fixture_channels_of(with_moves ? &all : fast, site, channels);
            for (int n = 0; n < channels->list.n; n++)
                if (channels->channel[n].kind == EVENT_LITHIUM)
                    sum += (with_moves ? 1 : -1) * firings_of(fast, &channels->channel[n]);
        }
    free(channels);
    return sum;
}

/* In equilibrium as many hops are accepted in a slice as their rates make expect, past tets and into them: a fast hop fires as it would on the clock, or as
 * often as it is tried. */
Test(lithium_moves, fire_as_often_as_on_the_clock) {
    enum { ROUNDS = 400, LEFT_OUT = 10, SLICES = 2 /* a round */ };
    struct fixture *f = fixture_create(
        "builtin:o3-lmr",
        FIXTURE_SET("structure.cells_a=6", "structure.cells_b=6", "structure.repeats=1",
                    "structure.geometry=slab", "conditions.temperature_K=500",
                    "model.li_tet_eV=0.1", "model.face_tet_oct_li_tm_eV=0.1"));
    struct state *s = fixture_state(f);
    fixture_scramble(f, 4.3, 2, 20, 1e-3);
    struct rate_model *m = f->model;
    m->with_lithium = m->mobile[CATION_LI] = 1;
    m->lithium_share = 1;
    m->lithium_firings = 1e-4;
    struct event_context e = {.m = m, .x = &s->x, .step_s = 1e-7, .slice_s = 1e-7};
    channels_limits_init(&e.limits, m, e.slice_s);
    static const double tries[] = {40, 4};
    for (int k = 0; k < 2; k++) {
        double expected = 0, found = 0;
        struct lithium_moves l;
        m->lithium_tries = m->lithium_tries_a_draw = tries[k];
        cr_assert(lithium_moves_init(&l, m));
        for (int round = 0; round < ROUNDS; round++) {
            struct engine_equilibrated out = {0};
            s->step++;
            lithium_moves_begin(&l, &s->x, &e.limits, e.slice_s, 1);
            for (int64_t d = 0; d < SLICES * s->n_sites; d++)
                lithium_moves_try(&l, s, d, &out);
            if (round < LEFT_OUT)
                continue;
            found += (double)out.accepted / SLICES;
            expected += expected_firings(&e);
        }
        cr_log_info("%g tries: %g hops, expected %g\n", tries[k], found, expected);
        cr_expect_gt(expected, 1e4, "%g hops expected", expected);
        cr_expect_float_eq(found / expected, 1, 0.03, "%g hops, expected %g", found, expected);
        lithium_moves_free(&l);
    }
    fixture_free(f);
}
