/* bench_job: see bench_job.h.  Scenario and replicas -> charge -> saved state. */
#include "bench_job.h"
#include <omp.h>
#include <stdlib.h>
#include "bench_meter.h"

enum { COARSE_PERCENT = 4, WARM_SLICES = 4, VACUUM_CELLS = 3 };
static const double LI_LEFT = 0.45, PLANE_NM = 0.2375, CELL_NM = 0.285;

/* ---- building ---- */

int64_t bench_job_sites(const struct bench_box *b) {
    return (int64_t)SITE_KINDS * b->cells * b->cells * (6 * b->repeats + (b->particle ? 2 : 0));
}

struct bench_box bench_job_box(double edge_nm, bool particle) {
    struct bench_box b = {12, 2, particle, 1};
    if (edge_nm > 0) {
        b.cells = (int32_t)(edge_nm / CELL_NM / 3 + 0.5) * 3 + (particle ? 2 * VACUUM_CELLS : 0);
        b.repeats = (int32_t)(edge_nm / PLANE_NM / 6 + 0.5);
    }
    return b;
}

static struct scenario *load(const struct bench_limits *l, const struct bench_box *b, bool slow) {
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

int bench_job_create_replicas(struct bench_job *j, int threads) {
    int status = 0, inside = bench_job_inner_threads(j, threads);
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (int k = 0; k < j->n; k++) {
        int code = replica_create(&j->replica[k], j->scenario, &j->sim.species, j->sim.model,
                                  &j->ops, inside, (uint32_t)k, stderr);
#pragma omp critical(bench_status)
        status = status ? status : code;
    }
    return status;
}

int bench_job_create(struct bench_job *j, const struct bench_limits *l, const struct bench_box *b,
                     bool slow) {
    memset(j, 0, sizeof *j);
    j->limits = l;
    j->scenario = load(l, b, slow);
    if (!j->scenario)
        return 2;
    int status = simulation_create(&j->sim, j->scenario, stderr);
    if (status)
        return status;
    j->ops = *j->sim.ops;
    j->ops.equilibrate_all = bench_meter_equilibrate;
    j->ops.advance_all = bench_meter_advance;
    j->n = (int)b->replicas;
    j->replica = calloc((size_t)j->n, sizeof *j->replica);
    j->saved = calloc((size_t)j->n, sizeof *j->saved);
    j->run = calloc((size_t)j->n, sizeof *j->run);
    if (!j->replica || !j->saved || !j->run)
        return 4;
    omp_set_max_active_levels(2);
    bench_meter_reset(j->sim.ops, l->threads);
    return bench_job_create_replicas(j, l->threads);
}

void bench_job_free(struct bench_job *j) {
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

/* ---- the saved state ---- */

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

static bool save(struct bench_job *j) {
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

int bench_job_inner_threads(const struct bench_job *j, int threads) {
    return threads > j->n ? threads / j->n : 1;
}

bool bench_job_restore(struct bench_job *j, int threads) {
    for (int k = 0; k < j->n; k++) {
        struct replica *r = &j->replica[k];
        struct state *s = &r->state, pointers = r->state;
        r->ops->free(r->engine);
        *s = j->saved[k].scalars;
        s->x = pointers.x;
        s->demon = pointers.demon;
        copy_arrays(s, j->saved[k].bytes, false);
        r->engine = r->ops->create(r->model, s, bench_job_inner_threads(j, threads));
        if (!r->engine)
            return false;
        j->run[k].at = j->saved[k].at;
        j->run[k].status = 0;
    }
    return true;
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

bool bench_job_slices(struct bench_job *j, const struct protocol *p, int64_t slices, double li) {
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

bool bench_job_charge(struct bench_job *j) {
    struct protocol c = coarse(&j->sim.protocol);
    double li = LI_LEFT * (double)j->replica[0].cell.n_li;
    for (int k = 0; k < j->n; k++)
        protocol_begin(&j->run[k], &j->replica[k], &c, NULL, stderr);
    bool ok = bench_job_slices(j, &c, 100, li);
    for (int k = 0; k < j->n; k++)
        j->run[k].at.sub_slices = j->sim.protocol.sub_slices;
    return ok && bench_job_slices(j, &j->sim.protocol, WARM_SLICES, 0) && save(j);
}

bool bench_job_charge_quickly(struct bench_job *j) {
    struct protocol c = coarse(&j->sim.protocol);
    c.initial_sweeps = 1;
    c.sweeps = 0.5;
    protocol_begin(&j->run[0], &j->replica[0], &c, NULL, stderr);
    return bench_job_slices(j, &c, 100, LI_LEFT * (double)j->replica[0].cell.n_li) && save(j);
}
