/* shell: depth below the surface of a crystal in the making; what is taken out of an outer shell, and dopants gathered near the surface.
 *
 * Depth of an O: 0 with an O neighbour outside, else steps to the nearest such O; of a cation site: the least of its O.  A step is a, 2.85 A.
 * Random numbers: stream STREAM_SPECIES, index = site.
 */
#ifndef LATTICES_SHELL_H
#define LATTICES_SHELL_H
#include <stdbool.h>
#include "../kernels/philox.h"
#include "lattice.h"

enum { SHELL_DEEP = 255 }; /* deeper than anything counted, and everywhere in a periodic box */

struct shell {
    const struct lattice *lattice;
    uint8_t *occupancy; /* owner: the supercell */
    uint8_t *depth;     /* [n_oxygen]; owner: this struct */
    struct philox random;
};

/* What a site must be to take part. */
struct shell_sites {
    bool anion;      /* O sites; else octs */
    int gap;         /* of octs: 0 TM gaps, 1 Li gaps, 2 both */
    uint8_t byte[2]; /* one of these */
    uint8_t deepest; /* and not deeper */
};

/* False when memory ran out.  Free in any case. */
bool shell_create(struct shell *s, const struct lattice *l, uint8_t *occupancy,
                  struct philox random);
void shell_free(struct shell *s);

/* Turns a share of the sites, chosen at random, into `to`; returns how many. */
int64_t shell_convert(const struct shell *s, const struct shell_sites *sites, double share,
                      uint8_t to, uint32_t step);

/* Deals the ions byte[0] and byte[1] anew over their sites: byte[0] with weights exp(-depth/steps).  False when memory ran out. */
bool shell_gather(const struct shell *s, const struct shell_sites *sites, double steps,
                  uint32_t step);
#endif
