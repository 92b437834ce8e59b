#include "study.h"
#include <math.h>
#include <omp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "comparison_report.h"
#include "frames.h"
#include "run_directory.h"
#include "runfiles.h"
#include "study_merge.h"
#include "study_ranks.h"
#include "study_results.h"
#include "study_target.h"

enum { ALL_REPLICAS = -1, NOTHING = -2 };

/* A scenario of the study and its run while that is open. */
struct slot {
    const struct study_plan_scenario *plan;
    omp_lock_t lock;
    struct scenario *scenario; /* owner: this struct, as of run */
    struct run *run;           /* NULL unless open */
    size_t number;             /* of the scenario */
    int64_t wanted;            /* replicas of this stage, from the first */
    int64_t left;              /* pieces that have not been left yet */
    bool last;                 /* when its pieces are done, so is the run */
    bool done;
    int status; /* exit code of the first problem, or of a stop */
};

struct piece {
    struct slot *slot;
    int64_t replica; /* or ALL_REPLICAS, or NOTHING but to end the run */
};

struct study {
    const struct study_directory *directory;
    const struct study_plan *plan;
    const struct options *options;
    struct slot *slot;   /* [plan->n] */
    struct piece *piece; /* [n], scenario after scenario */
    int64_t n;
    int threads;
    double total; /* weight of all replicas */
    struct progress progress;
    bool told; /* what holds for all runs alike */
};

/* ---- a run while it is open; the slot's lock is held ---- */

/* Once for all runs: which engine, and another version that began them. */
static void tell_once(struct study *st, const struct run *run) {
#pragma omp critical(study_told)
    if (!st->told) {
        st->told = true;
        run_directory_note_program(run);
        if (*run->sim.note && !st->options->quiet)
            fprintf(stderr, "%s\n", run->sim.note);
    }
}

/* A replica of this stage and this shard. */
static bool is_mine(const struct study *st, const struct slot *slot, int64_t replica) {
    return replica < slot->wanted && study_plan_owns(st->plan, slot->number, replica);
}

static int open_run(struct study *st, struct slot *slot) {
    char path[1100];
    slot->run = malloc(sizeof *slot->run);
    if (!slot->run)
        return EXIT_MEMORY;
    run_clear(slot->run);
    study_directory_run(st->directory, slot->plan, slot->run->info.directory);
    snprintf(path, sizeof path, "%s/resolved.toml", slot->run->info.directory);
    slot->scenario = scenario_load(path, st->plan->set, st->plan->n_set, stderr);
    int status =
        slot->scenario ? run_directory_resume(slot->run, slot->scenario, NULL) : EXIT_USAGE;
    if (status)
        return status;
    slot->run->sim.cores = st->plan->threads;
    slot->run->sim.threads = slot->run->info.threads = st->threads;
    for (int64_t r = 0; r < slot->plan->replicas; r++)
        slot->run->wanted[r] = is_mine(st, slot, r);
    run_begin(slot->run, &st->progress, slot->plan->weight / st->total, slot->plan->name);
    tell_once(st, slot->run);
    return 0;
}

static void close_run(struct slot *slot) {
    if (slot->run) {
        run_free(slot->run);
        free(slot->run);
    }
    scenario_free(slot->scenario);
    slot->run = NULL;
    slot->scenario = NULL;
}

/* False when there is nothing to do: a stop, or a run that failed. */
static bool take(struct study *st, struct slot *slot) {
    omp_set_lock(&slot->lock);
    if (!slot->run && !slot->status) {
        slot->status = keeper_stop_wanted();
        if (!slot->status && (slot->status = open_run(st, slot)) != 0)
            close_run(slot);
    }
    bool good = slot->run && !slot->status;
    omp_unset_lock(&slot->lock);
    return good;
}

/* The last to leave ends the run. */
static void leave(struct study *st, struct slot *slot, int status) {
    omp_set_lock(&slot->lock);
    slot->status = slot->status ? slot->status : status;
    if (--slot->left == 0 && slot->run) {
        slot->status =
            slot->last ? run_end(slot->run, slot->status) : run_pause(slot->run, slot->status);
        slot->done = slot->last && slot->status == 0;
        run_notes(slot->run, st->options);
        close_run(slot);
    }
    omp_unset_lock(&slot->lock);
}

/* ---- pieces ---- */

static int run_all_replicas(struct run *run) {
    int64_t n = 0, *number = malloc((size_t)run->sim.replicas * sizeof *number);
    if (!number)
        return EXIT_MEMORY;
    for (int64_t k = 0; k < run->sim.replicas; k++)
        if (run->wanted[k] && !run->finished[k])
            number[n++] = k;
    int status = n ? simulation_run_group(&run->sim, number, (int)n, run_group, run, stderr) : 0;
    free(number);
    return status;
}

static int run_piece(const struct piece *p) {
    struct run *run = p->slot->run;
    int status = 0;
    if (p->replica == NOTHING)
        return 0;
    if (p->replica != ALL_REPLICAS)
        return run->finished[p->replica]
                   ? 0
                   : simulation_run_group(&run->sim, &p->replica, 1, run_group, run, stderr);
#pragma omp critical(study_device)
    status = run_all_replicas(run);
    return status;
}

static void work(struct study *st) {
    omp_set_max_active_levels(2);
#pragma omp parallel for schedule(dynamic, 1) num_threads(st->threads)
    for (int64_t k = 0; k < st->n; k++) {
        struct slot *slot = st->piece[k].slot;
        leave(st, slot, take(st, slot) ? run_piece(&st->piece[k]) : 0);
    }
}

/* ---- the list of them ---- */

static bool was_done(const struct study *st, const struct slot *slot) {
    char path[1024];
    if (!study_directory_is_done(st->directory, slot->plan))
        return false;
    study_directory_run(st->directory, slot->plan, path);
    /* a kill may have left a checkpoint beside DONE, and what run.h5 holds */
    if (output_exists(path, "DONE")) {
        checkpoint_writer_remove(path);
        frames_remove_files(path);
    }
    return true;
}

static bool make_slots(struct study *st) {
    const struct study_plan *p = st->plan;
    st->slot = calloc(p->n, sizeof *st->slot);
    st->piece = calloc((size_t)study_plan_replicas(p), sizeof *st->piece);
    if (!st->slot || !st->piece)
        return false;
    for (size_t k = 0; k < p->n; k++) {
        struct slot *slot = &st->slot[k];
        slot->plan = &p->scenario[k];
        slot->number = k;
        omp_init_lock(&slot->lock);
        slot->done = was_done(st, slot);
        slot->last = p->target_mV <= 0 && p->shards == 1;
        slot->wanted = slot->plan->replicas;
        if (p->target_mV > 0 && p->first < slot->wanted)
            slot->wanted = p->first;
    }
    return true;
}

static int64_t count_mine(const struct study *st, const struct slot *slot) {
    int64_t n = 0;
    for (int64_t r = 0; r < slot->wanted; r++)
        n += is_mine(st, slot, r);
    return n;
}

static void add_pieces(struct study *st, struct slot *slot) {
    int64_t before = st->n, mine = count_mine(st, slot);
    if (slot->plan->many && mine)
        st->piece[st->n++] = (struct piece){slot, ALL_REPLICAS};
    for (int64_t r = 0; r < slot->wanted && !slot->plan->many; r++)
        if (is_mine(st, slot, r))
            st->piece[st->n++] = (struct piece){slot, r};
    if (slot->last && !mine)
        st->piece[st->n++] = (struct piece){slot, NOTHING};
    slot->left = st->n - before;
}

/* All but what is done. */
static void list_pieces(struct study *st) {
    double done = 0;
    bool only_many = true;
    st->n = 0;
    st->total = 0;
    for (size_t k = 0; k < st->plan->n; k++) {
        struct slot *slot = &st->slot[k];
        double weight = slot->plan->weight * (double)count_mine(st, slot);
        st->total += weight;
        done += slot->done ? weight : 0;
        if (slot->done)
            continue;
        only_many = only_many && slot->plan->many;
        add_pieces(st, slot);
    }
    st->total = st->total > 0 ? st->total : 1; /* more shards than replicas */
    st->threads = only_many ? 1 : st->plan->threads;
    if (st->threads > st->n)
        st->threads = st->n > 0 ? (int)st->n : 1;
    progress_start(&st->progress, st->options->quiet || study_ranks_number() > 0);
    progress_add(&st->progress, done / st->total, true);
}

static void free_pieces(struct study *st) {
    for (size_t k = 0; st->slot && k < st->plan->n; k++)
        if (st->slot[k].plan)
            omp_destroy_lock(&st->slot[k].lock);
    free(st->slot);
    free(st->piece);
}

/* ---- the end ---- */

/* Directory of the study, also of a rank. */
static const char *study_path(const struct study *st) {
    return st->directory->parent ? st->directory->parent->path : st->directory->path;
}

static void tell_stop(const struct study *st, int status) {
    size_t done = 0;
    for (size_t k = 0; k < st->plan->n; k++)
        done += st->slot[k].done;
    fprintf(stderr,
            "%s: %zu of %zu scenarios are complete, checkpoints of the others are saved\n"
            "    to go on: kmc resume %s\n",
            status == 128 + SIGINT    ? "interrupted (SIGINT)"
            : status == 128 + SIGTERM ? "interrupted (SIGTERM)"
                                      : "time limit reached (--max-wallclock)",
            done, st->plan->n, study_path(st));
}

/* Exit code over all runs: that of a failure before that of a stop. */
static int outcome(const struct study *st) {
    int failure = 0, stop = 0;
    const char *path = study_path(st);
    for (size_t k = 0; k < st->plan->n; k++) {
        int status = st->slot[k].status;
        stop = status > 128 ? status : stop;
        if (status == 0 || status > 128)
            continue;
        fprintf(stderr,
                "%s/%s: error: expected a complete run, found one that failed (exit code %d)\n"
                "    hint: its message is above; the other scenarios are not affected; kmc resume "
                "%s tries again\n",
                path, st->slot[k].plan->name, status, path);
        failure = failure ? failure : status;
    }
    if (stop && study_ranks_number() == 0)
        tell_stop(st, stop);
    return failure ? failure : stop;
}

static int print_comparison(const struct study *st) {
    struct comparison c = {0};
    char *path = (char *)st->directory->path;
    struct comparison_request q = {.directory = &path, .n = 1};
    int status = comparison_create(&c, &q, stderr);
    if (status == 0 && st->options->json)
        comparison_report_json(&c, stdout);
    else if (status == 0)
        status = comparison_report_text(&c, stdout);
    comparison_free(&c);
    if (status == EXIT_MEMORY)
        fputs("kmc study: error: out of memory for the comparison\n", stderr);
    return status;
}

/* ---- stages ---- */

/* Fades of the replicas of a scenario that this process has run; the others stay as they are.  Exit code 0 or as of kmc/runfiles.h. */
static int read_fades(const struct study *st, const struct slot *slot, double *fade) {
    char path[1024];
    struct runfiles_run run;
    struct statistics_span span = {slot->plan->fade_first_cycle, slot->plan->cycles};
    study_directory_run(st->directory, slot->plan, path);
    if (count_mine(st, slot) == 0)
        return 0;
    int status = runfiles_open(&run, path, stderr);
    if (status)
        return status;
    for (size_t k = 0; k < run.cycles.n_replicas; k++) {
        int64_t r = run.cycles.replica[k];
        double x = statistics_metric(&run.cycles, "voltage_fade_mV_per_cycle", k, span);
        if (r >= 0 && is_mine(st, slot, r) && !isnan(x))
            fade[r] = x;
    }
    runfiles_free(&run);
    return 0;
}

/* Decides about a scenario whose stage is complete; *more becomes true when it has more to do.  Exit code. */
static int next_stage(const struct study *st, struct slot *slot, bool *more) {
    int64_t n = slot->wanted;
    double *fade = malloc((size_t)n * sizeof *fade);
    if (!fade)
        return EXIT_MEMORY;
    for (int64_t r = 0; r < n; r++)
        fade[r] = -INFINITY;
    int status = read_fades(st, slot, fade);
    if (st->directory->parent)
        study_ranks_largest(fade, (size_t)n);
    for (int64_t r = 0; r < n; r++)
        fade[r] = isinf(fade[r]) ? NAN : fade[r];
    slot->wanted = study_target_next(st->plan->target_mV, fade, n, slot->plan->replicas);
    free(fade);
    if (slot->wanted == n)
        slot->last = st->plan->shards == 1; /* ranks leave the end to the merged run */
    *more = *more || slot->wanted > n || slot->last;
    return status;
}

/* What is to be done after a stage; exit code. */
static int raise_wanted(struct study *st, bool *more) {
    int status = 0;
    *more = false;
    if (st->plan->target_mV <= 0)
        return 0;
    for (size_t k = 0; k < st->plan->n; k++) {
        int code = st->slot[k].done || st->slot[k].last ? 0 : next_stage(st, &st->slot[k], more);
        status = status ? status : code;
    }
    return status;
}

/* Over all ranks, so that all go on or none. */
static int worst(const struct study *st, int status) {
    return st->directory->parent ? study_ranks_worst(status) : status;
}

static int run_stages(struct study *st) {
    int status = 0;
    for (bool more = true; more && status == 0;) {
        list_pieces(st);
        work(st);
        progress_end(&st->progress);
        status = worst(st, outcome(st));
        more = false;
        if (status == 0)
            status = worst(st, raise_wanted(st, &more));
    }
    return status;
}

/* ---- all of it ---- */

static void tell_shard(const struct study *st) {
    fprintf(stderr,
            "%s: shard %lld/%lld is complete\n    when all are: kmc merge DIR ... -o DIR, with the "
            "directories of all shards\n",
            st->directory->path, (long long)st->plan->shard, (long long)st->plan->shards);
}

int study_go(struct study_directory *d, const struct study_plan *p, const struct options *o) {
    struct study st = {.directory = d, .plan = p, .options = o};
    int status = EXIT_MEMORY;
    keeper_catch_signals(o->max_wallclock_s);
    if (make_slots(&st))
        status = run_stages(&st);
    else
        fputs("kmc study: error: out of memory for the list of replicas\n", stderr);
    if (status == 0 && p->shards == 1)
        status = study_results_write(d, p);
    if (status == 0 && !d->parent)
        status = study_directory_finish(d);
    if (status == 0 && p->shards > 1 && !d->parent)
        tell_shard(&st);
    if (status == 0 && p->shards == 1)
        status = print_comparison(&st);
    free_pieces(&st);
    return status;
}

/* The directory of this rank, with what is done already. */
static int begin_rank(struct study_directory *mine, const struct study_directory *d,
                      const struct study_plan *p) {
    char path[1100], *from = (char *)d->path;
    bool resumed;
    snprintf(path, sizeof path, "%s/shards/%lld-of-%lld", d->path, (long long)p->shard,
             (long long)p->shards);
    int status = study_directory_init(mine, path);
    mine->parent = d;
    if (status == 0)
        status = study_directory_begin(mine, p, &resumed);
    return status ? status : study_merge(mine, p, &from, 1, NULL);
}

/* Every rank in a directory of its own; the first brings them together. */
static int work_as_rank(struct study_directory *d, const struct study_plan *p,
                        const struct options *o) {
    struct study_plan part = *p; /* shares all that it holds */
    struct study_directory mine;
    part.shard = study_ranks_number() + 1;
    part.shards = study_ranks_count();
    int status = study_ranks_worst(begin_rank(&mine, d, &part));
    if (status == 0)
        status = study_go(&mine, &part, o);
    study_directory_free(&mine);
    study_ranks_wait();
    int merged = study_ranks_number() == 0 ? study_merge_absorb(d, p) : 0;
    merged = study_ranks_worst(merged); /* nobody ends before: mpirun would end the first, too */
    return status ? status : merged;
}

int study_work(struct study_directory *d, const struct study_plan *p, const struct options *o) {
    int status = study_ranks_number() == 0 ? study_merge_absorb(d, p) : 0;
    status = study_ranks_worst(status);
    if (status == 0 && study_ranks_count() > 1)
        status = work_as_rank(d, p, o);
    if (status || study_ranks_number() > 0)
        return status;
    return study_go(d, p, o);
}
