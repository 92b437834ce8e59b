#include "motifs.h"
#include <stdbool.h>

enum { FACE_OCTS = 4, CORNER_OCTS = 12 };

static int is_tm(const struct rate_model *m, uint8_t byte) {
    return m->group[byte] == GROUP_TM;
}

static bool is_8a(const struct rate_model *m, const struct configuration *x,
                  struct lattice_coord tet) {
    const struct lattice *l = &m->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(l, tet);
    int faces = 0, corners = 0, tm = 0;
    uint8_t here = x->occupancy[lattice_site(l, tet)];
    if (here != CATION_VACANCY && here != CATION_LI)
        return false;
    for (int v = 0; v < st->n_face; v++) {
        if (st->face[v].kind != SITE_OCT)
            continue;
        if (x->occupancy[lattice_neighbor(l, tet, st->face[v])] != CATION_VACANCY)
            return false;
        faces++;
    }
    for (int v = 0; faces == FACE_OCTS && v < st->n_oct; v++) {
        if (st->oct[v].shared != 1)
            continue;
        corners++;
        tm += is_tm(m, x->occupancy[lattice_neighbor(l, tet, st->oct[v])]);
    }
    return corners == CORNER_OCTS && tm >= MOTIFS_SPINEL_TM;
}

static bool is_spinel(const struct rate_model *m, const struct configuration *x,
                      struct lattice_coord o) {
    const struct lattice_stencil *st = lattice_stencil_of(&m->lattice, o);
    for (int v = 0; v < st->n_tet; v++)
        if (is_8a(m, x, lattice_step(&m->lattice, o, st->tet[v])))
            return true;
    return false;
}

static bool is_rock_salt(const struct rate_model *m, const struct configuration *x,
                         struct lattice_coord o) {
    const struct lattice_stencil *st = lattice_stencil_of(&m->lattice, o);
    int filled = 0, tm = 0;
    for (int v = 0; v < st->n_oct; v++) {
        struct lattice_coord c = lattice_step(&m->lattice, o, st->oct[v]);
        uint8_t byte = x->occupancy[lattice_site(&m->lattice, c)];
        filled += byte != CATION_VACANCY && byte != SITE_OUTSIDE;
        tm += !lattice_is_tm_gap(c.plane) && is_tm(m, byte);
    }
    return filled == 6 && tm >= MOTIFS_ROCK_SALT_TM;
}

void motifs_count(struct motifs *n, const struct rate_model *m, const struct configuration *x) {
    const struct lattice *l = &m->lattice;
    struct lattice_coord o = {0, SITE_O, 0, 0};
    memset(n, 0, sizeof *n);
    for (o.plane = 0; o.plane < l->n_planes; o.plane++)
        for (o.j = 0; o.j < l->nb; o.j++)
            for (o.i = 0; o.i < l->na; o.i++) {
                int state = rate_model_state(x->occupancy[lattice_site(l, o)]);
                if (state == ANION_VACANCY || state == ANION_OUTSIDE)
                    continue;
                n->anions++;
                n->spinel += is_spinel(m, x, o);
                n->rock_salt += is_rock_salt(m, x, o);
            }
}
