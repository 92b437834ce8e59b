/* voids: voids with an identity that lasts from one look to the next.
 *
 * A look is the end of a half-cycle; kmc/clusters.h finds the voids of the moment.  Old voids are those of the last look, and those that closed at it: their sites
 * are kept for one look more (dormant), so that a void that Li fills on discharge and leaves on charge is the same one.  The overlap of an old void and a new
 * one (this look) is the number of sites that are or were members of both.  Rules, for any number of old and new voids:
 *   identity      overlaps are taken from the largest down (equal ones: older id, then lower site first); an old void that still has no heir gives its id
 *                 to a new void that still has none
 *   birth         a new void without overlap; it gets the next id
 *   split         a new void with overlap but without an old void left to inherit from; it gets the next id, its parent is the old void of the largest overlap
 *   coalescence   an old void with overlap but without an heir ends in the new void of the largest overlap
 *   closure       an old void without overlap: all its sites are filled or belong to the crystal again; it is dormant, or if it was already, forgotten
 *   reopening     a dormant void with overlap (it may end in a coalescence at once)
 *   growth, shrinkage, same: any other void that kept its id, by its size
 *   opening       an old void that did not border on the vacuum; the new void that it became, or ended in, does
 *   percolation   a void that is connected to its own image and was not when last seen, or is new
 * So at every look: voids now = voids before + births + reopenings + splits - closures - coalescences.
 * Source: the rules are those of tracking features by overlap (Samtaney et al., Computer 27, 20 (1994)); the order in which ids are given is a choice.
 *
 * Fate of O2: of the O that were in O2 (both ends molecular) at the last look, how many are reduced, that is, their site holds an O that is not in O2, and
 * how many sites are vacant; by size of the void that held them.  It goes by sites: an O2 that moved counts as reduced or vacant where it was.
 */
#ifndef KMC_VOIDS_H
#define KMC_VOIDS_H
#include "clusters.h"

enum voids_event {
    VOIDS_BIRTH,
    VOIDS_SPLIT,
    VOIDS_COALESCENCE,
    VOIDS_REOPENING,
    VOIDS_GROWTH,
    VOIDS_SHRINKAGE,
    VOIDS_SAME,
    VOIDS_EVENTS
};
enum { VOIDS_CLASSES = 3 };          /* of size: up to 4, 5 to 16, above */
#define VOIDS_O2 ((uint32_t)1 << 31) /* a label's bit: the site held O in O2 */

/* What is known of a void after a look. */
struct voids_known {
    int64_t id, size;
    bool open, percolating; /* and size: when last seen */
    bool dormant;           /* closed at this look */
};

/* The last look; all of it goes into the checkpoint.  All 0 before the first one. */
struct voids {
    int64_t last_id; /* ids count from 1 */
    int64_t n;
    struct voids_known *known; /* [n]; owner: this struct */
    int64_t n_sites, n_members;
    uint64_t *member; /* bit s: is site s a member, also of a dormant void; owner: this struct */
    uint32_t *
        label; /* [n_members] in the order of sites: index in known, and VOIDS_O2; owner: this struct */
};

/* How a new void came about. */
struct voids_fate {
    int64_t id;
    enum voids_event event;
    int64_t parent;      /* id of the old void of the largest overlap; 0 = none */
    int64_t absorbed;    /* old voids that ended in it */
    int64_t size_before; /* of the void that had this id; -1 = none */
};

struct voids_report {
    struct voids_fate *fate; /* [n] by entry of the clusters; owner: this struct */
    int64_t n;
    int64_t births, reopenings, splits, coalescences, closures, openings, percolations;
    int64_t o2_before[VOIDS_CLASSES], o2_reduced[VOIDS_CLASSES], o2_vacant[VOIDS_CLASSES];
};

/* Compares the clusters of this moment with the last look, and remembers them.  False when memory runs out; *v is then as before. */
bool voids_look(struct voids *v, const struct clusters *c, const struct rate_model *m,
                const struct configuration *x, struct voids_report *r);
void voids_free_report(struct voids_report *r);
void voids_free(struct voids *v);

/* "birth", ... */
const char *voids_event_name(enum voids_event event);

/* Size class of a void. */
int voids_class(int64_t size);

#endif
