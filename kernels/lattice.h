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
 * Contacts follow from shared O: two cation sites share a face when they have three O in common.
 * Source of the geometry: close packing; the stencils are checked against a distance search in tests/test_lattice.c.
 */
#ifndef KERNELS_LATTICE_H
#define KERNELS_LATTICE_H
#include "hostdevice.h"

enum site_kind { SITE_O, SITE_OCT, SITE_TET_UP, SITE_TET_DOWN, SITE_KINDS };
enum { LATTICE_MAX_PLANES = 96, LATTICE_MAX_STENCILS = 96 };
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

struct lattice {
    int32_t na, nb, n_planes; /* cells along a1, a2; number of O planes (even) */
    int32_t n_stencils;
    uint8_t letter[LATTICE_MAX_PLANES];                 /* 0, 1, 2 = A, B, C */
    uint8_t stencil_of[LATTICE_MAX_PLANES][SITE_KINDS]; /* index into stencil[] */
    struct lattice_stencil stencil[LATTICE_MAX_STENCILS];
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

KMC_HD int64_t lattice_site(const struct lattice *l, struct lattice_coord c) {
    return (((int64_t)c.plane * SITE_KINDS + c.kind) * l->nb + c.j) * l->na + c.i;
}

KMC_HD struct lattice_coord lattice_coord_of(const struct lattice *l, int64_t site) {
    struct lattice_coord c;
    /* rows stay below 2^32 for every box in memory; most boxes allow the faster 32-bit division */
    uint32_t row = site >> 32 ? (uint32_t)(site / l->na) : (uint32_t)site / (uint32_t)l->na;
    uint32_t layer = row / (uint32_t)l->nb;
    c.i = (int32_t)(site - (int64_t)row * l->na);
    c.j = (int32_t)(row - layer * (uint32_t)l->nb);
    c.plane = (int32_t)(layer / SITE_KINDS);
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

/* Index of an O among all O, from its coordinates or site id. */
KMC_HD int64_t lattice_oxygen_index(const struct lattice *l, struct lattice_coord c) {
    return ((int64_t)c.plane * l->nb + c.j) * l->na + c.i;
}

KMC_HD const struct lattice_stencil *lattice_stencil_of(const struct lattice *l,
                                                        struct lattice_coord c) {
    return &l->stencil[l->stencil_of[c.plane][c.kind]];
}

KMC_HD int lattice_is_tm_gap(int32_t plane) {
    return plane % 2 == 0;
}

#endif
