/* export: a view of a snapshot (kmc/view.h) as files other programs read.
 *
 *   extxyz  extended XYZ (OVITO, ASE): number of sites, then Lattice="a b c" Properties=species:S:1:pos:R:3:id:I:1:layer:S:1:oxidation:R:1:
 *           cluster:I:1:S_o:R:1:state:S:1 cycle=.. voltage_V=.. time_s=.. scenario="..", then one site a line, angstrom; moved:R:1 with relaxed bonds
 *   lammps  LAMMPS dump of one step (the cycle): id (site id + 1) type element x y z q layer state cluster S_o, codes as in the enums of kmc/selection.h
 *   poscar, cif   kmc/export_crystal.h       vtk   kmc/export_vtk.h
 * Vacancies are left out, or written as element X where the format can; sites outside the crystal are never written.
 */
#ifndef KMC_EXPORT_H
#define KMC_EXPORT_H
#include "view.h"

struct export_format {
    const char *name, *suffix; /* suffix: of the default file name */
    bool vacancies;            /* can it hold element X? */
    void (*write)(FILE *out, const struct view *v);
};

/* By name, or by number from 0; NULL when there is none. */
const struct export_format *export_find(const char *name);
const struct export_format *export_at(int k);

/* 0, or 5 after printing when a write failed. */
int export_write(FILE *out, const struct export_format *format, const struct view *v, FILE *errors);
#endif
