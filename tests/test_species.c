/* Guarantee: the table of species has every valence of every element in order, and those of contested mechanisms with their switches only. */
#include <criterion/criterion.h>
#include <string.h>
#include "fixture.h"

Test(species, table_lists_valences_in_order) {
    struct fixture *f = fixture_create("builtin:o3-lmr", FIXTURE_SET("structure.repeats=1"));
    const struct species_table *t = &f->species;
    int ni = species_find_element(t, "Ni");
    cr_assert_eq(t->species[SPECIES_VACANCY].charge, 0);
    cr_assert_eq(t->species[SPECIES_LI].charge, 1);
    cr_assert_geq(ni, 0);
    for (int v = 2; v <= 4; v++) {
        int s = species_of(t, ni, v);
        cr_assert_eq(s, t->elements[ni].species_first + v - 2);
        cr_assert_eq(t->species[s].charge, v);
        cr_assert_eq(t->species[s].element, ni);
        cr_assert_str_eq(t->species[s].symbol, "Ni");
    }
    cr_assert_eq(species_of(t, ni, 5), -1);
    cr_assert_eq(species_of(t, ni, 1), -1);
    cr_assert_eq(species_find_element(t, "Li"), -1);
    cr_assert_eq(species_find_element(t, "O"), -1);
    cr_assert_eq(species_find_element(t, "Xx"), -1);
    for (int e = 1; e < t->n_elements; e++)
        cr_assert_lt(strcmp(t->elements[e - 1].symbol, t->elements[e].symbol), 0);
    fixture_free(f);
}

Test(species, every_species_belongs_to_its_element) {
    struct fixture *f = fixture_create("builtin:o3-lmr", FIXTURE_SET("structure.repeats=1"));
    const struct species_table *t = &f->species;
    for (int s = SPECIES_LI + 1; s < t->n_species; s++)
        cr_assert_eq(species_of(t, t->species[s].element, t->species[s].charge), s);
    int fluorine = species_find_element(t, "F");
    cr_assert_eq(t->elements[fluorine].role, ROLE_ANION);
    cr_assert_eq(t->elements[fluorine].anion_state, 4);
    cr_assert_eq(t->elements[fluorine].species_first, 0);
    cr_assert_eq(species_of(t, fluorine, -1), -1);
    fixture_free(f);
}

/* Switched on: valences that a pristine crystal never has, and H+ last. */
Test(species, contested_ones_come_with_their_switches) {
    struct fixture *f = fixture_create("builtin:o3-lmr", FIXTURE_SET(FIXTURE_CONTESTED));
    const struct species_table *t = &f->species;
    int mn = species_find_element(t, "Mn");
    cr_assert_eq(t->elements[mn].valence_usual, 4);
    cr_assert_eq(t->elements[mn].valence_last, 7);
    cr_assert_eq(t->proton, t->n_species - 1);
    cr_assert_str_eq(t->species[t->proton].symbol, "H");
    for (int64_t s = 0; s < f->replica.state.n_sites; s++) {
        uint8_t byte = f->replica.state.x.occupancy[s];
        bool cation = lattice_coord_of(&f->model->lattice, s).kind != SITE_O;
        cr_assert(!cation || byte == SITE_OUTSIDE || byte < t->proton);
        cr_assert(!cation || byte == SITE_OUTSIDE || t->species[byte].element != mn ||
                  t->species[byte].charge <= 4);
    }
    fixture_free(f);
}
