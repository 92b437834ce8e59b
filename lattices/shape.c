/* shape: O columns first, then the cation sites that they carry. */
#include "shape.h"

#include <stdlib.h>
#include <string.h>

enum { OCT_NEEDS = 3, TET_NEEDS = 4, EMPTY_PLANES = 2 };

bool shape_has_free_planes(const struct shape *s) {
    return s->kind != SHAPE_BULK && s->kind != SHAPE_FILM;
}

bool shape_has_free_edges(const struct shape *s) {
    return s->kind != SHAPE_BULK && s->kind != SHAPE_SLAB;
}

bool shape_letters(const struct shape *s, const char *stacking, int64_t repeats,
                   char letters[LATTICE_MAX_PLANES + 1]) {
    size_t period = strlen(stacking), extra = shape_has_free_planes(s) ? EMPTY_PLANES : 0;
    if (period > LATTICE_MAX_PLANES || repeats < 1 || repeats > LATTICE_MAX_PLANES ||
        period * (size_t)repeats + extra > LATTICE_MAX_PLANES)
        return false;
    size_t n = period * (size_t)repeats;
    for (size_t k = 0; k < n; k++)
        letters[k] = stacking[k % period];
    /* cppcheck-suppress arrayIndexOutOfBoundsCond ; n was compared with the room above */
    letters[n] = 0;
    if (extra && n > 0) {
        letters[n] = letters[0];
        letters[n + 1] = letters[n - 1];
        letters[n + 2] = 0;
    }
    return true;
}

int32_t shape_columns_across(const struct shape *s, const struct lattice *l) {
    int32_t shorter = l->na < l->nb ? l->na : l->nb;
    if (!shape_has_free_edges(s))
        return shorter;
    if (s->kind == SHAPE_FILM)
        return l->na - 2 * s->vacuum_cells;
    int32_t across = shorter - 2 * s->vacuum_cells;
    return s->kind == SHAPE_HEXAGON && across % 2 == 0 ? across - 1 : across;
}

/* Hexagonal prism: columns within `radius` neighbour steps of the middle. */
static bool in_hexagon(int32_t di, int32_t dj, int32_t radius) {
    return abs(di) <= radius && abs(dj) <= radius && abs(di + dj) <= radius;
}

static bool column_exists(const struct shape *s, const struct lattice *l, int32_t i, int32_t j) {
    const int32_t v = s->vacuum_cells;
    if (s->kind == SHAPE_FILM)
        return i >= v && i < l->na - v;
    if (s->kind == SHAPE_BOX)
        return i >= v && i < l->na - v && j >= v && j < l->nb - v;
    if (s->kind == SHAPE_HEXAGON)
        return in_hexagon(i - l->na / 2, j - l->nb / 2, (shape_columns_across(s, l) - 1) / 2);
    return true;
}

static int64_t carve_oxygen(const struct shape *s, const struct lattice *l, uint8_t *occupancy) {
    int32_t planes = l->n_planes - (shape_has_free_planes(s) ? EMPTY_PLANES : 0);
    int64_t n = 0;
    for (int32_t k = 0; k < l->n_planes; k++)
        for (int32_t j = 0; j < l->nb; j++)
            for (int32_t i = 0; i < l->na; i++) {
                bool exists = k < planes && column_exists(s, l, i, j);
                occupancy[lattice_site(l, (struct lattice_coord){k, SITE_O, i, j})] =
                    exists ? 0 : SITE_OUTSIDE;
                n += exists;
            }
    return n;
}

int shape_coordination(const struct lattice *l, const uint8_t *occupancy, struct lattice_coord c) {
    const struct lattice_stencil *s = lattice_stencil_of(l, c);
    int n = 0;
    for (int m = 0; m < s->n_vertex; m++)
        n += occupancy[lattice_neighbor(l, c, s->vertex[m])] != SITE_OUTSIDE;
    return n;
}

static void carve_cations(const struct lattice *l, uint8_t *occupancy) {
    struct lattice_coord c;
    for (c.plane = 0; c.plane < l->n_planes; c.plane++)
        for (c.kind = SITE_OCT; c.kind < SITE_KINDS; c.kind++)
            for (c.j = 0; c.j < l->nb; c.j++)
                for (c.i = 0; c.i < l->na; c.i++) {
                    int needs = c.kind == SITE_OCT ? OCT_NEEDS : TET_NEEDS;
                    occupancy[lattice_site(l, c)] =
                        shape_coordination(l, occupancy, c) >= needs ? 0 : SITE_OUTSIDE;
                }
}

int64_t shape_carve(const struct shape *s, const struct lattice *l, uint8_t *occupancy) {
    int64_t n = carve_oxygen(s, l, occupancy);
    carve_cations(l, occupancy);
    return n;
}
