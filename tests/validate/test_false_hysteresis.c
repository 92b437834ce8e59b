/* Guarantee: without slow events charge and discharge coincide, whatever the slice, and more effort brings them closer.
 *
 * The hysteresis that `kmc run` books (mean charge minus mean discharge voltage) must stay small: it measures what the equilibration left undone and
 * what the booking itself adds.
 */
#include <criterion/criterion.h>
#include "../../kmc/simulation.h"

struct booked {
    double charge_V, discharge_V, capacity;
    int64_t halves, cut_off;
};

static bool book_half(void *context, const struct replica *r, int64_t cycle, bool charge,
                      const struct protocol_half *h) {
    struct booked *b = context;
    (void)r;
    (void)cycle;
    *(charge ? &b->charge_V : &b->discharge_V) = h->mean_V;
    b->capacity = charge ? h->capacity : b->capacity;
    b->cut_off += h->reached_cutoff;
    b->halves++;
    return true;
}

/* Hysteresis of one cycle in V, mean over replicas. */
static double hysteresis(const char *const *set, size_t n_set, int replicas, double *capacity) {
    struct scenario *s = scenario_load("builtin:demo", set, n_set, stderr);
    struct simulation sim;
    double sum = 0;
    cr_assert_not_null(s);
    cr_assert_eq(simulation_create(&sim, s, stderr), 0);
    sim.protocol.cycles = 1;
    *capacity = 0;
    for (int k = 0; k < replicas; k++) {
        struct booked b = {0};
        struct protocol_observer observer = {.context = &b, .half = book_half};
        struct replica r;
        cr_assert_eq(
            replica_create(&r, s, &sim.species, sim.model, sim.ops, 1, (uint32_t)k, stderr), 0);
        cr_assert_eq(protocol_run(&r, &sim.protocol, &observer, stderr), 0);
        cr_assert_eq(b.halves, 2);
        cr_assert_eq(b.cut_off, 2, "a half-cycle ended before its cut-off");
        replica_free(&r);
        sum += (b.charge_V - b.discharge_V) / replicas;
        *capacity += b.capacity / replicas;
    }
    simulation_free(&sim);
    scenario_free(s);
    return sum;
}

Test(false_hysteresis, below_40_mV_at_the_default_effort_and_less_with_more) {
    const char *normal[] = {"kinetics.slow_events=false"};
    const char *more[] = {"kinetics.slow_events=false", "kinetics.equilibration_sweeps=16"};
    double q, q_more, now = hysteresis(normal, 1, 3, &q), better = hysteresis(more, 2, 3, &q_more);
    cr_assert_lt(now, 0.040, "found %.4f V", now);
    cr_assert_lt(better, 0.6 * now, "found %.4f V after %.4f V", better, now);
    cr_assert_float_eq(q, q_more, 0.03 * q_more, "capacity %.1f against %.1f mAh/g", q, q_more);
}

Test(false_hysteresis, small_slices_do_not_wind_up_the_voltage) {
    const char *small[] = {"kinetics.slow_events=false", "structure.cells_a=6",
                           "structure.cells_b=6", "protocol.slice_percent=0.05"};
    double q, found = hysteresis(small, 4, 2, &q);
    cr_assert_lt(found, 0.020, "found %.4f V", found);
    cr_assert_gt(found, -0.010, "found %.4f V", found);
}
