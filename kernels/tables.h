/* tables: exponentials, logarithms and acceptance thresholds that give the same bits on every processor.
 *
 * Only + - * / and integer conversions of IEEE double precision are used (compile with -ffp-contract=off, nvcc -fmad=false), so no table, threshold or
 * waiting time depends on the C library, on FMA units or on the device.
 *     exp(-E / kT) = coarse[E >> 10] * fine[E & 1023],   E in ueV, 0 <= E < 2^22 (4.2 eV);
 *     0 above: at 500 K below 1e-42, far under the floor of rates (channels.h) at any temperature that a scenario allows.
 */
#ifndef KERNELS_TABLES_H
#define KERNELS_TABLES_H
#include <string.h>
#include "hostdevice.h"

enum { TABLES_FINE_BITS = 10, TABLES_FINE = 1 << TABLES_FINE_BITS, TABLES_COARSE = 4096 };

struct boltzmann {
    double kT_ueV;
    double coarse[TABLES_COARSE];
    double fine[TABLES_FINE];
    int64_t rare; /* ueV; from here on exp(-E/kT) < 2^-24 */
};

/* exp(x), relative error below 1e-15 for |x| < 700, 0 below: x = n ln2 + r, Taylor series in r, |r| < 0.35. */
KMC_HD double tables_exp(double x) {
    if (x < -700)
        return 0.0;
    const double ln2_high = 0x1.62e42feep-1, ln2_low = 0x1.a39ef35793c76p-33;
    double scaled = x * 0x1.71547652b82fep+0;
    int64_t n = (int64_t)(scaled + (scaled < 0 ? -0.5 : 0.5));
    double r = (x - (double)n * ln2_high) - (double)n * ln2_low;
    double sum = 1.0;
    for (int k = 14; k >= 1; k--)
        sum = 1.0 + sum * r / (double)k;
    uint64_t bits = (uint64_t)(n + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return sum * power;
}

/* ln(x) for normal x > 0: x = m 2^e with m in [1/sqrt2, sqrt2), ln m = 2 atanh((m-1)/(m+1)). */
KMC_HD double tables_log(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int e = (int)(bits >> 52) - 1023;
    bits = (bits & 0xfffffffffffffull) | 0x3ff0000000000000ull;
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m > 0x1.6a09e667f3bcdp+0) {
        m *= 0.5;
        e++;
    }
    double s = (m - 1.0) / (m + 1.0), s2 = s * s, sum = 0.0;
    for (int k = 25; k >= 1; k -= 2)
        sum = sum * s2 + 1.0 / (double)k;
    return 2.0 * s * sum + (double)e * 0x1.62e42fefa39efp-1;
}

/* exp(-E/kT) for an energy in ueV; 1 for E <= 0. */
KMC_HD double tables_boltzmann(const struct boltzmann *b, int64_t energy_ueV) {
    if (energy_ueV <= 0)
        return 1.0;
    if (energy_ueV >> TABLES_FINE_BITS >= TABLES_COARSE)
        return 0.0;
    return b->coarse[energy_ueV >> TABLES_FINE_BITS] * b->fine[energy_ueV & (TABLES_FINE - 1)];
}

/* Acceptance threshold min(1, exp(-E/kT)) as a fraction of 2^63 (E > 0). */
KMC_HD uint64_t tables_threshold(const struct boltzmann *b, int64_t energy_ueV) {
    return (uint64_t)(int64_t)(tables_boltzmann(b, energy_ueV) * 0x1.fffffffffffffp62);
}

/* Fills the tables for a temperature; k_B = 86.17333262 ueV/K (exact by the 2019 SI, 10 digits kept). */
static inline void tables_init(struct boltzmann *b, double temperature_K) {
    b->kT_ueV = 86.17333262 * temperature_K;
    for (int i = 0; i < TABLES_COARSE; i++)
        b->coarse[i] = tables_exp(-(double)(i * TABLES_FINE) / b->kT_ueV);
    for (int i = 0; i < TABLES_FINE; i++)
        b->fine[i] = tables_exp(-(double)i / b->kT_ueV);
    b->rare = (int64_t)(24.01 * 0.6931471805599453 * b->kT_ueV);
}

/* 1 when the compiler fused a*b+c, which would break bit-identity; checked at start-up. */
static inline int tables_fused(void) {
    volatile double a = 1.0 + 0x1p-30, b = 1.0 - 0x1p-30, c = -1.0;
    double x = a, y = b, z = c;
    return x * y + z != 0.0;
}

#endif
