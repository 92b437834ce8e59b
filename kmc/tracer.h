/* tracer: correlation of the jumps of ions that a single vacancy moves on a triangular layer.
 *
 *   f = <R^2> / (n a^2),  R displacement of a tracer after n of its own jumps;
 *   f = 0.56006 on the infinite triangular lattice with one vacancy (Compaan and Haven, Trans.
 *   Faraday Soc. 52, 786 (1956): f = (1 + c)/(1 - c), c mean cosine of successive jumps).
 *
 * A small torus and a finite time raise f by some per cent, so the exact expectation for the same
 * torus and time is worked out: with P(s) and M(s) = <R; s> over the place s of the vacancy relative
 * to one tracer, <R^2>(n + 1) = <R^2>(n) + (1/6) sum_d [P_n(d) + 2 M_n(d) . d],  d the six
 * neighbours of 0.  Its slope for growing boxes tends to 0.56006.
 */
#ifndef KMC_TRACER_H
#define KMC_TRACER_H
#include "known.h"

enum { TRACER_CELLS = 7, TRACER_IONS = TRACER_CELLS * TRACER_CELLS - 1 };
enum { TRACER_STEPS = 12, TRACER_HOPS_A_STEP = 20 }; /* of one window: 240 hops of the vacancy */
#define TRACER_KNOWN_F 0.56006

/* <R^2> of a tracer over its mean number of jumps after `hops` hops of the vacancy on a torus. */
double tracer_factor(int cells, int hops);

/* The same for infinite time: slope once the memory is lost. */
double tracer_slope(int cells);

/* One Li layer of 48 distinguishable ions without charge, energy or barrier and one vacancy.  Each
 * pair of neighbouring octs has one tet (up) between them; an ion in it goes on or back with equal
 * chance, so each of the six neighbours hops into the vacancy at half the attempt frequency. */
struct known_crystal *tracer_create(void);

/* Places of the ions in cells, and where they have gone in the present window. */
struct tracer_track {
    int at[TRACER_IONS][2];
    double r[TRACER_IONS][2];
};

/* Follows the ions; a first call after known_start notes where they are. */
void tracer_follow(const struct known_crystal *k, struct tracer_track *t);

/* Runs one window: returns the sum of R^2 over all ions in a^2 and adds the number of hops. */
double tracer_window(struct known_crystal *k, struct tracer_track *t, int64_t *hops);

#endif
