/* Guarantee: voids are found with the right size, content and connection through the periodic box.
 */
#include <criterion/criterion.h>
#include "../kmc/clusters.h"
#include "fixture.h"

static struct lattice_coord at(int32_t plane, int32_t kind, int32_t i, int32_t j) {
    struct lattice_coord c = {plane, kind, i, j};
    return c;
}

/* O3 box of 6 x 6 cells and 6 planes: Mn4+ in every TM oct, Li in every Li oct, all O as O2-. */
static struct fixture *full_crystal(void) {
    struct fixture *f =
        fixture_create("builtin:o3-lmr", FIXTURE_SET("structure.cells_a=6", "structure.cells_b=6",
                                                     "structure.repeats=1"));
    uint8_t mn = (uint8_t)fixture_species(f, "Mn", 4);
    fixture_clear(f, ANION_OXIDE);
    for (int32_t p = 0; p < 6; p++)
        for (int32_t cell = 0; cell < 36; cell++)
            f->replica.state.x
                .occupancy[lattice_site(&f->model->lattice, at(p, SITE_OCT, cell % 6, cell / 6))] =
                lattice_is_tm_gap(p) ? mn : CATION_LI;
    state_rebuild(&f->replica.state, f->model);
    return f;
}

static struct clusters find(struct fixture *f) {
    struct clusters c;
    cr_assert(clusters_find(&c, f->model, &f->replica.state.x));
    return c;
}

static void expect(struct fixture *f, int64_t n, int64_t largest, int64_t o2, bool percolates) {
    struct clusters c = find(f);
    cr_expect_eq(c.n, n, "expected %lld clusters, found %lld", (long long)n, (long long)c.n);
    cr_expect_eq(c.largest, largest, "expected size %lld, found %lld", (long long)largest,
                 (long long)c.largest);
    cr_expect_eq(c.percolates, percolates);
    int64_t found = 0;
    for (int64_t k = 0; k < c.n; k++)
        found += c.entry[k].o2;
    cr_expect_eq(found, o2, "expected %lld O in O2, found %lld", (long long)o2, (long long)found);
    clusters_free(&c);
}

/* Vacates the octs around an O in one of the two kinds of layers. */
static void vacate(struct fixture *f, struct lattice_coord o, bool tm_layer) {
    const struct lattice *l = &f->model->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(l, o);
    for (int v = 0; v < st->n_oct; v++) {
        struct lattice_coord c = lattice_step(l, o, st->oct[v]);
        if (lattice_is_tm_gap(c.plane) == tm_layer)
            fixture_put(f, c, CATION_VACANCY);
    }
}

Test(clusters, full_crystal_has_none) {
    struct fixture *f = full_crystal();
    expect(f, 0, 0, 0, false);
    struct clusters c = find(f);
    cr_assert_eq(c.number_mean, 0);
    cr_assert_eq(c.weight_mean, 0);
    clusters_free(&c);
    fixture_free(f);
}

Test(clusters, ordinary_delithiation_is_no_void) {
    struct fixture *f = full_crystal();
    for (int64_t s = 0; s < f->replica.state.n_sites; s++)
        if (lattice_coord_of(&f->model->lattice, s).kind == SITE_OCT &&
            f->replica.state.x.occupancy[s] == CATION_LI)
            f->replica.state.x.occupancy[s] = CATION_VACANCY;
    state_rebuild(&f->replica.state, f->model);
    expect(f, 0, 0, 0, false);
    /* one or two TM gone: every O keeps a TM still */
    fixture_put(f, at(2, SITE_OCT, 1, 1), CATION_VACANCY);
    fixture_put(f, at(2, SITE_OCT, 2, 1), CATION_VACANCY);
    expect(f, 0, 0, 0, false);
    fixture_free(f);
}

/* Three TM around an O gone: the O has none, its three TM octs are a void; the three Li octs join
 * when they are empty. */
Test(clusters, orphaned_oxygen_opens_a_void) {
    struct fixture *f = full_crystal();
    struct lattice_coord o = at(2, SITE_O, 3, 3);
    vacate(f, o, true);
    expect(f, 1, 3, 0, false);
    vacate(f, o, false);
    expect(f, 1, 6, 0, false);
    fixture_free(f);
}

Test(clusters, oxygen_vacancy_counts_with_its_empty_octs) {
    struct fixture *f = full_crystal();
    struct lattice_coord o = at(3, SITE_O, 2, 2);
    fixture_put(f, o, ANION_VACANCY);
    expect(f, 1, 1, 0, false);
    vacate(f, o, false);
    expect(f, 1, 4, 0, false);
    fixture_free(f);
}

/* Turns an O and its neighbour in direction `dir` into O2. */
static void put_o2(struct fixture *f, struct lattice_coord o, int dir) {
    const struct lattice_stencil *st = lattice_stencil_of(&f->model->lattice, o);
    fixture_put_pair(f, o, (uint8_t)(ANION_MOLECULAR | dir << 4),
                     lattice_step(&f->model->lattice, o, st->oxygen[dir]),
                     (uint8_t)(ANION_MOLECULAR | st->reverse[dir] << 4));
}

Test(clusters, molecules_are_counted_but_not_as_size) {
    struct fixture *f = full_crystal();
    put_o2(f, at(2, SITE_O, 3, 3), 0);
    expect(f, 1, 0, 2, false);
    vacate(f, at(2, SITE_O, 3, 3), true);
    expect(f, 1, 3, 2, false);
    fixture_free(f);
}

Test(clusters, means_weigh_as_documented) {
    struct fixture *f = full_crystal();
    vacate(f, at(0, SITE_O, 1, 1), true); /* size 3 */
    vacate(f, at(2, SITE_O, 4, 4), true);
    vacate(f, at(2, SITE_O, 4, 4), false); /* size 6 */
    struct clusters c = find(f);
    cr_assert_eq(c.n, 2);
    cr_assert_eq(c.entry[0].size, 3);
    cr_assert_eq(c.entry[1].size, 6);
    cr_assert_float_eq(c.number_mean, 4.5, 1e-12);
    cr_assert_float_eq(c.weight_mean, 45.0 / 9, 1e-12);
    cr_assert_eq(c.largest, 6);
    clusters_free(&c);
    fixture_free(f);
}

/* A row of O2 along a1 meets its own image; one missing O2 cuts it. */
Test(clusters, a_row_through_the_box_percolates) {
    struct fixture *f = full_crystal();
    const struct lattice *l = &f->model->lattice;
    struct lattice_coord o = at(2, SITE_O, 0, 3), next = at(2, SITE_O, 1, 3);
    const struct lattice_stencil *st = lattice_stencil_of(l, o);
    int dir = 0;
    while (lattice_neighbor(l, o, st->oxygen[dir]) != lattice_site(l, next))
        dir++;
    for (int32_t i = 0; i < 6; i += 2)
        put_o2(f, at(2, SITE_O, i, 3), dir);
    expect(f, 1, 0, 6, true);
    fixture_put_pair(f, at(2, SITE_O, 2, 3), ANION_OXIDE, at(2, SITE_O, 3, 3), ANION_OXIDE);
    expect(f, 1, 0, 4, false); /* still one cluster, across the edge of the box */
    fixture_free(f);
}

/* Vacates an O in each plane, each above the one before; the base-3 digits of `path` choose among
 * the three above.  Returns whether the O in the last plane and the first O are neighbours. */
static bool drill(struct fixture *f, int path) {
    const struct lattice *l = &f->model->lattice;
    struct lattice_coord first = at(0, SITE_O, 3, 3), o = first;
    for (int32_t p = 0; p < 5; p++) {
        fixture_put(f, o, ANION_VACANCY);
        o = lattice_step(l, o, lattice_stencil_of(l, o)->oxygen[6 + path % 3]);
        path /= 3;
    }
    fixture_put(f, o, ANION_VACANCY);
    bool closes = false;
    for (int v = 6; v < 9; v++)
        closes = closes || lattice_neighbor(l, o, lattice_stencil_of(l, o)->oxygen[v]) ==
                               lattice_site(l, first);
    return closes;
}

Test(clusters, a_column_percolates_along_c_only_when_it_closes) {
    enum { PATH_STRIDE = 5, PATHS = 49 };
    int closed = 0;
    for (int path = 0; path < 243; path += PATH_STRIDE) {
        struct fixture *f = full_crystal();
        bool closes = drill(f, path);
        expect(f, 1, 6, 0, closes);
        closed += closes;
        fixture_free(f);
    }
    cr_assert(closed > 0 && closed < PATHS, "%d of %d columns close: both cases are needed", closed,
              PATHS);
}

Test(clusters, two_ends_that_only_touch_the_edge_do_not_percolate) {
    struct fixture *f = full_crystal();
    fixture_put(f, at(2, SITE_O, 0, 0), ANION_VACANCY);
    fixture_put(f, at(2, SITE_O, 5, 0), ANION_VACANCY);
    fixture_put(f, at(2, SITE_O, 5, 5), ANION_VACANCY);
    expect(f, 1, 3, 0, false);
    fixture_free(f);
}
