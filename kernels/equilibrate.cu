/* equilibrate on a GPU: a warp runs one tile of one replica in shared memory (kernels/equilibrate.h), and the warps of a block judge together.
 *
 * Most passes find hardly an open bond or accept nothing, and what leaves the tile as it is cannot change what later passes see.  So a warp looks ahead, in
 * rounds that all warps of the block go through in step, so that they share the instructions in the cache of the multiprocessor:
 *
 *     prepare   channel, corner and planes of the next passes                 a thread each                        of its own tile
 *     list      their open bonds, in order, until one for each thread         a lane a thread                      of its own tile
 *     judge     energy and acceptance of all that are listed                  a bond a thread, sort by sort        of any tile of the block
 *     carry out the moves of the first pass that has any; what was listed of later ones is forgotten and listed anew
 *
 * Lanes of a pass read and write different things.  Those that change the number of Li under a restraint must see what the lanes before them decided: each
 * guesses from the present decisions of the others and decides again until nothing changes; after k rounds the first k of them are right, so the end is
 * what one after the other gives.
 */
#include "tile_passes.h"

/* What has come of a bond.  yes: accepted if no lane of its pass before it changes the number of Li.  turned: of a plain token hop 0 or 1, of others -1 */
struct verdict {
    int64_t energy;
    uint32_t word;
    int8_t li_change, has, yes, turned;
};

/* What the warps of a block judge in a round: entry = tile * WARP + place among those offered. */
struct pool {
    struct verdict verdict[TILES_MAX * WARP];
    uint16_t entry[(TILES_MAX + SORTS) * WARP]; /* sort by sort, each from a multiple of WARP on */
    uint32_t count[2][SORTS];                   /* of this round and of the next */
};

/* Sort of each bond that the warp offers, -1 of other threads, and its place among those of its sort. */
__device__ __forceinline__ static void put(const struct tile_job *job, int32_t n,
                                           uint32_t count[SORTS], int32_t *sort,
                                           int32_t *place) {
    const struct tile_block *b = job->b;
    int t = in_warp();
    *sort = t < n ? (int32_t)b->coming[b->list[job->from + t] >> LANE_BITS].sort : -1;
    uint32_t same = 0, mine = 0; /* threads of the same sort; of sort number t */
    for (int k = 0; k < SORTS; k++) {
        uint32_t all = __ballot_sync(~0u, *sort == k);
        same = *sort == k ? all : same;
        mine = t == k ? all : mine;
    }
    int32_t begin = t < SORTS ? (int32_t)atomicAdd(&count[t], (uint32_t)__popc(mine)) : 0;
    begin = __shfl_sync(~0u, begin, *sort < 0 ? 0 : *sort);
    *place = begin + __popc(same & ((1u << t) - 1));
}

__device__ __forceinline__ static int32_t whole_warps(uint32_t n) {
    return (int32_t)(n + WARP - 1) / WARP * WARP;
}

/* ---- judge ---- */

/* A listed bond. */
struct listed {
    const struct pass *p;
    const struct pass_plane *q;
    int32_t pass; /* number among those prepared */
    int32_t lane, i, j;
};

__device__ __forceinline__ static void look_up(const struct tile_block *b, uint32_t entry,
                                               struct listed *e) {
    e->pass = (int32_t)(entry >> LANE_BITS);
    e->lane = (int32_t)(entry & ((1u << LANE_BITS) - 1));
    const struct coming_pass *c = &b->coming[e->pass];
    int32_t at[AXES];
    lane_place(c, e->lane, at);
    e->p = &c->pass;
    e->q = &b->planes[c->first_plane + at[AXIS_C]];
    e->i = pass_place(e->p, AXIS_A, at[AXIS_A]);
    e->j = pass_place(e->p, AXIS_B, at[AXIS_B]);
}

__device__ __forceinline__ static uint32_t random_word(const struct tile_block *b,
                                                       const struct listed *e) {
    uint32_t pass = b->first + (uint32_t)e->pass;
    struct philox_block r = pass_lane_words(b->call->random, b->call->step, pass / 4, b->number,
                                            (uint32_t)e->lane);
    uint32_t low = pass % 2 ? r.v[1] : r.v[0], high = pass % 2 ? r.v[3] : r.v[2];
    return pass % 4 < 2 ? low : high;
}

__device__ __noinline__ static void fill_bond(const struct tile_block *b, const struct pass *p,
                                 const struct pass_plane *q, int32_t lane, int32_t i, int32_t j,
                                 struct move_bond *bond) {
    struct pass_row row;
    pass_row_begin(q, &b->tile.lattice, j, &row);
    pass_bond(p, q, &row, &b->tile, i, lane, bond);
}

/* Judges a bond that is no plain token hop, and carries its move out when told to: apart from the rest, because it takes long and is seldom asked for. */
__device__ __noinline__ static void other_move(const struct tile_block *b, const struct listed *e,
                                               int carry_out, struct verdict *v) {
    struct move mv;
    const struct tile *t = &b->tile;
    fill_bond(b, e->p, e->q, e->lane, e->i, e->j, &mv.bond);
    v->has = pass_is_open(e->p, e->q, t->x.occupancy[mv.bond.site_a],
                          t->x.occupancy[mv.bond.site_b], v->word) &&
             pass_allowed(t, &mv.bond) && moves_judge_bond(&b->moves, (int)(v->word & 1), &mv);
    if (v->has) {
        v->energy = mv.energy;
        v->li_change = mv.li_change;
    }
    if (carry_out && v->has)
        moves_apply(&b->moves, &mv);
}

__device__ __noinline__ static void carry_out_plain(const struct tile_block *b,
                                                    const struct pass *p,
                                                    const struct pass_plane *q, int32_t lane,
                                                    int32_t i, int32_t j, int turned) {
    struct move_bond bond;
    fill_bond(b, p, q, lane, i, j, &bond);
    tokens_apply(b->moves.m, b->moves.x, turned ? bond.b : bond.a, -1);
    tokens_apply(b->moves.m, b->moves.x, turned ? bond.a : bond.b, +1);
}

/* A plain token hop (pass_judge_token): 1 or 0; -1 when it is something else. */
__device__ __forceinline__ static int judge_plain(const struct tile_block *tile,
                                                  const struct listed *e, struct verdict *v) {
    const struct tile *t = &tile->tile;
    const struct pass_plane *q = e->q;
    struct move mv;
    int turned;
    if (!q->layer_a || q->triple || e->p->group == PASS_FAR || !tile_is_whole(t))
        return -1;
    int32_t row = (int32_t)t->lattice.row;
    int32_t a = q->base_a + e->j * row + e->i;
    int32_t b = q->base_b + pass_wrap(e->j + q->other.dj, t->lattice.nb) * row +
                pass_wrap(e->i + q->other.di, t->lattice.na);
    if (!pass_is_open(e->p, q, t->x.occupancy[a], t->x.occupancy[b], v->word))
        return 0;
    struct pass_open_lane at = {e->lane, (int16_t)e->i, (int16_t)e->j};
    int plain = pass_judge_token(tile->plan, e->p, q, t, &tile->moves, at, v->word, &mv, &turned);
    if (plain > 0) {
        v->energy = mv.energy;
        v->li_change = mv.li_change;
        v->turned = (int8_t)turned;
    }
    return plain;
}

__device__ __forceinline__ static int accepts(const struct tile_block *b, const struct verdict *v,
                                              int32_t pass, int32_t lane, int before) {
    struct move mv;
    mv.energy = v->energy;
    mv.li_change = v->li_change;
    return pass_accepts(b->moves.m, b->call, &mv, b->n_li + before, v->word,
                        b->first + (uint32_t)pass, b->number, (uint32_t)lane);
}

__device__ __forceinline__ static void judge(const struct tile_block *b, uint32_t entry,
                                             struct verdict *out) {
    struct listed e;
    struct verdict v;
    look_up(b, entry, &e);
    v.word = random_word(b, &e);
    v.energy = 0;
    v.li_change = v.yes = 0;
    v.turned = -1;
    int plain = judge_plain(b, &e, &v);
    v.has = plain > 0;
    if (plain < 0)
        other_move(b, &e, 0, &v);
    if (v.has)
        v.yes = (int8_t)accepts(b, &v, e.pass, e.lane, 0);
    *out = v;
}

/* ---- carry out ---- */

/* Decisions of the lanes of one pass (`in` it) when each sees those before it; `yes` = without that. */
__device__ __forceinline__ static int in_turn(const struct tile_block *b, const struct verdict *v,
                                              int32_t pass, int32_t lane, int in, int yes) {
    int restrained = in && v->li_change && b->call->electrode.kappa_ueV;
    uint32_t below = (1u << in_warp()) - 1;
    int seen = 0; /* Li that the lanes before this one add, as `yes` takes it */
    for (;;) {
        uint32_t plus = __ballot_sync(~0u, restrained && yes && v->li_change > 0);
        uint32_t minus = __ballot_sync(~0u, restrained && yes && v->li_change < 0);
        int before = __popc(plus & below) - __popc(minus & below);
        int old = yes;
        if (restrained && before != seen)
            yes = accepts(b, v, pass, lane, before);
        seen = before;
        if (!__any_sync(~0u, yes != old))
            return yes;
    }
}

__device__ __forceinline__ static void carry_out(struct tile_job *job, uint32_t entry,
                                                 struct verdict *v) {
    struct listed e;
    struct move mv;
    mv.energy = v->energy;
    mv.li_change = v->li_change;
    look_up(job->b, entry, &e);
    if (v->turned >= 0)
        carry_out_plain(job->b, e.p, e.q, e.lane, e.i, e.j, v->turned);
    else
        other_move(job->b, &e, 1, v);
    tile_sums_book(&job->mine, job->b->call, &mv, job->b->first + (uint32_t)e.pass);
}

/* Carries out the first pass that has a move, among the n entries that were offered. */
__device__ __forceinline__ static void settle(struct tile_job *job, int32_t n,
                                              const struct verdict *verdict) {
    struct tile_block *b = job->b;
    struct verdict v;
    uint32_t entry = 0;
    v.li_change = v.has = v.yes = 0;
    if (in_warp() < n) {
        v = verdict[in_warp()];
        entry = b->list[job->from + in_warp()];
    }
    int32_t pass = (int32_t)(entry >> LANE_BITS), lane = (int32_t)(entry & ((1u << LANE_BITS) - 1));
    uint32_t any = __ballot_sync(~0u, v.yes);
    int32_t first = any ? __shfl_sync(~0u, pass, __ffs((int)any) - 1) : -1;
    job->mine.evaluated += v.has && (!any || pass <= first);
    if (any) {
        int in = v.has && pass == first, yes = in_turn(b, &v, pass, lane, in, in && v.yes);
        if (yes)
            carry_out(job, entry, &v);
        uint32_t plus = __ballot_sync(~0u, yes && v.li_change > 0);
        uint32_t minus = __ballot_sync(~0u, yes && v.li_change < 0);
        if (in_warp() == 0)
            b->n_li += __popc(plus) - __popc(minus);
    }
    if (any && job->n <= WARP) { /* what was listed of later passes is forgotten; a longer list is one pass, whose lanes do not meet */
        job->past = b->first + (uint32_t)first + 1;
        job->n = job->from = 0;
    } else {
        job->from += n;
    }
    if (job->from >= job->n)
        pass_over(job);
    __syncwarp();
}

/* ---- the block ---- */

__device__ __forceinline__ static struct tile_block *tile_at(void *blocks,
                                                             const struct device_data *d, int k) {
    return (struct tile_block *)((char *)blocks + k * d->tile_area.bytes);
}

/* All passes of the call, round by round. */
__device__ __forceinline__ static void run_passes(struct pool *pool, void *blocks,
                                                  const struct device_data *d,
                                                  struct tile_job *job) {
    int warp = (int)threadIdx.x / WARP;
    for (int now = 0;; now ^= 1) {
        uint32_t *count = pool->count[now];
        int32_t sort, place, n = job->b ? offer(job, d->tile_area.room) : 0;
        if (n)
            put(job, n, count, &sort, &place);
        if (!__syncthreads_or(n))
            return;
        if (n && sort >= 0) {
            for (int k = 0; k < sort; k++)
                place += whole_warps(count[k]);
            pool->entry[place] = (uint16_t)threadIdx.x;
        }
        if (threadIdx.x < SORTS)
            pool->count[now ^ 1][threadIdx.x] = 0;
        __syncthreads();
        int32_t all = 0;
        for (int k = 0; k < SORTS; k++)
            all += whole_warps(count[k]);
        for (int32_t at = (int32_t)threadIdx.x; at < all; at += (int32_t)blockDim.x) {
            int32_t left = at;
            int k = 0;
            while (left >= whole_warps(count[k]))
                left -= whole_warps(count[k++]);
            if (left >= (int32_t)count[k])
                continue;
            uint32_t entry = pool->entry[at];
            const struct tile_block *b = tile_at(blocks, d, (int)(entry / WARP));
            judge(b, b->list[b->offered + (int32_t)(entry % WARP)], &pool->verdict[entry]);
        }
        __syncthreads();
        if (n)
            settle(job, n, &pool->verdict[warp * WARP]);
    }
}

/* Sum over the warp, in its first thread. */
__device__ static int64_t warp_sum(int64_t value) {
    for (int step = WARP / 2; step; step /= 2)
        value += __shfl_down_sync(~0u, value, step);
    return value;
}

/* Tiles number blockIdx.x T to blockIdx.x T + T - 1 of all tiles of all jobs, with T warps. */
__global__ static void __launch_bounds__(TILES_MAX *WARP, 1)
    equilibrate_kernel(struct device_data data, struct device_equilibrate *job, int64_t n_units) {
    extern __shared__ struct tile_block blocks[];
    __shared__ struct pool pool;
    int warp = (int)threadIdx.x / WARP;
    int64_t unit = (int64_t)blockIdx.x * (blockDim.x / WARP) + warp;
    struct device_equilibrate *j = &job[unit < n_units ? unit / data.n_tiles : 0];
    struct configuration *x = &data.replica[j->replica];
    struct tile_job w;
    int32_t *demon = NULL;
    w.b = unit < n_units ? tile_at(blocks, &data, warp) : NULL;
    w.next = j->call.first_pass;
    w.end = w.next + j->call.passes;
    w.from = w.n = 0;
    w.mine = tile_sums();
    if (threadIdx.x < SORTS)
        pool.count[0][threadIdx.x] = 0;
    if (w.b) {
        uint32_t number = (uint32_t)(unit % data.n_tiles);
        demon = &data.demon[j->replica]
                           [pass_demon(j->call.random, j->call.step, number, data.n_tiles)];
        if (in_warp() == 0) {
            w.b->call = &j->call;
            w.b->number = number;
            w.b->n_li = -*demon;
        }
        __syncwarp();
        load_tile(w.b, &data, x);
    }
    __syncthreads();
    run_passes(&pool, blocks, &data, &w);
    if (!w.b)
        return;
    for (int32_t row = in_warp(); row < tile_rows(&w.b->tile); row += WARP)
        tile_store_row(&w.b->tile, x, row);
    int64_t li = 0;
    for (int s = 0; s < (int)(sizeof w.mine / sizeof li); s++) {
        int64_t sum = warp_sum(((const int64_t *)&w.mine)[s]);
        if (in_warp() == 0)
            add64((int64_t *)&j->sums + s, sum);
    }
    li = warp_sum(w.mine.li);
    if (in_warp() == 0)
        *demon -= (int32_t)li;
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

static int64_t aligned(size_t bytes) {
    return (int64_t)(bytes + 15) / 16 * 16;
}

/* The list takes what a pass and a warp of lanes can add. */
void equilibrate_layout(const struct pass_plan *plan, const int32_t span[AXES], int32_t n_stencils,
                        int32_t n_planes, int64_t tile_bytes, struct tile_area *at) {
    int32_t lanes = 0;
    at->room = PLANES_AHEAD;
    for (int k = 0; k < plan->n_channels; k++) {
        int32_t count[AXES], n = 1;
        for (int a = 0; a < AXES; a++) {
            count[a] = pass_count(span[a], plan->channel[k].spacing[a]);
            n *= count[a];
        }
        at->room = count[AXIS_C] > at->room ? count[AXIS_C] : at->room;
        lanes = n > lanes ? n : lanes;
    }
    at->reach = aligned(sizeof(struct tile_block));
    at->layer = at->reach + aligned((size_t)n_stencils * sizeof(struct lattice_reach));
    at->planes = at->layer + aligned((size_t)n_planes * SITE_KINDS * sizeof(struct lattice_layer));
    at->list = at->planes + aligned((size_t)at->room * sizeof(struct pass_plane));
    at->arrays = at->list + aligned((size_t)(2 * WARP + lanes) * sizeof(uint16_t));
    at->bytes = at->arrays + aligned((size_t)tile_bytes);
}

cudaError_t equilibrate_prepare(const struct tile_area *at, int64_t shared_bytes, int *tiles) {
    int64_t fit = (shared_bytes - (int64_t)sizeof(struct pool)) / at->bytes;
    *tiles = (int)(fit < 1 ? 1 : fit > TILES_MAX ? TILES_MAX : fit);
    return cudaFuncSetAttribute(equilibrate_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                (int)(*tiles * at->bytes));
}

void equilibrate_launch(const struct device_data *d, struct device_equilibrate *job, int n,
                        int first, int tiles, cudaStream_t stream) {
    int64_t units = d->n_tiles * n;
    unsigned blocks = (unsigned)((units + tiles - 1) / tiles), threads = (unsigned)tiles * WARP;
    size_t shared = (size_t)tiles * (size_t)d->tile_area.bytes;
    if (first)
        charge_kernel<<<(n + 127) / 128, 128, 0, stream>>>(*d, job, n);
    equilibrate_kernel<<<blocks, threads, shared, stream>>>(*d, job, units);
    round_kernel<<<(n + 127) / 128, 128, 0, stream>>>(job, n);
}
