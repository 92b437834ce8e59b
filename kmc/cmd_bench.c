/* cmd_bench: flags of `kmc bench`; what is measured is in bench.h, how it is printed in bench_report.h. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include "bench_report.h"
#include "commands.h"
#include "options.h"

static const char usage[] =
    "kmc bench [flags] - speed and memory of an engine on fixed workloads, all physics present\n"
    "  W1     ensemble: 1,024 replicas of 12 x 12 cells x 12 O planes, 6,912 sites each\n"
    "  W2     one box of 10 nm          W3  one box of 50 nm\n"
    "  W4     one particle of 100 nm    sizes  time per move from 1e5 to 3e7 sites\n"
    "What memory or time do not allow is cut, and the cut is stated.\n\n"
    "      --workload LIST     any of W1,W2,W3,W4,sites (default: all)\n"
    "      --engine NAME       exact, cpu, cuda or auto (default)\n"
    "      --threads N         processor cores, 0 = all (default)\n"
    "      --seconds S         time for each figure, about (default 10)\n"
    "      --json PATH         the figures as JSON too; - for stdout instead of the table\n"
    "  -q, --quiet             no notes on stderr\n"
    "  -h, --help              this text\n";

enum { OPT_WORKLOAD = 256, OPT_ENGINE, OPT_THREADS, OPT_SECONDS, OPT_JSON };

static const struct option flags[] = {{"workload", required_argument, NULL, OPT_WORKLOAD},
                                      {"engine", required_argument, NULL, OPT_ENGINE},
                                      {"threads", required_argument, NULL, OPT_THREADS},
                                      {"seconds", required_argument, NULL, OPT_SECONDS},
                                      {"json", required_argument, NULL, OPT_JSON},
                                      {"quiet", no_argument, NULL, 'q'},
                                      {"help", no_argument, NULL, 'h'},
                                      {NULL, 0, NULL, 0}};

struct request {
    struct bench_limits limits;
    const struct bench_workload *workload[BENCH_REPORT_WORKLOADS];
    int n_workloads;
    bool sizes;
    const char *json;
};

static bool complain(const char *flag, const char *expected, const char *found, const char *hint) {
    fprintf(stderr, "command line: error: %s: expected %s, found `%.40s`\n    hint: %s\n", flag,
            expected, found, hint);
    return false;
}

static bool take_workload(struct request *q, const char *name) {
    const struct bench_workload *w = bench_find(name);
    bool sizes = strcmp(name, "sizes") == 0;
    for (int k = 0; k < q->n_workloads; k++)
        if (q->workload[k] == w)
            return true;
    if (!w && !sizes)
        return complain("--workload", "names out of W1, W2, W3, W4, sizes with commas between",
                        name, "for example --workload W1,W2");
    q->sizes = q->sizes || sizes;
    if (w)
        q->workload[q->n_workloads++] = w;
    return true;
}

static bool take_workloads(struct request *q, const char *list) {
    char text[128];
    bool any = false;
    snprintf(text, sizeof text, "%s", list);
    for (char *rest = text, *name; (name = strtok_r(rest, ",", &rest)); any = true)
        if (!take_workload(q, name))
            return false;
    return any || take_workload(q, list);
}

static bool take_seconds(struct request *q, const char *text) {
    char *end;
    q->limits.seconds = strtod(text, &end);
    if (end == text || *end || !(q->limits.seconds >= 1e-3 && q->limits.seconds <= 1e5))
        return complain("--seconds", "a number of seconds from 0.001 to 100000", text,
                        "10 is the default");
    return true;
}

static bool take_threads(struct request *q, const char *text) {
    char *end;
    errno = 0;
    long n = strtol(text, &end, 10);
    if (end == text || *end || errno || n < 0 || n > 4096)
        return complain("--threads", "a whole number from 0 to 4096", text, "0 means all cores");
    q->limits.threads = (int)n;
    return true;
}

static bool take_engine(struct request *q, const char *name) {
    char note[256];
    static const char *const names[] = {"exact", "cpu", "cuda", "auto"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        if (strcmp(name, names[k]) == 0 && (q->limits.ops = engine_find(name, note, sizeof note)))
            return true;
    return complain("--engine", "exact, cpu, auto, or cuda where a GPU answers", name,
                    "`kmc info` shows what this program offers");
}

static bool take(struct request *q, int flag) {
    switch (flag) {
    case 'q':
        return q->limits.quiet = true;
    case OPT_WORKLOAD:
        return take_workloads(q, optarg);
    case OPT_ENGINE:
        return take_engine(q, optarg);
    case OPT_THREADS:
        return take_threads(q, optarg);
    case OPT_SECONDS:
        return take_seconds(q, optarg);
    case OPT_JSON:
        q->json = optarg;
        return true;
    default:
        return false; /* getopt has printed the reason */
    }
}

static void take_defaults(struct request *q) {
    const char *slurm = getenv("SLURM_CPUS_PER_TASK");
    char note[256];
    if (!q->limits.ops)
        q->limits.ops = engine_find("auto", note, sizeof note);
    if (q->limits.threads == 0)
        q->limits.threads = slurm && atoi(slurm) > 0 ? atoi(slurm) : omp_get_num_procs();
    if (q->n_workloads || q->sizes)
        return;
    while (bench_at(q->n_workloads)) {
        q->workload[q->n_workloads] = bench_at(q->n_workloads);
        q->n_workloads++;
    }
    q->sizes = true;
}

/* -1 to go on, else the exit code. */
static int parse(struct request *q, int argc, char **argv) {
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "qh", flags, NULL)) != -1;) {
        if (c == 'h') {
            fputs(usage, stdout);
            return EXIT_OK;
        }
        if (!take(q, c)) {
            if (c == OPT_ENGINE && strcmp(optarg, "cuda") == 0)
                return EXIT_NO_GPU; /* known, and runs where there is one */
            if (c == '?')
                fputs("    hint: `kmc bench --help` lists the flags\n", stderr);
            return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        complain("bench", "flags only", argv[optind], "`kmc bench --help`");
        return EXIT_USAGE;
    }
    take_defaults(q);
    return -1;
}

/* The file is opened before anything is measured. */
static FILE *open_json(const struct request *q) {
    FILE *out = q->json && strcmp(q->json, "-") != 0 ? fopen(q->json, "w") : stdout;
    if (!out)
        fprintf(stderr,
                "%s: error: cannot be written: %s\n    hint: --json PATH in a writable directory\n",
                q->json, strerror(errno));
    return out;
}

static int hash_parameters(struct bench_report *r) {
    struct scenario *s = scenario_load("builtin:o3-lmr", NULL, 0, stderr);
    if (!s)
        return EXIT_USAGE;
    scenario_parameter_hash(s, r->parameter_hash);
    scenario_free(s);
    return EXIT_OK;
}

/* Measures everything; with a table, each part is printed as soon as it is known. */
static int measure(const struct request *q, struct bench_report *r, FILE *table) {
    double per_site, per_draw;
    int status = bench_calibrate(&q->limits, &per_site, &per_draw);
    if (table)
        bench_report_head(r, table);
    for (int k = 0; status == 0 && k < q->n_workloads; k++) {
        /* efficiency at all counts of threads: for the box of 10 nm only */
        bool all_counts = strcmp(q->workload[k]->name, "W2") == 0;
        struct bench_result *b = &r->result[r->n_results++];
        status = bench_run(q->workload[k], &q->limits, per_site, all_counts, b);
        if (status == 0 && table)
            bench_report_result(r, b, table);
        fflush(stdout);
    }
    if (status == 0 && q->sizes) {
        r->with_sizes = true;
        status = bench_sizes(&q->limits, per_draw, r->size);
        if (status == 0 && table)
            bench_report_sizes(r, table);
    }
    return status;
}

static int execute(const struct request *q, struct bench_report *r) {
    FILE *json = open_json(q);
    if (!json)
        return EXIT_FILES;
    r->engine = q->limits.ops->name;
    r->threads = q->limits.threads;
    r->seconds = q->limits.seconds;
    bench_report_init(r);
    int status = hash_parameters(r);
    if (status == 0)
        status = measure(q, r, q->json && json == stdout ? NULL : stdout);
    if (status == 0 && q->json)
        bench_report_json(r, json);
    if (json != stdout && fclose(json) != 0)
        status = status ? status : EXIT_FILES;
    return status;
}

int cmd_bench(int argc, char **argv) {
    struct request q = {.limits = {.seconds = 10}};
    int status = parse(&q, argc, argv);
    if (status >= 0)
        return status;
    struct bench_report *r = calloc(1, sizeof *r);
    if (!r)
        return EXIT_MEMORY;
    status = execute(&q, r);
    free(r);
    return status;
}
