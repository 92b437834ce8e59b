/* Guarantee: the pristine crystal has the composition, charge, order and shape that were asked for.
 */
#include <criterion/criterion.h>
#include "crystal.h"
#include "fixture.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../lattices/order.h"

/* ---- composition ---- */

Test(supercell, every_order_and_geometry_is_exact_and_neutral) {
    const char *const order[] = {"structure.order=composite", "structure.order=solid-solution",
                                 "structure.order=swap", "structure.order=ribbon"};
    const char *const geometry[][2] = {
        {"structure.geometry=bulk", "structure.particle_shape=box"},
        {"structure.geometry=slab", "structure.particle_shape=box"},
        {"structure.geometry=film", "structure.particle_shape=box"},
        {"structure.geometry=particle", "structure.particle_shape=box"},
        {"structure.geometry=particle", "structure.particle_shape=hexagon"}};
    for (int o = 0; o < 4; o++)
        for (int g = 0; g < 5; g++) {
            struct crystal *x = crystal_build(
                CRYSTAL_HOST,
                SET(order[o], geometry[g][0], geometry[g][1], "structure.vacuum_cells=2",
                    "structure.swap_sweeps=3", "structure.domain_cells=6"),
                3);
            struct recount r = crystal_recount(x);
            crystal_expect_sound(x);
            crystal_expect_amount(x, &r, "Li", 1.2);
            crystal_expect_amount(x, &r, "Ni", 0.13);
            crystal_expect_amount(x, &r, "Co", 0.13);
            crystal_expect_amount(x, &r, "Mn", 0.54);
            crystal_free(x);
        }
}

Test(supercell, stackings_are_exact_and_neutral) {
    const char *const stacking[] = {"structure.stacking=ABCB", "structure.stacking=ABACBCAC",
                                    "structure.stacking=ABCABCACBCAC"};
    for (int q = 0; q < 3; q++) {
        struct crystal *x = crystal_build(CRYSTAL_HOST, SET(stacking[q], "structure.repeats=2"), 0);
        crystal_expect_sound(x);
        crystal_free(x);
    }
}

Test(supercell, pillar_replaces_li_in_the_li_layer) {
    struct crystal *x = crystal_build(
        CRYSTAL_HOST, SET("dopant=[{element=\"K\", site=\"Li\", fraction=0.05, replaces=\"\"}]"),
        0);
    struct recount r = crystal_recount(x);
    crystal_expect_sound(x);
    crystal_expect_amount(x, &r, "K", 0.05);
    crystal_expect_amount(x, &r, "Li", 1.15);
    crystal_expect_amount(x, &r, "Mn", 0.54);
    int64_t in_li_octs = 0;
    for (int k = 1; k < x->c.lattice.n_planes; k += 2)
        for (int j = 0; j < x->c.lattice.nb; j++)
            for (int i = 0; i < x->c.lattice.na; i++)
                in_li_octs += crystal_holds(x, crystal_byte(x, k, SITE_OCT, i, j), "K");
    cr_assert_eq(in_li_octs, crystal_number_of(x, &r, "K"));
    crystal_free(x);
}

Test(supercell, tm_dopant_replaces_host_tm_in_proportion) {
    struct crystal *x = crystal_build(
        CRYSTAL_HOST, SET("dopant=[{element=\"Al\", site=\"TM\", fraction=0.08, replaces=\"\"}]"),
        0);
    struct recount r = crystal_recount(x);
    crystal_expect_sound(x);
    crystal_expect_amount(x, &r, "Al", 0.08);
    crystal_expect_amount(x, &r, "Ni", 0.13 * 0.9);
    crystal_expect_amount(x, &r, "Co", 0.13 * 0.9);
    crystal_expect_amount(x, &r, "Mn", 0.54 * 0.9);
    crystal_expect_amount(x, &r, "Li", 1.2);
    for (int k = 1; k < x->c.lattice.n_planes; k += 2)
        for (int j = 0; j < 12; j++)
            for (int i = 0; i < 12; i++)
                cr_assert_eq(crystal_byte(x, k, SITE_OCT, i, j), SPECIES_LI);
    crystal_free(x);
}

Test(supercell, tm_dopant_replaces_the_element_named) {
    struct crystal *x = crystal_build(
        CRYSTAL_HOST, SET("dopant=[{element=\"Al\", site=\"TM\", fraction=0.05, replaces=\"Co\"}]"),
        0);
    struct recount r = crystal_recount(x);
    crystal_expect_sound(x);
    crystal_expect_amount(x, &r, "Co", 0.08);
    crystal_expect_amount(x, &r, "Ni", 0.13);
    crystal_expect_amount(x, &r, "Mn", 0.54);
    crystal_free(x);
}

Test(supercell, fluorine_sits_on_oxygen_sites_and_reduces_mn) {
    struct crystal *x = crystal_build(
        CRYSTAL_HOST, SET("dopant=[{element=\"F\", site=\"O\", fraction=0.05, replaces=\"\"}]"), 0);
    struct recount r = crystal_recount(x);
    int mn = species_find_element(&x->t, "Mn");
    int64_t reduced = 0;
    for (int64_t s = 0; s < lattice_n_sites(&x->c.lattice); s++)
        reduced += lattice_coord_of(&x->c.lattice, s).kind == SITE_OCT &&
                   x->c.occupancy[s] == species_of(&x->t, mn, 3);
    crystal_expect_sound(x);
    crystal_expect_amount(x, &r, "F", 0.05);
    cr_assert_float_eq((double)reduced, 0.06 * 864, 3); /* 0.05 for F, 0.01 for the host formula */
    cr_assert_float_eq(x->c.charge_correction, (double)reduced / 864, 1e-12);
    char note[64];
    snprintf(note, sizeof note, "%lld of %lld Mn set to 3+", (long long)reduced,
             (long long)crystal_number_of(x, &r, "Mn"));
    cr_assert_str_eq(x->c.charge_note, note);
    crystal_free(x);
}

Test(supercell, missing_charge_oxidises_ni) {
    struct crystal *x = crystal_build(
        CRYSTAL_HOST, SET("dopant=[{element=\"Al\", site=\"TM\", fraction=0.1, replaces=\"Mn\"}]"),
        0);
    int ni = species_find_element(&x->t, "Ni");
    int64_t oxidised = 0;
    for (int64_t s = 0; s < lattice_n_sites(&x->c.lattice); s++)
        oxidised += lattice_coord_of(&x->c.lattice, s).kind == SITE_OCT &&
                    x->c.occupancy[s] == species_of(&x->t, ni, 3);
    crystal_expect_sound(x);
    cr_assert_float_eq((double)oxidised, 0.09 * 864, 3);
    cr_assert_float_eq(x->c.charge_correction, -(double)oxidised / 864, 1e-12);
    cr_assert(strstr(x->c.charge_note, "Ni set to 3+"));
    crystal_free(x);
}

/* 0.2 Al for Mn leaves 0.19 e; 0.13 Ni give one e each, 0.06 of them a second one. */
Test(supercell, ni_goes_to_four_plus_when_three_is_not_enough) {
    struct crystal *x = crystal_build(
        CRYSTAL_HOST, SET("dopant=[{element=\"Al\", site=\"TM\", fraction=0.2, replaces=\"Mn\"}]"),
        0);
    crystal_expect_sound(x);
    cr_assert(strstr(x->c.charge_note, "Ni set to 4+"), "%s", x->c.charge_note);
    crystal_free(x);
}

Test(supercell, dopant_that_is_a_host_element_adds_to_it) {
    struct crystal *x = crystal_build(
        CRYSTAL_HOST, SET("dopant=[{element=\"Co\", site=\"TM\", fraction=0.067, replaces=\"\"}]"),
        0);
    struct recount r = crystal_recount(x);
    crystal_expect_sound(x);
    crystal_expect_amount(x, &r, "Co", 0.197);
    crystal_expect_amount(x, &r, "Ni", 0.13 * 0.9);
    crystal_expect_amount(x, &r, "Mn", 0.54 * 0.9);
    crystal_free(x);
}

/* Ions dealt at random are spread over gaps and over the two halves of each as chance has it. */
static void expect_spread(const struct crystal *x, int first, int kind, uint8_t byte) {
    const int na = x->c.lattice.na, nb = x->c.lattice.nb;
    int count[24] = {0}, total = 0;
    const int stride = kind == SITE_O ? 1 : 2;
    for (int k = first; k < 12; k += stride)
        for (int m = 0; m < na * nb; m++)
            if (crystal_byte(x, k, kind, m % na, m / na) == byte) {
                count[2 * k + (m % na < na / 2)]++;
                total++;
            }
    int used = 2 * ((12 - first + stride - 1) / stride);
    double mean = (double)total / used;
    cr_assert_gt(total, 0);
    for (int k = first; k < 12; k += stride)
        for (int half = 0; half < 2; half++)
            cr_assert_float_eq(count[2 * k + half], mean, 5 * sqrt(mean), "plane %d half %d: %d", k,
                               half, count[2 * k + half]);
}

Test(supercell, dopants_and_valences_are_spread_at_random) {
    struct crystal *x = crystal_build(
        CRYSTAL_HOST,
        SET("structure.cells_a=36", "structure.cells_b=36", "structure.order=solid-solution",
            "dopant=[{element=\"F\", site=\"O\", fraction=0.05, replaces=\"\"}, "
            "{element=\"K\", site=\"Li\", fraction=0.05, replaces=\"\"}]"),
        0);
    int mn = species_find_element(&x->t, "Mn"), k = species_find_element(&x->t, "K");
    crystal_expect_sound(x);
    expect_spread(x, 0, SITE_O, 4);
    expect_spread(x, 1, SITE_OCT, (uint8_t)species_of(&x->t, k, 1));
    expect_spread(x, 0, SITE_OCT, (uint8_t)species_of(&x->t, mn, 3));
    crystal_free(x);
}

Test(supercell, published_formula_is_normalised_and_the_correction_reported) {
    struct crystal *x = crystal_build(CRYSTAL_HOST, SET("host.formula=\"Li1.18Mn0.6Ni0.21O2\""), 0);
    struct recount r = crystal_recount(x);
    crystal_expect_sound(x);
    cr_assert_float_eq(x->c.cation_correction, 2 / 1.99 - 1, 1e-12);
    crystal_expect_amount(x, &r, "Li", 1.18 * 2 / 1.99);
    crystal_expect_amount(x, &r, "Ni", 0.21 * 2 / 1.99);
    crystal_free(x);
}

Test(supercell, surplus_tm_sits_as_ni_in_the_li_layer) {
    struct crystal *x =
        crystal_build(CRYSTAL_HOST, SET("host.formula=\"Li0.98Ni0.36Co0.32Mn0.34O2\""), 0);
    int64_t antisite = 0;
    crystal_expect_sound(x);
    for (int k = 1; k < x->c.lattice.n_planes; k += 2)
        for (int j = 0; j < 12; j++)
            for (int i = 0; i < 12; i++) {
                uint8_t byte = crystal_byte(x, k, SITE_OCT, i, j);
                antisite += crystal_holds(x, byte, "Ni");
                cr_assert(crystal_holds(x, byte, "Ni") || byte == SPECIES_LI);
            }
    cr_assert_float_eq((double)antisite, 0.02 * 864, 1.0);
    crystal_free(x);
}

Test(supercell, mass_is_that_of_the_ions) {
    struct crystal *x = crystal_build("builtin:li2mno3", NULL, 0);
    double expected = 4.0 / 3 * 6.94 + 2.0 / 3 * 54.938043 + 2 * 15.999;
    cr_assert_float_eq(x->c.mass_g_per_mol, expected, 1e-3, "%g", x->c.mass_g_per_mol);
    cr_assert_str_eq(x->c.composition, "Li1.3333Mn0.6667O2.0000");
    cr_assert_str_eq(x->c.charge_note, "none");
    crystal_free(x);
}

Test(supercell, tm_layers_share_the_ions_evenly) {
    struct crystal *x = crystal_build(CRYSTAL_HOST, SET("structure.order=solid-solution"), 2);
    const char *const symbol[] = {"Li", "Ni", "Co", "Mn"};
    struct recount r = crystal_recount(x);
    for (int k = 0; k < 6; k++)
        cr_assert_eq(r.tm_gap[k] + 1000 * r.li_gap[k], 144144);
    for (int q = 0; q < 4; q++) {
        int least = 1000, most = 0;
        for (int k = 0; k < 12; k += 2) {
            int n = 0;
            for (int m = 0; m < 144; m++)
                n += crystal_holds(x, crystal_byte(x, k, SITE_OCT, m % 12, m / 12), symbol[q]);
            least = n < least ? n : least;
            most = n > most ? n : most;
        }
        cr_assert_leq(most - least, 1, "%s: %d to %d", symbol[q], least, most);
    }
    crystal_free(x);
}

/* ---- order of the TM layers ---- */

static int neighbours(const struct crystal *x, int plane, int i, int j, const char *symbol) {
    static const int step[6][2] = {{1, 0}, {-1, 0}, {0, 1}, {0, -1}, {1, -1}, {-1, 1}};
    int n = 0;
    for (int m = 0; m < 6; m++)
        n += crystal_holds(x, crystal_byte(x, plane, SITE_OCT, i + step[m][0], j + step[m][1]),
                           symbol);
    return n;
}

/* Mean number of `symbol` among the six in-layer neighbours of `center`. */
static double contacts(const struct crystal *x, const char *center, const char *symbol) {
    double sum = 0, n = 0;
    const struct lattice *l = &x->c.lattice;
    for (int k = 0; k < l->n_planes; k += 2)
        for (int j = 0; j < l->nb; j++)
            for (int i = 0; i < l->na; i++)
                if (crystal_holds(x, crystal_byte(x, k, SITE_OCT, i, j), center)) {
                    sum += neighbours(x, k, i, j, symbol);
                    n++;
                }
    return sum / n;
}

Test(supercell, li2mno3_is_a_perfect_honeycomb) {
    struct crystal *x = crystal_build("builtin:li2mno3", NULL, 1);
    crystal_expect_sound(x);
    cr_assert_float_eq(crystal_honeycomb(x), 1, 1e-12);
    cr_assert_float_eq(contacts(x, "Li", "Mn"), 6, 1e-12);
    cr_assert_float_eq(contacts(x, "Mn", "Li"), 3, 1e-12);
    crystal_free(x);
}

Test(supercell, composite_surrounds_li_with_mn) {
    for (int replica = 0; replica < 3; replica++) {
        struct crystal *x = crystal_build(
            CRYSTAL_HOST, SET("structure.order=composite", "structure.domain_cells=6"),
            (uint32_t)replica);
        cr_assert_float_eq(crystal_honeycomb(x), 1, 1e-12);
        cr_assert_eq(contacts(x, "Li", "Li"), 0);
        cr_assert_gt(contacts(x, "Li", "Mn"), 5.5);
        cr_assert_gt(contacts(x, "Mn", "Li"), 2);
        cr_assert_lt(contacts(x, "Ni", "Li"), 0.5);
        crystal_free(x);
    }
}

/* TM sites inside a honeycomb: with three Li neighbours. */
static int inner_sites(const struct crystal *x) {
    int n = 0;
    for (int k = 0; k < x->c.lattice.n_planes; k += 2)
        for (int m = 0; m < 144; m++)
            n += neighbours(x, k, m % 12, m / 12, "Li") == 3;
    return n;
}

/* The same Li in smaller domains has more edge and fewer sites inside. */
Test(supercell, domain_size_matters) {
    const char *const size[] = {"structure.domain_cells=12", "structure.domain_cells=6",
                                "structure.domain_cells=3"};
    int inner[3] = {0};
    for (int q = 0; q < 3; q++)
        for (uint32_t replica = 0; replica < 4; replica++) {
            struct crystal *x =
                crystal_build(CRYSTAL_HOST, SET("structure.order=composite", size[q]), replica);
            inner[q] += inner_sites(x);
            crystal_free(x);
        }
    cr_assert(inner[0] > inner[1] && inner[1] > inner[2], "%d %d %d", inner[0], inner[1], inner[2]);
}

Test(supercell, solid_solution_is_random) {
    struct crystal *x = crystal_build(
        CRYSTAL_HOST,
        SET("structure.order=solid-solution", "structure.cells_a=48", "structure.cells_b=48"), 0);
    cr_assert_lt(crystal_honeycomb(x), 0.06);
    cr_assert_float_eq(contacts(x, "Li", "Li"), 1.2, 0.05);
    cr_assert_float_eq(contacts(x, "Mn", "Li"), 1.2, 0.05);
    cr_assert_float_eq(contacts(x, "Ni", "Mn"), 3.24, 0.1);
    crystal_free(x);
}

Test(supercell, swaps_create_order_from_a_random_start) {
    double before = 0, after = 0;
    for (uint32_t replica = 0; replica < 3; replica++) {
        struct crystal *x = crystal_build(
            CRYSTAL_HOST, SET("structure.order=swap", "structure.swap_sweeps=0"), replica);
        struct crystal *y = crystal_build(
            CRYSTAL_HOST, SET("structure.order=swap", "structure.swap_sweeps=100"), replica);
        before += crystal_honeycomb(x) / 3;
        after += crystal_honeycomb(y) / 3;
        cr_assert_lt(contacts(y, "Li", "Li"), 0.2);
        cr_assert_gt(contacts(x, "Li", "Li"), 0.9);
        crystal_expect_sound(y);
        crystal_free(x);
        crystal_free(y);
    }
    cr_assert_lt(before, 0.25);
    cr_assert_gt(after, before + 0.3, "%g -> %g", before, after);
}

/* Sampling check: without interaction the swaps leave a random crystal random. */
Test(supercell, swaps_without_interaction_stay_random) {
    struct crystal *x = crystal_build(CRYSTAL_HOST,
                                      SET("structure.order=swap", "structure.swap_interaction_eV=0",
                                          "structure.cells_a=36", "structure.cells_b=36",
                                          "structure.swap_sweeps=5"),
                                      0);
    cr_assert_float_eq(contacts(x, "Li", "Li"), 1.2, 0.08);
    cr_assert_lt(crystal_honeycomb(x), 0.1);
    crystal_free(x);
}

/* Sum over neighbour pairs of (q_i - 3)(q_j - 3) on 3 x 3 cells; bit set = Li+, else Mn4+. */
static int pair_sum(int li) {
    static const int step[3][2] = {{1, 0}, {0, 1}, {1, -1}};
    int sum = 0;
    for (int s = 0; s < 9; s++)
        for (int m = 0; m < 3; m++) {
            int t = (s / 3 + step[m][1] + 3) % 3 * 3 + (s % 3 + step[m][0]) % 3;
            sum += (li >> s & 1 ? -2 : 1) * (li >> t & 1 ? -2 : 1);
        }
    return sum;
}

/* Reference: all 84 ways to put 3 Li on 9 sites, weighted by Boltzmann factors. */
Test(supercell, swaps_sample_the_boltzmann_distribution) {
    const double J = 0.04, kT = 8.617333262e-5 * 1000;
    const int64_t count[2] = {3, 6};
    double weight = 0, exact = 0, square = 0, sampled = 0;
    enum { SAMPLES = 4000 };
    for (int li = 0; li < 512; li++)
        if (__builtin_popcount((unsigned)li) == 3) {
            double w = exp(-J * pair_sum(li) / kT);
            weight += w;
            exact += w * pair_sum(li);
            square += w * pair_sum(li) * pair_sum(li);
        }
    exact /= weight;
    for (uint32_t replica = 0; replica < SAMPLES; replica++) {
        struct order_rule r = {.kind = ORDER_SWAP,
                               .na = 3,
                               .nb = 3,
                               .n_components = 2,
                               .charge = {1, 4},
                               .temperature_K = 1000,
                               .interaction_eV = J,
                               .swap_sweeps = 30,
                               .random = {.seed = 7, .replica = replica}};
        uint8_t cell[9];
        int li = 0;
        memset(cell, ORDER_FREE, sizeof cell);
        cr_assert(order_fill(&r, 0, 0, count, cell));
        for (int s = 0; s < 9; s++)
            li |= (cell[s] == 0) << s;
        sampled += (double)pair_sum(li) / SAMPLES;
    }
    double error = sqrt((square / weight - exact * exact) / SAMPLES);
    cr_assert_float_eq(sampled, exact, 4 * error, "%g, exact %g +- %g", sampled, exact, error);
}

/* Drawing a deck deals every arrangement equally often: 6 ways to order 2 + 2 cards. */
Test(supercell, decks_deal_uniform_permutations) {
    int seen[16] = {0};
    const struct philox g = {.seed = 3, .replica = 0};
    for (uint32_t n = 0; n < 150000; n++) {
        struct order_deck d = {2, {2, 2}, 4};
        int hand = 0;
        for (int card = 0; card < 4; card++) {
            struct philox_block b = philox_draw(g, STREAM_ORDER, n, (uint64_t)card);
            hand = 2 * hand + order_draw(&d, philox_open(b.v[0], b.v[1]));
        }
        seen[hand]++;
    }
    for (int hand = 0; hand < 16; hand++)
        if (__builtin_popcount((unsigned)hand) == 2)
            cr_assert_float_eq(seen[hand], 25000, 4 * sqrt(25000 * 5.0 / 6), "%d", seen[hand]);
}

Test(supercell, ribbon_has_whole_rows_of_li_between_rows_of_mn) {
    struct crystal *x =
        crystal_build(CRYSTAL_HOST,
                      SET("structure.order=ribbon", "structure.cells_b=15", "structure.repeats=1",
                          "host.formula=\"Li1.2Ni0.2Mn0.6O2\""),
                      0);
    for (int k = 0; k < 6; k += 2) {
        int full = 0, mixed = 0;
        for (int j = 0; j < 15; j++) {
            int li = 0, mn_beside = 0;
            for (int i = 0; i < 12; i++) {
                li += crystal_holds(x, crystal_byte(x, k, SITE_OCT, i, j), "Li");
                mn_beside += crystal_holds(x, crystal_byte(x, k, SITE_OCT, i, j + 1), "Mn") +
                             crystal_holds(x, crystal_byte(x, k, SITE_OCT, i, j - 1), "Mn");
            }
            full += li == 12;
            mixed += li > 0 && li < 12;
            if (li == 12)
                cr_assert_eq(mn_beside, 24);
        }
        cr_assert_eq(full, 3); /* every fifth row */
        cr_assert_eq(mixed, 0);
    }
    crystal_free(x);
}

/* Colour of the Li of a TM layer of Li2MnO3. */
static int layer_colour(const struct crystal *x, int plane) {
    for (int i = 0; i < 3; i++)
        if (crystal_byte(x, plane, SITE_OCT, i, 0) == SPECIES_LI)
            return i;
    cr_assert_fail("no Li in the layer");
    return -1;
}

/* Changes of colour by 0, 1, 2 between successive TM layers over some replicas. */
static void colour_changes(const char *probability, int replicas, int change[3]) {
    memset(change, 0, 3 * sizeof *change);
    for (int q = 0; q < replicas; q++) {
        struct crystal *x = crystal_build(
            "builtin:li2mno3",
            SET("structure.cells_a=3", "structure.cells_b=3", "structure.repeats=16", probability),
            (uint32_t)q);
        for (int k = 2; k < x->c.lattice.n_planes; k += 2)
            change[(layer_colour(x, k) - layer_colour(x, k - 2) + 3) % 3]++;
        crystal_free(x);
    }
}

Test(supercell, no_faults_without_fault_probability) {
    int change[3];
    colour_changes("structure.rotational_fault_probability=0", 3, change);
    cr_assert_eq(change[0], 3 * 47);
}

Test(supercell, fault_probability_one_changes_every_colour_both_ways) {
    int change[3];
    colour_changes("structure.rotational_fault_probability=1", 4, change);
    cr_assert_eq(change[0], 0);
    cr_assert_float_eq(change[1], 94, 4 * sqrt(47), "%d", change[1]);
}

Test(supercell, fault_probability_is_the_share_of_changes) {
    int change[3];
    colour_changes("structure.rotational_fault_probability=0.3", 10, change);
    cr_assert_float_eq(change[1] + change[2], 141, 4 * sqrt(470 * 0.3 * 0.7));
}

Test(supercell, first_colour_differs_between_replicas) {
    int seen[3] = {0};
    for (uint32_t q = 0; q < 30; q++) {
        struct crystal *x = crystal_build(
            "builtin:li2mno3",
            SET("structure.cells_a=3", "structure.cells_b=3", "structure.repeats=1"), q);
        seen[layer_colour(x, 0)]++;
        crystal_free(x);
    }
    cr_assert(seen[0] > 0 && seen[1] > 0 && seen[2] > 0);
}

/* ---- random numbers ---- */

static bool same_crystal(const char *order, const char *seed_a, uint32_t replica_a,
                         const char *seed_b, uint32_t replica_b) {
    struct crystal *a =
        crystal_build(CRYSTAL_HOST, SET(order, seed_a, "structure.swap_sweeps=2"), replica_a);
    struct crystal *b =
        crystal_build(CRYSTAL_HOST, SET(order, seed_b, "structure.swap_sweeps=2"), replica_b);
    bool same = memcmp(a->c.occupancy, b->c.occupancy, (size_t)lattice_n_sites(&a->c.lattice)) == 0;
    crystal_free(a);
    crystal_free(b);
    return same;
}

Test(supercell, seed_and_replica_fix_the_crystal) {
    const char *const order[] = {"structure.order=composite", "structure.order=solid-solution",
                                 "structure.order=swap", "structure.order=ribbon"};
    for (int o = 0; o < 4; o++) {
        cr_assert(same_crystal(order[o], "run.seed=5", 2, "run.seed=5", 2));
        cr_assert_not(same_crystal(order[o], "run.seed=5", 2, "run.seed=5", 3));
        cr_assert_not(same_crystal(order[o], "run.seed=5", 2, "run.seed=6", 2));
        cr_assert_not(same_crystal(order[o], "run.seed=5", 2, "run.seed=4294967301", 2));
    }
}

/* ---- order parameter ---- */

Test(supercell, honeycomb_order_follows_the_configuration) {
    struct crystal *x = crystal_build("builtin:li2mno3", NULL, 0);
    size_t size = (size_t)lattice_n_sites(&x->c.lattice);
    uint8_t *o = malloc(size);
    cr_assert_not_null(o);
    memcpy(o, x->c.occupancy, size);
    for (size_t s = 0; s < size; s++)
        if (lattice_coord_of(&x->c.lattice, (int64_t)s).kind == SITE_OCT && o[s] == SPECIES_LI)
            o[s] = SPECIES_VACANCY; /* delithiation leaves the order */
    cr_assert_float_eq(supercell_honeycomb_order(&x->c, &x->t, o), 1, 1e-12);
    for (size_t s = 0; s < size; s++)
        if (lattice_coord_of(&x->c.lattice, (int64_t)s).kind == SITE_OCT)
            o[s] = SPECIES_VACANCY; /* no TM, no order */
    cr_assert_eq(supercell_honeycomb_order(&x->c, &x->t, o), 0);
    free(o);
    crystal_free(x);
}

/* ---- refusals ---- */

static void refuse(const char *const *set, const char *key, const char *reason) {
    struct species_table t;
    struct supercell c;
    char text[4096] = "";
    FILE *errors = tmpfile();
    cr_assert_not_null(errors);
    struct scenario *s = scenario_load(CRYSTAL_HOST, set, crystal_count_sets(set), errors);
    bool built = s && species_init(&t, s, errors) && supercell_init(&c, s, &t, 0, errors);
    rewind(errors);
    text[fread(text, 1, sizeof text - 1, errors)] = 0;
    cr_assert_not(built, "%s was accepted", set[0]);
    cr_assert(strstr(text, key), "%s: %s", key, text);
    cr_assert(strstr(text, reason), "%s: %s", reason, text);
    cr_assert(strstr(text, ": error: ") && strstr(text, "\n    hint: "), "%s", text);
    fclose(errors);
    scenario_free(s);
}

Test(supercell, wrong_formulas_are_refused) {
    refuse(SET("host.formula=\"Li1.2Mn0.8\""), "host.formula", "anion");
    refuse(SET("host.formula=\"Li1.2Mn0.7O2\""), "host.formula", "1.9000");
    refuse(SET("host.formula=\"Li1.3Mn0.7O2\""), "host.formula", "+0.1000 e");
    refuse(SET("host.formula=\"Li1.1Mn0.6Xx0.3O2\""), "host.formula", "found Xx");
    refuse(SET("host.formula=\"Li1.2(Mn0.8O2\""), "host.formula", "column 14");
}

Test(supercell, wrong_dopants_are_refused) {
    refuse(SET("dopant=[{element=\"F\", site=\"TM\", fraction=0.1}]"), "dopant[0].element", "TM");
    refuse(SET("dopant=[{element=\"K\", site=\"TM\", fraction=0.1}]"), "dopant[0].element", "TM");
    refuse(SET("dopant=[{element=\"Al\", site=\"TM\", fraction=0.2, replaces=\"Co\"}]"),
           "dopant[0].fraction", "0.1300");
    refuse(SET("dopant=[{element=\"Al\", site=\"TM\", fraction=0.1, replaces=\"Ti\"}]"),
           "dopant[0].fraction", "0.0000");
}

Test(supercell, charge_that_mn_and_ni_cannot_take_is_refused) {
    refuse(SET("host.formula=\"Li2TiO3\"", "dopant=[{element=\"F\", site=\"O\", fraction=0.1}]"),
           "host.formula", "e left");
}

Test(supercell, boxes_that_do_not_fit_are_refused) {
    refuse(SET("structure.cells_a=13", "structure.order=composite"), "structure.cells_a",
           "13 x 12");
    refuse(SET("structure.cells_b=10", "structure.order=composite"), "structure.cells_b",
           "12 x 10");
    refuse(SET("structure.geometry=particle", "structure.vacuum_cells=5"), "structure.vacuum_cells",
           "across");
    refuse(SET("structure.geometry=film", "structure.vacuum_cells=5"), "structure.vacuum_cells",
           "found 2");
    refuse(SET("structure.geometry=film", "structure.vacuum_cells=6"), "structure.vacuum_cells",
           "found 0");
    refuse(SET("structure.geometry=film", "structure.order=composite", "structure.cells_a=13",
               "structure.cells_b=10"),
           "structure.cells_b", "13 x 10");
}

Test(supercell, other_orders_take_any_number_of_cells) {
    struct crystal *x = crystal_build(
        CRYSTAL_HOST, SET("structure.order=ribbon", "structure.cells_a=10", "structure.cells_b=7"),
        0);
    crystal_expect_sound(x);
    crystal_free(x);
}
