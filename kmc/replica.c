#include "replica.h"
#include "couples.h"
#include "units.h"

int replica_create(struct replica *r, const struct scenario *s, const struct species_table *t,
                   const struct rate_model *m, const struct engine_ops *ops, int threads,
                   uint32_t number, FILE *errors) {
    memset(r, 0, sizeof *r);
    r->number = number;
    r->model = m;
    r->species = t;
    r->ops = ops;
    r->threads = threads;
    if (!supercell_init(&r->cell, s, t, number, errors))
        return 2;
    if (state_init(&r->state, m, r->cell.occupancy, (uint64_t)scenario_int(s, "run.seed"),
                   number)) {
        supercell_drop_sites(&r->cell); /* the state has its own copy now */
        couples_census(&r->pristine, &r->state.x);
        r->engine = ops->create(m, &r->state, threads);
    }
    if (r->engine)
        return 0;
    fprintf(errors, "replica %u: error: out of memory for a box of %lld sites\n", number,
            (long long)lattice_n_sites(&m->lattice));
    replica_free(r);
    return 4;
}

bool replica_renew(struct replica *r) {
    r->ops->free(r->engine);
    r->engine = r->ops->create(r->rests ? r->resting : r->model, &r->state, r->threads);
    return r->engine != NULL;
}

bool replica_rest_lithium(struct replica *r, bool rest) {
    rest = rest && r->resting;
    if (rest == r->rests)
        return true;
    r->rests = rest;
    return replica_renew(r);
}

void replica_free(struct replica *r) {
    if (r->engine)
        r->ops->free(r->engine);
    state_free(&r->state);
    supercell_free(&r->cell);
    r->engine = NULL;
}

double replica_mAh_per_g_per_li(const struct replica *r) {
    return UNITS_FARADAY_MAH_PER_MOL / (r->cell.mass_g_per_mol * (double)r->cell.n_formula);
}
