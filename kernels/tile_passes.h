/* tile_passes: what a warp does with its tile before bonds are judged (kernels/equilibrate.cu): loads it, prepares the passes that come, and lists their open
 * bonds. */
#ifndef KERNELS_TILE_PASSES_H
#define KERNELS_TILE_PASSES_H
#include "device_data.h"

enum {
    WARP = 32,
    TILES_MAX = 8, /* of a block: 256 threads may have all registers that a thread can have */
    PASSES_AHEAD = 8,
    PLANES_AHEAD = 24, /* of these passes, or those of one pass that has more */
    LANE_BITS = 9,     /* of an entry of the list */
    RECIPROCAL_BITS = 16
};
static_assert(PASS_LANES_MAX <= 1 << LANE_BITS && PASSES_AHEAD <= 1 << (16 - LANE_BITS),
              "an entry of the list must fit its bits");

/* What different warps judge, so that the threads of a warp take the same way; no result depends on it. */
enum bond_sort { SORT_PLAIN, SORT_TRIPLE, SORT_OXYGEN, SORT_OTHER, SORTS };

/* A pass that comes. */
struct coming_pass {
    struct pass pass;
    uint32_t per_a, per_b; /* reciprocals of the numbers of lanes along a and b */
    int32_t first_plane;   /* of the planes of this pass among those of all */
    int32_t first_lane;    /* the same of its lanes */
    enum bond_sort sort;
};

/* A tile in shared memory: what follows it there is in struct tile_area. */
struct tile_block {
    struct tile tile;
    struct move_context moves;
    const struct pass_plan *plan;
    const struct tile_call *call;
    struct pass_plane *planes; /* of the passes that come */
    uint16_t *list;            /* of open bonds: number of the pass << LANE_BITS | lane */
    int64_t n_li;              /* as the restraint counts */
    uint32_t number;           /* of the tile in its box */
    uint32_t first;            /* pass coming[0] */
    int32_t n_coming;
    int32_t offered; /* first entry of the list that is judged in this round */
    struct coming_pass coming[PASSES_AHEAD];
};

/* What a warp does with its tile; the same in all threads but for `mine`. */
struct tile_job {
    struct tile_block *b;
    /* passes: the next one, one past the last that is listed, one past the last of the call */
    uint32_t next, past, end;
    int32_t from, n; /* entries of the list: judged, all */
    struct tile_sums mine;
};

__device__ __forceinline__ static int in_warp(void) {
    return (int)threadIdx.x % WARP;
}

/* ---- the tile ---- */

/* Fills the block of a tile and loads it; by one warp. */
__device__ static void load_tile(struct tile_block *b, const struct device_data *d,
                                 const struct configuration *x) {
    const struct tile_area *at = &d->tile_area;
    char *base = (char *)b;
    struct lattice_reach *reach = (struct lattice_reach *)(base + at->reach);
    struct lattice_layer *layer = (struct lattice_layer *)(base + at->layer);
    /* one by one: nvcc 13.0 fills a structure in shared memory that is assigned from a braced list with that of the parameter instead */
    if (in_warp() == 0) {
        const struct tile_call *call = b->call;
        struct tiling g;
        for (int a = 0; a < AXES; a++)
            g.pieces[a] = d->tile_pieces[a];
        pass_place_cuts(&g, x->lattice, call->random, call->step, 0);
        tile_place(&b->tile, &g, x->lattice, b->number);
        tile_point(&b->tile, base + at->arrays);
        b->planes = (struct pass_plane *)(base + at->planes);
        b->list = (uint16_t *)(base + at->list);
        b->plan = d->passes;
        b->moves.m = d->model;
        b->moves.x = &b->tile.x;
        b->moves.limits = call->limits;
        b->moves.voltage_ueV = call->electrode.voltage_ueV;
        b->moves.complete = call->complete;
        b->n_coming = 0;
        b->first = call->first_pass;
    }
    __syncwarp();
    struct tile *t = &b->tile;
    make_reach(t, reach, in_warp(), WARP);
    __syncwarp();
    if (in_warp() == 0)
        t->lattice.reach = reach;
    __syncwarp();
    make_layers(t, layer, in_warp(), WARP);
    __syncwarp();
    if (in_warp() == 0)
        t->lattice.layer = layer;
    for (int32_t row = in_warp(); row < tile_rows(t); row += WARP)
        tile_load_row(t, x, row);
    __syncwarp();
}

/* ---- prepare ---- */

__device__ static uint32_t reciprocal(int32_t n) {
    return ((1u << RECIPROCAL_BITS) + (uint32_t)n - 1) / (uint32_t)n;
}

__device__ static enum bond_sort sort_of(const struct pass *p) {
    switch (p->group) {
    case PASS_TRIPLE:
        return SORT_TRIPLE;
    case PASS_OXYGEN:
        return p->channel->bonded ? SORT_OXYGEN : SORT_PLAIN;
    default:
        return p->channel->bonded || p->group == PASS_FAR ? SORT_OTHER : SORT_PLAIN;
    }
}

/* Numbers of a lane along the axes: pass_lane without a division, exact below 2^9 lanes. */
__device__ static void lane_place(const struct coming_pass *c, int32_t lane, int32_t at[AXES]) {
    int32_t rest = (int32_t)((uint32_t)lane * c->per_a >> RECIPROCAL_BITS);
    at[AXIS_C] = (int32_t)((uint32_t)rest * c->per_b >> RECIPROCAL_BITS);
    at[AXIS_A] = lane - rest * c->pass.count[AXIS_A];
    at[AXIS_B] = rest - at[AXIS_C] * c->pass.count[AXIS_B];
}

/* Passes from `next` on, as many as there is room for. */
__device__ __forceinline__ static void prepare(struct tile_job *job, int32_t room) {
    struct tile_block *b = job->b;
    const struct tile_call *call = b->call;
    int32_t n =
        job->end - job->next < PASSES_AHEAD ? (int32_t)(job->end - job->next) : PASSES_AHEAD;
    int t = in_warp();
    __syncwarp();
    if (t < n) {
        struct coming_pass *c = &b->coming[t];
        uint32_t pass = job->next + (uint32_t)t;
        pass_begin(&c->pass, b->plan, &b->tile, call->band,
                   pass_words(call->random, call->step, pass, b->number), pass);
        c->per_a = reciprocal(c->pass.count[AXIS_A]);
        c->per_b = reciprocal(c->pass.count[AXIS_B]);
        c->sort = sort_of(&c->pass);
    }
    __syncwarp();
    int32_t planes = 0, lanes = 0, mine = -1, my_plane = 0, fit = 0;
    for (; fit < n; fit++) { /* the planes of a pass go to the threads from `planes` on */
        struct coming_pass *c = &b->coming[fit];
        int32_t count = c->pass.count[AXIS_C];
        if (planes + count > room)
            break;
        if (t >= planes && t < planes + count) {
            mine = fit;
            my_plane = t - planes;
        }
        if (t == 0) {
            c->first_plane = planes;
            c->first_lane = lanes;
        }
        planes += count;
        lanes += c->pass.lanes;
    }
    if (t == 0) {
        b->first = job->next;
        b->n_coming = fit;
    }
    if (mine >= 0)
        pass_plane_begin(b->plan, &b->coming[mine].pass, &b->tile.lattice, my_plane,
                         b->moves.complete, &b->planes[t]);
    __syncwarp();
}

/* ---- list ---- */

/* Can the bond of a lane be a move at all, whatever its random word? */
__device__ __forceinline__ static int may_be_open(const struct tile_block *b,
                                                  const struct coming_pass *c, int32_t lane) {
    const struct pass *p = &c->pass;
    const struct tile *t = &b->tile;
    const uint8_t *site = t->x.occupancy;
    int32_t at[AXES];
    lane_place(c, lane, at);
    const struct pass_plane *q = &b->planes[c->first_plane + at[AXIS_C]];
    if (!q->usable)
        return 0;
    int32_t i = pass_place(p, AXIS_A, at[AXIS_A]), j = pass_place(p, AXIS_B, at[AXIS_B]);
    int32_t row = (int32_t)t->lattice.row;
    int32_t from = q->base_a + j * row + i;
    if (p->group == PASS_FAR) {
        struct move_bond far;
        if (!pass_far_end(p, q, &t->lattice, lane, &far))
            return 0;
        return p->keep[p->code[site[from]] << PASS_CODE_BITS | q->code_b[site[far.site_b]]];
    }
    int32_t to = q->base_b + pass_wrap(j + q->other.dj, t->lattice.nb) * row +
                 pass_wrap(i + q->other.di, t->lattice.na);
    return p->keep[p->code[site[from]] << PASS_CODE_BITS | q->code_b[site[to]]] &&
           (!q->triple || pass_third_is_open(q, t, i, j));
}

/* Lists the open bonds of passes from `next` on until there is one for each thread, of one pass at least. */
__device__ __forceinline__ static void list_open(struct tile_job *job) {
    struct tile_block *b = job->b;
    const struct coming_pass *c = b->coming, *last = &c[b->n_coming - 1];
    int32_t first = (int32_t)(job->next - b->first), k = first, found = 0, of_first = 0;
    int32_t end = last->first_lane + last->pass.lanes,
            end_of_first = c[first].first_lane + c[first].pass.lanes;
    for (int32_t from = c[first].first_lane; from < end && (found <= WARP || from < end_of_first);
         from += WARP) {
        int32_t at = from + in_warp();
        while (k + 1 < b->n_coming && at >= c[k + 1].first_lane)
            k++;
        int32_t lane = at - c[k].first_lane;
        int open = at < end && may_be_open(b, &c[k], lane);
        uint32_t all = __ballot_sync(~0u, open);
        of_first += __popc(__ballot_sync(~0u, open && k == first));
        if (open)
            b->list[found + __popc(all & ((1u << in_warp()) - 1))] =
                (uint16_t)(k << LANE_BITS | lane);
        found += __popc(all);
    }
    __syncwarp();
    job->past = b->first + (uint32_t)b->n_coming;
    job->n = found;
    if (found <= WARP)
        return;
    int32_t too_many = b->list[WARP] >> LANE_BITS; /* the pass that is not listed whole */
    job->n = too_many == first
                 ? of_first
                 : __popc(__ballot_sync(~0u, b->list[in_warp()] >> LANE_BITS < too_many));
    job->past = b->first + (uint32_t)(too_many == first ? first + 1 : too_many);
}

/* Books the passes that are over. */
__device__ __forceinline__ static void pass_over(struct tile_job *job) {
    const struct tile_block *b = job->b;
    uint32_t pass = b->first + (uint32_t)in_warp();
    if (in_warp() < b->n_coming && pass >= job->next && pass < job->past)
        job->mine.draws += b->coming[in_warp()].pass.lanes;
    job->next = job->past;
    job->from = job->n = 0;
}

/* Looks for bonds to be judged; their number, 0 only when all passes are over. */
__device__ __forceinline__ static int32_t offer(struct tile_job *job, int32_t room) {
    struct tile_block *b = job->b;
    while (job->n == 0 && job->next < job->end) {
        if (job->next == b->first + (uint32_t)b->n_coming)
            prepare(job, room);
        list_open(job);
        if (job->n == 0)
            pass_over(job);
    }
    if (in_warp() == 0)
        b->offered = job->from;
    return job->n - job->from < WARP ? job->n - job->from : WARP;
}

#endif
