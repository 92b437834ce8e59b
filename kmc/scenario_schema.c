/* scenario_schema: see scenario_schema.h. */
#include "scenario_schema.h"

#include "embedded.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char element_template[] = "elements.\"*\".";
static const char dopant_template[] = "dopant.\"[]\".";

void *scenario_schema_resize(void *old, size_t size) {
    void *block = realloc(old, size);
    if (!block) {
        fprintf(stderr, "error: scenario: expected %zu bytes of memory, found none\n", size);
        exit(4);
    }
    return block;
}

/* The data files are part of the program, so a mistake in them is not the user's. */
static _Noreturn void fail(const char *file, const char *path, const char *message) {
    fprintf(stderr, "internal error: schema %s: %s: %s\n", file, path, message);
    abort();
}

static struct scenario_leaf *find_exact(const struct scenario_schema *schema, const char *path,
                                        size_t length) {
    for (size_t i = schema->count; i-- > 0;) { /* from the end: readers ask for the last one */
        const char *p = schema->leaves[i].path;
        if (strncmp(p, path, length) == 0 && p[length] == '\0')
            return &schema->leaves[i];
    }
    return NULL;
}

static bool parse_type(const char *name, enum scenario_type *type) {
    static const char *const names[] = {"integer",          "real",          "flag",         "text",
                                        "list of integers", "list of reals", "list of texts"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0) {
            *type = (enum scenario_type)i;
            return true;
        }
    return false;
}

static enum scenario_type type_of_default(const struct toml_reader_document *d, size_t i) {
    const struct toml_reader_entry *e = toml_reader_entry_at(d, i);
    switch (e->type) {
    case TOML_READER_INT:
        return SCENARIO_INT;
    case TOML_READER_REAL:
        return SCENARIO_REAL;
    case TOML_READER_FLAG:
        return SCENARIO_FLAG;
    case TOML_READER_LIST:
        if (e->count)
            return type_of_default(d, i + 1) + (SCENARIO_INT_LIST - SCENARIO_INT);
        return SCENARIO_REAL_LIST;
    default:
        return SCENARIO_TEXT;
    }
}

static void set_limit(const struct toml_reader_entry *e, bool *has, int64_t *integer,
                      double *real) {
    *has = true;
    *real = e->real;
    *integer = e->integer;
}

/* One member ("min", "source", ...) of a leaf. */
static void set_member(struct scenario_leaf *leaf, const char *file, const char *name, size_t i,
                       bool inherited) {
    const struct toml_reader_entry *e = toml_reader_entry_at(leaf->document, i);
    if (strcmp(name, "default") == 0) {
        leaf->fallback = i;
        leaf->has_default = true;
        if (!inherited)
            leaf->type = type_of_default(leaf->document, i);
    } else if (strcmp(name, "min") == 0) {
        set_limit(e, &leaf->has_min, &leaf->int_min, &leaf->min);
    } else if (strcmp(name, "max") == 0) {
        set_limit(e, &leaf->has_max, &leaf->int_max, &leaf->max);
    } else if (strcmp(name, "choices") == 0) {
        leaf->choices = i;
        leaf->choices_document = leaf->document;
    } else if (strcmp(name, "prior") == 0) {
        leaf->prior = i;
    } else if (strcmp(name, "description") == 0) {
        leaf->description = e->text;
    } else if (strcmp(name, "source") == 0) {
        leaf->source = e->text;
    } else if (strcmp(name, "type") != 0 || !parse_type(e->text, &leaf->type)) {
        fail(file, e->path,
             "expected default, min, max, choices, prior, description, source or type");
    }
}

/* Template leaf that a concrete path follows, or NULL. */
static struct scenario_leaf *find_template(const struct scenario_schema *schema, const char *path) {
    char name[TOML_READER_PATH_MAX];
    const char *last = strrchr(path, '.');
    if (!last || strlen(path) + sizeof element_template >= sizeof name)
        return NULL;
    if (strncmp(path, "elements.", 9) == 0 && path + 8 != last &&
        !memchr(path + 9, '.', (size_t)(last - path - 9)))
        snprintf(name, sizeof name, "%s%s", element_template, last + 1);
    else if (strncmp(path, "dopant[", 7) == 0 && last[-1] == ']' && strchr(path, '.') == last)
        snprintf(name, sizeof name, "%s%s", dopant_template, last + 1);
    else
        return NULL;
    return find_exact(schema, name, strlen(name));
}

static struct scenario_leaf *add_leaf(struct scenario_schema *schema, const char *path,
                                      const struct toml_reader_document *document) {
    if (schema->count == schema->capacity) {
        schema->capacity = schema->capacity ? 2 * schema->capacity : 256;
        schema->leaves =
            scenario_schema_resize(schema->leaves, schema->capacity * sizeof *schema->leaves);
    }
    struct scenario_leaf leaf = {.description = "", .source = ""};
    const struct scenario_leaf *pattern = find_template(schema, path);
    if (pattern) {
        leaf = *pattern;
        leaf.has_default = false;
        leaf.source = "";
        leaf.prior = 0;
    }
    leaf.path = path;
    leaf.document = document;
    leaf.is_template = strchr(path, '"') != NULL;
    schema->leaves[schema->count] = leaf;
    return &schema->leaves[schema->count++];
}

/* A table that holds `default` or `type` as a value is a leaf. */
static bool is_leaf(const struct toml_reader_document *d, size_t i) {
    const struct toml_reader_entry *table = toml_reader_entry_at(d, i);
    for (size_t k = i + 1; k < table->next; k = toml_reader_entry_at(d, k)->next) {
        const struct toml_reader_entry *e = toml_reader_entry_at(d, k);
        const char *name = strrchr(e->path, '.') + 1;
        if ((strcmp(name, "default") == 0 || strcmp(name, "type") == 0) &&
            e->type != TOML_READER_TABLE)
            return true;
    }
    return false;
}

bool scenario_schema_prior(const struct scenario_leaf *leaf, size_t i, double *low, double *high) {
    if (!leaf->prior)
        return false;
    const struct toml_reader_document *d = leaf->document;
    size_t k = leaf->prior + 1; /* the first item: a number of the only pair, or a pair */
    for (; i > 0 && toml_reader_entry_at(d, k)->type == TOML_READER_LIST; i--)
        k = toml_reader_entry_at(d, k)->next;
    k += toml_reader_entry_at(d, k)->type == TOML_READER_LIST;
    *low = toml_reader_entry_at(d, k)->real;
    *high = toml_reader_entry_at(d, k + 1)->real;
    return true;
}

static bool is_number(const struct toml_reader_document *d, size_t i) {
    enum toml_reader_type type = toml_reader_entry_at(d, i)->type;
    return type == TOML_READER_INT || type == TOML_READER_REAL;
}

static bool is_pair(const struct toml_reader_document *d, size_t i) {
    return toml_reader_entry_at(d, i)->count == 2 && is_number(d, i + 1) && is_number(d, i + 2);
}

/* A pair, or as many pairs as the default has items. */
static bool has_prior_form(const struct scenario_leaf *leaf) {
    const struct toml_reader_document *d = leaf->document;
    const struct toml_reader_entry *prior = toml_reader_entry_at(d, leaf->prior);
    if (prior->type != TOML_READER_LIST || is_pair(d, leaf->prior))
        return prior->type == TOML_READER_LIST;
    for (size_t k = leaf->prior + 1; k < prior->next; k = toml_reader_entry_at(d, k)->next)
        if (toml_reader_entry_at(d, k)->type != TOML_READER_LIST || !is_pair(d, k))
            return false;
    return leaf->type >= SCENARIO_INT_LIST && leaf->has_default &&
           prior->count == toml_reader_entry_at(d, leaf->fallback)->count;
}

/* An interval holds the default and lies in the range. */
static void check_prior(const struct scenario_leaf *leaf, const char *file) {
    double low, high;
    if (!has_prior_form(leaf))
        fail(file, leaf->path, "expected prior = [low, high], or a list of such pairs");
    bool list = leaf->type >= SCENARIO_INT_LIST;
    size_t first = leaf->fallback + list;
    size_t n = !leaf->has_default ? 0
               : list             ? toml_reader_entry_at(leaf->document, leaf->fallback)->count
                                  : 1;
    for (size_t i = 0; i < n; i++) {
        double x = toml_reader_entry_at(leaf->document, first + i)->real;
        scenario_schema_prior(leaf, i, &low, &high);
        if (!(leaf->min <= low && low <= x && x <= high && high <= leaf->max))
            fail(file, leaf->path, "expected min <= low of prior <= default <= high <= max");
    }
}

/* A default is one of the choices. */
static void check_choice(const struct scenario_leaf *leaf, const char *file) {
    const struct toml_reader_document *d = leaf->choices_document;
    const char *text = toml_reader_entry_at(leaf->document, leaf->fallback)->text;
    for (size_t k = leaf->choices + 1; k < toml_reader_entry_at(d, leaf->choices)->next; k++)
        if (strcmp(toml_reader_entry_at(d, k)->text, text) == 0)
            return;
    fail(file, leaf->path, "expected a default that is one of the choices");
}

static void read_leaf(struct scenario_schema *schema, const char *file,
                      const struct toml_reader_document *d, size_t i, bool on_demand) {
    const struct toml_reader_entry *table = toml_reader_entry_at(d, i);
    bool inherited = find_template(schema, table->path) != NULL;
    struct scenario_leaf *leaf = add_leaf(schema, table->path, d);
    for (size_t k = i + 1; k < table->next; k = toml_reader_entry_at(d, k)->next)
        set_member(leaf, file, strrchr(toml_reader_entry_at(d, k)->path, '.') + 1, k, inherited);
    leaf->on_demand = on_demand;
    bool number = leaf->type == SCENARIO_INT || leaf->type == SCENARIO_REAL ||
                  leaf->type == SCENARIO_INT_LIST || leaf->type == SCENARIO_REAL_LIST;
    if (number && !(leaf->has_min && leaf->has_max))
        fail(file, leaf->path, "expected min and max");
    if (!leaf->has_default && !leaf->is_template)
        fail(file, leaf->path, "expected a default");
    if (!*leaf->description)
        fail(file, leaf->path, "expected a description");
    if (leaf->prior)
        check_prior(leaf, file);
    if (leaf->choices && leaf->has_default)
        check_choice(leaf, file);
}

static void read_file(struct scenario_schema *schema, const struct embedded_file *file,
                      bool on_demand) {
    struct toml_reader_error error;
    struct toml_reader_document *d =
        toml_reader_create((const char *)file->data, file->size, &error);
    if (!d)
        fail(file->name, "line", error.message);
    schema->documents = scenario_schema_resize(schema->documents, (schema->document_count + 1) *
                                                                      sizeof *schema->documents);
    schema->documents[schema->document_count++] = d;
    for (size_t i = 0; i < toml_reader_count(d);) {
        const struct toml_reader_entry *e = toml_reader_entry_at(d, i);
        if (e->type != TOML_READER_TABLE)
            fail(file->name, e->path, "expected a table");
        if (is_leaf(d, i)) {
            read_leaf(schema, file->name, d, i, on_demand);
            i = e->next;
        } else {
            i++;
        }
    }
}

static struct scenario_schema *read_all(void) {
    static const char *const order[] = {"data/run.toml", "data/model.toml", "data/elements.toml",
                                        "data/dopants.toml"};
    struct scenario_schema *schema = scenario_schema_resize(NULL, sizeof *schema);
    *schema = (struct scenario_schema){0};
    for (size_t k = 0; k < sizeof order / sizeof *order; k++) {
        size_t i = 0;
        while (i < embedded_file_count && strcmp(embedded_files[i].name, order[k]) != 0)
            i++;
        if (i == embedded_file_count)
            fail(order[k], "file", "expected to be built into the program");
        read_file(schema, &embedded_files[i], strcmp(order[k], "data/dopants.toml") == 0);
    }
    return schema;
}

const struct scenario_schema *scenario_schema_get(void) {
    static struct scenario_schema *schema;
#pragma omp critical(scenario_schema)
    if (!schema)
        schema = read_all();
    return schema;
}

bool scenario_schema_has_element(const struct scenario_schema *schema, const char *symbol) {
    char path[TOML_READER_PATH_MAX];
    snprintf(path, sizeof path, "elements.%.200s.role", symbol);
    return find_exact(schema, path, strlen(path)) != NULL;
}

const struct scenario_leaf *scenario_schema_find(const struct scenario_schema *schema,
                                                 const char *path) {
    const struct scenario_leaf *leaf = find_exact(schema, path, strlen(path));
    if (leaf)
        return leaf->is_template ? NULL : leaf;
    char symbol[TOML_READER_PATH_MAX] = "";
    if (strncmp(path, "elements.", 9) == 0)
        snprintf(symbol, sizeof symbol, "%.*s", (int)strcspn(path + 9, "."), path + 9);
    if (*symbol && scenario_schema_has_element(schema, symbol))
        return NULL; /* Li and O, for example, do not take every member */
    return find_template(schema, path);
}

size_t scenario_schema_distance(const char *a, const char *b, size_t bound) {
    size_t m = strlen(a), n = strlen(b), row[TOML_READER_PATH_MAX];
    if (m >= TOML_READER_PATH_MAX || n >= TOML_READER_PATH_MAX || (m > n ? m - n : n - m) >= bound)
        return bound;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0], least = i + 1;
        row[0] = i + 1;
        for (size_t j = 0; j < n; j++) {
            size_t edit = diagonal + (tolower((unsigned char)a[i]) != tolower((unsigned char)b[j]));
            diagonal = row[j + 1];
            size_t insert = row[j] + 1, delete = row[j + 1] + 1;
            row[j + 1] = edit < insert ? (edit < delete ? edit : delete)
                                       : (insert < delete ? insert : delete);
            least = row[j + 1] < least ? row[j + 1] : least;
        }
        if (least >= bound)
            return bound;
    }
    return row[n] < bound ? row[n] : bound;
}

struct nearest {
    size_t distance; /* best so far */
    char *text;      /* result */
    size_t n;        /* its size */
};

static void consider(struct nearest *best, size_t distance, const char *candidate, size_t length) {
    if (distance >= best->distance)
        return;
    best->distance = distance;
    snprintf(best->text, best->n, "%.*s", (int)length, candidate);
}

/* A template's candidate carries the name that the user chose. */
static void concrete_path(const struct scenario_leaf *leaf, const char *user, char *path,
                          size_t n) {
    const char *end = strrchr(user, '.');
    const char *member = strrchr(leaf->path, '.') + 1;
    bool same = end && strncmp(leaf->path, user, 6) == 0;
    if (leaf->is_template && same)
        snprintf(path, n, "%.*s.%s", (int)(end - user), user, member);
    else
        snprintf(path, n, "%s", leaf->path);
}

static void consider_tables(struct nearest *best, const char *path, const char *candidate) {
    char table[TOML_READER_PATH_MAX];
    for (const char *dot = strchr(candidate, '.'); dot; dot = strchr(dot + 1, '.')) {
        snprintf(table, sizeof table, "%.*s", (int)(dot - candidate), candidate);
        consider(best, scenario_schema_distance(path, table, best->distance), table, strlen(table));
    }
}

bool scenario_schema_suggest(const struct scenario_schema *schema, const char *path, char *nearest,
                             size_t n) {
    size_t allowed = strlen(path) / 3 < 2 ? 2 : strlen(path) / 3;
    struct nearest best = {(allowed < 6 ? allowed : 6) + 1, nearest, n};
    const char *dot = strrchr(path, '.');
    const char *last = dot ? dot + 1 : path;
    for (size_t i = 0; i < schema->count; i++) {
        char candidate[2 * TOML_READER_PATH_MAX];
        concrete_path(&schema->leaves[i], path, candidate, sizeof candidate);
        if (strchr(candidate, '"'))
            continue;
        consider(&best, scenario_schema_distance(path, candidate, best.distance), candidate,
                 strlen(candidate));
        consider_tables(&best, path, candidate);
        size_t tail = scenario_schema_distance(last, strrchr(candidate, '.') + 1, 3);
        if (tail <= 2 && tail < strlen(last)) /* right key, wrong table */
            consider(&best, tail + 2, candidate, strlen(candidate));
    }
    consider(&best, scenario_schema_distance(path, "dopant", best.distance), "dopant", 6);
    return best.distance <= (allowed < 6 ? allowed : 6);
}

static void describe_range(const struct scenario_leaf *leaf, const char *noun, char *text,
                           size_t n) {
    if (leaf->type == SCENARIO_INT || leaf->type == SCENARIO_INT_LIST)
        snprintf(text, n, "%s from %lld to %lld", noun, (long long)leaf->int_min,
                 (long long)leaf->int_max);
    else
        snprintf(text, n, "%s from %g to %g", noun, leaf->min, leaf->max);
}

static void describe_choices(const struct scenario_leaf *leaf, char *text, size_t n) {
    const struct toml_reader_entry *list =
        toml_reader_entry_at(leaf->choices_document, leaf->choices);
    size_t used = (size_t)snprintf(text, n, "one of");
    for (size_t k = leaf->choices + 1; k < list->next && used < n; k++)
        used +=
            (size_t)snprintf(text + used, n - used, "%s \"%s\"", k > leaf->choices + 1 ? "," : "",
                             toml_reader_entry_at(leaf->choices_document, k)->text);
}

void scenario_schema_expectation(const struct scenario_leaf *leaf, char *text, size_t n) {
    static const char *const nouns[] = {
        [SCENARIO_INT] = "an integer",
        [SCENARIO_REAL] = "a number",
        [SCENARIO_FLAG] = "true or false",
        [SCENARIO_TEXT] = "a text",
        [SCENARIO_INT_LIST] = "a list of integers",
        [SCENARIO_REAL_LIST] = "a list of numbers",
        [SCENARIO_TEXT_LIST] = "a list of texts",
    };
    if (leaf->choices)
        describe_choices(leaf, text, n);
    else if (leaf->has_min)
        describe_range(leaf, nouns[leaf->type], text, n);
    else
        snprintf(text, n, "%s", nouns[leaf->type]);
}
