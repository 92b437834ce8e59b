/* study: scenarios side by side: every (scenario, replica) is a piece of work, and all threads take the next one until none is left.
 *
 * A scenario's run (kmc/run.h) is opened from its checkpoint when its first replica is taken, and ended when its last one is left: so a few runs are
 * open at a time, with the crystals of the replicas under way, however many scenarios there are.  Replicas depend on scenario, seed and number only, hence
 * so do the files.  A run that fails stops no other.  With a target (kmc/study_target.h) the pieces come in stages.  A shard works on its share of the
 * replicas alone; its runs end with a checkpoint instead of the DONE mark, for `kmc merge` (kmc/study_merge.h).  MPI ranks are shards of one directory.
 * An engine that takes all replicas at once (cuda) gets one scenario after the other.
 */
#ifndef KMC_STUDY_H
#define KMC_STUDY_H
#include "options.h"
#include "study_directory.h"

/* Works on all runs of the directory that are not done, together with the other MPI ranks when there are any; then marks it DONE and prints the comparison of
 * the scenarios with the first one.  Only rank 0 holds the directory, but all call.  Returns the exit code. */
int study_work(struct study_directory *d, const struct study_plan *p, const struct options *o);

/* The part of one process: a shard marks its directory DONE and says what is next. */
int study_go(struct study_directory *d, const struct study_plan *p, const struct options *o);

#endif
