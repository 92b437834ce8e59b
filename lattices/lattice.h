/* lattice (host side): derives the stencils of kernels/lattice.h from the plane letters. */
#ifndef LATTICES_LATTICE_H
#define LATTICES_LATTICE_H
#include "../kernels/lattice.h"

/* Fills `l` for n_planes letters 'A','B','C' (string, period n_planes) and na x nb cells.
 * Returns NULL, or a static text saying what is wrong (odd number of planes, equal neighbouring letters = prismatic gap, size limits). */
const char *lattice_init(struct lattice *l, const char *letters, int32_t na, int32_t nb);

/* Cartesian position in angstrom; a_A lattice constant, tm_gap_A and li_gap_A heights of the gaps. */
void lattice_position(const struct lattice *l, struct lattice_coord c, double a_A, double tm_gap_A,
                      double li_gap_A, double xyz[3]);

/* Cell vectors in angstrom, rows a, b, c. */
void lattice_cell(const struct lattice *l, double a_A, double tm_gap_A, double li_gap_A,
                  double cell[3][3]);
#endif
