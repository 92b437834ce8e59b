#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <math.h>
#include "known.h"

void known_check(const char *name, double measured, double error, double exact, double scale) {
    double off = measured - exact;
    cr_log_info("%-44s %12.6g +- %9.3g  exact %12.6g  %+5.2f s.e.  s.e. %.2f %%\n", name, measured,
                error, exact, error > 0 ? off / error : 0.0, 100 * error / fabs(scale));
    cr_expect(fabs(off) <= 4 * error + 1e-9 * fabs(scale),
              "%s: measured %.7g +- %.2g, exact %.7g: %.1f standard errors apart", name, measured,
              error, exact, off / error);
    cr_expect(error <= 0.005 * fabs(scale), "%s: standard error %.3g above 0.5 %% of %.4g", name,
              error, scale);
}
