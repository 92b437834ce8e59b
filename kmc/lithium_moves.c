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

/* Way past a tet between two of its octs. */
static struct lithium_way way_past(const struct lattice *lat, struct lattice_coord tet, int64_t oct,
                                   int64_t end) {
    const struct lattice_stencil *st = lattice_stencil_of(lat, tet);
    struct lithium_way way = {(int32_t)lattice_site(lat, tet), (int32_t)end, {-1, -1}};
    int n = 0;
    for (int v = 0; v < st->n_face; v++) {
        struct lattice_coord c = lattice_step(lat, tet, st->face[v]);
        int64_t other = c.kind == SITE_OCT ? lattice_oxygen_index(lat, c) : oct;
        if (other != oct && other != end)
            way.beside[n++] = (int32_t)other;
    }
    return way;
}

/* Ways from an oct past tets; returns their number. */
static int ways_of(const struct lattice *lat, struct lattice_coord c, struct lithium_way *way) {
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
                way[n++] = way_past(lat, tet, lattice_oxygen_index(lat, c),
                                    lattice_oxygen_index(lat, lattice_step(lat, c, end)));
        }
    }
    return n;
}

/* Coordinates of oct number n. */
static struct lattice_coord oct_of(const struct lattice *lat, int64_t n) {
    int64_t layer = (int64_t)lat->na * lat->nb;
    return lattice_coord_of(lat, (n / layer * SITE_KINDS + SITE_OCT) * layer + n % layer);
}

static void fill_ways(struct lithium_moves *l) {
    const struct lattice *lat = &l->m->lattice;
    for (int64_t n = 0; n < l->n_octs; n++) {
        struct lithium_way way[LITHIUM_WAYS];
        int found = ways_of(lat, oct_of(lat, n), way);
        for (int k = 0; k < l->most_ways; k++)
            l->way[n * l->most_ways + k] =
                k < found ? way[k] : (struct lithium_way){-1, -1, {-1, -1}};
        l->site[n] = (int32_t)lattice_site(lat, oct_of(lat, n));
    }
}

bool lithium_moves_init(struct lithium_moves *l, const struct rate_model *m) {
    memset(l, 0, sizeof *l);
    l->m = m;
    if (!m->with_lithium || m->lithium_firings <= 0)
        return true;
    if (lattice_n_sites(&m->lattice) > INT32_MAX)
        return false;
    l->n_octs = lattice_n_oxygen(&m->lattice);
    for (int32_t plane = 0; plane < m->lattice.n_planes; plane++) {
        struct lithium_way way[LITHIUM_WAYS];
        int n = ways_of(&m->lattice, (struct lattice_coord){plane, SITE_OCT, 0, 0}, way);
        l->most_ways = n > l->most_ways ? n : l->most_ways;
    }
    size_t octs = (size_t)l->n_octs;
    l->vacant = malloc(octs * sizeof *l->vacant);
    l->place = malloc(octs * sizeof *l->place);
    l->site = malloc(octs * sizeof *l->site);
    l->way = malloc(octs * (size_t)l->most_ways * sizeof *l->way);
    if (!l->vacant || !l->place || !l->site || !l->way)
        return false;
    fill_ways(l);
    return true;
}

void lithium_moves_free(struct lithium_moves *l) {
    free(l->vacant);
    free(l->place);
    free(l->site);
    free(l->way);
}

/* ---- which octs are vacant ---- */

static void put(struct lithium_moves *l, int32_t place, int32_t oct) {
    l->vacant[place] = oct;
    l->place[oct] = place;
}

/* Takes over what has become of an oct. */
static void changed(struct lithium_moves *l, const struct configuration *x, int32_t oct) {
    uint8_t ion = x->occupancy[l->site[oct]];
    if (ion == CATION_VACANCY)
        put(l, (int32_t)l->n_vacant++, oct);
    else if (ion == CATION_LI)
        put(l, l->place[oct], l->vacant[--l->n_vacant]);
}

void lithium_moves_begin(struct lithium_moves *l, struct configuration *x,
                         const struct event_limits *limits, double slice_s, double share) {
    l->context = (struct event_context){.m = l->m, .x = x, .limits = *limits};
    l->tries = l->m->lithium_tries_a_draw * share;
    double tries = l->m->lithium_tries / (slice_s * l->m->lithium_share);
    l->past = channels_barrier_of(l->m, tries);
    l->tet = channels_barrier_of(l->m, tries / LITHIUM_FACES);
    l->tried = 0;
    l->n_vacant = 0;
    for (int32_t oct = 0; oct < l->n_octs; oct++)
        if (x->occupancy[l->site[oct]] == CATION_VACANCY)
            put(l, (int32_t)l->n_vacant++, oct);
}

void lithium_moves_changed(struct lithium_moves *l, const struct configuration *x,
                           const struct move *mv) {
    const struct lattice_coord end[2] = {mv->bond.a, mv->bond.b};
    for (int k = 0; k < 2; k++)
        if (end[k].kind == SITE_OCT)
            changed(l, x, (int32_t)lattice_oxygen_index(&l->m->lattice, end[k]));
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

/* Can the KRA barrier of a way be that of a fast hop? */
static bool may_be_fast(const struct lithium_moves *l, const uint8_t *occupancy,
                        const struct lithium_way *way) {
    int64_t kra = l->m->pass;
    for (int k = 0; k < 2; k++)
        if (way->beside[k] >= 0)
            kra += hops_pass_beside(l->m, occupancy[l->site[way->beside[k]]]);
    return kra <= l->context.limits.fast[EVENT_LITHIUM];
}

static void try_past(struct lithium_moves *l, struct state *s, uint32_t random, uint32_t word,
                     uint64_t draw, struct engine_equilibrated *out) {
    const struct lattice *lat = &l->m->lattice;
    uint32_t ways = (uint32_t)l->most_ways,
             pick = philox_below(random, ways * (uint32_t)l->n_vacant);
    int32_t place = (int32_t)(pick / ways), to = l->vacant[place];
    const struct lithium_way *way = &l->way[(int64_t)to * l->most_ways + pick % ways];
    const uint8_t *occupancy = s->x.occupancy;
    if (way->end < 0 || occupancy[l->site[way->end]] != CATION_LI ||
        occupancy[way->tet] != CATION_VACANCY || !may_be_fast(l, occupancy, way))
        return;
    if (hop(l, s, oct_of(lat, way->end), oct_of(lat, to), lattice_coord_of(lat, way->tet), word,
            draw, out))
        put(l, place, way->end);
}

static void try_tet(struct lithium_moves *l, struct state *s, uint32_t random, uint32_t word,
                    uint64_t draw, struct engine_equilibrated *out) {
    const struct lattice *lat = &l->m->lattice;
    int32_t n = (int32_t)philox_below(random, (uint32_t)l->n_octs);
    uint8_t ion = s->x.occupancy[l->site[n]];
    if (ion > CATION_LI)
        return;
    struct lattice_coord oct = oct_of(lat, n);
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
        changed(l, &s->x, n);
}

void lithium_moves_try(struct lithium_moves *l, struct state *s, int64_t d,
                       struct engine_equilibrated *out) {
    double site = l->tries / (double)s->n_sites;
    double past = site * (double)(l->n_vacant * l->most_ways), tets = site * (double)l->n_octs;
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
