/* runfiles: reads the files of a run directory; every problem is printed as `file:line: error: ...`
 * with a hint.
 *
 *   run.json    scenario, seed, replicas, parameter_hash, claims, protocol{}
 *   cycles.csv  table of named columns, one row a cycle and replica
 *   DONE        present when the run has finished
 * Return values are exit codes: 0, RUNFILES_USAGE (the argument is not a run directory),
 * RUNFILES_MEMORY, RUNFILES_CORRUPT (a file of it is missing, unreadable or malformed).
 */
#ifndef KMC_RUNFILES_H
#define KMC_RUNFILES_H
#include "statistics.h"

enum { RUNFILES_USAGE = 2, RUNFILES_MEMORY = 4, RUNFILES_CORRUPT = 5 };

/* Protocol values by which runs are compared; NaN when neither run.json nor resolved.toml has the
 * value. */
enum runfiles_protocol {
    RUNFILES_LOWER_CUTOFF_V,
    RUNFILES_UPPER_CUTOFF_V,
    RUNFILES_C_RATE_PER_H,
    RUNFILES_CYCLES,
    RUNFILES_FADE_FIRST_CYCLE,
    RUNFILES_N_PROTOCOL
};

struct runfiles_run {
    char directory[1024];    /* as given, without trailing slashes */
    char scenario[128];      /* name */
    char parameter_hash[17]; /* empty when not recorded */
    char claims[64];         /* "uncalibrated", ...; empty when not recorded */
    int64_t seed;
    bool finished; /* DONE is there */
    int64_t
        samples; /* of parameters, which stand for replicas (kmc/comparison_runs.h); 0 = an ordinary run */
    int study; /* which of several studies drew them; samples of two studies are no pairs */
    double protocol[RUNFILES_N_PROTOCOL];
    struct statistics_table table; /* cycles.csv */
    struct statistics_cycles cycles;
};

/* Reads a run directory. Holds memory only when it returns 0; free it then. The struct must not
 * move afterwards: `cycles` points into it. */
int runfiles_open(struct runfiles_run *run, const char *directory, FILE *errors);
void runfiles_free(struct runfiles_run *run);

/* Key of a protocol value, e.g. "upper_cutoff_V". */
const char *runfiles_protocol_name(enum runfiles_protocol key);

/* Any CSV of a run directory whose columns are numbers (text columns: statistics_is_text_column).
 * Free with statistics_table_free. */
int runfiles_read_table(struct statistics_table *t, const char *path, FILE *errors);

/* DIRECTORY/summary.csv from DIRECTORY/cycles.csv, replaced in one step; fades from cycle
 * `fade_first_cycle` on. */
int runfiles_write_summary(const char *directory, int64_t fade_first_cycle, FILE *errors);

/* True when `directory` is a directory that holds a run.json; else prints why not. */
bool runfiles_is_run(const char *directory, FILE *errors);
#endif
