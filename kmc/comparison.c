#include "comparison.h"
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "ranking.h"

/* ---- the usual metrics ---- */

static const char *const DEFAULT_METRICS[] = {
    "voltage_fade_mV_per_cycle", "initial_coulombic_efficiency", "capacity_retention",
    "mean_hysteresis_V",         "tm_li_layer_discharge",
};
enum { N_DEFAULT = sizeof DEFAULT_METRICS / sizeof *DEFAULT_METRICS };

const char *comparison_heading(const char *metric) {
    static const char *const heads[N_DEFAULT] = {"fade mV/cycle", "ICE", "capacity retention",
                                                 "hysteresis V", "TM in Li layer"};
    for (int i = 0; i < N_DEFAULT; i++)
        if (!strcmp(metric, DEFAULT_METRICS[i]))
            return heads[i];
    return metric;
}

int comparison_better(const char *metric) {
    static const struct {
        const char *part;
        int sign;
    } known[] = {{"fade", -1},
                 {"hysteresis", -1},
                 {"tm_li", -1},
                 {"lost", -1},
                 {"efficiency", 1},
                 {"retention", 1},
                 {"discharge_capacity", 1},
                 {"discharge_energy", 1},
                 {"mean_discharge_voltage", 1}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strstr(metric, known[i].part))
            return known[i].sign;
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

/* Opens all directories; a reference that is not among them comes first. */
static int open_runs(struct comparison *c, const struct comparison_request *q, FILE *errors) {
    struct comparison_runs *r = &c->runs;
    int code = comparison_runs_reserve(r, q->directory, (size_t)q->n, errors);
    for (int i = 0; code == 0 && i < q->n; i++)
        code = comparison_runs_add(r, q->directory[i], errors);
    size_t found = 0;
    while (code == 0 && q->reference && found < r->n &&
           !same_path(r->run[found].directory, q->reference))
        found++;
    if (code == 0 && found == r->n) {
        code = comparison_runs_add_first(r, q->reference, errors);
        found = 0;
    }
    c->reference = found;
    c->run = r->run;
    c->n_runs = r->n;
    if (code || r->n > 1 || r->n_studies > 0)
        return code; /* samples of one scenario: what decides */
    fprintf(errors,
            "kmc compare: error: expected a run besides the reference, found `%s`\n"
            "    hint: kmc compare DIR --reference OTHER_DIR\n",
            r->run[0].directory);
    return RUNFILES_USAGE;
}

static void set_span(struct comparison *c, int64_t fade_first_cycle) {
    double first = c->run[c->reference].protocol[RUNFILES_FADE_FIRST_CYCLE];
    c->span.first = first >= 1 && first < 1e9 ? (int64_t)first : 2;
    if (fade_first_cycle)
        c->span.first = fade_first_cycle;
    c->span.last = c->run[0].cycles.last_cycle;
    for (size_t i = 1; i < c->n_runs; i++)
        if (c->run[i].cycles.last_cycle < c->span.last)
            c->span.last = c->run[i].cycles.last_cycle;
}

static int check_metric(const struct comparison *c, const char *metric, FILE *errors) {
    for (size_t i = 0; i < c->n_runs; i++) {
        if (statistics_metric_exists(&c->run[i].cycles, metric))
            continue;
        fprintf(errors, "kmc compare: error: --metric %s: %s/cycles.csv has no such quantity\n",
                metric, c->run[i].directory);
        fputs("    hint: a numeric column of cycles.csv, or one of", errors);
        for (size_t k = 0; statistics_metric_name(k); k++)
            fprintf(errors, " %s", statistics_metric_name(k));
        fputc('\n', errors);
        return RUNFILES_USAGE;
    }
    return 0;
}

/* ---- differences ---- */

static bool same_seed(const struct comparison *c, size_t i) {
    const struct runfiles_run *a = &c->run[i], *b = &c->run[c->reference];
    return a->seed == b->seed && !a->samples == !b->samples && a->study == b->study;
}

static int compare_all(struct comparison *c) {
    size_t n = c->n_runs * c->n_metrics;
    c->difference = calloc(n, sizeof *c->difference);
    c->p = calloc(2 * n, sizeof *c->p);
    c->p_holm = c->p ? c->p + n : NULL;
    if (!c->difference || !c->p)
        return RUNFILES_MEMORY;
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

/* ---- samples of parameters ---- */

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Of sorted values, between them in proportion. */
static double quantile(const double *x, size_t n, double p) {
    double place = p * (double)(n - 1);
    size_t k = (size_t)place;
    return k + 1 < n ? x[k] + (place - (double)k) * (x[k + 1] - x[k]) : x[n - 1];
}

/* Differences of samples that both have, from *low to *high in the middle 95 % of them. */
static void set_band(const struct comparison *c, size_t run, const char *metric, double *work,
                     double *low, double *high) {
    const struct statistics_cycles *a = &c->run[run].cycles, *b = &c->run[c->reference].cycles;
    size_t n = 0;
    for (size_t i = 0; i < a->n_replicas; i++)
        for (size_t k = 0; k < b->n_replicas; k++) {
            double d = a->replica[i] != b->replica[k]
                           ? NAN
                           : statistics_metric(a, metric, i, c->span) -
                                 statistics_metric(b, metric, k, c->span);
            if (!isnan(d))
                work[n++] = d;
        }
    if (n < 2)
        return;
    qsort(work, n, sizeof *work, by_value);
    *low = quantile(work, n, 0.025);
    *high = quantile(work, n, 0.975);
}

static bool are_samples(const struct comparison *c, size_t run) {
    return run != c->reference && c->run[run].samples && same_seed(c, run);
}

static int judge_samples(struct comparison *c) {
    size_t n = c->n_runs * c->n_metrics, most = 1;
    for (size_t i = 0; i < c->n_runs; i++)
        most = c->run[i].cycles.n_replicas > most ? c->run[i].cycles.n_replicas : most;
    double *work = malloc(most * sizeof *work);
    c->band_low = malloc(2 * n * sizeof *c->band_low);
    c->band_high = c->band_low ? c->band_low + n : NULL;
    c->sensitivity = calloc(c->n_metrics, sizeof *c->sensitivity);
    bool good = work && c->band_low && c->sensitivity;
    for (size_t k = 0; good && k < n; k++) {
        c->band_low[k] = c->band_high[k] = NAN;
        if (are_samples(c, k / c->n_metrics))
            set_band(c, k / c->n_metrics, c->metric[k % c->n_metrics], work, &c->band_low[k],
                     &c->band_high[k]);
    }
    for (size_t k = 0; good && k < c->n_metrics; k++)
        good = sensitivity_of(&c->sensitivity[k], &c->runs, c->metric[k], c->span);
    free(work);
    return good ? 0 : RUNFILES_MEMORY;
}

/* ---- ranking ---- */

/* Values of a metric in all runs, side by side. */
struct ranked {
    struct ranking_sample *sample; /* [n_runs] */
    double *x, *p;                 /* of all runs together; [n_runs] */
    int64_t *replica;
};

/* Runs of one key have pairs. */
static uint64_t pair_key(const struct runfiles_run *run) {
    uint64_t study = run->samples ? (uint64_t)run->study + 1 : 0;
    return (uint64_t)run->seed ^ study << 56; /* seeds have 56 bits */
}

/* Fills the samples; replicas where the metric is not defined are left out. */
static void collect_samples(const struct comparison *c, const char *metric, struct ranked *r) {
    size_t used = 0;
    for (size_t i = 0; i < c->n_runs; i++) {
        const struct statistics_cycles *cycles = &c->run[i].cycles;
        r->sample[i] =
            (struct ranking_sample){pair_key(&c->run[i]), r->replica + used, r->x + used, 0};
        for (size_t k = 0; k < cycles->n_replicas; k++) {
            double x = statistics_metric(cycles, metric, k, c->span);
            if (isnan(x))
                continue;
            r->x[used] = x;
            r->replica[used++] = cycles->replica[k];
            r->sample[i].n++;
        }
    }
}

static void set_ranks(struct comparison *c, size_t metric, int better, const struct ranked *r) {
    for (size_t i = 0; i < c->n_runs; i++) {
        size_t at = i * c->n_metrics + metric, rank = 1;
        double mean = statistics_mean(r->sample[i].x, r->sample[i].n);
        c->p_best[at] = r->p[i];
        for (size_t k = 0; k < c->n_runs; k++)
            rank += better * (statistics_mean(r->sample[k].x, r->sample[k].n) - mean) > 0;
        c->rank[at] = isnan(mean) ? 0 : rank;
    }
}

static bool rank_metrics(struct comparison *c, struct ranked *r) {
    for (size_t k = 0; k < c->n_metrics; k++) {
        int better = comparison_better(c->metric[k]);
        if (!better)
            continue;
        collect_samples(c, c->metric[k], r);
        if (!ranking_probabilities(r->sample, c->n_runs, better < 0, r->p))
            return false;
        set_ranks(c, k, better, r);
    }
    return true;
}

static int rank_all(struct comparison *c) {
    size_t n = c->n_runs * c->n_metrics, replicas = 1;
    for (size_t i = 0; i < c->n_runs; i++)
        replicas += c->run[i].cycles.n_replicas;
    struct ranked r = {calloc(c->n_runs, sizeof *r.sample), calloc(replicas, sizeof *r.x),
                       calloc(c->n_runs, sizeof *r.p), calloc(replicas, sizeof *r.replica)};
    c->p_best = calloc(n, sizeof *c->p_best);
    c->rank = calloc(n, sizeof *c->rank);
    bool good = r.sample && r.x && r.p && r.replica && c->p_best && c->rank;
    for (size_t k = 0; good && k < n; k++)
        c->p_best[k] = NAN;
    good = good && rank_metrics(c, &r);
    free(r.sample);
    free(r.x);
    free(r.p);
    free(r.replica);
    return good ? 0 : RUNFILES_MEMORY;
}

/* ---- notes: what a reader must know about the numbers ---- */

static void note(struct comparison *c, const char *format, ...) {
    va_list arguments;
    if (c->n_notes == c->max_notes)
        return;
    va_start(arguments, format);
    vsnprintf(c->note[c->n_notes++], COMPARISON_NOTE, format, arguments);
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
    if (!same_seed(c, i) && run->seed == reference->seed)
        note(c,
             "[%zu]: not paired: samples of parameters that another study drew, or none: Welch's "
             "unpaired test",
             i + 1);
    else if (!same_seed(c, i))
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
    if (!run->samples && strcmp(run->parameter_hash, c->run[c->reference].parameter_hash) != 0)
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
        return RUNFILES_MEMORY;
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

/* ---- all of it ---- */

int comparison_create(struct comparison *c, const struct comparison_request *q, FILE *errors) {
    *c = (struct comparison){0};
    int code = open_runs(c, q, errors);
    if (code)
        return code;
    set_span(c, q->fade_first_cycle);
    c->metric = q->n_metrics ? q->metric : DEFAULT_METRICS;
    c->n_metrics = q->n_metrics ? q->n_metrics : N_DEFAULT;
    for (size_t k = 0; !code && k < c->n_metrics; k++)
        code = check_metric(c, c->metric[k], errors);
    if (!code)
        code = compare_all(c);
    if (!code)
        code = judge_samples(c);
    if (!code)
        code = rank_all(c);
    return code ? code : collect_notes(c);
}

void comparison_free(struct comparison *c) {
    comparison_runs_free(&c->runs);
    for (size_t k = 0; c->sensitivity && k < c->n_metrics; k++)
        sensitivity_free(&c->sensitivity[k]);
    free(c->sensitivity);
    free(c->band_low);
    free(c->difference);
    free(c->p);
    free(c->p_best);
    free(c->rank);
    free(c->note);
    *c = (struct comparison){0};
}
