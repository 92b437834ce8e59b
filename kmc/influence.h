/* influence: which owners' channels read a given site, so that after an event only those are recomputed.
 *
 * Derived from the reads of kernels/events.h:
 *   an ion reads itself, its face neighbours d, their face neighbours e, the O vertices of all of them and what shares a face with them;
 *   an O reads itself and its O neighbours x, their octs a, the O vertices and face neighbours of a, and the O neighbours of x.
 * Stored once for each plane and kind as offsets; the union over a changed site and its O vertices.
 */
#ifndef KMC_INFLUENCE_H
#define KMC_INFLUENCE_H
#include <stdbool.h>
#include "../kernels/lattice.h"

struct influence_offset {
    int16_t plane, kind; /* owner's plane (absolute) and kind */
    int16_t di, dj;      /* owner's cell relative to the changed site's, by the shortest way */
};

struct influence {
    struct influence_offset *list[LATTICE_MAX_PLANES][SITE_KINDS];
    int32_t n[LATTICE_MAX_PLANES][SITE_KINDS];
};

bool influence_init(struct influence *f, const struct lattice *l);
void influence_free(struct influence *f);

/* The owner as a cell of the box. */
KMC_HD struct lattice_coord influence_owner(const struct lattice *l, struct lattice_coord changed,
                                            struct influence_offset o) {
    struct lattice_coord c = {o.plane, o.kind, changed.i + o.di, changed.j + o.dj};
    c.i += c.i < 0 ? l->na : 0;
    c.i -= c.i >= l->na ? l->na : 0;
    c.j += c.j < 0 ? l->nb : 0;
    c.j -= c.j >= l->nb ? l->nb : 0;
    return c;
}

#endif
