#include "export_vtk.h"
#include <inttypes.h>
#include <math.h>

/* ---- field data ---- */

/* Texts in VTK's form: codes of the bytes, each text ends with 0. */
static void put_texts(FILE *out, const char *name, const char *const *text, int n) {
    fprintf(out, "<Array type=\"String\" Name=\"%s\" NumberOfTuples=\"%d\" format=\"ascii\">", name,
            n);
    for (int k = 0; k < n; k++) {
        for (const char *c = text[k]; *c; c++)
            fprintf(out, "%d ", (unsigned char)*c);
        fputs("0 ", out);
    }
    fputs("</Array>\n", out);
}

static void put_provenance(FILE *out, const struct view *v) {
    const struct snapshot *s = v->snapshot;
    char text[512];
    const char *one = text;
    snprintf(text, sizeof text,
             "lrm-kmc %s, parameters %s, scenario %s, replica %" PRId64 ", cycle %" PRId64
             ", %s, %.6f V%s%s",
             s->version, s->parameter_hash, s->scenario, s->replica, s->cycle, s->at, s->voltage_V,
             v->relaxed ? "; " : "", v->relaxed ? VIEW_NOTE : "");
    put_texts(out, "provenance", &one, 1);
}

static void put_field(FILE *out, const struct view *v) {
    fputs("<FieldData>\n<DataArray type=\"Float64\" Name=\"Lattice\" NumberOfComponents=\"3\" "
          "NumberOfTuples=\"3\" format=\"ascii\">",
          out);
    for (int i = 0; i < 9; i++)
        fprintf(out, "%.9f ", v->cell[i / 3][i % 3]);
    fputs("</DataArray>\n", out);
    put_texts(out, "type_names", v->symbol, v->n_symbols);
    put_texts(out, "layer_names", SELECTION_LAYER_NAME, SELECTION_LAYERS);
    put_texts(out, "state_names", SELECTION_STATE_NAME, SELECTION_STATES);
    put_provenance(out, v);
    fputs("</FieldData>\n", out);
}

/* ---- arrays ---- */

enum array {
    ARRAY_ID,
    ARRAY_TYPE,
    ARRAY_OXIDATION,
    ARRAY_LAYER,
    ARRAY_STATE,
    ARRAY_CLUSTER,
    ARRAY_S_O,
    ARRAY_MOVED, /* the last of the point data */
    ARRAY_POINTS,
    ARRAY_CONNECTIVITY,
    ARRAY_OFFSETS,
    ARRAYS
};

static const struct {
    const char *name, *type;
    uint64_t bytes; /* a site */
    int components;
} ARRAY[ARRAYS] = {
    {"id", "Int64", 8, 1},           {"type", "Int8", 1, 1},     {"oxidation", "Int8", 1, 1},
    {"layer", "Int8", 1, 1},         {"state", "Int8", 1, 1},    {"cluster", "Int32", 4, 1},
    {"S_o", "Float32", 4, 1},        {"moved", "Float32", 4, 1}, {"Points", "Float64", 24, 3},
    {"connectivity", "Int64", 8, 1}, {"offsets", "Int64", 8, 1},
};

/* The value of a site, the `n`-th one shown. */
static void put_value(FILE *out, enum array array, const struct view_site *x, int64_t n) {
    int8_t small = (int8_t)(array == ARRAY_TYPE        ? x->element
                            : array == ARRAY_OXIDATION ? x->charge
                            : array == ARRAY_LAYER     ? (int)x->layer
                                                       : (int)x->state);
    int32_t cluster = (int32_t)x->cluster;
    int64_t whole = array == ARRAY_ID ? x->id : n + (array == ARRAY_OFFSETS);
    float real = (float)(array == ARRAY_S_O ? x->s_o : x->moved_A);
    const void *value = array == ARRAY_POINTS         ? (const void *)x->xyz
                        : array == ARRAY_CLUSTER      ? (const void *)&cluster
                        : ARRAY[array].bytes == 1     ? (const void *)&small
                        : ARRAY[array].type[0] == 'F' ? (const void *)&real
                                                      : (const void *)&whole;
    fwrite(value, 1, ARRAY[array].bytes, out);
}

static void put_array(FILE *out, const struct view *v, enum array array) {
    struct view_site x = {0};
    uint64_t bytes = ARRAY[array].bytes * (uint64_t)v->n;
    fwrite(&bytes, sizeof bytes, 1, out);
    for (int64_t n = 0; view_next(v, &x); n++)
        put_value(out, array, &x, n);
}

/* Every array begins behind its length of 8 bytes. */
static uint64_t put_declaration(FILE *out, const struct view *v, enum array array,
                                uint64_t offset) {
    fprintf(out,
            "<DataArray type=\"%s\" Name=\"%s\" NumberOfComponents=\"%d\" format=\"appended\" "
            "offset=\"%" PRIu64 "\"/>\n",
            ARRAY[array].type, ARRAY[array].name, ARRAY[array].components, offset);
    return offset + sizeof offset + ARRAY[array].bytes * (uint64_t)v->n;
}

static bool is_written(const struct view *v, enum array array) {
    return array != ARRAY_MOVED || v->relaxed;
}

static bool is_little_endian(void) {
    const uint16_t one = 1;
    return *(const uint8_t *)&one == 1;
}

void export_vtk(FILE *out, const struct view *v) {
    uint64_t offset = 0;
    fprintf(out,
            "<?xml version=\"1.0\"?>\n<VTKFile type=\"PolyData\" version=\"1.0\" byte_order=\"%s\" "
            "header_type=\"UInt64\">\n<PolyData>\n",
            is_little_endian() ? "LittleEndian" : "BigEndian");
    put_field(out, v);
    fprintf(out,
            "<Piece NumberOfPoints=\"%" PRId64 "\" NumberOfVerts=\"%" PRId64 "\">\n<PointData>\n",
            v->n, v->n);
    for (int k = 0; k < ARRAY_POINTS; k++)
        if (is_written(v, (enum array)k))
            offset = put_declaration(out, v, (enum array)k, offset);
    fputs("</PointData>\n<Points>\n", out);
    offset = put_declaration(out, v, ARRAY_POINTS, offset);
    fputs("</Points>\n<Verts>\n", out);
    offset = put_declaration(out, v, ARRAY_CONNECTIVITY, offset);
    put_declaration(out, v, ARRAY_OFFSETS, offset);
    fputs("</Verts>\n</Piece>\n</PolyData>\n<AppendedData encoding=\"raw\">\n_", out);
    for (int k = 0; k < ARRAYS; k++)
        if (is_written(v, (enum array)k))
            put_array(out, v, (enum array)k);
    fputs("\n</AppendedData>\n</VTKFile>\n", out);
}
