/* run: what `kmc run` and `kmc resume` share: replicas with their results and files, from the start or from a checkpoint to the end. */
#ifndef KMC_RUN_H
#define KMC_RUN_H
#include "keeper.h"
#include "lock.h"
#include "options.h"
#include "output.h"
#include "progress.h"
#include "simulation.h"

struct run {
    struct simulation sim;
    struct output_info info;
    struct progress progress;
    struct track *track; /* [replicas] */
    struct keeper keeper;
    struct lock lock;
    struct checkpoint_file from; /* what a resumed run goes on from; file -1 for a new one */
    bool *finished;              /* [replicas] by a process before */
    int64_t profile_replicas;
    struct couples couples;
    const char *snapshots; /* none, last, all */
    double written_s;      /* when cycles.csv was last written, since the start */
};

/* Nothing held yet: run_free may be called from here on. */
void run_clear(struct run *run);

/* Builds what the replicas share, and empty tracks; exit code 0, 2 or 4. */
int run_create(struct run *run, const struct scenario *s);

/* What a checkpoint of this scenario says about it; program, name, start and wall time are left empty. */
void run_identity(const struct scenario *s, struct checkpoint_header *h);

/* Begins to keep checkpoints in run->info.directory: header from scenario and info, `used_s` of wall time before.  Exit code 0 or 4. */
int run_keep(struct run *run, const struct options *o, double used_s);

/* Runs all replicas that have not finished, writes the results, prints the table.  Returns the exit code. */
int run_go(struct run *run, const struct options *o);

/* Prints that what the checkpoint holds does not fit this scenario; returns the exit code. */
int run_refuse(const struct run *run, const char *problem);

void run_free(struct run *run);

#endif
