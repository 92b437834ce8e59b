/* progress: what a long command tells on stderr: one line on a terminal, at most 4 times a second; a plain line every 10 s elsewhere. */
#ifndef KMC_PROGRESS_H
#define KMC_PROGRESS_H
#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool quiet, terminal;
    double start_s, last_s;   /* monotonic clock */
    int64_t evaluated;        /* moves so far */
    bool drawn;               /* a terminal line stands unfinished */
    double done, done_before; /* shares of the work: by now, and of it by an earlier process */
};

void progress_start(struct progress *p, bool quiet);

/* done in [0, 1]; text = where the run is, e.g. "cycle 3/5 charge x_Li=0.43 V=3.71". Not thread safe: call under a lock. */
void progress_show(struct progress *p, double done, const char *text);

/* Seconds to go when `done` of the work is done, from the pace of this process; 0 = not known yet.  Moves a second. */
double progress_eta_s(const struct progress *p, double done);
double progress_moves_per_s(const struct progress *p);

/* Ends the terminal line. */
void progress_end(struct progress *p);

double progress_seconds(const struct progress *p);

/* Books a share of the work; `before`: an earlier process has done it.  May be called by many threads. */
void progress_add(struct progress *p, double share, bool before);

#endif
