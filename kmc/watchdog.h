/* watchdog: sees that the slow events of a replica go to and fro without getting anywhere.
 *
 * Every WATCHDOG_SLICES slices of a half-cycle the events fired in them are looked at.  The dynamics is called stalled when one kind and its reverse are
 * at least four fifths of all events, occur more than once an O and slice (Li+ on the clock: a hundred times, for ten to and fro a pair are what it is
 * meant to keep), and cancel to a tenth or are hops, whose reverse is of the same kind.
 * It reads counts that are kept anyway and changes nothing.
 */
#ifndef KMC_WATCHDOG_H
#define KMC_WATCHDOG_H
#include "protocol.h"

enum { WATCHDOG_SLICES = 10 };

/* Zero-initialise. */
struct watchdog {
    int64_t cycle, since_slices; /* of the window */
    bool discharge;
    int64_t before[EVENT_KINDS]; /* counts of the half-cycle when the window began */
    int64_t fired[EVENT_KINDS];  /* in the last full window */
    int kind;                    /* the one that dominates; its reverse is as frequent */
};

/* Books a slice.  True when a window has ended in which the dynamics stalled. */
bool watchdog_slice(struct watchdog *w, const struct replica *r, const struct protocol_slice *s);

/* Says so, what dominates, and which keys change it. */
void watchdog_warn(const struct watchdog *w, const struct replica *r,
                   const struct protocol_slice *s, FILE *errors);

/* Says that an advance was ended by kinetics.events_max, what had been fired in it, and which keys change that. */
void watchdog_endless(const int64_t fired[EVENT_KINDS], const struct replica *r, int64_t cycle,
                      double voltage_V, FILE *errors);

#endif
