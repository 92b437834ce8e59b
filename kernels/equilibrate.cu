/* equilibrate on a GPU: a block runs one tile of one replica in shared memory, one lane a thread (kernels/equilibrate.h).
 *
 * Lanes of a pass read and write different things, so one barrier ends a pass.  Lanes that change the number of Li under a restraint must see what the
 * lanes before them decided: each guesses from the present decisions of the others and decides again until nothing changes; after k rounds
 * the first k of them are right, so the end is what one after the other gives.
 */
#include "device_data.h"

enum { TILE_THREADS = 128, WARPS = TILE_THREADS / 32 };

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
    struct lattice_layer *layer = (struct lattice_layer *)(reach + x->lattice->n_stencils);
    if (threadIdx.x == 0) {
        struct tiling g;
        for (int a = 0; a < AXES; a++)
            g.pieces[a] = d->tile_pieces[a];
        pass_place_cuts(&g, x->lattice, call->random, call->step, 0);
        tile_place(&b->tile, &g, x->lattice, blockIdx.x);
        tile_point(&b->tile, layer + d->tile_planes * SITE_KINDS);
        b->sums = tile_sums();
    }
    __syncthreads();
    make_tables(&b->tile, reach, layer);
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
            struct pass_row row;
            if (chunk == 0)
                word = word_of_lane[pass % 4];
            else
                word = pass_lane_words(call->random, call->step, pass / 4, blockIdx.x,
                                       (uint32_t)lane)
                           .v[pass % 4];
            pass_lane(&p, lane, at);
            if (pass_plane_begin(d->passes, &p, &b->tile.lattice, at[AXIS_C], k->complete, &q)) {
                pass_row_begin(&q, &b->tile.lattice, pass_place(&p, AXIS_B, at[AXIS_B]), &row);
                has = pass_judge(d->passes, &p, &q, &row, &b->tile, k,
                                 pass_place(&p, AXIS_A, at[AXIS_A]), lane, word, &mv);
            }
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

__global__ static void __launch_bounds__(TILE_THREADS)
    equilibrate_kernel(struct device_data data, struct device_equilibrate *job) {
    extern __shared__ struct lattice_reach reach[]; /* [n_stencils], then layers and the arrays of the tile */
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

__global__ static void charge_kernel(struct device_data data, struct device_equilibrate *job, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n)
        pass_charge_demons(data.demon[job[i].replica], data.n_tiles, job[i].target, job[i].n_li);
}

__global__ static void round_kernel(struct device_equilibrate *job, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n)
        return;
    job[i].call.step++;
    job[i].call.first_pass += job[i].call.passes;
}

cudaError_t equilibrate_prepare(size_t shared_bytes) {
    return cudaFuncSetAttribute(equilibrate_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                (int)shared_bytes);
}

void equilibrate_launch(const struct device_data *d, struct device_equilibrate *job, int n,
                        int first, size_t shared_bytes, cudaStream_t stream) {
    dim3 grid((unsigned)d->n_tiles, (unsigned)n);
    if (first)
        charge_kernel<<<(n + 127) / 128, 128, 0, stream>>>(*d, job, n);
    equilibrate_kernel<<<grid, TILE_THREADS, shared_bytes, stream>>>(*d, job);
    round_kernel<<<(n + 127) / 128, 128, 0, stream>>>(job, n);
}
