#include "export.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include "export_crystal.h"
#include "export_vtk.h"

enum { CORRUPT = 5 };

/* ---- extended XYZ ---- */

/* Quoted value of a key; quotes and backslashes inside would need an escape that readers disagree
 * on. */
static void put_quoted(FILE *out, const char *text) {
    fputc('"', out);
    for (; *text; text++)
        fputc(*text == '"' || *text == '\\' ? '_' : *text, out);
    fputc('"', out);
}

static void put_comment(FILE *out, const struct view *v) {
    const struct snapshot *s = v->snapshot;
    fputs("Lattice=\"", out);
    for (int i = 0; i < 9; i++)
        fprintf(out, "%s%.9f", i ? " " : "", v->cell[i / 3][i % 3]);
    fputs("\" Properties=species:S:1:pos:R:3:id:I:1:layer:S:1:oxidation:R:1:cluster:I:1:S_o:R:1:"
          "state:S:1",
          out);
    fputs(v->relaxed ? ":moved:R:1" : "", out);
    fprintf(out, " cycle=%" PRId64, s->cycle);
    if (!isnan(s->voltage_V))
        fprintf(out, " voltage_V=%.6f", s->voltage_V);
    if (!isnan(s->time_s))
        fprintf(out, " time_s=%.6f", s->time_s);
    fputs(" scenario=", out);
    put_quoted(out, s->scenario);
    fprintf(out, " at=%s replica=%" PRId64 " parameter_hash=", s->at, s->replica);
    put_quoted(out, s->parameter_hash);
    fputs(" version=", out);
    put_quoted(out, s->version);
    if (v->relaxed) {
        fputs(" note=", out);
        put_quoted(out, VIEW_NOTE);
    }
    fputc('\n', out);
}

static void write_extxyz(FILE *out, const struct view *v) {
    struct view_site x = {0};
    fprintf(out, "%" PRId64 "\n", v->n);
    put_comment(out, v);
    while (view_next(v, &x)) {
        fprintf(out, "%s %.6f %.6f %.6f %" PRId64 " %s %.1f %" PRId64 " %.4f %s", x.symbol,
                x.xyz[0], x.xyz[1], x.xyz[2], x.id, SELECTION_LAYER_NAME[x.layer], (double)x.charge,
                x.cluster, x.s_o, SELECTION_STATE_NAME[x.state]);
        if (v->relaxed)
            fprintf(out, " %.4f", x.moved_A);
        fputc('\n', out);
    }
}

/* ---- LAMMPS dump ---- */

/* a along x and b in the xy plane, as LAMMPS wants: its tilts are xy = b_x and 0, 0. */
static void put_bounds(FILE *out, const struct view *v) {
    double tilt = v->cell[1][0];
    fputs("ITEM: BOX BOUNDS xy xz yz pp pp pp\n", out);
    fprintf(out, "%.9f %.9f %.9f\n", fmin(0, tilt), v->cell[0][0] + fmax(0, tilt), tilt);
    fprintf(out, "0 %.9f 0\n0 %.9f 0\n", v->cell[1][1], v->cell[2][2]);
}

static void write_lammps(FILE *out, const struct view *v) {
    struct view_site x = {0};
    fprintf(out, "ITEM: TIMESTEP\n%" PRId64 "\nITEM: NUMBER OF ATOMS\n%" PRId64 "\n",
            v->snapshot->cycle, v->n);
    put_bounds(out, v);
    fprintf(out, "ITEM: ATOMS id type element x y z q layer state cluster S_o%s\n",
            v->relaxed ? " moved" : "");
    while (view_next(v, &x)) {
        fprintf(out, "%" PRId64 " %d %s %.6f %.6f %.6f %d %d %d %" PRId64 " %.4f", x.id + 1,
                x.element + 1, x.symbol, x.xyz[0], x.xyz[1], x.xyz[2], x.charge, (int)x.layer,
                (int)x.state, x.cluster, x.s_o);
        if (v->relaxed)
            fprintf(out, " %.4f", x.moved_A);
        fputc('\n', out);
    }
}

/* ---- all ---- */

static const struct export_format FORMAT[] = {
    {"extxyz", "extxyz", true, write_extxyz},  {"poscar", "poscar", false, export_crystal_poscar},
    {"cif", "cif", false, export_crystal_cif}, {"lammps", "lammpstrj", true, write_lammps},
    {"vtk", "vtp", true, export_vtk},
};
enum { FORMATS = sizeof FORMAT / sizeof *FORMAT };

const struct export_format *export_at(int k) {
    return k < FORMATS ? &FORMAT[k] : NULL;
}

const struct export_format *export_find(const char *name) {
    for (int k = 0; k < FORMATS; k++)
        if (strcmp(FORMAT[k].name, name) == 0)
            return &FORMAT[k];
    return NULL;
}

int export_write(FILE *out, const struct export_format *format, const struct view *v,
                 FILE *errors) {
    format->write(out, v);
    if (!ferror(out))
        return 0;
    fprintf(errors, "export: error: a write failed (disk full?)\n");
    return CORRUPT;
}
