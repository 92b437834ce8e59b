/* Guarantee: a fast move changes the energy by what it says, its way back along the same bond is there and drawn as often, and acceptance is
 * exp(-omega/kT).
 *
 * Random ions, holes and dimers on every site; bonds as `equilibrate` draws them: cation - O, cation - cation, O - O, the triples oct - O - O, and
 * pairs from anywhere. Each move found on a bond is carried out on a copy: energy and Li against a recount, caches against a rebuild, every dimer
 * whole, charge kept.  Judged from there along the same bond the reverse must come for as many coins, with energy and Li negated and the same answer
 * to the question whether it is fast; carried out, it must lead back to the bit.
 */
#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <math.h>
#include "fixture.h"

enum { MOVE_KINDS = MOVE_CLEAVE + 1 };

static const int32_t VOLTAGE_UEV = 4300000;

/* Limits: no pair is fast, some are, all are. */
enum { NONE_FAST, SOME_FAST, ALL_FAST, WINDOWS };
static const double SLICE_S[WINDOWS] = {0, 1e-3, 1e30};

struct bench {
    struct fixture *f;
    struct state after;
    struct move_context k[WINDOWS]; /* on the fixture's configuration */
    int64_t energy, charge, n_li;
    int64_t by_kind[MOVE_KINDS], with_bonded, between_oxygen, slow, electrode, either_way, from_tet;
};

static void bench_init(struct bench *b, struct fixture *f) {
    memset(b, 0, sizeof *b);
    b->f = f;
    b->after = fixture_copy(f, fixture_state(f));
    /* barriers around those of the window in the middle */
    for (int w = 0; w < WINDOWS; w++) {
        b->k[w] = (struct move_context){f->model, &fixture_state(f)->x, {0}, VOLTAGE_UEV, 0};
        channels_limits_init(&b->k[w].limits, f->model, SLICE_S[w]);
    }
}

/* Random disorder with more ions of the host than of dopants, so that bonds with two deep centres (Ni3+ Ni3+) and ions with room for a token
 * abound. */
static void put_host_ions(struct fixture *f, uint64_t seed) {
    struct state *s = fixture_state(f);
    struct philox random = {seed, 0};
    int host[] = {fixture_species(f, "Ni", 2), fixture_species(f, "Ni", 3),
                  fixture_species(f, "Ni", 4), fixture_species(f, "Co", 3),
                  fixture_species(f, "Mn", 4), fixture_species(f, "Mn", 3)};
    for (int64_t site = 0; site < s->n_sites; site++) {
        struct philox_block r = philox_draw(random, 201, 100, (uint64_t)site);
        uint8_t *byte = &s->x.occupancy[site];
        if (lattice_coord_of(&f->model->lattice, site).kind != SITE_O && *byte > CATION_LI &&
            *byte != SITE_OUTSIDE && r.v[0] % 4 != 0)
            *byte = (uint8_t)host[philox_below(r.v[1], 6)];
    }
}

/* More peroxo dimers, from O2- and holes. */
static void put_dimers(struct fixture *f, uint64_t seed) {
    struct state *s = fixture_state(f);
    const struct lattice *l = &f->model->lattice;
    struct philox random = {seed, 0};
    for (int64_t site = 0; site < s->n_sites; site++) {
        struct lattice_coord o = lattice_coord_of(l, site);
        const struct lattice_stencil *st = lattice_stencil_of(l, o);
        struct philox_block r = philox_draw(random, 201, 101, (uint64_t)site);
        if (o.kind != SITE_O || r.v[0] % 4 != 0)
            continue;
        uint32_t v = philox_below(r.v[1], st->n_oxygen);
        uint8_t *here = &s->x.occupancy[site];
        uint8_t *there = &s->x.occupancy[lattice_neighbor(l, o, st->oxygen[v])];
        if (*here > ANION_HOLE || *there > ANION_HOLE)
            continue;
        *here = (uint8_t)(ANION_PEROXO | v << 4);
        *there = (uint8_t)(ANION_PEROXO | st->reverse[v] << 4);
    }
}

static void bench_disorder(struct bench *b, uint64_t seed) {
    struct state *s = fixture_state(b->f);
    fixture_randomise(b->f, seed);
    put_host_ions(b->f, seed);
    put_dimers(b->f, seed);
    state_rebuild(s, b->f->model);
    s->energy_ueV = state_recount(s, b->f->model);
    bool complete = true;
    for (int64_t o = 0; o < s->n_oxygen; o++)
        complete = complete && s->x.deviation[o] != RATE_MODEL_ABSENT;
    for (int w = 0; w < WINDOWS; w++)
        b->k[w].complete = complete;
    b->energy = s->energy_ueV;
    b->charge = state_charge(s, b->f->model);
    b->n_li = s->n_li;
}

static void bench_free(struct bench *b) {
    state_free(&b->after);
    fixture_free(b->f);
}

/* Caches, dimers, Li and charge: everything that state_verify looks at but neutrality. */
static void check_caches(const struct bench *b, const struct state *x, int li_change) {
    const struct rate_model *m = b->f->model;
    struct state fresh = fixture_copy(b->f, x);
    cr_assert_arr_eq(x->x.deviation, fresh.x.deviation,
                     (size_t)x->n_oxygen * sizeof *x->x.deviation);
    cr_assert_arr_eq(x->x.n_tm, fresh.x.n_tm, (size_t)x->n_oxygen);
    cr_assert_eq(fresh.n_li, b->n_li + li_change);
    /* one electron leaves with each Li+: the crystal's charge stays */
    cr_assert_eq(state_charge(&fresh, m), b->charge);
    const char *problem = state_verify(&fresh, m);
    cr_assert(!problem || strstr(problem, "neutral"), "%s", problem);
    state_free(&fresh);
}

static bool bit_equal(const struct state *a, const struct state *b) {
    return memcmp(a->x.occupancy, b->x.occupancy, (size_t)a->n_sites) == 0 &&
           memcmp(a->x.n_tm, b->x.n_tm, (size_t)a->n_oxygen) == 0 &&
           memcmp(a->x.deviation, b->x.deviation, (size_t)a->n_oxygen * sizeof *a->x.deviation) ==
               0;
}

static bool same_move(const struct move *a, const struct move *b) {
    return a->kind == b->kind && a->bond.site_a == b->bond.site_a &&
           a->bond.site_b == b->bond.site_b;
}

/* Is `back` the reverse of `there`: token the other way, dimer cut instead of formed? */
static bool is_reverse(const struct move *back, const struct move *there) {
    static const uint8_t reverse[MOVE_KINDS] = {MOVE_TOKEN, MOVE_SPLIT, MOVE_JOIN, MOVE_CLEAVE,
                                                MOVE_COMBINE};
    bool turned = there->kind == MOVE_TOKEN;
    return back->kind == reverse[there->kind] &&
           back->bond.site_a == (turned ? there->bond.site_b : there->bond.site_a) &&
           back->bond.site_b == (turned ? there->bond.site_a : there->bond.site_b) &&
           back->bond.dir == there->bond.dir && back->bond.triple == there->bond.triple;
}

static void count(struct bench *b, const struct move *mv, bool bonded) {
    b->by_kind[mv->kind]++;
    b->with_bonded += mv->kind == MOVE_TOKEN && bonded;
    b->between_oxygen += mv->kind == MOVE_TOKEN && bonded && mv->bond.a.kind == mv->bond.b.kind;
    b->electrode += mv->li_change != 0;
    b->from_tet += mv->bond.a.kind != SITE_O && mv->bond.a.kind != SITE_OCT;
}

/* The reverse of a move along the bond as drawn, judged on a configuration that has undergone it. */
static void check_way_back(struct bench *b, const struct move_bond *bond, const struct move *there,
                           int coins, int w) {
    struct state *now = fixture_state(b->f);
    struct move_context k = b->k[w];
    struct move back, found = {0};
    int ways = 0;
    k.x = &b->after.x;
    for (int coin = 0; coin < 2; coin++)
        if (moves_judge(&k, bond, coin, &back) && is_reverse(&back, there)) {
            ways++;
            found = back;
        }
    cr_assert_eq(ways, coins, "window %d, kind %d, %lld -> %lld: %d of 2 coins there, %d back", w,
                 there->kind, (long long)bond->site_a, (long long)bond->site_b, coins, ways);
    if (ways == 0)
        return;
    cr_assert_eq(found.energy, -there->energy, "kind %d: %lld ueV there, %lld back", there->kind,
                 (long long)there->energy, (long long)found.energy);
    cr_assert_eq(found.li_change, -there->li_change);
    struct state copy = fixture_copy(b->f, &b->after);
    k.x = &copy.x;
    moves_apply(&k, &found);
    cr_assert(bit_equal(&copy, now), "kind %d: the way back ends elsewhere", there->kind);
    state_free(&copy);
}

/* Coins for which a bond gives this move. */
static int coins_for(const struct move_context *k, const struct move_bond *bond,
                     const struct move *wanted) {
    struct move mv;
    int n = 0;
    for (int coin = 0; coin < 2; coin++)
        n += moves_judge(k, bond, coin, &mv) && same_move(&mv, wanted);
    return n;
}

static void check_bond(struct bench *b, const struct move_bond *bond) {
    const struct rate_model *m = b->f->model;
    struct state *now = fixture_state(b->f);
    struct move mv, first = {0};
    int found = 0;
    for (int coin = 0; coin < 2; coin++) {
        if (!moves_judge(&b->k[ALL_FAST], bond, coin, &mv) || (found && same_move(&mv, &first)))
            continue;
        found++;
        first = mv;
        bool bonded =
            (mv.bond.a.kind == SITE_O && moves_is_bonded(now->x.occupancy[mv.bond.site_a])) ||
            (mv.bond.b.kind == SITE_O && moves_is_bonded(now->x.occupancy[mv.bond.site_b]));
        struct move_context k = b->k[ALL_FAST];
        fixture_restore(&b->after, now);
        k.x = &b->after.x;
        moves_apply(&k, &mv);
        cr_assert_eq(mv.energy, state_recount(&b->after, m) - b->energy,
                     "kind %d, sites %lld (kind %d, byte %d) and %lld (kind %d, byte %d), "
                     "direction %d: %lld ueV, recount %lld",
                     mv.kind, (long long)mv.bond.site_a, mv.bond.a.kind,
                     now->x.occupancy[mv.bond.site_a], (long long)mv.bond.site_b, mv.bond.b.kind,
                     now->x.occupancy[mv.bond.site_b], mv.bond.dir, (long long)mv.energy,
                     (long long)(state_recount(&b->after, m) - b->energy));
        check_caches(b, &b->after, mv.li_change);
        for (int w = 0; w < WINDOWS; w++) {
            int coins = coins_for(&b->k[w], bond, &mv);
            bool pair = mv.kind != MOVE_TOKEN || bonded;
            cr_assert(w == ALL_FAST ? coins > 0 : pair || coins > 0);
            cr_assert(w != NONE_FAST || !pair || coins == 0, "kind %d without fast pairs", mv.kind);
            check_way_back(b, bond, &mv, coins, w);
            b->slow += w == SOME_FAST && coins == 0;
        }
        count(b, &mv, bonded);
    }
    b->either_way += found == 2;
}

/* ---- bonds ---- */

static struct move_bond make_bond(const struct lattice *l, struct lattice_coord a,
                                  struct lattice_coord c) {
    struct move_bond bond;
    memset(&bond, 0, sizeof bond);
    bond.a = a;
    bond.b = c;
    bond.site_a = lattice_site(l, a);
    bond.site_b = lattice_site(l, c);
    bond.dir = -1;
    return bond;
}

/* Does the engine keep a site in one of its lists, as one of the two ends of a bond? */
static bool holds_tokens(const struct bench *b, int64_t site) {
    uint8_t byte = fixture_state(b->f)->x.occupancy[site];
    if (lattice_coord_of(&b->f->model->lattice, site).kind == SITE_O)
        return rate_model_state(byte) < ANION_ACTIVE;
    return byte != SITE_OUTSIDE && (byte <= CATION_LI || b->f->model->capacity[byte] > 0);
}

static void check_if_drawn(struct bench *b, const struct move_bond *bond) {
    if (holds_tokens(b, bond->site_a) && holds_tokens(b, bond->site_b))
        check_bond(b, bond);
}

/* All bonds that begin at a cation site: to its O, to the cation sites around, and its triples. */
static void check_cation(struct bench *b, struct lattice_coord a) {
    const struct lattice *l = &b->f->model->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(l, a);
    for (int v = 0; v < st->n_vertex; v++) {
        struct move_bond bond = make_bond(l, a, lattice_step(l, a, st->vertex[v]));
        bond.shared = 1;
        check_if_drawn(b, &bond);
        bond.triple = 1;
        for (int dir = 0; dir < 12; dir++) {
            bond.dir = (int8_t)dir;
            check_if_drawn(b, &bond);
        }
    }
    for (int v = 0; v < st->n_oct + st->n_tet; v++) {
        struct lattice_offset o = v < st->n_oct ? st->oct[v] : st->tet[v - st->n_oct];
        struct move_bond bond = make_bond(l, a, lattice_step(l, a, o));
        bond.shared = o.shared;
        bond.face = o.shared >= 3;
        check_if_drawn(b, &bond);
    }
}

static void check_oxygen(struct bench *b, struct lattice_coord a) {
    const struct lattice *l = &b->f->model->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(l, a);
    for (int v = 0; v < st->n_oxygen; v++) {
        struct move_bond bond = make_bond(l, a, lattice_step(l, a, st->oxygen[v]));
        bond.dir = (int8_t)v;
        check_if_drawn(b, &bond);
    }
}

/* Pairs from anywhere that neither share an O nor a face. */
static void check_far(struct bench *b, int64_t site_a, int64_t site_b) {
    const struct lattice *l = &b->f->model->lattice;
    const struct configuration *x = &fixture_state(b->f)->x;
    struct move_bond bond = make_bond(l, lattice_coord_of(l, site_a), lattice_coord_of(l, site_b));
    const struct lattice_stencil *st = lattice_stencil_of(l, bond.a);
    if (site_a == site_b || bond.a.kind == SITE_O || tokens_shared(x, bond.a, bond.b) > 0)
        return;
    for (int v = 0; v < st->n_face; v++)
        if (lattice_neighbor(l, bond.a, st->face[v]) == site_b)
            return;
    check_if_drawn(b, &bond);
}

static void check_all(struct bench *b, uint64_t seed) {
    const struct state *s = fixture_state(b->f);
    struct philox random = {seed, 0};
    bench_disorder(b, seed);
    for (int64_t site = 0; site < s->n_sites; site++) {
        struct lattice_coord c = lattice_coord_of(&b->f->model->lattice, site);
        if (philox_draw(random, 201, 0, (uint64_t)site).v[0] % 2)
            continue;
        (c.kind == SITE_O ? check_oxygen : check_cation)(b, c);
    }
    for (uint64_t n = 0; n < 1500; n++) {
        struct philox_block r = philox_draw(random, 201, 1, n);
        check_far(b, philox_below(r.v[0], (uint32_t)s->n_sites),
                  philox_below(r.v[1], (uint32_t)s->n_sites));
    }
}

/* Barriers of which the middle window holds some. */
#define BOX                                                                                        \
    FIXTURE_CHEMISTRY, "structure.repeats=1", "structure.order=solid-solution",                    \
        "conditions.temperature_K=500", "model.molecular_wall_eV=0.3"
#define BOX_4 "structure.cells_a=4", "structure.cells_b=4"

static void follow(const char *source, const char *const *set, uint64_t seeds) {
    struct bench b;
    bench_init(&b, fixture_create(source, set));
    for (uint64_t seed = 1; seed <= seeds; seed++)
        check_all(&b, seed);
    cr_log_info("token %lld (%lld with a bonded O, %lld from a tet, %lld either way), join %lld, "
                "split %lld, combine %lld, cleave %lld; with Li to or from the electrode %lld; "
                "too slow for the window in the middle %lld",
                (long long)b.by_kind[MOVE_TOKEN], (long long)b.with_bonded, (long long)b.from_tet,
                (long long)b.either_way, (long long)b.by_kind[MOVE_JOIN],
                (long long)b.by_kind[MOVE_SPLIT], (long long)b.by_kind[MOVE_COMBINE],
                (long long)b.by_kind[MOVE_CLEAVE], (long long)b.electrode, (long long)b.slow);
    for (int k = 0; k < MOVE_KINDS; k++)
        cr_expect_geq(b.by_kind[k], 5, "%lld moves of kind %d", (long long)b.by_kind[k], k);
    cr_expect_geq(b.by_kind[MOVE_TOKEN], 500);
    cr_expect_geq(b.with_bonded, 50);
    cr_expect_geq(b.between_oxygen, 20);
    cr_expect_geq(b.electrode, 200);
    cr_expect_geq(b.slow, 50);
    cr_expect_geq(b.either_way, 1);
    bench_free(&b);
}

Test(moves, are_exact_and_reversible_in_o3) {
    follow("builtin:o3-lmr", FIXTURE_SET(BOX, BOX_4), 4);
}

Test(moves, are_exact_and_reversible_in_o2) {
    follow("builtin:o2-lmr", FIXTURE_SET(BOX, BOX_4), 4);
}

Test(moves, are_exact_and_reversible_in_a_hybrid) {
    follow("builtin:o2-o3-hybrid", FIXTURE_SET(BOX, "structure.cells_a=3", "structure.cells_b=3"),
           4);
}

Test(moves, are_exact_and_reversible_in_a_slab) {
    follow("builtin:o3-lmr", FIXTURE_SET(BOX, BOX_4, "structure.geometry=slab"), 4);
}

Test(moves, are_exact_and_reversible_in_a_particle) {
    follow("builtin:o2-lmr",
           FIXTURE_SET(BOX, "structure.cells_a=8", "structure.cells_b=8",
                       "structure.geometry=particle", "structure.vacuum_cells=1"),
           4);
}

Test(moves, are_exact_and_reversible_in_the_smallest_box) {
    follow(
        "builtin:lmr-f",
        FIXTURE_SET(BOX, "structure.cells_a=3", "structure.cells_b=3", "structure.stacking=ABAC"),
        12);
}

Test(moves, are_exact_and_reversible_with_contested_mechanisms) {
    follow("builtin:o3-lmr", FIXTURE_SET(BOX, BOX_4, FIXTURE_CONTESTED, "structure.geometry=slab"),
           6);
}

/* Switches: without dimers nothing happens to bonded O; without O2 they do not lose electrons. */
static void expect_switched(struct bench *b, bool dimers) {
    struct state *s = fixture_state(b->f);
    const struct lattice *l = &b->f->model->lattice;
    for (int64_t site = 0; site < s->n_sites; site++) {
        struct lattice_coord a = lattice_coord_of(l, site);
        const struct lattice_stencil *st = lattice_stencil_of(l, a);
        for (int v = 0; a.kind != SITE_O && v < st->n_vertex; v++) {
            struct move_bond bond = make_bond(l, a, lattice_step(l, a, st->vertex[v]));
            uint8_t byte = s->x.occupancy[bond.site_b];
            struct move mv;
            bond.shared = 1;
            if (!holds_tokens(b, site) || !moves_is_bonded(byte))
                continue;
            int judged = moves_judge(&b->k[ALL_FAST], &bond, 0, &mv);
            cr_assert(!judged || (dimers && mv.bond.site_a == bond.site_b &&
                                  rate_model_state(byte) == ANION_MOLECULAR));
            bond.triple = 1;
            for (int dir = 0; !dimers && dir < 12; dir++) {
                bond.dir = (int8_t)dir;
                cr_assert_not(moves_judge(&b->k[ALL_FAST], &bond, 0, &mv));
            }
        }
        for (int v = 0; !dimers && a.kind == SITE_O && v < st->n_oxygen; v++) {
            struct move_bond bond = make_bond(l, a, lattice_step(l, a, st->oxygen[v]));
            struct move mv;
            bond.dir = (int8_t)v;
            if (moves_judge(&b->k[ALL_FAST], &bond, 0, &mv))
                cr_assert_eq(mv.kind, MOVE_TOKEN);
        }
    }
}

Test(moves, follow_the_switches_of_slow_events) {
    struct bench b;
    bench_init(&b, fixture_create("builtin:o3-lmr", FIXTURE_SET(BOX, BOX_4)));
    bench_disorder(&b, 9);
    b.f->model->with_molecular = 0;
    expect_switched(&b, true);
    b.f->model->with_dimers = 0;
    expect_switched(&b, false);
    bench_free(&b);
}

/* ---- acceptance ---- */

/* Share of accepted moves among words whose 24 bits leave the decision open. */
static void check_tie(const struct boltzmann *t, int64_t omega) {
    enum { DRAWS = 400000 };
    struct philox random = {7, 0};
    double chance = ldexp(tables_boltzmann(t, omega), 24), accepted = 0;
    uint32_t top = (uint32_t)chance;
    double share = chance - top;
    for (uint64_t n = 0; n < DRAWS; n++)
        accepted += moves_accept(t, omega, top << 8 | (uint32_t)(n & 255), random, 1, n);
    double error = sqrt(share * (1 - share) / DRAWS);
    cr_expect_leq(fabs(accepted / DRAWS - share), 4 * error + 1e-12, "%lld ueV: %.5f, not %.5f",
                  (long long)omega, accepted / DRAWS, share);
    for (uint32_t low = 0; low < 256; low += 51) {
        cr_expect_not(moves_accept(t, omega, (top + 1) << 8 | low, random, 1, low));
        if (top > 0)
            cr_expect(moves_accept(t, omega, (top - 1) << 8 | low, random, 1, low));
    }
}

Test(moves, are_accepted_with_the_boltzmann_factor) {
    enum { DRAWS = 1000000 };
    struct fixture *f = fixture_create("builtin:o3-lmr", FIXTURE_SET(BOX, BOX_4));
    const struct boltzmann *t = &f->model->boltzmann;
    struct philox random = {5, 0};
    static const double in_kT[] = {0.01, 0.7, 2.5, 5};
    for (int k = 0; k < 4; k++) {
        int64_t omega = (int64_t)(in_kT[k] * t->kT_ueV), accepted = 0;
        double exact = exp(-(double)omega / t->kT_ueV);
        for (uint64_t n = 0; n < DRAWS; n++) {
            uint32_t word = philox_draw(random, 201, 2 + (uint32_t)k, n).v[3];
            accepted += moves_accept(t, omega, word, random, 1, n);
        }
        double error = sqrt(exact * (1 - exact) / DRAWS);
        cr_expect_leq(fabs((double)accepted / DRAWS - exact), 4 * error, "exp(-%g): %.6f, not %.6f",
                      in_kT[k], (double)accepted / DRAWS, exact);
    }
    /* the last three lie below 2^-24: all is decided by the further bits */
    static const double rare_in_kT[] = {0.3, 8, 14, 17, 18, 21};
    for (int k = 0; k < 6; k++)
        check_tie(t, (int64_t)(rare_in_kT[k] * t->kT_ueV));
    cr_expect(moves_accept(t, 0, UINT32_MAX, random, 1, 0));
    cr_expect(moves_accept(t, -1, UINT32_MAX, random, 1, 0));
    cr_expect_not(moves_accept(t, (int64_t)1 << 40, 0, random, 1, 0));
    fixture_free(f);
}
