#include "diffusion.h"
#include <math.h>
#include <stdlib.h>
#include "units.h"

/* Rounds of the approach: on the way, and at its end, where the voltage is measured in the second half of them. */
enum { APPROACH_ROUNDS = 40, REST_ROUNDS = 40 };
enum { FLUCTUATION_ROUNDS = 200 };

static const double BURN_IN_HOPS = 2;                            /* of a Li+ */
static const double SEARCH_HOPS_MIN = 10, BURN_IN_HOPS_MIN = 20; /* of all, where Li+ are few */
/* Slower than this is no diffusion: events for one hop asked for, and length of an advance in s. */
static const double EVENTS_PER_HOP_MAX = 100, STEP_MAX_S = 1e9;

void diffusion_models(const struct rate_model *m, struct rate_model *still,
                      struct rate_model *moving) {
    *still = *m;
    still->with_hops = still->with_dimers = still->with_molecular = 0;
    still->with_transport = still->with_loss = 0;
    *moving = *still;
    moving->with_lithium = moving->mobile[CATION_LI] = 1;
}

/* ---- approach ---- */

static bool change_model(struct diffusion_run *w, const struct rate_model *m) {
    w->r->model = m;
    return replica_renew(w->r);
}

static bool start_anew(struct replica *r, const struct rate_model *m, const uint8_t *pristine) {
    struct philox random = r->state.random;
    state_free(&r->state);
    if (!state_init(&r->state, m, pristine, random.seed, random.replica))
        return false;
    r->model = m;
    return replica_renew(r);
}

/* One round; returns the cell voltage. */
static double equilibrate(struct diffusion_run *w, double sweeps) {
    struct engine_equilibrated eq;
    int64_t draws = (int64_t)(sweeps * (double)w->r->state.n_sites) + 1;
    w->r->ops->equilibrate(w->r->engine, &w->electrode, 0, draws, draws, &eq);
    double off = (double)eq.sum_li / (double)eq.samples - (double)w->electrode.target;
    return 1e-6 *
           (w->electrode.voltage_ueV + (w->electrode.kappa_ueV ? eq.stiffness_ueV * off : 0));
}

static void approach(struct diffusion_run *w, const struct diffusion_point *p) {
    bool fixed_voltage = !isnan(p->voltage_V);
    double start = (double)w->r->state.n_li, end = p->li * (double)w->r->cell.n_formula;
    w->electrode = (struct electrode){units_ueV(3.0), fixed_voltage ? 0 : w->d->kappa_ueV, 0};
    for (int k = 1; k <= APPROACH_ROUNDS + REST_ROUNDS; k++) {
        double part = k < APPROACH_ROUNDS ? (double)k / APPROACH_ROUNDS : 1;
        if (fixed_voltage)
            w->electrode.voltage_ueV = units_ueV(3.0 + part * (p->voltage_V - 3.0));
        else
            w->electrode.target = (int64_t)(start + part * (end - start) + 0.5);
        double voltage = equilibrate(w, w->d->approach_sweeps);
        if (!fixed_voltage)
            w->electrode.voltage_ueV = units_ueV(voltage);
        if (k > APPROACH_ROUNDS + REST_ROUNDS / 2)
            w->voltage_V += voltage / (REST_ROUNDS / 2);
    }
    w->electrode = (struct electrode){units_ueV(w->voltage_V), 0, 0};
}

bool diffusion_begin(struct diffusion_run *w, const struct diffusion *d, struct replica *r,
                     const uint8_t *pristine, const struct diffusion_point *p) {
    memset(w, 0, sizeof *w);
    w->d = d;
    w->r = r;
    if (!start_anew(r, d->still, pristine))
        return false;
    approach(w, p);
    return true;
}

/* ---- run ---- */

bool diffusion_release(struct diffusion_run *w) {
    if (!change_model(w, w->d->moving) || !ions_init(&w->ions, &w->r->cell, &w->r->state.x))
        return false;
    w->r->ops->listen(w->r->engine, ions_fired, &w->ions);
    return true;
}

void diffusion_end(struct diffusion_run *w) {
    ions_free(&w->ions);
}

void diffusion_step(struct diffusion_run *w) {
    struct engine_advanced fired;
    w->r->ops->advance(w->r->engine, &w->electrode, w->step_s, w->step_s, &fired);
    equilibrate(w, w->d->sweeps);
}

/* Finds the advance in which a Li+ makes step_hops hops; false when there is none. */
static bool find_step(struct diffusion_run *w) {
    double n = (double)w->ions.n, wanted = w->d->step_hops * n;
    for (w->step_s = 1e-13; w->step_s < STEP_MAX_S; w->step_s *= 2) {
        ions_restart(&w->ions);
        diffusion_step(w);
        double hops = (double)w->ions.hops;
        if (hops >= fmax(SEARCH_HOPS_MIN, 0.5 * wanted)) {
            w->step_s *= wanted / hops;
            return true;
        }
        if (w->ions.left <= 0)
            return false;
    }
    return false;
}

/* Burn-in, from which the length of the advance is corrected. */
static bool settle(struct diffusion_run *w) {
    if (w->ions.n == 0)
        return false;
    double n = (double)w->ions.n, burn_in = fmax(BURN_IN_HOPS, BURN_IN_HOPS_MIN / n);
    int steps = (int)ceil(burn_in / w->d->step_hops);
    w->ions.left = (int64_t)(EVENTS_PER_HOP_MAX * n * (w->d->hops + burn_in)) + 1;
    if (!find_step(w))
        return false;
    ions_restart(&w->ions);
    for (int k = 0; k < steps && w->ions.left > 0; k++)
        diffusion_step(w);
    if (w->ions.hops == 0 || w->ions.left <= 0)
        return false;
    w->step_s *= steps * w->d->step_hops * n / (double)w->ions.hops;
    return true;
}

/* Places of all ions at the ends of the frames, angstrom. */
struct frames {
    int64_t n;     /* ions */
    float (*r)[3]; /* [DIFFUSION_FRAMES + 1][n] */
    double sum[DIFFUSION_FRAMES + 1][3];
    double in_tets;
};

static void note(struct frames *f, const struct ions *s, int frame) {
    for (int64_t k = 0; k < s->n; k++) {
        for (int x = 0; x < 3; x++)
            f->r[frame * s->n + k][x] = (float)s->ion[k].r[x];
        f->in_tets += s->ion[k].site != s->ion[k].oct;
    }
    memcpy(f->sum[frame], s->sum, sizeof s->sum);
}

/* The advances of a frame share its time evenly.  Ends early when the events allowed are spent. */
static void record(struct diffusion_run *w, struct frames *f) {
    double a_frame = w->d->hops / DIFFUSION_FRAMES / w->d->step_hops;
    int steps = (int)ceil(a_frame);
    w->step_s *= a_frame / steps;
    ions_restart(&w->ions);
    note(f, &w->ions, 0);
    for (int frame = 1; frame <= DIFFUSION_FRAMES && w->ions.left > 0; frame++) {
        for (int k = 0; k < steps && w->ions.left > 0; k++)
            diffusion_step(w);
        note(f, &w->ions, frame);
    }
}

/* Adds the squares of a displacement to those in plane and along c. */
static void add_square(double s[DIFFUSION_WAYS], double x, double y, double z) {
    s[DIFFUSION_PLANE] += x * x + y * y;
    s[DIFFUSION_AXIS] += z * z;
}

/* S(w) and C(w) of the head of diffusion.h. */
static void mean_squares(const struct frames *f, int window, double s[DIFFUSION_WAYS],
                         double c[DIFFUSION_WAYS]) {
    int origins = DIFFUSION_FRAMES + 1 - window;
    double n = (double)f->n;
    memset(s, 0, sizeof(double[DIFFUSION_WAYS]));
    memset(c, 0, sizeof(double[DIFFUSION_WAYS]));
    for (int o = 0; o < origins; o++) {
        for (int64_t k = 0; k < f->n; k++) {
            const float *a = f->r[o * f->n + k], *b = f->r[(o + window) * f->n + k];
            add_square(s, (double)b[0] - (double)a[0], (double)b[1] - (double)a[1],
                       (double)b[2] - (double)a[2]);
        }
        const double *a = f->sum[o], *b = f->sum[o + window];
        add_square(c, b[0] - a[0], b[1] - a[1], b[2] - a[2]);
    }
    for (int way = 0; way < DIFFUSION_WAYS; way++) {
        s[way] /= n * origins;
        c[way] /= n * origins;
    }
}

static void evaluate(const struct diffusion_run *w, const struct frames *f, double time_s,
                     struct diffusion_result *out) {
    static const double dimensions[DIFFUSION_WAYS] = {2, 1};
    const double to_cm2 = 1e-16;
    double s[3][DIFFUSION_WAYS], c[3][DIFFUSION_WAYS], n = (double)f->n;
    for (int k = 0; k < 3; k++)
        mean_squares(f, DIFFUSION_WINDOW >> k, s[k], c[k]);
    double half_s = time_s / DIFFUSION_FRAMES * DIFFUSION_WINDOW / 2;
    for (int way = 0; way < DIFFUSION_WAYS; way++) {
        double scale = to_cm2 / (2 * dimensions[way]);
        out->tracer[way] = scale * (s[0][way] - s[1][way]) / half_s;
        out->tracer_before[way] = scale * (s[1][way] - s[2][way]) / (half_s / 2);
        out->charge[way] = scale * (c[0][way] - c[1][way]) / half_s;
        out->path[way] = scale * w->ions.path2[way] / n / time_s;
    }
    out->spread = s[0][DIFFUSION_PLANE] / (w->r->cell.a_A * w->r->cell.a_A);
    out->hops = (double)w->ions.hops / n;
    out->events = (double)w->ions.events / n;
    out->time_s = time_s;
    out->tet_share = f->in_tets / n / (DIFFUSION_FRAMES + 1);
}

static int fail(FILE *errors, const struct replica *r, const char *problem) {
    if (problem)
        fprintf(errors,
                "replica %u: error: recount: %s\n    hint: this is a fault of the program; please "
                "report it with scenario and seed\n",
                r->number, problem);
    else
        fprintf(errors, "replica %u: error: out of memory for the places of its ions\n", r->number);
    return problem ? 1 : 4;
}

static int run(struct diffusion_run *w, struct diffusion_result *out, FILE *errors) {
    struct frames *f = calloc(1, sizeof *f);
    size_t places = (size_t)(w->ions.n + 1) * (DIFFUSION_FRAMES + 1);
    if (f)
        f->r = malloc(places * sizeof *f->r);
    bool ok = f && f->r;
    if (ok && settle(w)) {
        f->n = w->ions.n;
        double before = w->r->state.time_s;
        record(w, f);
        if (w->ions.left > 0)
            evaluate(w, f, w->r->state.time_s - before, out);
    }
    if (f)
        free(f->r);
    free(f);
    const char *problem = state_verify(&w->r->state, w->r->model);
    return ok && !problem ? 0 : fail(errors, w->r, problem);
}

/* ---- fluctuations ---- */

static void fluctuate(struct diffusion_run *w, struct diffusion_result *out) {
    double sum = 0, squares = 0, n0 = (double)w->r->state.n_li;
    for (int k = 0; k < FLUCTUATION_ROUNDS + FLUCTUATION_ROUNDS / 5; k++) {
        equilibrate(w, w->d->approach_sweeps);
        double n = (double)w->r->state.n_li - n0;
        sum += k < FLUCTUATION_ROUNDS / 5 ? 0 : n;
        squares += k < FLUCTUATION_ROUNDS / 5 ? 0 : n * n;
    }
    double mean = sum / FLUCTUATION_ROUNDS;
    out->mean_n = n0 + mean;
    out->variance_n = (squares - sum * mean) / (FLUCTUATION_ROUNDS - 1);
}

int diffusion_measure(const struct diffusion *d, struct replica *r, const uint8_t *pristine,
                      const struct diffusion_point *p, struct diffusion_result *out, FILE *errors) {
    struct diffusion_run w;
    *out = (struct diffusion_result){.tracer = {NAN, NAN},
                                     .tracer_before = {NAN, NAN},
                                     .charge = {NAN, NAN},
                                     .path = {NAN, NAN},
                                     .spread = NAN,
                                     .time_s = NAN,
                                     .tet_share = NAN};
    if (!diffusion_begin(&w, d, r, pristine, p))
        return fail(errors, r, NULL);
    out->n_li = (double)r->state.n_li;
    out->n_formula = (double)r->cell.n_formula;
    out->voltage_V = w.voltage_V;
    int status = diffusion_release(&w) ? run(&w, out, errors) : fail(errors, r, NULL);
    diffusion_end(&w);
    if (status == 0 && !change_model(&w, d->still))
        return fail(errors, r, NULL);
    if (status == 0)
        fluctuate(&w, out);
    return status;
}
