/* sensitivity: which of the parameters that a study draws decides about a result.
 *
 * For each parameter: the straight line through the results of the samples, each the mean over the scenarios that have the parameter, less the mean of each.
 * Scenarios share their samples, so these are n independent points for n samples, however many scenarios there are.  In a Latin hypercube the parameters are
 * nearly uncorrelated, so each line is fitted alone; what the others do is scatter.  Share: r^2, the part of the variance that follows the line.
 */
#ifndef KMC_SENSITIVITY_H
#define KMC_SENSITIVITY_H
#include "comparison_runs.h"

struct sensitivity_one {
    const char *key;                   /* parameter; owner: the comparison's runs */
    double low, high;                  /* smallest and largest value drawn */
    struct statistics_estimate change; /* of the result from low to high; n = samples */
    double share, p, p_holm;           /* Holm over the parameters of this result */
};

struct sensitivity {
    struct sensitivity_one *one; /* [n] largest share first; owner: this struct */
    size_t n;
};

/* Of one metric over all studies with samples among the runs; empty when there are none.  False when memory ran out. */
bool sensitivity_of(struct sensitivity *s, const struct comparison_runs *r, const char *metric,
                    struct statistics_span span);
void sensitivity_free(struct sensitivity *s);

#endif
