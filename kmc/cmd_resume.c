#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "commands.h"
#include "run.h"
#include "runfiles.h"

static const char usage[] =
    "kmc resume DIR [flags] - goes on with an interrupted run, same results to the bit\n"
    "Reads resolved.toml and checkpoint (checkpoint.old when that one is damaged) of the run "
    "directory and works on in it.\n";

/* ---- what is there ---- */

static bool join(char path[1100], const char *directory, const char *name) {
    int n = snprintf(path, 1100, "%s/%s", directory, name);
    return n > 0 && n < 1100;
}

static int check_directory(const struct options *o, struct run *run) {
    char done[1100];
    if (strlen(o->directory) >= sizeof run->info.directory) {
        fprintf(stderr,
                "command line: error: DIR: expected a path below %zu characters, found a longer "
                "one\n    hint: change to a directory above it\n",
                sizeof run->info.directory);
        return EXIT_USAGE;
    }
    if (!runfiles_is_run(o->directory, stderr))
        return EXIT_USAGE;
    snprintf(run->info.directory, sizeof run->info.directory, "%s", o->directory);
    size_t n = strlen(run->info.directory);
    while (n > 1 && run->info.directory[n - 1] == '/')
        run->info.directory[--n] = 0;
    if (!join(done, run->info.directory, "DONE") || access(done, F_OK) != 0)
        return 0;
    fprintf(stderr,
            "%s: error: expected a run that was interrupted, found one that has finished\n"
            "    hint: its results are complete; more cycles or replicas are a new run: kmc run "
            "%s/resolved.toml --cycles N -o DIR\n",
            run->info.directory, run->info.directory);
    return EXIT_USAGE;
}

static struct scenario *load_scenario(const struct options *o, const struct run *run) {
    char path[1100];
    if (!join(path, run->info.directory, "resolved.toml"))
        return NULL;
    return scenario_load(path, o->set, o->n_set, stderr);
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

static void tell(const struct run *run, const struct options *o) {
    const struct checkpoint_header *h = &run->from.header;
    int64_t cycles = 0;
    for (int64_t k = 0; k < run->sim.replicas; k++)
        cycles += run->track[k].cycles_done;
    if (strcmp(h->program, output_program()) != 0)
        fprintf(stderr, "note: %s was written by lrm-kmc %s, this is %s: bits may differ\n",
                run->from.path, h->program, output_program());
    if (!o->quiet)
        fprintf(stderr, "%s: going on after %.0f s, %lld of %lld cycles done\n",
                run->info.directory, h->used_s, (long long)cycles,
                (long long)(run->sim.replicas * run->sim.protocol.cycles));
}

/* All that can refuse comes before anything is changed. */
static int resume(struct run *run, const struct options *o, const struct scenario *s) {
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
    status = run_keep(run, o, run->from.header.used_s);
    if (status == 0)
        status = load_results(run);
    if (status)
        return status;
    run->keeper.keep_old = !is_old; /* a damaged file must not replace the good one before */
    lock_sign(&run->lock, stderr);
    tell(run, o);
    return run_go(run, o);
}

int cmd_resume(int argc, char **argv) {
    struct options o;
    struct run run;
    run_clear(&run);
    int status = options_parse_resume(&o, argc, argv, usage);
    if (status >= 0)
        return status;
    status = check_directory(&o, &run);
    if (status)
        return status;
    struct scenario *s = load_scenario(&o, &run);
    status = s ? resume(&run, &o, s) : EXIT_USAGE;
    run_free(&run);
    scenario_free(s);
    return status;
}
