// cuRAND's device Philox4x32-10, compiled for the host; see tests/philox_draw.cpp.
#include <cstdint>
#include <vector_types.h>
#define QUALIFIERS static inline
#include <curand_philox4x32_x.h>

extern "C" void curand_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    uint4 c = {counter[0], counter[1], counter[2], counter[3]};
    uint2 k = {key[0], key[1]};
    uint4 r = curand_Philox4x32_10(c, k);
    out[0] = r.x;
    out[1] = r.y;
    out[2] = r.z;
    out[3] = r.w;
}

// The block-th block of four words of a generator as curand_init sets it up.
extern "C" void curand_sequence(uint64_t seed, uint64_t subsequence, uint64_t block,
                                uint32_t out[4]) {
    curandStatePhilox4_32_10 s = {};
    s.key.x = (unsigned int)seed;
    s.key.y = (unsigned int)(seed >> 32);
    Philox_State_Incr_hi(&s, subsequence);
    Philox_State_Incr(&s, block);
    uint4 r = curand_Philox4x32_10(s.ctr, s.key);
    out[0] = r.x;
    out[1] = r.y;
    out[2] = r.z;
    out[3] = r.w;
}
