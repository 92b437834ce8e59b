/* scenario: the input of a simulation, resolved.
 *
 * A scenario is the schema's defaults (TOML files of lattices/data, built into the program), overlaid by the `base` chain, the user's TOML file
 * and `--set key=value` on the command line, in this order.  Every key is declared once, in the schema, with unit (in its name), default,
 * range, description and source; parser, `kmc defaults` and the documentation come from there.
 * Owner: the caller of scenario_load frees with scenario_free.  Read-only after loading.
 */
#ifndef KMC_SCENARIO_H
#define KMC_SCENARIO_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#ifdef __cplusplus
extern "C" {
#endif

struct scenario;

/* Loads `source`: a file path, or "builtin:NAME".  `set` holds n_set strings "key=value" (TOML value syntax; bare words are taken as strings).
 * All problems are printed at once to `errors`, one a line plus an indented hint:
 *     file:line:column: error: KEY: expected ..., found ...
 *         hint: did you mean `...`?
 * Returns NULL when there was any (the caller exits with code 2). */
struct scenario *scenario_load(const char *source, const char *const *set, size_t n_set,
                               FILE *errors);
void scenario_free(struct scenario *s);

/* Values by dotted path.  Asking for a path that the schema does not declare, or with the wrong type, is a programming error (assert). */
double scenario_real(const struct scenario *s, const char *key);
int64_t scenario_int(const struct scenario *s, const char *key);
bool scenario_flag(const struct scenario *s, const char *key);
const char *scenario_text(const struct scenario *s, const char *key);

/* Prior interval that the data files state for a parameter, item i of a list (0 for a number): its uncertainty.  False when they state none. */
bool scenario_prior(const struct scenario *s, const char *key, size_t i, double *low, double *high);

/* Lists of tables ([[dopant]]): count, and members by "dopant[0].fraction". Lists of numbers ("elements.Ni.valences"): count and items. */
size_t scenario_count(const struct scenario *s, const char *list);
double scenario_real_at(const struct scenario *s, const char *list, size_t i);
const char *scenario_text_at(const struct scenario *s, const char *list, size_t i);

/* Names below a table, e.g. "elements" -> "Al","Co",...; sorted; returns NULL past the end. */
const char *scenario_name_at(const struct scenario *s, const char *table, size_t i);

/* Where a key got its value: "lmr.toml:12:3", "builtin:o3-lmr:4:1", "--set", or "default".  For messages of later checks. */
const char *scenario_place(const struct scenario *s, const char *key);

/* Writes every key with its value, unit-bearing name and place; the result loads again to the same values. */
int scenario_write_resolved(const struct scenario *s, FILE *out);

/* 64-bit hash over all model and element parameters (not run settings), as 16 hex digits into hex[17]. */
void scenario_parameter_hash(const struct scenario *s, char hex[17]);

/* The same over every key that a trajectory or the result files depend on: all but run.threads, run.engine and output.checkpoint_minutes. */
void scenario_hash(const struct scenario *s, char hex[17]);

/* Documentation from the schema: fully commented TOML of all defaults; list of built-in scenarios with a one-line description. */
int scenario_write_defaults(FILE *out);
int scenario_write_list(FILE *out);
/* One family of them: built-in scenarios ("stackings", "literature", ...) or entries of the catalogue ("dopants", "coatings", ...), `full` with parameters,
 * priors and sources.  False when there is no such family. */
bool scenario_write_family(const char *family, bool full, FILE *out);
/* The text of the file as the user gave it (for scenario.toml in the run directory). */
const char *scenario_source_text(const struct scenario *s);
#ifdef __cplusplus
}
#endif
#endif
