/* Guarantee: a film whose Li+ hops on the clock and comes and goes at its edges alone (kinetics.lithium_transport) reaches, at a fixed voltage, the
 * equilibrium of the film whose Li+ is exchanged everywhere.
 *
 * Many random streams of one film.  Both begin with the pristine crystal; the rounds that are left out are enough for Li+ to cross the film some times.
 * Then number and energy of Li+ are averaged, and the number on tets, behind the edges and at them.  Hops are slowed as in a run, those that are fast on the
 * scale of a slice are moves; both keep the equilibrium, and so does the electrode that edges alone see.
 */
#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <math.h>
#include <stdlib.h>
#include "../../kmc/statistics.h"
#include "../fixture.h"

enum { STREAMS = 16, ROUNDS = 600, LEFT_OUT = 200, OBSERVABLES = 5 };

static const char *const NAMES[OBSERVABLES] = {
    "Li+", "energy, eV", "Li+ on tets", "Li+ in octs behind the edges", "Li+ in octs at the edges"};

static void observe(const struct replica *r, double *sum) {
    const struct state *s = &r->state;
    double now[OBSERVABLES] = {(double)s->n_li, 1e-6 * (double)s->energy_ueV};
    for (int64_t site = 0; site < s->n_sites; site++) {
        struct lattice_coord c = lattice_coord_of(&r->model->lattice, site);
        if (c.kind == SITE_O || s->x.occupancy[site] != CATION_LI)
            continue;
        now[c.kind != SITE_OCT ? 2 : tokens_is_edge(&s->x, c) ? 4 : 3]++;
    }
    for (int k = 0; k < OBSERVABLES; k++)
        sum[k] += now[k];
}

/* Means over the rounds of one stream, each of `sweeps` draws a site and step_s seconds (0: none). */
static void sample(struct fixture *f, uint32_t stream, double sweeps, double step_s,
                   double voltage_V, double *mean, int64_t *hops) {
    struct replica *r = &f->replica;
    struct electrode e = {(int32_t)(voltage_V * 1e6), 0, 0};
    int64_t draws = (int64_t)(sweeps * (double)r->state.n_sites);
    for (int k = 0; k < OBSERVABLES; k++)
        mean[k] = 0;
    r->state.random = (struct philox){20261127, stream};
    for (int k = 0; k < ROUNDS; k++) {
        struct engine_equilibrated eq;
        struct engine_advanced fired;
        if (step_s > 0) {
            r->ops->advance(r->engine, &e, step_s, step_s, &fired);
            *hops += fired.fired[EVENT_LITHIUM];
        }
        r->ops->equilibrate(r->engine, &e, step_s, draws, draws, &eq);
        if (k >= LEFT_OUT)
            observe(r, mean);
    }
    for (int k = 0; k < OBSERVABLES; k++)
        mean[k] /= ROUNDS - LEFT_OUT;
    const char *problem = state_verify(&r->state, r->model);
    cr_assert_null(problem, "%s", problem);
}

#define FILM                                                                                       \
    "structure.geometry=film", "structure.cells_a=8", "structure.cells_b=3",                       \
        "structure.vacuum_cells=1", "structure.repeats=1", "kinetics.slow_events=false",           \
        "conditions.temperature_K=450", "model.li_tet_eV=0.15", "model.face_tet_oct_li_li_eV=0.1", \
        "model.face_tet_oct_li_tm_eV=0.0", "surface.particle_nm=2", "kinetics.lithium_tries=4"

static void compare(double voltage_V, double step_s, const char *firings) {
    double a[OBSERVABLES][STREAMS], b[OBSERVABLES][STREAMS], mean[OBSERVABLES];
    int64_t hops = 0, none = 0;
    for (uint32_t stream = 0; stream < STREAMS; stream++) {
        struct fixture *free_li = fixture_create("builtin:nmc111", FIXTURE_SET(FILM));
        struct fixture *on_the_clock = fixture_create(
            "builtin:nmc111", FIXTURE_SET(FILM, firings, "kinetics.lithium_transport=true"));
        sample(free_li, stream, 4, 0, voltage_V, mean, &none);
        for (int k = 0; k < OBSERVABLES; k++)
            a[k][stream] = mean[k];
        sample(on_the_clock, stream, 4, step_s, voltage_V, mean, &hops);
        for (int k = 0; k < OBSERVABLES; k++)
            b[k][stream] = mean[k];
        fixture_free(on_the_clock);
        fixture_free(free_li);
    }
    double per_round = (double)hops / STREAMS / ROUNDS / statistics_mean(b[0], STREAMS);
    cr_log_info("%.2f V, %s: %.2f hops of a Li+ a round\n", voltage_V, firings, per_round);
    cr_expect(per_round > 0.3, "%g hops of a Li+ a round", per_round);
    for (int k = 0; k < OBSERVABLES; k++) {
        struct statistics_estimate x = statistics_estimate(a[k], STREAMS),
                                   y = statistics_estimate(b[k], STREAMS);
        double off = y.mean - x.mean, error = hypot(x.standard_error, y.standard_error);
        cr_log_info("%-30s free %10.4f, on the clock less that %+8.4f +- %7.4f  z %+5.2f\n",
                    NAMES[k], x.mean, off, error, off / error);
        cr_expect(fabs(off) <= 4 * error, "%s: %+.4g +- %.2g, limit 4 errors (seed 20261127)",
                  NAMES[k], off, error);
    }
}

Test(edges, film_reaches_the_equilibrium_of_free_lithium) {
    compare(3.95, 1e-9, "kinetics.lithium_firings=0");
}

Test(edges, hops_and_fast_moves_reach_the_same_equilibrium) {
    compare(3.95, 1e-6, "kinetics.lithium_firings=3");
}
