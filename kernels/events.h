/* events: the slow events a site owns, their energies and rates.
 *
 *   rate = nu exp(-E_a/kT),  E_a = max(0, dE, E_KRA + dE/2)      so forward/backward = exp(-dE/kT) as long as E_KRA reads the same from both ends
 * (the two sites of the event are left out of every environment that sets E_KRA).
 *
 *   hop       TM ion: oct -> (tet) -> oct through shared faces, oct -> oct through a shared face, oct -> tet when the tet outlives the sub-slice
 *   join      two neighbouring holes -> peroxo dimer                      split     the reverse
 *   cleave    peroxo dimer + e- -> O2- + hole                              combine   the reverse
 *   oxidise   a bonded O gives up an electron: peroxo -> superoxo -> O2   reduce    the reverse
 *   move      one end of O2 goes to another neighbour of the other end, into an O vacancy or in exchange for O2-
 *   lose      O2 at the surface leaves the crystal; two O vacancies stay behind
 *   vacancy   an O vacancy changes places with a neighbouring O2- or hole
 *   exchange  Li+ in an oct that lacks an O: H+ of the electrolyte takes its place, and back
 *   proton    hop of H+: as a TM ion, but no Li and no O in the face matter
 *   lithium   Li+: oct -> tet, tet -> oct through a shared face, in transport mode only (rate_model.with_lithium): else Li+ is in equilibrium
 * The electron of cleave, combine, oxidise and reduce is exchanged with an oct that shares the O: a TM ion there changes valence, or a Li+ there enters or leaves together
 * with an electron of the electrode.  Electrons move one at a time; two-electron steps are two events in a row.
 *
 * Fast pairs.  A pair of oxygen events that would fire more than stiff_firings times a slice and O even in its slower direction is in equilibrium on the
 * time scale of a slice: it is no event here but a move of `equilibrate` (kernels/moves.h).  The criterion is the same from both ends, so each
 * of the two verbs obeys detailed balance.  What moves (hop, move, vacancy) is slowed down instead, both directions by one factor.  `lose` has no reverse:
 * the O2 is gone.
 *
 * Owners: an ion owns its hops and its exchange; the O that is or stays a hole owns combines and cleaves; a bonded O owns its oxidise and reduce, and the moves of its
 * partner; an O vacancy owns its hops; joins, splits and losses belong to one O of the pair (events_owns_pair).  So both directions of a pair of oxygen events have one owner: where regions take turns, none waits for the
 * other one's turn.  Nothing here writes to the configuration but events_apply, so owners may be read side by side.
 */
#ifndef KERNELS_EVENTS_H
#define KERNELS_EVENTS_H
#include "fields.h"

enum event_kind {
    EVENT_HOP,
    EVENT_JOIN,
    EVENT_SPLIT,
    EVENT_CLEAVE,
    EVENT_COMBINE,
    EVENT_OXIDISE,
    EVENT_REDUCE,
    EVENT_MOVE,
    EVENT_LOSE,
    EVENT_VACANCY,
    EVENT_LITHIUM,
    EVENT_EXCHANGE,
    EVENT_PROTON,
    EVENT_KINDS
};

enum { EVENT_CHANNELS_MAX = 192 };
enum {
    EVENTS_MOVE_WAYS = 22,
    EVENTS_VACANCY_WAYS = 12,
    EVENTS_PROTON_WAYS = 18
}; /* of an O2, an O vacancy, an H+ (six tets, three octs beyond each) */

/* Rates below this, 1/s, are taken as zero: less than one firing in 300 years a channel. */
#define EVENTS_RATE_FLOOR 1e-10

struct event_channel {
    double rate;      /* 1/s, slow-down factor included */
    double slow_down; /* factor <= 1 applied to both directions */
    int64_t energy;   /* change of the crystal's energy, ueV */
    int64_t site;     /* owner */
    int64_t
        target; /* hop: new site; move, vacancy: the O site that the owner's partner or the owner changes places with; others: the oct that gives or takes the
                 * token, or the other O of join, split and lose */
    uint8_t kind,
        dir; /* enum event_kind; direction of the other O (index among the O neighbours) */
    int8_t li_change;
};

/* Channels as they are enumerated: their number and total rate, the one that a search asks for, and all of them when `all` has room. */
struct event_list {
    int n;
    double total;
    double
        search; /* the first channel at which the total exceeds this is kept in `found`; < 0 = none */
    struct event_channel found;
    struct event_channel *all; /* [EVENT_CHANNELS_MAX] or NULL */
};

/* Barriers in ueV that stand for rates. */
struct event_limits {
    int64_t floor; /* barriers from here on count as infinite */
    int64_t
        fast[EVENT_KINDS]; /* a pair whose higher barrier is not above this is fast; -1 = none is */
};

/* What `advance` needs beside the model: the electrode, the length of the sub-slice and that of the whole slice. */
struct event_context {
    const struct rate_model *m;
    struct configuration *x;
    struct electrode electrode;
    int64_t n_li;
    double step_s, slice_s;
    struct event_limits limits;
    struct fields
        *fields; /* of x; NULL: everything is computed anew and nothing judged by bounds */
};

/* Barrier at which a rate is `rate`, 0 when the attempt frequency lies below it. */
static inline int64_t events_barrier_of(const struct rate_model *m, double rate) {
    double e = m->boltzmann.kT_ueV * (tables_log(m->attempt_frequency) - tables_log(rate));
    return e > 0 ? (int64_t)e : 0;
}

/* Ways in which one O can take part in an event of a kind: the firings of all of them count together. */
static inline void events_limits_init(struct event_limits *l, const struct rate_model *m,
                                      double slice_s) {
    static const int ways[EVENT_KINDS] = {0,      12,    12,   12 * 6,
                                          12 * 6, 2 * 6, 2 * 6}; /* 0: never fast */
    l->floor = events_barrier_of(m, EVENTS_RATE_FLOOR);
    for (int k = 0; k < EVENT_KINDS; k++)
        l->fast[k] = m->stiff_firings > 0 && slice_s > 0 && ways[k] > 0
                         ? events_barrier_of(m, m->stiff_firings / (slice_s * ways[k]))
                         : -1;
}

/* Barrier in ueV; the floor of dE/2 keeps forward - backward = dE exactly. */
KMC_HD int64_t events_barrier(int64_t d_energy, int64_t kra) {
    int64_t half = d_energy >= 0 ? d_energy / 2 : -((1 - d_energy) / 2);
    int64_t e = kra + half;
    e = e > d_energy ? e : d_energy;
    return e > 0 ? e : 0;
}

/* Is the pair of an oxygen event fast, seen from either end? */
KMC_HD int events_is_fast(const struct event_limits *l, int kind, int64_t d_energy, int64_t kra) {
    return events_barrier(d_energy >= 0 ? d_energy : -d_energy, kra) <= l->fast[kind];
}

/* Which omega make an oxygen event of one KRA barrier: below `slow` (else too slow to occur) and not within +-fast (else the pair is fast). */
struct event_range {
    int64_t slow, fast; /* fast = -1: none is */
};

KMC_HD struct event_range events_range(const struct event_limits *l, int kind, int64_t kra) {
    /* events_barrier(omega) >= floor, and events_is_fast, solved for omega */
    struct event_range r = {2 * (l->floor - kra), 2 * (l->fast[kind] - kra) + 1};
    r.slow = l->floor <= 0 ? INT64_MIN : r.slow < l->floor ? r.slow : l->floor;
    r.fast = l->fast[kind] < kra ? -1 : r.fast < l->fast[kind] ? r.fast : l->fast[kind];
    return r;
}

KMC_HD int events_is_idle(const struct event_range *r, int64_t omega) {
    return omega >= r->slow || (omega <= r->fast && omega >= -r->fast);
}

KMC_HD double events_rate(const struct rate_model *m, int64_t d_energy, int64_t kra) {
    return m->attempt_frequency * tables_boltzmann(&m->boltzmann, events_barrier(d_energy, kra));
}

KMC_HD void events_add(struct event_list *l, const struct event_channel *c) {
    if (l->all && l->n < EVENT_CHANNELS_MAX)
        l->all[l->n] = *c;
    l->n++;
    if (l->total <= l->search)
        l->found = *c;
    l->total += c->rate;
}

/* Common factor of both directions of what moves (an ion, an O2, an O vacancy; over all ways it can go): 1, or less when even the slower one fires more than stiff_firings times a slice. */
KMC_HD double events_slow_down(const struct event_context *e, int kind, double rate,
                               int64_t d_energy) {
    double slower = d_energy >= 0 ? rate : rate * tables_boltzmann(&e->m->boltzmann, -d_energy);
    int ways = kind == EVENT_MOVE      ? EVENTS_MOVE_WAYS
               : kind == EVENT_VACANCY ? EVENTS_VACANCY_WAYS
               : kind == EVENT_PROTON  ? EVENTS_PROTON_WAYS
                                       : 1;
    double firings = slower * e->slice_s * ways;
    return e->m->stiff_firings > 0 && firings > e->m->stiff_firings ? e->m->stiff_firings / firings
                                                                    : 1.0;
}

KMC_HD void events_add_slowed(const struct event_context *e, struct event_list *l,
                              struct event_channel *c, double rate) {
    if (rate < EVENTS_RATE_FLOOR)
        return;
    c->slow_down = events_slow_down(e, c->kind, rate, c->energy);
    c->rate = rate * c->slow_down;
    events_add(l, c);
}

/* ---- hops ---- */

/* What the O in the face of a hop between a and b add to its barrier: a bonded one, and an O vacancy. */
KMC_HD int64_t events_face(const struct event_context *e, struct lattice_coord a,
                           struct lattice_coord b) {
    const struct lattice *lat = e->x->lattice;
    int na = lattice_stencil_of(lat, a)->n_vertex, nb = lattice_stencil_of(lat, b)->n_vertex;
    int bonded = 0, vacant = 0;
    for (int v = 0; v < na; v++) {
        struct lattice_coord o = lattice_step(lat, a, lattice_stencil_of(lat, a)->vertex[v]);
        int state = rate_model_state(e->x->occupancy[lattice_site(lat, o)]);
        if (state != ANION_PEROXO && state != ANION_MOLECULAR && state != ANION_VACANCY)
            continue;
        for (int w = 0; w < nb; w++)
            if (lattice_neighbor(lat, b, lattice_stencil_of(lat, b)->vertex[w]) ==
                lattice_site(lat, o)) {
                vacant |= state == ANION_VACANCY;
                bonded |= state != ANION_VACANCY;
            }
    }
    return (bonded ? e->m->peroxo_face : 0) + (vacant ? e->m->vacancy_face : 0);
}

/* KRA barrier of a hop between a tet and one of its face-sharing octs, -1 when the gate is closed.  Li+, H+ and pillars in the tet's other octs count. */
KMC_HD int64_t events_gate(const struct event_context *e, int species, struct lattice_coord tet,
                           int64_t oct_site) {
    const struct rate_model *m = e->m;
    const struct lattice_stencil *st = lattice_stencil_of(e->x->lattice, tet);
    int li = 0;
    for (int v = 0; v < st->n_face; v++) {
        if (st->face[v].kind != SITE_OCT)
            continue;
        int64_t s = lattice_neighbor(e->x->lattice, tet, st->face[v]);
        uint8_t ion = e->x->occupancy[s];
        if (s == oct_site || ion == SITE_OUTSIDE || m->group[ion] != GROUP_LI)
            continue;
        if (ion != CATION_LI && ion != m->proton)
            return -1; /* a pillar never opens the gate */
        li++;
    }
    if (li > m->gate_max_li)
        return -1;
    return m->hop_barrier[species] +
           (int64_t)m->gate_per_li * (li > m->gate_free_li ? li - m->gate_free_li : 0);
}

KMC_HD int64_t events_hop_kra(const struct event_context *e, int species, struct lattice_coord tet,
                              struct lattice_coord oct) {
    if (species == e->m->proton)
        return e->m->hop_barrier[species];
    int64_t kra = events_gate(e, species, tet, lattice_site(e->x->lattice, oct));
    if (kra < 0)
        return kra;
    kra += events_face(e, tet, oct);
    return kra > 0 ? kra : 0;
}

/* Hops out of a tet that holds (or would hold) the ion: rates to each face-sharing oct that is vacant or that the ion itself leaves. */
struct event_exits {
    int n;
    double total;
    struct lattice_coord oct[4];
    int64_t energy[4]; /* of the ion in that oct */
    double rate[4];
};

KMC_HD_ONCE void events_exits(const struct event_context *e, int species, struct lattice_coord tet,
                              int64_t tet_energy, const struct energy_absent *a,
                              struct event_exits *out) {
    const struct lattice *lat = e->x->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(lat, tet);
    out->n = 0;
    out->total = 0;
    for (int v = 0; v < st->n_face; v++) {
        struct lattice_coord oct = lattice_step(lat, tet, st->face[v]);
        int64_t site = lattice_site(lat, oct);
        if (oct.kind != SITE_OCT || (e->x->occupancy[site] != CATION_VACANCY && site != a->site))
            continue;
        int64_t kra = events_hop_kra(e, species, tet, oct);
        if (kra < 0)
            continue;
        int k = out->n++;
        out->oct[k] = oct;
        out->energy[k] = energy_place(e->m, e->x, oct, species, a);
        out->rate[k] = events_rate(e->m, out->energy[k] - tet_energy, kra);
        out->total += out->rate[k];
    }
}

/* What a hop of an ion counts as. */
KMC_HD uint8_t events_hop_kind(const struct rate_model *m, int species) {
    return species == m->proton ? EVENT_PROTON : EVENT_HOP;
}

/* Hops from oct c through one vacant tet: composite oct -> tet -> oct by the exact absorbing chain, or oct -> tet when it stays there. */
KMC_HD void events_hop_through(const struct event_context *e, struct event_list *l, int species,
                               struct lattice_coord c, int64_t energy_c,
                               const struct energy_absent *a, struct lattice_coord tet) {
    int64_t kra = events_hop_kra(e, species, tet, c);
    if (kra < 0)
        return;
    if (KMC_SABOTAGE == SABOTAGE_KRA)
        kra += 20000; /* the way back does not get it */
    int64_t energy_tet = energy_place(e->m, e->x, tet, species, a);
    double in = events_rate(e->m, energy_tet - energy_c, kra);
    if (in < EVENTS_RATE_FLOOR)
        return;
    struct event_exits exits;
    events_exits(e, species, tet, energy_tet, a, &exits);
    struct event_channel ch = {0};
    ch.kind = events_hop_kind(e->m, species);
    ch.site = lattice_site(e->x->lattice, c);
    if (exits.total * e->step_s <= e->m->tet_lifetime_steps) {
        ch.target = lattice_site(e->x->lattice, tet);
        ch.energy = energy_tet - energy_c;
        events_add_slowed(e, l, &ch, in);
        return;
    }
    for (int k = 0; k < exits.n; k++) {
        ch.target = lattice_site(e->x->lattice, exits.oct[k]);
        ch.energy = exits.energy[k] - energy_c;
        if (ch.target != ch.site)
            events_add_slowed(e, l, &ch, in * (exits.rate[k] / exits.total));
    }
}

KMC_HD void events_hop_direct(const struct event_context *e, struct event_list *l, int species,
                              struct lattice_coord c, int64_t energy_c,
                              const struct energy_absent *a, struct lattice_coord oct) {
    int64_t kra = e->m->hop_barrier[species];
    if (species != e->m->proton)
        kra += (int64_t)e->m->direct_hop_extra + events_face(e, c, oct);
    struct event_channel ch = {0};
    ch.kind = events_hop_kind(e->m, species);
    ch.site = lattice_site(e->x->lattice, c);
    ch.target = lattice_site(e->x->lattice, oct);
    ch.energy = energy_place(e->m, e->x, oct, species, a) - energy_c;
    events_add_slowed(e, l, &ch, events_rate(e->m, ch.energy, kra > 0 ? kra : 0));
}

KMC_HD void events_hops_from_tet(const struct event_context *e, struct event_list *l,
                                 struct lattice_coord c, int species, int64_t energy_c,
                                 const struct energy_absent *a) {
    struct event_exits exits;
    events_exits(e, species, c, energy_c, a, &exits);
    struct event_channel ch = {0};
    ch.kind = events_hop_kind(e->m, species);
    ch.site = a->site;
    for (int k = 0; k < exits.n; k++) {
        ch.target = lattice_site(e->x->lattice, exits.oct[k]);
        ch.energy = exits.energy[k] - energy_c;
        events_add_slowed(e, l, &ch, exits.rate[k]);
    }
}

/* Is a tet next to the oct c known to be out of reach of the hops of its ion, whose energy there is energy_c? */
KMC_HD int events_is_out_of_reach(const struct event_context *e, struct lattice_coord c, int v,
                                  int species, int32_t energy_c) {
    const struct fields *f = e->fields;
    if (!f || !f->bounded || species == e->m->proton)
        return 0;
    const struct fields_species *s = &f->species[species];
    const struct lattice_layer *y = lattice_layer_of(e->x->lattice, c.plane, SITE_OCT);
    struct fields_way w = fields_way_of(f, y, v);
    int64_t cell = lattice_oxygen_index(e->x->lattice, c);
    return fields_is_out_of_reach(&w, &s->tet[w.li_gap], cell, energy_c,
                                  s->slow[fields_touches_gap(f, y, cell)]);
}

KMC_HD void events_hops(const struct event_context *e, struct event_list *l, struct lattice_coord c,
                        int species) {
    const struct lattice *lat = e->x->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(lat, c);
    int32_t energy_c = energy_of_ion(e->m, e->x, c, species);
    struct energy_absent a;
    energy_take_off(e->m, e->x, c, species, &a);
    if (c.kind != SITE_OCT) {
        events_hops_from_tet(e, l, c, species, energy_c, &a);
        return;
    }
    for (int v = 0; v < st->n_face; v++) {
        struct lattice_coord d = lattice_step(lat, c, st->face[v]);
        if (e->x->occupancy[lattice_site(lat, d)] != CATION_VACANCY)
            continue;
        if (d.kind == SITE_OCT)
            events_hop_direct(e, l, species, c, energy_c, &a, d);
        else if (!events_is_out_of_reach(e, c, v, species, energy_c))
            events_hop_through(e, l, species, c, energy_c, &a, d);
    }
}

/* ---- Li+ ---- */

/* Hops of a Li+ between octs and tets.  All O of a tet exist, so the face has three of them. */
KMC_HD_ONCE void events_lithium(const struct event_context *e, struct event_list *l,
                                struct lattice_coord c) {
    const struct lattice *lat = e->x->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(lat, c);
    int32_t leave = tokens_energy(e->m, e->x, c, CATION_LI, -1);
    struct event_channel ch = {0};
    ch.kind = EVENT_LITHIUM;
    ch.site = lattice_site(lat, c);
    ch.slow_down = 1;
    for (int v = 0; v < st->n_face; v++) {
        struct lattice_coord d = lattice_step(lat, c, st->face[v]);
        ch.target = lattice_site(lat, d);
        if ((d.kind == SITE_OCT) == (c.kind == SITE_OCT) ||
            e->x->occupancy[ch.target] != CATION_VACANCY)
            continue;
        ch.energy = (int64_t)leave + tokens_energy(e->m, e->x, d, CATION_VACANCY, +1) +
                    tokens_cross(e->m, c.kind, d.kind, CATION_LI, CATION_VACANCY, 3, 1);
        ch.rate = events_rate(e->m, ch.energy, e->m->hop_barrier[CATION_LI]);
        if (ch.rate >= EVENTS_RATE_FLOOR)
            events_add(l, &ch);
    }
}

/* ---- H+ ---- */

/* Li+ in an oct that lacks an O is in touch with the electrolyte: H+ takes its place, and back.  Charge, bond valence and faces stay. */
KMC_HD void events_exchange_ion(const struct event_context *e, struct event_list *l,
                                struct lattice_coord c, uint8_t byte) {
    const struct rate_model *m = e->m;
    if (c.kind != SITE_OCT || energy_field_at(e->x, c).n == 6)
        return;
    struct event_channel ch = {0};
    int cls = rate_model_site_class(c), to = byte == CATION_LI ? m->proton : CATION_LI;
    ch.kind = EVENT_EXCHANGE;
    ch.site = ch.target = lattice_site(e->x->lattice, c);
    ch.energy = m->cation[to][cls] - m->cation[byte][cls];
    events_add_slowed(e, l, &ch, events_rate(m, ch.energy, m->exchange_barrier));
}

/* ---- oxygen ---- */

/* 0 in plane, 1 across a Li gap, 2 across a TM slab. */
KMC_HD int events_contact(struct lattice_coord o, struct lattice_offset d) {
    if (d.dplane == 0)
        return 0;
    int32_t gap = d.dplane > 0 ? o.plane : o.plane + 1; /* parity of the gap between the planes */
    return lattice_is_tm_gap(gap) ? 2 : 1;
}

/* Molecular O among the O neighbours, the one in direction `skip` left out. */
KMC_HD int64_t events_molecular_around(const struct configuration *x, struct lattice_coord o,
                                       int skip) {
    int n = lattice_stencil_of(x->lattice, o)->n_oxygen;
    int64_t molecular = 0;
    if (x->around[ANION_MOLECULAR])
        return x->around[ANION_MOLECULAR][lattice_oxygen_index(x->lattice, o)] -
               (rate_model_state(x->occupancy[lattice_oxygen(x->lattice, o, skip)]) ==
                ANION_MOLECULAR);
    for (int v = 0; v < n; v++)
        if (v != skip)
            molecular +=
                rate_model_state(x->occupancy[lattice_oxygen(x->lattice, o, v)]) == ANION_MOLECULAR;
    return molecular;
}

/* KRA barrier of oxidise and reduce.  Wall rule: in proportion to the molecular O among the other O neighbours of both partners. */
KMC_HD int64_t events_molecular_kra(const struct rate_model *m, const struct configuration *x,
                                    struct lattice_coord o, int dir) {
    if (m->molecular_wall == 0)
        return m->molecular_formation;
    const struct lattice_stencil *so = lattice_stencil_of(x->lattice, o);
    struct lattice_coord p = lattice_step(x->lattice, o, so->oxygen[dir]);
    int others = so->n_oxygen + lattice_stencil_of(x->lattice, p)->n_oxygen - 2;
    int64_t molecular =
        events_molecular_around(x, o, dir) + events_molecular_around(x, p, so->reverse[dir]);
    return m->molecular_formation + m->molecular_wall * molecular / others;
}

/* Share of an O, a hole or O2-, in a bond to come. */
KMC_HD int32_t events_share(const struct event_context *e, struct lattice_coord o, int state) {
    return energy_anion(e->m, e->x, o, state, ANION_PEROXO, -1);
}

/* Omega of an oct giving a token away (gain = -1) or taking one up (+1), FIELDS_NONE when it cannot. */
KMC_HD int32_t events_token(const struct event_context *e, struct lattice_coord a, int gain) {
    uint8_t byte = e->x->occupancy[lattice_site(e->x->lattice, a)];
    if (gain < 0 ? !tokens_has(e->m, SITE_OCT, byte) : !tokens_has_room(e->m, SITE_OCT, byte))
        return FIELDS_NONE;
    return tokens_energy(e->m, e->x, a, byte, gain) +
           (byte <= CATION_LI ? gain * e->electrode.voltage_ueV : 0);
}

/* The same of oct v of the O in a cell, from its field. */
KMC_HD int32_t events_known_token(const struct event_context *e, struct lattice_coord o,
                                  int64_t cell, int v, int gain) {
    const struct lattice *lat = e->x->lattice;
    struct fields *f = e->fields;
    if (gain < 0)
        return f->give[cell];
    if (f->take[cell] == FIELDS_UNKNOWN) {
        struct lattice_coord a = lattice_step(lat, o, lattice_stencil_of(lat, o)->oct[v]);
        const struct lattice_layer *y = lattice_layer_of(lat, a.plane, SITE_OCT);
        f->take[cell] = fields_token(f, y, lattice_oxygen_index(lat, a), +1);
    }
    return f->take[cell];
}

/* ---- oxygen events ---- */

/* Adds an oxygen event that is not idle. */
KMC_HD void events_add_oxygen(const struct event_context *e, struct event_list *l,
                              struct event_channel *c, int64_t omega, int64_t kra) {
    c->rate = events_rate(e->m, omega, kra);
    if (KMC_SABOTAGE == SABOTAGE_RATE && c->kind == EVENT_SPLIT)
        c->rate *= 1.03;
    c->slow_down = 1;
    events_add(l, c);
}

/* Fills in what depends on the oct `target` of an exchange, and adds it. */
KMC_HD_ONCE void events_add_exchange(const struct event_context *e, struct event_list *l,
                                     struct event_channel *c, int64_t target, int gain,
                                     int64_t omega, int64_t kra) {
    c->target = target;
    c->li_change = (int8_t)(e->x->occupancy[target] <= CATION_LI ? -gain : 0);
    c->energy = omega - (int64_t)c->li_change * e->electrode.voltage_ueV;
    events_add_oxygen(e, l, c, omega, kra);
}

/* Adds one channel per oct of `o` that can give (gain = +1) or take (gain = -1) a token; `energy_o` = energy of all that does not depend on the oct. */
KMC_HD void events_exchange(const struct event_context *e, struct event_list *l,
                            struct event_channel *ch, struct lattice_coord o, int gain,
                            int64_t energy_o, int64_t kra, const struct event_range *range) {
    const struct lattice *lat = e->x->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(lat, o);
    const struct lattice_reach *r = lattice_reach_of(lat, o);
    int64_t cell = lattice_oxygen_index(lat, o);
    energy_o -= 2 * e->m->valence_unit * 12 * 2;
    for (int v = 0; v < st->n_oct; v++) {
        int32_t token = e->fields ? events_known_token(e, o, cell + r->oct_cell[v], v, -gain)
                                  : events_token(e, lattice_step(lat, o, st->oct[v]), -gain);
        if (!events_is_idle(range, energy_o + token) && token != FIELDS_NONE)
            events_add_exchange(e, l, ch, lattice_neighbor(lat, o, st->oct[v]), gain,
                                energy_o + token, kra);
    }
}

/* Is none of the combines with the O2- in a cell an event, of a bond whose energy beside the token's is given? */
KMC_HD int events_combine_is_idle(const struct fields *f, const struct lattice_reach *r,
                                  int64_t cell, int64_t energy_o, const struct event_range *range) {
    const int32_t *give = f->give + cell;
    int idle = 1;
    for (int v = 0; v < 6; v++) /* FIELDS_NONE is too slow by itself */
        idle &= events_is_idle(range, energy_o + give[r->oct_cell[v]]);
    return idle;
}

/* A pair of neighbours is owned by the O from which the other one lies up, or in the first half of the directions in plane. */
KMC_HD int events_owns_pair(const struct lattice_offset *d) {
    return d->dplane != 0 ? d->dplane > 0 : d->dj != 0 ? d->dj > 0 : d->di > 0;
}

/* Join of a hole with the hole that is its neighbour v. */
KMC_HD void events_join(const struct event_context *e, struct event_list *l,
                        struct event_channel *ch, struct lattice_coord o, int v, int64_t bond) {
    const struct lattice *lat = e->x->lattice;
    const struct lattice_offset *d = &lattice_stencil_of(lat, o)->oxygen[v];
    int64_t kra = e->m->peroxo_formation[events_contact(o, *d)];
    struct event_range range = events_range(&e->limits, EVENT_JOIN, kra);
    struct lattice_coord p = lattice_step(lat, o, *d);
    ch->kind = EVENT_JOIN;
    ch->target = lattice_site(lat, p);
    ch->li_change = 0;
    ch->energy = bond + (e->fields ? e->fields->share[lattice_oxygen_index(lat, p)]
                                   : events_share(e, p, ANION_HOLE));
    if (!events_is_idle(&range, ch->energy))
        events_add_oxygen(e, l, ch, ch->energy, kra);
}

KMC_HD void events_hole(const struct event_context *e, struct event_list *l,
                        struct lattice_coord o) {
    const struct rate_model *m = e->m;
    const struct lattice *lat = e->x->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(lat, o);
    const struct lattice_reach *r = lattice_reach_of(lat, o);
    struct event_range range = events_range(&e->limits, EVENT_COMBINE, m->peroxo_reduction);
    struct event_channel ch = {0};
    int64_t share = events_share(e, o, ANION_HOLE), cell = lattice_oxygen_index(lat, o);
    int64_t with_oxide = share + energy_bond_constant(m, ANION_OXIDE);
    int64_t cross = 2 * m->valence_unit * 12 * 2;
    const struct lattice_reach *around[3] = {NULL, r, NULL}; /* of O one plane below, here, above */
    for (int up = -1; r && up <= 1; up += 2) {
        struct lattice_offset d = {(int8_t)up, 0, 0, SITE_O, 0};
        around[up + 1] = lattice_reach_of(lat, lattice_step(lat, o, d));
    }
    ch.site = lattice_site(lat, o);
    for (int v = 0; v < st->n_oxygen; v++) {
        int64_t site = r ? ch.site + r->oxygen[v] : lattice_oxygen(lat, o, v);
        int state = rate_model_state(e->x->occupancy[site]);
        ch.dir = (uint8_t)v;
        if (state == ANION_OXIDE) {
            int64_t bond = with_oxide, near = cell;
            if (e->fields) {
                near += r->oxygen_cell[v];
                bond += e->fields->share[near];
                if (events_combine_is_idle(e->fields, around[st->oxygen[v].dplane + 1],
                                           e->fields->real[near], bond - cross, &range))
                    continue;
            }
            struct lattice_coord p = lattice_step(lat, o, st->oxygen[v]);
            bond += e->fields ? 0 : events_share(e, p, ANION_OXIDE);
            ch.kind = EVENT_COMBINE;
            events_exchange(e, l, &ch, p, +1, bond, m->peroxo_reduction, &range);
        } else if (state == ANION_HOLE && events_owns_pair(&st->oxygen[v])) {
            events_join(e, l, &ch, o, v, share + energy_bond_constant(m, ANION_HOLE));
        }
    }
}

/* Energy of o turning from a hole beside the hole p, its former partner in direction dir, into O2-. */
KMC_HD int32_t events_cut_off(const struct rate_model *m, const struct configuration *x,
                              struct lattice_coord o, int dir) {
    return energy_anion(m, x, o, ANION_HOLE, ANION_OXIDE, dir) + m->pair[ANION_OXIDE][ANION_HOLE] -
           m->pair[ANION_HOLE][ANION_HOLE];
}

/* ---- O2 and O vacancies on the move ---- */

/* Moves of p, the other end of the O2 of o: to another neighbour of o. */
KMC_HD_ONCE void events_move(const struct event_context *e, struct event_list *l,
                             struct event_channel *ch, struct lattice_coord o,
                             struct lattice_coord p) {
    const struct lattice *lat = e->x->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(lat, o);
    ch->kind = EVENT_MOVE;
    ch->li_change = 0;
    for (int v = 0; v < st->n_oxygen; v++) {
        struct lattice_coord q = lattice_step(lat, o, st->oxygen[v]);
        ch->target = lattice_site(lat, q);
        int state = rate_model_state(e->x->occupancy[ch->target]);
        if (state != ANION_OXIDE && state != ANION_VACANCY)
            continue;
        ch->energy = energy_exchange(e->m, e->x, p, q, ch->site);
        events_add_slowed(
            e, l, ch, events_rate(e->m, ch->energy, e->m->molecular_move[state == ANION_OXIDE]));
    }
}

/* Is one of the O neighbours outside the crystal? */
KMC_HD int events_at_surface(const struct configuration *x, struct lattice_coord o) {
    const struct lattice_stencil *st = lattice_stencil_of(x->lattice, o);
    int outside = 0;
    for (int v = 0; v < st->n_oxygen; v++)
        outside |=
            rate_model_state(x->occupancy[lattice_oxygen(x->lattice, o, v)]) == ANION_OUTSIDE;
    return outside;
}

/* Loss of the O2 of o and p.  Its energy is measured against O2 in a void without neighbours. */
KMC_HD_ONCE void events_lose(const struct event_context *e, struct event_list *l,
                             struct event_channel *ch, struct lattice_coord o,
                             struct lattice_coord p) {
    const struct rate_model *m = e->m;
    if (!events_at_surface(e->x, o) && !events_at_surface(e->x, p))
        return;
    int32_t molecule = energy_of_molecule(m, e->x, o, p);
    int32_t alone = 2 * m->anion[ANION_MOLECULAR][0] + m->bond[BOND_MOLECULAR];
    ch->kind = EVENT_LOSE;
    ch->target = lattice_site(e->x->lattice, p);
    ch->li_change = 0;
    ch->slow_down = 1;
    ch->energy = -(int64_t)molecule;
    ch->rate = events_rate(m, alone + m->molecular_gas - molecule, m->molecular_loss);
    if (ch->rate >= EVENTS_RATE_FLOOR)
        events_add(l, ch);
}

/* Hops of the O vacancy v: neighbouring O2- and holes that come in. */
KMC_HD_ONCE void events_vacancy(const struct event_context *e, struct event_list *l,
                                struct lattice_coord v) {
    const struct lattice *lat = e->x->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(lat, v);
    struct event_channel ch = {0};
    ch.kind = EVENT_VACANCY;
    ch.site = lattice_site(lat, v);
    for (int k = 0; k < st->n_oxygen; k++) {
        struct lattice_coord o = lattice_step(lat, v, st->oxygen[k]);
        ch.dir = (uint8_t)k;
        ch.target = lattice_site(lat, o);
        int state = rate_model_state(e->x->occupancy[ch.target]);
        if (state != ANION_OXIDE && state != ANION_HOLE)
            continue;
        ch.energy = energy_exchange(e->m, e->x, o, v, -1);
        events_add_slowed(e, l, &ch, events_rate(e->m, ch.energy, e->m->vacancy_hop));
    }
}

/* ---- oxygen in bonds ---- */

KMC_HD void events_bonded(const struct event_context *e, struct event_list *l,
                          struct lattice_coord o) {
    const struct rate_model *m = e->m;
    const struct lattice *lat = e->x->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(lat, o);
    struct event_channel ch = {0};
    ch.site = lattice_site(lat, o);
    uint8_t byte = e->x->occupancy[ch.site];
    ch.dir = (uint8_t)rate_model_partner(byte);
    struct lattice_coord p = lattice_step(lat, o, st->oxygen[ch.dir]);
    int64_t site_p = lattice_site(lat, p);
    int state = rate_model_state(byte), other = rate_model_state(e->x->occupancy[site_p]);
    if (state == ANION_PEROXO && other == ANION_PEROXO) {
        int64_t split = -energy_join(m, e->x, o, ch.dir);
        if (events_owns_pair(&st->oxygen[ch.dir])) {
            ch.kind = EVENT_SPLIT;
            ch.target = site_p;
            ch.energy = split;
            int64_t kra = m->peroxo_formation[events_contact(o, st->oxygen[ch.dir])];
            struct event_range range = events_range(&e->limits, EVENT_SPLIT, kra);
            if (!events_is_idle(&range, split))
                events_add_oxygen(e, l, &ch, split, kra);
        }
        struct event_range range = events_range(&e->limits, EVENT_CLEAVE, m->peroxo_reduction);
        ch.kind = EVENT_CLEAVE; /* o stays a hole, p takes the electron */
        events_exchange(e, l, &ch, p, -1, split + events_cut_off(m, e->x, p, st->reverse[ch.dir]),
                        m->peroxo_reduction, &range);
    }
    if (state == ANION_MOLECULAR && other == ANION_MOLECULAR) {
        if (m->with_transport)
            events_move(e, l, &ch, o, p);
        if (m->with_loss && events_owns_pair(&st->oxygen[ch.dir]))
            events_lose(e, l, &ch, o, p);
    }
    int gain = state == ANION_PEROXO ? +1 : -1;
    if (gain > 0 && !m->with_molecular)
        return;
    int64_t kra = events_molecular_kra(m, e->x, o, ch.dir);
    ch.kind = gain > 0 ? EVENT_OXIDISE : EVENT_REDUCE;
    struct event_range range = events_range(&e->limits, ch.kind, kra);
    events_exchange(e, l, &ch, o, gain, tokens_energy(m, e->x, o, byte, gain), kra, &range);
}

/* ---- public ---- */

/* May a site that holds this byte own channels? */
KMC_HD int events_owns(const struct rate_model *m, int oxygen, uint8_t byte) {
    int state = rate_model_state(byte);
    if (!oxygen && (byte == CATION_LI || (byte == m->proton && byte != CATION_VACANCY)))
        return m->with_exchange || (byte == CATION_LI && m->with_lithium);
    if (!oxygen)
        return m->with_hops && byte < MODEL_SPECIES && m->mobile[byte];
    if (state == ANION_VACANCY)
        return m->with_transport;
    return m->with_dimers &&
           (state == ANION_HOLE || state == ANION_PEROXO || state == ANION_MOLECULAR);
}

/* All channels that a site owns now; `search` and `all` of the list are set by the caller. */
KMC_HD_ONCE void events_of_site(const struct event_context *e, struct lattice_coord c,
                                struct event_list *l) {
    uint8_t byte = e->x->occupancy[lattice_site(e->x->lattice, c)];
    l->n = 0;
    l->total = 0;
    if (!events_owns(e->m, c.kind == SITE_O, byte))
        return;
    if (c.kind != SITE_O && e->m->with_exchange && (byte == CATION_LI || byte == e->m->proton))
        events_exchange_ion(e, l, c, byte);
    if (c.kind != SITE_O && byte == CATION_LI) {
        if (e->m->with_lithium)
            events_lithium(e, l, c);
    } else if (c.kind != SITE_O)
        events_hops(e, l, c, byte);
    else if (rate_model_state(byte) == ANION_VACANCY)
        events_vacancy(e, l, c);
    else if (rate_model_state(byte) == ANION_HOLE)
        events_hole(e, l, c);
    else
        events_bonded(e, l, c);
}

KMC_HD void events_apply_bond(const struct rate_model *m, struct configuration *x,
                              struct lattice_coord o, int dir, int join) {
    const struct lattice_stencil *st = lattice_stencil_of(x->lattice, o);
    struct lattice_coord p = lattice_step(x->lattice, o, st->oxygen[dir]);
    energy_apply_anion(m, x, o, join ? ANION_PEROXO : ANION_HOLE, join ? dir : 0);
    energy_apply_anion(m, x, p, join ? ANION_PEROXO : ANION_HOLE, join ? st->reverse[dir] : 0);
}

/* The other O of an oxygen event. */
KMC_HD struct lattice_coord events_other(const struct lattice *l, struct lattice_coord owner,
                                         const struct event_channel *ch) {
    return lattice_step(l, owner, lattice_stencil_of(l, owner)->oxygen[ch->dir]);
}

/* One end of the O2 of o, in direction `dir`, and the anion of q, another neighbour of o, change places. */
KMC_HD void events_apply_move(const struct rate_model *m, struct configuration *x,
                              struct lattice_coord o, int dir, int64_t q) {
    const struct lattice_stencil *st = lattice_stencil_of(x->lattice, o);
    int to = 0;
    while (lattice_neighbor(x->lattice, o, st->oxygen[to]) != q)
        to++;
    int left = rate_model_state(x->occupancy[q]);
    energy_apply_anion(m, x, lattice_step(x->lattice, o, st->oxygen[dir]), left, 0);
    energy_apply_anion(m, x, lattice_step(x->lattice, o, st->oxygen[to]), ANION_MOLECULAR,
                       st->reverse[to]);
    energy_apply_anion(m, x, o, ANION_MOLECULAR, to);
}

/* Carries an event out on the configuration. */
KMC_HD void events_apply(const struct rate_model *m, struct configuration *x,
                         const struct event_channel *ch) {
    const struct lattice *lat = x->lattice;
    struct lattice_coord c = lattice_coord_of(lat, ch->site);
    struct lattice_coord t = lattice_coord_of(lat, ch->target);
    int species;
    switch (ch->kind) {
    case EVENT_HOP:
    case EVENT_LITHIUM:
    case EVENT_PROTON:
        species = x->occupancy[ch->site];
        energy_apply_cation(m, x, c, species, -1);
        energy_apply_cation(m, x, t, species, +1);
        break;
    case EVENT_JOIN:
        events_apply_bond(m, x, c, ch->dir, 1);
        break;
    case EVENT_SPLIT:
        events_apply_bond(m, x, c, ch->dir, 0);
        break;
    case EVENT_CLEAVE:
        events_apply_bond(m, x, c, ch->dir, 0);
        tokens_apply(m, x, events_other(lat, c, ch), -1);
        tokens_apply(m, x, t, +1);
        break;
    case EVENT_COMBINE:
        tokens_apply(m, x, t, -1);
        tokens_apply(m, x, events_other(lat, c, ch), +1);
        events_apply_bond(m, x, c, ch->dir, 1);
        break;
    case EVENT_OXIDISE:
        tokens_apply(m, x, t, -1);
        tokens_apply(m, x, c, +1);
        break;
    case EVENT_REDUCE:
        tokens_apply(m, x, c, -1);
        tokens_apply(m, x, t, +1);
        break;
    case EVENT_MOVE:
        events_apply_move(m, x, c, ch->dir, ch->target);
        break;
    case EVENT_LOSE:
        energy_apply_anion(m, x, c, ANION_VACANCY, 0);
        energy_apply_anion(m, x, t, ANION_VACANCY, 0);
        break;
    case EVENT_EXCHANGE:
        energy_put_byte(x, c, x->occupancy[ch->site] == CATION_LI ? m->proton : CATION_LI);
        break;
    default: /* EVENT_VACANCY */
        energy_apply_anion(m, x, c, rate_model_state(x->occupancy[ch->target]), 0);
        energy_apply_anion(m, x, t, ANION_VACANCY, 0);
        break;
    }
}

#endif
