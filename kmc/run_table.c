#include <math.h>
#include "calibrated.h"
#include "run_table.h"
#include "runfiles.h"

/* Mean and standard error of a column over the replicas in one cycle. */
static struct statistics_estimate at_cycle(const struct statistics_cycles *c, const char *column,
                                           int64_t cycle) {
    struct statistics_span span = {cycle, cycle};
    return statistics_metric_estimate(c, column, span);
}

static void print_cycle(const struct statistics_cycles *c, int64_t cycle, FILE *out) {
    struct statistics_estimate dis = at_cycle(c, "mean_discharge_voltage_V", cycle);
    fprintf(out, "%5lld %8.1f %9.1f %8.3f %9.4f", (long long)cycle,
            at_cycle(c, "charge_capacity_mAh_per_g", cycle).mean,
            at_cycle(c, "discharge_capacity_mAh_per_g", cycle).mean,
            at_cycle(c, "mean_charge_voltage_V", cycle).mean, dis.mean);
    if (isnan(dis.standard_error))
        fprintf(out, "        ");
    else
        fprintf(out, " ±%.4f", dis.standard_error);
    fprintf(out, " %8.3f %9.1f %8.2f %8.2f %8.2f\n", at_cycle(c, "hysteresis_V", cycle).mean,
            at_cycle(c, "plateau_charge_mAh_per_g", cycle).mean,
            100 * at_cycle(c, "tm_li_layer_charge", cycle).mean,
            100 * at_cycle(c, "tm_li_layer_discharge", cycle).mean,
            100 * at_cycle(c, "o_molecular_charge", cycle).mean);
}

void run_table_cycles(const struct statistics_cycles *c, int64_t rows, FILE *out) {
    fputs("cycle   charge discharge  V charge   V discharge      hyster. plateau   TM in Li layer  "
          "  O2 on\n"
          "         mAh/g     mAh/g      V         V  s.e.          V     mAh/g    chg %    dis %  "
          "  chg %\n",
          out);
    int64_t first = c->last_cycle - rows + 1;
    for (int64_t k = first > 1 ? first : 1; k <= c->last_cycle; k++)
        print_cycle(c, k, out);
}

static void print_estimate(const char *label, struct statistics_estimate e, const char *unit,
                           FILE *out) {
    if (isnan(e.mean))
        return;
    fprintf(out, "%-28s %.4g", label, e.mean);
    if (isnan(e.standard_error))
        fprintf(out, " %s (one replica: no interval)\n", unit);
    else
        fprintf(out, " ± %.2g %s   95 %% interval %.4g to %.4g, %zu replicas\n", e.standard_error,
                unit, e.low, e.high, e.n);
}

static void print_fade(const struct runfiles_run *run, FILE *out) {
    const struct statistics_cycles *c = &run->cycles;
    double first = run->protocol[RUNFILES_FADE_FIRST_CYCLE];
    struct statistics_span span = {isnan(first) ? 2 : (int64_t)first, c->last_cycle};
    bool enough = span.first < span.last;
    fprintf(out, "\nCycles %lld to %lld, %.2f to %.2f V, C-rate %.3g/h; parameters %s%s:\n",
            enough ? (long long)span.first : 1, (long long)span.last,
            run->protocol[RUNFILES_LOWER_CUTOFF_V], run->protocol[RUNFILES_UPPER_CUTOFF_V],
            run->protocol[RUNFILES_C_RATE_PER_H], calibrated_claims(run->parameter_hash),
            enough ? "" : "; too few cycles for a fade");
    print_estimate("voltage fade", statistics_metric_estimate(c, "voltage_fade_mV_per_cycle", span),
                   "mV/cycle", out);
    print_estimate("initial coulombic efficiency",
                   statistics_metric_estimate(c, "initial_coulombic_efficiency", span), "", out);
    print_estimate("capacity retention", statistics_metric_estimate(c, "capacity_retention", span),
                   "", out);
    print_estimate("mean hysteresis", statistics_metric_estimate(c, "mean_hysteresis_V", span), "V",
                   out);
}

static double extreme(const struct statistics_table *t, const char *column, bool largest) {
    int k = statistics_table_column(t, column);
    double best = NAN;
    for (size_t row = 0; k >= 0 && row < t->n_rows; row++) {
        double v = t->value[row * t->n_columns + (size_t)k];
        best = largest ? fmax(best, v) : fmin(best, v);
    }
    return best;
}

static void print_controls(const struct runfiles_run *run, const struct output_info *info,
                           double wall_s, FILE *out) {
    const struct statistics_table *t = &run->table;
    const struct scenario *s = info->scenario;
    double share = at_cycle(&run->cycles, "large_step_share", run->cycles.last_cycle).mean;
    fprintf(
        out,
        "\nNumerical controls: up to %.0f sub-slices a slice; hops from large steps (k dt > "
        "%.2g) in the last cycle %.0f %%%s;\n"
        "  TM and O2 that hop fast to and fro slowed by one common factor, smallest %.2g (>= %.2g "
        "firings "
        "a slice kept).\n",
        extreme(t, "sub_slices_max", true), scenario_real(s, "kinetics.large_step"), 100 * share,
        share > scenario_real(s, "kinetics.large_step_share")
            ? " (wanted: below the limit; see DESIGN.md, Fade)"
            : "",
        extreme(t, "stiff_factor_min", false), scenario_real(s, "kinetics.stiff_firings"));
    fprintf(out,
            "Box %d x %d cells x %d planes, %lld sites, %lld formula units, %s; seed %lld; "
            "parameters %s; %.1f s.\n",
            info->cell->lattice.na, info->cell->lattice.nb, info->cell->lattice.n_planes,
            (long long)lattice_n_sites(&info->cell->lattice), (long long)info->cell->n_formula,
            info->cell->composition, (long long)scenario_int(s, "run.seed"), info->parameter_hash,
            wall_s);
    fputs("Claims: differences between stackings, compositions and protocols at shared parameters, "
          "with their intervals; absolute\n"
          "fade in mV/cycle is not predicted (0.1 eV in a barrier is a factor 49 in rate at 298 "
          "K).\n",
          out);
    fprintf(out,
            "\nResults    %s/summary.csv  cycles.csv  profile.bdf.csv  clusters.csv  "
            "voids.csv\n",
            info->directory);
    if (output_exists(info->directory, "run.h5"))
        fprintf(out, "Snapshots  %s/run.h5\n", info->directory);
    else if (output_exists(info->directory, "snapshots"))
        fprintf(out, "Snapshots  %s/snapshots/\n", info->directory);
}

static void print_json(const struct runfiles_run *run, const struct output_info *info, FILE *out) {
    const struct statistics_cycles *c = &run->cycles;
    double first = run->protocol[RUNFILES_FADE_FIRST_CYCLE];
    struct statistics_span span = {isnan(first) ? 2 : (int64_t)first, c->last_cycle};
    fputs("{\"scenario\": ", out);
    output_json_string(out, run->scenario);
    fputs(", \"directory\": ", out);
    output_json_string(out, info->directory);
    fprintf(out, ", \"claims\": \"%s\", \"metrics\": {", calibrated_claims(run->parameter_hash));
    bool comma = false;
    for (size_t k = 0; statistics_metric_name(k); k++) {
        const char *name = statistics_metric_name(k);
        struct statistics_estimate e = statistics_metric_estimate(c, name, span);
        if (isnan(e.mean))
            continue;
        fprintf(out, "%s\"%s\": {\"mean\": %.9g", comma ? ", " : "", name, e.mean);
        if (!isnan(e.standard_error))
            fprintf(out, ", \"standard_error\": %.9g, \"ci95\": [%.9g, %.9g]", e.standard_error,
                    e.low, e.high);
        fprintf(out, ", \"replicas\": %zu}", e.n);
        comma = true;
    }
    fputs("}}\n", out);
}

int run_table_print(const struct output_info *info, bool json, double wall_s, FILE *out,
                    FILE *errors) {
    struct runfiles_run run;
    int status = runfiles_open(&run, info->directory, errors);
    if (status)
        return status;
    if (json) {
        print_json(&run, info, out);
    } else {
        run_table_cycles(&run.cycles, run.cycles.last_cycle, out);
        print_fade(&run, out);
        print_controls(&run, info, wall_s, out);
    }
    runfiles_free(&run);
    return 0;
}
