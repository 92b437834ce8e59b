/* bench_meter: see bench_meter.h.  The sums are one static object, because an engine's functions get no context. */
#define _POSIX_C_SOURCE 200809L
#include "bench_meter.h"
#include <stdlib.h>
#include <time.h>

double bench_meter_now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct bench_figure bench_meter_figure(const double *value, int n) {
    double sorted[BENCH_REPEATS];
    memcpy(sorted, value, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, by_value);
    return (struct bench_figure){0.5 * (sorted[(n - 1) / 2] + sorted[n / 2]), sorted[0],
                                 sorted[n - 1]};
}

static struct bench_meter meter;

typedef void verb(const struct engine_ops *ops, struct engine_task *task, int n);

/* Replicas side by side, unless the engine takes them all at once. */
static double timed(verb *run, bool at_once, struct engine_task *task, int n) {
    double start = bench_meter_now_s();
    if (at_once || n == 1 || meter.ops->many) {
        run(meter.ops, task, n);
        return bench_meter_now_s() - start;
    }
#pragma omp parallel for schedule(dynamic, 1) num_threads(meter.threads)
    for (int k = 0; k < n; k++)
        run(meter.ops, &task[k], 1);
    return bench_meter_now_s() - start;
}

void bench_meter_equilibrate(struct engine_task *task, int n) {
    meter.equilibrate_s +=
        timed(engine_equilibrate_all, meter.ops->equilibrate_all != NULL, task, n);
    for (int k = 0; k < n; k++) {
        meter.draws += task[k].equilibrated.draws;
        meter.evaluated += task[k].equilibrated.evaluated;
        meter.accepted += task[k].equilibrated.accepted;
    }
}

void bench_meter_advance(struct engine_task *task, int n) {
    meter.advance_s += timed(engine_advance_all, meter.ops->advance_all != NULL, task, n);
    for (int k = 0; k < n; k++) {
        for (int kind = 0; kind < EVENT_KINDS; kind++)
            meter.events += task[k].advanced.fired[kind];
        meter.simulated_s += task[k].step_s;
        meter.advance_calls++;
    }
}

void bench_meter_reset(const struct engine_ops *ops, int threads) {
    meter = (struct bench_meter){.ops = ops, .threads = threads};
}

const struct bench_meter *bench_meter_read(void) {
    return &meter;
}
