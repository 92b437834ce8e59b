#include <stdlib.h>
#include <string.h>
#include "influence.h"

enum { ENOUGH = 24 }; /* cells: more than twice as far as any owner reads */

/* A set of sites: a mark for each site and the members in order of arrival. */
struct site_set {
    const struct lattice *l;
    uint8_t *mark;
    int64_t *member;
    int64_t n;
};

static void add(struct site_set *s, struct lattice_coord c) {
    int64_t site = lattice_site(s->l, c);
    if (s->mark[site])
        return;
    s->mark[site] = 1;
    s->member[s->n++] = site;
}

static void clear(struct site_set *s) {
    for (int64_t i = 0; i < s->n; i++)
        s->mark[s->member[i]] = 0;
    s->n = 0;
}

static void add_all(struct site_set *s, struct lattice_coord c, const struct lattice_offset *o,
                    int n) {
    for (int v = 0; v < n; v++)
        add(s, lattice_step(s->l, c, o[v]));
}

/* A cation site, its O vertices and what shares a face with it. */
static void add_cation(struct site_set *s, struct lattice_coord c) {
    const struct lattice_stencil *st = lattice_stencil_of(s->l, c);
    add(s, c);
    add_all(s, c, st->vertex, st->n_vertex);
    add_all(s, c, st->face, st->n_face);
}

static void reads_of_ion(struct site_set *s, struct lattice_coord c) {
    const struct lattice_stencil *st = lattice_stencil_of(s->l, c);
    add_cation(s, c);
    for (int v = 0; v < st->n_face; v++) {
        struct lattice_coord d = lattice_step(s->l, c, st->face[v]);
        const struct lattice_stencil *sd = lattice_stencil_of(s->l, d);
        add_cation(s, d);
        for (int w = 0; w < sd->n_face; w++)
            add_cation(s, lattice_step(s->l, d, sd->face[w]));
    }
}

static void reads_around_oxygen(struct site_set *s, struct lattice_coord x) {
    const struct lattice_stencil *st = lattice_stencil_of(s->l, x);
    add(s, x);
    add_all(s, x, st->oxygen, st->n_oxygen);
    for (int v = 0; v < st->n_oct; v++)
        add_cation(s, lattice_step(s->l, x, st->oct[v]));
}

static void reads_of_oxygen(struct site_set *s, struct lattice_coord o) {
    const struct lattice_stencil *st = lattice_stencil_of(s->l, o);
    reads_around_oxygen(s, o);
    for (int v = 0; v < st->n_oxygen; v++)
        reads_around_oxygen(s, lattice_step(s->l, o, st->oxygen[v]));
}

static bool append(struct influence *f, int32_t plane, int32_t kind, struct influence_offset o) {
    int32_t n = f->n[plane][kind];
    if ((n & (n - 1)) == 0) {
        struct influence_offset *bigger =
            realloc(f->list[plane][kind], sizeof o * (size_t)(n ? 2 * n : 1));
        if (!bigger)
            return false;
        f->list[plane][kind] = bigger;
    }
    f->list[plane][kind][n] = o;
    f->n[plane][kind] = n + 1;
    return true;
}

static int16_t shortest(int32_t d, int32_t n) {
    d = ((d % n) + n) % n;
    return (int16_t)(d > n / 2 ? d - n : d);
}

/* Who reads a site itself: the reads of one owner of each plane and kind, turned round. */
static bool invert_reads(struct influence *f, struct site_set *s) {
    const struct lattice *l = s->l;
    for (int32_t plane = 0; plane < l->n_planes; plane++)
        for (int32_t kind = 0; kind < SITE_KINDS; kind++) {
            struct lattice_coord owner = {plane, kind, 0, 0};
            clear(s);
            if (kind == SITE_O)
                reads_of_oxygen(s, owner);
            else
                reads_of_ion(s, owner);
            for (int64_t r = 0; r < s->n; r++) {
                struct lattice_coord c = lattice_coord_of(l, s->member[r]);
                struct influence_offset o = {(int16_t)plane, (int16_t)kind, shortest(-c.i, l->na),
                                             shortest(-c.j, l->nb)};
                if (!append(f, c.plane, c.kind, o))
                    return false;
            }
        }
    return true;
}

static void add_owners(struct site_set *s, const struct influence *direct, struct lattice_coord c) {
    for (int32_t k = 0; k < direct->n[c.plane][c.kind]; k++) {
        add(s, influence_owner(s->l, c, direct->list[c.plane][c.kind][k]));
    }
}

/* A changed cation also changes the deviation of its O vertices: unite the owners. */
static bool unite_vertices(struct influence *f, const struct influence *direct,
                           struct site_set *s) {
    const struct lattice *l = s->l;
    for (int32_t plane = 0; plane < l->n_planes; plane++)
        for (int32_t kind = 0; kind < SITE_KINDS; kind++) {
            struct lattice_coord c = {plane, kind, 0, 0};
            const struct lattice_stencil *st = lattice_stencil_of(l, c);
            clear(s);
            add_owners(s, direct, c);
            for (int v = 0; v < st->n_vertex; v++)
                add_owners(s, direct, lattice_step(l, c, st->vertex[v]));
            for (int64_t r = 0; r < s->n; r++) {
                struct lattice_coord w = lattice_coord_of(l, s->member[r]);
                struct influence_offset o = {(int16_t)w.plane, (int16_t)w.kind,
                                             shortest(w.i, l->na), shortest(w.j, l->nb)};
                if (!append(f, plane, kind, o))
                    return false;
            }
        }
    return true;
}

bool influence_init(struct influence *f, const struct lattice *box) {
    struct lattice small = *box; /* beyond this width nothing changes but the wrapping */
    small.na = box->na < ENOUGH ? box->na : ENOUGH;
    small.nb = box->nb < ENOUGH ? box->nb : ENOUGH;
    lattice_stride(&small);
    const struct lattice *l = &small;
    size_t sites = (size_t)lattice_n_sites(l);
    struct site_set s = {l, calloc(sites, 1), malloc(sites * sizeof(int64_t)), 0};
    struct influence direct = {0};
    memset(f, 0, sizeof *f);
    bool ok = s.mark && s.member && invert_reads(&direct, &s) && unite_vertices(f, &direct, &s);
    influence_free(&direct);
    free(s.mark);
    free(s.member);
    if (!ok)
        influence_free(f);
    return ok;
}

void influence_free(struct influence *f) {
    for (int p = 0; p < LATTICE_MAX_PLANES; p++)
        for (int k = 0; k < SITE_KINDS; k++)
            free(f->list[p][k]);
    memset(f, 0, sizeof *f);
}
