/* comparison_report: a comparison of runs as text tables, as CSV and as JSON.
 *
 *   text  list of runs; table of runs (mean ± standard error [95 % interval]); table of differences to the reference; notes
 *   CSV   a row "value" for each run and metric, then a row "difference" for each but the reference's, then a row "sensitivity" for each parameter that was
 *         drawn: `scenario` is the parameter, `mean` the change over the range in the band columns, `effect_size` the share of variance; empty = not defined
 *   JSON  {first_cycle, last_cycle, reference, runs: [{..., values: [...]}], differences: [...], sensitivity: [...], notes: [...]}; null = not defined
 * CSV and JSON give numbers to 10 digits with their unit beside them.
 */
#ifndef KMC_COMPARISON_REPORT_H
#define KMC_COMPARISON_REPORT_H
#include "comparison.h"

/* Tables and notes.  Exit code 0, or RUNFILES_MEMORY. */
int comparison_report_text(const struct comparison *c, FILE *out);

/* The notes alone, one a line. */
void comparison_report_notes(const struct comparison *c, FILE *out);

/* Whether a write failed is left in ferror(out). */
void comparison_report_csv(const struct comparison *c, FILE *out);
void comparison_report_json(const struct comparison *c, FILE *out);

#endif
