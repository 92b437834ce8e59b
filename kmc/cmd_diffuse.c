#include <errno.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include "commands.h"
#include "diffusion_report.h"
#include "options.h"
#include "output.h"
#include "progress.h"
#include "simulation.h"

static const char usage[] =
    "kmc diffuse SCENARIO [flags] - diffusivities of Li+ against composition and temperature\n"
    "Li+ hops on the clock, from octahedron to octahedron past a vacant tetrahedron "
    "(model.li_pass_eV) and into tetrahedra\n"
    "(model.li_hop_eV); electrons are relaxed in between; TM hops and oxygen events are off. "
    "Tracer and charge\n"
    "diffusivity in plane (ab) and across the layers (c), correlation factor, Haven ratio, "
    "thermodynamic factor,\n"
    "activation energy: table on stdout, all of it with 95 % intervals in -o DIR.\n";

enum { LIST_MAX = 64 };

struct list {
    int n;
    double x[LIST_MAX];
};

static const double DEFAULT_HOPS = 32, DEFAULT_STEP_HOPS = 0.1;
static const double DEFAULT_PARTS[] = {0.95, 0.85, 0.7, 0.5, 0.3, 0.1}; /* of the pristine Li */
static const double ELECTRON_SWEEPS = 8;

/* All that one command measures. */
struct survey {
    const struct options *o;
    struct list temperatures, points;
    bool by_voltage;
    int64_t replicas, seed;
    struct diffusion_row *rows; /* [temperature][point] */
    struct progress progress;
    struct output_info info;
    /* of the temperature under way */
    struct simulation *sim;
    struct rate_model *models; /* still, moving */
    int temperature;
};

/* ---- command line ---- */

static bool refuse_list(const char *flag, double low, double high, const char *text) {
    fprintf(stderr,
            "command line: error: %s: expected at most %d numbers from %g to %g with commas "
            "between them, found `%.60s`\n"
            "    hint: `kmc diffuse --help` lists the flags\n",
            flag, LIST_MAX, low, high, text);
    return false;
}

static bool read_list(struct list *l, const char *flag, const char *text, double low, double high) {
    l->n = 0;
    for (const char *p = text;; p++) {
        char *end = NULL;
        double x = strtod(p, &end);
        if (end == p || !(x >= low && x <= high) || l->n == LIST_MAX || (*end && *end != ','))
            return refuse_list(flag, low, high, text);
        l->x[l->n++] = x;
        p = end;
        if (!*p)
            return true;
    }
}

static bool read_lists(struct survey *s) {
    const struct options *o = s->o;
    if (o->li && o->voltages) {
        fputs(
            "command line: error: expected --li or --voltage, found both\n"
            "    hint: the table shows the voltage of every composition and the other way round\n",
            stderr);
        return false;
    }
    s->by_voltage = o->voltages != NULL;
    return (!o->temperatures ||
            read_list(&s->temperatures, "--temperature-K", o->temperatures, 200, 500)) &&
           (!o->voltages || read_list(&s->points, "--voltage", o->voltages, 1, 6)) &&
           (!o->li || read_list(&s->points, "--li", o->li, 1e-6, 4));
}

/* ---- scenario ---- */

static bool is_bulk(const struct scenario *s) {
    const char *geometry = scenario_text(s, "structure.geometry");
    if (strcmp(geometry, "bulk") == 0)
        return true;
    fprintf(stderr,
            "%s: error: structure.geometry: expected \"bulk\" for kmc diffuse, found \"%s\"\n"
            "    hint: displacements are followed through a periodic box; --set "
            "structure.geometry=bulk\n",
            scenario_place(s, "structure.geometry"), geometry);
    return false;
}

/* Fills in the list of compositions that was left out, or checks the one given. */
static bool check_points(struct survey *s, const struct supercell *cell) {
    double formulas = (double)cell->n_formula, pristine = (double)cell->n_li / formulas;
    int n = sizeof DEFAULT_PARTS / sizeof *DEFAULT_PARTS;
    if (s->points.n == 0)
        for (; s->points.n < n; s->points.n++)
            s->points.x[s->points.n] = DEFAULT_PARTS[s->points.n] * pristine;
    for (int k = 0; k < s->points.n && !s->by_voltage; k++) {
        double x = s->points.x[k];
        if (x * formulas >= 0.5 && x <= pristine + 0.5 / formulas)
            continue;
        fprintf(stderr,
                "command line: error: --li: expected from one Li+ in the box (%.4f) to the "
                "pristine crystal (%.4f), found %g\n"
                "    hint: a larger box for fewer Li+; --voltage for more\n",
                1 / formulas, pristine, x);
        return false;
    }
    return true;
}

static struct scenario *load(const struct survey *s, double temperature_K) {
    enum { OWN_SETS = 5 }; /* with the temperature */
    static const char *const own[OWN_SETS - 1] = {
        "run.engine=exact",                 /* the one that tells of its events */
        "kinetics.lithium_transport=false", /* that of a run: a periodic box has no edges and no surface */
        "surface.film_ohm_m2=0", "surface.exchange_current_A_per_m2=0"};
    struct options o = *s->o;
    char text[64];
    snprintf(text, sizeof text, "conditions.temperature_K=%.17g", temperature_K);
    if (o.n_set + OWN_SETS > OPTIONS_SET_MAX) {
        fprintf(stderr, "command line: error: --set: expected at most %d, found more\n",
                OPTIONS_SET_MAX - OWN_SETS);
        return NULL;
    }
    for (int k = 0; k < OWN_SETS - 1; k++)
        o.set[o.n_set++] = own[k];
    if (!isnan(temperature_K))
        o.set[o.n_set++] = text;
    return options_load(&o);
}

/* ---- measuring ---- */

static void show(struct survey *s, const struct diffusion_result *done, double share) {
    int64_t events = (int64_t)(done->events * done->n_li);
#pragma omp atomic
    s->progress.evaluated += events;
    progress_add(&s->progress, share, false);
    if (omp_get_thread_num() == 0)
        progress_show(&s->progress, s->progress.done, "diffusion");
}

static int measure_replica(struct survey *s, struct replica *r, const uint8_t *pristine) {
    const struct scenario *c = s->sim->scenario;
    struct diffusion d = {.still = &s->models[0],
                          .moving = &s->models[1],
                          .hops = s->o->hops > 0 ? s->o->hops : DEFAULT_HOPS,
                          .step_hops = s->o->step_hops > 0 ? s->o->step_hops : DEFAULT_STEP_HOPS,
                          .sweeps = ELECTRON_SWEEPS,
                          .approach_sweeps = 5 * scenario_real(c, "kinetics.equilibration_sweeps"),
                          .kappa_ueV = s->sim->protocol.kappa_ueV};
    for (int k = 0; k < s->points.n; k++) {
        struct diffusion_point p = {NAN, s->points.x[k]};
        if (s->by_voltage)
            p = (struct diffusion_point){s->points.x[k], NAN};
        struct diffusion_row *row = &s->rows[s->temperature * s->points.n + k];
        int status = diffusion_measure(&d, r, pristine, &p, &row->result[r->number], stderr);
        if (status)
            return status;
        show(s, &row->result[r->number],
             1.0 / (double)(s->points.n * s->temperatures.n * s->replicas));
    }
    return 0;
}

static int measure_group(void *context, struct replica *r, int n) {
    int status = 0;
    for (int k = 0; k < n && status == 0; k++) {
        uint8_t *pristine = malloc((size_t)r[k].state.n_sites);
        if (!pristine)
            return EXIT_MEMORY;
        memcpy(pristine, r[k].state.x.occupancy, (size_t)r[k].state.n_sites);
        status = measure_replica(context, &r[k], pristine);
        free(pristine);
    }
    return status;
}

/* Rows are made at the first temperature, when the number of points and replicas is known. */
static bool make_rows(struct survey *s) {
    int n = s->temperatures.n * s->points.n;
    if (s->rows)
        return true;
    s->rows = calloc((size_t)n, sizeof *s->rows);
    for (int k = 0; s->rows && k < n; k++) {
        s->rows[k].temperature_K = s->temperatures.x[k / s->points.n];
        s->rows[k].replicas = s->replicas;
        s->rows[k].result = calloc((size_t)s->replicas, sizeof *s->rows[k].result);
        if (!s->rows[k].result)
            return false;
    }
    return s->rows != NULL;
}

static void write_source(FILE *out, const void *context) {
    fputs(scenario_source_text(((const struct survey *)context)->sim->scenario), out);
}

static void write_resolved(FILE *out, const void *context) {
    scenario_write_resolved(((const struct survey *)context)->sim->scenario, out);
}

/* The directory is made before anything is computed. */
static int prepare_output(struct survey *s) {
    if (!s->o->output || s->temperature > 0)
        return 0;
    snprintf(s->info.directory, sizeof s->info.directory, "%s", s->o->output);
    snprintf(s->info.name, sizeof s->info.name, "%s", scenario_text(s->sim->scenario, "run.name"));
    scenario_parameter_hash(s->sim->scenario, s->info.parameter_hash);
    output_time(s->info.started);
    int status = output_directory(s->info.directory, false, stderr);
    if (status == 0)
        status = output_replace(&s->info, "scenario.toml", write_source, s, stderr);
    return status ? status : output_replace(&s->info, "resolved.toml", write_resolved, s, stderr);
}

static int measure_temperature(struct survey *s, const struct scenario *c) {
    struct simulation sim;
    int status = simulation_create(&sim, c, stderr);
    if (status)
        return status;
    s->sim = &sim;
    s->replicas = sim.replicas;
    s->seed = scenario_int(c, "run.seed");
    s->models = malloc(2 * sizeof *s->models);
    if (!check_points(s, &sim.cell))
        status = EXIT_USAGE;
    else if (!s->models || !make_rows(s))
        status = EXIT_MEMORY;
    if (status == 0)
        status = prepare_output(s);
    if (status == 0) {
        diffusion_models(sim.model, &s->models[0], &s->models[1]);
        status = simulation_for_each(&sim, measure_group, s, stderr);
    }
    free(s->models);
    simulation_free(&sim);
    s->sim = NULL;
    return status;
}

static int measure_all(struct survey *s) {
    int status = 0;
    if (s->temperatures.n == 0)
        s->temperatures = (struct list){1, {NAN}}; /* that of the scenario */
    for (int k = 0; k < s->temperatures.n && status == 0; k++) {
        struct scenario *c = load(s, s->temperatures.x[k]);
        if (!c)
            return EXIT_USAGE;
        s->temperatures.x[k] = scenario_real(c, "conditions.temperature_K");
        s->temperature = k;
        status = is_bulk(c) ? measure_temperature(s, c) : EXIT_USAGE;
        scenario_free(c);
    }
    return status;
}

/* ---- results ---- */

static void write_rows(FILE *out, const void *context) {
    const struct survey *s = context;
    diffusion_report_csv(out, s->rows, s->temperatures.n * s->points.n);
}

static void write_activation(FILE *out, const void *context) {
    const struct survey *s = context;
    diffusion_report_activation_csv(out, s->rows, s->temperatures.n, s->points.n);
}

static void write_json(FILE *out, const void *context) {
    const struct survey *s = context;
    struct list t = s->temperatures;
    fputs("{\n", out);
    output_json_program(out);
    output_json_text(out, "command", "diffuse");
    output_json_text(out, "scenario", s->info.name);
    output_json_text(out, "parameter_hash", s->info.parameter_hash);
    output_json_text(out, "started", s->info.started);
    output_json_text(out, "finished", s->info.finished);
    fputs("  \"temperatures_K\": [", out);
    for (int k = 0; k < t.n; k++)
        fprintf(out, "%s%.9g", k ? ", " : "", t.x[k]);
    fprintf(out,
            "],\n  \"seed\": %lld,\n  \"replicas\": %lld,\n  \"hops_per_li\": %.9g,\n  "
            "\"step_hops_per_li\": %.9g,\n"
            "  \"claims\": \"uncalibrated\"\n}\n",
            (long long)s->seed, (long long)s->replicas, s->o->hops > 0 ? s->o->hops : DEFAULT_HOPS,
            s->o->step_hops > 0 ? s->o->step_hops : DEFAULT_STEP_HOPS);
}

static int write_files(struct survey *s) {
    if (!s->o->output)
        return 0;
    output_time(s->info.finished);
    int status = output_replace(&s->info, "diffusion.csv", write_rows, s, stderr);
    if (status == 0 && s->temperatures.n > 1)
        status = output_replace(&s->info, "activation.csv", write_activation, s, stderr);
    return status ? status : output_replace(&s->info, "diffusion.json", write_json, s, stderr);
}

static void free_rows(struct survey *s) {
    for (int k = 0; s->rows && k < s->temperatures.n * s->points.n; k++)
        free(s->rows[k].result);
    free(s->rows);
}

int cmd_diffuse(int argc, char **argv) {
    struct options o;
    int status = options_parse_diffuse(&o, argc, argv, usage);
    if (status >= 0)
        return status;
    struct survey s = {.o = &o};
    if (!read_lists(&s))
        return EXIT_USAGE;
    progress_start(&s.progress, o.quiet);
    status = measure_all(&s);
    progress_end(&s.progress);
    if (status == 0)
        status = write_files(&s);
    if (status == 0) {
        diffusion_report_table(stdout, s.rows, s.temperatures.n, s.points.n);
        if (!o.quiet)
            diffusion_report_warnings(stderr, s.rows, s.temperatures.n * s.points.n);
    }
    free_rows(&s);
    return status;
}
