/* study_directory: the directory of a study.
 *
 *   study.toml     as given              study.json  program, seed, scenarios with their hashes: marks the directory as a study, from the start
 *   NAME/          an ordinary run directory for each scenario, with a checkpoint from the start
 *   resolved.toml  the study as a list of NAME/resolved.toml: it does not change when a base does; `kmc resume DIR` reads it.  Written when all runs
 *                  are there, so a directory without it holds no results
 *   results.csv    at the end, a row a replica (kmc/study_results.h)
 *   DONE           at the end            lock        one process at a time
 *   shards/R-of-N/ while MPI ranks work on it: a directory like this one for each, brought together at the end or when the study goes on
 */
#ifndef KMC_STUDY_DIRECTORY_H
#define KMC_STUDY_DIRECTORY_H
#include "lock.h"
#include "study_plan.h"

struct study_directory {
    char path[940]; /* short enough for the runs in it */
    struct lock lock;
    char resolved[1100];                  /* path of resolved.toml */
    const struct study_directory *parent; /* of a rank's directory: the study's; else NULL */
};

/* Nothing held yet: study_directory_free may be called from here on.  Exit code 0, or 2 when the path is too long. */
int study_directory_init(struct study_directory *d, const char *path);

/* Is it the directory of a study, finished or not? */
bool study_directory_is_study(const char *path);

/* Takes a new directory or an unfinished one of the same study, and makes what is missing in it; `resumed` = there was something to go on with.
 * Foreign, finished and other directories are refused unchanged.  Exit code 0, 2, 4 or 5 after printing to stderr. */
int study_directory_begin(struct study_directory *d, const struct study_plan *p, bool *resumed);

/* Takes an unfinished one, and reads its plan: free the plan in any case.  Exit code 0, 2, 4 or 5. */
int study_directory_resume(struct study_directory *d, struct study_plan *p, const char *const *set,
                           size_t n_set);

/* Is the run of a scenario complete, here or in the parent? */
bool study_directory_is_done(const struct study_directory *d, const struct study_plan_scenario *s);

/* Path of the run of a scenario. */
void study_directory_run(const struct study_directory *d, const struct study_plan_scenario *s,
                         char path[1024]);

/* The mark that all runs are complete.  Exit code 0 or 5. */
int study_directory_finish(const struct study_directory *d);

void study_directory_free(struct study_directory *d);

#endif
