/* centres: the central cations of polyanions (PO4, SO4, SiO4, BO4) take their tetrahedra.
 *
 * The order of a TM layer deals a centre like any TM ion.  It then leaves its oct vacant for a Li-layer tet that shares a face with it: the tet's fourth O
 * belongs to the next slab.  Of equal tets one is taken at random; a tet beside another cation in a tet is none.  A centre without a free tet (surface) stays.
 */
#ifndef LATTICES_CENTRES_H
#define LATTICES_CENTRES_H
#include "../kernels/philox.h"
#include "supercell.h"

/* Random numbers: stream STREAM_SPECIES, `step`, index = site of the oct. */
void centres_settle(struct supercell *c, const struct species_table *t, struct philox random,
                    uint32_t step);
#endif
