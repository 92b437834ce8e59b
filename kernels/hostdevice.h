/* hostdevice: the one macro that lets C11 hosts and nvcc compile the same physics. */
#ifndef KERNELS_HOSTDEVICE_H
#define KERNELS_HOSTDEVICE_H
#include <stdint.h>

#ifdef __CUDACC__
#define KMC_HD static __host__ __device__ inline
#else
#define KMC_HD static inline
#endif

#endif
