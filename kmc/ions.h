/* ions: who is who among the Li+ of a periodic box, and how far each has gone.
 *
 * Listens to the events of an engine (engine_ops.listen).  Every step of an ion is the vector between the two sites in the real geometry,
 * never wrapped into the box.
 *
 * A hop is a way from one oct to another one; a visit to a tet that ends in the oct it began in is no hop.  The place of an ion is that of the
 * oct it was in last, so that rattling between an oct and a tet does not count as displacement:
 *     r = sum of the vectors of its hops,    path2 = sum over all ions of the squares of their lengths.
 */
#ifndef KMC_IONS_H
#define KMC_IONS_H
#include <stdbool.h>
#include "../kernels/channels.h"
#include "../lattices/supercell.h"

enum { IONS_FACES = 10 }; /* most neighbours through a face */

struct ion {
    int64_t site;  /* now */
    int64_t oct;   /* where it was last; -1 when it began in a tet and has not left it */
    double r[3];   /* displacement of its place since ions_init, angstrom */
    double off[3]; /* from its place to its site, angstrom */
};

struct ions {
    struct lattice lattice;
    int64_t n;
    struct ion *ion; /* [n] owner: this struct */
    int32_t *at;     /* [n_sites] number of the ion, -1 = none; owner: this struct */
    double (
        *vector)[3]; /* [n_planes][SITE_KINDS][IONS_FACES] steps, angstrom; owner: this struct */
    double sum[3];   /* displacements of all ions together, angstrom */
    int64_t events;  /* steps: past a tet, into one, out of one */
    int64_t left;    /* events until it is enough: ions_fired then returns false */
    int64_t hops;    /* to another oct, past a tet or with a stay in it */
    double path2[2]; /* of the hops: in plane (x and y together), along c; angstrom^2 */
};

/* Numbers the Li+ of a configuration; box lengths are those of the cell.  False when memory runs out. */
bool ions_init(struct ions *s, const struct supercell *cell, const struct configuration *x);
void ions_free(struct ions *s);

/* An engine_listener: context is the struct ions. */
bool ions_fired(void *context, const struct event_channel *ch);

/* Forgets displacements and counts, but not how many events are left; the ions stay where they are. */
void ions_restart(struct ions *s);

#endif
