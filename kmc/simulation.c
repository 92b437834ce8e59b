#include <omp.h>
#include <stdlib.h>
#include "memory.h"
#include "simulation.h"
#include "transport.h"

static int cores(const struct scenario *s) {
    int64_t wanted = scenario_int(s, "run.threads");
    const char *slurm = getenv("SLURM_CPUS_PER_TASK");
    if (wanted > 0)
        return (int)wanted;
    return slurm && atoi(slurm) > 0 ? atoi(slurm) : omp_get_num_procs();
}

int simulation_inner_threads(const struct simulation *sim) {
    return sim->cores > sim->threads ? sim->cores / sim->threads : 1;
}

int64_t simulation_at_once(const struct simulation *sim) {
    return sim->ops->many ? sim->replicas : sim->threads;
}

/* Refuses boxes that the machine cannot hold before anything of the size is allocated. */
static bool fits_memory(const struct simulation *sim, FILE *errors) {
    struct lattice box;
    struct memory m;
    if (!supercell_lattice(&box, sim->scenario))
        return true; /* supercell_init says what is wrong */
    memory_of_replica(&m, sim->ops, &box, simulation_inner_threads(sim));
    if (scenario_flag(sim->scenario, "kinetics.lithium_transport"))
        memory_add_lithium(&m);
    int64_t at_once = simulation_at_once(sim);
    int64_t have = memory_of_machine(), need = memory_at_once(&m, at_once, sim->threads);
    if (need <= have / 10 * 9)
        return true;
    fprintf(errors,
            "%s: error: structure.cells_a: expected a box that fits in %.1f GiB, found %.1f GiB "
            "(%lld sites, %lld replicas at a time)\n"
            "    hint: smaller structure.cells_a, cells_b or repeats, or fewer --threads\n",
            scenario_place(sim->scenario, "structure.cells_a"), (double)have / 0x1p30,
            (double)need / 0x1p30, (long long)m.n_sites, (long long)at_once);
    return false;
}

static int fail(struct simulation *sim, int code) {
    simulation_free(sim);
    return code;
}

const char *simulation_engine(const struct scenario *s) {
    const char *name = scenario_text(s, "run.engine");
    return strcmp(name, "auto") == 0 && scenario_flag(s, "kinetics.lithium_transport") ? "exact"
                                                                                       : name;
}

/* Li+ on the clock is known to the reference alone. */
static bool engine_fits(const struct simulation *sim, FILE *errors) {
    const struct scenario *s = sim->scenario;
    if (sim->ops == &engine_exact || !scenario_flag(s, "kinetics.lithium_transport"))
        return true;
    fprintf(errors,
            "%s: error: kinetics.lithium_transport: expected engine \"exact\", found \"%s\"\n"
            "    hint: run.engine=exact; Li+ on the clock is not in the parallel engines yet\n",
            scenario_place(s, "kinetics.lithium_transport"), sim->ops->name);
    return false;
}

/* With Li+ on the clock below a voltage only, a second model serves above it. */
static bool make_resting(struct simulation *sim) {
    if (!sim->protocol.transport || sim->protocol.transport_below_V >= LITHIUM_ALWAYS_V)
        return true;
    sim->resting = malloc(sizeof *sim->resting);
    if (sim->resting)
        transport_rest(sim->resting, sim->model);
    return sim->resting != NULL;
}

int simulation_create(struct simulation *sim, const struct scenario *s, FILE *errors) {
    memset(sim, 0, sizeof *sim);
    sim->scenario = s;
    sim->replicas = scenario_int(s, "run.replicas");
    sim->cores = sim->threads = cores(s);
    if (sim->threads > sim->replicas)
        sim->threads = (int)sim->replicas;
    sim->ops = engine_find(simulation_engine(s), sim->note, sizeof sim->note);
    if (!sim->ops) {
        fprintf(errors,
                "%s: error: run.engine: expected an engine that runs here, found \"%s\": %s\n"
                "    hint: cpu gives the same results; kmc info shows what this program offers\n",
                scenario_place(s, "run.engine"), scenario_text(s, "run.engine"), sim->note);
        return 3; /* no GPU: all others run everywhere */
    }
    if (!engine_fits(sim, errors))
        return fail(sim, 2);
    if (sim->ops->many)
        sim->threads = 1;
    protocol_init(&sim->protocol, s);
    if (!species_init(&sim->species, s, errors))
        return fail(sim, 2);
    sim->model = malloc(sizeof *sim->model);
    if (!sim->model || !fits_memory(sim, errors))
        return fail(sim, 4);
    if (!supercell_init(&sim->cell, s, &sim->species, 0, errors) ||
        !model_init(sim->model, s, &sim->species, &sim->cell.lattice, errors) ||
        !transport_init(sim->model, s, &sim->cell, errors))
        return fail(sim, 2);
    supercell_drop_sites(&sim->cell);
    return make_resting(sim) ? 0 : fail(sim, 4);
}

void simulation_free(struct simulation *sim) {
    supercell_free(&sim->cell);
    free(sim->model);
    free(sim->resting);
    sim->model = sim->resting = NULL;
}

/* ---- replicas ---- */

/* Crystals are built on all cores. */
static int create_group(const struct simulation *sim, struct replica *r, const int64_t *number,
                        int n, int inside, FILE *errors) {
    int status = 0;
#pragma omp parallel for schedule(dynamic, 1) num_threads(sim->cores) if (n > 1)
    for (int k = 0; k < n; k++) {
        int code = replica_create(&r[k], sim->scenario, &sim->species, sim->model, sim->ops, inside,
                                  (uint32_t)number[k], errors);
        r[k].resting = sim->resting;
#pragma omp critical(simulation_status)
        status = status ? status : code;
    }
    for (int k = 0; status && k < n; k++)
        if (r[k].engine)
            replica_free(&r[k]);
    return status;
}

int simulation_run_group(const struct simulation *sim, const int64_t *number, int n,
                         simulation_body body, void *context, FILE *errors) {
    int inside = simulation_inner_threads(sim);
    struct replica *r = calloc((size_t)n, sizeof *r);
    if (!r)
        return 4;
    int code = create_group(sim, r, number, n, inside, errors);
    if (code == 0) {
        code = body(context, r, n);
        for (int k = 0; k < n; k++)
            replica_free(&r[k]);
    }
    free(r);
    return code;
}

static int run_groups(const struct simulation *sim, const int64_t *number, int64_t n,
                      simulation_body body, void *context, FILE *errors) {
    int status = 0;
    int64_t together = sim->ops->many && n > 0 ? n : 1;
    omp_set_max_active_levels(2);
#pragma omp parallel for schedule(dynamic, 1) num_threads(sim->threads)
    for (int64_t first = 0; first < n; first += together) {
        int so_far;
#pragma omp atomic read
        so_far = status;
        if (so_far)
            continue;
        int code = simulation_run_group(sim, &number[first], (int)together, body, context, errors);
        if (code) {
#pragma omp critical(simulation_status)
            status = status ? status : code;
        }
    }
    return status;
}

int simulation_for_each(const struct simulation *sim, simulation_body body, void *context,
                        FILE *errors) {
    int64_t n = 0, *number = malloc((size_t)sim->replicas * sizeof *number);
    if (!number)
        return 4;
    for (int64_t k = 0; k < sim->replicas; k++)
        if (!sim->skip || !sim->skip[k])
            number[n++] = k;
    int status = run_groups(sim, number, n, body, context, errors);
    free(number);
    return status;
}
