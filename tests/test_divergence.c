/* Guarantee: `kmc divergence` finds the first call after which two engines differ, and the site; engines that agree are found to agree.
 *
 * Differences are planted: a back end that forwards to engine cpu and, after a chosen call of a chosen replica, changes one thing in its state or result.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include "../kmc/divergence.h"

#define SET(...) ((const char *const[]){__VA_ARGS__, NULL})
#define SMALL                                                                                      \
    "run.engine=cpu", "run.threads=1", "structure.cells_a=6", "structure.cells_b=6",               \
        "structure.repeats=1", "protocol.cycles=1", "protocol.slice_percent=4",                    \
        "protocol.upper_cutoff_V=4.4", "kinetics.initial_sweeps=5"

/* Both engines through the protocol; what was printed goes to *text, to be freed. */
static int compare(const char *source, const char *const *set, const struct divergence *d,
                   char **text) {
    struct simulation sim;
    size_t n = 0, bytes;
    while (set[n])
        n++;
    struct scenario *s = scenario_load(source, set, n, stderr);
    cr_assert_not_null(s);
    cr_assert_eq(simulation_create(&sim, s, stderr), 0);
    FILE *out = open_memstream(text, &bytes);
    int status = divergence_run(&sim, d, out, stderr);
    fclose(out);
    simulation_free(&sim);
    scenario_free(s);
    return status;
}

static void expect_text(const char *text, const char *part) {
    cr_assert_not_null(strstr(text, part), "expected \"%s\" in:\n%s", part, text);
}

/* ---- agreement ---- */

Test(divergence, cpu_agrees_with_itself_for_any_number_of_threads) {
    char *text = NULL;
    struct divergence d = {{&engine_cpu, &engine_cpu}, {1, 2}};
    int status = compare("builtin:o3-lmr", SET(SMALL, "run.replicas=3"), &d, &text);
    cr_assert_eq(status, 0, "%s", text);
    cr_assert_eq(strncmp(text, "no difference in ", 17), 0, "%s", text);
    cr_assert_gt(engine_compare_calls(), 200);
    free(text);
}

Test(divergence, cpu_agrees_with_itself_in_a_box_of_several_tiles) {
    char *text = NULL;
    struct divergence d = {{&engine_cpu, &engine_cpu}, {1, 2}};
    int status = compare("builtin:o3-lmr",
                         SET(SMALL, "run.replicas=1", "structure.cells_a=18",
                             "structure.cells_b=18", "structure.repeats=3",
                             "protocol.upper_cutoff_V=3.8", "kinetics.equilibration_sweeps=0.2"),
                         &d, &text);
    cr_assert_eq(status, 0, "%s", text);
    free(text);
}

Test(divergence, cpu_and_exact_differ_at_the_first_equilibration) {
    char *text = NULL;
    struct divergence d = {{&engine_cpu, &engine_exact}, {1, 1}};
    int status = compare("builtin:o3-lmr", SET(SMALL, "run.replicas=1", "structure.geometry=slab"),
                         &d, &text);
    const struct engine_difference *f = engine_compare_difference();
    cr_assert_eq(status, 1);
    cr_assert_eq(f->call, 1);
    cr_assert_gt(f->array[DIFFERS_OCCUPANCY].n, 0);
    expect_text(text, "difference at call 1 of replica 0: equilibrate, step number 1 (0 before)");
    expect_text(text, "cycle 1, first equilibration, slice 1, sub-slice 1 of 1");
    expect_text(text, "first: site ");
    free(text);
}

/* ---- planted differences ---- */

enum plant {
    PLANT_OCCUPANCY,
    PLANT_DEVIATION,
    PLANT_N_TM,
    PLANT_ENERGY,
    PLANT_CLOCK,
    PLANT_COUNTER,
    PLANTS
};

static struct {
    enum plant what;
    uint32_t replica;
    int64_t at_call;
    int64_t calls[2], site; /* calls of each replica; where it was planted */
    struct engine *engine[2];
    struct state *state[2];
} planted;

static int replica_of(const struct engine *e) {
    return e == planted.engine[1];
}

/* An oct with a Li+ in the second half of the box. */
static int64_t lithium_site(const struct state *s) {
    for (int64_t k = s->n_sites / 2; k < s->n_sites; k++)
        if (lattice_coord_of(s->x.lattice, k).kind == SITE_OCT && s->x.occupancy[k] == CATION_LI)
            return k;
    cr_assert_fail("no Li+");
    return -1;
}

static void plant(struct state *s, int64_t *counter) {
    int64_t oxygen = s->n_oxygen - 5;
    planted.site = planted.what == PLANT_OCCUPANCY ? lithium_site(s) : oxygen;
    switch (planted.what) {
    case PLANT_OCCUPANCY:
        s->x.occupancy[planted.site] = CATION_VACANCY;
        break;
    case PLANT_DEVIATION:
        s->x.deviation[oxygen] ^= 1;
        break;
    case PLANT_N_TM:
        s->x.n_tm[oxygen] ^= 1;
        break;
    case PLANT_ENERGY:
        s->energy_ueV++;
        break;
    case PLANT_CLOCK:
        s->time_s += 1e-9;
        break;
    default:
        ++*counter;
    }
}

static void count_call(const struct engine *e, int64_t *counter) {
    int r = replica_of(e);
    if (++planted.calls[r] == planted.at_call && (uint32_t)r == planted.replica)
        plant(planted.state[r], counter);
}

static struct engine *planting_create(const struct rate_model *m, struct state *s, int threads) {
    struct engine *e = engine_cpu.create(m, s, threads);
    planted.engine[s->random.replica] = e;
    planted.state[s->random.replica] = s;
    return e;
}

static void planting_free(struct engine *e) {
    engine_cpu.free(e);
}

static void planting_equilibrate(struct engine *e, const struct electrode *electrode,
                                 double slice_s, int64_t draws, int64_t measured,
                                 struct engine_equilibrated *out) {
    engine_cpu.equilibrate(e, electrode, slice_s, draws, measured, out);
    count_call(e, &out->accepted);
}

static void planting_advance(struct engine *e, const struct electrode *electrode, double step_s,
                             double slice_s, struct engine_advanced *out) {
    engine_cpu.advance(e, electrode, step_s, slice_s, out);
    count_call(e, &out->fired[EVENT_COMBINE]);
}

/* Two replicas side by side, as on a GPU. */
static const struct engine_ops engine_planting = {.name = "planting",
                                                  .many = true,
                                                  .create = planting_create,
                                                  .free = planting_free,
                                                  .equilibrate = planting_equilibrate,
                                                  .advance = planting_advance};

static char *find_planted(enum plant what, uint32_t replica, int64_t call) {
    char *text = NULL;
    struct divergence d = {{&engine_cpu, &engine_planting}, {1, 1}};
    memset(&planted, 0, sizeof planted);
    planted.what = what;
    planted.replica = replica;
    planted.at_call = call;
    int status = compare("builtin:o3-lmr", SET(SMALL, "run.replicas=2"), &d, &text);
    const struct engine_difference *f = engine_compare_difference();
    cr_assert_eq(status, 1, "plant %d: %s", what, text);
    cr_assert_eq(f->call, call, "plant %d: %s", what, text);
    cr_assert_eq(f->replica, replica, "plant %d: %s", what, text);
    return text;
}

/* 8 calls of the first equilibration, then equilibrate and advance in turn. */
Test(divergence, a_flipped_byte_is_found_at_its_call_and_site) {
    static const int64_t call[] = {1, 8, 9, 10, 77};
    for (size_t k = 0; k < sizeof call / sizeof *call; k++) {
        char *text = find_planted(PLANT_OCCUPANCY, k % 2, call[k]);
        const struct engine_difference *f = engine_compare_difference();
        const struct difference_array *a = &f->array[DIFFERS_OCCUPANCY];
        char part[128];
        cr_assert_eq(a->n, 1);
        cr_assert_eq(a->first, planted.site);
        cr_assert_eq(a->value[0], CATION_LI);
        cr_assert_eq(a->value[1], CATION_VACANCY);
        cr_assert_eq(f->n_numbers, 0, "%s", text);
        bool advance = call[k] > 8 && call[k] % 2 == 0;
        cr_assert_str_eq(f->verb, advance ? "advance" : "equilibrate");
        snprintf(part, sizeof part, "1 sites differ; first: site %lld, plane ",
                 (long long)planted.site);
        expect_text(text, part);
        expect_text(text, ": a 0x01 Li1+, b 0x00 vacancy");
        expect_text(text, call[k] > 8 ? "charge, slice " : "first equilibration, slice ");
        free(text);
    }
}

/* Two sub-slices a slice: call 14 = advance of the first sub-slice of the second slice of the charge. */
Test(divergence, slice_and_sub_slice_are_named) {
    char *text = find_planted(PLANT_OCCUPANCY, 1, 14);
    expect_text(text, "difference at call 14 of replica 1: advance, ");
    expect_text(text, "cycle 1, charge, slice 2, sub-slice 1 of 2");
    free(text);
}

Test(divergence, every_kind_of_difference_is_found) {
    static const char *const name[PLANTS] = {"occupancy: 1 sites", "deviation: 1 O", "n_tm: 1 O",
                                             "energy_ueV: a ",     "time_s: a ",     NULL};
    for (int k = 0; k < PLANTS; k++) {
        int64_t call = 20 + k;
        char *text = find_planted((enum plant)k, 0, call);
        const char *counter = call % 2 ? "accepted: a " : "fired combine: a ";
        expect_text(text, name[k] ? name[k] : counter);
        if (k != PLANT_OCCUPANCY)
            expect_text(text, "occupancy: the same");
        free(text);
    }
}
