/* known: small crystals whose answers are known, for `kmc selftest` and the statistical tests.
 *
 * A crystal starts blank: every cation site is outside, every anion is S2- (full bond valence, no
 * redox), so nothing acts but the sites that are put in.  Energies and barriers come from the
 * scenario builtin:o3-lmr with `set` on top; the temperature may lie above the scenario's range, so
 * that a small box visits all its states.
 *
 * Enumeration: each choice is a site with the bytes it may hold.  All products are visited that
 * hold the given number of tokens (+e on Li sites, redox centres and O) and of movers (TM ions that
 * may change place) and in which bonded O point at each other.
 */
#ifndef KMC_KNOWN_H
#define KMC_KNOWN_H
#include "engine.h"
#include "model.h"

enum { KNOWN_BYTES = 32, KNOWN_OBSERVABLES = 64, KNOWN_STATES = 16 };

struct known_crystal {
    struct scenario *scenario;
    struct species_table species;
    struct rate_model model;
    uint8_t *pristine;            /* [n_sites] occupancy that known_start begins with */
    struct state state;           /* valid between known_start and known_stop */
    struct state origin;          /* the same: copy that known_reset goes back to */
    const struct engine_ops *ops; /* engine_exact unless set before known_start */
    struct engine *engine;        /* valid between known_start and known_stop */
};

/* Blank crystal; `set` is a NULL-terminated list of "key=value". Owner frees with known_free. */
struct known_crystal *known_create(const char *letters, int na, int nb, double temperature_K,
                                   const char *const *set);
void known_free(struct known_crystal *k);

/* Site number; i and j may lie outside the box. */
int64_t known_site(const struct known_crystal *k, int plane, int kind, int i, int j);
void known_put(struct known_crystal *k, int64_t site, int byte);

/* Species index of an element at a valence. */
int known_ion(const struct known_crystal *k, const char *symbol, int valence);

/* Direction of O `to` among the O neighbours of O `from`, -1 when they are no neighbours. */
int known_direction(const struct known_crystal *k, int64_t from, int64_t to);

bool known_touches(const struct known_crystal *k, int64_t cation, int64_t oxygen);

/* The n-th site (0, 1, ...) that shares a face with `site`, is an oct or a tet as asked and lies in
 * a TM or Li gap as asked. */
int64_t known_across_face(const struct known_crystal *k, int64_t site, bool oct, bool tm_gap,
                          int nth);

/* State and engine of one replica; known_stop frees both. */
void known_start(struct known_crystal *k, uint64_t seed, uint32_t replica);
void known_stop(struct known_crystal *k);

/* Back to the pristine occupancy with clock 0, random streams going on; valid before `advance`,
 * which computes all rates anew. */
void known_reset(struct known_crystal *k);

/* ---- enumeration ---- */

struct known_choice {
    int64_t site;
    int n;
    uint8_t byte[KNOWN_BYTES];
    int8_t tokens[KNOWN_BYTES], movers[KNOWN_BYTES];
    int64_t partner[KNOWN_BYTES]; /* bonded O: site of the other O, else -1 */
};

/* Observables of a configuration: fills out[0 .. n-1]; false = the dynamics cannot reach it. */
typedef bool (*known_observe)(const struct known_crystal *k, const uint8_t *occupancy, double *out);

struct known_states {
    int64_t n, room;
    int n_observables;
    int64_t *energy_ueV; /* [n] from the definition of the energy */
    int32_t *n_li;       /* [n] */
    float *observable;   /* [n][n_observables] */
};

/* Appends a byte to a choice. */
void known_allow(struct known_choice *c, int byte, int tokens, int movers, int64_t partner);

/* All states with as many tokens and movers as the pristine occupancy has. */
void known_enumerate(const struct known_crystal *k, const struct known_choice *choice,
                     int n_choices, known_observe observe, int n_observables,
                     struct known_states *out);
void known_states_free(struct known_states *s);

/* Exact averages under an electrode: mean[0] = <E - E_min> in eV with E the energy without the
 * electrode, mean[1] = <N_Li>, mean[2 ..] = the observables; and their variances. */
void known_exact(const struct known_crystal *k, const struct known_states *s,
                 const struct electrode *electrode, double *mean, double *variance);

/* Lowest energy of all states, ueV. */
int64_t known_ground(const struct known_states *s);

/* ---- averages with errors ---- */

struct known_sums {
    int n, batches;
    double sum[KNOWN_OBSERVABLES], squares[KNOWN_OBSERVABLES]; /* of batch means */
};

/* Adds the mean of one independent batch. */
void known_add_batch(struct known_sums *s, const double *mean, int n);
double known_mean(const struct known_sums *s, int i);
double known_error(const struct known_sums *s, int i);

/* exp(-max(0, dE, kra + dE/2)/kT) nu in 1/s, written with libm: energies in ueV. */
double known_rate(const struct known_crystal *k, double d_energy, double kra);

/* Populations p[n] after dt seconds: solves dp/dt = W p by the classical Runge-Kutta method in 2000
 * steps, rate[a * n + b] in 1/s from a to b, n at most KNOWN_STATES. */
void known_relax(int n, const double *rate, double dt, double *p);

#endif
