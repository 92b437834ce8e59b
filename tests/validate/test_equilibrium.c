/* Guarantee: the fast moves of Li+ and electrons sample the Boltzmann distribution exactly.
 *
 * Two boxes of 3 x 3 cells (O3 with six planes, O2 with four), full of fixed ions except for a few
 * Li octs, Li tets, redox centres and O, are enumerated; every average of `equilibrate` is compared
 * with the exact one, at fixed voltage and under the composition restraint, in each of the three
 * voltage bands that draw their moves with different weights.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include "known.h"

enum { CHOICES = 24, BATCHES = 64, DRAWS_BETWEEN = 60, WARM_UP = 6000 };

/* kT = 0.13 eV, so that a few volts of level differences still mix; barriers play no part. */
static const double TEMPERATURE_K = 1500;
static const char *const SETS[] = {"model.li_tet_eV=-0.15",
                                   "model.face_tet_oct_li_li_eV=0.15",
                                   "model.face_oct_oct_li_li_eV=0.1",
                                   "model.face_oct_oct_li_tm_eV=0.08",
                                   "model.face_tet_tet_eV=0.25",
                                   "model.face_tet_oct_li_tm_eV=0.10",
                                   "model.hole_eV=4.15",
                                   "model.hole_per_extra_tm_eV=0.15",
                                   "model.pair_hole_hole_eV=0.12",
                                   "elements.Mn.oxidation_eV=[3.45]",
                                   NULL};

/* A box and the sites that its observables look at. */
struct box {
    const char *name;
    struct known_crystal *k;
    int n;
    struct known_choice choice[CHOICES];
    int ni[2]; /* choices of the two Ni */
};

static struct known_choice *add_choice(struct box *b, int64_t site, int byte) {
    cr_assert_lt(b->n, CHOICES);
    struct known_choice *c = &b->choice[b->n++];
    *c = (struct known_choice){.site = site};
    known_put(b->k, site, byte);
    return c;
}

static void add_li(struct box *b, int plane, int kind, int i, int j, bool occupied) {
    struct known_choice *c = add_choice(b, known_site(b->k, plane, kind, i, j), occupied);
    known_allow(c, CATION_VACANCY, 0, 0, -1);
    known_allow(c, CATION_LI, 1, 0, -1);
}

static void add_oxygen(struct box *b, int plane, int i, int j) {
    struct known_choice *c = add_choice(b, known_site(b->k, plane, SITE_O, i, j), ANION_OXIDE);
    known_allow(c, ANION_OXIDE, 0, 0, -1);
    known_allow(c, ANION_HOLE, 1, 0, -1);
}

/* A redox centre with valences first .. last, now at the first. */
static int add_redox(struct box *b, const char *symbol, int first, int last, int plane, int i,
                     int j) {
    int ion = known_ion(b->k, symbol, first);
    struct known_choice *c = add_choice(b, known_site(b->k, plane, SITE_OCT, i, j), ion);
    for (int v = first; v <= last; v++)
        known_allow(c, ion + v - first, v - first, 0, -1);
    return b->n - 1;
}

/* NaAlO2 with inert anions: full bond valence everywhere, nothing that moves. */
static void fill_inert(struct known_crystal *k) {
    const struct lattice *l = &k->model.lattice;
    int na = known_ion(k, "Na", 1), al = known_ion(k, "Al", 3);
    for (int plane = 0; plane < l->n_planes; plane++)
        for (int j = 0; j < l->nb; j++)
            for (int i = 0; i < l->na; i++)
                known_put(k, known_site(k, plane, SITE_OCT, i, j),
                          lattice_is_tm_gap(plane) ? al : na);
}

static struct box box_o3(void) {
    struct box b = {.name = "O3", .k = known_create("ABCABC", 3, 3, TEMPERATURE_K, SETS)};
    fill_inert(b.k);
    b.ni[0] = add_redox(&b, "Ni", 2, 4, 0, 0, 0);
    b.ni[1] = add_redox(&b, "Ni", 2, 4, 0, 1, 0);
    add_redox(&b, "Mn", 3, 4, 0, 0, 1);
    add_redox(&b, "Mn", 3, 4, 0, 1, 2);
    add_redox(&b, "Co", 3, 4, 0, 2, 0);
    add_li(&b, 1, SITE_OCT, 0, 0, true);
    add_li(&b, 1, SITE_OCT, 1, 0, true);
    add_li(&b, 1, SITE_OCT, 0, 1, true);
    add_li(&b, 1, SITE_OCT, 2, 0, true);
    add_li(&b, 1, SITE_OCT, 1, 1, true);
    add_li(&b, 0, SITE_OCT, 1, 1, true);
    add_li(&b, 1, SITE_TET_UP, 0, 0, false);
    add_li(&b, 1, SITE_TET_UP, 1, 0, false);
    add_li(&b, 1, SITE_TET_DOWN, 0, 0, false);
    add_oxygen(&b, 1, 0, 0);
    add_oxygen(&b, 1, 1, 0);
    add_oxygen(&b, 1, 0, 1);
    add_oxygen(&b, 2, 0, 0);
    return b;
}

/* O2 stacking: octs share faces, redox centres lie in two slabs; one O is missing and one is F-. */
static struct box box_o2(void) {
    struct box b = {.name = "O2", .k = known_create("ABCB", 3, 3, TEMPERATURE_K, SETS)};
    fill_inert(b.k);
    b.ni[0] = add_redox(&b, "Ni", 2, 4, 0, 0, 0);
    b.ni[1] = add_redox(&b, "Ni", 2, 4, 2, 0, 0);
    add_redox(&b, "Mn", 3, 4, 0, 1, 0);
    add_redox(&b, "Co", 3, 4, 2, 1, 0);
    add_redox(&b, "Mn", 3, 4, 2, 2, 1); /* far from the other */
    for (int i = 0; i < 3; i++)
        add_li(&b, 1, SITE_OCT, i, 0, true);
    add_li(&b, 1, SITE_OCT, 0, 1, true);
    add_li(&b, 0, SITE_OCT, 1, 1, true);
    add_li(&b, 2, SITE_OCT, 1, 1, true);
    add_li(&b, 3, SITE_OCT, 0, 0, true);
    add_li(&b, 1, SITE_TET_UP, 0, 0, false);
    add_li(&b, 1, SITE_TET_DOWN, 0, 0, false);
    add_li(&b, 1, SITE_TET_DOWN, 1, 0, false);
    add_oxygen(&b, 1, 0, 0);
    add_oxygen(&b, 2, 0, 0);
    add_oxygen(&b, 2, 1, 0);
    known_put(b.k, known_site(b.k, 1, SITE_O, 0, 1), ANION_VACANCY);
    known_put(b.k, known_site(b.k, 2, SITE_O, 0, 1), ANION_F);
    return b;
}

/* Redox centres alone: Ni3+ Ni3+ <-> Ni2+ Ni4+ has no other way than its own. */
static struct box box_redox(void) {
    struct box b = {.name = "redox", .k = known_create("ABCABC", 3, 3, TEMPERATURE_K, SETS)};
    fill_inert(b.k);
    b.ni[0] = add_redox(&b, "Ni", 2, 4, 0, 0, 0);
    b.ni[1] = add_redox(&b, "Ni", 2, 4, 0, 1, 0);
    add_redox(&b, "Co", 3, 4, 0, 2, 0);
    int ni4 = known_ion(b.k, "Ni", 4);
    b.k->model.cation[ni4][CLASS_TM_OCT] -= 200000; /* as many Ni2+ Ni4+ as Ni3+ Ni3+ */
    known_put(b.k, b.choice[b.ni[0]].site, ni4);
    return b;
}

/* ---- observables: tokens on each choice, then the populations of Ni3+ Ni3+ and Ni2+ Ni4+ ---- */

static const struct box *observed;

static int tokens_on(const struct known_choice *c, const uint8_t *occupancy) {
    int b = 0;
    while (b < c->n && c->byte[b] != occupancy[c->site])
        b++;
    cr_assert_lt(b, c->n, "a byte that no move may write");
    return c->tokens[b];
}

static bool observe(const struct known_crystal *k, const uint8_t *occupancy, double *out) {
    const struct box *b = observed;
    (void)k;
    for (int c = 0; c < b->n; c++)
        out[c] = tokens_on(&b->choice[c], occupancy);
    int first = (int)out[b->ni[0]], second = (int)out[b->ni[1]];
    out[b->n] = first == 1 && second == 1;
    out[b->n + 1] = first == 0 && second == 2;
    out[b->n + 2] = first == 2 && second == 0;
    return true;
}

/* Mean of one independent run: {excess energy, N, observables}. */
static void run_batch(const struct box *b, const struct electrode *electrode, int64_t ground,
                      uint32_t batch, int64_t samples, double *mean) {
    struct known_crystal *k = b->k;
    struct engine_equilibrated eq;
    int n = b->n + 5;
    known_start(k, 20240601, batch);
    engine_exact.equilibrate(k->engine, electrode, WARM_UP, 1, &eq);
    for (int i = 0; i < n; i++)
        mean[i] = 0;
    for (int64_t s = 0; s < samples; s++) {
        double value[KNOWN_OBSERVABLES];
        engine_exact.equilibrate(k->engine, electrode, DRAWS_BETWEEN, DRAWS_BETWEEN, &eq);
        observe(k, k->state.x.occupancy, value + 2);
        value[0] = 1e-6 * (double)(k->state.energy_ueV - ground);
        value[1] = (double)eq.sum_li / (double)eq.samples;
        for (int i = 0; i < n; i++)
            mean[i] += value[i] / (double)samples;
    }
    cr_assert_eq(k->state.energy_ueV, state_recount(&k->state, &k->model));
    known_stop(k);
}

static const char *observable_name(const struct box *b, int i) {
    return i == 0 ? "energy" : i == 1 ? "Li" : i < b->n + 2 ? "tokens on site" : "Ni pair";
}

/* Averages of small variance have too few visits for a normal error and are left out. */
static void compare(const struct box *b, const struct known_states *states,
                    const struct electrode *electrode, int64_t samples) {
    double exact[KNOWN_OBSERVABLES], variance[KNOWN_OBSERVABLES], mean[KNOWN_OBSERVABLES];
    struct known_sums sums = {0};
    char name[80];
    known_exact(b->k, states, electrode, exact, variance);
    for (uint32_t batch = 0; batch < BATCHES; batch++) {
        run_batch(b, electrode, known_ground(states), batch, samples, mean);
        known_add_batch(&sums, mean, b->n + 5);
    }
    for (int i = 0; i < sums.n; i++) {
        if (variance[i] < 0.005)
            continue;
        snprintf(name, sizeof name, "%s %.2f V, kappa %.2f eV: %s %d", b->name,
                 electrode->voltage_ueV * 1e-6, electrode->kappa_ueV * 1e-6, observable_name(b, i),
                 i);
        /* energies: 0.5 % or 5 meV; occupations: 0.5 % of one token */
        known_check(name, known_mean(&sums, i), known_error(&sums, i), exact[i],
                    i == 0   ? fmax(exact[i], 1.0)
                    : i == 1 ? exact[i]
                             : 1.0);
    }
}

/* One voltage in each band, each once fixed and once under a restraint. */
static void compare_all(struct box b) {
    static const int32_t voltage[] = {3600000, 3950000, 4300000};
    static const int64_t samples[] = {3000, 5000, 9000}; /* higher up the moves mix more slowly */
    struct known_states states;
    observed = &b;
    known_enumerate(b.k, b.choice, b.n, observe, b.n + 3, &states);
    cr_log_info("%s: %lld states\n", b.name, (long long)states.n);
    for (int v = 0; v < 3; v++)
        for (int restrained = 0; restrained < 2; restrained++) {
            struct electrode e = {voltage[v], restrained ? 80000 : 0, 4};
            compare(&b, &states, &e, samples[v]);
        }
    known_states_free(&states);
    known_free(b.k);
}

Test(equilibrium, enumerated_o3_box) {
    compare_all(box_o3());
}

Test(equilibrium, redox_centres_alone) {
    struct box b = box_redox();
    struct electrode e = {3950000, 0, 0};
    struct known_states states;
    observed = &b;
    known_enumerate(b.k, b.choice, b.n, observe, b.n + 3, &states);
    compare(&b, &states, &e, 9000);
    known_states_free(&states);
    known_free(b.k);
}

Test(equilibrium, enumerated_o2_box) {
    compare_all(box_o2());
}
