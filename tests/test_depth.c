/* Guarantee: depth profiles count every ion once and put it where it is; the O budget closes exactly. */
#include <criterion/criterion.h>
#include "../kmc/budget.h"
#include "../kmc/depth.h"
#include "../kmc/units.h"
#include "fixture.h"

static struct depth profile(struct fixture *f) {
    struct depth d;
    cr_assert(depth_profile(&d, f->model, &f->replica.state.x));
    return d;
}

static struct depth_bin sum(const struct depth *d) {
    struct depth_bin s = {0};
    for (int32_t k = 0; k < d->n; k++) {
        s.sites += d->bin[k].sites;
        s.vacant += d->bin[k].vacant;
        s.molecular += d->bin[k].molecular;
        s.tm += d->bin[k].tm;
        s.tm_li_layer += d->bin[k].tm_li_layer;
        s.tm_valence += d->bin[k].tm_valence;
        s.li += d->bin[k].li;
    }
    return s;
}

/* All bins together are the crystal. */
static void expect_whole(struct fixture *f) {
    struct depth d = profile(f);
    struct depth_bin all = sum(&d);
    struct structure s;
    structure_count(&s, f->model, &f->species, &f->replica.state.x);
    cr_expect_eq(all.sites - all.vacant, s.n_anions);
    cr_expect_eq(all.molecular, s.molecular);
    cr_expect_eq(all.tm, DEPTH_PARTS * s.tm);
    cr_expect_eq(all.tm_li_layer, DEPTH_PARTS * (s.tm_li_oct + s.tm_li_tet));
    cr_expect_eq(all.li, DEPTH_PARTS * f->replica.state.n_li);
    int64_t valence = 0;
    for (int k = 2; k < f->species.n_species; k++)
        if (f->model->group[k] == GROUP_TM)
            valence += s.species[k] * f->species.species[k].charge;
    cr_expect_eq(all.tm_valence, DEPTH_PARTS * valence);
}

Test(depth, bulk_has_no_surface) {
    struct fixture *f =
        fixture_create("builtin:o3-lmr", FIXTURE_SET("structure.cells_a=6", "structure.cells_b=6"));
    cr_expect_eq(profile(f).n, 0);
    fixture_free(f);
}

Test(depth, a_slab_is_counted_by_planes) {
    struct fixture *f = fixture_create(
        "builtin:o3-lmr", FIXTURE_SET("structure.cells_a=6", "structure.cells_b=6",
                                      "structure.repeats=2", "structure.geometry=slab"));
    struct depth d = profile(f);
    cr_assert_eq(d.n, 6); /* twelve planes, two faces */
    for (int k = 0; k < 6; k++)
        cr_expect_eq(d.bin[k].sites, 2 * 36);
    expect_whole(f);
    fixture_put(f, (struct lattice_coord){1, SITE_O, 2, 2}, ANION_VACANCY);
    fixture_put(f, (struct lattice_coord){10, SITE_O, 2, 2}, ANION_VACANCY);
    fixture_put(f, (struct lattice_coord){5, SITE_O, 2, 2}, ANION_VACANCY);
    d = profile(f);
    cr_expect(d.bin[1].vacant == 2 && d.bin[5].vacant == 1 && d.bin[0].vacant == 0);
    fixture_free(f);
}

/* A Mn in a Li oct between the second and third plane belongs half to each. */
Test(depth, a_cation_is_shared_by_its_oxygens) {
    struct fixture *f = fixture_create(
        "builtin:o3-lmr", FIXTURE_SET("structure.cells_a=6", "structure.cells_b=6",
                                      "structure.repeats=2", "structure.geometry=slab"));
    uint8_t mn = (uint8_t)fixture_species(f, "Mn", 3);
    struct depth before = profile(f);
    fixture_put(f, (struct lattice_coord){1, SITE_OCT, 3, 3}, mn);
    struct depth d = profile(f);
    for (int k = 0; k < 6; k++) {
        int64_t part = k == 1 || k == 2 ? DEPTH_PARTS / 2 : 0;
        cr_expect_eq(d.bin[k].tm_li_layer - before.bin[k].tm_li_layer, part);
        cr_expect_eq(d.bin[k].tm_valence - before.bin[k].tm_valence, 3 * part);
    }
    fixture_free(f);
}

Test(depth, a_particle_has_all_its_ions) {
    struct fixture *f = fixture_create(
        "builtin:o3-lmr",
        FIXTURE_SET("structure.cells_a=14", "structure.cells_b=14", "structure.repeats=2",
                    "structure.geometry=particle", "structure.vacuum_cells=2"));
    struct depth d = profile(f);
    cr_expect_geq(d.n, 3);
    cr_expect_gt(d.bin[0].sites, d.bin[d.n - 1].sites);
    expect_whole(f);
    fixture_scramble(f, 4.6, 3, 3, 1e3);
    expect_whole(f);
    fixture_free(f);
}

/* ---- budget ---- */

static struct budget budget_now(struct fixture *f) {
    struct structure s;
    struct budget b;
    structure_count(&s, f->model, &f->species, &f->replica.state.x);
    budget_of(&b, &s, &f->replica.pristine);
    cr_assert_eq(b.pristine, b.oxide + b.hole + b.dimer + b.molecular + b.lost);
    return b;
}

Test(budget, closes_through_charge_and_discharge) {
    struct fixture *f =
        fixture_create("builtin:lmr-f",
                       FIXTURE_SET(FIXTURE_CHEMISTRY, "structure.cells_a=9", "structure.cells_b=9",
                                   "structure.repeats=1", "conditions.temperature_K=400"));
    struct budget b = budget_now(f);
    cr_expect(b.oxide == b.pristine && b.pristine < 9 * 9 * 6); /* the rest is F */
    int64_t dimers = 0, molecular = 0;
    const double voltage[] = {4.3, 4.6, 4.8, 4.8, 4.0, 3.0};
    for (int k = 0; k < 6; k++) {
        fixture_scramble(f, voltage[k], 3, 4, 1e4);
        b = budget_now(f);
        cr_expect_eq(b.lost, 0);
        dimers += b.dimer;
        molecular += b.molecular;
    }
    cr_expect(dimers > 0 && molecular > 0, "%lld in dimers, %lld in O2", (long long)dimers,
              (long long)molecular);
    fixture_free(f);
}

Test(budget, what_is_gone_is_lost) {
    struct fixture *f =
        fixture_create("builtin:o3-lmr", FIXTURE_SET("structure.cells_a=6", "structure.cells_b=6"));
    for (int32_t i = 0; i < 3; i++)
        fixture_put(f, (struct lattice_coord){2, SITE_O, i, i}, ANION_VACANCY);
    struct budget b = budget_now(f);
    cr_expect_eq(b.lost, 3);
    cr_expect_float_eq(budget_share(&b, b.lost), 3.0 / (double)b.pristine, 1e-15);
    fixture_free(f);
}

/* 4.0 mL/g of Li1.18Ni0.21Mn0.53Co0.08O2 (86.3 g/mol) is 1.5 % of its O. */
Test(budget, gas_is_at_standard_conditions) {
    double mass = 86.34, share = 4.0 / budget_mL_per_g(2, mass);
    cr_expect_float_eq(share, 0.0154, 0.0002);
    cr_expect_float_eq(budget_mL_per_g(2, 22414), 1, 1e-12);
}
