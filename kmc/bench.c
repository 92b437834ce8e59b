/* bench: see bench.h.  Workloads cut to the machine -> replicas at their state (bench_job) -> figures (bench_timing). */
#include "bench.h"
#include "bench_meter.h"
#include "bench_timing.h"

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

const struct bench_workload *bench_at(int k) {
    return k < WORKLOADS ? &workloads[k] : NULL;
}

const struct bench_workload *bench_find(const char *name) {
    for (int k = 0; k < WORKLOADS; k++)
        if (strcmp(workloads[k].name, name) == 0)
            return &workloads[k];
    return NULL;
}

/* ---- workloads ---- */

static int64_t bytes_needed(const struct bench_limits *l, const struct bench_box *b) {
    struct lattice box = {.na = b->cells, .nb = b->cells};
    struct memory m;
    box.n_planes = 6 * b->repeats + (b->particle ? 2 : 0);
    lattice_stride(&box);
    memory_of_replica(&m, l->ops, &box, l->threads > b->replicas ? l->threads : 1);
    int64_t busy = b->replicas < l->threads ? b->replicas : l->threads;
    return memory_at_once(&m, b->replicas, busy) + 2 * m.n_sites * b->replicas; /* the saved copy */
}

/* Host threads that replicas share; an engine that takes all replicas at once has one. */
static int side_by_side(const struct bench_limits *l) {
    return l->ops->many ? 1 : l->threads;
}

/* A site of a box of many tiles and regions costs about so much more than one of the small box that was calibrated. */
enum { LARGE_BOX_COST = 3 };

static bool fits(const struct bench_limits *l, const struct bench_box *b, double seconds_per_site) {
    int cost = b->cells > 12 ? LARGE_BOX_COST : 1;
    double sites = (double)(bench_job_sites(b) * b->replicas);
    double prepare_s = cost * seconds_per_site * sites / side_by_side(l);
    return prepare_s <= l->seconds && bytes_needed(l, b) < memory_of_machine() / 10 * 6;
}

/* Cuts a workload to what the machine and the time allow. */
static struct bench_box cut(const struct bench_workload *w, const struct bench_limits *l,
                            double seconds_per_site, char *text, size_t bytes) {
    struct bench_box b = bench_job_box(w->edge_nm, w->particle);
    b.replicas = w->replicas;
    text[0] = 0;
    while (w->replicas > 1 && b.replicas > side_by_side(l) && !fits(l, &b, seconds_per_site))
        b.replicas /= 2;
    if (b.replicas < w->replicas)
        snprintf(text, bytes, "%lld of %lld replicas", (long long)b.replicas,
                 (long long)w->replicas);
    for (int k = 0; k < EDGES && w->edge_nm > 0 && !fits(l, &b, seconds_per_site); k++) {
        if (edges_nm[k] >= w->edge_nm)
            continue;
        b = bench_job_box(edges_nm[k], w->particle);
        snprintf(text, bytes, "%g nm of %g nm", edges_nm[k], w->edge_nm);
    }
    return b;
}

static void describe(const struct bench_job *j, struct bench_result *out) {
    const struct lattice *l = &j->sim.model->lattice;
    out->replicas = j->n;
    out->sites = lattice_n_sites(l);
    out->cells_a = l->na;
    out->cells_b = l->nb;
    out->planes = l->n_planes;
    out->li_share = j->saved[0].at.li / (double)j->replica[0].cell.n_li;
    out->voltage_V = j->saved[0].at.voltage_V;
    memory_of_replica(&out->memory, j->sim.ops, l, bench_job_inner_threads(j, j->limits->threads));
}

static void note(const struct bench_limits *l, const char *name, const char *what) {
    if (!l->quiet)
        fprintf(stderr, "%s: %s\n", name, what);
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

static int run_job(struct bench_job *j, bool all_counts, struct bench_result *out) {
    const char *name = out->workload->name;
    /* threads of the host mean nothing to an engine that takes all replicas in one thread */
    int threads = j->sim.ops->many ? 1 : j->limits->threads, count[BENCH_THREAD_COUNTS];
    int n = thread_counts(threads, all_counts, count);
    note(j->limits, name, "charging");
    if (!bench_job_charge(j))
        return 1;
    describe(j, out);
    for (int k = 0; k < n; k++) {
        char text[64];
        snprintf(text, sizeof text, "both verbs, %d threads", count[k]);
        note(j->limits, name, text);
        if (!bench_timing_verbs(j, count[k], &out->verbs[out->n_verbs++]))
            return 1;
    }
    note(j->limits, name, "a cycle");
    return bench_timing_cycle(j, out->workload->replicas > 1, &out->cycle);
}

int bench_run(const struct bench_workload *w, const struct bench_limits *limits,
              double seconds_per_site, bool all_counts, struct bench_result *out) {
    struct bench_job j;
    memset(out, 0, sizeof *out);
    out->workload = w;
    struct bench_box b = cut(w, limits, seconds_per_site, out->cut, sizeof out->cut);
    int status = bench_job_create(&j, limits, &b, true);
    if (status == 0)
        status = run_job(&j, all_counts, out);
    bench_job_free(&j);
    return status;
}

enum { MANY_REPLICAS = 256 }; /* that fill a GPU */

int bench_calibrate(const struct bench_limits *limits, double *seconds_per_site,
                    double *seconds_per_draw) {
    struct bench_job j;
    struct bench_box b = bench_job_box(0, false);
    struct bench_limits one = *limits;
    one.threads = 1;
    if (limits->ops->many)
        b.replicas = MANY_REPLICAS;
    int status = bench_job_create(&j, &one, &b, true);
    double start = bench_meter_now_s();
    if (status == 0 && !bench_job_charge(&j))
        status = 1;
    if (status == 0) {
        const struct bench_meter *meter = bench_meter_read();
        *seconds_per_site =
            (bench_meter_now_s() - start) / (double)(bench_job_sites(&b) * b.replicas);
        *seconds_per_draw = meter->equilibrate_s / (double)meter->draws;
    }
    bench_job_free(&j);
    return status;
}

/* ---- sizes ---- */

/* 27 x 27 x 36, 66 x 66 x 60, 138 x 138 x 132, 198 x 198 x 192. */
static const struct bench_box size_boxes[BENCH_SIZES] = {
    {27, 6, false, 1}, {66, 10, false, 1}, {138, 22, false, 1}, {198, 32, false, 1}};

int bench_sizes(const struct bench_limits *limits, double seconds_per_draw,
                struct bench_size out[BENCH_SIZES]) {
    int status = 0;
    memset(out, 0, BENCH_SIZES * sizeof *out);
    for (int k = 0; k < BENCH_SIZES && status == 0; k++) {
        struct bench_job j;
        double sites = (double)bench_job_sites(&size_boxes[k]);
        /* draws a site: 9 on the way, then BENCH_TIMED_SLICES of 2 in each repeat on one thread */
        double draws = 9.0 / side_by_side(limits) + 2.0 * BENCH_TIMED_SLICES * BENCH_REPEATS;
        out[k].sites = (int64_t)sites;
        out[k].needs_s = draws * sites * seconds_per_draw;
        if (out[k].needs_s > 2 * limits->seconds ||
            bytes_needed(limits, &size_boxes[k]) > memory_of_machine() / 10 * 6)
            continue;
        char text[64];
        snprintf(text, sizeof text, "%.2g sites", sites);
        note(limits, "sizes", text);
        status = bench_job_create(&j, limits, &size_boxes[k], false);
        if (status == 0)
            status = bench_timing_size(&j, &out[k]);
        bench_job_free(&j);
    }
    return status;
}
