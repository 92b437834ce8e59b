#include "diffusion_report.h"
#include <math.h>
#include <stdlib.h>
#include "units.h"

/* Column name, then the unit behind _se, _low and _high too. */
static const struct {
    const char *name, *unit, *column;
} quantities[DIFFUSION_QUANTITIES] = {
#define COLUMN(name, unit)                                                                         \
    { name, unit, name unit }
    [DIFFUSION_LI] = COLUMN("li", "_per_formula_unit"),
    [DIFFUSION_VOLTAGE] = COLUMN("voltage", "_V"),
    [DIFFUSION_TRACER_AB] = COLUMN("tracer_ab", "_cm2_per_s"),
    [DIFFUSION_TRACER_C] = COLUMN("tracer_c", "_cm2_per_s"),
    [DIFFUSION_CHARGE_AB] = COLUMN("charge_ab", "_cm2_per_s"),
    [DIFFUSION_CHARGE_C] = COLUMN("charge_c", "_cm2_per_s"),
    [DIFFUSION_CORRELATION_AB] = COLUMN("correlation_factor_ab", ""),
    [DIFFUSION_CORRELATION_C] = COLUMN("correlation_factor_c", ""),
    [DIFFUSION_HAVEN_AB] = COLUMN("haven_ratio_ab", ""),
    [DIFFUSION_HAVEN_C] = COLUMN("haven_ratio_c", ""),
    [DIFFUSION_FACTOR] = COLUMN("thermodynamic_factor", ""),
    [DIFFUSION_CHEMICAL_AB] = COLUMN("chemical_ab", "_cm2_per_s"),
    [DIFFUSION_CHEMICAL_C] = COLUMN("chemical_c", "_cm2_per_s"),
    [DIFFUSION_HOPS] = COLUMN("hops", "_per_li"),
    [DIFFUSION_HOP_RATE] = COLUMN("hop_rate", "_per_s"),
    [DIFFUSION_EVENTS_PER_HOP] = COLUMN("events_per_hop", ""),
    [DIFFUSION_SPREAD] = COLUMN("mean_square_ab", "_per_a2"),
    [DIFFUSION_WINDOW_RATIO] = COLUMN("window_ratio", ""),
    [DIFFUSION_TET_SHARE] = COLUMN("li_on_tets", "_share"),
#undef COLUMN
};

const char *diffusion_report_name(enum diffusion_quantity q) {
    return quantities[q].column;
}

/* ---- estimates ---- */

static double value(const struct diffusion_result *r, enum diffusion_quantity q) {
    const int ab = DIFFUSION_PLANE, c = DIFFUSION_AXIS;
    double factor = r->mean_n / r->variance_n;
    switch (q) {
    case DIFFUSION_LI:
        return r->n_li / r->n_formula;
    case DIFFUSION_VOLTAGE:
        return r->voltage_V;
    case DIFFUSION_TRACER_AB:
        return r->tracer[ab];
    case DIFFUSION_TRACER_C:
        return r->tracer[c];
    case DIFFUSION_CHARGE_AB:
        return r->charge[ab];
    case DIFFUSION_CHARGE_C:
        return r->charge[c];
    case DIFFUSION_CORRELATION_AB:
        return r->tracer[ab] / r->path[ab];
    case DIFFUSION_CORRELATION_C:
        return r->tracer[c] / r->path[c];
    case DIFFUSION_HAVEN_AB:
        return r->tracer[ab] / r->charge[ab];
    case DIFFUSION_HAVEN_C:
        return r->tracer[c] / r->charge[c];
    case DIFFUSION_FACTOR:
        return factor;
    case DIFFUSION_CHEMICAL_AB:
        return r->charge[ab] * factor;
    case DIFFUSION_CHEMICAL_C:
        return r->charge[c] * factor;
    case DIFFUSION_HOPS:
        return r->hops;
    case DIFFUSION_HOP_RATE:
        return r->hops / r->time_s;
    case DIFFUSION_EVENTS_PER_HOP:
        return r->events / r->hops;
    case DIFFUSION_SPREAD:
        return r->spread;
    case DIFFUSION_WINDOW_RATIO:
        return r->tracer_before[ab] / r->tracer[ab];
    default:
        return r->tet_share;
    }
}

enum { FIELDS = sizeof(struct diffusion_result) / sizeof(double) };

/* Mean of every field over the replicas but `without` (-1 = over all). */
static struct diffusion_result mean_result(const struct diffusion_row *row, int64_t without) {
    union {
        struct diffusion_result result;
        double field[FIELDS];
    } mean = {.field = {0}}, one;
    double n = (double)(row->replicas - (without >= 0));
    for (int64_t r = 0; r < row->replicas; r++) {
        one.result = row->result[r];
        for (int f = 0; f < FIELDS && r != without; f++)
            mean.field[f] += one.field[f] / n;
    }
    return mean.result;
}

struct statistics_estimate diffusion_report_estimate(const struct diffusion_row *row,
                                                     enum diffusion_quantity q) {
    size_t n = (size_t)row->replicas;
    struct diffusion_result all = mean_result(row, -1);
    double whole = value(&all, q), *pseudo = malloc(n * sizeof *pseudo);
    struct statistics_estimate e = {whole, NAN, NAN, NAN, 1};
    for (size_t r = 0; pseudo && n > 1 && r < n; r++) {
        struct diffusion_result rest = mean_result(row, (int64_t)r);
        pseudo[r] = (double)n * whole - ((double)n - 1) * value(&rest, q);
    }
    if (pseudo && n > 1 && isfinite(whole))
        e = statistics_estimate(pseudo, n);
    free(pseudo);
    return e;
}

bool diffusion_report_is_diffusive(const struct diffusion_row *row) {
    struct statistics_estimate e = diffusion_report_estimate(row, DIFFUSION_WINDOW_RATIO);
    bool agree = fabs(e.mean - 1) < 0.1 || (e.low < 1 && e.high > 1);
    return agree && diffusion_report_estimate(row, DIFFUSION_SPREAD).mean >= 1;
}

struct statistics_estimate diffusion_report_activation(const struct diffusion_row *rows, int n,
                                                       int stride) {
    size_t replicas = (size_t)rows->replicas;
    double *x = calloc((size_t)n, sizeof *x), *y = calloc((size_t)n, sizeof *y);
    double *energy = calloc(replicas, sizeof *energy);
    struct statistics_estimate e = {NAN, NAN, NAN, NAN, 0};
    for (size_t r = 0; x && y && energy && r < replicas; r++) {
        for (int k = 0; k < n; k++) {
            x[k] = 1 / (UNITS_BOLTZMANN_EV_PER_K * rows[k * stride].temperature_K);
            y[k] = log(rows[k * stride].result[r].tracer[DIFFUSION_PLANE]);
        }
        energy[r] = -statistics_line_fit(x, y, (size_t)n).slope;
    }
    if (x && y && energy)
        e = statistics_estimate(energy, replicas);
    free(x);
    free(y);
    free(energy);
    return e;
}

/* ---- text ---- */

static void print_number(FILE *out, const char *mean, const char *error,
                         struct statistics_estimate e, int width) {
    char text[64];
    int used = snprintf(text, sizeof text, isfinite(e.mean) ? mean : "-", e.mean);
    if (isfinite(e.mean) && isfinite(e.standard_error))
        snprintf(text + used, sizeof text - (size_t)used, error, e.standard_error);
    fprintf(out, "  %-*s", width, text);
}

static void print_row(FILE *out, const struct diffusion_row *row) {
    static const struct {
        enum diffusion_quantity q;
        const char *mean, *error;
        int width;
    } columns[] = {
        {DIFFUSION_LI, "%5.3f", "", 5},
        {DIFFUSION_VOLTAGE, "%5.3f", "", 5},
        {DIFFUSION_TRACER_AB, "%.2e", " ±%.0e", 15},
        {DIFFUSION_TRACER_C, "%.2e", " ±%.0e", 15},
        {DIFFUSION_CHARGE_AB, "%.2e", " ±%.0e", 15},
        {DIFFUSION_CHEMICAL_AB, "%.2e", " ±%.0e", 15},
        {DIFFUSION_CORRELATION_AB, "%.3f", " ±%.3f", 12},
        {DIFFUSION_HAVEN_AB, "%.2f", " ±%.2f", 10},
        {DIFFUSION_FACTOR, "%.1f", " ±%.1f", 10},
        {DIFFUSION_HOPS, "%.1f", "", 5},
        {DIFFUSION_EVENTS_PER_HOP, "%.1f", "", 6},
    };
    fprintf(out, "%6.1f", row->temperature_K);
    for (size_t k = 0; k < sizeof columns / sizeof *columns; k++)
        print_number(out, columns[k].mean, columns[k].error,
                     diffusion_report_estimate(row, columns[k].q), columns[k].width);
    fprintf(out, "  %s\n", diffusion_report_is_diffusive(row) ? "yes" : "no");
}

static void print_activation(FILE *out, const struct diffusion_row *rows, int n_temperatures,
                             int n_points) {
    fputs("\nEffective activation energy of D* in plane, eV\n   Li     s.e.           95 % "
          "interval\n",
          out);
    for (int p = 0; p < n_points; p++) {
        struct statistics_estimate li = diffusion_report_estimate(&rows[p], DIFFUSION_LI);
        struct statistics_estimate e =
            diffusion_report_activation(&rows[p], n_temperatures, n_points);
        fprintf(out, "%5.3f  %.3f ± %.3f  %.3f to %.3f\n", li.mean, e.mean, e.standard_error, e.low,
                e.high);
    }
}

void diffusion_report_table(FILE *out, const struct diffusion_row *rows, int n_temperatures,
                            int n_points) {
    fputs("                      D* ab            D* c             D_sigma ab       D_chem ab"
          "\n   T K  Li     V      cm2/s            cm2/s            cm2/s            cm2/s      "
          "      f ab          Haven ab    N/var(N)    hops   events  limit\n",
          out);
    for (int k = 0; k < n_temperatures * n_points; k++)
        print_row(out, &rows[k]);
    if (n_temperatures > 1)
        print_activation(out, rows, n_temperatures, n_points);
    fprintf(out,
            "\nMean ± standard error over %lld replicas. Li: per formula unit; ab: in plane, c: "
            "across the layers; hops: of a Li+ in the run;\nevents: steps for one hop, past a tet "
            "or into one; "
            "limit: diffusive limit reached, by two windows; if not, D* and f are upper "
            "bounds.\nTM hops and oxygen events "
            "are off; model UNCALIBRATED.\n",
            (long long)rows->replicas);
}

void diffusion_report_csv(FILE *out, const struct diffusion_row *rows, int n) {
    fputs("temperature_K,replicas,diffusive", out);
    for (int q = 0; q < DIFFUSION_QUANTITIES; q++)
        fprintf(out, ",%s,%s_se%s,%s_low%s,%s_high%s", quantities[q].column, quantities[q].name,
                quantities[q].unit, quantities[q].name, quantities[q].unit, quantities[q].name,
                quantities[q].unit);
    fputc('\n', out);
    for (int k = 0; k < n; k++) {
        fprintf(out, "%.9g,%lld,%d", rows[k].temperature_K, (long long)rows[k].replicas,
                diffusion_report_is_diffusive(&rows[k]));
        for (int q = 0; q < DIFFUSION_QUANTITIES; q++) {
            struct statistics_estimate e =
                diffusion_report_estimate(&rows[k], (enum diffusion_quantity)q);
            statistics_write_number(e.mean, out);
            statistics_write_number(e.standard_error, out);
            statistics_write_number(e.low, out);
            statistics_write_number(e.high, out);
        }
        fputc('\n', out);
    }
}

void diffusion_report_activation_csv(FILE *out, const struct diffusion_row *rows,
                                     int n_temperatures, int n_points) {
    fputs("li_per_formula_unit,activation_eV,activation_se_eV,activation_low_eV,activation_high_eV,"
          "replicas\n",
          out);
    for (int p = 0; p < n_points; p++) {
        fprintf(out, "%.9g", diffusion_report_estimate(&rows[p], DIFFUSION_LI).mean);
        statistics_write_estimate(diffusion_report_activation(&rows[p], n_temperatures, n_points),
                                  out);
        fputc('\n', out);
    }
}

void diffusion_report_warnings(FILE *errors, const struct diffusion_row *rows, int n) {
    for (int k = 0; k < n; k++) {
        double li = diffusion_report_estimate(&rows[k], DIFFUSION_LI).mean;
        double spread = diffusion_report_estimate(&rows[k], DIFFUSION_SPREAD).mean;
        double ratio = diffusion_report_estimate(&rows[k], DIFFUSION_WINDOW_RATIO).mean;
        if (isnan(spread))
            fprintf(errors,
                    "warning: %.2f K, Li %.3f: in at least one replica Li+ does not move (no "
                    "vacancies), or too few of its steps are hops\n",
                    rows[k].temperature_K, li);
        else if (!diffusion_report_is_diffusive(&rows[k]))
            fprintf(errors,
                    "warning: %.2f K, Li %.3f: mean square displacement in the longest window "
                    "%.2f a^2 (wanted: 1), D* from windows half as long %+.0f %%: an upper bound\n"
                    "    hint: more --hops\n",
                    rows[k].temperature_K, li, spread, 100 * (ratio - 1));
    }
}
