/* lithium_moves: hops of Li+ on the clock that are fast both ways, as moves of `equilibrate` in engine `exact`.
 *
 * A pair of hops that would fire more than kinetics.lithium_firings times a slice even in its slower direction is in equilibrium on the time scale of a
 * slice (kernels/channels.h).  It is tried by Metropolis' rule, in between the draws of electrons, with the energies and barriers of kernels/hops.h:
 *     past a tet   a vacant oct and one of its ways past a tet to another oct, which must hold Li+; the number of vacant octs stays, so both directions are
 *                  as likely, and how often it is tried may depend on it
 *     into a tet   any oct and one of its faces
 * Each way past a tet is tried kinetics.lithium_tries times a slice, each face an eighth as often.  On top of Metropolis' rule a try is let through with a
 * probability, firings of the faster direction by its rate over tries, at most 1: a hop fires as it would on the clock until its faster direction fires
 * more often than it is tried.  The factor is the same both ways.  Li+ goes no further than its neighbour in one hop, so what is far from equilibrium stays
 * so for as long as it takes to walk there.
 */
#ifndef KMC_LITHIUM_MOVES_H
#define KMC_LITHIUM_MOVES_H
#include <stdbool.h>
#include "../kernels/events.h"
#include "engine.h"

enum { LITHIUM_WAYS = 32, LITHIUM_FACES = 8 };

/* From an oct past a tet, given as a site, to another oct and the tet's other ones, given by their numbers: those of lattice_oxygen_index. */
struct lithium_way {
    int32_t tet, end, beside[2]; /* -1: there is none */
};

struct lithium_moves {
    const struct rate_model *m;
    int64_t n_octs, n_vacant;
    int32_t *vacant;         /* [n_octs] numbers of the vacant ones */
    int32_t *place;          /* [n_octs] of a vacant oct in that list */
    int32_t *site;           /* [n_octs] */
    struct lithium_way *way; /* [n_octs][most_ways] */
    int most_ways;           /* of any oct, at most LITHIUM_WAYS */
    /* of one call of `equilibrate` */
    struct event_context context;
    double tries;      /* of each way, for one draw a site */
    int64_t past, tet; /* barriers, in ueV, of hops that fire as often as they are tried */
    uint64_t tried;    /* so far */
};

/* Bytes that they take for one oct, at most. */
enum { LITHIUM_MOVES_BYTES = 3 * sizeof(int32_t) + LITHIUM_WAYS * sizeof(struct lithium_way) };

/* Takes no memory where no hop of Li+ can be fast.  False: out of memory, or more than 2^31 sites; free in any case. */
bool lithium_moves_init(struct lithium_moves *l, const struct rate_model *m);
void lithium_moves_free(struct lithium_moves *l);

/* Before the draws of a call, of which this share is what the effort asks for. */
void lithium_moves_begin(struct lithium_moves *l, struct configuration *x,
                         const struct event_limits *limits, double slice_s, double share);

/* After a move, which may have brought Li+ to or from an oct. */
void lithium_moves_changed(struct lithium_moves *l, const struct configuration *x,
                           const struct move *mv);

/* The tries that go with draw number d of the call. */
void lithium_moves_try(struct lithium_moves *l, struct state *s, int64_t d,
                       struct engine_equilibrated *out);

#endif
