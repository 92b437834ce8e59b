/* formula: reads host formulas such as "Li1.2Ni0.13Co0.13Mn0.54O2", "0.5Li2MnO3*0.5LiNi1/3Co1/3Mn1/3O2" or "Li(Li1/6Ni1/6Co1/6Mn1/2)O2"
 * and scales them to two anions per formula unit.
 */
#ifndef LATTICES_FORMULA_H
#define LATTICES_FORMULA_H
#include <stddef.h>

enum { FORMULA_MAX_TERMS = 24 };

struct formula {
    int n;
    struct {
        char symbol[4];
        double amount;         /* per formula unit with two anion sites (O + F + S + Cl) */
    } term[FORMULA_MAX_TERMS]; /* merged by element, in order of first appearance */
};

/* Parses and scales to two anions.  Returns true, or false with `message` (size n) saying expected, found and the column (1-based). */
_Bool formula_parse(const char *text, struct formula *f, char *message, size_t n);

/* Amount of an element, 0 when absent. */
double formula_amount(const struct formula *f, const char *symbol);

/* Scales the cations to two per formula unit; *correction = factor - 1.  False (message) when |correction| > 0.02 / 2, that is when
 * the cations miss two by more than 0.02. */
_Bool formula_normalise(struct formula *f, double *correction, char *message, size_t n);
#endif
