/* bench: see bench.h.  Scenario and replicas -> charge -> saved state -> repeats of both verbs, a cycle. */
#define _POSIX_C_SOURCE 200809L
#include "bench.h"
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <time.h>

static const struct bench_workload workloads[] = {
    {"W1", "ensemble, 12 x 12 cells x 12 planes", 1024, 0, false},
    {"W2", "one box of 10 nm", 1, 10, false},
    {"W3", "one box of 50 nm", 1, 50, false},
    {"W4", "one particle of 100 nm", 1, 100, true},
};
enum { WORKLOADS = sizeof workloads / sizeof *workloads };

/* Edges to which a box is cut, so that figures of equal cuts compare. */
static const double edges_nm[] = {100, 85, 70, 60, 50, 42, 35, 29, 24,
                                  20,  17, 14, 12, 10, 8,  6,  5,  3.5};
enum { EDGES = sizeof edges_nm / sizeof *edges_nm };

enum { COARSE_PERCENT = 4, WARM_SLICES = 4, TIMED_SLICES = 1, VACUUM_CELLS = 3 };
static const double LI_LEFT = 0.45, PLANE_NM = 0.2375, CELL_NM = 0.285;

const struct bench_workload *bench_at(int k) {
    return k < WORKLOADS ? &workloads[k] : NULL;
}

const struct bench_workload *bench_find(const char *name) {
    for (int k = 0; k < WORKLOADS; k++)
        if (strcmp(workloads[k].name, name) == 0)
            return &workloads[k];
    return NULL;
}

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct bench_figure figure_of(const double *value, int n) {
    double sorted[BENCH_REPEATS];
    memcpy(sorted, value, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, by_value);
    return (struct bench_figure){0.5 * (sorted[(n - 1) / 2] + sorted[n / 2]), sorted[0],
                                 sorted[n - 1]};
}

/* ---- an engine that times the verbs ---- */

/* Sums over calls; set only between parallel regions. */
static struct meter {
    const struct engine_ops *ops; /* those that are timed */
    int threads;
    double equilibrate_s, advance_s, simulated_s;
    int64_t draws, evaluated, accepted, events, advance_calls;
} meter;

typedef void verb(const struct engine_ops *ops, struct engine_task *task, int n);

/* Replicas side by side, unless the engine takes them all at once. */
static double timed(verb *run, bool at_once, struct engine_task *task, int n) {
    double start = now_s();
    if (at_once || n == 1 || meter.ops->many) {
        run(meter.ops, task, n);
        return now_s() - start;
    }
#pragma omp parallel for schedule(dynamic, 1) num_threads(meter.threads)
    for (int k = 0; k < n; k++)
        run(meter.ops, &task[k], 1);
    return now_s() - start;
}

static void metered_equilibrate(struct engine_task *task, int n) {
    meter.equilibrate_s +=
        timed(engine_equilibrate_all, meter.ops->equilibrate_all != NULL, task, n);
    for (int k = 0; k < n; k++) {
        meter.draws += task[k].equilibrated.draws;
        meter.evaluated += task[k].equilibrated.evaluated;
        meter.accepted += task[k].equilibrated.accepted;
    }
}

static void metered_advance(struct engine_task *task, int n) {
    meter.advance_s += timed(engine_advance_all, meter.ops->advance_all != NULL, task, n);
    for (int k = 0; k < n; k++) {
        for (int kind = 0; kind < EVENT_KINDS; kind++)
            meter.events += task[k].advanced.fired[kind];
        meter.simulated_s += task[k].step_s;
        meter.advance_calls++;
    }
}

static void meter_reset(const struct engine_ops *ops, int threads) {
    meter = (struct meter){.ops = ops, .threads = threads};
}

/* ---- replicas ready to be timed ---- */

/* A replica's state at a slice boundary. */
struct saved {
    struct protocol_position at;
    struct state scalars; /* its pointers are not used */
    uint8_t *bytes;       /* occupancy, deviation, n_tm, demons */
};

struct job {
    const struct bench_limits *limits;
    struct scenario *scenario;
    struct simulation sim;
    struct engine_ops ops; /* those of sim, metered */
    int n;
    struct replica *replica;  /* [n] */
    struct saved *saved;      /* [n] */
    struct protocol_run *run; /* [n] */
};

static size_t copy_bytes(const struct state *s) {
    return (size_t)s->n_sites + (size_t)s->n_oxygen * (sizeof(int16_t) + sizeof(uint8_t)) +
           (size_t)s->n_demons * sizeof(int32_t);
}

/* Copies all arrays to (or from) one block. */
static void copy_arrays(struct state *s, uint8_t *block, bool out) {
    void *array[] = {s->x.occupancy, s->x.deviation, s->x.n_tm, s->demon};
    size_t oxygen = (size_t)s->n_oxygen;
    size_t bytes[] = {(size_t)s->n_sites, oxygen * sizeof(int16_t), oxygen,
                      (size_t)s->n_demons * sizeof(int32_t)};
    for (int k = 0; k < 4; k++) {
        if (bytes[k])
            memcpy(out ? block : array[k], out ? array[k] : block, bytes[k]);
        block += bytes[k];
    }
}

static bool save(struct job *j) {
    for (int k = 0; k < j->n; k++) {
        struct state *s = &j->replica[k].state;
        engine_fetch(j->sim.ops, j->replica[k].engine);
        j->saved[k].at = j->run[k].at;
        j->saved[k].scalars = *s;
        j->saved[k].bytes = malloc(copy_bytes(s));
        if (!j->saved[k].bytes)
            return false;
        copy_arrays(s, j->saved[k].bytes, true);
    }
    return true;
}

/* Cores that each replica's engine may use. */
static int inner_threads(const struct job *j, int threads) {
    return threads > j->n ? threads / j->n : 1;
}

/* Back to the saved state, with a new engine. */
static bool restore(struct job *j, int threads) {
    for (int k = 0; k < j->n; k++) {
        struct replica *r = &j->replica[k];
        struct state *s = &r->state, pointers = r->state;
        r->ops->free(r->engine);
        *s = j->saved[k].scalars;
        s->x = pointers.x;
        s->demon = pointers.demon;
        copy_arrays(s, j->saved[k].bytes, false);
        r->engine = r->ops->create(r->model, s, inner_threads(j, threads));
        if (!r->engine)
            return false;
        j->run[k].at = j->saved[k].at;
        j->run[k].status = 0;
    }
    return true;
}

static void job_free(struct job *j) {
    for (int k = 0; k < j->n; k++) {
        if (j->replica)
            replica_free(&j->replica[k]);
        if (j->saved)
            free(j->saved[k].bytes);
    }
    free(j->replica);
    free(j->saved);
    free(j->run);
    simulation_free(&j->sim);
    if (j->scenario)
        scenario_free(j->scenario);
}

/* ---- slices of the protocol ---- */

/* Stops the protocol after so many slices, or as soon as the Li is down to `li`. */
struct stop {
    int64_t slices;
    double li;
};

static bool go_on(void *context, const struct protocol_run *runs, int n) {
    struct stop *s = context;
    (void)n;
    if (runs[0].at.step == STEP_SETTLE)
        return true;
    return --s->slices > 0 && runs[0].at.li > s->li && runs[0].at.step == STEP_CHARGE;
}

/* True when the slices were run; false when one failed. */
static bool run_slices(struct job *j, const struct protocol *p, int64_t slices, double li) {
    struct stop stop = {slices, li};
    struct protocol_observer o = {.context = &stop, .boundary = go_on};
    for (int k = 0; k < j->n; k++) {
        j->run[k].p = p;
        j->run[k].o = &o;
    }
    protocol_run_all(j->run, j->n);
    for (int k = 0; k < j->n; k++)
        if (j->run[k].status)
            return false;
    return true;
}

static struct protocol coarse(const struct protocol *p) {
    struct protocol c = *p;
    c.slice_fraction = COARSE_PERCENT / 100.0;
    c.initial_sweeps = c.initial_sweeps < 8 ? c.initial_sweeps : 8;
    c.sweeps = p->sweeps / 2;
    c.sub_slices = c.sub_slices_max = 1;
    return c;
}

/* Charges all replicas to where they are timed. */
static bool charge(struct job *j) {
    struct protocol c = coarse(&j->sim.protocol);
    double li = LI_LEFT * (double)j->replica[0].cell.n_li;
    for (int k = 0; k < j->n; k++)
        protocol_begin(&j->run[k], &j->replica[k], &c, NULL, stderr);
    bool ok = run_slices(j, &c, 100, li);
    for (int k = 0; k < j->n; k++)
        j->run[k].at.sub_slices = j->sim.protocol.sub_slices;
    return ok && run_slices(j, &j->sim.protocol, WARM_SLICES, 0) && save(j);
}

/* ---- building ---- */

struct box {
    int32_t cells, repeats;
    bool particle;
    int64_t replicas;
};

static int64_t box_sites(const struct box *b) {
    return (int64_t)SITE_KINDS * b->cells * b->cells * (6 * b->repeats + (b->particle ? 2 : 0));
}

static struct box box_of_edge(double edge_nm, bool particle) {
    struct box b = {12, 2, particle, 1};
    if (edge_nm > 0) {
        b.cells = (int32_t)(edge_nm / CELL_NM / 3 + 0.5) * 3 + (particle ? 2 * VACUUM_CELLS : 0);
        b.repeats = (int32_t)(edge_nm / PLANE_NM / 6 + 0.5);
    }
    return b;
}

static struct scenario *load(const struct bench_limits *l, const struct box *b, bool slow) {
    char text[8][64];
    const char *set[8];
    int n = 0;
    snprintf(text[n++], sizeof *text, "structure.cells_a=%d", b->cells);
    snprintf(text[n++], sizeof *text, "structure.cells_b=%d", b->cells);
    snprintf(text[n++], sizeof *text, "structure.repeats=%d", b->repeats);
    snprintf(text[n++], sizeof *text, "structure.vacuum_cells=%d", VACUUM_CELLS);
    snprintf(text[n++], sizeof *text, "structure.geometry=%s", b->particle ? "particle" : "bulk");
    snprintf(text[n++], sizeof *text, "run.engine=%s", l->ops->name);
    snprintf(text[n++], sizeof *text, "run.threads=%d", l->threads);
    snprintf(text[n++], sizeof *text, "kinetics.slow_events=%s", slow ? "true" : "false");
    for (int k = 0; k < n; k++)
        set[k] = text[k];
    return scenario_load("builtin:o3-lmr", set, (size_t)n, stderr);
}

static int create_replicas(struct job *j, int threads) {
    int status = 0, inside = inner_threads(j, threads);
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads) if (!j->ops.many)
    for (int k = 0; k < j->n; k++) {
        int code = replica_create(&j->replica[k], j->scenario, &j->sim.species, j->sim.model,
                                  &j->ops, inside, (uint32_t)k, stderr);
#pragma omp critical(bench_status)
        status = status ? status : code;
    }
    return status;
}

/* Builds scenario and replicas; the caller frees the job whatever comes back. */
static int job_create(struct job *j, const struct bench_limits *l, const struct box *b, bool slow) {
    memset(j, 0, sizeof *j);
    j->limits = l;
    j->scenario = load(l, b, slow);
    if (!j->scenario)
        return 2;
    int status = simulation_create(&j->sim, j->scenario, stderr);
    if (status)
        return status;
    j->ops = *j->sim.ops;
    j->ops.equilibrate_all = metered_equilibrate;
    j->ops.advance_all = metered_advance;
    j->n = (int)b->replicas;
    j->replica = calloc((size_t)j->n, sizeof *j->replica);
    j->saved = calloc((size_t)j->n, sizeof *j->saved);
    j->run = calloc((size_t)j->n, sizeof *j->run);
    if (!j->replica || !j->saved || !j->run)
        return 4;
    omp_set_max_active_levels(2);
    meter_reset(j->sim.ops, l->threads);
    return create_replicas(j, l->threads);
}

/* ---- both verbs ---- */

/* A call of advance in which no time passes: what is left is the refreshing of rates. */
static double refresh_seconds(struct job *j) {
    struct replica *r = &j->replica[0];
    double slice_s = j->run[0].duration_s, least = INFINITY;
    struct engine_task task = {.engine = r->engine,
                               .electrode = {j->run[0].at.electrode.voltage_ueV, 0, 0},
                               .step_s = 1e-12 * slice_s,
                               .slice_s = slice_s};
    for (int k = 0; k < BENCH_REPEATS; k++) {
        double start = now_s();
        engine_advance_all(meter.ops, &task, 1);
        double used = now_s() - start;
        least = used < least ? used : least;
    }
    return least;
}

struct repeat {
    double evaluated_per_s, accepted_per_s, draws_per_s, equilibrate_s, advance_s, events_per_s,
        advance_call_s, simulated_s_per_s;
};

/* Runs the slices again and again until the time is used up. */
static bool run_repeat(struct job *j, int threads, double seconds, struct repeat *out) {
    int64_t passes = 0;
    meter_reset(j->sim.ops, threads);
    do {
        if (!restore(j, threads) || !run_slices(j, &j->sim.protocol, TIMED_SLICES, 0))
            return false;
        passes++;
    } while (meter.equilibrate_s + meter.advance_s < seconds);
    double e = meter.equilibrate_s, a = meter.advance_s, calls = (double)meter.advance_calls;
    *out = (struct repeat){(double)meter.evaluated / e, (double)meter.accepted / e,
                           (double)meter.draws / e,     e / (double)passes,
                           a / (double)passes,          a > 0 ? (double)meter.events / a : 0,
                           calls > 0 ? a / calls : 0,   meter.simulated_s / (e + a)};
    meter.evaluated /= passes;
    meter.events /= passes;
    meter.advance_calls /= passes;
    return true;
}

static struct bench_figure figure_at(const struct repeat *r, size_t offset) {
    double value[BENCH_REPEATS];
    for (int k = 0; k < BENCH_REPEATS; k++)
        memcpy(&value[k], (const char *)&r[k] + offset, sizeof *value);
    return figure_of(value, BENCH_REPEATS);
}

static void split_advance(struct job *j, struct bench_verbs *v) {
    /* calls run side by side: each thread has its share of them */
    int side_by_side = j->n < v->threads ? j->n : v->threads;
    v->refresh_call_s = refresh_seconds(j);
    double refresh_s = v->refresh_call_s * (double)v->advance_calls / side_by_side;
    v->refresh_share = v->advance_s.median > 0 ? refresh_s / v->advance_s.median : 0;
    v->refresh_share = v->refresh_share < 1 ? v->refresh_share : 1;
    double rest = v->advance_s.low - refresh_s;
    double spread = v->advance_s.high - v->advance_s.low;
    v->net_events_per_s = rest > 2 * spread && v->events > 0 ? (double)v->events / rest : NAN;
}

static bool time_verbs(struct job *j, int threads, struct bench_verbs *v) {
    struct repeat r[BENCH_REPEATS];
    memset(v, 0, sizeof *v);
    v->threads = threads;
    for (int k = 0; k < BENCH_REPEATS; k++)
        if (!run_repeat(j, threads, j->limits->seconds / BENCH_REPEATS, &r[k]))
            return false;
    v->evaluated = meter.evaluated;
    v->events = meter.events;
    v->advance_calls = meter.advance_calls;
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

/* 1, 2, 4, ... and all; or 1 and all. */
static int thread_counts(int all, bool every, int count[BENCH_THREAD_COUNTS]) {
    int n = 0;
    count[n++] = 1;
    for (int t = 2; every && t < all && n < BENCH_THREAD_COUNTS - 1; t *= 2)
        count[n++] = t;
    if (all > 1)
        count[n++] = all;
    return n;
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
        w->start_s = now_s();
        return true;
    }
    w->in_time = w->share < 1e-9 || now_s() - w->start_s < w->deadline_s;
    return w->in_time;
}

struct lap {
    double wall_s, share;
};

/* Runs a replica, or several as one batch, through a cycle of default effort. */
static int run_cycle(struct replica *r, int n, const struct protocol *p, double deadline_s,
                     struct lap *lap) {
    struct protocol one = *p;
    struct way way = {.start_s = now_s(), .deadline_s = deadline_s, .in_time = true};
    struct protocol_observer o = {.context = &way, .slice = note_share, .boundary = in_time};
    struct protocol_run *w = calloc((size_t)n, sizeof *w);
    if (!w)
        return 4;
    one.cycles = 1;
    for (int k = 0; k < n; k++)
        protocol_begin(&w[k], &r[k], &one, &o, stderr);
    int status = protocol_run_all(w, n);
    lap->wall_s = now_s() - way.start_s;
    lap->share = way.in_time && status == 0 ? 1 : way.share;
    free(w);
    return way.in_time ? status : 0;
}

static int fresh_cycle(struct job *j, uint32_t number, int threads, double deadline_s,
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
static int throughput(struct job *j, double seconds, double *per_s) {
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
static int batch_throughput(struct job *j, double seconds, double *per_s) {
    struct lap lap = {0, 0};
    struct engine_ops metered = j->ops;
    for (int k = 0; k < j->n; k++)
        replica_free(&j->replica[k]);
    j->ops = *j->sim.ops;
    int status = create_replicas(j, j->limits->threads);
    if (status == 0)
        status = run_cycle(j->replica, j->n, &j->sim.protocol, seconds, &lap);
    j->ops = metered;
    *per_s = lap.wall_s > 0 ? (double)j->n * lap.share / lap.wall_s : 0;
    return status;
}

static int time_cycle(struct job *j, bool ensemble, struct bench_cycle *c) {
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
    c->wall_s = figure_of(wall, c->repeats);
    c->replica_cycles_per_s = 1 / c->wall_s.median;
    if (status || !ensemble)
        return status;
    return j->sim.ops->many ? batch_throughput(j, seconds, &c->replica_cycles_per_s)
                            : throughput(j, seconds, &c->replica_cycles_per_s);
}

/* ---- workloads ---- */

static int64_t bytes_needed(const struct bench_limits *l, const struct box *b) {
    struct lattice box = {.na = b->cells, .nb = b->cells};
    struct memory m;
    box.n_planes = 6 * b->repeats + (b->particle ? 2 : 0);
    lattice_stride(&box);
    memory_of_replica(&m, l->ops, &box, l->threads > b->replicas ? l->threads : 1);
    int64_t busy = b->replicas < l->threads ? b->replicas : l->threads;
    return memory_at_once(&m, b->replicas, busy) + 2 * m.n_sites * b->replicas; /* the saved copy */
}

/* A site of a box of many tiles and regions costs about so much more than one of the small box that was calibrated. */
enum { LARGE_BOX_COST = 3 };

static bool fits(const struct bench_limits *l, const struct box *b, double seconds_per_site) {
    int cost = b->cells > 12 ? LARGE_BOX_COST : 1;
    double sites = (double)(box_sites(b) * b->replicas);
    double prepare_s = cost * seconds_per_site * sites / l->threads;
    return prepare_s <= l->seconds && bytes_needed(l, b) < memory_of_machine() / 10 * 6;
}

/* Cuts a workload to what the machine and the time allow. */
static struct box cut(const struct bench_workload *w, const struct bench_limits *l,
                      double seconds_per_site, char *text, size_t bytes) {
    struct box b = box_of_edge(w->edge_nm, w->particle);
    b.replicas = w->replicas;
    text[0] = 0;
    while (w->replicas > 1 && b.replicas > l->threads && !fits(l, &b, seconds_per_site))
        b.replicas /= 2;
    if (b.replicas < w->replicas)
        snprintf(text, bytes, "%lld of %lld replicas", (long long)b.replicas,
                 (long long)w->replicas);
    for (int k = 0; k < EDGES && w->edge_nm > 0 && !fits(l, &b, seconds_per_site); k++) {
        if (edges_nm[k] >= w->edge_nm)
            continue;
        b = box_of_edge(edges_nm[k], w->particle);
        snprintf(text, bytes, "%g nm of %g nm", edges_nm[k], w->edge_nm);
    }
    return b;
}

static void describe(const struct job *j, struct bench_result *out) {
    const struct lattice *l = &j->sim.model->lattice;
    out->replicas = j->n;
    out->sites = lattice_n_sites(l);
    out->cells_a = l->na;
    out->cells_b = l->nb;
    out->planes = l->n_planes;
    out->li_share = j->saved[0].at.li / (double)j->replica[0].cell.n_li;
    out->voltage_V = j->saved[0].at.voltage_V;
    memory_of_replica(&out->memory, j->sim.ops, l, inner_threads(j, j->limits->threads));
}

static void note(const struct bench_limits *l, const char *name, const char *what) {
    if (!l->quiet)
        fprintf(stderr, "%s: %s\n", name, what);
}

static int run_job(struct job *j, bool all_counts, struct bench_result *out) {
    const char *name = out->workload->name;
    /* threads of the host mean nothing to an engine that takes all replicas in one thread */
    int threads = j->sim.ops->many ? 1 : j->limits->threads, count[BENCH_THREAD_COUNTS];
    int n = thread_counts(threads, all_counts, count);
    note(j->limits, name, "charging");
    if (!charge(j))
        return 1;
    describe(j, out);
    for (int k = 0; k < n; k++) {
        char text[64];
        snprintf(text, sizeof text, "both verbs, %d threads", count[k]);
        note(j->limits, name, text);
        if (!time_verbs(j, count[k], &out->verbs[out->n_verbs++]))
            return 1;
    }
    note(j->limits, name, "a cycle");
    return time_cycle(j, out->workload->replicas > 1, &out->cycle);
}

int bench_run(const struct bench_workload *w, const struct bench_limits *limits,
              double seconds_per_site, bool all_counts, struct bench_result *out) {
    struct job j;
    memset(out, 0, sizeof *out);
    out->workload = w;
    struct box b = cut(w, limits, seconds_per_site, out->cut, sizeof out->cut);
    int status = job_create(&j, limits, &b, true);
    if (status == 0)
        status = run_job(&j, all_counts, out);
    job_free(&j);
    return status;
}

int bench_calibrate(const struct bench_limits *limits, double *seconds_per_site,
                    double *seconds_per_draw) {
    struct job j;
    struct box b = box_of_edge(0, false);
    struct bench_limits one = *limits;
    one.threads = 1;
    int status = job_create(&j, &one, &b, true);
    double start = now_s();
    if (status == 0 && !charge(&j))
        status = 1;
    if (status == 0) {
        *seconds_per_site = (now_s() - start) / (double)box_sites(&b);
        *seconds_per_draw = meter.equilibrate_s / (double)meter.draws;
    }
    job_free(&j);
    return status;
}

/* ---- sizes ---- */

/* 27 x 27 x 36, 66 x 66 x 60, 138 x 138 x 132, 198 x 198 x 192. */
static const struct box size_boxes[BENCH_SIZES] = {
    {27, 6, false, 1}, {66, 10, false, 1}, {138, 22, false, 1}, {198, 32, false, 1}};

static bool charge_quickly(struct job *j) {
    struct protocol c = coarse(&j->sim.protocol);
    c.initial_sweeps = 1;
    c.sweeps = 0.5;
    protocol_begin(&j->run[0], &j->replica[0], &c, NULL, stderr);
    return run_slices(j, &c, 100, LI_LEFT * (double)j->replica[0].cell.n_li) && save(j);
}

static int time_size(struct job *j, struct bench_size *out) {
    struct repeat r[BENCH_REPEATS];
    double evaluated_s[BENCH_REPEATS], draw_s[BENCH_REPEATS];
    if (!charge_quickly(j))
        return 1;
    for (int k = 0; k < BENCH_REPEATS; k++) {
        if (!run_repeat(j, 1, j->limits->seconds / BENCH_REPEATS / 2, &r[k]))
            return 1;
        evaluated_s[k] = 1 / r[k].evaluated_per_s;
        draw_s[k] = 1 / r[k].draws_per_s;
    }
    out->evaluated_s = figure_of(evaluated_s, BENCH_REPEATS);
    out->draw_s = figure_of(draw_s, BENCH_REPEATS);
    out->done = true;
    return 0;
}

int bench_sizes(const struct bench_limits *limits, double seconds_per_draw,
                struct bench_size out[BENCH_SIZES]) {
    int status = 0;
    memset(out, 0, BENCH_SIZES * sizeof *out);
    for (int k = 0; k < BENCH_SIZES && status == 0; k++) {
        struct job j;
        double sites = (double)box_sites(&size_boxes[k]);
        /* draws a site: 9 on the way, then TIMED_SLICES of 2 in each repeat on one thread */
        double draws = 9.0 / limits->threads + 2.0 * TIMED_SLICES * BENCH_REPEATS;
        out[k].sites = (int64_t)sites;
        out[k].needs_s = draws * sites * seconds_per_draw;
        if (out[k].needs_s > 2 * limits->seconds ||
            bytes_needed(limits, &size_boxes[k]) > memory_of_machine() / 10 * 6)
            continue;
        char text[64];
        snprintf(text, sizeof text, "%.2g sites", sites);
        note(limits, "sizes", text);
        status = job_create(&j, limits, &size_boxes[k], false);
        if (status == 0)
            status = time_size(&j, &out[k]);
        job_free(&j);
    }
    return status;
}
