/* cuda_runtime: enough of CUDA to run kernels/ on a CPU, so that the text of the kernels themselves is tested where no GPU is.
 *
 * The threads of a block are fibers that take turns where CUDA lets threads meet (barriers, ballots, shuffles), blocks run one after the other, "device"
 * memory is memory.  tests/emulation/translate.sh turns what is no C++ (launches, dynamic shared memory) into calls of what is declared here.
 * Sanitizers see every access: dynamic shared memory is allocated with exactly the bytes that a launch asks for.  Races within a block are shown
 * only when it matters who comes first: between two meetings one thread runs after the other, with EMULATED_ORDER=backwards from the last to the first.
 * EMULATED_FAULT_AT=n lets the n-th call that can tell of a failure fail; EMULATED_FAULT_COUNT=file gets their number at the end.
 */
#ifndef EMULATION_CUDA_RUNTIME_H
#define EMULATION_CUDA_RUNTIME_H
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <functional>

#define __global__
#define __device__
#define __host__
#define __shared__ static __attribute__((section("shared_by_block"))) /* one block at a time */
#define __noinline__ __attribute__((noinline))
#define __forceinline__ inline
#define __launch_bounds__(...)

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned a = 1, unsigned b = 1, unsigned c = 1) : x(a), y(b), z(c) {}
};

extern dim3 threadIdx, blockIdx, blockDim, gridDim; /* of the fiber that runs */
extern void *emulated_shared;                       /* dynamic shared memory of the block */

typedef int cudaStream_t;
enum cudaError_t { cudaSuccess, cudaErrorMemoryAllocation, cudaErrorUnknown };
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost };
enum { cudaDevAttrMultiProcessorCount, cudaDevAttrMaxSharedMemoryPerBlockOptin };
enum { cudaFuncAttributeMaxDynamicSharedMemorySize };
struct cudaDeviceProp {
    char name[64];
    int major, minor;
    size_t totalGlobalMem;
};

void emulate_launch(dim3 grid, dim3 block, size_t shared_bytes,
                    const std::function<void()> &kernel);
void emulate_meet(bool of_warp);                           /* barrier */
uint32_t emulate_exchange(uint32_t value, uint32_t *warp); /* all values of the warp */
int emulate_any_of_block(int value);
cudaError_t emulate_fault(void); /* cudaSuccess but for the call that is to fail */

static inline void __syncthreads(void) {
    emulate_meet(false);
}
static inline void __syncwarp(void) {
    emulate_meet(true);
}
static inline uint32_t __ballot_sync(uint32_t, int yes) {
    uint32_t all[32], bits = 0;
    uint32_t there = emulate_exchange(yes != 0, all);
    for (int k = 0; k < 32; k++)
        bits |= (there >> k & 1 && all[k] ? 1u : 0u) << k;
    return bits;
}
static inline int __any_sync(uint32_t mask, int yes) {
    return __ballot_sync(mask, yes) != 0;
}
static inline int32_t __shfl_sync(uint32_t, int32_t value, int lane) {
    uint32_t all[32];
    emulate_exchange((uint32_t)value, all);
    return (int32_t)all[lane % 32];
}
static inline int64_t __shfl_down_sync(uint32_t, int64_t value, int by) {
    uint32_t low[32], high[32];
    emulate_exchange((uint32_t)(uint64_t)value, low);
    emulate_exchange((uint32_t)((uint64_t)value >> 32), high);
    int lane = (int)threadIdx.x % 32 + by;
    lane = lane < 32 ? lane : lane - by;
    return (int64_t)((uint64_t)high[lane] << 32 | low[lane]);
}
static inline int __syncthreads_or(int yes) {
    return emulate_any_of_block(yes);
}
static inline int __popc(uint32_t x) {
    return __builtin_popcount(x);
}
static inline int __ffs(int x) {
    return __builtin_ffs(x);
}
static inline long long __double_as_longlong(double x) {
    long long bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
template <typename T, typename U> static inline T atomicAdd(T *at, U value) {
    T old = *at;
    *at = (T)(old + (T)value);
    return old;
}
template <typename T> static inline T atomicOr(T *at, T value) {
    T old = *at;
    *at = old | value;
    return old;
}
template <typename T> static inline T atomicAnd(T *at, T value) {
    T old = *at;
    *at = old & value;
    return old;
}
template <typename T> static inline T atomicMin(T *at, T value) {
    T old = *at;
    *at = old < value ? old : value;
    return old;
}

static inline cudaError_t cudaMalloc(void **at, size_t bytes) {
    if (emulate_fault())
        return cudaErrorMemoryAllocation;
    *at = malloc(bytes);
    return *at ? cudaSuccess : cudaErrorMemoryAllocation;
}
static inline cudaError_t cudaMallocHost(void **at, size_t bytes) {
    return cudaMalloc(at, bytes);
}
static inline cudaError_t cudaFree(void *at) {
    free(at);
    return cudaSuccess;
}
static inline cudaError_t cudaFreeHost(void *at) {
    return cudaFree(at);
}
static inline cudaError_t cudaMemset(void *at, int value, size_t bytes) {
    if (emulate_fault())
        return cudaErrorUnknown; /* nothing was written */
    memset(at, value, bytes);
    return cudaSuccess;
}
static inline cudaError_t cudaMemsetAsync(void *at, int value, size_t bytes, cudaStream_t) {
    return cudaMemset(at, value, bytes);
}
static inline cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind) {
    if (emulate_fault())
        return cudaErrorUnknown; /* nothing was written */
    memcpy(to, from, bytes);
    return cudaSuccess;
}
static inline cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes,
                                          cudaMemcpyKind kind, cudaStream_t) {
    return cudaMemcpy(to, from, bytes, kind);
}
static inline cudaError_t cudaGetLastError(void) {
    return emulate_fault();
}
static inline const char *cudaGetErrorString(cudaError_t e) {
    return e == cudaErrorMemoryAllocation ? "out of memory" : "unspecified failure";
}
static inline cudaError_t cudaSetDevice(int) {
    return emulate_fault();
}
static inline cudaError_t cudaStreamCreate(cudaStream_t *s) {
    *s = 1;
    return emulate_fault();
}
static inline cudaError_t cudaStreamDestroy(cudaStream_t) {
    return cudaSuccess;
}
static inline cudaError_t cudaStreamSynchronize(cudaStream_t) {
    return emulate_fault();
}
static inline cudaError_t cudaGetDeviceCount(int *n) {
    *n = 1;
    return emulate_fault();
}
static inline cudaError_t cudaDriverGetVersion(int *n) {
    *n = 0;
    return emulate_fault();
}
static inline cudaError_t cudaRuntimeGetVersion(int *n) {
    *n = 0;
    return emulate_fault();
}
static inline cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int) {
    memset(p, 0, sizeof *p);
    strcpy(p->name, "emulated GPU");
    return emulate_fault();
}
static inline cudaError_t cudaMemGetInfo(size_t *available, size_t *total) {
    *available = *total = (size_t)1 << 32;
    return emulate_fault();
}
static inline cudaError_t cudaDeviceGetAttribute(int *value, int what, int) {
    *value = what == cudaDevAttrMultiProcessorCount ? 2 : 227 << 10;
    return emulate_fault();
}
template <typename F> static inline cudaError_t cudaFuncSetAttribute(F, int, int) {
    return emulate_fault();
}
template <typename F>
static inline cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *n, F, int, size_t) {
    *n = 2;
    return emulate_fault();
}

#endif
