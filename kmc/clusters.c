/* clusters: union-find with displacements over the members alone.
 *
 * A bit a site says who is a member; a member's number is its rank among them, so memory is 3/16 byte a site and 20 bytes a member, of which
 * 1/8 and 4 stay in the result.
 */
#include <stdlib.h>
#include "clusters.h"

/* Cells and planes from a member to its parent; a loop with non-zero displacement wraps the box. */
struct shift {
    int32_t i, j, plane;
};

struct node {
    uint32_t parent; /* itself at a root */
    union {
        struct shift to_parent;
        struct {
            int32_t wraps; /* is the cluster connected to its own image? */
            int32_t entry; /* in the result, once all are united */
        } root;
    };
};

struct forest {
    const struct rate_model *m;
    const struct configuration *x;
    uint64_t *member; /* bit s: is site s a member */
    uint32_t *before; /* members in all words before this one */
    struct node *node;
    int64_t n_sites, n_members;
};

static bool is_marked(const struct forest *f, int64_t site) {
    return f->member[site / 64] >> (site % 64) & 1;
}

/* Number of a member. */
static uint32_t rank_of(const struct forest *f, int64_t site) {
    uint64_t below = f->member[site / 64] & (((uint64_t)1 << (site % 64)) - 1);
    return f->before[site / 64] + (uint32_t)__builtin_popcountll(below);
}

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

/* Root of a member and the displacement to it; halves paths on the way. */
static uint32_t find(struct forest *f, uint32_t at, struct shift *to_root) {
    struct shift sum = {0, 0, 0};
    while (f->node[at].parent != at) {
        struct node *here = &f->node[at], *up = &f->node[here->parent];
        if (up->parent != here->parent) {
            here->to_parent = plus(here->to_parent, up->to_parent);
            here->parent = up->parent;
        }
        sum = plus(sum, here->to_parent);
        at = here->parent;
    }
    *to_root = sum;
    return at;
}

static void unite(struct forest *f, uint32_t a, uint32_t b, struct shift a_to_b) {
    struct shift sa, sb;
    uint32_t ra = find(f, a, &sa), rb = find(f, b, &sb);
    struct shift ra_to_rb = plus(minus(sa), plus(a_to_b, sb));
    if (ra == rb) {
        f->node[ra].root.wraps |= ra_to_rb.i != 0 || ra_to_rb.j != 0 || ra_to_rb.plane != 0;
        return;
    }
    f->node[rb].root.wraps |= f->node[ra].root.wraps;
    f->node[ra].parent = rb;
    f->node[ra].to_parent = ra_to_rb;
}

static void unite_list(struct forest *f, struct lattice_coord c, const struct lattice_offset *o,
                       int n, int min_shared) {
    uint32_t here = rank_of(f, lattice_site(&f->m->lattice, c));
    for (int v = 0; v < n; v++) {
        int64_t other = lattice_neighbor(&f->m->lattice, c, o[v]);
        struct shift s = {o[v].di, o[v].dj, o[v].dplane};
        if (is_marked(f, other) && o[v].shared >= min_shared)
            unite(f, here, rank_of(f, other), s);
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
    if (x->size != y->size)
        return x->size > y->size ? 1 : -1;
    if (x->o2 != y->o2)
        return x->o2 > y->o2 ? 1 : -1;
    return (x->first > y->first) - (x->first < y->first);
}

static bool is_outside(const struct forest *f, struct lattice_coord c, struct lattice_offset o) {
    return f->x->occupancy[lattice_neighbor(&f->m->lattice, c, o)] == SITE_OUTSIDE;
}

static bool borders_on_vacuum(const struct forest *f, struct lattice_coord c) {
    const struct lattice_stencil *st = lattice_stencil_of(&f->m->lattice, c);
    bool open = false;
    for (int v = 0; c.kind != SITE_O && v < st->n_vertex; v++)
        open = open || is_outside(f, c, st->vertex[v]);
    for (int v = 0; c.kind == SITE_O && v < st->n_oxygen; v++)
        open = open || is_outside(f, c, st->oxygen[v]);
    for (int v = 0; c.kind == SITE_O && v < st->n_oct; v++)
        open = open || is_outside(f, c, st->oct[v]);
    return open;
}

static void add_member(const struct forest *f, struct clusters_entry *e, int64_t site) {
    struct lattice_coord c = lattice_coord_of(&f->m->lattice, site);
    bool oxygen = c.kind == SITE_O;
    bool o2 = oxygen && rate_model_state(f->x->occupancy[site]) == ANION_MOLECULAR;
    e->o2 += o2;
    e->size += !o2;
    e->anions += oxygen;
    e->open = e->open || borders_on_vacuum(f, c);
    e->first = e->first < 0 ? site : e->first;
}

static bool make_entries(struct forest *f, struct clusters *c) {
    int64_t roots = 0;
    for (uint32_t k = 0; k < f->n_members; k++)
        roots += f->node[k].parent == k;
    c->entry = calloc((size_t)(roots ? roots : 1), sizeof *c->entry);
    c->label = malloc((size_t)(f->n_members + 1) * sizeof *c->label);
    for (uint32_t k = 0; c->entry && k < f->n_members; k++)
        if (f->node[k].parent == k) {
            c->entry[c->n] = (struct clusters_entry){
                .percolating = f->node[k].root.wraps, .first = -1, .found = (uint32_t)c->n};
            f->node[k].root.entry = (int32_t)c->n++;
        }
    return c->entry && c->label;
}

/* Adds every member to its root's entry. */
static bool collect(struct forest *f, struct clusters *c) {
    if (!make_entries(f, c))
        return false;
    uint32_t rank = 0;
    for (int64_t s = 0; s < f->n_sites; s++) {
        struct shift unused;
        if (!is_marked(f, s))
            continue;
        uint32_t entry = (uint32_t)f->node[find(f, rank, &unused)].root.entry;
        c->label[rank++] = entry;
        add_member(f, &c->entry[entry], s);
    }
    return true;
}

enum { TOUCHED_MAX = 18 }; /* octs and O neighbours of an O */

static int add_touched(const struct forest *f, const struct clusters *c, int64_t site,
                       uint32_t *touched, int n) {
    if (!is_marked(f, site))
        return n;
    uint32_t entry = c->label[rank_of(f, site)];
    for (int k = 0; k < n; k++)
        if (touched[k] == entry)
            return n;
    touched[n] = entry;
    return n + 1;
}

/* An anion that is no member is wall of each cluster that it touches. */
static void count_wall(const struct forest *f, struct clusters *c, struct lattice_coord o) {
    const struct lattice *l = &f->m->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(l, o);
    uint32_t touched[TOUCHED_MAX];
    int n = 0;
    for (int v = 0; v < st->n_oct; v++)
        n = add_touched(f, c, lattice_neighbor(l, o, st->oct[v]), touched, n);
    for (int v = 0; v < st->n_oxygen; v++)
        n = add_touched(f, c, lattice_neighbor(l, o, st->oxygen[v]), touched, n);
    for (int k = 0; k < n; k++)
        c->entry[touched[k]].wall++;
}

static void count_walls(const struct forest *f, struct clusters *c) {
    const struct lattice *l = &f->m->lattice;
    struct lattice_coord o = {0, SITE_O, 0, 0};
    for (o.plane = 0; f->n_members > 0 && o.plane < l->n_planes; o.plane++)
        for (o.j = 0; o.j < l->nb; o.j++)
            for (o.i = 0; o.i < l->na; o.i++) {
                int64_t site = lattice_site(l, o);
                if (!is_marked(f, site) && rate_model_state(f->x->occupancy[site]) != ANION_OUTSIDE)
                    count_wall(f, c, o);
            }
}

/* Sorts the entries; labels follow. */
static bool sort_entries(struct clusters *c) {
    uint32_t *place = malloc((size_t)(c->n + 1) * sizeof *place);
    if (!place)
        return false;
    qsort(c->entry, (size_t)c->n, sizeof *c->entry, by_size);
    for (int64_t k = 0; k < c->n; k++)
        place[c->entry[k].found] = (uint32_t)k;
    for (int64_t k = 0; k < c->n_members; k++)
        c->label[k] = place[c->label[k]];
    free(place);
    return true;
}

static void summarise(struct clusters *c) {
    int64_t sum = 0, squares = 0, filled = 0;
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

static bool mark_members(struct forest *f) {
    size_t words = (size_t)(f->n_sites + 63) / 64;
    f->member = calloc(words, sizeof *f->member);
    f->before = malloc(words * sizeof *f->before);
    for (int64_t s = 0; f->member && f->before && s < f->n_sites; s++) {
        if (s % 64 == 0)
            f->before[s / 64] = (uint32_t)f->n_members;
        uint64_t is = is_member(f, lattice_coord_of(&f->m->lattice, s));
        f->member[s / 64] |= is << (s % 64);
        f->n_members += (int64_t)is;
    }
    return f->member && f->before;
}

static bool plant(struct forest *f) {
    f->node = malloc((size_t)(f->n_members + 1) * sizeof *f->node);
    for (uint32_t k = 0; f->node && k < f->n_members; k++)
        f->node[k] = (struct node){.parent = k, .to_parent = {0, 0, 0}};
    return f->node != NULL;
}

static bool label_all(struct forest *f, struct clusters *c) {
    for (int64_t s = 0; s < f->n_sites; s++)
        if (is_marked(f, s))
            unite_neighbors(f, lattice_coord_of(&f->m->lattice, s));
    c->n_sites = f->n_sites;
    c->n_members = f->n_members;
    if (!collect(f, c))
        return false;
    count_walls(f, c);
    return sort_entries(c);
}

bool clusters_find(struct clusters *c, const struct rate_model *m, const struct configuration *x) {
    struct forest f = {.m = m, .x = x, .n_sites = lattice_n_sites(&m->lattice)};
    memset(c, 0, sizeof *c);
    bool ok = mark_members(&f) && plant(&f) && label_all(&f, c);
    c->member = f.member;
    if (ok)
        summarise(c);
    else
        clusters_free(c);
    free(f.before);
    free(f.node);
    return ok;
}

void clusters_free(struct clusters *c) {
    free(c->entry);
    free(c->member);
    free(c->label);
    memset(c, 0, sizeof *c);
}

double clusters_wall_contact(const struct clusters_entry *e) {
    int64_t touching = e->wall + e->anions;
    return touching ? (double)e->wall / (double)touching : 0;
}
