/* Guarantee: a single vacancy moves ions on a triangular layer with the known correlation factor (kmc/tracer.h).
 *
 * The difference of the 7 x 7 torus to the infinite layer is the finite-size correction.
 */
#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <math.h>
#include "../../kmc/tracer.h"
#include "known.h"

enum { WINDOWS = 1800, BATCHES = 60 };

Test(tracer_correlation, exact_torus_tends_to_the_known_factor) {
    double f12 = tracer_slope(12), f24 = tracer_slope(24);
    double limit = (4 * f24 - f12) / 3; /* the error of a torus goes as 1/sites */
    cr_log_info("torus 12 x 12: %.5f, 24 x 24: %.5f, limit %.5f\n", f12, f24, limit);
    cr_expect_float_eq(limit, TRACER_KNOWN_F, 3e-4, "limit %.6f", limit);
}

Test(tracer_correlation, single_vacancy_on_a_triangular_layer) {
    struct known_crystal *k = tracer_create();
    struct known_sums sums = {0};
    struct tracer_track t = {0};
    int64_t all_hops = 0;
    known_start(k, 20240606, 0);
    tracer_follow(k, &t);
    for (int b = 0; b < BATCHES; b++) {
        int64_t hops = 0;
        double r2 = 0;
        for (int w = 0; w < WINDOWS / BATCHES; w++)
            r2 += tracer_window(k, &t, &hops);
        double f = r2 / (double)hops;
        known_add_batch(&sums, &f, 1);
        all_hops += hops;
    }
    known_stop(k);
    double expected = (double)WINDOWS * TRACER_STEPS * TRACER_HOPS_A_STEP;
    known_check("hops of the vacancy", (double)all_hops, sqrt(expected), expected, expected);
    double finite = tracer_factor(TRACER_CELLS, TRACER_STEPS * TRACER_HOPS_A_STEP);
    known_check("<R^2>/(n a^2), 7 x 7", known_mean(&sums, 0), known_error(&sums, 0), finite,
                finite);
    double correction = TRACER_KNOWN_F / finite;
    known_check("f of the infinite layer", known_mean(&sums, 0) * correction,
                known_error(&sums, 0) * correction, TRACER_KNOWN_F, TRACER_KNOWN_F);
    known_free(k);
}
