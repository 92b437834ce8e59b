/* scenario_write: a scenario or the schema as commented TOML. */
#include "scenario_catalogue.h"

#include "embedded.h"

#include <stdlib.h>
#include <string.h>

enum {
    COMMENT_MAX = 200
}; /* bytes of a place in a comment: keeps lines within the reader's limits */

/* Comments must not hold control characters or broken UTF-8, which a file name may. */
static void write_comment(FILE *out, const char *text) {
    size_t n = 0;
    for (const unsigned char *c = (const unsigned char *)text; *c && n < COMMENT_MAX; c++, n++)
        fputc(*c < 0x20 || *c >= 0x7f ? '?' : *c, out);
}

/* Bytes of the table part of a path: 8 for "elements.Ni.role" would be "elements", here all before the last dot. */
static size_t table_size(const char *path) {
    const char *dot = strrchr(path, '.');
    return dot ? (size_t)(dot - path) : 0;
}

static bool same_table(const char *a, const char *b) {
    return a && table_size(a) == table_size(b) && strncmp(a, b, table_size(b)) == 0;
}

static void write_table(FILE *out, const char *path) {
    if (strncmp(path, "dopant[", 7) == 0)
        fputs("\n[[dopant]]\n", out);
    else
        fprintf(out, "\n[%.*s]\n", (int)table_size(path), path);
}

int scenario_write_resolved(const struct scenario *s, FILE *out) {
    const char *before = NULL;
    fputs("# Every key of the run with its value and where it came from.\n", out);
    for (size_t i = 0; i < s->count; i++) {
        const struct scenario_value *v = &s->values[i];
        if (!same_table(before, v->path))
            write_table(out, v->path);
        char *text = scenario_store_format(v);
        fprintf(out, "%s = %s  # ", v->path + table_size(v->path) + 1, text);
        write_comment(out, v->place);
        fputc('\n', out);
        free(text);
        before = v->path;
    }
    return ferror(out) ? -1 : 0;
}

static void write_prior(FILE *out, const struct scenario_value *v) {
    double low, high;
    bool list = v->leaf->type >= SCENARIO_INT_LIST;
    for (size_t i = 0; i < (list ? v->count : 1); i++)
        if (scenario_schema_prior(v->leaf, i, &low, &high))
            fprintf(out, "%s %g to %g", i ? "," : "; prior interval", low, high);
}

static void write_about(FILE *out, const struct scenario_value *v, const char *source) {
    const struct scenario_leaf *leaf = v->leaf;
    char range[400];
    scenario_schema_expectation(leaf, range, sizeof range);
    fprintf(out, "# %s\n# takes %s", leaf->description, range);
    write_prior(out, v);
    if (*source)
        fprintf(out, "\n# source: %s", source);
    fputc('\n', out);
}

/* The members of a list or named table that a scenario may add, as comments. */
static void write_template(FILE *out, const struct scenario_schema *schema, const char *prefix,
                           const char *heading) {
    fprintf(out, "\n# %s\n", heading);
    for (size_t i = 0; i < schema->count; i++) {
        const struct scenario_leaf *leaf = &schema->leaves[i];
        char range[400];
        if (strncmp(leaf->path, prefix, strlen(prefix)) != 0)
            continue;
        scenario_schema_expectation(leaf, range, sizeof range);
        fprintf(out, "#   %s: %s; takes %s%s\n", leaf->path + strlen(prefix), leaf->description,
                range, leaf->has_default ? "" : "; required");
    }
}

static bool is_element(const char *path) {
    return strncmp(path, "elements.", 9) == 0;
}

static void write_default(FILE *out, const struct scenario_value *v) {
    char *text = scenario_store_format(v);
    const char *name = v->path + table_size(v->path) + 1;
    if (is_element(v->path)) { /* described once, above */
        fprintf(out, "%s = %s  # %s\n", name, text, v->leaf->source);
    } else {
        write_about(out, v, v->leaf->source);
        fprintf(out, "%s = %s\n", name, text);
    }
    free(text);
}

int scenario_write_defaults(FILE *out) {
    struct scenario *s = scenario_store_create();
    const char *before = NULL;
    fputs("# All keys of a scenario with their defaults.  Units are in the names.\n"
          "# A scenario needs only the keys that differ; base = \"builtin:NAME\" or include = "
          "\"file.toml\"\n"
          "# at its top names what it builds on.  Further elements (Cs, Ru, PO4, ...: kmc list "
          "dopants "
          "--long)\n"
          "# join a scenario that names them.\n",
          out);
    write_template(out, s->schema, "dopant.\"[]\".", "[[dopant]], once for each dopant:");
    for (size_t i = 0; i < s->count; i++) {
        const struct scenario_value *v = &s->values[i];
        if (is_element(v->path) && !(before && is_element(before)))
            write_template(out, s->schema, "elements.\"*\".",
                           "[elements.Xx], one for each element; a scenario may add more:");
        if (!same_table(before, v->path))
            write_table(out, v->path);
        write_default(out, v);
        before = v->path;
    }
    scenario_store_free(s);
    return ferror(out) ? -1 : 0;
}

/* ---- lists ---- */

/* Families of built-in scenarios, in the order of the list; those of the catalogue have its names. */
static const char *const FAMILIES[] = {"hosts",     "stackings",    "orders",     "dopants",
                                       "codopants", "morphologies", "coatings",   "electrolytes",
                                       "additives", "treatments",   "conditions", "literature"};
enum { N_FAMILIES = sizeof FAMILIES / sizeof *FAMILIES };

/* The first line of a built-in file is a comment, "# FAMILY: what it is"; without a family it is a host. */
static int family_of(const char **text) {
    *text += strspn(*text, "# ");
    for (int f = 0; f < N_FAMILIES; f++) {
        size_t n = strlen(FAMILIES[f]);
        if (strncmp(*text, FAMILIES[f], n) == 0 && strncmp(*text + n, ": ", 2) == 0) {
            *text += n + 2;
            return f;
        }
    }
    return 0;
}

static size_t write_scenarios(FILE *out, int family) {
    size_t n = 0;
    for (size_t i = 0; i < embedded_file_count; i++) {
        const char *text = (const char *)embedded_files[i].data;
        const char *name = strchr(embedded_files[i].name, '/') + 1;
        if (strncmp(embedded_files[i].name, "scenarios/", 10) != 0 || family_of(&text) != family)
            continue;
        fprintf(out, "builtin:%-18.*s %.*s\n", (int)strcspn(name, "."), name,
                (int)strcspn(text, "\n"), text);
        n++;
    }
    return n;
}

int scenario_write_list(FILE *out) {
    for (int f = 0; f < N_FAMILIES; f++) {
        fprintf(out, "%s%s\n", f ? "\n" : "", FAMILIES[f]);
        write_scenarios(out, f);
    }
    fputs("\nkmc list FAMILY [--long] prints one family; for dopants, codopants, coatings, "
          "electrolytes, additives and\ntreatments with what the model takes them for, --long "
          "with parameters, prior intervals and sources\n",
          out);
    return ferror(out) ? -1 : 0;
}

bool scenario_write_family(const char *family, bool full, FILE *out) {
    size_t n = strlen(family);
    for (int f = 0; n > 0 && f < N_FAMILIES; f++) /* dopant and dopants */
        if (strncmp(FAMILIES[f], family, n) == 0 && strlen(FAMILIES[f]) <= n + 1) {
            size_t entries = scenario_catalogue_write(FAMILIES[f], full, out);
            if (entries)
                fputc('\n', out);
            return write_scenarios(out, f) + entries > 0;
        }
    return false;
}
