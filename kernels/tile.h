/* tile: a piece of the box as a small padded lattice of its own, the unit of work of `equilibrate`.
 *
 * An axis of the box is whole in a tile (then it is periodic there, the border holds images) or cut into pieces.  Along a cut axis a tile holds
 *
 *     border | frozen | own ................. own | frozen | border          frozen: 1 cell in a layer, 2 planes
 *              0        first                 last                           local coordinates
 *
 * The own regions of all tiles make up the box.  A site may change only when it lies at least one cell and one plane inside the own region
 * (tile_allows): then every O that a move touches, and every O neighbour of an O that changes, is own, so two tiles never meet.
 * Written once here: in a CPU core's cache or in a block's shared memory.
 */
#ifndef KERNELS_TILE_H
#define KERNELS_TILE_H
#include "energy.h"

enum { AXIS_A, AXIS_B, AXIS_C, AXES };
enum { TILE_PLANES_MAX = 32 }; /* of a tile or of the copy of a window */

/* How the box is cut: pieces along each axis and the place of the first cut. */
struct tiling {
    int32_t pieces[AXES];
    int32_t origin[AXES]; /* even along c */
};

struct tile {
    struct lattice lattice; /* local, padded */
    struct configuration x; /* local arrays; owner: the workspace */
    int32_t start[AXES];    /* cell of the box at local (0, 0, 0) */
    uint8_t cut[AXES];
};

KMC_HD int32_t tile_box_length(const struct lattice *box, int axis) {
    return axis == AXIS_A ? box->na : axis == AXIS_B ? box->nb : box->n_planes;
}

KMC_HD int32_t tile_frozen(int axis) {
    return axis == AXIS_C ? 2 : 1;
}

/* First own cell of piece p, not wrapped; pieces along c begin at even planes. */
KMC_HD int32_t tile_begin(const struct tiling *g, const struct lattice *box, int axis, int32_t p) {
    int32_t unit = axis == AXIS_C ? 2 : 1;
    int64_t units = tile_box_length(box, axis) / unit;
    return g->origin[axis] + (int32_t)(units * p / g->pieces[axis]) * unit;
}

KMC_HD int32_t tile_wrap(int32_t c, int32_t n) {
    c %= n;
    return c < 0 ? c + n : c;
}

KMC_HD void tile_axis(struct tile *t, const struct tiling *g, const struct lattice *box, int axis,
                      int32_t p) {
    int32_t n = tile_box_length(box, axis), length = n;
    t->cut[axis] = g->pieces[axis] > 1;
    t->start[axis] = 0;
    if (t->cut[axis]) {
        int32_t from = tile_begin(g, box, axis, p), to = tile_begin(g, box, axis, p + 1);
        length = to - from + 2 * tile_frozen(axis);
        t->start[axis] = tile_wrap(from - tile_frozen(axis), n);
    }
    *(axis == AXIS_A   ? &t->lattice.na
      : axis == AXIS_B ? &t->lattice.nb
                       : &t->lattice.n_planes) = length;
}

/* Sizes and place of tile number `index`; arrays and reach are the caller's. */
KMC_HD void tile_place(struct tile *t, const struct tiling *g, const struct lattice *box,
                       int64_t index) {
    t->lattice = *box;
    t->lattice.pad = 1;
    t->lattice.reach = NULL;
    t->lattice.layer = NULL;
    tile_axis(t, g, box, AXIS_A, (int32_t)(index % g->pieces[AXIS_A]));
    index /= g->pieces[AXIS_A];
    tile_axis(t, g, box, AXIS_B, (int32_t)(index % g->pieces[AXIS_B]));
    tile_axis(t, g, box, AXIS_C, (int32_t)(index / g->pieces[AXIS_B]));
    t->lattice.stencil_of = box->stencil_of + t->start[AXIS_C];
    t->lattice.letter = box->letter + t->start[AXIS_C];
    lattice_stride(&t->lattice);
}

KMC_HD int32_t tile_distance(const struct lattice *l, struct lattice_offset o, int kinds) {
    return (int32_t)(kinds * o.dplane * l->layer_size + o.dj * l->row + o.di);
}

/* Distances in memory for stencil number s.  Nearest neighbours lie within one cell and one plane. */
KMC_HD void tile_reach(const struct lattice *l, int s, struct lattice_reach *r) {
    const struct lattice_stencil *st = &l->stencil[s];
    int32_t layer = (int32_t)l->layer_size;
    int kind = st->n_oxygen                ? SITE_O
               : st->n_vertex == 6         ? SITE_OCT
               : st->vertex[1].dplane == 0 ? SITE_TET_UP
                                           : SITE_TET_DOWN;
    for (int v = 0; v < st->n_vertex; v++)
        r->vertex[v] = tile_distance(l, st->vertex[v], 1);
    for (int v = 0; v < st->n_vertex; v++)
        r->vertex_site[v] = tile_distance(l, st->vertex[v], SITE_KINDS) - kind * layer;
    for (int v = 0; v < st->n_face; v++)
        r->face[v] =
            tile_distance(l, st->face[v], SITE_KINDS) + ((int)st->face[v].kind - kind) * layer;
    for (int v = 0; v < st->n_face; v++)
        r->face_cell[v] = tile_distance(l, st->face[v], 1);
    for (int v = 0; v < st->n_face; v++) {
        r->face_kind[v] = st->face[v].kind;
        r->face_odd[v] = st->face[v].dplane % 2 != 0;
    }
    for (int v = 0; v < st->n_face; v++)
        r->face_contact[v] = (uint8_t)rate_model_contact(kind, st->face[v].kind);
    for (int v = 0; v < st->n_oxygen; v++) {
        r->oxygen[v] = tile_distance(l, st->oxygen[v], SITE_KINDS);
        r->oxygen_cell[v] = tile_distance(l, st->oxygen[v], 1);
    }
    for (int v = 0; kind == SITE_O && v < st->n_oct; v++)
        r->oct_cell[v] = tile_distance(l, st->oct[v], 1);
}

/* What the sites of layer number `index` = plane*4 + kind have in common; after tile_reach. */
KMC_HD void tile_layer(const struct lattice *l, int32_t index, struct lattice_layer *y) {
    struct lattice_coord c = {index / SITE_KINDS, index % SITE_KINDS, 0, 0};
    y->st = lattice_stencil_of(l, c);
    y->r = lattice_reach_of(l, c);
    y->shift = ((SITE_KINDS - 1) * (int64_t)(c.plane + l->pad) + c.kind) * l->layer_size;
    y->kind = c.kind;
    y->site_class = rate_model_site_class(c);
    y->oct_faces = 0;
    for (int v = 0; c.kind == SITE_OCT && v < y->st->n_face; v++)
        y->oct_faces |= y->st->face[v].kind == SITE_OCT;
}

/* Fills the tables of distances of a placed tile: the caller's, [n_stencils] and [SITE_KINDS * n_planes]. */
KMC_HD void tile_tables(struct tile *t, struct lattice_reach *reach, struct lattice_layer *layer) {
    for (int s = 0; s < t->lattice.n_stencils; s++)
        tile_reach(&t->lattice, s, &reach[s]);
    t->lattice.reach = reach;
    for (int32_t k = 0; k < t->lattice.n_planes * SITE_KINDS; k++)
        tile_layer(&t->lattice, k, &layer[k]);
    t->lattice.layer = layer;
}

/* May a site of this cell change in this tile? */
KMC_HD int tile_allows(const struct tile *t, struct lattice_coord c) {
    const struct lattice *l = &t->lattice;
    return (!t->cut[AXIS_A] || (c.i >= 2 && c.i < l->na - 2)) &&
           (!t->cut[AXIS_B] || (c.j >= 2 && c.j < l->nb - 2)) &&
           (!t->cut[AXIS_C] || (c.plane >= 3 && c.plane < l->n_planes - 3));
}

/* Cells along an axis in which bonds are begun: all of a whole axis; of a cut one those in which a site may change (a plane more on either side, so that
 * the first one is even). */
KMC_HD int32_t tile_first(const struct tile *t, int axis) {
    return t->cut[axis] ? 2 : 0;
}

KMC_HD int32_t tile_span(const struct tile *t, int axis) {
    return tile_box_length(&t->lattice, axis) - 2 * tile_first(t, axis);
}

KMC_HD int tile_is_whole(const struct tile *t) {
    return !t->cut[AXIS_A] && !t->cut[AXIS_B] && !t->cut[AXIS_C];
}

/* Cell of the box that a local cell, in the border perhaps, stands for. */
KMC_HD struct lattice_coord tile_global(const struct tile *t, const struct lattice *box,
                                        struct lattice_coord c) {
    c.i = tile_wrap(c.i + t->start[AXIS_A], box->na);
    c.j = tile_wrap(c.j + t->start[AXIS_B], box->nb);
    c.plane = tile_wrap(c.plane + t->start[AXIS_C], box->n_planes);
    return c;
}

/* Number of rows (plane, j) in memory: the shares in which a tile is loaded and stored. */
KMC_HD int32_t tile_rows(const struct tile *t) {
    return (t->lattice.n_planes + 2) * (t->lattice.nb + 2);
}

/* Copies a row of `bytes` an entry with its border: from the row of the box it stands for, beginning at cell `first` there. */
KMC_HD void tile_load_entries(const struct tile *t, void *to, const void *from, int32_t box_cells,
                              int32_t first, size_t bytes) {
    char *out = (char *)to;
    const char *in = (const char *)from;
    int32_t cells = t->lattice.na + 2;
    if (!t->cut[AXIS_A]) { /* the box's row, its last and its first cell */
        memcpy(out + bytes, in, (size_t)box_cells * bytes);
        memcpy(out, in + (size_t)(box_cells - 1) * bytes, bytes);
        memcpy(out + (size_t)(cells - 1) * bytes, in, bytes);
        return;
    }
    for (int32_t done = 0, n; done < cells; done += n, first = 0) {
        n = box_cells - first < cells - done ? box_cells - first : cells - done;
        memcpy(out + (size_t)done * bytes, in + (size_t)first * bytes, (size_t)n * bytes);
    }
}

/* Copies one row with its border from the box into the tile. */
KMC_HD void tile_load_row(struct tile *t, const struct configuration *box, int32_t row) {
    const struct lattice *l = &t->lattice, *b = box->lattice;
    struct lattice_coord c = {row / (l->nb + 2) - 1, SITE_O, -1, row % (l->nb + 2) - 1};
    struct lattice_coord g = tile_global(t, b, c);
    int32_t first = g.i;
    g.i = 0;
    int64_t to = lattice_oxygen_index(l, c), from = lattice_oxygen_index(b, g);
    tile_load_entries(t, t->x.deviation + to, box->deviation + from, b->na, first,
                      sizeof *box->deviation);
    tile_load_entries(t, t->x.n_tm + to, box->n_tm + from, b->na, first, 1);
    to = lattice_site(l, c);
    from = lattice_site(b, g);
    for (int kind = 0; kind < SITE_KINDS; kind++)
        tile_load_entries(t, t->x.occupancy + to + kind * l->layer_size,
                          box->occupancy + from + kind * b->layer_size, b->na, first, 1);
}

/* Copies what may have changed in one row back: bytes of sites that the tile allows, deviations of its own O. */
KMC_HD void tile_store_row(const struct tile *t, struct configuration *box, int32_t row) {
    const struct lattice *l = &t->lattice;
    int32_t cut = t->cut[AXIS_A], last = l->na - cut; /* own cells: cut .. last - 1 */
    struct lattice_coord c = {row / (l->nb + 2) - 1, SITE_O, cut, row % (l->nb + 2) - 1};
    if (c.j < t->cut[AXIS_B] || c.j >= l->nb - t->cut[AXIS_B] || c.plane < 2 * t->cut[AXIS_C] ||
        c.plane >= l->n_planes - 2 * t->cut[AXIS_C])
        return;
    struct lattice_coord g = tile_global(t, box->lattice, c), inside = c;
    for (int32_t n; c.i < last; c.i += n, g.i = 0) {
        n = box->lattice->na - g.i < last - c.i ? box->lattice->na - g.i : last - c.i;
        c.kind = g.kind = SITE_O;
        memcpy(box->deviation + lattice_oxygen_index(box->lattice, g),
               t->x.deviation + lattice_oxygen_index(l, c), (size_t)n * sizeof *box->deviation);
        /* allowed cells of this stretch: one less at either end of the own region */
        inside.i = c.i > 2 * cut ? c.i : 2 * cut;
        int32_t end = c.i + n < l->na - 2 * cut ? c.i + n : l->na - 2 * cut;
        if (inside.i >= end || !tile_allows(t, inside))
            continue;
        struct lattice_coord to = g;
        to.i += inside.i - c.i;
        for (int kind = 0; kind < SITE_KINDS; kind++) {
            inside.kind = to.kind = kind;
            memcpy(box->occupancy + lattice_site(box->lattice, to),
                   t->x.occupancy + lattice_site(l, inside), (size_t)(end - inside.i));
        }
    }
}

/* Bytes of a tile's arrays: occupancy, deviation, n_tm. */
KMC_HD int64_t tile_bytes(const struct lattice *l) {
    int64_t sites = lattice_array_length(l), oxygen = sites / SITE_KINDS;
    return sites + oxygen * (int64_t)(sizeof(int16_t) + sizeof(uint8_t)) + 8;
}

/* Lays the arrays into a workspace of tile_bytes, aligned to 2 bytes. */
KMC_HD void tile_point(struct tile *t, void *workspace) {
    int64_t sites = lattice_array_length(&t->lattice), oxygen = sites / SITE_KINDS;
    t->x.lattice = &t->lattice;
    t->x.deviation = (int16_t *)workspace;
    t->x.n_tm = (uint8_t *)(t->x.deviation + oxygen);
    t->x.occupancy = t->x.n_tm + oxygen;
    for (int state = 0; state < ANION_ACTIVE; state++)
        t->x.around[state] = NULL;
}

#endif
