#include <assert.h>
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

/* Fields of a cation site. */
static void fields_of_cation(struct site_set *s, struct lattice_coord a) {
    add_cation(s, a);
}

/* Fields of an O: its neighbours and its share. */
static void fields_of_oxygen(struct site_set *s, struct lattice_coord o) {
    const struct lattice_stencil *st = lattice_stencil_of(s->l, o);
    add(s, o);
    add_all(s, o, st->oxygen, st->n_oxygen);
}

/* may_hop of an oct. */
static void hops_of_oct(struct site_set *s, struct lattice_coord c) {
    const struct lattice_stencil *st = lattice_stencil_of(s->l, c);
    add_cation(s, c);
    for (int v = 0; v < st->n_face; v++)
        add_cation(s, lattice_step(s->l, c, st->face[v]));
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

/* ---- lists ---- */

typedef void reads_of(struct site_set *s, struct lattice_coord c);

/* Offsets of readers by plane and kind of the site that is read, growing. */
struct reader_lists {
    int32_t *n, *room; /* [4 n_planes] */
    struct lattice_offset **list;
};

static bool lists_init(struct reader_lists *f, const struct lattice *l) {
    size_t lists = (size_t)l->n_planes * SITE_KINDS;
    f->n = calloc(lists, sizeof *f->n);
    f->room = calloc(lists, sizeof *f->room);
    f->list = calloc(lists, sizeof *f->list);
    return f->n && f->room && f->list;
}

static void lists_free(struct reader_lists *f, const struct lattice *l) {
    for (int32_t k = 0; f->list && k < l->n_planes * SITE_KINDS; k++)
        free(f->list[k]);
    free(f->list);
    free(f->n);
    free(f->room);
}

static int8_t shortest(int32_t d, int32_t n) {
    d = ((d % n) + n) % n;
    return (int8_t)(d > n / 2 ? d - n : d);
}

static bool append(struct reader_lists *f, const struct lattice *l, struct lattice_coord changed,
                   struct lattice_coord reader) {
    int32_t k = changed.plane * SITE_KINDS + changed.kind;
    if (f->n[k] == f->room[k]) {
        int32_t room = f->room[k] ? 2 * f->room[k] : 64;
        struct lattice_offset *bigger = realloc(f->list[k], sizeof *bigger * (size_t)room);
        if (!bigger)
            return false;
        f->list[k] = bigger;
        f->room[k] = room;
    }
    f->list[k][f->n[k]++] =
        (struct lattice_offset){.dplane = shortest(reader.plane - changed.plane, l->n_planes),
                                .di = shortest(reader.i - changed.i, l->na),
                                .dj = shortest(reader.j - changed.j, l->nb),
                                .kind = (uint8_t)reader.kind};
    return true;
}

/* Who reads a site itself: the reads of one reader of each plane and kind, turned round. */
static bool invert_reads(struct reader_lists *f, struct site_set *s, reads_of *const reads[]) {
    const struct lattice *l = s->l;
    for (int32_t plane = 0; plane < l->n_planes; plane++)
        for (int32_t kind = 0; kind < SITE_KINDS; kind++) {
            struct lattice_coord reader = {plane, kind, 0, 0};
            clear(s);
            if (reads[kind])
                reads[kind](s, reader);
            for (int64_t r = 0; r < s->n; r++) {
                struct lattice_coord c = lattice_coord_of(l, s->member[r]), moved = reader;
                moved.i = -c.i;
                moved.j = -c.j;
                c.i = c.j = 0;
                if (!append(f, l, c, moved))
                    return false;
            }
        }
    return true;
}

static void add_readers(struct site_set *s, const struct reader_lists *direct,
                        struct lattice_coord c) {
    int32_t k = c.plane * SITE_KINDS + c.kind;
    for (int32_t q = 0; q < direct->n[k]; q++)
        add(s, lattice_step(s->l, c, direct->list[k][q]));
}

/* A changed cation also changes the deviation of its O vertices: unite the readers. */
static bool unite_vertices(struct reader_lists *f, const struct reader_lists *direct,
                           struct site_set *s) {
    const struct lattice *l = s->l;
    for (int32_t plane = 0; plane < l->n_planes; plane++)
        for (int32_t kind = 0; kind < SITE_KINDS; kind++) {
            struct lattice_coord c = {plane, kind, 0, 0};
            const struct lattice_stencil *st = lattice_stencil_of(l, c);
            clear(s);
            add_readers(s, direct, c);
            for (int v = 0; v < st->n_vertex; v++)
                add_readers(s, direct, lattice_step(l, c, st->vertex[v]));
            for (int64_t r = 0; r < s->n; r++)
                if (!append(f, l, c, lattice_coord_of(l, s->member[r])))
                    return false;
        }
    return true;
}

static bool flatten(const struct reader_lists *f, const struct lattice *l, int32_t *begin,
                    struct lattice_offset **entry) {
    int32_t lists = l->n_planes * SITE_KINDS, n = 0;
    for (int32_t k = 0; k < lists; k++)
        n += f->n[k];
    *entry = malloc(sizeof **entry * (size_t)(n ? n : 1));
    if (!*entry)
        return false;
    n = 0;
    for (int32_t k = 0; k < lists; k++) {
        begin[k] = n;
        if (f->n[k])
            memcpy(*entry + n, f->list[k], sizeof **entry * (size_t)f->n[k]);
        n += f->n[k];
    }
    begin[lists] = n;
    return true;
}

/* Lists of all readers of one sort; the caller owns *begin and *entry. */
static bool derive(struct site_set *s, reads_of *const reads[], const int32_t **begin,
                   const struct lattice_offset **entry) {
    struct reader_lists direct = {0}, united = {0};
    int32_t *first = malloc(sizeof *first * ((size_t)s->l->n_planes * SITE_KINDS + 1));
    struct lattice_offset *all = NULL;
    bool ok = first && lists_init(&direct, s->l) && lists_init(&united, s->l) &&
              invert_reads(&direct, s, reads) && unite_vertices(&united, &direct, s) &&
              flatten(&united, s->l, first, &all);
    lists_free(&direct, s->l);
    lists_free(&united, s->l);
    *begin = first;
    *entry = all;
    return ok;
}

static void measure(struct influence *f, const struct lattice *l) {
    const struct window_influence *w = &f->lists;
    for (int32_t k = 0; k < w->n_lists; k++) /* three sites change at most in one event */
        assert(3 * (w->field_begin[k + 1] - w->field_begin[k]) <= WINDOW_OLD_MAX);
    for (int32_t q = 0; q < w->owner_begin[l->n_planes * SITE_KINDS]; q++) {
        const struct lattice_offset *o = &w->owner[q];
        const int32_t d[AXES] = {abs(o->di), abs(o->dj), abs(o->dplane)};
        for (int a = 0; a < AXES; a++)
            f->reach[a] = d[a] > f->reach[a] ? d[a] : f->reach[a];
    }
}

bool influence_init(struct influence *f, const struct lattice *box) {
    static reads_of *const owners[SITE_KINDS] = {reads_of_oxygen, reads_of_ion, reads_of_ion,
                                                 reads_of_ion};
    static reads_of *const fields[SITE_KINDS] = {fields_of_oxygen, fields_of_cation,
                                                 fields_of_cation, fields_of_cation};
    static reads_of *const ions[SITE_KINDS] = {NULL, hops_of_oct, NULL, NULL};
    struct lattice small = *box; /* beyond this width nothing changes but the wrapping */
    small.na = box->na < ENOUGH ? box->na : ENOUGH;
    small.nb = box->nb < ENOUGH ? box->nb : ENOUGH;
    lattice_stride(&small);
    size_t sites = (size_t)lattice_n_sites(&small);
    struct site_set s = {&small, calloc(sites, 1), malloc(sites * sizeof(int64_t)), 0};
    memset(f, 0, sizeof *f);
    f->lists.n_lists = box->n_planes * SITE_KINDS;
    bool ok = s.mark && s.member && derive(&s, owners, &f->lists.owner_begin, &f->lists.owner) &&
              derive(&s, fields, &f->lists.field_begin, &f->lists.field) &&
              derive(&s, ions, &f->lists.ion_begin, &f->lists.ion);
    free(s.mark);
    free(s.member);
    if (ok)
        measure(f, box);
    else
        influence_free(f);
    return ok;
}

void influence_free(struct influence *f) {
    free((void *)f->lists.owner_begin);
    free((void *)f->lists.owner);
    free((void *)f->lists.field_begin);
    free((void *)f->lists.field);
    free((void *)f->lists.ion_begin);
    free((void *)f->lists.ion);
    memset(f, 0, sizeof *f);
}

int64_t influence_bytes(const struct influence *f) {
    const struct window_influence *w = &f->lists;
    return 3 * (int64_t)sizeof(int32_t) * (w->n_lists + 1) +
           (int64_t)sizeof(struct lattice_offset) *
               (w->owner_begin[w->n_lists] + w->field_begin[w->n_lists] + w->ion_begin[w->n_lists]);
}
