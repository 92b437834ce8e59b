/* snapshot_policy: which states of which replicas a run keeps: the keys output.snapshot*.
 *
 * Cycles are picked first (output.snapshots, output.snapshot_every_cycles); in these the ends of the half-cycles, and the first slice of each that is at or
 * beyond one of the voltages.
 */
#ifndef KMC_SNAPSHOT_POLICY_H
#define KMC_SNAPSHOT_POLICY_H
#include "protocol.h"
#include "snapshot.h"

enum { SNAPSHOT_POLICY_VOLTAGES = 64 }; /* of charge or discharge, at most */

struct snapshot_policy {
    int64_t replicas;      /* the first ones; 0 = no snapshots */
    int64_t cycles, every; /* of the run; every so many, 0 = first and last only */
    bool at[2];            /* [discharge, charge] their ends */
    int n[2];              /* voltages of each */
    double voltage_V[2][SNAPSHOT_POLICY_VOLTAGES];
};

/* What a replica has passed in the half-cycle under way; zero-initialise. */
struct snapshot_policy_passed {
    int64_t cycle;
    bool charge;
    uint64_t bits;
};

void snapshot_policy_init(struct snapshot_policy *p, const struct scenario *s);

/* Is the state before the first cycle kept, that at the end of this half-cycle? */
bool snapshot_policy_initial(const struct snapshot_policy *p, int64_t replica);
bool snapshot_policy_end(const struct snapshot_policy *p, int64_t replica, int64_t cycle,
                         bool charge);

/* The name of a voltage that this slice is the first to pass; call it until it is false. */
bool snapshot_policy_passes(const struct snapshot_policy *p, int64_t replica,
                            const struct protocol_slice *s, struct snapshot_policy_passed *passed,
                            char at[SNAPSHOT_AT]);

#endif
