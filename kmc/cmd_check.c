#include <math.h>
#include "calibrated.h"
#include "commands.h"
#include "estimate.h"
#include "options.h"

static const char usage[] = "kmc check SCENARIO [flags] - dry run: validates, prints composition, "
                            "box, memory and a time estimate; writes nothing\n";

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

static void print_memory(const struct simulation *sim, const struct memory *m) {
    char gpu[64] = "GPU not used", size[3][32];
    int64_t n = simulation_at_once(sim);
    if (m->device)
        snprintf(gpu, sizeof gpu, "on the GPU %s",
                 estimate_size(size[0], (double)(m->device * n + m->device_shared)));
    printf("memory       %s a replica (%.2f bytes a site), %lld at a time: %s at the peak; %s\n",
           estimate_size(size[1], (double)m->kept), (double)m->kept / (double)m->n_sites,
           (long long)n, estimate_size(size[2], (double)memory_at_once(m, n, sim->threads)), gpu);
    for (int k = 0; k < m->n; k++)
        printf("             %10.2f bytes a site  %s\n",
               (double)m->piece[k].bytes / (double)m->n_sites, m->piece[k].name);
}

/* What dopants change for Li+ on the clock. */
static void print_lithium(const struct simulation *sim) {
    double gap = model_li_gap_A(sim->scenario, &sim->species);
    if (gap != 0)
        printf("Li layers    %.4f A %s by dopants: barriers of Li+ on the clock %+.3f eV\n",
               fabs(gap), gap > 0 ? "wider" : "narrower",
               -gap * scenario_real(sim->scenario, "model.li_gap_eV_per_A"));
}

static int print_all(const struct simulation *sim) {
    const struct protocol *p = &sim->protocol;
    struct estimate e;
    char hash[17];
    int status = estimate_of(&e, sim, stderr);
    if (status)
        return status;
    double wall = e.replica_s * (double)sim->replicas / sim->threads;
    print_cell(sim);
    scenario_parameter_hash(sim->scenario, hash);
    printf("parameters   %s, %s\n", hash, calibrated_claims(hash));
    print_lithium(sim);
    print_memory(sim, &e.memory);
    printf("effort       %lld replicas x %lld cycles, %.2g draws and about %.2g evaluated moves a "
           "site and slice\n",
           (long long)sim->replicas, (long long)p->cycles, p->sweeps,
           p->sweeps * e.evaluated_per_draw);
    printf("time         at least %.1f s on %d cores for Li and electrons; slow events add %s%s\n",
           wall, sim->threads, p->slow_events ? "about as much again" : "nothing (off)",
           p->transport ? ", hops of Li+ on the clock more than all that: minutes a cycle" : "");
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
