/* shape: which sites of the box exist: periodic bulk, (001) slab, film with two free edges, free particle.
 *
 * Slab and particle: two O planes beyond the stacking string are empty, so the string's first and
 * last plane end in half Li gaps (octs with 3 O) and the TM gap between the two empty planes
 * separates the periodic images:
 *
 *      gap n+1  Li   half     <- plane 0 (period)
 *      plane n+1     empty
 *      gap n    TM   empty
 *      plane n       empty
 *      gap n-1  Li   half
 *      plane n-1     O
 *
 * Film: only the O columns (i, j) with i inside the vacuum exist; along a2 and c it is periodic, so all its surface is edge, where the Li gaps open.
 * Particle: as a slab, and only the O columns (i, j) inside a box (parallelogram along a1, a2) or a
 * hexagonal prism exist, the same in all planes.
 * A cation site exists when enough of its O exist: octs with at least 3 of 6, tets with all 4.
 */
#ifndef LATTICES_SHAPE_H
#define LATTICES_SHAPE_H
#include <stdbool.h>
#include "lattice.h"

enum shape_kind { SHAPE_BULK, SHAPE_SLAB, SHAPE_FILM, SHAPE_BOX, SHAPE_HEXAGON };

struct shape {
    enum shape_kind kind;
    int32_t vacuum_cells; /* empty columns on each side of a film or particle */
};

/* Are there two empty planes, and columns without O? */
bool shape_has_free_planes(const struct shape *s);
bool shape_has_free_edges(const struct shape *s);

/* Letters of all planes: `stacking` repeated, and for free surfaces the two empty planes.  The
 * empty planes continue the stacking, so the surface gaps are those of the bulk. False when more
 * than LATTICE_MAX_PLANES. */
bool shape_letters(const struct shape *s, const char *stacking, int64_t repeats,
                   char letters[LATTICE_MAX_PLANES + 1]);

/* Width of the film or diameter of the particle in O columns (box: shorter side); 0 or less: no room. */
int32_t shape_columns_across(const struct shape *s, const struct lattice *l);

/* Sets every byte to 0 (exists) or SITE_OUTSIDE; returns the number of O sites that exist. */
int64_t shape_carve(const struct shape *s, const struct lattice *l, uint8_t *occupancy);

/* Existing O around a cation site: 0 to 6. */
int shape_coordination(const struct lattice *l, const uint8_t *occupancy, struct lattice_coord c);
#endif
