/* Guarantee: the moves of Li+ and electrons leave the Boltzmann distribution stationary: proposals
 * are symmetric in every channel.
 *
 * A few token sites in an otherwise empty box have so few states that all can be listed; the
 * populations that the engine finds are compared with exp(-(E + V N)/kT - kappa (N - target)^2 /
 * 2kT) of all states with the same number of tokens.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include "fixture.h"

enum {
    SITES_MAX = 12,
    STATES_MAX = 8192,
    DIGITS = 3,
    COUNTS = STATES_MAX + SITES_MAX * DIGITS,
    REPLICAS = 16,
    SAMPLES = 3200,
    DRAWS = 600
};

/* Counted are the states by their number, and behind them how often each site holds 0, 1, 2 tokens.
 */

/* A token site: its byte with no token and the most tokens it holds. */
struct place {
    struct lattice_coord c;
    uint8_t base;
    int most;
};

struct system {
    struct fixture *f;
    int n, tokens;
    struct place place[SITES_MAX];
    double weight[COUNTS];               /* exact probabilities */
    double sum[COUNTS], squares[COUNTS]; /* measured ones and their squares, over replicas */
};

/* No cation site, all anions alike: the ground on which token sites are put. */
static void wipe(struct fixture *f, uint8_t anion) {
    fixture_clear(f, anion);
    for (int64_t s = 0; s < f->replica.state.n_sites; s++)
        if (lattice_coord_of(&f->model->lattice, s).kind != SITE_O)
            f->replica.state.x.occupancy[s] = SITE_OUTSIDE;
}

static void add_place(struct system *y, struct lattice_coord c, int base, int most) {
    y->place[y->n++] = (struct place){c, (uint8_t)base, most};
}

static uint8_t *byte_of(struct system *y, int k) {
    return &y->f->replica.state.x.occupancy[lattice_site(&y->f->model->lattice, y->place[k].c)];
}

/* Number of the present state: one digit a site. */
static int number(struct system *y) {
    int n = 0;
    for (int k = 0; k < y->n; k++)
        n = n * (y->place[k].most + 1) + (*byte_of(y, k) - y->place[k].base);
    return n;
}

/* Sets state n; returns its number of tokens. */
static int set_state(struct system *y, int n) {
    int tokens = 0;
    for (int k = y->n - 1; k >= 0; k--) {
        int digit = n % (y->place[k].most + 1);
        *byte_of(y, k) = (uint8_t)(y->place[k].base + digit);
        tokens += digit;
        n /= y->place[k].most + 1;
    }
    return tokens;
}

static int count_states(const struct system *y) {
    int n = 1;
    for (int k = 0; k < y->n; k++)
        n *= y->place[k].most + 1;
    cr_assert_leq(n, STATES_MAX);
    return n;
}

/* Books a probability for the present state, number n, and for what its sites hold. */
static void book(struct system *y, double *counts, int n, double probability) {
    counts[n] += probability;
    for (int k = 0; k < y->n; k++)
        counts[STATES_MAX + k * DIGITS + *byte_of(y, k) - y->place[k].base] += probability;
}

static void enumerate(struct system *y, const struct electrode *v) {
    struct state *s = fixture_state(y->f);
    double total = 0, kT = y->f->model->boltzmann.kT_ueV;
    int states = count_states(y), start = -1;
    int64_t origin = 0;
    for (int n = 0; n < states; n++) {
        if (set_state(y, n) != y->tokens)
            continue;
        state_rebuild(s, y->f->model);
        int64_t away = s->n_li - v->target,
                e = state_recount(s, y->f->model) + v->voltage_ueV * s->n_li;
        origin = start < 0 ? e : origin;
        start = n;
        double weight =
            exp(-((double)(e - origin) + 0.5 * v->kappa_ueV * (double)(away * away)) / kT);
        book(y, y->weight, n, weight);
        total += weight;
    }
    for (int n = 0; n < COUNTS; n++)
        y->weight[n] /= total;
    set_state(y, start);
    state_rebuild(s, y->f->model);
    s->energy_ueV = state_recount(s, y->f->model);
}

/* One replica: its own random numbers, an engine made for the present configuration. */
static void sample(struct system *y, const struct electrode *v, uint32_t replica) {
    static double hits[COUNTS];
    struct replica *r = &y->f->replica;
    struct engine_equilibrated moved;
    memset(hits, 0, sizeof hits);
    r->state.random.replica = replica;
    for (int k = 0; k < SAMPLES; k++) {
        r->ops->equilibrate(r->engine, v, 0, DRAWS, 1, &moved);
        book(y, hits, number(y), 1.0 / SAMPLES);
    }
    for (int n = 0; n < COUNTS; n++) {
        y->sum[n] += hits[n];
        y->squares[n] += hits[n] * hits[n];
    }
}

/* Within 4.5 standard errors; the errors of the sites' populations must be small enough to mean
 * something. */
static void compare(struct system *y) {
    int checked = 0;
    for (int n = 0; n < COUNTS; n++) {
        double mean = y->sum[n] / REPLICAS, variance = y->squares[n] / REPLICAS - mean * mean;
        double error = sqrt((variance > 0 ? variance : 0) / (REPLICAS - 1));
        if (y->weight[n] == 0)
            cr_expect_eq(mean, 0, "state %d cannot be reached", n);
        if (y->weight[n] < 2e-3)
            continue;
        checked++;
        if (n >= STATES_MAX)
            cr_expect_lt(error, 0.01);
        cr_expect_leq(fabs(mean - y->weight[n]), 4.5 * error + 1e-9,
                      "state %d: expected %.5f, found %.5f +- %.5f", n, y->weight[n], mean, error);
    }
    cr_log_info("%d probabilities compared", checked);
    cr_expect_geq(checked, 2 * y->n);
}

static void test_populations(struct system *y, struct electrode v) {
    struct replica *r = &y->f->replica;
    memset(y->sum, 0, sizeof y->sum);
    memset(y->squares, 0, sizeof y->squares);
    memset(y->weight, 0, sizeof y->weight);
    enumerate(y, &v);
    r->ops->free(r->engine);
    r->engine = r->ops->create(y->f->model, &r->state, 1);
    cr_assert_not_null(r->engine);
    for (uint32_t k = 0; k < REPLICAS; k++)
        sample(y, &v, k);
    cr_expect_eq(r->state.energy_ueV, state_recount(&r->state, y->f->model));
    compare(y);
}

/* Small energies, so that all states are populated at room temperature. */
#define GENTLE                                                                                     \
    "structure.cells_a=3", "structure.cells_b=3", "structure.repeats=1",                           \
        "model.valence_stiffness_eV=0.02", "model.orphan_one_tm_eV=0", "model.orphan_no_tm_eV=0",  \
        "model.hole_per_extra_tm_eV=0", "model.li_tet_eV=-0.01",                                   \
        "model.face_tet_oct_li_li_eV=0.02", "model.face_tet_oct_li_tm_eV=0.01",                    \
        "model.face_oct_oct_li_tm_eV=-0.01", "model.pair_hole_hole_eV=0.03"

static struct system *create(const char *const *set, uint8_t ground) {
    struct system *y = calloc(1, sizeof *y);
    cr_assert_not_null(y);
    y->f = fixture_create("builtin:o3-lmr", set);
    wipe(y->f, ground);
    return y;
}

static void destroy(struct system *y) {
    fixture_free(y->f);
    free(y);
}

/* Ni, Ni, Mn in the TM octs of an O, two Li octs and a Li tet, the O and a neighbour, and a Li oct
 * and a Ni far away. */
static void crowd(struct system *y) {
    const struct lattice *l = &y->f->model->lattice;
    struct lattice_coord o = {2, SITE_O, 1, 1}, far_li = {5, SITE_OCT, 0, 0},
                         far_ni = {4, SITE_OCT, 1, 0};
    const struct lattice_stencil *st = lattice_stencil_of(l, o);
    int ni = fixture_species(y->f, "Ni", 2), mn = fixture_species(y->f, "Mn", 3), tm = 0, li = 0,
        tet = 0;
    for (int v = 0; v < st->n_oct; v++) {
        struct lattice_coord c = lattice_step(l, o, st->oct[v]);
        if (lattice_is_tm_gap(c.plane) && tm < 3)
            add_place(y, c, tm == 2 ? mn : ni, tm == 2 ? 1 : 2), tm++;
        else if (!lattice_is_tm_gap(c.plane) && li++ < 2)
            add_place(y, c, CATION_VACANCY, 1);
    }
    for (int v = 0; v < st->n_tet; v++) {
        struct lattice_coord c = lattice_step(l, o, st->tet[v]);
        if (!lattice_is_tm_gap(c.plane) && tet++ == 0)
            add_place(y, c, CATION_VACANCY, 1);
    }
    add_place(y, o, ANION_OXIDE, 1);
    add_place(y, lattice_step(l, o, st->oxygen[1]), ANION_OXIDE, 1);
    add_place(y, far_li, CATION_VACANCY, 1);
    add_place(y, far_ni, ni, 2);
    y->tokens = 6;
    set_state(y, 0);
}

/* Ni3+ Ni3+ <-> Ni2+ Ni4+: the pair that can go either way from its middle state. */
Test(tokens, nickel_pairs_disproportionate_as_boltzmann_says) {
    struct system *y = create(FIXTURE_SET(GENTLE, "elements.Ni.oxidation_eV=[3.7,3.72]"), ANION_F);
    const struct lattice *l = &y->f->model->lattice;
    struct lattice_coord a = {2, SITE_OCT, 1, 1};
    int ni = fixture_species(y->f, "Ni", 2), v = 0;
    const struct lattice_stencil *st = lattice_stencil_of(l, a);
    while (st->oct[v].dplane != 0)
        v++;
    add_place(y, a, ni, 2);
    add_place(y, lattice_step(l, a, st->oct[v]), ni, 2);
    y->tokens = 2;
    test_populations(y, (struct electrode){4000000, 0, 0});
    destroy(y);
}

Test(tokens, populations_are_right_at_medium_voltage) {
    struct system *y = create(FIXTURE_SET(GENTLE, "elements.Ni.oxidation_eV=[3.98,4.03]",
                                          "elements.Mn.oxidation_eV=[4.0]", "model.hole_eV=4.01"),
                              ANION_F);
    crowd(y);
    test_populations(y, (struct electrode){4000000, 0, 0});
    destroy(y);
}

Test(tokens, populations_are_right_at_high_voltage) {
    struct system *y = create(FIXTURE_SET(GENTLE, "elements.Ni.oxidation_eV=[4.48,4.53]",
                                          "elements.Mn.oxidation_eV=[4.5]", "model.hole_eV=4.51"),
                              ANION_F);
    crowd(y);
    test_populations(y, (struct electrode){4500000, 0, 0});
    destroy(y);
}

/* Mn is a deep centre here, Ni is not; a restraint holds N near 2. */
Test(tokens, populations_are_right_at_low_voltage_with_a_restraint) {
    struct system *y = create(FIXTURE_SET(GENTLE, "elements.Ni.oxidation_eV=[3.52,3.54]",
                                          "elements.Mn.oxidation_eV=[3.5]", "model.hole_eV=3.53"),
                              ANION_F);
    crowd(y);
    test_populations(y, (struct electrode){3510000, 20000, 2});
    destroy(y);
}

/* Most anions missing: shared O must not be taken from the stencils. */
Test(tokens, populations_are_right_where_anions_are_missing) {
    struct system *y = create(FIXTURE_SET(GENTLE, "elements.Ni.oxidation_eV=[3.98,4.03]",
                                          "elements.Mn.oxidation_eV=[4.0]", "model.hole_eV=4.01",
                                          "model.valence_stiffness_eV=0.05"),
                              ANION_VACANCY);
    crowd(y);
    test_populations(y, (struct electrode){4000000, 0, 0});
    destroy(y);
}
