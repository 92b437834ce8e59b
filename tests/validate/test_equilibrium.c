/* Guarantee: the fast moves of Li+, electrons and fast oxygen pairs sample the Boltzmann distribution exactly.
 *
 * Two boxes of 3 x 3 cells (O3 with six planes, O2 with four), full of fixed ions except for a few
 * Li octs, Li tets, redox centres and O, are enumerated; every average of `equilibrate` is compared
 * with the exact one, at fixed voltage and under the composition restraint, in each of the three
 * voltage bands that draw their moves with different weights.  In a third box the four O of a tet
 * may form dimers up to O2, once with every pair of oxygen events fast and once with some.  In a fourth
 * Mn takes any valence from 3 to 7, in two octs and a tet: centres of four steps, by both engines.  In a fifth Li+ on the clock hops fast.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include "known.h"

enum { CHOICES = 24, BATCHES = 64, DRAWS_BETWEEN = 60, WARM_UP = 6000, OXYGENS = 4 };

/* kT = 0.13 eV, so that a few volts of level differences still mix; barriers play no part. */
static const double TEMPERATURE_K = 1500;
static const char *const SETS[] = {"model.li_tet_eV=-0.15",
                                   "model.face_tet_oct_li_li_eV=0.15",
                                   "model.face_oct_oct_li_li_eV=0.1",
                                   "model.face_oct_oct_li_tm_eV=0.08",
                                   "model.face_tet_tet_eV=0.25",
                                   "model.face_tet_oct_li_tm_eV=0.10",
                                   "model.hole_eV=4.15",
                                   "model.hole_per_extra_tm_eV=0.15",
                                   "model.pair_hole_hole_eV=0.12",
                                   "elements.Mn.oxidation_eV=[3.45]",
                                   NULL};

/* A box and the sites that its observables look at. */
struct box {
    const char *name;
    struct known_crystal *k;
    int n;
    struct known_choice choice[CHOICES];
    int ni[2];      /* choices of the two Ni */
    double slice_s; /* of equilibrate: 0 = no pair of oxygen events is fast */
    int64_t draws;  /* between two samples */
    known_observe observe;
    int n_observables;
    const char *const *names; /* of the observables by kind, or NULL */
};

static struct known_choice *add_choice(struct box *b, int64_t site, int byte) {
    cr_assert_lt(b->n, CHOICES);
    struct known_choice *c = &b->choice[b->n++];
    *c = (struct known_choice){.site = site};
    known_put(b->k, site, byte);
    return c;
}

static void add_li(struct box *b, int plane, int kind, int i, int j, bool occupied) {
    struct known_choice *c = add_choice(b, known_site(b->k, plane, kind, i, j), occupied);
    known_allow(c, CATION_VACANCY, 0, 0, -1);
    known_allow(c, CATION_LI, 1, 0, -1);
}

static void add_li_at(struct box *b, int64_t site, bool occupied) {
    struct lattice_coord c = lattice_coord_of(&b->k->model.lattice, site);
    add_li(b, c.plane, c.kind, c.i, c.j, occupied);
}

static void add_oxygen(struct box *b, int plane, int i, int j) {
    struct known_choice *c = add_choice(b, known_site(b->k, plane, SITE_O, i, j), ANION_OXIDE);
    known_allow(c, ANION_OXIDE, 0, 0, -1);
    known_allow(c, ANION_HOLE, 1, 0, -1);
}

/* A redox centre with valences first .. last, now at the first. */
static int add_redox_at(struct box *b, const char *symbol, int first, int last, int64_t site) {
    int ion = known_ion(b->k, symbol, first);
    struct known_choice *c = add_choice(b, site, ion);
    for (int v = first; v <= last; v++)
        known_allow(c, ion + v - first, v - first, 0, -1);
    return b->n - 1;
}

static int add_redox(struct box *b, const char *symbol, int first, int last, int plane, int i,
                     int j) {
    return add_redox_at(b, symbol, first, last, known_site(b->k, plane, SITE_OCT, i, j));
}

/* NaAlO2 with inert anions: full bond valence everywhere, nothing that moves. */
static void fill_inert(struct known_crystal *k) {
    const struct lattice *l = &k->model.lattice;
    int na = known_ion(k, "Na", 1), al = known_ion(k, "Al", 3);
    for (int plane = 0; plane < l->n_planes; plane++)
        for (int j = 0; j < l->nb; j++)
            for (int i = 0; i < l->na; i++)
                known_put(k, known_site(k, plane, SITE_OCT, i, j),
                          lattice_is_tm_gap(plane) ? al : na);
}

/* ---- observables: tokens on each choice, then the populations of Ni3+ Ni3+ and Ni2+ Ni4+ ---- */

static const struct box *observed;

static int tokens_on(const struct known_choice *c, const uint8_t *occupancy) {
    int b = 0;
    while (b < c->n && c->byte[b] != occupancy[c->site])
        b++;
    cr_assert_lt(b, c->n, "a byte that no move may write");
    return c->tokens[b];
}

static bool observe(const struct known_crystal *k, const uint8_t *occupancy, double *out) {
    const struct box *b = observed;
    (void)k;
    for (int c = 0; c < b->n; c++)
        out[c] = tokens_on(&b->choice[c], occupancy);
    int first = (int)out[b->ni[0]], second = (int)out[b->ni[1]];
    out[b->n] = first == 1 && second == 1;
    out[b->n + 1] = first == 0 && second == 2;
    out[b->n + 2] = first == 2 && second == 0;
    return true;
}

/* ---- boxes ---- */

static struct box box_o3(void) {
    struct box b = {.name = "O3",
                    .draws = DRAWS_BETWEEN,
                    .observe = observe,
                    .k = known_create("ABCABC", 3, 3, TEMPERATURE_K, SETS)};
    fill_inert(b.k);
    b.ni[0] = add_redox(&b, "Ni", 2, 4, 0, 0, 0);
    b.ni[1] = add_redox(&b, "Ni", 2, 4, 0, 1, 0);
    add_redox(&b, "Mn", 3, 4, 0, 0, 1);
    add_redox(&b, "Mn", 3, 4, 0, 1, 2);
    add_redox(&b, "Co", 3, 4, 0, 2, 0);
    add_li(&b, 1, SITE_OCT, 0, 0, true);
    add_li(&b, 1, SITE_OCT, 1, 0, true);
    add_li(&b, 1, SITE_OCT, 0, 1, true);
    add_li(&b, 1, SITE_OCT, 2, 0, true);
    add_li(&b, 1, SITE_OCT, 1, 1, true);
    add_li(&b, 0, SITE_OCT, 1, 1, true);
    add_li(&b, 1, SITE_TET_UP, 0, 0, false);
    add_li(&b, 1, SITE_TET_UP, 1, 0, false);
    add_li(&b, 1, SITE_TET_DOWN, 0, 0, false);
    add_oxygen(&b, 1, 0, 0);
    add_oxygen(&b, 1, 1, 0);
    add_oxygen(&b, 1, 0, 1);
    add_oxygen(&b, 2, 0, 0);
    b.n_observables = b.n + 3;
    return b;
}

/* O2 stacking: octs share faces, redox centres lie in two slabs; one O is missing and one is F-. */
static struct box box_o2(void) {
    struct box b = {.name = "O2",
                    .draws = DRAWS_BETWEEN,
                    .observe = observe,
                    .k = known_create("ABCB", 3, 3, TEMPERATURE_K, SETS)};
    fill_inert(b.k);
    b.ni[0] = add_redox(&b, "Ni", 2, 4, 0, 0, 0);
    b.ni[1] = add_redox(&b, "Ni", 2, 4, 2, 0, 0);
    add_redox(&b, "Mn", 3, 4, 0, 1, 0);
    add_redox(&b, "Co", 3, 4, 2, 1, 0);
    add_redox(&b, "Mn", 3, 4, 2, 2, 1); /* far from the other */
    for (int i = 0; i < 3; i++)
        add_li(&b, 1, SITE_OCT, i, 0, true);
    add_li(&b, 1, SITE_OCT, 0, 1, true);
    add_li(&b, 0, SITE_OCT, 1, 1, true);
    add_li(&b, 2, SITE_OCT, 1, 1, true);
    add_li(&b, 3, SITE_OCT, 0, 0, true);
    add_li(&b, 1, SITE_TET_UP, 0, 0, false);
    add_li(&b, 1, SITE_TET_DOWN, 0, 0, false);
    add_li(&b, 1, SITE_TET_DOWN, 1, 0, false);
    add_oxygen(&b, 1, 0, 0);
    add_oxygen(&b, 2, 0, 0);
    add_oxygen(&b, 2, 1, 0);
    known_put(b.k, known_site(b.k, 1, SITE_O, 0, 1), ANION_VACANCY);
    known_put(b.k, known_site(b.k, 2, SITE_O, 0, 1), ANION_F);
    b.n_observables = b.n + 3;
    return b;
}

/* Redox centres alone: Ni3+ Ni3+ <-> Ni2+ Ni4+ has no other way than its own. */
static struct box box_redox(void) {
    struct box b = {.name = "redox",
                    .draws = DRAWS_BETWEEN,
                    .observe = observe,
                    .k = known_create("ABCABC", 3, 3, TEMPERATURE_K, SETS)};
    fill_inert(b.k);
    b.ni[0] = add_redox(&b, "Ni", 2, 4, 0, 0, 0);
    b.ni[1] = add_redox(&b, "Ni", 2, 4, 0, 1, 0);
    add_redox(&b, "Co", 3, 4, 0, 2, 0);
    int ni4 = known_ion(b.k, "Ni", 4);
    b.k->model.cation[ni4][CLASS_TM_OCT] -= 200000; /* as many Ni2+ Ni4+ as Ni3+ Ni3+ */
    known_put(b.k, b.choice[b.ni[0]].site, ni4);
    b.n_observables = b.n + 3;
    return b;
}

static const char *const MANGANESE_SETS[] = {"kinetics.manganese_beyond_4=true",
                                             "model.mn_beyond_oct_eV=[3.9,4.0,4.1]",
                                             "model.mn_beyond_tet_eV=[3.4,3.6,3.8]",
                                             "model.valence_stiffness_eV=0.3",
                                             "model.hole_eV=4.15",
                                             "model.hole_per_extra_tm_eV=0.15",
                                             "model.face_tet_oct_li_tm_eV=0.1",
                                             "model.face_tet_oct_tm_tm_eV=0.1",
                                             NULL};

/* Mn3+ to Mn7+: two neighbouring octs and a tet between the Li. */
static struct box box_manganese(void) {
    struct box b = {.name = "Mn to 7+",
                    .draws = DRAWS_BETWEEN,
                    .observe = observe,
                    .k = known_create("ABCABC", 3, 3, TEMPERATURE_K, MANGANESE_SETS)};
    fill_inert(b.k);
    b.ni[0] = add_redox(&b, "Mn", 3, 7, 0, 0, 0);
    b.ni[1] = add_redox(&b, "Mn", 3, 7, 0, 1, 0);
    add_redox_at(&b, "Mn", 3, 7, known_site(b.k, 1, SITE_TET_UP, 0, 0));
    add_redox(&b, "Ni", 2, 4, 0, 0, 1);
    add_redox(&b, "Co", 3, 4, 0, 2, 0);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 2; j++)
            add_li(&b, 1, SITE_OCT, i, j, true);
    add_li(&b, 0, SITE_OCT, 1, 1, true);
    add_oxygen(&b, 1, 0, 0);
    add_oxygen(&b, 1, 1, 0);
    add_oxygen(&b, 2, 0, 0);
    b.n_observables = b.n + 3;
    return b;
}

/* Slice at which a pair that may go twelve ways is fast up to this barrier. */
static double slice_for(const struct rate_model *m, double barrier_eV) {
    double rate = m->attempt_frequency * exp(-barrier_eV * 1e6 / m->boltzmann.kT_ueV);
    return m->stiff_firings / (12 * rate);
}

/* Site of the TM layer behind a tet of the Li layer. */
static int64_t oct_behind(const struct lattice *l, struct lattice_coord tet) {
    const struct lattice_stencil *st = lattice_stencil_of(l, tet);
    int v = 0;
    while (st->face[v].kind != SITE_OCT ||
           !lattice_is_tm_gap(lattice_step(l, tet, st->face[v]).plane))
        v++;
    return lattice_neighbor(l, tet, st->face[v]);
}

/* Li+ on the clock alone, in two rows of octs, octs of the TM layers and tets: hops that are all fast.  The row of Na between them closes some ways. */
static struct box box_lithium(void) {
    struct box b = {.name = "Li+ on the clock",
                    .draws = DRAWS_BETWEEN,
                    .observe = observe,
                    .k = known_create("ABCABC", 3, 3, TEMPERATURE_K, SETS)};
    struct rate_model *m = &b.k->model;
    fill_inert(b.k);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 2; j++)
            add_li(&b, 1, SITE_OCT, i, j, i < 2);
    for (int kind = SITE_TET_UP; kind <= SITE_TET_DOWN; kind++) {
        for (int i = 0; i < 3; i++)
            add_li(&b, 1, kind, i, 0, false);
        add_li_at(&b, oct_behind(&m->lattice, (struct lattice_coord){1, kind, 0, 0}), true);
    }
    known_put(b.k, oct_behind(&m->lattice, (struct lattice_coord){1, SITE_TET_UP, 1, 0}),
              known_ion(b.k, "Mn", 4)); /* no symmetry */
    b.ni[1] = 1;                        /* pairs of octs in place of two Ni */
    b.n_observables = b.n + 3;
    m->with_lithium = m->mobile[CATION_LI] = 1;
    m->lithium_share = 1;
    m->lithium_firings = m->stiff_firings / 12; /* so that slice_for holds for Li+ */
    m->lithium_tries_a_draw = 16;
    m->lithium_tries = 1e-6; /* a hop would fire more often than that: every try goes */
    return b;
}

/* Mean of one independent run: {excess energy, N, observables}. */
static void run_batch(const struct box *b, const struct electrode *electrode, int64_t ground,
                      uint32_t batch, int64_t samples, double *mean) {
    struct known_crystal *k = b->k;
    struct engine_equilibrated eq;
    int n = b->n_observables + 2;
    known_start(k, 20240601, batch);
    k->ops->equilibrate(k->engine, electrode, b->slice_s, WARM_UP, 1, &eq);
    for (int i = 0; i < n; i++)
        mean[i] = 0;
    for (int64_t s = 0; s < samples; s++) {
        double value[KNOWN_OBSERVABLES];
        k->ops->equilibrate(k->engine, electrode, b->slice_s, b->draws, b->draws, &eq);
        b->observe(k, k->state.x.occupancy, value + 2);
        value[0] = 1e-6 * (double)(k->state.energy_ueV - ground);
        value[1] = (double)eq.sum_li / (double)eq.samples;
        for (int i = 0; i < n; i++)
            mean[i] += value[i] / (double)samples;
    }
    cr_assert_eq(k->state.energy_ueV, state_recount(&k->state, &k->model));
    known_stop(k);
}

static const char *observable_name(const struct box *b, int i) {
    if (i >= 2 && b->names)
        return i - 2 < 3 * OXYGENS ? b->names[(i - 2) % 3] : b->names[i - 2 - 3 * OXYGENS + 3];
    return i == 0 ? "energy" : i == 1 ? "Li" : i < b->n + 2 ? "tokens on site" : "Ni pair";
}

/* What half a percent of an average is meant of: the most tokens that a site can hold. */
static double scale_of(const struct box *b, int i, double exact) {
    if (i < 2)
        return fmax(exact, 1.0);
    const struct known_choice *c = &b->choice[i - 2];
    return b->names || i >= b->n + 2 ? 1.0 : c->tokens[c->n - 1];
}

/* Averages of small variance have too few visits for a normal error and are left out. */
static void compare(const struct box *b, const struct known_states *states,
                    const struct electrode *electrode, int64_t samples) {
    double exact[KNOWN_OBSERVABLES], variance[KNOWN_OBSERVABLES], mean[KNOWN_OBSERVABLES];
    struct known_sums sums = {0};
    char name[80];
    known_exact(b->k, states, electrode, exact, variance);
    for (uint32_t batch = 0; batch < BATCHES; batch++) {
        run_batch(b, electrode, known_ground(states), batch, samples, mean);
        known_add_batch(&sums, mean, b->n_observables + 2);
    }
    for (int i = 0; i < sums.n; i++) {
        if (variance[i] < 0.005)
            continue;
        snprintf(name, sizeof name, "%s %.2f V, kappa %.2f eV: %s %d", b->name,
                 electrode->voltage_ueV * 1e-6, electrode->kappa_ueV * 1e-6, observable_name(b, i),
                 i);
        known_check(name, known_mean(&sums, i), known_error(&sums, i), exact[i],
                    scale_of(b, i, exact[i]));
    }
}

/* One voltage in each band, each once fixed and once under a restraint. */
static void compare_all(struct box b) {
    static const int32_t voltage[] = {3600000, 3950000, 4300000};
    static const int64_t samples[] = {3000, 5000, 9000}; /* higher up the moves mix more slowly */
    struct known_states states;
    observed = &b;
    known_enumerate(b.k, b.choice, b.n, b.observe, b.n_observables, &states);
    cr_log_info("%s: %lld states\n", b.name, (long long)states.n);
    for (int v = 0; v < 3; v++)
        for (int restrained = 0; restrained < 2; restrained++) {
            struct electrode e = {voltage[v], restrained ? 80000 : 0, 4};
            compare(&b, &states, &e, samples[v]);
        }
    known_states_free(&states);
    known_free(b.k);
}

Test(equilibrium, enumerated_o3_box) {
    compare_all(box_o3());
}

Test(equilibrium, redox_centres_alone) {
    struct box b = box_redox();
    struct electrode e = {3950000, 0, 0};
    struct known_states states;
    observed = &b;
    known_enumerate(b.k, b.choice, b.n, b.observe, b.n_observables, &states);
    compare(&b, &states, &e, 12000);
    known_states_free(&states);
    known_free(b.k);
}

Test(equilibrium, enumerated_o2_box) {
    compare_all(box_o2());
}

Test(equilibrium, manganese_to_7_in_an_enumerated_box) {
    compare_all(box_manganese());
}

Test(equilibrium, manganese_to_7_in_an_enumerated_box_by_passes) {
    struct box b = box_manganese();
    b.k->ops = &engine_cpu;
    b.draws = 150; /* most lanes of a box this small have no move */
    compare_all(b);
}

/* ---- fast pairs of oxygen events ---- */

static const char *const DIMER_SETS[] = {"model.valence_stiffness_eV=0.3",
                                         "model.face_tet_oct_li_li_eV=0.1",
                                         "model.li_tet_eV=0.1",
                                         "model.hole_eV=4.0",
                                         "model.hole_per_extra_tm_eV=0.1",
                                         "model.peroxo_per_extra_tm_eV=0.12",
                                         "model.orphan_one_tm_eV=0.1",
                                         "model.orphan_no_tm_eV=0.2",
                                         "model.molecular_eV=7.8",
                                         "model.molecular_per_tm_eV=0.15",
                                         "model.bond_peroxo_eV=-0.1",
                                         "model.bond_superoxo_eV=-0.3",
                                         "model.bond_molecular_eV=-0.6",
                                         "model.peroxo_formation_eV=0.35",
                                         "model.peroxo_across_li_gap_eV=0.05",
                                         "model.peroxo_across_tm_slab_eV=0.1",
                                         "model.peroxo_reduction_eV=0.42",
                                         "model.molecular_formation_eV=0.45",
                                         "model.molecular_wall_eV=0.3",
                                         "elements.Ni.oxidation_eV=[3.9,4.1]",
                                         "elements.Mn.oxidation_eV=[3.45]",
                                         "kinetics.stiff_firings=0.5",
                                         NULL};
static const int32_t DIMER_VOLTAGE_UEV = 4150000;

static const char *const electron_names[] = {"hole on O",    "z = 1 on O",   "z = 0 on O",
                                             "tokens on Ni", "tokens on Mn", "tokens on far Ni",
                                             "superoxo",     "bonds in all"};

static const char *const dimer_names[] = {
    "hole on O",   "z = 1 on O",  "z = 0 on O", "tokens on Ni", "tokens on Mn", "Li in oct 0",
    "Li in oct 1", "Li in oct 2", "Li in tet",  "superoxo",     "bonds in all"};

/* Hole, bonded z = 1 and z = 0 on each O, tokens on the other sites, superoxo bonds, bonds. */
static bool observe_dimers(const struct known_crystal *k, const uint8_t *occupancy, double *out) {
    const struct box *b = observed;
    int bonded = 0, peroxo = 0;
    (void)k;
    for (int c = 0; c < b->n; c++) {
        int state = rate_model_state(occupancy[b->choice[c].site]);
        if (c >= OXYGENS) {
            out[2 * OXYGENS + c] = tokens_on(&b->choice[c], occupancy);
            continue;
        }
        for (int s = ANION_HOLE; s <= ANION_MOLECULAR; s++)
            out[3 * c + s - ANION_HOLE] = state == s;
        bonded += state >= ANION_PEROXO;
        peroxo += state == ANION_PEROXO;
    }
    out[2 * OXYGENS + b->n] = peroxo % 2; /* of at most two pairs: exactly one is a superoxo */
    out[2 * OXYGENS + b->n + 1] = bonded / 2;
    return true;
}

static void add_bonding_oxygens(struct box *b, const int64_t *site) {
    for (int o = 0; o < OXYGENS; o++) {
        struct known_choice *c = add_choice(b, site[o], o < 3 ? ANION_HOLE : ANION_OXIDE);
        known_allow(c, ANION_OXIDE, 0, 0, -1);
        known_allow(c, ANION_HOLE, 1, 0, -1);
        for (int p = 0; p < OXYGENS; p++) {
            int dir = p == o ? -1 : known_direction(b->k, site[o], site[p]);
            if (dir < 0)
                continue;
            known_allow(c, ANION_PEROXO | dir << 4, 1, 0, site[p]);
            known_allow(c, ANION_MOLECULAR | dir << 4, 2, 0, site[p]);
        }
    }
}

/* TM octs that touch an O, one after the other. */
static struct lattice_coord tm_beside(const struct known_crystal *k, int64_t oxygen, int nth) {
    const struct lattice *l = &k->model.lattice;
    struct lattice_coord o = lattice_coord_of(l, oxygen);
    const struct lattice_stencil *st = lattice_stencil_of(l, o);
    for (int v = 0; v < st->n_oct; v++) {
        struct lattice_coord c = lattice_step(l, o, st->oct[v]);
        if (lattice_is_tm_gap(c.plane) && nth-- == 0)
            return c;
    }
    cr_assert_fail("no such oct");
    return o;
}

/* The four O of a Li tet, its three Li octs and itself; a Ni and a Mn beside the O.  Moving the Li levels with the voltage leaves the ensemble as it
 * is and changes the weights with which moves are drawn.  With Li+ on the clock it rests, and there is another Ni, which no O of the box touches. */
static struct box box_dimers(int32_t voltage_ueV, bool on_the_clock) {
    struct box b = {.name = "dimers",
                    .k = known_create("ABCABC", 3, 3, TEMPERATURE_K, DIMER_SETS),
                    .draws = 150,
                    .observe = observe_dimers,
                    .names = dimer_names};
    struct rate_model *m = &b.k->model;
    const struct lattice *l = &m->lattice;
    struct lattice_coord tet = {1, SITE_TET_UP, 0, 0};
    const struct lattice_stencil *st = lattice_stencil_of(l, tet);
    int64_t oxygen[OXYGENS], oct[3];
    int n = 0;
    fill_inert(b.k);
    known_put(b.k, known_site(b.k, 1, SITE_OCT, 2, 2), known_ion(b.k, "Al", 3)); /* no symmetry */
    for (int v = 0; v < OXYGENS; v++)
        oxygen[v] = lattice_neighbor(l, tet, st->vertex[v]);
    for (int v = 0; v < st->n_face && n < 3; v++)
        if (st->face[v].kind == SITE_OCT &&
            !lattice_is_tm_gap(lattice_step(l, tet, st->face[v]).plane))
            oct[n++] = lattice_neighbor(l, tet, st->face[v]);
    cr_assert_eq(n, 3);
    add_bonding_oxygens(&b, oxygen);
    struct lattice_coord ni = tm_beside(b.k, oxygen[0], 0), mn = tm_beside(b.k, oxygen[1], 1);
    cr_assert_neq(lattice_site(l, ni), lattice_site(l, mn));
    b.ni[0] = add_redox(&b, "Ni", 2, 4, ni.plane, ni.i, ni.j);
    add_redox(&b, "Mn", 3, 4, mn.plane, mn.i, mn.j);
    m->with_lithium = on_the_clock;
    if (on_the_clock) {
        add_redox(&b, "Ni", 2, 4, 4, 0, 0);
        b.names = electron_names;
    }
    for (int o = 0; o < 3 && on_the_clock; o++)
        known_put(b.k, oct[o], o < 2 ? CATION_LI : CATION_VACANCY);
    for (int o = 0; o < 3 && !on_the_clock; o++)
        add_li_at(&b, oct[o], o < 2);
    if (!on_the_clock)
        add_li_at(&b, lattice_site(l, tet), false);
    b.n_observables = 2 * OXYGENS + b.n + 2;
    m->cation[known_ion(b.k, "Mn", 4)][CLASS_TM_OCT] +=
        600000; /* works here, drawn as a deep centre */
    for (int c = 0; c < SITE_CLASSES; c++)
        m->cation[CATION_LI][c] += DIMER_VOLTAGE_UEV - voltage_ueV;
    return b;
}

static void compare_dimers(int32_t voltage_ueV, double barrier_eV, int64_t samples,
                           bool on_the_clock) {
    for (int restrained = 0; restrained < 2 - on_the_clock; restrained++) {
        struct box b = box_dimers(voltage_ueV, on_the_clock);
        struct electrode e = {voltage_ueV, restrained ? 80000 : 0, 2};
        struct known_states states;
        b.slice_s = slice_for(&b.k->model, barrier_eV);
        observed = &b;
        known_enumerate(b.k, b.choice, b.n, b.observe, b.n_observables, &states);
        cr_log_info("%lld states\n", (long long)states.n);
        compare(&b, &states, &e, samples);
        known_states_free(&states);
        known_free(b.k);
    }
}

Test(equilibrium, dimers_in_an_enumerated_box_at_low_voltage) {
    compare_dimers(3600000, 60, 5000, false);
}

Test(equilibrium, dimers_in_an_enumerated_box_at_medium_voltage) {
    compare_dimers(DIMER_VOLTAGE_UEV, 60, 2000, false);
}

Test(equilibrium, dimers_in_an_enumerated_box_at_high_voltage) {
    compare_dimers(4300000, 60, 2000, false);
}

/* Some pairs are fast, others are not: the criterion must read the same from both ends. */
Test(equilibrium, dimers_in_an_enumerated_box_when_only_some_pairs_are_fast) {
    compare_dimers(DIMER_VOLTAGE_UEV, 0.75, 3000, false);
}

/* All hops are fast; then those up to 0.55 eV, enough to go everywhere. */
Test(equilibrium, hops_of_lithium_in_an_enumerated_box) {
    static const double barrier_eV[] = {60, 0.55};
    for (int k = 0; k < 2; k++) {
        struct box b = box_lithium();
        struct electrode e = {3900000, 0, 0};
        struct known_states states;
        b.slice_s = slice_for(&b.k->model, barrier_eV[k]);
        observed = &b;
        known_enumerate(b.k, b.choice, b.n, b.observe, b.n_observables, &states);
        cr_log_info("%lld states\n", (long long)states.n);
        compare(&b, &states, &e, 4000);
        known_states_free(&states);
        known_free(b.k);
    }
}

/* Electrons that come from far, to O that no TM touches too. */
Test(equilibrium, dimers_with_li_on_the_clock_in_an_enumerated_box) {
    compare_dimers(3600000, 60, 2500, true);
    compare_dimers(DIMER_VOLTAGE_UEV, 0.75, 1500, true);
}
