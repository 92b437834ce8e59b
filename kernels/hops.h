/* hops: the slow events of ions on cation sites, their energies and rates.
 *
 *   hop       TM ion or dopant: oct -> (tet) -> oct through shared faces, oct -> oct through a shared face, oct -> tet when the tet outlives the sub-slice
 *   lithium   Li+: oct -> tet, tet -> oct through a shared face, and oct -> oct past a vacant tet without a stay in it, in transport mode only
 *             (rate_model.with_lithium): else Li+ is in equilibrium
 *   exchange  Li+ in an oct that lacks an O: H+ of the electrolyte takes its place, and back
 *   proton    hop of H+: as a TM ion, but no Li and no O in the face matter
 * An ion owns its hops and its exchange.
 */
#ifndef KERNELS_HOPS_H
#define KERNELS_HOPS_H
#include "channels.h"

/* ---- TM ions, dopants and H+ ---- */

/* What the O in the face of a hop between a and b add to its barrier: a bonded one, and an O vacancy. */
KMC_HD_ONCE int64_t hops_face(const struct event_context *e, struct lattice_coord a,
                              struct lattice_coord b) {
    const struct lattice *lat = e->x->lattice;
    int na = lattice_stencil_of(lat, a)->n_vertex, nb = lattice_stencil_of(lat, b)->n_vertex;
    int bonded = 0, vacant = 0;
    KMC_ROLLED
    for (int v = 0; v < na; v++) {
        struct lattice_coord o = lattice_step(lat, a, lattice_stencil_of(lat, a)->vertex[v]);
        int state = rate_model_state(e->x->occupancy[lattice_site(lat, o)]);
        if (state != ANION_PEROXO && state != ANION_MOLECULAR && state != ANION_VACANCY)
            continue;
        KMC_ROLLED
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
KMC_HD_ONCE int64_t hops_gate(const struct event_context *e, int species, struct lattice_coord tet,
                              int64_t oct_site) {
    const struct rate_model *m = e->m;
    const struct lattice_stencil *st = lattice_stencil_of(e->x->lattice, tet);
    int li = 0;
    KMC_ROLLED
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

KMC_HD int64_t hops_kra(const struct event_context *e, int species, struct lattice_coord tet,
                        struct lattice_coord oct) {
    if (species == e->m->proton)
        return e->m->hop_barrier[species];
    int64_t kra = hops_gate(e, species, tet, lattice_site(e->x->lattice, oct));
    if (kra < 0)
        return kra;
    kra += hops_face(e, tet, oct);
    return kra > 0 ? kra : 0;
}

/* Hops out of a tet that holds (or would hold) the ion: rates to each face-sharing oct that is vacant or that the ion itself leaves. */
struct hop_exits {
    int n;
    double total;
    struct lattice_coord oct[4];
    int64_t energy[4]; /* of the ion in that oct */
    double rate[4];
};

KMC_HD_ONCE void hops_exits(const struct event_context *e, int species, struct lattice_coord tet,
                            int64_t tet_energy, const struct energy_absent *a,
                            struct hop_exits *out) {
    const struct lattice *lat = e->x->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(lat, tet);
    out->n = 0;
    out->total = 0;
    for (int v = 0; v < st->n_face; v++) {
        struct lattice_coord oct = lattice_step(lat, tet, st->face[v]);
        int64_t site = lattice_site(lat, oct);
        if (oct.kind != SITE_OCT || (e->x->occupancy[site] != CATION_VACANCY && site != a->site))
            continue;
        int64_t kra = hops_kra(e, species, tet, oct);
        if (kra < 0)
            continue;
        int k = out->n++;
        out->oct[k] = oct;
        out->energy[k] = energy_place(e->m, e->x, oct, species, a);
        out->rate[k] = channels_rate(e->m, out->energy[k] - tet_energy, kra);
        out->total += out->rate[k];
    }
}

/* What a hop of an ion counts as. */
KMC_HD uint8_t hops_kind(const struct rate_model *m, int species) {
    return species == m->proton ? EVENT_PROTON : EVENT_HOP;
}

/* Hops from oct c through one vacant tet: composite oct -> tet -> oct by the exact absorbing chain, or oct -> tet when it stays there. */
KMC_HD void hops_through(const struct event_context *e, struct event_list *l, int species,
                         struct lattice_coord c, int64_t energy_c, const struct energy_absent *a,
                         struct lattice_coord tet) {
    int64_t kra = hops_kra(e, species, tet, c);
    if (kra < 0)
        return;
    if (KMC_SABOTAGE == SABOTAGE_KRA)
        kra += 20000; /* the way back does not get it */
    int64_t energy_tet = energy_place(e->m, e->x, tet, species, a);
    double in = channels_rate(e->m, energy_tet - energy_c, kra);
    if (in < CHANNELS_RATE_FLOOR)
        return;
    struct hop_exits exits;
    hops_exits(e, species, tet, energy_tet, a, &exits);
    struct event_channel ch = {0};
    ch.kind = hops_kind(e->m, species);
    ch.site = lattice_site(e->x->lattice, c);
    if (exits.total * e->step_s <= e->m->tet_lifetime_steps) {
        ch.target = lattice_site(e->x->lattice, tet);
        ch.energy = energy_tet - energy_c;
        channels_add_slowed(e, l, &ch, in);
        return;
    }
    for (int k = 0; k < exits.n; k++) {
        ch.target = lattice_site(e->x->lattice, exits.oct[k]);
        ch.energy = exits.energy[k] - energy_c;
        if (ch.target != ch.site)
            channels_add_slowed(e, l, &ch, in * (exits.rate[k] / exits.total));
    }
}

KMC_HD void hops_direct(const struct event_context *e, struct event_list *l, int species,
                        struct lattice_coord c, int64_t energy_c, const struct energy_absent *a,
                        struct lattice_coord oct) {
    int64_t kra = e->m->hop_barrier[species];
    if (species != e->m->proton)
        kra += (int64_t)e->m->direct_hop_extra + hops_face(e, c, oct);
    struct event_channel ch = {0};
    ch.kind = hops_kind(e->m, species);
    ch.site = lattice_site(e->x->lattice, c);
    ch.target = lattice_site(e->x->lattice, oct);
    ch.energy = energy_place(e->m, e->x, oct, species, a) - energy_c;
    channels_add_slowed(e, l, &ch, channels_rate(e->m, ch.energy, kra > 0 ? kra : 0));
}

KMC_HD void hops_from_tet(const struct event_context *e, struct event_list *l,
                          struct lattice_coord c, int species, int64_t energy_c,
                          const struct energy_absent *a) {
    struct hop_exits exits;
    if (!channels_takes(l, 0))
        return;
    hops_exits(e, species, c, energy_c, a, &exits);
    struct event_channel ch = {0};
    ch.kind = hops_kind(e->m, species);
    ch.site = a->site;
    for (int k = 0; k < exits.n; k++) {
        ch.target = lattice_site(e->x->lattice, exits.oct[k]);
        ch.energy = exits.energy[k] - energy_c;
        channels_add_slowed(e, l, &ch, exits.rate[k]);
    }
}

/* Is a tet next to the oct c known to be out of reach of the hops of its ion, whose energy there is energy_c? */
KMC_HD int hops_is_out_of_reach(const struct event_context *e, struct lattice_coord c, int v,
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

KMC_HD void hops_of_ion(const struct event_context *e, struct event_list *l, struct lattice_coord c,
                        int species) {
    const struct lattice *lat = e->x->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(lat, c);
    int32_t energy_c = energy_of_ion(e->m, e->x, c, species);
    struct energy_absent a;
    energy_take_off(e->m, e->x, c, species, &a);
    if (c.kind != SITE_OCT) {
        hops_from_tet(e, l, c, species, energy_c, &a);
        return;
    }
    struct event_ways ways = channels_ways(l, 0, st->n_face);
    for (int v = ways.from; v < ways.past; v++) {
        struct lattice_coord d = lattice_step(lat, c, st->face[v]);
        if (e->x->occupancy[lattice_site(lat, d)] != CATION_VACANCY)
            continue;
        if (d.kind == SITE_OCT)
            hops_direct(e, l, species, c, energy_c, &a, d);
        else if (!hops_is_out_of_reach(e, c, v, species, energy_c))
            hops_through(e, l, species, c, energy_c, &a, d);
    }
}

/* ---- Li+ ---- */

/* What an ion in another oct of the tet adds to the KRA barrier of a Li+ that passes it. */
KMC_HD int32_t hops_pass_beside(const struct rate_model *m, uint8_t ion) {
    return m->group[ion] == GROUP_NONE ? 0 : m->pass_beside[ion];
}

/* KRA barrier of a Li+ that passes a vacant tet on its way from one oct to another, -1 when a pillar is in the way.  The energy of a Li+ that stays in
 * the tet has no part in it: what repels it on its way are the ions in the tet's other octs. */
KMC_HD_ONCE int64_t hops_pass(const struct event_context *e, struct lattice_coord tet, int64_t from,
                              int64_t to) {
    const struct rate_model *m = e->m;
    const struct lattice_stencil *st = lattice_stencil_of(e->x->lattice, tet);
    int64_t kra = m->pass;
    KMC_ROLLED
    for (int v = 0; v < st->n_face; v++) {
        int64_t s = lattice_neighbor(e->x->lattice, tet, st->face[v]);
        uint8_t ion = e->x->occupancy[s];
        if (st->face[v].kind == SITE_OCT && s != from && s != to)
            kra += hops_pass_beside(m, ion);
    }
    return kra > PASS_CLOSED / 2 ? -1 : kra > 0 ? kra : 0;
}

/* Energy of a Li+ that goes from c, which it leaves with energy `leave`, to the vacant site d; through a face they share or past a tet. */
KMC_HD int64_t hops_lithium_energy(const struct event_context *e, struct lattice_coord c,
                                   int32_t leave, struct lattice_coord d) {
    int face = c.kind != d.kind; /* all O of a tet exist, so the face has three of them */
    return (int64_t)leave + tokens_energy(e->m, e->x, d, CATION_VACANCY, +1) +
           tokens_cross(e->m, c.kind, d.kind, CATION_LI, CATION_VACANCY,
                        face ? 3 : tokens_shared(e->x, c, d), face);
}

/* Adds a hop, unless it is fast both ways: then it is a move (hops_lithium_fast). */
KMC_HD void hops_add_lithium(const struct event_context *e, struct event_list *l,
                             struct event_channel *ch, int64_t kra) {
    ch->slow_down = 1;
    ch->rate = e->m->lithium_share * channels_rate(e->m, ch->energy, kra);
    if (ch->rate >= CHANNELS_RATE_FLOOR &&
        !channels_is_fast(&e->limits, EVENT_LITHIUM, ch->energy, kra))
        channels_add(l, ch);
}

/* Hops of the Li+ in ch->site, an oct, past a vacant tet into its other octs; `leave` = energy of taking the Li+ out. */
KMC_HD_ONCE void hops_lithium_past(const struct event_context *e, struct event_list *l,
                                   struct event_channel *ch, struct lattice_coord c, int32_t leave,
                                   struct lattice_coord tet) {
    const struct lattice *lat = e->x->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(lat, tet);
    KMC_ROLLED
    for (int v = 0; v < st->n_face; v++) {
        struct lattice_coord d = lattice_step(lat, tet, st->face[v]);
        ch->target = lattice_site(lat, d);
        if (d.kind != SITE_OCT || e->x->occupancy[ch->target] != CATION_VACANCY)
            continue;
        int64_t kra = hops_pass(e, tet, ch->site, ch->target);
        if (kra < 0)
            continue;
        ch->energy = hops_lithium_energy(e, c, leave, d);
        hops_add_lithium(e, l, ch, kra);
    }
}

/* Hops of a Li+ between octs and tets and past tets. */
KMC_HD_ONCE void hops_lithium(const struct event_context *e, struct event_list *l,
                              struct lattice_coord c) {
    const struct lattice *lat = e->x->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(lat, c);
    int32_t leave = tokens_energy(e->m, e->x, c, CATION_LI, -1);
    struct event_channel ch = {0};
    ch.kind = EVENT_LITHIUM;
    ch.site = lattice_site(lat, c);
    struct event_ways ways = channels_ways(l, 0, st->n_face);
    for (int v = ways.from; v < ways.past; v++) {
        struct lattice_coord d = lattice_step(lat, c, st->face[v]);
        ch.target = lattice_site(lat, d);
        ch.dir = (uint8_t)v;
        if ((d.kind == SITE_OCT) == (c.kind == SITE_OCT) ||
            e->x->occupancy[ch.target] != CATION_VACANCY)
            continue;
        ch.energy = hops_lithium_energy(e, c, leave, d);
        hops_add_lithium(e, l, &ch, e->m->hop_barrier[CATION_LI]);
        if (c.kind == SITE_OCT)
            hops_lithium_past(e, l, &ch, c, leave, d);
    }
}

/* A hop of the Li+ in `from` to the vacant site `to`, past a vacant tet where both are octs.  When it is fast both ways, the lower of its two barriers, and
 * the hop filled in; else -1. */
KMC_HD_ONCE int64_t hops_lithium_fast(const struct event_context *e, struct lattice_coord from,
                                      struct lattice_coord to, struct lattice_coord tet,
                                      struct event_channel *ch) {
    const struct lattice *lat = e->x->lattice;
    ch->kind = EVENT_LITHIUM;
    ch->site = lattice_site(lat, from);
    ch->target = lattice_site(lat, to);
    int64_t kra = from.kind == to.kind ? hops_pass(e, tet, ch->site, ch->target)
                                       : e->m->hop_barrier[CATION_LI];
    if (kra < 0 || kra > e->limits.fast[EVENT_LITHIUM])
        return -1;
    ch->energy = hops_lithium_energy(e, from, tokens_energy(e->m, e->x, from, CATION_LI, -1), to);
    if (!channels_is_fast(&e->limits, EVENT_LITHIUM, ch->energy, kra))
        return -1;
    return channels_barrier(ch->energy < 0 ? ch->energy : -ch->energy, kra);
}

/* ---- Li+ against H+ ---- */

/* Li+ in an oct that lacks an O is in touch with the electrolyte: H+ takes its place, and back.  Charge, bond valence and faces stay. */
KMC_HD void hops_exchange(const struct event_context *e, struct event_list *l,
                          struct lattice_coord c, uint8_t byte) {
    const struct rate_model *m = e->m;
    if (!channels_takes(l, 0) || !tokens_is_edge(e->x, c))
        return;
    struct event_channel ch = {0};
    int cls = rate_model_site_class(c), to = byte == CATION_LI ? m->proton : CATION_LI;
    ch.kind = EVENT_EXCHANGE;
    ch.site = ch.target = lattice_site(e->x->lattice, c);
    ch.energy = m->cation[to][cls] - m->cation[byte][cls];
    channels_add_slowed(e, l, &ch,
                        m->surface_share * channels_rate(m, ch.energy, m->exchange_barrier));
}

#endif
