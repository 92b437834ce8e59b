/* cmd_selftest: flags of `kmc selftest` and its table; the cases are in selftest.h. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "commands.h"
#include "options.h"
#include "selftest.h"

static const char usage[] =
    "kmc selftest [flags] - the engines of this machine on textbook problems with exact answers\n"
    "Lattice gases, hard hexagons, tracer correlation, relaxation, first passage, jamming: "
    "measured\n"
    "with the program's own sites, moves and events against enumeration, master equations and\n"
    "formulas.  A row passes when |z| = |measured - expected|/standard error is at most 5.5: "
    "fewer\n"
    "than one run in 10,000 fails by chance.  Exit code 0: all passed; 1: some failed.\n\n"
    "      --engine NAME       exact, cpu or cuda only (default: all that run here)\n"
    "      --only LIST         some of the cases, by name (default: all)\n"
    "      --seed S            seed of all random streams (default: a new one, printed)\n"
    "      --length X          times the usual number of samples, 0.1 to 1000 (default 1)\n"
    "      --list              names and contents of the cases\n"
    "      --json              the rows as JSON on stdout\n"
    "  -h, --help              this text\n";

enum { OPT_ENGINE = 256, OPT_ONLY, OPT_SEED, OPT_LENGTH, OPT_LIST, OPT_JSON };

static const struct option flags[] = {{"engine", required_argument, NULL, OPT_ENGINE},
                                      {"only", required_argument, NULL, OPT_ONLY},
                                      {"seed", required_argument, NULL, OPT_SEED},
                                      {"length", required_argument, NULL, OPT_LENGTH},
                                      {"list", no_argument, NULL, OPT_LIST},
                                      {"json", no_argument, NULL, OPT_JSON},
                                      {"help", no_argument, NULL, 'h'},
                                      {NULL, 0, NULL, 0}};

enum { ENGINES_MAX = 3, CASES_MAX = 64 };

struct request {
    const struct engine_ops *ops[ENGINES_MAX];
    int n_ops;
    bool with[CASES_MAX]; /* all false: every case */
    bool some, seeded, json;
    uint64_t seed;
    double length;
    int rows, failed, left_out;
};

static bool complain(const char *flag, const char *expected, const char *found, const char *hint) {
    fprintf(stderr, "command line: error: %s: expected %s, found `%.40s`\n    hint: %s\n", flag,
            expected, found, hint);
    return false;
}

static bool take_engine(struct request *q, const char *name) {
    static const char *const names[] = {"exact", "cpu", "cuda"};
    char note[256];
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        if (strcmp(name, names[k]) == 0 && (q->ops[0] = engine_find(name, note, sizeof note))) {
            q->n_ops = 1;
            return true;
        }
    return complain("--engine", "exact, cpu, or cuda where a GPU answers", name,
                    "`kmc info` shows what this program offers");
}

static bool take_cases(struct request *q, const char *list) {
    char text[256];
    snprintf(text, sizeof text, "%s", list);
    for (char *rest = text, *name; (name = strtok_r(rest, ",", &rest));) {
        int k = 0;
        while (selftest_at(k) && strcmp(selftest_at(k)->name, name) != 0)
            k++;
        if (!selftest_at(k))
            return complain("--only", "names of cases with commas between", name,
                            "`kmc selftest --list` shows them");
        q->with[k] = q->some = true;
    }
    return q->some || complain("--only", "names of cases with commas between", list,
                               "`kmc selftest --list` shows them");
}

static bool take_seed(struct request *q, const char *text) {
    char *end;
    errno = 0;
    q->seed = strtoull(text, &end, 10);
    q->seeded = true;
    if (end == text || *end || errno || *text == '-')
        return complain("--seed", "a whole number from 0 to 18446744073709551615", text,
                        "the seed of an earlier run stands in its first line");
    return true;
}

static bool take_length(struct request *q, const char *text) {
    char *end;
    q->length = strtod(text, &end);
    if (end == text || *end || !(q->length >= 0.1 && q->length <= 1000))
        return complain("--length", "a number from 0.1 to 1000", text, "1 is the default");
    return true;
}

static bool take(struct request *q, int flag) {
    switch (flag) {
    case OPT_ENGINE:
        return take_engine(q, optarg);
    case OPT_ONLY:
        return take_cases(q, optarg);
    case OPT_SEED:
        return take_seed(q, optarg);
    case OPT_LENGTH:
        return take_length(q, optarg);
    case OPT_JSON:
        return q->json = true;
    default:
        return false; /* getopt has printed the reason */
    }
}

static void print_cases(void) {
    for (int k = 0; selftest_at(k); k++)
        printf("%-10s %s\n", selftest_at(k)->name, selftest_at(k)->what);
}

/* -1 to go on, else the exit code. */
static int parse(struct request *q, int argc, char **argv) {
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "h", flags, NULL)) != -1;) {
        if (c == 'h' || c == OPT_LIST) {
            c == 'h' ? (void)fputs(usage, stdout) : print_cases();
            return EXIT_OK;
        }
        if (!take(q, c)) {
            if (c == OPT_ENGINE && strcmp(optarg, "cuda") == 0)
                return EXIT_NO_GPU; /* known, and runs where there is one */
            if (c == '?')
                fputs("    hint: `kmc selftest --help` lists the flags\n", stderr);
            return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        complain("selftest", "flags only", argv[optind], "`kmc selftest --help`");
        return EXIT_USAGE;
    }
    return -1;
}

/* From the system's source of randomness, else from the clock; below 2^32, easier to type again. */
static uint64_t new_seed(void) {
    uint32_t seed = 0;
    FILE *f = fopen("/dev/urandom", "rb");
    bool ok = f && fread(&seed, sizeof seed, 1, f) == 1;
    if (f)
        fclose(f);
    return ok ? seed : (uint64_t)time(NULL);
}

static void take_engines(struct request *q) {
    char note[256];
    q->ops[q->n_ops++] = &engine_exact;
    q->ops[q->n_ops++] = &engine_cpu;
    const struct engine_ops *cuda = engine_find("cuda", note, sizeof note);
    if (cuda)
        q->ops[q->n_ops++] = cuda;
    else
        fprintf(stderr, "engine cuda: left out (%s)\n", note);
}

/* ---- output ---- */

static void print_row(const struct selftest_row *r) {
    if (r->left_out)
        printf("%-10s %-6s left out: %s\n", r->name, r->engine, r->left_out);
    else
        printf("%-10s %-6s %-36s %12.6g %12.6g %10.2g %+6.2f  %s\n", r->name, r->engine,
               r->quantity, r->expected, r->measured, r->error, r->z,
               r->passed ? "passed" : "FAILED");
}

/* NaN and infinity are no JSON. */
static void json_number(const char *key, double value) {
    if (isfinite(value))
        printf(", \"%s\": %.10g", key, value);
    else
        printf(", \"%s\": null", key);
}

static void json_row(const struct selftest_row *r, bool first) {
    printf("%s\n  {\"case\": \"%s\", \"engine\": \"%s\"", first ? "" : ",", r->name, r->engine);
    if (r->left_out) {
        printf(", \"left_out\": \"%s\"}", r->left_out);
        return;
    }
    printf(", \"quantity\": \"%s\"", r->quantity);
    json_number("expected", r->expected);
    json_number("measured", r->measured);
    json_number("standard_error", r->error);
    json_number("z", r->z);
    printf(", \"passed\": %s}", r->passed ? "true" : "false");
}

static void report(void *context, const struct selftest_row *r) {
    struct request *q = context;
    if (q->json)
        json_row(r, q->rows + q->left_out == 0);
    else
        print_row(r);
    fflush(stdout);
    q->rows += !r->left_out;
    q->left_out += r->left_out != NULL;
    q->failed += !r->passed;
}

static void print_head(const struct request *q) {
    if (q->json)
        printf("{\"seed\": %llu, \"length\": %g, \"z_limit\": %g, \"rows\": [",
               (unsigned long long)q->seed, q->length, SELFTEST_Z);
    else
        printf("kmc selftest --seed %llu --length %g\n%-10s %-6s %-36s %12s %12s %10s %6s\n",
               (unsigned long long)q->seed, q->length, "case", "engine", "quantity", "expected",
               "measured", "s.e.", "z");
}

static void print_foot(const struct request *q) {
    if (q->json)
        printf("\n], \"checked\": %d, \"failed\": %d}\n", q->rows, q->failed);
    else
        printf("%d passed, %d failed (|z| above %g)\n", q->rows - q->failed, q->failed, SELFTEST_Z);
}

int cmd_selftest(int argc, char **argv) {
    struct request q = {.length = 1};
    int status = parse(&q, argc, argv);
    if (status >= 0)
        return status;
    if (q.n_ops == 0)
        take_engines(&q);
    if (!q.seeded)
        q.seed = new_seed();
    print_head(&q);
    for (int k = 0; selftest_at(k); k++)
        for (int e = 0; e < q.n_ops && (!q.some || q.with[k]); e++) {
            struct selftest t = {.ops = q.ops[e],
                                 .seed = q.seed,
                                 .length = q.length,
                                 .report = report,
                                 .context = &q};
            selftest_run(&t, selftest_at(k));
        }
    print_foot(&q);
    return q.failed ? EXIT_RUNTIME : EXIT_OK;
}
