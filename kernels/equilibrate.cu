/* equilibrate on a GPU: a warp runs one tile of one replica in shared memory (kernels/equilibrate.h).
 *
 * Most passes find hardly an open bond or accept nothing, and what leaves the tile as it is cannot change what later passes see.  So the warp looks ahead:
 *
 *     prepare   channel, corner and planes of the next passes                 a thread each
 *     list      their open bonds, in order, until one for each thread         a lane a thread, pass after pass
 *     judge     energy and acceptance of all that are listed                  a bond a thread
 *     carry out the moves of the first pass that has any; what was listed of later ones is forgotten and listed anew
 *
 * Lanes of a pass read and write different things.  Those that change the number of Li under a restraint must see what the lanes before them decided: each
 * guesses from the present decisions of the others and decides again until nothing changes; after k rounds the first k of them are right, so the end is
 * what one after the other gives.
 */
#include "device_data.h"

enum {
    TILE_THREADS = 32,
    PASSES_AHEAD = 6,
    LANE_BITS = 9, /* of an entry of the list */
    RECIPROCAL_BITS = 16
};
static_assert(PASS_LANES_MAX <= 1 << LANE_BITS, "a lane must fit its bits");

/* A pass that comes. */
struct coming_pass {
    struct pass pass;
    uint32_t per_a, per_b; /* reciprocals of the numbers of lanes along a and b */
    int32_t first_plane;   /* of the planes of this pass among those of all */
};

struct tile_block {
    struct tile tile;
    struct move_context moves;
    struct coming_pass coming[PASSES_AHEAD];
};

/* A warp's tile and what it is asked to do; the same in all threads but for `mine`. */
struct tile_job {
    struct tile_block *b;
    const struct pass_plan *plan;
    const struct tile_call *call;
    struct pass_plane *planes; /* in shared memory, data.tile_planes_ahead of them */
    uint16_t *list;            /* of open bonds: pass << LANE_BITS | lane */
    int64_t n_li;         /* as the restraint counts */
    uint32_t first, last; /* passes first .. last - 1 are prepared */
    struct tile_sums mine;
};

/* ---- the tile ---- */

__device__ static void load_tile(struct tile_block *b, const struct device_data *d,
                                 const struct configuration *x, const struct tile_call *call,
                                 struct lattice_reach *reach, struct lattice_layer *layer,
                                 void *arrays) {
    if (threadIdx.x == 0) {
        struct tiling g;
        for (int a = 0; a < AXES; a++)
            g.pieces[a] = d->tile_pieces[a];
        pass_place_cuts(&g, x->lattice, call->random, call->step, 0);
        tile_place(&b->tile, &g, x->lattice, blockIdx.x);
        tile_point(&b->tile, arrays);
    }
    __syncwarp();
    make_tables(&b->tile, reach, layer);
    for (int32_t row = threadIdx.x; row < tile_rows(&b->tile); row += TILE_THREADS)
        tile_load_row(&b->tile, x, row);
    __syncwarp();
}

/* ---- prepare ---- */

__device__ static uint32_t reciprocal(int32_t n) {
    return ((1u << RECIPROCAL_BITS) + (uint32_t)n - 1) / (uint32_t)n;
}

/* Numbers of a lane along the axes: pass_lane without a division, exact below 2^9 lanes. */
__device__ static void lane_place(const struct coming_pass *c, int32_t lane, int32_t at[AXES]) {
    int32_t rest = (int32_t)((uint32_t)lane * c->per_a >> RECIPROCAL_BITS);
    at[AXIS_C] = (int32_t)((uint32_t)rest * c->per_b >> RECIPROCAL_BITS);
    at[AXIS_A] = lane - rest * c->pass.count[AXIS_A];
    at[AXIS_B] = rest - at[AXIS_C] * c->pass.count[AXIS_B];
}

/* Passes from job->first = job->last on, as many as there is room for. */
__device__ __forceinline__ static void prepare(struct tile_job *job, uint32_t end, int32_t room) {
    struct tile_block *b = job->b;
    const struct tile_call *call = job->call;
    uint32_t n = end - job->first < PASSES_AHEAD ? end - job->first : PASSES_AHEAD;
    __syncwarp();
    if (threadIdx.x < n) {
        struct coming_pass *c = &b->coming[threadIdx.x];
        uint32_t pass = job->first + threadIdx.x;
        pass_begin(&c->pass, job->plan, &b->tile, call->band,
                   pass_words(call->random, call->step, pass, blockIdx.x), pass);
        c->per_a = reciprocal(c->pass.count[AXIS_A]);
        c->per_b = reciprocal(c->pass.count[AXIS_B]);
    }
    __syncwarp();
    int32_t planes = 0, mine = -1, my_plane = 0;
    uint32_t fit = 0;
    for (; fit < n; fit++) { /* the planes of a pass go to the threads from `planes` on */
        int32_t count = b->coming[fit].pass.count[AXIS_C];
        if (planes + count > room)
            break;
        if ((int32_t)threadIdx.x >= planes && (int32_t)threadIdx.x < planes + count) {
            mine = (int32_t)fit;
            my_plane = (int32_t)threadIdx.x - planes;
        }
        if (threadIdx.x == 0)
            b->coming[fit].first_plane = planes;
        planes += count;
    }
    job->last = job->first + fit;
    if (mine >= 0)
        pass_plane_begin(job->plan, &b->coming[mine].pass, &b->tile.lattice, my_plane,
                         b->moves.complete, &job->planes[threadIdx.x]);
    __syncwarp();
}

/* ---- list ---- */

/* Can the bond of a lane be a move at all, whatever its random word? */
__device__ __forceinline__ static int may_be_open(const struct tile_job *job, const struct coming_pass *c,
                                  int32_t lane) {
    const struct pass *p = &c->pass;
    const struct tile *t = &job->b->tile;
    const uint8_t *site = t->x.occupancy;
    int32_t at[AXES];
    lane_place(c, lane, at);
    const struct pass_plane *q = &job->planes[c->first_plane + at[AXIS_C]];
    if (!q->usable)
        return 0;
    int32_t i = pass_place(p, AXIS_A, at[AXIS_A]), j = pass_place(p, AXIS_B, at[AXIS_B]);
    int32_t row = (int32_t)t->lattice.row;
    int32_t a = q->base_a + j * row + i;
    if (p->group == PASS_FAR) {
        struct move_bond far;
        if (!pass_far_end(p, q, &t->lattice, lane, &far))
            return 0;
        return p->keep[p->code[site[a]] << PASS_CODE_BITS | q->code_b[site[far.site_b]]];
    }
    int32_t b = q->base_b + pass_wrap(j + q->other.dj, t->lattice.nb) * row +
                pass_wrap(i + q->other.di, t->lattice.na);
    return p->keep[p->code[site[a]] << PASS_CODE_BITS | q->code_b[site[b]]] &&
           (!q->triple || pass_third_is_open(q, t, i, j));
}

/* Lists the open bonds of passes from `first` on until there is one for each thread, of one pass at least; their number.  *past = one past the last pass. */
__device__ __forceinline__ static int32_t list_open(struct tile_job *job, uint32_t first, uint32_t *past) {
    int32_t n = 0;
    uint32_t pass = first;
    __syncwarp();
    for (; pass < job->last; pass++) {
        uint32_t number = pass - job->first;
        const struct coming_pass *c = &job->b->coming[number];
        int32_t found = n;
        for (int32_t from = 0; from < c->pass.lanes; from += TILE_THREADS) {
            int32_t lane = from + (int32_t)threadIdx.x;
            int open = lane < c->pass.lanes && may_be_open(job, c, lane);
            uint32_t all = __ballot_sync(~0u, open);
            if (open)
                job->list[found + __popc(all & ((1u << threadIdx.x) - 1))] =
                    (uint16_t)(number << LANE_BITS | (uint32_t)lane);
            found += __popc(all);
        }
        if (found > TILE_THREADS && pass > first)
            break;
        n = found;
        if (n >= TILE_THREADS) {
            pass++;
            break;
        }
    }
    __syncwarp();
    *past = pass;
    return n;
}

/* ---- judge ---- */

/* A listed bond, and what has come of it. */
struct listed {
    const struct pass *p;
    const struct pass_plane *q;
    int32_t pass; /* number among those prepared */
    int32_t lane, i, j;
    uint32_t word;
    int32_t li_change;
    int64_t energy;
    int turned; /* of a plain token hop: 0 or 1; of others -1 */
};

__device__ __forceinline__ static void look_up(const struct tile_job *job, uint32_t entry,
                                               struct listed *e) {
    e->pass = (int32_t)(entry >> LANE_BITS);
    e->lane = (int32_t)(entry & ((1u << LANE_BITS) - 1));
    const struct coming_pass *c = &job->b->coming[e->pass];
    int32_t at[AXES];
    lane_place(c, e->lane, at);
    e->p = &c->pass;
    e->q = &job->planes[c->first_plane + at[AXIS_C]];
    e->i = pass_place(e->p, AXIS_A, at[AXIS_A]);
    e->j = pass_place(e->p, AXIS_B, at[AXIS_B]);
    uint32_t pass = job->first + (uint32_t)e->pass;
    struct philox_block r = pass_lane_words(job->call->random, job->call->step, pass / 4,
                                            blockIdx.x, (uint32_t)e->lane);
    uint32_t low = pass % 2 ? r.v[1] : r.v[0], high = pass % 2 ? r.v[3] : r.v[2];
    e->word = pass % 4 < 2 ? low : high;
}

__device__ __noinline__ static void fill_bond(const struct tile_block *b, const struct pass *p,
                                 const struct pass_plane *q, int32_t lane, int32_t i, int32_t j,
                                 struct move_bond *bond) {
    struct pass_row row;
    pass_row_begin(q, &b->tile.lattice, j, &row);
    pass_bond(p, q, &row, &b->tile, i, lane, bond);
}

struct verdict {
    int64_t energy;
    int32_t li_change, has;
};

/* Judges a bond that is no plain token hop, and carries its move out when told to: apart from the rest, because it takes long and is seldom asked for. */
__device__ __noinline__ static struct verdict other_move(const struct tile_block *b,
                                                         const struct pass *p,
                                                         const struct pass_plane *q, int32_t lane,
                                                         int32_t i, int32_t j, uint32_t word,
                                                         int carry_out) {
    struct move mv;
    const struct tile *t = &b->tile;
    struct verdict v = {0, 0, 0};
    fill_bond(b, p, q, lane, i, j, &mv.bond);
    v.has = pass_is_open(p, q, t->x.occupancy[mv.bond.site_a], t->x.occupancy[mv.bond.site_b],
                         word) &&
            pass_allowed(t, &mv.bond) && moves_judge_bond(&b->moves, (int)(word & 1), &mv);
    if (v.has) {
        v.energy = mv.energy;
        v.li_change = mv.li_change;
    }
    if (carry_out)
        moves_apply(&b->moves, &mv);
    return v;
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
__device__ __forceinline__ static int judge_plain(const struct tile_job *job, struct listed *e) {
    const struct tile *t = &job->b->tile;
    const struct pass_plane *q = e->q;
    struct move mv;
    if (!q->layer_a || q->triple || e->p->group == PASS_FAR || !tile_is_whole(t))
        return -1;
    int32_t row = (int32_t)t->lattice.row;
    int32_t a = q->base_a + e->j * row + e->i;
    int32_t b = q->base_b + pass_wrap(e->j + q->other.dj, t->lattice.nb) * row +
                pass_wrap(e->i + q->other.di, t->lattice.na);
    if (!pass_is_open(e->p, q, t->x.occupancy[a], t->x.occupancy[b], e->word))
        return 0;
    struct pass_open_lane at = {e->lane, (int16_t)e->i, (int16_t)e->j};
    int plain =
        pass_judge_token(job->plan, e->p, q, t, &job->b->moves, at, e->word, &mv, &e->turned);
    e->energy = mv.energy;
    e->li_change = mv.li_change;
    return plain;
}

/* 1 when the bond is a move. */
__device__ __forceinline__ static int judge(const struct tile_job *job, struct listed *e) {
    int plain = judge_plain(job, e);
    if (plain >= 0)
        return plain;
    struct verdict v = other_move(job->b, e->p, e->q, e->lane, e->i, e->j, e->word, 0);
    e->turned = -1;
    e->energy = v.energy;
    e->li_change = v.li_change;
    return v.has;
}

__device__ __forceinline__ static int accepts(const struct tile_job *job, const struct listed *e,
                                              int before) {
    struct move mv;
    mv.energy = e->energy;
    mv.li_change = (int8_t)e->li_change;
    return pass_accepts(job->b->moves.m, job->call, &mv, job->n_li + before, e->word,
                        job->first + (uint32_t)e->pass, blockIdx.x, (uint32_t)e->lane);
}

/* Decisions of the lanes of one pass (`in` it) when each sees those before it; `yes` = without that. */
__device__ __forceinline__ static int in_turn(const struct tile_job *job, const struct listed *e,
                                              int in, int yes) {
    int restrained = in && e->li_change && job->call->electrode.kappa_ueV;
    uint32_t below = (1u << threadIdx.x) - 1;
    int seen = 0; /* Li that the lanes before this one add, as `yes` takes it */
    for (;;) {
        uint32_t plus = __ballot_sync(~0u, restrained && yes && e->li_change > 0);
        uint32_t minus = __ballot_sync(~0u, restrained && yes && e->li_change < 0);
        int before = __popc(plus & below) - __popc(minus & below);
        int old = yes;
        if (restrained && before != seen)
            yes = accepts(job, e, before);
        seen = before;
        if (!__any_sync(~0u, yes != old))
            return yes;
    }
}

__device__ __forceinline__ static void carry_out(struct tile_job *job, const struct listed *e) {
    struct move mv;
    mv.energy = e->energy;
    mv.li_change = (int8_t)e->li_change;
    if (e->turned >= 0)
        carry_out_plain(job->b, e->p, e->q, e->lane, e->i, e->j, e->turned);
    else
        other_move(job->b, e->p, e->q, e->lane, e->i, e->j, e->word, 1);
    tile_sums_book(&job->mine, job->call, &mv, job->first + (uint32_t)e->pass);
}

/* Judges up to a warp of the list, carries out the first pass that has a move; returns its number, -1 when there is none. */
__device__ __forceinline__ static int32_t decide(struct tile_job *job, int32_t from, int32_t n) {
    struct listed e;
    int has = 0, yes = 0;
    e.pass = 0;
    e.li_change = 0;
    if (from + (int32_t)threadIdx.x < n) {
        look_up(job, job->list[from + (int32_t)threadIdx.x], &e);
        has = judge(job, &e);
        yes = has && accepts(job, &e, 0);
    }
    __syncwarp();
    uint32_t any = __ballot_sync(~0u, yes);
    int32_t first = any ? __shfl_sync(~0u, e.pass, __ffs((int)any) - 1) : -1;
    job->mine.evaluated += has && (!any || e.pass <= first);
    if (!any)
        return -1;
    int in = has && e.pass == first;
    yes = in_turn(job, &e, in, in && yes);
    if (yes)
        carry_out(job, &e);
    uint32_t plus = __ballot_sync(~0u, yes && e.li_change > 0);
    uint32_t minus = __ballot_sync(~0u, yes && e.li_change < 0);
    job->n_li += __popc(plus) - __popc(minus);
    __syncwarp();
    return first;
}

/* All passes of the call. */
__device__ __forceinline__ static void run_passes(struct tile_job *job, int32_t room) {
    uint32_t end = job->call->first_pass + job->call->passes, next = job->call->first_pass;
    job->first = job->last = next;
    while (next < end) {
        if (next == job->last) {
            job->first = next;
            prepare(job, end, room);
        }
        uint32_t past;
        int32_t n = list_open(job, next, &past);
        for (int32_t from = 0; from < n; from += TILE_THREADS) {
            int32_t done = decide(job, from, n);
            if (done >= 0 && n <= TILE_THREADS) /* else it is one pass, whose lanes do not meet */
                past = job->first + (uint32_t)done + 1;
        }
        if (job->first + threadIdx.x >= next && job->first + threadIdx.x < past)
            job->mine.draws += job->b->coming[threadIdx.x].pass.lanes;
        next = past;
    }
}

/* Sum over the warp, in thread 0. */
__device__ static int64_t warp_sum(int64_t value) {
    for (int step = TILE_THREADS / 2; step; step /= 2)
        value += __shfl_down_sync(~0u, value, step);
    return value;
}

__global__ static void __launch_bounds__(TILE_THREADS, 1)
    equilibrate_kernel(struct device_data data, struct device_equilibrate *job) {
    /* [n_stencils], then layers, planes of coming passes, the list, and the arrays of the tile */
    extern __shared__ struct lattice_reach reach[];
    __shared__ struct tile_block b;
    struct device_equilibrate *j = &job[blockIdx.y];
    struct configuration *x = &data.replica[j->replica];
    const struct tile_call *call = &j->call;
    int32_t *demon =
        &data.demon[j->replica]
                   [pass_demon(call->random, call->step, blockIdx.x, data.n_tiles)];
    struct lattice_layer *layer = (struct lattice_layer *)(reach + x->lattice->n_stencils);
    struct pass_plane *planes = (struct pass_plane *)(layer + data.tile_planes * SITE_KINDS);
    uint16_t *list = (uint16_t *)(planes + data.planes_ahead);
    load_tile(&b, &data, x, call, reach, layer, list + data.list_length);
    struct tile_job w;
    w.b = &b;
    w.plan = data.passes;
    w.call = call;
    w.planes = planes;
    w.list = list;
    if (threadIdx.x == 0) { /* one by one: nvcc 13.0 fills a structure that is assigned here with that of the parameter instead */
        b.moves.m = data.model;
        b.moves.x = &b.tile.x;
        b.moves.limits = call->limits;
        b.moves.voltage_ueV = call->electrode.voltage_ueV;
        b.moves.complete = call->complete;
    }
    __syncwarp();
    w.n_li = -*demon;
    w.mine = tile_sums();
    run_passes(&w, data.planes_ahead);
    __syncwarp();
    for (int32_t row = threadIdx.x; row < tile_rows(&b.tile); row += TILE_THREADS)
        tile_store_row(&b.tile, x, row);
    int64_t li = 0;
    for (int s = 0; s < (int)(sizeof w.mine / sizeof li); s++) {
        int64_t sum = warp_sum(((const int64_t *)&w.mine)[s]);
        if (threadIdx.x == 0)
            add64((int64_t *)&j->sums + s, sum);
    }
    li = warp_sum(w.mine.li);
    if (threadIdx.x == 0)
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

/* Planes and lanes of the largest pass, among tiles of at most so many cells. */
void equilibrate_sizes(const struct pass_plan *plan, const int32_t span[AXES],
                       int32_t *planes_ahead, int32_t *list_length) {
    int32_t planes = TILE_THREADS / 2, lanes = 0;
    for (int k = 0; k < plan->n_channels; k++) {
        int32_t count[AXES], n = 1;
        for (int a = 0; a < AXES; a++) {
            count[a] = pass_count(span[a], plan->channel[k].spacing[a]);
            n *= count[a];
        }
        planes = count[AXIS_C] > planes ? count[AXIS_C] : planes;
        lanes = n > lanes ? n : lanes;
    }
    *planes_ahead = planes;
    *list_length = (TILE_THREADS + lanes + 7) / 8 * 8; /* what follows is aligned to 16 bytes */
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
