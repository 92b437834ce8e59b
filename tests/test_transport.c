/* Guarantee: with Li+ on the clock (kmc/transport.h) only octs that lack an O exchange Li+ with the electrode, the box stands for its particle, boxes without
 * edges and engines without transport are refused, and the surface costs a current the stated voltage.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include "../kmc/simulation.h"
#include "../kmc/units.h"
#include "fixture.h"

/* ---- overpotential ---- */

/* 1 m2/g and 1000 mA/g: 1 A/m2. */
static double eta_V(const struct transport_surface *t, const struct rate_model *m,
                    double A_per_m2) {
    return transport_surface_V(t, m, 1000 * A_per_m2, 1);
}

/* Of which the overpotential reads kT alone. */
static struct rate_model *model_at(double kelvin) {
    struct rate_model *m = calloc(1, sizeof *m);
    cr_assert_not_null(m);
    tables_init(&m->boltzmann, kelvin);
    return m;
}

Test(transport_surface, film_is_a_resistance) {
    const struct transport_surface film = {0, 2};
    struct rate_model *m = model_at(298.15);
    cr_expect_float_eq(transport_surface_V(&film, m, 30, 3), 0.02, 1e-15); /* 0.01 A/m2 */
    cr_expect_float_eq(transport_surface_V(&film, m, -30, 3), -0.02, 1e-15);
    cr_expect_float_eq(eta_V(&film, m, 5), 10, 1e-14);
    free(m);
}

Test(transport_surface, charge_transfer_is_linear_then_logarithmic) {
    for (int k = 0; k < 2; k++) {
        double kelvin = k ? 450 : 298.15, kT_V = 8.617333262e-5 * kelvin;
        const struct transport_surface t = {0.5, 0};
        struct rate_model *m = model_at(kelvin);
        double slope = eta_V(&t, m, 5e-4) / 5e-4;
        cr_expect_float_eq(slope, 2 * kT_V / (2 * 0.5), 1e-5 * kT_V, "%g V m2/A", slope);
        for (double j = 1e2; j < 1e6; j *= 10) {
            double decade = eta_V(&t, m, 10 * j) - eta_V(&t, m, j);
            cr_expect_float_eq(decade, 2 * kT_V * log(10), 5e-5 * kT_V, "%g V a decade", decade);
        }
        for (double j = 1e-3; j < 1e3; j *= 7) /* j = 2 j0 sinh(e eta / 2kT) */
            cr_expect_float_eq(2 * 0.5 * sinh(eta_V(&t, m, j) / (2 * kT_V)), j, 1e-5 * j);
        free(m);
    }
}

Test(transport_surface, is_odd_in_the_current_and_adds_up) {
    const struct transport_surface both = {0.1, 0.4}, transfer = {0.1, 0}, film = {0, 0.4};
    struct rate_model *m = model_at(298.15);
    for (double j = 1e-4; j < 1e2; j *= 3) {
        cr_expect_eq(eta_V(&both, m, -j), -eta_V(&both, m, j));
        cr_expect_gt(eta_V(&both, m, j), 0);
        cr_expect_float_eq(eta_V(&both, m, j), eta_V(&transfer, m, j) + eta_V(&film, m, j), 1e-12);
    }
    free(m);
}

Test(transport_surface, costs_nothing_without_current_surface_or_terms) {
    const struct transport_surface both = {0.1, 0.4}, none = {0, 0};
    struct rate_model *m = model_at(298.15);
    cr_expect_eq(transport_surface_V(&both, m, 0, 3), 0.0);
    cr_expect_eq(transport_surface_V(&both, m, 30, 0), 0.0);
    cr_expect_eq(transport_surface_V(&none, m, 30, 3), 0.0);
    free(m);
}

/* ---- boxes ---- */

#define BULK "structure.cells_a=9", "structure.cells_b=3", "structure.repeats=1"
#define FILM BULK, "structure.geometry=film", "structure.vacuum_cells=2"
#define TRANSPORT "kinetics.lithium_transport=true"

static const double WIDTH_A = 5 * 2.85 * 0.86602540378443865; /* of FILM */

/* transport_init for a scenario; the message in text. */
static bool init(struct rate_model *m, const char *const *set, char text[1000]) {
    struct species_table t;
    struct supercell cell;
    FILE *errors = tmpfile();
    size_t n = 0;
    while (set[n])
        n++;
    struct scenario *s = scenario_load("builtin:nmc111", set, n, stderr);
    cr_assert(s && errors && species_init(&t, s, stderr));
    cr_assert(supercell_init(&cell, s, &t, 0, stderr));
    cr_assert(model_init(m, s, &t, &cell.lattice, stderr));
    bool good = transport_init(m, s, &cell, errors);
    rewind(errors);
    text[fread(text, 1, 999, errors)] = 0;
    fclose(errors);
    supercell_free(&cell);
    scenario_free(s);
    return good;
}

static void refuse(const char *const *set, const char *key, const char *reason, const char *hint) {
    struct rate_model *m = malloc(sizeof *m);
    char text[1000], expected[200];
    cr_assert_not_null(m);
    cr_expect_not(init(m, set, text), "accepted; expected: %s", reason);
    snprintf(expected, sizeof expected, ": error: %s: ", key);
    cr_expect(strstr(text, expected) && strstr(text, reason), "%s", text);
    const char *advice = strstr(text, "\n    hint: ");
    cr_expect(advice && strstr(advice, hint), "%s", text);
    free(m);
}

Test(transport, boxes_without_edges_are_refused) {
    static const char *const key = "kinetics.lithium_transport";
    refuse(FIXTURE_SET(BULK, TRANSPORT), key, "expected edges", "film or particle");
    refuse(FIXTURE_SET(BULK, TRANSPORT, "structure.geometry=slab"), key, "expected edges",
           "film or particle");
}

Test(transport, a_particle_narrower_than_its_box_is_refused) {
    refuse(FIXTURE_SET(FILM, TRANSPORT, "surface.particle_nm=1.2"), "surface.particle_nm",
           "at least as wide", "kmc check");
}

Test(transport, a_surface_that_is_not_there_costs_no_voltage) {
    refuse(FIXTURE_SET(BULK, "surface.film_ohm_m2=1"), "surface.film_ohm_m2", "free surface",
           "structure.geometry");
    refuse(FIXTURE_SET(BULK, "surface.exchange_current_A_per_m2=1"),
           "surface.exchange_current_A_per_m2", "free surface", "structure.geometry");
}

Test(transport, hops_and_surface_are_slowed_by_box_over_particle) {
    struct rate_model *m = malloc(sizeof *m);
    char text[1000];
    cr_assert_not_null(m);
    cr_assert(init(m,
                   FIXTURE_SET(FILM, TRANSPORT, "surface.particle_nm=25", "surface.film_ohm_m2=1",
                               "kinetics.lithium_firings=7"),
                   text));
    double share = WIDTH_A / 250;
    cr_expect_float_eq(m->surface_share, share, 1e-12);
    cr_expect_float_eq(m->lithium_share, share * share, 1e-12);
    cr_expect_eq(m->lithium_firings, 7.0);
    cr_expect(m->with_lithium && m->with_edges && m->mobile[CATION_LI]);
    cr_assert(init(m, FIXTURE_SET(FILM, "surface.particle_nm=1"), text)); /* off: of no matter */
    cr_expect(m->surface_share == 1 && m->lithium_share == 1);
    cr_expect_not(m->with_lithium || m->with_edges || m->mobile[CATION_LI]);
    cr_expect_str_empty(text);
    free(m);
}

/* ---- engine ---- */

static int create(const char *const *set, struct simulation *sim, struct scenario **s, char *text) {
    FILE *errors = tmpfile();
    size_t n = 0;
    while (set[n])
        n++;
    cr_assert_not_null(errors);
    *s = scenario_load("builtin:nmc111", set, n, stderr);
    cr_assert_not_null(*s);
    int status = simulation_create(sim, *s, errors);
    rewind(errors);
    text[fread(text, 1, 999, errors)] = 0;
    fclose(errors);
    return status;
}

Test(transport, auto_takes_the_engine_that_can) {
    static const char *const switches[] = {"kinetics.lithium_transport=false", TRANSPORT};
    for (int on = 0; on < 2; on++) {
        struct simulation sim;
        struct scenario *s;
        char text[1000];
        cr_assert_eq(create(FIXTURE_SET(FILM, "run.engine=auto", switches[on]), &sim, &s, text), 0);
        cr_expect_eq(sim.ops == &engine_exact, on);
        cr_expect_str_eq(simulation_engine(s), on ? "exact" : "auto");
        cr_expect_eq(sim.model->with_edges, on);
        simulation_free(&sim);
        scenario_free(s);
    }
}

Test(transport, engines_that_cannot_are_refused) {
    struct simulation sim;
    struct scenario *s;
    char text[1000];
    cr_expect_eq(create(FIXTURE_SET(FILM, "run.engine=cpu", TRANSPORT), &sim, &s, text), 2);
    cr_expect(strstr(text, "kinetics.lithium_transport: expected engine \"exact\", found \"cpu\""),
              "%s", text);
    cr_expect(strstr(text, "\n    hint: run.engine=exact"), "%s", text);
    scenario_free(s);
}

/* ---- which octs are open ---- */

/* Counted here, not read from the model. */
static int oxygens_around(const struct fixture *f, struct lattice_coord c) {
    const struct lattice *l = &f->model->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(l, c);
    int n = 0;
    for (int v = 0; v < st->n_vertex; v++)
        n +=
            rate_model_state(f->replica.state.x.occupancy[lattice_neighbor(l, c, st->vertex[v])]) !=
            ANION_OUTSIDE;
    return n;
}

static bool is_edge(const struct fixture *f, int64_t site) {
    struct lattice_coord c = lattice_coord_of(&f->model->lattice, site);
    return c.kind == SITE_OCT && oxygens_around(f, c) < 6;
}

static bool is_li_site(const struct fixture *f, int64_t site) {
    return lattice_coord_of(&f->model->lattice, site).kind != SITE_O &&
           f->replica.state.x.occupancy[site] <= CATION_LI;
}

Test(transport, octs_that_lack_an_oxygen_are_open_and_no_other_li_site) {
    struct fixture *f = fixture_create("builtin:o3-lmr", FIXTURE_SET(FILM, TRANSPORT));
    const struct state *s = fixture_state(f);
    int64_t open = 0, closed = 0;
    for (int64_t site = 0; site < s->n_sites; site++) {
        struct lattice_coord c = lattice_coord_of(&f->model->lattice, site);
        enum token_class now = tokens_class_at(f->model, &s->x, c, s->x.occupancy[site]);
        if (!is_li_site(f, site)) {
            cr_assert_eq(now, tokens_class(f->model, c.kind, s->x.occupancy[site]));
            continue;
        }
        cr_assert_eq(now, is_edge(f, site) ? TOKEN_LI_OCT : TOKEN_NONE);
        open += now == TOKEN_LI_OCT;
        closed += now == TOKEN_NONE;
    }
    cr_expect(open > 20 && closed > 150, "%lld open, %lld closed", (long long)open,
              (long long)closed);
    f->model->with_edges = 0; /* as in kmc/diffusion.h: none is */
    for (int64_t site = 0; site < s->n_sites; site++)
        if (is_li_site(f, site))
            cr_assert_eq(tokens_class_at(f->model, &s->x,
                                         lattice_coord_of(&f->model->lattice, site),
                                         s->x.occupancy[site]),
                         TOKEN_NONE);
    fixture_free(f);
}

static void verify(const struct fixture *f) {
    const struct state *s = &f->replica.state;
    const char *problem = state_verify(s, f->model);
    cr_assert_null(problem, "%s", problem);
    cr_assert_eq(s->energy_ueV, state_recount(s, f->model));
}

Test(transport, equilibration_exchanges_lithium_at_edges_alone) {
    struct fixture *f = fixture_create("builtin:o3-lmr", FIXTURE_SET(FILM, TRANSPORT));
    struct state *s = fixture_state(f);
    struct engine_equilibrated moved;
    uint8_t *before = malloc((size_t)s->n_sites);
    cr_assert_not_null(before);
    memcpy(before, s->x.occupancy, (size_t)s->n_sites);
    int64_t pristine = s->n_li, draws = 100 * s->n_sites, changed = 0, valences = 0;
    for (int k = 0; k < 4; k++) {
        struct electrode e = {k % 2 ? 3500000 : 4600000, 0, 0};
        int64_t n_li = s->n_li;
        f->replica.ops->equilibrate(f->replica.engine, &e, 0, draws, draws, &moved);
        verify(f);
        cr_expect(k % 2 ? s->n_li > n_li : s->n_li < n_li, "%lld after %lld Li+",
                  (long long)s->n_li, (long long)n_li);
        for (int64_t site = 0; site < s->n_sites; site++) {
            bool oxygen = lattice_coord_of(&f->model->lattice, site).kind == SITE_O;
            if (s->x.occupancy[site] == before[site])
                continue;
            if (oxygen || before[site] > CATION_LI) {
                valences++;
                continue;
            }
            cr_assert(is_edge(f, site), "site %lld is not at an edge", (long long)site);
            changed++;
        }
    }
    cr_expect(changed > 20 && valences > 20, "%lld Li+, %lld valences", (long long)changed,
              (long long)valences);
    cr_expect_geq(s->n_li, pristine / 2); /* what is behind the edges stays */
    free(before);
    fixture_free(f);
}

/* ---- events ---- */

struct watch {
    struct fixture *f;
    int64_t fired[EVENT_KINDS], with_electrode;
};

static bool look(void *context, const struct event_channel *ch) {
    struct watch *w = context;
    w->fired[ch->kind]++;
    w->with_electrode += ch->li_change != 0;
    if (ch->li_change)
        cr_assert(is_edge(w->f, ch->target), "event of kind %d: site %lld is not at an edge",
                  ch->kind, (long long)ch->target);
    return true;
}

/* 500 K and low barriers, Li+ so slow that it takes turns with the rest. */
#define LIVELY                                                                                     \
    FIXTURE_CHEMISTRY, "conditions.temperature_K=500", "elements.Mn.hop_barrier_eV=[0.3,0.4]",     \
        "elements.Ni.hop_barrier_eV=[0.3,0.3,0.3]", "model.gate_max_li=4",                         \
        "model.gate_per_li_eV=0.1", "model.li_hop_eV=0.5"

/* What has fired, while books are verified. */
static void check_books(const char *firings, int64_t fired[EVENT_KINDS], int64_t *with_electrode) {
    struct fixture *f = fixture_create(
        "builtin:o3-lmr", FIXTURE_SET(FILM, TRANSPORT, LIVELY, "surface.particle_nm=3", firings));
    struct state *s = fixture_state(f);
    struct watch w = {.f = f};
    f->replica.ops->listen(f->replica.engine, look, &w);
    int64_t behind = 0;
    for (int k = 0; k < 160; k++) { /* few draws, so that electrons of O are left to the clock */
        fixture_scramble(f, k < 120 ? 4.9 : 3.2, 1, 0.1, 1e-3);
        verify(f);
    }
    for (int64_t site = 0; site < s->n_sites; site++)
        behind += is_li_site(f, site) && s->x.occupancy[site] == CATION_VACANCY &&
                  lattice_coord_of(&f->model->lattice, site).kind == SITE_OCT && !is_edge(f, site);
    cr_expect_gt(behind, 0); /* Li+ has come from there */
    memcpy(fired, w.fired, sizeof w.fired);
    *with_electrode = w.with_electrode;
    fixture_free(f);
}

Test(transport, books_balance_while_everything_moves) {
    int64_t fired[EVENT_KINDS], with_electrode;
    check_books("model.li_pass_eV=0.6", fired, &with_electrode);
    cr_expect_gt(fired[EVENT_LITHIUM], 200);
    cr_expect_gt(fired[EVENT_HOP], 0);
    cr_expect_gt(fired[EVENT_OXIDISE] + fired[EVENT_REDUCE], 5);
    cr_expect_gt(with_electrode, 0);
    check_books("kinetics.lithium_firings=10", fired, &with_electrode); /* most hops are moves */
    cr_expect_gt(fired[EVENT_HOP], 0);
}

/* ---- a half-cycle with and without film ---- */

enum { SLICES = 600 };
struct profile {
    struct protocol_slice slice[SLICES];
    int n;
    int64_t hops, other_events;
    bool reached[2];
    double mean_V[2], surface_m2_per_g;
};

static void keep(void *context, const struct replica *r, const struct protocol_slice *s) {
    struct profile *p = context;
    (void)r;
    cr_assert_lt(p->n, SLICES);
    p->slice[p->n++] = *s;
}

static bool keep_half(void *context, const struct replica *r, int64_t cycle, bool charge,
                      const struct protocol_half *h) {
    struct profile *p = context;
    (void)r;
    (void)cycle;
    p->reached[charge] = h->reached_cutoff;
    p->mean_V[charge] = h->mean_V;
    for (int k = 0; k < EVENT_KINDS; k++)
        *(k == EVENT_LITHIUM ? &p->hops : &p->other_events) += h->events.fired[k];
    return true;
}

static struct profile *run(const char *const *set) {
    struct fixture *f = fixture_create("builtin:nmc111", set);
    struct profile *profile = calloc(1, sizeof *profile);
    struct protocol p;
    struct protocol_observer o = {.context = profile, .slice = keep, .half = keep_half};
    cr_assert_not_null(profile);
    protocol_init(&p, f->scenario);
    cr_assert_eq(protocol_run(&f->replica, &p, &o, stderr), 0);
    profile->surface_m2_per_g = f->replica.cell.surface_m2_per_g * f->model->surface_share;
    fixture_free(f);
    return profile;
}

/* 25 mA/g; a charge that ends by its charge ends where it does without film. */
#define CYCLE                                                                                      \
    FILM, "kinetics.slow_events=false", "protocol.cycles=1", "protocol.slice_percent=2",           \
        "protocol.c_rate_per_h=0.1", "protocol.nominal_capacity_mAh_per_g=250",                    \
        "protocol.charge_limit_mAh_per_g=100", "protocol.upper_cutoff_V=4.8",                      \
        "protocol.lower_cutoff_V=3.0", "kinetics.equilibration_sweeps=4",                          \
        "conditions.temperature_K=400", "surface.particle_nm=2"

/* Returns the number of slices at rest. */
static int compare_profiles(const char *transport, const char *rest) {
    struct profile *without = run(FIXTURE_SET(CYCLE, transport, rest));
    struct profile *with = run(FIXTURE_SET(CYCLE, transport, rest, "surface.film_ohm_m2=4"));
    double eta = 4 * 25e-3 / without->surface_m2_per_g;
    int n = with->n < without->n ? with->n : without->n, of_step[STEP_DONE] = {0};
    cr_assert(eta > 1e-4, "%g V", eta);
    for (int k = 0; k < n; k++) {
        const struct protocol_slice *a = &without->slice[k], *b = &with->slice[k];
        double more = a->step == STEP_CHARGE ? eta : a->step == STEP_DISCHARGE ? -eta : 0;
        cr_assert_eq(a->step, b->step);
        cr_assert_eq(a->li, b->li);
        cr_assert_eq(a->time_s, b->time_s);
        cr_assert_float_eq(b->voltage_V - a->voltage_V, more, 1e-12, "slice %d: %g V, expected %g",
                           k, b->voltage_V - a->voltage_V, more);
        of_step[a->step]++;
    }
    cr_expect(of_step[STEP_CHARGE] > 15 && of_step[STEP_DISCHARGE] > 10);
    if (of_step[STEP_REST_CHARGED] == 0) /* else N, which fluctuates at rest, has a share in it */
        cr_expect_float_eq(with->mean_V[1] - without->mean_V[1], eta, 1e-9);
    cr_expect(with->reached[0] && with->reached[1] && without->reached[0] && without->reached[1],
              "a half-cycle ended before its cut-off");
    free(with);
    free(without);
    return of_step[STEP_REST_CHARGED];
}

Test(transport, film_shifts_the_voltage_by_its_resistance) {
    static const char *const no_rest = "protocol.rest_after_charge_h=0";
    cr_expect_eq(compare_profiles("kinetics.lithium_transport=false", no_rest), 0);
    cr_expect_eq(compare_profiles(TRANSPORT, no_rest), 0);
}

Test(transport, film_costs_nothing_at_rest) {
    cr_expect_eq(compare_profiles(TRANSPORT, "protocol.rest_after_charge_h=0.5"), 5);
}

/* The cut-off is one of the cell: a charge with a film meets it with more Li+ left, and has met it. */
Test(transport, film_ends_a_charge_early) {
    const char *const no_limit = "protocol.charge_limit_mAh_per_g=0";
    struct profile *without = run(FIXTURE_SET(CYCLE, no_limit, "protocol.upper_cutoff_V=4.0"));
    struct profile *with =
        run(FIXTURE_SET(CYCLE, no_limit, "protocol.upper_cutoff_V=4.0", "surface.film_ohm_m2=600"));
    double li[2];
    cr_expect_gt(600 * 25e-3 / without->surface_m2_per_g, 0.02);
    cr_expect(with->reached[0] && with->reached[1] && without->reached[0] && without->reached[1],
              "a half-cycle ended before its cut-off");
    for (int k = 0; k < 2; k++) {
        const struct profile *p = k ? with : without;
        int last = 0;
        for (int i = 0; i < p->n && p->slice[i].step == STEP_CHARGE; i++)
            last = i;
        li[k] = p->slice[last].li;
    }
    cr_expect_gt(li[1], li[0] + 1, "%g and %g Li+", li[0], li[1]);
    free(with);
    free(without);
}

Test(transport, sub_slices_are_at_least_those_of_lithium) {
    struct fixture *f =
        fixture_create("builtin:nmc111", FIXTURE_SET(FILM, TRANSPORT, "kinetics.sub_slices=2",
                                                     "kinetics.lithium_sub_slices=5"));
    struct protocol p;
    protocol_init(&p, f->scenario);
    cr_expect(p.transport && p.sub_slices == 5 && p.sub_slices_max >= 5);
    fixture_free(f);
}

/* Without slow events Li+ hops all the same, and nothing else does. */
Test(transport, lithium_alone_moves_without_slow_events) {
    struct profile *on = run(FIXTURE_SET(CYCLE, TRANSPORT)), *off = run(FIXTURE_SET(CYCLE));
    cr_expect_gt(on->hops, 1000);
    cr_expect_eq(on->other_events, 0);
    cr_expect_eq(off->hops + off->other_events, 0);
    free(on);
    free(off);
}

/* ---- on the clock below a voltage only ---- */

struct whole {
    const struct protocol *protocol;
    struct profile *profile;
};

static int run_body(void *context, struct replica *r, int n) {
    const struct whole *w = context;
    struct protocol_observer o = {.context = w->profile, .slice = keep, .half = keep_half};
    (void)n;
    return protocol_run(r, w->protocol, &o, stderr);
}

/* The same as `run` with all that a simulation sets up. */
static struct profile *run_whole(const char *const *set) {
    size_t n = 0;
    while (set[n])
        n++;
    struct scenario *s = scenario_load("builtin:nmc111", set, n, stderr);
    struct profile *profile = calloc(1, sizeof *profile);
    struct simulation sim;
    cr_assert(s && profile);
    cr_assert_eq(simulation_create(&sim, s, stderr), 0);
    struct whole w = {&sim.protocol, profile};
    cr_assert_eq(simulation_for_each(&sim, run_body, &w, stderr), 0);
    simulation_free(&sim);
    scenario_free(s);
    return profile;
}

#define WHOLE                                                                                      \
    FILM, "run.engine=exact", "run.replicas=1", "run.threads=1", "protocol.cycles=1",              \
        "protocol.slice_percent=2", "protocol.lower_cutoff_V=3.0", "kinetics.sub_slices=8",        \
        "kinetics.sub_slices_max=8", "kinetics.oxygen_loss=false", "conditions.temperature_K=400", \
        "surface.particle_nm=2", "protocol.upper_cutoff_V=4.2"

static int slices_that_differ(const struct profile *a, const struct profile *b) {
    int differ = a->n != b->n;
    for (int k = 0; k < a->n && k < b->n; k++)
        differ +=
            a->slice[k].li != b->slice[k].li || a->slice[k].voltage_V != b->slice[k].voltage_V;
    return differ;
}

Test(transport, below_no_voltage_it_is_the_ordinary_run_and_below_all_the_full_one) {
    struct profile *ordinary = run_whole(FIXTURE_SET(WHOLE));
    struct profile *never =
        run_whole(FIXTURE_SET(WHOLE, TRANSPORT, "kinetics.lithium_transport_below_V=0"));
    struct profile *some =
        run_whole(FIXTURE_SET(WHOLE, TRANSPORT, "kinetics.lithium_transport_below_V=3.7"));
    struct profile *all =
        run_whole(FIXTURE_SET(WHOLE, TRANSPORT, "kinetics.lithium_transport_below_V=9.9"));
    struct profile *always = run_whole(FIXTURE_SET(WHOLE, TRANSPORT));
    cr_expect_eq(slices_that_differ(ordinary, never), 0);
    cr_expect_eq(never->hops, 0);
    cr_expect_gt(some->hops, 100);
    cr_expect_gt(all->hops, some->hops);
    cr_expect_gt(always->hops, some->hops);
    cr_expect_gt(slices_that_differ(some, all), some->n / 2);
    free(ordinary);
    free(never);
    free(some);
    free(all);
    free(always);
}
