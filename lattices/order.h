/* order: which cation sits on which site of a TM layer.
 *
 * A layer is na x nb octs (periodic, neighbours +-(1,0), +-(0,1), +-(1,-1)) that hold given numbers
 * of ions of a few components; component 0 is Li.  Colour of a site = (i - j) mod 3: the three
 * sublattices of the honeycomb; Li on one colour and Mn on the other two is Li2MnO3.
 *
 *   composite       Li on one colour inside domains, Mn next to Li first, the rest at random
 *   solid-solution  everything at random
 *   swap            at random, then swap Monte Carlo at a temperature with the energy
 *                   J sum over neighbour pairs (q_i - 3)(q_j - 3), q in e, 3 = mean charge of a
 *                   TM layer between full Li layers
 *   ribbon          rows of Li along a1, evenly spaced, Mn next to Li first
 *
 * Random numbers: stream STREAM_ORDER, step = 256 layer + pass (passes in order.c), index = site of
 * the layer, or the count of a draw.
 */
#ifndef LATTICES_ORDER_H
#define LATTICES_ORDER_H
#include <stdbool.h>
#include "../kernels/philox.h"

enum order_kind { ORDER_COMPOSITE, ORDER_SOLID_SOLUTION, ORDER_SWAP, ORDER_RIBBON };

enum {
    ORDER_FREE = 254,   /* site of the layer, nothing placed yet */
    ORDER_ABSENT = 255, /* not a site of the layer (vacuum, or left vacant) */
    ORDER_COMPONENTS = 32
};

struct order_rule {
    enum order_kind kind;
    int32_t na, nb;
    int n_components;             /* component 0 is Li */
    int partner;                  /* component placed next to Li first (Mn); 0 = none */
    int charge[ORDER_COMPONENTS]; /* e */
    int32_t domain_cells;         /* lateral size of the honeycomb domains */
    double fault_probability;     /* that the Li colour changes from one TM layer to the next */
    double temperature_K, interaction_eV;
    int64_t swap_sweeps; /* swap attempts per site */
    struct philox random;
};

/* Counts of things still to hand out; drawing until it is empty deals a uniform permutation. */
struct order_deck {
    int n;
    int64_t left[ORDER_COMPONENTS];
    int64_t total; /* sum of left[] */
};

/* Takes one from a deck that is not empty: component with probability left / total; 0 < u < 1. */
int order_draw(struct order_deck *d, double u);

/* Colours 0, 1, 2 of the Li in successive TM layers.  In the coordinates of kernels/lattice.h equal
 * colours in O3 shift the honeycomb by -(a1 + a2) / 3 from layer to layer: the C2/m stacking of
 * Li2MnO3.  A fault adds 1 or 2 (rotation of the shift by 120 or 240 degrees). */
void order_colours(const struct order_rule *r, int32_t n_layers, uint8_t *colour);

/* Fills the ORDER_FREE bytes of cell[nb][na] with components; count[] holds n_components numbers
 * whose sum is the number of free bytes.  False when memory ran out. */
bool order_fill(const struct order_rule *r, int32_t layer, int colour, const int64_t *count,
                uint8_t *cell);
#endif
