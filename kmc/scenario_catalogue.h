/* scenario_catalogue: dopants, coatings, treatments, electrolytes and additives by name (lattices/data/catalogue.toml; internal to the scenario files).
 *
 * Families: dopants, codopants (each names its ready scenario, which holds ions, sites and amounts), electrolytes, additives, coatings, treatments
 * (presets: changes of surface.* keys).  A preset chosen by its key (surface.coating, ...) changes only keys that no file and no --set gives; where two
 * presets meet, the order is that of SCENARIO_CATALOGUE_PRESETS, and `add` and `factor` act on what is there.
 */
#ifndef KMC_SCENARIO_CATALOGUE_H
#define KMC_SCENARIO_CATALOGUE_H
#include "scenario_store.h"

enum { SCENARIO_CATALOGUE_PRESETS = 4 };

/* Key that chooses a preset and its family, in the order of application; NULL past the end. */
const char *scenario_catalogue_key(int i);
const char *scenario_catalogue_family(int i);

/* Applies the presets that the scenario chooses. */
void scenario_catalogue_apply(struct scenario *s, struct scenario_problems *problems);

/* Prints a family, a line an entry; `full` adds what it consists of, with priors and sources.  Number of entries, 0 for an unknown family. */
size_t scenario_catalogue_write(const char *family, bool full, FILE *out);

#endif
