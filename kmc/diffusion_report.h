/* diffusion_report: means over replicas of what `kmc diffuse` measures, as a table and as CSV.
 *
 * A quantity is a function of the means over the replicas (a ratio is the ratio of means); its standard error and 95 % t interval come from
 * the jackknife over replicas (Efron and Stein, Ann. Statist. 9, 586 (1981)): pseudo-values n q - (n - 1) q without replica i.
 */
#ifndef KMC_DIFFUSION_REPORT_H
#define KMC_DIFFUSION_REPORT_H
#include "diffusion.h"
#include "statistics.h"

enum diffusion_quantity {
    DIFFUSION_LI,
    DIFFUSION_VOLTAGE,
    DIFFUSION_TRACER_AB,
    DIFFUSION_TRACER_C,
    DIFFUSION_CHARGE_AB,
    DIFFUSION_CHARGE_C,
    DIFFUSION_CORRELATION_AB,
    DIFFUSION_CORRELATION_C,
    DIFFUSION_HAVEN_AB,
    DIFFUSION_HAVEN_C,
    DIFFUSION_FACTOR,
    DIFFUSION_CHEMICAL_AB,
    DIFFUSION_CHEMICAL_C,
    DIFFUSION_HOPS,
    DIFFUSION_HOP_RATE,
    DIFFUSION_EVENTS_PER_HOP,
    DIFFUSION_SPREAD,
    DIFFUSION_WINDOW_RATIO,
    DIFFUSION_TET_SHARE,
    DIFFUSION_QUANTITIES
};

/* All replicas at one point and temperature. */
struct diffusion_row {
    double temperature_K;
    int64_t replicas;
    struct diffusion_result *result; /* [replicas] owner: the command */
};

/* Name of a column, with its unit. */
const char *diffusion_report_name(enum diffusion_quantity q);

struct statistics_estimate diffusion_report_estimate(const struct diffusion_row *row,
                                                     enum diffusion_quantity q);

/* Diffusive limit: S(8) in plane is at least a^2, and the slopes from both lengths of window agree, within 10 % or within the interval. */
bool diffusion_report_is_diffusive(const struct diffusion_row *row);

/* Effective activation energy of D* in plane, eV: minus the slope of ln D* over 1/kT, a fit for each replica.  rows[k * stride] are those of one
 * point at n temperatures. */
struct statistics_estimate diffusion_report_activation(const struct diffusion_row *rows, int n,
                                                       int stride);

/* rows[temperature * n_points + point] */
void diffusion_report_table(FILE *out, const struct diffusion_row *rows, int n_temperatures,
                            int n_points);
void diffusion_report_csv(FILE *out, const struct diffusion_row *rows, int n);
void diffusion_report_activation_csv(FILE *out, const struct diffusion_row *rows,
                                     int n_temperatures, int n_points);

/* One line for every row whose numbers should not be taken as they are. */
void diffusion_report_warnings(FILE *errors, const struct diffusion_row *rows, int n);

#endif
