#include <criterion/criterion.h>
#include <stdlib.h>
#include "../kmc/transport.h"
#include "fixture.h"

struct fixture *fixture_create(const char *source, const char *const *set) {
    struct fixture *f = calloc(1, sizeof *f);
    struct supercell cell;
    size_t n = 0;
    while (set && set[n])
        n++;
    cr_assert_not_null(f);
    f->scenario = scenario_load(source, set, n, stderr);
    cr_assert_not_null(f->scenario, "%s does not load", source);
    cr_assert(species_init(&f->species, f->scenario, stderr));
    f->model = malloc(sizeof *f->model);
    cr_assert_not_null(f->model);
    cr_assert(supercell_init(&cell, f->scenario, &f->species, 0, stderr));
    cr_assert(model_init(f->model, f->scenario, &f->species, &cell.lattice, stderr));
    cr_assert(transport_init(f->model, f->scenario, &cell, stderr));
    supercell_free(&cell);
    int status = replica_create(&f->replica, f->scenario, &f->species, f->model, &engine_exact, 1,
                                0, stderr);
    cr_assert_eq(status, 0);
    return f;
}

void fixture_free(struct fixture *f) {
    replica_free(&f->replica);
    free(f->model);
    scenario_free(f->scenario);
    free(f);
}

void fixture_scramble(struct fixture *f, double voltage_V, int rounds, double sweeps,
                      double step_s) {
    struct replica *r = &f->replica;
    struct electrode electrode = {(int32_t)(voltage_V * 1e6), 0, 0};
    int64_t draws = (int64_t)(sweeps * (double)r->state.n_sites);
    for (int k = 0; k < rounds; k++) {
        struct engine_equilibrated moved;
        struct engine_advanced fired;
        r->ops->equilibrate(r->engine, &electrode, step_s, draws, draws, &moved);
        r->ops->advance(r->engine, &electrode, step_s, step_s, &fired);
    }
}

void fixture_channels_of(const struct event_context *e, int64_t site,
                         struct fixture_channels *out) {
    memset(&out->list, 0, sizeof out->list);
    out->list.search = -1;
    out->list.all = out->channel;
    events_of_site(e, lattice_coord_of(&e->m->lattice, site), &out->list);
    cr_assert_leq(out->list.n, EVENT_CHANNELS_MAX, "site %lld has %d channels", (long long)site,
                  out->list.n);
}

/* Stream of small random numbers for disorder; the purpose number is not one of the program's
 * streams. */
struct dice {
    struct philox random;
    uint64_t n;
};

static uint32_t roll(struct dice *d, uint32_t sides) {
    return philox_below(philox_draw(d->random, 200, 0, d->n++).v[0], sides);
}

static uint8_t random_cation(struct dice *d, const struct species_table *t) {
    uint32_t kind = roll(d, 4);
    if (kind < 2)
        return CATION_VACANCY;
    return (uint8_t)(kind == 2 ? CATION_LI : 2 + (int)roll(d, (uint32_t)t->n_species - 2));
}

static uint8_t random_anion(struct dice *d) {
    static const uint8_t state[] = {ANION_OXIDE, ANION_OXIDE, ANION_OXIDE, ANION_HOLE,
                                    ANION_HOLE,  ANION_F,     ANION_S,     ANION_VACANCY};
    return state[roll(d, sizeof state)];
}

/* Joins an O2- or a hole with a neighbour of that kind into a dimer of random charge. */
static void random_dimer(struct dice *d, const struct lattice *l, uint8_t *occupancy,
                         struct lattice_coord o) {
    const struct lattice_stencil *st = lattice_stencil_of(l, o);
    uint32_t v = roll(d, st->n_oxygen);
    int64_t here = lattice_site(l, o), there = lattice_neighbor(l, o, st->oxygen[v]);
    if (occupancy[here] > ANION_HOLE || occupancy[there] > ANION_HOLE)
        return;
    occupancy[here] = (uint8_t)(ANION_PEROXO + roll(d, 2) + (v << 4));
    occupancy[there] = (uint8_t)(ANION_PEROXO + roll(d, 2) + (uint32_t)(st->reverse[v] << 4));
}

static void settle(struct fixture *f) {
    state_rebuild(&f->replica.state, f->model);
    f->replica.state.energy_ueV = state_recount(&f->replica.state, f->model);
}

void fixture_randomise(struct fixture *f, uint64_t seed) {
    struct dice d = {{seed, 0}, 0};
    const struct lattice *l = &f->model->lattice;
    uint8_t *byte = f->replica.state.x.occupancy;
    for (int64_t s = 0; s < f->replica.state.n_sites; s++) {
        bool oxygen = lattice_coord_of(l, s).kind == SITE_O;
        if (oxygen ? rate_model_state(byte[s]) != ANION_OUTSIDE : byte[s] != SITE_OUTSIDE)
            byte[s] = oxygen ? random_anion(&d) : random_cation(&d, &f->species);
    }
    for (int64_t s = 0; s < f->replica.state.n_sites; s++) {
        struct lattice_coord c = lattice_coord_of(l, s);
        if (c.kind == SITE_O && roll(&d, 4) == 0)
            random_dimer(&d, l, byte, c);
    }
    settle(f);
}

/* A random site of the crystal whose byte is `byte`, of O or of cations. */
static int64_t random_site(struct dice *d, const struct fixture *f, bool oxygen, uint8_t byte) {
    const struct state *s = &f->replica.state;
    for (;;) {
        int64_t site = roll(d, (uint32_t)s->n_sites);
        if ((lattice_coord_of(&f->model->lattice, site).kind == SITE_O) == oxygen &&
            s->x.occupancy[site] == byte)
            return site;
    }
}

void fixture_vacate(struct fixture *f, uint64_t seed, int n) {
    struct dice d = {{seed, 0}, 0};
    uint8_t *byte = f->replica.state.x.occupancy;
    for (int k = 0; k < n; k++) {
        byte[random_site(&d, f, true, ANION_OXIDE)] = ANION_VACANCY;
        for (int li = 0; li < 2; li++)
            byte[random_site(&d, f, false, CATION_LI)] = CATION_VACANCY;
    }
    settle(f);
}

void fixture_protonate(struct fixture *f, uint64_t seed) {
    struct dice d = {{seed, 0}, 0};
    uint8_t *byte = f->replica.state.x.occupancy;
    cr_assert_neq(f->model->proton, 0);
    for (int64_t s = 0; s < f->replica.state.n_sites; s++)
        if (lattice_coord_of(&f->model->lattice, s).kind != SITE_O && byte[s] == CATION_LI &&
            roll(&d, 3) == 0)
            byte[s] = f->model->proton;
    settle(f);
}

struct state fixture_copy(const struct fixture *f, const struct state *s) {
    struct state copy;
    cr_assert(state_init(&copy, f->model, s->x.occupancy, 0, 0));
    return copy;
}

void fixture_restore(struct state *to, const struct state *from) {
    memcpy(to->x.occupancy, from->x.occupancy, (size_t)from->n_sites);
    memcpy(to->x.deviation, from->x.deviation, (size_t)from->n_oxygen * sizeof *to->x.deviation);
    memcpy(to->x.n_tm, from->x.n_tm, (size_t)from->n_oxygen);
}

int fixture_species(const struct fixture *f, const char *symbol, int valence) {
    int element = species_find_element(&f->species, symbol);
    cr_assert_geq(element, 0, "no element %s", symbol);
    int species = species_of(&f->species, element, valence);
    cr_assert_geq(species, 0, "no %s with valence %d", symbol, valence);
    return species;
}

void fixture_clear(struct fixture *f, uint8_t anion) {
    const struct lattice *l = &f->model->lattice;
    for (int64_t s = 0; s < f->replica.state.n_sites; s++)
        f->replica.state.x.occupancy[s] =
            lattice_coord_of(l, s).kind == SITE_O ? anion : CATION_VACANCY;
    settle(f);
}

void fixture_put(struct fixture *f, struct lattice_coord c, uint8_t byte) {
    f->replica.state.x.occupancy[lattice_site(&f->model->lattice, c)] = byte;
    settle(f);
}

void fixture_put_pair(struct fixture *f, struct lattice_coord a, uint8_t byte_a,
                      struct lattice_coord b, uint8_t byte_b) {
    f->replica.state.x.occupancy[lattice_site(&f->model->lattice, a)] = byte_a;
    fixture_put(f, b, byte_b);
}
