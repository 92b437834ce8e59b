/* supercell_surface: gathers dopants at the surface and takes out what a treatment takes (internal to the supercell files). */
#ifndef LATTICES_SUPERCELL_SURFACE_H
#define LATTICES_SUPERCELL_SURFACE_H
#include "supercell_builder.h"

/* Of a filled crystal, before its charge is closed. */
void supercell_surface_shape(struct supercell_builder *b);

#endif
