/* events: the slow events a site owns, their energies and rates.
 *
 *   rate = nu exp(-E_a/kT),  E_a = max(0, dE, E_KRA + dE/2)      so forward/backward = exp(-dE/kT) as long as E_KRA reads the same from both ends
 * (the two sites of the event are left out of every environment that sets E_KRA).
 *
 *   hop       TM ion: oct -> (tet) -> oct through shared faces, oct -> oct through a shared face, oct -> tet when the tet outlives the sub-slice
 *   join      two neighbouring holes -> peroxo dimer                      split     the reverse
 *   cleave    peroxo dimer + e- -> O2- + hole                              combine   the reverse
 *   oxidise   a bonded O gives up an electron: peroxo -> superoxo -> O2   reduce    the reverse
 * The electron of the last four is exchanged with an oct that shares the O: a TM ion there changes valence, or a Li+ there enters or leaves together
 * with an electron of the electrode.  Electrons move one at a time; two-electron steps are two events in a row.
 *
 * Owners: an ion owns its hops; a hole owns its joins (the lower site id of the two) and combines; a bonded O owns its cleave, oxidise, reduce and,
 * for the lower site id, the split.
 */
#ifndef KERNELS_EVENTS_H
#define KERNELS_EVENTS_H
#include "tokens.h"

enum event_kind {
    EVENT_HOP,
    EVENT_JOIN,
    EVENT_SPLIT,
    EVENT_CLEAVE,
    EVENT_COMBINE,
    EVENT_OXIDISE,
    EVENT_REDUCE,
    EVENT_KINDS
};

enum { EVENT_CHANNELS_MAX = 192 };

/* Ways in which one O can take part in an event of a kind: the slow-down of fast pairs counts the firings of all of them together. */
enum { EVENT_WAYS_BOND = 12, EVENT_WAYS_CLEAVE = 12 * 6, EVENT_WAYS_EXCHANGE = 2 * 6 };

/* Rates below this, 1/s, are taken as zero: less than one firing in 300 years a channel. */
#define EVENTS_RATE_FLOOR 1e-10

struct event_channel {
    double rate;      /* 1/s, slow-down factor included */
    double slow_down; /* factor <= 1 applied to both directions */
    int64_t energy;   /* change of the crystal's energy, ueV */
    int64_t site;     /* owner */
    int64_t
        target; /* hop: new site; others: the oct that gives or takes the token, or the other O of join and split */
    uint8_t kind,
        dir; /* enum event_kind; direction of the other O (index among the O neighbours) */
    int8_t li_change;
};

struct event_list {
    int n;
    double total;
    struct event_channel channel[EVENT_CHANNELS_MAX];
};

/* What `advance` needs beside the model: the electrode, the length of the sub-slice and that of the whole slice. */
struct event_context {
    const struct rate_model *m;
    struct configuration *x;
    struct electrode electrode;
    int64_t n_li;
    double step_s, slice_s;
    int32_t *
        release; /* [n_sites] tokens_energy(oct, -1) remembered, EVENTS_UNKNOWN where not; NULL = never remember. Owner: the engine */
};
enum { EVENTS_UNKNOWN = INT32_MIN };

/* Barrier in ueV; the floor of dE/2 keeps forward - backward = dE exactly. */
KMC_HD int64_t events_barrier(int64_t d_energy, int64_t kra) {
    int64_t half = d_energy >= 0 ? d_energy / 2 : -((1 - d_energy) / 2);
    int64_t e = kra + half;
    e = e > d_energy ? e : d_energy;
    return e > 0 ? e : 0;
}

KMC_HD double events_rate(const struct rate_model *m, int64_t d_energy, int64_t kra) {
    return m->attempt_frequency * tables_boltzmann(&m->boltzmann, events_barrier(d_energy, kra));
}

/* Common factor of both directions: 1, or less when even the slower one fires more than stiff_firings / ways times a slice. */
KMC_HD double events_slow_down(const struct event_context *e, double rate, int64_t d_energy,
                               int ways) {
    double slower = d_energy >= 0 ? rate : rate * tables_boltzmann(&e->m->boltzmann, -d_energy);
    double firings = slower * e->slice_s * ways;
    return e->m->stiff_firings > 0 && firings > e->m->stiff_firings ? e->m->stiff_firings / firings
                                                                    : 1.0;
}

/* d_energy = change of the crystal's energy, omega = the same plus the electrode's share. */
KMC_HD void events_add(const struct event_context *e, struct event_list *l, struct event_channel c,
                       int64_t omega, double rate, int ways) {
    if (KMC_SABOTAGE == SABOTAGE_RATE && c.kind == EVENT_SPLIT)
        rate *= 1.03;
    if (rate < EVENTS_RATE_FLOOR || l->n >= EVENT_CHANNELS_MAX)
        return;
    c.slow_down = events_slow_down(e, rate, omega, ways);
    c.rate = rate * c.slow_down;
    l->channel[l->n++] = c;
    l->total += c.rate;
}

/* ---- hops ---- */

KMC_HD int events_shares_bonded_oxygen(const struct event_context *e, struct lattice_coord a,
                                       struct lattice_coord b) {
    const struct lattice *lat = &e->m->lattice;
    const struct lattice_stencil *sa = lattice_stencil_of(lat, a), *sb = lattice_stencil_of(lat, b);
    for (int v = 0; v < sa->n_vertex; v++) {
        int64_t o = lattice_neighbor(lat, a, sa->vertex[v]);
        int state = rate_model_state(e->x->occupancy[o]);
        if (state != ANION_PEROXO && state != ANION_MOLECULAR)
            continue;
        for (int w = 0; w < sb->n_vertex; w++)
            if (lattice_neighbor(lat, b, sb->vertex[w]) == o)
                return 1;
    }
    return 0;
}

/* KRA barrier of a hop between a tet and one of its face-sharing octs, -1 when the gate is closed.  Li+ and pillars in the tet's other octs count. */
KMC_HD int64_t events_gate(const struct event_context *e, int species, struct lattice_coord tet,
                           int64_t oct_site) {
    const struct rate_model *m = e->m;
    const struct lattice_stencil *st = lattice_stencil_of(&m->lattice, tet);
    int li = 0;
    for (int v = 0; v < st->n_face; v++) {
        int64_t s = lattice_neighbor(&m->lattice, tet, st->face[v]);
        uint8_t ion = e->x->occupancy[s];
        if (st->face[v].kind != SITE_OCT || s == oct_site || ion == SITE_OUTSIDE ||
            m->group[ion] != GROUP_LI)
            continue;
        if (ion != CATION_LI)
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
    int64_t kra = events_gate(e, species, tet, lattice_site(&e->m->lattice, oct));
    if (kra < 0)
        return kra;
    kra += events_shares_bonded_oxygen(e, tet, oct) ? e->m->peroxo_face : 0;
    return kra > 0 ? kra : 0;
}

/* Hops out of a tet that holds (or would hold) the ion, which is taken off the lattice here: rates to each vacant face-sharing oct. */
struct event_exits {
    int n;
    double total;
    struct lattice_coord oct[4];
    int64_t energy[4]; /* of the ion in that oct */
    double rate[4];
};

KMC_HD void events_exits(const struct event_context *e, int species, struct lattice_coord tet,
                         int64_t tet_energy, struct event_exits *out) {
    const struct lattice *lat = &e->m->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(lat, tet);
    out->n = 0;
    out->total = 0;
    for (int v = 0; v < st->n_face; v++) {
        struct lattice_coord oct = lattice_step(lat, tet, st->face[v]);
        if (oct.kind != SITE_OCT || e->x->occupancy[lattice_site(lat, oct)] != CATION_VACANCY)
            continue;
        int64_t kra = events_hop_kra(e, species, tet, oct);
        if (kra < 0)
            continue;
        int k = out->n++;
        out->oct[k] = oct;
        out->energy[k] = energy_place(e->m, e->x, oct, species);
        out->rate[k] = events_rate(e->m, out->energy[k] - tet_energy, kra);
        out->total += out->rate[k];
    }
}

/* Hops from oct c through one vacant tet: composite oct -> tet -> oct by the exact absorbing chain, or oct -> tet when it stays there. */
KMC_HD void events_hop_through(const struct event_context *e, struct event_list *l, int species,
                               struct lattice_coord c, int64_t energy_c, struct lattice_coord tet) {
    int64_t kra = events_hop_kra(e, species, tet, c);
    if (kra < 0)
        return;
    if (KMC_SABOTAGE == SABOTAGE_KRA)
        kra += 20000; /* the way back does not get it */
    int64_t energy_tet = energy_place(e->m, e->x, tet, species);
    double in = events_rate(e->m, energy_tet - energy_c, kra);
    if (in < EVENTS_RATE_FLOOR)
        return;
    struct event_exits exits;
    events_exits(e, species, tet, energy_tet, &exits);
    struct event_channel ch = {0};
    ch.kind = EVENT_HOP;
    ch.site = lattice_site(&e->m->lattice, c);
    if (exits.total * e->step_s <= e->m->tet_lifetime_steps) {
        ch.target = lattice_site(&e->m->lattice, tet);
        ch.energy = energy_tet - energy_c;
        events_add(e, l, ch, ch.energy, in, 1);
        return;
    }
    for (int k = 0; k < exits.n; k++) {
        ch.target = lattice_site(&e->m->lattice, exits.oct[k]);
        ch.energy = exits.energy[k] - energy_c;
        if (ch.target != ch.site)
            events_add(e, l, ch, ch.energy, in * (exits.rate[k] / exits.total), 1);
    }
}

KMC_HD void events_hop_direct(const struct event_context *e, struct event_list *l, int species,
                              struct lattice_coord c, int64_t energy_c, struct lattice_coord oct) {
    int64_t kra = (int64_t)e->m->hop_barrier[species] + e->m->direct_hop_extra +
                  (events_shares_bonded_oxygen(e, c, oct) ? e->m->peroxo_face : 0);
    struct event_channel ch = {0};
    ch.kind = EVENT_HOP;
    ch.site = lattice_site(&e->m->lattice, c);
    ch.target = lattice_site(&e->m->lattice, oct);
    ch.energy = energy_place(e->m, e->x, oct, species) - energy_c;
    events_add(e, l, ch, ch.energy, events_rate(e->m, ch.energy, kra > 0 ? kra : 0), 1);
}

KMC_HD void events_hops(const struct event_context *e, struct event_list *l, struct lattice_coord c,
                        int species) {
    const struct lattice *lat = &e->m->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(lat, c);
    energy_apply_cation(e->m, e->x, c, species, -1);
    int64_t energy_c = energy_place(e->m, e->x, c, species);
    if (c.kind != SITE_OCT) {
        struct event_exits exits;
        events_exits(e, species, c, energy_c, &exits);
        struct event_channel ch = {0};
        ch.kind = EVENT_HOP;
        ch.site = lattice_site(lat, c);
        for (int k = 0; k < exits.n; k++) {
            ch.target = lattice_site(lat, exits.oct[k]);
            ch.energy = exits.energy[k] - energy_c;
            events_add(e, l, ch, ch.energy, exits.rate[k], 1);
        }
    } else {
        for (int v = 0; v < st->n_face; v++) {
            struct lattice_coord d = lattice_step(lat, c, st->face[v]);
            if (e->x->occupancy[lattice_site(lat, d)] != CATION_VACANCY)
                continue;
            if (d.kind == SITE_OCT)
                events_hop_direct(e, l, species, c, energy_c, d);
            else
                events_hop_through(e, l, species, c, energy_c, d);
        }
    }
    energy_apply_cation(e->m, e->x, c, species, +1);
}

/* ---- oxygen ---- */

/* 0 in plane, 1 across a Li gap, 2 across a TM slab. */
KMC_HD int events_contact(struct lattice_coord o, struct lattice_offset d) {
    if (d.dplane == 0)
        return 0;
    int32_t gap = d.dplane > 0 ? o.plane : o.plane + 1; /* parity of the gap between the planes */
    return lattice_is_tm_gap(gap) ? 2 : 1;
}

/* Wall rule: barrier in proportion to the molecular O among the other O neighbours of both partners. */
KMC_HD int64_t events_wall(const struct event_context *e, struct lattice_coord o, int dir) {
    const struct lattice *lat = &e->m->lattice;
    if (e->m->molecular_wall == 0)
        return 0;
    const struct lattice_stencil *so = lattice_stencil_of(lat, o);
    struct lattice_coord p = lattice_step(lat, o, so->oxygen[dir]);
    const struct lattice_stencil *sp = lattice_stencil_of(lat, p);
    int64_t molecular = 0;
    for (int v = 0; v < so->n_oxygen; v++)
        if (v != dir)
            molecular +=
                rate_model_state(e->x->occupancy[lattice_neighbor(lat, o, so->oxygen[v])]) ==
                ANION_MOLECULAR;
    for (int v = 0; v < sp->n_oxygen; v++)
        if (v != so->reverse[dir])
            molecular +=
                rate_model_state(e->x->occupancy[lattice_neighbor(lat, p, sp->oxygen[v])]) ==
                ANION_MOLECULAR;
    return e->m->molecular_wall * molecular / (so->n_oxygen + sp->n_oxygen - 2);
}

/* Energy of a token leaving an oct, remembered between events because many O share the oct. */
KMC_HD int32_t events_release(const struct event_context *e, struct lattice_coord a, int64_t site,
                              uint8_t byte) {
    if (!e->release)
        return tokens_energy(e->m, e->x, a, byte, -1);
    if (e->release[site] == EVENTS_UNKNOWN)
        e->release[site] = tokens_energy(e->m, e->x, a, byte, -1);
    return e->release[site];
}

/* Adds one channel per oct of `o` that can give (gain = +1) or take (gain = -1) a token; `base` = energy of the part that does not depend on the oct. */
KMC_HD void events_exchange(const struct event_context *e, struct event_list *l,
                            struct event_channel ch, struct lattice_coord o, uint8_t byte_o,
                            int gain, int64_t base, int64_t kra, int ways) {
    const struct rate_model *m = e->m;
    const struct lattice *lat = &m->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(lat, o);
    int64_t energy_o = tokens_energy(m, e->x, o, byte_o, gain);
    for (int v = 0; v < st->n_oct; v++) {
        struct lattice_coord a = lattice_step(lat, o, st->oct[v]);
        int64_t site = lattice_site(lat, a);
        uint8_t byte_a = e->x->occupancy[site];
        if (gain > 0 ? !tokens_has(m, SITE_OCT, byte_a) : !tokens_has_room(m, SITE_OCT, byte_a))
            continue;
        ch.target = site;
        int32_t energy_a =
            gain > 0 ? events_release(e, a, site, byte_a) : tokens_energy(m, e->x, a, byte_a, +1);
        ch.energy = base + energy_o + energy_a - 2 * m->valence_unit * 12 * 2;
        ch.li_change = (int8_t)(byte_a <= CATION_LI ? -gain : 0);
        int64_t omega = ch.energy + tokens_electrode(&e->electrode, e->n_li, ch.li_change);
        events_add(e, l, ch, omega, events_rate(m, omega, kra), ways);
    }
}

KMC_HD void events_hole(const struct event_context *e, struct event_list *l,
                        struct lattice_coord o) {
    const struct rate_model *m = e->m;
    const struct lattice *lat = &m->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(lat, o);
    struct event_channel ch = {0};
    ch.site = lattice_site(lat, o);
    for (int v = 0; v < st->n_oxygen; v++) {
        struct lattice_coord p = lattice_step(lat, o, st->oxygen[v]);
        int64_t site = lattice_site(lat, p);
        uint8_t byte = e->x->occupancy[site];
        int state = rate_model_state(byte);
        if (state != ANION_OXIDE && (state != ANION_HOLE || site < ch.site))
            continue;
        ch.dir = (uint8_t)v;
        int64_t join = energy_join(m, e->x, o, v);
        if (state == ANION_OXIDE) {
            /* p turns into a hole beside o first: tokens_energy counts pair(hole, hole), energy_join takes it back */
            ch.kind = EVENT_COMBINE;
            events_exchange(e, l, ch, p, byte, +1, join, m->peroxo_reduction, EVENT_WAYS_CLEAVE);
            continue;
        }
        ch.kind = EVENT_JOIN;
        ch.target = site;
        ch.energy = join;
        ch.li_change = 0;
        events_add(e, l, ch, join,
                   events_rate(m, join, m->peroxo_formation[events_contact(o, st->oxygen[v])]),
                   EVENT_WAYS_BOND);
    }
}

/* Energy of a token leaving a bonded O for good: the bond is cut, the O is a hole for an instant and becomes O2-. */
KMC_HD void events_cleave(const struct event_context *e, struct event_list *l,
                          struct event_channel ch, struct lattice_coord o, struct lattice_coord p,
                          int64_t split) {
    const struct rate_model *m = e->m;
    int64_t site_p = lattice_site(&m->lattice, p);
    uint8_t byte_p = e->x->occupancy[site_p], byte_o = e->x->occupancy[ch.site];
    e->x->occupancy[site_p] = ANION_HOLE;
    e->x->occupancy[ch.site] = ANION_HOLE;
    ch.kind = EVENT_CLEAVE;
    events_exchange(e, l, ch, o, ANION_HOLE, -1, split, m->peroxo_reduction, EVENT_WAYS_CLEAVE);
    e->x->occupancy[site_p] = byte_p;
    e->x->occupancy[ch.site] = byte_o;
}

KMC_HD void events_bonded(const struct event_context *e, struct event_list *l,
                          struct lattice_coord o) {
    const struct rate_model *m = e->m;
    const struct lattice *lat = &m->lattice;
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
        if (ch.site < site_p) {
            ch.kind = EVENT_SPLIT;
            ch.target = site_p;
            ch.energy = split;
            events_add(
                e, l, ch, split,
                events_rate(m, split, m->peroxo_formation[events_contact(o, st->oxygen[ch.dir])]),
                EVENT_WAYS_BOND);
        }
        events_cleave(e, l, ch, o, p, split);
    }
    int gain = state == ANION_PEROXO ? +1 : -1;
    if (gain > 0 && !m->with_molecular)
        return;
    ch.kind = gain > 0 ? EVENT_OXIDISE : EVENT_REDUCE;
    events_exchange(e, l, ch, o, byte, gain, 0, m->molecular_formation + events_wall(e, o, ch.dir),
                    EVENT_WAYS_EXCHANGE);
}

/* ---- public ---- */

/* All channels that a site owns now. */
KMC_HD void events_of_site(const struct event_context *e, struct lattice_coord c,
                           struct event_list *l) {
    uint8_t byte = e->x->occupancy[lattice_site(&e->m->lattice, c)];
    l->n = 0;
    l->total = 0;
    if (c.kind != SITE_O) {
        if (e->m->with_hops && byte != SITE_OUTSIDE && e->m->mobile[byte])
            events_hops(e, l, c, byte);
        return;
    }
    if (!e->m->with_dimers)
        return;
    int state = rate_model_state(byte);
    if (state == ANION_HOLE)
        events_hole(e, l, c);
    else if (state == ANION_PEROXO || state == ANION_MOLECULAR)
        events_bonded(e, l, c);
}

KMC_HD void events_apply_bond(const struct rate_model *m, struct configuration *x,
                              struct lattice_coord o, int dir, int join) {
    const struct lattice_stencil *st = lattice_stencil_of(&m->lattice, o);
    struct lattice_coord p = lattice_step(&m->lattice, o, st->oxygen[dir]);
    energy_apply_anion(m, x, o, join ? ANION_PEROXO : ANION_HOLE, join ? dir : 0);
    energy_apply_anion(m, x, p, join ? ANION_PEROXO : ANION_HOLE, join ? st->reverse[dir] : 0);
}

/* Carries an event out on the configuration. */
KMC_HD void events_apply(const struct rate_model *m, struct configuration *x,
                         const struct event_channel *ch) {
    const struct lattice *lat = &m->lattice;
    struct lattice_coord c = lattice_coord_of(lat, ch->site);
    struct lattice_coord t = lattice_coord_of(lat, ch->target);
    int species;
    switch (ch->kind) {
    case EVENT_HOP:
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
        tokens_apply(m, x, c, -1);
        tokens_apply(m, x, t, +1);
        break;
    case EVENT_COMBINE:
        tokens_apply(m, x, t, -1);
        tokens_apply(m, x, lattice_step(lat, c, lattice_stencil_of(lat, c)->oxygen[ch->dir]), +1);
        events_apply_bond(m, x, c, ch->dir, 1);
        break;
    case EVENT_OXIDISE:
        tokens_apply(m, x, t, -1);
        tokens_apply(m, x, c, +1);
        break;
    default: /* EVENT_REDUCE */
        tokens_apply(m, x, c, -1);
        tokens_apply(m, x, t, +1);
        break;
    }
}

#endif
