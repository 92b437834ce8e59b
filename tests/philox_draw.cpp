// The program's own Philox (kernels/philox.h, Random123) against cuRAND's, called through a function of tests/curand_philox.cpp: the two headers cannot
// share a translation unit.  Counters: known-answer vectors, corners, a walk over each word, and many random ones.  Exit code 1 at the first difference.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include "../kernels/philox.h"

extern "C" void curand_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);
extern "C" void curand_sequence(uint64_t seed, uint64_t subsequence, uint64_t block,
                                uint32_t out[4]);

static const long RANDOM_BLOCKS = 4000000;
static long blocks;

// Known answers of Random123 (Salmon et al., SC11) for philox4x32, 10 rounds.
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

static void expect(const uint32_t *found, const uint32_t *expected, const char *what,
                   const uint32_t counter[4], const uint32_t key[2]) {
    blocks++;
    if (memcmp(found, expected, 4 * sizeof *found) == 0)
        return;
    fprintf(stderr,
            "philox: error: %s, counter %08x %08x %08x %08x, key %08x %08x: expected %08x %08x "
            "%08x %08x, found %08x %08x %08x %08x\n",
            what, counter[0], counter[1], counter[2], counter[3], key[0], key[1], expected[0],
            expected[1], expected[2], expected[3], found[0], found[1], found[2], found[3]);
    exit(1);
}

// philox_draw with the arguments that make this counter and key.
static philox_block draw(const uint32_t c[4], const uint32_t k[2]) {
    philox g = {k[0] | (uint64_t)(c[3] >> 8) << 32, k[1]};
    return philox_draw(g, c[3] & 0xff, c[2], c[0] | (uint64_t)c[1] << 32);
}

static void compare(const uint32_t c[4], const uint32_t k[2]) {
    uint32_t curand[4];
    curand_philox(c, k, curand);
    expect(draw(c, k).v, curand, "philox_draw against cuRAND", c, k);
}

static void known_answers() {
    for (const auto &row : known) {
        uint32_t curand[4];
        curand_philox(row.counter, row.key, curand);
        expect(curand, row.answer, "cuRAND against the known answers", row.counter, row.key);
        expect(draw(row.counter, row.key).v, row.answer, "philox_draw against the known answers",
               row.counter, row.key);
    }
}

// All combinations of the extreme values of the six words, and every single bit of each.
static void corners() {
    static const uint32_t value[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff};
    for (int n = 0; n < 5 * 5 * 5 * 5 * 5 * 5; n++) {
        uint32_t w[6];
        for (int k = 0, rest = n; k < 6; k++, rest /= 5)
            w[k] = value[rest % 5];
        compare(w, w + 4);
    }
    for (int bit = 0; bit < 6 * 32; bit++) {
        uint32_t w[6] = {0, 0, 0, 0, 0, 0};
        w[bit / 32] = 1u << bit % 32;
        compare(w, w + 4);
    }
}

// Counters and keys from a generator of another kind (splitmix64).
static void random_blocks() {
    uint64_t state = 20240607;
    for (long n = 0; n < RANDOM_BLOCKS; n++) {
        uint32_t w[6];
        for (int k = 0; k < 3; k++) {
            uint64_t z = state += 0x9e3779b97f4a7c15;
            z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
            z = (z ^ z >> 27) * 0x94d049bb133111eb;
            z ^= z >> 31;
            w[2 * k] = (uint32_t)z;
            w[2 * k + 1] = (uint32_t)(z >> 32);
        }
        compare(w, w + 4);
    }
}

// A cuRAND generator that is set up and read in its own way: seed = key, subsequence = step and purpose, block = index.
static void sequences() {
    for (uint32_t n = 0; n < 100000; n++) {
        uint32_t k[2] = {n * 2654435761u, n % 1024};
        uint32_t c[4] = {n, n % 3, n / 7, STREAM_EQUILIBRATE + (n % 11 << 8)}, curand[4];
        curand_sequence(k[0] | (uint64_t)k[1] << 32, c[2] | (uint64_t)c[3] << 32,
                        c[0] | (uint64_t)c[1] << 32, curand);
        expect(draw(c, k).v, curand, "philox_draw against a cuRAND sequence", c, k);
    }
}

int main() {
    known_answers();
    corners();
    random_blocks();
    sequences();
    printf("philox: %ld blocks equal to cuRAND's and the known answers\n", blocks);
    return 0;
}
