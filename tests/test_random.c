/* Guarantee: random numbers are Philox4x32-10, keyed as kernels/philox.h says, and stay inside
 * their ranges. */
#include <criterion/criterion.h>
#include "../kernels/philox.h"

/* Known answers of Random123 (Salmon et al., SC11) for philox4x32, 10 rounds. */
static const struct {
    uint32_t counter[4], key[2], answer[4];
} known[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};
enum { KNOWN = sizeof known / sizeof *known };

static void same(const uint32_t *found, const uint32_t *expected, int row) {
    for (int w = 0; w < 4; w++)
        cr_assert_eq(found[w], expected[w], "row %d, word %d: expected %08x, found %08x", row, w,
                     expected[w], found[w]);
}

Test(random, philox_gives_the_known_answers) {
    for (int row = 0; row < KNOWN; row++) {
        philox4x32_ctr_t c;
        philox4x32_key_t k;
        memcpy(c.v, known[row].counter, sizeof known[row].counter);
        memcpy(k.v, known[row].key, sizeof known[row].key);
        philox4x32_ctr_t r = philox4x32(c, k);
        same(r.v, known[row].answer, row);
    }
}

/* Known answers reached through philox_draw: index = counter words 0 and 1, step = word 2, purpose
 * + 256 seed_high = word 3. */
Test(random, key_and_counter_are_laid_out_as_documented) {
    for (int row = 0; row < KNOWN; row++) {
        const uint32_t *c = known[row].counter, *k = known[row].key;
        struct philox g = {k[0] | (uint64_t)(c[3] >> 8) << 32, k[1]};
        struct philox_block b = philox_draw(g, c[3] & 0xff, c[2], c[0] | (uint64_t)c[1] << 32);
        same(b.v, known[row].answer, row);
    }
}

Test(random, every_argument_changes_the_block) {
    struct philox g = {12345, 3}, seed = {12346, 3}, high = {12345 | 1ull << 32, 3},
                  replica = {12345, 4};
    struct philox_block b[] = {
        philox_draw(g, 1, 2, 3),    philox_draw(seed, 1, 2, 3),
        philox_draw(high, 1, 2, 3), philox_draw(replica, 1, 2, 3),
        philox_draw(g, 2, 2, 3),    philox_draw(g, 1, 3, 3),
        philox_draw(g, 1, 2, 4),    philox_draw(g, 1, 2, 3 | 1ull << 32),
    };
    int n = sizeof b / sizeof *b;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++)
            cr_assert(memcmp(&b[i], &b[j], sizeof *b) != 0, "blocks %d and %d are equal", i, j);
}

Test(random, below_covers_its_range_evenly) {
    cr_assert_eq(philox_below(0xffffffff, 1), 0);
    for (uint32_t n = 2; n < 3000; n += 7) {
        cr_assert_eq(philox_below(0, n), 0);
        cr_assert_eq(philox_below(0xffffffff, n), n - 1);
        for (uint32_t v = 1; v < n; v += n / 3 + 1) {
            /* first word that gives v: the share of every value is 2^32 / n to one word */
            uint32_t first = (uint32_t)((((uint64_t)v << 32) + n - 1) / n);
            cr_assert_eq(philox_below(first, n), v);
            cr_assert_eq(philox_below(first - 1, n), v - 1);
        }
    }
    cr_assert_eq(philox_below(0xffffffff, 0xffffffff), 0xfffffffe);
}

Test(random, open_excludes_both_ends) {
    cr_assert_gt(philox_open(0, 0), 0.0);
    cr_assert_eq(philox_open(0, 0), 0x1p-53);
    cr_assert_lt(philox_open(0xffffffff, 0xffffffff), 1.0);
    cr_assert_eq(philox_open(0xffffffff, 0xffffffff), 1.0 - 0x1p-53);
    cr_assert_eq(philox_open(0x80000000, 0) + philox_open(0x7fffffff, 0xffffffff), 1.0);
}

/* Mean 1/2 and variance 1/12 of 2^18 draws within five standard errors. */
Test(random, open_is_uniform) {
    struct philox g = {1, 0};
    double sum = 0, squares = 0;
    int n = 1 << 18;
    for (int i = 0; i < n; i++) {
        struct philox_block b = philox_draw(g, STREAM_ADVANCE, 1, (uint64_t)i);
        double u = philox_open(b.v[2], b.v[3]) - 0.5;
        sum += u;
        squares += u * u;
    }
    cr_assert_float_eq(sum / n, 0, 5 * 0.288675 / 512);
    cr_assert_float_eq(squares / n, 1.0 / 12, 5 * 0.074536 / 512);
}
