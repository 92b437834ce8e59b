/* ranking: probability that one of several runs has the best true mean, from the replicas that they have.
 *
 * Replicas of a run are taken as normal around its mean, with nothing known beforehand (flat prior of mean and log spread).  Then the mean is
 * mu = mean + sum_r z_r (x_r - mean) / sqrt(n chi^2), z_r normal, chi^2 with n - 1 degrees of freedom: Student's t around the mean.  Runs of the same seed
 * share the z of their common replicas and the chi^2, so what pairs have in common drops out as in the paired test; for two such runs the probability
 * is 1 - p/2 of that test (Gelman et al., Bayesian Data Analysis, ch. 3).  Of RANKING_DRAWS draws of all means the share that a run wins is its
 * probability: error of a share below 0.008.  The draws are the same each time: philox, key (seed of the run, replica), STREAM_SPECIES, step = draw.
 */
#ifndef KMC_RANKING_H
#define KMC_RANKING_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RANKING_DRAWS = 4096 };

/* Values of one quantity in the replicas of one run. */
struct ranking_sample {
    uint64_t seed;
    const int64_t *replica; /* [n] numbers, equal numbers under equal seeds are pairs */
    const double *x;        /* [n] */
    size_t n;
};

/* p[i] = probability that sample i has the largest (smallest) mean; NaN for samples below two values, and everywhere when fewer than two are left.
 * False when memory ran out. */
bool ranking_probabilities(const struct ranking_sample *s, size_t n, bool smallest, double *p);
#endif
