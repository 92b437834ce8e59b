#include <math.h>
#include <stdio.h>
#include "selftest.h"
#include "selftest_events.h"
#include "selftest_gas.h"

static const struct selftest_case cases[] = {
    {"ideal-gas", "mixing of Li and holes at fixed voltage and under the restraint",
     selftest_gas_ideal},
    {"torus", "Li with bond-valence repulsion on a 4 x 4 layer: energy, heat capacity",
     selftest_gas_torus},
    {"hexagons", "hard hexagons on a 6 x 6 layer: isotherm", selftest_gas_hexagons},
    {"film", "stationary filling of three kinds of sites by the electrode", selftest_gas_film},
    {"passes", "hops of an ideal gas in a coloured pass", selftest_gas_passes},
    {"clusters", "numbers of small voids in a random layer", selftest_gas_clusters},
    {"arrhenius", "rates of hops at four temperatures", selftest_events_arrhenius},
    {"waiting", "exponential waiting times", selftest_events_waiting},
    {"balance", "relaxation and detailed balance of each pair of events", selftest_events_balance},
    {"splits", "splits of peroxo dimers in equilibrium, counted", selftest_events_splits},
    {"passage", "first passage of A <=> B -> C", selftest_events_passage},
    {"cosine", "decay of a density mode of an exclusion process", selftest_events_cosine},
    {"tracer", "correlation factor of a single vacancy on a triangular layer",
     selftest_events_tracer},
    {"jamming", "random dimers on rings: kinetics and jamming", selftest_events_jamming},
};
enum { EXACT_REPLICAS = 1000 };
enum { CASES = sizeof cases / sizeof *cases };

const struct selftest_case *selftest_at(int k) {
    return k < CASES ? &cases[k] : NULL;
}

void selftest_run(struct selftest *t, const struct selftest_case *c) {
    t->name = c->name;
    c->run(t);
}

static struct selftest_row row_of(const struct selftest *t) {
    return (struct selftest_row){.name = t->name, .engine = t->ops->name};
}

void selftest_check(struct selftest *t, const char *quantity, double expected, double measured,
                    double error) {
    struct selftest_row r = row_of(t);
    snprintf(r.quantity, sizeof r.quantity, "%s", quantity);
    r.expected = expected;
    r.measured = measured;
    r.error = error;
    r.z = measured == expected ? 0 : (measured - expected) / error;
    r.passed = fabs(r.z) <= SELFTEST_Z; /* false for a z that is no number */
    t->rows++;
    t->failed += !r.passed;
    t->report(t->context, &r);
}

void selftest_check_sums(struct selftest *t, const char *quantity, double expected,
                         const struct known_sums *s, int i) {
    selftest_check(t, quantity, expected, known_mean(s, i), known_error(s, i));
}

void selftest_leave_out(struct selftest *t, const char *reason) {
    struct selftest_row r = row_of(t);
    r.left_out = reason;
    r.passed = true;
    t->report(t->context, &r);
}

int64_t selftest_samples(const struct selftest *t, int64_t n, int64_t least) {
    int64_t wanted = (int64_t)((double)n * t->length);
    return wanted > least ? wanted : least;
}

void selftest_start(struct selftest *t, struct known_crystal *k, uint32_t replica) {
    /* in a box of one region all engines would fire the same events: the reference gets numbers of its own */
    k->ops = t->ops;
    known_start(k, t->seed, replica + (t->ops == &engine_exact ? EXACT_REPLICAS : 0));
}

void selftest_stop(struct selftest *t, struct known_crystal *k) {
    engine_fetch(k->ops, k->engine);
    int64_t recount = state_recount(&k->state, &k->model);
    if (k->state.energy_ueV != recount)
        selftest_check(t, "running energy, ueV", (double)recount, (double)k->state.energy_ueV, 0);
    known_stop(k);
}

void selftest_equilibrate(struct known_crystal *k, const struct electrode *e, int64_t draws,
                          struct engine_equilibrated *out) {
    k->ops->equilibrate(k->engine, e, 0, draws, draws, out);
    engine_fetch(k->ops, k->engine);
}

void selftest_advance(struct known_crystal *k, int32_t voltage_ueV, double seconds,
                      struct engine_advanced *out) {
    const struct electrode e = {voltage_ueV, 0, 0};
    k->ops->advance(k->engine, &e, seconds, seconds, out);
    engine_fetch(k->ops, k->engine);
}
