/* scenario_layer: see scenario_layer.h.  Files are treated as hostile: size, depth and number of entries are bounded before they are used. */
#define _POSIX_C_SOURCE 200809L
#include "scenario_layer.h"

#include "embedded.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char builtin_prefix[] = "builtin:";

/* One source while it is overlaid. */
struct layer {
    struct scenario *s;
    struct scenario_problems *problems;
    const struct toml_reader_document *document;
    const char *name; /* file as shown in places; NULL for --set */
    const char *key;  /* --set: the key that stands for the document's `value` */
    size_t
        skip; /* bytes of the document's paths above the scenario; 0 = all of it is the scenario */
};

/* ---- places ---- */

/* A place as a new text: "file:line:column", or "--set KEY" for the command line. */
static char *place_of(const struct layer *layer, int line, int column) {
    if (layer->name)
        return scenario_store_place(layer->name, line, column);
    const char *key = layer->key ? layer->key : "";
    size_t n = strlen(key) + 8;
    char *text = scenario_schema_resize(NULL, n);
    snprintf(text, n, "--set %s", key);
    return text;
}

static char *key_place(const struct layer *layer, size_t i) {
    const struct toml_reader_entry *e = toml_reader_entry_at(layer->document, i);
    return place_of(layer, e->key_line, e->key_column);
}

static char *value_place(const struct layer *layer, size_t i) {
    const struct toml_reader_entry *e = toml_reader_entry_at(layer->document, i);
    return place_of(layer, e->line, e->column);
}

/* ---- keys ---- */

/* Full path of entry i: the document's own, or with `value` replaced by the key of --set. */
static void path_of(const struct layer *layer, size_t i, char path[2 * TOML_READER_PATH_MAX]) {
    const char *own = toml_reader_entry_at(layer->document, i)->path;
    if (layer->name)
        snprintf(path, 2 * TOML_READER_PATH_MAX, "%s", own + layer->skip);
    else
        snprintf(path, 2 * TOML_READER_PATH_MAX, "%s%s", layer->key, own + strlen("value"));
}

static void report_unknown(const struct layer *layer, size_t i, const char *path) {
    char nearest[2 * TOML_READER_PATH_MAX], hint[3 * TOML_READER_PATH_MAX];
    if (!scenario_problem_wanted(layer->problems)) {
        layer->problems->count++;
        return;
    }
    bool near = scenario_schema_suggest(layer->s->schema, path, nearest, sizeof nearest);
    if (strncmp(path, "dopant[", 7) == 0 &&
        scenario_store_find(layer->s, "dopant[0].element") == NULL)
        snprintf(hint, sizeof hint, "the scenario has no dopant of this number; add [[dopant]]");
    else if (near)
        snprintf(hint, sizeof hint, "did you mean `%s`?", nearest);
    else
        snprintf(hint, sizeof hint, "`kmc defaults` prints every key");
    char *place = key_place(layer, i);
    scenario_problem_report(layer->problems, place, path, hint,
                            "expected a known key, found an unknown one");
    free(place);
}

static void report_container(const struct layer *layer, size_t i, const char *path,
                             const char *expected, const char *hint) {
    static const char *const nouns[] = {"a table",       "a list", "an integer", "a number",
                                        "true or false", "a text", "a date"};
    char *place = value_place(layer, i);
    scenario_problem_report(layer->problems, place, path, hint, "expected %s, found %s", expected,
                            nouns[toml_reader_entry_at(layer->document, i)->type]);
    free(place);
}

/* Zr, or the polyanion of a centre: PO4, BO3. */
static bool is_symbol(const char *name) {
    if (name[0] < 'A' || name[0] > 'Z')
        return false;
    name += name[1] >= 'a' && name[1] <= 'z' ? 2 : 1;
    return *name == '\0' || strcmp(name, "O3") == 0 || strcmp(name, "O4") == 0;
}

/* [elements.Xx] with a new symbol declares an element.  True when the table exists afterwards. */
static bool add_element(const struct layer *layer, size_t i, const char *path) {
    char table[2 * TOML_READER_PATH_MAX];
    if (strncmp(path, "elements.", 9) != 0)
        return false;
    snprintf(table, sizeof table, "%.*s", 9 + (int)strcspn(path + 9, "."), path);
    if (scenario_store_is_table(layer->s, table) || !is_symbol(table + 9))
        return false;
    char *place = key_place(layer, i);
    scenario_store_add(layer->s, table, place);
    free(place);
    return true;
}

static bool is_misnamed_element(const char *path) {
    return strncmp(path, "elements.", 9) == 0 && !strchr(path + 9, '.') && !is_symbol(path + 9);
}

/* The list [[dopant]]: returns the next entry to read. */
static size_t overlay_dopants(const struct layer *layer, size_t i) {
    const struct toml_reader_entry *list = toml_reader_entry_at(layer->document, i);
    const char *hint = "write [[dopant]] with double brackets, once for each dopant";
    char table[64];
    if (list->type != TOML_READER_LIST || list->count > SCENARIO_DOPANTS_MAX) {
        report_container(layer, i, "dopant", "a list of at most 32 tables", hint);
        return list->next;
    }
    for (size_t k = i + 1; k < list->next; k = toml_reader_entry_at(layer->document, k)->next)
        if (toml_reader_entry_at(layer->document, k)->type != TOML_READER_TABLE) {
            report_container(layer, k, "dopant", "a list of tables", hint);
            return list->next;
        }
    scenario_store_clear_dopants(layer->s);
    for (size_t n = 0, k = i + 1; k < list->next;
         n++, k = toml_reader_entry_at(layer->document, k)->next) {
        char *place = key_place(layer, k);
        snprintf(table, sizeof table, "dopant[%zu]", n);
        scenario_store_add(layer->s, table, place);
        free(place);
    }
    return i + 1;
}

/* Overlays entry i; returns the next entry to read, beyond its members when they are done or make no sense. */
static size_t overlay_entry(const struct layer *layer, size_t i) {
    const struct toml_reader_entry *e = toml_reader_entry_at(layer->document, i);
    char path[2 * TOML_READER_PATH_MAX];
    path_of(layer, i, path);
    if (layer->name && !layer->skip && (strcmp(path, "base") == 0 || strcmp(path, "include") == 0))
        return e->next; /* done before */
    if (strcmp(path, "dopant") == 0)
        return overlay_dopants(layer, i);
    add_element(layer, i, path);
    struct scenario_value *v = scenario_store_find(layer->s, path);
    if (v) {
        scenario_store_assign(v, layer->document, i, layer->name, layer->problems);
        return e->next;
    }
    if (is_misnamed_element(path)) {
        report_container(
            layer, i, path, "an element symbol such as Zr below [elements]",
            "one capital letter and at most one small letter; O3 or O4 behind it for a polyanion");
        return e->next;
    }
    if (!scenario_store_is_table(layer->s, path)) {
        report_unknown(layer, i, path);
        return e->next;
    }
    if (e->type == TOML_READER_TABLE)
        return i + 1;
    report_container(layer, i, path, "a table", "write [table] with the keys below it");
    return e->next;
}

static void overlay(const struct layer *layer) {
    for (size_t i = 0; i < toml_reader_count(layer->document);)
        i = overlay_entry(layer, i);
}

/* ---- files ---- */

static const struct embedded_file *find_builtin(const char *name) {
    for (size_t i = 0; i < embedded_file_count; i++) {
        const char *file = embedded_files[i].name;
        size_t n = strlen(name);
        if (strncmp(file, "scenarios/", 10) == 0 && strncmp(file + 10, name, n) == 0 &&
            strcmp(file + 10 + n, ".toml") == 0)
            return &embedded_files[i];
    }
    return NULL;
}

static void report_builtin(struct scenario_problems *problems, const char *place, const char *key,
                           const char *source) {
    char hint[256] = "`kmc list` prints the built-in scenarios";
    size_t best = 5;
    for (size_t i = 0; i < embedded_file_count; i++) {
        char name[128];
        if (strncmp(embedded_files[i].name, "scenarios/", 10) != 0)
            continue;
        const char *file = embedded_files[i].name + 10;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(file, "."), file);
        size_t distance = scenario_schema_distance(name, source + strlen(builtin_prefix), best);
        if (distance < best) {
            best = distance;
            snprintf(hint, sizeof hint, "did you mean `builtin:%s`?", name);
        }
    }
    scenario_problem_report(problems, place, key, hint,
                            "expected a built-in scenario, found \"%.100s\"", source);
}

/* The bytes of a regular file of at most SCENARIO_FILE_BYTES_MAX with a NUL behind; NULL with a message in `found`. */
static char *read_stream(FILE *in, size_t *size, const char **found) {
    char *text = scenario_schema_resize(NULL, SCENARIO_FILE_BYTES_MAX + 2);
    *size = fread(text, 1, SCENARIO_FILE_BYTES_MAX + 1, in);
    if (ferror(in))
        *found = strerror(errno);
    else if (*size > SCENARIO_FILE_BYTES_MAX)
        *found = "more than 1 MiB";
    if (*found) {
        free(text);
        return NULL;
    }
    text[*size] = '\0';
    return scenario_schema_resize(text, *size + 1);
}

static char *read_path(const char *path, size_t *size, const char **found) {
    struct stat status;
    if (stat(path, &status) != 0) {
        *found = strerror(errno);
        return NULL;
    }
    if (!S_ISREG(status.st_mode)) { /* a device or pipe could block or never end */
        *found = S_ISDIR(status.st_mode) ? "a directory" : "a device or pipe";
        return NULL;
    }
    FILE *in = fopen(path, "rb");
    if (!in) {
        *found = strerror(errno);
        return NULL;
    }
    char *text = read_stream(in, size, found);
    fclose(in);
    return text;
}

char *scenario_layer_read(const char *source, const char *place, const char *key, size_t *size,
                          struct scenario_problems *problems) {
    if (strncmp(source, builtin_prefix, strlen(builtin_prefix)) == 0) {
        const struct embedded_file *file = find_builtin(source + strlen(builtin_prefix));
        if (!file) {
            report_builtin(problems, place, key, source);
            return NULL;
        }
        *size = file->size;
        return scenario_store_copy((const char *)file->data);
    }
    const char *found = NULL;
    char *text = read_path(source, size, &found);
    if (!text)
        scenario_problem_report(
            problems, place, key, "give the path of a TOML file, or builtin:NAME (see `kmc list`)",
            "expected a readable scenario file, found \"%.200s\": %s", source, found);
    return text;
}

/* ---- base and include ---- */

/* The sources on the way from the user's file to the current one. */
struct chain {
    const struct chain *above;
    const char *source; /* as opened */
    int depth;
};

static bool same_file(const char *a, const char *b) {
    struct stat x, y;
    if (strcmp(a, b) == 0)
        return true;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static bool is_cycle(const struct chain *chain, const char *source) {
    for (; chain; chain = chain->above)
        if (same_file(chain->source, source))
            return true;
    return false;
}

/* `source` as seen from the file that names it: a new text. */
static char *resolve(const char *from, const char *source) {
    const char *slash = strrchr(from, '/');
    if (strncmp(source, builtin_prefix, strlen(builtin_prefix)) == 0 || source[0] == '/' || !slash)
        return scenario_store_copy(source);
    size_t n = (size_t)(slash - from) + strlen(source) + 2;
    char *path = scenario_schema_resize(NULL, n);
    snprintf(path, n, "%.*s/%s", (int)(slash - from), from, source);
    return path;
}

static void overlay_source(struct scenario *s, const char *source, const char *place,
                           const char *key, const struct chain *above,
                           struct scenario_problems *problems);

static void overlay_base(const struct layer *layer, size_t i, const struct chain *chain) {
    const struct toml_reader_entry *e = toml_reader_entry_at(layer->document, i);
    char *place = value_place(layer, i);
    char *target = e->type == TOML_READER_TEXT ? resolve(chain->source, e->text) : NULL;
    const char *hint = "name a scenario that does not build on this one";
    if (!target)
        report_container(layer, i, e->path, "a text, \"builtin:NAME\" or a path", NULL);
    else if (is_cycle(chain, target))
        scenario_problem_report(
            layer->problems, place, e->path, hint,
            "expected another scenario, found a cycle: \"%.200s\" builds on itself", target);
    else if (chain->depth >= SCENARIO_BASE_DEPTH_MAX)
        scenario_problem_report(
            layer->problems, place, e->path, hint,
            "expected at most %d scenarios that build on each other, found more",
            SCENARIO_BASE_DEPTH_MAX);
    else
        overlay_source(layer->s, target, place, e->path, chain, layer->problems);
    free(target);
    free(place);
}

static void overlay_bases(const struct layer *layer, const struct chain *chain) {
    const struct toml_reader_document *d = layer->document;
    for (size_t i = 0; i < toml_reader_count(d); i = toml_reader_entry_at(d, i)->next) {
        const char *path = toml_reader_entry_at(d, i)->path;
        if (strcmp(path, "base") == 0 || strcmp(path, "include") == 0)
            overlay_base(layer, i, chain);
    }
}

void scenario_layer_report_syntax(const char *source, const struct toml_reader_error *error,
                                  struct scenario_problems *problems) {
    size_t n = strlen(source) + 40;
    char *place = scenario_schema_resize(NULL, n);
    snprintf(place, n, "%s:%d:%d", source, error->line, error->column);
    scenario_problem_report(problems, place, "syntax",
                            "see https://toml.io; every key once, texts in double quotes", "%s",
                            error->message);
    free(place);
}

/* Overlays what `source` builds on, then itself; `place` and `key` say who asked for it. */
static void overlay_source(struct scenario *s, const char *source, const char *place,
                           const char *key, const struct chain *above,
                           struct scenario_problems *problems) {
    struct chain chain = {above, source, above ? above->depth + 1 : 1};
    struct toml_reader_error error;
    size_t size = 0;
    char *text = scenario_layer_read(source, place, key, &size, problems);
    if (!text)
        return;
    struct toml_reader_document *document = toml_reader_create(text, size, &error);
    if (document) {
        struct layer layer = {s, problems, document, source, NULL, 0};
        overlay_bases(&layer, &chain);
        overlay(&layer);
    } else {
        scenario_layer_report_syntax(source, &error, problems);
    }
    toml_reader_free(document);
    if (!above) {
        free(s->source_text);
        s->source_text = text;
    } else {
        free(text);
    }
}

void scenario_layer_file(struct scenario *s, const char *source,
                         struct scenario_problems *problems) {
    overlay_source(s, source, source, "scenario", NULL, problems);
}

/* ---- parts of another document ---- */

void scenario_layer_base(struct scenario *s, const struct toml_reader_document *d, size_t entry,
                         const char *file, struct scenario_problems *problems) {
    const struct toml_reader_entry *e = toml_reader_entry_at(d, entry);
    char *place = scenario_store_place(file, e->line, e->column);
    char *target = resolve(file, e->text);
    overlay_source(s, target, place, e->path, NULL, problems);
    free(target);
    free(place);
}

void scenario_layer_table(struct scenario *s, const struct toml_reader_document *d, size_t table,
                          const char *file, struct scenario_problems *problems) {
    const struct toml_reader_entry *t = toml_reader_entry_at(d, table);
    struct layer layer = {s, problems, d, file, NULL, strlen(t->path) + 1};
    for (size_t i = table + 1; i < t->next;)
        i = overlay_entry(&layer, i);
}

/* ---- --set ---- */

/* TOML text "value = VALUE"; quoted: the raw text as a TOML string. */
static char *set_document(const char *value, bool quoted) {
    size_t n = 6 * strlen(value) + 16, used;
    char *out = scenario_schema_resize(NULL, n);
    used = (size_t)snprintf(out, n, "value = %s", quoted ? "\"" : value);
    if (!quoted)
        return out;
    for (const unsigned char *c = (const unsigned char *)value; *c; c++)
        used += (size_t)snprintf(
            out + used, n - used,
            *c < 0x20 || *c == 0x7f || *c == '"' || *c == '\\' ? "\\u%04X" : "%c", *c);
    snprintf(out + used, n - used, "\"");
    return out;
}

static struct toml_reader_document *read_value(const char *value, bool quoted,
                                               struct toml_reader_error *error) {
    char *text = set_document(value, quoted);
    struct toml_reader_document *document = toml_reader_create(text, strlen(text), error);
    free(text);
    if (document && toml_reader_entry_at(document, 0)->next != toml_reader_count(document)) {
        toml_reader_free(document); /* a newline in VALUE smuggled in a second key */
        return NULL;
    }
    return document;
}

/* VALUE in TOML syntax when it is that and the key does not want a text; otherwise a bare word. */
static struct toml_reader_document *parse_value(const struct scenario *s, const char *key,
                                                const char *value,
                                                struct toml_reader_error *error) {
    struct toml_reader_document *document = read_value(value, false, error);
    const struct scenario_leaf *leaf = scenario_schema_find(s->schema, key);
    bool wants_text = leaf && leaf->type == SCENARIO_TEXT;
    if (document && wants_text && toml_reader_entry_at(document, 0)->type != TOML_READER_TEXT) {
        toml_reader_free(document);
        document = NULL;
    }
    return document ? document : read_value(value, true, error);
}

void scenario_layer_set(struct scenario *s, const char *assignment,
                        struct scenario_problems *problems) {
    const char *equals = strchr(assignment, '=');
    char key[TOML_READER_PATH_MAX];
    struct toml_reader_error error;
    if (!equals || equals == assignment || equals - assignment >= TOML_READER_PATH_MAX) {
        scenario_problem_report(problems, "--set", assignment,
                                "for example --set protocol.cycles=10",
                                "expected KEY=VALUE, found \"%.100s\"", assignment);
        return;
    }
    snprintf(key, sizeof key, "%.*s", (int)(equals - assignment), assignment);
    struct layer layer = {s, problems, parse_value(s, key, equals + 1, &error), NULL, key, 0};
    if (layer.document)
        overlay(&layer);
    else
        scenario_problem_report(problems, "--set", key, "quote texts for the shell", "%s",
                                error.message);
    toml_reader_free((struct toml_reader_document *)layer.document);
}
