/* study_merge: replicas of one study that several processes have run, brought together.
 *
 * Replicas do not depend on each other, and a checkpoint keeps each in a section of its own: so a merged run is a checkpoint with the sections that are
 * furthest, with the snapshots of these replicas.  Results are then written as at the end of any run.
 */
#ifndef KMC_STUDY_MERGE_H
#define KMC_STUDY_MERGE_H
#include "study_directory.h"

/* Replicas that have finished among those of all runs that are not DONE in `to`. */
struct study_merge_count {
    int64_t finished, all;
};

/* Do the runs of these directories belong together, run with engines of one algorithm?  Exit code 0, 2 or 4 after printing; nothing is changed. */
int study_merge_check(const struct study_plan *p, char *const *directory, size_t n);

/* Takes into every run of `to`, a begun study, what the runs of these directories are ahead of it; `count` may be NULL.  Those of another seed, scenario or
 * algorithm are refused before anything is changed.  A run that is complete somewhere is taken as it is.  Exit code 0, 2, 4 or 5 after printing. */
int study_merge(const struct study_directory *to, const struct study_plan *p,
                char *const *directory, size_t n, struct study_merge_count *count);

/* The same from what ranks left in `to`/shards, which is removed. */
int study_merge_absorb(const struct study_directory *to, const struct study_plan *p);

#endif
