#include "supercell_layers.h"
#include <stdlib.h>
#include <string.h>
#include "../kernels/rate_model.h"

enum { MAX_COORDINATION = 6, MAX_LAYERS = LATTICE_MAX_PLANES / 2 };

/* ---- which octs of a gap, or of many gaps, are filled ---- */

/* Octs of the gaps first, first + stride, ..., by number of O. */
struct filling {
    int32_t first, stride;
    uint32_t step;                           /* of STREAM_SURFACE */
    int64_t available[MAX_COORDINATION + 1]; /* octs with so many O that were not looked at yet */
    int64_t wanted;                          /* ions to place */
    int threshold;                           /* sites with more O are all filled, with fewer none */
    struct order_deck at_threshold;          /* filled, empty */
};

static bool next_oct(const struct lattice *l, const struct filling *f, struct lattice_coord *c) {
    if (++c->i < l->na)
        return true;
    c->i = 0;
    if (++c->j < l->nb)
        return true;
    c->j = 0;
    c->plane += f->stride;
    return c->plane < l->n_planes;
}

static struct lattice_coord first_oct(const struct filling *f) {
    return (struct lattice_coord){f->first, SITE_OCT, -1, 0};
}

static bool exists(const struct supercell *c, struct lattice_coord at) {
    return c->occupancy[lattice_site(&c->lattice, at)] != SITE_OUTSIDE;
}

/* Chooses `wanted` octs; false when there are fewer. */
static bool plan_filling(const struct supercell *c, struct filling *f) {
    struct lattice_coord at = first_oct(f);
    while (next_oct(&c->lattice, f, &at))
        if (exists(c, at))
            f->available[shape_coordination(&c->lattice, c->occupancy, at)]++;
    int64_t left = f->wanted;
    f->threshold = MAX_COORDINATION;
    while (f->threshold > 0 && left > f->available[f->threshold])
        left -= f->available[f->threshold--];
    f->at_threshold = (struct order_deck){
        2, {left, f->available[f->threshold] - left}, f->available[f->threshold]};
    return left <= f->available[f->threshold];
}

static bool is_filled(const struct supercell_builder *b, struct filling *f,
                      struct lattice_coord at) {
    const struct supercell *c = b->c;
    if (!exists(c, at))
        return false;
    int n = shape_coordination(&c->lattice, c->occupancy, at);
    if (n != f->threshold)
        return n > f->threshold;
    return order_draw(&f->at_threshold, supercell_builder_uniform(b, STREAM_SURFACE, f->step,
                                                                  lattice_site(&c->lattice, at))) ==
           0;
}

/* ---- TM layers ---- */

/* The ion that sits next to the Li of a honeycomb: Mn, or without Mn the highest charge. */
static void choose_partner(struct supercell_builder *b) {
    struct order_rule *r = &b->rule;
    for (int m = 1; m < r->n_components; m++) {
        if (strcmp(composition_symbol(b->layer_part[m], b->t), "Mn") == 0) {
            r->partner = m;
            return;
        }
        if (r->partner == 0 || r->charge[m] > r->charge[r->partner])
            r->partner = m;
    }
}

/* Sends TM ions that the TM layers cannot hold to the Li layers, Ni first. */
static void overflow_tm(struct supercell_builder *b, int64_t surplus) {
    for (int pass = 0; pass < 2; pass++)
        for (int m = 1; m < b->rule.n_components && surplus > 0; m++) {
            bool nickel = strcmp(composition_symbol(b->layer_part[m], b->t), "Ni") == 0;
            int64_t n = b->layer_count[m] < surplus ? b->layer_count[m] : surplus;
            if (pass == 0 && !nickel)
                continue;
            b->overflow[m] += n;
            b->layer_count[m] -= n;
            surplus -= n;
        }
}

/* Components of the TM layers and their numbers in the whole box; component 0 is Li. */
static void list_layer_parts(struct supercell_builder *b) {
    struct composition *m = &b->composition;
    struct order_rule *r = &b->rule;
    int64_t tm = 0;
    b->layer_part[0] = &m->part[0];
    r->charge[0] = 1;
    r->n_components = 1;
    for (int i = 0; i < m->n; i++)
        if (m->part[i].site == SUBLATTICE_TM) {
            r->charge[r->n_components] = m->part[i].charge;
            b->layer_count[r->n_components] = m->part[i].count;
            b->layer_part[r->n_components++] = &m->part[i];
            tm += m->part[i].count;
        }
    choose_partner(b);
    if (tm > b->c->n_formula)
        overflow_tm(b, tm - b->c->n_formula);
    else
        b->layer_count[0] = b->c->n_formula - tm;
}

static void shuffle_layers(const struct supercell_builder *b, int32_t n, int32_t *layer) {
    for (int32_t k = 0; k < n; k++) {
        struct philox_block x =
            philox_draw(b->rule.random, STREAM_SPECIES, STEP_SHARES, (uint64_t)k);
        uint32_t other = philox_below(x.v[0], (uint32_t)k + 1);
        if (other != (uint32_t)k)
            layer[k] = layer[other];
        layer[other] = k;
    }
}

/* share[layer][component]: equal parts; the remainders are laid out one component after the other
 * around a random ring of layers, so every layer gets the same number of ions in all. */
static void share_layers(const struct supercell_builder *b, int32_t n,
                         int64_t share[MAX_LAYERS][ORDER_COMPONENTS]) {
    int32_t ring[MAX_LAYERS], at = 0;
    shuffle_layers(b, n, ring);
    for (int m = 0; m < b->rule.n_components; m++) {
        for (int32_t k = 0; k < n; k++)
            share[k][m] = b->layer_count[m] / n;
        for (int64_t extra = b->layer_count[m] % n; extra > 0; extra--) {
            share[ring[at]][m]++;
            at = (at + 1) % n;
        }
    }
}

/* Marks the filled octs of a TM gap as free in cell[nb][na]. */
static bool mark_layer(struct supercell_builder *b, int32_t plane, int64_t wanted, uint8_t *cell) {
    const struct lattice *l = &b->c->lattice;
    struct filling f = {.first = plane, .stride = l->n_planes, .wanted = wanted};
    f.step = (uint32_t)plane;
    if (!plan_filling(b->c, &f)) {
        supercell_builder_complain(
            b, "structure.vacuum_cells", "make the particle larger",
            "expected %lld octahedra in the TM gap above plane %d, found fewer", (long long)wanted,
            plane);
        return false;
    }
    struct lattice_coord at = first_oct(&f);
    while (next_oct(l, &f, &at))
        cell[(int64_t)at.j * l->na + at.i] = is_filled(b, &f, at) ? ORDER_FREE : ORDER_ABSENT;
    return true;
}

static void write_layer(struct supercell_builder *b, int32_t plane, const uint8_t *cell) {
    const struct lattice *l = &b->c->lattice;
    struct lattice_coord at = {plane, SITE_OCT, 0, 0};
    for (at.j = 0; at.j < l->nb; at.j++)
        for (at.i = 0; at.i < l->na; at.i++) {
            int m = cell[(int64_t)at.j * l->na + at.i];
            if (m != ORDER_ABSENT)
                b->c->occupancy[lattice_site(l, at)] =
                    supercell_builder_species(b, b->layer_part[m]);
        }
}

static void fill_tm_layers(struct supercell_builder *b) {
    const struct lattice *l = &b->c->lattice;
    const int32_t n = (l->n_planes - (shape_has_free_planes(&b->shape) ? 2 : 0)) / 2;
    int64_t share[MAX_LAYERS][ORDER_COMPONENTS];
    uint8_t colour[MAX_LAYERS];
    uint8_t *cell = malloc((size_t)l->na * (size_t)l->nb);
    bool memory = cell;
    share_layers(b, n, share);
    order_colours(&b->rule, n, colour);
    for (int32_t k = 0; memory && b->ok && k < n; k++)
        if (mark_layer(b, 2 * k, b->c->n_formula / n, cell)) {
            memory = order_fill(&b->rule, k, colour[k], share[k], cell);
            write_layer(b, 2 * k, cell);
        }
    free(cell);
    if (!memory)
        supercell_builder_complain(b, "structure.cells_a", "use fewer cells",
                                   "expected memory for a TM layer");
}

/* ---- Li layers and anions ---- */

/* What is dealt to the octs of the Li layers. */
static bool li_layer_deck(struct supercell_builder *b, struct order_deck *d, uint8_t *byte) {
    const struct composition *m = &b->composition;
    int64_t others = 0;
    *d = (struct order_deck){.n = 1, .total = b->c->n_formula};
    byte[0] = SPECIES_LI;
    for (int i = 1; i < m->n; i++)
        if (m->part[i].site == SUBLATTICE_LI) {
            byte[d->n] = supercell_builder_species(b, &m->part[i]);
            d->left[d->n++] = m->part[i].count;
            others += m->part[i].count;
        }
    for (int k = 1; k < b->rule.n_components; k++)
        if (b->overflow[k] > 0) {
            byte[d->n] = supercell_builder_species(b, b->layer_part[k]);
            d->left[d->n++] = b->overflow[k];
            others += b->overflow[k];
        }
    d->left[0] = d->total - others;
    return d->left[0] >= 0;
}

static void fill_li_layers(struct supercell_builder *b) {
    const struct lattice *l = &b->c->lattice;
    struct order_deck deck;
    uint8_t byte[ORDER_COMPONENTS];
    struct filling f = {.first = 1, .stride = 2, .step = STEP_LI_LAYERS};
    f.wanted = b->c->n_formula;
    if (!li_layer_deck(b, &deck, byte) || !plan_filling(b->c, &f)) {
        supercell_builder_complain(
            b, "host.formula", "lower the dopants on the Li site",
            "expected at most %lld ions for the octahedra of the Li layers, found more",
            (long long)b->c->n_formula);
        return;
    }
    struct lattice_coord at = first_oct(&f);
    while (next_oct(l, &f, &at))
        if (is_filled(b, &f, at)) {
            int64_t site = lattice_site(l, at);
            double u = supercell_builder_uniform(b, STREAM_SPECIES, STEP_LI_LAYERS, site);
            b->c->occupancy[site] = byte[order_draw(&deck, u)];
        }
}

static void fill_anions(struct supercell_builder *b) {
    const struct lattice *l = &b->c->lattice;
    struct order_deck deck = {.n = 0};
    uint8_t byte[ORDER_COMPONENTS] = {0};
    for (int i = 0; i < b->composition.n; i++) {
        const struct component *p = &b->composition.part[i];
        if (p->site != SUBLATTICE_O)
            continue;
        if (p->element != COMPOSITION_HOST_ION)
            byte[deck.n] = (uint8_t)b->t->elements[p->element].anion_state;
        deck.left[deck.n++] = p->count;
        deck.total += p->count;
    }
    struct lattice_coord at = {0, SITE_O, 0, 0};
    for (at.plane = 0; at.plane < l->n_planes; at.plane++)
        for (at.j = 0; at.j < l->nb; at.j++)
            for (at.i = 0; at.i < l->na; at.i++) {
                int64_t site = lattice_site(l, at);
                if (b->c->occupancy[site] != SITE_OUTSIDE)
                    b->c->occupancy[site] = byte[order_draw(
                        &deck, supercell_builder_uniform(b, STREAM_SPECIES, STEP_ANIONS, site))];
            }
}

void supercell_layers_fill(struct supercell_builder *b) {
    list_layer_parts(b);
    fill_tm_layers(b);
    if (b->ok)
        fill_li_layers(b);
    if (b->ok)
        fill_anions(b);
}
