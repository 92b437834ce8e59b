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

#endif
