/* view: what an export shows of a snapshot: the selected sites one after the other, each with ion, position and properties.
 *
 * Per site: id; layer; charge in e (O2- -2, hole and peroxo -1, molecular 0); S_o = sum of the charges that the cations around an anion site share with it,
 * q/6 from an oct and q/4 from a tet (kernels/rate_model.h), 0 on cation sites; state of O, which tells peroxo, superoxo and O2 apart by both ends of the
 * bond; cluster = number of the void it belongs to (kmc/clusters.h) within this snapshot, 1 the largest, 0 none.  These are not the ids of voids.csv, which
 * last from look to look.
 * Positions are those of the ideal sites.  `relaxed` draws bonded O closer, both moved along the bond, which keeps its middle:
 *     O2        1.21 A  free molecule (Huber and Herzberg, Constants of Diatomic Molecules, 1979: 1.2075)
 *     superoxo  1.33 A  estimate, range 1.28 to 1.35: between superoxides of alkali metals and the free ion
 *     peroxo    1.45 A  estimate, range 1.4 to 1.5: complexes of metals (Cramer et al., PNAS 100, 3635 (2003))
 * No energy knows of these lengths.
 */
#ifndef KMC_VIEW_H
#define KMC_VIEW_H
#include "clusters.h"
#include "selection.h"
#include "snapshot.h"
#include "state.h"

enum { VIEW_SYMBOLS = SPECIES_MAX + ANION_STATES };

struct view {
    const struct snapshot *snapshot;   /* owner: who called view_create, as of selection */
    const struct selection *selection; /* NULL = every site */
    bool with_vacancies;               /* vacant sites as element X */
    bool relaxed;                      /* bonded O drawn closer */
    struct rate_model
        *model;         /* lattice, charges and groups alone; owner: this struct, as of the rest */
    struct state state; /* whose deviation is 12 S_o */
    struct clusters clusters;
    double cell[3][3];                /* rows a, b, c, angstrom */
    const char *symbol[VIEW_SYMBOLS]; /* elements: cations as declared, then anions, X last */
    int64_t count[VIEW_SYMBOLS];      /* sites shown of each */
    int n_symbols;
    int64_t n; /* sites shown */
};

/* One site; all 0 before the first one. */
struct view_site {
    const char *symbol; /* NULL = nothing to show */
    int element;        /* index in view.symbol */
    int charge;         /* e */
    enum selection_layer layer;
    enum selection_state state;
    int64_t id, cluster;
    double s_o;            /* e */
    double xyz[3];         /* angstrom, inside the cell but for relaxed O */
    double moved_A;        /* by how much it was drawn off its site */
    int64_t next, members; /* where view_next goes on; members of clusters before that */
};

/* `is_tm` [n_species]: ions of transition metals, of which clusters and selections ask.  Exit code 0; 2 when nothing is selected, 4, or 5 for an
 * impossible lattice, after printing to `errors`; free with view_free in any case. */
int view_create(struct view *v, const struct snapshot *s, const bool *is_tm,
                const struct selection *selection, bool with_vacancies, bool relaxed, FILE *errors);
void view_free(struct view *v);

/* The next site, ids ascending; false past the last one.  while (view_next(v, &x)) from x = {0}. */
bool view_next(const struct view *v, struct view_site *x);

/* Fractional coordinates in [0, 1). */
void view_direct(const struct view *v, const double xyz[3], double direct[3]);

/* What `relaxed` did, for a file's comment. */
extern const char VIEW_NOTE[];

#endif
