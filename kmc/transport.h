/* transport: Li+ on the clock in a whole run (kinetics.lithium_transport), and what passing current through the surface costs.
 *
 * Li+ hops as in kmc/diffusion.h, with electrons relaxed between short advances; only octs at an edge, which lack an O, exchange Li+ with the
 * electrode.  Edges are in equilibrium with the electrolyte; the crystal behind them is as far from it as hops are slow.
 *
 * Similarity.  The box, l wide between its edges, stands for a particle of width L (surface.particle_nm).  With
 *     hops of Li+ slowed by (l/L)^2,   all that passes the surface (O2, H+, side reaction) by l/L
 * diffusion, L^2/D, and loss through the surface take as long in the box as in the particle.  What happens in the bulk keeps its own clock.
 *
 * Surface.  A current density j moves the voltage of the cell away from that of the edges by
 *     eta = (2 kT/e) asinh(j / 2 j0)                       charge transfer (Butler and Volmer, transfer coefficients of one half)
 *         + R j                                           film
 * with j positive on charge: current of the step over the free surface of what the box stands for.  At constant voltage and at rest eta counts as 0.
 * Sources: Newman and Balsara, Electrochemical Systems, 4th ed. (2021), chapter 8; scaling: the dimensionless groups of the diffusion equation.
 */
#ifndef KMC_TRANSPORT_H
#define KMC_TRANSPORT_H
#include <stdbool.h>
#include <stdio.h>
#include "../kernels/rate_model.h"
#include "../lattices/supercell.h"

/* Sets the model up for transport when the scenario asks for it; false, with a message, when the box has no edges or is wider than the particle, or
 * when a surface that is not there shall cost voltage. */
bool transport_init(struct rate_model *m, const struct scenario *s, const struct supercell *cell,
                    FILE *errors);

/* The same model with Li+ in equilibrium, for voltages at which it is not on the clock; box and scales of the particle stay. */
void transport_rest(struct rate_model *resting, const struct rate_model *m);

struct transport_surface {
    double exchange_A_per_m2; /* j0; 0 = charge transfer costs nothing */
    double film_ohm_m2;       /* R */
};

/* Reads surface.exchange_current_A_per_m2 and surface.film_ohm_m2. */
void transport_surface_init(struct transport_surface *t, const struct scenario *s);

/* eta of the head in V, at a current in mA/g through a free surface in m2/g. */
double transport_surface_V(const struct transport_surface *t, const struct rate_model *m,
                           double mA_per_g, double m2_per_g);

#endif
