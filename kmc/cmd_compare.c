/* cmd_compare: command line of `kmc compare` and the files it writes; the comparison itself: kmc/comparison.h. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "commands.h"
#include "comparison_report.h"
#include "study_directory.h"

enum { MAX_METRICS = 32 };

static const char HELP[] =
    "usage: kmc compare DIR... [options]\n"
    "DIR: of `kmc run`, or of `kmc study` for all its runs; the first run is the reference.\n"
    "Prints fade, efficiency, retention, hysteresis and transition metals in the Li layer of each "
    "run,\n"
    "then differences to a reference run: mean, 95 % interval, p-value, Holm-corrected p, effect "
    "size,\n"
    "and a ranking with the probability of being best (kmc/ranking.h says how). Samples of "
    "parameters (kmc study,\n"
    "samples = N) are taken together: bands, and which parameter decides.\n"
    "\n"
    "  --reference DIR       run to compare with (default: the first DIR)\n"
    "  --metric NAME         compare this quantity (repeat for several): a whole-run metric of "
    "summary.csv\n"
    "                        or a column of cycles.csv (its value in the last common cycle)\n"
    "  --fade-first-cycle N  first cycle of the fade fit (default: the reference's "
    "fade_first_cycle, or 2)\n"
    "  --csv FILE            write all numbers as CSV; an existing file is never overwritten\n"
    "  --json[=FILE]         JSON to standard output instead of the tables, or to FILE (`--json "
    "FILE.json` too)\n"
    "  -q, --quiet           no tables; notes go to standard error\n"
    "  -h, --help            this text\n"
    "\n"
    "Fade: minus the least-squares slope of the mean discharge voltage. Retention: last cycle over "
    "cycle 1.\n"
    "Exit codes: 0 ok, 2 wrong usage, 5 damaged run directory, existing output file or failed "
    "write.\n";

/* Command line. */
struct options {
    const char *reference;
    const char *csv, *json; /* paths of files to write, NULL = none */
    const char *metric[MAX_METRICS];
    int n_metrics;            /* 0 = the usual ones */
    int64_t fade_first_cycle; /* 0 = from the reference */
    bool json_stdout, quiet, help;
};

/* ---- command line ---- */

static int usage_error(const char *what, const char *found, const char *hint) {
    fprintf(stderr, "kmc compare: error: %s", what);
    if (found)
        fprintf(stderr, ", found `%s`", found);
    fprintf(stderr, "\n    hint: %s\n", hint);
    return RUNFILES_USAGE;
}

static bool ends_with(const char *text, const char *ending) {
    size_t n = strlen(text), m = strlen(ending);
    return n > m && !strcmp(text + n - m, ending);
}

static int parse_first_cycle(struct options *o, const char *text) {
    char *end = NULL;
    o->fade_first_cycle = strtol(text, &end, 10);
    if (*text && !*end && o->fade_first_cycle >= 1 && o->fade_first_cycle < 1000000000)
        return 0;
    return usage_error("--fade-first-cycle: expected a whole number from 1", text,
                       "2 leaves out the activation cycle");
}

static int parse_option(struct options *o, int option, int argc, char **argv) {
    switch (option) {
    case 'r':
        o->reference = optarg;
        return 0;
    case 'm':
        if (o->n_metrics == MAX_METRICS)
            return usage_error("too many --metric", optarg, "at most 32 in one call");
        o->metric[o->n_metrics++] = optarg;
        return 0;
    case 'f':
        return parse_first_cycle(o, optarg);
    case 'c':
        o->csv = optarg;
        return 0;
    case 'j':
        if (!optarg && optind < argc && ends_with(argv[optind], ".json"))
            optarg = argv[optind++]; /* optional arguments of getopt_long need `=`; people type a
                                        blank */
        o->json = optarg;
        o->json_stdout = !optarg;
        return 0;
    case 'q':
        o->quiet = true;
        return 0;
    default:
        o->help = true;
        return 0;
    }
}

static bool is_study(int argc, char **argv) {
    return optind < argc && study_directory_is_study(argv[optind]);
}

static int parse(struct options *o, int argc, char **argv) {
    static const struct option options[] = {
        {"reference", required_argument, NULL, 'r'},
        {"metric", required_argument, NULL, 'm'},
        {"fade-first-cycle", required_argument, NULL, 'f'},
        {"csv", required_argument, NULL, 'c'},
        {"json", optional_argument, NULL, 'j'},
        {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option, code = 0;
    *o = (struct options){0};
    optind = 0; /* start afresh, also on a second call in one process */
    opterr = 0;
    while (!code && (option = getopt_long(argc, argv, ":qh", options, NULL)) != -1) {
        if (option == '?' || option == ':')
            return usage_error(option == '?' ? "unknown option" : "option without its value",
                               argv[optind - 1], "see `kmc compare --help`");
        code = parse_option(o, option, argc, argv);
    }
    if (!code && !o->help && argc - optind < (o->reference || is_study(argc, argv) ? 1 : 2))
        return usage_error("expected at least two run directories", NULL,
                           "kmc compare DIR DIR, the first is the reference");
    return code;
}

/* Refuses existing output files before any work is done; they are created exclusively later all the same. */
static int check_outputs(const struct options *o) {
    const char *const path[2] = {o->csv, o->json};
    for (int i = 0; i < 2; i++) {
        if (!path[i] || access(path[i], F_OK))
            continue;
        fprintf(stderr,
                "%s: error: the output file exists\n    hint: give another name; kmc compare never "
                "overwrites\n",
                path[i]);
        return RUNFILES_CORRUPT;
    }
    return 0;
}

/* ---- output ---- */

static int write_file(const char *path, void (*write)(const struct comparison *, FILE *),
                      const struct comparison *c) {
    FILE *out = fopen(path, "wx");
    if (!out) {
        fprintf(stderr, "%s: error: cannot create: %s\n", path, strerror(errno));
        return RUNFILES_CORRUPT;
    }
    write(c, out);
    bool good = !ferror(out);
    if (fclose(out) == 0 && good)
        return 0;
    fprintf(stderr, "%s: error: cannot write: %s\n", path, strerror(errno));
    unlink(path);
    return RUNFILES_CORRUPT;
}

static int output(const struct comparison *c, const struct options *o) {
    int code = 0;
    if (o->csv)
        code = write_file(o->csv, comparison_report_csv, c);
    if (!code && o->json)
        code = write_file(o->json, comparison_report_json, c);
    if (!code && o->json_stdout)
        comparison_report_json(c, stdout);
    else if (!code && !o->quiet)
        code = comparison_report_text(c, stdout);
    if (!code && o->quiet)
        comparison_report_notes(c, stderr);
    if (!code && (fflush(stdout) || ferror(stdout))) {
        fprintf(stderr, "standard output: error: cannot write: %s\n", strerror(errno));
        return RUNFILES_CORRUPT;
    }
    return code;
}

int cmd_compare(int argc, char **argv) {
    struct options o;
    struct comparison c;
    int code = parse(&o, argc, argv);
    if (!code && o.help)
        return fputs(HELP, stdout) < 0 ? RUNFILES_CORRUPT : 0;
    if (!code)
        code = check_outputs(&o);
    if (code)
        return code;
    struct comparison_request q = {.directory = argv + optind,
                                   .n = argc - optind,
                                   .reference = o.reference,
                                   .metric = o.metric,
                                   .n_metrics = (size_t)o.n_metrics,
                                   .fade_first_cycle = o.fade_first_cycle};
    code = comparison_create(&c, &q, stderr);
    if (!code)
        code = output(&c, &o);
    comparison_free(&c);
    if (code == RUNFILES_MEMORY)
        fputs("kmc compare: error: out of memory\n", stderr);
    return code;
}
