/* Guarantee: the answers that `kmc selftest` expects are right, and a wrong average is called wrong.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include "../kmc/selftest.h"
#include "../kmc/selftest_exact.h"

/* ---- verdicts ---- */

struct heard {
    int rows, failed, left_out;
};

static void hear(void *context, const struct selftest_row *r) {
    struct heard *h = context;
    h->rows++;
    h->failed += !r->passed;
    h->left_out += r->left_out != NULL;
}

static struct heard verdict(double expected, double measured, double error) {
    struct heard h = {0};
    struct selftest t = {.ops = &engine_exact, .name = "x", .report = hear, .context = &h};
    selftest_check(&t, "x", expected, measured, error);
    cr_assert_eq(t.failed, h.failed);
    return h;
}

Test(selftest, rows_fail_beyond_the_limit_only) {
    cr_assert_eq(verdict(10, 10.54, 0.1).failed, 0);
    cr_assert_eq(verdict(10, 9.44, 0.1).failed, 1);
    cr_assert_eq(verdict(10, 10.56, 0.1).failed, 1);
    cr_assert_eq(verdict(10, 10, 0).failed, 0);
    cr_assert_eq(verdict(10, 11, 0).failed, 1);
    cr_assert_eq(verdict(10, NAN, 0.1).failed, 1);
    cr_assert_eq(verdict(10, 11, NAN).failed, 1);
}

Test(selftest, a_case_that_an_engine_cannot_run_is_named) {
    struct heard h = {0};
    struct selftest t = {.ops = &engine_exact, .length = 0.1, .report = hear, .context = &h};
    for (int k = 0; selftest_at(k); k++)
        if (strcmp(selftest_at(k)->name, "passes") == 0)
            selftest_run(&t, selftest_at(k));
    cr_assert_eq(h.left_out, 1);
    cr_assert_eq(h.failed, 0);
}

/* ---- exact answers ---- */

Test(selftest, moments_of_a_binomial) {
    double w[41], mean, variance;
    for (int n = 0; n <= 40; n++)
        w[n] = 900 + selftest_exact_log_choose(40, n); /* a common factor changes nothing */
    selftest_exact_moments(41, w, &mean, &variance);
    cr_assert_float_eq(mean, 20, 1e-10);
    cr_assert_float_eq(variance, 10, 1e-9);
}

Test(selftest, pairs_on_a_torus) {
    double two[49], six[49], all = 0;
    selftest_exact_pairs(4, 2, two);
    cr_assert_eq(two[1], 48);
    cr_assert_eq(two[0], 120 - 48);
    selftest_exact_pairs(4, 6, six);
    for (int p = 0; p < 49; p++)
        all += six[p];
    cr_assert_eq(all, 8008);
}

Test(selftest, hexagons_on_a_small_torus) {
    double g[17];
    selftest_exact_hexagons(3, g); /* a site has two others that are no neighbours */
    const double three[] = {1, 9, 9, 3, 0};
    cr_assert_arr_eq(g, three, sizeof three);
    double pairs[49];
    selftest_exact_hexagons(4, g);
    for (int n = 2; n <= 5; n++) {
        selftest_exact_pairs(4, n, pairs);
        cr_assert_eq(g[n], pairs[0]);
    }
}

/* Energies of the program for Li on octs of one layer: n anions each, s shared by two neighbours. */
static void expect_energies(int lower_anion, int n, int s) {
    static const char *const sets[] = {"model.valence_stiffness_eV=0.0288", NULL};
    static const int place[][2] = {{0, 0}, {1, 0}, {0, 1}, {2, 2}};
    static const int pairs[] = {0, 0, 1, 3, 3}; /* among the first so many */
    struct known_crystal *k = known_create("ABCABC", 6, 6, 298.15, sets);
    struct state x;
    int64_t unit = k->model.valence_unit;
    int64_t on_site = k->model.cation[CATION_LI][CLASS_LI_OCT];
    for (int c = 0; c < 36; c++)
        known_put(k, known_site(k, 1, SITE_O, c % 6, c / 6), lower_anion);
    cr_assert_gt(unit, 0);
    cr_assert(state_init(&x, &k->model, k->pristine, 0, 0));
    int64_t empty = state_recount(&x, &k->model);
    for (int ions = 1; ions <= 4; ions++) {
        int64_t site = known_site(k, 1, SITE_OCT, place[ions - 1][0], place[ions - 1][1]);
        x.x.occupancy[site] = CATION_LI;
        state_rebuild(&x, &k->model);
        int64_t e = state_recount(&x, &k->model) - empty;
        cr_expect_eq(e, ions * (on_site - 92 * n * unit) + 8 * s * unit * pairs[ions]);
    }
    state_free(&x);
    known_free(k);
}

Test(selftest, repulsion_is_that_of_the_bond_valence_term) {
    expect_energies(ANION_S, 6, 2);
    expect_energies(ANION_OUTSIDE, 3, 1);
}

Test(selftest, filling_of_classes) {
    double mean[SELFTEST_EXACT_CLASSES];
    struct selftest_exact_film half = {.sites = {20, 0, 0}, .pool = 20, .tokens = 20};
    selftest_exact_filling(&half, mean);
    cr_assert_float_eq(mean[0], 10, 1e-10);
    /* one token, one site of each class, one centre */
    struct selftest_exact_film one = {
        .sites = {1, 1, 1}, .energy_kT = {0, 1, -2}, .pool = 1, .tokens = 1};
    double z = 1 + 1 + exp(-1) + exp(2);
    selftest_exact_filling(&one, mean);
    cr_assert_float_eq(mean[0], 1 / z, 1e-12);
    cr_assert_float_eq(mean[1], exp(-1) / z, 1e-12);
    cr_assert_float_eq(mean[2], exp(2) / z, 1e-12);
}

/* ---- site animals, grown one site at a time ---- */

enum { SIDE = 16, ANIMALS_MAX = 64 };

struct animal {
    int cell[SELFTEST_EXACT_ANIMALS], size; /* j * SIDE + i, ascending */
};

static int shifted(int cell, int d) {
    static const int step[6][2] = {{1, 0}, {-1, 0}, {0, 1}, {0, -1}, {1, -1}, {-1, 1}};
    return cell + step[d][1] * SIDE + step[d][0];
}

static bool holds(const struct animal *a, int cell) {
    for (int k = 0; k < a->size; k++)
        if (a->cell[k] == cell)
            return true;
    return false;
}

/* Equal up to a translation: ascending cells keep their order. */
static bool same(const struct animal *a, const struct animal *b) {
    for (int k = 0; k < a->size; k++)
        if (a->cell[k] - a->cell[0] != b->cell[k] - b->cell[0])
            return false;
    return true;
}

static int perimeter(const struct animal *a) {
    bool edge[SIDE * SIDE] = {false};
    int n = 0;
    for (int k = 0; k < a->size; k++)
        for (int d = 0; d < 6; d++)
            edge[shifted(a->cell[k], d)] = !holds(a, shifted(a->cell[k], d));
    for (int c = 0; c < SIDE * SIDE; c++)
        n += edge[c];
    return n;
}

static int grow(const struct animal *from, int n_from, struct animal *to) {
    int n = 0;
    for (int f = 0; f < n_from; f++)
        for (int k = 0; k < from[f].size; k++)
            for (int d = 0; d < 6; d++) {
                struct animal a = from[f];
                int cell = shifted(a.cell[k], d), at = a.size;
                if (holds(&a, cell))
                    continue;
                for (; at > 0 && a.cell[at - 1] > cell; at--)
                    a.cell[at] = a.cell[at - 1];
                a.cell[at] = cell;
                a.size++;
                int known = 0;
                while (known < n && !same(&to[known], &a))
                    known++;
                if (known == n)
                    to[n++] = a;
            }
    return n;
}

/* Probability that s given sites are taken and t given ones free, n of m taken: drawn one by one. */
static double chance(int m, int n, int s, int t) {
    double p = 1;
    for (int k = 0; k < s; k++)
        p *= (double)(n - k) / (m - k);
    for (int k = 0; k < t; k++)
        p *= (double)(m - n - k) / (m - s - k);
    return p;
}

Test(selftest, small_clusters_are_counted_animal_by_animal) {
    struct animal now[ANIMALS_MAX] = {{{SIDE / 2 * SIDE + SIDE / 2}, 1}}, next[ANIMALS_MAX];
    double mean[SELFTEST_EXACT_ANIMALS];
    int n = 1;
    selftest_exact_animals(256, 38, mean);
    for (int size = 1; size <= SELFTEST_EXACT_ANIMALS; size++) {
        double sum = 0;
        for (int k = 0; k < n; k++)
            sum += 256 * chance(256, 38, size, perimeter(&now[k]));
        cr_expect_float_eq(mean[size - 1], sum, 1e-9 * sum, "size %d", size);
        n = size < SELFTEST_EXACT_ANIMALS ? grow(now, n, next) : n;
        memcpy(now, next, sizeof now);
    }
    cr_assert_eq(n, 44);
}

Test(selftest, dimers_on_rings) {
    cr_expect_float_eq(selftest_exact_dimers(12, 1e-5), 2e-5, 1e-9);
    cr_expect_float_eq(selftest_exact_dimers(3, 40), 2.0 / 3, 1e-9); /* one */
    cr_expect_float_eq(selftest_exact_dimers(4, 40), 1, 1e-9);       /* two opposite */
    cr_expect_float_eq(selftest_exact_dimers(5, 40), 0.8, 1e-9);
    /* six: four in a row are left; their middle pair comes first in one case of three */
    cr_expect_float_eq(selftest_exact_dimers(6, 40), 2 * (1 + 5.0 / 3) / 6, 1e-9);
    cr_expect_float_eq(selftest_exact_dimers(64, 30), 1 - exp(-2), 1e-8);
}

Test(selftest, two_states_relax_as_the_formula_says) {
    const double rate[4] = {0, 0.3, 0.5, 0};
    double p[2] = {1, 0};
    known_relax(2, rate, 1.7, p);
    cr_assert_float_eq(p[1], 0.3 / 0.8 * (1 - exp(-0.8 * 1.7)), 1e-10);
    cr_assert_float_eq(p[0] + p[1], 1, 1e-12);
}
