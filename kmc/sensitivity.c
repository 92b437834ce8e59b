#include "sensitivity.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Results of the samples of one study. */
struct results {
    const struct study_runs *study;
    double *
        value; /* [study->n] of each run, less the mean of its family; NaN = none; owner: this struct */
    size_t samples;
};

/* ---- results ---- */

static size_t count_samples(const struct study_runs *s) {
    size_t n = 0;
    for (size_t k = 0; k < s->n; k++)
        if (s->run[k].sample >= (int64_t)n)
            n = (size_t)s->run[k].sample + 1;
    return n;
}

static const struct runfiles_run *find_family(const struct comparison_runs *r, const char *family) {
    for (size_t k = 0; k < r->n; k++)
        if (r->run[k].samples > 0 && strcmp(r->run[k].scenario, family) == 0)
            return &r->run[k];
    return NULL;
}

/* Replica index of a sample in the pooled run, or n_replicas. */
static size_t find_sample(const struct statistics_cycles *c, int64_t sample) {
    size_t k = 0;
    while (k < c->n_replicas && c->replica[k] != sample)
        k++;
    return k;
}

static double value_of(const struct runfiles_run *run, const char *metric,
                       struct statistics_span span, int64_t sample) {
    size_t k = find_sample(&run->cycles, sample);
    if (k == run->cycles.n_replicas)
        return NAN;
    return statistics_metric(&run->cycles, metric, k, span) -
           statistics_metric_estimate(&run->cycles, metric, span).mean;
}

static bool collect(struct results *r, const struct comparison_runs *runs,
                    const struct study_runs *s, const char *metric, struct statistics_span span) {
    *r = (struct results){s, malloc((s->n + 1) * sizeof *r->value), count_samples(s)};
    for (size_t k = 0; r->value && k < s->n; k++) {
        const struct runfiles_run *run = find_family(runs, s->run[k].family);
        r->value[k] =
            run && s->run[k].sample >= 0 ? value_of(run, metric, span, s->run[k].sample) : NAN;
    }
    return r->value != NULL;
}

/* ---- one parameter ---- */

/* Mean result of each sample over the families that have the parameter, and its value there; count[] is for work. */
static void average(const struct results *r, const char *key, double *x, double *y, double *count) {
    for (size_t k = 0; k < r->samples; k++) {
        x[k] = NAN;
        y[k] = count[k] = 0;
    }
    for (size_t i = 0; i < r->study->n; i++) {
        const struct study_runs_one *run = &r->study->run[i];
        const double *drawn = run->sample >= 0 ? study_vary_drawn(&run->draws, key) : NULL;
        if (!drawn)
            continue;
        x[run->sample] = *drawn;
        if (isnan(r->value[i]))
            continue;
        y[run->sample] += r->value[i];
        count[run->sample]++;
    }
    for (size_t k = 0; k < r->samples; k++)
        y[k] = count[k] > 0 ? y[k] / count[k] : NAN;
}

static double share_of(const double *x, const double *y, size_t n, struct statistics_line line) {
    double mean = 0, count = 0, all = 0, rest = 0;
    for (size_t k = 0; k < n; k++)
        if (!isnan(x[k]) && !isnan(y[k]))
            mean += y[k], count++;
    mean /= count;
    for (size_t k = 0; k < n; k++)
        if (!isnan(x[k]) && !isnan(y[k])) {
            all += pow(y[k] - mean, 2);
            rest += pow(y[k] - line.intercept - line.slope * x[k], 2);
        }
    return all > 0 ? 1 - rest / all : NAN;
}

static void fit(struct sensitivity_one *one, const double *x, const double *y, size_t n) {
    struct statistics_line line = statistics_line_fit(x, y, n);
    one->low = INFINITY;
    one->high = -INFINITY;
    for (size_t k = 0; k < n; k++)
        if (!isnan(x[k])) {
            one->low = x[k] < one->low ? x[k] : one->low;
            one->high = x[k] > one->high ? x[k] : one->high;
        }
    double width = one->high - one->low, df = (double)line.n - 2;
    double error = line.slope_error * width;
    double t = df > 0 ? statistics_t_quantile(0.975, df) : NAN;
    one->change =
        (struct statistics_estimate){line.slope * width, error, line.slope * width - t * error,
                                     line.slope * width + t * error, line.n};
    one->share = share_of(x, y, n, line);
    one->p = df > 0 && error > 0 ? statistics_t_p_value(line.slope / line.slope_error, df) : NAN;
}

/* ---- all of them ---- */

static bool is_listed(const struct sensitivity *s, const char *key) {
    for (size_t k = 0; k < s->n; k++)
        if (strcmp(s->one[k].key, key) == 0)
            return true;
    return false;
}

static bool add_parameters(struct sensitivity *s, const struct results *r) {
    size_t n = r->samples;
    double *x = malloc(3 * (n + 1) * sizeof *x);
    for (size_t i = 0; x && i < r->study->n; i++) {
        const struct study_vary_draws *d = &r->study->run[i].draws;
        for (size_t k = 0; k < d->n; k++) {
            if (is_listed(s, d->draw[k].key))
                continue;
            s->one = scenario_schema_resize(s->one, (s->n + 1) * sizeof *s->one);
            s->one[s->n] = (struct sensitivity_one){.key = d->draw[k].key};
            average(r, d->draw[k].key, x, x + n, x + 2 * n);
            fit(&s->one[s->n++], x, x + n, n);
        }
    }
    free(x);
    return x != NULL;
}

/* NaN last. */
static int by_share(const void *a, const void *b) {
    double x = ((const struct sensitivity_one *)a)->share;
    double y = ((const struct sensitivity_one *)b)->share;
    x = isnan(x) ? -1 : x;
    y = isnan(y) ? -1 : y;
    return x < y ? 1 : x > y ? -1 : 0;
}

static bool correct(struct sensitivity *s) {
    double *p = malloc(2 * (s->n + 1) * sizeof *p);
    for (size_t k = 0; p && k < s->n; k++)
        p[k] = s->one[k].p;
    if (p)
        statistics_holm(p, p + s->n, s->n);
    for (size_t k = 0; p && k < s->n; k++)
        s->one[k].p_holm = p[s->n + k];
    free(p);
    return p != NULL;
}

bool sensitivity_of(struct sensitivity *s, const struct comparison_runs *r, const char *metric,
                    struct statistics_span span) {
    *s = (struct sensitivity){0};
    for (size_t k = 0; k < r->n_studies; k++) {
        struct results results;
        bool good = collect(&results, r, &r->study[k], metric, span);
        good = good && add_parameters(s, &results);
        free(results.value);
        if (!good)
            return false;
    }
    if (s->n)
        qsort(s->one, s->n, sizeof *s->one, by_share);
    return correct(s);
}

void sensitivity_free(struct sensitivity *s) {
    free(s->one);
    *s = (struct sensitivity){0};
}
