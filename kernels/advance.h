/* advance: the n-fold way (Bortz, Kalos, Lebowitz, J. Comput. Phys. 17, 10 (1975)) in one region of the box for one window of time.
 *
 *     refresh_rates   fields, window_owner_rate of every leaf, window_sum_node           in parallel
 *     advance_time    waiting time from the root of the tree                            one thread
 *     select_event    window_select                                                     one thread
 *     apply_events    window_apply                                                      one thread
 *     refresh_rates   window_renew, then the owners in the influence of what changed    in parallel
 *
 * A region holds the owners of a block of cells; all that its events read and write outside is frozen meanwhile (kmc/engine_cpu.c rotates the regions).
 * A box that is one region is simulated exactly.  The window works on a copy with a border (kernels/tile.h): the region and a margin as wide as its
 * owners read, or the whole of an axis.
 *
 *     border | margin | region ................. region | margin | border        local coordinates along a cut axis
 *              0        first
 *
 * Events are carried out on the copy and on the box.  What is known of each cell of the copy (kernels/fields.h) is renewed where something that it
 * follows from has changed.
 * A leaf is a site of the region, its value the total rate of the site's channels; sums are taken in a tree with 32 children a node, each in one fixed
 * order, so they are the same numbers whoever computes them.
 */
#ifndef KERNELS_ADVANCE_H
#define KERNELS_ADVANCE_H
#include "events.h"
#include "philox.h"
#include "tile.h"

enum { WINDOW_FAN = 32, WINDOW_LEVELS = 6 };
enum { WINDOW_OLD_MAX = 1024 }; /* sites whose fields one event can touch, with room */

/* Block of cells whose owners may act; cells wrap round the box. */
struct region {
    int32_t start[AXES], length[AXES];
};

/* By plane of the box and kind of a changed site, list number plane*4 + kind: the owners that read it, the sites whose fields but may_hop follow
 * from it, and the octs whose may_hop does, as offsets.  Entries begin[list] .. begin[list + 1] - 1. */
struct window_influence {
    int32_t n_lists;
    const int32_t *owner_begin, *field_begin, *ion_begin; /* [n_lists + 1] */
    const struct lattice_offset *owner, *field, *ion;
};

struct window {
    struct event_context context; /* of the tile */
    struct tile tile;
    struct fields fields;
    struct configuration box;
    struct region region;
    int32_t first[AXES];        /* of the region in the tile */
    const uint8_t (*owns)[256]; /* by cation (0) or anion (1) byte: may the site own channels */
    double *rate;               /* leaves, then the sums of 32, then the sums of those, ... */
    int32_t levels;
    int64_t begin[WINDOW_LEVELS],
        length[WINDOW_LEVELS]; /* of each level, lengths multiples of 32 but for the root */
};

KMC_HD int64_t window_leaves(const struct region *r) {
    return SITE_KINDS * (int64_t)r->length[AXIS_A] * r->length[AXIS_B] * r->length[AXIS_C];
}

/* Lays out the levels; returns the number of doubles they need. */
KMC_HD int64_t window_layout(struct window *w) {
    int64_t n = window_leaves(&w->region), at = 0;
    w->levels = 0;
    for (;;) {
        int64_t padded = n == 1 ? 1 : (n + WINDOW_FAN - 1) / WINDOW_FAN * WINDOW_FAN;
        w->begin[w->levels] = at;
        w->length[w->levels++] = padded;
        at += padded;
        if (n == 1)
            return at;
        n = padded / WINDOW_FAN;
    }
}

/* ---- the copy ---- */

/* Margins along cut axes: whole cells, and an even number of planes. */
KMC_HD int32_t window_margin(const int32_t reach[AXES], int axis) {
    return axis == AXIS_C ? (reach[axis] + 1) / 2 * 2 : reach[axis];
}

/* Sizes and place of the copy of w->region of the box; the arrays and distances are the caller's. */
KMC_HD void window_place(struct window *w, const struct lattice *box, const int32_t reach[AXES]) {
    struct tile *t = &w->tile;
    int32_t length[AXES];
    for (int a = 0; a < AXES; a++) {
        int32_t n = tile_box_length(box, a), margin = window_margin(reach, a);
        t->cut[a] = w->region.length[a] < n;
        w->first[a] = t->cut[a] ? margin : 0;
        length[a] = t->cut[a] ? w->region.length[a] + 2 * margin : n;
        t->start[a] = t->cut[a] ? tile_wrap(w->region.start[a] - margin, n) : 0;
    }
    t->lattice = *box;
    t->lattice.pad = 1;
    t->lattice.reach = NULL;
    t->lattice.layer = NULL;
    t->lattice.na = length[AXIS_A];
    t->lattice.nb = length[AXIS_B];
    t->lattice.n_planes = length[AXIS_C];
    t->lattice.stencil_of = box->stencil_of + t->start[AXIS_C];
    t->lattice.letter = box->letter + t->start[AXIS_C];
    lattice_stride(&t->lattice);
}

/* Bytes of the work space of a window beside its rates: the copy and its fields. */
KMC_HD int64_t window_bytes(const struct lattice *tile) {
    return (tile_bytes(tile) + 7) / 8 * 8 + fields_bytes(tile);
}

/* Lays the arrays into work spaces of tile_bytes and fields_bytes, aligned to 8 bytes; fields_bound_hops of all species after it. */
KMC_HD void window_point(struct window *w, void *tile, void *fields) {
    tile_point(&w->tile, tile);
    w->context.x = &w->tile.x;
    w->fields.x = &w->tile.x;
    w->fields.m = w->context.m;
    w->fields.voltage_ueV = w->context.electrode.voltage_ueV;
    fields_point(&w->fields, fields);
    for (int state = ANION_HOLE; state < ANION_ACTIVE; state++)
        w->tile.x.around[state] = w->fields.around[state];
    w->fields.bounded = (uint8_t)fields_has_bounds(&w->fields);
    w->context.fields = &w->fields;
}

/* ---- fields ---- */

/* First and one past the last cell of a plane between which all its cells lie, without the rows of the border. */
KMC_HD int64_t window_first_cell(const struct lattice *l, int32_t plane) {
    return (plane + l->pad) * l->layer_size + l->pad * (l->row + 1);
}

KMC_HD int64_t window_last_cell(const struct lattice *l, int32_t plane) {
    return (plane + l->pad + 1) * l->layer_size - l->pad * (l->row + 1);
}

/* Fields of a range of cells of a plane but may_hop, after fields_group of the whole copy. */
KMC_HD void window_fields(struct window *w, int32_t plane, int64_t from, int64_t to) {
    const struct lattice *l = &w->tile.lattice;
    struct fields *f = &w->fields;
    const struct lattice_layer *o = lattice_layer_of(l, plane, SITE_O);
    const struct lattice_layer *oct = lattice_layer_of(l, plane, SITE_OCT);
    fields_phi(f, oct, from, to);
    for (int32_t kind = SITE_TET_UP; kind <= SITE_TET_DOWN; kind++) {
        const struct lattice_layer *tet = lattice_layer_of(l, plane, kind);
        fields_phi(f, tet, from, to);
        fields_near(f, tet, from, to);
    }
    fields_in_tets(f, oct, from, to);
    fields_give(f, oct, from, to);
    fields_around(f, o, from, to);
    fields_share(f, o, from, to);
    fields_real(f, from, to);
}

/* Is the cell at an edge of the copy, so that it has images in the border? */
KMC_HD int window_is_edge(const struct lattice *l, struct lattice_coord c) {
    return c.plane == 0 || c.plane == l->n_planes - 1 || c.j == 0 || c.j == l->nb - 1 || c.i == 0 ||
           c.i == l->na - 1;
}

/* Copies the fields of a cell at the edge of the copy to its images in the border. */
KMC_HD void window_copy_fields(struct window *w, struct lattice_coord c) {
    const struct lattice *l = &w->tile.lattice;
    struct lattice_images m = lattice_images_of(l, c);
    int64_t from = lattice_oxygen_index(l, c);
    for (int n = m.axes; n; n = (n - 1) & m.axes)
        fields_copy(&w->fields, from + lattice_image_step(l, &m, n, 1), from);
}

/* Renews the fields of one site of the copy but may_hop; window_copy_fields after all of them. */
KMC_HD void window_renew(struct window *w, struct lattice_coord c) {
    const struct lattice *l = &w->tile.lattice;
    struct fields *f = &w->fields;
    const struct lattice_layer *y = lattice_layer_of(l, c.plane, c.kind);
    int64_t cell = lattice_oxygen_index(l, c);
    if (c.kind == SITE_O) {
        fields_around(f, y, cell, cell + 1);
        fields_share(f, y, cell, cell + 1);
    } else {
        fields_phi(f, y, cell, cell + 1);
        if (c.kind == SITE_OCT) {
            fields_in_tets(f, y, cell, cell + 1);
            fields_give(f, y, cell, cell + 1);
        } else {
            fields_near(f, y, cell, cell + 1);
        }
    }
}

/* Renews may_hop of an oct. */
KMC_HD void window_renew_hops(struct window *w, struct lattice_coord c) {
    const struct lattice_layer *y = lattice_layer_of(&w->tile.lattice, c.plane, c.kind);
    int64_t cell = lattice_oxygen_index(&w->tile.lattice, c);
    fields_hops(&w->fields, y, cell, cell + 1);
}

/* Renews the group of an oct (group != 0) or the tm_step of an O, and of its images in the border. */
KMC_HD void window_renew_cell(struct window *w, struct lattice_coord c, int group) {
    const struct lattice *l = &w->tile.lattice;
    struct lattice_images m = lattice_images_of(l, c);
    for (int n = m.axes;; n = (n - 1) & m.axes) {
        int64_t cell = lattice_oxygen_index(l, c) + lattice_image_step(l, &m, n, 1);
        int32_t plane = c.plane + (n & 4 ? m.dplane : 0);
        if (group)
            fields_group(&w->fields, plane, cell, cell + 1);
        else
            fields_tm_step(&w->fields, plane, cell, cell + 1);
        if (!n)
            return;
    }
}

/* Renews what other fields follow from: the group of a changed oct, and tm_step of an O (of a changed cation: those of its vertices). */
KMC_HD void window_renew_first(struct window *w, struct lattice_coord c) {
    const struct lattice *l = &w->tile.lattice;
    const struct lattice_stencil *st = lattice_stencil_of(l, c);
    for (int v = c.kind == SITE_O ? -1 : 0; v < st->n_vertex; v++)
        window_renew_cell(w, v < 0 ? c : lattice_step(l, c, st->vertex[v]), 0);
    if (c.kind == SITE_OCT)
        window_renew_cell(w, c, 1);
}

/* List of the influence of a site of the copy. */
KMC_HD int32_t window_list(const struct window *w, struct lattice_coord c) {
    return tile_wrap(c.plane + w->tile.start[AXIS_C], w->box.lattice->n_planes) * SITE_KINDS +
           c.kind;
}

/* ---- leaves ---- */

KMC_HD struct lattice_coord window_coord(const struct window *w, int64_t leaf) {
    const struct region *r = &w->region;
    uint32_t row = (uint32_t)leaf / (uint32_t)r->length[AXIS_A];
    uint32_t layer = row / (uint32_t)r->length[AXIS_B];
    struct lattice_coord c;
    c.i = w->first[AXIS_A] + (int32_t)((uint32_t)leaf - row * (uint32_t)r->length[AXIS_A]);
    c.j = w->first[AXIS_B] + (int32_t)(row - layer * (uint32_t)r->length[AXIS_B]);
    c.plane = w->first[AXIS_C] + (int32_t)(layer / SITE_KINDS);
    c.kind = (int32_t)(layer % SITE_KINDS);
    return c;
}

/* Leaf of a site of the copy, -1 when it lies outside the region. */
KMC_HD int64_t window_leaf(const struct window *w, struct lattice_coord c) {
    const struct region *r = &w->region;
    uint32_t i = (uint32_t)(c.i - w->first[AXIS_A]), j = (uint32_t)(c.j - w->first[AXIS_B]);
    uint32_t k = (uint32_t)(c.plane - w->first[AXIS_C]);
    if (i >= (uint32_t)r->length[AXIS_A] || j >= (uint32_t)r->length[AXIS_B] ||
        k >= (uint32_t)r->length[AXIS_C])
        return -1;
    return (((int64_t)k * SITE_KINDS + c.kind) * r->length[AXIS_B] + j) * r->length[AXIS_A] + i;
}

/* May a site own channels, by what is known without enumerating them? */
KMC_HD int window_may_own(const struct window *w, struct lattice_coord c) {
    const struct configuration *x = w->context.x;
    return w->owns[c.kind == SITE_O][x->occupancy[lattice_site(x->lattice, c)]] &&
           (c.kind != SITE_OCT || w->fields.may_hop[lattice_oxygen_index(x->lattice, c)]);
}

/* A list that keeps nothing but the channel that is searched for. */
KMC_HD struct event_list window_list_for(double search) {
    struct event_list l = {0};
    l.search = search;
    return l;
}

/* Total rate of a site's channels, 1/s. */
KMC_HD double window_owner_rate(const struct window *w, struct lattice_coord c) {
    if (!window_may_own(w, c))
        return 0;
    struct event_list l = window_list_for(-1);
    events_of_site(&w->context, c, &l);
    return l.total;
}

/* Sum of 32 children: neighbours 16 apart, then 8, 4, 2, 1. */
KMC_HD double window_sum(const double *v) {
    double s[WINDOW_FAN / 2];
    for (int i = 0; i < WINDOW_FAN / 2; i++)
        s[i] = v[i] + v[i + WINDOW_FAN / 2];
    for (int h = WINDOW_FAN / 4; h >= 1; h /= 2)
        for (int i = 0; i < h; i++)
            s[i] += s[i + h];
    return s[0];
}

KMC_HD void window_sum_node(struct window *w, int level, int64_t node) {
    w->rate[w->begin[level] + node] = window_sum(&w->rate[w->begin[level - 1] + node * WINDOW_FAN]);
}

KMC_HD double window_total(const struct window *w) {
    return w->rate[w->begin[w->levels - 1]];
}

/* Child of a node in whose share of [0, sum of v) the value falls, never one of rate zero; *value becomes that within the child. */
KMC_HD int window_child(const double *v, double *value) {
    double rest = *value;
    int last = 0, k = 0;
    KMC_ROLLED
    for (; k < WINDOW_FAN; k++) {
        if (v[k] == 0)
            continue;
        last = k;
        if (rest < v[k])
            break;
        rest -= v[k];
    }
    if (k == WINDOW_FAN) { /* rounding carried the value past the last one */
        k = last;
        rest += v[k];
    }
    *value = rest;
    return k;
}

/* Leaf in whose share of [0, total) the value falls; *rest = value within the leaf. */
KMC_HD int64_t window_select(const struct window *w, double value, double *rest) {
    int64_t node = 0;
    for (int level = w->levels - 2; level >= 0; level--)
        node =
            node * WINDOW_FAN + window_child(&w->rate[w->begin[level] + node * WINDOW_FAN], &value);
    *rest = value;
    return node;
}

/* The event that a random block selects. */
KMC_HD struct event_channel window_event(const struct window *w, struct philox_block r) {
    double search;
    int64_t leaf = window_select(w, philox_open(r.v[0], r.v[1]) * window_total(w), &search);
    struct event_list l = window_list_for(search);
    events_of_site(&w->context, window_coord(w, leaf), &l);
    return l.found;
}

/* Most events of the window; draws are numbered with 32 bits, the last of which place cuts. */
KMC_HD uint32_t window_events_max(const struct window *w) {
    const double most = UINT32_MAX - 2.0, asked = w->context.m->events_max;
    double n = asked > 0 ? asked * (double)window_leaves(&w->region) : most;
    return (uint32_t)(n < most ? n : most);
}

/* Waiting time in s. */
KMC_HD double window_wait(const struct window *w, struct philox_block r) {
    return -tables_log(philox_open(r.v[2], r.v[3])) / window_total(w);
}

/* Random numbers of draw d in a window; `unit` numbers windows and regions within a call. */
KMC_HD struct philox_block window_draw(struct philox random, uint32_t step, uint32_t unit,
                                       uint32_t d) {
    return philox_draw(random, STREAM_ADVANCE, step, (uint64_t)unit << 32 | d);
}

/* Carries an event of the copy out on the copy or on the box; it has to be done on both. */
KMC_HD void window_apply(struct window *w, const struct event_channel *ch, int on_box) {
    const struct lattice *l = &w->tile.lattice, *box = w->box.lattice;
    struct event_channel there = *ch;
    if (on_box) {
        there.site = lattice_site(box, tile_global(&w->tile, box, lattice_coord_of(l, ch->site)));
        there.target =
            lattice_site(box, tile_global(&w->tile, box, lattice_coord_of(l, ch->target)));
    }
    events_apply(w->context.m, on_box ? &w->box : &w->tile.x, &there);
}

/* Sites of the copy that an event changes: owner, target and the other O where it is neither. */
KMC_HD int window_changed(const struct lattice *l, const struct event_channel *ch,
                          int64_t site[3]) {
    int n = 0;
    site[n++] = ch->site;
    site[n++] = ch->target;
    if (ch->kind == EVENT_CLEAVE || ch->kind == EVENT_COMBINE || ch->kind == EVENT_MOVE) {
        struct lattice_coord c = lattice_coord_of(l, ch->site);
        site[n++] = lattice_neighbor(l, c, lattice_stencil_of(l, c)->oxygen[ch->dir]);
    }
    return n;
}

/* Region number `index` when it has this parity (bit a: odd along axis a); 0 when not. */
KMC_HD int region_place(struct region *r, const struct tiling *g, const struct lattice *box,
                        int64_t index, int parity) {
    for (int a = 0; a < AXES; a++) {
        int32_t p = (int32_t)(index % g->pieces[a]);
        index /= g->pieces[a];
        if (p % 2 != (parity >> a & 1))
            return 0;
        int32_t from = tile_begin(g, box, a, p);
        r->length[a] = tile_begin(g, box, a, p + 1) - from;
        r->start[a] = tile_wrap(from, tile_box_length(box, a));
    }
    return 1;
}

/* What a window did; integers and a minimum. */
struct window_sums {
    int64_t energy, li, fired[EVENT_KINDS], hops_unslowed, hops_large, slowed;
    int64_t cut_short; /* windows that ended by window_events_max */
    double slow_down_min;
};

KMC_HD void window_count(struct window_sums *s, const struct window *w,
                         const struct event_channel *ch) {
    s->energy += ch->energy;
    s->li += ch->li_change;
    s->fired[ch->kind]++;
    s->slowed += ch->slow_down < 1;
    s->slow_down_min = ch->slow_down < s->slow_down_min ? ch->slow_down : s->slow_down_min;
    if (ch->kind != EVENT_HOP || ch->slow_down < 1)
        return;
    s->hops_unslowed++;
    s->hops_large += ch->rate * w->context.step_s > w->context.m->large_step;
}

/* One call of advance on one replica. */
struct window_call {
    struct event_limits limits;
    struct electrode electrode;
    struct philox random;
    uint32_t step;
    int64_t n_li;
    double step_s, slice_s, window_s;
};

/* First parity of a window of a box of several regions, combined with 0 .. 7 by exclusive or. */
KMC_HD int window_turn(struct philox random, uint32_t step, uint32_t window) {
    return (int)(philox_draw(random, STREAM_PASS, step, (uint64_t)window << 32 | (UINT32_MAX - 1))
                     .v[0] %
                 8);
}

#endif
