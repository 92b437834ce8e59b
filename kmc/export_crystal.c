#include "export_crystal.h"
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* ---- POSCAR ---- */

static void put_poscar_header(FILE *out, const struct view *v) {
    const struct snapshot *s = v->snapshot;
    fprintf(out, "%s cycle %" PRId64 " %s", s->scenario, s->cycle, s->at);
    if (!isnan(s->voltage_V))
        fprintf(out, " voltage %.6f V", s->voltage_V);
    fprintf(out, "%s%s\n1.0\n", v->relaxed ? "; " : "", v->relaxed ? VIEW_NOTE : "");
    for (int i = 0; i < 3; i++)
        fprintf(out, "%20.10f %20.10f %20.10f\n", v->cell[i][0], v->cell[i][1], v->cell[i][2]);
    for (int i = 0; i < v->n_symbols; i++)
        if (v->count[i])
            fprintf(out, " %s", v->symbol[i]);
    fputc('\n', out);
    for (int i = 0; i < v->n_symbols; i++)
        if (v->count[i])
            fprintf(out, " %" PRId64, v->count[i]);
    fputs("\nDirect\n", out);
}

static void put_poscar_element(FILE *out, const struct view *v, int element) {
    struct view_site x = {0};
    double direct[3];
    while (view_next(v, &x)) {
        if (x.element != element)
            continue;
        view_direct(v, x.xyz, direct);
        fprintf(out, "%.10f %.10f %.10f\n", direct[0], direct[1], direct[2]);
    }
}

void export_crystal_poscar(FILE *out, const struct view *v) {
    put_poscar_header(out, v);
    for (int i = 0; i < v->n_symbols; i++)
        if (v->count[i])
            put_poscar_element(out, v, i);
}

/* ---- CIF ---- */

static double norm(const double v[3]) {
    return sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
}

/* Degrees. */
static double angle(const double u[3], const double v[3]) {
    double dot = u[0] * v[0] + u[1] * v[1] + u[2] * v[2];
    return acos(dot / (norm(u) * norm(v))) * 180 / acos(-1);
}

static void put_cif_header(FILE *out, const struct view *v) {
    static const char *const length[] = {"a", "b", "c"}, *const name[] = {"alpha", "beta", "gamma"};
    const struct snapshot *s = v->snapshot;
    fputs("data_", out);
    for (const char *c = *s->scenario ? s->scenario : "snapshot"; *c; c++)
        fputc(isalnum((unsigned char)*c) || *c == '-' ? *c : '_', out);
    fprintf(out, "\n# lrm-kmc %s, parameters %s: replica %" PRId64 ", cycle %" PRId64 ", %s",
            s->version, s->parameter_hash, s->replica, s->cycle, s->at);
    if (!isnan(s->voltage_V))
        fprintf(out, ", %.6f V", s->voltage_V);
    fprintf(out, "\n%s%s%s", v->relaxed ? "# " : "", v->relaxed ? VIEW_NOTE : "",
            v->relaxed ? "\n" : "");
    for (int i = 0; i < 3; i++)
        fprintf(out, "_cell_length_%s %.9f\n", length[i], norm(v->cell[i]));
    for (int i = 0; i < 3; i++)
        fprintf(out, "_cell_angle_%s %.9f\n", name[i],
                angle(v->cell[(i + 1) % 3], v->cell[(i + 2) % 3]));
    fputs("_space_group_name_H-M_alt 'P 1'\n_space_group_IT_number 1\n"
          "loop_\n_space_group_symop_operation_xyz\n'x, y, z'\n",
          out);
}

static void put_cif_formula(FILE *out, const struct view *v) {
    const char *blank = "";
    fputs("_chemical_formula_sum '", out);
    for (int k = 0; k < v->n_symbols; k++)
        if (v->count[k]) {
            fprintf(out, "%s%s%" PRId64, blank, v->symbol[k], v->count[k]);
            blank = " ";
        }
    fputs("'\n", out);
}

/* `Mn4+`, `O2-`, `O` */
static void put_type(FILE *out, const char *symbol, int charge) {
    fputs(symbol, out);
    if (charge)
        fprintf(out, "%d%c", abs(charge), charge > 0 ? '+' : '-');
}

/* Ions by element and charge that occur. */
static void put_cif_types(FILE *out, const struct view *v) {
    enum { LOW = -9, CHARGES = 109 }; /* what a snapshot's header can say */
    bool seen[VIEW_SYMBOLS][CHARGES] = {{false}};
    struct view_site x = {0};
    while (view_next(v, &x))
        seen[x.element][x.charge - LOW] = true;
    fputs("loop_\n_atom_type_symbol\n_atom_type_oxidation_number\n", out);
    for (int k = 0; k < v->n_symbols; k++)
        for (int q = 0; q < CHARGES; q++)
            if (seen[k][q]) {
                put_type(out, v->symbol[k], q + LOW);
                fprintf(out, " %d\n", q + LOW);
            }
}

void export_crystal_cif(FILE *out, const struct view *v) {
    struct view_site x = {0};
    double direct[3];
    put_cif_header(out, v);
    put_cif_formula(out, v);
    put_cif_types(out, v);
    fputs("loop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n"
          "_atom_site_fract_y\n_atom_site_fract_z\n_atom_site_occupancy\n",
          out);
    while (view_next(v, &x)) {
        view_direct(v, x.xyz, direct);
        fprintf(out, "%s%" PRId64 " ", x.symbol, x.id);
        put_type(out, x.symbol, x.charge);
        fprintf(out, " %.10f %.10f %.10f 1\n", direct[0], direct[1], direct[2]);
    }
}
