/* scenario: see scenario.h.  scenario_layer.c overlays the sources, scenario_check.c looks at combinations, scenario_store.c holds the values. */
#include "scenario.h"

#include "scenario_catalogue.h"
#include "scenario_layer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* ---- loading ---- */

static void check_missing(const struct scenario *s, struct scenario_problems *problems) {
    char expected[400];
    for (size_t i = 0; i < s->count; i++) {
        const struct scenario_value *v = &s->values[i];
        if (v->set || v->refused)
            continue;
        scenario_schema_expectation(v->leaf, expected, sizeof expected);
        scenario_problem_report(problems, v->place, v->path, v->leaf->description,
                                "expected %s, found nothing", expected);
    }
}

/* True when `text` holds the symbol as a whole: "Ru" of Li2RuO3. */
static bool mentions(const char *text, const char *symbol) {
    size_t n = strlen(symbol);
    for (const char *at = text; (at = strstr(at, symbol)); at++)
        if (!(at[n] >= 'a' && at[n] <= 'z'))
            return true;
    return false;
}

bool scenario_names_element(const struct scenario *s, const char *symbol) {
    for (size_t k = 0; k < SCENARIO_DOPANTS_MAX; k++) {
        char key[64];
        snprintf(key, sizeof key, "dopant[%zu].element", k);
        const struct scenario_value *v = scenario_store_find(s, key);
        if (!v)
            break;
        if (strcmp(v->text, symbol) == 0)
            return true;
    }
    return mentions(scenario_store_find(s, "host.formula")->text, symbol);
}

void scenario_add_elements(struct scenario *s) {
    for (size_t i = 0; i < s->schema->count; i++) {
        const struct scenario_leaf *leaf = &s->schema->leaves[i];
        const char *member = strrchr(leaf->path, '.');
        if (!leaf->on_demand || strcmp(member, ".role") != 0)
            continue;
        char table[TOML_READER_PATH_MAX];
        snprintf(table, sizeof table, "%.*s", (int)(member - leaf->path), leaf->path);
        if (!scenario_store_is_table(s, table) &&
            scenario_names_element(s, table + strlen("elements.")))
            scenario_store_add(s, table, "default");
    }
}

void scenario_complete(struct scenario *s, struct scenario_problems *problems) {
    scenario_add_elements(s);
    scenario_catalogue_apply(s, problems);
    scenario_store_index(s);
    check_missing(s, problems);
    scenario_check(s, problems);
}

struct scenario *scenario_load(const char *source, const char *const *set, size_t n_set,
                               FILE *errors) {
    struct scenario_problems problems = {.out = errors};
    struct scenario *s = scenario_store_create();
    scenario_layer_file(s, source, &problems);
    for (size_t i = 0; i < n_set; i++)
        scenario_layer_set(s, set[i], &problems);
    scenario_complete(s, &problems);
    scenario_problem_finish(&problems);
    if (problems.count == 0)
        return s;
    scenario_store_free(s);
    return NULL;
}

void scenario_free(struct scenario *s) {
    scenario_store_free(s);
}

/* ---- values ---- */

static int compare_path(const void *key, const void *element) {
    const struct scenario_value *const *v = element;
    return strcmp(key, (*v)->path);
}

/* A wrong key is a programming error, also in builds without assertions: a guessed number would be worse than a stop. */
static _Noreturn void stop(const char *key, const char *message) {
    fprintf(stderr, "internal error: scenario: %s: %s\n", key, message);
    abort();
}

static const struct scenario_value *find(const struct scenario *s, const char *key) {
    const struct scenario_value **v =
        bsearch(key, s->by_path, s->count, sizeof *s->by_path, compare_path);
    if (!v)
        stop(key, "asked for a key that the schema does not declare");
    return *v;
}

static const struct scenario_value *find_typed(const struct scenario *s, const char *key,
                                               enum scenario_type type) {
    const struct scenario_value *v = find(s, key);
    if (v->leaf->type != type)
        stop(key, "asked for another type than the schema declares");
    return v;
}

double scenario_real(const struct scenario *s, const char *key) {
    return find_typed(s, key, SCENARIO_REAL)->real;
}

int64_t scenario_int(const struct scenario *s, const char *key) {
    return find_typed(s, key, SCENARIO_INT)->integer;
}

bool scenario_flag(const struct scenario *s, const char *key) {
    return find_typed(s, key, SCENARIO_FLAG)->flag;
}

const char *scenario_text(const struct scenario *s, const char *key) {
    return find_typed(s, key, SCENARIO_TEXT)->text;
}

bool scenario_prior(const struct scenario *s, const char *key, size_t i, double *low,
                    double *high) {
    return scenario_schema_prior(find(s, key)->leaf, i, low, high);
}

static size_t count_dopants(const struct scenario *s) {
    size_t n = 0;
    char key[64];
    do
        snprintf(key, sizeof key, "dopant[%zu].element", n++);
    while (bsearch(key, s->by_path, s->count, sizeof *s->by_path, compare_path));
    return n - 1;
}

size_t scenario_count(const struct scenario *s, const char *list) {
    if (strcmp(list, "dopant") == 0)
        return count_dopants(s);
    const struct scenario_value *v = find(s, list);
    if (v->leaf->type < SCENARIO_INT_LIST)
        stop(list, "asked for the length of something that is no list");
    return v->count;
}

double scenario_real_at(const struct scenario *s, const char *list, size_t i) {
    const struct scenario_value *v = find(s, list);
    if (v->leaf->type != SCENARIO_INT_LIST && v->leaf->type != SCENARIO_REAL_LIST)
        stop(list, "asked for a number of something that is no list of numbers");
    if (i >= v->count)
        stop(list, "asked for an item past the end");
    return v->items[i];
}

const char *scenario_text_at(const struct scenario *s, const char *list, size_t i) {
    const struct scenario_value *v = find_typed(s, list, SCENARIO_TEXT_LIST);
    if (i >= v->count)
        stop(list, "asked for an item past the end");
    return v->texts[i];
}

const char *scenario_name_at(const struct scenario *s, const char *table, size_t i) {
    for (size_t k = 0; k < s->name_count; k++)
        if (strcmp(s->names[k].table, table) == 0 && i-- == 0)
            return s->names[k].member;
    return NULL;
}

const char *scenario_place(const struct scenario *s, const char *key) {
    return find(s, key)->place;
}

const char *scenario_source_text(const struct scenario *s) {
    return s->source_text;
}

/* What a switch that is off keeps out of use is no parameter of the run. */
static bool is_parameter(const struct scenario *s, const char *path) {
    if (strncmp(path, "model.mn_beyond_", 16) == 0)
        return scenario_flag(s, "kinetics.manganese_beyond_4");
    return strncmp(path, "model.", 6) == 0 || strncmp(path, "elements.", 9) == 0;
}

static bool is_default(const struct scenario_value *v) {
    const struct toml_reader_entry *e = toml_reader_entry_at(v->leaf->document, v->leaf->fallback);
    switch (v->leaf->type) {
    case SCENARIO_INT:
        return v->integer == e->integer;
    case SCENARIO_TEXT:
        return strcmp(v->text, e->text) == 0;
    default:
        assert(e->count == 0); /* lists that are empty unless given */
        return v->count == 0;
    }
}

/* Keys output.snapshot_* came later: at their defaults they are left out, so that a run of an older program goes on. */
static bool shapes_results(const struct scenario *s, const char *path) {
    if (strncmp(path, "output.snapshot_", 16) == 0)
        return !is_default(find(s, path));
    return strcmp(path, "run.threads") != 0 && strcmp(path, "run.engine") != 0 &&
           strcmp(path, "output.checkpoint_minutes") != 0 &&
           strcmp(path, "kinetics.events_max") != 0;
}

/* XXH3 of the lines "key=value" of the keys that `takes` picks, sorted by key. */
static void hash_values(const struct scenario *s,
                        bool (*takes)(const struct scenario *s, const char *path), char hex[17]) {
    char *text = scenario_store_copy("");
    size_t size = 0;
    for (size_t i = 0; i < s->count; i++) {
        const struct scenario_value *v = s->by_path[i];
        if (!takes(s, v->path))
            continue;
        char *value = scenario_store_format(v);
        size_t n = strlen(v->path) + strlen(value) + 3;
        text = scenario_schema_resize(text, size + n);
        size += (size_t)snprintf(text + size, n, "%s=%s\n", v->path, value);
        free(value);
    }
    snprintf(hex, 17, "%016llx", (unsigned long long)XXH3_64bits(text, size));
    free(text);
}

void scenario_parameter_hash(const struct scenario *s, char hex[17]) {
    hash_values(s, is_parameter, hex);
}

void scenario_hash(const struct scenario *s, char hex[17]) {
    hash_values(s, shapes_results, hex);
}
