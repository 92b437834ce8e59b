/* supercell: the pristine crystal in a box: stacking, shape, TM-layer order, dopants, valences.  Immutable once built.
 *
 * Scenario keys read: structure.*, host.formula, dopant[], surface.shell_*, run.seed.
 * Surface: each O with an O neighbour outside counts a^2 sqrt(3)/2, its share of a close-packed plane; edges and steps are about right only.
 * Compositions are exact to one ion per element and box; charge neutrality is exact (closed through Mn, then Ni valences).
 */
#ifndef LATTICES_SUPERCELL_H
#define LATTICES_SUPERCELL_H
#include "lattice.h"
#include "../kmc/species.h"

struct supercell {
    struct lattice lattice;
    double a_A, tm_gap_A, li_gap_A; /* lattice constant and gap heights, angstrom */
    uint8_t *
        occupancy; /* lattice_n_sites bytes; cation species, anion states, SITE_OUTSIDE; owner: this struct */
    int64_t n_formula; /* existing anion sites / 2 */
    int64_t n_li;      /* Li+ in the box, without those that a treatment of the surface takes out */
    int64_t n_tm;      /* ROLE_TM ions in the box */
    int64_t element_count[ELEMENT_MAX];
    double
        mass_g_per_mol; /* of one formula unit of the pristine, doped composition (two anion sites), from the counts in the box */
    double surface_m2_per_g;  /* 0 without free surfaces; see above */
    double width_A;           /* between the edges of a film, across a particle; 0 without edges */
    double cation_correction; /* relative change made so that cations sum to two per formula unit */
    double
        charge_correction; /* electrons per formula unit taken up by Mn, then Ni valences to reach neutrality */
    char composition[160]; /* formula of the box, e.g. "Li1.1991Ni0.1296..." */
    char charge_note[160]; /* e.g. "4 of 233 Mn set to 3+" */
};

/* Builds the crystal of one replica (disorder depends on run.seed and replica). Prints all problems to `errors` with place and hint;
 * false when there was any. */
_Bool supercell_init(struct supercell *c, const struct scenario *s, const struct species_table *t,
                     uint32_t replica, FILE *errors);
void supercell_free(struct supercell *c);

/* The lattice alone, without anything of the size of the box; false, without a message, where supercell_init would complain about it. */
_Bool supercell_lattice(struct lattice *l, const struct scenario *s);

/* Gives the occupancy back to the system and keeps sizes, counts and texts. */
void supercell_drop_sites(struct supercell *c);

/* Honeycomb order parameter in [0, 1] of the TM layers of a configuration: mean over TM gaps of the largest |occupation excess| of non-TM (Li or vacancy)
 * sites on one of the three colours (i - j) mod 3, 1 for perfect Li2MnO3 order, 0 for random. */
double supercell_honeycomb_order(const struct supercell *c, const struct species_table *t,
                                 const uint8_t *occupancy);
#endif
