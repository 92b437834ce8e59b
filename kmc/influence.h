/* influence: what reads a given site, so that after an event only that is computed again.
 *
 * Derived from the reads of kernels/hops.h and kernels/oxygen.h:
 *   an ion reads itself, its face neighbours d, their face neighbours e, the O vertices of all of them and what shares a face with them;
 *   an O reads itself and its O neighbours x, their octs a, the O vertices and face neighbours of a, and the O neighbours of x;
 *   the fields of a cation site (kernels/fields.h) read its O vertices and face neighbours; of an O: itself and its O neighbours;
 *   whether an ion may hop reads what energy and bounds of fields_hops do: its O vertices, its face neighbours, their O vertices and face neighbours.
 * Stored once for each plane and kind of the changed site, as offsets; the union over a changed cation and its O vertices.
 */
#ifndef KMC_INFLUENCE_H
#define KMC_INFLUENCE_H
#include <stdbool.h>
#include "../kernels/advance.h"

struct influence {
    struct window_influence lists; /* what kernels read; owner: this struct */
    int32_t reach[AXES];           /* cells and planes from a changed site to the farthest owner */
};

/* Lists for a box; false when memory runs out (nothing is kept then). */
bool influence_init(struct influence *f, const struct lattice *box);
void influence_free(struct influence *f);

/* Bytes of the lists. */
int64_t influence_bytes(const struct influence *f);

#endif
