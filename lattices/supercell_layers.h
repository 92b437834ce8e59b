/* supercell_layers: fills the TM layers, the Li layers and the anions (internal to the supercell files).
 *
 * TM layers: every TM gap takes as many cations as it has formula units: the ions of the TM
 * sublattice, and Li for the rest, in shares as even as whole numbers allow.  Sites with more O
 * first, random among equals; the order within the layer is that of order.h.
 *
 * Li layers: as many cations as formula units, on Li-gap octs with more O first, random among
 * equals: ions of the Li sublattice, TM that find no room in the TM layers (Ni first), and Li,
 * dealt at random.  In bulk this fills every oct; in the surface gaps of a slab half of the octs
 * stay empty.
 */
#ifndef LATTICES_SUPERCELL_LAYERS_H
#define LATTICES_SUPERCELL_LAYERS_H
#include "supercell_builder.h"

/* Of a carved box with counted composition. */
void supercell_layers_fill(struct supercell_builder *b);

#endif
