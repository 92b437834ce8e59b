#include "view.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../lattices/lattice.h"

enum { USAGE = 2, MEMORY = 4, CORRUPT = 5 };

const char VIEW_NOTE[] = "bonded O drawn at 1.45 A (peroxo), 1.33 A (superoxo), 1.21 A (O2); the "
                         "model knows ideal sites only";

/* A; sources in the header. */
static const double BOND_A[] = {
    [BOND_PEROXO] = 1.45, [BOND_SUPEROXO] = 1.33, [BOND_MOLECULAR] = 1.21};

static const struct {
    const char *symbol;
    int charge; /* e */
    enum selection_state state;
} ANION[ANION_STATES] = {
    [ANION_OXIDE] = {"O", -2, SELECTION_OXIDE},   [ANION_HOLE] = {"O", -1, SELECTION_HOLE},
    [ANION_PEROXO] = {"O", -1, SELECTION_PEROXO}, [ANION_MOLECULAR] = {"O", 0, SELECTION_O2},
    [ANION_F] = {"F", -1, SELECTION_FLUORIDE},    [ANION_S] = {"S", -2, SELECTION_SULFIDE},
    [ANION_CL] = {"Cl", -1, SELECTION_CHLORIDE},  [ANION_VACANCY] = {"X", 0, SELECTION_VACANCY},
};

/* ---- geometry ---- */

static void cross(const double u[3], const double v[3], double w[3]) {
    for (int i = 0; i < 3; i++)
        w[i] = u[(i + 1) % 3] * v[(i + 2) % 3] - u[(i + 2) % 3] * v[(i + 1) % 3];
}

static double dot(const double u[3], const double v[3]) {
    return u[0] * v[0] + u[1] * v[1] + u[2] * v[2];
}

/* Fractional coordinates: xyz . (b x c) / (a . (b x c)) and so on. */
void view_direct(const struct view *v, const double xyz[3], double direct[3]) {
    for (int i = 0; i < 3; i++) {
        double normal[3];
        cross(v->cell[(i + 1) % 3], v->cell[(i + 2) % 3], normal);
        direct[i] = dot(xyz, normal) / dot(v->cell[i], normal);
        direct[i] -= floor(direct[i] + 1e-10); /* a site on the border must not round to 1 */
        direct[i] = fmax(direct[i], 0) + 0.0;  /* no -0 */
    }
}

/* From one site to another: of all images the nearest, an O neighbour's (boxes of two cells have several; they are equally far). */
static void nearest_vector(const struct view *v, const double from[3], const double to[3],
                           double d[3]) {
    double difference[3], direct[3];
    for (int i = 0; i < 3; i++)
        difference[i] = to[i] - from[i];
    view_direct(v, difference, direct);
    double least = INFINITY;
    for (int image = 0; image < 8; image++) {
        double w[3] = {0};
        for (int i = 0; i < 3; i++)
            for (int k = 0; k < 3; k++)
                w[k] += (direct[i] - (image >> i & 1)) * v->cell[i][k];
        if (dot(w, w) < least - 1e-9) {
            least = dot(w, w);
            memcpy(d, w, sizeof w);
        }
    }
}

static void position_of(const struct view *v, struct lattice_coord c, double xyz[3]) {
    const struct snapshot *s = v->snapshot;
    lattice_position(&v->model->lattice, c, s->a_A, s->tm_gap_A, s->li_gap_A, xyz);
}

/* ---- one site ---- */

/* Where the bond of an O leads; false when it has none. */
static bool partner_of(const struct view *v, struct lattice_coord c, uint8_t byte,
                       struct lattice_coord *partner) {
    const struct lattice *l = &v->model->lattice;
    int state = rate_model_state(byte);
    if (state != ANION_PEROXO && state != ANION_MOLECULAR)
        return false;
    *partner = lattice_step(l, c, lattice_stencil_of(l, c)->oxygen[rate_model_partner(byte)]);
    return true;
}

static enum bond_state bond_of(const struct view *v, uint8_t byte, struct lattice_coord partner) {
    uint8_t other = v->snapshot->occupancy[lattice_site(&v->model->lattice, partner)];
    int molecular =
        (rate_model_state(byte) == ANION_MOLECULAR) + (rate_model_state(other) == ANION_MOLECULAR);
    return (enum bond_state)molecular;
}

/* Half of what the bond is too long, towards the partner. */
static void move_to_partner(const struct view *v, struct lattice_coord partner, double bond_A,
                            struct view_site *x) {
    double to[3], d[3] = {0};
    position_of(v, partner, to);
    nearest_vector(v, x->xyz, to, d);
    double length = sqrt(dot(d, d));
    x->moved_A = (length - bond_A) / 2;
    for (int i = 0; i < 3; i++)
        x->xyz[i] += d[i] / length * x->moved_A;
}

static void take_anion(const struct view *v, uint8_t byte, struct lattice_coord c,
                       struct view_site *x) {
    struct lattice_coord partner;
    int state = rate_model_state(byte);
    x->layer = SELECTION_O;
    x->symbol = ANION[state].symbol;
    x->charge = ANION[state].charge;
    x->state = ANION[state].state;
    if (x->symbol)
        x->s_o = v->state.x.deviation[lattice_oxygen_index(&v->model->lattice, c)] / 12.0;
    if (!partner_of(v, c, byte, &partner))
        return;
    enum bond_state bond = bond_of(v, byte, partner);
    x->state = bond == BOND_PEROXO     ? SELECTION_PEROXO
               : bond == BOND_SUPEROXO ? SELECTION_SUPEROXO
                                       : SELECTION_O2;
    if (v->relaxed)
        move_to_partner(v, partner, BOND_A[bond], x);
}

static void take_cation(const struct view *v, uint8_t byte, struct lattice_coord c,
                        struct view_site *x) {
    x->layer = lattice_is_tm_gap(c.plane) ? SELECTION_TM : SELECTION_LI;
    x->state = SELECTION_CATION;
    x->symbol = byte == SITE_OUTSIDE      ? NULL
                : byte == SPECIES_VACANCY ? "X"
                                          : v->snapshot->species[byte].symbol;
    x->charge = byte == SITE_OUTSIDE ? 0 : v->snapshot->species[byte].charge;
}

/* Number of the site's cluster, 1 = the largest; `x->members` counts those before. */
static int64_t take_cluster(const struct view *v, struct view_site *x) {
    const struct clusters *k = &v->clusters;
    if (!(k->member[x->id / 64] >> (x->id % 64) & 1))
        return 0;
    uint32_t label = k->label[x->members++];
    x->cluster = k->n - label;
    return k->entry[label].size;
}

static bool is_selected(const struct view *v, const struct view_site *x, const double ideal[3],
                        struct lattice_coord c, uint8_t byte, int64_t cluster_size) {
    bool cation = c.kind != SITE_O;
    double direct[3];
    struct selection_site site = {.symbol = x->symbol,
                                  .charge = x->charge,
                                  .layer = x->layer,
                                  .state = x->state,
                                  .plane = c.plane,
                                  .cluster_size = cluster_size,
                                  .vacant = strcmp(x->symbol, "X") == 0,
                                  .tm = cation && v->model->group[byte] == GROUP_TM,
                                  .xyz = ideal,
                                  .direct = direct};
    view_direct(v, ideal, direct);
    return selection_has(v->selection, &site);
}

/* The site x->id, whatever it holds; false when it is not shown. */
static bool take(const struct view *v, struct view_site *x) {
    uint8_t byte = v->snapshot->occupancy[x->id];
    struct lattice_coord c = lattice_coord_of(&v->model->lattice, x->id);
    double ideal[3];
    x->cluster = 0;
    x->s_o = x->moved_A = 0;
    int64_t cluster_size = take_cluster(v, x);
    position_of(v, c, ideal);
    memcpy(x->xyz, ideal, sizeof ideal);
    if (c.kind == SITE_O)
        take_anion(v, byte, c, x);
    else
        take_cation(v, byte, c, x);
    if (!x->symbol || (*x->symbol == 'X' && !x->symbol[1] && !v->with_vacancies))
        return false;
    return !v->selection->given || is_selected(v, x, ideal, c, byte, cluster_size);
}

static int element_of(const struct view *v, const char *symbol) {
    int k = 0;
    while (k < v->n_symbols && strcmp(v->symbol[k], symbol) != 0)
        k++;
    return k;
}

bool view_next(const struct view *v, struct view_site *x) {
    for (int64_t n = v->state.n_sites; x->next < n;) {
        x->id = x->next++;
        if (take(v, x)) {
            x->element = element_of(v, x->symbol);
            return true;
        }
    }
    return false;
}

/* ---- life ---- */

/* What clusters and S_o need: no energies, and z = 0, which makes the deviation 12 S_o. */
static bool create_model(struct view *v, const struct snapshot *s, const bool *is_tm) {
    v->model = calloc(1, sizeof *v->model);
    if (!v->model)
        return false;
    for (int k = SPECIES_LI; k < s->n_species; k++) {
        v->model->charge[k] = (int8_t)s->species[k].charge;
        v->model->group[k] = is_tm[k] ? GROUP_TM : GROUP_LI;
    }
    return true;
}

static void add_symbol(struct view *v, const char *symbol) {
    if (element_of(v, symbol) == v->n_symbols)
        v->symbol[v->n_symbols++] = symbol;
}

static void count_symbols(struct view *v) {
    struct view_site x = {0};
    for (int k = SPECIES_LI; k < v->snapshot->n_species; k++)
        add_symbol(v, v->snapshot->species[k].symbol);
    for (int k = 0; k < ANION_STATES; k++)
        if (ANION[k].symbol)
            add_symbol(v, ANION[k].symbol);
    for (; view_next(v, &x); v->n++)
        v->count[x.element]++;
}

int view_create(struct view *v, const struct snapshot *s, const bool *is_tm,
                const struct selection *selection, bool with_vacancies, bool relaxed,
                FILE *errors) {
    static const struct selection all = {0};
    *v =
        (struct view){.snapshot = s, .selection = selection ? selection : &all, .relaxed = relaxed};
    v->with_vacancies = with_vacancies || selection_wants_vacancies(v->selection);
    const char *problem = "out of memory";
    if (create_model(v, s, is_tm))
        problem = lattice_init(&v->model->lattice, s->letters, s->na, s->nb);
    if (problem) {
        fprintf(errors, "snapshot: error: %s\n", problem);
        return v->model ? CORRUPT : MEMORY;
    }
    lattice_cell(&v->model->lattice, s->a_A, s->tm_gap_A, s->li_gap_A, v->cell);
    if (!state_init(&v->state, v->model, s->occupancy, 0, 0) ||
        !clusters_find(&v->clusters, v->model, &v->state.x)) {
        fputs("export: error: out of memory\n", errors);
        return MEMORY;
    }
    if (!state_partners_agree(&v->state, v->model)) {
        fputs("snapshot: error: a bonded O is not its partner's partner\n", errors);
        return CORRUPT;
    }
    count_symbols(v);
    if (v->n)
        return 0;
    fputs("export: error: expected at least one site to show, found none\n"
          "    hint: another --select, or --with-vacancies\n",
          errors);
    return USAGE;
}

void view_free(struct view *v) {
    clusters_free(&v->clusters);
    if (v->model)
        state_free(&v->state);
    free(v->model);
    *v = (struct view){0};
}
