#include "tiling.h"

static int32_t ceil_div(int32_t a, int32_t b) {
    return (a + b - 1) / b;
}

int64_t tiling_tiles(const struct lattice *box, int32_t pieces[AXES]) {
    int64_t n = 1;
    for (int a = 0; a < AXES; a++) {
        int32_t length = tile_box_length(box, a);
        pieces[a] = length <= TILING_WHOLE
                        ? 1
                        : ceil_div(length, a == AXIS_C ? TILING_PLANES : TILING_CELLS);
        n *= pieces[a];
    }
    return n;
}

/* An even number of pieces, none shorter than TILING_REGION_MIN; planes come in pairs. */
int64_t tiling_regions(const struct lattice *box, int32_t pieces[AXES]) {
    int64_t n = 1;
    for (int a = 0; a < AXES; a++) {
        int32_t length = tile_box_length(box, a), most = length / TILING_REGION_MIN / 2 * 2;
        int32_t wanted = ceil_div(length, TILING_REGION_MAX);
        wanted += wanted % 2;
        pieces[a] = length <= TILING_REGION_MAX || most < 2 ? 1 : wanted < most ? wanted : most;
        n *= pieces[a];
    }
    return n;
}

static int32_t largest(const struct lattice *box, int axis, int32_t pieces) {
    int32_t unit = axis == AXIS_C ? 2 : 1;
    return ceil_div(tile_box_length(box, axis) / unit, pieces) * unit;
}

static void set_lengths(struct lattice *tile, const int32_t length[AXES]) {
    tile->na = length[AXIS_A];
    tile->nb = length[AXIS_B];
    tile->n_planes = length[AXIS_C];
    tile->pad = 1;
    lattice_stride(tile);
}

void tiling_largest_tile(const struct lattice *box, const int32_t pieces[AXES],
                         struct lattice *tile) {
    int32_t length[AXES];
    for (int a = 0; a < AXES; a++)
        length[a] = largest(box, a, pieces[a]) + (pieces[a] > 1 ? 2 * tile_frozen(a) : 0);
    *tile = *box;
    set_lengths(tile, length);
}

void tiling_span(const struct lattice *tile, const int32_t pieces[AXES], int32_t span[AXES]) {
    struct tile t = {.lattice = *tile,
                     .cut = {pieces[AXIS_A] > 1, pieces[AXIS_B] > 1, pieces[AXIS_C] > 1}};
    for (int a = 0; a < AXES; a++)
        span[a] = tile_span(&t, a);
}

void tiling_average_span(const struct lattice *box, const int32_t pieces[AXES],
                         int32_t span[AXES]) {
    struct lattice average = *box;
    int32_t *length[AXES] = {&average.na, &average.nb, &average.n_planes};
    for (int a = 0; a < AXES; a++)
        *length[a] = tile_box_length(box, a) / pieces[a] + (pieces[a] > 1 ? 2 * tile_frozen(a) : 0);
    tiling_span(&average, pieces, span);
}

void tiling_largest_region(const struct lattice *box, const int32_t pieces[AXES],
                           struct region *region) {
    for (int a = 0; a < AXES; a++) {
        region->start[a] = 0;
        region->length[a] = largest(box, a, pieces[a]);
    }
}
