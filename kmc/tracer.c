#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tracer.h"

enum { FIRST_ION = 2, EXIT_MEMORY = 4 };
static const int NEIGHBOR[6][2] = {{1, 0}, {-1, 0}, {0, 1}, {0, -1}, {1, -1}, {-1, 1}};

static void *kept(void *memory) {
    if (memory)
        return memory;
    fputs("error: out of memory for a layer of some hundred sites\n", stderr);
    exit(EXIT_MEMORY);
}

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
    w->p = kept(malloc(n * sizeof *w->p));
    w->next_p = kept(malloc(n * sizeof *w->next_p));
    w->m = kept(calloc(n, sizeof *w->m));
    w->next_m = kept(calloc(n, sizeof *w->next_m));
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

double tracer_factor(int cells, int hops) {
    struct walk w;
    start_walk(&w, cells);
    for (int n = 0; n < hops; n++)
        hop(&w);
    double f = w.r2 * (cells * cells - 1) / hops;
    free_walk(&w);
    return f;
}

double tracer_slope(int cells) {
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

struct known_crystal *tracer_create(void) {
    struct known_crystal *k = known_create("ABCABC", TRACER_CELLS, TRACER_CELLS, 298.15, SETS);
    struct rate_model *m = &k->model;
    memset(m->cation, 0, sizeof m->cation);
    memset(m->face, 0, sizeof m->face);
    for (int n = 0; n < TRACER_IONS; n++) {
        int id = FIRST_ION + n;
        m->charge[id] = 0;
        m->capacity[id] = m->tokens[id] = 0;
        m->group[id] = GROUP_TM;
        m->mobile[id] = 1;
        m->hop_barrier[id] = 0;
    }
    for (int j = 0; j < TRACER_CELLS; j++)
        for (int i = 0; i < TRACER_CELLS; i++) {
            int ion = j * TRACER_CELLS + i;
            known_put(k, known_site(k, 1, SITE_OCT, i, j),
                      ion == TRACER_IONS ? CATION_VACANCY : FIRST_ION + ion);
            known_put(k, known_site(k, 1, SITE_TET_UP, i, j), CATION_VACANCY);
        }
    return k;
}

/* The shortest of the equivalent steps on the torus. */
static void unwrap(const int *from, const int *to, double *step) {
    double best = INFINITY;
    for (int x = -1; x <= 1; x++)
        for (int y = -1; y <= 1; y++) {
            double d[2] = {to[0] - from[0] + x * TRACER_CELLS, to[1] - from[1] + y * TRACER_CELLS};
            if (dot(d, d) < best) {
                best = dot(d, d);
                step[0] = d[0];
                step[1] = d[1];
            }
        }
}

void tracer_follow(const struct known_crystal *k, struct tracer_track *t) {
    for (int j = 0; j < TRACER_CELLS; j++)
        for (int i = 0; i < TRACER_CELLS; i++) {
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

double tracer_window(struct known_crystal *k, struct tracer_track *t, int64_t *hops) {
    const struct electrode electrode = {4000000, 0, 0};
    const double dt = TRACER_HOPS_A_STEP / (3 * k->model.attempt_frequency);
    struct engine_advanced a;
    double sum = 0;
    memset(t->r, 0, sizeof t->r);
    for (int n = 0; n < TRACER_STEPS; n++) {
        k->ops->advance(k->engine, &electrode, dt, dt, &a);
        *hops += a.fired[EVENT_HOP];
        engine_fetch(k->ops, k->engine);
        tracer_follow(k, t);
    }
    for (int ion = 0; ion < TRACER_IONS; ion++)
        sum += dot(t->r[ion], t->r[ion]);
    return sum;
}
