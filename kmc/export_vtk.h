/* export_vtk: a view as VTK XML poly data (.vtp; ParaView, VTK, PyVista): one vertex a site.
 *
 * Points rather than an image of densities: the cell is no box (its angle is 60 degrees), so an image would need a grid of its own, and would lose the
 * sites.  ParaView makes densities of points (filter Point Volume Interpolator) and picks them by any array (Threshold).
 *   point data   id, type, oxidation, layer, state, cluster, S_o; moved with relaxed bonds; codes as in the enums of kmc/selection.h
 *   field data   Lattice (a, b, c in angstrom), type_names, layer_names, state_names, provenance
 * Arrays are appended as raw bytes, 53 a site, in the byte order of this machine.
 */
#ifndef KMC_EXPORT_VTK_H
#define KMC_EXPORT_VTK_H
#include "view.h"

void export_vtk(FILE *out, const struct view *v);
#endif
