/* study_runs: what runs the directory of a study holds, and which are samples of one scenario: from its resolved.toml alone, no scenario is loaded. */
#ifndef KMC_STUDY_RUNS_H
#define KMC_STUDY_RUNS_H
#include "study_plan.h"

struct study_runs_one {
    char directory[1024], family[STUDY_PLAN_NAME];
    int64_t sample;                /* from 0; -1 = none */
    struct study_vary_draws draws; /* what was drawn for it */
};

struct study_runs {
    struct study_runs_one *run; /* [n] in the order of the study; owner: this struct */
    size_t n;
};

/* Reads it; free in any case.  Exit code 0 or 2. */
int study_runs_open(struct study_runs *r, const char *directory, FILE *errors);
void study_runs_free(struct study_runs *r);

#endif
