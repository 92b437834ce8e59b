#include <stdlib.h>
#include "clusters.h"

/* Union-find with displacements: shift[s] = cells and planes from s to its parent; a loop with non-zero displacement wraps the box. */
struct shift {
    int32_t i, j, plane;
};

struct forest {
    const struct rate_model *m;
    const struct configuration *x;
    int64_t *parent; /* [n_sites], -1 = not a member */
    struct shift *shift;
    uint8_t *wraps; /* [n_sites], at roots */
};

static struct shift plus(struct shift a, struct shift b) {
    struct shift s = {a.i + b.i, a.j + b.j, a.plane + b.plane};
    return s;
}

static struct shift minus(struct shift a) {
    struct shift s = {-a.i, -a.j, -a.plane};
    return s;
}

static bool is_void_oxygen(const struct forest *f, int64_t site) {
    int state = rate_model_state(f->x->occupancy[site]);
    return state == ANION_MOLECULAR || state == ANION_VACANCY;
}

static bool is_void_oct(const struct forest *f, struct lattice_coord c) {
    const struct lattice *l = &f->m->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(l, c);
    if (f->x->occupancy[lattice_site(l, c)] != CATION_VACANCY)
        return false;
    for (int v = 0; v < st->n_vertex; v++) {
        struct lattice_coord o = lattice_step(l, c, st->vertex[v]);
        int64_t site = lattice_site(l, o);
        if (is_void_oxygen(f, site))
            return true;
        if (rate_model_state(f->x->occupancy[site]) < ANION_ACTIVE &&
            f->x->n_tm[lattice_oxygen_index(l, o)] == 0)
            return true;
    }
    return false;
}

static bool is_member(const struct forest *f, struct lattice_coord c) {
    if (c.kind == SITE_O)
        return is_void_oxygen(f, lattice_site(&f->m->lattice, c));
    return c.kind == SITE_OCT && is_void_oct(f, c);
}

/* Root of a site and the displacement to it; halves paths on the way. */
static int64_t find(struct forest *f, int64_t site, struct shift *to_root) {
    struct shift sum = {0, 0, 0};
    while (f->parent[site] != site) {
        int64_t up = f->parent[site];
        f->shift[site] = plus(f->shift[site], f->shift[up]);
        f->parent[site] = f->parent[up];
        sum = plus(sum, f->shift[site]);
        site = f->parent[site];
    }
    *to_root = sum;
    return site;
}

static void unite(struct forest *f, int64_t a, int64_t b, struct shift a_to_b) {
    struct shift sa, sb;
    int64_t ra = find(f, a, &sa), rb = find(f, b, &sb);
    struct shift ra_to_rb = plus(minus(sa), plus(a_to_b, sb));
    if (ra == rb) {
        f->wraps[ra] |= ra_to_rb.i != 0 || ra_to_rb.j != 0 || ra_to_rb.plane != 0;
        return;
    }
    f->parent[ra] = rb;
    f->shift[ra] = ra_to_rb;
    f->wraps[rb] |= f->wraps[ra];
}

static void unite_list(struct forest *f, struct lattice_coord c, const struct lattice_offset *o,
                       int n, int min_shared) {
    for (int v = 0; v < n; v++) {
        int64_t other = lattice_neighbor(&f->m->lattice, c, o[v]);
        struct shift s = {o[v].di, o[v].dj, o[v].dplane};
        if (f->parent[other] >= 0 && o[v].shared >= min_shared)
            unite(f, lattice_site(&f->m->lattice, c), other, s);
    }
}

static void unite_neighbors(struct forest *f, struct lattice_coord c) {
    const struct lattice_stencil *st = lattice_stencil_of(&f->m->lattice, c);
    if (c.kind == SITE_O) {
        unite_list(f, c, st->oxygen, st->n_oxygen, 0);
        return;
    }
    unite_list(f, c, st->vertex, st->n_vertex, 0);
    unite_list(f, c, st->oct, st->n_oct, 2);
}

static int by_size(const void *a, const void *b) {
    const struct clusters_entry *x = a, *y = b;
    return x->size != y->size ? (x->size > y->size) - (x->size < y->size)
                              : (x->o2 > y->o2) - (x->o2 < y->o2);
}

/* Adds every member to its root's entry; index[] maps roots to entries. */
static bool collect(struct forest *f, struct clusters *c, int64_t n_sites, int64_t members) {
    int64_t *index = malloc((size_t)n_sites * sizeof *index);
    c->entry = calloc((size_t)(members ? members : 1), sizeof *c->entry);
    if (!index || !c->entry) {
        free(index);
        return false;
    }
    for (int64_t s = 0; s < n_sites; s++)
        if (f->parent[s] == s) {
            index[s] = c->n;
            c->entry[c->n++].percolating = f->wraps[s];
        }
    for (int64_t s = 0; s < n_sites; s++) {
        struct shift unused;
        if (f->parent[s] < 0)
            continue;
        struct clusters_entry *e = &c->entry[index[find(f, s, &unused)]];
        bool oxygen = lattice_coord_of(&f->m->lattice, s).kind == SITE_O;
        bool o2 = oxygen && rate_model_state(f->x->occupancy[s]) == ANION_MOLECULAR;
        e->o2 += o2;
        e->size += !o2;
    }
    free(index);
    return true;
}

static void summarise(struct clusters *c) {
    int64_t sum = 0, squares = 0, filled = 0;
    qsort(c->entry, (size_t)c->n, sizeof *c->entry, by_size);
    for (int64_t k = 0; k < c->n; k++) {
        sum += c->entry[k].size;
        squares += c->entry[k].size * c->entry[k].size;
        filled += c->entry[k].size > 0;
        c->percolates = c->percolates || c->entry[k].percolating;
    }
    c->largest = c->n ? c->entry[c->n - 1].size : 0;
    c->number_mean = filled ? (double)sum / (double)filled : 0;
    c->weight_mean = sum ? (double)squares / (double)sum : 0;
}

bool clusters_find(struct clusters *c, const struct rate_model *m, const struct configuration *x) {
    int64_t n = lattice_n_sites(&m->lattice), members = 0;
    struct forest f = {m, x, malloc((size_t)n * sizeof *f.parent),
                       calloc((size_t)n, sizeof *f.shift), calloc((size_t)n, 1)};
    memset(c, 0, sizeof *c);
    bool ok = f.parent && f.shift && f.wraps;
    for (int64_t s = 0; ok && s < n; s++) {
        f.parent[s] = is_member(&f, lattice_coord_of(&m->lattice, s)) ? s : -1;
        members += f.parent[s] == s;
    }
    for (int64_t s = 0; ok && s < n; s++)
        if (f.parent[s] >= 0)
            unite_neighbors(&f, lattice_coord_of(&m->lattice, s));
    ok = ok && collect(&f, c, n, members);
    if (ok)
        summarise(c);
    else
        clusters_free(c);
    free(f.parent);
    free(f.shift);
    free(f.wraps);
    return ok;
}

void clusters_free(struct clusters *c) {
    free(c->entry);
    memset(c, 0, sizeof *c);
}
