#include "estimate.h"
#include <time.h>

enum { DRAWS_MIN = 100000, DRAWS_MAX = 20000000 };

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double estimate_slices(const struct protocol *p) {
    return 2 * 0.9 / p->slice_fraction * (double)p->cycles;
}

int estimate_of(struct estimate *e, const struct simulation *sim, FILE *errors) {
    struct replica r;
    int status = replica_create(&r, sim->scenario, &sim->species, sim->model, sim->ops,
                                sim->threads, 0, errors);
    if (status)
        return status;
    struct electrode electrode = {4000000, sim->protocol.kappa_ueV,
                                  r.state.n_li - r.state.n_li / 4};
    struct engine_equilibrated eq;
    double sites = (double)r.state.n_sites;
    int64_t draws = (int64_t)(sim->protocol.sweeps * sites); /* of a slice */
    draws = draws < DRAWS_MIN ? DRAWS_MIN : draws > DRAWS_MAX ? DRAWS_MAX : draws;
    double start = now_s();
    r.ops->equilibrate(r.engine, &electrode, 0, draws, draws, &eq);
    double per_draw = (now_s() - start) / (double)draws;
    e->evaluated_per_draw = (double)eq.evaluated / (double)draws;
    e->replica_s = estimate_slices(&sim->protocol) * sim->protocol.sweeps * sites * per_draw;
    memory_of_replica(&e->memory, sim->ops, &sim->model->lattice, simulation_inner_threads(sim));
    if (sim->model->with_lithium)
        memory_add_lithium(&e->memory);
    replica_free(&r);
    return 0;
}

const char *estimate_size(char text[32], double bytes) {
    bool small = bytes < 0x1p20;
    snprintf(text, 32, "%.1f %s", bytes / (small ? 0x1p10 : 0x1p20), small ? "KiB" : "MiB");
    return text;
}
