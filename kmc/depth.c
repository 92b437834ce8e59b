/* depth: breadth-first from the surface, one shell at a time; a byte an anion site and 8 bytes a site of a shell. */
#include "depth.h"
#include <stdlib.h>
#include "structure.h"

enum { DEEP = DEPTH_BINS - 1, MAX_O = 6 };

/* Sites of one shell. */
struct shell {
    int64_t *site; /* owner: this struct */
    int64_t n, room;
};

struct search {
    const struct rate_model *m;
    const struct configuration *x;
    uint8_t *depth; /* [n_oxygen] DEEP until found */
    struct shell now, next;
    bool no_memory;
};

static bool is_outside(const struct search *s, int64_t site) {
    return s->x->occupancy[site] == SITE_OUTSIDE;
}

static void add(struct search *s, struct shell *to, int64_t site) {
    if (to->n == to->room) {
        int64_t room = 2 * to->room + 1024;
        int64_t *grown = realloc(to->site, (size_t)room * sizeof *grown);
        if (!grown) {
            s->no_memory = true;
            return;
        }
        to->site = grown;
        to->room = room;
    }
    to->site[to->n++] = site;
}

static bool borders_on_vacuum(const struct search *s, struct lattice_coord o) {
    const struct lattice_stencil *st = lattice_stencil_of(&s->m->lattice, o);
    for (int v = 0; v < st->n_oxygen; v++)
        if (is_outside(s, lattice_neighbor(&s->m->lattice, o, st->oxygen[v])))
            return true;
    return false;
}

static void find_surface(struct search *s) {
    const struct lattice *l = &s->m->lattice;
    struct lattice_coord o = {0, SITE_O, 0, 0};
    for (o.plane = 0; o.plane < l->n_planes; o.plane++)
        for (o.j = 0; o.j < l->nb; o.j++)
            for (o.i = 0; o.i < l->na; o.i++) {
                s->depth[lattice_oxygen_index(l, o)] = DEEP;
                if (is_outside(s, lattice_site(l, o)) || !borders_on_vacuum(s, o))
                    continue;
                s->depth[lattice_oxygen_index(l, o)] = 0;
                add(s, &s->now, lattice_site(l, o));
            }
}

/* Neighbours of the shell `now` that have no depth yet. */
static void find_next(struct search *s, uint8_t depth) {
    const struct lattice *l = &s->m->lattice;
    s->next.n = 0;
    for (int64_t k = 0; k < s->now.n; k++) {
        struct lattice_coord o = lattice_coord_of(l, s->now.site[k]);
        const struct lattice_stencil *st = lattice_stencil_of(l, o);
        for (int v = 0; v < st->n_oxygen; v++) {
            struct lattice_coord c = lattice_step(l, o, st->oxygen[v]);
            uint8_t *there = &s->depth[lattice_oxygen_index(l, c)];
            if (*there != DEEP || is_outside(s, lattice_site(l, c)))
                continue;
            *there = depth;
            add(s, &s->next, lattice_site(l, c));
        }
    }
    struct shell spare = s->now;
    s->now = s->next;
    s->next = spare;
}

static void add_anion(struct depth *d, const struct search *s, struct lattice_coord o) {
    int64_t site = lattice_site(&s->m->lattice, o);
    if (is_outside(s, site))
        return;
    uint8_t depth = s->depth[lattice_oxygen_index(&s->m->lattice, o)];
    struct depth_bin *b = &d->bin[depth];
    b->sites++;
    b->vacant += rate_model_state(s->x->occupancy[site]) == ANION_VACANCY;
    b->molecular += structure_is_o2(s->m, s->x, site);
    d->n = depth + 1 > d->n ? depth + 1 : d->n;
}

static void add_part(struct depth_bin *b, const struct rate_model *m, struct lattice_coord c,
                     uint8_t ion, int64_t parts) {
    b->li += ion == CATION_LI ? parts : 0;
    if (m->group[ion] != GROUP_TM)
        return;
    b->tm += parts;
    b->tm_valence += parts * m->charge[ion];
    b->tm_li_layer += lattice_is_tm_gap(c.plane) ? 0 : parts;
}

static void add_cation(struct depth *d, const struct search *s, struct lattice_coord c) {
    const struct lattice *l = &s->m->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(l, c);
    uint8_t ion = s->x->occupancy[lattice_site(l, c)], depth[MAX_O];
    int n = 0;
    if (ion == SITE_OUTSIDE || ion == CATION_VACANCY)
        return;
    for (int v = 0; v < st->n_vertex; v++) {
        struct lattice_coord o = lattice_step(l, c, st->vertex[v]);
        if (!is_outside(s, lattice_site(l, o)))
            depth[n++] = s->depth[lattice_oxygen_index(l, o)];
    }
    for (int v = 0; v < n; v++)
        add_part(&d->bin[depth[v]], s->m, c, ion, DEPTH_PARTS / n);
}

static void add_up(struct depth *d, const struct search *s) {
    const struct lattice *l = &s->m->lattice;
    for (int64_t site = 0; site < lattice_n_sites(l); site++) {
        struct lattice_coord c = lattice_coord_of(l, site);
        if (c.kind == SITE_O)
            add_anion(d, s, c);
        else
            add_cation(d, s, c);
    }
}

bool depth_profile(struct depth *d, const struct rate_model *m, const struct configuration *x) {
    struct search s = {.m = m, .x = x};
    memset(d, 0, sizeof *d);
    s.depth = malloc((size_t)lattice_n_oxygen(&m->lattice));
    if (!s.depth)
        return false;
    find_surface(&s);
    if (s.now.n > 0) {
        for (uint8_t depth = 1; depth < DEEP && s.now.n > 0; depth++)
            find_next(&s, depth);
        add_up(d, &s);
    }
    free(s.depth);
    free(s.now.site);
    free(s.next.site);
    return !s.no_memory;
}
