/* clusters: voids of the crystal by union-find (Hoshen and Kopelman, Phys. Rev. B 14, 3438 (1976), for the task).
 *
 * Members of a cluster: O vacancies, molecular O (O2 held in the void), and vacant octs that touch an O without any TM neighbour, an O vacancy or a
 * molecular O.  A vacant oct whose O all keep a TM is ordinary delithiation, not a void.
 * Contacts: octs that share an edge or a face, an oct and its O vertices, neighbouring O.
 * size = vacant octs + O vacancies; o2 = molecular O; percolating = connected to its own periodic image.
 */
#ifndef KMC_CLUSTERS_H
#define KMC_CLUSTERS_H
#include <stdbool.h>
#include "../kernels/rate_model.h"

struct clusters_entry {
    int64_t size, o2;
    bool percolating;
};

struct clusters {
    struct clusters_entry *entry; /* sorted by size, ascending; owner: this struct */
    int64_t n;
    double number_mean,
        weight_mean; /* mean size over clusters, over their sites; 0 without clusters */
    int64_t largest;
    bool percolates;
};

/* False when memory runs out. */
bool clusters_find(struct clusters *c, const struct rate_model *m, const struct configuration *x);
void clusters_free(struct clusters *c);

#endif
