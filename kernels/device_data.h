/* device_data: what the kernels of one device read, and the launchers that kernels/device.cu calls. */
#ifndef KERNELS_DEVICE_DATA_H
#define KERNELS_DEVICE_DATA_H
#include <cuda_runtime.h>
#include "device.h"

/* Where the parts of a tile of equilibrate lie in shared memory, bytes from its struct tile_block; `room` for planes of passes that come. */
struct tile_area {
    int64_t reach, layer, planes, list, arrays, bytes;
    int32_t room;
};

/* All pointers on the device. */
struct device_data {
    const struct rate_model *model;
    const struct pass_plan *passes;
    const uint8_t (*owns)[256];
    struct window_influence influence;
    int32_t reach[AXES];           /* of owners: margins of windows */
    struct configuration *replica; /* [replicas] */
    int32_t **demon;               /* [replicas][n_tiles] */
    int32_t tile_pieces[AXES], region_pieces[AXES];
    int64_t n_tiles, n_regions;
    int32_t tile_planes, window_planes; /* of the largest tile and copy of a window */
    struct tile_area tile_area;
    uint32_t windows;
    unsigned long long *next_item; /* of advance: regions of replicas that have been begun */
    /* work space of advance, of each block that runs at a time */
    int64_t window_doubles, window_leaves, window_sites, window_bytes, window_tile_bytes;
    int32_t tile_in_shared;    /* does the copy of a window fit into shared memory */
    double *rate;              /* [blocks][window_doubles] */
    uint32_t *is_stale;        /* [blocks][window_leaves / 32 + 1], all 0 between refreshes */
    int32_t *stale;            /* [blocks][2 window_leaves]: stale leaves, then owners */
    uint32_t *is_old;          /* [blocks][window_sites / 32 + 1], all 0 between refreshes */
    struct lattice_coord *old; /* [blocks][WINDOW_OLD_MAX] */
    char
        *window; /* [blocks][window_bytes]: fields, and the copy where it is not in shared memory */
};

/* Adds to 64-bit sums; two's complement makes the unsigned add right. */
__device__ static inline void add64(int64_t *sum, int64_t value) {
    if (value)
        atomicAdd((unsigned long long *)sum, (unsigned long long)value);
}

/* Tables of distances of a placed tile, the share of thread number `thread`: first reach, then, once the tile points to it, layers. */
__device__ static inline void make_reach(const struct tile *t, struct lattice_reach *reach,
                                         int thread, int threads) {
    for (int s = thread; s < t->lattice.n_stencils; s += threads)
        tile_reach(&t->lattice, s, &reach[s]);
}

__device__ static inline void make_layers(const struct tile *t, struct lattice_layer *layer,
                                          int thread, int threads) {
    for (int k = thread; k < t->lattice.n_planes * SITE_KINDS; k += threads)
        tile_layer(&t->lattice, k, &layer[k]);
}

/* Bytes of these tables. */
static inline size_t tables_bytes(int32_t n_stencils, int32_t n_planes) {
    return (size_t)n_stencils * sizeof(struct lattice_reach) +
           (size_t)n_planes * SITE_KINDS * sizeof(struct lattice_layer);
}

/* Lays out a tile of equilibrate, given the cells in which bonds of the largest tile begin, its planes and the bytes of its arrays. */
void equilibrate_layout(const struct pass_plan *plan, const int32_t span[AXES], int32_t n_stencils,
                        int32_t n_planes, int64_t tile_bytes, struct tile_area *at);

/* Lets the kernels use the shared memory they need; says so when the device has less.  *tiles: that fit into a block; *blocks: that run at a time on a
 * multiprocessor. */
cudaError_t equilibrate_prepare(const struct tile_area *at, int64_t shared_bytes, int *tiles);
cudaError_t advance_prepare(size_t shared_bytes, int *blocks);

/* One round of all tiles of n jobs, so many to a block, between two changes of the cuts; demons are charged before the first. */
void equilibrate_launch(const struct device_data *d, struct device_equilibrate *job, int n,
                        int first, int tiles, cudaStream_t stream);

/* All regions of one parity (a number 0 .. 7, combined with the turn of the window) of n jobs, in one window. */
cudaError_t advance_launch(const struct device_data *d, struct device_advance *job, int n,
                           uint32_t window, int parity, int64_t blocks, size_t shared_bytes,
                           cudaStream_t stream);

#endif
