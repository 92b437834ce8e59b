/* clusters: voids of the crystal by union-find (Hoshen and Kopelman, Phys. Rev. B 14, 3438 (1976), for the task).
 *
 * Members of a cluster: O vacancies, molecular O (O2 held in the void), and vacant octs that touch an O without any TM neighbour, an O vacancy or a
 * molecular O.  A vacant oct whose O all keep a TM is ordinary delithiation, not a void.
 * Contacts: octs that share an edge or a face, an oct and its O vertices, neighbouring O.
 * size = vacant octs + O vacancies; o2 = O in state ANION_MOLECULAR (of a superoxo pair one of two); percolating = connected to its own periodic image.
 * Wall: anions that are no members but touch one (an oct they belong to, or a neighbouring O).
 * Open: a member has an O vertex, an oct or a neighbouring O that does not exist, that is, it borders on the vacuum, which is the electrolyte.
 */
#ifndef KMC_CLUSTERS_H
#define KMC_CLUSTERS_H
#include <stdbool.h>
#include "../kernels/rate_model.h"

struct clusters_entry {
    int64_t size, o2;
    int64_t anions; /* members on anion sites */
    int64_t wall;   /* anions that touch it */
    int64_t first;  /* its lowest site */
    bool percolating, open;
    uint32_t found; /* place before sorting */
};

struct clusters {
    struct clusters_entry *entry; /* sorted by size, o2, first, ascending; owner: this struct */
    int64_t n;
    uint64_t *member; /* bit s: is site s a member; owner: this struct */
    uint32_t *label;  /* [n_members] in the order of sites: entry of a member; owner: this struct */
    int64_t n_sites, n_members;
    double number_mean,
        weight_mean; /* mean size over clusters, over their sites; 0 without clusters */
    int64_t largest;
    bool percolates;
};

/* False when memory runs out. */
bool clusters_find(struct clusters *c, const struct rate_model *m, const struct configuration *x);
void clusters_free(struct clusters *c);

/* Share of the wall in the anion sites that touch a member, members among them; 0 where there are none. */
double clusters_wall_contact(const struct clusters_entry *e);

#endif
