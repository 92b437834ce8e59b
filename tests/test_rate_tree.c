/* Guarantee: the tree holds the sum of its leaves, whatever the order of updates, and selects
 * leaves in proportion to their rates. */
#include <criterion/criterion.h>
#include <math.h>
#include "../kernels/philox.h"
#include "../kmc/rate_tree.h"

static double uniform(uint32_t stream, uint64_t index) {
    struct philox g = {11, 0};
    struct philox_block b = philox_draw(g, stream, 0, index);
    return philox_open(b.v[0], b.v[1]);
}

/* Rates over 24 decades, every third one zero. */
static double wild_rate(int64_t leaf) {
    double u = uniform(200, (uint64_t)leaf);
    return leaf % 3 == 1 ? 0 : pow(10, 24 * u - 10);
}

static void check_sums(const struct rate_tree *t) {
    for (int64_t i = 1; i < t->n_leaves; i++)
        cr_assert_eq(t->node[i], t->node[2 * i] + t->node[2 * i + 1], "node %lld", (long long)i);
}

Test(rate_tree, holds_any_number_of_leaves) {
    for (int64_t n = 1; n < 70; n++) {
        struct rate_tree t;
        double sum = 0;
        cr_assert(rate_tree_init(&t, n));
        cr_assert_geq(t.n_leaves, n);
        cr_assert_eq(rate_tree_total(&t), 0);
        for (int64_t k = 0; k < n; k++)
            rate_tree_set(&t, k, (double)(k + 1));
        for (int64_t k = 0; k < n; k++)
            sum += rate_tree_get(&t, k);
        cr_assert_eq(rate_tree_total(&t), sum);
        cr_assert_eq(sum, (double)(n * (n + 1) / 2));
        rate_tree_free(&t);
    }
}

Test(rate_tree, total_does_not_depend_on_the_order_of_updates) {
    struct rate_tree up, down, built, changed;
    int64_t n = 1000;
    cr_assert(rate_tree_init(&up, n) && rate_tree_init(&down, n) && rate_tree_init(&built, n) &&
              rate_tree_init(&changed, n));
    for (int64_t k = 0; k < n; k++) {
        rate_tree_set(&up, k, wild_rate(k));
        rate_tree_set(&down, n - 1 - k, wild_rate(n - 1 - k));
        rate_tree_put(&built, k, wild_rate(k));
        rate_tree_set(&changed, k, 1e20 * uniform(201, (uint64_t)k));
    }
    rate_tree_build(&built);
    for (int64_t k = 0; k < n; k++)
        rate_tree_set(&changed, (k * 617) % n, wild_rate((k * 617) % n));
    check_sums(&up);
    for (int64_t i = 1; i < 2 * up.n_leaves; i++) {
        cr_assert_eq(up.node[i], down.node[i]);
        cr_assert_eq(up.node[i], built.node[i]);
        cr_assert_eq(up.node[i], changed.node[i]);
    }
    rate_tree_free(&up);
    rate_tree_free(&down);
    rate_tree_free(&built);
    rate_tree_free(&changed);
}

/* Integer rates: an even grid of values must fall on every leaf as often as its rate says, exactly.
 */
Test(rate_tree, selects_in_proportion_to_the_rates) {
    enum { LEAVES = 37, GRID = 8 };
    struct rate_tree t;
    int64_t hits[LEAVES] = {0};
    cr_assert(rate_tree_init(&t, LEAVES));
    for (int64_t k = 0; k < LEAVES; k++)
        rate_tree_set(&t, k, (double)(k * k % 11));
    for (int64_t g = 0; g < GRID * (int64_t)rate_tree_total(&t); g++) {
        double rest, value = ((double)g + 0.5) / GRID;
        int64_t leaf = rate_tree_select(&t, value, &rest);
        cr_assert(leaf >= 0 && leaf < LEAVES);
        cr_assert(rest >= 0 && rest < rate_tree_get(&t, leaf));
        hits[leaf]++;
    }
    for (int64_t k = 0; k < LEAVES; k++)
        cr_assert_eq(hits[k], GRID * (k * k % 11), "leaf %lld", (long long)k);
    rate_tree_free(&t);
}

/* Also for values at and, by rounding, past the ends of a node. */
Test(rate_tree, never_selects_a_leaf_without_rate) {
    struct rate_tree t;
    int64_t n = 777;
    cr_assert(rate_tree_init(&t, n));
    for (int64_t k = 0; k < n; k++)
        rate_tree_set(&t, k, wild_rate(k));
    double edge = 0, total = rate_tree_total(&t);
    for (int64_t k = 0; k < n; k++) {
        double near[] = {edge, nextafter(edge, 0), nextafter(edge, INFINITY),
                         total * uniform(202, (uint64_t)k)};
        for (int c = 0; c < 4; c++) {
            double rest;
            int64_t leaf =
                rate_tree_select(&t, near[c] < total ? near[c] : nextafter(total, 0), &rest);
            cr_assert(leaf < n && rate_tree_get(&t, leaf) > 0, "leaf %lld", (long long)leaf);
        }
        edge += rate_tree_get(&t, k);
    }
    double rest;
    cr_assert_gt(rate_tree_get(&t, rate_tree_select(&t, total, &rest)), 0);
    rate_tree_free(&t);
}

Test(rate_tree, a_single_rate_is_always_found) {
    for (int64_t only = 0; only < 64; only++) {
        struct rate_tree t;
        double rest;
        cr_assert(rate_tree_init(&t, 64));
        rate_tree_set(&t, (only + 5) % 64, 1e9);
        rate_tree_set(&t, only, 1e-10);
        rate_tree_set(&t, (only + 5) % 64, 0);
        cr_assert_eq(rate_tree_total(&t), 1e-10,
                     "what a large rate leaves behind must not cover a small one");
        cr_assert_eq(rate_tree_select(&t, 0.7e-10, &rest), only);
        cr_assert_float_eq(rest, 0.7e-10, 1e-24);
        rate_tree_free(&t);
    }
}
