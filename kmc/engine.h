/* engine: two verbs over one state.  A back end fills `struct engine_ops`; the protocol knows nothing else of it. */
#ifndef KMC_ENGINE_H
#define KMC_ENGINE_H
#include <stdbool.h>
#include "../kernels/census.h"
#include "../kernels/moves.h"
#include "state.h"

/* Result of one call of equilibrate; sums are over the measured part of the draws. */
struct engine_equilibrated {
    int64_t draws, evaluated, accepted;
    int64_t sum_li, samples; /* <N> = sum_li / samples */
    double
        stiffness_ueV; /* of the restraint as it acted on N: cell voltage = field + stiffness (<N> - target) */
};

/* Result of one call of advance. */
struct engine_advanced {
    int64_t fired[EVENT_KINDS];
    int64_t hops_unslowed,
        hops_large; /* TM hops from channels without slow-down, and those of them with k dt > large_step */
    double slow_down_min; /* smallest slow-down factor among fired events, 1 when none was slowed */
    int64_t slowed;       /* fired events with a factor below 1 */
    int64_t
        cut_short; /* regions that had more than kinetics.events_max events a site and stopped before their time was over */
};

struct engine;

typedef bool engine_listener(void *context, const struct event_channel *ch);

/* One call of either verb for one of many replicas, and its result. */
struct engine_task {
    struct engine *engine;
    struct electrode electrode;
    double step_s, slice_s;
    int64_t draws, measured;
    struct engine_equilibrated equilibrated;
    struct engine_advanced advanced;
};

struct engine_ops {
    const char *name;
    bool many; /* wants as many replicas side by side as there are, in one thread */
    /* Can it run here? `why` gets the reason when not; NULL = always. */
    bool (*available)(char *why, size_t size);
    /* Creates a back end for one replica that may use `threads` threads; NULL when memory runs out. Model and state stay the caller's and outlive it. */
    struct engine *(*create)(const struct rate_model *m, struct state *s, int threads);
    void (*free)(struct engine *e);
    /* Li+, electrons and the pairs of oxygen events that are fast on the scale of slice_s: `draws` attempted moves under `electrode`; N is
     * averaged over the last `measured` of them. */
    void (*equilibrate)(struct engine *e, const struct electrode *electrode, double slice_s,
                        int64_t draws, int64_t measured, struct engine_equilibrated *out);
    /* Slow events for step_s seconds at fixed voltage (electrode->kappa_ueV must be 0, else one
     * exchanged Li+ would change every other rate); pairs fast in both directions are slowed by
     * what they would fire in slice_s >= step_s. */
    void (*advance)(struct engine *e, const struct electrode *electrode, double step_s,
                    double slice_s, struct engine_advanced *out);
    /* The same for many replicas in one go, and bringing the host's copy of the state up to date; NULL where there is nothing to gain. */
    void (*equilibrate_all)(struct engine_task *task, int n);
    void (*advance_all)(struct engine_task *task, int n);
    void (*fetch)(struct engine *e);
    /* From now on `fired` hears of every event that `advance` carries out, in their order, after it has changed the configuration, and
     * ends the advance there and then by returning false; NULL = nobody listens.  The member is NULL where a back end cannot tell. */
    void (*listen)(struct engine *e, engine_listener *fired, void *context);
    /* Counts the states of n replicas where they are; NULL = on the host. */
    void (*census_all)(struct engine *const *e, struct census *census, int n);
};

/* Tasks of n replicas of one back end. */
void engine_equilibrate_all(const struct engine_ops *ops, struct engine_task *task, int n);
void engine_advance_all(const struct engine_ops *ops, struct engine_task *task, int n);

/* Makes state and engine agree where the engine keeps a copy of its own: call before reading the state. */
void engine_fetch(const struct engine_ops *ops, struct engine *e);

extern const struct engine_ops engine_exact, engine_cpu;
#ifdef KMC_CUDA
extern const struct engine_ops engine_cuda;
#endif

/* "exact", "cpu", "cuda" or "auto" -> table of functions.  `note` gets one line when auto falls back to the CPU, and what is wrong when the wanted
 * engine cannot run here (result NULL); it is empty otherwise. */
const struct engine_ops *engine_find(const char *name, char *note, size_t size);

#endif
