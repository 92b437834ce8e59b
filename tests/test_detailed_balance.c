/* Guarantee: every event has a way back, and forward rate / backward rate = exp(-omega/kT), slowed
 * down or not.
 *
 * For each channel of each owner the event is carried out on a copy; all channels that lead from
 * the old to the new configuration are summed, and all that lead back.  An event changes its
 * owner's byte, so only owners among the changed sites can take part. Where the rate floor lets a
 * channel exist in one direction only, the sums may differ by the floor and do not count as
 * checked.  Only O2 that leaves the crystal has no way back.  Each configuration is looked at with every oxygen event there is, and with those that
 * the engine leaves to `equilibrate` taken out for a long and for a short slice.  For these, each
 * oxygen event is either an event or a fast move with the same energy, and so is its reverse: the
 * same of the two.  Left out: hops out of a tet that is a transit state (short-lived, so no channel leads
 * into it: it holds an ion only because its surroundings changed).
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include "fixture.h"

enum { CHANGED_MAX = 3 };

/* What was checked so far, and the working memory. */
struct probe {
    struct fixture *f;
    struct state after, trial;
    struct fixture_channels now_all, now_left, passing;
    bool counting;
    int64_t by_kind[EVENT_KINDS];
    int64_t left[EVENT_KINDS],
        moved[EVENT_KINDS]; /* of them events, fast moves, when pairs may be fast */
    int64_t composite, into_tet, out_of_tet, direct, electrode, slowed;
    int64_t transit, below_floor; /* left out */
    double worst;                 /* largest relative deviation from the ratio */
};

struct change {
    int n;
    int64_t site[CHANGED_MAX];
};

static struct change difference(const struct state *a, const struct state *b) {
    struct change c = {0, {0}};
    for (int64_t s = 0; s < a->n_sites; s++)
        if (a->x.occupancy[s] != b->x.occupancy[s]) {
            cr_assert_lt(c.n, CHANGED_MAX, "an event changed more than three sites");
            c.site[c.n++] = s;
        }
    return c;
}

static bool among(const struct change *c, int64_t site) {
    for (int k = 0; k < c->n; k++)
        if (c->site[k] == site)
            return true;
    return false;
}

/* All channels of one configuration that lead to another: their number and the sum of their rates.
 */
struct passage {
    int channels;
    double rate;
};

static struct passage passage_between(struct probe *p, struct event_context e, struct state *from,
                                      const struct state *to, const struct change *c) {
    struct fixture_channels *all = &p->passing;
    struct passage sum = {0, 0};
    e.x = &from->x;
    e.n_li = from->n_li;
    for (int k = 0; k < c->n; k++) {
        fixture_channels_of(&e, c->site[k], all);
        for (int n = 0; n < all->list.n; n++) {
            if (!among(c, all->channel[n].target))
                continue;
            fixture_restore(&p->trial, from);
            events_apply(e.m, &p->trial.x, &all->channel[n]);
            if (memcmp(p->trial.x.occupancy, to->x.occupancy, (size_t)to->n_sites) == 0) {
                sum.channels++;
                sum.rate += all->channel[n].rate;
            }
        }
    }
    return sum;
}

/* Is the ion's tet a transit state for this context? */
static bool leaves_transit(const struct event_context *e, const struct event_channel *ch) {
    struct lattice_coord c = lattice_coord_of(&e->m->lattice, ch->site);
    if ((ch->kind != EVENT_HOP && ch->kind != EVENT_PROTON) || c.kind == SITE_OCT)
        return false;
    int species = e->x->occupancy[ch->site];
    struct hop_exits exits;
    struct energy_absent a;
    energy_take_off(e->m, e->x, c, species, &a);
    hops_exits(e, species, c, energy_place(e->m, e->x, c, species, &a), &a, &exits);
    return exits.total * e->step_s > e->m->tet_lifetime_steps;
}

static void count(struct probe *p, const struct event_context *e, const struct event_channel *ch) {
    const struct lattice *l = &e->m->lattice;
    p->by_kind[ch->kind]++;
    p->electrode += ch->li_change != 0;
    p->slowed += ch->slow_down < 1;
    if (ch->kind != EVENT_HOP)
        return;
    struct lattice_coord a = lattice_coord_of(l, ch->site), b = lattice_coord_of(l, ch->target);
    const struct lattice_stencil *st = lattice_stencil_of(l, a);
    bool touch = false;
    for (int v = 0; v < st->n_face; v++)
        touch = touch || lattice_neighbor(l, a, st->face[v]) == ch->target;
    p->into_tet += b.kind != SITE_OCT;
    p->out_of_tet += a.kind != SITE_OCT;
    p->direct += touch && a.kind == SITE_OCT && b.kind == SITE_OCT;
    p->composite += !touch;
}

/* Rates below this may be missing: the floor of channels.h, or the end of the Boltzmann table at 2^22
 * ueV. */
static double smallest_rate(const struct rate_model *m) {
    double end = m->attempt_frequency * exp(-(double)(1 << 22) / m->boltzmann.kT_ueV);
    return end > CHANNELS_RATE_FLOOR ? end : CHANNELS_RATE_FLOOR;
}

/* O2 that leaves has no way back; its rate follows from its energy against O2 alone in a void. */
static void check_loss(struct probe *p, const struct event_context *e,
                       const struct event_channel *ch) {
    const struct rate_model *m = e->m;
    double d_energy = 2.0 * m->anion[ANION_MOLECULAR][0] + m->bond[BOND_MOLECULAR] +
                      m->molecular_gas + (double)ch->energy;
    double barrier = m->molecular_loss + d_energy / 2;
    barrier = barrier > d_energy ? barrier : d_energy;
    barrier = barrier > 0 ? barrier : 0;
    double rate = m->surface_share * m->attempt_frequency * exp(-barrier / m->boltzmann.kT_ueV);
    cr_assert_float_eq(ch->rate, rate, 1e-3 * rate, "loss: found %g, expected %g", ch->rate, rate);
    cr_assert_eq(ch->slow_down, 1.0);
    for (int side = 0; side < 2; side++) {
        int64_t site = side ? ch->target : ch->site;
        cr_assert_eq(rate_model_state(p->after.x.occupancy[site]), ANION_VACANCY);
    }
    p->by_kind[EVENT_LOSE] += p->counting;
}

static void check_channel(struct probe *p, struct event_context *e, struct state *now,
                          const struct event_channel *ch, int64_t energy_now) {
    fixture_restore(&p->after, now);
    p->after.n_li = now->n_li + ch->li_change;
    events_apply(e->m, &p->after.x, ch);
    struct change c = difference(now, &p->after);
    cr_assert(among(&c, ch->site) && among(&c, ch->target));
    cr_assert_eq(ch->energy, state_recount(&p->after, e->m) - energy_now,
                 "energy of an event of kind %d", ch->kind);
    if (ch->kind == EVENT_LOSE) {
        check_loss(p, e, ch);
        return;
    }
    if (leaves_transit(e, ch)) {
        p->transit++;
        return;
    }
    double omega = (double)(ch->energy + tokens_electrode(&e->electrode, now->n_li, ch->li_change));
    double ratio = exp(-omega / e->m->boltzmann.kT_ueV);
    struct passage forward = passage_between(p, *e, now, &p->after, &c);
    struct passage back = passage_between(p, *e, &p->after, now, &c);
    double error = fabs(forward.rate - back.rate * ratio), allowed = 1e-9 * forward.rate;
    if (forward.channels != back.channels)
        allowed += 4 * smallest_rate(e->m) * (1 + ratio);
    cr_assert_leq(error, allowed,
                  "kind %d, site %lld -> %lld, omega %.0f ueV: forward %.12g (%d), backward %.12g "
                  "(%d), ratio %.12g",
                  ch->kind, (long long)ch->site, (long long)ch->target, omega, forward.rate,
                  forward.channels, back.rate, back.channels, ratio);
    if (forward.channels != back.channels) {
        p->below_floor++;
        return;
    }
    p->worst = error > p->worst * forward.rate ? error / forward.rate : p->worst;
    if (p->counting)
        count(p, e, ch);
}

/* ---- event or fast move ---- */

/* The bond along which `equilibrate` would draw an oxygen event. */
static struct move_bond bond_of(const struct lattice *l, const struct event_channel *ch) {
    struct move_bond b;
    struct lattice_coord o = lattice_coord_of(l, ch->site);
    memset(&b, 0, sizeof b);
    b.dir = -1;
    b.site_a = ch->target;
    b.site_b = ch->site;
    b.shared = 1;
    if (ch->kind == EVENT_JOIN || ch->kind == EVENT_SPLIT) {
        b.site_a = ch->site;
        b.site_b = ch->target;
        b.shared = 0;
        b.dir = (int8_t)ch->dir;
    } else if (ch->kind == EVENT_COMBINE || ch->kind == EVENT_CLEAVE) {
        b.site_b = lattice_neighbor(l, o, lattice_stencil_of(l, o)->oxygen[ch->dir]);
        b.dir = (int8_t)lattice_stencil_of(l, o)->reverse[ch->dir];
        b.triple = 1;
    }
    b.a = lattice_coord_of(l, b.site_a);
    b.b = lattice_coord_of(l, b.site_b);
    return b;
}

static bool among_channels(const struct fixture_channels *c, const struct event_channel *ch) {
    for (int n = 0; n < c->list.n; n++)
        if (c->channel[n].kind == ch->kind && c->channel[n].target == ch->target &&
            c->channel[n].dir == ch->dir)
            return true;
    return false;
}

static void no_fast_pairs(struct event_context *e) {
    for (int k = 0; k < EVENT_KINDS; k++)
        e->limits.fast[k] = -1;
}

/* One oxygen event, found with fast pairs among the events; e has the limits. */
static void check_fate(struct probe *p, const struct event_context *e, struct state *now,
                       const struct event_channel *ch, bool is_event) {
    static const uint8_t as_move[EVENT_KINDS] = {
        0, MOVE_JOIN, MOVE_SPLIT, MOVE_CLEAVE, MOVE_COMBINE, MOVE_TOKEN, MOVE_TOKEN};
    struct move_context k = {e->m, &now->x, e->limits, e->electrode.voltage_ueV, 0};
    struct move_bond bond = bond_of(&e->m->lattice, ch);
    struct move there, back;
    int is_move = moves_judge(&k, &bond, 0, &there);
    cr_assert_neq(is_move, is_event, "kind %d, site %lld: %s", ch->kind, (long long)ch->site,
                  is_move ? "event and fast move" : "neither event nor fast move");
    if (is_move) {
        cr_assert_eq(there.kind, as_move[ch->kind]);
        cr_assert_eq(there.energy, ch->energy, "kind %d", ch->kind);
        cr_assert_eq(there.li_change, ch->li_change);
    }
    fixture_restore(&p->after, now);
    p->after.n_li = now->n_li + ch->li_change;
    events_apply(e->m, &p->after.x, ch);
    struct change c = difference(now, &p->after);
    struct passage way_back = passage_between(p, *e, &p->after, now, &c);
    k.x = &p->after.x;
    cr_assert_eq(moves_judge(&k, &bond, 0, &back), is_move,
                 "kind %d, site %lld, %g ueV: one way "
                 "is a fast move, the other is not",
                 ch->kind, (long long)ch->site, (double)ch->energy);
    cr_assert_eq(way_back.channels > 0 && is_move, 0, "the way back of a fast move is an event");
    /* the way back of an event may be missing where it is slower than the floor, not for being fast */
    struct event_context all = *e;
    no_fast_pairs(&all);
    if (is_event && way_back.channels == 0)
        cr_assert_eq(passage_between(p, all, &p->after, now, &c).channels, 0);
    p->left[ch->kind] += is_event;
    p->moved[ch->kind] += is_move;
}

/* ---- configurations ---- */

static struct event_context context_of(struct probe *p, double voltage_V, double step_s,
                                       double slice_s) {
    struct state *now = fixture_state(p->f);
    struct event_context e = {.m = p->f->model,
                              .x = &now->x,
                              .electrode = {(int32_t)(voltage_V * 1e6), 0, 0},
                              .n_li = now->n_li,
                              .step_s = step_s,
                              .slice_s = slice_s};
    channels_limits_init(&e.limits, e.m, slice_s);
    return e;
}

/* All channels of all owners. */
static void check_configuration(struct probe *p, struct event_context *e) {
    struct state *now = fixture_state(p->f);
    int64_t energy = state_recount(now, e->m);
    for (int64_t s = 0; s < now->n_sites; s++) {
        fixture_channels_of(e, s, &p->now_all);
        for (int n = 0; n < p->now_all.list.n; n++)
            check_channel(p, e, now, &p->now_all.channel[n], energy);
    }
}

/* Every oxygen event is an event or a move under the limits of e, both ways. */
static void check_fates(struct probe *p, const struct event_context *e) {
    struct state *now = fixture_state(p->f);
    struct event_context all = *e;
    no_fast_pairs(&all);
    for (int64_t s = 0; s < now->n_sites; s++) {
        if (lattice_coord_of(&e->m->lattice, s).kind != SITE_O)
            continue;
        int events = 0;
        fixture_channels_of(&all, s, &p->now_all);
        fixture_channels_of(e, s, &p->now_left);
        for (int n = 0; n < p->now_all.list.n; n++) {
            bool is_event = among_channels(&p->now_left, &p->now_all.channel[n]);
            events += is_event;
            if (p->now_all.channel[n].kind >= EVENT_MOVE) { /* never fast */
                cr_assert(is_event);
                continue;
            }
            check_fate(p, e, now, &p->now_all.channel[n], is_event);
        }
        cr_assert_eq(events, p->now_left.list.n);
    }
}

static void probe_init(struct probe *p, struct fixture *f) {
    memset(p, 0, sizeof *p);
    p->f = f;
    p->after = fixture_copy(f, fixture_state(f));
    p->trial = fixture_copy(f, fixture_state(f));
}

static void probe_free(struct probe *p) {
    cr_log_info("hop %lld (composite %lld, into tet %lld, out of tet %lld, direct %lld), join "
                "%lld, split %lld, cleave %lld, "
                "combine %lld, oxidise %lld, reduce %lld, move %lld, lose %lld, vacancy %lld; "
                "electrode %lld, slowed %lld; left out: "
                "transit %lld, floor %lld; worst %.1e",
                (long long)p->by_kind[0], (long long)p->composite, (long long)p->into_tet,
                (long long)p->out_of_tet, (long long)p->direct, (long long)p->by_kind[1],
                (long long)p->by_kind[2], (long long)p->by_kind[3], (long long)p->by_kind[4],
                (long long)p->by_kind[5], (long long)p->by_kind[6], (long long)p->by_kind[7],
                (long long)p->by_kind[8], (long long)p->by_kind[9], (long long)p->electrode,
                (long long)p->slowed, (long long)p->transit, (long long)p->below_floor, p->worst);
    for (int k = EVENT_JOIN; k <= EVENT_REDUCE; k++)
        cr_log_info("kind %d: %lld events and %lld fast moves both ways", k, (long long)p->left[k],
                    (long long)p->moved[k]);
    state_free(&p->after);
    state_free(&p->trial);
    fixture_free(p->f);
}

#define BOX                                                                                        \
    "structure.cells_a=4", "structure.cells_b=4", "structure.repeats=1",                           \
        "structure.order=solid-solution"

static void expect_at_least(const char *what, int64_t found, int64_t wanted) {
    cr_expect_geq(found, wanted, "%s: expected at least %lld checked, found %lld", what,
                  (long long)wanted, (long long)found);
}

/* The present configuration, as the engine sees it in the middle of a run and for slices 10^6 and
 * 10^9 times shorter, then with every event, slowed down or not.  The last two are counted. */
static void check_all_ways(struct probe *p, double voltage_V, double step_s) {
    static const double shorter[] = {1, 1e-6, 1e-9};
    struct rate_model *m = p->f->model;
    double stiff = m->stiff_firings;
    struct event_context e;
    p->counting = false;
    for (int n = 0; n < 3; n++) {
        e = context_of(p, voltage_V, step_s, 2 * step_s * shorter[n]);
        check_configuration(p, &e);
        check_fates(p, &e);
    }
    p->counting = true;
    e = context_of(p, voltage_V, step_s, 2 * step_s);
    no_fast_pairs(&e);
    check_configuration(p, &e);
    int64_t slowed = p->slowed;
    m->stiff_firings = 0; /* never slow down, no fast pairs of oxygen */
    e = context_of(p, voltage_V, step_s, 2 * step_s);
    check_configuration(p, &e);
    cr_assert_eq(p->slowed, slowed);
    m->stiff_firings = stiff;
}

static void check_rounds(struct probe *p, int rounds, double voltage_V, double step_s) {
    for (int k = 0; k < rounds; k++) {
        fixture_scramble(p->f, voltage_V, 2, 20, step_s);
        check_all_ways(p, voltage_V, step_s);
    }
}

/* Random ions, holes and dimers everywhere: the engine must not run on them. */
static void check_disorder(struct probe *p, int rounds, double voltage_V, double step_s) {
    for (int k = 0; k < rounds; k++) {
        fixture_randomise(p->f, 100 + (uint64_t)k);
        check_all_ways(p, voltage_V, step_s);
    }
}

/* Defaults of the model at room temperature, near the end of a charge. */
Test(detailed_balance, holds_with_the_default_parameters) {
    static const char *const source[] = {"builtin:o3-lmr", "builtin:o2-lmr", "builtin:lmr-f",
                                         "builtin:lmr-al"};
    for (int k = 0; k < 4; k++) {
        struct probe p;
        probe_init(&p, fixture_create(source[k], FIXTURE_SET(BOX)));
        check_rounds(&p, 4, 4.5, 1000);
        check_rounds(&p, 4, 4.7, 1000);
        expect_at_least(
            "slow events",
            p.by_kind[EVENT_CLEAVE] + p.by_kind[EVENT_COMBINE] + p.by_kind[EVENT_REDUCE], 100);
        probe_free(&p);
    }
}

/* 500 K and low barriers, so that everything moves. */
#define LIVELY                                                                                     \
    FIXTURE_CHEMISTRY, BOX, "conditions.temperature_K=500", "model.attempt_frequency_per_s=1e16",  \
        "elements.Mn.hop_barrier_eV=[0.3,0.4]", "elements.Ni.hop_barrier_eV=[0.3,0.3,0.3]",        \
        "elements.Co.hop_barrier_eV=[0.3,0.3]", "model.gate_max_li=4", "model.gate_per_li_eV=0.1"

Test(detailed_balance, every_kind_of_event_is_checked_and_holds) {
    struct probe p;
    probe_init(&p, fixture_create("builtin:o3-lmr", FIXTURE_SET(LIVELY)));
    check_rounds(&p, 24, 4.5, 1e-3);
    expect_at_least("hops", p.by_kind[EVENT_HOP], 200);
    expect_at_least("joins", p.by_kind[EVENT_JOIN], 20);
    expect_at_least("splits", p.by_kind[EVENT_SPLIT], 5);
    expect_at_least("cleaves", p.by_kind[EVENT_CLEAVE], 100);
    expect_at_least("combines", p.by_kind[EVENT_COMBINE], 100);
    expect_at_least("oxidations", p.by_kind[EVENT_OXIDISE], 50);
    expect_at_least("reductions", p.by_kind[EVENT_REDUCE], 100);
    expect_at_least("events that exchange Li with the electrode", p.electrode, 200);
    expect_at_least("slowed events", p.slowed, 200);
    check_disorder(&p, 10, 4.5, 1e-3);
    expect_at_least("moves of O2", p.by_kind[EVENT_MOVE], 200);
    expect_at_least("hops of O vacancies", p.by_kind[EVENT_VACANCY], 200);
    for (int k = EVENT_JOIN; k <= EVENT_REDUCE; k++) {
        expect_at_least("oxygen events left to the clock", p.left[k], 25);
        expect_at_least("oxygen events that are fast moves", p.moved[k], 25);
    }
    probe_free(&p);
}

/* Peroxide favoured and no O2: dimers stay. */
Test(detailed_balance, dimers_hold) {
    struct probe p;
    probe_init(
        &p, fixture_create("builtin:o2-lmr", FIXTURE_SET(LIVELY, "kinetics.molecular_oxygen=false",
                                                         "model.bond_peroxo_eV=-0.2")));
    check_rounds(&p, 8, 4.6, 1e-3);
    expect_at_least("joins", p.by_kind[EVENT_JOIN], 50);
    expect_at_least("splits", p.by_kind[EVENT_SPLIT], 50);
    expect_at_least("cleaves", p.by_kind[EVENT_CLEAVE], 300);
    expect_at_least("combines", p.by_kind[EVENT_COMBINE], 300);
    cr_expect_eq(p.by_kind[EVENT_OXIDISE] + p.by_kind[EVENT_REDUCE], 0);
    probe_free(&p);
}

Test(detailed_balance, hops_through_a_transit_tet_hold) {
    struct probe p;
    probe_init(&p,
               fixture_create("builtin:o3-lmr", FIXTURE_SET(LIVELY, "model.peroxo_face_eV=-0.2")));
    check_rounds(&p, 4, 4.5, 1e-3);
    check_rounds(&p, 4, 4.8, 1e-3);
    expect_at_least("composite hops", p.composite, 300);
    check_disorder(&p, 1, 4.5, 1e-3);
    probe_free(&p);
}

/* Tets that TM ions like, and a short sub-slice: the ion is stored in the tet. */
Test(detailed_balance, hops_into_and_out_of_a_stored_tet_hold) {
    struct probe p;
    probe_init(&p,
               fixture_create("builtin:o3-lmr", FIXTURE_SET(LIVELY, "model.tm_tet_li_layer_eV=-0.8",
                                                            "model.tm_tet_tm_layer_eV=-0.5",
                                                            "model.face_tet_oct_li_tm_eV=0",
                                                            "model.face_tet_oct_tm_tm_eV=0.1",
                                                            "kinetics.tet_lifetime_slices=1e6")));
    check_rounds(&p, 10, 4.5, 1e-12);
    check_disorder(&p, 4, 4.5, 1e-12);
    expect_at_least("hops into a tet", p.into_tet, 100);
    expect_at_least("hops out of a tet", p.out_of_tet, 100);
    probe_free(&p);
}

/* O2 stacking: an oct of the TM layer shares a face with one of the Li layer. */
Test(detailed_balance, direct_hops_hold) {
    struct probe p;
    probe_init(&p,
               fixture_create("builtin:o2-lmr", FIXTURE_SET(LIVELY, "model.direct_hop_extra_eV=0",
                                                            "model.face_oct_oct_tm_tm_eV=0")));
    check_rounds(&p, 8, 4.7, 1e-3);
    expect_at_least("direct hops", p.direct, 100);
    check_disorder(&p, 1, 4.5, 1e-3);
    probe_free(&p);
}

/* Li+ on the clock (rates: test_lithium_hops.c): between octs and tets and past tets, in bulk and at surfaces, beside whatever else moves. */
static void check_lithium(const char *geometry, double share, double firings) {
    struct probe p;
    struct fixture *f = fixture_create("builtin:o2-lmr", FIXTURE_SET(LIVELY, geometry));
    fixture_scramble(f, 4.3, 2, 20, 1e-3);
    f->model->with_lithium = f->model->mobile[CATION_LI] = 1;
    f->model->lithium_share = share;
    f->model->lithium_firings = firings;
    probe_init(&p, f);
    p.counting = true;
    struct event_context e = context_of(&p, 4.3, 1e-3, 2e-3);
    int64_t fast = e.limits.fast[EVENT_LITHIUM];
    no_fast_pairs(&e);
    e.limits.fast[EVENT_LITHIUM] = fast;
    check_configuration(&p, &e);
    fixture_randomise(f, 7);
    check_configuration(&p, &e);
    expect_at_least("hops of Li+", p.by_kind[EVENT_LITHIUM], 100);
    cr_expect_eq(tokens_class(f->model, SITE_OCT, CATION_LI), TOKEN_NONE);
    cr_expect_eq(tokens_class(f->model, SITE_TET_UP, CATION_VACANCY), TOKEN_NONE);
    probe_free(&p);
}

Test(detailed_balance, hops_of_lithium_hold) {
    static const char *const geometry[] = {"structure.geometry=bulk", "structure.geometry=slab"};
    for (int k = 0; k < 2; k++) {
        check_lithium(geometry[k], 1, 0);
        check_lithium(geometry[k], 0.03, 0);
        check_lithium(geometry[k], 0.03, 1e6);
    }
}

/* The octs at the edges stay open to the electrode and to the oxygen events, those behind them are closed to both. */
Test(detailed_balance, holds_with_open_edges) {
    struct probe p;
    probe_init(
        &p, fixture_create("builtin:o2-lmr",
                           FIXTURE_SET(LIVELY, "structure.geometry=film", "structure.cells_a=5",
                                       "structure.vacuum_cells=1",
                                       "kinetics.lithium_transport=true", "surface.particle_nm=2",
                                       "model.li_hop_eV=0.9", "model.li_pass_eV=0.6")));
    cr_assert(p.f->model->with_edges);
    check_rounds(&p, 3, 4.0, 1e-3);
    check_rounds(&p, 3, 3.6, 1e-3);
    expect_at_least("hops of Li+", p.by_kind[EVENT_LITHIUM], 100);
    expect_at_least("O events", p.by_kind[EVENT_CLEAVE] + p.by_kind[EVENT_COMBINE], 100);
    expect_at_least("events that exchange Li with the electrode", p.electrode, 20);
    check_disorder(&p, 4, 4.5, 1e-3);
    expect_at_least("oxidations and reductions", p.by_kind[EVENT_OXIDISE] + p.by_kind[EVENT_REDUCE],
                    50);
    expect_at_least("losses of O2", p.by_kind[EVENT_LOSE], 3);
    probe_free(&p);
}

/* H+ that takes the place of Li+ at a surface and moves inside, at real surfaces and on disorder; slowed down or not. */
Test(detailed_balance, exchange_and_hops_of_protons_hold) {
    static const char *const geometry[] = {"structure.geometry=bulk", "structure.geometry=slab",
                                           "structure.geometry=particle"};
    for (int k = 0; k < 3; k++) {
        struct probe p;
        struct fixture *f = fixture_create(
            "builtin:o2-lmr",
            FIXTURE_SET(LIVELY, geometry[k], "structure.cells_a=6", "structure.cells_b=6",
                        "structure.vacuum_cells=1", "surface.proton_exchange=true",
                        "surface.proton_exchange_barrier_eV=0.8",
                        "surface.proton_exchange_energy_eV=0.05", "surface.proton_hop_eV=0.7"));
        fixture_protonate(f, 3);
        probe_init(&p, f);
        check_rounds(&p, 10, 3.8, 1e-3);
        check_rounds(&p, 4, 4.4, 1e-3);
        expect_at_least("hops of H+", p.by_kind[EVENT_PROTON], 50);
        if (k > 0)
            expect_at_least("exchanges", p.by_kind[EVENT_EXCHANGE], 10);
        else /* in bulk nothing touches the electrolyte */
            cr_expect_eq(p.by_kind[EVENT_EXCHANGE], 0);
        check_disorder(&p, 2, 4.4, 1e-3);
        probe_free(&p);
    }
}

/* Mn up to 7+ in octs and tets, stored or in transit. */
Test(detailed_balance, manganese_beyond_4_holds) {
    static const char *const lifetime[] = {"kinetics.tet_lifetime_slices=10",
                                           "kinetics.tet_lifetime_slices=1e6"};
    for (int k = 0; k < 2; k++) {
        struct probe p;
        probe_init(
            &p, fixture_create("builtin:li2mno3",
                               FIXTURE_SET(LIVELY, "kinetics.manganese_beyond_4=true",
                                           "model.mn_beyond_oct_eV=[4.4,4.4,4.4]",
                                           "model.mn_beyond_tet_eV=[3.2,3.2,3.2]",
                                           "model.mn_beyond_hop_eV=[0.3,0.3,0.3]", lifetime[k])));
        check_rounds(&p, 3, 4.7, k ? 1e-12 : 1e-3);
        check_disorder(&p, 2, 4.5, k ? 1e-12 : 1e-3);
        expect_at_least("hops", p.by_kind[EVENT_HOP], 100);
        expect_at_least("O events",
                        p.by_kind[EVENT_CLEAVE] + p.by_kind[EVENT_COMBINE] +
                            p.by_kind[EVENT_OXIDISE] + p.by_kind[EVENT_REDUCE],
                        200);
        probe_free(&p);
    }
}

/* The wall rule gives the rates of oxidise and reduce an environment; it must read the same from
 * both ends. */
Test(detailed_balance, wall_rule_and_contacts_hold) {
    struct probe p;
    probe_init(&p,
               fixture_create("builtin:o3-lmr", FIXTURE_SET(LIVELY, "model.molecular_wall_eV=2",
                                                            "model.peroxo_across_li_gap_eV=0.2",
                                                            "model.peroxo_in_plane_eV=-0.1",
                                                            "model.peroxo_across_tm_slab_eV=0.1")));
    check_rounds(&p, 6, 4.8, 1e-3);
    expect_at_least("oxidations and reductions", p.by_kind[EVENT_OXIDISE] + p.by_kind[EVENT_REDUCE],
                    200);
    check_disorder(&p, 1, 4.5, 1e-3);
    probe_free(&p);
}

/* Slab: half gaps, absent anions, sites that do not exist. */
Test(detailed_balance, holds_at_free_surfaces) {
    struct probe p;
    probe_init(&p,
               fixture_create("builtin:o3-lmr", FIXTURE_SET(LIVELY, "structure.geometry=slab")));
    check_rounds(&p, 6, 4.5, 1e-3);
    expect_at_least("hops", p.by_kind[EVENT_HOP], 50);
    expect_at_least("O events", p.by_kind[EVENT_CLEAVE] + p.by_kind[EVENT_COMBINE], 100);
    check_disorder(&p, 10, 4.5, 1e-3);
    expect_at_least("losses of O2", p.by_kind[EVENT_LOSE], 10);
    probe_free(&p);
}

Test(detailed_balance, stiff_firings_of_zero_mean_no_slow_down) {
    struct fixture *f = fixture_create("builtin:o3-lmr", FIXTURE_SET(BOX));
    struct event_context e = {.m = f->model, .step_s = 1000, .slice_s = 1000};
    f->model->stiff_firings = 0;
    cr_assert_eq(channels_slow_down(&e, EVENT_HOP, 1e12, 0), 1.0);
    f->model->stiff_firings = 3;
    cr_assert_eq(channels_slow_down(&e, EVENT_HOP, 1e12, 0), 3.0 / (1e12 * 1000));
    cr_assert_eq(channels_slow_down(&e, EVENT_MOVE, 1e12, 0), 3.0 / (1e12 * 1000 * 22));
    cr_assert_eq(channels_slow_down(&e, EVENT_VACANCY, 1e12, 0), 3.0 / (1e12 * 1000 * 12));
    cr_assert_eq(channels_slow_down(&e, EVENT_PROTON, 1e12, 0), 3.0 / (1e12 * 1000 * 18));
    cr_assert_eq(channels_slow_down(&e, EVENT_EXCHANGE, 1e12, 0), 3.0 / (1e12 * 1000));
    fixture_free(f);
}
