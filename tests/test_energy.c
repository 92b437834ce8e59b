/* Guarantee: every energy change that the moves and events use equals the difference of two
 * recounts, to the ueV. */
#include <criterion/criterion.h>
#include "fixture.h"

#define SMALL                                                                                      \
    "structure.cells_a=4", "structure.cells_b=4", "structure.repeats=1",                           \
        "structure.order=solid-solution"

/* Crystals that between them hold every kind of site, ion and anion. */
static struct fixture *crystal(int k) {
    switch (k) {
    case 0:
        return fixture_create("builtin:o3-lmr", FIXTURE_SET(SMALL));
    case 1:
        return fixture_create("builtin:o2-lmr", FIXTURE_SET(SMALL));
    case 2:
        return fixture_create("builtin:o2-o3-hybrid",
                              FIXTURE_SET("structure.cells_a=3", "structure.cells_b=3"));
    case 3:
        return fixture_create("builtin:o3-lmr", FIXTURE_SET(SMALL, "structure.geometry=slab"));
    case 4:
        return fixture_create("builtin:o2-lmr",
                              FIXTURE_SET("structure.cells_a=8", "structure.cells_b=8",
                                          "structure.repeats=1", "structure.order=solid-solution",
                                          "structure.geometry=particle",
                                          "structure.vacuum_cells=1"));
    case 5:
        return fixture_create("builtin:lmr-k-pillar", FIXTURE_SET(SMALL));
    case 6:
        return fixture_create("builtin:lmr-al", FIXTURE_SET(SMALL));
    case 7:
        return fixture_create("builtin:lmr-f", FIXTURE_SET(SMALL));
    default:
        return fixture_create("builtin:o3-lmr",
                              FIXTURE_SET("structure.cells_a=3", "structure.cells_b=3",
                                          "structure.stacking=ABAC", "structure.repeats=1"));
    }
}
enum { CRYSTALS = 9 };

static int64_t recount(const struct fixture *f) {
    return state_recount(&f->replica.state, f->model);
}

static struct lattice_coord at(int32_t plane, int32_t kind, int32_t i, int32_t j) {
    struct lattice_coord c = {plane, kind, i, j};
    return c;
}

/* ---- hand-computed crystals: k = 2778 ueV (K = 0.8 eV / 288), deviation of an O2- alone = -24
 * ---- */

enum { K288 = 2778 };

/* Empty O3 box, 3 x 3 x 6 planes, with the numbers that the tests below compute with. */
static struct fixture *empty_box(void) {
    struct fixture *f = fixture_create(
        "builtin:o3-lmr",
        FIXTURE_SET("structure.cells_a=3", "structure.cells_b=3", "structure.repeats=1",
                    "model.valence_stiffness_eV=0.8", "model.li_tet_eV=0.4",
                    "model.tm_oct_li_layer_eV=0.3", "model.tm_tet_li_layer_eV=0.5",
                    "model.tm_tet_tm_layer_eV=1.1", "model.face_tet_oct_li_li_eV=0.6",
                    "model.hole_eV=4.15", "model.hole_free_tm=2", "model.hole_per_extra_tm_eV=0.3",
                    "model.peroxo_free_tm=1", "model.orphan_no_tm_eV=0.9",
                    "model.orphan_one_tm_eV=0.7", "model.pair_hole_hole_eV=0.12",
                    "model.molecular_eV=8.3", "model.bond_peroxo_eV=0.1",
                    "model.bond_superoxo_eV=-1.25", "model.bond_molecular_eV=-2.6",
                    "elements.Ni.oxidation_eV=[3.6,3.9]", "elements.Mn.oxidation_eV=[3.1]",
                    "elements.Mn.li_layer_extra_eV=0", "elements.Mn.tet_extra_eV=0"));
    fixture_clear(f, ANION_OXIDE);
    return f;
}

static int64_t energy_of(struct fixture *f, struct lattice_coord c, int species) {
    int64_t before = recount(f);
    fixture_put(f, c, (uint8_t)species);
    return recount(f) - before;
}

Test(energy, bare_oxygen_costs_its_missing_bonds) {
    struct fixture *f = empty_box();
    cr_assert_eq(f->model->valence_unit, K288);
    cr_assert_eq(recount(f), 54 * K288 * 24 * 24);
    fixture_free(f);
}

Test(energy, single_ions_have_their_hand_computed_energy) {
    struct fixture *f = empty_box();
    int ni2 = fixture_species(f, "Ni", 2), ni4 = fixture_species(f, "Ni", 4),
        mn4 = fixture_species(f, "Mn", 4);
    /* n O of deviation -24 + D q each; D = 2 in an oct, 3 in a tet */
    cr_assert_eq(energy_of(f, at(0, SITE_OCT, 0, 0), CATION_LI), 6 * K288 * (22 * 22 - 576));
    fixture_clear(f, ANION_OXIDE);
    cr_assert_eq(energy_of(f, at(1, SITE_TET_UP, 1, 2), CATION_LI),
                 4 * K288 * (21 * 21 - 576) + 400000);
    fixture_clear(f, ANION_OXIDE);
    cr_assert_eq(energy_of(f, at(2, SITE_OCT, 1, 1), ni2), 6 * K288 * (20 * 20 - 576));
    fixture_clear(f, ANION_OXIDE);
    cr_assert_eq(energy_of(f, at(2, SITE_OCT, 1, 1), ni4),
                 6 * K288 * (16 * 16 - 576) + 3600000 + 3900000);
    fixture_clear(f, ANION_OXIDE);
    cr_assert_eq(energy_of(f, at(3, SITE_OCT, 1, 1), mn4),
                 6 * K288 * (16 * 16 - 576) + 3100000 + 300000);
    fixture_clear(f, ANION_OXIDE);
    cr_assert_eq(energy_of(f, at(3, SITE_TET_DOWN, 0, 2), mn4),
                 4 * K288 * (12 * 12 - 576) + 3100000 + 500000);
    fixture_clear(f, ANION_OXIDE);
    cr_assert_eq(energy_of(f, at(4, SITE_TET_DOWN, 0, 2), mn4),
                 4 * K288 * (12 * 12 - 576) + 3100000 + 1100000);
    fixture_free(f);
}

/* A Li oct with a Li tet that shares its face: 3 O in common, one face of 0.60 eV. */
Test(energy, face_sharing_pair_has_its_hand_computed_energy) {
    struct fixture *f = empty_box();
    struct lattice_coord oct = at(1, SITE_OCT, 1, 1);
    const struct lattice_stencil *st = lattice_stencil_of(&f->model->lattice, oct);
    struct lattice_coord tet = lattice_step(&f->model->lattice, oct, st->face[0]);
    int64_t bare = recount(f);
    fixture_put(f, oct, CATION_LI);
    fixture_put(f, tet, CATION_LI);
    int64_t pair = 3 * (19 * 19 - 576) + 3 * (22 * 22 - 576) + 1 * (21 * 21 - 576);
    cr_assert_neq(tet.kind, SITE_OCT);
    cr_assert_eq(recount(f) - bare, K288 * pair + 400000 + 600000);
    fixture_free(f);
}

/* Neighbouring O without cations: hole 4.15 - 0.9 eV (orphan), deviation -12; pair 0.12; bonds 0.1,
 * -1.25, -2.6; O in O2 8.3 eV, deviation 0. */
Test(energy, oxidised_oxygen_has_its_hand_computed_energy) {
    struct fixture *f = empty_box();
    const struct lattice *l = &f->model->lattice;
    struct lattice_coord o = at(2, SITE_O, 1, 1);
    const struct lattice_stencil *st = lattice_stencil_of(l, o);
    int v = 7;
    struct lattice_coord p = lattice_step(l, o, st->oxygen[v]);
    int64_t oxide = K288 * 576, hole = K288 * 144 + 3250000 - oxide, molecular = 8300000 - oxide,
            bare = recount(f);
    int first = v << 4, second = st->reverse[v] << 4;
    fixture_put(f, o, ANION_HOLE);
    cr_assert_eq(recount(f) - bare, hole);
    fixture_put(f, p, ANION_HOLE);
    cr_assert_eq(recount(f) - bare, 2 * hole + 120000);
    fixture_put_pair(f, o, (uint8_t)(ANION_PEROXO | first), p, (uint8_t)(ANION_PEROXO | second));
    cr_assert_eq(recount(f) - bare, 2 * hole + 100000);
    fixture_put(f, o, (uint8_t)(ANION_MOLECULAR | first));
    cr_assert_eq(recount(f) - bare, hole + molecular - 1250000);
    fixture_put(f, p, (uint8_t)(ANION_MOLECULAR | second));
    cr_assert_eq(recount(f) - bare, 2 * molecular - 2600000);
    fixture_free(f);
}

/* A hole beside three TM pays 0.3 eV for the third; with two it pays nothing. */
Test(energy, holes_feel_their_transition_metals) {
    struct fixture *f = empty_box();
    const struct lattice *l = &f->model->lattice;
    struct lattice_coord o = at(2, SITE_O, 1, 1);
    const struct lattice_stencil *st = lattice_stencil_of(l, o);
    int mn = fixture_species(f, "Mn", 4);
    static const int64_t expected[] = {3250000, 3450000, 4150000, 4450000};
    for (int n = 0, v = 0; n <= 3; n++) {
        int64_t d = -24 + 8 * n, before = recount(f);
        fixture_put(f, o, ANION_HOLE);
        cr_assert_eq(recount(f) - before, expected[n] + K288 * ((d + 12) * (d + 12) - d * d),
                     "%d TM", n);
        fixture_put(f, o, ANION_OXIDE);
        while (v < st->n_oct && !lattice_is_tm_gap(lattice_step(l, o, st->oct[v]).plane))
            v++;
        fixture_put(f, lattice_step(l, o, st->oct[v++]), (uint8_t)mn);
    }
    fixture_free(f);
}

/* ---- random crystals ---- */

static void check_place(struct fixture *f, struct state *x) {
    const struct rate_model *m = f->model;
    for (int64_t s = 0; s < x->n_sites; s += 5) {
        struct lattice_coord c = lattice_coord_of(&m->lattice, s);
        uint8_t ion = x->x.occupancy[s];
        if (c.kind == SITE_O || ion == SITE_OUTSIDE)
            continue;
        if (ion != CATION_VACANCY)
            energy_apply_cation(m, &x->x, c, ion, -1);
        int64_t without = state_recount(x, m);
        int species = 1 + (int)(s % (f->species.n_species - 1));
        int64_t place = energy_place(m, &x->x, c, species, NULL);
        energy_apply_cation(m, &x->x, c, species, +1);
        cr_assert_eq(place, state_recount(x, m) - without, "site %lld, species %d", (long long)s,
                     species);
        energy_apply_cation(m, &x->x, c, species, -1);
        if (ion != CATION_VACANCY)
            energy_apply_cation(m, &x->x, c, ion, +1);
    }
}

/* An ion judged on another site, or as another species on its own, while the configuration still
 * holds it. */
static int64_t check_place_beside(struct fixture *f, struct state *x) {
    const struct rate_model *m = f->model;
    int64_t checked = 0;
    for (int64_t s = 0; s < x->n_sites; s += 3) {
        struct lattice_coord c = lattice_coord_of(&m->lattice, s);
        uint8_t ion = x->x.occupancy[s];
        if (c.kind == SITE_O || ion == SITE_OUTSIDE || ion == CATION_VACANCY)
            continue;
        struct energy_absent a;
        energy_take_off(m, &x->x, c, ion, &a);
        /* all sites that share an O with it, itself among them, and a sample of the others */
        for (int64_t t = 0; t < x->n_sites; t++) {
            struct lattice_coord d = lattice_coord_of(&m->lattice, t);
            bool near = tokens_shared(&x->x, c, d) > 0;
            int species = t % 3 ? ion : 1 + (int)(t % (f->species.n_species - 1));
            if (d.kind == SITE_O || (!near && (s + t) % 29) ||
                (t != s && x->x.occupancy[t] != CATION_VACANCY))
                continue;
            int64_t place = energy_place(m, &x->x, d, species, &a);
            energy_apply_cation(m, &x->x, c, ion, -1);
            int64_t without = state_recount(x, m);
            energy_apply_cation(m, &x->x, d, species, +1);
            cr_assert_eq(place, state_recount(x, m) - without,
                         "ion %d of site %lld as %d on site %lld", ion, (long long)s, species,
                         (long long)t);
            energy_apply_cation(m, &x->x, d, species, -1);
            energy_apply_cation(m, &x->x, c, ion, +1);
            checked++;
        }
    }
    return checked;
}

/* Caches after changes equal a rebuild. */
static void check_caches(struct fixture *f, struct state *x) {
    struct state fresh = fixture_copy(f, x);
    cr_assert_arr_eq(x->x.deviation, fresh.x.deviation,
                     (size_t)x->n_oxygen * sizeof *x->x.deviation);
    cr_assert_arr_eq(x->x.n_tm, fresh.x.n_tm, (size_t)x->n_oxygen);
    state_free(&fresh);
}

Test(energy, placing_an_ion_equals_a_recount) {
    for (int k = 0; k < CRYSTALS; k++) {
        struct fixture *f = crystal(k);
        for (uint64_t seed = 1; seed <= 4; seed++) {
            fixture_randomise(f, seed);
            check_place(f, fixture_state(f));
            check_caches(f, fixture_state(f));
        }
        fixture_free(f);
    }
}

Test(energy, placing_an_ion_that_is_still_elsewhere_equals_a_recount) {
    int64_t checked = 0;
    for (int k = 0; k < CRYSTALS; k++) {
        struct fixture *f = crystal(k);
        fixture_randomise(f, 40 + (uint64_t)k);
        checked += check_place_beside(f, fixture_state(f));
        check_caches(f, fixture_state(f));
        fixture_free(f);
    }
    cr_assert_gt(checked, 5000, "%lld pairs of sites only", (long long)checked);
}

/* One token added to or taken from any site, bonded O included. */
static void check_tokens(struct fixture *f, struct state *x) {
    const struct rate_model *m = f->model;
    int64_t before = state_recount(x, m);
    for (int64_t s = 0; s < x->n_sites; s++)
        for (int gain = -1; gain <= 1; gain += 2) {
            struct lattice_coord c = lattice_coord_of(&m->lattice, s);
            uint8_t byte = x->x.occupancy[s];
            if (gain > 0 ? !tokens_has_room(m, c.kind, byte) : !tokens_has(m, c.kind, byte))
                continue;
            int64_t energy = tokens_energy(m, &x->x, c, byte, gain);
            tokens_apply(m, &x->x, c, gain);
            cr_assert_eq(energy, state_recount(x, m) - before, "site %lld, byte %d, gain %d",
                         (long long)s, byte, gain);
            tokens_apply(m, &x->x, c, -gain);
        }
    cr_assert_eq(state_recount(x, m), before);
}

Test(energy, adding_and_taking_a_token_equals_a_recount) {
    for (int k = 0; k < CRYSTALS; k++) {
        struct fixture *f = crystal(k);
        for (uint64_t seed = 5; seed <= 6; seed++) {
            fixture_randomise(f, seed);
            check_tokens(f, fixture_state(f));
            check_caches(f, fixture_state(f));
        }
        fixture_free(f);
    }
}

/* Do two cation sites share a face, or are two O neighbours? */
static bool in_contact(const struct lattice *l, struct lattice_coord a, struct lattice_coord b) {
    const struct lattice_stencil *st = lattice_stencil_of(l, a);
    bool oxygen = a.kind == SITE_O;
    int n = oxygen ? st->n_oxygen : st->n_face;
    for (int v = 0; v < n; v++)
        if (lattice_neighbor(l, a, oxygen ? st->oxygen[v] : st->face[v]) == lattice_site(l, b))
            return true;
    return false;
}

static bool unbonded(int32_t kind, uint8_t byte) {
    return kind != SITE_O || rate_model_state(byte) <= ANION_HOLE;
}

/* The closed formula of a move a -> b as in kernels/energy.h. */
static int64_t move_energy(const struct rate_model *m, const struct configuration *x,
                           struct lattice_coord a, struct lattice_coord b) {
    uint8_t byte_a = x->occupancy[lattice_site(&m->lattice, a)],
            byte_b = x->occupancy[lattice_site(&m->lattice, b)];
    bool contact = (a.kind == SITE_O) == (b.kind == SITE_O) && in_contact(&m->lattice, a, b);
    int64_t energy =
        tokens_energy(m, x, a, byte_a, -1) + tokens_energy(m, x, b, byte_b, +1) +
        tokens_cross(m, a.kind, b.kind, byte_a, byte_b, tokens_shared(x, a, b), contact);
    return energy - (contact && a.kind == SITE_O ? m->pair[ANION_HOLE][ANION_HOLE] : 0);
}

static int64_t check_moves(struct fixture *f, struct state *x, int64_t stride) {
    const struct rate_model *m = f->model;
    int64_t before = state_recount(x, m), checked = 0;
    for (int64_t pair = 0; pair < x->n_sites * x->n_sites; pair += stride) {
        int64_t sa = pair / x->n_sites, sb = pair % x->n_sites;
        struct lattice_coord a = lattice_coord_of(&m->lattice, sa),
                             b = lattice_coord_of(&m->lattice, sb);
        uint8_t byte_a = x->x.occupancy[sa], byte_b = x->x.occupancy[sb];
        if (sa == sb || !tokens_has(m, a.kind, byte_a) || !tokens_has_room(m, b.kind, byte_b) ||
            !unbonded(a.kind, byte_a) || !unbonded(b.kind, byte_b))
            continue;
        int64_t energy = move_energy(m, &x->x, a, b);
        tokens_apply(m, &x->x, a, -1);
        tokens_apply(m, &x->x, b, +1);
        cr_assert_eq(energy, state_recount(x, m) - before, "token %lld -> %lld", (long long)sa,
                     (long long)sb);
        tokens_apply(m, &x->x, b, -1);
        tokens_apply(m, &x->x, a, +1);
        checked++;
    }
    return checked;
}

Test(energy, moving_a_token_between_any_two_sites_equals_a_recount) {
    int64_t checked = 0;
    for (int k = 0; k < CRYSTALS; k++) {
        struct fixture *f = crystal(k);
        fixture_randomise(f, 7 + (uint64_t)k);
        /* all pairs in the smallest boxes, a sample of odd stride in the others */
        checked += check_moves(f, fixture_state(f), k == CRYSTALS - 1 ? 1 : k == 4 ? 401 : 17);
        fixture_free(f);
    }
    cr_assert_gt(checked, 8000);
}

/* The engine takes the shared O from the stencil: in the smallest boxes no neighbour may come
 * twice. */
static void check_shared(struct fixture *f, int64_t site) {
    const struct rate_model *m = f->model;
    struct lattice_coord a = lattice_coord_of(&m->lattice, site);
    const struct lattice_stencil *st = lattice_stencil_of(&m->lattice, a);
    for (int v = 0; v < st->n_oct + st->n_tet; v++) {
        struct lattice_offset o = v < st->n_oct ? st->oct[v] : st->tet[v - st->n_oct];
        struct lattice_coord b = lattice_step(&m->lattice, a, o);
        int32_t shared = tokens_shared(&f->replica.state.x, a, b);
        cr_assert_eq(shared, o.shared, "site %lld, neighbour %d", (long long)site, v);
        cr_assert_eq(in_contact(&m->lattice, a, b), shared >= 3);
    }
}

Test(energy, stencils_know_the_shared_oxygen_in_the_smallest_boxes) {
    for (int k = 0; k < CRYSTALS; k += 2) {
        struct fixture *f = crystal(k);
        fixture_clear(f, ANION_OXIDE);
        for (int64_t s = 0; s < f->replica.state.n_sites; s++)
            if (lattice_coord_of(&f->model->lattice, s).kind != SITE_O)
                check_shared(f, s);
        fixture_free(f);
    }
}

/* ---- runs of the engine ---- */

Test(energy, running_energy_equals_a_recount_after_runs) {
    for (int k = 0; k < CRYSTALS; k++) {
        struct fixture *f = crystal(k);
        const char *problem = state_verify(fixture_state(f), f->model);
        static const double volts[] = {4.2, 4.7, 3.0, 4.9, 1.5};
        cr_assert_null(problem, "crystal %d, pristine: %s", k, problem);
        for (int v = 0; v < 5; v++) {
            fixture_scramble(f, volts[v], 3, 40, 2000);
            problem = state_verify(fixture_state(f), f->model);
            cr_assert_null(problem, "crystal %d at %.1f V: %s", k, volts[v], problem);
        }
        fixture_free(f);
    }
}
