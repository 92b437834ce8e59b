/* scenario_catalogue: see scenario_catalogue.h. */
#include "scenario_catalogue.h"

#include "embedded.h"

#include <stdlib.h>
#include <string.h>

/* The data file is part of the program, so a mistake in it is not the user's. */
static _Noreturn void fail(const char *path, const char *message) {
    fprintf(stderr, "internal error: data/catalogue.toml: %s: %s\n", path, message);
    abort();
}

static struct toml_reader_document *read_catalogue(void) {
    struct toml_reader_error error;
    size_t i = 0;
    while (i < embedded_file_count && strcmp(embedded_files[i].name, "data/catalogue.toml") != 0)
        i++;
    if (i == embedded_file_count)
        fail("file", "expected to be built into the program");
    struct toml_reader_document *d =
        toml_reader_create((const char *)embedded_files[i].data, embedded_files[i].size, &error);
    if (!d)
        fail("file", error.message);
    return d;
}

/* ---- entries ---- */

/* Member of table i, or its index past the end. */
static size_t member(const struct toml_reader_document *d, size_t i, const char *name) {
    size_t n = strlen(toml_reader_entry_at(d, i)->path), end = toml_reader_entry_at(d, i)->next;
    for (size_t k = i + 1; k < end; k = toml_reader_entry_at(d, k)->next)
        if (strcmp(toml_reader_entry_at(d, k)->path + n + 1, name) == 0)
            return k;
    return toml_reader_count(d);
}

/* Text of a member, "" when there is none. */
static const char *text_of(const struct toml_reader_document *d, size_t i, const char *name) {
    size_t k = member(d, i, name);
    return k < toml_reader_count(d) ? toml_reader_entry_at(d, k)->text : "";
}

/* Table of a family, or past the end. */
static size_t find_family(const struct toml_reader_document *d, const char *family) {
    size_t i = 0;
    while (i < toml_reader_count(d) && strcmp(toml_reader_entry_at(d, i)->path, family) != 0)
        i = toml_reader_entry_at(d, i)->next;
    return i;
}

/* Entry names hold dots (Li3InCl4.8F1.2) and are quoted in paths. */
static void name_of(const struct toml_reader_document *d, size_t family, size_t i, char *name,
                    size_t n) {
    const char *path =
        toml_reader_entry_at(d, i)->path + strlen(toml_reader_entry_at(d, family)->path) + 1;
    bool quoted = *path == '"';
    snprintf(name, n, "%.*s", (int)strlen(path) - 2 * quoted, path + quoted);
}

/* ---- presets ---- */

static const char *const PRESETS[SCENARIO_CATALOGUE_PRESETS][2] = {
    {"conditions.electrolyte", "electrolytes"},
    {"conditions.additive", "additives"},
    {"surface.coating", "coatings"},
    {"surface.treatment", "treatments"},
};

const char *scenario_catalogue_key(int i) {
    return i < SCENARIO_CATALOGUE_PRESETS ? PRESETS[i][0] : NULL;
}

const char *scenario_catalogue_family(int i) {
    return i < SCENARIO_CATALOGUE_PRESETS ? PRESETS[i][1] : NULL;
}

/* Takes `value` over, or adds or multiplies. */
static void change_value(struct scenario_value *v, const struct toml_reader_document *d,
                         size_t change, struct scenario_problems *problems) {
    size_t value = member(d, change, "value"), add = member(d, change, "add"),
           factor = member(d, change, "factor"), none = toml_reader_count(d);
    if (value < none) {
        scenario_store_assign(v, d, value, "data/catalogue.toml", problems);
        return;
    }
    if (v->leaf->type != SCENARIO_REAL || (add == none && factor == none))
        fail(v->path, "expected value, or add or factor of a real key");
    v->real = add < none ? v->real + toml_reader_entry_at(d, add)->real
                         : v->real * toml_reader_entry_at(d, factor)->real;
    if (!(v->real >= v->leaf->min && v->real <= v->leaf->max)) {
        char expected[400];
        scenario_schema_expectation(v->leaf, expected, sizeof expected);
        scenario_problem_report(problems, v->place, v->path,
                                "the presets of this scenario add up to it; give the key itself",
                                "expected %s, found %g", expected, v->real);
    }
}

/* Every number has a source and lies in its prior interval. */
static void check_change(const struct toml_reader_document *d, size_t change) {
    static const char *const how[] = {"value", "add", "factor"};
    size_t prior = member(d, change, "prior"), none = toml_reader_count(d);
    if (!*text_of(d, change, "source"))
        fail(text_of(d, change, "key"), "expected a source");
    for (int h = 0; h < 3; h++) {
        size_t i = member(d, change, how[h]);
        if (i == none || toml_reader_entry_at(d, i)->type == TOML_READER_FLAG)
            continue;
        double x = toml_reader_entry_at(d, i)->real;
        if (prior == none || toml_reader_entry_at(d, prior)->count != 2 ||
            !(toml_reader_entry_at(d, prior + 1)->real <= x &&
              x <= toml_reader_entry_at(d, prior + 2)->real))
            fail(text_of(d, change, "key"), "expected prior = [low, high] around the number");
    }
}

static void apply(struct scenario *s, const struct toml_reader_document *d, size_t entry,
                  const char *key, const char *name, struct scenario_problems *problems) {
    size_t list = member(d, entry, "set");
    if (list == toml_reader_count(d))
        fail(toml_reader_entry_at(d, entry)->path, "expected set = [...]");
    for (size_t k = list + 1; k < toml_reader_entry_at(d, list)->next;
         k = toml_reader_entry_at(d, k)->next) {
        struct scenario_value *v = scenario_store_find(s, text_of(d, k, "key"));
        char place[2 * TOML_READER_PATH_MAX];
        if (!v)
            fail(text_of(d, k, "key"), "expected a key of the schema");
        check_change(d, k);
        if (strcmp(v->place, "default") != 0 && strncmp(v->place, "preset ", 7) != 0)
            continue; /* given by the user */
        change_value(v, d, k, problems);
        snprintf(place, sizeof place, "preset %s=%s", key, name);
        free(v->place);
        v->place = scenario_store_copy(place);
    }
}

static void apply_preset(struct scenario *s, const struct toml_reader_document *d, int preset,
                         struct scenario_problems *problems) {
    const char *key = PRESETS[preset][0];
    const struct scenario_value *choice = scenario_store_find(s, key);
    size_t family = find_family(d, PRESETS[preset][1]);
    char name[TOML_READER_PATH_MAX];
    if (choice->refused || strcmp(choice->text, "none") == 0)
        return;
    for (size_t i = family + 1; i < toml_reader_entry_at(d, family)->next;
         i = toml_reader_entry_at(d, i)->next) {
        name_of(d, family, i, name, sizeof name);
        if (strcmp(name, choice->text) == 0) {
            apply(s, d, i, key, name, problems);
            return;
        }
    }
    fail(choice->text, "expected an entry for each choice of its key");
}

void scenario_catalogue_apply(struct scenario *s, struct scenario_problems *problems) {
    struct toml_reader_document *d = NULL;
    for (int i = 0; i < SCENARIO_CATALOGUE_PRESETS; i++) {
        if (strcmp(scenario_store_find(s, PRESETS[i][0])->text, "none") == 0)
            continue;
        d = d ? d : read_catalogue();
        apply_preset(s, d, i, problems);
    }
    toml_reader_free(d);
}

/* ---- printing ---- */

static void write_number(FILE *out, const struct toml_reader_document *d, size_t i) {
    const struct toml_reader_entry *e = toml_reader_entry_at(d, i);
    if (e->type == TOML_READER_FLAG)
        fputs(e->flag ? "true" : "false", out);
    else
        fprintf(out, "%.6g", e->real);
}

/* " [low, high]", or nothing. */
static void write_pair(FILE *out, const struct toml_reader_document *d, size_t list) {
    if (list < toml_reader_count(d))
        fprintf(out, " [%g, %g]", toml_reader_entry_at(d, list + 1)->real,
                toml_reader_entry_at(d, list + 2)->real);
}

static void write_changes(FILE *out, const struct toml_reader_document *d, size_t entry) {
    static const char *const how[][2] = {{"value", "="}, {"add", "+="}, {"factor", "*="}};
    size_t list = member(d, entry, "set");
    for (size_t k = list + 1; k < toml_reader_entry_at(d, list)->next;
         k = toml_reader_entry_at(d, k)->next) {
        fprintf(out, "    %s", text_of(d, k, "key"));
        for (int h = 0; h < 3; h++) {
            size_t i = member(d, k, how[h][0]);
            if (i == toml_reader_count(d))
                continue;
            fprintf(out, " %s ", how[h][1]);
            write_number(out, d, i);
        }
        write_pair(out, d, member(d, k, "prior"));
        fprintf(out, "  %s\n", text_of(d, k, "source"));
    }
}

static void write_prior(FILE *out, const struct scenario_value *v) {
    double low, high;
    bool list = v->leaf->type >= SCENARIO_INT_LIST;
    for (size_t i = 0; i < (list ? v->count : 1); i++)
        if (scenario_schema_prior(v->leaf, i, &low, &high))
            fprintf(out, " [%g, %g]", low, high);
}

/* What the element of a dopant brings, with priors and sources. */
static void write_element(FILE *out, const struct scenario *s, const char *symbol) {
    static const char *const members[] = {"valences",         "initial_valence",   "oxidation_eV",
                                          "hop_barrier_eV",   "li_layer_extra_eV", "tet_extra_eV",
                                          "li_pass_extra_eV", "li_gap_A",          "mobile"};
    for (size_t m = 0; m < sizeof members / sizeof *members; m++) {
        char key[TOML_READER_PATH_MAX];
        snprintf(key, sizeof key, "elements.%s.%s", symbol, members[m]);
        const struct scenario_value *v = scenario_store_find(s, key);
        char *text = scenario_store_format(v);
        fprintf(out, "    %s = %s", key, text);
        write_prior(out, v);
        fprintf(out, "  %s\n", v->leaf->source);
        free(text);
    }
}

static struct scenario *load_scenario(const char *name) {
    char source[TOML_READER_PATH_MAX];
    snprintf(source, sizeof source, "builtin:%s", name);
    struct scenario *s = scenario_load(source, NULL, 0, stderr);
    if (!s)
        fail(name, "expected a built-in scenario that loads");
    return s;
}

/* "K on Li for Li 0.02 + ..." of the scenario's dopants. */
static void write_ions(FILE *out, const struct scenario *s) {
    for (size_t k = 0; k < scenario_count(s, "dopant"); k++) {
        const char *text[3];
        static const char *const part[] = {"element", "site", "replaces"};
        char key[64];
        for (int m = 0; m < 3; m++) {
            snprintf(key, sizeof key, "dopant[%zu].%s", k, part[m]);
            text[m] = scenario_text(s, key);
        }
        snprintf(key, sizeof key, "dopant[%zu].fraction", k);
        fprintf(out, "%s%s on %s for %s, %g", k ? "; " : "", text[0], text[1], text[2],
                scenario_real(s, key));
    }
}

static void write_dopants(FILE *out, const struct toml_reader_document *d, size_t entry,
                          bool full) {
    const char *name = text_of(d, entry, "scenario");
    struct scenario *s = load_scenario(name);
    fputs(" (", out);
    write_ions(out, s);
    fprintf(out, " a formula unit; builtin:%s)\n", name);
    if (full) {
        fputs("    amount", out);
        write_pair(out, d, member(d, entry, "amount_prior"));
        fprintf(out, "  %s\n    charge: %s\n", text_of(d, entry, "source"),
                text_of(d, entry, "compensation"));
        for (size_t k = 0; k < scenario_count(s, "dopant"); k++) {
            char key[64];
            snprintf(key, sizeof key, "dopant[%zu].element", k);
            write_element(out, s, scenario_text(s, key));
        }
    }
    scenario_free(s);
}

size_t scenario_catalogue_write(const char *family, bool full, FILE *out) {
    struct toml_reader_document *d = read_catalogue();
    size_t table = find_family(d, family), n = 0;
    size_t end = table < toml_reader_count(d) ? toml_reader_entry_at(d, table)->next : 0;
    for (size_t i = table + 1; i < end; i = toml_reader_entry_at(d, i)->next, n++) {
        char name[TOML_READER_PATH_MAX];
        name_of(d, table, i, name, sizeof name);
        fprintf(out, "%-26s %s", name, text_of(d, i, "explanation"));
        if (*text_of(d, i, "scenario")) {
            write_dopants(out, d, i, full);
            continue;
        }
        fputc('\n', out);
        if (full)
            write_changes(out, d, i);
    }
    toml_reader_free(d);
    return n;
}
