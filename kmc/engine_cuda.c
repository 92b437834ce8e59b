/* engine_cuda: the parallel algorithm on a GPU (kernels/device.cu), the same bits as engine_cpu.
 *
 * All replicas of one model share one device context; each keeps its state there and copies it back when it is asked for (fetch).
 * A CUDA error ends the program with its message and exit code 3, or 4 for want of memory: the state on the device is lost, the last checkpoint is not.
 */
#include <stdio.h>
#include <stdlib.h>
#include "../kernels/device.h"
#include "influence.h"
#include "schedule.h"

enum { EXIT_DEVICE = 3, EXIT_MEMORY = 4 };

/* One model on the device and its users. */
struct context {
    const struct rate_model *m;
    struct schedule schedule;
    struct device *device;
    int users;
};

struct engine {
    struct context *c;
    struct state *s;
    int32_t replica; /* number on the device */
    bool complete;
    bool host_is_old;
};

static struct context shared; /* one model at a time */

static void stop_on(const char *problem) {
    if (!problem)
        return;
    fprintf(stderr,
            "GPU: error: %s\n    hint: see nvidia-smi; continue with --engine cpu, the results are "
            "the same\n",
            problem);
    exit(strncmp(problem, "out of memory", 13) == 0 ? EXIT_MEMORY : EXIT_DEVICE);
}

/* ---- life ---- */

static bool open_context(struct context *c, const struct rate_model *m) {
    struct influence f;
    const struct schedule *s = &c->schedule;
    c->m = m;
    if (!influence_init(&f, &m->lattice))
        return false;
    bool ok = schedule_init(&c->schedule, m, f.reach);
    if (ok) {
        struct device_plan plan = {.passes = &s->plan,
                                   .owns = s->owns,
                                   .tile_planes = s->tile_planes,
                                   .window_planes = s->window_planes,
                                   .n_tiles = s->n_tiles,
                                   .n_regions = s->n_regions,
                                   .tile_bytes = s->tile_bytes,
                                   .window_tile_bytes = s->window_tile_bytes,
                                   .window_bytes = s->window_bytes,
                                   .window_sites = s->window_sites,
                                   .window_doubles = s->window_doubles,
                                   .window_leaves = s->window_leaves,
                                   .rounds = s->n_tiles > 1 ? SCHEDULE_ROUNDS : 1,
                                   .windows = s->windows};
        memcpy(plan.tile_pieces, s->tile_pieces, sizeof plan.tile_pieces);
        memcpy(plan.tile_span, s->tile_span, sizeof plan.tile_span);
        memcpy(plan.region_pieces, s->region_pieces, sizeof plan.region_pieces);
        memcpy(plan.reach, f.reach, sizeof plan.reach);
        stop_on(device_open(&c->device, m, &plan, &f.lists));
    }
    influence_free(&f);
    return ok;
}

static void cuda_free(struct engine *e) {
    if (!e)
        return;
#pragma omp critical(engine_cuda_context)
    {
        if (e->c->device)
            device_remove(e->c->device, e->replica);
        if (--e->c->users == 0) {
            device_close(e->c->device);
            memset(e->c, 0, sizeof *e->c);
        }
    }
    free(e);
}

/* Gives the engine its place in the shared context; false when that is of another model or memory runs out. */
static bool join_context(struct engine *e, const struct rate_model *m) {
    if ((shared.users == 0 && !open_context(&shared, m)) || shared.m != m ||
        !state_demons(e->s, shared.schedule.n_tiles))
        return false;
    e->c = &shared;
    e->c->users++;
    stop_on(device_add(e->c->device, &e->s->x, &e->replica));
    stop_on(device_upload(e->c->device, e->replica, &e->s->x, e->s->demon));
    return true;
}

static struct engine *cuda_create(const struct rate_model *m, struct state *s, int threads) {
    (void)threads;
    bool ok = false;
    struct engine *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->s = s;
    e->complete = schedule_is_complete(s);
#pragma omp critical(engine_cuda_context)
    ok = join_context(e, m);
    if (ok)
        return e;
    free(e);
    return NULL;
}

/* ---- verbs ---- */

static void cuda_equilibrate_all(struct engine_task *task, int n) {
    struct context *c = task[0].engine->c;
    struct device_equilibrate *job = calloc((size_t)n, sizeof *job);
    if (!job)
        stop_on("out of memory on the host");
    for (int k = 0; k < n; k++) {
        struct engine *e = task[k].engine;
        job[k].replica = e->replica;
        job[k].target = task[k].electrode.target;
        job[k].n_li = e->s->n_li;
        schedule_equilibrate(&c->schedule, c->m, e->s, &task[k], &job[k].call);
        job[k].call.complete = e->complete;
    }
    stop_on(device_equilibrate(c->device, job, n));
    for (int k = 0; k < n; k++) {
        struct engine *e = task[k].engine;
        schedule_equilibrated(&c->schedule, e->s, job[k].n_li, &job[k].call, &job[k].sums,
                              &task[k]);
        e->host_is_old = true;
    }
    free(job);
}

static void cuda_advance_all(struct engine_task *task, int n) {
    struct context *c = task[0].engine->c;
    struct device_advance *job = calloc((size_t)n, sizeof *job);
    if (!job)
        stop_on("out of memory on the host");
    for (int k = 0; k < n; k++) {
        job[k].replica = task[k].engine->replica;
        job[k].complete = task[k].engine->complete;
        schedule_advance(&c->schedule, c->m, task[k].engine->s, &task[k], &job[k].call);
        job[k].sums.slow_down_min = 1;
    }
    stop_on(device_advance(c->device, job, n));
    for (int k = 0; k < n; k++) {
        schedule_advanced(task[k].engine->s, &job[k].sums, &task[k]);
        task[k].engine->host_is_old = true;
    }
    free(job);
}

static void cuda_equilibrate(struct engine *e, const struct electrode *electrode, double slice_s,
                             int64_t draws, int64_t measured, struct engine_equilibrated *out) {
    struct engine_task task = {.engine = e,
                               .electrode = *electrode,
                               .slice_s = slice_s,
                               .draws = draws,
                               .measured = measured};
    cuda_equilibrate_all(&task, 1);
    *out = task.equilibrated;
}

static void cuda_advance(struct engine *e, const struct electrode *electrode, double step_s,
                         double slice_s, struct engine_advanced *out) {
    struct engine_task task = {
        .engine = e, .electrode = *electrode, .step_s = step_s, .slice_s = slice_s};
    cuda_advance_all(&task, 1);
    *out = task.advanced;
}

static void cuda_fetch(struct engine *e) {
    if (!e->host_is_old)
        return;
    stop_on(device_download(e->c->device, e->replica, &e->s->x, e->s->demon));
    e->host_is_old = false;
}

static void cuda_census_all(struct engine *const *e, struct census *census, int n) {
    struct device_census *job = calloc((size_t)n, sizeof *job);
    if (!job)
        stop_on("out of memory on the host");
    for (int k = 0; k < n; k++)
        job[k].replica = e[k]->replica;
    stop_on(device_census(e[0]->c->device, job, n));
    for (int k = 0; k < n; k++)
        census[k] = job[k].census;
    free(job);
}

static bool cuda_available(char *why, size_t size) {
    return device_count(why, size) > 0;
}

const struct engine_ops engine_cuda = {.name = "cuda",
                                       .many = true,
                                       .available = cuda_available,
                                       .create = cuda_create,
                                       .free = cuda_free,
                                       .equilibrate = cuda_equilibrate,
                                       .advance = cuda_advance,
                                       .equilibrate_all = cuda_equilibrate_all,
                                       .advance_all = cuda_advance_all,
                                       .fetch = cuda_fetch,
                                       .census_all = cuda_census_all};
