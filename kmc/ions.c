#include "ions.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

static double (*vectors_of(const struct ions *s, struct lattice_coord c))[3] {
    return s->vector + (c.plane * SITE_KINDS + c.kind) * IONS_FACES;
}

/* How many boxes a coordinate lies off. */
static int turns(int32_t c, int32_t n) {
    return c < 0 ? -1 : c >= n;
}

static void add(double sum[3], const double v[3]) {
    for (int x = 0; x < 3; x++)
        sum[x] += v[x];
}

/* Vector from a site to its neighbour at offset o, which may lie in the next box. */
static void step_vector(const struct supercell *cell, struct lattice_coord c,
                        struct lattice_offset o, double v[3]) {
    const struct lattice *l = &cell->lattice;
    struct lattice_coord d = lattice_step(l, c, o);
    const int turn[3] = {turns(c.i + o.di, l->na), turns(c.j + o.dj, l->nb),
                         turns(c.plane + o.dplane, l->n_planes)};
    double box[3][3], from[3], to[3];
    lattice_cell(l, cell->a_A, cell->tm_gap_A, cell->li_gap_A, box);
    lattice_position(l, c, cell->a_A, cell->tm_gap_A, cell->li_gap_A, from);
    lattice_position(l, d, cell->a_A, cell->tm_gap_A, cell->li_gap_A, to);
    for (int x = 0; x < 3; x++) {
        v[x] = to[x] - from[x];
        for (int axis = 0; axis < 3; axis++)
            v[x] += turn[axis] * box[axis][x];
    }
}

static void fill_vectors(struct ions *s, const struct supercell *cell) {
    for (int32_t plane = 0; plane < s->lattice.n_planes; plane++)
        for (int32_t kind = SITE_OCT; kind < SITE_KINDS; kind++) {
            struct lattice_coord c = {plane, kind, 0, 0};
            const struct lattice_stencil *st = lattice_stencil_of(&s->lattice, c);
            for (int v = 0; v < st->n_face; v++)
                step_vector(cell, c, st->face[v], vectors_of(s, c)[v]);
        }
}

static void number_ions(struct ions *s, const uint8_t *occupancy) {
    for (int64_t site = 0; site < lattice_n_sites(&s->lattice); site++) {
        int32_t kind = lattice_coord_of(&s->lattice, site).kind;
        s->at[site] = -1;
        if (kind == SITE_O || occupancy[site] != CATION_LI)
            continue;
        s->ion[s->n] = (struct ion){.site = site, .oct = kind == SITE_OCT ? site : -1};
        s->at[site] = (int32_t)s->n++;
    }
}

bool ions_init(struct ions *s, const struct supercell *cell, const struct configuration *x) {
    memset(s, 0, sizeof *s);
    s->lattice = cell->lattice;
    s->left = INT64_MAX;
    int64_t n_sites = lattice_n_sites(&s->lattice), n_li = 0;
    for (int64_t site = 0; site < n_sites; site++)
        n_li +=
            x->occupancy[site] == CATION_LI && lattice_coord_of(&s->lattice, site).kind != SITE_O;
    s->ion = malloc((size_t)(n_li + 1) * sizeof *s->ion);
    s->at = malloc((size_t)n_sites * sizeof *s->at);
    s->vector = calloc((size_t)s->lattice.n_planes * SITE_KINDS * IONS_FACES, sizeof *s->vector);
    if (!s->ion || !s->at || !s->vector) {
        ions_free(s);
        return false;
    }
    fill_vectors(s, cell);
    number_ions(s, x->occupancy);
    return true;
}

void ions_free(struct ions *s) {
    free(s->ion);
    free(s->at);
    free(s->vector);
    memset(s, 0, sizeof *s);
}

void ions_restart(struct ions *s) {
    for (int64_t k = 0; k < s->n; k++)
        memset(s->ion[k].r, 0, sizeof s->ion[k].r);
    memset(s->sum, 0, sizeof s->sum);
    s->events = s->hops = 0;
    s->path2[0] = s->path2[1] = 0;
}

/* The ion has come to an oct: its new place.  An ion that began in a tet has made no hop yet. */
static void arrive(struct ions *s, struct ion *k) {
    double d2[3];
    for (int x = 0; x < 3; x++) {
        d2[x] = k->off[x] * k->off[x];
        k->r[x] += k->off[x];
        s->sum[x] += k->off[x];
        k->off[x] = 0;
    }
    if (k->oct >= 0) {
        s->hops++;
        s->path2[0] += d2[0] + d2[1];
        s->path2[1] += d2[2];
    }
    k->oct = k->site;
}

/* Adds the way of a step: through a face of the site, and where there is no stay in the tet behind it on through one of the tet's. */
static void step(const struct ions *s, const struct event_channel *ch, double off[3]) {
    struct lattice_coord c = lattice_coord_of(&s->lattice, ch->site);
    struct lattice_coord d =
        lattice_step(&s->lattice, c, lattice_stencil_of(&s->lattice, c)->face[ch->dir]);
    const struct lattice_stencil *st = lattice_stencil_of(&s->lattice, d);
    int v = 0;
    add(off, vectors_of(s, c)[ch->dir]);
    if (lattice_site(&s->lattice, d) == ch->target)
        return;
    while (lattice_neighbor(&s->lattice, d, st->face[v]) != ch->target)
        v++;
    add(off, vectors_of(s, d)[v]);
}

bool ions_fired(void *context, const struct event_channel *ch) {
    struct ions *s = context;
    if (ch->kind != EVENT_LITHIUM)
        return true;
    int32_t number = s->at[ch->site];
    assert(number >= 0 && s->at[ch->target] < 0);
    struct ion *k = &s->ion[number];
    step(s, ch, k->off);
    s->at[ch->site] = -1;
    s->at[ch->target] = number;
    k->site = ch->target;
    s->events++;
    if (k->site == k->oct)
        memset(k->off, 0, sizeof k->off);
    else if (lattice_coord_of(&s->lattice, k->site).kind == SITE_OCT)
        arrive(s, k);
    return --s->left > 0;
}
