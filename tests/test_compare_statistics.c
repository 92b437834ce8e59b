/* Guarantees of the statistics of `kmc compare`: runs that do not differ are told apart as often as the level says and no more, a planted difference of
 * three standard errors is found, and the probability of being best agrees with the tests.  Synthetic replicas with fixed random numbers, through run
 * directories and kmc/comparison.c.
 */
#define _XOPEN_SOURCE 700 /* POSIX 2008 with nftw */
#include <criterion/criterion.h>
#include <ftw.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../kernels/philox.h"
#include "../kmc/comparison.h"
#include "../kmc/ranking.h"

static char scratch[] = "/tmp/test_compare_statistics_XXXXXX";

static void enter(void) {
    cr_assert(mkdtemp(scratch));
    cr_assert(chdir(scratch) == 0);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *level) {
    (void)status, (void)type, (void)level;
    return remove(path);
}

static void leave(void) {
    cr_assert(chdir("/") == 0);
    nftw(scratch, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

TestSuite(compare_statistics, .init = enter, .fini = leave);

enum { TRIALS = 100, REPLICAS = 32 };

static double normal(uint32_t trial, uint32_t who, int replica) {
    struct philox_block b =
        philox_draw((struct philox){20261, who}, STREAM_ORDER, trial, (uint64_t)replica);
    return sqrt(-2 * log(philox_open(b.v[0], b.v[1]))) *
           cos(6.283185307179586 * philox_open(b.v[2], b.v[3]));
}

/* fade[r] mV/cycle, in a run directory of four cycles. */
static void write_run(const char *name, int seed, const double *fade, int replicas) {
    char path[256];
    mkdir(name, 0777);
    snprintf(path, sizeof path, "%s/run.json", name);
    FILE *out = fopen(path, "w");
    cr_assert(out);
    fprintf(out, "{\"scenario\": \"%s\", \"seed\": %d}\n", name, seed);
    fclose(out);
    snprintf(path, sizeof path, "%s/cycles.csv", name);
    out = fopen(path, "w");
    cr_assert(out);
    fputs("cycle,replica,mean_discharge_voltage_V\n", out);
    for (int r = 0; r < replicas; r++)
        for (int cycle = 1; cycle <= 4; cycle++)
            fprintf(out, "%d,%d,%.12f\n", cycle, r, 3.8 - 1e-3 * fade[r] * cycle);
    fclose(out);
}

static const char *const FADE[] = {"voltage_fade_mV_per_cycle"};

static void compare(struct comparison *c, char *const *name, int n) {
    struct comparison_request q = {.directory = name, .n = n, .metric = FADE, .n_metrics = 1};
    cr_assert_eq(comparison_create(c, &q, stderr), 0);
}

/* Crystals differ by 5 mV/cycle, the same in runs of the same seed; each run adds noise of 1 mV/cycle. */
static double p_of_trial(uint32_t trial, bool paired, double planted) {
    char *name[] = {"a", "b"};
    double fade[2][REPLICAS];
    struct comparison c;
    for (int r = 0; r < REPLICAS; r++)
        for (uint32_t k = 0; k < 2; k++)
            fade[k][r] = 20 + 5 * normal(trial, paired ? 0 : k, r) + normal(trial, 2 + k, r) +
                         (k ? planted : 0);
    write_run("a", 1, fade[0], REPLICAS);
    write_run("b", paired ? 1 : 2, fade[1], REPLICAS);
    compare(&c, name, 2);
    cr_assert_eq(c.difference[1].paired, paired);
    double p = c.p[1];
    comparison_free(&c);
    return p;
}

/* Trials with p below 5 %. */
static int rejections(bool paired, double planted) {
    int n = 0;
    for (uint32_t trial = 0; trial < TRIALS; trial++)
        n += p_of_trial(trial, paired, planted) < 0.05;
    return n;
}

/* True standard error of the difference, from the spreads above. */
static double standard_error(bool paired) {
    return sqrt(2.0 * (1 + (paired ? 0 : 25)) / REPLICAS);
}

Test(compare_statistics, equal_runs_are_told_apart_as_rarely_as_the_level_says) {
    for (int paired = 0; paired < 2; paired++) {
        int n = rejections(paired, 0);
        cr_expect(n >= 1 && n <= 11, "%s: %d of 100", paired ? "paired" : "Welch", n);
    }
}

Test(compare_statistics, three_standard_errors_are_found) {
    for (int paired = 0; paired < 2; paired++) {
        int n = rejections(paired, 3 * standard_error(paired));
        cr_expect(n >= 80 && n < 100, "%s: %d of 100", paired ? "paired" : "Welch", n);
    }
}

Test(compare_statistics, pairing_sees_what_welch_cannot) {
    double planted = 3 * standard_error(true);
    cr_expect_lt(rejections(false, planted), 40);
}

/* ---- ranking ---- */

/* Writes n runs with mean fades 20 + shift[i]; noise of 1, 2, 3, ... times `noise`. */
static void write_field(int n, const double *shift, double noise, bool paired, int replicas) {
    static const char *const name[] = {"a", "b", "c"};
    for (int i = 0; i < n; i++) {
        double fade[REPLICAS];
        for (int r = 0; r < replicas; r++)
            fade[r] = 20 + 5 * normal(7, paired ? 0 : (uint32_t)i, r) + shift[i] +
                      noise * (i + 1) * normal(8, 2 + (uint32_t)i, r);
        write_run(name[i], paired ? 1 : i + 1, fade, replicas);
    }
}

Test(compare_statistics, probability_of_two_is_that_of_their_test) {
    char *name[] = {"a", "b"};
    for (int paired = 0; paired < 2; paired++)
        for (int replicas = 4; replicas <= REPLICAS; replicas *= 8) {
            struct comparison c;
            write_field(2, (double[]){0, paired ? 0.5 : 2}, 1, paired, replicas);
            compare(&c, name, 2);
            bool first = c.difference[1].estimate.mean > 0; /* less fade is better */
            double expected = first ? 1 - c.p[1] / 2 : c.p[1] / 2;
            /* Welch's degrees of freedom are those of a t, the sum of two t is not quite one */
            cr_expect_float_eq(c.p_best[0], expected, paired ? 0.02 : 0.05, "%g of %g", c.p_best[0],
                               expected);
            cr_expect_float_eq(c.p_best[0] + c.p_best[1], 1, 1e-9);
            cr_expect_eq(c.rank[0], first ? 1 : 2);
            comparison_free(&c);
        }
}

Test(compare_statistics, the_best_of_three_is_found_and_equals_share) {
    char *name[] = {"a", "b", "c"}, *same[] = {"b", "b", "a"};
    struct comparison c;
    write_field(3, (double[]){4, 0, 5}, 1, true, 16);
    compare(&c, name, 3);
    cr_expect_gt(c.p_best[1], 0.99);
    cr_expect_float_eq(c.p_best[0] + c.p_best[1] + c.p_best[2], 1, 1e-9);
    cr_expect(c.rank[1] == 1 && c.rank[0] == 2 && c.rank[2] == 3);
    comparison_free(&c);
    compare(&c, same, 3);
    cr_expect_eq(c.p_best[0], c.p_best[1]);
    cr_expect(c.rank[0] == 1 && c.rank[1] == 1 && c.rank[2] == 3);
    comparison_free(&c);
}

Test(compare_statistics, what_has_no_spread_or_no_better_is_not_ranked) {
    char *name[] = {"a", "b", "c"};
    struct comparison c;
    write_field(3, (double[]){0, 1, 2}, 1, true, 8);
    write_run("c", 1, (double[]){25}, 1);
    compare(&c, name, 3);
    cr_expect(isnan(c.p_best[2]));
    cr_expect_float_eq(c.p_best[0] + c.p_best[1], 1, 1e-9);
    comparison_free(&c);
    cr_expect_eq(comparison_better("o2_charge"), 0);
    cr_expect_eq(comparison_better("mean_hysteresis_V"), -1);
    cr_expect_eq(comparison_better("capacity_retention"), 1);
}
