/* lattice: close-packed O planes and the octahedra and tetrahedra between them.
 *
 *   plane k+1   O  (letter Y)        ---o-------o-------o---
 *   gap k       tet down (lateral X, height 3h/4, 3 O of Y + apex X)
 *               oct      (lateral Z, height h/2,  3 O of X + 3 O of Y)
 *               tet up   (lateral Y, height h/4,  3 O of X + apex Y)
 *   plane k     O  (letter X)        -o-------o-------o-----
 *
 * Letters A, B, C sit at 0, 1/3, 2/3 of a1 + a2 (a1, a2 at 60 degrees).  Even gaps are transition-metal (TM) layers, odd gaps Li layers.
 * Data layout: one byte a site in a regular array [plane][kind][j][i],
 *     site = ((k*4 + kind)*nb + j)*na + i,      O index = (k*nb + j)*na + i,
 * so no neighbour list is stored: neighbours are offsets (a stencil) that depend on the letters of a few successive planes only.
 * A tile (kernels/tile.h) is a lattice of its own whose rows have a border of one cell all round (`pad`): there every nearest neighbour is a constant
 * distance in memory away (`reach`), without wrapping.
 * Contacts follow from shared O: two cation sites share a face when they have three O in common.
 * Source of the geometry: close packing; the stencils are checked against a distance search in tests/test_lattice.c.
 */
#ifndef KERNELS_LATTICE_H
#define KERNELS_LATTICE_H
#include "hostdevice.h"

enum site_kind { SITE_O, SITE_OCT, SITE_TET_UP, SITE_TET_DOWN, SITE_KINDS };
enum { LATTICE_MAX_PLANES = 1024, LATTICE_MAX_STENCILS = 96 };
enum {
    LATTICE_TURNS = 3
}; /* how often the tables of planes repeat the stacking: a tile may begin anywhere and be longer than the box */
enum { SITE_OUTSIDE = 255 }; /* cation site that does not exist (vacuum) */

/* One neighbour as an offset; `shared` = number of O that both cation sites touch (0 for O-O contacts). */
struct lattice_offset {
    int8_t dplane, di, dj;
    uint8_t kind : 4, shared : 4;
};

/* All neighbours of a site of one kind; lists a kind does not use are empty. */
struct lattice_stencil {
    struct lattice_offset vertex[6]; /* O vertices of a cation site: 6 of an oct, 4 of a tet */
    struct lattice_offset face[10];  /* cation sites that share a face */
    struct lattice_offset oct[26];   /* other octs sharing at least one O; of an O: its octs */
    struct lattice_offset tet[44];   /* other tets sharing at least one O; of an O: its tets */
    struct lattice_offset oxygen
        [12]; /* O neighbours of an O: 0-5 in plane, 6-8 above, 9-11 below; reverse[m] leads back */
    uint8_t reverse[12];
    uint8_t n_vertex, n_face, n_oct, n_tet, n_oxygen;
};

/* Distances in memory from a site to its nearest neighbours, for one padded lattice and one stencil. */
struct lattice_reach {
    int32_t vertex[6];      /* O index minus lattice_oxygen_index of the site's cell */
    int32_t vertex_site[6]; /* site of the O minus the own one */
    int32_t face[10];       /* site minus site */
    int32_t oxygen[12];
    /* the same as cells (lattice_oxygen_index) */
    int32_t face_cell[10], oxygen_cell[12];
    int32_t oct_cell[6];      /* of an O: of its octs */
    uint8_t face_contact[10]; /* enum face_contact (rate_model.h) */
    uint8_t face_kind[10],
        face_odd[10]; /* kind of the neighbour; 1 when it lies in a gap of the other sort */
};

/* What the sites of one kind in one plane of a padded lattice have in common. */
struct lattice_layer {
    const struct lattice_stencil *st;
    const struct lattice_reach *r;
    int64_t shift;            /* site = cell (lattice_oxygen_index) + shift */
    int32_t kind, site_class; /* enum site_class (rate_model.h) of a cation site */
    uint8_t oct_faces;        /* does an oct share a face with another one */
};

/* Letters and stencils live until the program ends, one set for each stacking (lattices/lattice.c); a lattice is copied freely. */
struct lattice {
    int32_t na, nb, n_planes; /* cells along a1, a2; number of O planes: periods of the box */
    int32_t pad;              /* cells of border on every side in memory: 0, or 1 in a tile */
    int64_t row, layer_size,
        origin; /* strides of j and of (plane, kind) in memory, place of O (0, 0, 0): lattice_stride */
    int32_t n_stencils;
    const uint8_t *letter;                   /* [LATTICE_TURNS n_planes], 0, 1, 2 = A, B, C */
    const uint8_t (*stencil_of)[SITE_KINDS]; /* [LATTICE_TURNS n_planes], index into stencil[] */
    const struct lattice_stencil *stencil;
    /* NULL without a border */
    const struct lattice_reach *reach; /* [n_stencils] */
    const struct lattice_layer *layer; /* [n_planes][SITE_KINDS] */
};

struct lattice_coord {
    int32_t plane, kind, i, j;
};

KMC_HD int64_t lattice_n_oxygen(const struct lattice *l) {
    return (int64_t)l->n_planes * l->nb * l->na;
}

KMC_HD int64_t lattice_n_sites(const struct lattice *l) {
    return SITE_KINDS * lattice_n_oxygen(l);
}

/* Sets the strides from the sizes and the border. */
KMC_HD void lattice_stride(struct lattice *l) {
    l->row = l->na + 2 * l->pad;
    l->layer_size = l->row * (l->nb + 2 * l->pad);
    l->origin = l->pad * (SITE_KINDS * l->layer_size + l->row + 1);
}

/* Length of an array with one entry for each site, border included; a quarter of it for each O. */
KMC_HD int64_t lattice_array_length(const struct lattice *l) {
    return SITE_KINDS * (l->n_planes + 2 * l->pad) * l->layer_size;
}

KMC_HD int64_t lattice_site(const struct lattice *l, struct lattice_coord c) {
    return l->origin + (c.plane * SITE_KINDS + c.kind) * l->layer_size + c.j * l->row + c.i;
}

KMC_HD struct lattice_coord lattice_coord_of(const struct lattice *l, int64_t site) {
    struct lattice_coord c;
    uint32_t na = (uint32_t)l->row, nb = (uint32_t)(l->nb + 2 * l->pad);
    /* rows stay below 2^32 for every box in memory; most boxes allow the faster 32-bit division */
    uint32_t row = site >> 32 ? (uint32_t)(site / na) : (uint32_t)site / na;
    uint32_t layer = row / nb;
    c.i = (int32_t)(site - (int64_t)row * na) - l->pad;
    c.j = (int32_t)(row - layer * nb) - l->pad;
    c.plane = (int32_t)(layer / SITE_KINDS) - l->pad;
    c.kind = (int32_t)(layer % SITE_KINDS);
    return c;
}

/* Coordinates of a neighbour, wrapped into the periodic box. */
KMC_HD struct lattice_coord lattice_step(const struct lattice *l, struct lattice_coord c,
                                         struct lattice_offset o) {
    c.plane += o.dplane;
    c.plane += c.plane < 0 ? l->n_planes : 0;
    c.plane -= c.plane >= l->n_planes ? l->n_planes : 0;
    c.i += o.di;
    c.i += c.i < 0 ? l->na : 0;
    c.i -= c.i >= l->na ? l->na : 0;
    c.j += o.dj;
    c.j += c.j < 0 ? l->nb : 0;
    c.j -= c.j >= l->nb ? l->nb : 0;
    c.kind = o.kind;
    return c;
}

KMC_HD int64_t lattice_neighbor(const struct lattice *l, struct lattice_coord c,
                                struct lattice_offset o) {
    return lattice_site(l, lattice_step(l, c, o));
}

/* Index of an O among all O, from its coordinates or those of another site of its cell. */
KMC_HD int64_t lattice_oxygen_index(const struct lattice *l, struct lattice_coord c) {
    return (c.plane + l->pad) * l->layer_size + (c.j + l->pad) * l->row + c.i + l->pad;
}

KMC_HD int lattice_stencil_index(const struct lattice *l, struct lattice_coord c) {
    return l->stencil_of[c.plane][c.kind];
}

KMC_HD const struct lattice_stencil *lattice_stencil_of(const struct lattice *l,
                                                        struct lattice_coord c) {
    return &l->stencil[lattice_stencil_index(l, c)];
}

/* Of a padded lattice. */
KMC_HD const struct lattice_layer *lattice_layer_of(const struct lattice *l, int32_t plane,
                                                    int32_t kind) {
    return &l->layer[plane * SITE_KINDS + kind];
}

/* Nearest neighbours of c by number: index of O vertex v, site of face neighbour v, site of O neighbour v of an O.
 * Inner loops take the distances once (lattice_reach_of) and fall back on these. */
KMC_HD const struct lattice_reach *lattice_reach_of(const struct lattice *l,
                                                    struct lattice_coord c) {
    return l->reach ? &l->reach[lattice_stencil_index(l, c)] : NULL;
}

KMC_HD int64_t lattice_vertex(const struct lattice *l, struct lattice_coord c, int v) {
    if (l->reach)
        return lattice_oxygen_index(l, c) + l->reach[lattice_stencil_index(l, c)].vertex[v];
    return lattice_oxygen_index(l, lattice_step(l, c, lattice_stencil_of(l, c)->vertex[v]));
}

KMC_HD int64_t lattice_face(const struct lattice *l, struct lattice_coord c, int v) {
    if (l->reach)
        return lattice_site(l, c) + l->reach[lattice_stencil_index(l, c)].face[v];
    return lattice_neighbor(l, c, lattice_stencil_of(l, c)->face[v]);
}

KMC_HD int64_t lattice_oxygen(const struct lattice *l, struct lattice_coord c, int v) {
    if (l->reach)
        return lattice_site(l, c) + l->reach[lattice_stencil_index(l, c)].oxygen[v];
    return lattice_neighbor(l, c, lattice_stencil_of(l, c)->oxygen[v]);
}

/* Images in the border of a tile of a cell of its lattice: for each axis along which it lies at the edge, the way there in cells or planes, else 0.
 * `axes` has a bit for each such axis (1 = a, 2 = b, 4 = c); every non-empty part of it is one image:
 *     for (int n = images.axes; n; n = (n - 1) & images.axes) ... lattice_image_step(l, &images, n, kinds) */
struct lattice_images {
    int32_t axes, di, dj, dplane;
};

KMC_HD int32_t lattice_image(int32_t c, int32_t n) {
    return c == 0 ? n : c == n - 1 ? -n : 0;
}

KMC_HD struct lattice_images lattice_images_of(const struct lattice *l, struct lattice_coord c) {
    struct lattice_images m = {0, 0, 0, 0};
    if (!l->pad)
        return m;
    m.di = lattice_image(c.i, l->na);
    m.dj = lattice_image(c.j, l->nb);
    m.dplane = lattice_image(c.plane, l->n_planes);
    m.axes = (m.di != 0) | (m.dj != 0) << 1 | (m.dplane != 0) << 2;
    return m;
}

/* Distance in memory to the image `n`, where a plane holds this many kinds: 1 for arrays of O, SITE_KINDS for sites. */
KMC_HD int64_t lattice_image_step(const struct lattice *l, const struct lattice_images *m, int n,
                                  int kinds) {
    return (n & 1 ? m->di : 0) + (n & 2 ? m->dj * l->row : 0) +
           (n & 4 ? m->dplane * kinds * l->layer_size : 0);
}

KMC_HD int lattice_is_tm_gap(int32_t plane) {
    return plane % 2 == 0;
}

#endif
