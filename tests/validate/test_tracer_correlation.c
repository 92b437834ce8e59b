/* Guarantee: a single vacancy moves ions on a triangular layer with the known correlation factor.
 *
 *   f = <R^2> / (n a^2),  R displacement of a tracer after n of its own jumps;
 *   f = 0.56006 on the infinite triangular lattice with one vacancy (Compaan and Haven, Trans.
 *   Faraday Soc. 52, 786 (1956): f = (1 + c)/(1 - c), c mean cosine of successive jumps).
 *
 * Box: the octs of one Li layer, 7 x 7, 48 distinguishable ions without any interaction, one
 * vacancy; ions hop oct -> (tet) -> oct.  A box this small and a finite time raise f by some per
 * cent, so the exact expectation for the same torus and time is worked out as well: with P(s) and
 * M(s) = <R; s> over the place s of the vacancy relative to one tracer, <R^2>(n + 1) = <R^2>(n) +
 * (1/6) sum_d [P_n(d) + 2 M_n(d) . d],  d the six neighbours of 0. Its slope for growing boxes
 * tends to 0.56006; the difference of 7 x 7 is the finite-size correction.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include "known.h"

enum { CELLS = 7, IONS = CELLS * CELLS - 1, FIRST_ION = 2, WINDOWS = 1800, BATCHES = 60 };
enum { STEPS = 12, HOPS_A_STEP = 20 };
static const double KNOWN_F = 0.56006;
static const int NEIGHBOR[6][2] = {{1, 0}, {-1, 0}, {0, 1}, {0, -1}, {1, -1}, {-1, 1}};

/* Scalar product in units of a^2; a1 and a2 at 60 degrees. */
static double dot(const double *a, const double *b) {
    return a[0] * b[0] + a[1] * b[1] + 0.5 * (a[0] * b[1] + a[1] * b[0]);
}

/* ---- exact torus ---- */

struct walk {
    int cells;
    double *p, *next_p; /* [cells^2] probability of the vacancy's place relative to the tracer */
    double (*m)[2], (*next_m)[2]; /* <R; place> */
    double r2;
};

static int place(const struct walk *w, int i, int j) {
    return (j + w->cells) % w->cells * w->cells + (i + w->cells) % w->cells;
}

static void start_walk(struct walk *w, int cells) {
    size_t n = (size_t)cells * (size_t)cells;
    *w = (struct walk){.cells = cells};
    w->p = malloc(n * sizeof *w->p);
    w->next_p = malloc(n * sizeof *w->next_p);
    w->m = calloc(n, sizeof *w->m);
    w->next_m = calloc(n, sizeof *w->next_m);
    cr_assert(w->p && w->next_p && w->m && w->next_m);
    for (size_t s = 0; s < n; s++)
        w->p[s] = s ? 1.0 / (double)(n - 1) : 0;
}

static void free_walk(struct walk *w) {
    free(w->p);
    free(w->next_p);
    free(w->m);
    free(w->next_m);
}

/* The vacancy at (i, j) goes one way; where that is the tracer's place they change places. */
static void spread(struct walk *w, int i, int j, const int *way) {
    int from = place(w, i, j), to = place(w, i + way[0], j + way[1]);
    double shift[2] = {0, 0}, p = w->p[from] / 6, m[2] = {w->m[from][0] / 6, w->m[from][1] / 6};
    if (to == 0) { /* the tracer moves by -way, the vacancy comes to lie at +way from it */
        to = place(w, way[0], way[1]);
        shift[0] = -way[0];
        shift[1] = -way[1];
    }
    w->r2 += p * dot(shift, shift) + 2 * dot(shift, m);
    w->next_p[to] += p;
    for (int x = 0; x < 2; x++)
        w->next_m[to][x] += m[x] + p * shift[x];
}

static void hop(struct walk *w) {
    int n = w->cells * w->cells;
    for (int s = 0; s < n; s++)
        w->next_p[s] = w->next_m[s][0] = w->next_m[s][1] = 0;
    for (int s = 1; s < n; s++)
        for (int way = 0; way < 6; way++)
            spread(w, s % w->cells, s / w->cells, NEIGHBOR[way]);
    double *p = w->p, (*m)[2] = w->m;
    w->p = w->next_p;
    w->m = w->next_m;
    w->next_p = p;
    w->next_m = m;
}

/* <R^2> of a tracer over its mean number of jumps, after `hops` hops of the vacancy. */
static double torus_factor(int cells, int hops) {
    struct walk w;
    start_walk(&w, cells);
    for (int n = 0; n < hops; n++)
        hop(&w);
    double f = w.r2 * (cells * cells - 1) / hops;
    free_walk(&w);
    return f;
}

/* The same for infinite time: slope once the memory is lost. */
static double torus_slope(int cells) {
    struct walk w;
    int hops = 12 * cells * cells;
    start_walk(&w, cells);
    for (int n = 0; n < hops; n++)
        hop(&w);
    double before = w.r2;
    for (int n = 0; n < hops; n++)
        hop(&w);
    double f = (w.r2 - before) * (cells * cells - 1) / hops;
    free_walk(&w);
    return f;
}

/* ---- simulation ---- */

static const char *const SETS[] = {"model.valence_stiffness_eV=0",
                                   "model.attempt_frequency_per_s=1", "kinetics.stiff_firings=1e6",
                                   "kinetics.tet_lifetime_slices=0", NULL};

/* One Li layer of ions without charge, energy or barrier.  Each pair of neighbouring octs has one
 * tet (up) between them; an ion in it goes on or back with equal chance, so each of the six
 * neighbours hops into the vacancy at half the attempt frequency. */
static struct known_crystal *make_layer(void) {
    struct known_crystal *k = known_create("ABCABC", CELLS, CELLS, 298.15, SETS);
    struct rate_model *m = &k->model;
    memset(m->cation, 0, sizeof m->cation);
    memset(m->face, 0, sizeof m->face);
    for (int n = 0; n < IONS; n++) {
        int id = FIRST_ION + n;
        cr_assert_lt(id, MODEL_SPECIES);
        m->charge[id] = 0;
        m->capacity[id] = m->tokens[id] = 0;
        m->group[id] = GROUP_TM;
        m->mobile[id] = 1;
        m->hop_barrier[id] = 0;
    }
    for (int j = 0; j < CELLS; j++)
        for (int i = 0; i < CELLS; i++) {
            int ion = j * CELLS + i;
            known_put(k, known_site(k, 1, SITE_OCT, i, j),
                      ion == IONS ? CATION_VACANCY : FIRST_ION + ion);
            known_put(k, known_site(k, 1, SITE_TET_UP, i, j), CATION_VACANCY);
        }
    return k;
}

struct track {
    int at[IONS][2];
    double r[IONS][2];
};

/* The shortest of the equivalent steps on the torus. */
static void unwrap(const int *from, const int *to, double *step) {
    double best = INFINITY;
    for (int x = -1; x <= 1; x++)
        for (int y = -1; y <= 1; y++) {
            double d[2] = {to[0] - from[0] + x * CELLS, to[1] - from[1] + y * CELLS};
            if (dot(d, d) < best) {
                best = dot(d, d);
                step[0] = d[0];
                step[1] = d[1];
            }
        }
}

static void follow(const struct known_crystal *k, struct track *t) {
    for (int j = 0; j < CELLS; j++)
        for (int i = 0; i < CELLS; i++) {
            int ion = k->state.x.occupancy[known_site(k, 1, SITE_OCT, i, j)] - FIRST_ION;
            double step[2] = {0, 0};
            const int now[2] = {i, j};
            if (ion < 0)
                continue;
            unwrap(t->at[ion], now, step);
            for (int x = 0; x < 2; x++) {
                t->r[ion][x] += step[x];
                t->at[ion][x] = now[x];
            }
        }
}

/* Sum of R^2 over all ions and number of hops in one window. */
static double run_window(struct known_crystal *k, struct track *t, int64_t *hops) {
    const struct electrode electrode = {4000000, 0, 0};
    const double dt = HOPS_A_STEP / (3 * k->model.attempt_frequency);
    struct engine_advanced a;
    double sum = 0;
    memset(t->r, 0, sizeof t->r);
    for (int n = 0; n < STEPS; n++) {
        engine_exact.advance(k->engine, &electrode, dt, dt, &a);
        *hops += a.fired[EVENT_HOP];
        follow(k, t);
    }
    for (int ion = 0; ion < IONS; ion++)
        sum += dot(t->r[ion], t->r[ion]);
    return sum;
}

Test(tracer_correlation, exact_torus_tends_to_the_known_factor) {
    double f12 = torus_slope(12), f24 = torus_slope(24);
    double limit = (4 * f24 - f12) / 3; /* the error of a torus goes as 1/sites */
    cr_log_info("torus 12 x 12: %.5f, 24 x 24: %.5f, limit %.5f\n", f12, f24, limit);
    cr_expect_float_eq(limit, KNOWN_F, 3e-4, "limit %.6f", limit);
}

Test(tracer_correlation, single_vacancy_on_a_triangular_layer) {
    struct known_crystal *k = make_layer();
    struct known_sums sums = {0};
    struct track t = {0};
    int64_t all_hops = 0;
    known_start(k, 20240606, 0);
    follow(k, &t);
    for (int b = 0; b < BATCHES; b++) {
        int64_t hops = 0;
        double r2 = 0;
        for (int w = 0; w < WINDOWS / BATCHES; w++)
            r2 += run_window(k, &t, &hops);
        double f = r2 / (double)hops;
        known_add_batch(&sums, &f, 1);
        all_hops += hops;
    }
    known_stop(k);
    double expected = (double)WINDOWS * STEPS * HOPS_A_STEP;
    known_check("hops of the vacancy", (double)all_hops, sqrt(expected), expected, expected);
    double finite = torus_factor(CELLS, STEPS * HOPS_A_STEP);
    known_check("<R^2>/(n a^2), 7 x 7", known_mean(&sums, 0), known_error(&sums, 0), finite,
                finite);
    double correction = KNOWN_F / finite;
    known_check("f of the infinite layer", known_mean(&sums, 0) * correction,
                known_error(&sums, 0) * correction, KNOWN_F, KNOWN_F);
    known_free(k);
}
