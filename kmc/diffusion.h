/* diffusion: transport mode.  Li+ hops past tets and into them on the clock; electrons (holes on TM and O) are relaxed between short advances.
 *
 * One measurement of a replica at a composition or a voltage, in a periodic box:
 *   approach  Li+ and electrons are brought there in equilibrium, by the moves of `equilibrate`
 *   settle    Li+ begins to hop; the advance is set so that a Li+ makes `step_hops` hops in it; burn-in
 *   run       FRAMES frames of one length in time, the places of all ions noted (kmc/ions.h)
 *   fluctuate Li+ is in equilibrium again, at the voltage found: variance of its number N
 * TM hops and oxygen events are off all the time.  Both verbs keep the Boltzmann distribution at fixed N and the length of an advance is fixed
 * during the run, so equal times weigh equally.
 *
 * With S(w) = <|r(t + w) - r(t)|^2> over all ions and origins, and C(w) the same for the sum of all r divided by their number, over windows
 * of w = 2, 4 and 8 frames, d = 2 in plane (x and y) and 1 along c:
 *   tracer diffusivity   D*      = [S(8) - S(4)] / (2 d dt)       slope, so that what a tracer does at first does not count
 *   jump diffusivity     D_sigma = [C(8) - C(4)] / (2 d dt)       of the charge that Li+ carries
 *   correlation factor   f       = [S(8) - S(4)] / (rate of squared hop lengths x dt);  in plane alone <R^2>/(n a^2)
 *   Haven ratio          D* / D_sigma
 *   thermodynamic factor N / var(N) at fixed voltage;  chemical diffusivity D_sigma N / var(N)
 * Diffusive limit: the slopes between 2 and 4 and between 4 and 8 frames must agree.
 * Sources: Uebing and Gomer, J. Chem. Phys. 95, 7626 (1991); Van der Ven, Bhattacharya and Belak, Acc. Chem. Res. 46, 1216 (2013).
 */
#ifndef KMC_DIFFUSION_H
#define KMC_DIFFUSION_H
#include "ions.h"
#include "replica.h"

enum { DIFFUSION_FRAMES = 64, DIFFUSION_WINDOW = 8 };
enum { DIFFUSION_PLANE, DIFFUSION_AXIS, DIFFUSION_WAYS }; /* mean of x and y; z = c */

/* What all measurements have in common. */
struct diffusion {
    const struct rate_model *still, *moving; /* Li+ in equilibrium, and on the clock */
    double hops;                             /* of a Li+ in a run, asked for */
    double step_hops;                        /* of a Li+ in one advance */
    double sweeps;                           /* draws a site that relax the electrons after it */
    double approach_sweeps;                  /* draws a site of each round of the approach */
    int32_t kappa_ueV;                       /* restraint of the approach, even */
};

/* Where to measure: at a voltage, or with a number of Li+ a formula unit when it is NaN. */
struct diffusion_point {
    double voltage_V, li;
};

struct diffusion_result {
    double n_li, n_formula;
    double voltage_V;                     /* of the cell there */
    double hops, events;                  /* of the run, a Li+ */
    double time_s;                        /* of the run */
    double tracer[DIFFUSION_WAYS];        /* cm^2/s */
    double tracer_before[DIFFUSION_WAYS]; /* the same from windows half as long */
    double charge[DIFFUSION_WAYS];        /* cm^2/s */
    double path[DIFFUSION_WAYS];          /* D of uncorrelated hops of the same rate, cm^2/s */
    double spread;                        /* S(8) in plane over a^2 */
    double tet_share;                     /* of the Li+ that sits on tets, mean of the frames */
    double mean_n, variance_n;            /* of N at fixed voltage */
};

/* One measurement under way; owner of nothing but `ions`. */
struct diffusion_run {
    const struct diffusion *d;
    struct replica *r;
    struct electrode electrode;
    double voltage_V; /* of the cell */
    struct ions ions; /* valid between diffusion_release and diffusion_end */
    double step_s;
};

/* Copies of the model for both uses: no TM hops, no oxygen events. */
void diffusion_models(const struct rate_model *m, struct rate_model *still,
                      struct rate_model *moving);

/* Builds state and engine of r anew from the occupancy as built, and brings Li+ and electrons to the point.  False when memory runs out. */
bool diffusion_begin(struct diffusion_run *w, const struct diffusion *d, struct replica *r,
                     const uint8_t *pristine, const struct diffusion_point *p);

/* Lets Li+ hop from now on. */
bool diffusion_release(struct diffusion_run *w);

/* Hops for step_s seconds, then the electrons. */
void diffusion_step(struct diffusion_run *w);

void diffusion_end(struct diffusion_run *w);

/* All of it.  A crystal without mobile Li+ has NaN for diffusivities.  Returns 0, or an exit code (1 recount failed, 4 memory) after printing to `errors`. */
int diffusion_measure(const struct diffusion *d, struct replica *r, const uint8_t *pristine,
                      const struct diffusion_point *p, struct diffusion_result *out, FILE *errors);

#endif
