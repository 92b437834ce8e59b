/* study_results: results.csv, all results of a study in one table.
 *
 * One row a replica: scenario, family and sample (empty without samples), seed, replica, cycles, the whole-run quantities of kmc/statistics.h with units in
 * their names, and the value of every parameter that was drawn in any scenario.  Empty = not defined.  Fades from the scenario's protocol.fade_first_cycle on.
 */
#ifndef KMC_STUDY_RESULTS_H
#define KMC_STUDY_RESULTS_H
#include "study_directory.h"

/* Writes it whole into the directory of a study whose runs are complete.  Exit code 0, or as of runfiles_open. */
int study_results_write(const struct study_directory *d, const struct study_plan *p);

#endif
