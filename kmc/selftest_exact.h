/* selftest_exact: exact answers of the cases of `kmc selftest`; no engine, no energy table of the program is used here. */
#ifndef KMC_SELFTEST_EXACT_H
#define KMC_SELFTEST_EXACT_H

enum { SELFTEST_EXACT_CLASSES = 3, SELFTEST_EXACT_ANIMALS = 4 };

/* ln of the binomial coefficient; -INFINITY outside 0 <= k <= n. */
double selftest_exact_log_choose(int n, int k);

/* Mean and variance of N under the weights exp(log_weight[N]), N = 0 .. n - 1. */
void selftest_exact_moments(int n, const double *log_weight, double *mean, double *variance);

/* Triangular torus of L x L sites (L = 3 .. 5), neighbours +-(1,0), +-(0,1), +-(1,-1): states[p] = number of arrangements of `ions` ions with p pairs of
 * neighbours, p = 0 .. 3 L^2; by visiting all subsets. */
void selftest_exact_pairs(int cells, int ions, double *states);

/* Hard hexagons on that torus (L = 3 .. 7): states[N] = number of ways to place N ions no two of which are neighbours, N = 0 .. L^2; by visiting all of them. */
void selftest_exact_hexagons(int cells, double *states);

/* Non-interacting ions on three classes of sites with energies in kT, and holes on `pool` equal centres; ions + holes = tokens: mean ions on each class. */
struct selftest_exact_film {
    int sites[SELFTEST_EXACT_CLASSES];
    double energy_kT
        [SELFTEST_EXACT_CLASSES]; /* of an ion there less that of a hole, electrode included */
    int pool, tokens;
};
void selftest_exact_filling(const struct selftest_exact_film *f,
                            double mean[SELFTEST_EXACT_CLASSES]);

/* Mean number of clusters of size 1 .. 4 when n of the m sites of a triangular layer are taken at random: sum over lattice animals of size s and perimeter t,
 * m g(s, t) (m - s - t choose n - s)/(m choose n).  m must be large enough that a cluster of 4 and its perimeter do not meet themselves. */
void selftest_exact_animals(int m, int n, double mean[SELFTEST_EXACT_ANIMALS]);

/* Random sequential dimers on a ring of n sites, each free pair joining with rate 1: mean share of sites taken at time t. */
double selftest_exact_dimers(int n, double t);

#endif
