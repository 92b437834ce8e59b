/* bench: fixed workloads, all physics present, and how they are timed.
 *
 *   W1 ensemble   1,024 replicas of 12 x 12 cells x 12 O planes       W3  one box, 50 nm an edge
 *   W2            one box, 10 nm an edge                              W4  a free particle of 100 nm, hexagonal outline
 * A workload that the machine's memory or the time limit does not allow is cut, and the cut is stated.
 *
 * State: the protocol charges the crystal in coarse slices until 55 % of the Li is out, where the oxygen events are, then in slices of default effort.
 * This state is kept; every repeat begins there with a fresh engine and runs the same slices, so the spread between repeats is that of the clock.
 * The verbs are timed inside the protocol, all replicas together: from the first that begins to the last that ends.
 * An attempted move is one whose energy was evaluated; draws without a move do not count.
 */
#ifndef KMC_BENCH_H
#define KMC_BENCH_H
#include "memory.h"
#include "simulation.h"

enum { BENCH_REPEATS = 3, BENCH_THREAD_COUNTS = 16, BENCH_SIZES = 4 };

/* Median, smallest and largest of the repeats. */
struct bench_figure {
    double median, low, high;
};

/* What the command line asks for. */
struct bench_limits {
    const struct engine_ops *ops;
    double seconds; /* of one figure, about */
    int threads;    /* cores to use */
    bool quiet;
};

struct bench_workload {
    const char *name, *title;
    int64_t replicas;
    double edge_nm; /* 0: 12 x 12 cells x 12 planes */
    bool particle;
};

/* Both verbs on one number of threads; advance over steps as long as those of the protocol. */
struct bench_verbs {
    int threads;
    int64_t evaluated, events, advance_calls; /* of one repeat */
    struct bench_figure evaluated_per_s, accepted_per_s, draws_per_s;
    struct bench_figure equilibrate_s; /* of one repeat: the same work on any number of threads */
    struct bench_figure advance_s;
    struct bench_figure events_per_s, advance_call_s;
    struct bench_figure simulated_s_per_s; /* seconds of protocol in a second of both verbs */
    double refresh_call_s;                 /* a call of advance in which nothing fires */
    double refresh_share;                  /* of the wall time inside advance */
    double net_events_per_s;               /* without that share; NaN when it is below the spread */
};

/* A cycle of default effort from the first charge to the end of discharge, after the pristine crystal has settled. */
struct bench_cycle {
    int threads, repeats;
    double share; /* of a cycle that was run; below 1: wall_s is extrapolated */
    struct bench_figure wall_s;
    double
        replica_cycles_per_s; /* all threads, one replica each (W1), or one replica on all of them */
};

struct bench_result {
    const struct bench_workload *workload;
    char cut[64];            /* "64 of 1024 replicas", "24 nm of 50 nm"; empty when whole */
    int64_t replicas, sites; /* sites of one replica */
    int32_t cells_a, cells_b, planes;
    double li_share, voltage_V; /* state of replica 0 at which the verbs were timed */
    struct memory memory;
    int n_verbs;
    struct bench_verbs verbs[BENCH_THREAD_COUNTS]; /* 1 thread first, all last */
    struct bench_cycle cycle;
};

/* Time per evaluated move of one thread against the size of the box; slow events rest. */
struct bench_size {
    int64_t sites;
    double needs_s; /* above the limit: not run */
    bool done;
    struct bench_figure evaluated_s; /* seconds per evaluated move */
    struct bench_figure draw_s;
};

/* "W1" to "W4"; NULL for an unknown name. */
const struct bench_workload *bench_find(const char *name);
const struct bench_workload *bench_at(int k); /* NULL past the end */

/* Wall seconds per site that bringing a crystal to the state takes on one thread; measured on a small box. Exit code. */
int bench_calibrate(const struct bench_limits *limits, double *seconds_per_site,
                    double *seconds_per_draw);

/* Times one workload; every number of threads in powers of two, or 1 and all when not `all_counts`. Exit code. */
int bench_run(const struct bench_workload *w, const struct bench_limits *limits,
              double seconds_per_site, bool all_counts, struct bench_result *out);

/* Times boxes of about 1e5, 1e6, 1e7 and 3e7 sites. Exit code. */
int bench_sizes(const struct bench_limits *limits, double seconds_per_draw,
                struct bench_size out[BENCH_SIZES]);

#endif
