/* advance on a GPU: a block runs one region of one replica for one window (kernels/advance.h), then the next that no block has begun, until all are done.
 *
 * The copy of the region lies in shared memory where it fits, fields and rates in global memory (a block's are some hundred kilobytes: they stay in L2).
 * All threads fill fields, rates and sums.  At first an owner's channels are enumerated by a thread, sort of owner after sort; after an event, when there are
 * few, by a group of 16 threads, a part each (kernels/channels.h), and added up in their order by one of them.  The event is selected by the first warp, and carried out on the copy and on the box by two threads.
 * The field `take` may be filled by several threads at a time: with the same value.
 */
#include "device_data.h"

enum { WINDOW_THREADS = 128, GROUPS = WINDOW_THREADS / EVENT_PARTS };
static_assert(EVENT_PARTS == 16 && WINDOW_FAN == 32, "two groups and one node a warp");

/* Owners whose channels are enumerated by the same way: ions, holes and O vacancies, O in bonds. */
enum owner_sort { OWNER_ION, OWNER_HOLE, OWNER_BONDED, OWNER_SORTS };

struct window_block {
    struct window window;
    struct window_sums sums;
    struct event_channel event;
    struct lattice_coord site[3];
    int32_t n_site, n_stale, n_old;
    double used;
    int inside, go_on;
    uint32_t draw;
    unsigned long long item; /* region of a replica that is its turn */
    /* of the owners that are judged: rates and numbers of the channels of each part */
    double part_rate[GROUPS][EVENT_PARTS][EVENT_PART_MAX];
    int32_t part_n[GROUPS][EVENT_PARTS];
    int32_t n_owner, n_sort[OWNER_SORTS];
    /* of the event that is selected */
    double child[WINDOW_FAN], search;
    int64_t leaf;
    int32_t part, pick;
};

/* Work space of this block. */
struct window_space {
    uint32_t *is_stale, *is_old;
    int32_t *stale, *owner; /* leaves to be renewed, and those among them that may own channels */
    struct lattice_coord *old;
};

/* Sets a bit; 1 when it was not set before. */
__device__ static int mark(uint32_t *bits, int64_t n) {
    return !(atomicOr(&bits[n / 32], 1u << (n % 32)) >> (n % 32) & 1);
}

__device__ static void unmark(uint32_t *bits, int64_t n) {
    atomicAnd(&bits[n / 32], ~(1u << (n % 32)));
}

/* ---- the copy and its fields ---- */

__device__ static void load_window(struct window_block *b, const struct device_data *d,
                                   struct lattice_reach *reach) {
    struct window *w = &b->window;
    struct tile *t = &w->tile;
    struct lattice_layer *layer = (struct lattice_layer *)(reach + t->lattice.n_stencils);
    if (threadIdx.x == 0) {
        char *space = d->window + (int64_t)blockIdx.x * d->window_bytes;
        void *shared = layer + d->window_planes * SITE_KINDS;
        window_point(w, d->tile_in_shared ? shared : space,
                     space + (d->window_tile_bytes + 7) / 8 * 8);
        window_layout(w);
    }
    __syncthreads();
    for (int s = threadIdx.x; s < MODEL_SPECIES; s += blockDim.x)
        fields_bound_hops(&w->fields, w->context.limits.floor, s);
    make_reach(t, reach, threadIdx.x, blockDim.x);
    __syncthreads();
    if (threadIdx.x == 0)
        t->lattice.reach = reach;
    __syncthreads();
    make_layers(t, layer, threadIdx.x, blockDim.x);
    __syncthreads();
    if (threadIdx.x == 0)
        t->lattice.layer = layer;
    __syncthreads();
    for (int32_t row = threadIdx.x; row < tile_rows(t); row += blockDim.x)
        tile_load_row(t, &w->box, row);
    __syncthreads();
}

__device__ static void fill_fields(struct window *w) {
    const struct lattice *l = &w->tile.lattice;
    int64_t layer = l->layer_size, all = (l->n_planes + 2) * layer;
    for (int64_t c = threadIdx.x; c < all; c += blockDim.x) {
        fields_group(&w->fields, (int32_t)(c / layer) - 1, c, c + 1);
        fields_tm_step(&w->fields, (int32_t)(c / layer) - 1, c, c + 1);
    }
    __syncthreads();
    int64_t cells = (int64_t)l->na * l->nb;
    for (int64_t k = threadIdx.x; k < cells * l->n_planes; k += blockDim.x) {
        struct lattice_coord c = {(int32_t)(k / cells), SITE_O, (int32_t)(k % cells % l->na),
                                  (int32_t)(k % cells / l->na)};
        int64_t cell = lattice_oxygen_index(l, c);
        window_fields(w, c.plane, cell, cell + 1);
        window_copy_fields(w, c);
    }
    __syncthreads();
    for (int64_t k = threadIdx.x; k < cells * l->n_planes; k += blockDim.x) {
        struct lattice_coord c = {(int32_t)(k / cells), SITE_OCT, (int32_t)(k % cells % l->na),
                                  (int32_t)(k % cells / l->na)};
        window_renew_hops(w, c);
    }
    __syncthreads();
}

/* ---- rates ---- */

__device__ static void sum_levels(struct window *w) {
    for (int level = 1; level < w->levels; level++) {
        int64_t nodes = (w->length[level - 1] + WINDOW_FAN - 1) / WINDOW_FAN;
        for (int64_t node = threadIdx.x; node < nodes; node += blockDim.x)
            window_sum_node(w, level, node);
        __syncthreads();
    }
}

/* Enumerates one part of an owner's channels. */
__device__ static void judge_part(struct window_block *b, int64_t leaf, int group, int part) {
    struct window *w = &b->window;
    struct event_list l = window_list_for(-1);
    l.part = part + 1;
    l.rate = b->part_rate[group][part];
    events_of_site(&w->context, window_coord(w, leaf), &l);
    b->part_n[group][part] = l.n;
}

/* Rates of the listed owners, each by a group. */
__device__ static void judge_owners(struct window_block *b, const int32_t *owner, int32_t n) {
    int group = (int)threadIdx.x / EVENT_PARTS, part = (int)threadIdx.x % EVENT_PARTS;
    for (int32_t from = 0; from < n; from += GROUPS) {
        int32_t k = from + group;
        if (k < n)
            judge_part(b, owner[k], group, part);
        __syncwarp();
        if (k < n && part == 0) {
            double total = 0;
            KMC_ROLLED
            for (int p = 0; p < EVENT_PARTS; p++)
                KMC_ROLLED
                for (int c = 0; c < b->part_n[group][p]; c++)
                    total += b->part_rate[group][p][c];
            b->window.rate[owner[k]] = total;
        }
        __syncwarp();
    }
    __syncthreads();
}

/* Lists the leaf if it may own channels; else its rate is zero. */
__device__ static void list_owner(struct window_block *b, const struct window_space *space,
                                  int32_t leaf) {
    struct window *w = &b->window;
    if (window_may_own(w, window_coord(w, leaf)))
        space->owner[atomicAdd(&b->n_owner, 1)] = leaf;
    else
        w->rate[leaf] = 0;
}

/* Lists the leaf, if it may own channels, among those of its sort: ions from the front of the list on, holes from where no ion can come, bonded O from the
 * end backwards. */
__device__ static void sort_owner(struct window_block *b, const struct window_space *space,
                                  int32_t leaf, int32_t leaves) {
    struct window *w = &b->window;
    struct lattice_coord c = window_coord(w, leaf);
    if (!window_may_own(w, c)) {
        w->rate[leaf] = 0;
        return;
    }
    uint8_t byte = w->tile.x.occupancy[lattice_site(&w->tile.lattice, c)];
    int sort = c.kind != SITE_O ? OWNER_ION : moves_is_bonded(byte) ? OWNER_BONDED : OWNER_HOLE;
    int32_t k = atomicAdd(&b->n_sort[sort], 1);
    space->owner[sort == OWNER_ION    ? k
                 : sort == OWNER_HOLE ? leaves / SITE_KINDS * (SITE_KINDS - 1) + k
                                     : leaves - 1 - k] = leaf;
}

/* Rates of many owners of a sort, a thread each. */
__device__ static void rate_owners(struct window *w, const int32_t *owner, int32_t n) {
    for (int32_t k = threadIdx.x; k < n; k += blockDim.x)
        w->rate[owner[k]] = window_owner_rate(w, window_coord(w, owner[k]));
}

__device__ static void refresh_all(struct window_block *b, const struct window_space *space) {
    struct window *w = &b->window;
    int32_t doubles = (int32_t)(w->begin[w->levels - 1] + w->length[w->levels - 1]);
    int32_t leaves = (int32_t)window_leaves(&w->region);
    if (threadIdx.x < OWNER_SORTS)
        b->n_sort[threadIdx.x] = 0;
    __syncthreads();
    for (int32_t k = threadIdx.x; k < doubles; k += blockDim.x)
        if (k < leaves)
            sort_owner(b, space, k, leaves);
        else
            w->rate[k] = 0;
    __syncthreads();
    int32_t at[OWNER_SORTS] = {0, leaves / SITE_KINDS * (SITE_KINDS - 1), leaves - b->n_sort[OWNER_BONDED]};
    for (int k = 0; k < OWNER_SORTS; k++)
        rate_owners(w, space->owner + at[k], b->n_sort[k]);
    __syncthreads();
    sum_levels(w);
}

/* Renews the fields that follow from the changed sites. */
__device__ static void renew_fields(struct window_block *b, const struct window_influence *f,
                                    const struct window_space *space) {
    struct window *w = &b->window;
    const struct lattice *l = &w->tile.lattice;
    if ((int)threadIdx.x < b->n_site)
        window_renew_first(w, b->site[threadIdx.x]);
    __syncthreads();
    for (int s = 0; s < b->n_site; s++) {
        int32_t list = window_list(w, b->site[s]);
        for (int32_t q = f->field_begin[list] + (int32_t)threadIdx.x; q < f->field_begin[list + 1];
             q += blockDim.x) {
            struct lattice_coord c = lattice_step(l, b->site[s], f->field[q]);
            if (mark(space->is_old, lattice_site(l, c)))
                space->old[atomicAdd(&b->n_old, 1)] = c;
        }
    }
    __syncthreads();
    for (int32_t k = threadIdx.x; k < b->n_old; k += blockDim.x)
        window_renew(w, space->old[k]);
    __syncthreads();
    for (int32_t k = threadIdx.x; k < b->n_old; k += blockDim.x) {
        unmark(space->is_old, lattice_site(l, space->old[k]));
        window_copy_fields(w, space->old[k]);
    }
    __syncthreads();
    for (int s = 0; s < b->n_site; s++) {
        int32_t list = window_list(w, b->site[s]);
        for (int32_t q = f->ion_begin[list] + (int32_t)threadIdx.x; q < f->ion_begin[list + 1];
             q += blockDim.x)
            window_renew_hops(w, lattice_step(l, b->site[s], f->ion[q]));
    }
    __syncthreads();
}

__device__ static void refresh_changed(struct window_block *b, const struct window_influence *f,
                                       const struct window_space *space) {
    struct window *w = &b->window;
    const struct lattice *l = &w->tile.lattice;
    renew_fields(b, f, space);
    for (int s = 0; s < b->n_site; s++) {
        int32_t list = window_list(w, b->site[s]);
        for (int32_t q = f->owner_begin[list] + (int32_t)threadIdx.x; q < f->owner_begin[list + 1];
             q += blockDim.x) {
            int64_t leaf = window_leaf(w, lattice_step(l, b->site[s], f->owner[q]));
            if (leaf >= 0 && mark(space->is_stale, leaf))
                space->stale[atomicAdd(&b->n_stale, 1)] = (int32_t)leaf;
        }
    }
    __syncthreads();
    for (int32_t k = threadIdx.x; k < b->n_stale; k += blockDim.x) {
        unmark(space->is_stale, space->stale[k]);
        list_owner(b, space, space->stale[k]);
    }
    __syncthreads();
    judge_owners(b, space->owner, b->n_owner);
    sum_levels(w);
}

/* ---- events ---- */

/* Waiting time and random number of the next event; b->go_on: does it fall into the window. */
__device__ static void draw_event(struct window_block *b, const struct window_call *call,
                                  uint32_t unit) {
    struct window *w = &b->window;
    b->go_on = 0;
    b->n_stale = b->n_old = b->n_owner = 0;
    if (!(window_total(w) > 0))
        return;
    struct philox_block r = window_draw(call->random, call->step, unit, b->draw);
    b->used += window_wait(w, r);
    b->search = philox_open(r.v[0], r.v[1]) * window_total(w);
    if (b->used > call->window_s)
        return;
    b->go_on = b->draw++ < window_events_max(w);
    b->sums.cut_short = !b->go_on;
}

/* Its leaf, by the first warp: window_select. */
__device__ static void select_leaf(struct window_block *b) {
    struct window *w = &b->window;
    if (threadIdx.x == 0)
        b->leaf = 0;
    for (int level = w->levels - 2; level >= 0; level--) {
        __syncwarp();
        b->child[threadIdx.x] = w->rate[w->begin[level] + b->leaf * WINDOW_FAN + threadIdx.x];
        __syncwarp();
        if (threadIdx.x == 0)
            b->leaf = b->leaf * WINDOW_FAN + window_child(b->child, &b->search);
    }
    __syncwarp();
}

/* The channel of the leaf, by the first warp: what a list with a `search` would find. */
__device__ static void select_channel(struct window_block *b) {
    struct window *w = &b->window;
    int part = (int)threadIdx.x;
    if (part < EVENT_PARTS)
        judge_part(b, b->leaf, 0, part);
    __syncwarp();
    if (part == 0) {
        double total = 0;
        KMC_ROLLED
        for (int p = 0; p < EVENT_PARTS; p++)
            KMC_ROLLED
            for (int c = 0; c < b->part_n[0][p]; c++) {
                if (total <= b->search) {
                    b->part = p;
                    b->pick = c;
                }
                total += b->part_rate[0][p][c];
            }
    }
    __syncwarp();
    if (part != b->part)
        return;
    struct event_list l = window_list_for(-1);
    l.part = part + 1;
    l.pick = b->pick + 1;
    events_of_site(&w->context, window_coord(w, b->leaf), &l);
    b->event = l.found;
}

/* Selects and carries out the next event; 0 when the window is over. */
__device__ static int next_event(struct window_block *b, const struct window_call *call,
                                 uint32_t unit) {
    struct window *w = &b->window;
    if (threadIdx.x == 0)
        draw_event(b, call, unit);
    __syncthreads();
    if (!b->go_on)
        return 0;
    if (threadIdx.x < WINDOW_FAN) {
        select_leaf(b);
        select_channel(b);
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        int64_t site[3];
        b->n_site = window_changed(&w->tile.lattice, &b->event, site);
        for (int k = 0; k < b->n_site; k++)
            b->site[k] = lattice_coord_of(&w->tile.lattice, site[k]);
        window_count(&b->sums, w, &b->event);
    }
    if (threadIdx.x == 0 || threadIdx.x == WINDOW_FAN) /* on the copy and, in another warp, on the box */
        window_apply(w, &b->event, threadIdx.x != 0);
    __syncthreads();
    return 1;
}

__device__ static void begin_window(struct window_block *b, const struct device_data *d,
                                    const struct device_advance *j, uint32_t window, int parity,
                                    int64_t region) {
    const struct window_call *call = &j->call;
    struct window *w = &b->window;
    struct tiling g;
    for (int a = 0; a < AXES; a++)
        g.pieces[a] = d->region_pieces[a];
    w->box = d->replica[j->replica];
    pass_place_cuts(&g, w->box.lattice, call->random, call->step, 2 + window);
    int turn = d->n_regions > 1 ? window_turn(call->random, call->step, 2 + window) : 0;
    b->inside = region_place(&w->region, &g, w->box.lattice, region, parity ^ turn);
    if (!b->inside)
        return;
    w->context.m = d->model;
    w->context.electrode = call->electrode;
    w->context.n_li = call->n_li;
    w->context.step_s = call->step_s;
    w->context.slice_s = call->slice_s;
    w->context.limits = call->limits;
    w->fields.complete = j->complete;
    w->owns = d->owns;
    w->rate = d->rate + (int64_t)blockIdx.x * d->window_doubles;
    window_place(w, w->box.lattice, d->reach);
    b->sums = window_sums();
    b->sums.slow_down_min = 1;
    b->used = 0;
    b->draw = 0;
    b->n_owner = 0;
}

__device__ static void book(const struct window_block *b, struct device_advance *j) {
    add64(&j->sums.energy, b->sums.energy);
    add64(&j->sums.li, b->sums.li);
    for (int k = 0; k < EVENT_KINDS; k++)
        add64(&j->sums.fired[k], b->sums.fired[k]);
    add64(&j->sums.hops_unslowed, b->sums.hops_unslowed);
    add64(&j->sums.hops_large, b->sums.hops_large);
    add64(&j->sums.slowed, b->sums.slowed);
    add64(&j->sums.cut_short, b->sums.cut_short);
    /* positive doubles compare like their bits */
    atomicMin((unsigned long long *)&j->sums.slow_down_min,
              (unsigned long long)__double_as_longlong(b->sums.slow_down_min));
}

__global__ static void __launch_bounds__(WINDOW_THREADS)
    advance_kernel(struct device_data data, struct device_advance *job, int n, uint32_t window,
                   int parity) {
    extern __shared__ struct lattice_reach reach[]; /* then layers and, where it fits, the copy */
    __shared__ struct window_block b;
    struct window_space space;
    space.is_stale = data.is_stale + (int64_t)blockIdx.x * (data.window_leaves / 32 + 1);
    space.is_old = data.is_old + (int64_t)blockIdx.x * (data.window_sites / 32 + 1);
    space.stale = data.stale + (int64_t)blockIdx.x * 2 * data.window_leaves;
    space.owner = space.stale + data.window_leaves;
    space.old = data.old + (int64_t)blockIdx.x * WINDOW_OLD_MAX;
    for (;;) {
        __syncthreads();
        if (threadIdx.x == 0)
            b.item = atomicAdd(data.next_item, 1ull);
        __syncthreads();
        int64_t item = (int64_t)b.item, region = item % data.n_regions;
        if (item >= data.n_regions * n)
            return;
        struct device_advance *j = &job[item / data.n_regions];
        uint32_t unit = (uint32_t)((window * 8 + (uint32_t)parity) * (uint32_t)data.n_regions +
                                   (uint32_t)region);
        if (threadIdx.x == 0)
            begin_window(&b, &data, j, window, parity, region);
        __syncthreads();
        if (!b.inside)
            continue;
        load_window(&b, &data, reach);
        fill_fields(&b.window);
        refresh_all(&b, &space);
        while (next_event(&b, &j->call, unit))
            refresh_changed(&b, &data.influence, &space);
        if (threadIdx.x == 0)
            book(&b, j);
    }
}

cudaError_t advance_prepare(size_t shared_bytes, int *blocks) {
    cudaError_t e = cudaFuncSetAttribute(
        advance_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shared_bytes);
    return e != cudaSuccess ? e
                            : cudaOccupancyMaxActiveBlocksPerMultiprocessor(
                                  blocks, advance_kernel, WINDOW_THREADS, shared_bytes);
}

cudaError_t advance_launch(const struct device_data *d, struct device_advance *job, int n,
                           uint32_t window, int parity, int64_t blocks, size_t shared_bytes,
                           cudaStream_t stream) {
    cudaError_t e = cudaMemsetAsync(d->next_item, 0, sizeof *d->next_item, stream);
    if (e != cudaSuccess)
        return e;
    advance_kernel<<<(unsigned)blocks, WINDOW_THREADS, shared_bytes, stream>>>(*d, job, n, window,
                                                                               parity);
    return cudaSuccess;
}
