/* export: a snapshot as files other programs read.
 *
 * Extended XYZ (OVITO, ASE): line 1 the number of sites, line 2
 *     Lattice="a b c" Properties=species:S:1:pos:R:3:id:I:1:layer:S:1:oxidation:R:1 cycle=..
 * voltage_V=.. time_s=.. scenario=".." then one site a line, positions in angstrom.  id = site id;
 * layer = TM or Li (the gap of a cation), O (an anion); oxidation = charge in e: O2- -2, hole and
 * peroxo -1, molecular 0. Atoms sit on ideal sites: O-O bonds of dimers and O2 are not drawn
 * shortened. POSCAR (VASP 5): comment line, scale 1, cell in angstrom, elements, counts, Direct
 * coordinates; grouped by element. Vacancies are left out, or written as element X (extended XYZ
 * only); sites outside the crystal are never written.
 */
#ifndef KMC_EXPORT_H
#define KMC_EXPORT_H
#include "snapshot.h"

/* Return 0; 5 when the snapshot's lattice is impossible or a write failed; 2 when there is nothing
 * to write. */
int export_extxyz(FILE *out, const struct snapshot *s, bool with_vacancies, FILE *errors);
int export_poscar(FILE *out, const struct snapshot *s, FILE *errors);
#endif
