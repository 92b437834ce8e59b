/* Guarantee: the voltage of an ideal mixture is the exact one, at fixed voltage and by restraint.
 *
 * LixCoO2 without interactions: one couple at V0, Li and holes each mix freely on their own sites:
 *     V(x) = V0 + (2 kT/e) ln((1 - x)/x).
 * In a box with M Li sites and M Co the weight of N Li is
 *     binomial(M, N)^2 exp(-(V - V0) N/kT - kappa (N - N0)^2/2kT),
 * which is summed exactly: no finite-size error is left in the comparison of N; the curve itself
 * must hold to 1 mV.
 */
#include <criterion/criterion.h>
#include <math.h>
#include "../../kmc/simulation.h"
#include "known.h"

enum { BATCHES = 40, DRAWS = 150000 };
static const double V0 = 4.05;
static const char *const SETS[] = {"host.formula=LiCoO2",
                                   "structure.order=solid-solution",
                                   "structure.repeats=1",
                                   "elements.Co.oxidation_eV=[4.05]",
                                   "model.valence_stiffness_eV=0",
                                   "model.face_tet_oct_li_li_eV=0",
                                   "model.face_tet_oct_li_tm_eV=0",
                                   "model.face_oct_oct_li_li_eV=0",
                                   "model.face_oct_oct_li_tm_eV=0",
                                   "model.face_oct_oct_tm_tm_eV=0",
                                   "model.hole_eV=12",
                                   "model.li_tet_eV=5",
                                   "kinetics.slow_events=false",
                                   "run.seed=20240607",
                                   "run.threads=1"};

struct mixture {
    struct scenario *scenario;
    struct simulation sim;
    struct replica replica;
    double kT_V;
};

static void open_mixture(struct mixture *x) {
    x->scenario = scenario_load("builtin:o3-lmr", SETS, sizeof SETS / sizeof *SETS, stderr);
    cr_assert_not_null(x->scenario);
    cr_assert_eq(simulation_create(&x->sim, x->scenario, stderr), 0);
    cr_assert_eq(replica_create(&x->replica, x->scenario, &x->sim.species, x->sim.model, x->sim.ops,
                                1, 0, stderr),
                 0);
    x->kT_V = x->sim.model->boltzmann.kT_ueV * 1e-6;
    cr_assert_eq(x->replica.state.n_li, x->replica.cell.n_formula);
}

static void close_mixture(struct mixture *x) {
    replica_free(&x->replica);
    simulation_free(&x->sim);
    scenario_free(x->scenario);
}

static double curve(const struct mixture *x, double li) {
    return V0 + 2 * x->kT_V * log((1 - li) / li);
}

/* <N> of the box, summed over all N. */
static double exact_li(const struct mixture *x, const struct electrode *e) {
    double m = (double)x->replica.cell.n_formula, peak = -INFINITY, z = 0, sum = 0;
    for (int pass = 0; pass < 2; pass++)
        for (double n = 0; n <= m; n++) {
            double off = n - (double)e->target;
            double log_weight = 2 * (lgamma(m + 1) - lgamma(n + 1) - lgamma(m - n + 1)) -
                                (e->voltage_ueV * 1e-6 - V0) * n / x->kT_V -
                                e->kappa_ueV * 1e-6 * off * off / (2 * x->kT_V);
            if (pass == 0) {
                peak = fmax(peak, log_weight);
                continue;
            }
            z += exp(log_weight - peak);
            sum += n * exp(log_weight - peak);
        }
    return sum / z;
}

static void measure(struct mixture *x, const struct electrode *e, struct known_sums *li) {
    struct engine_equilibrated eq;
    struct replica *r = &x->replica;
    r->ops->equilibrate(r->engine, e, 0, 3 * DRAWS, 1, &eq);
    for (int b = 0; b < BATCHES; b++) {
        r->ops->equilibrate(r->engine, e, 0, DRAWS, DRAWS, &eq);
        double mean = (double)eq.sum_li / (double)eq.samples;
        known_add_batch(li, &mean, 1);
    }
    cr_assert_null(state_verify(&r->state, x->sim.model));
}

static const double SHARE[] = {0.2, 0.5, 0.8};

Test(ideal_mixing, li_at_fixed_voltage) {
    struct mixture x;
    char name[80];
    open_mixture(&x);
    for (int p = 0; p < 3; p++) {
        struct electrode e = {(int32_t)lround(1e6 * curve(&x, SHARE[p])), 0, 0};
        struct known_sums li = {0};
        measure(&x, &e, &li);
        snprintf(name, sizeof name, "N at %.4f V", e.voltage_ueV * 1e-6);
        double exact = exact_li(&x, &e), n = known_mean(&li, 0);
        known_check(name, n, known_error(&li, 0), exact, exact);
        double off = curve(&x, n / (double)x.replica.cell.n_formula) - e.voltage_ueV * 1e-6;
        cr_log_info("voltage of the curve at the measured N: %+.3f mV off\n", 1e3 * off);
        cr_expect_float_eq(off, 0, 1e-3, "x = %.1f: %.3f mV off", SHARE[p], 1e3 * off);
    }
    close_mixture(&x);
}

/* The reference voltage is 30 mV wrong on purpose: the restraint must tell the true one. */
Test(ideal_mixing, voltage_by_restraint) {
    struct mixture x;
    char name[80];
    open_mixture(&x);
    for (int p = 0; p < 3; p++)
        for (int side = -1; side <= 1; side += 2) {
            double true_V = curve(&x, SHARE[p]), m = (double)x.replica.cell.n_formula;
            struct electrode e = {(int32_t)lround(1e6 * true_V) + side * 30000, 20000,
                                  llround(SHARE[p] * m)};
            struct known_sums li = {0};
            measure(&x, &e, &li);
            double kappa_V = e.kappa_ueV * 1e-6, reference = e.voltage_ueV * 1e-6;
            double off_N = known_mean(&li, 0) - (double)e.target;
            double exact_V = reference + kappa_V * (exact_li(&x, &e) - (double)e.target);
            double V = reference + kappa_V * off_N, error = kappa_V * known_error(&li, 0);
            snprintf(name, sizeof name, "V by restraint from %.4f V", reference);
            known_check(name, V, error, exact_V, 0.05); /* error below 0.25 mV */
            double li_share = known_mean(&li, 0) / m;
            cr_log_info("off the curve by %+.3f mV\n", 1e3 * (V - curve(&x, li_share)));
            cr_expect_float_eq(V, curve(&x, li_share), 1e-3, "x = %.3f: %.3f mV off", li_share,
                               1e3 * (V - curve(&x, li_share)));
        }
    close_mixture(&x);
}
