/* comparison_runs: the runs of a comparison, from run directories and directories of studies.
 *
 * A study stands for its runs, in its order.  The samples of one scenario (kmc/study_vary.h) become one run whose "replicas" are the samples: each is the mean
 * over the replicas of that sample's run, cycle by cycle.  So intervals hold both what is random and what is not known, and samples of equal number, which have
 * the same crystals and parameters, are pairs.
 */
#ifndef KMC_COMPARISON_RUNS_H
#define KMC_COMPARISON_RUNS_H
#include "runfiles.h"
#include "study_runs.h"

struct comparison_runs {
    struct runfiles_run *run; /* [n]; owner: this struct */
    size_t n, capacity;
    struct study_runs *study; /* [n_studies] those with samples; owner: this struct */
    size_t n_studies;
};

/* Adds a run directory, or all runs of a study.  Exit code as of runfiles_open. */
int comparison_runs_add(struct comparison_runs *r, const char *directory, FILE *errors);

/* The same for one run that comes before all others. */
int comparison_runs_add_first(struct comparison_runs *r, const char *directory, FILE *errors);

/* Room for what these directories hold, so that no run moves later.  Exit code 0, 2 or 4. */
int comparison_runs_reserve(struct comparison_runs *r, char *const *directory, size_t n,
                            FILE *errors);
void comparison_runs_free(struct comparison_runs *r);

#endif
