/* oxygen: the slow events of holes, dimers, O2 and O vacancies, their energies and rates.
 *
 *   join      two neighbouring holes -> peroxo dimer                      split     the reverse
 *   cleave    peroxo dimer + e- -> O2- + hole                              combine   the reverse
 *   oxidise   a bonded O gives up an electron: peroxo -> superoxo -> O2   reduce    the reverse
 *   move      one end of O2 goes to another neighbour of the other end, into an O vacancy or in exchange for O2-
 *   lose      O2 at the surface leaves the crystal; two O vacancies stay behind
 *   vacancy   an O vacancy changes places with a neighbouring O2- or hole
 * The electron of cleave, combine, oxidise and reduce is exchanged with an oct that shares the O: a TM ion there changes valence, or a Li+ there enters or
 * leaves together with an electron of the electrode.  Electrons move one at a time; two-electron steps are two events in a row.
 *
 * Owners: the O that is or stays a hole owns combines and cleaves; a bonded O owns its oxidise and reduce, and the moves of its partner; an O vacancy owns
 * its hops; joins, splits and losses belong to one O of the pair (oxygen_owns_pair).  So both directions of a pair of oxygen events have one owner: where
 * regions take turns, none waits for the other one's turn.
 */
#ifndef KERNELS_OXYGEN_H
#define KERNELS_OXYGEN_H
#include "channels.h"

/* Parts of the channels of a bonded O: split and cleaves, a move for each neighbour, the loss, oxidise or reduce.  Of a hole or an O vacancy: a part for each
 * neighbour. */
enum { PART_BREAK, PART_MOVE, PART_LOSE = PART_MOVE + 12, PART_OXIDISE };

/* 0 in plane, 1 across a Li gap, 2 across a TM slab. */
KMC_HD int oxygen_contact(struct lattice_coord o, struct lattice_offset d) {
    if (d.dplane == 0)
        return 0;
    int32_t gap = d.dplane > 0 ? o.plane : o.plane + 1; /* parity of the gap between the planes */
    return lattice_is_tm_gap(gap) ? 2 : 1;
}

/* Molecular O among the O neighbours, the one in direction `skip` left out. */
KMC_HD_ONCE int64_t oxygen_molecular_around(const struct configuration *x, struct lattice_coord o,
                                            int skip) {
    int n = lattice_stencil_of(x->lattice, o)->n_oxygen;
    int64_t molecular = 0;
    if (x->around[ANION_MOLECULAR])
        return x->around[ANION_MOLECULAR][lattice_oxygen_index(x->lattice, o)] -
               (rate_model_state(x->occupancy[lattice_oxygen(x->lattice, o, skip)]) ==
                ANION_MOLECULAR);
    KMC_ROLLED
    for (int v = 0; v < n; v++)
        if (v != skip)
            molecular +=
                rate_model_state(x->occupancy[lattice_oxygen(x->lattice, o, v)]) == ANION_MOLECULAR;
    return molecular;
}

/* KRA barrier of oxidise and reduce.  Wall rule: in proportion to the molecular O among the other O neighbours of both partners. */
KMC_HD_ONCE int64_t oxygen_molecular_kra(const struct rate_model *m, const struct configuration *x,
                                         struct lattice_coord o, int dir) {
    if (m->molecular_wall == 0)
        return m->molecular_formation;
    const struct lattice_stencil *so = lattice_stencil_of(x->lattice, o);
    struct lattice_coord p = lattice_step(x->lattice, o, so->oxygen[dir]);
    int others = so->n_oxygen + lattice_stencil_of(x->lattice, p)->n_oxygen - 2;
    int64_t molecular =
        oxygen_molecular_around(x, o, dir) + oxygen_molecular_around(x, p, so->reverse[dir]);
    return m->molecular_formation + m->molecular_wall * molecular / others;
}

/* Share of an O, a hole or O2-, in a bond to come. */
KMC_HD int32_t oxygen_share(const struct event_context *e, struct lattice_coord o, int state) {
    return energy_anion(e->m, e->x, o, state, ANION_PEROXO, -1);
}

/* Omega of an oct giving a token away (gain = -1) or taking one up (+1), FIELDS_NONE when it cannot. */
KMC_HD int32_t oxygen_token(const struct event_context *e, struct lattice_coord a, int gain) {
    uint8_t byte = e->x->occupancy[lattice_site(e->x->lattice, a)];
    if (gain < 0 ? !tokens_has(e->m, SITE_OCT, byte) : !tokens_has_room(e->m, SITE_OCT, byte))
        return FIELDS_NONE;
    if (tokens_class_at(e->m, e->x, a, byte) == TOKEN_NONE) /* no Li+ comes or goes here */
        return FIELDS_NONE;
    return tokens_energy(e->m, e->x, a, byte, gain) +
           (byte <= CATION_LI ? gain * e->electrode.voltage_ueV : 0);
}

/* The same of oct v of the O in a cell, from its field. */
KMC_HD int32_t oxygen_known_token(const struct event_context *e, struct lattice_coord o,
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

/* ---- holes ---- */

/* Adds an oxygen event that is not idle. */
KMC_HD void oxygen_add(const struct event_context *e, struct event_list *l, struct event_channel *c,
                       int64_t omega, int64_t kra) {
    c->rate = channels_rate(e->m, omega, kra);
    if (KMC_SABOTAGE == SABOTAGE_RATE && c->kind == EVENT_SPLIT)
        c->rate *= 1.03;
    c->slow_down = 1;
    channels_add(l, c);
}

/* Fills in what depends on the oct `target` of an exchange, and adds it. */
KMC_HD_ONCE void oxygen_add_exchange(const struct event_context *e, struct event_list *l,
                                     struct event_channel *c, int64_t target, int gain,
                                     int64_t omega, int64_t kra) {
    c->target = target;
    c->li_change = (int8_t)(e->x->occupancy[target] <= CATION_LI ? -gain : 0);
    c->energy = omega - (int64_t)c->li_change * e->electrode.voltage_ueV;
    oxygen_add(e, l, c, omega, kra);
}

/* Adds one channel per oct of `o` that can give (gain = +1) or take (gain = -1) a token; `energy_o` = energy of all that does not depend on the oct. */
KMC_HD void oxygen_exchange(const struct event_context *e, struct event_list *l,
                            struct event_channel *ch, struct lattice_coord o, int gain,
                            int64_t energy_o, int64_t kra, const struct event_range *range) {
    const struct lattice *lat = e->x->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(lat, o);
    const struct lattice_reach *r = lattice_reach_of(lat, o);
    int64_t cell = lattice_oxygen_index(lat, o);
    energy_o -= 2 * e->m->valence_unit * 12 * 2;
    for (int v = 0; v < st->n_oct; v++) {
        int32_t token = e->fields ? oxygen_known_token(e, o, cell + r->oct_cell[v], v, -gain)
                                  : oxygen_token(e, lattice_step(lat, o, st->oct[v]), -gain);
        if (!channels_is_idle(range, energy_o + token) && token != FIELDS_NONE)
            oxygen_add_exchange(e, l, ch, lattice_neighbor(lat, o, st->oct[v]), gain,
                                energy_o + token, kra);
    }
}

/* Is none of the combines with the O2- in a cell an event, of a bond whose energy beside the token's is given? */
KMC_HD int oxygen_combine_is_idle(const struct fields *f, const struct lattice_reach *r,
                                  int64_t cell, int64_t energy_o, const struct event_range *range) {
    const int32_t *give = f->give + cell;
    int idle = 1;
    for (int v = 0; v < 6; v++) /* FIELDS_NONE is too slow by itself */
        idle &= channels_is_idle(range, energy_o + give[r->oct_cell[v]]);
    return idle;
}

/* A pair of neighbours is owned by the O from which the other one lies up, or in the first half of the directions in plane. */
KMC_HD int oxygen_owns_pair(const struct lattice_offset *d) {
    return d->dplane != 0 ? d->dplane > 0 : d->dj != 0 ? d->dj > 0 : d->di > 0;
}

/* Join of a hole with the hole that is its neighbour v. */
KMC_HD void oxygen_join(const struct event_context *e, struct event_list *l,
                        struct event_channel *ch, struct lattice_coord o, int v, int64_t bond) {
    const struct lattice *lat = e->x->lattice;
    const struct lattice_offset *d = &lattice_stencil_of(lat, o)->oxygen[v];
    int64_t kra = e->m->peroxo_formation[oxygen_contact(o, *d)];
    struct event_range range = channels_range(&e->limits, EVENT_JOIN, kra);
    struct lattice_coord p = lattice_step(lat, o, *d);
    ch->kind = EVENT_JOIN;
    ch->target = lattice_site(lat, p);
    ch->li_change = 0;
    ch->energy = bond + (e->fields ? e->fields->share[lattice_oxygen_index(lat, p)]
                                   : oxygen_share(e, p, ANION_HOLE));
    if (!channels_is_idle(&range, ch->energy))
        oxygen_add(e, l, ch, ch->energy, kra);
}

KMC_HD void oxygen_hole(const struct event_context *e, struct event_list *l,
                        struct lattice_coord o) {
    const struct rate_model *m = e->m;
    const struct lattice *lat = e->x->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(lat, o);
    const struct lattice_reach *r = lattice_reach_of(lat, o);
    struct event_range range = channels_range(&e->limits, EVENT_COMBINE, m->peroxo_reduction);
    struct event_channel ch = {0};
    int64_t share = oxygen_share(e, o, ANION_HOLE), cell = lattice_oxygen_index(lat, o);
    int64_t with_oxide = share + energy_bond_constant(m, ANION_OXIDE);
    int64_t cross = 2 * m->valence_unit * 12 * 2;
    const struct lattice_reach *around[3] = {NULL, r, NULL}; /* of O one plane below, here, above */
    for (int up = -1; r && up <= 1; up += 2) {
        struct lattice_offset d = {(int8_t)up, 0, 0, SITE_O, 0};
        around[up + 1] = lattice_reach_of(lat, lattice_step(lat, o, d));
    }
    ch.site = lattice_site(lat, o);
    struct event_ways ways = channels_ways(l, 0, st->n_oxygen);
    for (int v = ways.from; v < ways.past; v++) {
        int64_t site = r ? ch.site + r->oxygen[v] : lattice_oxygen(lat, o, v);
        int state = rate_model_state(e->x->occupancy[site]);
        ch.dir = (uint8_t)v;
        if (state == ANION_OXIDE) {
            int64_t bond = with_oxide, near = cell;
            if (e->fields) {
                near += r->oxygen_cell[v];
                bond += e->fields->share[near];
                if (oxygen_combine_is_idle(e->fields, around[st->oxygen[v].dplane + 1],
                                           e->fields->real[near], bond - cross, &range))
                    continue;
            }
            struct lattice_coord p = lattice_step(lat, o, st->oxygen[v]);
            bond += e->fields ? 0 : oxygen_share(e, p, ANION_OXIDE);
            ch.kind = EVENT_COMBINE;
            oxygen_exchange(e, l, &ch, p, +1, bond, m->peroxo_reduction, &range);
        } else if (state == ANION_HOLE && oxygen_owns_pair(&st->oxygen[v])) {
            oxygen_join(e, l, &ch, o, v, share + energy_bond_constant(m, ANION_HOLE));
        }
    }
}

/* Energy of o turning from a hole beside the hole p, its former partner in direction dir, into O2-. */
KMC_HD_ONCE int32_t oxygen_cut_off(const struct rate_model *m, const struct configuration *x,
                                   struct lattice_coord o, int dir) {
    return energy_anion(m, x, o, ANION_HOLE, ANION_OXIDE, dir) + m->pair[ANION_OXIDE][ANION_HOLE] -
           m->pair[ANION_HOLE][ANION_HOLE];
}

/* ---- O2 and O vacancies on the move ---- */

/* Moves of p, the other end of the O2 of o: to another neighbour of o. */
KMC_HD_ONCE void oxygen_move(const struct event_context *e, struct event_list *l,
                             struct event_channel *ch, struct lattice_coord o,
                             struct lattice_coord p) {
    const struct lattice *lat = e->x->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(lat, o);
    ch->kind = EVENT_MOVE;
    ch->li_change = 0;
    struct event_ways ways = channels_ways(l, PART_MOVE, st->n_oxygen);
    for (int v = ways.from; v < ways.past; v++) {
        struct lattice_coord q = lattice_step(lat, o, st->oxygen[v]);
        ch->target = lattice_site(lat, q);
        int state = rate_model_state(e->x->occupancy[ch->target]);
        if (state != ANION_OXIDE && state != ANION_VACANCY)
            continue;
        ch->energy = energy_exchange(e->m, e->x, p, q);
        channels_add_slowed(
            e, l, ch, channels_rate(e->m, ch->energy, e->m->molecular_move[state == ANION_OXIDE]));
    }
}

/* Is one of the O neighbours outside the crystal? */
KMC_HD_ONCE int oxygen_at_surface(const struct configuration *x, struct lattice_coord o) {
    const struct lattice_stencil *st = lattice_stencil_of(x->lattice, o);
    int outside = 0;
    KMC_ROLLED
    for (int v = 0; v < st->n_oxygen; v++)
        outside |=
            rate_model_state(x->occupancy[lattice_oxygen(x->lattice, o, v)]) == ANION_OUTSIDE;
    return outside;
}

/* Loss of the O2 of o and p.  Its energy is measured against O2 in a void without neighbours. */
KMC_HD_ONCE void oxygen_lose(const struct event_context *e, struct event_list *l,
                             struct event_channel *ch, struct lattice_coord o,
                             struct lattice_coord p) {
    const struct rate_model *m = e->m;
    if (!oxygen_at_surface(e->x, o) && !oxygen_at_surface(e->x, p))
        return;
    int32_t molecule = energy_of_molecule(m, e->x, o, p);
    int32_t alone = 2 * m->anion[ANION_MOLECULAR][0] + m->bond[BOND_MOLECULAR];
    ch->kind = EVENT_LOSE;
    ch->target = lattice_site(e->x->lattice, p);
    ch->li_change = 0;
    ch->slow_down = 1;
    ch->energy = -(int64_t)molecule;
    ch->rate =
        m->surface_share * channels_rate(m, alone + m->molecular_gas - molecule, m->molecular_loss);
    if (ch->rate >= CHANNELS_RATE_FLOOR)
        channels_add(l, ch);
}

/* Hops of the O vacancy v: neighbouring O2- and holes that come in. */
KMC_HD_ONCE void oxygen_vacancy(const struct event_context *e, struct event_list *l,
                                struct lattice_coord v) {
    const struct lattice *lat = e->x->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(lat, v);
    struct event_channel ch = {0};
    ch.kind = EVENT_VACANCY;
    ch.site = lattice_site(lat, v);
    struct event_ways ways = channels_ways(l, 0, st->n_oxygen);
    for (int k = ways.from; k < ways.past; k++) {
        struct lattice_coord o = lattice_step(lat, v, st->oxygen[k]);
        ch.dir = (uint8_t)k;
        ch.target = lattice_site(lat, o);
        int state = rate_model_state(e->x->occupancy[ch.target]);
        if (state != ANION_OXIDE && state != ANION_HOLE)
            continue;
        ch.energy = energy_exchange(e->m, e->x, o, v);
        channels_add_slowed(e, l, &ch, channels_rate(e->m, ch.energy, e->m->vacancy_hop));
    }
}

/* ---- oxygen in bonds ---- */

KMC_HD void oxygen_bonded(const struct event_context *e, struct event_list *l,
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
    if (channels_takes(l, PART_BREAK) && state == ANION_PEROXO && other == ANION_PEROXO) {
        int64_t split = -energy_join(m, e->x, o, ch.dir);
        if (oxygen_owns_pair(&st->oxygen[ch.dir])) {
            ch.kind = EVENT_SPLIT;
            ch.target = site_p;
            ch.energy = split;
            int64_t kra = m->peroxo_formation[oxygen_contact(o, st->oxygen[ch.dir])];
            struct event_range range = channels_range(&e->limits, EVENT_SPLIT, kra);
            if (!channels_is_idle(&range, split))
                oxygen_add(e, l, &ch, split, kra);
        }
        struct event_range range = channels_range(&e->limits, EVENT_CLEAVE, m->peroxo_reduction);
        ch.kind = EVENT_CLEAVE; /* o stays a hole, p takes the electron */
        oxygen_exchange(e, l, &ch, p, -1, split + oxygen_cut_off(m, e->x, p, st->reverse[ch.dir]),
                        m->peroxo_reduction, &range);
    }
    if (state == ANION_MOLECULAR && other == ANION_MOLECULAR) {
        if (m->with_transport)
            oxygen_move(e, l, &ch, o, p);
        if (m->with_loss && channels_takes(l, PART_LOSE) && oxygen_owns_pair(&st->oxygen[ch.dir]))
            oxygen_lose(e, l, &ch, o, p);
    }
    int gain = state == ANION_PEROXO ? +1 : -1;
    if (!channels_takes(l, PART_OXIDISE) || (gain > 0 && !m->with_molecular))
        return;
    int64_t kra = oxygen_molecular_kra(m, e->x, o, ch.dir);
    ch.kind = gain > 0 ? EVENT_OXIDISE : EVENT_REDUCE;
    struct event_range range = channels_range(&e->limits, ch.kind, kra);
    oxygen_exchange(e, l, &ch, o, gain, tokens_energy(m, e->x, o, byte, gain), kra, &range);
}

/* ---- carried out on the configuration ---- */

KMC_HD_ONCE void oxygen_apply_bond(const struct rate_model *m, struct configuration *x,
                                   struct lattice_coord o, int dir, int join) {
    const struct lattice_stencil *st = lattice_stencil_of(x->lattice, o);
    struct lattice_coord p = lattice_step(x->lattice, o, st->oxygen[dir]);
    energy_apply_anion(m, x, o, join ? ANION_PEROXO : ANION_HOLE, join ? dir : 0);
    energy_apply_anion(m, x, p, join ? ANION_PEROXO : ANION_HOLE, join ? st->reverse[dir] : 0);
}

/* The other O of an oxygen event. */
KMC_HD struct lattice_coord oxygen_other(const struct lattice *l, struct lattice_coord owner,
                                         const struct event_channel *ch) {
    return lattice_step(l, owner, lattice_stencil_of(l, owner)->oxygen[ch->dir]);
}

/* One end of the O2 of o, in direction `dir`, and the anion of q, another neighbour of o, change places. */
KMC_HD void oxygen_apply_move(const struct rate_model *m, struct configuration *x,
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

#endif
