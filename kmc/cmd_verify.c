#include <stdio.h>
#include <string.h>
#include "commands.h"
#include "study_directory.h"
#include "study_runs.h"
#include "verify.h"

static const char usage[] =
    "kmc verify DIR... [--json] - computes again what the directories of runs and studies have "
    "stored\n"
    "Checksums of checkpoint and snapshots; energy, charge, Li, atoms and deviations of every "
    "stored state; sums in cycles.csv.\n"
    "A row for each check. Exit codes: 0 all ok, 1 a check FAILED, 2 no run directory, 5 files.\n";

static int refuse(const char *expected, const char *found) {
    fprintf(stderr, "command line: error: expected %s, found %s\n    hint: kmc verify --help\n",
            expected, found);
    return 2;
}

/* All runs of a study. */
static int verify_study(struct verify *v, const char *directory) {
    struct study_runs r = {0};
    int status = study_runs_open(&r, directory, v->errors);
    for (size_t k = 0; k < r.n && status == 0; k++)
        status = verify_run(v, r.run[k].directory);
    study_runs_free(&r);
    return status;
}

static int verify_one(struct verify *v, const char *directory) {
    return study_directory_is_study(directory) ? verify_study(v, directory)
                                               : verify_run(v, directory);
}

static int verify_all(struct verify *v, int argc, char **argv) {
    int status = 0;
    for (int k = 1; k < argc; k++) {
        int code = argv[k][0] == '-' ? 0 : verify_one(v, argv[k]);
        status = status ? status : code;
    }
    return status;
}

int cmd_verify(int argc, char **argv) {
    struct verify v = {.out = stdout, .errors = stderr};
    int runs = 0;
    for (int k = 1; k < argc; k++) {
        if (strcmp(argv[k], "--help") == 0 || strcmp(argv[k], "-h") == 0)
            return fputs(usage, stdout) < 0 ? 5 : 0;
        if (argv[k][0] == '-' && strcmp(argv[k], "--json") != 0)
            return refuse("DIR or --json", argv[k]);
        v.json = v.json || argv[k][0] == '-';
        runs += argv[k][0] != '-';
    }
    if (runs == 0)
        return refuse("at least one directory of a run or study", "none");
    if (v.json)
        fputs("{\"rows\": [", stdout);
    int status = verify_all(&v, argc, argv);
    if (v.json)
        printf("\n], \"checked\": %lld, \"failed\": %lld}\n", (long long)v.checked,
               (long long)v.failed);
    else
        printf("%lld checks, %lld failed\n", (long long)v.checked, (long long)v.failed);
    return status ? status : v.failed > 0;
}
