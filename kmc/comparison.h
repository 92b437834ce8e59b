/* comparison: runs side by side, their differences to a reference run with a corrected test, and what limits these.
 *
 * All runs are judged over the same cycles: fades from the reference's protocol.fade_first_cycle to the last cycle that every replica of every run
 * has.  Runs with the same seed are paired replica by replica (same disorder, same random streams), others are compared by Welch's test.  Holm's
 * correction takes all p-values of one comparison together.  Values and tests: kmc/statistics.h; units: statistics_unit; ranks and the probability of being
 * best, for quantities of which less or more is better: kmc/ranking.h.  Samples of parameters: kmc/comparison_runs.h, kmc/sensitivity.h.
 */
#ifndef KMC_COMPARISON_H
#define KMC_COMPARISON_H
#include "comparison_runs.h"
#include "sensitivity.h"

enum { COMPARISON_NOTE = 400 };

/* What to compare. */
struct comparison_request {
    char *const *directory; /* [n] of runs or studies; a study stands for its runs */
    int n;
    const char *reference;     /* one of them or another one; NULL = the first */
    const char *const *metric; /* [n_metrics] */
    size_t n_metrics;          /* 0 = the usual ones */
    int64_t fade_first_cycle;  /* 0 = from the reference */
};

/* The arrays belong to this struct; those over runs and metrics are in the order [run*n_metrics + metric]. */
struct comparison {
    struct comparison_runs runs;
    const struct runfiles_run *run; /* [n_runs] of them */
    size_t n_runs;
    size_t reference;            /* its place in run[] */
    struct statistics_span span; /* cycles over which all runs are judged */
    const char *const *metric;   /* [n_metrics] names; owner: the request, or static */
    size_t n_metrics;
    struct statistics_difference *difference; /* to the reference, its own unused */
    double *p, *p_holm; /* p-values and corrected ones, NaN = no test; one piece of memory */
    /* where 95 % of the samples' differences lie: what is not known makes of the effect; NaN without samples; one piece of memory */
    double *band_low, *band_high;
    struct sensitivity *sensitivity; /* [n_metrics], empty without samples */
    double *p_best;                  /* probability of being the best run, NaN = no ranking */
    size_t *rank;                    /* by mean, 1 = best, 0 = no ranking */
    /* [n_notes] what a reader must know about the numbers; warnings begin with "warning" */
    char (*note)[COMPARISON_NOTE];
    size_t n_notes, max_notes;
};

/* Reads the runs and compares them.  Returns an exit code as in kmc/runfiles.h; all but exhausted memory is printed to `errors`.  Free in any case. */
int comparison_create(struct comparison *c, const struct comparison_request *q, FILE *errors);
void comparison_free(struct comparison *c);

/* Is more of it better (1), or less (-1)?  0 = neither can be said. */
int comparison_better(const char *metric);

/* Short name of a usual metric, as a column head; others keep their full name. */
const char *comparison_heading(const char *metric);

#endif
