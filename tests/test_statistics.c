/* Guarantees: t distribution, slopes, intervals, paired tests and Holm's correction agree with
 * closed forms, tables and hand calculation; the summary of a run holds the definitions in
 * kmc/statistics.h. */
#define _POSIX_C_SOURCE 200809L
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../kmc/statistics.h"

static const double PI = 3.14159265358979323846;

static void close_to(double found, double expected, double tolerance, const char *what) {
    cr_expect(fabs(found - expected) <= tolerance, "%s: expected %.12g, found %.12g", what,
              expected, found);
}

/* ---- numbers ---- */

/* Printed tables of Student's t (Abramowitz and Stegun 26.10 and later, more digits). */
Test(statistics, t_quantiles_of_printed_tables) {
    static const struct {
        double p, df, t;
    } table[] = {
        {0.975, 1, 12.7062047362},  {0.975, 2, 4.3026527297},  {0.975, 3, 3.1824463053},
        {0.975, 4, 2.7764451052},   {0.975, 5, 2.5705818356},  {0.975, 7, 2.3646242516},
        {0.975, 10, 2.2281388520},  {0.975, 15, 2.1314495456}, {0.975, 30, 2.0422724563},
        {0.975, 100, 1.9839715185}, {0.95, 5, 2.0150483733},   {0.995, 10, 3.1692726726},
        {0.025, 10, -2.2281388520},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        close_to(statistics_t_quantile(table[i].p, table[i].df), table[i].t, 1e-6, "quantile");
    close_to(statistics_t_quantile(0.5, 3), 0, 1e-12, "median");
    cr_expect(isnan(statistics_t_quantile(1, 3)));
    cr_expect(isnan(statistics_t_quantile(0.9, 0)));
}

/* Closed forms for 1, 2 and 4 degrees of freedom. */
Test(statistics, t_p_values_of_closed_forms) {
    for (double t = -40; t <= 40; t += 0.37) {
        double a = fabs(t), u = 1 + a * a / 4;
        close_to(statistics_t_p_value(t, 1), 1 - 2 / PI * atan(a), 1e-12, "df 1");
        close_to(statistics_t_p_value(t, 2), 1 - a / sqrt(2 + a * a), 1e-12, "df 2");
        close_to(statistics_t_p_value(t, 4), 1 - 0.75 * a / sqrt(u) * (1 - a * a / (12 * u)), 1e-12,
                 "df 4");
    }
}

Test(statistics, t_p_values_at_the_ends) {
    close_to(statistics_t_p_value(1e4, 2) * 1e8, 1, 1e-6, "tail falls as 1/t^2");
    close_to(statistics_t_p_value(1.959963984540054, 1e7), 0.05, 1e-6, "normal limit");
    close_to(statistics_t_p_value(0, 5), 1, 0, "t = 0");
    cr_expect(statistics_t_p_value(INFINITY, 5) == 0);
    cr_expect(statistics_t_p_value(1e200, 5) == 0);
    cr_expect(isnan(statistics_t_p_value(NAN, 5)));
}

Test(statistics, quantile_and_p_value_are_inverse) {
    for (double df = 0.7; df < 500; df *= 1.9)
        for (double p = 0.501; p < 0.9999; p += 0.0237)
            close_to(statistics_t_p_value(statistics_t_quantile(p, df), df), 2 * (1 - p), 1e-12,
                     "round trip");
}

Test(statistics, mean_variance_and_interval_by_hand) {
    const double x[] = {2, 4, 4, 4, 5, 5, 7, 9}; /* mean 5, squares 32 */
    close_to(statistics_mean(x, 8), 5, 1e-15, "mean");
    close_to(statistics_variance(x, 8), 32.0 / 7, 1e-14, "variance");
    close_to(statistics_standard_error(x, 8), sqrt(32.0 / 7 / 8), 1e-14, "standard error");
    struct statistics_estimate e = statistics_estimate(x, 8);
    close_to(e.high - e.mean, 2.3646242516 * sqrt(32.0 / 7 / 8), 1e-8, "half interval");
    close_to(e.mean - e.low, e.high - e.mean, 1e-14, "symmetry");
    cr_expect(e.n == 8);
}

Test(statistics, undefined_values_are_left_out) {
    const double x[] = {NAN, 1, NAN, 3}, one[] = {NAN, 7};
    struct statistics_estimate e = statistics_estimate(x, 4), single = statistics_estimate(one, 2);
    cr_expect(e.n == 2 && e.mean == 2);
    close_to(e.standard_error, 1, 1e-15, "standard error");
    cr_expect(single.n == 1 && single.mean == 7);
    cr_expect(isnan(single.standard_error) && isnan(single.low) && isnan(single.high));
    cr_expect(isnan(statistics_estimate(x, 1).mean));
}

Test(statistics, line_and_its_error_by_hand) {
    /* y = 2x + 1 with residuals +1, -1, -1, +1: squares 4, Sxx 5, s.e. sqrt(4/2/5) */
    const double x[] = {1, 2, 3, 4}, y[] = {4, 4, 6, 10};
    struct statistics_line line = statistics_line_fit(x, y, 4);
    close_to(line.slope, 2, 1e-14, "slope");
    close_to(line.intercept, 1, 1e-14, "intercept");
    close_to(line.slope_error, sqrt(0.4), 1e-14, "slope error");
}

Test(statistics, line_needs_points) {
    const double x[] = {1, 2, 3}, y[] = {5, 7, NAN}, same[] = {2, 2, 2};
    struct statistics_line two = statistics_line_fit(x, y, 3);
    cr_expect(two.n == 2 && two.slope == 2 && isnan(two.slope_error));
    cr_expect(isnan(statistics_line_fit(x, y, 1).slope));
    cr_expect(isnan(statistics_line_fit(same, x, 3).slope));
}

Test(statistics, paired_difference_by_hand) {
    /* differences 1, 2, 3: mean 2, s.d. 1, t = 2 sqrt 3, df 2 */
    const double a[] = {11, 22, 33}, b[] = {10, 20, 30};
    struct statistics_difference d = statistics_paired(a, b, 3);
    double t = 2 * sqrt(3);
    cr_expect(d.paired && d.estimate.n == 3 && d.df == 2);
    close_to(d.estimate.mean, 2, 1e-14, "mean");
    close_to(d.effect_size, 2, 1e-14, "effect size");
    close_to(d.p, 1 - t / sqrt(2 + t * t), 1e-12, "p");
    close_to(d.estimate.low, 2 - 4.3026527297 / sqrt(3), 1e-8, "low");
}

Test(statistics, pairing_removes_what_replicas_share) {
    /* spread of 10 among replicas, planted difference of 0.5 */
    const double share[] = {0, 10, -8, 4, -10, 7, 2, -5};
    const double ripple[] = {.1, -.1, .05, 0, -.05, .1, -.1, 0};
    double a[8], b[8];
    for (int i = 0; i < 8; i++) {
        a[i] = share[i] + 0.5 + ripple[i];
        b[i] = share[i];
    }
    cr_expect(statistics_paired(a, b, 8).p < 1e-5);
    cr_expect(statistics_welch(a, 8, b, 8).p > 0.5);
}

Test(statistics, difference_without_spread) {
    const double a[] = {1, 2, 3}, b[] = {0, 1, 2};
    struct statistics_difference none = statistics_paired(a, a, 3),
                                 same = statistics_paired(a, b, 3);
    cr_expect(none.p == 1 && none.effect_size == 0);
    cr_expect(isnan(same.p), "nothing to test against");
    cr_expect(same.estimate.mean == 1);
    cr_expect(isnan(statistics_paired(a, b, 1).p));
}

Test(statistics, rounding_is_no_difference) {
    const double a[] = {0.1 + 0.2, 0.7, 0.3}, b[] = {0.3, 0.7, 0.3};
    const double c[] = {3.1, 3.2, 3.3, 3.45}, d[] = {3.0, 3.1, 3.2, 3.35}; /* 0.1 up to rounding */
    const double same[] = {0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05};
    cr_assert(a[0] != b[0]);
    cr_expect(statistics_paired(a, b, 3).p == 1);
    cr_expect(isnan(statistics_paired(c, d, 4).p));
    cr_expect(statistics_estimate(same, 7).standard_error == 0);
}

Test(statistics, welch_by_hand) {
    /* variances 1 and 4, three each: t = -3/sqrt(5/3), df = (5/3)^2/((1/9 + 16/9)/2) */
    const double a[] = {1, 2, 3}, b[] = {3, 5, 7};
    struct statistics_difference d = statistics_welch(a, 3, b, 3);
    cr_expect(!d.paired);
    close_to(d.estimate.mean, -3, 1e-14, "mean");
    close_to(d.estimate.standard_error, sqrt(5.0 / 3), 1e-14, "standard error");
    close_to(d.df, 25.0 / 9 / (17.0 / 18), 1e-12, "degrees of freedom");
    close_to(d.effect_size, -3 / sqrt(2.5), 1e-12, "effect size");
}

Test(statistics, holm_by_hand) {
    /* sorted .005 .01 .03 .04 times 4 3 2 1 = .02 .03 .06 .04, made monotone .02 .03 .06 .06 */
    const double p[] = {0.01, 0.04, NAN, 0.03, 0.005};
    const double expected[] = {0.03, 0.06, NAN, 0.06, 0.02};
    double adjusted[5];
    statistics_holm(p, adjusted, 5);
    for (int i = 0; i < 5; i++)
        if (i != 2)
            close_to(adjusted[i], expected[i], 1e-15, "Holm");
    cr_expect(isnan(adjusted[2]));
}

Test(statistics, holm_with_ties_and_cap) {
    const double p[] = {0.02, 0.02, 0.9};
    double adjusted[3];
    statistics_holm(p, adjusted, 3);
    close_to(adjusted[0], 0.06, 1e-15, "tie");
    close_to(adjusted[1], 0.06, 1e-15, "tie");
    close_to(adjusted[2], 0.9, 1e-15, "largest");
    const double large[] = {0.6, 0.7};
    statistics_holm(large, adjusted, 2);
    cr_expect(adjusted[0] == 1 && adjusted[1] == 1);
}

/* ---- runs ---- */

static const char *const COLUMNS[] = {
    "cycle",
    "replica",
    "charge_capacity_mAh_per_g",
    "discharge_capacity_mAh_per_g",
    "mean_discharge_voltage_V",
    "hysteresis_V",
    "discharge_energy_Wh_per_kg",
    "window_mean_discharge_voltage_V",
    "state_hash",
};
enum { N_COLUMNS = sizeof COLUMNS / sizeof *COLUMNS };

/* Replica r fades by 10 + r mV/cycle from cycle 2 on; cycle 1 is off the line. Rows come in an
 * unsorted order. */
static void plant(struct statistics_table *t, int replicas, int cycles) {
    cr_assert(statistics_table_create(t, COLUMNS, N_COLUMNS));
    for (int cycle = cycles; cycle >= 1; cycle--)
        for (int r = 0; r < replicas; r++) {
            double v = 3.9 - 0.001 * (10 + r) * cycle + (cycle == 1 ? 0.5 : 0);
            double row[N_COLUMNS] = {
                cycle, r, 300, 240 - 2 * cycle, v, 0.4 + 0.01 * cycle, 900 - 9.0 * cycle, NAN, NAN};
            cr_assert(statistics_table_append(t, row));
        }
}

static void open_cycles(struct statistics_cycles *c, const struct statistics_table *t) {
    size_t bad_row;
    const char *problem = statistics_cycles_init(c, t, &bad_row);
    cr_assert(!problem, "%s", problem);
}

Test(statistics, planted_fade_is_found) {
    struct statistics_table t;
    struct statistics_cycles c;
    plant(&t, 3, 6);
    open_cycles(&c, &t);
    cr_expect(c.n_replicas == 3 && c.last_cycle == 6);
    struct statistics_span span = {2, 6}, all = {1, 6};
    struct statistics_estimate e =
        statistics_metric_estimate(&c, "voltage_fade_mV_per_cycle", span);
    close_to(e.mean, 11, 1e-9, "fade");
    close_to(e.standard_error, 1 / sqrt(3), 1e-9, "over replicas");
    close_to(e.high - e.mean, 4.3026527297 / sqrt(3), 1e-7, "interval");
    close_to(statistics_metric(&c, "voltage_fade_endpoint_mV_per_cycle", 2, span), 12, 1e-9,
             "end points");
    cr_expect(statistics_metric(&c, "voltage_fade_mV_per_cycle", 0, all) > 60,
              "first cycle taken in");
    statistics_cycles_free(&c);
    statistics_table_free(&t);
}

Test(statistics, whole_run_metrics_by_hand) {
    struct statistics_table t;
    struct statistics_cycles c;
    plant(&t, 2, 5);
    open_cycles(&c, &t);
    struct statistics_span span = {2, 5};
    close_to(statistics_metric(&c, "initial_coulombic_efficiency", 0, span), 238.0 / 300, 1e-14,
             "ICE");
    close_to(statistics_metric(&c, "capacity_retention", 0, span), 230.0 / 238, 1e-14, "retention");
    close_to(statistics_metric(&c, "energy_retention", 0, span), 855.0 / 891, 1e-14, "energy");
    close_to(statistics_metric(&c, "capacity_fade_mAh_per_g_per_cycle", 1, span), 2, 1e-12, "loss");
    close_to(statistics_metric(&c, "energy_fade_Wh_per_kg_per_cycle", 1, span), 9, 1e-12,
             "energy fade");
    close_to(statistics_metric(&c, "mean_hysteresis_V", 0, span), 0.43, 1e-14, "hysteresis");
    close_to(statistics_metric(&c, "hysteresis_V", 0, span), 0.45, 1e-14, "last cycle");
    cr_expect(isnan(statistics_metric(&c, "window_voltage_fade_mV_per_cycle", 0, span)));
    cr_expect(!statistics_metric_exists(&c, "state_hash") &&
              !statistics_metric_exists(&c, "cycle"));
    statistics_cycles_free(&c);
    statistics_table_free(&t);
}

/* The line after the one that starts with `start`, or NULL. */
static const char *row_of(const char *text, const char *start) {
    for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        if (!strncmp(line, start, strlen(start)))
            return line;
    return NULL;
}

static char *summary_of(int replicas, int cycles) {
    struct statistics_table t;
    struct statistics_cycles c;
    char *text = NULL;
    size_t bytes;
    plant(&t, replicas, cycles);
    open_cycles(&c, &t);
    FILE *out = open_memstream(&text, &bytes);
    cr_assert(statistics_write_summary(&c, 2, out));
    fclose(out);
    statistics_cycles_free(&c);
    statistics_table_free(&t);
    return text;
}

Test(statistics, summary_has_its_rows) {
    char *text = summary_of(3, 4);
    const char *header = "metric,unit,cycle,mean,standard_error,ci95_low,ci95_high,replicas\n";
    cr_expect(!strncmp(text, header, strlen(header)));
    const char *row = row_of(text, "discharge_capacity_mAh_per_g,mAh/g,3,234,0,234,234,3\n");
    cr_expect(row, "a row for every column and cycle");
    row = row_of(text, "voltage_fade_mV_per_cycle,mV/cycle,,11,0.577350269");
    cr_expect(row, "a row for the whole run:\n%s", text);
    cr_expect(row_of(text, "window_mean_discharge_voltage_V,V,1,,,,,0\n"), "undefined is empty");
    cr_expect(!row_of(text, "state_hash") && !row_of(text, "replica") && !row_of(text, "cycle"));
    free(text);
}

Test(statistics, one_replica_has_no_interval) {
    char *text = summary_of(1, 4);
    cr_expect(row_of(text, "discharge_capacity_mAh_per_g,mAh/g,3,234,,,,1\n"), "%s", text);
    const char *row = row_of(text, "voltage_fade_mV_per_cycle,mV/cycle,,10,");
    cr_assert(row, "%s", text);
    double error = atof(row + strlen("voltage_fade_mV_per_cycle,mV/cycle,,10,"));
    cr_expect(error < 1e-6, "residuals of a straight line: %g", error);
    cr_expect(strstr(row, ",,,1\n"), "empty interval");
    free(text);
}

Test(statistics, slope_error_of_a_single_replica) {
    /* V = 4 - 0.002 c with residuals +1, -1, -1, +1 mV over cycles 2..5: s.e. sqrt(4/2/5) mV */
    const char *const columns[] = {"cycle", "replica", "mean_discharge_voltage_V"};
    const double ripple[] = {0, 1, -1, -1, 1};
    struct statistics_table t;
    struct statistics_cycles c;
    cr_assert(statistics_table_create(&t, columns, 3));
    for (int cycle = 1; cycle <= 5; cycle++) {
        double row[3] = {cycle, 0, 4 - 0.002 * cycle + 0.001 * ripple[cycle - 1]};
        cr_assert(statistics_table_append(&t, row));
    }
    open_cycles(&c, &t);
    struct statistics_estimate e =
        statistics_metric_estimate(&c, "voltage_fade_mV_per_cycle", (struct statistics_span){2, 5});
    close_to(e.mean, 2, 1e-9, "fade");
    close_to(e.standard_error, sqrt(0.4), 1e-9, "from residuals");
    cr_expect(isnan(e.low) && e.n == 1);
    statistics_cycles_free(&c);
    statistics_table_free(&t);
}

/* Replicas are matched by their number, not by their place in the file. */
Test(statistics, common_replicas_are_paired) {
    const char *const columns[] = {"cycle", "replica", "energy_eV"};
    struct statistics_table t[2];
    struct statistics_cycles c[2];
    const double value[2][4] = {{5, 20, 3, 40},
                                {0, 19, 0, 37}}; /* the second run lacks replicas 0, 2 */
    for (int run = 0; run < 2; run++) {
        cr_assert(statistics_table_create(&t[run], columns, 3));
        for (int r = run; r < 4; r += 1 + run)
            cr_assert(statistics_table_append(&t[run], (double[]){1, r, value[run][r]}));
        open_cycles(&c[run], &t[run]);
    }
    struct statistics_difference d = statistics_metric_difference(
        &c[0], &c[1], "energy_eV", (struct statistics_span){1, 1}, true);
    cr_expect(d.estimate.n == 2 && d.estimate.mean == 2, "n %zu, mean %g", d.estimate.n,
              d.estimate.mean); /* differences 1 and 3 */
    for (int run = 0; run < 2; run++) {
        statistics_cycles_free(&c[run]);
        statistics_table_free(&t[run]);
    }
}

Test(statistics, incomplete_replica_shortens_the_span) {
    struct statistics_table t;
    struct statistics_cycles c;
    plant(&t, 1, 5);
    for (int cycle = 1; cycle <= 3; cycle++) {
        double row[N_COLUMNS] = {cycle, 7, 300, 200, 3.5, .4, 800, NAN, NAN};
        cr_assert(statistics_table_append(&t, row));
    }
    open_cycles(&c, &t);
    cr_expect(c.n_replicas == 2 && c.replica[1] == 7 && c.last_cycle == 3);
    statistics_cycles_free(&c);
    statistics_table_free(&t);
}

Test(statistics, impossible_rows_are_refused) {
    static const double bad[][2] = {{3, 0}, {9, 0}, {1.5, 1}, {0, 1}, {1, -1}, {2, 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct statistics_table t;
        struct statistics_cycles c;
        size_t bad_row = 0;
        plant(&t, 1, 4);
        double row[N_COLUMNS] = {bad[i][0], bad[i][1]};
        cr_assert(statistics_table_append(&t, row));
        cr_expect(statistics_cycles_init(&c, &t, &bad_row) != NULL, "case %zu", i);
        cr_expect(bad_row == 4 || i == 0, "case %zu: row %zu", i, bad_row);
        statistics_table_free(&t);
    }
}
