/* composition: which ions, how many and on which sublattice: host formula plus dopants.
 *
 * Scenario keys read: host.formula, dopant[].
 * A dopant adds `fraction` ions per formula unit of its element on its site and takes as many of
 * the ions that it replaces; charge is closed later through valences (supercell.c).
 */
#ifndef LATTICES_COMPOSITION_H
#define LATTICES_COMPOSITION_H
#include "../kmc/species.h"

enum sublattice { SUBLATTICE_LI, SUBLATTICE_TM, SUBLATTICE_O };
enum { COMPOSITION_MAX = 32, COMPOSITION_HOST_ION = -1 };

struct component {
    int element; /* index in the species table; COMPOSITION_HOST_ION: Li on the Li sublattice, O on
                    the O sublattice */
    enum sublattice site;
    int charge;    /* e, in the pristine host */
    bool host;     /* in the formula, not a dopant */
    double amount; /* ions per formula unit (two anion sites) */
    int64_t count; /* ions in the box */
};

struct composition {
    int n; /* part[0] is Li, part[1] is O */
    struct component part[COMPOSITION_MAX];
    double cation_correction; /* relative change that made the cations two per formula unit */
    double host_excess_e; /* cation minus anion charge of the undoped formula, e per formula unit */
};

/* False after printing all problems to `errors`. */
bool composition_init(struct composition *c, const struct scenario *s,
                      const struct species_table *t, FILE *errors);

/* Whole numbers of ions for a box of n_formula formula units: every count is its amount rounded up
 * or down, and cations and anions each sum to exactly 2 n_formula (largest remainders). */
void composition_count(struct composition *c, int64_t n_formula);

/* Symbol of a component. */
const char *composition_symbol(const struct component *p, const struct species_table *t);
#endif
