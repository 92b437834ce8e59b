/* run: replicas of one scenario with their results and files, from the start or from a checkpoint to the end.
 *
 * `kmc run` and `kmc resume` make one (kmc/run_directory.h) and let it go; `kmc study` has several under way and shares threads and progress among them.
 */
#ifndef KMC_RUN_H
#define KMC_RUN_H
#include "keeper.h"
#include "lock.h"
#include "options.h"
#include "output.h"
#include "progress.h"
#include "simulation.h"
#include "snapshot_policy.h"
#include "status.h"

struct run {
    struct simulation sim;
    struct output_info info;
    struct progress *progress; /* of the command; owner: who called run_begin */
    double weight;             /* share of the command's work that one replica is */
    const char *label;         /* before what progress and notes say; "" for a run on its own */
    struct track *track;       /* [replicas] */
    struct keeper keeper;
    struct lock lock;
    struct checkpoint_file from; /* what a resumed run goes on from; file -1 for a new one */
    bool *finished;              /* [replicas] by a process before */
    bool *wanted;                /* [replicas] those that this run is to finish: all, or a part */
    int64_t profile_replicas;
    struct couples couples;
    struct snapshot_policy snapshots;
    double written_s;     /* when cycles.csv was last written, since the start */
    struct status status; /* for kmc watch */
    int64_t ended;        /* replicas that have finished */
    bool stalled;         /* a stall was seen and told of */
};

/* Nothing held yet: run_free may be called from here on. */
void run_clear(struct run *run);

/* Builds what the replicas share, and empty tracks; exit code 0, 2 or 4. */
int run_create(struct run *run, const struct scenario *s);

/* What a checkpoint of this scenario says about it; program, name, start and wall time are left empty. */
void run_identity(const struct scenario *s, struct checkpoint_header *h);

/* Begins to keep checkpoints in run->info.directory: header from scenario and info, `used_s` of wall time before.  Exit code 0 or 4. */
int run_keep(struct run *run, double used_s);

/* Runs all replicas that have not finished, writes the results, prints the table.  Returns the exit code. */
int run_go(struct run *run, const struct options *o);

/* The parts of it.  run_begin books what is done already; run_group runs a group of replicas (a simulation_body, `context` is the run); run_end, after the
 * last group, writes the results: exit code of a stop, `status` of the groups, or of writing; 0 = the run is complete and marked DONE. */
void run_begin(struct run *run, struct progress *progress, double weight, const char *label);
int run_group(void *context, struct replica *r, int n);
int run_end(struct run *run, int status);

/* The same for a run that goes on later, elsewhere or with more replicas: it gets a checkpoint in place of the DONE mark. */
int run_pause(struct run *run, int status);

/* What a user should know about a run that has ended, on stderr. */
void run_notes(const struct run *run, const struct options *o);

/* Prints that what the checkpoint holds does not fit this scenario; returns the exit code. */
int run_refuse(const struct run *run, const char *problem);

void run_free(struct run *run);

#endif
