#include <ctype.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include "commands.h"
#include "options.h"
#include "progress.h"
#include "simulation.h"

static const char usage[] =
    "kmc voltage SCENARIO [flags] - equilibrium voltage curve and dQ/dV, slow events off\n"
    "Charges and discharges once between the cut-offs and averages the replicas. CSV on stdout, or "
    "in the new file -o FILE:\n"
    "branch,voltage_V,capacity_mAh_per_g,x_li,dqdv_mAh_per_g_V and ions per formula unit by "
    "valence.\n"
    "The gap between the branches (false hysteresis) measures how well Li and electrons were "
    "equilibrated.\n";

enum { CURVE_MAX = 8192 };

/* Sums over replicas at one slice of one branch. */
struct point {
    int64_t n;
    double voltage, capacity, x_li, hole, species[SPECIES_MAX];
};

struct curve {
    int64_t n;
    struct point *point; /* [CURVE_MAX] */
};

struct sweep {
    struct simulation sim;
    struct curve branch[2]; /* charge, discharge */
    struct progress progress;
    int64_t evaluated, sites;
    bool quiet;
};

/* One replica's position in the sweep. */
struct track {
    struct sweep *sweep;
    int64_t index[2];
};

static void on_slice(void *context, const struct replica *r, const struct protocol_slice *s) {
    struct track *t = context;
    int b = s->step >= STEP_DISCHARGE;
    if ((s->step != STEP_CHARGE && s->step != STEP_DISCHARGE) || t->index[b] >= CURVE_MAX)
        return;
#pragma omp atomic
    t->sweep->progress.evaluated += s->evaluated;
    double units = (double)r->cell.n_formula;
    int64_t k = t->index[b]++;
#pragma omp critical(voltage_curve)
    {
        struct curve *c = &t->sweep->branch[b];
        struct point *p = &c->point[k];
        c->n = k >= c->n ? k + 1 : c->n;
        p->n++;
        p->voltage += s->voltage_V;
        p->capacity += s->charged_mAh_per_g;
        p->x_li += s->li / units;
        p->hole += (double)s->census->anion[ANION_HOLE] / units;
        for (int i = 0; i < r->species->n_species; i++)
            p->species[i] += (double)s->census->cation[i] / units;
    }
    if (omp_get_thread_num() == 0)
        progress_show(&t->sweep->progress, 0.5 * b + 0.5 * fmin(1, fmax(0, s->progress)),
                      b ? "discharge" : "charge");
}

static bool on_half(void *context, const struct replica *r, int64_t cycle, bool charge,
                    const struct protocol_half *h) {
    struct track *t = context;
    (void)cycle;
    (void)charge;
#pragma omp atomic
    t->sweep->evaluated += h->evaluated;
    t->sweep->sites = r->state.n_sites;
    return true;
}

static int sweep_group(void *context, struct replica *r, int n) {
    struct track *track = calloc((size_t)n, sizeof *track);
    struct protocol_observer *observer = calloc((size_t)n, sizeof *observer);
    struct protocol_run *run = calloc((size_t)n, sizeof *run);
    struct sweep *sweep = context;
    int status = EXIT_MEMORY;
    if (track && observer && run) {
        for (int k = 0; k < n; k++) {
            track[k].sweep = sweep;
            observer[k] = (struct protocol_observer){
                .context = &track[k], .census = true, .slice = on_slice, .half = on_half};
            protocol_begin(&run[k], &r[k], &sweep->sim.protocol, &observer[k], stderr);
        }
        status = protocol_run_all(run, n);
    }
    free(track);
    free(observer);
    free(run);
    return status;
}

/* Replica sums to means; points that not all replicas reached are kept and averaged over those that did. */
static void average(struct curve *c, int n_species) {
    for (int64_t k = 0; k < c->n; k++) {
        struct point *p = &c->point[k];
        double n = (double)p->n;
        p->voltage /= n;
        p->capacity /= n;
        p->x_li /= n;
        p->hole /= n;
        for (int i = 0; i < n_species; i++)
            p->species[i] /= n;
    }
}

/* Columns are written for the TM ions of elements that the crystal holds. */
static bool is_column(const struct simulation *sim, int species) {
    int element = sim->species.species[species].element;
    return element >= 0 && sim->species.elements[element].role == ROLE_TM &&
           sim->cell.element_count[element] > 0;
}

static void write_header(FILE *out, const struct simulation *sim) {
    const struct species_table *t = &sim->species;
    fputs("branch,voltage_V,capacity_mAh_per_g,x_li,dqdv_mAh_per_g_V", out);
    for (int i = SPECIES_LI + 1; i < t->n_species; i++)
        if (is_column(sim, i)) {
            fputc(',', out);
            for (const char *p = t->species[i].symbol; *p; p++)
                fputc(tolower((unsigned char)*p), out);
            fprintf(out, "%d", t->species[i].charge);
        }
    fputs(",o_hole\n", out);
}

/* Capacity over voltage between the nearest points around k that lie at least 20 mV apart; NaN when the branch has none. */
static double differential_capacity(const struct curve *c, int64_t k) {
    int64_t a = k, b = k;
    while (fabs(c->point[b].voltage - c->point[a].voltage) < 0.02 && (a > 0 || b + 1 < c->n)) {
        a -= a > 0;
        b += b + 1 < c->n;
    }
    double dv = c->point[b].voltage - c->point[a].voltage;
    return fabs(dv) < 0.02 ? NAN : fabs((c->point[b].capacity - c->point[a].capacity) / dv);
}

static void write_branch(FILE *out, const struct curve *c, const char *name,
                         const struct simulation *sim) {
    for (int64_t k = 0; k < c->n; k++) {
        const struct point *p = &c->point[k];
        double dqdv = differential_capacity(c, k);
        fprintf(out, "%s,%.5f,%.4f,%.5f,", name, p->voltage, p->capacity, p->x_li);
        if (!isnan(dqdv))
            fprintf(out, "%.3f", dqdv);
        for (int i = SPECIES_LI + 1; i < sim->species.n_species; i++)
            if (is_column(sim, i))
                fprintf(out, ",%.5f", p->species[i]);
        fprintf(out, ",%.5f\n", p->hole);
    }
}

enum { BINS = 500 };
static const double BIN_MAH_PER_G = 4;

/* Mean voltage of a branch in bins of capacity; NaN where it has no point. */
static void bin_voltages(const struct curve *c, double mean[BINS]) {
    int n[BINS] = {0};
    for (int b = 0; b < BINS; b++)
        mean[b] = 0;
    for (int64_t k = 0; k < c->n; k++) {
        double b = c->point[k].capacity / BIN_MAH_PER_G;
        if (b < 0 || b >= BINS)
            continue;
        mean[(int)b] += c->point[k].voltage;
        n[(int)b]++;
    }
    for (int b = 0; b < BINS; b++)
        mean[b] = n[b] ? mean[b] / n[b] : NAN;
}

/* Mean difference between the branches over the bins that both cover, V.  The first and the last of them are left out: there the curve is so
 * steep that a bin holds other voltages on charge than on discharge. */
static double false_hysteresis(const struct sweep *s, double *covered) {
    double charge[BINS], discharge[BINS], sum = 0;
    int n = 0, first = 0, last = BINS - 1;
    bin_voltages(&s->branch[0], charge);
    bin_voltages(&s->branch[1], discharge);
    while (first < last && (isnan(charge[first]) || isnan(discharge[first])))
        first++;
    while (last > first && (isnan(charge[last]) || isnan(discharge[last])))
        last--;
    for (int b = first + 1; b < last; b++) {
        if (isnan(charge[b]) || isnan(discharge[b]))
            continue;
        sum += charge[b] - discharge[b];
        n++;
    }
    *covered = BIN_MAH_PER_G * n;
    return n ? sum / n : NAN;
}

/* Mean voltage of a branch by capacity. */
static double mean_voltage(const struct curve *c) {
    double energy = 0, charge = 0;
    for (int64_t k = 1; k < c->n; k++) {
        double dq = c->point[k].capacity - c->point[k - 1].capacity;
        charge += dq;
        energy += dq * 0.5 * (c->point[k].voltage + c->point[k - 1].voltage);
    }
    return charge != 0 ? energy / charge : NAN;
}

static void report(const struct sweep *s) {
    const struct curve *c = s->branch;
    double covered, gap = false_hysteresis(s, &covered);
    double draws = (double)s->evaluated / (double)s->sim.replicas / (double)s->sites;
    if (c[0].n == 0 || c[1].n == 0)
        return;
    fprintf(stderr,
            "charge     to %.1f mAh/g, mean %.4f V\ndischarge  to %.1f mAh/g, mean %.4f V\n"
            "false hysteresis %.1f mV (mean over %.0f mAh/g; %.0f moves evaluated a site; aim < "
            "40, better < 10)\n",
            c[0].point[c[0].n - 1].capacity, mean_voltage(&c[0]), c[1].point[c[1].n - 1].capacity,
            mean_voltage(&c[1]), 1e3 * gap, covered, draws);
}

static int write_curve(const struct sweep *s, const char *path) {
    FILE *out = path ? fopen(path, "wx") : stdout;
    if (!out) {
        fprintf(stderr,
                "%s: error: cannot be created\n    hint: choose a file that does not exist in a "
                "writable directory\n",
                path);
        return EXIT_FILES;
    }
    write_header(out, &s->sim);
    write_branch(out, &s->branch[0], "charge", &s->sim);
    write_branch(out, &s->branch[1], "discharge", &s->sim);
    bool ok = !ferror(out);
    if (path)
        ok = fclose(out) == 0 && ok;
    return ok ? 0 : EXIT_FILES;
}

static int execute(struct sweep *s, const struct options *o) {
    for (int b = 0; b < 2; b++) {
        s->branch[b].point = calloc(CURVE_MAX, sizeof *s->branch[b].point);
        if (!s->branch[b].point)
            return EXIT_MEMORY;
    }
    s->sim.protocol.slow_events = false;
    s->sim.protocol.surface = (struct transport_surface){0, 0};
    s->sim.protocol.cycles = 1;
    progress_start(&s->progress, o->quiet);
    int status = simulation_for_each(&s->sim, sweep_group, s, stderr);
    progress_end(&s->progress);
    if (status)
        return status;
    for (int b = 0; b < 2; b++)
        average(&s->branch[b], s->sim.species.n_species);
    status = write_curve(s, o->output);
    if (!o->quiet)
        report(s);
    return status;
}

int cmd_voltage(int argc, char **argv) {
    struct options o;
    int status = options_parse(&o, argc, argv, usage);
    if (status >= 0)
        return status;
    if (o.json) {
        fputs("command line: error: --json: expected with kmc run or kmc compare, found with kmc "
              "voltage\n"
              "    hint: the curve is CSV\n",
              stderr);
        return EXIT_USAGE;
    }
    if (o.n_set < OPTIONS_SET_MAX)
        o.set[o.n_set++] = "kinetics.lithium_transport=false"; /* the curve is one of equilibrium */
    struct scenario *s = options_load(&o);
    if (!s)
        return EXIT_USAGE;
    struct sweep sweep = {.quiet = o.quiet};
    status = simulation_create(&sweep.sim, s, stderr);
    if (status == 0)
        status = execute(&sweep, &o);
    free(sweep.branch[0].point);
    free(sweep.branch[1].point);
    simulation_free(&sweep.sim);
    scenario_free(s);
    return status;
}
