#include "run_directory.h"
#include <string.h>

int run_directory_create(struct run *run) {
    int status = output_create(&run->info, stderr);
    if (status == 0)
        status = lock_take(&run->lock, run->info.directory, stderr);
    if (status)
        return status;
    lock_sign(&run->lock, NULL);
    status = run_keep(run, 0);
    return status ? status : keeper_save(&run->keeper, stderr);
}

/* ---- what is there ---- */

static bool join(char path[1100], const char *directory, const char *name) {
    int n = snprintf(path, 1100, "%s/%s", directory, name);
    return n > 0 && n < 1100;
}

/* The checkpoint, or the one before when it is damaged or a kill left only that. */
static int open_checkpoint(struct run *run, bool *is_old) {
    char path[1100], old[1100], problem[CHECKPOINT_PROBLEM], problem_old[CHECKPOINT_PROBLEM];
    const char *directory = run->info.directory;
    *is_old = false;
    if (!join(path, directory, "checkpoint") || !join(old, directory, "checkpoint.old"))
        return EXIT_USAGE;
    if (checkpoint_open(&run->from, path, problem))
        return 0;
    *is_old = true;
    if (checkpoint_open(&run->from, old, problem_old)) {
        fprintf(stderr, "note: %s: %s\n    going on from %s, the checkpoint before\n", path,
                problem, old);
        return 0;
    }
    fprintf(stderr,
            "%s: error: %s\n%s: error: %s\n"
            "    hint: this run cannot go on; start again with kmc run %s/resolved.toml -o DIR\n",
            path, problem, old, problem_old, directory);
    return EXIT_USAGE;
}

/* ---- does it belong to the scenario? ---- */

static int complain(const struct run *run, const char *what, const char *expected,
                    const char *found) {
    fprintf(stderr, "%s/resolved.toml: error: %s: expected %s as in %s, found %s\n",
            run->info.directory, what, expected, run->from.path, found);
    return 1;
}

static int compare_number(const struct run *run, const char *what, int64_t expected,
                          int64_t found) {
    char a[24], b[24];
    snprintf(a, sizeof a, "%lld", (long long)expected);
    snprintf(b, sizeof b, "%lld", (long long)found);
    return expected == found ? 0 : complain(run, what, a, b);
}

static int compare_text(const struct run *run, const char *what, const char *expected,
                        const char *found) {
    return strcmp(expected, found) == 0 ? 0 : complain(run, what, expected, found);
}

/* Names every difference. */
static int compare(const struct run *run, const struct scenario *s) {
    struct checkpoint_header now;
    const struct checkpoint_header *then = &run->from.header;
    run_identity(s, &now);
    int wrong = compare_text(run, "hash of the model's parameters", then->parameter_hash,
                             now.parameter_hash);
    wrong += compare_text(run, "hash of the scenario", then->scenario_hash, now.scenario_hash);
    wrong += compare_number(run, "run.seed", then->seed, now.seed);
    wrong += compare_number(run, "run.replicas", then->replicas, now.replicas);
    wrong += compare_text(run, "algorithm of run.engine", then->algorithm, now.algorithm);
    if (!wrong)
        return 0;
    fprintf(stderr,
            "    hint: a run goes on only as it began: put resolved.toml back as it was, give the "
            "engine it began with, or start a new run\n");
    return EXIT_USAGE;
}

/* ---- going on ---- */

/* Results of all replicas; states are read when their replicas' turn comes. */
static int load_results(struct run *run) {
    char problem[CHECKPOINT_PROBLEM];
    struct keeper *k = &run->keeper;
    for (int64_t e = 0; e < run->from.n; e++) {
        int64_t replica = run->from.entry[e].replica;
        if (k->replica[replica].stored >= 0)
            return run_refuse(run, "expected each replica once, found one twice");
        if (!checkpoint_results(&run->from, e, &run->sim.protocol, &run->track[replica], problem))
            return run_refuse(run, problem);
        run->finished[replica] = run->from.entry[e].finished;
        keeper_track(k, replica, &run->track[replica], e, run->finished[replica]);
    }
    return 0;
}

void run_directory_note_program(const struct run *run) {
    const struct checkpoint_header *h = &run->from.header;
    if (strcmp(h->program, output_program()) != 0)
        fprintf(stderr, "note: %s was written by lrm-kmc %s, this is %s: bits may differ\n",
                run->from.path, h->program, output_program());
}

int run_directory_resume(struct run *run, const struct scenario *s, FILE *notes) {
    bool is_old;
    int status = lock_take(&run->lock, run->info.directory, stderr);
    if (status == 0)
        status = open_checkpoint(run, &is_old);
    if (status == 0)
        status = compare(run, s);
    if (status == 0)
        status = run_create(run, s);
    if (status)
        return status;
    if (run->from.header.sites != lattice_n_sites(&run->sim.model->lattice))
        return run_refuse(run, "expected a box of this scenario, found one of another size");
    memcpy(run->info.name, run->from.header.name, sizeof run->info.name);
    memcpy(run->info.started, run->from.header.started, sizeof run->info.started);
    status = run_keep(run, run->from.header.used_s);
    if (status == 0)
        status = load_results(run);
    if (status)
        return status;
    run->keeper.keep_old = !is_old; /* a damaged file must not replace the good one before */
    lock_sign(&run->lock, notes);
    return 0;
}
