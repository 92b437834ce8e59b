/* Guarantee: engines `exact` and `cpu` sample the same rates of slow events, kind by kind, and the same filling.
 *
 * Crystals of the demo's composition are taken at moments all along the first cycle, one from each replica.  In each the TM ions and O-O bonds then rest; Li+ and
 * electrons are sampled by either engine at the voltage of that moment, and after every two sweeps the channels of `advance` are enumerated.  A kind is
 * measured by the number of channels that would fire within a sub-slice, sum of 1 - exp(-k dt): what the clock sees of it, and no single fast channel decides.
 * Crystals are the same for both, so only what Li+ and electrons do is left to chance, and errors come from blocks of samples.  A fifth of the samples is spent to
 * see where the errors of hops come from; the others are shared out by that.
 *
 * Hops, oxidations and cleaves wait for rare gates, which stay open or shut for many samples: with short blocks their errors are not known, and they are
 * compared from 2,000 samples on.
 *
 *   SAME_RATES_SAMPLES=N   samples of the average crystal and engine (default 160)
 *   SAME_RATES_SEED=N      of the random numbers of both (default 7); runs with different seeds are independent and may be pooled
 */
#define _POSIX_C_SOURCE 200809L
#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../../kernels/events.h"
#include "../../kmc/scenario.h"
#include "../../kmc/simulation.h"
#include "../../kmc/status.h"
#include "../../kmc/units.h"

enum { CRYSTALS = 32, BLOCKS = 16, ENGINES = 2, LI = EVENT_KINDS, HOLES, MEASURES };
static const struct engine_ops *const OPS[ENGINES] = {&engine_exact, &engine_cpu};
static const double SWEEPS = 2;

/* Sums of the samples of a block. */
typedef double block[MEASURES];

struct crystal {
    struct state state[ENGINES]; /* at the moment, then where its engine has come to */
    double voltage_V, slice_s;   /* of the slice in which the moment lies */
    int64_t samples[ENGINES];    /* of a block */
    block mean[ENGINES][BLOCKS];
};

struct all {
    struct simulation sim;
    uint64_t seed;
    struct crystal crystal[CRYSTALS];
};

/* ---- moments ---- */

/* Replica k stops after 70 + 5 k slices: from the beginning of the oxidation of O, at 4.5 V, to the end of the discharge. */
static bool goes_on(void *context, const struct protocol_run *runs, int n) {
    (void)context;
    cr_assert_eq(n, 1);
    return runs[0].at.slices_done < 70 + 5 * (int64_t)runs[0].r->number;
}

static int take_moment(void *context, struct replica *r, int n) {
    struct all *a = context;
    struct protocol_observer o = {.boundary = goes_on};
    struct protocol_run w;
    struct crystal *c = &a->crystal[r->number];
    (void)n;
    protocol_begin(&w, r, &a->sim.protocol, &o, stderr);
    (void)protocol_run_all(&w, 1); /* 1: stopped */
    bool copied = true;
    for (int which = 0; which < ENGINES; which++)
        copied = copied && state_init(&c->state[which], a->sim.model, r->state.x.occupancy,
                                      a->seed + (uint64_t)which, r->number);
    c->voltage_V = w.at.voltage_V;
    c->slice_s = w.duration_s;
    return copied && w.status == 0 ? 0 : 4;
}

/* ---- samples ---- */

static void measure(const struct rate_model *m, struct state *s, struct electrode electrode,
                    double slice_s, const bool owns[2][256], block sum) {
    struct event_channel channel[EVENT_CHANNELS_MAX];
    struct event_context e = {.m = m,
                              .x = &s->x,
                              .electrode = electrode,
                              .n_li = s->n_li,
                              .step_s = slice_s / 2,
                              .slice_s = slice_s};
    channels_limits_init(&e.limits, m, e.slice_s);
    for (int64_t site = 0; site < s->n_sites; site++) {
        struct lattice_coord c = lattice_coord_of(&m->lattice, site);
        uint8_t byte = s->x.occupancy[site];
        sum[HOLES] += c.kind == SITE_O && rate_model_state(byte) == ANION_HOLE;
        if (!owns[c.kind == SITE_O][byte])
            continue;
        struct event_list l = {.search = -1, .all = channel};
        events_of_site(&e, c, &l);
        for (int k = 0; k < l.n; k++)
            sum[channel[k].kind] += -expm1(-channel[k].rate * e.step_s);
    }
    sum[LI] += (double)s->n_li;
}

static void sample(const struct all *a, struct crystal *c, int which) {
    const struct rate_model *m = a->sim.model;
    struct electrode electrode = {units_ueV(c->voltage_V), 0, 0};
    struct engine_equilibrated eq;
    struct state *s = &c->state[which];
    bool owns[2][256];
    struct engine *e = OPS[which]->create(m, s, 1);
    cr_assert(e);
    for (int byte = 0; byte < 256; byte++)
        for (int oxygen = 0; oxygen < 2; oxygen++)
            owns[oxygen][byte] = events_owns(m, oxygen, (uint8_t)byte);
    int64_t draws = (int64_t)(SWEEPS * (double)s->n_sites);
    if (s->step == 0)
        OPS[which]->equilibrate(e, &electrode, 0, 100 * draws, draws, &eq);
    for (int b = 0; b < BLOCKS; b++) {
        block sum = {0};
        for (int64_t k = 0; k < c->samples[which]; k++) {
            OPS[which]->equilibrate(e, &electrode, 0, draws, draws, &eq);
            measure(m, s, electrode, c->slice_s, (const bool(*)[256])owns, sum);
        }
        for (int k = 0; k < MEASURES; k++)
            c->mean[which][b][k] = sum[k] / (double)c->samples[which];
    }
    OPS[which]->free(e);
}

/* ---- comparison ---- */

/* Variance of the mean of the blocks of one crystal. */
static double variance(const struct crystal *c, int which, int k, double *mean) {
    double square = 0;
    *mean = 0;
    for (int b = 0; b < BLOCKS; b++)
        *mean += c->mean[which][b][k] / BLOCKS;
    for (int b = 0; b < BLOCKS; b++)
        square += (c->mean[which][b][k] - *mean) * (c->mean[which][b][k] - *mean);
    return square / (BLOCKS - 1) / BLOCKS;
}

/* Sum over crystals of the mean of a measure, and its standard error from the blocks. */
static void total(const struct all *a, int which, int k, double *mean, double *error) {
    double one, square = 0;
    *mean = 0;
    for (int c = 0; c < CRYSTALS; c++) {
        square += variance(&a->crystal[c], which, k, &one);
        *mean += one;
    }
    *error = sqrt(square);
}

static void compare(const struct all *a, int k, bool long_blocks) {
    const char *name = k == LI ? "Li+" : k == HOLES ? "holes" : status_event_name(k);
    double mean[ENGINES], error[ENGINES];
    for (int which = 0; which < ENGINES; which++)
        total(a, which, k, &mean[which], &error[which]);
    if (mean[0] == 0 && mean[1] == 0)
        return;
    double off = mean[1] - mean[0], both = hypot(error[0], error[1]);
    cr_log_info("%-10s exact %12.5f +- %.2f %%   cpu %12.5f +- %.2f %%   %+.2f %%   z %+.2f\n",
                name, mean[0], 100 * error[0] / mean[0], mean[1], 100 * error[1] / mean[1],
                100 * off / mean[0], off / both);
    bool rare = k == EVENT_HOP || k == EVENT_OXIDISE || k == EVENT_CLEAVE;
    cr_expect((rare && !long_blocks) || fabs(off) <= 4 * both,
              "%s: %g and %g, limit 4 errors of %.2g", name, mean[0], mean[1], both);
}

/* ---- samples where they count ---- */

static void sample_all(struct all *a) {
#pragma omp parallel for schedule(dynamic, 1)
    for (int t = 0; t < CRYSTALS * ENGINES; t++)
        sample(a, &a->crystal[t / ENGINES], t % ENGINES);
}

/* Shares `blocks` samples a block and crystal out in proportion to the spread of hops, but for a fifth that all have alike (Neyman). */
static void share_out(struct all *a, double blocks) {
    double mean, all = 0;
    for (int c = 0; c < CRYSTALS; c++)
        for (int which = 0; which < ENGINES; which++)
            all += sqrt(variance(&a->crystal[c], which, EVENT_HOP, &mean));
    for (int c = 0; c < CRYSTALS; c++)
        for (int which = 0; which < ENGINES; which++) {
            double mine = sqrt(variance(&a->crystal[c], which, EVENT_HOP, &mean));
            double share = all > 0 ? mine / all * CRYSTALS * ENGINES : 1;
            a->crystal[c].samples[which] = 1 + (int64_t)(blocks * (0.2 + 0.8 * share));
        }
}

Test(same_rates, exact_and_cpu) {
    static const char *const set[] = {
        "structure.cells_a=6", "structure.cells_b=6", "structure.repeats=1", "run.engine=cpu",
        "run.replicas=32",     "protocol.cycles=1",   "run.seed=20261127"};
    static struct all a;
    const char *samples = getenv("SAME_RATES_SAMPLES"), *seed = getenv("SAME_RATES_SEED");
    a.seed = seed ? strtoull(seed, NULL, 10) : 7;
    double blocks = (samples ? atof(samples) : 160) / BLOCKS;
    struct scenario *s = scenario_load("builtin:demo", set, sizeof set / sizeof *set, stderr);
    cr_assert(s && simulation_create(&a.sim, s, stderr) == 0);
    cr_assert(simulation_for_each(&a.sim, take_moment, &a, stderr) == 0);
    for (int c = 0; c < CRYSTALS; c++)
        a.crystal[c].samples[0] = a.crystal[c].samples[1] = 1 + (int64_t)(blocks / 5);
    sample_all(&a);
    share_out(&a, blocks * 4 / 5);
    sample_all(&a);
    for (int k = 0; k < MEASURES; k++)
        compare(&a, k, blocks * BLOCKS >= 2000);
    for (int c = 0; c < CRYSTALS; c++)
        for (int which = 0; which < ENGINES; which++)
            state_free(&a.crystal[c].state[which]);
    simulation_free(&a.sim);
    scenario_free(s);
}
