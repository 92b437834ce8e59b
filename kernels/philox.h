/* philox: counter-based random numbers, stateless, the same on CPU and GPU.
 *
 * Philox4x32-10 (Salmon et al., SC11, doi:10.1145/2063384.2063405) from Random123.  Seeds have 56 bits.
 *   key     = (seed bits 0-31, replica)
 *   counter = (index low, index high, step, purpose + 256 * seed bits 32-55)
 * index = draw or site number within a step, step = number of the call (slice counter), purpose = one of the streams below.
 * Two scenarios with the same seed share all streams (common random numbers), so paired differences have small variance.
 * Ranges: philox_below(x, n) gives 0 .. n-1 with a bias below n / 2^32; philox_open gives (0, 1), neither 0 nor 1.
 */
#ifndef KERNELS_PHILOX_H
#define KERNELS_PHILOX_H
#include <Random123/philox.h>
#include "hostdevice.h"

enum philox_stream {
    STREAM_ORDER = 1,       /* initial order: permutations, swap Monte Carlo, faults */
    STREAM_SPECIES = 2,     /* which site gets which element, valence or dopant */
    STREAM_EQUILIBRATE = 3, /* fast moves of Li+ and electrons */
    STREAM_ADVANCE = 4,     /* slow events: selection and waiting times */
    STREAM_SURFACE = 5,     /* particle and slab construction */
    STREAM_PASS = 6,        /* channel, member and corner of a pass; places of cuts */
    STREAM_STUDY = 7        /* values of the samples of a study */
};

struct philox {
    uint64_t seed;
    uint32_t replica;
};

struct philox_block {
    uint32_t v[4];
};

KMC_HD_HOT struct philox_block philox_draw(struct philox g, uint32_t purpose, uint32_t step,
                                           uint64_t index) {
    philox4x32_ctr_t c = {{(uint32_t)index, (uint32_t)(index >> 32), step,
                           purpose + ((uint32_t)(g.seed >> 32) << 8)}};
    philox4x32_key_t k = {{(uint32_t)g.seed, g.replica}};
    philox4x32_ctr_t r = philox4x32(c, k);
    struct philox_block b = {{r.v[0], r.v[1], r.v[2], r.v[3]}};
    return b;
}

KMC_HD uint32_t philox_below(uint32_t x, uint32_t n) {
    return (uint32_t)(((uint64_t)x * n) >> 32);
}

/* Uniform in (0, 1): 52 bits plus one half, so neither end occurs. */
KMC_HD double philox_open(uint32_t high, uint32_t low) {
    uint64_t bits = (((uint64_t)high << 32) | low) >> 12;
    return ((double)bits + 0.5) * 0x1p-52;
}

#endif
