/* The charge of the redox couples adds up to the Li that left, electron for electron, and a census counts what is there. */
#include <criterion/criterion.h>
#include "../kmc/couples.h"
#include "../kmc/protocol.h"
#include "fixture.h"

static int64_t total(const int64_t *electrons, int n) {
    int64_t sum = 0;
    for (int k = 0; k < n; k++)
        sum += electrons[k];
    return sum;
}

struct watch {
    struct fixture *f;
    struct couples couples;
    int64_t slices, oxygen; /* slices in which oxygen gave charge */
};

static void on_slice(void *context, const struct replica *r, const struct protocol_slice *s) {
    struct watch *w = context;
    int64_t electrons[COUPLES_MAX];
    cr_assert_not_null(s->census);
    couples_electrons(&w->couples, r->species, &r->pristine, s->census, electrons);
    cr_assert_eq(total(electrons, w->couples.n), r->cell.n_li - r->state.n_li);
    cr_assert_eq(s->census->cation[CATION_LI], r->state.n_li);
    w->slices++;
    w->oxygen += total(electrons + w->couples.n - 3, 3) > 0;
}

static void follow_a_cycle(const struct engine_ops *ops) {
    struct watch w = {.f = fixture_create("builtin:demo",
                                          FIXTURE_SET("structure.cells_a=3", "structure.cells_b=3",
                                                      "structure.repeats=1", "protocol.cycles=1",
                                                      "protocol.slice_percent=4"))};
    struct replica *r = &w.f->replica;
    struct protocol p;
    struct protocol_observer o = {.context = &w, .census = true, .slice = on_slice};
    r->ops->free(r->engine);
    r->ops = ops;
    r->engine = ops->create(r->model, &r->state, 1);
    cr_assert_not_null(r->engine);
    couples_of(&w.couples, r->species, &r->cell);
    protocol_init(&p, w.f->scenario);
    cr_assert_eq(protocol_run(r, &p, &o, stderr), 0);
    cr_assert_gt(w.slices, 20);
    cr_assert_gt(w.oxygen, 5);
    fixture_free(w.f);
}

Test(couples, charge_of_all_couples_is_that_of_the_li_exact) {
    follow_a_cycle(&engine_exact);
}

Test(couples, charge_of_all_couples_is_that_of_the_li_cpu) {
    follow_a_cycle(&engine_cpu);
}

Test(couples, are_the_elements_that_change_valence_and_three_of_oxygen) {
    struct fixture *f =
        fixture_create("builtin:demo", FIXTURE_SET("structure.cells_a=3", "structure.cells_b=3",
                                                   "structure.repeats=1"));
    struct couples c;
    couples_of(&c, &f->species, &f->replica.cell);
    cr_assert_eq(c.n, 6); /* Al, Ti and others are known to the table but not in this crystal */
    cr_assert_str_eq(c.name[0], "Co");
    cr_assert_str_eq(c.name[1], "Mn");
    cr_assert_str_eq(c.name[2], "Ni");
    cr_assert_str_eq(c.name[3], "O hole");
    cr_assert_str_eq(c.name[4], "O dimer");
    cr_assert_str_eq(c.name[5], "O2");
    fixture_free(f);
}

Test(couples, a_census_counts_site_by_site) {
    struct fixture *f =
        fixture_create("builtin:demo", FIXTURE_SET("structure.cells_a=3", "structure.cells_b=3",
                                                   "structure.repeats=1"));
    const struct state *s = fixture_state(f);
    struct census all, one = {{0}, {0}};
    fixture_randomise(f, 7);
    couples_census(&all, &s->x);
    for (int64_t site = 0; site < s->n_sites; site++) {
        bool oxygen = lattice_coord_of(s->x.lattice, site).kind == SITE_O;
        int64_t layer = (int64_t)s->x.lattice->na * s->x.lattice->nb;
        cr_assert_eq(census_is_oxygen(site, layer), oxygen);
        if (oxygen)
            one.anion[rate_model_state(s->x.occupancy[site])]++;
        else if (s->x.occupancy[site] != SITE_OUTSIDE)
            one.cation[s->x.occupancy[site]]++;
    }
    cr_assert_arr_eq(&all, &one, sizeof all);
    fixture_free(f);
}
