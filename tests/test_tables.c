/* Guarantee: exponentials, logarithms and thresholds are right to rounding and the same bits on
 * every machine. */
#define XXH_INLINE_ALL
#include <criterion/criterion.h>
#include <math.h>
#include <xxhash.h>
#include "../kernels/philox.h"
#include "../kernels/tables.h"

static const double ROOM = 298.15; /* K */

static double uniform(uint64_t index) {
    struct philox g = {7, 0};
    struct philox_block b = philox_draw(g, 200, 0, index);
    return philox_open(b.v[0], b.v[1]);
}

static void close_to(double found, double expected, double x) {
    cr_assert(fabs(found - expected) <= 1e-14 * fabs(expected),
              "argument %.17g: expected %.17g, found %.17g", x, expected, found);
}

Test(tables, exp_agrees_with_libm) {
    for (uint64_t i = 0; i < 200000; i++) {
        double x = -700 + 1400 * uniform(i), small = x * 1e-4;
        close_to(tables_exp(x), exp(x), x);
        close_to(tables_exp(small), exp(small), small);
    }
    cr_assert_eq(tables_exp(0), 1.0);
    cr_assert_eq(tables_exp(-701), 0.0);
}

Test(tables, log_agrees_with_libm) {
    for (uint64_t i = 0; i < 200000; i++) {
        double u = uniform(i), wide = exp(-600 + 1200 * u), near = 1 + (u - 0.5) * 1e-3;
        close_to(tables_log(u), log(u), u);
        close_to(tables_log(wide), log(wide), wide);
        close_to(tables_log(near), log(near), near);
    }
    cr_assert_eq(tables_log(1.0), 0.0);
    close_to(tables_log(philox_open(0, 0)), log(0x1p-53), 0x1p-53);
    close_to(tables_log(philox_open(-1u, -1u)), log1p(-0x1p-53), 1 - 0x1p-53);
}

Test(tables, boltzmann_product_is_the_exponential) {
    struct boltzmann b;
    for (double kelvin = 200; kelvin <= 500; kelvin += 75) {
        tables_init(&b, kelvin);
        cr_assert_float_eq(b.kT_ueV, 86.17333262 * kelvin, 1e-9);
        for (uint64_t i = 0; i < 40000; i++) {
            int64_t e = (int64_t)(uniform(i) * (1 << 22));
            /* rounding E/kT to a double costs E/kT times 2^-53 in each of the two factors */
            double exact = (double)expl(-(long double)e / b.kT_ueV),
                   found = tables_boltzmann(&b, e);
            cr_assert(fabs(found - exact) <= (2 + (double)e / b.kT_ueV) * 0x1p-52 * exact,
                      "%lld ueV: expected %.17g, found %.17g", (long long)e, exact, found);
        }
        cr_assert_eq(tables_boltzmann(&b, 0), 1.0);
        cr_assert_eq(tables_boltzmann(&b, -5), 1.0);
        cr_assert_gt(tables_boltzmann(&b, (1 << 22) - 1), 0.0);
        cr_assert_eq(tables_boltzmann(&b, 1 << 22), 0.0);
        cr_assert_eq(tables_boltzmann(&b, INT64_C(1) << 40), 0.0);
    }
}

Test(tables, thresholds_fall_with_energy) {
    struct boltzmann b;
    tables_init(&b, ROOM);
    uint64_t last = tables_threshold(&b, 0);
    cr_assert_leq(last, (uint64_t)1 << 63);
    cr_assert_geq(last, ((uint64_t)1 << 63) - 2048); /* a fraction of 2^63 */
    for (int64_t e = 1; e <= 1 << 22; e++) {
        uint64_t now = tables_threshold(&b, e);
        cr_assert(now < last || (now == last && now < 100000), "at %lld ueV", (long long)e);
        last = now;
    }
    cr_assert_eq(last, 0);
}

/* The hash changes only when the tables do: every run of every version before then differs from
 * those after. */
Test(tables, bits_are_the_stored_ones) {
    static struct boltzmann b;
    tables_init(&b, ROOM);
    uint64_t hash = XXH3_64bits(&b, offsetof(struct boltzmann, rare));
    double logs[1000];
    for (int i = 0; i < 1000; i++)
        logs[i] = tables_log(uniform((uint64_t)i));
    cr_expect_eq(hash, UINT64_C(0xc7f9f7b43e66a159), "tables: found %016llx",
                 (unsigned long long)hash);
    hash = XXH3_64bits(logs, sizeof logs);
    cr_expect_eq(hash, UINT64_C(0x880ef43ad511afc5), "logarithms: found %016llx",
                 (unsigned long long)hash);
}

Test(tables, the_compiler_does_not_fuse) {
    cr_assert_not(tables_fused());
}
