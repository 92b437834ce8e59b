/* scenario_store: see scenario_store.h. */
#include "scenario_store.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

char *scenario_store_copy(const char *text) {
    size_t size = strlen(text) + 1;
    return memcpy(scenario_schema_resize(NULL, size), text, size);
}

char *scenario_store_place(const char *file, int line, int column) {
    size_t n = file ? strlen(file) + 40 : 8;
    char *text = scenario_schema_resize(NULL, n);
    if (file)
        snprintf(text, n, "%s:%d:%d", file, line, column);
    else
        snprintf(text, n, "--set");
    return text;
}

/* ---- values ---- */

static void free_content(struct scenario_value *v) {
    for (size_t k = 0; v->texts && k < v->count; k++)
        free(v->texts[k]);
    free(v->texts);
    free(v->items);
    free(v->text);
    v->texts = NULL, v->items = NULL, v->text = NULL, v->count = 0;
}

static void free_value(struct scenario_value *v) {
    free_content(v);
    free(v->path);
    free(v->place);
}

static void describe(const struct toml_reader_entry *e, char *text, size_t n) {
    switch (e->type) {
    case TOML_READER_TABLE:
        snprintf(text, n, "a table");
        break;
    case TOML_READER_LIST:
        snprintf(text, n, "a list of %zu", e->count);
        break;
    case TOML_READER_INT:
        snprintf(text, n, "the integer %lld", (long long)e->integer);
        break;
    case TOML_READER_REAL:
        snprintf(text, n, "the number %.9g", e->real);
        break;
    case TOML_READER_FLAG:
        snprintf(text, n, "%s", e->flag ? "true" : "false");
        break;
    case TOML_READER_TEXT:
        snprintf(text, n, "the text \"%.80s%s\"", e->text, strlen(e->text) > 80 ? "..." : "");
        break;
    default:
        snprintf(text, n, "a date or time");
    }
}

static bool type_fits(enum scenario_type type, enum toml_reader_type found) {
    switch (type) {
    case SCENARIO_INT:
        return found == TOML_READER_INT;
    case SCENARIO_REAL:
        return found == TOML_READER_INT || found == TOML_READER_REAL;
    case SCENARIO_FLAG:
        return found == TOML_READER_FLAG;
    case SCENARIO_TEXT:
        return found == TOML_READER_TEXT;
    default:
        return false;
    }
}

static bool choice_fits(const struct scenario_leaf *leaf, const char *text) {
    const struct toml_reader_document *d = leaf->choices_document;
    const struct toml_reader_entry *list = toml_reader_entry_at(d, leaf->choices);
    for (size_t k = leaf->choices + 1; k < list->next; k++)
        if (strcmp(toml_reader_entry_at(d, k)->text, text) == 0)
            return true;
    return false;
}

/* Type, range, choice and length of one number, flag or text. NaN fails every comparison. */
static bool scalar_fits(const struct scenario_leaf *leaf, enum scenario_type type,
                        const struct toml_reader_entry *e) {
    if (!type_fits(type, e->type))
        return false;
    if (type == SCENARIO_INT)
        return e->integer >= leaf->int_min && e->integer <= leaf->int_max;
    if (type == SCENARIO_REAL)
        return e->real >= leaf->min && e->real <= leaf->max;
    if (type == SCENARIO_TEXT && leaf->choices)
        return choice_fits(leaf, e->text);
    return type != SCENARIO_TEXT || strlen(e->text) <= SCENARIO_TEXT_BYTES_MAX;
}

static const char *nearest_choice(const struct scenario_leaf *leaf, const char *text) {
    const struct toml_reader_document *d = leaf->choices_document;
    const char *best = NULL;
    size_t distance = strlen(text) / 2 + 1;
    for (size_t k = leaf->choices + 1; k < toml_reader_entry_at(d, leaf->choices)->next; k++) {
        const char *choice = toml_reader_entry_at(d, k)->text;
        size_t edits = scenario_schema_distance(choice, text, distance);
        if (edits < distance)
            distance = edits, best = choice;
    }
    return best;
}

static const char *value_hint(const struct scenario_leaf *leaf, enum scenario_type type,
                              const struct toml_reader_entry *e, char *text, size_t n) {
    const char *choice = NULL;
    if (type == SCENARIO_TEXT && leaf->choices && e->type == TOML_READER_TEXT)
        choice = nearest_choice(leaf, e->text);
    if (choice)
        snprintf(text, n, "did you mean `%s`?", choice);
    else if (type == SCENARIO_INT && e->type == TOML_READER_REAL)
        snprintf(text, n, "write the number without point and exponent");
    else if (e->type == TOML_READER_TEXT && type != SCENARIO_TEXT)
        snprintf(text, n, "write the value without quotes");
    else
        snprintf(text, n, "%s", leaf->description);
    return text;
}

static void report_value(const struct scenario_value *v, enum scenario_type type,
                         const struct toml_reader_entry *e, const char *file,
                         struct scenario_problems *problems) {
    char expected[400], found[160], hint[400];
    char *place = scenario_store_place(file, e->line, e->column);
    scenario_schema_expectation(v->leaf, expected, sizeof expected);
    describe(e, found, sizeof found);
    if (type == SCENARIO_TEXT && e->type == TOML_READER_TEXT && !v->leaf->choices)
        snprintf(expected, sizeof expected, "a text of at most %d bytes", SCENARIO_TEXT_BYTES_MAX);
    scenario_problem_report(problems, place, v->path,
                            value_hint(v->leaf, type, e, hint, sizeof hint),
                            "expected %s, found %s", expected, found);
    free(place);
}

static void take_scalar(struct scenario_value *v, const struct toml_reader_entry *e) {
    free_content(v);
    v->integer = e->integer;
    v->real = e->real;
    v->flag = e->flag;
    v->text = scenario_store_copy(e->text);
}

static void take_list(struct scenario_value *v, const struct toml_reader_document *d, size_t i) {
    size_t count = toml_reader_entry_at(d, i)->count;
    free_content(v);
    v->items = scenario_schema_resize(NULL, (count + 1) * sizeof *v->items);
    v->texts = scenario_schema_resize(NULL, (count + 1) * sizeof *v->texts);
    v->count = count;
    for (size_t k = 0; k < count; k++) {
        v->items[k] = toml_reader_entry_at(d, i + 1 + k)->real;
        v->texts[k] = scenario_store_copy(toml_reader_entry_at(d, i + 1 + k)->text);
    }
}

static bool is_list(enum scenario_type type) {
    return type >= SCENARIO_INT_LIST;
}

/* Items of a list have the scalar type of the same order in the enumeration. */
static bool list_fits(const struct scenario_value *v, const struct toml_reader_document *d,
                      size_t i, const char *file, struct scenario_problems *problems) {
    const struct toml_reader_entry *e = toml_reader_entry_at(d, i);
    enum scenario_type item = v->leaf->type - SCENARIO_INT_LIST;
    if (e->type != TOML_READER_LIST || e->count > SCENARIO_ITEMS_MAX) {
        report_value(v, v->leaf->type, e, file, problems);
        return false;
    }
    for (size_t k = i + 1; k < e->next; k = toml_reader_entry_at(d, k)->next) {
        const struct toml_reader_entry *member = toml_reader_entry_at(d, k);
        if (scalar_fits(v->leaf, item, member))
            continue;
        report_value(v, item, member, file, problems);
        return false;
    }
    return true;
}

void scenario_store_assign(struct scenario_value *v, const struct toml_reader_document *d, size_t i,
                           const char *file, struct scenario_problems *problems) {
    const struct toml_reader_entry *e = toml_reader_entry_at(d, i);
    bool list = is_list(v->leaf->type);
    bool fits = list ? list_fits(v, d, i, file, problems) : scalar_fits(v->leaf, v->leaf->type, e);
    if (!fits && !list)
        report_value(v, v->leaf->type, e, file, problems);
    v->refused = !fits;
    if (!fits)
        return;
    if (list)
        take_list(v, d, i);
    else
        take_scalar(v, e);
    v->set = true;
    free(v->place);
    v->place = scenario_store_place(file, e->key_line, e->key_column);
}

/* ---- the table of values ---- */

static void take_default(struct scenario_value *v) {
    if (is_list(v->leaf->type))
        take_list(v, v->leaf->document, v->leaf->fallback);
    else
        take_scalar(v, toml_reader_entry_at(v->leaf->document, v->leaf->fallback));
    v->set = true;
}

static void add_value(struct scenario *s, const char *path, const struct scenario_leaf *leaf,
                      const char *place) {
    if (s->count == s->capacity) {
        s->capacity = s->capacity ? 2 * s->capacity : 512;
        s->values = scenario_schema_resize(s->values, s->capacity * sizeof *s->values);
    }
    struct scenario_value *v = &s->values[s->count++];
    *v = (struct scenario_value){.leaf = leaf};
    v->path = scenario_store_copy(path);
    v->place = scenario_store_copy(leaf->has_default ? "default" : place);
    if (leaf->has_default)
        take_default(v);
    else
        v->text = scenario_store_copy("");
}

struct scenario *scenario_store_create(void) {
    struct scenario *s = scenario_schema_resize(NULL, sizeof *s);
    *s = (struct scenario){.schema = scenario_schema_get()};
    for (size_t i = 0; i < s->schema->count; i++) {
        const struct scenario_leaf *leaf = &s->schema->leaves[i];
        if (!leaf->is_template && !leaf->on_demand)
            add_value(s, leaf->path, leaf, "default");
    }
    s->source_text = scenario_store_copy("");
    return s;
}

void scenario_store_free(struct scenario *s) {
    if (!s)
        return;
    for (size_t i = 0; i < s->count; i++)
        free_value(&s->values[i]);
    for (size_t i = 0; i < s->name_count; i++) {
        free(s->names[i].table);
        free(s->names[i].member);
    }
    free(s->values);
    free(s->by_path);
    free(s->names);
    free(s->source_text);
    free(s);
}

static int compare_path(const void *key, const void *element) {
    const struct scenario_value *const *v = element;
    return strcmp(key, (*v)->path);
}

struct scenario_value *scenario_store_find(const struct scenario *s, const char *path) {
    if (s->by_path) {
        const struct scenario_value **v =
            bsearch(path, s->by_path, s->count, sizeof *s->by_path, compare_path);
        return v ? &s->values[*v - s->values] : NULL;
    }
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->values[i].path, path) == 0)
            return &s->values[i];
    return NULL;
}

bool scenario_store_is_table(const struct scenario *s, const char *path) {
    size_t n = strlen(path);
    for (size_t i = 0; i < s->count; i++)
        if (strncmp(s->values[i].path, path, n) == 0 && s->values[i].path[n] == '.')
            return true;
    return false;
}

/* The members that the data files declare below this table; false when there is none. */
static bool add_declared(struct scenario *s, const char *table, const char *place) {
    size_t n = strlen(table);
    bool any = false;
    for (size_t i = 0; i < s->schema->count; i++) {
        const struct scenario_leaf *leaf = &s->schema->leaves[i];
        if (strncmp(leaf->path, table, n) != 0 || leaf->path[n] != '.')
            continue;
        add_value(s, leaf->path, leaf, place);
        any = true;
    }
    return any;
}

void scenario_store_add(struct scenario *s, const char *table, const char *place) {
    if (add_declared(s, table, place))
        return;
    const char *prefix = strncmp(table, "dopant", 6) == 0 ? "dopant.\"[]\"." : "elements.\"*\".";
    char path[2 * TOML_READER_PATH_MAX];
    for (size_t i = 0; i < s->schema->count; i++) {
        const struct scenario_leaf *leaf = &s->schema->leaves[i];
        if (strncmp(leaf->path, prefix, strlen(prefix)) != 0)
            continue;
        snprintf(path, sizeof path, "%.200s.%s", table, leaf->path + strlen(prefix));
        add_value(s, path, leaf, place);
    }
}

void scenario_store_clear_dopants(struct scenario *s) {
    size_t kept = 0;
    for (size_t i = 0; i < s->count; i++)
        if (strncmp(s->values[i].path, "dopant[", 7) == 0)
            free_value(&s->values[i]);
        else
            s->values[kept++] = s->values[i];
    s->count = kept;
}

/* ---- index ---- */

static int by_path(const void *a, const void *b) {
    const struct scenario_value *const *x = a, *const *y = b;
    return strcmp((*x)->path, (*y)->path);
}

static int by_name(const void *a, const void *b) {
    const struct scenario_name *x = a, *y = b;
    int order = strcmp(x->table, y->table);
    return order ? order : strcmp(x->member, y->member);
}

static char *part_of(const char *text, size_t n) {
    char *part = scenario_schema_resize(NULL, n + 1);
    snprintf(part, n + 1, "%s", text);
    return part;
}

static void add_name(struct scenario *s, const char *table, size_t table_size, const char *member,
                     size_t member_size, size_t *room) {
    if (s->name_count == *room) {
        *room = *room ? 2 * *room : 1024;
        s->names = scenario_schema_resize(s->names, *room * sizeof *s->names);
    }
    s->names[s->name_count++] =
        (struct scenario_name){part_of(table, table_size), part_of(member, member_size)};
}

/* Of equal neighbours one stays. */
static void drop_doubles(struct scenario *s) {
    size_t kept = 0;
    for (size_t i = 0; i < s->name_count; i++) {
        if (kept && by_name(&s->names[kept - 1], &s->names[i]) == 0) {
            free(s->names[i].table);
            free(s->names[i].member);
        } else {
            s->names[kept++] = s->names[i];
        }
    }
    s->name_count = kept;
}

void scenario_store_index(struct scenario *s) {
    s->by_path = scenario_schema_resize(s->by_path, (s->count + 1) * sizeof *s->by_path);
    size_t room = 0; /* called once */
    for (size_t i = 0; i < s->count; i++) {
        const char *path = s->values[i].path;
        s->by_path[i] = &s->values[i];
        for (const char *dot = strchr(path, '.'); dot; dot = strchr(dot + 1, '.'))
            add_name(s, path, (size_t)(dot - path), dot + 1, strcspn(dot + 1, "."), &room);
    }
    qsort(s->by_path, s->count, sizeof *s->by_path, by_path);
    qsort(s->names, s->name_count, sizeof *s->names, by_name);
    drop_doubles(s);
}

/* ---- TOML syntax ---- */

static void format_real(double x, char *text, size_t n) {
    int digits = 6;
    do
        snprintf(text, n, "%.*g", digits, x);
    while (strtod(text, NULL) != x && ++digits <= DBL_DECIMAL_DIG);
    if (!strpbrk(text, ".e"))
        strncat(text, ".0", n - strlen(text) - 1); /* TOML tells reals by the point */
}

static char *format_text(const char *text) {
    char *out = scenario_schema_resize(NULL, 6 * strlen(text) + 3), *p = out;
    *p++ = '"';
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\') {
            *p++ = '\\';
            *p++ = (char)*c;
        } else if (*c < 0x20 || *c == 0x7f) {
            p += sprintf(p, "\\u%04X", *c);
        } else {
            *p++ = (char)*c;
        }
    }
    *p++ = '"';
    *p = '\0';
    return out;
}

static char *format_item(const struct scenario_value *v, enum scenario_type type, size_t k) {
    char number[64];
    if (type == SCENARIO_TEXT_LIST)
        return format_text(v->texts[k]);
    if (type == SCENARIO_INT_LIST)
        snprintf(number, sizeof number, "%lld", (long long)v->items[k]);
    else
        format_real(v->items[k], number, sizeof number);
    return scenario_store_copy(number);
}

static char *format_list(const struct scenario_value *v) {
    char *out = scenario_store_copy("[");
    for (size_t k = 0; k < v->count; k++) {
        char *item = format_item(v, v->leaf->type, k);
        out = scenario_schema_resize(out, strlen(out) + strlen(item) + 4);
        strcat(strcat(out, k ? ", " : ""), item);
        free(item);
    }
    out = scenario_schema_resize(out, strlen(out) + 2);
    return strcat(out, "]");
}

char *scenario_store_format(const struct scenario_value *v) {
    char number[64];
    switch (v->leaf->type) {
    case SCENARIO_INT:
        snprintf(number, sizeof number, "%lld", (long long)v->integer);
        return scenario_store_copy(number);
    case SCENARIO_REAL:
        format_real(v->real, number, sizeof number);
        return scenario_store_copy(number);
    case SCENARIO_FLAG:
        return scenario_store_copy(v->flag ? "true" : "false");
    case SCENARIO_TEXT:
        return format_text(v->text);
    default:
        return format_list(v);
    }
}
