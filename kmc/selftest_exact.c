#include <assert.h>
#include <math.h>
#include <string.h>
#include "selftest_exact.h"

double selftest_exact_log_choose(int n, int k) {
    if (k < 0 || k > n)
        return -INFINITY;
    return lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0);
}

void selftest_exact_moments(int n, const double *log_weight, double *mean, double *variance) {
    double peak = -INFINITY, z = 0, sum = 0, squares = 0;
    for (int k = 0; k < n; k++)
        peak = fmax(peak, log_weight[k]);
    for (int k = 0; k < n; k++) {
        double w = exp(log_weight[k] - peak);
        z += w;
        sum += w * k;
        squares += w * k * k;
    }
    *mean = sum / z;
    *variance = squares / z - *mean * *mean;
}

/* ---- triangular torus ---- */

/* Bits of the three neighbours of site (i, j) towards +a1, +a2 and a1 - a2: each pair once. */
static unsigned long long forward(int cells, int i, int j) {
    static const int step[3][2] = {{1, 0}, {0, 1}, {1, -1}};
    unsigned long long bits = 0;
    for (int d = 0; d < 3; d++)
        bits |= 1ull << ((j + step[d][1] + cells) % cells * cells + (i + step[d][0]) % cells);
    return bits;
}

void selftest_exact_pairs(int cells, int ions, double *states) {
    int n = cells * cells;
    unsigned long long near[25];
    assert(cells >= 3 && n <= 25);
    for (int s = 0; s < n; s++)
        near[s] = forward(cells, s % cells, s / cells);
    memset(states, 0, (size_t)(3 * n + 1) * sizeof *states);
    for (unsigned long long set = 0; set >> n == 0; set++) {
        int pairs = 0;
        if (__builtin_popcountll(set) != ions)
            continue;
        for (int s = 0; s < n; s++)
            if (set >> s & 1)
                pairs += __builtin_popcountll(set & near[s]);
        states[pairs]++;
    }
}

struct hexagons {
    int n;
    unsigned long long near[49]; /* all six neighbours */
    double *states;
};

/* Sites from `site` on are still to be decided; those in `shut` must stay empty. */
static void place(const struct hexagons *h, int site, unsigned long long shut, int ions) {
    if (site == h->n) {
        h->states[ions]++;
        return;
    }
    place(h, site + 1, shut, ions);
    if (!(shut >> site & 1))
        place(h, site + 1, shut | h->near[site], ions + 1);
}

void selftest_exact_hexagons(int cells, double *states) {
    struct hexagons h = {.n = cells * cells, .states = states};
    assert(cells >= 3 && h.n <= 49);
    for (int s = 0; s < h.n; s++) {
        unsigned long long ahead = forward(cells, s % cells, s / cells);
        h.near[s] |= ahead;
        for (int o = 0; o < h.n; o++)
            h.near[o] |= ahead >> o & 1 ? 1ull << s : 0;
    }
    memset(states, 0, (size_t)(h.n + 1) * sizeof *states);
    place(&h, 0, 0, 0);
}

/* ---- film ---- */

void selftest_exact_filling(const struct selftest_exact_film *f,
                            double mean[SELFTEST_EXACT_CLASSES]) {
    double z = 0, peak = -INFINITY;
    int n[SELFTEST_EXACT_CLASSES];
    for (int pass = 0; pass < 2; pass++) { /* the largest weight first, so that nothing overflows */
        z = 0;
        memset(mean, 0, SELFTEST_EXACT_CLASSES * sizeof *mean);
        for (n[0] = 0; n[0] <= f->sites[0]; n[0]++)
            for (n[1] = 0; n[1] <= f->sites[1]; n[1]++)
                for (n[2] = 0; n[2] <= f->sites[2]; n[2]++) {
                    double w = selftest_exact_log_choose(f->pool, f->tokens - n[0] - n[1] - n[2]);
                    for (int c = 0; c < SELFTEST_EXACT_CLASSES; c++)
                        w += selftest_exact_log_choose(f->sites[c], n[c]) - n[c] * f->energy_kT[c];
                    if (pass == 0) {
                        peak = fmax(peak, w);
                        continue;
                    }
                    w = exp(w - peak);
                    z += w;
                    for (int c = 0; c < SELFTEST_EXACT_CLASSES; c++)
                        mean[c] += w * n[c];
                }
    }
    for (int c = 0; c < SELFTEST_EXACT_CLASSES; c++)
        mean[c] /= z;
}

/* ---- clusters ---- */

/* Site animals of the triangular lattice: `count` a site of `size` sites and `perimeter` empty neighbours.  Sykes and Glen, J. Phys. A 9, 87 (1976): D1 = q^6,
 * D2 = 3 q^8, D3 = 2 q^9 + 9 q^10, D4 = 3 q^10 + 12 q^11 + 29 q^12; counted anew in tests/test_selftest.c. */
static const struct {
    int size, perimeter, count;
} animals[] = {{1, 6, 1}, {2, 8, 3}, {3, 9, 2}, {3, 10, 9}, {4, 10, 3}, {4, 11, 12}, {4, 12, 29}};

void selftest_exact_animals(int m, int n, double mean[SELFTEST_EXACT_ANIMALS]) {
    double all = selftest_exact_log_choose(m, n);
    memset(mean, 0, SELFTEST_EXACT_ANIMALS * sizeof *mean);
    for (size_t k = 0; k < sizeof animals / sizeof *animals; k++) {
        int s = animals[k].size, t = animals[k].perimeter;
        mean[s - 1] +=
            (double)m * animals[k].count * exp(selftest_exact_log_choose(m - s - t, n - s) - all);
    }
}

/* ---- dimers ---- */

/* With P(m) the probability that m given sites in a row are all free,
 *     dP(m)/dt = -(m - 1) P(m) - 2 P(m + 1),  m < n,      dP(n)/dt = -n P(n)
 * (pairs within the row, and one at each end; Flory, J. Am. Chem. Soc. 61, 1518 (1939), for the long chain: 1 - P(1) -> 1 - exp(-2)).  For m = n - 1 both ends
 * meet the same last site: again 2 P(n). */
static void slope(int n, const double *p, double *out) {
    for (int m = 1; m < n; m++)
        out[m] = -(m - 1) * p[m] - 2 * p[m + 1];
    out[n] = -n * p[n];
}

double selftest_exact_dimers(int n, double t) {
    enum { RING_MAX = 64, STEPS = 4000 }; /* classical Runge-Kutta method */
    double p[RING_MAX + 1], k[4][RING_MAX + 1], q[RING_MAX + 1], h = t / STEPS;
    assert(n >= 3 && n <= RING_MAX);
    for (int m = 1; m <= n; m++)
        p[m] = 1;
    for (int step = 0; step < STEPS; step++) {
        slope(n, p, k[0]);
        for (int stage = 1; stage < 4; stage++) {
            for (int m = 1; m <= n; m++)
                q[m] = p[m] + (stage < 3 ? 0.5 : 1.0) * h * k[stage - 1][m];
            slope(n, q, k[stage]);
        }
        for (int m = 1; m <= n; m++)
            p[m] += h / 6 * (k[0][m] + 2 * k[1][m] + 2 * k[2][m] + k[3][m]);
    }
    return 1 - p[1];
}
