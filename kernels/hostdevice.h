/* hostdevice: the one macro that lets C11 hosts and nvcc compile the same physics. */
#ifndef KERNELS_HOSTDEVICE_H
#define KERNELS_HOSTDEVICE_H
#include <stddef.h>
#include <stdint.h>

#define KMC_RESTRICT __restrict__ /* the same word in C and in CUDA */

#ifdef __CUDACC__
#define KMC_HD static __host__ __device__ inline
#define KMC_HD_HOT static __host__ __device__ __forceinline__ /* small, in the innermost loops */
#define KMC_HD_ONCE static __host__ __device__ __noinline__   /* large: one copy a kernel */
/* A GPU waits for instructions when a kernel is long: large functions of the innermost loops are inlined on a CPU alone, and loops before which KMC_ROLLED
 * stands are not unrolled. */
#define KMC_HD_LARGE static __host__ __device__ __noinline__
#define KMC_ROLLED _Pragma("unroll 1")
#else
#define KMC_HD static inline
#define KMC_HD_HOT static inline __attribute__((always_inline))
#define KMC_HD_ONCE static inline
#define KMC_HD_LARGE static inline __attribute__((always_inline))
#define KMC_ROLLED
#endif

/* Deliberate faults for testing the tests: 0 none, 1 asymmetric KRA barrier of hops, 2 one rate 3 % too high, 3 sweeps in fixed order in which each
 * occupied site draws its own direction, instead of random bonds. */
#ifndef KMC_SABOTAGE
#define KMC_SABOTAGE 0
#endif
enum { SABOTAGE_NONE, SABOTAGE_KRA, SABOTAGE_RATE, SABOTAGE_SWEEP };

#endif
