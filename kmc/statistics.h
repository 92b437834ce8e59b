/* statistics: means over replicas with intervals, voltage fade, paired differences between
 * scenarios.
 *
 * Definitions (cycles 1..N of one replica; `first` is protocol.fade_first_cycle, 2 by default):
 *   voltage fade           minus the least-squares slope of the mean discharge voltage over cycles
 * first..N, mV/cycle end-point fade         (V_first - V_N) / (N - first), mV/cycle window fade
 * voltage fade of the mean discharge voltage inside the fixed capacity window capacity, energy fade
 * minus the slope of the discharge capacity (energy) over cycles first..N retention discharge
 * capacity (energy) of cycle N over that of cycle 1 ICE                    discharge capacity over
 * charge capacity, both of cycle 1 mean hysteresis        mean of the hysteresis over cycles 1..N
 * Over replicas: mean, standard error s/sqrt(n) and the 95 % Student t interval with n - 1 degrees
 * of freedom.  A single replica has no interval; its fades carry the standard error of the slope
 * from the residuals. A quantity that is not defined is NaN here and an empty field in files.
 * Source: Student t through the regularised incomplete beta function, P(|T| > t) = I_x(df/2, 1/2),
 * x = df/(df + t^2); Welch (1947), Biometrika 34, 28; Holm (1979), Scand. J. Statist. 6, 65.
 */
#ifndef KMC_STATISTICS_H
#define KMC_STATISTICS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* ---- numbers ---- */

struct statistics_estimate {
    double mean;
    double standard_error; /* NaN below two values */
    double low, high;      /* 95 % t interval, NaN below two values */
    size_t n;              /* values that were defined (not NaN) */
};

struct statistics_line {
    double slope, intercept; /* NaN below two different x */
    double slope_error;      /* from the residuals, NaN below three points */
    size_t n;                /* points used: x and y both defined */
};

/* Difference of two samples, a - b. */
struct statistics_difference {
    struct statistics_estimate estimate; /* n = pairs, or the smaller sample when unpaired */
    double df;                           /* degrees of freedom of the t test */
    double p; /* two-sided; 1 when all differences are 0; NaN when there is no spread to test
                 against */
    double effect_size; /* mean / s.d. of the differences; unpaired: mean / root mean square of both
                           s.d. */
    bool paired;
};

double statistics_mean(const double *x, size_t n);     /* NaN for n = 0 */
double statistics_variance(const double *x, size_t n); /* of the sample (n - 1), NaN below two */
double statistics_standard_error(const double *x, size_t n);

/* Student t with df > 0 degrees of freedom (need not be whole): P(|T| > |t|), and t with P(T < t) =
 * p for 0 < p < 1. */
double statistics_t_p_value(double t, double df);
double statistics_t_quantile(double p, double df);

/* NaN values are left out. */
struct statistics_estimate statistics_estimate(const double *x, size_t n);
struct statistics_line statistics_line_fit(const double *x, const double *y, size_t n);

/* Paired: pairs with a NaN on either side are left out. */
struct statistics_difference statistics_paired(const double *a, const double *b, size_t n);
struct statistics_difference statistics_welch(const double *a, size_t n_a, const double *b,
                                              size_t n_b);

/* Holm's step-down correction: adjusted[i] for p[i]; NaN stays NaN and does not count as a
 * comparison. */
void statistics_holm(const double *p, double *adjusted, size_t n);

/* ---- table of named columns ---- */

/* Row-major: value[row*n_columns + column]; text columns (state_hash, at, event) hold NaN. Owner: whoever
 * called _create. */
struct statistics_table {
    size_t n_columns, n_rows, capacity;
    char **name;
    double *value;
};

/* Copies the names. False when out of memory. */
bool statistics_table_create(struct statistics_table *t, const char *const *name, size_t n_columns);
bool statistics_table_append(struct statistics_table *t, const double *row);
void statistics_table_free(struct statistics_table *t);
/* Column of a name, or -1. */
int statistics_table_column(const struct statistics_table *t, const char *name);
/* True for columns whose fields are not numbers. */
bool statistics_is_text_column(const char *name);

/* ---- cycles of one run ---- */

/* Index over a table with columns `cycle` and `replica`: order[] sorts the rows by replica, then
 * cycle; replica r (0..n_replicas-1) owns order[start[r]] .. order[start[r+1]-1], its cycles 1, 2,
 * 3, ... without gaps. The table must outlive it; owner: the caller, who frees with
 * statistics_cycles_free. */
struct statistics_cycles {
    const struct statistics_table *table;
    size_t *order, *start;
    int64_t *replica; /* replica number of each r */
    size_t n_replicas;
    int64_t last_cycle; /* the last cycle that every replica has */
};

/* NULL, or a static text saying what is wrong; bad_row then is the table row at fault (0 when none
 * is). */
const char *statistics_cycles_init(struct statistics_cycles *c, const struct statistics_table *t,
                                   size_t *bad_row);
void statistics_cycles_free(struct statistics_cycles *c);

/* Cycles over which a run is judged: fades over first..last, retention last over 1. */
struct statistics_span {
    int64_t first, last;
};

/* Whole-run metrics (statistics_metric_name(i), NULL past the end) and every numeric column (its
 * value in cycle span.last). */
const char *statistics_metric_name(size_t i);
bool statistics_metric_exists(const struct statistics_cycles *c, const char *metric);
const char *statistics_unit(const char *metric); /* "mV/cycle", "mAh/g", ..., "1" */

/* Value of the metric for replica index r; NaN when not defined. */
double statistics_metric(const struct statistics_cycles *c, const char *metric, size_t r,
                         struct statistics_span span);
/* Over the replicas. */
struct statistics_estimate statistics_metric_estimate(const struct statistics_cycles *c,
                                                      const char *metric,
                                                      struct statistics_span span);
/* a - b: replica i with replica i when `same_seed` (replicas that both have), else Welch's test. */
struct statistics_difference
statistics_metric_difference(const struct statistics_cycles *a, const struct statistics_cycles *b,
                             const char *metric, struct statistics_span span, bool same_seed);

/* ---- CSV ---- */

/* A comma and the number to 10 digits, nothing behind the comma when it is not finite. */
void statistics_write_number(double x, FILE *out);
/* Five such fields: mean, standard error, low, high, n. */
void statistics_write_estimate(struct statistics_estimate e, FILE *out);

/* summary.csv: header, a row for every numeric column and cycle, and the whole-run rows. False when a
 * write failed. */
bool statistics_write_summary(const struct statistics_cycles *c, int64_t fade_first_cycle,
                              FILE *out);
#endif
