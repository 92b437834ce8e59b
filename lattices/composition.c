/* composition: the formula first, then dopants one after the other. */
#include "composition.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include "formula.h"

enum { TEXT_SIZE = 192 };
static const double ROUNDING = 1e-9;            /* of sums of decimal fractions */
static const double LARGEST_HOST_EXCESS = 0.05; /* e per formula unit; more is a wrong formula */

struct composer {
    struct composition *c;
    const struct scenario *s;
    const struct species_table *t;
    FILE *errors;
    bool ok;
};

static void complain(struct composer *k, const char *key, const char *hint, const char *format,
                     ...) {
    fprintf(k->errors, "%s: error: %s: ", scenario_place(k->s, key), key);
    va_list list;
    va_start(list, format);
    vfprintf(k->errors, format, list);
    va_end(list);
    fprintf(k->errors, "\n    hint: %s\n", hint);
    k->ok = false;
}

const char *composition_symbol(const struct component *p, const struct species_table *t) {
    if (p->element == COMPOSITION_HOST_ION)
        return p->site == SUBLATTICE_O ? "O" : "Li";
    return t->elements[p->element].symbol;
}

/* The part for an element on a sublattice, appended when new; NULL when there is no room. */
static struct component *part_of(struct composer *k, int element, enum sublattice site) {
    struct composition *c = k->c;
    for (int i = 0; i < c->n; i++)
        if (c->part[i].element == element && c->part[i].site == site)
            return &c->part[i];
    if (c->n == COMPOSITION_MAX)
        return NULL;
    struct component *p = &c->part[c->n++];
    *p = (struct component){.element = element, .site = site};
    if (element >= 0)
        p->charge = k->t->elements[element].valence_initial;
    else
        p->charge = site == SUBLATTICE_O ? -2 : 1;
    return p;
}

static void known_elements(const struct species_table *t, char text[TEXT_SIZE]) {
    size_t n = (size_t)snprintf(text, TEXT_SIZE, "known: Li, O");
    for (int e = 0; e < t->n_elements && n + 8 < TEXT_SIZE; e++)
        n += (size_t)snprintf(text + n, TEXT_SIZE - n, ", %s", t->elements[e].symbol);
}

static void add_term(struct composer *k, const char *symbol, double amount) {
    static const enum sublattice home[] = {[ROLE_TM] = SUBLATTICE_TM,
                                           [ROLE_PILLAR] = SUBLATTICE_LI,
                                           [ROLE_ANION] = SUBLATTICE_O,
                                           [ROLE_CENTRE] = SUBLATTICE_TM};
    struct component *p = NULL;
    int e = species_find_element(k->t, symbol);
    char known[TEXT_SIZE];
    if (strcmp(symbol, "Li") == 0)
        p = &k->c->part[0];
    else if (strcmp(symbol, "O") == 0)
        p = &k->c->part[1];
    else if (e >= 0)
        p = part_of(k, e, home[k->t->elements[e].role]);
    if (p) {
        p->amount += amount;
        p->host = true;
        return;
    }
    known_elements(k->t, known);
    complain(k, "host.formula", known, "expected elements with parameters, found %s", symbol);
}

/* Cation charge minus anion charge, e per formula unit. */
static double charge_excess(const struct composition *c) {
    double sum = 0;
    for (int i = 0; i < c->n; i++)
        sum += c->part[i].amount * c->part[i].charge;
    return sum;
}

static void check_host_charge(struct composer *k) {
    k->c->host_excess_e = charge_excess(k->c);
    if (fabs(k->c->host_excess_e) > LARGEST_HOST_EXCESS + ROUNDING)
        complain(k, "host.formula",
                 "check the amounts, or elements.*.initial_valence of Ni, Co, Mn",
                 "expected a neutral formula within %.2f e per formula unit, found %+.4f e",
                 LARGEST_HOST_EXCESS, k->c->host_excess_e);
}

static void read_host(struct composer *k) {
    struct formula f;
    char message[TEXT_SIZE];
    const char *text = scenario_text(k->s, "host.formula");
    if (!formula_parse(text, &f, message, sizeof message)) {
        complain(k, "host.formula", "write for example Li1.2Ni0.13Co0.13Mn0.54O2", "%s", message);
        return;
    }
    if (!formula_normalise(&f, &k->c->cation_correction, message, sizeof message)) {
        complain(k, "host.formula", "amounts may be rounded to two decimals, not more", "%s",
                 message);
        return;
    }
    for (int t = 0; t < f.n; t++)
        add_term(k, f.term[t].symbol, f.term[t].amount);
    if (k->ok)
        check_host_charge(k);
}

/* One [[dopant]] table. */
struct dopant {
    char element_key[64], fraction_key[64], replaces_key[64];
    const char *symbol, *replaces;
    enum sublattice site;
    int element;
    double fraction;
};

static struct dopant read_dopant(const struct composer *k, size_t index) {
    struct dopant d;
    char key[64];
    snprintf(d.element_key, sizeof d.element_key, "dopant[%zu].element", index);
    snprintf(d.fraction_key, sizeof d.fraction_key, "dopant[%zu].fraction", index);
    snprintf(d.replaces_key, sizeof d.replaces_key, "dopant[%zu].replaces", index);
    snprintf(key, sizeof key, "dopant[%zu].site", index);
    const char *site = scenario_text(k->s, key);
    d.site = site[0] == 'L' ? SUBLATTICE_LI : site[0] == 'T' ? SUBLATTICE_TM : SUBLATTICE_O;
    d.symbol = scenario_text(k->s, d.element_key);
    d.replaces = scenario_text(k->s, d.replaces_key);
    d.fraction = scenario_real(k->s, d.fraction_key);
    d.element = species_find_element(k->t, d.symbol);
    return d;
}

static bool check_dopant(struct composer *k, const struct dopant *d) {
    char known[TEXT_SIZE];
    if (d->element < 0) {
        known_elements(k->t, known);
        complain(k, d->element_key, known, "expected an element with parameters, found %s",
                 d->symbol);
        return false;
    }
    enum element_role role = k->t->elements[d->element].role;
    bool fits = d->site == SUBLATTICE_O    ? role == ROLE_ANION
                : d->site == SUBLATTICE_TM ? role == ROLE_TM || role == ROLE_CENTRE
                                           : role == ROLE_TM || role == ROLE_PILLAR;
    if (!fits)
        complain(
            k, d->element_key,
            "site O takes anions, site TM elements of role TM and centre, site Li pillars and TM",
            "%s cannot sit on the site given", d->symbol);
    return fits;
}

/* True when a dopant takes the place of this host ion. */
static bool gives_way(const struct composer *k, const struct dopant *d, const struct component *p) {
    const char *symbol = composition_symbol(p, k->t);
    if (!p->host || (p->site == SUBLATTICE_O) != (d->site == SUBLATTICE_O))
        return false;
    if (d->replaces[0])
        return strcmp(symbol, d->replaces) == 0;
    if (d->site == SUBLATTICE_TM)
        return p->site == SUBLATTICE_TM && p->element != d->element;
    return p->element == COMPOSITION_HOST_ION;
}

/* Takes the fraction from the ions that give way, in proportion to their amounts. */
static bool make_room(struct composer *k, const struct dopant *d) {
    double available = 0;
    for (int i = 0; i < k->c->n; i++)
        available += gives_way(k, d, &k->c->part[i]) ? k->c->part[i].amount : 0;
    if (d->fraction > available + ROUNDING) {
        complain(k, d->fraction_key, "lower the fraction, or check `replaces`",
                 "expected at most %.4f ions of %s to replace, found %.4f", available,
                 d->replaces[0] ? d->replaces : "the host", d->fraction);
        return false;
    }
    double keep = available > d->fraction ? 1 - d->fraction / available : 0;
    for (int i = 0; i < k->c->n; i++)
        if (gives_way(k, d, &k->c->part[i]))
            k->c->part[i].amount *= keep;
    return true;
}

static void add_dopant(struct composer *k, size_t index) {
    struct dopant d = read_dopant(k, index);
    if (!check_dopant(k, &d) || d.fraction == 0 || !make_room(k, &d))
        return;
    struct component *p = part_of(k, d.element, d.site);
    if (p)
        p->amount += d.fraction;
    else
        complain(k, d.element_key, "remove a dopant",
                 "expected at most %d kinds of ions, found more", COMPOSITION_MAX);
}

bool composition_init(struct composition *c, const struct scenario *s,
                      const struct species_table *t, FILE *errors) {
    struct composer k = {.c = c, .s = s, .t = t, .errors = errors, .ok = true};
    memset(c, 0, sizeof *c);
    part_of(&k, COMPOSITION_HOST_ION, SUBLATTICE_LI);
    part_of(&k, COMPOSITION_HOST_ION, SUBLATTICE_O);
    read_host(&k);
    if (!k.ok)
        return false;
    for (size_t i = 0; i < scenario_count(s, "dopant"); i++)
        add_dopant(&k, i);
    return k.ok;
}

/* Largest remainders: floors first, then one more for those that lost most. */
static void count_group(struct composition *c, bool anions, int64_t n_formula) {
    double lost[COMPOSITION_MAX];
    int64_t missing = 2 * n_formula;
    for (int i = 0; i < c->n; i++) {
        struct component *p = &c->part[i];
        lost[i] = -1;
        if ((p->site == SUBLATTICE_O) != anions)
            continue;
        double ideal = p->amount * (double)n_formula;
        p->count = (int64_t)ideal;
        lost[i] = ideal - (double)p->count;
        missing -= p->count;
    }
    assert(missing >= 0 && missing <= c->n);
    for (; missing > 0; missing--) {
        int most = 0;
        for (int i = 1; i < c->n; i++)
            most = lost[i] > lost[most] ? i : most;
        c->part[most].count++;
        lost[most] = -1;
    }
}

void composition_count(struct composition *c, int64_t n_formula) {
    count_group(c, false, n_formula);
    count_group(c, true, n_formula);
}
