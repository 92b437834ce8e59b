/* scenario_schema: the declarations of all keys, read from the embedded TOML files of lattices/data.
 *
 * A leaf of the data files is one key.  Two kinds of path are templates:
 *     elements."*".role      member of an element that a scenario adds under a name of its own
 *     dopant."[]".fraction   member of one table of the list [[dopant]]
 * Elements declared by name inherit type, range and description from the template.  Those of data/dopants.toml are no part of a scenario, nor of its
 * hashes, until a dopant, the host's formula or a table [elements.Xx] names them.
 * Read once and kept to the end of the program; a study loads thousands of scenarios.
 */
#ifndef KMC_SCENARIO_SCHEMA_H
#define KMC_SCENARIO_SCHEMA_H
#include "toml_reader.h"

enum scenario_type {
    SCENARIO_INT,
    SCENARIO_REAL,
    SCENARIO_FLAG,
    SCENARIO_TEXT,
    SCENARIO_INT_LIST,
    SCENARIO_REAL_LIST,
    SCENARIO_TEXT_LIST
};

struct scenario_leaf {
    const char *path; /* "protocol.cycles" */
    enum scenario_type type;
    size_t fallback; /* entry of the default in `document`; valid when has_default */
    bool has_default, has_min, has_max;
    int64_t int_min, int_max; /* range of SCENARIO_INT and the items of SCENARIO_INT_LIST */
    double min, max;          /* the same as reals, in the unit of the key */
    size_t choices;           /* entry of the list of allowed texts; 0 = any (entry 0 is a table) */
    size_t prior; /* entry of the prior interval, [low, high] or one pair for each item; 0 = none */
    const char *description; /* "" when missing */
    const char *source;      /* origin of a physical number, "" when none is stated */
    const struct toml_reader_document *document; /* where fallback and prior live */
    const struct toml_reader_document
        *choices_document; /* where choices live: an element's are its template's */
    bool is_template;
    bool
        on_demand; /* of an element that a scenario has only when it names it (data/dopants.toml) */
};

struct scenario_schema {
    struct scenario_leaf *leaves; /* in the order of the data files */
    size_t count, capacity;
    struct toml_reader_document **documents; /* owner: this struct */
    size_t document_count;
};

/* The declarations; may be called by many threads.  A mistake in the embedded files is a programming error: prints it and aborts. */
const struct scenario_schema *scenario_schema_get(void);

/* Declaration of a concrete path ("dopant[2].site", "elements.Zn.role"), or NULL. */
const struct scenario_leaf *scenario_schema_find(const struct scenario_schema *schema,
                                                 const char *path);

/* Prior interval of item i of a list, or of a number (i = 0): what the parameter may be.  False when the data files state none. */
bool scenario_schema_prior(const struct scenario_leaf *leaf, size_t i, double *low, double *high);

/* True when the data files declare this element by name. */
bool scenario_schema_has_element(const struct scenario_schema *schema, const char *symbol);

/* The name nearest to `path` among the keys, their tables and the last components of keys; false when nothing is near. */
bool scenario_schema_suggest(const struct scenario_schema *schema, const char *path, char *nearest,
                             size_t n);

/* What a key takes, e.g. "an integer from 1 to 32" or `one of "bulk", "slab"`. */
void scenario_schema_expectation(const struct scenario_leaf *leaf, char *text, size_t n);

/* Number of single-character edits between two names of at most 255 characters, letters compared without case; `bound` when there are as many or more. */
size_t scenario_schema_distance(const char *a, const char *b, size_t bound);

/* realloc that ends the program with exit code 4 when memory is out. */
void *scenario_schema_resize(void *old, size_t size) __attribute__((returns_nonnull));

#endif
