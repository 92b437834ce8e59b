/* Letters: M Li sites, C redox centres (Co3+/4+), T tokens = Li+ and holes together (constant), kT in ueV.
 *
 * Energies.  All tables that a case does not use are set to 0, so that the energies left are these (kernels/energy.h), with k = valence_unit:
 *   Li put on an oct      k(2 D phi + n D^2), D = 2, n anions present, each with deviation -24 while no cation touches it (S2-, z = 2):
 *                         k(-96 n + 4 n) = -92 k n
 *   two Li on octs that share s anions       2 k D D s = 8 k s more; s = 2 for neighbours in one layer (one O below, one above)
 *   hole on a centre      its oxidation energy V0; a Li that leaves at voltage V gives it:  weight exp(-(V - V0) N/kT)
 */
#include <math.h>
#include <string.h>
#include "clusters.h"
#include "passes.h"
#include "selftest_exact.h"
#include "selftest_gas.h"

enum { LI_GAP = 1, TM_GAP = 0 };

static const double TEMPERATURE_K = 298.15;
/* No oxygen of the crystal takes part: a hole there costs more than any voltage pays. */
static const char *const SETS[] = {"model.valence_stiffness_eV=0", "model.hole_eV=12", NULL};

/* Blank crystal without energies but the oxidation of Co. */
static struct known_crystal *open_blank(int cells) {
    struct known_crystal *k = known_create("ABCABC", cells, cells, TEMPERATURE_K, SETS);
    memset(k->model.face, 0, sizeof k->model.face);
    memset(k->model.cation[CATION_LI], 0, sizeof k->model.cation[CATION_LI]);
    return k;
}

/* Fills all sites of a kind in a gap, the first n with `byte`, the others with `other`. */
static void fill(struct known_crystal *k, int plane, int kind, int byte, int n, int other) {
    const struct lattice *l = &k->model.lattice;
    for (int s = 0; s < l->na * l->nb; s++)
        known_put(k, known_site(k, plane, kind, s % l->na, s / l->na), s < n ? byte : other);
}

/* V0 in ueV. */
static int32_t oxidation(const struct known_crystal *k) {
    int co = known_ion(k, "Co", 3);
    return k->model.cation[co + 1][CLASS_TM_OCT] - k->model.cation[co][CLASS_TM_OCT];
}

/* Mean of N over the calls of a batch and of (N - exact mean)^2 after each of them. */
static void measure_n(struct known_crystal *k, const struct electrode *e, int64_t draws, int calls,
                      double exact, double out[2]) {
    struct engine_equilibrated eq;
    out[0] = out[1] = 0;
    for (int c = 0; c < calls; c++) {
        selftest_equilibrate(k, e, draws, &eq);
        double off = (double)k->state.n_li - exact;
        out[0] += (double)eq.sum_li / (double)eq.samples / calls;
        out[1] += off * off / calls;
    }
}

/* ---- ideal gas ----
 *
 * M Li sites, C = M centres, T = M tokens: the weight of N Li is binomial(M, N)^2 exp(-(V - V0) N/kT - kappa (N - N0)^2/2kT); for large M
 *     V(x) = V0 + (2 kT/e) ln((1 - x)/x),
 * kT/e for Li and once more for the holes. */

enum { IDEAL_CELLS = 6, IDEAL_M = 3 * IDEAL_CELLS * IDEAL_CELLS };

static void ideal_exact(const struct known_crystal *k, const struct electrode *e, double *mean,
                        double *variance) {
    double w[IDEAL_M + 1], kT = k->model.boltzmann.kT_ueV;
    for (int n = 0; n <= IDEAL_M; n++) {
        double off = n - (double)e->target;
        w[n] = 2 * selftest_exact_log_choose(IDEAL_M, n) -
               ((e->voltage_ueV - oxidation(k)) * (double)n + e->kappa_ueV * off * off / 2) / kT;
    }
    selftest_exact_moments(IDEAL_M + 1, w, mean, variance);
}

static void ideal_at(struct selftest *t, struct known_crystal *k, double x, int32_t kappa_ueV) {
    const double kT = k->model.boltzmann.kT_ueV;
    int32_t v = oxidation(k) + (int32_t)lround(2 * kT * log((1 - x) / x));
    /* under the restraint the field is 20 mV wrong on purpose: the measured voltage must not be */
    struct electrode e = {v + (kappa_ueV ? 20000 : 0), kappa_ueV, llround(x * IDEAL_M)};
    double mean, variance, batch[2];
    struct known_sums s = {0};
    struct engine_equilibrated eq;
    char text[48];
    int calls = (int)selftest_samples(t, 5, 1);
    ideal_exact(k, &e, &mean, &variance);
    selftest_start(t, k, (uint32_t)(100 * x) + (kappa_ueV > 0));
    selftest_equilibrate(k, &e, 150000, &eq);
    for (int b = 0; b < SELFTEST_BATCHES; b++) {
        measure_n(k, &e, 8000, calls, mean, batch);
        if (kappa_ueV) /* cell voltage, V */
            batch[0] = 1e-6 * (e.voltage_ueV + kappa_ueV * (batch[0] - (double)e.target));
        known_add_batch(&s, batch, 2);
    }
    if (kappa_ueV) {
        snprintf(text, sizeof text, "voltage held at x = %.2f, V", x);
        selftest_check_sums(t, text, 1e-6 * (e.voltage_ueV + kappa_ueV * (mean - (double)e.target)),
                            &s, 0);
    } else {
        snprintf(text, sizeof text, "N of %d at %.3f V", IDEAL_M, 1e-6 * v);
        selftest_check_sums(t, text, mean, &s, 0);
        selftest_check_sums(t, "its variance", variance, &s, 1);
    }
    selftest_stop(t, k);
}

void selftest_gas_ideal(struct selftest *t) {
    struct known_crystal *k = open_blank(IDEAL_CELLS);
    int co = known_ion(k, "Co", 3);
    for (int plane = 0; plane < 6; plane++)
        fill(k, plane, SITE_OCT, lattice_is_tm_gap(plane) ? co : CATION_LI, IDEAL_M, 0);
    ideal_at(t, k, 0.5, 0);
    ideal_at(t, k, 0.8, 0);
    ideal_at(t, k, 0.3, 20000);
    known_free(k);
}

/* ---- torus ----
 *
 * Six Li on 4 x 4 octs of one layer, neighbours repel by J = 16 k (s = 2).  All 8008 arrangements are visited; heat capacity C/k_B = J^2 Var(pairs)/(kT)^2. */

enum { TORUS_CELLS = 4, TORUS_IONS = 6 };

static int pairs_now(const struct known_crystal *k) {
    static const int step[3][2] = {{1, 0}, {0, 1}, {1, -1}};
    const struct lattice *l = &k->model.lattice;
    const uint8_t *byte = k->state.x.occupancy;
    int pairs = 0;
    for (int s = 0; s < l->na * l->nb; s++)
        for (int d = 0; d < 3; d++)
            pairs += byte[known_site(k, LI_GAP, SITE_OCT, s % l->na, s / l->na)] == CATION_LI &&
                     byte[known_site(k, LI_GAP, SITE_OCT, s % l->na + step[d][0],
                                     s / l->na + step[d][1])] == CATION_LI;
    return pairs;
}

static void torus_at(struct selftest *t, double J_over_kT, uint32_t replica) {
    enum { PAIRS = 3 * TORUS_CELLS * TORUS_CELLS + 1 };
    struct known_crystal *k = open_blank(TORUS_CELLS);
    const struct electrode e = {4000000, 0, 0};
    double w[PAIRS], mean, variance, kT = k->model.boltzmann.kT_ueV;
    struct known_sums sums = {0};
    struct engine_equilibrated eq;
    char text[48];
    int64_t samples = selftest_samples(t, 30, 6);
    k->model.valence_unit = (int32_t)lround(J_over_kT * kT / 16);
    double J = 16.0 * k->model.valence_unit / kT;
    selftest_exact_pairs(TORUS_CELLS, TORUS_IONS, w);
    for (int p = 0; p < PAIRS; p++)
        w[p] = log(w[p]) - J * p;
    selftest_exact_moments(PAIRS, w, &mean, &variance);
    fill(k, LI_GAP, SITE_OCT, CATION_LI, TORUS_IONS, CATION_VACANCY);
    selftest_start(t, k, replica);
    selftest_equilibrate(k, &e, 50000, &eq);
    for (int b = 0; b < SELFTEST_BATCHES; b++) {
        double batch[2] = {0, 0};
        for (int64_t n = 0; n < samples; n++) {
            selftest_equilibrate(k, &e, 2500, &eq);
            double p = pairs_now(k);
            batch[0] += J * p / (double)samples;
            batch[1] += J * J * (p - mean) * (p - mean) / (double)samples;
        }
        known_add_batch(&sums, batch, 2);
    }
    snprintf(text, sizeof text, "energy/kT at J = %.1f kT", J_over_kT);
    selftest_check_sums(t, text, J * mean, &sums, 0);
    selftest_check_sums(t, "heat capacity/k", J * J * variance, &sums, 1);
    selftest_stop(t, k);
    known_free(k);
}

void selftest_gas_torus(struct selftest *t) {
    torus_at(t, 1.0, 0);
    torus_at(t, 2.5, 1);
}

/* ---- hard hexagons ----
 *
 * 6 x 6 octs of one Li layer, neighbours exclude each other (J = 30 kT); Li leaves to the electrode against a hole on one of 36 Co in the TM gap below.  The anions
 * below the Li and around the Co are missing: the holes then feel neither each other nor the Li, and s = 1, J = 8 k, n = 3.  With g(N) ways to place N hexagons
 * (visited one by one) and T = 36 the weight is g(N) binomial(36, 36 - N) exp(-(V - V0) N/kT). */

enum { HEXAGON_CELLS = 6, HEXAGON_M = HEXAGON_CELLS * HEXAGON_CELLS, HEXAGON_ANIONS = 3 };

static struct known_crystal *open_hexagons(void) {
    struct known_crystal *k = open_blank(HEXAGON_CELLS);
    int co = known_ion(k, "Co", 3);
    fill(k, TM_GAP, SITE_O, ANION_OUTSIDE, HEXAGON_M, 0);
    fill(k, LI_GAP, SITE_O, ANION_OUTSIDE, HEXAGON_M, 0);
    fill(k, TM_GAP, SITE_OCT, co + 1, HEXAGON_M, 0);
    fill(k, LI_GAP, SITE_OCT, CATION_VACANCY, HEXAGON_M, 0);
    k->model.valence_unit = (int32_t)lround(30 * k->model.boltzmann.kT_ueV / 8);
    k->model.cation[CATION_LI][CLASS_LI_OCT] = 92 * HEXAGON_ANIONS * k->model.valence_unit;
    return k;
}

static void hexagons_at(struct selftest *t, struct known_crystal *k, double v_kT, const double *g,
                        uint32_t replica) {
    double w[HEXAGON_M + 1], mean, variance, batch[2], kT = k->model.boltzmann.kT_ueV;
    struct electrode e = {oxidation(k) + (int32_t)lround(v_kT * kT), 0, 0};
    struct known_sums sums = {0};
    struct engine_equilibrated eq;
    char text[48];
    int calls = (int)selftest_samples(t, 3, 1);
    for (int n = 0; n <= HEXAGON_M; n++)
        w[n] = log(g[n]) + selftest_exact_log_choose(HEXAGON_M, n) -
               (e.voltage_ueV - oxidation(k)) / kT * n;
    selftest_exact_moments(HEXAGON_M + 1, w, &mean, &variance);
    selftest_start(t, k, replica);
    selftest_equilibrate(k, &e, 200000, &eq);
    for (int b = 0; b < SELFTEST_BATCHES; b++) {
        measure_n(k, &e, 25000, calls, mean, batch);
        known_add_batch(&sums, batch, 2);
    }
    snprintf(text, sizeof text, "hexagons at V0 %+.1f kT/e", v_kT);
    selftest_check_sums(t, text, mean, &sums, 0);
    selftest_check_sums(t, "their variance", variance, &sums, 1);
    selftest_stop(t, k);
}

void selftest_gas_hexagons(struct selftest *t) {
    struct known_crystal *k = open_hexagons();
    double g[HEXAGON_M + 1];
    selftest_exact_hexagons(HEXAGON_CELLS, g);
    hexagons_at(t, k, 2.0, g, 0);
    hexagons_at(t, k, 0.0, g, 1);
    known_free(k);
}

/* ---- film ----
 *
 * Li from the electrode fills octs of a Li layer, tets of it and octs of the TM layer behind, at 0, +1.5 and -1 kT; holes go to 36 Co on the other side.  Without
 * interactions the weight of (n0, n1, n2) is the product of the binomials of sites and holes and of exp(-n_c (e_c + V - V0)/kT). */

enum { FILM_CELLS = 6, FILM_M = FILM_CELLS * FILM_CELLS, FILM_TM_GAP = 2 };

struct film_class {
    int plane, kind, class;
    double energy_kT;
};
static const struct film_class film_classes[SELFTEST_EXACT_CLASSES] = {
    {LI_GAP, SITE_OCT, CLASS_LI_OCT, 0},
    {LI_GAP, SITE_TET_UP, CLASS_LI_TET, 1.5},
    {FILM_TM_GAP, SITE_OCT, CLASS_TM_OCT, -1}};
static const char *const film_names[SELFTEST_EXACT_CLASSES] = {
    "Li in octs of the Li layer", "Li in tets", "Li in octs of the TM layer"};

static void film_count(const struct known_crystal *k, double *n) {
    for (int c = 0; c < SELFTEST_EXACT_CLASSES; c++) {
        n[c] = 0;
        for (int s = 0; s < FILM_M; s++)
            n[c] += k->state.x.occupancy[known_site(k, film_classes[c].plane, film_classes[c].kind,
                                                    s % FILM_CELLS, s / FILM_CELLS)] == CATION_LI;
    }
}

void selftest_gas_film(struct selftest *t) {
    struct known_crystal *k = open_blank(FILM_CELLS);
    const double kT = k->model.boltzmann.kT_ueV, v_kT = 0.5;
    struct selftest_exact_film f = {.pool = FILM_M, .tokens = FILM_M};
    struct electrode e = {oxidation(k) + (int32_t)lround(v_kT * kT), 0, 0};
    struct known_sums sums = {0};
    struct engine_equilibrated eq;
    double mean[SELFTEST_EXACT_CLASSES];
    int64_t samples = selftest_samples(t, 3, 1);
    fill(k, TM_GAP, SITE_OCT, known_ion(k, "Co", 4), FILM_M, 0);
    for (int c = 0; c < SELFTEST_EXACT_CLASSES; c++) {
        int32_t energy = (int32_t)lround(film_classes[c].energy_kT * kT);
        fill(k, film_classes[c].plane, film_classes[c].kind, CATION_VACANCY, FILM_M, 0);
        k->model.cation[CATION_LI][film_classes[c].class] = energy;
        f.sites[c] = FILM_M;
        f.energy_kT[c] = (energy + e.voltage_ueV - oxidation(k)) / kT;
    }
    selftest_exact_filling(&f, mean);
    selftest_start(t, k, 0);
    selftest_equilibrate(k, &e, 400000, &eq);
    for (int b = 0; b < SELFTEST_BATCHES; b++) {
        double batch[SELFTEST_EXACT_CLASSES] = {0};
        for (int64_t n = 0; n < samples; n++) {
            double now[SELFTEST_EXACT_CLASSES];
            selftest_equilibrate(k, &e, 30000, &eq);
            film_count(k, now);
            for (int c = 0; c < SELFTEST_EXACT_CLASSES; c++)
                batch[c] += now[c] / (double)samples;
        }
        known_add_batch(&sums, batch, SELFTEST_EXACT_CLASSES);
    }
    for (int c = 0; c < SELFTEST_EXACT_CLASSES; c++)
        selftest_check_sums(t, film_names[c], mean[c], &sums, c);
    selftest_stop(t, k);
    known_free(k);
}

/* ---- passes ----
 *
 * Averages do not see how fast passes move ions; their hops do.  An ideal gas of n Li on the M octs of one Li layer of 3 x 3 cells, too few for two lanes side by
 * side in a layer: each lane of the channel Li oct - Li oct in its gap lies in one of the three Li layers with equal chance, and the ends of its bond differ with
 * probability 2 n (M - n)/(M (M - 1)).  The share of the channel is what the plan states.  Non-local moves find no second lane in the layer. */

enum { PASSES_CELLS = 3, PASSES_M = PASSES_CELLS * PASSES_CELLS, PASSES_IONS = 4 };

/* Mean number of bonds between Li octs of one of the three Li layers that a pass tries. */
static double bonds_a_pass(const struct pass_plan *plan, const struct lattice *l, int band) {
    double lanes = 0;
    for (int s = 0; s < PASS_SLOTS; s++) {
        const struct pass_channel *ch = &plan->channel[plan->slot[band][s]];
        if (ch->kind == SITE_OCT && ch->parity == 1 && ch->group == PASS_OCT_IN_GAP)
            lanes += pass_count(l->na, ch->spacing[AXIS_A]) *
                     pass_count(l->nb, ch->spacing[AXIS_B]) *
                     pass_count(l->n_planes, ch->spacing[AXIS_C]);
    }
    return lanes / PASS_SLOTS / 3;
}

void selftest_gas_passes(struct selftest *t) {
    if (t->ops == &engine_exact) {
        selftest_leave_out(t, "draws one bond at a time; it has no passes");
        return;
    }
    struct known_crystal *k = open_blank(PASSES_CELLS);
    const struct electrode e = {4000000, 0, 0};
    struct pass_plan plan;
    struct known_sums sums = {0};
    struct engine_equilibrated eq;
    double differ = 2.0 * PASSES_IONS * (PASSES_M - PASSES_IONS) / (PASSES_M * (PASSES_M - 1.0));
    int64_t draws = selftest_samples(t, 20000, 2000);
    fill(k, LI_GAP, SITE_OCT, CATION_LI, PASSES_IONS, CATION_VACANCY);
    if (!passes_init(&plan, &k->model)) {
        selftest_check(t, "out of memory", 0, NAN, 0);
        known_free(k);
        return;
    }
    selftest_start(t, k, 0);
    selftest_equilibrate(k, &e, 20 * draws, &eq);
    for (int b = 0; b < SELFTEST_BATCHES; b++) {
        selftest_equilibrate(k, &e, draws, &eq); /* samples = passes, as all of them are measured */
        double hops = (double)eq.accepted / (double)eq.samples;
        known_add_batch(&sums, &hops, 1);
    }
    double bonds = bonds_a_pass(&plan, &k->model.lattice, pass_band(e.voltage_ueV));
    selftest_check_sums(t, "hops a pass", bonds * differ, &sums, 0);
    selftest_stop(t, k);
    known_free(k);
}

/* ---- clusters ----
 *
 * 38 vacancies among the 256 octs of one Li layer, anywhere with equal chance; the anions around are O2- without TM neighbours, so that every vacancy belongs to a
 * void (kmc/clusters.h) and voids are the site clusters of the triangular lattice. */

enum { CLUSTERS_CELLS = 16, CLUSTERS_M = CLUSTERS_CELLS * CLUSTERS_CELLS, CLUSTERS_VACANT = 38 };

static bool count_clusters(const struct known_crystal *k, double *n) {
    struct clusters c;
    if (!clusters_find(&c, &k->model, &k->state.x))
        return false;
    for (int64_t i = 0; i < c.n; i++)
        if (c.entry[i].size >= 1 && c.entry[i].size <= SELFTEST_EXACT_ANIMALS)
            n[c.entry[i].size - 1]++;
    clusters_free(&c);
    return true;
}

static struct known_crystal *open_clusters(void) {
    struct known_crystal *k = open_blank(CLUSTERS_CELLS);
    k->model.with_dimers = 0;
    for (int plane = LI_GAP; plane <= LI_GAP + 1; plane++)
        fill(k, plane, SITE_O, ANION_OXIDE, CLUSTERS_M, 0);
    fill(k, LI_GAP, SITE_OCT, CATION_VACANCY, CLUSTERS_VACANT, CATION_LI);
    return k;
}

void selftest_gas_clusters(struct selftest *t) {
    struct known_crystal *k = open_clusters();
    const struct electrode e = {4000000, 0, 0};
    struct engine_equilibrated eq;
    struct known_sums sums = {0};
    double mean[SELFTEST_EXACT_ANIMALS];
    char text[48];
    bool ok = true;
    int64_t samples = selftest_samples(t, 4, 2);
    selftest_exact_animals(CLUSTERS_M, CLUSTERS_VACANT, mean);
    selftest_start(t, k, 0);
    selftest_equilibrate(k, &e, 4000000, &eq);
    for (int b = 0; b < SELFTEST_BATCHES; b++) {
        double n[SELFTEST_EXACT_ANIMALS] = {0};
        for (int64_t s = 0; s < samples; s++) {
            selftest_equilibrate(k, &e, 60000, &eq);
            ok = ok && count_clusters(k, n);
        }
        for (int s = 0; s < SELFTEST_EXACT_ANIMALS; s++)
            n[s] /= (double)samples;
        known_add_batch(&sums, n, SELFTEST_EXACT_ANIMALS);
    }
    for (int s = 0; ok && s < SELFTEST_EXACT_ANIMALS; s++) {
        snprintf(text, sizeof text, "voids of %d", s + 1);
        selftest_check_sums(t, text, mean[s], &sums, s);
    }
    if (!ok)
        selftest_check(t, "out of memory", 0, NAN, 0);
    selftest_stop(t, k);
    known_free(k);
}
