/* status: where a run stands, in a small file for `kmc watch`.
 *
 * DIR/status is there while a process works on the run, and replaced at most once a second:
 *     lrm-kmc status 1\n            then one `key value` a line: updated (s since 1970), done, eta_s, moves_per_s, replicas, finished, cycles, replica,
 *     cycle, step, li (a formula unit), voltage_V, time_s, since_s, event KIND COUNT, voltages V V ... (last slices), end
 * Cycle, voltage and events are of one replica, the first that was seen, until it has finished.  Events are counted since the half-cycle began or this
 * process took over.  No result depends on the file; it is not flushed to the disk, and a run goes on when it cannot be written.
 */
#ifndef KMC_STATUS_H
#define KMC_STATUS_H
#include "protocol.h"

enum { STATUS_POINTS = 400 }; /* slices of about one cycle */

/* Of the run as a whole. */
struct status_run {
    double done;        /* share of this run's work, 0 to 1 */
    double eta_s;       /* until the command ends, which may have more runs; 0 = not known yet */
    double moves_per_s; /* of the command */
    int64_t replicas, finished, cycles;
};

struct status {
    struct status_run run;
    int64_t updated; /* s since 1970 */
    int64_t replica; /* the one that is shown, from 0; -1 = none */
    int64_t cycle;
    enum protocol_step step;
    double li, voltage_V, time_s; /* li a formula unit */
    double since_s;               /* time at which the counts begin */
    int64_t fired[EVENT_KINDS], fired_before[EVENT_KINDS];
    double
        voltage[STATUS_POINTS]; /* oldest first after status_read; a ring from `next` on before */
    int n, next;
    double written_s; /* seconds of the command when the file was last written */
};

/* Nothing seen yet. */
void status_init(struct status *s);

/* Books a slice.  Not thread safe, as all of these: call under a lock. */
void status_slice(struct status *s, const struct replica *r, const struct protocol_slice *slice);

/* A replica has ended; the next one seen is shown. */
void status_leave(struct status *s, int64_t replica);

/* Replaces the file when a second has passed; now_s = seconds of the command. */
void status_write(struct status *s, const struct status_run *run, const char *directory,
                  double now_s);
void status_remove(const char *directory);

/* False when there is no status file, or none of this format. */
bool status_read(struct status *s, const char *directory);

/* "hop", ...; "charge", ... */
const char *status_event_name(int kind);
const char *status_step_name(enum protocol_step step);

#endif
