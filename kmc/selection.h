/* selection: which sites of a snapshot an export shows.
 *
 *   species=Mn,Ni3+,X      elements, or ions of one charge; X = vacant sites
 *   layer=TM,Li,O          gap of a cation site, or anion site
 *   plane=N or N:M         O planes N to M (from 0) and the gap above each
 *   state=peroxo,O2        anion sites by state: oxide hole peroxo superoxo O2 fluoride sulfide chloride vacancy
 *   box=X0:X1,Y0:Y1,Z0:Z1  ideal position in angstrom; an end left out is open
 *   fractions=A0:A1,...    the same as shares of the cell
 *   clusters=N             members of voids of N sites or more (kmc/clusters.h)
 *   vacancies              vacant sites
 *   tm-in-li-layer         transition-metal ions in the gaps of Li
 * Words are separated by blanks; a site has to satisfy every word, and one value of it.
 */
#ifndef KMC_SELECTION_H
#define KMC_SELECTION_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { SELECTION_VALUES = 32 };
enum selection_layer { SELECTION_O, SELECTION_TM, SELECTION_LI, SELECTION_LAYERS };

enum selection_state {
    SELECTION_OXIDE,
    SELECTION_HOLE,
    SELECTION_PEROXO,
    SELECTION_SUPEROXO,
    SELECTION_O2,
    SELECTION_FLUORIDE,
    SELECTION_SULFIDE,
    SELECTION_CHLORIDE,
    SELECTION_VACANCY,
    SELECTION_CATION, /* not a state to select */
    SELECTION_STATES
};

struct selection_ion {
    char symbol[4];
    bool any_charge;
    int charge; /* e */
};

struct selection {
    unsigned given; /* bit of each word that was given; 0 = all sites */
    struct selection_ion ion[SELECTION_VALUES];
    int n_ions;
    bool layer[SELECTION_LAYERS], state[SELECTION_STATES];
    int64_t first_plane, last_plane;
    double box[3][2], fractions[3][2]; /* low, high */
    int64_t cluster_least;
};

/* What is asked of a site. */
struct selection_site {
    const char *symbol;
    int charge;
    enum selection_layer layer;
    enum selection_state state;
    int64_t plane, cluster_size; /* 0 = in no cluster */
    bool vacant, tm;
    const double *xyz, *direct;
};

/* Adds the words of `text`.  False after printing what is wrong to `errors`, which begins with `place`. */
bool selection_parse(struct selection *s, const char *text, const char *place, FILE *errors);

/* Does it ask for sites that hold no ion? */
bool selection_wants_vacancies(const struct selection *s);

bool selection_has(const struct selection *s, const struct selection_site *x);

extern const char *const SELECTION_LAYER_NAME[SELECTION_LAYERS],
    *const SELECTION_STATE_NAME[SELECTION_STATES];

#endif
