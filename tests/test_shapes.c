/* Guarantee: slabs, films and particles have the surface, the vacuum and the ions that belong to their shape.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include "crystal.h"

static int oxygens_around(const struct crystal *x, struct lattice_coord c) {
    const struct lattice *l = &x->c.lattice;
    const struct lattice_stencil *s = lattice_stencil_of(l, c);
    int n = 0;
    for (int m = 0; m < s->n_vertex; m++)
        n += x->c.occupancy[lattice_neighbor(l, c, s->vertex[m])] != SITE_OUTSIDE;
    return n;
}

static void expect_coordination(const struct crystal *x) {
    for (int64_t s = 0; s < lattice_n_sites(&x->c.lattice); s++) {
        struct lattice_coord c = lattice_coord_of(&x->c.lattice, s);
        if (c.kind == SITE_O)
            continue;
        bool enough = oxygens_around(x, c) >= (c.kind == SITE_OCT ? 3 : 4);
        cr_assert_eq(x->c.occupancy[s] != SITE_OUTSIDE, enough);
    }
}

Test(shapes, surface_sites_exist_only_with_enough_oxygen) {
    const char *const shape[] = {"structure.particle_shape=box",
                                 "structure.particle_shape=hexagon"};
    struct crystal *x = crystal_build(CRYSTAL_HOST, SET("structure.geometry=slab"), 0);
    expect_coordination(x);
    crystal_free(x);
    for (int q = 0; q < 2; q++) {
        x = crystal_build(CRYSTAL_HOST,
                          SET("structure.geometry=particle", shape[q], "structure.vacuum_cells=1"),
                          0);
        expect_coordination(x);
        crystal_free(x);
    }
}

Test(shapes, slab_ends_in_half_filled_li_gaps) {
    struct crystal *x =
        crystal_build(CRYSTAL_HOST, SET("structure.geometry=slab", "structure.repeats=1"), 0);
    const int area = 144;
    struct recount r = crystal_recount(x);
    cr_assert_eq(x->c.lattice.n_planes, 8);
    cr_assert_eq(x->c.n_formula, 3 * area);
    for (int k = 0; k < 3; k++)
        cr_assert_eq(r.tm_gap[k], area);
    cr_assert_eq(r.tm_gap[3], 0);
    cr_assert_eq(r.li_gap[0] + r.li_gap[1], 2 * area);
    cr_assert_eq(r.li_gap[2] + r.li_gap[3], area);
    cr_assert(r.li_gap[2] > 0 && r.li_gap[3] > 0);
    for (int m = 0; m < area; m++) { /* both surface gaps have every oct of the bulk, with 3 O */
        struct lattice_coord top = {5, SITE_OCT, m % 12, m / 12},
                             below = {7, SITE_OCT, m % 12, m / 12};
        cr_assert_eq(oxygens_around(x, top), 3);
        cr_assert_eq(oxygens_around(x, below), 3);
        cr_assert_eq(crystal_byte(x, 6, SITE_O, m % 12, m / 12), SITE_OUTSIDE);
        cr_assert_eq(crystal_byte(x, 6, SITE_OCT, m % 12, m / 12), SITE_OUTSIDE);
    }
    crystal_free(x);
}

Test(shapes, particle_is_a_hexagon_inside_vacuum) {
    struct crystal *x =
        crystal_build(CRYSTAL_HOST,
                      SET("structure.geometry=particle", "structure.vacuum_cells=2",
                          "structure.cells_a=15", "structure.cells_b=15", "structure.repeats=1"),
                      0);
    int columns = 0;
    for (int m = 0; m < 225; m++) {
        bool oxygen = crystal_byte(x, 0, SITE_O, m % 15, m / 15) != SITE_OUTSIDE;
        columns += oxygen;
        if (oxygen)
            cr_assert(m % 15 >= 2 && m % 15 < 13 && m / 15 >= 2 && m / 15 < 13);
    }
    cr_assert_eq(columns, 3 * 5 * 6 + 1); /* eleven across: five rings around a column */
    cr_assert_eq(x->c.n_formula, 3 * columns);
    crystal_expect_sound(x);
    crystal_free(x);
}

/* Metal stays inside: TM octs with all six O are filled before those with fewer. */
Test(shapes, particle_fills_inner_octs_first) {
    struct crystal *x = crystal_build(CRYSTAL_HOST,
                                      SET("structure.geometry=particle", "structure.vacuum_cells=2",
                                          "structure.cells_a=15", "structure.cells_b=15",
                                          "structure.particle_shape=box"),
                                      0);
    int vacant_bulk = 0, filled_rim = 0, vacant_rim = 0;
    for (int64_t s = 0; s < lattice_n_sites(&x->c.lattice); s++) {
        struct lattice_coord c = lattice_coord_of(&x->c.lattice, s);
        if (c.kind != SITE_OCT || x->c.occupancy[s] == SITE_OUTSIDE)
            continue;
        bool filled = x->c.occupancy[s] != SPECIES_VACANCY, rim = oxygens_around(x, c) < 6;
        vacant_bulk += !filled && !rim;
        filled_rim += filled && rim;
        vacant_rim += !filled && rim;
    }
    cr_assert_eq(vacant_bulk, 0);
    cr_assert_gt(filled_rim, 0);
    cr_assert_gt(vacant_rim, 0);
    crystal_free(x);
}

/* Two O to a formula unit; the outermost columns alone are at the surface, along a2 and c there is none. */
Test(shapes, film_has_edges_along_a1_alone) {
    enum { NA = 10, NB = 3, VACUUM = 2, ACROSS = NA - 2 * VACUUM, PLANES = 12 };
    struct crystal *x =
        crystal_build(CRYSTAL_HOST,
                      SET("structure.geometry=film", "structure.vacuum_cells=2",
                          "structure.cells_a=10", "structure.cells_b=3", "structure.repeats=2"),
                      0);
    const struct lattice *l = &x->c.lattice;
    cr_assert_eq(l->n_planes, PLANES); /* none is empty */
    cr_assert_eq(x->c.n_formula, ACROSS * NB * PLANES / 2);
    crystal_expect_sound(x);
    expect_coordination(x);
    for (int64_t s = 0; s < lattice_n_sites(l); s++) {
        struct lattice_coord c = lattice_coord_of(l, s);
        struct lattice_coord row = {c.plane % 6, c.kind, c.i, 0}; /* one period of the stacking */
        bool inside = c.i >= VACUUM && c.i < NA - VACUUM;
        bool deep = c.i >= VACUUM + 1 && c.i < NA - VACUUM - 1;
        if (c.kind == SITE_O) {
            cr_assert_eq(x->c.occupancy[s] != SITE_OUTSIDE, inside);
            continue;
        }
        cr_assert_eq(oxygens_around(x, c), oxygens_around(x, row));
        if (deep)
            cr_assert_eq(oxygens_around(x, c), c.kind == SITE_OCT ? 6 : 4);
    }
    double area_A2 = 2 * NB * PLANES * x->c.a_A * x->c.a_A * sqrt(0.75);
    double grams = x->c.mass_g_per_mol * (double)x->c.n_formula / 6.02214076e23;
    cr_assert_float_eq(x->c.surface_m2_per_g, area_A2 * 1e-20 / grams, 1e-6);
    crystal_free(x);
}

Test(shapes, width_is_that_between_the_edges) {
    static const struct {
        const char *geometry, *outline;
        int columns;
    } box[] = {{"structure.geometry=bulk", "structure.particle_shape=box", 0},
               {"structure.geometry=slab", "structure.particle_shape=box", 0},
               {"structure.geometry=film", "structure.particle_shape=box", 11},
               {"structure.geometry=particle", "structure.particle_shape=box", 8},
               {"structure.geometry=particle", "structure.particle_shape=hexagon", 7}};
    for (int q = 0; q < 5; q++) {
        struct crystal *x =
            crystal_build(CRYSTAL_HOST,
                          SET(box[q].geometry, box[q].outline, "structure.vacuum_cells=2",
                              "structure.cells_a=15", "structure.cells_b=12"),
                          0);
        cr_assert_float_eq(x->c.width_A, box[q].columns * 2.85 * sqrt(3) / 2, 1e-9, "%s: %g A",
                           box[q].geometry, x->c.width_A);
        cr_assert_eq(x->c.surface_m2_per_g > 0, q > 0);
        crystal_free(x);
    }
}

/* A film is as wide as its columns along a1 say, however short it is along a2. */
Test(shapes, film_needs_whole_honeycombs_along_a2_alone) {
    struct crystal *x = crystal_build(CRYSTAL_HOST,
                                      SET("structure.geometry=film", "structure.order=composite",
                                          "structure.vacuum_cells=3", "structure.cells_a=11",
                                          "structure.cells_b=3", "structure.repeats=2"),
                                      0);
    crystal_expect_sound(x);
    cr_assert_gt(crystal_honeycomb(x), 0);
    crystal_free(x);
}
