/* study_file: the TOML file of a study as entries with their places (internal to the study files).
 *
 * Entries: kmc/toml_reader.h.  Where an index is returned, 0 means none below a table, and toml_reader_count() none at the top: entry 0 is at the top.
 */
#ifndef KMC_STUDY_FILE_H
#define KMC_STUDY_FILE_H
#include "scenario_store.h"
#include "toml_reader.h"

struct study_file {
    char *path; /* as given; owner: this struct, as of the text */
    char *text;
    struct toml_reader_document *document;
};

/* Reads and parses it; false after reporting. */
bool study_file_open(struct study_file *f, const char *path, struct scenario_problems *problems);
void study_file_free(struct study_file *f);

const struct toml_reader_entry *study_file_entry(const struct study_file *f, size_t i);

/* The member of the table at `table` with this key, which may be dotted. */
size_t study_file_member(const struct study_file *f, size_t table, const char *key);

/* The entry at the top with this key. */
size_t study_file_top(const struct study_file *f, const char *key);

/* The path of entry i below the table at `table`, without the quotes of keys that are not bare: vary."dopant[0].fraction" is dopant[0].fraction. */
void study_file_key(const struct study_file *f, size_t table, size_t i,
                    char key[TOML_READER_PATH_MAX]);

/* Reports at the key of entry i; `key` NULL = its path. */
void study_file_report(const struct study_file *f, size_t i, const char *key, const char *hint,
                       struct scenario_problems *problems, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* "a table", "a list", ... */
const char *study_file_noun(enum toml_reader_type type);

/* The entry has this type, or another is reported with the hint. */
bool study_file_is(const struct study_file *f, size_t i, enum toml_reader_type type,
                   const char *hint, struct scenario_problems *problems);

/* Gives a scenario's key the value of an entry that has another path in this file; false after reporting a key that the scenario has not. */
bool study_file_assign(const struct study_file *f, struct scenario *s, const char *key,
                       size_t entry, struct scenario_problems *problems);

#endif
