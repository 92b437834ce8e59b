/* species: element by element in sorted order; element e gets the species first..first+n-1, one for
 * each oxidation state.  Lithium and oxygen entries hold masses only and make no element.  H+ comes
 * last. */
#include "species.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

enum { KEY_SIZE = 96, HIGHEST_VALENCE = 8 };

struct reader {
    const struct scenario *s;
    struct species_table *t;
    const char *symbol;
    FILE *errors;
    bool ok;
};

static void key_of(const struct reader *r, const char *member, char key[KEY_SIZE]) {
    snprintf(key, KEY_SIZE, "elements.%s.%s", r->symbol, member);
}

static void complain(struct reader *r, const char *member, const char *hint, const char *format,
                     ...) {
    char key[KEY_SIZE];
    key_of(r, member, key);
    fprintf(r->errors, "%s: error: %s: ", scenario_place(r->s, key), key);
    va_list list;
    va_start(list, format);
    vfprintf(r->errors, format, list);
    va_end(list);
    fprintf(r->errors, "\n    hint: %s\n", hint);
    r->ok = false;
}

/* Charge of an anion by its state, the low nibble of its site's byte: 4 F-, 5 S2-, 6 Cl-. */
static int anion_charge(int state) {
    return state == 5 ? -2 : -1;
}

static void read_anion(struct reader *r, struct element *e) {
    char key[KEY_SIZE];
    key_of(r, "anion_state", key);
    e->anion_state = (int)scenario_int(r->s, key);
    if (e->anion_state < 4 || e->anion_state > 6)
        complain(r, "anion_state", "4 = F-, 5 = S2-, 6 = Cl-", "expected 4, 5 or 6, found %d",
                 e->anion_state);
    e->valence_first = e->valence_usual = e->valence_last = e->valence_initial =
        anion_charge(e->anion_state);
}

/* Valences that the switch adds. */
static int steps_beyond(const struct reader *r) {
    bool beyond =
        strcmp(r->symbol, "Mn") == 0 && scenario_flag(r->s, "kinetics.manganese_beyond_4");
    return beyond ? (int)scenario_count(r->s, "model.mn_beyond_oct_eV") : 0;
}

static void read_valences(struct reader *r, struct element *e) {
    char key[KEY_SIZE];
    key_of(r, "valences", key);
    size_t n = scenario_count(r->s, key);
    if (n == 0) {
        complain(r, "valences", "list every oxidation state, for example [2, 3, 4]",
                 "expected at least one valence, found none");
        return;
    }
    double first = scenario_real_at(r->s, key, 0);
    for (size_t i = 0; i < n; i++) {
        double v = scenario_real_at(r->s, key, i);
        if (!(v >= 1 && v <= HIGHEST_VALENCE) || v != first + (double)i || v != (int)v) {
            complain(r, "valences", "list every step, most reduced first: [2, 3, 4]",
                     "expected ascending consecutive whole numbers from 1 to %d, found %g",
                     HIGHEST_VALENCE, v);
            return;
        }
    }
    e->valence_first = (int)first;
    e->valence_usual = e->valence_first + (int)n - 1;
    e->valence_last = e->valence_usual + steps_beyond(r);
    if ((e->role == ROLE_PILLAR || e->role == ROLE_CENTRE) && n != 1)
        complain(r, "valences", "pillars and centres keep their charge",
                 "expected one valence, found %zu", n);
}

static void read_cation(struct reader *r, struct element *e) {
    char key[KEY_SIZE];
    read_valences(r, e);
    if (e->valence_first == 0)
        return;
    key_of(r, "initial_valence", key);
    int64_t initial = scenario_int(r->s, key);
    if (initial < e->valence_first || initial > e->valence_usual)
        complain(r, "initial_valence", "choose one of the valences",
                 "expected %d to %d, found %lld", e->valence_first, e->valence_usual,
                 (long long)initial);
    else
        e->valence_initial = (int)initial;
}

/* Letters of the chemical symbol that a name begins with: 1 of PO4, 2 of SiO4 and Ni. */
static size_t chemical_length(const char *name) {
    return name[1] >= 'a' && name[1] <= 'z' ? 2 : 1;
}

/* Appends the species of a cation. */
static void add_species(struct reader *r, struct element *e, int index) {
    struct species_table *t = r->t;
    if (t->n_species + e->valence_last - e->valence_first + 1 > SPECIES_MAX) {
        complain(r, "valences", "remove elements or oxidation states that the crystal does not use",
                 "expected at most %d species in all", SPECIES_MAX);
        return;
    }
    e->species_first = t->n_species;
    for (int v = e->valence_first; v <= e->valence_last; v++) {
        struct species *s = &t->species[t->n_species++];
        memcpy(s->symbol, e->symbol, chemical_length(e->symbol));
        s->charge = v;
        s->element = index;
    }
}

static bool read_role(struct reader *r, enum element_role *role) {
    static const char *const name[] = {"TM", "pillar", "anion", "centre"};
    char key[KEY_SIZE];
    key_of(r, "role", key);
    const char *text = scenario_text(r->s, key);
    if (strcmp(text, "lithium") == 0 || strcmp(text, "oxygen") == 0)
        return false;
    for (int i = 0; i < 4; i++)
        if (strcmp(text, name[i]) == 0) {
            *role = (enum element_role)i;
            return true;
        }
    complain(r, "role", "an element is a TM, a pillar, an anion or the centre of a polyanion",
             "expected TM, pillar, anion, centre, lithium or oxygen, found %s", text);
    return false;
}

static void read_element(struct reader *r) {
    struct species_table *t = r->t;
    struct element e = {.species_first = 0};
    char key[KEY_SIZE];
    if (!read_role(r, &e.role))
        return;
    if (strlen(r->symbol) >= sizeof e.symbol || t->n_elements == ELEMENT_MAX) {
        complain(r, "role", "use the chemical symbol; remove elements that are not used",
                 "expected a symbol of 1 to 4 characters and at most %d elements", ELEMENT_MAX);
        return;
    }
    memcpy(e.symbol, r->symbol, strlen(r->symbol));
    key_of(r, "mass_g_per_mol", key);
    e.mass_g_per_mol = scenario_real(r->s, key);
    if (!(e.mass_g_per_mol > 0))
        complain(r, "mass_g_per_mol", "use the standard atomic weight",
                 "expected a positive mass, found %g", e.mass_g_per_mol);
    if (e.role == ROLE_ANION)
        read_anion(r, &e);
    else
        read_cation(r, &e);
    if (!r->ok)
        return;
    if (e.role != ROLE_ANION)
        add_species(r, &e, t->n_elements);
    t->elements[t->n_elements++] = e;
}

static void add_proton(struct reader *r) {
    struct species_table *t = r->t;
    if (t->n_species == SPECIES_MAX) {
        fprintf(r->errors,
                "surface.proton_exchange: error: expected at most %d species in all\n"
                "    hint: remove elements or oxidation states that the crystal does not use\n",
                SPECIES_MAX);
        r->ok = false;
        return;
    }
    t->proton = t->n_species++;
    t->species[t->proton] = (struct species){.symbol = "H", .charge = 1, .element = -1};
}

bool species_init(struct species_table *t, const struct scenario *s, FILE *errors) {
    struct reader r = {.s = s, .t = t, .errors = errors, .ok = true};
    memset(t, 0, sizeof *t);
    t->species[SPECIES_VACANCY].element = -1;
    t->species[SPECIES_LI] = (struct species){.symbol = "Li", .charge = 1, .element = -1};
    t->n_species = SPECIES_LI + 1;
    for (size_t i = 0; (r.symbol = scenario_name_at(s, "elements", i)); i++)
        read_element(&r);
    if (scenario_flag(s, "surface.proton_exchange"))
        add_proton(&r);
    return r.ok;
}

int species_find_element(const struct species_table *t, const char *symbol) {
    for (int e = 0; e < t->n_elements; e++)
        if (strcmp(t->elements[e].symbol, symbol) == 0)
            return e;
    return -1;
}

int species_of(const struct species_table *t, int element, int valence) {
    assert(element >= 0 && element < t->n_elements);
    const struct element *e = &t->elements[element];
    if (e->role == ROLE_ANION || valence < e->valence_first || valence > e->valence_last)
        return -1;
    return e->species_first + valence - e->valence_first;
}
