#include "comparison_report.h"
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "output.h"

enum { CELL_BYTES = 160 };

/* ---- text tables ---- */

/* Cells of a table, row by row, with as many columns as the head row. */
struct grid {
    char (*cell)[CELL_BYTES]; /* [n] of `capacity`; owner: this struct */
    size_t columns, n, capacity;
    bool good; /* memory has sufficed so far */
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

static void print_grid(const struct grid *g, FILE *out) {
    for (size_t i = 0; i < g->n; i++) {
        size_t column = i % g->columns;
        int width = 0;
        for (size_t k = column; k < g->n; k += g->columns)
            width = width_of(g->cell[k]) > width ? width_of(g->cell[k]) : width;
        bool last = column + 1 == g->columns;
        int pad = last ? 0 : width - width_of(g->cell[i]) + 2;
        fprintf(out, "%s%*s%s", g->cell[i], pad, "", last ? "\n" : "");
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

static int finish_grid(struct grid *g, FILE *out) {
    if (g->good)
        print_grid(g, out);
    free(g->cell);
    return g->good ? 0 : RUNFILES_MEMORY;
}

static int print_runs(const struct comparison *c, FILE *out) {
    struct grid g = {.columns = 4 + c->n_metrics, .good = true};
    put_cell(&g, " ");
    put_cell(&g, "scenario");
    put_cell(&g, "replicas");
    put_cell(&g, "cycles");
    for (size_t k = 0; k < c->n_metrics; k++)
        put_cell(&g, "%s", comparison_heading(c->metric[k]));
    for (size_t i = 0; i < c->n_runs; i++) {
        const struct runfiles_run *run = &c->run[i];
        put_cell(&g, "[%zu]%s", i + 1, i == c->reference ? "*" : "");
        put_cell(&g, "%s", run->scenario);
        put_cell(&g, run->samples ? "%zu samples" : "%zu", run->cycles.n_replicas);
        put_cell(&g, "%" PRId64, run->cycles.last_cycle);
        for (size_t k = 0; k < c->n_metrics; k++)
            put_estimate(&g, statistics_metric_estimate(&run->cycles, c->metric[k], c->span),
                         k == 0);
    }
    return finish_grid(&g, out);
}

static bool has_samples(const struct comparison *c) {
    return c->runs.n_studies > 0;
}

/* In words, for those who read no p-values. */
static const char *verdict(double p_holm) {
    return isnan(p_holm) ? "-" : p_holm < 0.05 ? "yes" : "not distinguished";
}

static void put_band(struct grid *g, const struct comparison *c, size_t at) {
    if (isnan(c->band_low[at]))
        put_cell(g, "-");
    else
        put_cell(g, "[%+.4g, %+.4g]", c->band_low[at], c->band_high[at]);
}

static void put_difference(struct grid *g, const struct comparison *c, size_t i, size_t k) {
    size_t at = i * c->n_metrics + k;
    const struct statistics_difference *d = &c->difference[at];
    put_cell(g, "%s", comparison_heading(c->metric[k]));
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
    put_cell(g, "%s", verdict(c->p_holm[at]));
    if (has_samples(c))
        put_band(g, c, at);
}

static int print_differences(const struct comparison *c, FILE *out) {
    static const char *const head[] = {
        "metric", "run",    "test",        "difference", "95 % interval",
        "p",      "p Holm", "effect size", "differs",    "95 % of samples"};
    struct grid g = {.columns = sizeof head / sizeof *head - !has_samples(c), .good = true};
    for (size_t i = 0; i < g.columns; i++)
        put_cell(&g, "%s", head[i]);
    for (size_t k = 0; k < c->n_metrics; k++)
        for (size_t i = 0; i < c->n_runs; i++)
            if (i != c->reference)
                put_difference(&g, c, i, k);
    return finish_grid(&g, out);
}

static void put_rank(struct grid *g, const struct comparison *c, size_t i, size_t k) {
    size_t at = i * c->n_metrics + k;
    const struct runfiles_run *run = &c->run[i];
    put_cell(g, "%s", comparison_heading(c->metric[k]));
    put_cell(g, "%s", comparison_better(c->metric[k]) < 0 ? "lowest" : "highest");
    put_cell(g, "%zu", c->rank[at]);
    put_cell(g, "[%zu] %s", i + 1, run->scenario);
    put_estimate(g, statistics_metric_estimate(&run->cycles, c->metric[k], c->span), false);
    if (isnan(c->p_best[at]))
        put_cell(g, "-");
    else
        put_cell(g, "%.2f", c->p_best[at]);
}

static int print_ranking(const struct comparison *c, FILE *out) {
    static const char *const head[] = {"metric", "best is", "rank", "run", "mean", "P(best)"};
    struct grid g = {.columns = sizeof head / sizeof *head, .good = true};
    for (size_t i = 0; i < g.columns; i++)
        put_cell(&g, "%s", head[i]);
    for (size_t k = 0; k < c->n_metrics; k++)
        for (size_t rank = 1; rank <= c->n_runs; rank++)
            for (size_t i = 0; i < c->n_runs; i++)
                if (c->rank[i * c->n_metrics + k] == rank)
                    put_rank(&g, c, i, k);
    return finish_grid(&g, out);
}

/* ---- sensitivity ---- */

enum { PARAMETERS_SHOWN = 8 };

static void put_parameter(struct grid *g, const char *metric, const struct sensitivity_one *one) {
    put_cell(g, "%s", comparison_heading(metric));
    put_cell(g, "%s", one->key);
    put_cell(g, "%.4g to %.4g", one->low, one->high);
    put_estimate(g, one->change, true);
    put_cell(g, isnan(one->share) ? "-" : "%.2f", one->share);
    put_p(g, one->p);
    put_p(g, one->p_holm);
}

static int print_sensitivity(const struct comparison *c, FILE *out) {
    static const char *const head[] = {
        "metric", "parameter", "drawn from", "change over this range", "share of variance",
        "p",      "p Holm"};
    struct grid g = {.columns = sizeof head / sizeof *head, .good = true};
    for (size_t i = 0; i < g.columns; i++)
        put_cell(&g, "%s", head[i]);
    for (size_t k = 0; k < c->n_metrics; k++)
        for (size_t i = 0; i < c->sensitivity[k].n && i < PARAMETERS_SHOWN; i++)
            put_parameter(&g, c->metric[k], &c->sensitivity[k].one[i]);
    return finish_grid(&g, out);
}

static int print_samples(const struct comparison *c, FILE *out) {
    fprintf(out,
            "\nWhich uncertain parameter decides: straight lines through the samples, mean over "
            "the scenarios; the %d with the largest share\n",
            PARAMETERS_SHOWN);
    return print_sensitivity(c, out);
}

void comparison_report_notes(const struct comparison *c, FILE *out) {
    for (size_t i = 0; i < c->n_notes; i++)
        fprintf(out, "%s%s\n", strncmp(c->note[i], "warning", 7) ? "note: " : "", c->note[i]);
}

int comparison_report_text(const struct comparison *c, FILE *out) {
    for (size_t i = 0; i < c->n_runs; i++)
        fprintf(out, "[%zu]%s %s\n", i + 1, i == c->reference ? "*" : "", c->run[i].directory);
    fprintf(out,
            "\nMean ± standard error over replicas [95 %% interval]; fades over cycles %" PRId64
            " to %" PRId64 ", retention cycle %" PRId64 " over 1\n",
            c->span.first, c->span.last, c->span.last);
    int code = print_runs(c, out);
    fprintf(out, "\nDifferences to the reference [%zu]* %s; Holm over all p-values below\n",
            c->reference + 1, c->run[c->reference].scenario);
    if (!code)
        code = print_differences(c, out);
    fputs("\nRanking by mean; P(best): probability that the true mean is the best one, from the "
          "spread of the replicas (t distributions, equal seeds paired)\n",
          out);
    if (!code)
        code = print_ranking(c, out);
    if (!code && has_samples(c))
        code = print_samples(c, out);
    if (c->n_notes)
        fputc('\n', out);
    comparison_report_notes(c, out);
    return code;
}

/* ---- CSV: at = run*n_metrics + metric ---- */

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

static void csv_start(FILE *out, const struct comparison *c, const char *kind, size_t at) {
    const struct runfiles_run *run = &c->run[at / c->n_metrics];
    const char *metric = c->metric[at % c->n_metrics];
    fprintf(out, "%s,", kind);
    csv_text(out, run->directory);
    fputc(',', out);
    csv_text(out, run->scenario);
    fprintf(out, ",%s,%s,%" PRId64 ",%" PRId64, metric, statistics_unit(metric), c->span.first,
            c->span.last);
}

static void csv_value(FILE *out, const struct comparison *c, size_t at) {
    const struct runfiles_run *run = &c->run[at / c->n_metrics];
    const char *metric = c->metric[at % c->n_metrics];
    csv_start(out, c, "value", at);
    statistics_write_estimate(statistics_metric_estimate(&run->cycles, metric, c->span), out);
    fputs(",,,,,", out);
    if (c->rank[at])
        fprintf(out, ",%zu", c->rank[at]);
    else
        fputc(',', out);
    statistics_write_number(c->p_best[at], out);
    fputs(",,\n", out);
}

static void csv_difference(FILE *out, const struct comparison *c, size_t at) {
    const struct statistics_difference *d = &c->difference[at];
    csv_start(out, c, "difference", at);
    statistics_write_estimate(d->estimate, out);
    fputc(',', out);
    csv_text(out, c->run[c->reference].directory);
    fprintf(out, ",%s", d->paired ? "paired" : "welch");
    statistics_write_number(d->p, out);
    statistics_write_number(c->p_holm[at], out);
    statistics_write_number(d->effect_size, out);
    fputs(",,", out);
    statistics_write_number(c->band_low[at], out);
    statistics_write_number(c->band_high[at], out);
    fputc('\n', out);
}

/* `scenario` is the parameter, `effect_size` the share of the variance, the band what was drawn. */
static void csv_sensitivity(FILE *out, const struct comparison *c, size_t metric) {
    for (size_t i = 0; i < c->sensitivity[metric].n; i++) {
        const struct sensitivity_one *one = &c->sensitivity[metric].one[i];
        fputs("sensitivity,,", out);
        csv_text(out, one->key);
        fprintf(out, ",%s,%s,%" PRId64 ",%" PRId64, c->metric[metric],
                statistics_unit(c->metric[metric]), c->span.first, c->span.last);
        statistics_write_estimate(one->change, out);
        fputs(",,line", out);
        statistics_write_number(one->p, out);
        statistics_write_number(one->p_holm, out);
        statistics_write_number(one->share, out);
        fputs(",,", out);
        statistics_write_number(one->low, out);
        statistics_write_number(one->high, out);
        fputc('\n', out);
    }
}

void comparison_report_csv(const struct comparison *c, FILE *out) {
    fputs("kind,directory,scenario,metric,unit,first_cycle,last_cycle,mean,standard_error,ci95_low,"
          "ci95_high,replicas,reference,test,p,p_holm,effect_size,rank,p_best,band95_low,band95_"
          "high\n",
          out);
    for (size_t at = 0; at < c->n_runs * c->n_metrics; at++)
        csv_value(out, c, at);
    for (size_t at = 0; at < c->n_runs * c->n_metrics; at++)
        if (at / c->n_metrics != c->reference)
            csv_difference(out, c, at);
    for (size_t k = 0; k < c->n_metrics; k++)
        csv_sensitivity(out, c, k);
}

/* ---- JSON ---- */

static void json_number(FILE *out, const char *key, double x) {
    fprintf(out, ", \"%s\": ", key);
    if (isfinite(x))
        fprintf(out, "%.10g", x);
    else
        fputs("null", out);
}

static void json_estimate(FILE *out, const char *metric, struct statistics_estimate e) {
    fputs("{\"metric\": ", out);
    output_json_string(out, metric);
    fprintf(out, ", \"unit\": \"%s\"", statistics_unit(metric));
    json_number(out, "mean", e.mean);
    json_number(out, "standard_error", e.standard_error);
    json_number(out, "ci95_low", e.low);
    json_number(out, "ci95_high", e.high);
    fprintf(out, ", \"replicas\": %zu", e.n);
}

static void json_rank(FILE *out, const struct comparison *c, size_t at) {
    json_number(out, "rank", c->rank[at] ? (double)c->rank[at] : NAN);
    json_number(out, "p_best", c->p_best[at]);
}

static void json_run(FILE *out, const struct comparison *c, size_t i) {
    const struct runfiles_run *run = &c->run[i];
    fputs("    {\"directory\": ", out);
    output_json_string(out, run->directory);
    fputs(", \"scenario\": ", out);
    output_json_string(out, run->scenario);
    fputs(", \"parameter_hash\": ", out);
    output_json_string(out, run->parameter_hash);
    fputs(", \"claims\": ", out);
    output_json_string(out, run->claims);
    fprintf(out,
            ", \"seed\": %" PRId64 ", \"replicas\": %zu, \"cycles\": %" PRId64 ", \"values\": [",
            run->seed, run->cycles.n_replicas, run->cycles.last_cycle);
    for (size_t k = 0; k < c->n_metrics; k++) {
        fputs(k ? ",\n      " : "\n      ", out);
        json_estimate(out, c->metric[k],
                      statistics_metric_estimate(&run->cycles, c->metric[k], c->span));
        json_rank(out, c, i * c->n_metrics + k);
        fputc('}', out);
    }
    fputs("]}", out);
}

static void json_difference(FILE *out, const struct comparison *c, size_t at) {
    const struct statistics_difference *d = &c->difference[at];
    json_estimate(out, c->metric[at % c->n_metrics], d->estimate);
    fputs(", \"directory\": ", out);
    output_json_string(out, c->run[at / c->n_metrics].directory);
    fprintf(out, ", \"test\": \"%s\"", d->paired ? "paired" : "welch");
    json_number(out, "p", d->p);
    json_number(out, "p_holm", c->p_holm[at]);
    json_number(out, "effect_size", d->effect_size);
    json_number(out, "band95_low", c->band_low[at]);
    json_number(out, "band95_high", c->band_high[at]);
    fputc('}', out);
}

static void json_sensitivity(FILE *out, const char *metric, const struct sensitivity_one *one) {
    json_estimate(out, metric, one->change);
    fputs(", \"parameter\": ", out);
    output_json_string(out, one->key);
    json_number(out, "low", one->low);
    json_number(out, "high", one->high);
    json_number(out, "share", one->share);
    json_number(out, "p", one->p);
    json_number(out, "p_holm", one->p_holm);
    fputc('}', out);
}

static void json_sensitivities(FILE *out, const struct comparison *c) {
    const char *separator = "\n    ";
    fputs("\n  ],\n  \"sensitivity\": [", out);
    for (size_t k = 0; k < c->n_metrics; k++)
        for (size_t i = 0; i < c->sensitivity[k].n; i++) {
            fputs(separator, out);
            json_sensitivity(out, c->metric[k], &c->sensitivity[k].one[i]);
            separator = ",\n    ";
        }
}

void comparison_report_json(const struct comparison *c, FILE *out) {
    const char *separator = "\n    ";
    fprintf(out,
            "{\n  \"first_cycle\": %" PRId64 ",\n  \"last_cycle\": %" PRId64 ",\n  \"reference\": ",
            c->span.first, c->span.last);
    output_json_string(out, c->run[c->reference].directory);
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
    json_sensitivities(out, c);
    fputs("\n  ],\n  \"notes\": [", out);
    for (size_t i = 0; i < c->n_notes; i++) {
        fputs(i ? ",\n    " : "\n    ", out);
        output_json_string(out, c->note[i]);
    }
    fputs("\n  ]\n}\n", out);
}
