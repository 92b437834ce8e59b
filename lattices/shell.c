#include "shell.h"

#include <math.h>
#include <stdlib.h>
#include "../kmc/species.h"
#include "order.h"

static bool is_outside(const struct shell *s, struct lattice_coord c) {
    return s->occupancy[lattice_site(s->lattice, c)] == SITE_OUTSIDE;
}

/* The next site of the box in the order of memory; false past the end. */
static bool next_site(const struct lattice *l, int64_t *site, struct lattice_coord *c) {
    if (++*site >= lattice_n_sites(l))
        return false;
    *c = lattice_coord_of(l, *site);
    return true;
}

/* One step deeper than the least deep neighbour; 0 beside the outside. */
static uint8_t depth_from_neighbours(const struct shell *s, struct lattice_coord o) {
    const struct lattice_stencil *st = lattice_stencil_of(s->lattice, o);
    uint8_t least = SHELL_DEEP;
    for (int v = 0; v < st->n_oxygen; v++) {
        struct lattice_coord other = lattice_step(s->lattice, o, st->oxygen[v]);
        if (is_outside(s, other))
            return 0;
        uint8_t depth = s->depth[lattice_oxygen_index(s->lattice, other)];
        least = depth < least ? depth : least;
    }
    return least < SHELL_DEEP - 1 ? least + 1 : SHELL_DEEP;
}

/* One sweep: finds at least the next depth.  True when something changed. */
static bool sweep(struct shell *s) {
    struct lattice_coord o;
    bool changed = false;
    for (int64_t site = -1; next_site(s->lattice, &site, &o);) {
        if (o.kind != SITE_O || is_outside(s, o))
            continue;
        uint8_t *depth = &s->depth[lattice_oxygen_index(s->lattice, o)];
        uint8_t found = depth_from_neighbours(s, o);
        changed = changed || found < *depth;
        *depth = found < *depth ? found : *depth;
    }
    return changed;
}

bool shell_create(struct shell *s, const struct lattice *l, uint8_t *occupancy,
                  struct philox random) {
    *s = (struct shell){.lattice = l, .occupancy = occupancy, .random = random};
    s->depth = malloc((size_t)lattice_n_oxygen(l));
    if (!s->depth)
        return false;
    for (int64_t o = 0; o < lattice_n_oxygen(l); o++)
        s->depth[o] = SHELL_DEEP;
    while (sweep(s))
        ;
    return true;
}

void shell_free(struct shell *s) {
    free(s->depth);
    s->depth = NULL;
}

static uint8_t depth_at(const struct shell *s, struct lattice_coord c) {
    const struct lattice_stencil *st = lattice_stencil_of(s->lattice, c);
    if (c.kind == SITE_O)
        return s->depth[lattice_oxygen_index(s->lattice, c)];
    uint8_t least = SHELL_DEEP;
    for (int v = 0; v < st->n_vertex; v++) {
        struct lattice_coord o = lattice_step(s->lattice, c, st->vertex[v]);
        uint8_t depth = is_outside(s, o) ? 0 : s->depth[lattice_oxygen_index(s->lattice, o)];
        least = depth < least ? depth : least;
    }
    return least;
}

static bool takes_part(const struct shell *s, const struct shell_sites *sites,
                       struct lattice_coord c) {
    uint8_t byte = s->occupancy[lattice_site(s->lattice, c)];
    if (c.kind != (sites->anion ? SITE_O : SITE_OCT) ||
        (byte != sites->byte[0] && byte != sites->byte[1]))
        return false;
    bool gap = sites->anion || sites->gap == 2 || sites->gap == !lattice_is_tm_gap(c.plane);
    return gap && depth_at(s, c) <= sites->deepest;
}

static double uniform(const struct shell *s, uint32_t step, int64_t site) {
    struct philox_block x = philox_draw(s->random, STREAM_SPECIES, step, (uint64_t)site);
    return philox_open(x.v[0], x.v[1]);
}

static int64_t count_sites(const struct shell *s, const struct shell_sites *sites) {
    struct lattice_coord c;
    int64_t n = 0;
    for (int64_t site = -1; next_site(s->lattice, &site, &c);)
        n += takes_part(s, sites, c);
    return n;
}

int64_t shell_convert(const struct shell *s, const struct shell_sites *sites, double share,
                      uint8_t to, uint32_t step) {
    int64_t pool = count_sites(s, sites), n = (int64_t)(share * (double)pool + 0.5);
    struct order_deck d = {2, {n, pool - n}, pool};
    struct lattice_coord c;
    for (int64_t site = -1; d.left[0] > 0 && next_site(s->lattice, &site, &c);)
        if (takes_part(s, sites, c) && order_draw(&d, uniform(s, step, site)) == 0)
            s->occupancy[site] = to;
    return n;
}

struct candidate {
    int64_t site;
    double key;
};

static int by_key(const void *a, const void *b) {
    const struct candidate *x = a, *y = b;
    return x->key < y->key ? -1 : x->key > y->key ? 1 : x->site < y->site ? -1 : 1;
}

/* Exponential waiting times at rates equal to the weights: the first n are a sample without replacement (Efraimidis, Spirakis, Inf. Process. Lett. 97, 181
 * (2006)). */
bool shell_gather(const struct shell *s, const struct shell_sites *sites, double steps,
                  uint32_t step) {
    int64_t pool = count_sites(s, sites), n = 0, dopants = 0;
    struct candidate *list = malloc((size_t)(pool + 1) * sizeof *list);
    struct lattice_coord c;
    if (!list)
        return false;
    for (int64_t site = -1; next_site(s->lattice, &site, &c);) {
        if (!takes_part(s, sites, c))
            continue;
        double weight = exp(-depth_at(s, c) / steps);
        list[n++] = (struct candidate){site, -log(uniform(s, step, site)) / weight};
        dopants += s->occupancy[site] == sites->byte[0];
    }
    qsort(list, (size_t)n, sizeof *list, by_key);
    for (int64_t k = 0; k < n; k++)
        s->occupancy[list[k].site] = sites->byte[k < dopants ? 0 : 1];
    free(list);
    return true;
}
