/* events: the slow events a site owns, and what they do to the configuration.
 *
 *   channels.h   kinds, barriers, rates, limits, lists
 *   hops.h       what ions own: hops of TM ions, dopants, Li+ and H+, exchange of Li+ and H+ with the electrolyte
 *   oxygen.h     what O own: dimers, O2, its moves and loss, O vacancies
 * Enumerating writes nothing to the configuration, only events_apply does; so owners may be read side by side.
 */
#ifndef KERNELS_EVENTS_H
#define KERNELS_EVENTS_H
#include "hops.h"
#include "oxygen.h"

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

/* All channels that a site owns now, or those of one part; what is asked of the list is set by the caller. */
KMC_HD_ONCE void events_of_site(const struct event_context *e, struct lattice_coord c,
                                struct event_list *l) {
    uint8_t byte = e->x->occupancy[lattice_site(e->x->lattice, c)];
    l->n = 0;
    l->total = 0;
    if (!events_owns(e->m, c.kind == SITE_O, byte))
        return;
    if (c.kind != SITE_O && e->m->with_exchange && (byte == CATION_LI || byte == e->m->proton))
        hops_exchange(e, l, c, byte);
    if (c.kind != SITE_O && byte == CATION_LI) {
        if (e->m->with_lithium)
            hops_lithium(e, l, c);
    } else if (c.kind != SITE_O)
        hops_of_ion(e, l, c, byte);
    else if (rate_model_state(byte) == ANION_VACANCY)
        oxygen_vacancy(e, l, c);
    else if (rate_model_state(byte) == ANION_HOLE)
        oxygen_hole(e, l, c);
    else
        oxygen_bonded(e, l, c);
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
        oxygen_apply_bond(m, x, c, ch->dir, 1);
        break;
    case EVENT_SPLIT:
        oxygen_apply_bond(m, x, c, ch->dir, 0);
        break;
    case EVENT_CLEAVE:
        oxygen_apply_bond(m, x, c, ch->dir, 0);
        tokens_apply(m, x, oxygen_other(lat, c, ch), -1);
        tokens_apply(m, x, t, +1);
        break;
    case EVENT_COMBINE:
        tokens_apply(m, x, t, -1);
        tokens_apply(m, x, oxygen_other(lat, c, ch), +1);
        oxygen_apply_bond(m, x, c, ch->dir, 1);
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
        oxygen_apply_move(m, x, c, ch->dir, ch->target);
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
