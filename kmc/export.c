#include "export.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../lattices/lattice.h"

enum { USAGE = 2, CORRUPT = 5 };

/* What stands on a site; symbol NULL = nothing to write. */
struct ion {
    const char *symbol;
    int charge; /* e */
};

static const struct ion ANION[ANION_STATES] = {
    [ANION_OXIDE] = {"O", -2},    [ANION_HOLE] = {"O", -1},   [ANION_PEROXO] = {"O", -1},
    [ANION_MOLECULAR] = {"O", 0}, [ANION_F] = {"F", -1},      [ANION_S] = {"S", -2},
    [ANION_CL] = {"Cl", -1},      [ANION_VACANCY] = {"X", 0},
};

static struct ion ion_at(const struct snapshot *s, int64_t site, bool with_vacancies) {
    static const struct ion nothing = {NULL, 0}, vacancy = {"X", 0};
    uint8_t byte = s->occupancy[site];
    if (snapshot_is_anion(s, site)) {
        int state = rate_model_state(byte);
        return state == ANION_VACANCY && !with_vacancies ? nothing : ANION[state];
    }
    if (byte == SITE_OUTSIDE || (byte == SPECIES_VACANCY && !with_vacancies))
        return nothing;
    if (byte == SPECIES_VACANCY)
        return vacancy;
    return (struct ion){s->species[byte].symbol, s->species[byte].charge};
}

static int lattice_of(struct lattice *l, const struct snapshot *s, FILE *errors) {
    const char *problem = lattice_init(l, s->letters, s->na, s->nb);
    if (!problem)
        return 0;
    fprintf(errors, "snapshot: error: %s\n", problem);
    return CORRUPT;
}

static int finish(FILE *out, FILE *errors) {
    if (!ferror(out))
        return 0;
    fprintf(errors, "export: error: a write failed (disk full?)\n");
    return CORRUPT;
}

static void position_of(const struct lattice *l, const struct snapshot *s, int64_t site,
                        double xyz[3]) {
    lattice_position(l, lattice_coord_of(l, site), s->a_A, s->tm_gap_A, s->li_gap_A, xyz);
}

/* ---- extended XYZ ---- */

/* Quoted value of a key; quotes and backslashes inside would need an escape that readers disagree
 * on. */
static void put_quoted(FILE *out, const char *text) {
    fputc('"', out);
    for (; *text; text++)
        fputc(*text == '"' || *text == '\\' ? '_' : *text, out);
    fputc('"', out);
}

static void put_comment(FILE *out, const struct snapshot *s, double cell[3][3]) {
    fputs("Lattice=\"", out);
    for (int i = 0; i < 9; i++)
        fprintf(out, "%s%.9f", i ? " " : "", cell[i / 3][i % 3]);
    fputs("\" Properties=species:S:1:pos:R:3:id:I:1:layer:S:1:oxidation:R:1", out);
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
    fputc('\n', out);
}

static const char *layer_of(const struct lattice *l, int64_t site) {
    struct lattice_coord c = lattice_coord_of(l, site);
    if (c.kind == SITE_O)
        return "O";
    return lattice_is_tm_gap(c.plane) ? "TM" : "Li";
}

int export_extxyz(FILE *out, const struct snapshot *s, bool with_vacancies, FILE *errors) {
    struct lattice l;
    double cell[3][3], xyz[3];
    int64_t n = snapshot_n_sites(s), written = 0;
    int code = lattice_of(&l, s, errors);
    if (code)
        return code;
    for (int64_t site = 0; site < n; site++)
        written += ion_at(s, site, with_vacancies).symbol != NULL;
    lattice_cell(&l, s->a_A, s->tm_gap_A, s->li_gap_A, cell);
    fprintf(out, "%" PRId64 "\n", written);
    put_comment(out, s, cell);
    for (int64_t site = 0; site < n; site++) {
        struct ion ion = ion_at(s, site, with_vacancies);
        if (!ion.symbol)
            continue;
        position_of(&l, s, site, xyz);
        fprintf(out, "%s %.6f %.6f %.6f %" PRId64 " %s %.1f\n", ion.symbol, xyz[0], xyz[1], xyz[2],
                site, layer_of(&l, site), (double)ion.charge);
    }
    return finish(out, errors);
}

/* ---- POSCAR ---- */

static void cross(const double u[3], const double v[3], double w[3]) {
    for (int i = 0; i < 3; i++)
        w[i] = u[(i + 1) % 3] * v[(i + 2) % 3] - u[(i + 2) % 3] * v[(i + 1) % 3];
}

static double dot(const double u[3], const double v[3]) {
    return u[0] * v[0] + u[1] * v[1] + u[2] * v[2];
}

/* Fractional coordinates in [0, 1): xyz . (b x c) / (a . (b x c)) and so on. */
static void to_direct(double cell[3][3], const double xyz[3], double direct[3]) {
    for (int i = 0; i < 3; i++) {
        double normal[3];
        cross(cell[(i + 1) % 3], cell[(i + 2) % 3], normal);
        direct[i] = dot(xyz, normal) / dot(cell[i], normal);
        direct[i] -= floor(direct[i] + 1e-10); /* a site on the border must not round to 1 */
        direct[i] = fmax(direct[i], 0) + 0.0;  /* no -0 */
    }
}

/* Elements in the order of the file: cation species as declared, then anions; each symbol once. */
struct elements {
    const char *symbol[SPECIES_MAX + ANION_STATES];
    int64_t count[SPECIES_MAX + ANION_STATES];
    int n;
};

static int element_of(struct elements *e, const char *symbol) {
    int i = 0;
    while (i < e->n && strcmp(e->symbol[i], symbol) != 0)
        i++;
    if (i == e->n)
        e->symbol[e->n++] = symbol;
    return i;
}

static void count_elements(struct elements *e, const struct snapshot *s) {
    *e = (struct elements){0};
    for (int i = SPECIES_LI; i < s->n_species; i++)
        element_of(e, s->species[i].symbol);
    for (int i = 0; i <= ANION_CL; i++)
        element_of(e, ANION[i].symbol);
    for (int64_t site = 0, n = snapshot_n_sites(s); site < n; site++) {
        struct ion ion = ion_at(s, site, false);
        if (ion.symbol)
            e->count[element_of(e, ion.symbol)]++;
    }
}

static void put_poscar_header(FILE *out, const struct snapshot *s, const struct elements *e,
                              double cell[3][3]) {
    fprintf(out, "%s cycle %" PRId64 " %s", s->scenario, s->cycle, s->at);
    if (!isnan(s->voltage_V))
        fprintf(out, " voltage %.6f V", s->voltage_V);
    fputs("\n1.0\n", out);
    for (int i = 0; i < 3; i++)
        fprintf(out, "%20.10f %20.10f %20.10f\n", cell[i][0], cell[i][1], cell[i][2]);
    for (int i = 0; i < e->n; i++)
        if (e->count[i])
            fprintf(out, " %s", e->symbol[i]);
    fputc('\n', out);
    for (int i = 0; i < e->n; i++)
        if (e->count[i])
            fprintf(out, " %" PRId64, e->count[i]);
    fputs("\nDirect\n", out);
}

static void put_poscar_sites(FILE *out, const struct snapshot *s, const struct lattice *l,
                             const char *symbol, double cell[3][3]) {
    double xyz[3], direct[3];
    for (int64_t site = 0, n = snapshot_n_sites(s); site < n; site++) {
        struct ion ion = ion_at(s, site, false);
        if (!ion.symbol || strcmp(ion.symbol, symbol) != 0)
            continue;
        position_of(l, s, site, xyz);
        to_direct(cell, xyz, direct);
        fprintf(out, "%.10f %.10f %.10f\n", direct[0], direct[1], direct[2]);
    }
}

int export_poscar(FILE *out, const struct snapshot *s, FILE *errors) {
    struct lattice l;
    struct elements elements;
    double cell[3][3];
    int64_t ions = 0;
    int code = lattice_of(&l, s, errors);
    if (code)
        return code;
    count_elements(&elements, s);
    for (int i = 0; i < elements.n; i++)
        ions += elements.count[i];
    if (ions == 0) {
        fprintf(errors, "export: error: expected at least one ion, found an empty snapshot\n");
        return USAGE;
    }
    lattice_cell(&l, s->a_A, s->tm_gap_A, s->li_gap_A, cell);
    put_poscar_header(out, s, &elements, cell);
    for (int i = 0; i < elements.n; i++)
        if (elements.count[i])
            put_poscar_sites(out, s, &l, elements.symbol[i], cell);
    return finish(out, errors);
}
