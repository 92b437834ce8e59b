#include "study.h"
#include <omp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "comparison_report.h"
#include "frames.h"
#include "run_directory.h"

enum { ALL_REPLICAS = -1 };

/* A scenario of the study and its run while that is open. */
struct slot {
    const struct study_plan_scenario *plan;
    omp_lock_t lock;
    struct scenario *scenario; /* owner: this struct, as of run */
    struct run *run;           /* NULL unless open */
    int64_t left;              /* pieces that have not been left yet */
    bool done;
    int status; /* exit code of the first problem, or of a stop */
};

struct piece {
    struct slot *slot;
    int64_t replica; /* or ALL_REPLICAS */
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
        slot->status = run_end(slot->run, slot->status);
        slot->done = slot->status == 0;
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
        if (!run->finished[k])
            number[n++] = k;
    int status = n ? simulation_run_group(&run->sim, number, (int)n, run_group, run, stderr) : 0;
    free(number);
    return status;
}

static int run_piece(const struct piece *p) {
    struct run *run = p->slot->run;
    int status = 0;
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
    study_directory_run(st->directory, slot->plan, path);
    if (!output_exists(path, "DONE"))
        return false;
    checkpoint_writer_remove(path); /* a kill may have left it beside DONE, and what run.h5 holds */
    frames_remove_files(path);
    return true;
}

static void add_pieces(struct study *st, struct slot *slot) {
    slot->left = slot->plan->many ? 1 : slot->plan->replicas;
    for (int64_t r = 0; r < slot->left; r++)
        st->piece[st->n++] = (struct piece){slot, slot->plan->many ? ALL_REPLICAS : r};
}

/* All but what is done. */
static bool list_pieces(struct study *st) {
    double done = 0;
    bool only_many = true;
    st->slot = calloc(st->plan->n, sizeof *st->slot);
    st->piece = calloc((size_t)study_plan_replicas(st->plan), sizeof *st->piece);
    if (!st->slot || !st->piece)
        return false;
    for (size_t k = 0; k < st->plan->n; k++) {
        struct slot *slot = &st->slot[k];
        slot->plan = &st->plan->scenario[k];
        omp_init_lock(&slot->lock);
        slot->done = was_done(st, slot);
        double weight = slot->plan->weight * (double)slot->plan->replicas;
        st->total += weight;
        done += slot->done ? weight : 0;
        if (slot->done)
            continue;
        only_many = only_many && slot->plan->many;
        add_pieces(st, slot);
    }
    st->threads = only_many ? 1 : st->plan->threads;
    if (st->threads > st->n)
        st->threads = st->n > 0 ? (int)st->n : 1;
    progress_add(&st->progress, done / st->total, true);
    return true;
}

static void free_pieces(struct study *st) {
    for (size_t k = 0; st->slot && k < st->plan->n; k++)
        if (st->slot[k].plan)
            omp_destroy_lock(&st->slot[k].lock);
    free(st->slot);
    free(st->piece);
}

/* ---- the end ---- */

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
            done, st->plan->n, st->directory->path);
}

/* Exit code over all runs: that of a failure before that of a stop. */
static int outcome(const struct study *st) {
    int failure = 0, stop = 0;
    for (size_t k = 0; k < st->plan->n; k++) {
        int status = st->slot[k].status;
        stop = status > 128 ? status : stop;
        if (status == 0 || status > 128)
            continue;
        fprintf(stderr,
                "%s/%s: error: expected a complete run, found one that failed (exit code %d)\n"
                "    hint: its message is above; the other scenarios are not affected; kmc resume "
                "%s tries again\n",
                st->directory->path, st->slot[k].plan->name, status, st->directory->path);
        failure = failure ? failure : status;
    }
    if (stop)
        tell_stop(st, stop);
    return failure ? failure : stop;
}

static char **run_paths(const struct study *st) {
    char **path = calloc(st->plan->n, sizeof *path + 1024);
    for (size_t k = 0; path && k < st->plan->n; k++) {
        path[k] = (char *)(path + st->plan->n) + 1024 * k;
        study_directory_run(st->directory, &st->plan->scenario[k], path[k]);
    }
    return path;
}

static int print_comparison(const struct study *st) {
    char **path = run_paths(st);
    struct comparison c = {0};
    struct comparison_request q = {.directory = path, .n = (int)st->plan->n};
    int status = path ? comparison_create(&c, &q, stderr) : EXIT_MEMORY;
    if (status == 0 && st->options->json)
        comparison_report_json(&c, stdout);
    else if (status == 0)
        status = comparison_report_text(&c, stdout);
    comparison_free(&c);
    free(path);
    if (status == EXIT_MEMORY)
        fputs("kmc study: error: out of memory for the comparison\n", stderr);
    return status;
}

static int go(struct study *st) {
    if (!list_pieces(st)) {
        fputs("kmc study: error: out of memory for the list of replicas\n", stderr);
        return EXIT_MEMORY;
    }
    work(st);
    progress_end(&st->progress);
    int status = outcome(st);
    if (status == 0)
        status = study_directory_finish(st->directory);
    return status ? status : print_comparison(st);
}

int study_go(struct study_directory *d, const struct study_plan *p, const struct options *o) {
    struct study st = {.directory = d, .plan = p, .options = o};
    keeper_catch_signals(o->max_wallclock_s);
    progress_start(&st.progress, o->quiet);
    int status = go(&st);
    free_pieces(&st);
    return status;
}
