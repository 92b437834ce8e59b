#include "keeper.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { KEEPER_FILES = 5, SIGNAL_BASE = 128 };

static volatile sig_atomic_t stop_signal, saves_wanted;
static double deadline_s; /* 0 = none */

static void on_stop(int number) {
    if (stop_signal)
        _exit(SIGNAL_BASE + number);
    stop_signal = number;
}

static void on_save(int number) {
    (void)number;
    saves_wanted = saves_wanted + 1;
}

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void keeper_catch_signals(double limit_s) {
    struct sigaction stop = {.sa_handler = on_stop, .sa_flags = SA_RESTART};
    struct sigaction save = {.sa_handler = on_save, .sa_flags = SA_RESTART};
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGUSR1, &save, NULL);
    deadline_s = limit_s > 0 ? now_s() + limit_s : 0;
}

int keeper_stop_wanted(void) {
    if (stop_signal)
        return SIGNAL_BASE + stop_signal;
    return deadline_s > 0 && now_s() >= deadline_s ? SIGNAL_BASE + SIGALRM : 0;
}

/* ---- life ---- */

bool keeper_init(struct keeper *k, const char *directory, const struct checkpoint_header *header,
                 const struct checkpoint_file *from, double interval_s) {
    memset(k, 0, sizeof *k);
    snprintf(k->directory, sizeof k->directory, "%s", directory);
    k->header = *header;
    k->from = from;
    k->keep_old = true;
    k->interval_s = interval_s;
    k->start_s = k->last_s = now_s();
    k->used_before_s = header->used_s;
    k->replica = calloc((size_t)header->replicas, sizeof *k->replica);
    omp_init_lock(&k->lock);
    return k->replica != NULL;
}

void keeper_free(struct keeper *k) {
    if (k->writer)
        checkpoint_writer_abandon(k->writer);
    omp_destroy_lock(&k->lock);
    free(k->replica);
    k->replica = NULL;
    k->writer = NULL;
}

void keeper_track(struct keeper *k, int64_t replica, struct track *t, int64_t stored,
                  bool finished) {
    k->replica[replica] =
        (struct keeper_replica){finished ? KEEPER_FINISHED : KEEPER_WAITING, t, stored, 0, false};
}

double keeper_seconds(const struct keeper *k) {
    return k->used_before_s + now_s() - k->start_s;
}

/* ---- a round; the lock is held ---- */

static void begin_round(struct keeper *k) {
    double begin = now_s();
    if (k->writer)
        checkpoint_writer_abandon(k->writer);
    k->round++;
    k->saves_seen = saves_wanted;
    k->header.used_s = keeper_seconds(k);
    k->writer = checkpoint_writer_begin(k->directory, &k->header);
    k->unsaved = k->writer ? 0 : errno;
    k->spent_s = now_s() - begin;
    k->last_s = begin;
    for (int64_t r = 0; r < k->header.replicas; r++)
        k->replica[r].awaited = k->writer && k->replica[r].place == KEEPER_RUNNING;
}

static void add_running(struct keeper *k, const struct protocol_run *w) {
    double begin = now_s();
    struct keeper_replica *mine = &k->replica[w->r->number];
    struct protocol_position at = w->at;
    struct checkpoint_section s = {w->r->number, mine->track, &at, &w->r->state};
    if (at.step == STEP_DONE)
        s.at = NULL;
    else
        engine_fetch(w->r->ops, w->r->engine);
    checkpoint_writer_add(k->writer, &s);
    mine->written = k->round;
    mine->awaited = false;
    k->spent_s += now_s() - begin;
}

/* Those that had no slice to end in this round. */
static void add_rest(struct keeper *k) {
    for (int64_t r = 0; r < k->header.replicas; r++) {
        struct keeper_replica *one = &k->replica[r];
        struct checkpoint_section s = {r, one->track, NULL, NULL};
        if (one->written == k->round)
            continue;
        if (one->place == KEEPER_FINISHED)
            checkpoint_writer_add(k->writer, &s);
        else if (one->stored >= 0)
            checkpoint_writer_copy(k->writer, k->from, one->stored);
    }
}

/* Ends the round when nobody is awaited any more. */
static void try_end_round(struct keeper *k) {
    double begin = now_s();
    if (!k->writer)
        return;
    for (int64_t r = 0; r < k->header.replicas; r++)
        if (k->replica[r].awaited)
            return;
    add_rest(k);
    bool good = checkpoint_writer_commit(k->writer, k->keep_old);
    k->writer = NULL;
    k->unsaved = good ? 0 : errno ? errno : EIO;
    k->saved += good;
    k->keep_old = k->keep_old || good;
    k->spent_s += now_s() - begin;
    k->longest_s = k->spent_s > k->longest_s ? k->spent_s : k->longest_s;
}

static void warn(const struct keeper *k, const char *what, FILE *errors) {
    fprintf(errors,
            "%s/checkpoint: %s: expected to write a checkpoint, found: %s\n    hint: is the disk "
            "full or the directory read-only? the checkpoint before stays\n",
            k->directory, what, strerror(k->unsaved));
}

static bool is_due(const struct keeper *k) {
    return !k->writer && (saves_wanted != k->saves_seen ||
                          (k->interval_s > 0 && now_s() - k->last_s >= k->interval_s));
}

int keeper_save(struct keeper *k, FILE *errors) {
    omp_set_lock(&k->lock);
    begin_round(k);
    try_end_round(k);
    omp_unset_lock(&k->lock);
    if (!k->unsaved)
        return 0;
    warn(k, "error", errors);
    return KEEPER_FILES;
}

/* ---- what the threads of the replicas call ---- */

bool keeper_run(struct keeper *k, const struct replica *r, int n) {
    omp_set_lock(&k->lock);
    bool go_on = !k->stop && !keeper_stop_wanted();
    for (int i = 0; go_on && i < n; i++)
        k->replica[r[i].number].place = KEEPER_RUNNING;
    omp_unset_lock(&k->lock);
    return go_on;
}

void keeper_finish(struct keeper *k, int64_t replica) {
    omp_set_lock(&k->lock);
    k->replica[replica].place = KEEPER_FINISHED;
    k->replica[replica].awaited = false;
    try_end_round(k);
    omp_unset_lock(&k->lock);
}

void keeper_fail(struct keeper *k) {
    omp_set_lock(&k->lock);
    k->broken = true;
    if (k->writer)
        checkpoint_writer_abandon(k->writer);
    k->writer = NULL;
    omp_unset_lock(&k->lock);
}

/* Adds to the round under way, or begins one where it is due. */
static void add_batch(struct keeper *k, const struct protocol_run *runs, int n, bool stops_now) {
    int unsaved = k->unsaved;
    if (stops_now || is_due(k)) /* at a stop one under way may hold older places */
        begin_round(k);
    for (int i = 0; i < n && k->writer; i++) {
        const struct keeper_replica *mine = &k->replica[runs[i].r->number];
        if (mine->awaited || (!k->stop && mine->written != k->round))
            add_running(k, &runs[i]);
    }
    try_end_round(k);
    if (k->unsaved && k->unsaved != unsaved && !k->stop)
        warn(k, "warning", stderr);
}

bool keeper_boundary(struct keeper *k, const struct protocol_run *runs, int n) {
    omp_set_lock(&k->lock);
    bool stops_now = !k->stop && (k->stop = keeper_stop_wanted()) != 0, go_on = !k->stop;
    if (!k->broken)
        add_batch(k, runs, n, stops_now);
    omp_unset_lock(&k->lock);
    return go_on;
}

bool keeper_complete(const struct keeper *k) {
    for (int64_t r = 0; r < k->header.replicas; r++)
        if (k->replica[r].place != KEEPER_FINISHED)
            return false;
    return true;
}

int keeper_end(struct keeper *k, FILE *errors) {
    if (k->broken || keeper_complete(k))
        return 0;
    if (!k->stop && (k->stop = keeper_stop_wanted()) != 0)
        keeper_save(k, errors); /* between two replicas: nobody came to a boundary */
    else if (k->stop && k->unsaved)
        warn(k, "error", errors);
    return k->stop && k->unsaved ? KEEPER_FILES : k->stop;
}
