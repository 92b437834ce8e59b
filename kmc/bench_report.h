/* bench_report: the figures of `kmc bench` as a table of at most 100 columns and as JSON with units in the keys. */
#ifndef KMC_BENCH_REPORT_H
#define KMC_BENCH_REPORT_H
#include "bench.h"

enum { BENCH_REPORT_WORKLOADS = 8 };

/* Where and with what the figures were measured. */
struct bench_report {
    const char *engine;
    int threads, cores;
    double seconds;
    char cpu[128], date[32], parameter_hash[17];
    double memory_GiB, load; /* load: of the machine before the benchmark */
    int n_results;
    struct bench_result result[BENCH_REPORT_WORKLOADS];
    bool with_sizes;
    struct bench_size size[BENCH_SIZES];
};

/* Fills in machine and date. */
void bench_report_init(struct bench_report *r);

void bench_report_head(const struct bench_report *r, FILE *out);
void bench_report_result(const struct bench_report *r, const struct bench_result *b, FILE *out);
void bench_report_sizes(const struct bench_report *r, FILE *out);
void bench_report_json(const struct bench_report *r, FILE *out);

#endif
