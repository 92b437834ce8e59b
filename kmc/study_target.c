#include "study_target.h"
#include <math.h>

/* Standard error of the mean, NaN below two values. */
static double standard_error(const double *x, int64_t n) {
    double count = 0, mean = 0, squares = 0;
    for (int64_t k = 0; k < n; k++) {
        if (isnan(x[k]))
            continue;
        double step = x[k] - mean;
        mean += step / ++count;
        squares += step * (x[k] - mean);
    }
    return count < 2 ? NAN : sqrt(squares / (count - 1) / count);
}

int64_t study_target_next(double target_mV, const double *fade, int64_t n, int64_t most) {
    double error = standard_error(fade, n);
    if (error <= target_mV || n >= most)
        return n;
    double wanted = isnan(error) ? 2.0 * (double)n : ceil((double)n * pow(error / target_mV, 2));
    if (!(wanted < 2 * (double)n))
        wanted = 2 * (double)n;
    int64_t next = (int64_t)wanted > n ? (int64_t)wanted : n + 1;
    return next < most ? next : most;
}
