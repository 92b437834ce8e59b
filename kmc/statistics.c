#include "statistics.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Some numbers a replica or cycle.  Without memory the program ends: a value that is not defined would look like one in tables. */
static void *room_for(size_t n, size_t size) {
    void *room = calloc(n, size);
    if (!room) {
        fprintf(stderr, "error: statistics: expected %zu bytes of memory, found none\n", n * size);
        exit(4);
    }
    return room;
}

/* ---- numbers ---- */

double statistics_mean(const double *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    return n ? sum / (double)n : NAN;
}

double statistics_variance(const double *x, size_t n) {
    double mean = statistics_mean(x, n), sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (x[i] - mean) * (x[i] - mean);
    return n > 1 ? sum / (double)(n - 1) : NAN;
}

double statistics_standard_error(const double *x, size_t n) {
    return n > 1 ? sqrt(statistics_variance(x, n) / (double)n) : NAN;
}

/* Coefficient k of the continued fraction of I_x(a, b) (Abramowitz and Stegun 26.5.8). */
static double beta_coefficient(double a, double b, double x, int k) {
    int half = k / 2;
    double m = half;
    if (k % 2)
        return -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    return m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
}

/* Value of 1/(1 + d1/(1 + d2/(1 + ...))), evaluated from the front by ratios of successive
 * convergents (modified Lentz). */
static double beta_fraction(double a, double b, double x) {
    const double tiny = 1e-300;
    double value = 1, up = 1, down = 0;
    for (int k = 1; k < 10000; k++) {
        double d = beta_coefficient(a, b, x, k);
        down = 1 + d * down;
        down = 1 / (fabs(down) < tiny ? tiny : down);
        up = 1 + d / up;
        up = fabs(up) < tiny ? tiny : up;
        value *= up * down;
        if (fabs(up * down - 1) < 1e-15)
            break;
    }
    return 1 / value;
}

/* Regularised incomplete beta function; y = 1 - x is given apart so that x near 1 keeps its digits.
 */
static double incomplete_beta(double a, double b, double x, double y) {
    if (x <= 0 || y <= 0)
        return x <= 0 ? 0 : 1;
    if (x > (a + 1) / (a + b + 2)) /* beyond, the fraction converges slowly */
        return 1 - incomplete_beta(b, a, y, x);
    double front = lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(y);
    return exp(front) * beta_fraction(a, b, x) / a;
}

double statistics_t_p_value(double t, double df) {
    if (isnan(t) || !(df > 0))
        return NAN;
    if (isinf(t))
        return 0;
    double square = t * t / df;
    return incomplete_beta(df / 2, 0.5, 1 / (1 + square), 1 / (1 + 1 / square));
}

double statistics_t_quantile(double p, double df) {
    if (!(p > 0 && p < 1) || !(df > 0))
        return NAN;
    double tail = 2 * (p < 0.5 ? p : 1 - p), low = 0, high = 1;
    while (statistics_t_p_value(high, df) > tail && high < 1e300)
        high *= 2;
    for (int i = 0; i < 200; i++) { /* bisection: 2^-200 is below rounding */
        double middle = low + (high - low) / 2;
        *(statistics_t_p_value(middle, df) > tail ? &low : &high) = middle;
    }
    return p < 0.5 ? -low : low;
}

/* Estimate from mean, standard error and degrees of freedom. */
static struct statistics_estimate with_interval(double mean, double error, double df, size_t n) {
    double half = isnan(error) ? NAN : error * statistics_t_quantile(0.975, df);
    return (struct statistics_estimate){mean, error, mean - half, mean + half, n};
}

/* Sums are taken about the first defined value, so that equal values have exactly no spread. */
struct statistics_estimate statistics_estimate(const double *x, size_t n) {
    double origin = 0, sum = 0, square = 0;
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(x[i])) {
            origin = m ? origin : x[i];
            sum += x[i] - origin;
            m++;
        }
    double mean = m ? sum / (double)m : NAN;
    for (size_t i = 0; i < n; i++)
        if (!isnan(x[i]))
            square += (x[i] - origin - mean) * (x[i] - origin - mean);
    double df = (double)m - 1, error = m > 1 ? sqrt(square / df / (double)m) : NAN;
    return with_interval(origin + mean, error, df, m);
}

/* Sums about the means, in one struct so that slope and residuals share them. */
struct line_sums {
    double mean_x, mean_y, xx, xy;
    size_t n;
};

static bool is_point(double x, double y) {
    return !isnan(x) && !isnan(y);
}

static struct line_sums line_sums(const double *x, const double *y, size_t n) {
    struct line_sums s = {0};
    for (size_t i = 0; i < n; i++)
        if (is_point(x[i], y[i])) {
            s.mean_x += x[i];
            s.mean_y += y[i];
            s.n++;
        }
    s.mean_x /= (double)s.n;
    s.mean_y /= (double)s.n;
    for (size_t i = 0; i < n; i++)
        if (is_point(x[i], y[i])) {
            s.xx += (x[i] - s.mean_x) * (x[i] - s.mean_x);
            s.xy += (x[i] - s.mean_x) * (y[i] - s.mean_y);
        }
    return s;
}

struct statistics_line statistics_line_fit(const double *x, const double *y, size_t n) {
    struct line_sums s = line_sums(x, y, n);
    struct statistics_line line = {NAN, NAN, NAN, s.n};
    if (s.n < 2 || !(s.xx > 0))
        return line;
    line.slope = s.xy / s.xx;
    line.intercept = s.mean_y - line.slope * s.mean_x;
    double square = 0;
    for (size_t i = 0; i < n; i++)
        if (is_point(x[i], y[i])) {
            double residual = y[i] - s.mean_y - line.slope * (x[i] - s.mean_x);
            square += residual * residual;
        }
    if (s.n > 2)
        line.slope_error = sqrt(square / (double)(s.n - 2) / s.xx);
    return line;
}

/* Differences below this share of the values are rounding, not spread: they must not look
 * significant. */
static const double ROUNDING = 1e-13;

static double rounded(double x, double scale) {
    return fabs(x) <= ROUNDING * scale ? 0 : x;
}

/* t test of a mean; `spread` is the s.d. it is measured in, `scale` the size of the values. */
static struct statistics_difference difference(struct statistics_estimate e, double df,
                                               double spread, double scale) {
    struct statistics_difference d = {.df = df, .p = NAN, .effect_size = NAN};
    double mean = rounded(e.mean, scale), error = rounded(e.standard_error, scale);
    d.estimate = with_interval(mean, error, df, e.n);
    if (error > 0) {
        d.p = statistics_t_p_value(mean / error, df);
        d.effect_size = mean / spread;
    } else if (error == 0 && mean == 0) {
        d.p = 1;
        d.effect_size = 0;
    }
    return d;
}

struct statistics_difference statistics_paired(const double *a, const double *b, size_t n) {
    struct statistics_difference d = {{NAN, NAN, NAN, NAN, 0}, NAN, NAN, NAN, true};
    double scale = 0, *x = room_for(n + 1, sizeof *x);
    for (size_t i = 0; i < n; i++) {
        x[i] = a[i] - b[i]; /* NaN when either is */
        scale = fmax(scale, fmax(fabs(a[i]), fabs(b[i])));
    }
    struct statistics_estimate e = statistics_estimate(x, n);
    free(x);
    d = difference(e, (double)e.n - 1, e.standard_error * sqrt((double)e.n), scale);
    d.paired = true;
    return d;
}

struct statistics_difference statistics_welch(const double *a, size_t n_a, const double *b,
                                              size_t n_b) {
    struct statistics_estimate x = statistics_estimate(a, n_a), y = statistics_estimate(b, n_b);
    double u = x.standard_error * x.standard_error, v = y.standard_error * y.standard_error;
    double df = (u + v) * (u + v) / (u * u / ((double)x.n - 1) + v * v / ((double)y.n - 1));
    double spread = sqrt((u * (double)x.n + v * (double)y.n) / 2);
    struct statistics_estimate e = {.mean = x.mean - y.mean, .standard_error = sqrt(u + v)};
    e.n = x.n < y.n ? x.n : y.n;
    return difference(e, df, spread, fmax(fabs(x.mean), fabs(y.mean)));
}

/* Quadratic in the number of comparisons, which is small (scenarios times metrics). */
void statistics_holm(const double *p, double *adjusted, size_t n) {
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        m += !isnan(p[i]);
    for (size_t i = 0; i < n; i++) {
        adjusted[i] = isnan(p[i]) ? NAN : 0;
        for (size_t k = 0; k < n;
             k++) { /* largest (m - rank)*p over the p that are not above p[i] */
            size_t smaller = 0;
            for (size_t j = 0; j < n; j++)
                smaller += p[j] < p[k];
            double step = fmin(1, (double)(m - smaller) * p[k]);
            if (p[k] <= p[i] && step > adjusted[i])
                adjusted[i] = step;
        }
    }
}

/* ---- table of named columns ---- */

static char *copy_text(const char *text) {
    size_t bytes = strlen(text) + 1;
    char *copy = malloc(bytes);
    return copy ? memcpy(copy, text, bytes) : NULL;
}

bool statistics_table_create(struct statistics_table *t, const char *const *name,
                             size_t n_columns) {
    *t = (struct statistics_table){.name = calloc(n_columns ? n_columns : 1, sizeof *t->name)};
    for (; t->name && t->n_columns < n_columns; t->n_columns++) {
        t->name[t->n_columns] = copy_text(name[t->n_columns]);
        if (!t->name[t->n_columns])
            break;
    }
    if (t->name && t->n_columns == n_columns)
        return true;
    statistics_table_free(t);
    return false;
}

bool statistics_table_append(struct statistics_table *t, const double *row) {
    size_t bytes = t->n_columns * sizeof *row;
    if (t->n_rows == t->capacity) {
        size_t capacity = t->capacity ? 2 * t->capacity : 64;
        double *value = realloc(t->value, capacity * bytes);
        if (!value)
            return false;
        t->value = value;
        t->capacity = capacity;
    }
    memcpy(t->value + t->n_rows++ * t->n_columns, row, bytes);
    return true;
}

void statistics_table_free(struct statistics_table *t) {
    for (size_t i = 0; t->name && i < t->n_columns; i++)
        free(t->name[i]);
    free(t->name);
    free(t->value);
    *t = (struct statistics_table){0};
}

int statistics_table_column(const struct statistics_table *t, const char *name) {
    for (size_t i = 0; i < t->n_columns; i++)
        if (!strcmp(t->name[i], name))
            return (int)i;
    return -1;
}

bool statistics_is_text_column(const char *name) {
    return !strcmp(name, "state_hash") || !strcmp(name, "at") || !strcmp(name, "event");
}

/* ---- cycles of one run ---- */

/* Sort key: one row of the table. */
struct key {
    int64_t replica, cycle;
    size_t row;
};

static int compare_keys(const void *a, const void *b) {
    const struct key *x = a, *y = b;
    if (x->replica != y->replica)
        return x->replica < y->replica ? -1 : 1;
    if (x->cycle != y->cycle)
        return x->cycle < y->cycle ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static double cell(const struct statistics_table *t, size_t row, int column) {
    return column < 0 ? NAN : t->value[row * t->n_columns + (size_t)column];
}

static bool is_count(double x, double smallest) {
    return x >= smallest && x <= 1e9 && x == floor(x);
}

/* Fills keys from the two columns, checks them and sorts. */
static const char *fill_keys(const struct statistics_table *t, struct key *key, size_t *bad_row) {
    int cycle = statistics_table_column(t, "cycle");
    int replica = statistics_table_column(t, "replica");
    for (size_t i = 0; i < t->n_rows; i++) {
        *bad_row = i;
        if (!is_count(cell(t, i, cycle), 1))
            return "cycle: expected a whole number from 1";
        if (!is_count(cell(t, i, replica), 0))
            return "replica: expected a whole number from 0";
        key[i] = (struct key){(int64_t)cell(t, i, replica), (int64_t)cell(t, i, cycle), i};
    }
    qsort(key, t->n_rows, sizeof *key, compare_keys);
    for (size_t i = 0; i < t->n_rows; i++) {
        bool first = i == 0 || key[i].replica != key[i - 1].replica;
        int64_t expected = first ? 1 : key[i - 1].cycle + 1;
        *bad_row = key[i].row;
        if (key[i].cycle < expected)
            return "expected one row for each cycle and replica, found a second one";
        if (key[i].cycle > expected)
            return "expected the cycles 1, 2, 3, ... of each replica, found a gap before this row";
    }
    return NULL;
}

/* Fills order, start, replica; the last cycle of a replica equals its number of rows. */
static void fill_index(struct statistics_cycles *c, const struct key *key, size_t n) {
    for (size_t i = 0; i < n; i++) {
        c->order[i] = key[i].row;
        if (i == 0 || key[i].replica != key[i - 1].replica) {
            c->start[c->n_replicas] = i;
            c->replica[c->n_replicas++] = key[i].replica;
        }
    }
    c->start[c->n_replicas] = n;
    for (size_t r = 0; r < c->n_replicas; r++) {
        int64_t last = key[c->start[r + 1] - 1].cycle;
        if (r == 0 || last < c->last_cycle)
            c->last_cycle = last;
    }
}

const char *statistics_cycles_init(struct statistics_cycles *c, const struct statistics_table *t,
                                   size_t *bad_row) {
    *c = (struct statistics_cycles){.table = t};
    *bad_row = 0;
    if (statistics_table_column(t, "cycle") < 0 || statistics_table_column(t, "replica") < 0)
        return "expected columns `cycle` and `replica`";
    struct key *key = calloc(t->n_rows + 1, sizeof *key);
    c->order = calloc(t->n_rows + 1, sizeof *c->order);
    c->start = calloc(t->n_rows + 1, sizeof *c->start);
    c->replica = calloc(t->n_rows + 1, sizeof *c->replica);
    const char *problem = "out of memory";
    if (key && c->order && c->start && c->replica)
        problem = fill_keys(t, key, bad_row);
    if (!problem)
        fill_index(c, key, t->n_rows);
    else
        statistics_cycles_free(c);
    free(key);
    return problem;
}

void statistics_cycles_free(struct statistics_cycles *c) {
    free(c->order);
    free(c->start);
    free(c->replica);
    *c = (struct statistics_cycles){0};
}

/* ---- metrics of one replica ---- */

static double row_cycle(const struct statistics_cycles *c, size_t i) {
    return cell(c->table, c->order[i], statistics_table_column(c->table, "cycle"));
}

/* Value of a column in one cycle of replica index r; NaN when there is none. Cycles are 1, 2, 3,
 * ... without gaps. */
static double at_cycle(const struct statistics_cycles *c, int column, size_t r, int64_t cycle) {
    int64_t n = (int64_t)(c->start[r + 1] - c->start[r]);
    if (cycle < 1 || cycle > n)
        return NAN;
    return cell(c->table, c->order[c->start[r] + (size_t)(cycle - 1)], column);
}

/* Line through a column over the cycles of a span; NaN slope below two
 * points. */
static struct statistics_line column_line(const struct statistics_cycles *c, const char *name,
                                          size_t r, struct statistics_span span) {
    int column = statistics_table_column(c->table, name);
    size_t n = c->start[r + 1] - c->start[r], m = 0;
    struct statistics_line line = {NAN, NAN, NAN, 0};
    double *x = room_for((n + 1) * 2, sizeof *x), *y = x + n + 1;
    for (size_t i = c->start[r]; i < c->start[r + 1]; i++) {
        double cycle = row_cycle(c, i);
        if (cycle < (double)span.first || cycle > (double)span.last)
            continue;
        x[m] = cycle;
        y[m++] = cell(c->table, c->order[i], column);
    }
    line = statistics_line_fit(x, y, m);
    free(x);
    return line;
}

enum metric_kind { METRIC_FADE, METRIC_ENDPOINT, METRIC_RETENTION, METRIC_INITIAL, METRIC_MEAN };

/* Whole-run metrics, each declared once. `scale` converts the column's unit to the metric's. */
struct metric {
    const char *name;
    enum metric_kind kind;
    const char *column;
    double scale;
};

static const struct metric METRICS[] = {
    {"voltage_fade_mV_per_cycle", METRIC_FADE, "mean_discharge_voltage_V", 1000},
    {"voltage_fade_endpoint_mV_per_cycle", METRIC_ENDPOINT, "mean_discharge_voltage_V", 1000},
    {"window_voltage_fade_mV_per_cycle", METRIC_FADE, "window_mean_discharge_voltage_V", 1000},
    {"capacity_fade_mAh_per_g_per_cycle", METRIC_FADE, "discharge_capacity_mAh_per_g", 1},
    {"energy_fade_Wh_per_kg_per_cycle", METRIC_FADE, "discharge_energy_Wh_per_kg", 1},
    {"initial_coulombic_efficiency", METRIC_INITIAL, "discharge_capacity_mAh_per_g", 1},
    {"capacity_retention", METRIC_RETENTION, "discharge_capacity_mAh_per_g", 1},
    {"energy_retention", METRIC_RETENTION, "discharge_energy_Wh_per_kg", 1},
    {"mean_hysteresis_V", METRIC_MEAN, "hysteresis_V", 1},
};
enum { N_METRICS = sizeof METRICS / sizeof *METRICS };

static const struct metric *find_metric(const char *name) {
    for (size_t i = 0; i < N_METRICS; i++)
        if (!strcmp(METRICS[i].name, name))
            return &METRICS[i];
    return NULL;
}

const char *statistics_metric_name(size_t i) {
    return i < N_METRICS ? METRICS[i].name : NULL;
}

static bool is_value_column(const char *name) {
    return strcmp(name, "cycle") != 0 && strcmp(name, "replica") != 0 &&
           !statistics_is_text_column(name);
}

bool statistics_metric_exists(const struct statistics_cycles *c, const char *metric) {
    const struct metric *m = find_metric(metric);
    if (!m && !is_value_column(metric))
        return false;
    return statistics_table_column(c->table, m ? m->column : metric) >= 0;
}

const char *statistics_unit(const char *metric) {
    static const struct {
        const char *ending, *unit;
    } units[] = {
        {"_mV_per_cycle", "mV/cycle"},
        {"_mAh_per_g_per_cycle", "mAh/g/cycle"},
        {"_Wh_per_kg_per_cycle", "Wh/kg/cycle"},
        {"_mAh_per_g", "mAh/g"},
        {"_mL_per_g", "mL/g"},
        {"_Wh_per_kg", "Wh/kg"},
        {"_eV", "eV"},
        {"_V", "V"},
    };
    size_t length = strlen(metric);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t tail = strlen(units[i].ending);
        if (length > tail && !strcmp(metric + length - tail, units[i].ending))
            return units[i].unit;
    }
    return "1";
}

static double mean_of_column(const struct statistics_cycles *c, int column, size_t r,
                             int64_t last) {
    double sum = 0;
    size_t n = 0;
    for (size_t i = c->start[r]; i < c->start[r + 1]; i++) {
        double value = cell(c->table, c->order[i], column);
        if (row_cycle(c, i) <= (double)last && !isnan(value)) {
            sum += value;
            n++;
        }
    }
    return n ? sum / (double)n : NAN;
}

static double ratio(double over, double under) {
    return under > 0 ? over / under : NAN;
}

static double whole_run(const struct statistics_cycles *c, const struct metric *m, size_t r,
                        struct statistics_span span) {
    int column = statistics_table_column(c->table, m->column);
    switch (m->kind) {
    case METRIC_FADE:
        return -m->scale * column_line(c, m->column, r, span).slope;
    case METRIC_ENDPOINT:
        if (span.last <= span.first)
            return NAN;
        return m->scale * (at_cycle(c, column, r, span.first) - at_cycle(c, column, r, span.last)) /
               (double)(span.last - span.first);
    case METRIC_RETENTION:
        return ratio(at_cycle(c, column, r, span.last), at_cycle(c, column, r, 1));
    case METRIC_INITIAL: {
        int charge = statistics_table_column(c->table, "charge_capacity_mAh_per_g");
        return ratio(at_cycle(c, column, r, 1), at_cycle(c, charge, r, 1));
    }
    case METRIC_MEAN:
        return mean_of_column(c, column, r, span.last);
    }
    assert(!"kind of a metric");
    return NAN;
}

double statistics_metric(const struct statistics_cycles *c, const char *metric, size_t r,
                         struct statistics_span span) {
    const struct metric *m = find_metric(metric);
    if (m)
        return whole_run(c, m, r, span);
    return at_cycle(c, statistics_table_column(c->table, metric), r, span.last);
}

/* ---- over replicas ---- */

struct statistics_estimate statistics_metric_estimate(const struct statistics_cycles *c,
                                                      const char *metric,
                                                      struct statistics_span span) {
    double *value = room_for(c->n_replicas + 1, sizeof *value);
    for (size_t r = 0; r < c->n_replicas; r++)
        value[r] = statistics_metric(c, metric, r, span);
    struct statistics_estimate e = statistics_estimate(value, c->n_replicas);
    free(value);
    const struct metric *m = find_metric(metric);
    if (c->n_replicas == 1 && m && m->kind == METRIC_FADE)
        e.standard_error = m->scale * column_line(c, m->column, 0, span).slope_error;
    return e;
}

/* Replicas that both runs have, side by side; returns how many. Both lists are sorted. */
static size_t match_replicas(const struct statistics_cycles *a, const struct statistics_cycles *b,
                             size_t *in_a, size_t *in_b) {
    size_t n = 0;
    for (size_t i = 0, j = 0; i < a->n_replicas && j < b->n_replicas;) {
        if (a->replica[i] == b->replica[j]) {
            in_a[n] = i++;
            in_b[n++] = j++;
        } else if (a->replica[i] < b->replica[j]) {
            i++;
        } else {
            j++;
        }
    }
    return n;
}

static struct statistics_difference paired_runs(const struct statistics_cycles *a,
                                                const struct statistics_cycles *b,
                                                const char *metric, struct statistics_span span,
                                                double *x, double *y) {
    struct statistics_difference d = {{NAN, NAN, NAN, NAN, 0}, NAN, NAN, NAN, true};
    size_t *in_a = room_for(a->n_replicas + 1, sizeof *in_a);
    size_t *in_b = room_for(b->n_replicas + 1, sizeof *in_b);
    size_t n = match_replicas(a, b, in_a, in_b);
    for (size_t i = 0; i < n; i++) {
        x[i] = statistics_metric(a, metric, in_a[i], span);
        y[i] = statistics_metric(b, metric, in_b[i], span);
    }
    d = statistics_paired(x, y, n);
    free(in_a);
    free(in_b);
    return d;
}

static struct statistics_difference unpaired_runs(const struct statistics_cycles *a,
                                                  const struct statistics_cycles *b,
                                                  const char *metric, struct statistics_span span,
                                                  double *x, double *y) {
    for (size_t r = 0; r < a->n_replicas; r++)
        x[r] = statistics_metric(a, metric, r, span);
    for (size_t r = 0; r < b->n_replicas; r++)
        y[r] = statistics_metric(b, metric, r, span);
    return statistics_welch(x, a->n_replicas, y, b->n_replicas);
}

struct statistics_difference
statistics_metric_difference(const struct statistics_cycles *a, const struct statistics_cycles *b,
                             const char *metric, struct statistics_span span, bool same_seed) {
    struct statistics_difference d = {{NAN, NAN, NAN, NAN, 0}, NAN, NAN, NAN, same_seed};
    double *x = room_for(a->n_replicas + 1, sizeof *x), *y = room_for(b->n_replicas + 1, sizeof *y);
    d = (same_seed ? paired_runs : unpaired_runs)(a, b, metric, span, x, y);
    free(x);
    free(y);
    return d;
}

/* ---- CSV ---- */

void statistics_write_number(double x, FILE *out) {
    fputc(',', out);
    if (isfinite(x))
        fprintf(out, "%.10g", x);
}

void statistics_write_estimate(struct statistics_estimate e, FILE *out) {
    statistics_write_number(e.mean, out);
    statistics_write_number(e.standard_error, out);
    statistics_write_number(e.low, out);
    statistics_write_number(e.high, out);
    fprintf(out, ",%zu", e.n);
}

/* cycle 0 = a whole-run metric, written as an empty field. */
static void write_row(FILE *out, const char *metric, int64_t cycle, struct statistics_estimate e) {
    fprintf(out, "%s,%s,", metric, statistics_unit(metric));
    if (cycle > 0)
        fprintf(out, "%lld", (long long)cycle);
    statistics_write_estimate(e, out);
    fputc('\n', out);
}

bool statistics_write_summary(const struct statistics_cycles *c, int64_t fade_first_cycle,
                              FILE *out) {
    struct statistics_span span = {fade_first_cycle, c->last_cycle};
    fputs("metric,unit,cycle,mean,standard_error,ci95_low,ci95_high,replicas\n", out);
    for (size_t i = 0; i < c->table->n_columns; i++) {
        const char *name = c->table->name[i];
        for (int64_t cycle = 1; is_value_column(name) && cycle <= c->last_cycle; cycle++) {
            struct statistics_span one = {fade_first_cycle, cycle};
            write_row(out, name, cycle, statistics_metric_estimate(c, name, one));
        }
    }
    for (size_t i = 0; i < N_METRICS; i++)
        if (statistics_metric_exists(c, METRICS[i].name))
            write_row(out, METRICS[i].name, 0,
                      statistics_metric_estimate(c, METRICS[i].name, span));
    return !ferror(out);
}
