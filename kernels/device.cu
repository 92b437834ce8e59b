/* device: kernels and their launches.  A block runs one tile of one replica (equilibrate) or one region of one replica (advance).
 *
 * equilibrate: the tile lives in shared memory; one lane a thread.  Lanes of a pass read and write different things, so one barrier ends a pass.  Lanes
 *   that change the number of Li under a restraint must see what the lanes before them decided: each guesses from the present decisions of
 *   the others and decides again until nothing changes; after k rounds the first k of them are right, so the end is what one after the other gives.
 * advance: rates in global memory (one block's are some ten kilobytes: they stay in L2), sums by the whole block, selection by thread 0.
 */
#include <cuda_runtime.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "device.h"

enum { TILE_THREADS = 128, WINDOW_THREADS = 128, WARPS = TILE_THREADS / 32 };

/* What kernels read, all pointers on the device. */
struct device_data {
    const struct rate_model *model;
    const struct pass_plan *passes;
    const uint8_t (*owns)[256];
    const int32_t *influence_begin;
    const int16_t (*influence)[4];
    struct configuration *replica; /* [replicas] */
    int32_t **demon;               /* [replicas][n_tiles] */
    int32_t tile_pieces[AXES], region_pieces[AXES];
    int64_t n_tiles, n_regions, window_doubles, window_leaves;
    uint32_t windows;
    double *rate;       /* [blocks][window_doubles] */
    uint32_t *is_stale; /* [blocks][window_leaves / 32 + 1] */
    int32_t *stale;     /* [blocks][window_leaves] */
};

/* ---- equilibrate ---- */

/* Adds to 64-bit sums; two's complement makes the unsigned add right. */
__device__ static void add64(int64_t *sum, int64_t value) {
    if (value)
        atomicAdd((unsigned long long *)sum, (unsigned long long)value);
}

struct tile_block {
    struct tile tile;
    struct philox_block words[TILE_THREADS]; /* of the passes from words_pass on */
    struct tile_sums sums;
    int64_t n_li;
    uint32_t plus[WARPS], minus[WARPS]; /* lanes of the chunk that add or take a Li, by warp */
};

__device__ static void load_tile(struct tile_block *b, const struct device_data *d,
                                 const struct configuration *x, const struct tile_call *call,
                                 struct lattice_reach *reach) {
    if (threadIdx.x == 0) {
        struct tiling g;
        for (int a = 0; a < AXES; a++)
            g.pieces[a] = d->tile_pieces[a];
        pass_place_cuts(&g, x->lattice, call->random, call->step, 0);
        tile_place(&b->tile, &g, x->lattice, blockIdx.x);
        tile_point(&b->tile, reach + b->tile.lattice.n_stencils);
        b->tile.lattice.reach = reach;
        b->sums = tile_sums();
    }
    __syncthreads();
    for (int s = threadIdx.x; s < b->tile.lattice.n_stencils; s += blockDim.x)
        tile_reach(&b->tile.lattice, s, &reach[s]);
    for (int32_t row = threadIdx.x; row < tile_rows(&b->tile); row += blockDim.x)
        tile_load_row(&b->tile, x, row);
    __syncthreads();
}

/* Li that the lanes before this one add, from the masks of the warps. */
__device__ static int before_me(const struct tile_block *b, uint32_t plus, uint32_t minus) {
    uint32_t below = (1u << (threadIdx.x % 32)) - 1;
    int n = __popc(plus & below) - __popc(minus & below);
    for (int w = 0; w < (int)threadIdx.x / 32; w++)
        n += __popc(b->plus[w]) - __popc(b->minus[w]);
    return n;
}

/* Decides for one chunk of lanes; called by all threads of the block. */
__device__ static int decide(struct tile_block *b, const struct rate_model *m,
                             const struct tile_call *call, const struct move *mv, int has,
                             uint32_t word, uint32_t pass, uint32_t lane) {
    int restrained = has && mv->li_change && call->electrode.kappa_ueV;
    int64_t n_li = b->n_li;
    int yes = has && pass_accepts(m, call, mv, n_li, word, pass, blockIdx.x, lane);
    if (!__syncthreads_or(restrained))
        return yes;
    for (;;) {
        uint32_t plus = __ballot_sync(~0u, restrained && yes && mv->li_change > 0);
        uint32_t minus = __ballot_sync(~0u, restrained && yes && mv->li_change < 0);
        if (threadIdx.x % 32 == 0) {
            b->plus[threadIdx.x / 32] = plus;
            b->minus[threadIdx.x / 32] = minus;
        }
        __syncthreads();
        int now = restrained ? pass_accepts(m, call, mv, n_li + before_me(b, plus, minus), word,
                                            pass, blockIdx.x, lane)
                             : yes;
        int changed = now != yes;
        yes = now;
        if (!__syncthreads_or(changed))
            return yes;
    }
}

__device__ static void run_pass(struct tile_block *b, const struct device_data *d,
                                struct move_context *k, const struct tile_call *call,
                                uint32_t pass, const uint32_t word_of_lane[4],
                                struct tile_sums *mine) {
    struct pass p;
    pass_begin(&p, d->passes, &b->tile, call->band, b->words[(pass - call->first_pass) % TILE_THREADS],
               pass);
    int32_t chunks = (p.lanes + TILE_THREADS - 1) / TILE_THREADS;
    for (int32_t chunk = 0; chunk < chunks; chunk++) {
        int32_t lane = chunk * TILE_THREADS + (int32_t)threadIdx.x, at[AXES];
        struct move mv;
        int has = 0;
        uint32_t word = 0;
        if (lane < p.lanes) {
            struct pass_plane q;
            if (chunk == 0)
                word = word_of_lane[pass % 4];
            else
                word = pass_lane_words(call->random, call->step, pass / 4, blockIdx.x,
                                       (uint32_t)lane)
                           .v[pass % 4];
            pass_lane(&p, lane, at);
            pass_plane_begin(d->passes, &p, &b->tile.lattice, at[AXIS_C], &q);
            has = pass_judge(d->passes, &p, &q, &b->tile, k,
                             pass_place(&p, AXIS_A, at[AXIS_A]),
                             pass_place(&p, AXIS_B, at[AXIS_B]), lane, word,
                             &mv);
            mine->evaluated += has;
        }
        int yes = decide(b, d->model, call, &mv, has, word, pass, (uint32_t)lane);
        if (yes) {
            moves_apply(k, &mv);
            tile_sums_book(mine, call, &mv, pass);
            if (mv.li_change)
                add64(&b->n_li, mv.li_change);
        }
        __syncthreads();
    }
    if (threadIdx.x == 0)
        mine->draws += p.lanes;
}

__global__ void __launch_bounds__(TILE_THREADS)
    equilibrate_kernel(struct device_data data, struct device_equilibrate *job) {
    extern __shared__ struct lattice_reach reach[]; /* [n_stencils], then the arrays of the tile */
    __shared__ struct tile_block b;
    struct device_equilibrate *j = &job[blockIdx.y];
    struct configuration *x = &data.replica[j->replica];
    const struct tile_call *call = &j->call;
    int32_t *demon =
        &data.demon[j->replica]
                   [pass_demon(call->random, call->step, blockIdx.x, data.n_tiles)];
    struct tile_sums mine = tile_sums();
    load_tile(&b, &data, x, call, reach);
    if (threadIdx.x == 0)
        b.n_li = -*demon;
    struct move_context k = {data.model, &b.tile.x, call->limits, call->electrode.voltage_ueV,
                             call->complete};
    uint32_t words[4];
    for (uint32_t n = 0; n < call->passes; n++) {
        uint32_t pass = call->first_pass + n;
        if (n % TILE_THREADS == 0) {
            __syncthreads();
            b.words[threadIdx.x] =
                pass_words(call->random, call->step, pass + threadIdx.x, blockIdx.x);
            __syncthreads();
        }
        if (pass % 4 == 0 || n == 0) {
            struct philox_block r = pass_lane_words(call->random, call->step, pass / 4, blockIdx.x,
                                                    threadIdx.x);
            for (int v = 0; v < 4; v++)
                words[v] = r.v[v];
        }
        run_pass(&b, &data, &k, call, pass, words, &mine);
    }
    for (int32_t row = threadIdx.x; row < tile_rows(&b.tile); row += blockDim.x)
        tile_store_row(&b.tile, x, row);
    int64_t *to = (int64_t *)&b.sums;
    const int64_t *from = (const int64_t *)&mine;
    for (int s = 0; s < (int)(sizeof mine / sizeof *from); s++)
        add64(&to[s], from[s]);
    __syncthreads();
    if (threadIdx.x)
        return;
    *demon -= (int32_t)b.sums.li;
    for (int s = 0; s < (int)(sizeof mine / sizeof *from); s++)
        add64((int64_t *)&j->sums + s, to[s]);
}

__global__ void charge_kernel(struct device_data data, struct device_equilibrate *job, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n)
        pass_charge_demons(data.demon[job[i].replica], data.n_tiles, job[i].target, job[i].n_li);
}

__global__ void round_kernel(struct device_equilibrate *job, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n)
        return;
    job[i].call.step++;
    job[i].call.first_pass += job[i].call.passes;
}

/* ---- advance ---- */

struct window_block {
    struct window window;
    struct window_sums sums;
    struct event_channel event;
    int64_t site[3];
    int32_t n_site, n_stale;
    double used;
    int inside, go_on;
    uint32_t draw;
};

__device__ static void sum_levels(struct window *w) {
    for (int level = 1; level < w->levels; level++) {
        int64_t nodes = (w->length[level - 1] + WINDOW_FAN - 1) / WINDOW_FAN;
        for (int64_t node = threadIdx.x; node < nodes; node += blockDim.x)
            window_sum_node(w, level, node);
        __syncthreads();
    }
}

__device__ static void refresh_all(struct window *w) {
    int64_t doubles = w->begin[w->levels - 1] + w->length[w->levels - 1];
    int64_t leaves = window_leaves(&w->region);
    for (int64_t k = threadIdx.x; k < doubles; k += blockDim.x)
        w->rate[k] = k < leaves ? window_owner_rate(w, window_coord(w, k)) : 0;
    __syncthreads();
    sum_levels(w);
}

/* Waiting time, selection and application of the next event by one thread. */
__device__ static void next_event(struct window_block *b, const struct window_call *call,
                                  uint32_t unit) {
    struct window *w = &b->window;
    b->go_on = 0;
    b->n_stale = 0;
    if (!(window_total(w) > 0))
        return;
    struct philox_block r = window_draw(call->random, call->step, unit, b->draw++);
    b->used += window_wait(w, r);
    if (b->used > call->window_s)
        return;
    b->event = window_event(w, r);
    b->n_site = window_changed(w->context.x->lattice, &b->event, b->site);
    events_apply(w->context.m, w->context.x, &b->event);
    window_count(&b->sums, w, &b->event);
    b->go_on = 1;
}

__device__ static void refresh_influenced(struct window_block *b, const struct device_data *d,
                                          uint32_t *is_stale, int32_t *stale) {
    struct window *w = &b->window;
    const struct lattice *l = w->context.x->lattice;
    for (int s = 0; s < b->n_site; s++) {
        struct lattice_coord c = lattice_coord_of(l, b->site[s]);
        int32_t first = d->influence_begin[c.plane * SITE_KINDS + c.kind];
        int32_t last = d->influence_begin[c.plane * SITE_KINDS + c.kind + 1];
        for (int32_t q = first + (int32_t)threadIdx.x; q < last; q += blockDim.x) {
            const int16_t *o = d->influence[q];
            struct lattice_coord owner = {o[0], o[1], tile_wrap(c.i + o[2], l->na),
                                          tile_wrap(c.j + o[3], l->nb)};
            int64_t leaf = window_leaf(w, owner);
            if (leaf >= 0 && !(atomicOr(&is_stale[leaf / 32], 1u << (leaf % 32)) >> (leaf % 32) & 1))
                stale[atomicAdd(&b->n_stale, 1)] = (int32_t)leaf;
        }
    }
    __syncthreads();
    for (int32_t k = threadIdx.x; k < b->n_stale; k += blockDim.x) {
        int32_t leaf = stale[k];
        atomicAnd(&is_stale[leaf / 32], ~(1u << (leaf % 32)));
        w->rate[leaf] = window_owner_rate(w, window_coord(w, leaf));
    }
    __syncthreads();
    sum_levels(w);
}

__global__ void __launch_bounds__(WINDOW_THREADS)
    advance_kernel(struct device_data data, struct device_advance *job, uint32_t window, int parity) {
    __shared__ struct window_block b;
    struct device_advance *j = &job[blockIdx.y];
    const struct window_call *call = &j->call;
    int64_t block = (int64_t)blockIdx.y * gridDim.x + blockIdx.x;
    uint32_t *is_stale = data.is_stale + block * (data.window_leaves / 32 + 1);
    int32_t *stale = data.stale + block * data.window_leaves;
    if (threadIdx.x == 0) {
        struct configuration *x = &data.replica[j->replica];
        struct tiling g;
        for (int a = 0; a < AXES; a++)
            g.pieces[a] = data.region_pieces[a];
        pass_place_cuts(&g, x->lattice, call->random, call->step, 2 + window);
        int turn = data.n_regions > 1 ? window_turn(call->random, call->step, 2 + window) : 0;
        b.inside = region_place(&b.window.region, &g, x->lattice, blockIdx.x, parity ^ turn);
        struct event_context c = {data.model,   x, call->electrode, call->n_li, call->step_s,
                                  call->slice_s, call->limits};
        b.window.context = c;
        b.window.owns = data.owns;
        b.window.rate = data.rate + block * data.window_doubles;
        window_layout(&b.window);
        b.sums = window_sums();
        b.sums.slow_down_min = 1;
        b.used = 0;
        b.draw = 0;
    }
    __syncthreads();
    if (!b.inside)
        return;
    refresh_all(&b.window);
    uint32_t unit =
        (uint32_t)((window * 8 + (uint32_t)parity) * (uint32_t)data.n_regions + blockIdx.x);
    for (;;) {
        if (threadIdx.x == 0)
            next_event(&b, call, unit);
        __syncthreads();
        if (!b.go_on)
            break;
        refresh_influenced(&b, &data, is_stale, stale);
        __syncthreads();
    }
    if (threadIdx.x)
        return;
    add64(&j->sums.energy, b.sums.energy);
    add64(&j->sums.li, b.sums.li);
    for (int k = 0; k < EVENT_KINDS; k++)
        add64(&j->sums.fired[k], b.sums.fired[k]);
    add64(&j->sums.hops_unslowed, b.sums.hops_unslowed);
    add64(&j->sums.hops_large, b.sums.hops_large);
    add64(&j->sums.slowed, b.sums.slowed);
    /* positive doubles compare like their bits */
    atomicMin((unsigned long long *)&j->sums.slow_down_min,
              (unsigned long long)__double_as_longlong(b.sums.slow_down_min));
}

/* ---- host ---- */

struct device {
    struct device_data data;
    struct device_plan plan;
    struct lattice lattice; /* pointers on the device */
    struct lattice *lattice_on_device;
    int64_t sites, oxygen;
    int32_t room, n_replicas;
    struct configuration *replica; /* [room] host copy of the table of device pointers */
    int32_t **demon;
    uint8_t *used;
    void *jobs, *jobs_host; /* pinned */
    size_t jobs_bytes, shared_bytes;
    int64_t blocks; /* work space of advance */
    cudaStream_t stream;
};

static const char *say(cudaError_t e) {
    return e == cudaSuccess ? NULL : cudaGetErrorString(e);
}

#define TRY(call)                                                                                  \
    do {                                                                                           \
        const char *problem_ = say(call);                                                          \
        if (problem_)                                                                              \
            return problem_;                                                                       \
    } while (0)

static const char *copy_up(const void *from, size_t bytes, void **to) {
    TRY(cudaMalloc(to, bytes ? bytes : 1));
    return say(cudaMemcpy(*to, from, bytes, cudaMemcpyHostToDevice));
}

#define UP(from, bytes, to)                                                                        \
    do {                                                                                           \
        void *to_ = NULL;                                                                          \
        const char *problem_ = copy_up(from, bytes, &to_);                                         \
        if (problem_)                                                                              \
            return problem_;                                                                       \
        *(void **)(to) = to_;                                                                      \
    } while (0)

extern "C" int device_count(char *why, size_t size) {
    int n = 0;
    cudaError_t e = cudaGetDeviceCount(&n);
    if (e != cudaSuccess || n == 0) {
        if (why)
            snprintf(why, size, "%s", e != cudaSuccess ? cudaGetErrorString(e) : "no GPU");
        return 0;
    }
    return n;
}

extern "C" void device_name(char *text, size_t size) {
    struct cudaDeviceProp p;
    int driver = 0, runtime = 0;
    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    if (cudaGetDeviceProperties(&p, 0) != cudaSuccess) {
        snprintf(text, size, "no GPU");
        return;
    }
    snprintf(text, size, "%s, sm_%d%d, %.0f GiB, driver for CUDA %d.%d, runtime %d.%d", p.name,
             p.major, p.minor, (double)p.totalGlobalMem / 0x1p30, driver / 1000, driver % 1000 / 10,
             runtime / 1000, runtime % 1000 / 10);
}

extern "C" int64_t device_free_bytes(void) {
    size_t available = 0, total = 0;
    return cudaMemGetInfo(&available, &total) == cudaSuccess ? (int64_t)available : 0;
}

static const char *copy_lattice(struct device *d, const struct lattice *l) {
    size_t n = LATTICE_TURNS * (size_t)l->n_planes;
    d->lattice = *l;
    UP(l->letter, n, &d->lattice.letter);
    UP(l->stencil_of, n * SITE_KINDS, &d->lattice.stencil_of);
    UP(l->stencil, (size_t)l->n_stencils * sizeof *l->stencil, &d->lattice.stencil);
    UP(&d->lattice, sizeof d->lattice, &d->lattice_on_device);
    return NULL;
}

static const char *copy_model(struct device *d, const struct rate_model *m) {
    struct rate_model *copy = (struct rate_model *)malloc(sizeof *copy);
    if (!copy)
        return "out of memory";
    *copy = *m;
    copy->lattice = d->lattice;
    void *up = NULL;
    const char *problem = copy_up(copy, sizeof *copy, &up);
    free(copy);
    d->data.model = (const struct rate_model *)up;
    return problem;
}

static const char *open_all(struct device *d, const struct rate_model *m,
                            const struct device_plan *p, const struct device_influence *f) {
    size_t lists = (size_t)m->lattice.n_planes * SITE_KINDS;
    d->plan = *p;
    d->sites = lattice_n_sites(&m->lattice);
    d->oxygen = lattice_n_oxygen(&m->lattice);
    TRY(cudaSetDevice(0));
    TRY(cudaStreamCreate(&d->stream));
    const char *problem = copy_lattice(d, &m->lattice);
    problem = problem ? problem : copy_model(d, m);
    if (problem)
        return problem;
    UP(p->passes, sizeof *p->passes, &d->data.passes);
    UP(p->owns, 2 * 256, &d->data.owns);
    UP(f->begin, (lists + 1) * sizeof *f->begin, &d->data.influence_begin);
    UP(f->entry, (size_t)f->begin[lists] * sizeof *f->entry, &d->data.influence);
    memcpy(d->data.tile_pieces, p->tile_pieces, sizeof p->tile_pieces);
    memcpy(d->data.region_pieces, p->region_pieces, sizeof p->region_pieces);
    d->data.n_tiles = p->n_tiles;
    d->data.n_regions = p->n_regions;
    d->data.window_doubles = p->window_doubles;
    d->data.window_leaves = p->window_leaves;
    d->data.windows = p->windows;
    d->shared_bytes = (size_t)p->tile_bytes + (size_t)m->lattice.n_stencils * sizeof(lattice_reach);
    TRY(cudaFuncSetAttribute(equilibrate_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                             (int)d->shared_bytes));
    return NULL;
}

extern "C" const char *device_open(struct device **out, const struct rate_model *m,
                                   const struct device_plan *p, const struct device_influence *f) {
    struct device *d = (struct device *)calloc(1, sizeof *d);
    *out = NULL;
    if (!d)
        return "out of memory";
    const char *problem = open_all(d, m, p, f);
    if (problem)
        device_close(d);
    else
        *out = d;
    return problem;
}

static void free_replica(struct device *d, int32_t k) {
    cudaFree(d->replica[k].occupancy);
    cudaFree(d->replica[k].deviation);
    cudaFree(d->replica[k].n_tm);
    cudaFree(d->demon[k]);
    memset(&d->replica[k], 0, sizeof d->replica[k]);
    d->demon[k] = NULL;
    d->used[k] = 0;
}

extern "C" void device_close(struct device *d) {
    if (!d)
        return;
    for (int32_t k = 0; k < d->room; k++)
        if (d->used[k])
            free_replica(d, k);
    cudaFree((void *)d->lattice.letter);
    cudaFree((void *)d->lattice.stencil_of);
    cudaFree((void *)d->lattice.stencil);
    cudaFree(d->lattice_on_device);
    cudaFree((void *)d->data.model);
    cudaFree((void *)d->data.passes);
    cudaFree((void *)d->data.owns);
    cudaFree((void *)d->data.influence_begin);
    cudaFree((void *)d->data.influence);
    cudaFree(d->data.replica);
    cudaFree(d->data.demon);
    cudaFree(d->data.rate);
    cudaFree(d->data.is_stale);
    cudaFree(d->data.stale);
    cudaFree(d->jobs);
    cudaFreeHost(d->jobs_host);
    if (d->stream)
        cudaStreamDestroy(d->stream);
    free(d->replica);
    free(d->demon);
    free(d->used);
    free(d);
}

/* Doubles the tables of replicas. */
static const char *grow(struct device *d) {
    int32_t room = d->room ? 2 * d->room : 16;
    void *replica = realloc(d->replica, (size_t)room * sizeof *d->replica);
    d->replica = replica ? (struct configuration *)replica : d->replica;
    void *demon = realloc(d->demon, (size_t)room * sizeof *d->demon);
    d->demon = demon ? (int32_t **)demon : d->demon;
    void *used = realloc(d->used, (size_t)room);
    d->used = used ? (uint8_t *)used : d->used;
    if (!replica || !demon || !used)
        return "out of memory";
    memset(d->used + d->room, 0, (size_t)(room - d->room));
    cudaFree(d->data.replica);
    cudaFree(d->data.demon);
    d->data.replica = NULL;
    d->data.demon = NULL;
    d->room = room;
    TRY(cudaMalloc((void **)&d->data.replica, (size_t)room * sizeof *d->replica));
    TRY(cudaMalloc((void **)&d->data.demon, (size_t)room * sizeof *d->demon));
    return NULL;
}

static const char *write_tables(struct device *d) {
    TRY(cudaMemcpy(d->data.replica, d->replica, (size_t)d->room * sizeof *d->replica,
                   cudaMemcpyHostToDevice));
    return say(cudaMemcpy(d->data.demon, d->demon, (size_t)d->room * sizeof *d->demon,
                          cudaMemcpyHostToDevice));
}

static const char *allocate_replica(struct device *d, int32_t k) {
    struct configuration *x = &d->replica[k];
    memset(x, 0, sizeof *x);
    d->demon[k] = NULL;
    d->used[k] = 1;
    x->lattice = d->lattice_on_device;
    TRY(cudaMalloc((void **)&x->occupancy, (size_t)d->sites));
    TRY(cudaMalloc((void **)&x->deviation, (size_t)d->oxygen * sizeof *x->deviation));
    TRY(cudaMalloc((void **)&x->n_tm, (size_t)d->oxygen));
    TRY(cudaMalloc((void **)&d->demon[k], (size_t)d->plan.n_tiles * sizeof **d->demon));
    return say(cudaMemset(d->demon[k], 0, (size_t)d->plan.n_tiles * sizeof **d->demon));
}

extern "C" const char *device_add(struct device *d, const struct configuration *x,
                                  int32_t *replica) {
    int32_t k = 0;
    while (k < d->room && d->used[k])
        k++;
    const char *problem = k == d->room ? grow(d) : NULL;
    problem = problem ? problem : allocate_replica(d, k);
    problem = problem ? problem : write_tables(d);
    problem = problem ? problem : device_upload(d, k, x, NULL);
    if (problem && k < d->room && d->used[k])
        free_replica(d, k);
    *replica = k;
    return problem;
}

extern "C" void device_remove(struct device *d, int32_t replica) {
    cudaStreamSynchronize(d->stream);
    free_replica(d, replica);
}

extern "C" const char *device_upload(struct device *d, int32_t k, const struct configuration *x,
                                     const int32_t *demon) {
    const struct configuration *to = &d->replica[k];
    TRY(cudaMemcpy(to->occupancy, x->occupancy, (size_t)d->sites, cudaMemcpyHostToDevice));
    TRY(cudaMemcpy(to->deviation, x->deviation, (size_t)d->oxygen * sizeof *x->deviation,
                   cudaMemcpyHostToDevice));
    TRY(cudaMemcpy(to->n_tm, x->n_tm, (size_t)d->oxygen, cudaMemcpyHostToDevice));
    if (demon)
        TRY(cudaMemcpy(d->demon[k], demon, (size_t)d->plan.n_tiles * sizeof *demon,
                       cudaMemcpyHostToDevice));
    return NULL;
}

extern "C" const char *device_download(struct device *d, int32_t k, struct configuration *x,
                                       int32_t *demon) {
    const struct configuration *from = &d->replica[k];
    cudaStream_t s = d->stream;
    TRY(cudaMemcpyAsync(x->occupancy, from->occupancy, (size_t)d->sites, cudaMemcpyDeviceToHost,
                        s));
    TRY(cudaMemcpyAsync(x->deviation, from->deviation, (size_t)d->oxygen * sizeof *x->deviation,
                        cudaMemcpyDeviceToHost, s));
    TRY(cudaMemcpyAsync(x->n_tm, from->n_tm, (size_t)d->oxygen, cudaMemcpyDeviceToHost, s));
    TRY(cudaMemcpyAsync(demon, d->demon[k], (size_t)d->plan.n_tiles * sizeof *demon,
                        cudaMemcpyDeviceToHost, s));
    return say(cudaStreamSynchronize(s));
}

/* Buffers for the jobs of one call. */
static const char *reserve_jobs(struct device *d, size_t bytes) {
    if (bytes <= d->jobs_bytes)
        return NULL;
    cudaFree(d->jobs);
    cudaFreeHost(d->jobs_host);
    d->jobs = d->jobs_host = NULL;
    d->jobs_bytes = 0;
    TRY(cudaMalloc(&d->jobs, bytes));
    TRY(cudaMallocHost(&d->jobs_host, bytes));
    d->jobs_bytes = bytes;
    return NULL;
}

static const char *send_jobs(struct device *d, const void *job, size_t bytes) {
    const char *problem = reserve_jobs(d, bytes);
    if (problem)
        return problem;
    memcpy(d->jobs_host, job, bytes);
    return say(cudaMemcpyAsync(d->jobs, d->jobs_host, bytes, cudaMemcpyHostToDevice, d->stream));
}

static const char *receive_jobs(struct device *d, void *job, size_t bytes) {
    TRY(cudaGetLastError());
    TRY(cudaMemcpyAsync(d->jobs_host, d->jobs, bytes, cudaMemcpyDeviceToHost, d->stream));
    TRY(cudaStreamSynchronize(d->stream));
    memcpy(job, d->jobs_host, bytes);
    return NULL;
}

extern "C" const char *device_equilibrate(struct device *d, struct device_equilibrate *job, int n) {
    size_t bytes = (size_t)n * sizeof *job;
    const char *problem = send_jobs(d, job, bytes);
    if (problem)
        return problem;
    struct device_equilibrate *on_device = (struct device_equilibrate *)d->jobs;
    dim3 grid((unsigned)d->plan.n_tiles, (unsigned)n);
    charge_kernel<<<(n + 127) / 128, 128, 0, d->stream>>>(d->data, on_device, n);
    for (uint32_t r = 0; r < d->plan.rounds; r++) {
        equilibrate_kernel<<<grid, TILE_THREADS, d->shared_bytes, d->stream>>>(
            d->data, on_device);
        round_kernel<<<(n + 127) / 128, 128, 0, d->stream>>>(on_device, n);
    }
    return receive_jobs(d, job, bytes);
}

static const char *reserve_windows(struct device *d, int64_t blocks) {
    if (blocks <= d->blocks)
        return NULL;
    cudaFree(d->data.rate);
    cudaFree(d->data.is_stale);
    cudaFree(d->data.stale);
    d->data.rate = NULL;
    d->data.is_stale = NULL;
    d->data.stale = NULL;
    d->blocks = 0;
    size_t marks = (size_t)blocks * (size_t)(d->plan.window_leaves / 32 + 1) * sizeof(uint32_t);
    TRY(cudaMalloc((void **)&d->data.rate,
                   (size_t)blocks * (size_t)d->plan.window_doubles * sizeof(double)));
    TRY(cudaMalloc((void **)&d->data.is_stale, marks));
    TRY(cudaMemset(d->data.is_stale, 0, marks));
    TRY(cudaMalloc((void **)&d->data.stale,
                   (size_t)blocks * (size_t)d->plan.window_leaves * sizeof(int32_t)));
    d->blocks = blocks;
    return NULL;
}

extern "C" const char *device_advance(struct device *d, struct device_advance *job, int n) {
    size_t bytes = (size_t)n * sizeof *job;
    const char *problem = send_jobs(d, job, bytes);
    problem = problem ? problem : reserve_windows(d, d->plan.n_regions * n);
    if (problem)
        return problem;
    struct device_advance *on_device = (struct device_advance *)d->jobs;
    dim3 grid((unsigned)d->plan.n_regions, (unsigned)n);
    for (uint32_t k = 0; k < d->plan.windows; k++)
        for (int parity = 0; parity < (d->plan.n_regions > 1 ? 8 : 1); parity++)
            advance_kernel<<<grid, WINDOW_THREADS, 0, d->stream>>>(d->data, on_device, k, parity);
    return receive_jobs(d, job, bytes);
}
