/* bench_job: scenario and replicas of a workload, charged and saved where they are timed (bench.h says where that is). */
#ifndef KMC_BENCH_JOB_H
#define KMC_BENCH_JOB_H
#include "bench.h"

struct bench_box {
    int32_t cells, repeats;
    bool particle;
    int64_t replicas;
};

/* A replica's state at a slice boundary. */
struct bench_saved {
    struct protocol_position at;
    struct state scalars; /* its pointers are not used */
    uint8_t *bytes;       /* occupancy, deviation, n_tm, demons */
};

struct bench_job {
    const struct bench_limits *limits;
    struct scenario *scenario;
    struct simulation sim;
    struct engine_ops ops; /* those of sim, metered */
    int n;
    struct replica *replica;   /* [n] */
    struct bench_saved *saved; /* [n] */
    struct protocol_run *run;  /* [n] */
};

/* One replica of a box so many nm wide; 0: 12 x 12 cells x 12 planes. */
struct bench_box bench_job_box(double edge_nm, bool particle);

/* Sites of one replica. */
int64_t bench_job_sites(const struct bench_box *b);

/* Builds scenario and replicas; the caller frees the job whatever comes back. Exit code. */
int bench_job_create(struct bench_job *j, const struct bench_limits *l, const struct bench_box *b,
                     bool slow);
void bench_job_free(struct bench_job *j);

/* The replicas of a job that has none, with its ops. Exit code. */
int bench_job_create_replicas(struct bench_job *j, int threads);

/* Cores that each replica's engine may use. */
int bench_job_inner_threads(const struct bench_job *j, int threads);

/* Charges all replicas to where they are timed and saves them there; quickly: one replica, coarse slices of little effort. False when one failed. */
bool bench_job_charge(struct bench_job *j);
bool bench_job_charge_quickly(struct bench_job *j);

/* Back to the saved state, with a new engine. */
bool bench_job_restore(struct bench_job *j, int threads);

/* Runs so many slices, or until the Li is down to `li`. True when the slices were run; false when one failed. */
bool bench_job_slices(struct bench_job *j, const struct protocol *p, int64_t slices, double li);

#endif
