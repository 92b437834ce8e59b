/* crystal: a pristine crystal for tests of lattices/, and its recount, independent of the fields of the supercell. */
#ifndef TESTS_CRYSTAL_H
#define TESTS_CRYSTAL_H
#include "../lattices/supercell.h"

#define CRYSTAL_HOST "builtin:o3-lmr" /* 12 x 12 cells, 12 planes: 864 formula units */
#define SET(...) ((const char *const[]){__VA_ARGS__, NULL})

struct crystal {
    struct scenario *s;
    struct species_table t;
    struct supercell c;
};

/* Entries before the NULL that ends `set`; 0 for NULL. */
size_t crystal_count_sets(const char *const *set);

/* Builds a crystal on the heap; `set` ends with NULL. */
struct crystal *crystal_build(const char *source, const char *const *set, uint32_t replica);
void crystal_free(struct crystal *x);

double crystal_honeycomb(const struct crystal *x);
uint8_t crystal_byte(const struct crystal *x, int plane, int kind, int i, int j);

/* True for an existing cation site that holds this element in any valence ("Li" too). */
bool crystal_holds(const struct crystal *x, uint8_t byte, const char *symbol);

/* ---- recount ---- */

struct recount {
    int64_t li, tm, cations, anions, charge, in_tets, tm_gap[64], li_gap[64];
    int64_t by_element[ELEMENT_MAX];
};

struct recount crystal_recount(const struct crystal *x);
int64_t crystal_number_of(const struct crystal *x, const struct recount *r, const char *symbol);
void crystal_expect_amount(const struct crystal *x, const struct recount *r, const char *symbol,
                           double amount);

/* Neutral, no ion in a tet, and as many of everything as the supercell says. */
void crystal_expect_sound(const struct crystal *x);

#endif
