#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "commands.h"
#include "run_directory.h"
#include "runfiles.h"
#include "study.h"
#include "study_ranks.h"

static const char usage[] =
    "kmc resume DIR [flags] - goes on with an interrupted run, same results to the bit\n"
    "Reads resolved.toml and checkpoint (checkpoint.old when that one is damaged) of the run "
    "directory and works on in it.\n"
    "Signals as in `kmc run`: SIGINT, SIGTERM save a checkpoint and stop, SIGUSR1 saves one and "
    "the run goes on.\n";

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

static void tell(const struct run *run, const struct options *o) {
    int64_t cycles = 0;
    for (int64_t k = 0; k < run->sim.replicas; k++)
        cycles += run->track[k].cycles_done;
    run_directory_note_program(run);
    if (!o->quiet)
        fprintf(stderr, "%s: going on after %.0f s, %lld of %lld cycles done\n",
                run->info.directory, run->from.header.used_s, (long long)cycles,
                (long long)(run->sim.replicas * run->sim.protocol.cycles));
}

static int resume(struct run *run, const struct options *o, const struct scenario *s) {
    int status = run_directory_resume(run, s, stderr);
    if (status)
        return status;
    tell(run, o);
    return run_go(run, o);
}

/* The first rank takes the directory, all read the plan. */
static int enter_study(struct study_directory *d, struct study_plan *p, const struct options *o) {
    if (study_ranks_number() == 0)
        return study_directory_resume(d, p, o->set, o->n_set);
    FILE *errors = study_ranks_errors();
    int status = study_plan_open(p, d->resolved, o->set, o->n_set, errors);
    return status ? status : study_plan_check(p, errors);
}

/* A study goes on as a whole. */
static int resume_study(const struct options *o) {
    struct study_directory d;
    struct study_plan plan;
    int status = study_directory_init(&d, o->directory);
    if (status)
        return status;
    study_ranks_begin();
    status = study_ranks_worst(enter_study(&d, &plan, o));
    if (status == 0)
        status = study_work(&d, &plan, o);
    study_plan_free(&plan);
    study_directory_free(&d);
    return status;
}

int cmd_resume(int argc, char **argv) {
    struct options o;
    struct run run;
    run_clear(&run);
    int status = options_parse_resume(&o, argc, argv, usage);
    if (status >= 0)
        return status;
    if (study_directory_is_study(o.directory))
        return resume_study(&o);
    status = check_directory(&o, &run);
    if (status)
        return status;
    struct scenario *s = load_scenario(&o, &run);
    status = s ? resume(&run, &o, s) : EXIT_USAGE;
    run_free(&run);
    scenario_free(s);
    return status;
}
