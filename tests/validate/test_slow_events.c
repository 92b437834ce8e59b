/* Guarantee: the slow events leave the Boltzmann distribution unchanged, each with its reverse.
 *
 * A box of 3 x 3 cells and six planes holds the four O of a tet, which may pair up, and one Ni that
 * may hop between a TM oct, that tet and its three Li octs; the rest is fixed.  Li enters and
 * leaves through the reactions of the bonded O.  All states are enumerated; averages over long
 * `advance` calls without `equilibrate` are compared with the exact ones: tets stored, tets as
 * transit states, fast hops slowed down, and slow events in turn with fast moves, to which the fast
 * pairs of oxygen events then belong.
 */
#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <math.h>
#include <stdlib.h>
#include "known.h"

enum { CHOICES = 12, OXYGENS = 4, OCTS = 4, BATCHES = 48 };

static const double TEMPERATURE_K = 1500;
static const char *const SETS[] = {"model.valence_stiffness_eV=0.3",
                                   "model.tm_tet_li_layer_eV=-0.45",
                                   "model.tm_oct_li_layer_eV=0.1",
                                   "model.face_tet_oct_li_tm_eV=0.1",
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
                                   "model.gate_per_li_eV=0.1",
                                   "model.gate_free_li=0",
                                   "model.peroxo_face_eV=-0.1",
                                   "model.peroxo_formation_eV=0.35",
                                   "model.peroxo_across_li_gap_eV=0.05",
                                   "model.peroxo_across_tm_slab_eV=0.1",
                                   "model.peroxo_reduction_eV=0.42",
                                   "model.molecular_formation_eV=0.45",
                                   "model.molecular_wall_eV=0.3",
                                   "model.molecular_move_eV=0.45",
                                   "model.molecular_exchange_eV=0.50",
                                   "model.vacancy_hop_eV=0.48",
                                   "model.vacancy_face_eV=-0.1",
                                   "elements.Ni.hop_barrier_eV=[0.50,0.54,0.58]",
                                   "elements.Ni.oxidation_eV=[3.9,4.1]",
                                   "model.attempt_frequency_per_s=1e3",
                                   NULL};

struct box {
    struct known_crystal *k;
    int n;
    struct known_choice choice[CHOICES];
    int64_t oxygen[OXYGENS], oct[OCTS], tet;
    int ni; /* Ni2+ */
};

static struct known_choice *add_choice(struct box *b, int64_t site, int byte) {
    cr_assert_lt(b->n, CHOICES);
    struct known_choice *c = &b->choice[b->n++];
    *c = (struct known_choice){.site = site};
    known_put(b->k, site, byte);
    return c;
}

static void allow_ni(const struct box *b, struct known_choice *c) {
    for (int t = 0; t < 3; t++)
        known_allow(c, b->ni + t, t, 1, -1);
}

/* With a vacancy in place of one of them, which is conserved: it counts as eight movers. */
static void add_oxygens(struct box *b, bool vacancy) {
    for (int o = 0; o < OXYGENS; o++) {
        int last = vacancy ? ANION_VACANCY : ANION_OXIDE;
        struct known_choice *c = add_choice(b, b->oxygen[o], o < 3 ? ANION_HOLE : last);
        known_allow(c, ANION_VACANCY, 0, 8, -1);
        known_allow(c, ANION_OXIDE, 0, 0, -1);
        known_allow(c, ANION_HOLE, 1, 0, -1);
        for (int p = 0; p < OXYGENS; p++) {
            int dir = p == o ? -1 : known_direction(b->k, b->oxygen[o], b->oxygen[p]);
            if (dir < 0)
                continue;
            known_allow(c, ANION_PEROXO | dir << 4, 1, 0, b->oxygen[p]);
            known_allow(c, ANION_MOLECULAR | dir << 4, 2, 0, b->oxygen[p]);
        }
    }
}

/* The first Li-layer tet that shares a face with the TM oct, and its three Li octs. */
static void find_path(struct box *b) {
    const struct lattice *l = &b->k->model.lattice;
    struct lattice_coord tm = lattice_coord_of(l, b->oct[0]);
    const struct lattice_stencil *st = lattice_stencil_of(l, tm);
    int v = 0, n = 1;
    while (st->face[v].kind == SITE_OCT ||
           lattice_is_tm_gap(lattice_step(l, tm, st->face[v]).plane))
        v++;
    struct lattice_coord tet = lattice_step(l, tm, st->face[v]);
    b->tet = lattice_site(l, tet);
    st = lattice_stencil_of(l, tet);
    for (v = 0; v < st->n_face; v++) {
        int64_t site = lattice_neighbor(l, tet, st->face[v]);
        if (st->face[v].kind == SITE_OCT && site != b->oct[0])
            b->oct[n++] = site;
    }
    cr_assert_eq(n, OCTS);
    st = lattice_stencil_of(l, tet);
    for (int o = 0; o < OXYGENS; o++)
        b->oxygen[o] = lattice_neighbor(l, tet, st->vertex[o]);
}

/* NaAlO2 with inert anions around the active sites. */
static void fill_inert(struct known_crystal *k) {
    const struct lattice *l = &k->model.lattice;
    int na = known_ion(k, "Na", 1), al = known_ion(k, "Al", 3);
    for (int plane = 0; plane < l->n_planes; plane++)
        for (int j = 0; j < l->nb; j++)
            for (int i = 0; i < l->na; i++)
                known_put(k, known_site(k, plane, SITE_OCT, i, j),
                          lattice_is_tm_gap(plane) ? al : na);
}

/* `li_in_tet`: fast moves may put Li into the tet; the slow events use octs only. */
static struct box make_box(bool li_in_tet, bool vacancy) {
    struct box b = {.k = known_create("ABCABC", 3, 3, TEMPERATURE_K, SETS)};
    fill_inert(b.k);
    b.ni = known_ion(b.k, "Ni", 2);
    known_put(b.k, known_site(b.k, 1, SITE_OCT, 2, 2), known_ion(b.k, "Al", 3)); /* no symmetry */
    b.oct[0] = known_site(b.k, 0, SITE_OCT, 0, 0);
    find_path(&b);
    add_oxygens(&b, vacancy);
    for (int o = 0; o < OCTS; o++) {
        struct known_choice *c = add_choice(&b, b.oct[o], o == 0 ? b.ni + 1 : o == 1);
        known_allow(c, CATION_VACANCY, 0, 0, -1);
        known_allow(c, CATION_LI, 1, 0, -1);
        allow_ni(&b, c);
    }
    struct known_choice *c = add_choice(&b, b.tet, CATION_VACANCY);
    known_allow(c, CATION_VACANCY, 0, 0, -1);
    allow_ni(&b, c);
    if (li_in_tet)
        known_allow(c, CATION_LI, 1, 0, -1);
    return b;
}

/* ---- observables ---- */

static const struct box *observed;
static bool reach_no_holes, reach_tet; /* what the dynamics of a test can reach */

enum { OBSERVABLES = 3 * OXYGENS + 2 * OCTS + 5 };

static bool is_ni(const struct box *b, uint8_t ion) {
    return ion >= b->ni && ion < b->ni + 3;
}

/* Hole, bonded z = 1 and z = 0 on each O; Ni and Li on each oct; Ni and Li in the tet, Ni tokens,
 * superoxo bonds, vacancy on the first O. */
static bool observe(const struct known_crystal *k, const uint8_t *occupancy, double *out) {
    const struct box *b = observed;
    int oxidised = 0, peroxo = 0, molecular = 0;
    double *octs = out + 3 * OXYGENS, *last = octs + 2 * OCTS;
    (void)k;
    last[0] = is_ni(b, occupancy[b->tet]);
    last[1] = occupancy[b->tet] == CATION_LI;
    last[2] = last[0] > 0 ? occupancy[b->tet] - b->ni : 0;
    for (int o = 0; o < OXYGENS; o++) {
        int state = rate_model_state(occupancy[b->oxygen[o]]);
        for (int s = ANION_HOLE; s <= ANION_MOLECULAR; s++)
            out[3 * o + s - ANION_HOLE] = state == s;
        oxidised += state != ANION_OXIDE && state != ANION_VACANCY;
        peroxo += state == ANION_PEROXO;
        molecular += state == ANION_MOLECULAR;
    }
    for (int o = 0; o < OCTS; o++) {
        uint8_t ion = occupancy[b->oct[o]];
        octs[2 * o] = is_ni(b, ion);
        octs[2 * o + 1] = ion == CATION_LI;
        last[2] += is_ni(b, ion) ? ion - b->ni : 0;
    }
    last[4] = rate_model_state(occupancy[b->oxygen[0]]) == ANION_VACANCY;
    last[3] = peroxo % 2; /* of at most two pairs: exactly one is a superoxo */
    return (reach_no_holes || oxidised > 0) && (reach_tet || last[0] == 0);
}

static void observable_name(const char *plan, int i, char *name, size_t size) {
    static const char *const state[] = {"hole", "z = 1", "z = 0"};
    static const char *const last[] = {"Ni in the tet", "Li in the tet", "tokens on Ni",
                                       "superoxo bonds", "vacancy on O 0"};
    int o = i - 2, c = o - 3 * OXYGENS, t = c - 2 * OCTS;
    if (o < 0)
        snprintf(name, size, "%s: %s", plan, i == 0 ? "energy" : "Li");
    else if (c < 0)
        snprintf(name, size, "%s: O %d, %s", plan, o / 3, state[o % 3]);
    else if (t < 0)
        snprintf(name, size, "%s: %s in oct %d", plan, c % 2 ? "Li" : "Ni", c / 2);
    else
        snprintf(name, size, "%s: %s", plan, last[t]);
}

/* ---- comparison ---- */

struct plan {
    const char *name;
    bool tets_stored, fast_moves;
    double step_s, slice_s, stiff_firings;
    int64_t samples;
    /* added to the barriers of hops, join, combine, oxidise and their reverse, ueV */
    int32_t hop_shift, join_shift, combine_shift, oxidise_shift;
    bool vacancy;
};

static void shift_barriers(struct rate_model *m, const struct plan *p) {
    for (int s = 0; s < MODEL_SPECIES; s++)
        m->hop_barrier[s] += p->hop_shift;
    for (int c = 0; c < 3; c++)
        m->peroxo_formation[c] += p->join_shift;
    m->molecular_formation += p->oxidise_shift;
    m->peroxo_reduction += p->combine_shift;
}

static void add_fired(int64_t *sum, const struct engine_advanced *a) {
    for (int e = 0; e < EVENT_KINDS; e++)
        sum[e] += a->fired[e];
    sum[EVENT_KINDS] += a->slowed;
}

static void run_batch(const struct box *b, const struct plan *p, const struct electrode *electrode,
                      int64_t ground, uint32_t batch, double *mean, int64_t *fired) {
    struct known_crystal *k = b->k;
    struct engine_equilibrated eq;
    struct engine_advanced a;
    int64_t warm_up = p->samples / 20;
    for (int i = 0; i < OBSERVABLES + 2; i++)
        mean[i] = 0;
    known_start(k, 20240602, batch);
    for (int64_t s = -warm_up; s < p->samples; s++) {
        double value[KNOWN_OBSERVABLES];
        if (p->fast_moves)
            engine_exact.equilibrate(k->engine, electrode, p->slice_s, 200, 1, &eq);
        engine_exact.advance(k->engine, electrode, p->step_s, p->slice_s, &a);
        if (s < 0)
            continue;
        add_fired(fired, &a);
        cr_assert(observe(k, k->state.x.occupancy, value + 2), "a state that cannot be reached");
        value[0] = 1e-6 * (double)(k->state.energy_ueV - ground);
        value[1] = (double)k->state.n_li;
        for (int i = 0; i < OBSERVABLES + 2; i++)
            mean[i] += value[i] / (double)p->samples;
    }
    cr_assert_eq(k->state.energy_ueV, state_recount(&k->state, &k->model));
    known_stop(k);
}

static void check_fired(const struct plan *p, const int64_t *fired) {
    int64_t all = 0;
    for (int e = 0; e < EVENT_KINDS; e++) {
        all += fired[e];
        bool off = e == EVENT_LITHIUM || e == EVENT_EXCHANGE || e == EVENT_PROTON;
        if (off || e == EVENT_LOSE || (e == EVENT_VACANCY && !p->vacancy)) {
            cr_expect_eq(fired[e], 0);
            continue;
        }
        cr_expect_gt(fired[e], 10000, "%s: %lld events of kind %d only", p->name,
                     (long long)fired[e], e);
    }
    cr_log_info("%s: hop %lld join %lld split %lld cleave %lld combine %lld oxidise %lld reduce "
                "%lld move %lld vacancy %lld slowed %lld\n",
                p->name, (long long)fired[0], (long long)fired[1], (long long)fired[2],
                (long long)fired[3], (long long)fired[4], (long long)fired[5], (long long)fired[6],
                (long long)fired[EVENT_MOVE], (long long)fired[EVENT_VACANCY],
                (long long)fired[EVENT_KINDS]);
    if (p->slice_s > p->step_s)
        cr_expect(fired[EVENT_KINDS] > all / 10, "%s: few events were slowed", p->name);
    else
        cr_expect_eq(fired[EVENT_KINDS], 0);
}

static void compare(const struct plan *p) {
    struct box b = make_box(p->fast_moves, p->vacancy);
    struct known_states states;
    struct electrode electrode = {4150000, 0, 0};
    double exact[KNOWN_OBSERVABLES], variance[KNOWN_OBSERVABLES], mean[KNOWN_OBSERVABLES];
    struct known_sums sums = {0};
    int64_t fired[EVENT_KINDS + 1] = {0};
    char name[80];
    observed = &b;
    reach_no_holes = p->fast_moves;
    reach_tet = p->tets_stored;
    b.k->model.tet_lifetime_steps = p->tets_stored ? 1e300 : 0;
    b.k->model.stiff_firings = p->stiff_firings;
    shift_barriers(&b.k->model, p);
    known_enumerate(b.k, b.choice, b.n, observe, OBSERVABLES, &states);
    known_exact(b.k, &states, &electrode, exact, variance);
    cr_log_info("%s: %lld states\n", p->name, (long long)states.n);
    for (uint32_t batch = 0; batch < BATCHES; batch++) {
        run_batch(&b, p, &electrode, known_ground(&states), batch, mean, fired);
        known_add_batch(&sums, mean, OBSERVABLES + 2);
    }
    for (int i = 0; i < sums.n; i++) {
        if (variance[i] < 0.005) /* too few visits for a normal error */
            continue;
        observable_name(p->name, i, name, sizeof name);
        known_check(name, known_mean(&sums, i), known_error(&sums, i), exact[i],
                    i < 2 ? exact[i] : fmax(exact[i], 1.0)); /* occupations: 0.5 % of one */
    }
    check_fired(p, fired);
    known_states_free(&states);
    known_free(b.k);
}

Test(slow_events, tets_stored) {
    compare(&(struct plan){"stored", true, false, 0.15, 0.15, 1e300, 900, 0, 0, 0, 0, false});
}

Test(slow_events, tets_in_transit) {
    compare(&(struct plan){"transit", false, false, 0.15, 0.15, 1e300, 1100, 0, 0, 0, 0, false});
}

/* Hops above 40/s are slowed to that; the barriers of oxygen events are too high for fast pairs. */
Test(slow_events, slowed_down) {
    compare(&(struct plan){"slowed", true, false, 0.8, 3.0, 120, 1700, -250000, 400000, 560000,
                           300000, false});
}

/* An O vacancy among the four O. */
Test(slow_events, with_a_vacancy) {
    compare(&(struct plan){"vacancy", true, false, 0.15, 0.15, 1e300, 1300, 0, 0, 0, 0, true});
}

/* The barriers of oxygen events lie so that some pairs are fast and others of each kind are not. */
Test(slow_events, in_turn_with_fast_moves) {
    compare(&(struct plan){"in turn", true, true, 1.2, 12.0, 240, 2000, -200000, 400000, 530000,
                           270000, false});
}
