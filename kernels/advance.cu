/* advance on a GPU: a block runs one region of one replica for one window (kernels/advance.h), one after the other until all are done.
 *
 * The copy of the region lies in shared memory where it fits, fields and rates in global memory (a block's are some hundred kilobytes: they stay in L2).
 * All threads fill fields, rates and sums; thread 0 selects and carries out.  The field `take` may be filled by several threads at a time: with the
 * same value.
 */
#include "device_data.h"

enum { WINDOW_THREADS = 64 };

struct window_block {
    struct window window;
    struct window_sums sums;
    struct event_channel event;
    struct lattice_coord site[3];
    int32_t n_site, n_stale, n_old;
    double used;
    int inside, go_on;
    uint32_t draw;
};

/* Work space of this block. */
struct window_space {
    uint32_t *is_stale, *is_old;
    int32_t *stale;
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
    make_tables(t, reach, layer);
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

/* Owners are few and take long: they are listed first, so that all threads have one. */
__device__ static void refresh_all(struct window_block *b, const struct window_space *space) {
    struct window *w = &b->window;
    int32_t doubles = (int32_t)(w->begin[w->levels - 1] + w->length[w->levels - 1]);
    int32_t leaves = (int32_t)window_leaves(&w->region);
    for (int32_t k = threadIdx.x; k < doubles; k += blockDim.x) {
        w->rate[k] = 0;
        if (k < leaves && window_may_own(w, window_coord(w, k)))
            space->stale[atomicAdd(&b->n_stale, 1)] = k;
    }
    __syncthreads();
    for (int32_t k = threadIdx.x; k < b->n_stale; k += blockDim.x)
        w->rate[space->stale[k]] = window_owner_rate(w, window_coord(w, space->stale[k]));
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
        int32_t leaf = space->stale[k];
        unmark(space->is_stale, leaf);
        w->rate[leaf] = window_owner_rate(w, window_coord(w, leaf));
    }
    __syncthreads();
    sum_levels(w);
}

/* ---- events ---- */

/* Waiting time, selection and application of the next event by one thread. */
__device__ static void next_event(struct window_block *b, const struct window_call *call,
                                  uint32_t unit) {
    struct window *w = &b->window;
    int64_t site[3];
    b->go_on = 0;
    b->n_stale = b->n_old = 0;
    if (!(window_total(w) > 0))
        return;
    struct philox_block r = window_draw(call->random, call->step, unit, b->draw++);
    b->used += window_wait(w, r);
    if (b->used > call->window_s)
        return;
    b->event = window_event(w, r);
    b->n_site = window_changed(&w->tile.lattice, &b->event, site);
    for (int k = 0; k < b->n_site; k++)
        b->site[k] = lattice_coord_of(&w->tile.lattice, site[k]);
    window_apply(w, &b->event);
    window_count(&b->sums, w, &b->event);
    b->go_on = 1;
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
    b->n_stale = 0;
}

__device__ static void book(const struct window_block *b, struct device_advance *j) {
    add64(&j->sums.energy, b->sums.energy);
    add64(&j->sums.li, b->sums.li);
    for (int k = 0; k < EVENT_KINDS; k++)
        add64(&j->sums.fired[k], b->sums.fired[k]);
    add64(&j->sums.hops_unslowed, b->sums.hops_unslowed);
    add64(&j->sums.hops_large, b->sums.hops_large);
    add64(&j->sums.slowed, b->sums.slowed);
    /* positive doubles compare like their bits */
    atomicMin((unsigned long long *)&j->sums.slow_down_min,
              (unsigned long long)__double_as_longlong(b->sums.slow_down_min));
}

__global__ static void __launch_bounds__(WINDOW_THREADS)
    advance_kernel(struct device_data data, struct device_advance *job, int n, uint32_t window,
                   int parity) {
    extern __shared__ struct lattice_reach reach[]; /* then layers and, where it fits, the copy */
    __shared__ struct window_block b;
    struct window_space space = {
        data.is_stale + (int64_t)blockIdx.x * (data.window_leaves / 32 + 1),
        data.is_old + (int64_t)blockIdx.x * (data.window_sites / 32 + 1),
        data.stale + (int64_t)blockIdx.x * data.window_leaves,
        data.old + (int64_t)blockIdx.x * WINDOW_OLD_MAX};
    for (int64_t item = blockIdx.x; item < data.n_regions * n; item += gridDim.x) {
        struct device_advance *j = &job[item / data.n_regions];
        int64_t region = item % data.n_regions;
        uint32_t unit = (uint32_t)((window * 8 + (uint32_t)parity) * (uint32_t)data.n_regions +
                                   (uint32_t)region);
        __syncthreads();
        if (threadIdx.x == 0)
            begin_window(&b, &data, j, window, parity, region);
        __syncthreads();
        if (!b.inside)
            continue;
        load_window(&b, &data, reach);
        fill_fields(&b.window);
        refresh_all(&b, &space);
        for (;;) {
            if (threadIdx.x == 0)
                next_event(&b, &j->call, unit);
            __syncthreads();
            if (!b.go_on)
                break;
            refresh_changed(&b, &data.influence, &space);
            __syncthreads();
        }
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

void advance_launch(const struct device_data *d, struct device_advance *job, int n, uint32_t window,
                    int parity, int64_t blocks, size_t shared_bytes, cudaStream_t stream) {
    advance_kernel<<<(unsigned)blocks, WINDOW_THREADS, shared_bytes, stream>>>(*d, job, n, window,
                                                                               parity);
}
