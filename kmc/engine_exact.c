/* engine_exact: the serial reference.
 *
 * equilibrate: Metropolis moves (kernels/moves.h) along bonds.  A draw picks a channel (weights by voltage), a site of the channel's class, a neighbour
 *   in the channel's group, and null when the neighbour's class does not fit.  Lists, classes and degrees do not depend on where the tokens are, so
 *   forward and backward draws are equally likely.  With Li+ on the clock its fast hops are tried in between (kmc/lithium_moves.h).
 * advance: the n-fold way (Bortz, Kalos, Lebowitz, J. Comput. Phys. 17, 10 (1975)): refresh_rates, then select_event, apply_event, advance_time until the
 *   sub-slice is used up; after an event only the owners in its influence are refreshed.
 */
#include <assert.h>
#include <stdlib.h>
#include "engine.h"
#include "influence.h"
#include "lithium_moves.h"
#include "rate_tree.h"
#include "site_lists.h"

enum { CHANNEL_BITS = 12, CHANNEL_SLOTS = 1 << CHANNEL_BITS, VOLTAGE_BANDS = 3 };

enum neighbor_group {
    NEAR_VERTEX,
    NEAR_OCT,
    NEAR_TET,
    NEAR_OXYGEN,
    NEAR_BONDED, /* vertex that is an O in a bond */
    NEAR_TRIPLE,
    ANYWHERE,
    TRIPLE_ANYWHERE,  /* an O anywhere, and a neighbour of it */
    NEAR_VERTEX_AGAIN /* NEAR_VERTEX, on top of the effort */
};

/* A kind of bond: first site from the list of class `from`, second from its neighbours in `group` (or anywhere), of a class in `to`. */
struct bond_channel {
    uint8_t from, group, to;
    double weight[VOLTAGE_BANDS]; /* below 3.65 V, up to 4.25 V, above; relative numbers of draws */
};

#define TO(c) (1 << (c))

/* Weights: where each couple works; found by false hysteresis at equal effort (kmc/DESIGN.md, "Equilibration"). */
static const struct bond_channel bond_channels[] = {
    {TOKEN_LI_OCT, NEAR_VERTEX, TO(TOKEN_OXYGEN), {0.08, 0.16, 0.48}},
    {TOKEN_REDOX, NEAR_OCT, TO(TOKEN_LI_OCT), {0.18, 0.36, 0.06}},
    {TOKEN_LI_OCT, NEAR_OCT, TO(TOKEN_LI_OCT), {0.06, 0.08, 0.08}},
    {TOKEN_OXYGEN, NEAR_OXYGEN, TO(TOKEN_OXYGEN), {0.04, 0.08, 0.14}},
    {TOKEN_REDOX, NEAR_VERTEX, TO(TOKEN_OXYGEN), {0.04, 0.08, 0.08}},
    {TOKEN_DEEP, NEAR_OCT, TO(TOKEN_LI_OCT) | TO(TOKEN_REDOX) | TO(TOKEN_DEEP), {0.18, 0.04, 0.01}},
    {TOKEN_DEEP, NEAR_VERTEX, TO(TOKEN_OXYGEN), {0.04, 0.02, 0.01}},
    {TOKEN_REDOX, NEAR_OCT, TO(TOKEN_REDOX), {0.03, 0.05, 0.02}},
    {TOKEN_DEEP, NEAR_TET, TO(TOKEN_LI_TET), {0.14, 0.01, 0.002}},
    {TOKEN_LI_TET, NEAR_OCT, TO(TOKEN_LI_OCT), {0.10, 0.03, 0.02}},
    {TOKEN_REDOX, NEAR_TET, TO(TOKEN_LI_TET), {0.03, 0.01, 0.01}},
    {TOKEN_LI_TET, NEAR_VERTEX, TO(TOKEN_OXYGEN), {0.01, 0.01, 0.02}},
    {TOKEN_LI_TET, NEAR_TET, TO(TOKEN_LI_TET), {0.02, 0.005, 0.005}},
    {TOKEN_LI_OCT, NEAR_BONDED, TO(TOKEN_OXYGEN), {0.8, 0.8, 2.4}},
    {TOKEN_REDOX, NEAR_BONDED, TO(TOKEN_OXYGEN), {0.4, 0.4, 0.8}},
    {TOKEN_DEEP, NEAR_BONDED, TO(TOKEN_OXYGEN), {0.2, 0.2, 0.2}},
    {TOKEN_LI_OCT, NEAR_TRIPLE, TO(TOKEN_OXYGEN), {0.4, 0.4, 1.2}},
    {TOKEN_REDOX, NEAR_TRIPLE, TO(TOKEN_OXYGEN), {0.2, 0.2, 0.4}},
    {TOKEN_DEEP, NEAR_TRIPLE, TO(TOKEN_OXYGEN), {0.1, 0.1, 0.1}},
    {TOKEN_LI_OCT, NEAR_VERTEX_AGAIN, TO(TOKEN_OXYGEN), {0.24, 0.48, 1.44}},
    {TOKEN_LI_OCT, ANYWHERE, TO(TOKEN_LI_OCT), {0.02, 0.02, 0.02}},
    {TOKEN_LI_TET, ANYWHERE, TO(TOKEN_LI_OCT), {0.06, 0.01, 0.005}},
    {TOKEN_DEEP, ANYWHERE, TO(TOKEN_LI_OCT), {0.06, 0.01, 0.005}},
    {TOKEN_DEEP, ANYWHERE, TO(TOKEN_LI_TET), {0.06, 0.005, 0.001}},
    {TOKEN_REDOX, ANYWHERE, TO(TOKEN_LI_OCT), {0.02, 0.02, 0.01}},
    {TOKEN_DEEP, ANYWHERE, TO(TOKEN_REDOX), {0.12, 0.03, 0.002}},
    {TOKEN_DEEP, ANYWHERE, TO(TOKEN_DEEP), {0.06, 0.01, 0.001}},
    {TOKEN_REDOX, ANYWHERE, TO(TOKEN_REDOX), {0.04, 0.03, 0.01}},
    {TOKEN_LI_OCT, ANYWHERE, TO(TOKEN_OXYGEN), {0.01, 0.02, 0.03}},
    {TOKEN_OXYGEN, ANYWHERE, TO(TOKEN_OXYGEN), {0.02, 0.05, 0.20}},
    {TOKEN_REDOX, ANYWHERE, TO(TOKEN_OXYGEN), {0.4, 0.2, 0.05}},
    {TOKEN_DEEP, ANYWHERE, TO(TOKEN_OXYGEN), {0.8, 0.1, 0}},
    {TOKEN_REDOX, TRIPLE_ANYWHERE, TO(TOKEN_OXYGEN), {0.8, 0.4, 0.05}},
    {TOKEN_DEEP, TRIPLE_ANYWHERE, TO(TOKEN_OXYGEN), {1.6, 0.2, 0}},
};
enum { BOND_CHANNELS = sizeof bond_channels / sizeof *bond_channels };

/* Where Li+ is on the clock, by how much more often (kmc/DESIGN.md, "First-cycle loss"). */
enum { MORE_OF_ELECTRONS = 32, MORE_OF_EDGES = 8 };

struct engine {
    const struct rate_model *m;
    struct state *s;
    struct site_lists lists;
    struct rate_tree tree; /* one leaf a site */
    struct influence influence;
    struct lithium_moves lithium;
    bool complete; /* no anion site is empty or outside: stencils give the shared O */
    uint8_t slots[VOLTAGE_BANDS][CHANNEL_SLOTS]; /* channel by the top bits of a random word */
    double more_draws[VOLTAGE_BANDS];            /* factor on the draws asked for: see is_on_top */
    uint8_t owns[2][256];   /* by cation (0) or anion (1) byte: may the site own channels */
    int64_t *stale;         /* [n_sites] owners to refresh after an event */
    uint8_t *is_stale;      /* [n_sites] */
    engine_listener *fired; /* NULL = nobody listens */
    void *listener;
};

/* ---- equilibrate ---- */

/* Draws for O-O dimers, only where these can form. */
static bool is_for_dimers(const struct bond_channel *ch) {
    return ch->group == NEAR_TRIPLE || ch->group == NEAR_BONDED || ch->group == TRIPLE_ANYWHERE;
}

static bool is_far(const struct bond_channel *ch) {
    return ch->group == ANYWHERE || ch->group == TRIPLE_ANYWHERE;
}

/* Electrons of O that come from far: with Li+ in equilibrium it brings them, also to O that no TM touches. */
static bool is_for_lithium_on_the_clock(const struct bond_channel *ch) {
    return is_far(ch) && ch->to == TO(TOKEN_OXYGEN) && ch->from != TOKEN_LI_OCT;
}

/* They come on top of what is asked for, as do more draws of Li+ against a hole, which TM that have hopped wait for. */
static bool is_on_top(const struct bond_channel *ch) {
    return is_for_dimers(ch) || is_for_lithium_on_the_clock(ch) || ch->group == NEAR_VERTEX_AGAIN;
}

/* Li+ takes part in what it draws, whatever is found. */
static bool is_of_lithium(const struct bond_channel *ch) {
    int lithium = TO(TOKEN_LI_OCT) | TO(TOKEN_LI_TET);
    return (TO(ch->from) & lithium) || !(ch->to & ~lithium);
}

/* Draws on top of those asked for where Li+ is on the clock: electrons are faster than it, and only at edges does it still come from the electrode. */
static double more_of(const struct engine *e, const struct bond_channel *ch) {
    return !e->m->with_lithium ? 1
           : is_of_lithium(ch) ? MORE_OF_EDGES
           : is_for_dimers(ch) ? 1
                               : MORE_OF_ELECTRONS;
}

/* Weight of a channel in a band, 0 where the model has no use for it. */
static double weight_of(const struct engine *e, const struct bond_channel *ch, int band) {
    if ((is_for_dimers(ch) && !e->m->with_dimers) ||
        (is_for_lithium_on_the_clock(ch) && !e->m->with_lithium))
        return 0;
    return ch->weight[band] * more_of(e, ch);
}

static void fill_slots(struct engine *e) {
    for (int band = 0; band < VOLTAGE_BANDS; band++) {
        double total = 0, asked = 0, sum = 0;
        int slot = 0;
        for (int c = 0; c < BOND_CHANNELS; c++) {
            const struct bond_channel *ch = &bond_channels[c];
            total += weight_of(e, ch, band);
            asked += is_on_top(ch) ? 0 : ch->weight[band];
        }
        e->more_draws[band] = total / asked;
        for (int c = 0; c < BOND_CHANNELS; c++) {
            sum += weight_of(e, &bond_channels[c], band) / total;
            while (slot < CHANNEL_SLOTS && (double)slot + 0.5 < sum * CHANNEL_SLOTS)
                e->slots[band][slot++] = (uint8_t)c;
        }
        while (slot < CHANNEL_SLOTS)
            e->slots[band][slot++] = 0;
    }
}

static int voltage_band(int32_t voltage_ueV) {
    return voltage_ueV < 3650000 ? 0 : voltage_ueV < 4250000 ? 1 : 2;
}

static bool near_neighbor(const struct engine *e, const struct bond_channel *ch, uint32_t random,
                          struct move_bond *bond) {
    const struct lattice *l = &e->m->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(l, bond->a);
    bool vertex = ch->group == NEAR_VERTEX || ch->group == NEAR_VERTEX_AGAIN ||
                  ch->group == NEAR_TRIPLE || ch->group == NEAR_BONDED;
    const struct lattice_offset *list = vertex                  ? st->vertex
                                        : ch->group == NEAR_OCT ? st->oct
                                        : ch->group == NEAR_TET ? st->tet
                                                                : st->oxygen;
    uint32_t n = vertex                  ? st->n_vertex
                 : ch->group == NEAR_OCT ? st->n_oct
                 : ch->group == NEAR_TET ? st->n_tet
                                         : st->n_oxygen;
    bond->triple = ch->group == NEAR_TRIPLE;
    uint32_t pick = philox_below(random, bond->triple ? 12 * n : n),
             at = bond->triple ? pick / 12 : pick;
    if (n == 0)
        return false;
    struct lattice_offset o = list[at];
    bond->b = lattice_step(l, bond->a, o);
    bond->site_b = lattice_site(l, bond->b);
    bond->shared = vertex ? 1 : o.shared;
    bond->face = !vertex && o.shared >= 3;
    bond->dir = (int8_t)(bond->triple ? (int)(pick % 12) : ch->group == NEAR_OXYGEN ? (int)at : -1);
    return ch->group != NEAR_BONDED || moves_is_bonded(e->s->x.occupancy[bond->site_b]);
}

/* Do two sites touch a common O, share a face, or are they neighbours among the O? */
static bool touch(const struct engine *e, struct lattice_coord a, struct lattice_coord b) {
    const struct lattice *l = &e->m->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(l, a);
    if (a.kind == SITE_O && b.kind == SITE_O && energy_is_neighbor(l, a, lattice_site(l, b)))
        return true;
    for (int v = 0; v < st->n_face; v++)
        if (lattice_face(l, a, v) == lattice_site(l, b))
            return true;
    return tokens_shared(&e->s->x, a, b) != 0;
}

/* A partner from anywhere; near pairs have channels of their own. */
static bool far_neighbor(const struct engine *e, const struct bond_channel *ch, uint32_t random,
                         struct move_bond *bond) {
    int c = 0;
    while (!(ch->to & TO(c)))
        c++;
    if (e->lists.n[c] == 0)
        return false;
    bond->triple = ch->group == TRIPLE_ANYWHERE;
    uint32_t ways = bond->triple ? 12 : 1,
             pick = philox_below(random, ways * (uint32_t)e->lists.n[c]);
    bond->site_b = e->lists.list[c][pick / ways];
    bond->b = lattice_coord_of(&e->m->lattice, bond->site_b);
    bond->shared = 0;
    bond->face = 0;
    bond->dir = (int8_t)(bond->triple ? (int)(pick % ways) : -1);
    return bond->site_a != bond->site_b && !touch(e, bond->a, bond->b);
}

static bool draw_bond(const struct engine *e, int band, struct philox_block r,
                      struct move_bond *bond) {
    const struct bond_channel *ch = &bond_channels[e->slots[band][r.v[0] >> (32 - CHANNEL_BITS)]];
    if (e->lists.n[ch->from] == 0)
        return false;
    bond->site_a = e->lists.list[ch->from][philox_below(r.v[1], (uint32_t)e->lists.n[ch->from])];
    bond->a = lattice_coord_of(&e->m->lattice, bond->site_a);
    if (!(is_far(ch) ? far_neighbor : near_neighbor)(e, ch, r.v[2], bond))
        return false;
    return (ch->to & TO(e->lists.class_of[bond->site_b])) != 0;
}

static bool try_move(struct engine *e, const struct move_context *k,
                     const struct electrode *electrode, const struct move *mv, uint32_t word,
                     uint64_t draw) {
    int64_t omega = mv->energy + tokens_electrode(electrode, e->s->n_li, mv->li_change);
    if (!moves_accept(&e->m->boltzmann, omega, word, e->s->random, e->s->step, draw))
        return false;
    moves_apply(k, mv);
    e->s->energy_ueV += mv->energy;
    e->s->n_li += mv->li_change;
    return true;
}

static void exact_equilibrate(struct engine *e, const struct electrode *electrode, double slice_s,
                              int64_t draws, int64_t measured, struct engine_equilibrated *out) {
    memset(out, 0, sizeof *out);
    struct move_context k = {e->m, &e->s->x, {0}, electrode->voltage_ueV, e->complete};
    channels_limits_init(&k.limits, e->m, slice_s);
    int band = voltage_band(electrode->voltage_ueV);
    bool lithium = k.limits.fast[EVENT_LITHIUM] >= 0;
    draws = (int64_t)((double)draws * e->more_draws[band]);
    measured = (int64_t)((double)measured * e->more_draws[band]);
    measured = measured > 0 ? measured : 1;
    e->s->step++;
    if (lithium)
        lithium_moves_begin(&e->lithium, &e->s->x, &k.limits, slice_s, 1 / e->more_draws[band]);
    for (int64_t d = 0; d < draws; d++) {
        struct philox_block r =
            philox_draw(e->s->random, STREAM_EQUILIBRATE, e->s->step, (uint64_t)d);
        struct move_bond bond = {.layer_a = NULL, .layer_b = NULL};
        struct move mv;
        if (draw_bond(e, band, r, &bond) && moves_judge(&k, &bond, r.v[0] & 1, &mv)) {
            out->evaluated++;
            bool accepted = try_move(e, &k, electrode, &mv, r.v[3], (uint64_t)d);
            out->accepted += accepted;
            if (accepted && lithium)
                lithium_moves_changed(&e->lithium, &e->s->x, &mv);
        }
        if (lithium)
            lithium_moves_try(&e->lithium, e->s, d, out);
        if (d >= draws - measured)
            out->sum_li += e->s->n_li;
    }
    out->draws = draws;
    out->stiffness_ueV = electrode->kappa_ueV;
    out->samples = measured < draws ? measured : draws;
}

/* ---- advance ---- */

static double owner_rate(const struct engine *e, const struct event_context *ctx, int64_t site) {
    struct event_list l = {.search = -1};
    events_of_site(ctx, lattice_coord_of(&e->m->lattice, site), &l);
    return l.total;
}

static void refresh_rates(struct engine *e, const struct event_context *ctx) {
    int64_t layer = (int64_t)e->m->lattice.na * e->m->lattice.nb;
    for (int64_t site = 0; site < e->s->n_sites; site++) {
        bool owns = e->owns[site / layer % SITE_KINDS == SITE_O][e->s->x.occupancy[site]];
        rate_tree_put(&e->tree, site, owns ? owner_rate(e, ctx, site) : 0);
    }
    rate_tree_build(&e->tree);
}

/* Picks an owner from the tree, then one of its channels, both in proportion to their rates. */
static struct event_channel select_event(const struct engine *e, const struct event_context *ctx,
                                         struct philox_block r) {
    struct event_list l = {.search = 0};
    double value = philox_open(r.v[0], r.v[1]) * rate_tree_total(&e->tree);
    int64_t site = rate_tree_select(&e->tree, value, &l.search);
    events_of_site(ctx, lattice_coord_of(&e->m->lattice, site), &l);
    return l.found;
}

static void mark(struct engine *e, int64_t owner, int64_t *n) {
    if (e->is_stale[owner])
        return;
    e->is_stale[owner] = 1;
    e->stale[(*n)++] = owner;
}

/* The site itself and every owner in its influence that has channels; the others own none before and after. */
static void mark_stale(struct engine *e, int64_t site, int64_t *n) {
    struct lattice_coord c = lattice_coord_of(&e->m->lattice, site);
    const struct window_influence *f = &e->influence.lists;
    int32_t list = c.plane * SITE_KINDS + c.kind;
    mark(e, site, n);
    for (int32_t q = f->owner_begin[list]; q < f->owner_begin[list + 1]; q++) {
        int64_t owner = lattice_neighbor(&e->m->lattice, c, f->owner[q]);
        if (e->owns[f->owner[q].kind == SITE_O][e->s->x.occupancy[owner]])
            mark(e, owner, n);
    }
}

static void apply_event(struct engine *e, const struct event_channel *ch) {
    events_apply(e->m, &e->s->x, ch);
    e->s->energy_ueV += ch->energy;
    e->s->n_li += ch->li_change;
}

static void refresh_influenced(struct engine *e, const struct event_context *ctx,
                               const int64_t *site, int n_site) {
    int64_t n = 0;
    for (int k = 0; k < n_site; k++) {
        site_lists_update(&e->lists, e->m, &e->s->x, site[k]);
        mark_stale(e, site[k], &n);
    }
    for (int64_t k = 0; k < n; k++) {
        e->is_stale[e->stale[k]] = 0;
        rate_tree_set(&e->tree, e->stale[k], owner_rate(e, ctx, e->stale[k]));
    }
}

static void count_event(const struct engine *e, const struct event_channel *ch, double step_s,
                        struct engine_advanced *out) {
    out->fired[ch->kind]++;
    out->slowed += ch->slow_down < 1;
    if (ch->slow_down < out->slow_down_min)
        out->slow_down_min = ch->slow_down;
    if (ch->kind != EVENT_HOP || ch->slow_down < 1)
        return;
    out->hops_unslowed++;
    out->hops_large += ch->rate * step_s > e->m->large_step;
}

static void exact_advance(struct engine *e, const struct electrode *electrode, double step_s,
                          double slice_s, struct engine_advanced *out) {
    assert(electrode->kappa_ueV == 0);
    memset(out, 0, sizeof *out);
    out->slow_down_min = 1;
    struct event_context ctx = {.m = e->m,
                                .x = &e->s->x,
                                .electrode = *electrode,
                                .n_li = e->s->n_li,
                                .step_s = step_s,
                                .slice_s = slice_s}; /* no fields, no bounds: the reference */
    channels_limits_init(&ctx.limits, e->m, slice_s);
    double used = 0, most = e->m->events_max * (double)e->s->n_sites;
    bool changed = false;
    e->s->step++;
    refresh_rates(e, &ctx);
    for (uint64_t d = 0; rate_tree_total(&e->tree) > 0; d++) {
        struct philox_block r = philox_draw(e->s->random, STREAM_ADVANCE, e->s->step, d);
        used -= tables_log(philox_open(r.v[2], r.v[3])) / rate_tree_total(&e->tree);
        if (used > step_s)
            break;
        if (most > 0 && (double)d >= most) {
            out->cut_short = 1;
            break;
        }
        struct event_channel ch = select_event(e, &ctx, r);
        int64_t site[3];
        int n = window_changed(&e->m->lattice, &ch, site);
        apply_event(e, &ch);
        ctx.n_li = e->s->n_li;
        refresh_influenced(e, &ctx, site, n);
        count_event(e, &ch, step_s, out);
        changed = true;
        if (e->fired && !e->fired(e->listener, &ch))
            break;
    }
    if (changed) /* the order follows from the state alone: an engine made from a stored one draws the same */
        site_lists_sort(&e->lists, e->m, &e->s->x);
    e->s->time_s += step_s;
}

static void exact_listen(struct engine *e, engine_listener *fired, void *context) {
    e->fired = fired;
    e->listener = context;
}

/* ---- life ---- */

static void exact_free(struct engine *e) {
    if (!e)
        return;
    site_lists_free(&e->lists);
    rate_tree_free(&e->tree);
    influence_free(&e->influence);
    lithium_moves_free(&e->lithium);
    free(e->stale);
    free(e->is_stale);
    free(e);
}

static struct engine *exact_create(const struct rate_model *m, struct state *s, int threads) {
    (void)threads; /* serial */
    struct engine *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->m = m;
    e->s = s;
    fill_slots(e);
    for (int byte = 0; byte < 256; byte++)
        for (int oxygen = 0; oxygen < 2; oxygen++)
            e->owns[oxygen][byte] = (uint8_t)events_owns(m, oxygen, (uint8_t)byte);
    e->complete = true;
    for (int64_t o = 0; o < s->n_oxygen; o++)
        e->complete = e->complete && s->x.deviation[o] != RATE_MODEL_ABSENT;
    e->stale = malloc((size_t)s->n_sites * sizeof *e->stale);
    e->is_stale = calloc((size_t)s->n_sites, 1);
    if (e->stale && e->is_stale && site_lists_init(&e->lists, m, &s->x) &&
        rate_tree_init(&e->tree, s->n_sites) && influence_init(&e->influence, &m->lattice) &&
        lithium_moves_init(&e->lithium, m))
        return e;
    exact_free(e);
    return NULL;
}

const struct engine_ops engine_exact = {.name = "exact",
                                        .create = exact_create,
                                        .free = exact_free,
                                        .equilibrate = exact_equilibrate,
                                        .advance = exact_advance,
                                        .listen = exact_listen};
