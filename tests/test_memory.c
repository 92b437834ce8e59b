/* memory: what kmc/memory.h predicts is what is allocated. */
#include <criterion/criterion.h>
#include <malloc.h>
#include "../kmc/memory.h"
#include "../kmc/simulation.h"

#define SET(...) ((const char *const[]){__VA_ARGS__, NULL})

static int64_t allocated(void) {
    struct mallinfo2 now = mallinfo2();
    return (int64_t)(now.uordblks + now.hblkhd);
}

static struct scenario *load(const char *const *set) {
    size_t n = 0;
    while (set && set[n])
        n++;
    struct scenario *s = scenario_load("builtin:o3-lmr", set, n, stderr);
    cr_assert_not_null(s);
    return s;
}

/* State and engine of a box, against the prediction. */
static void compare(const struct engine_ops *ops, int threads, const char *const *set) {
    struct scenario *s = load(set);
    struct simulation sim;
    struct replica r;
    struct memory m;
    int status = simulation_create(&sim, s, stderr);
    cr_assert_eq(status, 0);
    int64_t before = allocated();
    if (before == 0)
        cr_skip_test("this allocator (a sanitizer's) does not count");
    status = replica_create(&r, s, &sim.species, sim.model, ops, threads, 0, stderr);
    cr_assert_eq(status, 0);
    double found = (double)(allocated() - before);
    memory_of_replica(&m, ops, &sim.model->lattice, threads);
    double wanted = (double)(m.kept + m.shared + m.threads * m.workspace);
    cr_expect_float_eq(wanted / found, 1, 0.1, "%s: predicted %.0f, allocated %.0f bytes",
                       ops->name, wanted, found);
    replica_free(&r);
    simulation_free(&sim);
    scenario_free(s);
}

Test(memory, predicted_is_allocated_cpu) {
    compare(&engine_cpu, 1, NULL);
    compare(&engine_cpu, 3,
            SET("structure.cells_a=30", "structure.cells_b=42", "structure.repeats=6"));
}

/* Replicas of one model share all but their state. */
Test(memory, more_replicas_take_a_state_each) {
    enum { MORE = 20 };
    struct scenario *s = load(NULL);
    struct simulation sim;
    struct replica r[MORE + 1];
    struct memory m;
    if (allocated() == 0)
        cr_skip_test("this allocator (a sanitizer's) does not count");
    cr_assert_eq(simulation_create(&sim, s, stderr), 0);
    for (uint32_t k = 0; k <= MORE; k++) {
        int64_t before = allocated();
        cr_assert_eq(replica_create(&r[k], s, &sim.species, sim.model, &engine_cpu, 1, k, stderr),
                     0);
        memory_of_replica(&m, &engine_cpu, &sim.model->lattice, 1);
        if (k)
            cr_expect_float_eq((double)(allocated() - before) / (double)m.kept, 1, 0.2);
    }
    cr_expect_lt((double)m.kept, 2.0 * (double)m.n_sites);
    for (int k = 0; k <= MORE; k++)
        replica_free(&r[k]);
    simulation_free(&sim);
    scenario_free(s);
}

Test(memory, predicted_is_allocated_exact) {
    compare(&engine_exact, 1, NULL);
    compare(&engine_exact, 1,
            SET("structure.cells_a=24", "structure.cells_b=30", "structure.repeats=3"));
}

Test(memory, other_stackings) {
    compare(&engine_cpu, 2, SET("structure.stacking=ABCB", "structure.repeats=5"));
    compare(&engine_cpu, 1, SET("structure.geometry=slab", "structure.cells_a=24"));
}

Test(memory, at_most_four_bytes_a_site_in_a_large_box) {
    struct scenario *s =
        load(SET("structure.cells_a=138", "structure.cells_b=138", "structure.repeats=22"));
    struct lattice box;
    struct memory m;
    cr_assert(supercell_lattice(&box, s));
    memory_of_replica(&m, &engine_cpu, &box, 1);
    cr_expect_lt((double)m.peak / (double)m.n_sites, 4.0);
    cr_expect_geq(m.peak, m.kept);
    scenario_free(s);
}

/* Nothing of the size of the box is allocated before it is refused. */
Test(memory, huge_boxes_are_refused_at_once) {
    struct scenario *s =
        load(SET("structure.cells_a=4096", "structure.cells_b=4096", "structure.repeats=170"));
    struct simulation sim;
    FILE *sink = fopen("/dev/null", "w");
    int64_t before = allocated();
    int status = simulation_create(&sim, s, sink);
    cr_expect_eq(status, 4);
    cr_expect_lt(allocated() - before, 1 << 20);
    fclose(sink);
    scenario_free(s);
}
