/* tiling: into how many tiles and regions a box is cut, and how large these become. */
#ifndef KMC_TILING_H
#define KMC_TILING_H
#include "../kernels/advance.h"

enum {
    TILING_WHOLE = 16,  /* an axis up to this long stays whole, cells or planes */
    TILING_CELLS = 14,  /* own cells of a tile along a cut axis, at most */
    TILING_PLANES = 12, /* own planes */
    TILING_REGION_MIN =
        8, /* cells or planes of a region along a cut axis, at least: see tests/test_influence.c */
    TILING_REGION_MAX = 16
};

/* Pieces along each axis; returns their number. */
int64_t tiling_tiles(const struct lattice *box, int32_t pieces[AXES]);
int64_t tiling_regions(const struct lattice *box, int32_t pieces[AXES]);

/* Sizes of the largest piece, and the cells along each axis in which a tile, or the average one of a box, begins bonds. */
void tiling_largest_tile(const struct lattice *box, const int32_t pieces[AXES],
                         struct lattice *tile);
void tiling_span(const struct lattice *tile, const int32_t pieces[AXES], int32_t span[AXES]);
void tiling_average_span(const struct lattice *box, const int32_t pieces[AXES], int32_t span[AXES]);
void tiling_largest_region(const struct lattice *box, const int32_t pieces[AXES],
                           struct region *region);

#endif
