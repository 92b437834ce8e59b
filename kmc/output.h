/* output: the run directory of `kmc run`.
 *
 * Small files written whole (temporary name, then rename), so a reader always finds a consistent set: scenario.toml, resolved.toml, run.json, cycles.csv,
 * profile.bdf.csv and voids.csv (first replicas only), clusters.csv, depth.csv (free surfaces only), run.h5, and DONE at the end; until then snapshots/ instead of run.h5, and checkpoint, checkpoint.old, lock and status (kmc/status.h).  An existing directory is never touched.
 */
#ifndef KMC_OUTPUT_H
#define KMC_OUTPUT_H
#include "cycle_record.h"
#include "scenario.h"

/* Provenance that goes into run.json and snapshots. */
struct output_info {
    char directory[1024];
    char name[128]; /* scenario name */
    char parameter_hash[17];
    char started[32], finished[32]; /* ISO 8601, UTC; finished empty while running */
    const char *engine;
    int threads;
    int64_t
        replicas; /* that were run; run.replicas of the scenario, or fewer when they told enough */
    const struct scenario *scenario;
    const struct supercell *cell; /* of replica 0 */
    bool complete; /* the directory may be there: a kill left it before its first checkpoint */
};

/* Creates the directory and writes scenario.toml, resolved.toml, run.json. Exit code 0, 2 (exists) or 5 (I/O) after printing to `errors`. */
int output_create(const struct output_info *info, FILE *errors);

/* Writes run.json again (finished set) and the DONE mark. */
int output_finish(const struct output_info *info, FILE *errors);

/* Writes one file of the directory whole: body is called with the open file. */
int output_replace(const struct output_info *info, const char *name,
                   void (*body)(FILE *out, const void *context), const void *context, FILE *errors);

/* snapshots/rRRR_cCCCC_AT.snap */
int output_snapshot(const struct output_info *info, const struct replica *r, int64_t cycle,
                    const char *at, double voltage_V, FILE *errors);

/* Makes a directory and those above it; one that is there is refused (2) unless it may exist. Exit code 0, 2 or 5. */
int output_directory(const char *path, bool may_exist, FILE *errors);

/* Is there a file of this name in the directory? */
bool output_exists(const char *directory, const char *name);

/* Lines of a JSON object: program, version, git_hash, build_flags, compiler. */
void output_json_program(FILE *out);

/* One line of it, with a text. */
void output_json_text(FILE *out, const char *key, const char *value);

/* A JSON string with its quotes. */
void output_json_string(FILE *out, const char *text);

/* Version and git hash of this program. */
const char *output_program(void);

/* Current time, ISO 8601 UTC, into text[32]. */
void output_time(char text[32]);

#endif
