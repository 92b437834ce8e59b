/* bench_meter: the clock of `kmc bench`, and an engine that times the verbs of another one. */
#ifndef KMC_BENCH_METER_H
#define KMC_BENCH_METER_H
#include "bench.h"

/* Sums over calls; set only between parallel regions. */
struct bench_meter {
    const struct engine_ops *ops; /* those that are timed */
    int threads;
    double equilibrate_s, advance_s, simulated_s;
    int64_t draws, evaluated, accepted, events, advance_calls;
};

double bench_meter_now_s(void);

/* Median and ends of up to BENCH_REPEATS values. */
struct bench_figure bench_meter_figure(const double *value, int n);

void bench_meter_reset(const struct engine_ops *ops, int threads);
const struct bench_meter *bench_meter_read(void);

/* equilibrate_all and advance_all of an engine: those of the timed one, on the meter's threads. */
void bench_meter_equilibrate(struct engine_task *task, int n);
void bench_meter_advance(struct engine_task *task, int n);

#endif
