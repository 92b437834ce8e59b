/* protocol: charge, rest, discharge in slices; calls equilibrate and advance in turn and books charge and voltage.
 *
 * Galvanostatic slice: the target Li content moves by slice_percent of the pristine Li; the restraint holds N near it; the cell voltage is
 *     V = V_ref + kappa <N - N_target> / e,
 * V_ref being the voltage of the slice before (see struct electrode).  The slice lasts as long as its charge takes at the C-rate.
 * Potentiostatic step: the voltage is set, N follows.
 * The side reaction at the surface (a declared term, surface.*) oxidises electrolyte at a current that follows the voltage: charging takes longer by it,
 * discharging passes less, and at rest it brings Li back.
 * A half-cycle ends with the slice in which V passes the cut-off; that slice's charge counts.
 * During advance the electrode stays at the slice's voltage.
 * What the voltage of the cell is beyond that of the crystal's surface: kmc/transport.h.
 * A slice is cut into sub-slices of (equilibrate, advance); their number doubles when too many hops come from large steps.
 */
#ifndef KMC_PROTOCOL_H
#define KMC_PROTOCOL_H
#include "replica.h"
#include "transport.h"

#define LITHIUM_ALWAYS_V                                                                           \
    10.0 /* as kinetics.lithium_transport_below_V: Li+ is on the clock at all voltages */

enum protocol_mode { PROTOCOL_GALVANOSTATIC, PROTOCOL_POTENTIOSTATIC };

enum protocol_step {
    STEP_SETTLE, /* equilibration of the pristine crystal */
    STEP_CHARGE,
    STEP_HOLD_CHARGED,
    STEP_REST_CHARGED,
    STEP_DISCHARGE,
    STEP_HOLD_DISCHARGED,
    STEP_REST_DISCHARGED,
    STEP_DONE
};

/* All times in seconds, voltages in V, charge in mAh per gram. */
struct protocol {
    enum protocol_mode mode;
    int64_t cycles;
    double current_mA_per_g; /* C-rate times nominal capacity */
    double lower_V, upper_V;
    double charge_limit; /* mAh/g at which a charge ends in any case; 0 = none */
    double rest_charged_s, rest_discharged_s, hold_charged_s, hold_discharged_s;
    double slice_fraction; /* of the pristine Li */
    double step_V, step_s; /* staircase */
    double plateau_low_V, plateau_high_V;
    double window_low,
        window_high; /* discharge capacities between which the window voltage is taken, mAh/g */
    double sweeps;   /* draws a site and slice */
    double initial_sweeps;
    int64_t sub_slices, sub_slices_max;
    double large_step_share;
    double side_A_per_m2, side_reference_V, side_slope_V; /* side reaction */
    int32_t kappa_ueV;
    bool slow_events, transport;
    double transport_below_V; /* voltage of the surface from which on Li+ is in equilibrium */
    struct transport_surface surface;
    int64_t check_every; /* recount every so many slices; 0 = at the end of each half-cycle */
};

/* Reads protocol.*, kinetics.*, output.check_every. */
void protocol_init(struct protocol *p, const struct scenario *s);

/* One slice as it was booked. */
struct protocol_slice {
    int64_t cycle;
    enum protocol_step step;
    double time_s; /* at its end, since the start of the run */
    double voltage_V;
    double current_mA_per_g;     /* mean over the slice, positive on charge */
    double li;                   /* <N> */
    double capacity_mAh_per_g;   /* passed since the start of the half-cycle, positive */
    double charged_mAh_per_g;    /* net charge since the pristine crystal, positive = Li removed */
    double progress;             /* estimate of the share of this half-cycle done, 0 to 1 */
    int64_t evaluated;           /* moves of this slice whose energy was evaluated */
    const struct census *census; /* at its end; NULL when the observer does not ask for it */
    const struct engine_advanced *events; /* since the start of the half-cycle */
};

/* Sums over one half-cycle. */
struct protocol_half {
    double capacity; /* mAh/g, positive */
    double
        side; /* charge of the side reaction within it, mAh/g, positive: it is added on charge and missing on discharge */
    double energy;        /* Wh/kg, positive */
    double mean_V;        /* energy / capacity; NaN without charge */
    double plateau;       /* capacity passed between the plateau voltages */
    double window_mean_V; /* mean voltage between the window capacities; NaN when not reached */
    double end_V;
    bool reached_cutoff;        /* false when the Li ran out before */
    int64_t slices, sub_slices; /* number of slices, sub-slices at the end */
    int64_t draws, evaluated, accepted;
    struct engine_advanced events; /* sums */
};

struct protocol_run;

/* Receives what happens; called from the thread that runs the replica. Members may be NULL. */
struct protocol_observer {
    void *context;
    bool census; /* wants one with every slice */
    void (*slice)(void *context, const struct replica *r, const struct protocol_slice *s);
    /* after charge and discharge with their holds and rests; return false to stop */
    bool (*half)(void *context, const struct replica *r, int64_t cycle, bool charge,
                 const struct protocol_half *h);
    /* after all replicas of a batch have ended a slice; return false to stop. Called once a batch with the context of its first replica. */
    bool (*boundary)(void *context, const struct protocol_run *runs, int n);
};

/* Where a half-cycle stands; charge is in mAh/g, counted positive in its own direction. */
struct protocol_progress {
    struct protocol_half sum;
    double start_li, last_capacity, last_V;
    double window_charge, window_energy; /* inside the capacity window */
};

/* All that a replica carries from slice to slice, plain data: what a checkpoint keeps beside the state. */
struct protocol_position {
    struct electrode electrode;
    double voltage_V; /* of the crystal's surface, in the slice before */
    double li;        /* <N> of the slice before */
    double target_li; /* galvanostatic target, not rounded */
    double time_s;
    int64_t cycle, slices_done;
    int64_t sub_slices, hops_unslowed, hops_large; /* since sub_slices last changed */
    int64_t step, in_step;                         /* enum protocol_step; slices done in it */
    struct protocol_progress half;
};

/* One replica on its way through the protocol. */
struct protocol_run {
    struct protocol_position at;
    struct replica *r;
    const struct protocol *p;
    const struct protocol_observer *o;
    FILE *errors;
    double mAh_per_li;
    int status; /* 0 while all is well */
    /* the slice under way */
    double duration_s;
    double side_mA_per_g; /* current of the side reaction */
    int64_t sub_slices, sum_li, samples, evaluated_before;
    struct census census; /* when the observer asks for it */
};

/* At the beginning of the first cycle. */
void protocol_begin(struct protocol_run *w, struct replica *r, const struct protocol *p,
                    const struct protocol_observer *o, FILE *errors);

/* At a place that this replica has reached before, its state being the one of that place; after protocol_begin. */
void protocol_continue(struct protocol_run *w, const struct protocol_position *at);

/* Runs n replicas of one engine slice by slice to the end, side by side. Returns 0, or 1 after printing to `errors` (a recount failed, dynamics stalled)
 * or when an observer stopped it. */
int protocol_run_all(struct protocol_run *runs, int n);

/* The same for one replica from its beginning. */
int protocol_run(struct replica *r, const struct protocol *p, const struct protocol_observer *o,
                 FILE *errors);

#endif
