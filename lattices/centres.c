#include "centres.h"

enum { MAX_FACES = 8 };

static bool is_tet(struct lattice_coord c) {
    return c.kind == SITE_TET_UP || c.kind == SITE_TET_DOWN;
}

static bool is_taken(uint8_t byte) {
    return byte != SPECIES_VACANCY && byte != SITE_OUTSIDE;
}

/* A vacant tet of a Li gap without a cation in a tet across one of its faces. */
static bool is_free(const struct supercell *c, struct lattice_coord tet) {
    const struct lattice *l = &c->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(l, tet);
    if (!is_tet(tet) || lattice_is_tm_gap(tet.plane) ||
        c->occupancy[lattice_site(l, tet)] != SPECIES_VACANCY)
        return false;
    for (int f = 0; f < st->n_face; f++) {
        struct lattice_coord other = lattice_step(l, tet, st->face[f]);
        if (is_tet(other) && is_taken(c->occupancy[lattice_site(l, other)]))
            return false;
    }
    return true;
}

static void settle(struct supercell *c, struct lattice_coord oct, struct philox random,
                   uint32_t step) {
    const struct lattice *l = &c->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(l, oct);
    int64_t site = lattice_site(l, oct), tet[MAX_FACES];
    uint32_t n = 0;
    for (int f = 0; f < st->n_face && n < MAX_FACES; f++) {
        struct lattice_coord other = lattice_step(l, oct, st->face[f]);
        if (is_free(c, other))
            tet[n++] = lattice_site(l, other);
    }
    if (n == 0)
        return;
    struct philox_block x = philox_draw(random, STREAM_SPECIES, step, (uint64_t)site);
    c->occupancy[tet[philox_below(x.v[0], n)]] = c->occupancy[site];
    c->occupancy[site] = SPECIES_VACANCY;
}

static bool is_centre(const struct species_table *t, uint8_t byte) {
    int element = is_taken(byte) ? t->species[byte].element : -1;
    return element >= 0 && t->elements[element].role == ROLE_CENTRE;
}

void centres_settle(struct supercell *c, const struct species_table *t, struct philox random,
                    uint32_t step) {
    const struct lattice *l = &c->lattice;
    struct lattice_coord at = {0, SITE_OCT, 0, 0};
    for (at.plane = 0; at.plane < l->n_planes; at.plane += 2)
        for (at.j = 0; at.j < l->nb; at.j++)
            for (at.i = 0; at.i < l->na; at.i++)
                if (is_centre(t, c->occupancy[lattice_site(l, at)]))
                    settle(c, at, random, step);
}
