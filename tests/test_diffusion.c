/* Guarantee: Li+ that hops on the clock is followed without error, and in an ideal crystal its diffusivities are the known ones (kmc/diffusion.h).
 *
 * Ideal crystal: LiNi1/3Co1/3Mn1/3O2 without valence term and without energies of faces, unless a test says otherwise; a tet costs so much that
 * none is occupied.  With in = nu exp(-(barrier + tet/2)/kT) a hop through one tet:
 *   one Li+       6 tets, of whose 3 octs it leaves to one of the 2 others in 2/3 of the cases: 4 in hops/s, f = 1, D = 4 in a^2/4
 *   one vacancy   each of 6 Li+ has 2 tets to it and goes on in half of the cases: 6 in hops/s; f = 0.56006, on the torus of the box a little
 *                 more (kmc/tracer.h); the sum of all r is minus the way of the vacancy, so D_sigma is that of uncorrelated hops and Haven = f
 * With past = nu exp(-barrier/kT) of a hop past a tet, in which no Li+ stays: 12 past hops/s in both, as each neighbour can be reached past 2 tets.
 */
#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <math.h>
#include <stdlib.h>
#include "../kmc/diffusion_report.h"
#include "../kmc/tracer.h"
#include "../kmc/units.h"
#include "fixture.h"

#define BOX "structure.cells_a=6", "structure.cells_b=6", "structure.repeats=1", "run.seed=2718"
#define IDEAL                                                                                      \
    BOX, "model.valence_stiffness_eV=0", "model.li_tet_eV=0.6", "model.li_hop_eV=0.35",            \
        "model.face_tet_oct_li_li_eV=0", "model.face_tet_oct_li_tm_eV=0",                          \
        "model.face_oct_oct_li_li_eV=0", "model.face_oct_oct_li_tm_eV=0",                          \
        "model.face_tet_tet_eV=0"
#define STAYS IDEAL, "model.li_pass_eV=10" /* every hop ends in the tet for a while */
#define PASSES                                                                                     \
    IDEAL, "model.li_hop_eV=10", "model.li_pass_eV=0.3", "model.li_pass_per_tm_eV=0.25",           \
        "model.li_pass_per_li_eV=0.15" /* none does */

static const double A_CM = 2.85e-8;

struct bench {
    struct fixture *f;
    struct rate_model still, moving;
    struct diffusion d;
    struct diffusion_run w;
    uint8_t *pristine;
};

static struct bench *bench_create(const char *source, const char *const *set) {
    struct bench *b = calloc(1, sizeof *b);
    cr_assert_not_null(b);
    b->f = fixture_create(source, set);
    diffusion_models(b->f->model, &b->still, &b->moving);
    b->d = (struct diffusion){.still = &b->still,
                              .moving = &b->moving,
                              .hops = 32,
                              .step_hops = 0.1,
                              .sweeps = 0,
                              .approach_sweeps = 10,
                              .kappa_ueV = 1000000};
    size_t n = (size_t)fixture_state(b->f)->n_sites;
    b->pristine = malloc(n);
    cr_assert_not_null(b->pristine);
    memcpy(b->pristine, fixture_state(b->f)->x.occupancy, n);
    return b;
}

/* Li+ hops from here on; n in the box. */
static void bench_start(struct bench *b, double n) {
    struct diffusion_point p = {NAN, n / (double)b->f->replica.cell.n_formula};
    cr_assert(diffusion_begin(&b->w, &b->d, &b->f->replica, b->pristine, &p));
    cr_assert_eq((double)fixture_state(b->f)->n_li, n, "%lld Li+, expected %g",
                 (long long)fixture_state(b->f)->n_li, n);
    cr_assert(diffusion_release(&b->w));
}

static void bench_free(struct bench *b) {
    diffusion_end(&b->w);
    fixture_free(b->f);
    free(b->pristine);
    free(b);
}

/* Hops a second into one tet of energy `tet_eV`, from libm. */
static double hop_in(const struct bench *b, double kra_eV, double tet_eV) {
    double barrier = kra_eV + tet_eV / 2;
    return b->still.attempt_frequency * exp(-1e6 * barrier / b->still.boltzmann.kT_ueV);
}

static void expect_mean(const char *what, const double *x, size_t n, double exact, double share) {
    struct statistics_estimate e = statistics_estimate(x, n);
    double z = (e.mean - exact) / e.standard_error;
    cr_log_info("%-32s %12.6g +- %9.3g  exact %12.6g  z %+5.2f  (seed 2718)\n", what, e.mean,
                e.standard_error, exact, z);
    cr_expect(fabs(z) < 4, "%s: %g +- %g, exact %g: z = %.1f, limit 4", what, e.mean,
              e.standard_error, exact, z);
    cr_expect(e.standard_error < share * fabs(exact), "%s: standard error %g above %g of %g", what,
              e.standard_error, share, exact);
}

static double square_ab(const double *r) {
    return r[0] * r[0] + r[1] * r[1];
}

/* Sums over windows of one advance each. */
enum { WINDOWS = 2400 };
struct windows {
    double hops[WINDOWS], tracer[WINDOWS], charge[WINDOWS];
};

static void run_windows(struct bench *b, double step_s, int n, struct windows *out) {
    b->w.step_s = step_s;
    for (int k = 0; k < n; k++) {
        ions_restart(&b->w.ions);
        diffusion_step(&b->w);
        out->hops[k] = (double)b->w.ions.hops;
        out->charge[k] = 1e-16 * square_ab(b->w.ions.sum);
        out->tracer[k] = 0;
        for (int64_t i = 0; i < b->w.ions.n; i++)
            out->tracer[k] += 1e-16 * square_ab(b->w.ions.ion[i].r);
    }
}

/* One Li+: D of a walk at random, a quarter of its hops a second. */
static void check_one_ion(struct bench *b, double hops_per_s) {
    struct windows *v = calloc(1, sizeof *v);
    cr_assert_not_null(v);
    bench_start(b, 1);
    double step_s = 20 / hops_per_s;
    run_windows(b, step_s, WINDOWS, v);
    for (int k = 0; k < WINDOWS; k++)
        v->tracer[k] /= 4 * step_s;
    expect_mean("hops in a window", v->hops, WINDOWS, 20, 0.01);
    expect_mean("D, cm2/s", v->tracer, WINDOWS, hops_per_s / 4 * A_CM * A_CM, 0.03);
    free(v);
    bench_free(b);
}

Test(diffusion, one_ion_walks_at_random) {
    struct bench *b = bench_create("builtin:nmc111", FIXTURE_SET(STAYS));
    check_one_ion(b, 4 * hop_in(b, 0.35, 0.6));
    b = bench_create("builtin:nmc111", FIXTURE_SET(PASSES));
    check_one_ion(b, 12 * hop_in(b, 0.3 + 0.25, 0));
}

/* One vacancy: correlation factor of its Li+ and Haven ratio. */
static void check_one_vacancy(struct bench *b, double hops_per_s) {
    enum { N = 300, HOPS = 120 };
    struct windows *v = calloc(1, sizeof *v);
    double torus = tracer_factor(6, HOPS), haven[N];
    cr_assert_not_null(v);
    bench_start(b, 107);
    run_windows(b, HOPS / hops_per_s, N, v);
    expect_mean("hops in a window", v->hops, N, HOPS, 0.02);
    double charge = statistics_mean(v->charge, N);
    for (int k = 0; k < N; k++) {
        v->tracer[k] *= TRACER_KNOWN_F / torus / (HOPS * A_CM * A_CM);
        haven[k] = v->tracer[k] / charge * (HOPS * A_CM * A_CM);
        v->charge[k] /= HOPS * A_CM * A_CM;
    }
    expect_mean("f of the infinite layer", v->tracer, N, TRACER_KNOWN_F, 0.02);
    expect_mean("collective factor", v->charge, N, 1, 0.1);
    struct statistics_estimate h = statistics_estimate(haven, N),
                               c = statistics_estimate(v->charge, N);
    double error =
        h.mean * sqrt(pow(h.standard_error / h.mean, 2) + pow(c.standard_error / c.mean, 2));
    cr_log_info("Haven ratio %.4f +- %.4f, exact %.5f\n", h.mean, error, TRACER_KNOWN_F);
    cr_expect(fabs(h.mean - TRACER_KNOWN_F) < 4 * error, "Haven ratio %.4f +- %.4f", h.mean, error);
    free(v);
    bench_free(b);
}

/* Faces cost energy where Li+ stays in tets, the same in every hop into the vacancy, so that tets without a vacancy beside them are left alone. */
Test(diffusion, one_vacancy_correlates_hops_as_known) {
    struct bench *b =
        bench_create("builtin:nmc111", FIXTURE_SET(STAYS, "model.face_tet_oct_li_li_eV=0.3",
                                                   "model.face_tet_oct_li_tm_eV=0.5",
                                                   "model.li_tet_eV=0.2", "model.li_hop_eV=0.5"));
    check_one_vacancy(b, 6 * hop_in(b, 0.5, 0.2 + 0.3 + 0.5));
    b = bench_create("builtin:nmc111", FIXTURE_SET(PASSES));
    check_one_vacancy(b, 12 * hop_in(b, 0.3 + 0.25 + 0.15, 0));
}

/* The whole measurement at two temperatures: D, its activation energy, f near 1 (6 Li+ on 108 octs meet now and then). */
Test(diffusion, measured_in_an_ideal_gas) {
    enum { REPLICAS = 20 };
    static const char *const at[] = {"conditions.temperature_K=298.15",
                                     "conditions.temperature_K=450"};
    struct diffusion_result result[2][REPLICAS];
    struct diffusion_row rows[2] = {{298.15, REPLICAS, result[0]}, {450, REPLICAS, result[1]}};
    double in = 0;
    for (int t = 0; t < 2; t++) {
        struct bench *b = bench_create("builtin:nmc111", FIXTURE_SET(STAYS, at[t]));
        b->d.hops = 120;
        b->d.step_hops = 0.5;
        b->d.approach_sweeps = 1;
        in = t == 0 ? hop_in(b, 0.35, 0.6) : in;
        for (uint32_t r = 0; r < REPLICAS; r++) {
            struct diffusion_point p = {NAN, 6.0 / 108};
            fixture_state(b->f)->random.replica = r;
            cr_assert_eq(
                diffusion_measure(&b->d, &b->f->replica, b->pristine, &p, &result[t][r], stderr),
                0);
            cr_assert_eq(result[t][r].n_li, 6);
            cr_assert_eq(result[t][r].tracer[DIFFUSION_AXIS], 0);
        }
        bench_free(b);
    }
    struct statistics_estimate e = diffusion_report_activation(rows, 2, 1);
    struct statistics_estimate d = diffusion_report_estimate(rows, DIFFUSION_TRACER_AB);
    struct statistics_estimate f = diffusion_report_estimate(rows, DIFFUSION_CORRELATION_AB);
    double dilute = in * A_CM * A_CM;
    cr_log_info("activation %.4f +- %.4f eV (0.65), D %.3g +- %.2g (%.3g), f %.3f +- %.3f\n",
                e.mean, e.standard_error, d.mean, d.standard_error, dilute, f.mean,
                f.standard_error);
    cr_expect(fabs(e.mean - 0.65) < 4 * e.standard_error && e.standard_error < 0.01,
              "activation energy %.4f +- %.4f eV, exact 0.65", e.mean, e.standard_error);
    cr_expect(fabs(f.mean - 0.97) < 0.03 + 4 * f.standard_error && f.standard_error < 0.15,
              "f %.3f +- %.3f", f.mean, f.standard_error);
    cr_expect(fabs(d.mean / dilute - 0.93) < 0.07 + 4 * d.standard_error / dilute, "D %.3g of %.3g",
              d.mean, dilute);
}

/* Distance of two places from each other, whole boxes left out, angstrom. */
static double apart_in_box(const struct supercell *c, const double *a, const double *b) {
    double box[3][3], d[3];
    lattice_cell(&c->lattice, c->a_A, c->tm_gap_A, c->li_gap_A, box);
    for (int x = 0; x < 3; x++)
        d[x] = a[x] - b[x];
    for (int axis = 2; axis >= 0; axis--) { /* the cell is triangular */
        double turns = round(d[axis] / box[axis][axis]);
        for (int x = 0; x < 3; x++)
            d[x] -= turns * box[axis][x];
    }
    return fmax(fabs(d[0]), fmax(fabs(d[1]), fabs(d[2])));
}

static void place_of(const struct supercell *c, int64_t site, double xyz[3]) {
    lattice_position(&c->lattice, lattice_coord_of(&c->lattice, site), c->a_A, c->tm_gap_A,
                     c->li_gap_A, xyz);
}

static void check_bookkeeping(const char *source) {
    struct bench *b = bench_create(source, FIXTURE_SET(BOX, "conditions.temperature_K=450"));
    const struct supercell *c = &b->f->replica.cell;
    const struct state *s = fixture_state(b->f);
    b->d.sweeps = 2;
    bench_start(b, floor(0.6 * (double)c->n_li));
    struct ions *ions = &b->w.ions;
    double(*start)[3] = calloc((size_t)ions->n, sizeof *start), sum[3] = {0};
    cr_assert_not_null(start);
    for (int64_t k = 0; k < ions->n; k++)
        place_of(c, ions->ion[k].site, start[k]);
    b->w.step_s = 1e-13;
    while (ions->hops < 40 * ions->n) {
        diffusion_step(&b->w);
        b->w.step_s *= ions->hops < ions->n / 2 ? 2 : 1;
    }
    int64_t li = 0, far = 0;
    for (int64_t k = 0; k < ions->n; k++) {
        const struct ion *i = &ions->ion[k];
        double now[3], followed[3], at[3];
        place_of(c, i->site, at);
        for (int x = 0; x < 3; x++) {
            followed[x] = start[k][x] + i->r[x] + i->off[x];
            now[x] = at[x];
            sum[x] += i->r[x];
        }
        cr_assert_lt(apart_in_box(c, followed, now), 1e-6);
        cr_assert_eq(s->x.occupancy[i->site], CATION_LI);
        cr_assert_eq(ions->at[i->site], k);
        far += fabs(followed[0] - now[0]) + fabs(followed[1] - now[1]) > 1;
    }
    for (int64_t site = 0; site < s->n_sites; site++)
        li += ions->at[site] >= 0;
    cr_expect_eq(li, ions->n);
    cr_expect_eq(s->n_li, ions->n);
    cr_expect_gt(far, 0, "no ion has left the box: the unwrapping was not tried");
    for (int x = 0; x < 3; x++)
        cr_expect_float_eq(sum[x], ions->sum[x], 1e-6);
    const char *problem = state_verify(s, b->f->replica.model);
    cr_expect_null(problem, "%s", problem);
    cr_expect_eq(s->energy_ueV, state_recount(s, b->f->replica.model));
    free(start);
    bench_free(b);
}

Test(diffusion, displacements_lead_to_the_sites) {
    check_bookkeeping("builtin:nmc111");
    check_bookkeeping("builtin:o2-lmr");
}

/* Ratios are ratios of means with jackknife errors; against numbers worked out by hand. */
Test(diffusion, jackknife_of_a_ratio) {
    struct diffusion_result r[3] = {{.n_formula = 1}, {.n_formula = 1}, {.n_formula = 1}};
    struct diffusion_row row = {300, 3, r};
    const double tracer[3] = {1, 2, 3}, charge[3] = {2, 4, 9};
    for (int k = 0; k < 3; k++) {
        r[k].tracer[0] = tracer[k];
        r[k].charge[0] = charge[k];
    }
    /* whole 6/15; without each: 5/13, 4/11, 3/6; pseudo-values 3*0.4 - 2*these */
    double p[3] = {1.2 - 10.0 / 13, 1.2 - 8.0 / 11, 1.2 - 1.0};
    struct statistics_estimate e = diffusion_report_estimate(&row, DIFFUSION_HAVEN_AB);
    cr_expect_float_eq(e.mean, (p[0] + p[1] + p[2]) / 3, 1e-12);
    cr_expect_float_eq(e.standard_error, statistics_standard_error(p, 3), 1e-12);
    e = diffusion_report_estimate(&row, DIFFUSION_TRACER_AB);
    cr_expect_float_eq(e.mean, 2, 1e-12);
    cr_expect_float_eq(e.standard_error, sqrt(1.0 / 3), 1e-12);
    cr_expect_str_eq(diffusion_report_name(DIFFUSION_TRACER_AB), "tracer_ab_cm2_per_s");
}
