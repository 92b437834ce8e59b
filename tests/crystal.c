#include "crystal.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

size_t crystal_count_sets(const char *const *set) {
    size_t n = 0;
    while (set && set[n])
        n++;
    return n;
}

struct crystal *crystal_build(const char *source, const char *const *set, uint32_t replica) {
    struct crystal *x = malloc(sizeof *x);
    cr_assert_not_null(x);
    x->s = scenario_load(source, set, crystal_count_sets(set), stderr);
    cr_assert_not_null(x->s);
    cr_assert(species_init(&x->t, x->s, stderr));
    cr_assert(supercell_init(&x->c, x->s, &x->t, replica, stderr));
    return x;
}

void crystal_free(struct crystal *x) {
    supercell_free(&x->c);
    scenario_free(x->s);
    free(x);
}

double crystal_honeycomb(const struct crystal *x) {
    return supercell_honeycomb_order(&x->c, &x->t, x->c.occupancy);
}

uint8_t crystal_byte(const struct crystal *x, int plane, int kind, int i, int j) {
    const struct lattice *l = &x->c.lattice;
    struct lattice_coord c = {plane, kind, (i + l->na) % l->na, (j + l->nb) % l->nb};
    return x->c.occupancy[lattice_site(l, c)];
}

bool crystal_holds(const struct crystal *x, uint8_t byte, const char *symbol) {
    return byte != SITE_OUTSIDE && byte != SPECIES_VACANCY &&
           strcmp(x->t.species[byte].symbol, symbol) == 0;
}

/* ---- recount, independent of the fields of the supercell ---- */

static void count_cation(const struct crystal *x, struct lattice_coord at, uint8_t byte,
                         struct recount *r) {
    const struct species *s = &x->t.species[byte];
    cr_assert_lt(byte, x->t.n_species);
    r->cations++;
    r->charge += s->charge;
    r->li += byte == SPECIES_LI;
    r->in_tets += at.kind != SITE_OCT;
    (at.plane % 2 ? r->li_gap : r->tm_gap)[at.plane / 2]++;
    if (s->element >= 0) {
        r->by_element[s->element]++;
        r->tm += x->t.elements[s->element].role == ROLE_TM;
    }
}

static void count_anion(const struct crystal *x, uint8_t byte, struct recount *r) {
    r->anions++;
    r->charge -= byte == 4 || byte == 6 ? 1 : 2;
    if (byte == 0)
        return;
    for (int e = 0; e < x->t.n_elements; e++)
        if (x->t.elements[e].role == ROLE_ANION && x->t.elements[e].anion_state == byte) {
            r->by_element[e]++;
            return;
        }
    cr_assert_fail("anion byte %d", byte);
}

struct recount crystal_recount(const struct crystal *x) {
    struct recount r = {.li = 0};
    for (int64_t s = 0; s < lattice_n_sites(&x->c.lattice); s++) {
        struct lattice_coord at = lattice_coord_of(&x->c.lattice, s);
        uint8_t byte = x->c.occupancy[s];
        if (byte == SITE_OUTSIDE)
            continue;
        if (at.kind == SITE_O)
            count_anion(x, byte, &r);
        else if (byte != SPECIES_VACANCY)
            count_cation(x, at, byte, &r);
    }
    return r;
}

int64_t crystal_number_of(const struct crystal *x, const struct recount *r, const char *symbol) {
    int e = species_find_element(&x->t, symbol);
    cr_assert_geq(e, 0);
    return r->by_element[e];
}

void crystal_expect_amount(const struct crystal *x, const struct recount *r, const char *symbol,
                           double amount) {
    int64_t n = strcmp(symbol, "Li") == 0 ? r->li : crystal_number_of(x, r, symbol);
    cr_assert_float_eq((double)n, amount * (double)x->c.n_formula, 1.0, "%s: %lld of %g", symbol,
                       (long long)n, amount * (double)x->c.n_formula);
}

void crystal_expect_sound(const struct crystal *x) {
    struct recount r = crystal_recount(x);
    cr_assert_eq(r.charge, 0);
    cr_assert_eq(r.in_tets, 0);
    cr_assert_eq(r.anions, 2 * x->c.n_formula);
    cr_assert_eq(r.cations, 2 * x->c.n_formula);
    cr_assert_eq(r.li, x->c.n_li);
    cr_assert_eq(r.tm, x->c.n_tm);
    cr_assert_arr_eq(r.by_element, x->c.element_count, sizeof r.by_element);
}
