/* options: command-line flags that several commands share; each becomes an override of the scenario or a field here. */
#ifndef KMC_OPTIONS_H
#define KMC_OPTIONS_H
#include <stdbool.h>
#include <stddef.h>
#include "scenario.h"

enum {
    OPTIONS_SET_MAX = 128,
    EXIT_OK = 0,
    EXIT_RUNTIME = 1,
    EXIT_USAGE = 2,
    EXIT_NO_GPU = 3,
    EXIT_MEMORY = 4,
    EXIT_FILES = 5
};

struct options {
    const char *scenario;           /* path or "builtin:NAME" */
    const char *output;             /* -o, NULL when absent */
    const char *directory;          /* of kmc resume, else NULL */
    bool quiet, verbose, json, dry; /* dry: --check of kmc study */
    const char *shard;              /* of kmc study, "i/N"; NULL when absent */
    double max_wallclock_s;         /* 0 = no limit */
    /* kmc diffuse; lists as given, NULL and 0 when absent */
    const char *voltages, *li, *temperatures;
    double hops, step_hops;
    const char *set[OPTIONS_SET_MAX]; /* "key=value" */
    size_t n_set;
    char text[8][64]; /* storage of overrides made from flags */
    int n_text;
};

/* Parses the common flags; usage and one SCENARIO are expected. Returns -1 to go on, else the exit code (help printed, or an error on stderr). */
int options_parse(struct options *o, int argc, char **argv, const char *usage);

/* The same for `kmc study`, whose argument takes the place of SCENARIO. */
int options_parse_study(struct options *o, int argc, char **argv, const char *usage);

/* The same for `kmc resume`: one run directory, and only flags that change no result. */
int options_parse_resume(struct options *o, int argc, char **argv, const char *usage);

/* The same for `kmc diffuse`. */
int options_parse_diffuse(struct options *o, int argc, char **argv, const char *usage);

/* Loads the scenario the options name; NULL after printing (exit code 2). */
struct scenario *options_load(const struct options *o);

/* Text shared by the help of run, voltage and check. */
extern const char options_help[];

#endif
