/* keeper: when checkpoints are written, and how the threads that run the replicas write them together.
 *
 * Replicas do not depend on each other, so a checkpoint may hold each at another place.  When one is due a round begins: every replica that is
 * running adds its section as it ends its next slice and goes on; the last one adds the finished replicas, copies the sections of those that wait
 * to go on from the checkpoint the run was resumed from, and puts the file in place.  Nobody waits for anybody, and nothing is kept in memory.
 * A stop (SIGINT, SIGTERM, --max-wallclock) is such a round in which nobody goes on; SIGUSR1 begins one at once.  A second signal ends the process.
 */
#ifndef KMC_KEEPER_H
#define KMC_KEEPER_H
#include <omp.h>
#include "checkpoint_writer.h"

enum keeper_place { KEEPER_WAITING, KEEPER_RUNNING, KEEPER_FINISHED };

struct keeper_replica {
    enum keeper_place place;
    struct track *track;
    int64_t stored;  /* its section in `from`, -1 = none */
    int64_t written; /* round in which its section was written last */
    bool awaited;    /* the round under way does not end without it */
};

struct keeper {
    char directory[1024];
    struct checkpoint_header header;
    const struct checkpoint_file *from; /* what the run goes on from, NULL for a new one */
    bool keep_old;                      /* the file in place is intact: it becomes checkpoint.old */
    double interval_s;                  /* 0 = never */
    struct keeper_replica *replica;     /* [replicas]; owner: this struct */
    struct checkpoint_writer *writer;   /* of the round under way, else NULL */
    int64_t round, saved;               /* rounds begun; checkpoints in place */
    double start_s, last_s, used_before_s;
    int saves_seen;   /* times SIGUSR1 had come when the last round began */
    int stop;         /* exit code of a stop under way, else 0 */
    bool broken;      /* a replica has failed: what is in place stays */
    int unsaved;      /* errno of the last checkpoint when it could not be written */
    double longest_s; /* time that writing a checkpoint took, all threads together, at most */
    double spent_s;   /* the same of the one under way */
    omp_lock_t lock;
};

/* `header` and `from` as they are; tracks are set by keeper_track.  False when memory runs out. */
bool keeper_init(struct keeper *k, const char *directory, const struct checkpoint_header *header,
                 const struct checkpoint_file *from, double interval_s);
void keeper_free(struct keeper *k);

/* What a replica starts from: its results so far, and its section in `from` (-1: none). */
void keeper_track(struct keeper *k, int64_t replica, struct track *t, int64_t stored,
                  bool finished);

/* From now on signals ask all keepers of this process for checkpoints and stops, and so does the end of limit_s seconds (0 = never). */
void keeper_catch_signals(double limit_s);

/* Exit code of a stop that is wanted by now (128 + signal, SIGALRM for the time limit), else 0. */
int keeper_stop_wanted(void);

/* Writes a checkpoint without any replica running; exit code 0 or 5 after printing to `errors`. */
int keeper_save(struct keeper *k, FILE *errors);

/* A group of replicas begins to run; false when the run is being stopped. */
bool keeper_run(struct keeper *k, const struct replica *r, int n);

/* A replica has finished, or failed. */
void keeper_finish(struct keeper *k, int64_t replica);
void keeper_fail(struct keeper *k);

/* Slice boundary of a batch of replicas; false when they must stop. */
bool keeper_boundary(struct keeper *k, const struct protocol_run *runs, int n);

/* All replicas have finished. */
bool keeper_complete(const struct keeper *k);

/* After all replicas have ended.  Exit code: 0 = the run is complete or failed otherwise, 128 + signal = stopped, all saved (SIGALRM for
 * --max-wallclock), 5 = stopped, but the last checkpoint could not be written. */
int keeper_end(struct keeper *k, FILE *errors);

/* Wall time of the whole run up to now, interruptions left out. */
double keeper_seconds(const struct keeper *k);

#endif
