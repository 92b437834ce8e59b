/* kmc compare: run directories side by side, and their differences to a reference with a corrected
 * test.
 *
 * All runs are judged over the same cycles: fades from the reference's protocol.fade_first_cycle to
 * the last cycle that every replica of every run has.  Runs with the same seed are paired replica
 * by replica (same disorder, same random streams), others are compared by Welch's test.  Holm's
 * correction takes all p-values of one call together.
 */
#define _POSIX_C_SOURCE 200809L
#include "commands.h"
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "runfiles.h"

enum { USAGE = 2, MEMORY = 4, CORRUPT = 5, MAX_METRICS = 32, CELL_BYTES = 160, NOTE_BYTES = 400 };

static const char HELP[] =
    "usage: kmc compare DIR DIR... [options]\n"
    "Prints fade, efficiency, retention, hysteresis and transition metals in the Li layer of each "
    "run,\n"
    "then differences to a reference run: mean, 95 % interval, p-value, Holm-corrected p, effect "
    "size.\n"
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

static const char *const DEFAULT_METRICS[] = {
    "voltage_fade_mV_per_cycle", "initial_coulombic_efficiency", "capacity_retention",
    "mean_hysteresis_V",         "tm_li_layer_discharge",
};
enum { N_DEFAULT = sizeof DEFAULT_METRICS / sizeof *DEFAULT_METRICS };

/* Short column heads; other metrics show their full name. */
static const char *heading(const char *metric) {
    static const char *const heads[N_DEFAULT] = {"fade mV/cycle", "ICE", "capacity retention",
                                                 "hysteresis V", "TM in Li layer"};
    for (int i = 0; i < N_DEFAULT; i++)
        if (!strcmp(metric, DEFAULT_METRICS[i]))
            return heads[i];
    return metric;
}

struct options {
    const char *reference, *csv, *json;
    const char *metric[MAX_METRICS];
    int n_metrics;
    int64_t fade_first_cycle; /* 0 = from the reference */
    bool json_stdout, quiet, help;
};

/* All runs and what is derived from them; run[reference] is the reference. Owner: cmd_compare. */
struct comparison {
    struct runfiles_run *run;
    size_t n_runs, reference;
    struct statistics_span span;
    const char *const *metric;
    size_t n_metrics;
    struct statistics_difference
        *difference;    /* [run*n_metrics + metric], the reference's own unused */
    double *p, *p_holm; /* the same order */
    char (*note)[NOTE_BYTES];
    size_t n_notes, max_notes;
};

/* ---- command line ---- */

static int usage_error(const char *what, const char *found, const char *hint) {
    fprintf(stderr, "kmc compare: error: %s", what);
    if (found)
        fprintf(stderr, ", found `%s`", found);
    fprintf(stderr, "\n    hint: %s\n", hint);
    return USAGE;
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
    if (!code && !o->help && argc - optind < (o->reference ? 1 : 2))
        return usage_error("expected at least two run directories", NULL,
                           "kmc compare DIR DIR, the first is the reference");
    return code;
}

/* Refuses existing output files before any work is done; they are created exclusively later all the
 * same. */
static int check_outputs(const struct options *o) {
    const char *const path[2] = {o->csv, o->json};
    for (int i = 0; i < 2; i++) {
        if (!path[i] || access(path[i], F_OK))
            continue;
        fprintf(stderr,
                "%s: error: the output file exists\n    hint: give another name; kmc compare never "
                "overwrites\n",
                path[i]);
        return CORRUPT;
    }
    return 0;
}

/* ---- runs ---- */

static bool same_path(const char *a, const char *b) {
    size_t n = strlen(a), m = strlen(b);
    while (n > 1 && a[n - 1] == '/')
        n--;
    while (m > 1 && b[m - 1] == '/')
        m--;
    return n == m && !strncmp(a, b, n);
}

/* Opens all directories; a --reference that is not among them comes first. */
static int open_runs(struct comparison *c, const struct options *o, int n, char **directory) {
    int found = 0;
    while (o->reference && found < n && !same_path(directory[found], o->reference))
        found++;
    bool extra = found == n;
    if (!extra && n < 2)
        return usage_error("expected a run besides the reference", o->reference,
                           "kmc compare DIR --reference OTHER_DIR");
    c->run = calloc((size_t)n + 1, sizeof *c->run);
    if (!c->run)
        return MEMORY;
    c->reference = extra ? 0 : (size_t)found;
    for (int i = extra ? -1 : 0; i < n; i++) {
        const char *name = i < 0 ? o->reference : directory[i];
        int code = runfiles_open(&c->run[c->n_runs++], name, stderr);
        if (code)
            return code;
    }
    return 0;
}

static void set_span(struct comparison *c, const struct options *o) {
    double first = c->run[c->reference].protocol[RUNFILES_FADE_FIRST_CYCLE];
    c->span.first = first >= 1 && first < 1e9 ? (int64_t)first : 2;
    if (o->fade_first_cycle)
        c->span.first = o->fade_first_cycle;
    c->span.last = c->run[0].cycles.last_cycle;
    for (size_t i = 1; i < c->n_runs; i++)
        if (c->run[i].cycles.last_cycle < c->span.last)
            c->span.last = c->run[i].cycles.last_cycle;
}

static int check_metric(const struct comparison *c, const char *metric) {
    for (size_t i = 0; i < c->n_runs; i++) {
        if (statistics_metric_exists(&c->run[i].cycles, metric))
            continue;
        fprintf(stderr, "kmc compare: error: --metric %s: %s/cycles.csv has no such quantity\n",
                metric, c->run[i].directory);
        fputs("    hint: a numeric column of cycles.csv, or one of", stderr);
        for (size_t k = 0; statistics_metric_name(k); k++)
            fprintf(stderr, " %s", statistics_metric_name(k));
        fputc('\n', stderr);
        return USAGE;
    }
    return 0;
}

static bool same_seed(const struct comparison *c, size_t i) {
    return c->run[i].seed == c->run[c->reference].seed;
}

static int compare_all(struct comparison *c) {
    size_t n = c->n_runs * c->n_metrics;
    c->difference = calloc(n, sizeof *c->difference);
    c->p = calloc(2 * n, sizeof *c->p);
    c->p_holm = c->p ? c->p + n : NULL;
    if (!c->difference || !c->p)
        return MEMORY;
    for (size_t k = 0; k < n; k++) {
        size_t i = k / c->n_metrics;
        c->p[k] = NAN;
        if (i == c->reference)
            continue;
        c->difference[k] =
            statistics_metric_difference(&c->run[i].cycles, &c->run[c->reference].cycles,
                                         c->metric[k % c->n_metrics], c->span, same_seed(c, i));
        c->p[k] = c->difference[k].p;
    }
    statistics_holm(c->p, c->p_holm, n);
    return 0;
}

/* ---- notes: what a reader must know about the numbers ---- */

static void note(struct comparison *c, const char *format, ...) {
    va_list arguments;
    if (c->n_notes == c->max_notes)
        return;
    va_start(arguments, format);
    vsnprintf(c->note[c->n_notes++], NOTE_BYTES, format, arguments);
    va_end(arguments);
}

static void note_protocol(struct comparison *c, size_t i) {
    const struct runfiles_run *run = &c->run[i], *reference = &c->run[c->reference];
    bool unknown = false;
    for (int k = 0; k < RUNFILES_N_PROTOCOL; k++) {
        double a = run->protocol[k], b = reference->protocol[k];
        const char *name = runfiles_protocol_name(k);
        if (k == RUNFILES_FADE_FIRST_CYCLE)
            continue; /* one value is used for all runs */
        if (isnan(a) || isnan(b))
            unknown = true;
        else if (a != b)
            note(c, "warning: protocols differ: [%zu] has %s = %g, the reference %g", i + 1, name,
                 a, b);
    }
    if (unknown)
        note(c,
             "warning: [%zu] and the reference: run.json lacks protocol values, not all could be "
             "compared",
             i + 1);
}

static void note_pairing(struct comparison *c, size_t i) {
    const struct runfiles_run *run = &c->run[i], *reference = &c->run[c->reference];
    if (!same_seed(c, i))
        note(c,
             "[%zu]: not paired, seeds differ (%" PRId64 " and %" PRId64 "): Welch's unpaired test",
             i + 1, run->seed, reference->seed);
    else if (run->cycles.n_replicas != reference->cycles.n_replicas)
        note(c, "[%zu]: %zu replicas, the reference %zu: only common replicas are paired", i + 1,
             run->cycles.n_replicas, reference->cycles.n_replicas);
    if (run->cycles.n_replicas < 2 || reference->cycles.n_replicas < 2)
        note(c, "[%zu]: a single replica gives no interval and no test against the reference",
             i + 1);
}

static void note_run(struct comparison *c, size_t i) {
    const struct runfiles_run *run = &c->run[i];
    if (!run->finished)
        note(c, "warning: [%zu] has not finished (no DONE in %s)", i + 1, run->directory);
    else if (run->protocol[RUNFILES_CYCLES] > (double)run->cycles.last_cycle)
        note(c, "warning: [%zu] stopped after %" PRId64 " of %g cycles", i + 1,
             run->cycles.last_cycle, run->protocol[RUNFILES_CYCLES]);
    if (run->cycles.last_cycle > c->span.last)
        note(c,
             "[%zu] has %" PRId64 " cycles, of which %" PRId64 " are used, as in the shortest run",
             i + 1, run->cycles.last_cycle, c->span.last);
    if (i == c->reference)
        return;
    note_protocol(c, i);
    note_pairing(c, i);
    if (strcmp(run->parameter_hash, c->run[c->reference].parameter_hash) != 0)
        note(c, "[%zu]: parameters differ from the reference's (parameter_hash %s and %s)", i + 1,
             run->parameter_hash, c->run[c->reference].parameter_hash);
}

static void note_claims(struct comparison *c) {
    for (size_t i = 0; i < c->n_runs; i++)
        if (strstr(c->run[i].claims, "uncalibrated")) {
            note(c, "results are uncalibrated: compare orderings and differences, not absolute "
                    "mV/cycle");
            return;
        }
}

static int collect_notes(struct comparison *c) {
    c->max_notes = 10 * c->n_runs + 4; /* at most 10 notes a run below */
    c->note = calloc(c->max_notes, sizeof *c->note);
    if (!c->note)
        return MEMORY;
    for (size_t i = 0; i < c->n_runs; i++)
        note_run(c, i);
    if (c->span.last < c->span.first + 2)
        note(c,
             "warning: fades need at least three cycles from cycle %" PRId64
             " on for an error of the slope; the runs have %" PRId64 " cycles",
             c->span.first, c->span.last);
    note_claims(c);
    return 0;
}

/* ---- text tables ---- */

/* Cells of a table, row by row, with as many columns as the head row. */
struct grid {
    char (*cell)[CELL_BYTES];
    size_t columns, n, capacity;
    bool good;
};

static void put_cell(struct grid *g, const char *format, ...) {
    va_list arguments;
    if (g->n == g->capacity) {
        size_t capacity = g->capacity ? 2 * g->capacity : 64;
        void *cell = realloc(g->cell, capacity * sizeof *g->cell);
        g->good = g->good && cell;
        if (!cell)
            return;
        g->cell = cell;
        g->capacity = capacity;
    }
    va_start(arguments, format);
    vsnprintf(g->cell[g->n++], CELL_BYTES, format, arguments);
    va_end(arguments);
}

/* Columns on the screen: bytes that do not continue a UTF-8 letter. */
static int width_of(const char *text) {
    int n = 0;
    for (; *text; text++)
        n += (*text & 0xC0) != 0x80;
    return n;
}

static void print_grid(const struct grid *g) {
    for (size_t i = 0; i < g->n; i++) {
        size_t column = i % g->columns;
        int width = 0;
        for (size_t k = column; k < g->n; k += g->columns)
            width = width_of(g->cell[k]) > width ? width_of(g->cell[k]) : width;
        bool last = column + 1 == g->columns;
        int pad = last ? 0 : width - width_of(g->cell[i]) + 2;
        printf("%s%*s%s", g->cell[i], pad, "", last ? "\n" : "");
    }
}

/* Four significant digits keep the error's first two in all practical cases. */
static void put_estimate(struct grid *g, struct statistics_estimate e, bool interval) {
    char error[40] = "", range[64] = "";
    if (isnan(e.mean)) {
        put_cell(g, "-");
        return;
    }
    if (!isnan(e.standard_error))
        snprintf(error, sizeof error, " ± %.2g", e.standard_error);
    if (interval && !isnan(e.low))
        snprintf(range, sizeof range, " [%.4g, %.4g]", e.low, e.high);
    put_cell(g, "%.4g%s%s", e.mean, error, range);
}

static void put_p(struct grid *g, double p) {
    if (isnan(p))
        put_cell(g, "-");
    else if (p < 1e-4)
        put_cell(g, "<0.0001");
    else
        put_cell(g, "%.4f", p);
}

static int finish_grid(struct grid *g) {
    if (g->good)
        print_grid(g);
    free(g->cell);
    return g->good ? 0 : MEMORY;
}

static int print_runs(const struct comparison *c) {
    struct grid g = {.columns = 4 + c->n_metrics, .good = true};
    put_cell(&g, " ");
    put_cell(&g, "scenario");
    put_cell(&g, "replicas");
    put_cell(&g, "cycles");
    for (size_t k = 0; k < c->n_metrics; k++)
        put_cell(&g, "%s", heading(c->metric[k]));
    for (size_t i = 0; i < c->n_runs; i++) {
        const struct runfiles_run *run = &c->run[i];
        put_cell(&g, "[%zu]%s", i + 1, i == c->reference ? "*" : "");
        put_cell(&g, "%s", run->scenario);
        put_cell(&g, "%zu", run->cycles.n_replicas);
        put_cell(&g, "%" PRId64, run->cycles.last_cycle);
        for (size_t k = 0; k < c->n_metrics; k++)
            put_estimate(&g, statistics_metric_estimate(&run->cycles, c->metric[k], c->span),
                         k == 0);
    }
    return finish_grid(&g);
}

static void put_difference(struct grid *g, const struct comparison *c, size_t i, size_t k) {
    size_t at = i * c->n_metrics + k;
    const struct statistics_difference *d = &c->difference[at];
    put_cell(g, "%s", heading(c->metric[k]));
    put_cell(g, "[%zu] %s", i + 1, c->run[i].scenario);
    if (d->paired)
        put_cell(g, "paired, n=%zu", d->estimate.n);
    else
        put_cell(g, "Welch");
    if (isnan(d->estimate.mean))
        put_cell(g, "-");
    else
        put_cell(g, "%+.4g", d->estimate.mean);
    if (isnan(d->estimate.low))
        put_cell(g, "-");
    else
        put_cell(g, "[%+.4g, %+.4g]", d->estimate.low, d->estimate.high);
    put_p(g, d->p);
    put_p(g, c->p_holm[at]);
    if (isnan(d->effect_size))
        put_cell(g, "-");
    else
        put_cell(g, "%+.2f", d->effect_size);
}

static int print_differences(const struct comparison *c) {
    static const char *const head[] = {"metric",        "run", "test",   "difference",
                                       "95 % interval", "p",   "p Holm", "effect size"};
    struct grid g = {.columns = sizeof head / sizeof *head, .good = true};
    for (size_t i = 0; i < g.columns; i++)
        put_cell(&g, "%s", head[i]);
    for (size_t k = 0; k < c->n_metrics; k++)
        for (size_t i = 0; i < c->n_runs; i++)
            if (i != c->reference)
                put_difference(&g, c, i, k);
    return finish_grid(&g);
}

static void print_notes(const struct comparison *c, FILE *out) {
    for (size_t i = 0; i < c->n_notes; i++)
        fprintf(out, "%s%s\n", strncmp(c->note[i], "warning", 7) ? "note: " : "", c->note[i]);
}

static int print_text(const struct comparison *c) {
    for (size_t i = 0; i < c->n_runs; i++)
        printf("[%zu]%s %s\n", i + 1, i == c->reference ? "*" : "", c->run[i].directory);
    printf("\nMean ± standard error over replicas [95 %% interval]; fades over cycles %" PRId64
           " to %" PRId64 ", retention cycle %" PRId64 " over 1\n",
           c->span.first, c->span.last, c->span.last);
    int code = print_runs(c);
    printf("\nDifferences to the reference [%zu]* %s; Holm over all p-values below\n",
           c->reference + 1, c->run[c->reference].scenario);
    if (!code)
        code = print_differences(c);
    if (c->n_notes)
        putchar('\n');
    print_notes(c, stdout);
    return code;
}

/* ---- CSV ---- */

static void csv_text(FILE *out, const char *text) {
    bool quote = strpbrk(text, ",\"\n\r") != NULL;
    if (quote)
        fputc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    if (quote)
        fputc('"', out);
}

static void csv_number(FILE *out, double x) {
    fputc(',', out);
    if (isfinite(x))
        fprintf(out, "%.10g", x);
}

static void csv_start(FILE *out, const struct comparison *c, const char *kind, size_t i,
                      const char *metric) {
    fprintf(out, "%s,", kind);
    csv_text(out, c->run[i].directory);
    fputc(',', out);
    csv_text(out, c->run[i].scenario);
    fprintf(out, ",%s,%s,%" PRId64 ",%" PRId64, metric, statistics_unit(metric), c->span.first,
            c->span.last);
}

static void csv_estimate(FILE *out, struct statistics_estimate e) {
    csv_number(out, e.mean);
    csv_number(out, e.standard_error);
    csv_number(out, e.low);
    csv_number(out, e.high);
    fprintf(out, ",%zu", e.n);
}

static void write_csv(FILE *out, const struct comparison *c) {
    fputs("kind,directory,scenario,metric,unit,first_cycle,last_cycle,mean,standard_error,ci95_low,"
          "ci95_high,replicas,reference,test,p,p_holm,effect_size\n",
          out);
    for (size_t at = 0; at < c->n_runs * c->n_metrics; at++) {
        const char *metric = c->metric[at % c->n_metrics];
        size_t i = at / c->n_metrics;
        csv_start(out, c, "value", i, metric);
        csv_estimate(out, statistics_metric_estimate(&c->run[i].cycles, metric, c->span));
        fputs(",,,,,\n", out);
    }
    for (size_t at = 0; at < c->n_runs * c->n_metrics; at++) {
        const struct statistics_difference *d = &c->difference[at];
        size_t i = at / c->n_metrics;
        if (i == c->reference)
            continue;
        csv_start(out, c, "difference", i, c->metric[at % c->n_metrics]);
        csv_estimate(out, d->estimate);
        fputc(',', out);
        csv_text(out, c->run[c->reference].directory);
        fprintf(out, ",%s", d->paired ? "paired" : "welch");
        csv_number(out, d->p);
        csv_number(out, c->p_holm[at]);
        csv_number(out, d->effect_size);
        fputc('\n', out);
    }
}

/* ---- JSON ---- */

static void json_text(FILE *out, const char *text) {
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        if ((unsigned char)*text < ' ')
            fprintf(out, "\\u%04x", (unsigned)(unsigned char)*text);
        else
            fputc(*text, out);
    }
    fputc('"', out);
}

static void json_number(FILE *out, const char *key, double x) {
    fprintf(out, ", \"%s\": ", key);
    if (isfinite(x))
        fprintf(out, "%.10g", x);
    else
        fputs("null", out);
}

static void json_estimate(FILE *out, const char *metric, struct statistics_estimate e) {
    fputs("{\"metric\": ", out);
    json_text(out, metric);
    fprintf(out, ", \"unit\": \"%s\"", statistics_unit(metric));
    json_number(out, "mean", e.mean);
    json_number(out, "standard_error", e.standard_error);
    json_number(out, "ci95_low", e.low);
    json_number(out, "ci95_high", e.high);
    fprintf(out, ", \"replicas\": %zu", e.n);
}

static void json_run(FILE *out, const struct comparison *c, size_t i) {
    const struct runfiles_run *run = &c->run[i];
    fputs("    {\"directory\": ", out);
    json_text(out, run->directory);
    fputs(", \"scenario\": ", out);
    json_text(out, run->scenario);
    fputs(", \"parameter_hash\": ", out);
    json_text(out, run->parameter_hash);
    fputs(", \"claims\": ", out);
    json_text(out, run->claims);
    fprintf(out,
            ", \"seed\": %" PRId64 ", \"replicas\": %zu, \"cycles\": %" PRId64 ", \"values\": [",
            run->seed, run->cycles.n_replicas, run->cycles.last_cycle);
    for (size_t k = 0; k < c->n_metrics; k++) {
        fputs(k ? ",\n      " : "\n      ", out);
        json_estimate(out, c->metric[k],
                      statistics_metric_estimate(&run->cycles, c->metric[k], c->span));
        fputc('}', out);
    }
    fputs("]}", out);
}

static void json_difference(FILE *out, const struct comparison *c, size_t at) {
    const struct statistics_difference *d = &c->difference[at];
    json_estimate(out, c->metric[at % c->n_metrics], d->estimate);
    fputs(", \"directory\": ", out);
    json_text(out, c->run[at / c->n_metrics].directory);
    fprintf(out, ", \"test\": \"%s\"", d->paired ? "paired" : "welch");
    json_number(out, "p", d->p);
    json_number(out, "p_holm", c->p_holm[at]);
    json_number(out, "effect_size", d->effect_size);
    fputc('}', out);
}

static void write_json(FILE *out, const struct comparison *c) {
    const char *separator = "\n    ";
    fprintf(out,
            "{\n  \"first_cycle\": %" PRId64 ",\n  \"last_cycle\": %" PRId64 ",\n  \"reference\": ",
            c->span.first, c->span.last);
    json_text(out, c->run[c->reference].directory);
    fputs(",\n  \"runs\": [\n", out);
    for (size_t i = 0; i < c->n_runs; i++) {
        json_run(out, c, i);
        fputs(i + 1 < c->n_runs ? ",\n" : "\n", out);
    }
    fputs("  ],\n  \"differences\": [", out);
    for (size_t at = 0; at < c->n_runs * c->n_metrics; at++) {
        if (at / c->n_metrics == c->reference)
            continue;
        fputs(separator, out);
        json_difference(out, c, at);
        separator = ",\n    ";
    }
    fputs("\n  ],\n  \"notes\": [", out);
    for (size_t i = 0; i < c->n_notes; i++) {
        fputs(i ? ",\n    " : "\n    ", out);
        json_text(out, c->note[i]);
    }
    fputs("\n  ]\n}\n", out);
}

/* ---- output ---- */

static int write_file(const char *path, void (*write)(FILE *, const struct comparison *),
                      const struct comparison *c) {
    FILE *out = fopen(path, "wx");
    if (!out) {
        fprintf(stderr, "%s: error: cannot create: %s\n", path, strerror(errno));
        return CORRUPT;
    }
    write(out, c);
    bool good = !ferror(out);
    if (fclose(out) == 0 && good)
        return 0;
    fprintf(stderr, "%s: error: cannot write: %s\n", path, strerror(errno));
    unlink(path);
    return CORRUPT;
}

static int output(const struct comparison *c, const struct options *o) {
    int code = 0;
    if (o->csv)
        code = write_file(o->csv, write_csv, c);
    if (!code && o->json)
        code = write_file(o->json, write_json, c);
    if (!code && o->json_stdout)
        write_json(stdout, c);
    else if (!code && !o->quiet)
        code = print_text(c);
    if (!code && o->quiet)
        print_notes(c, stderr);
    if (!code && (fflush(stdout) || ferror(stdout))) {
        fprintf(stderr, "standard output: error: cannot write: %s\n", strerror(errno));
        return CORRUPT;
    }
    return code;
}

/* Runs, notes and differences; prints its own errors except for exhausted memory. */
static int fill(struct comparison *c, const struct options *o, int n, char **directory) {
    int code = open_runs(c, o, n, directory);
    if (code)
        return code;
    set_span(c, o);
    c->metric = o->n_metrics ? o->metric : DEFAULT_METRICS;
    c->n_metrics = o->n_metrics ? (size_t)o->n_metrics : N_DEFAULT;
    for (size_t k = 0; !code && k < c->n_metrics; k++)
        code = check_metric(c, c->metric[k]);
    if (!code)
        code = compare_all(c);
    return code ? code : collect_notes(c);
}

static void free_comparison(struct comparison *c) {
    for (size_t i = 0; i < c->n_runs; i++)
        runfiles_free(&c->run[i]);
    free(c->run);
    free(c->difference);
    free(c->p);
    free(c->note);
}

int cmd_compare(int argc, char **argv) {
    struct options o;
    struct comparison c = {0};
    int code = parse(&o, argc, argv);
    if (!code && o.help)
        return fputs(HELP, stdout) < 0 ? CORRUPT : 0;
    if (!code)
        code = check_outputs(&o);
    if (code)
        return code;
    code = fill(&c, &o, argc - optind, argv + optind);
    if (!code)
        code = output(&c, &o);
    free_comparison(&c);
    if (code == MEMORY)
        fputs("kmc compare: error: out of memory\n", stderr);
    return code;
}
