#include "lithium_moves.h"
#include <stdlib.h>
#include <string.h>

/* Random numbers apart from those of bonds. */
#define LITHIUM_DRAWS ((uint64_t)1 << 62)

static struct lattice_offset compose(struct lattice_offset first, struct lattice_offset second) {
    second.di += first.di;
    second.dj += first.dj;
    second.dplane += first.dplane;
    return second;
}

/* Ways from the octs of a plane past tets. */
static int ways_of(const struct lattice *lat, int32_t plane, struct lithium_way *way) {
    struct lattice_coord c = {plane, SITE_OCT, 0, 0};
    const struct lattice_stencil *st = lattice_stencil_of(lat, c);
    int n = 0;
    for (int v = 0; v < st->n_face; v++) {
        if (st->face[v].kind == SITE_OCT)
            continue;
        struct lattice_coord tet = lattice_step(lat, c, st->face[v]);
        const struct lattice_stencil *of_tet = lattice_stencil_of(lat, tet);
        for (int w = 0; w < of_tet->n_face; w++) {
            struct lattice_offset end = compose(st->face[v], of_tet->face[w]);
            bool back = end.di == 0 && end.dj == 0 && end.dplane == 0 && end.kind == SITE_OCT;
            if (end.kind == SITE_OCT && !back)
                way[n++] = (struct lithium_way){st->face[v], end};
        }
    }
    return n;
}

bool lithium_moves_init(struct lithium_moves *l, const struct rate_model *m) {
    memset(l, 0, sizeof *l);
    l->m = m;
    if (!m->with_lithium || m->lithium_firings <= 0)
        return true;
    size_t planes = (size_t)m->lattice.n_planes;
    l->n_octs = lattice_n_oxygen(&m->lattice);
    l->vacant = malloc((size_t)l->n_octs * sizeof *l->vacant);
    l->place = malloc((size_t)l->n_octs * sizeof *l->place);
    l->way = malloc(planes * sizeof *l->way);
    l->n_ways = malloc(planes);
    if (!l->vacant || !l->place || !l->way || !l->n_ways)
        return false;
    for (int32_t p = 0; p < m->lattice.n_planes; p++) {
        l->n_ways[p] = (uint8_t)ways_of(&m->lattice, p, l->way[p]);
        l->most_ways = l->n_ways[p] > l->most_ways ? l->n_ways[p] : l->most_ways;
    }
    return true;
}

void lithium_moves_free(struct lithium_moves *l) {
    free(l->vacant);
    free(l->place);
    free(l->way);
    free(l->n_ways);
}

/* ---- which octs are vacant ---- */

/* Site of oct number n. */
static int64_t oct_site(const struct lattice *lat, int64_t n) {
    int64_t layer = (int64_t)lat->na * lat->nb;
    return (n / layer * SITE_KINDS + SITE_OCT) * layer + n % layer;
}

static void add(struct lithium_moves *l, struct lattice_coord c) {
    l->place[lattice_oxygen_index(&l->m->lattice, c)] = l->n_vacant;
    l->vacant[l->n_vacant++] = lattice_site(&l->m->lattice, c);
}

static void put(struct lithium_moves *l, int64_t place, int64_t site) {
    struct lattice_coord c = lattice_coord_of(&l->m->lattice, site);
    l->vacant[place] = site;
    l->place[lattice_oxygen_index(&l->m->lattice, c)] = place;
}

/* Takes over what has become of an oct. */
static void changed(struct lithium_moves *l, const struct configuration *x,
                    struct lattice_coord c) {
    uint8_t ion = x->occupancy[lattice_site(&l->m->lattice, c)];
    if (c.kind != SITE_OCT || ion > CATION_LI)
        return;
    if (ion == CATION_VACANCY)
        add(l, c);
    else
        put(l, l->place[lattice_oxygen_index(&l->m->lattice, c)], l->vacant[--l->n_vacant]);
}

void lithium_moves_begin(struct lithium_moves *l, struct configuration *x,
                         const struct event_limits *limits, double slice_s,
                         double share) {
    const struct lattice *lat = &l->m->lattice;
    l->context = (struct event_context){.m = l->m, .x = x, .limits = *limits};
    l->tries = l->m->lithium_tries_a_draw * share;
    double tries = l->m->lithium_tries / (slice_s * l->m->lithium_share);
    l->past = channels_barrier_of(l->m, tries);
    l->tet = channels_barrier_of(l->m, tries / LITHIUM_FACES);
    l->tried = 0;
    l->n_vacant = 0;
    for (int64_t oct = 0; oct < l->n_octs; oct++) {
        int64_t site = oct_site(lat, oct);
        if (x->occupancy[site] == CATION_VACANCY)
            add(l, lattice_coord_of(lat, site));
    }
}

void lithium_moves_changed(struct lithium_moves *l, const struct configuration *x,
                           const struct move *mv) {
    const struct move_bond *b = &mv->bond;
    if (b->a.kind != SITE_O)
        changed(l, x, b->a);
    if (b->b.kind != SITE_O)
        changed(l, x, b->b);
}

/* ---- moves ---- */

/* Metropolis' rule for the fast hop from one site to another. */
static bool hop(struct lithium_moves *l, struct state *s, struct lattice_coord from,
                struct lattice_coord to, struct lattice_coord tet, uint32_t word, uint64_t draw,
                struct engine_equilibrated *out) {
    struct event_channel ch = {0};
    int64_t barrier = hops_lithium_fast(&l->context, from, to, tet, &ch);
    if (barrier < 0)
        return false;
    int64_t excess = barrier - (from.kind == to.kind ? l->past : l->tet);
    int64_t uphill = ch.energy > 0 ? ch.energy : 0;
    out->evaluated++;
    if (!moves_accept(&l->m->boltzmann, uphill + (excess > 0 ? excess : 0), word, s->random,
                      s->step, draw))
        return false;
    events_apply(l->m, &s->x, &ch);
    s->energy_ueV += ch.energy;
    out->accepted++;
    return true;
}

static void try_past(struct lithium_moves *l, struct state *s, uint32_t random, uint32_t word,
                     uint64_t draw, struct engine_equilibrated *out) {
    const struct lattice *lat = &l->m->lattice;
    uint32_t pick = philox_below(random, l->most_ways * (uint32_t)l->n_vacant),
             k = pick % l->most_ways;
    int64_t place = pick / l->most_ways;
    struct lattice_coord to = lattice_coord_of(lat, l->vacant[place]);
    if (k >= l->n_ways[to.plane])
        return;
    struct lattice_coord from = lattice_step(lat, to, l->way[to.plane][k].end);
    int64_t site = lattice_site(lat, from);
    if (s->x.occupancy[site] != CATION_LI)
        return;
    struct lattice_coord tet = lattice_step(lat, to, l->way[to.plane][k].tet);
    if (s->x.occupancy[lattice_site(lat, tet)] == CATION_VACANCY &&
        hop(l, s, from, to, tet, word, draw, out))
        put(l, place, site);
}

static void try_tet(struct lithium_moves *l, struct state *s, uint32_t random, uint32_t word,
                    uint64_t draw, struct engine_equilibrated *out) {
    const struct lattice *lat = &l->m->lattice;
    int64_t site = oct_site(lat, philox_below(random, (uint32_t)l->n_octs));
    uint8_t ion = s->x.occupancy[site];
    if (ion > CATION_LI)
        return;
    struct lattice_coord oct = lattice_coord_of(lat, site);
    const struct lattice_stencil *st = lattice_stencil_of(lat, oct);
    int v = (int)(word % LITHIUM_FACES);
    if (v >= st->n_face || st->face[v].kind == SITE_OCT)
        return;
    struct lattice_coord tet = lattice_step(lat, oct, st->face[v]);
    uint8_t other = s->x.occupancy[lattice_site(lat, tet)];
    if (other > CATION_LI || other == ion)
        return;
    bool leaves = ion == CATION_LI;
    if (hop(l, s, leaves ? oct : tet, leaves ? tet : oct, tet, word, draw, out))
        changed(l, &s->x, oct);
}

void lithium_moves_try(struct lithium_moves *l, struct state *s, int64_t d,
                       struct engine_equilibrated *out) {
    double site = l->tries / (double)s->n_sites;
    double past = site * (double)l->n_vacant * l->most_ways,
           tets = site * (double)l->n_octs;
    int64_t n_past = (int64_t)(past * (double)(d + 1)) - (int64_t)(past * (double)d),
            n = n_past + (int64_t)(tets * (double)(d + 1)) - (int64_t)(tets * (double)d);
    struct philox_block r = {{0}};
    for (int64_t k = 0; k < n; k++) {
        int half = (int)(k % 2);
        if (!half)
            r = philox_draw(s->random, STREAM_EQUILIBRATE, s->step, LITHIUM_DRAWS | l->tried);
        (k < n_past ? try_past : try_tet)(l, s, r.v[half], r.v[2 + half],
                                          LITHIUM_DRAWS | l->tried++, out);
    }
}
