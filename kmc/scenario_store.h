/* scenario_store: the values of a scenario (internal to the scenario files).
 *
 * One value for each key of the schema, in schema order, then the members of elements that the scenario adds and of [[dopant]].
 *   values[]   in that order           by_path[]  pointers into values[], sorted by path, made by scenario_store_index
 *   names[]    (table, member) pairs, sorted, for scenario_name_at
 */
#ifndef KMC_SCENARIO_STORE_H
#define KMC_SCENARIO_STORE_H
#include "scenario.h"
#include "scenario_problem.h"
#include "scenario_schema.h"

enum { SCENARIO_TEXT_BYTES_MAX = 500, SCENARIO_ITEMS_MAX = 64, SCENARIO_DOPANTS_MAX = 32 };

struct scenario_value {
    char *path;                       /* full dotted path; owner: this struct */
    const struct scenario_leaf *leaf; /* declaration; owner: the schema */
    bool set;                         /* false: no default and not given (yet) */
    bool refused;                     /* a value was given and reported as wrong */
    int64_t integer;                  /* SCENARIO_INT */
    double real;                      /* SCENARIO_REAL, in the unit of the key */
    bool flag;                        /* SCENARIO_FLAG */
    char *text;                       /* SCENARIO_TEXT; owner: this struct */
    size_t count;                     /* items of a list */
    double *items;                    /* integers or reals of a list; owner: this struct */
    char **texts;                     /* texts of a list; owner: this struct */
    char *place; /* where it came from, or the table that misses it; owner: this struct */
};

struct scenario_name {
    char *table, *member; /* "elements", "Ni"; owner: this struct */
};

struct scenario {
    const struct scenario_schema *schema; /* shared by all scenarios */
    struct scenario_value *values;        /* owner: this struct */
    size_t count, capacity;
    const struct scenario_value **by_path;
    struct scenario_name *names;
    size_t name_count;
    char *source_text; /* the file as given; owner: this struct */
};

/* Every key of the schema with its default. */
struct scenario *scenario_store_create(void);
void scenario_store_free(struct scenario *s);

/* The value at a path, or NULL; works before scenario_store_index. */
struct scenario_value *scenario_store_find(const struct scenario *s, const char *path);

/* True when some key lies below the path. */
bool scenario_store_is_table(const struct scenario *s, const char *path);

/* Adds all members of an element that the data files hold ready ("elements.Cs"), or of the template for a new one ("elements.Zn") or a dopant
 * ("dopant[0]"), given at `place`. */
void scenario_store_add(struct scenario *s, const char *table, const char *place);

/* Removes every [[dopant]]. */
void scenario_store_clear_dopants(struct scenario *s);

/* "file:line:column" as a new text (free it); "--set" when file is NULL, for the command line has no lines. */
char *scenario_store_place(const char *file, int line, int column);

/* Checks entry i of the document of `file` (NULL for --set) against the declaration of v and takes it over, or reports why not. */
void scenario_store_assign(struct scenario_value *v, const struct toml_reader_document *d, size_t i,
                           const char *file, struct scenario_problems *problems);

/* Makes by_path and names. */
void scenario_store_index(struct scenario *s);

/* The value in TOML syntax into a new text (free it); reals in the fewest digits that read back to the same number. */
char *scenario_store_format(const struct scenario_value *v);

/* A copy of `text`. */
char *scenario_store_copy(const char *text);

/* Reports combinations of values that make no sense. */
void scenario_check(const struct scenario *s, struct scenario_problems *problems);

/* Does a dopant or the host's formula name this element? */
bool scenario_names_element(const struct scenario *s, const char *symbol);

/* Adds those elements that the data files hold ready for when they are named. */
void scenario_add_elements(struct scenario *s);

/* Ends the overlaying: elements, index, keys without a value, combinations. */
void scenario_complete(struct scenario *s, struct scenario_problems *problems);

#endif
