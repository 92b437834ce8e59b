/* scenario_layer: overlays one source of values after the other on a scenario's defaults (internal to the scenario files).
 *
 * A file may name what it builds on with `base` and `include` ("builtin:NAME", or a path relative to the file); these are overlaid
 * before the file itself.  A file that gives [[dopant]] replaces the whole list of the sources below it.
 */
#ifndef KMC_SCENARIO_LAYER_H
#define KMC_SCENARIO_LAYER_H
#include "scenario_store.h"

enum { SCENARIO_FILE_BYTES_MAX = 1 << 20, SCENARIO_BASE_DEPTH_MAX = 8 };

/* Overlays `source` (path or "builtin:NAME") with all it builds on; keeps its text in s->source_text. */
void scenario_layer_file(struct scenario *s, const char *source,
                         struct scenario_problems *problems);

/* Overlays one "key=value" of the command line. */
void scenario_layer_set(struct scenario *s, const char *assignment,
                        struct scenario_problems *problems);

/* The text of a source with a NUL behind it (free it), `size` bytes long; NULL after reporting at `place` that `key` names something unusable. */
char *scenario_layer_read(const char *source, const char *place, const char *key, size_t *size,
                          struct scenario_problems *problems);

/* Overlays, as scenario_layer_file does, the source that a text entry of the document of `file` names, seen from that file. */
void scenario_layer_base(struct scenario *s, const struct toml_reader_document *d, size_t entry,
                         const char *file, struct scenario_problems *problems);

/* Overlays the members of one table of a document that is no scenario itself. */
void scenario_layer_table(struct scenario *s, const struct toml_reader_document *d, size_t table,
                          const char *file, struct scenario_problems *problems);

/* Reports a text that is not TOML. */
void scenario_layer_report_syntax(const char *source, const struct toml_reader_error *error,
                                  struct scenario_problems *problems);

#endif
