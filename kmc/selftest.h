/* selftest: textbook problems with exact answers, on the engines of this machine.
 *
 * Every case builds a small crystal of the program's own sites, energies and barriers (kmc/known.h), lets an engine equilibrate or advance it, and compares
 * averages with numbers from enumeration, a master equation or a formula (kmc/selftest_exact.h).
 *
 * Verdict: |z| = |measured - expected| / standard error <= SELFTEST_Z.  Errors come from the exact distribution (counts) or from the scatter of at least
 * SELFTEST_BATCHES batches, each longer than the memory of what it averages; then P(|z| > 5.5) < 3e-7 a row (Student's t with 119 degrees of freedom; 4e-8 for
 * a normal variable), and one of some hundred rows fails by chance in fewer than one run of 1e4.
 */
#ifndef KMC_SELFTEST_H
#define KMC_SELFTEST_H
#include "known.h"

#define SELFTEST_Z 5.5
enum { SELFTEST_BATCHES = 120 };

struct selftest_row {
    const char *name, *engine; /* of case and back end */
    char quantity[48];
    double expected, measured, error, z;
    bool passed;
    const char *left_out; /* why the case is not run on this back end, else NULL; then no numbers */
};

/* One case on one back end under way. */
struct selftest {
    const struct engine_ops *ops;
    uint64_t seed;
    double length; /* numbers of samples are multiplied by this; default 1 */
    const char *name;
    void (*report)(void *context, const struct selftest_row *row);
    void *context;
    int rows, failed;
};

struct selftest_case {
    const char *name, *what;
    void (*run)(struct selftest *t);
};

/* Case number k, NULL behind the last one. */
const struct selftest_case *selftest_at(int k);

/* Runs a case on t->ops; rows go to t->report, and are counted. */
void selftest_run(struct selftest *t, const struct selftest_case *c);

/* ---- for the cases ---- */

/* Compares a mean with its exact value; `error` is the standard error. */
void selftest_check(struct selftest *t, const char *quantity, double expected, double measured,
                    double error);

/* The same for average number i of batches. */
void selftest_check_sums(struct selftest *t, const char *quantity, double expected,
                         const struct known_sums *s, int i);

/* The case is not run on this back end. */
void selftest_leave_out(struct selftest *t, const char *reason);

/* Number of samples to take instead of n, not below `least`. */
int64_t selftest_samples(const struct selftest *t, int64_t n, int64_t least);

/* Starts the crystal on the back end under test; stops it, comparing the running energy with a recount. */
void selftest_start(struct selftest *t, struct known_crystal *k, uint32_t replica);
void selftest_stop(struct selftest *t, struct known_crystal *k);

/* One call of each verb, the state brought up to date. */
void selftest_equilibrate(struct known_crystal *k, const struct electrode *e, int64_t draws,
                          struct engine_equilibrated *out);
void selftest_advance(struct known_crystal *k, int32_t voltage_ueV, double seconds,
                      struct engine_advanced *out);

#endif
