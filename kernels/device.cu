/* device: memory, transfers and launches; the kernels are in equilibrate.cu and advance.cu. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "device_data.h"

enum { STATIC_SHARED = 20 << 10 }; /* shared memory that advance declares itself, with room */

struct device {
    struct device_data data;
    struct device_plan plan;
    struct lattice lattice; /* pointers on the device */
    struct lattice *lattice_on_device;
    int64_t sites, oxygen, layer_size;
    int32_t room, n_replicas;
    struct configuration *replica; /* [room] host copy of the table of device pointers */
    int32_t **demon;
    uint8_t *used;
    void *jobs, *jobs_host; /* pinned */
    size_t jobs_bytes, window_shared; /* shared memory of advance */
    int processors, tiles;            /* of equilibrate: in a block at most */
    int64_t blocks, most_blocks;      /* of advance: with work space, and at a time */
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
    d->lattice.letter = NULL; /* until they are on the device: device_close frees what is there */
    d->lattice.stencil_of = NULL;
    d->lattice.stencil = NULL;
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

/* Shared memory of both kernels, and how many blocks of advance run at a time: as many as the device holds, so that their work space does not grow with the
 * box. */
static const char *plan_blocks(struct device *d, const struct rate_model *m,
                               const struct device_plan *p) {
    int shared = 0, blocks = 0;
    TRY(cudaDeviceGetAttribute(&d->processors, cudaDevAttrMultiProcessorCount, 0));
    TRY(cudaDeviceGetAttribute(&shared, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0));
    equilibrate_layout(p->passes, p->tile_span, m->lattice.n_stencils, p->tile_planes,
                       p->tile_bytes, &d->data.tile_area);
    d->window_shared = tables_bytes(m->lattice.n_stencils, p->window_planes);
    d->data.tile_in_shared =
        d->window_shared + (size_t)p->window_tile_bytes + STATIC_SHARED <= (size_t)shared;
    d->window_shared += d->data.tile_in_shared ? (size_t)p->window_tile_bytes : 0;
    TRY(equilibrate_prepare(&d->data.tile_area, shared, &d->tiles));
    TRY(advance_prepare(d->window_shared, &blocks));
    d->most_blocks = (int64_t)d->processors * (blocks ? blocks : 1);
    return NULL;
}

static const char *open_all(struct device *d, const struct rate_model *m,
                            const struct device_plan *p, const struct window_influence *f) {
    size_t lists = (size_t)m->lattice.n_planes * SITE_KINDS;
    d->plan = *p;
    d->sites = lattice_n_sites(&m->lattice);
    d->oxygen = lattice_n_oxygen(&m->lattice);
    d->layer_size = (int64_t)m->lattice.na * m->lattice.nb;
    TRY(cudaSetDevice(0));
    TRY(cudaStreamCreate(&d->stream));
    TRY(cudaMalloc((void **)&d->data.next_item, sizeof *d->data.next_item));
    const char *problem = copy_lattice(d, &m->lattice);
    problem = problem ? problem : copy_model(d, m);
    if (problem)
        return problem;
    UP(p->passes, sizeof *p->passes, &d->data.passes);
    UP(p->owns, 2 * 256, &d->data.owns);
    d->data.influence.n_lists = (int32_t)lists;
    UP(f->owner_begin, (lists + 1) * sizeof *f->owner_begin, &d->data.influence.owner_begin);
    UP(f->field_begin, (lists + 1) * sizeof *f->field_begin, &d->data.influence.field_begin);
    UP(f->ion_begin, (lists + 1) * sizeof *f->ion_begin, &d->data.influence.ion_begin);
    UP(f->owner, (size_t)f->owner_begin[lists] * sizeof *f->owner, &d->data.influence.owner);
    UP(f->field, (size_t)f->field_begin[lists] * sizeof *f->field, &d->data.influence.field);
    UP(f->ion, (size_t)f->ion_begin[lists] * sizeof *f->ion, &d->data.influence.ion);
    memcpy(d->data.tile_pieces, p->tile_pieces, sizeof p->tile_pieces);
    memcpy(d->data.region_pieces, p->region_pieces, sizeof p->region_pieces);
    d->data.n_tiles = p->n_tiles;
    d->data.n_regions = p->n_regions;
    memcpy(d->data.reach, p->reach, sizeof p->reach);
    d->data.tile_planes = p->tile_planes;
    d->data.window_planes = p->window_planes;
    d->data.window_doubles = p->window_doubles;
    d->data.window_leaves = p->window_leaves;
    d->data.window_sites = p->window_sites;
    d->data.window_bytes = (p->window_bytes + 15) / 16 * 16;
    d->data.window_tile_bytes = p->window_tile_bytes;
    d->data.windows = p->windows;
    return plan_blocks(d, m, p);
}

extern "C" const char *device_open(struct device **out, const struct rate_model *m,
                                   const struct device_plan *p, const struct window_influence *f) {
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

static void free_windows(struct device *d) {
    cudaFree(d->data.rate);
    cudaFree(d->data.is_stale);
    cudaFree(d->data.stale);
    cudaFree(d->data.is_old);
    cudaFree(d->data.old);
    cudaFree(d->data.window);
    d->data.rate = NULL;
    d->data.is_stale = d->data.is_old = NULL;
    d->data.stale = NULL;
    d->data.old = NULL;
    d->data.window = NULL;
    d->blocks = 0;
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
    cudaFree((void *)d->data.influence.owner_begin);
    cudaFree((void *)d->data.influence.field_begin);
    cudaFree((void *)d->data.influence.ion_begin);
    cudaFree((void *)d->data.influence.owner);
    cudaFree((void *)d->data.influence.field);
    cudaFree((void *)d->data.influence.ion);
    cudaFree(d->data.replica);
    cudaFree(d->data.demon);
    free_windows(d);
    cudaFree(d->data.next_item);
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

enum { CENSUS_THREADS = 256, CENSUS_BLOCKS = 64, CENSUS_ENTRIES = MODEL_SPECIES + ANION_STATES };

/* Block y counts replica job[y], together with the other blocks of its row. */
__global__ static void __launch_bounds__(CENSUS_THREADS)
    census_kernel(struct device_data data, struct device_census *job, int64_t sites,
                  int64_t layer_size) {
    __shared__ unsigned long long count[CENSUS_ENTRIES];
    struct device_census *j = &job[blockIdx.y];
    const uint8_t *byte = data.replica[j->replica].occupancy;
    for (int k = threadIdx.x; k < CENSUS_ENTRIES; k += blockDim.x)
        count[k] = 0;
    __syncthreads();
    int64_t stride = (int64_t)gridDim.x * blockDim.x;
    for (int64_t s = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; s < sites; s += stride) {
        int entry = census_entry(census_is_oxygen(s, layer_size), byte[s]);
        if (entry >= 0)
            atomicAdd(&count[entry], 1ull);
    }
    __syncthreads();
    for (int k = threadIdx.x; k < CENSUS_ENTRIES; k += blockDim.x)
        add64(k < MODEL_SPECIES ? &j->census.cation[k] : &j->census.anion[k - MODEL_SPECIES],
              (int64_t)count[k]);
}

extern "C" const char *device_census(struct device *d, struct device_census *job, int n) {
    enum { ROWS = 32768 }; /* of a launch: below the limit of the grid */
    for (int from = 0; from < n; from += ROWS) {
        int rows = n - from < ROWS ? n - from : ROWS;
        size_t bytes = (size_t)rows * sizeof *job;
        int64_t blocks = (d->sites + CENSUS_THREADS - 1) / CENSUS_THREADS;
        dim3 grid((unsigned)(blocks < CENSUS_BLOCKS ? blocks : CENSUS_BLOCKS), (unsigned)rows);
        const char *problem = send_jobs(d, job + from, bytes);
        if (problem)
            return problem;
        census_kernel<<<grid, CENSUS_THREADS, 0, d->stream>>>(
            d->data, (struct device_census *)d->jobs, d->sites, d->layer_size);
        problem = receive_jobs(d, job + from, bytes);
        if (problem)
            return problem;
    }
    return NULL;
}

extern "C" const char *device_equilibrate(struct device *d, struct device_equilibrate *job, int n) {
    size_t bytes = (size_t)n * sizeof *job;
    const char *problem = send_jobs(d, job, bytes);
    if (problem)
        return problem;
    struct device_equilibrate *on_device = (struct device_equilibrate *)d->jobs;
    /* blocks of equal size, as many for each processor as its tiles need */
    int64_t each = (d->plan.n_tiles * n + d->processors - 1) / d->processors;
    int64_t blocks = (each + d->tiles - 1) / d->tiles;
    int tiles = (int)((each + blocks - 1) / blocks);
    for (uint32_t r = 0; r < d->plan.rounds; r++)
        equilibrate_launch(&d->data, on_device, n, r == 0, tiles, d->stream);
    return receive_jobs(d, job, bytes);
}

static const char *reserve_windows(struct device *d, int64_t blocks) {
    if (blocks <= d->blocks)
        return NULL;
    size_t n = (size_t)blocks;
    size_t stale = n * (size_t)(d->plan.window_leaves / 32 + 1) * sizeof(uint32_t);
    size_t old = n * (size_t)(d->plan.window_sites / 32 + 1) * sizeof(uint32_t);
    free_windows(d);
    TRY(cudaMalloc((void **)&d->data.rate, n * (size_t)d->plan.window_doubles * sizeof(double)));
    TRY(cudaMalloc((void **)&d->data.is_stale, stale));
    TRY(cudaMemset(d->data.is_stale, 0, stale));
    TRY(cudaMalloc((void **)&d->data.stale,
                   n * 2 * (size_t)d->plan.window_leaves * sizeof(int32_t)));
    TRY(cudaMalloc((void **)&d->data.is_old, old));
    TRY(cudaMemset(d->data.is_old, 0, old));
    TRY(cudaMalloc((void **)&d->data.old, n * WINDOW_OLD_MAX * sizeof *d->data.old));
    TRY(cudaMalloc((void **)&d->data.window, n * (size_t)d->data.window_bytes));
    d->blocks = blocks;
    return NULL;
}

extern "C" const char *device_advance(struct device *d, struct device_advance *job, int n) {
    size_t bytes = (size_t)n * sizeof *job;
    int64_t items = d->plan.n_regions * n, blocks = items < d->most_blocks ? items : d->most_blocks;
    const char *problem = send_jobs(d, job, bytes);
    problem = problem ? problem : reserve_windows(d, blocks);
    if (problem)
        return problem;
    struct device_advance *on_device = (struct device_advance *)d->jobs;
    for (uint32_t k = 0; k < d->plan.windows; k++)
        for (int parity = 0; parity < (d->plan.n_regions > 1 ? 8 : 1); parity++)
            TRY(advance_launch(&d->data, on_device, n, k, parity, blocks, d->window_shared,
                               d->stream));
    return receive_jobs(d, job, bytes);
}
