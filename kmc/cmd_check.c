#define _POSIX_C_SOURCE 200809L
#include <time.h>
#include "commands.h"
#include "memory.h"
#include "options.h"
#include "simulation.h"

static const char usage[] = "kmc check SCENARIO [flags] - dry run: validates, prints composition, "
                            "box, memory and a time estimate; writes nothing\n";

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

enum { DRAWS_MIN = 100000, DRAWS_MAX = 20000000 };

/* Times the fast moves on replica 0, by draws asked for; slow events come on top, so the estimate is a lower bound. */
static int time_equilibrate(const struct simulation *sim, double *seconds_per_draw,
                            double *evaluated_per_draw) {
    struct replica r;
    int status = replica_create(&r, sim->scenario, &sim->species, sim->model, sim->ops,
                                sim->threads, 0, stderr);
    if (status)
        return status;
    struct electrode e = {4000000, sim->protocol.kappa_ueV, r.state.n_li - r.state.n_li / 4};
    struct engine_equilibrated eq;
    int64_t draws = (int64_t)(sim->protocol.sweeps * (double)r.state.n_sites); /* of a slice */
    draws = draws < DRAWS_MIN ? DRAWS_MIN : draws > DRAWS_MAX ? DRAWS_MAX : draws;
    double start = now_s();
    r.ops->equilibrate(r.engine, &e, 0, draws, draws, &eq);
    *seconds_per_draw = (now_s() - start) / (double)draws;
    *evaluated_per_draw = (double)eq.evaluated / (double)draws;
    replica_free(&r);
    return 0;
}

static void print_cell(const struct simulation *sim) {
    const struct supercell *c = &sim->cell;
    const struct lattice *l = &c->lattice;
    double cell[3][3];
    lattice_cell(l, c->a_A, c->tm_gap_A, c->li_gap_A, cell);
    printf("composition  %s  (%.3f g/mol per two anions)\n", c->composition, c->mass_g_per_mol);
    printf(
        "             cations scaled by %+.4f %%, charge closed by %.4f e per formula unit: %s\n",
        100 * c->cation_correction, c->charge_correction, c->charge_note);
    printf("box          %d x %d cells, %d O planes, %.2f x %.2f x %.2f nm\n", l->na, l->nb,
           l->n_planes, l->na * c->a_A / 10, l->nb * c->a_A / 10, cell[2][2] / 10);
    printf("sites        %lld (%lld formula units, %lld Li, %lld TM)\n",
           (long long)lattice_n_sites(l), (long long)c->n_formula, (long long)c->n_li,
           (long long)c->n_tm);
    if (c->surface_m2_per_g > 0)
        printf("surface      %.1f m2/g\n", c->surface_m2_per_g);
}

/* "12.3 MiB", smaller ones in KiB. */
static const char *size_text(char text[32], double bytes) {
    bool small = bytes < 0x1p20;
    snprintf(text, 32, "%.1f %s", bytes / (small ? 0x1p10 : 0x1p20), small ? "KiB" : "MiB");
    return text;
}

static void print_memory(const struct simulation *sim) {
    struct memory m;
    char gpu[64] = "GPU not used", size[3][32];
    int64_t n = simulation_at_once(sim);
    memory_of_replica(&m, sim->ops, &sim->model->lattice, simulation_inner_threads(sim));
    if (m.device)
        snprintf(gpu, sizeof gpu, "on the GPU %s",
                 size_text(size[0], (double)(m.device * n + m.device_shared)));
    printf("memory       %s a replica (%.2f bytes a site), %lld at a time: %s at the peak; %s\n",
           size_text(size[1], (double)m.kept), (double)m.kept / (double)m.n_sites, (long long)n,
           size_text(size[2], (double)memory_at_once(&m, n, sim->threads)), gpu);
    for (int k = 0; k < m.n; k++)
        printf("             %10.2f bytes a site  %s\n",
               (double)m.piece[k].bytes / (double)m.n_sites, m.piece[k].name);
}

static int print_all(const struct simulation *sim) {
    const struct protocol *p = &sim->protocol;
    double per_draw, evaluated;
    int status = time_equilibrate(sim, &per_draw, &evaluated);
    if (status)
        return status;
    double sites = (double)lattice_n_sites(&sim->model->lattice);
    double slices = 2 * 0.9 / p->slice_fraction * (double)p->cycles;
    double wall = slices * p->sweeps * sites * per_draw * (double)sim->replicas / sim->threads;
    print_cell(sim);
    print_memory(sim);
    printf("effort       %lld replicas x %lld cycles, %.2g draws and about %.2g evaluated moves a "
           "site and slice\n",
           (long long)sim->replicas, (long long)p->cycles, p->sweeps, p->sweeps * evaluated);
    printf("time         at least %.1f s on %d cores for Li and electrons; slow events add %s\n",
           wall, sim->threads, p->slow_events ? "about as much again" : "nothing (off)");
    return 0;
}

int cmd_check(int argc, char **argv) {
    struct options o;
    int status = options_parse(&o, argc, argv, usage);
    if (status >= 0)
        return status;
    if (o.json) {
        fputs("command line: error: --json: expected with kmc run or kmc compare, found with kmc "
              "check\n"
              "    hint: kmc check prints text only\n",
              stderr);
        return EXIT_USAGE;
    }
    struct scenario *s = options_load(&o);
    if (!s)
        return EXIT_USAGE;
    struct simulation sim;
    status = simulation_create(&sim, s, stderr);
    if (status == 0) {
        status = print_all(&sim);
        simulation_free(&sim);
    }
    scenario_free(s);
    return status;
}
