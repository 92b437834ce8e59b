/* supercell: carve the shape, count the ions, fill the TM layers, the Li layers and the anions,
 * let centres of polyanions take their tets, gather dopants at the surface, take out what a surface treatment takes, then close the charge.
 * Layers: supercell_layers.h, surfaces: supercell_surface.h, random numbers: supercell_builder.h.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../kernels/rate_model.h"
#include "centres.h"
#include "supercell_layers.h"
#include "supercell_surface.h"

enum { SMALLEST_PARTICLE = 3 };

/* Position of `text` among names; the scenario has checked the choice. */
static int choice(const char *text, const char *const *name, int n) {
    int i = 0;
    while (i < n - 1 && strcmp(text, name[i]) != 0)
        i++;
    return i;
}

/* ---- shape ---- */

static void read_shape(struct supercell_builder *b) {
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

static void build_lattice(struct supercell_builder *b) {
    const char *stacking = scenario_text(b->s, "structure.stacking");
    int64_t repeats = scenario_int(b->s, "structure.repeats");
    if (!planes_fit(&b->shape, b->s)) {
        supercell_builder_complain(b, "structure.stacking", "lower structure.repeats",
                                   "expected at most %d oxygen planes, found %zu times %lld",
                                   LATTICE_MAX_PLANES, strlen(stacking), (long long)repeats);
        return;
    }
    const char *problem = lattice_of_shape(&b->shape, b->s, &b->c->lattice);
    if (problem)
        supercell_builder_complain(b, "structure.stacking", "O3 is ABCABC, O2 is ABCB",
                                   "%s; found %s, %lld times", problem, stacking,
                                   (long long)repeats);
}

_Bool supercell_lattice(struct lattice *l, const struct scenario *s) {
    struct supercell unused;
    struct supercell_builder b = {.c = &unused, .s = s};
    read_shape(&b);
    return planes_fit(&b.shape, s) && !lattice_of_shape(&b.shape, s, l);
}

static void check_cells(struct supercell_builder *b) {
    const struct lattice *l = &b->c->lattice;
    bool free_edges = shape_has_free_edges(&b->shape);
    if (free_edges && shape_columns_across(&b->shape, l) < SMALLEST_PARTICLE)
        supercell_builder_complain(
            b, "structure.vacuum_cells", "raise structure.cells_a and cells_b",
            "expected a film or particle of at least %d cells across, found %d", SMALLEST_PARTICLE,
            shape_columns_across(&b->shape, l));
    bool open_a = !free_edges && l->na % 3 != 0;
    bool open_b = (!free_edges || b->shape.kind == SHAPE_FILM) && l->nb % 3 != 0;
    if (b->rule.kind == ORDER_COMPOSITE && (open_a || open_b))
        supercell_builder_complain(
            b, open_a ? "structure.cells_a" : "structure.cells_b",
            "use multiples of 3, or another structure.order",
            "expected multiples of 3 so that the honeycomb closes, found %d x %d", l->na, l->nb);
}

static void carve(struct supercell_builder *b) {
    struct supercell *c = b->c;
    c->occupancy = malloc((size_t)lattice_n_sites(&c->lattice));
    if (!c->occupancy) {
        supercell_builder_complain(b, "structure.cells_a", "use fewer cells or repeats",
                                   "expected memory for %lld sites",
                                   (long long)lattice_n_sites(&c->lattice));
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
static void measure_surface(const struct supercell_builder *b) {
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

/* ---- order ---- */

static void read_rule(struct supercell_builder *b) {
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

/* ---- charge ---- */

static int64_t box_excess(const struct composition *m) {
    int64_t sum = 0;
    for (int i = 0; i < m->n; i++)
        sum += m->part[i].count * m->part[i].charge;
    return sum;
}

/* Turns n of `pool` ions of one species into another, at random. */
static void convert(struct supercell_builder *b, int from, int to, int64_t n, int64_t pool) {
    struct order_deck d = {2, {n, pool - n}, pool};
    const struct lattice *l = &b->c->lattice;
    struct lattice_coord at = {0, SITE_OCT, 0, 0};
    for (at.plane = 0; at.plane < l->n_planes; at.plane++)
        for (at.j = 0; at.j < l->nb; at.j++)
            for (at.i = 0; at.i < l->na; at.i++) {
                int64_t site = lattice_site(l, at);
                if (b->c->occupancy[site] == from &&
                    order_draw(&d,
                               supercell_builder_uniform(b, STREAM_SPECIES,
                                                         STEP_VALENCE + (uint32_t)from, site)) == 0)
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
static int64_t absorb(struct supercell_builder *b, const char *symbol, int64_t excess) {
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

static void close_charge(struct supercell_builder *b) {
    int64_t excess = box_excess(&b->composition) + b->treatment_e;
    struct supercell *c = b->c;
    c->charge_correction = (double)excess / (double)c->n_formula;
    int64_t left = absorb(b, "Ni", absorb(b, "Mn", excess));
    if (left != 0)
        supercell_builder_complain(
            b, "host.formula", "change the amounts of the dopants, or add Mn or Ni",
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

static double host_mass(const struct supercell_builder *b, enum sublattice site) {
    return scenario_real(b->s, site == SUBLATTICE_O ? "elements.O.mass_g_per_mol"
                                                    : "elements.Li.mass_g_per_mol");
}

static void add_up(struct supercell_builder *b) {
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
static void write_composition(struct supercell_builder *b) {
    for (int anions = 0; anions < 2; anions++)
        for (int i = 0; i < b->composition.n; i++) {
            const struct component *p = &b->composition.part[i];
            if ((p->site == SUBLATTICE_O) == (anions == 1))
                append_composition(b->c, chemical_symbol(b->t, p), p->count);
        }
}

static void build(struct supercell_builder *b) {
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
    supercell_layers_fill(b);
    if (b->ok)
        centres_settle(b->c, b->t, b->rule.random, STEP_CENTRES);
    if (b->ok)
        supercell_surface_shape(b);
    if (b->ok)
        close_charge(b);
}

_Bool supercell_init(struct supercell *c, const struct scenario *s, const struct species_table *t,
                     uint32_t replica, FILE *errors) {
    struct supercell_builder b = {.c = c, .s = s, .t = t, .errors = errors, .ok = true};
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
