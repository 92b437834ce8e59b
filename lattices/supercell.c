/* supercell: carve the shape, count the ions, fill the TM layers, the Li layers and the anions,
 * let centres of polyanions take their tets, gather dopants at the surface, take out what a surface treatment takes, then close the charge.
 *
 * TM layers: every TM gap takes as many cations as it has formula units: the ions of the TM
 * sublattice, and Li for the rest, in shares as even as whole numbers allow.  Sites with more O
 * first, random among equals; the order within the layer is that of order.h.
 *
 * Li layers: as many cations as formula units, on Li-gap octs with more O first, random among
 * equals: ions of the Li sublattice, TM that find no room in the TM layers (Ni first), and Li,
 * dealt at random.  In bulk this fills every oct; in the surface gaps of a slab half of the octs
 * stay empty.
 *
 * Random numbers (index = site id unless stated):
 *   STREAM_SURFACE  step = plane of a TM gap, or STEP_LI_LAYERS: which of equal sites stay empty
 *   STREAM_SPECIES  step = STEP_*: dealing of the Li layers and the anions; valences, step =
 *                   STEP_VALENCE + species; shares of layers, index = draw
 *                   STEP_CENTRES, STEP_SHELL_*, STEP_GATHER + dopant: see centres.h, shell.h
 *   STREAM_ORDER    see order.h
 */
#include "supercell.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "../kernels/rate_model.h"
#include "centres.h"
#include "composition.h"
#include "order.h"
#include "shape.h"
#include "shell.h"

enum {
    STEP_LI_LAYERS = 1000,
    STEP_ANIONS,
    STEP_SHARES,
    STEP_CENTRES,
    STEP_SHELL_OXYGEN,
    STEP_SHELL_LITHIUM,
    STEP_GATHER = 1100,
    STEP_VALENCE = 2000
};
enum { MAX_COORDINATION = 6, MAX_LAYERS = LATTICE_MAX_PLANES / 2, SMALLEST_PARTICLE = 3 };

struct builder {
    struct supercell *c;
    const struct scenario *s;
    const struct species_table *t;
    FILE *errors;
    struct shape shape;
    struct composition composition;
    struct order_rule rule;
    const struct component *layer_part[ORDER_COMPONENTS]; /* component of order_rule -> ion */
    int64_t layer_count[ORDER_COMPONENTS]; /* ions of each in all TM layers together */
    int64_t overflow[ORDER_COMPONENTS];    /* TM ions sent to the Li layers */
    int64_t
        treatment_e; /* charge of what the treatment of the surface took out: positive for O2- */
    bool ok;
};

static void complain(struct builder *b, const char *key, const char *hint, const char *format,
                     ...) {
    fprintf(b->errors, "%s: error: %s: ", scenario_place(b->s, key), key);
    va_list list;
    va_start(list, format);
    vfprintf(b->errors, format, list);
    va_end(list);
    fprintf(b->errors, "\n    hint: %s\n", hint);
    b->ok = false;
}

/* Position of `text` among names; the scenario has checked the choice. */
static int choice(const char *text, const char *const *name, int n) {
    int i = 0;
    while (i < n - 1 && strcmp(text, name[i]) != 0)
        i++;
    return i;
}

/* ---- shape ---- */

static void read_shape(struct builder *b) {
    static const char *const geometry[] = {"bulk", "slab", "film", "particle"};
    static const char *const outline[] = {"box", "hexagon"};
    int g = choice(scenario_text(b->s, "structure.geometry"), geometry, 4);
    int o = choice(scenario_text(b->s, "structure.particle_shape"), outline, 2);
    b->shape.kind = g < 3 ? (enum shape_kind)g : o == 0 ? SHAPE_BOX : SHAPE_HEXAGON;
    b->shape.vacuum_cells = (int32_t)scenario_int(b->s, "structure.vacuum_cells");
    b->c->a_A = scenario_real(b->s, "structure.lattice_a_A");
    b->c->tm_gap_A = scenario_real(b->s, "structure.tm_gap_A");
    b->c->li_gap_A = scenario_real(b->s, "structure.li_gap_A");
}

/* NULL, or what is wrong with the stacking. */
static const char *lattice_of_shape(const struct shape *shape, const struct scenario *s,
                                    struct lattice *l) {
    const char *stacking = scenario_text(s, "structure.stacking");
    int64_t repeats = scenario_int(s, "structure.repeats");
    const struct shape bulk = {SHAPE_BULK, 0};
    char letters[LATTICE_MAX_PLANES + 1];
    int32_t na = (int32_t)scenario_int(s, "structure.cells_a");
    int32_t nb = (int32_t)scenario_int(s, "structure.cells_b");
    shape_letters(&bulk, stacking, repeats, letters);
    const char *problem = lattice_init(l, letters, na, nb);
    shape_letters(shape, stacking, repeats, letters);
    if (!problem && shape->kind != SHAPE_BULK)
        problem = lattice_init(l, letters, na, nb);
    return problem;
}

/* Do the planes, free surfaces included, fit into a lattice? */
static bool planes_fit(const struct shape *shape, const struct scenario *s) {
    char letters[LATTICE_MAX_PLANES + 1];
    return shape_letters(shape, scenario_text(s, "structure.stacking"),
                         scenario_int(s, "structure.repeats"), letters);
}

static void build_lattice(struct builder *b) {
    const char *stacking = scenario_text(b->s, "structure.stacking");
    int64_t repeats = scenario_int(b->s, "structure.repeats");
    if (!planes_fit(&b->shape, b->s)) {
        complain(b, "structure.stacking", "lower structure.repeats",
                 "expected at most %d oxygen planes, found %zu times %lld", LATTICE_MAX_PLANES,
                 strlen(stacking), (long long)repeats);
        return;
    }
    const char *problem = lattice_of_shape(&b->shape, b->s, &b->c->lattice);
    if (problem)
        complain(b, "structure.stacking", "O3 is ABCABC, O2 is ABCB", "%s; found %s, %lld times",
                 problem, stacking, (long long)repeats);
}

_Bool supercell_lattice(struct lattice *l, const struct scenario *s) {
    struct supercell unused;
    struct builder b = {.c = &unused, .s = s};
    read_shape(&b);
    return planes_fit(&b.shape, s) && !lattice_of_shape(&b.shape, s, l);
}

static void check_cells(struct builder *b) {
    const struct lattice *l = &b->c->lattice;
    bool free_edges = shape_has_free_edges(&b->shape);
    if (free_edges && shape_columns_across(&b->shape, l) < SMALLEST_PARTICLE)
        complain(b, "structure.vacuum_cells", "raise structure.cells_a and cells_b",
                 "expected a film or particle of at least %d cells across, found %d",
                 SMALLEST_PARTICLE, shape_columns_across(&b->shape, l));
    bool open_a = !free_edges && l->na % 3 != 0;
    bool open_b = (!free_edges || b->shape.kind == SHAPE_FILM) && l->nb % 3 != 0;
    if (b->rule.kind == ORDER_COMPOSITE && (open_a || open_b))
        complain(b, open_a ? "structure.cells_a" : "structure.cells_b",
                 "use multiples of 3, or another structure.order",
                 "expected multiples of 3 so that the honeycomb closes, found %d x %d", l->na,
                 l->nb);
}

static void carve(struct builder *b) {
    struct supercell *c = b->c;
    c->occupancy = malloc((size_t)lattice_n_sites(&c->lattice));
    if (!c->occupancy) {
        complain(b, "structure.cells_a", "use fewer cells or repeats",
                 "expected memory for %lld sites", (long long)lattice_n_sites(&c->lattice));
        return;
    }
    c->n_formula = shape_carve(&b->shape, &c->lattice, c->occupancy) / 2;
}

static bool at_surface(const struct lattice *l, const uint8_t *occupancy, struct lattice_coord o) {
    const struct lattice_stencil *st = lattice_stencil_of(l, o);
    for (int v = 0; v < st->n_oxygen; v++)
        if (occupancy[lattice_neighbor(l, o, st->oxygen[v])] == SITE_OUTSIDE)
            return true;
    return false;
}

/* Once mass and sites are known. */
static void measure_surface(const struct builder *b) {
    struct supercell *c = b->c;
    const double avogadro = 6.02214076e23; /* CODATA 2018, exact */
    struct lattice_coord o = {0, SITE_O, 0, 0};
    int64_t n = 0;
    for (o.plane = 0; o.plane < c->lattice.n_planes; o.plane++)
        for (o.j = 0; o.j < c->lattice.nb; o.j++)
            for (o.i = 0; o.i < c->lattice.na; o.i++)
                n += c->occupancy[lattice_site(&c->lattice, o)] != SITE_OUTSIDE &&
                     at_surface(&c->lattice, c->occupancy, o);
    double area_m2 = (double)n * c->a_A * c->a_A * 1e-20 * sqrt(0.75);
    if (shape_has_free_edges(&b->shape))
        c->width_A = shape_columns_across(&b->shape, &c->lattice) * c->a_A * sqrt(0.75);
    c->surface_m2_per_g = area_m2 * avogadro / (c->mass_g_per_mol * (double)c->n_formula);
}

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

static double uniform(const struct builder *b, uint32_t stream, uint32_t step, int64_t index) {
    struct philox_block x = philox_draw(b->rule.random, stream, step, (uint64_t)index);
    return philox_open(x.v[0], x.v[1]);
}

static bool is_filled(const struct builder *b, struct filling *f, struct lattice_coord at) {
    const struct supercell *c = b->c;
    if (!exists(c, at))
        return false;
    int n = shape_coordination(&c->lattice, c->occupancy, at);
    if (n != f->threshold)
        return n > f->threshold;
    return order_draw(&f->at_threshold,
                      uniform(b, STREAM_SURFACE, f->step, lattice_site(&c->lattice, at))) == 0;
}

/* ---- TM layers ---- */

static void read_rule(struct builder *b) {
    static const char *const kind[] = {"composite", "solid-solution", "swap", "ribbon"};
    struct order_rule *r = &b->rule;
    r->kind = (enum order_kind)choice(scenario_text(b->s, "structure.order"), kind, 4);
    r->na = (int32_t)scenario_int(b->s, "structure.cells_a");
    r->nb = (int32_t)scenario_int(b->s, "structure.cells_b");
    r->domain_cells = (int32_t)scenario_int(b->s, "structure.domain_cells");
    r->fault_probability = scenario_real(b->s, "structure.rotational_fault_probability");
    r->temperature_K = scenario_real(b->s, "structure.synthesis_temperature_K");
    r->interaction_eV = scenario_real(b->s, "structure.swap_interaction_eV");
    r->swap_sweeps = scenario_int(b->s, "structure.swap_sweeps");
}

/* The ion that sits next to the Li of a honeycomb: Mn, or without Mn the highest charge. */
static void choose_partner(struct builder *b) {
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
static void overflow_tm(struct builder *b, int64_t surplus) {
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
static void list_layer_parts(struct builder *b) {
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

static void shuffle_layers(const struct builder *b, int32_t n, int32_t *layer) {
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
static void share_layers(const struct builder *b, int32_t n,
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

static uint8_t species_byte(const struct builder *b, const struct component *p) {
    if (p->element == COMPOSITION_HOST_ION)
        return SPECIES_LI;
    return (uint8_t)species_of(b->t, p->element, p->charge);
}

/* Marks the filled octs of a TM gap as free in cell[nb][na]. */
static bool mark_layer(struct builder *b, int32_t plane, int64_t wanted, uint8_t *cell) {
    const struct lattice *l = &b->c->lattice;
    struct filling f = {.first = plane, .stride = l->n_planes, .wanted = wanted};
    f.step = (uint32_t)plane;
    if (!plan_filling(b->c, &f)) {
        complain(b, "structure.vacuum_cells", "make the particle larger",
                 "expected %lld octahedra in the TM gap above plane %d, found fewer",
                 (long long)wanted, plane);
        return false;
    }
    struct lattice_coord at = first_oct(&f);
    while (next_oct(l, &f, &at))
        cell[(int64_t)at.j * l->na + at.i] = is_filled(b, &f, at) ? ORDER_FREE : ORDER_ABSENT;
    return true;
}

static void write_layer(struct builder *b, int32_t plane, const uint8_t *cell) {
    const struct lattice *l = &b->c->lattice;
    struct lattice_coord at = {plane, SITE_OCT, 0, 0};
    for (at.j = 0; at.j < l->nb; at.j++)
        for (at.i = 0; at.i < l->na; at.i++) {
            int m = cell[(int64_t)at.j * l->na + at.i];
            if (m != ORDER_ABSENT)
                b->c->occupancy[lattice_site(l, at)] = species_byte(b, b->layer_part[m]);
        }
}

static void fill_tm_layers(struct builder *b) {
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
        complain(b, "structure.cells_a", "use fewer cells", "expected memory for a TM layer");
}

/* ---- Li layers and anions ---- */

/* What is dealt to the octs of the Li layers. */
static bool li_layer_deck(struct builder *b, struct order_deck *d, uint8_t *byte) {
    const struct composition *m = &b->composition;
    int64_t others = 0;
    *d = (struct order_deck){.n = 1, .total = b->c->n_formula};
    byte[0] = SPECIES_LI;
    for (int i = 1; i < m->n; i++)
        if (m->part[i].site == SUBLATTICE_LI) {
            byte[d->n] = species_byte(b, &m->part[i]);
            d->left[d->n++] = m->part[i].count;
            others += m->part[i].count;
        }
    for (int k = 1; k < b->rule.n_components; k++)
        if (b->overflow[k] > 0) {
            byte[d->n] = species_byte(b, b->layer_part[k]);
            d->left[d->n++] = b->overflow[k];
            others += b->overflow[k];
        }
    d->left[0] = d->total - others;
    return d->left[0] >= 0;
}

static void fill_li_layers(struct builder *b) {
    const struct lattice *l = &b->c->lattice;
    struct order_deck deck;
    uint8_t byte[ORDER_COMPONENTS];
    struct filling f = {.first = 1, .stride = 2, .step = STEP_LI_LAYERS};
    f.wanted = b->c->n_formula;
    if (!li_layer_deck(b, &deck, byte) || !plan_filling(b->c, &f)) {
        complain(b, "host.formula", "lower the dopants on the Li site",
                 "expected at most %lld ions for the octahedra of the Li layers, found more",
                 (long long)b->c->n_formula);
        return;
    }
    struct lattice_coord at = first_oct(&f);
    while (next_oct(l, &f, &at))
        if (is_filled(b, &f, at)) {
            int64_t site = lattice_site(l, at);
            double u = uniform(b, STREAM_SPECIES, STEP_LI_LAYERS, site);
            b->c->occupancy[site] = byte[order_draw(&deck, u)];
        }
}

static void fill_anions(struct builder *b) {
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
                    b->c->occupancy[site] =
                        byte[order_draw(&deck, uniform(b, STREAM_SPECIES, STEP_ANIONS, site))];
            }
}

/* ---- surface ---- */

/* The host ion whose places a dopant shares; 255 = not known. */
static uint8_t partner_byte(const struct builder *b, enum sublattice site, const char *replaces) {
    int e = species_find_element(b->t, replaces);
    if (site != SUBLATTICE_TM)
        return site == SUBLATTICE_LI ? SPECIES_LI : ANION_OXIDE;
    return e < 0 ? SITE_OUTSIDE : (uint8_t)species_of(b->t, e, b->t->elements[e].valence_initial);
}

/* Dopant k, dealt evenly before, gathers near the surface. */
static void gather_dopant(struct builder *b, struct shell *shell, size_t k) {
    char key[64], depth_key[64];
    snprintf(depth_key, sizeof depth_key, "dopant[%zu].surface_depth_nm", k);
    double nm = scenario_real(b->s, depth_key);
    snprintf(key, sizeof key, "dopant[%zu].element", k);
    int e = species_find_element(b->t, scenario_text(b->s, key));
    snprintf(key, sizeof key, "dopant[%zu].site", k);
    char site = scenario_text(b->s, key)[0];
    snprintf(key, sizeof key, "dopant[%zu].replaces", k);
    if (nm == 0)
        return;
    const struct element *x = &b->t->elements[e];
    enum sublattice on = site == 'L' ? SUBLATTICE_LI : site == 'T' ? SUBLATTICE_TM : SUBLATTICE_O;
    struct shell_sites sites = {
        .anion = on == SUBLATTICE_O, .gap = on == SUBLATTICE_LI, .deepest = SHELL_DEEP};
    sites.byte[0] =
        (uint8_t)(x->role == ROLE_ANION ? x->anion_state : species_of(b->t, e, x->valence_initial));
    sites.byte[1] = partner_byte(b, on, scenario_text(b->s, key));
    if (b->shape.kind == SHAPE_BULK)
        complain(b, depth_key, "use structure.geometry = slab, film or particle",
                 "expected a crystal with a free surface, found a periodic box");
    else if (x->role == ROLE_CENTRE || sites.byte[1] == SITE_OUTSIDE)
        complain(b, depth_key, "name the ion in dopant.replaces; polyanions cannot gather",
                 "expected a dopant that shares the sites of one host ion, found %s",
                 x->role == ROLE_CENTRE ? "a polyanion" : "one that replaces several or none");
    else if (!shell_gather(shell, &sites, nm * 10 / b->c->a_A, STEP_GATHER + (uint32_t)k))
        complain(b, "structure.cells_a", "use fewer cells", "expected memory for a surface");
}

/* O and Li missing in an outer shell. */
static void treat_surface(struct builder *b, struct shell *shell) {
    double nm = scenario_real(b->s, "surface.shell_nm");
    double oxygen = scenario_real(b->s, "surface.shell_oxygen_vacancies");
    double lithium = scenario_real(b->s, "surface.shell_lithium_vacancies");
    double steps = ceil(nm * 10 / b->c->a_A) - 1;
    if (nm == 0 || oxygen + lithium == 0)
        return;
    if (b->shape.kind == SHAPE_BULK) {
        complain(b, "surface.shell_nm", "use structure.geometry = slab, film or particle",
                 "expected a crystal with a free surface, found a periodic box");
        return;
    }
    uint8_t deepest = (uint8_t)(steps < SHELL_DEEP - 1 ? steps : SHELL_DEEP - 1);
    struct shell_sites o = {true, 2, {ANION_OXIDE, ANION_OXIDE}, deepest};
    struct shell_sites li = {false, 2, {SPECIES_LI, SPECIES_LI}, deepest};
    int64_t n_o = shell_convert(shell, &o, oxygen, ANION_VACANCY, STEP_SHELL_OXYGEN);
    int64_t n_li = shell_convert(shell, &li, lithium, SPECIES_VACANCY, STEP_SHELL_LITHIUM);
    b->treatment_e = 2 * n_o - n_li;
    b->c->n_li -= n_li;
}

static bool needs_shell(const struct builder *b) {
    bool needed = scenario_real(b->s, "surface.shell_nm") > 0;
    for (size_t k = 0; k < scenario_count(b->s, "dopant"); k++) {
        char key[64];
        snprintf(key, sizeof key, "dopant[%zu].surface_depth_nm", k);
        needed = needed || scenario_real(b->s, key) > 0;
    }
    return needed;
}

static void shape_surface(struct builder *b) {
    struct shell shell;
    if (!needs_shell(b))
        return;
    if (!shell_create(&shell, &b->c->lattice, b->c->occupancy, b->rule.random))
        complain(b, "structure.cells_a", "use fewer cells", "expected memory for a surface");
    for (size_t k = 0; b->ok && k < scenario_count(b->s, "dopant"); k++)
        gather_dopant(b, &shell, k);
    if (b->ok)
        treat_surface(b, &shell);
    shell_free(&shell);
}

/* ---- charge ---- */

static int64_t box_excess(const struct composition *m) {
    int64_t sum = 0;
    for (int i = 0; i < m->n; i++)
        sum += m->part[i].count * m->part[i].charge;
    return sum;
}

/* Turns n of `pool` ions of one species into another, at random. */
static void convert(struct builder *b, int from, int to, int64_t n, int64_t pool) {
    struct order_deck d = {2, {n, pool - n}, pool};
    const struct lattice *l = &b->c->lattice;
    struct lattice_coord at = {0, SITE_OCT, 0, 0};
    for (at.plane = 0; at.plane < l->n_planes; at.plane++)
        for (at.j = 0; at.j < l->nb; at.j++)
            for (at.i = 0; at.i < l->na; at.i++) {
                int64_t site = lattice_site(l, at);
                if (b->c->occupancy[site] == from &&
                    order_draw(
                        &d, uniform(b, STREAM_SPECIES, STEP_VALENCE + (uint32_t)from, site)) == 0)
                    b->c->occupancy[site] = (uint8_t)to;
            }
}

static void note_charge(struct supercell *c, int64_t n, int64_t pool, const char *symbol,
                        int valence) {
    size_t used = strlen(c->charge_note), size = sizeof c->charge_note;
    snprintf(c->charge_note + used, size - used, "%s%lld of %lld %s set to %d+", used ? "; " : "",
             (long long)n, (long long)pool, symbol, valence);
}

/* Takes up to |excess| electrons (excess > 0) or holes on one element, one step of valence after
 * the other; returns what is left. */
static int64_t absorb(struct builder *b, const char *symbol, int64_t excess) {
    int e = species_find_element(b->t, symbol);
    int64_t pool = e < 0 ? 0 : b->c->element_count[e];
    int step = excess > 0 ? -1 : 1;
    for (int v = e < 0 ? 0 : b->t->elements[e].valence_initial; excess != 0 && pool > 0;
         v += step) {
        int from = species_of(b->t, e, v), to = species_of(b->t, e, v + step);
        if (to < 0 || v + step > b->t->elements[e].valence_usual)
            break;
        int64_t need = excess > 0 ? excess : -excess, n = need < pool ? need : pool;
        convert(b, from, to, n, pool);
        note_charge(b->c, n, pool, symbol, v + step);
        excess += step * n;
        pool = n;
    }
    return excess;
}

static void close_charge(struct builder *b) {
    int64_t excess = box_excess(&b->composition) + b->treatment_e;
    struct supercell *c = b->c;
    c->charge_correction = (double)excess / (double)c->n_formula;
    int64_t left = absorb(b, "Ni", absorb(b, "Mn", excess));
    if (left != 0)
        complain(b, "host.formula", "change the amounts of the dopants, or add Mn or Ni",
                 "expected Mn and Ni valences that close a charge of %+lld e in %lld formula "
                 "units, found %+lld e left",
                 (long long)excess, (long long)c->n_formula, (long long)left);
    if (!c->charge_note[0])
        snprintf(c->charge_note, sizeof c->charge_note, "none");
}

/* ---- totals ---- */

static void append_composition(struct supercell *c, const char *symbol, int64_t count) {
    size_t used = strlen(c->composition), size = sizeof c->composition;
    if (count > 0 && used + 1 < size)
        snprintf(c->composition + used, size - used, "%s%.4f", symbol,
                 (double)count / (double)c->n_formula);
}

static double host_mass(const struct builder *b, enum sublattice site) {
    return scenario_real(b->s, site == SUBLATTICE_O ? "elements.O.mass_g_per_mol"
                                                    : "elements.Li.mass_g_per_mol");
}

static void add_up(struct builder *b) {
    struct supercell *c = b->c;
    double mass = 0;
    for (int i = 0; i < b->composition.n; i++) {
        const struct component *p = &b->composition.part[i];
        if (p->element == COMPOSITION_HOST_ION) {
            mass += (double)p->count * host_mass(b, p->site);
            c->n_li += p->site == SUBLATTICE_LI ? p->count : 0;
            continue;
        }
        const struct element *e = &b->t->elements[p->element];
        mass += (double)p->count * e->mass_g_per_mol;
        c->element_count[p->element] += p->count;
        c->n_tm += e->role == ROLE_TM ? p->count : 0;
    }
    c->mass_g_per_mol = mass / (double)c->n_formula;
    measure_surface(b);
    c->cation_correction = b->composition.cation_correction;
}

/* P for PO4: its O count as O. */
static const char *chemical_symbol(const struct species_table *t, const struct component *p) {
    bool centre = p->element != COMPOSITION_HOST_ION && t->elements[p->element].role == ROLE_CENTRE;
    return centre ? t->species[t->elements[p->element].species_first].symbol
                  : composition_symbol(p, t);
}

/* Formula of the box: cations, then anions. */
static void write_composition(struct builder *b) {
    for (int anions = 0; anions < 2; anions++)
        for (int i = 0; i < b->composition.n; i++) {
            const struct component *p = &b->composition.part[i];
            if ((p->site == SUBLATTICE_O) == (anions == 1))
                append_composition(b->c, chemical_symbol(b->t, p), p->count);
        }
}

static void build(struct builder *b) {
    read_shape(b);
    read_rule(b);
    b->ok = composition_init(&b->composition, b->s, b->t, b->errors);
    build_lattice(b);
    if (b->ok)
        check_cells(b);
    if (b->ok)
        carve(b);
    if (!b->ok)
        return;
    composition_count(&b->composition, b->c->n_formula);
    add_up(b);
    write_composition(b);
    list_layer_parts(b);
    fill_tm_layers(b);
    if (b->ok)
        fill_li_layers(b);
    if (b->ok)
        fill_anions(b);
    if (b->ok)
        centres_settle(b->c, b->t, b->rule.random, STEP_CENTRES);
    if (b->ok)
        shape_surface(b);
    if (b->ok)
        close_charge(b);
}

_Bool supercell_init(struct supercell *c, const struct scenario *s, const struct species_table *t,
                     uint32_t replica, FILE *errors) {
    struct builder b = {.c = c, .s = s, .t = t, .errors = errors, .ok = true};
    memset(c, 0, sizeof *c);
    b.rule.random =
        (struct philox){.seed = (uint64_t)scenario_int(s, "run.seed"), .replica = replica};
    build(&b);
    if (!b.ok)
        supercell_free(c);
    return b.ok;
}

void supercell_drop_sites(struct supercell *c) {
    free(c->occupancy);
    c->occupancy = NULL;
}

void supercell_free(struct supercell *c) {
    supercell_drop_sites(c);
}

/* ---- honeycomb order ---- */

/* Sites of one TM gap by colour: all, and those without a TM ion. */
struct colours {
    int64_t all[3], bare[3];
};

static struct colours count_colours(const struct lattice *l, const struct species_table *t,
                                    const uint8_t *occupancy, int32_t plane) {
    struct colours n = {{0}, {0}};
    struct lattice_coord at = {plane, SITE_OCT, 0, 0};
    for (at.j = 0; at.j < l->nb; at.j++)
        for (at.i = 0; at.i < l->na; at.i++) {
            uint8_t byte = occupancy[lattice_site(l, at)];
            if (byte == SITE_OUTSIDE)
                continue;
            int element = t->species[byte].element, colour = (at.i - at.j + 3 * l->nb) % 3;
            n.all[colour]++;
            n.bare[colour] += element < 0 || t->elements[element].role != ROLE_TM;
        }
    return n;
}

/* Largest excess of one colour over an even distribution, relative to the largest possible. */
static double largest_excess(const struct colours *n) {
    double all = (double)(n->all[0] + n->all[1] + n->all[2]);
    double bare = (double)(n->bare[0] + n->bare[1] + n->bare[2]), largest = 0;
    for (int c = 0; c < 3; c++) {
        double even = bare * (double)n->all[c] / all;
        double most = bare < (double)n->all[c] ? bare : (double)n->all[c];
        double x = most > even ? ((double)n->bare[c] - even) / (most - even) : 0;
        largest = x > largest ? x : largest;
    }
    return largest;
}

double supercell_honeycomb_order(const struct supercell *c, const struct species_table *t,
                                 const uint8_t *occupancy) {
    double sum = 0;
    int layers = 0;
    for (int32_t plane = 0; plane < c->lattice.n_planes; plane += 2) {
        struct colours n = count_colours(&c->lattice, t, occupancy, plane);
        if (n.all[0] + n.all[1] + n.all[2] == 0)
            continue;
        sum += largest_excess(&n);
        layers++;
    }
    return layers ? sum / layers : 0;
}
