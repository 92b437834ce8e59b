#include "study_file.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "scenario_layer.h"

bool study_file_open(struct study_file *f, const char *path, struct scenario_problems *problems) {
    struct toml_reader_error error;
    size_t size = 0;
    *f = (struct study_file){.path = scenario_store_copy(path)};
    f->text = scenario_layer_read(path, path, "study", &size, problems);
    if (!f->text)
        return false;
    f->document = toml_reader_create(f->text, size, &error);
    if (!f->document)
        scenario_layer_report_syntax(path, &error, problems);
    return f->document != NULL;
}

void study_file_free(struct study_file *f) {
    toml_reader_free(f->document);
    free(f->text);
    free(f->path);
    *f = (struct study_file){0};
}

const struct toml_reader_entry *study_file_entry(const struct study_file *f, size_t i) {
    return toml_reader_entry_at(f->document, i);
}

size_t study_file_member(const struct study_file *f, size_t table, const char *key) {
    const struct toml_reader_entry *t = study_file_entry(f, table);
    for (size_t i = table + 1; i < t->next; i = study_file_entry(f, i)->next)
        if (strcmp(study_file_entry(f, i)->path + strlen(t->path) + 1, key) == 0)
            return i;
    return 0;
}

size_t study_file_top(const struct study_file *f, const char *key) {
    size_t i = 0, n = toml_reader_count(f->document);
    while (i < n && strcmp(study_file_entry(f, i)->path, key) != 0)
        i = study_file_entry(f, i)->next;
    return i;
}

void study_file_key(const struct study_file *f, size_t table, size_t i,
                    char key[TOML_READER_PATH_MAX]) {
    const char *c = study_file_entry(f, i)->path + strlen(study_file_entry(f, table)->path) + 1;
    size_t n = 0;
    for (; *c; c++)
        if (*c != '"')
            key[n++] = *c;
    key[n] = '\0';
}

void study_file_report(const struct study_file *f, size_t i, const char *key, const char *hint,
                       struct scenario_problems *problems, const char *format, ...) {
    const struct toml_reader_entry *e = study_file_entry(f, i);
    char *place = scenario_store_place(f->path, e->key_line, e->key_column), text[600];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    scenario_problem_report(problems, place, key ? key : e->path, hint, "%s", text);
    free(place);
}

const char *study_file_noun(enum toml_reader_type type) {
    static const char *const nouns[] = {"a table",       "a list", "an integer", "a number",
                                        "true or false", "a text", "a date"};
    return nouns[type];
}

bool study_file_is(const struct study_file *f, size_t i, enum toml_reader_type type,
                   const char *hint, struct scenario_problems *problems) {
    const struct toml_reader_entry *e = study_file_entry(f, i);
    if (e->type == type)
        return true;
    study_file_report(f, i, NULL, hint, problems, "expected %s, found %s", study_file_noun(type),
                      study_file_noun(e->type));
    return false;
}

bool study_file_assign(const struct study_file *f, struct scenario *s, const char *key,
                       size_t entry, struct scenario_problems *problems) {
    struct scenario_value *v = scenario_store_find(s, key);
    char hint[2 * TOML_READER_PATH_MAX], nearest[TOML_READER_PATH_MAX];
    if (!v) {
        snprintf(hint, sizeof hint, "see `kmc defaults`; keys of the scenario alone can vary");
        bool near = scenario_schema_suggest(s->schema, key, nearest, sizeof nearest);
        if (near && strcmp(nearest, key) == 0)
            snprintf(hint, sizeof hint, "the scenario has no such element or dopant");
        else if (near)
            snprintf(hint, sizeof hint, "did you mean `%s`?", nearest);
        study_file_report(f, entry, key, hint, problems,
                          "expected a key of the scenario, found none of this name");
        return false;
    }
    char *path = v->path;
    v->path = scenario_store_copy(study_file_entry(f, entry)->path); /* for the message */
    scenario_store_assign(v, f->document, entry, f->path, problems);
    free(v->path);
    v->path = path;
    return true;
}
