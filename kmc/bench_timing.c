/* bench_timing: see bench_timing.h. */
#include "bench_timing.h"
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include "bench_meter.h"

/* ---- both verbs ---- */

/* A call of advance in which no time passes: what is left is the refreshing of rates.  Of one replica; where the engine takes all at once, its share. */
static double refresh_seconds(struct bench_job *j) {
    int n = j->sim.ops->many ? j->n : 1;
    double least = INFINITY;
    struct engine_task *task = calloc((size_t)n, sizeof *task);
    for (int k = 0; task && k < n; k++)
        task[k] = (struct engine_task){.engine = j->replica[k].engine,
                                       .electrode = {j->run[k].at.electrode.voltage_ueV, 0, 0},
                                       .step_s = 1e-12 * j->run[k].duration_s,
                                       .slice_s = j->run[k].duration_s};
    for (int k = 0; task && k < BENCH_REPEATS; k++) {
        double start = bench_meter_now_s();
        engine_advance_all(j->sim.ops, task, n);
        double used = (bench_meter_now_s() - start) / n;
        least = used < least ? used : least;
    }
    free(task);
    return least;
}

struct repeat {
    double evaluated_per_s, accepted_per_s, draws_per_s, equilibrate_s, advance_s, events_per_s,
        advance_call_s, simulated_s_per_s;
    int64_t evaluated, events, advance_calls; /* of one pass */
};

/* Runs the slices again and again until the time is used up. */
static bool run_repeat(struct bench_job *j, int threads, double seconds, struct repeat *out) {
    const struct bench_meter *meter = bench_meter_read();
    int64_t passes = 0;
    bench_meter_reset(j->sim.ops, threads);
    do {
        if (!bench_job_restore(j, threads) ||
            !bench_job_slices(j, &j->sim.protocol, BENCH_TIMED_SLICES, 0))
            return false;
        passes++;
    } while (meter->equilibrate_s + meter->advance_s < seconds);
    double e = meter->equilibrate_s, a = meter->advance_s, calls = (double)meter->advance_calls;
    *out = (struct repeat){(double)meter->evaluated / e, (double)meter->accepted / e,
                           (double)meter->draws / e,     e / (double)passes,
                           a / (double)passes,           a > 0 ? (double)meter->events / a : 0,
                           calls > 0 ? a / calls : 0,    meter->simulated_s / (e + a),
                           meter->evaluated / passes,    meter->events / passes,
                           meter->advance_calls / passes};
    return true;
}

static struct bench_figure figure_at(const struct repeat *r, size_t offset) {
    double value[BENCH_REPEATS];
    for (int k = 0; k < BENCH_REPEATS; k++)
        memcpy(&value[k], (const char *)&r[k] + offset, sizeof *value);
    return bench_meter_figure(value, BENCH_REPEATS);
}

static void split_advance(struct bench_job *j, struct bench_verbs *v) {
    /* calls run side by side: each thread has its share of them */
    int side_by_side = j->sim.ops->many ? 1 : j->n < v->threads ? j->n : v->threads;
    v->refresh_call_s = refresh_seconds(j);
    double refresh_s = v->refresh_call_s * (double)v->advance_calls / side_by_side;
    v->refresh_share = v->advance_s.median > 0 ? refresh_s / v->advance_s.median : 0;
    v->refresh_share = v->refresh_share < 1 ? v->refresh_share : 1;
    double rest = v->advance_s.low - refresh_s;
    double spread = v->advance_s.high - v->advance_s.low;
    v->net_events_per_s = rest > 2 * spread && v->events > 0 ? (double)v->events / rest : NAN;
}

bool bench_timing_verbs(struct bench_job *j, int threads, struct bench_verbs *v) {
    struct repeat r[BENCH_REPEATS];
    memset(v, 0, sizeof *v);
    v->threads = threads;
    for (int k = 0; k < BENCH_REPEATS; k++)
        if (!run_repeat(j, threads, j->limits->seconds / BENCH_REPEATS, &r[k]))
            return false;
    v->evaluated = r[BENCH_REPEATS - 1].evaluated;
    v->events = r[BENCH_REPEATS - 1].events;
    v->advance_calls = r[BENCH_REPEATS - 1].advance_calls;
#define FIGURE(name) v->name = figure_at(r, offsetof(struct repeat, name))
    FIGURE(evaluated_per_s);
    FIGURE(accepted_per_s);
    FIGURE(draws_per_s);
    FIGURE(equilibrate_s);
    FIGURE(advance_s);
    FIGURE(events_per_s);
    FIGURE(advance_call_s);
    FIGURE(simulated_s_per_s);
#undef FIGURE
    if (v->advance_calls)
        split_advance(j, v);
    return true;
}

int bench_timing_size(struct bench_job *j, struct bench_size *out) {
    struct repeat r[BENCH_REPEATS];
    double evaluated_s[BENCH_REPEATS], draw_s[BENCH_REPEATS];
    if (!bench_job_charge_quickly(j))
        return 1;
    for (int k = 0; k < BENCH_REPEATS; k++) {
        if (!run_repeat(j, 1, j->limits->seconds / BENCH_REPEATS / 2, &r[k]))
            return 1;
        evaluated_s[k] = 1 / r[k].evaluated_per_s;
        draw_s[k] = 1 / r[k].draws_per_s;
    }
    out->evaluated_s = bench_meter_figure(evaluated_s, BENCH_REPEATS);
    out->draw_s = bench_meter_figure(draw_s, BENCH_REPEATS);
    out->done = true;
    return 0;
}

/* ---- cycles ---- */

/* One replica on its way through a cycle, with an end to the time it may take. */
struct way {
    double start_s, deadline_s, share;
    bool in_time;
};

static void note_share(void *context, const struct replica *r, const struct protocol_slice *s) {
    struct way *w = context;
    double inside = fmin(1, fmax(0, s->progress));
    (void)r;
    w->share = s->step >= STEP_DISCHARGE ? 0.5 + inside / 2 : inside / 2;
}

/* The clock starts when the pristine crystal has settled. */
static bool in_time(void *context, const struct protocol_run *runs, int n) {
    struct way *w = context;
    (void)n;
    if (runs[0].at.step == STEP_SETTLE) {
        w->start_s = bench_meter_now_s();
        return true;
    }
    w->in_time = w->share < 1e-9 || bench_meter_now_s() - w->start_s < w->deadline_s;
    return w->in_time;
}

struct lap {
    double wall_s, share;
};

/* Runs a replica, or several as one batch, through a cycle of default effort. */
static int run_cycle(struct replica *r, int n, const struct protocol *p, double deadline_s,
                     struct lap *lap) {
    struct protocol one = *p;
    struct way way = {.start_s = bench_meter_now_s(), .deadline_s = deadline_s, .in_time = true};
    struct protocol_observer o = {.context = &way, .slice = note_share, .boundary = in_time};
    struct protocol_run *w = calloc((size_t)n, sizeof *w);
    if (!w)
        return 4;
    one.cycles = 1;
    for (int k = 0; k < n; k++)
        protocol_begin(&w[k], &r[k], &one, &o, stderr);
    int status = protocol_run_all(w, n);
    lap->wall_s = bench_meter_now_s() - way.start_s;
    lap->share = way.in_time && status == 0 ? 1 : way.share;
    free(w);
    return way.in_time ? status : 0;
}

static int fresh_cycle(struct bench_job *j, uint32_t number, int threads, double deadline_s,
                       struct lap *lap) {
    struct replica r;
    int status = replica_create(&r, j->scenario, &j->sim.species, j->sim.model, j->sim.ops, threads,
                                number, stderr);
    if (status)
        return status;
    status = run_cycle(&r, 1, &j->sim.protocol, deadline_s, lap);
    replica_free(&r);
    return status;
}

/* Replica after replica on every thread until the time is used up; cycles per second of all together. */
static int throughput(struct bench_job *j, double seconds, double *per_s) {
    double sum = 0;
    int status = 0;
#pragma omp parallel num_threads(j->limits->threads) reduction(+ : sum)
    {
        double used = 0, share = 0;
        uint32_t number = (uint32_t)omp_get_thread_num();
        for (int code = 0; code == 0 && used < seconds; number += (uint32_t)omp_get_num_threads()) {
            struct lap lap = {0, 0};
            code = fresh_cycle(j, number, 1, seconds - used, &lap);
            used += lap.wall_s;
            share += lap.share;
#pragma omp critical(bench_status)
            status = status ? status : code;
        }
        sum += used > 0 ? share / used : 0;
    }
    *per_s = sum;
    return status;
}

/* Engines that take all replicas at once: one batch. */
static int batch_throughput(struct bench_job *j, double seconds, double *per_s) {
    struct lap lap = {0, 0};
    struct engine_ops metered = j->ops;
    for (int k = 0; k < j->n; k++)
        replica_free(&j->replica[k]);
    j->ops = *j->sim.ops;
    int status = bench_job_create_replicas(j, j->limits->threads);
    if (status == 0)
        status = run_cycle(j->replica, j->n, &j->sim.protocol, seconds, &lap);
    j->ops = metered;
    *per_s = lap.wall_s > 0 ? (double)j->n * lap.share / lap.wall_s : 0;
    return status;
}

int bench_timing_cycle(struct bench_job *j, bool ensemble, struct bench_cycle *c) {
    double seconds = j->limits->seconds, used = 0, wall[BENCH_REPEATS] = {0};
    int status = 0;
    c->threads = ensemble ? 1 : j->limits->threads;
    c->share = 1;
    for (c->repeats = 0; status == 0 && c->repeats < BENCH_REPEATS && used < seconds / 2;) {
        struct lap lap = {0, 0};
        status = fresh_cycle(j, (uint32_t)c->repeats, c->threads, seconds, &lap);
        used += lap.wall_s;
        c->share = lap.share < c->share ? lap.share : c->share;
        wall[c->repeats++] = lap.share > 0 ? lap.wall_s / lap.share : NAN;
    }
    c->wall_s = bench_meter_figure(wall, c->repeats);
    c->replica_cycles_per_s = 1 / c->wall_s.median;
    if (status || !ensemble)
        return status;
    return j->sim.ops->many ? batch_throughput(j, seconds, &c->replica_cycles_per_s)
                            : throughput(j, seconds, &c->replica_cycles_per_s);
}
