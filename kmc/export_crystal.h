/* export_crystal: a view as crystal structure files, for boxes of some thousand sites.
 *
 *   POSCAR (VASP 5)  comment line, scale 1, cell in angstrom, elements, counts, Direct coordinates; grouped by element
 *   CIF              space group P 1, every site in full; labels are element and site id, types carry the oxidation number
 * Neither knows vacancies.
 */
#ifndef KMC_EXPORT_CRYSTAL_H
#define KMC_EXPORT_CRYSTAL_H
#include "view.h"

void export_crystal_poscar(FILE *out, const struct view *v);
void export_crystal_cif(FILE *out, const struct view *v);
#endif
