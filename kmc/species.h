/* species: which ions exist, from the scenario's `elements` table.
 *
 * Species 0 is a vacancy, 1 is Li+, the others are (element, valence) pairs in the order of the sorted element names, valences ascending, so that
 * oxidising an ion by one electron is species + 1.  H+ is the last one, with surface.proton_exchange only.  The index is the occupancy byte of a cation site.
 */
#ifndef KMC_SPECIES_H
#define KMC_SPECIES_H
#include "scenario.h"

enum { SPECIES_VACANCY = 0, SPECIES_LI = 1, SPECIES_MAX = 64, ELEMENT_MAX = 32 };

enum element_role {
    ROLE_TM, /* sits in TM octs, may change valence, may migrate, counts as TM neighbour of an O */
    ROLE_PILLAR, /* immobile in Li octs: closes the gate of TM hops beside it */
    ROLE_ANION,  /* replaces O: F, S, Cl */
    ROLE_CENTRE /* immobile centre of a polyanion, in a Li-layer tet over the TM oct that it leaves vacant; no TM ion in counts, one in energies */
};

struct element {
    char symbol[8]; /* name in the scenario: Ni, or PO4 for the P5+ of a phosphate */
    enum element_role role;
    double mass_g_per_mol;
    int valence_first, valence_last; /* oxidation states, first = most reduced */
    int valence_usual; /* highest one that a pristine crystal may hold: below valence_last for Mn with kinetics.manganese_beyond_4 only */
    int valence_initial; /* oxidation state in a pristine host */
    int species_first;   /* species index of valence_first; 0 for anions */
    int anion_state;     /* for ROLE_ANION: low nibble of the O-site byte (4 F-, 5 S2-, 6 Cl-) */
};

struct species {
    char symbol[4]; /* chemical: P for PO4 */
    int charge;     /* in e */
    int element;    /* index in elements[], -1 for vacancy, Li and H */
};

struct species_table {
    int n_species, n_elements;
    int proton; /* species of H+, 0 = none */
    struct species species[SPECIES_MAX];
    struct element elements[ELEMENT_MAX];
};

/* Reads elements.* of the scenario. Returns false after printing to `errors` (too many elements, inconsistent valences). */
bool species_init(struct species_table *t, const struct scenario *s, FILE *errors);

/* Index in elements[], or -1. */
int species_find_element(const struct species_table *t, const char *symbol);

/* Species index of an element at a valence; -1 when the element has no such valence. */
int species_of(const struct species_table *t, int element, int valence);

#endif
