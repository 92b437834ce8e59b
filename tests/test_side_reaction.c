/* Guarantee: the side reaction adds to a charge, takes from a discharge and brings Li back at rest, all at the stated current. */
#include <criterion/criterion.h>
#include <math.h>
#include "../kmc/protocol.h"
#include "../kmc/units.h"
#include "fixture.h"

/* Ends of the steps of the first cycle. */
struct ends {
    double time_s[STEP_DONE], li[STEP_DONE], capacity[STEP_DONE], side_mAh_per_g[2];
};

static void keep(void *context, const struct replica *r, const struct protocol_slice *s) {
    struct ends *e = context;
    (void)r;
    e->time_s[s->step] = s->time_s;
    e->li[s->step] = s->li;
    e->capacity[s->step] = s->capacity_mAh_per_g;
}

static bool keep_half(void *context, const struct replica *r, int64_t cycle, bool charge,
                      const struct protocol_half *h) {
    struct ends *e = context;
    (void)r;
    (void)cycle;
    e->side_mAh_per_g[charge] = h->side;
    return true;
}

/* A slab at equilibrium, charged to 4.3 V and discharged to 3 V at 25 mA/g. */
#define SLAB                                                                                       \
    "structure.cells_a=6", "structure.cells_b=6", "structure.repeats=1",                           \
        "structure.geometry=slab", "kinetics.slow_events=false", "protocol.cycles=1",              \
        "protocol.rest_after_charge_h=20", "protocol.upper_cutoff_V=4.3",                          \
        "protocol.lower_cutoff_V=3.0", "kinetics.equilibration_sweeps=4",                          \
        "surface.side_reaction_slope_V=1"

static int run(struct ends *e, const char *const *set, FILE *errors) {
    struct fixture *f = fixture_create("builtin:o3-lmr", set);
    struct protocol p;
    struct protocol_observer o = {.context = e, .slice = keep, .half = keep_half};
    protocol_init(&p, f->scenario);
    memset(e, 0, sizeof *e);
    int status = protocol_run(&f->replica, &p, &o, errors);
    double area = f->replica.cell.surface_m2_per_g;
    /* 2 x 36 O on the two faces, a = 2.85 A, 108 formula units of 85.10 g/mol */
    cr_assert_float_eq(area, 331.84, 0.01, "%g m2/g", area);
    fixture_free(f);
    return status;
}

Test(side_reaction, shares_the_current_and_brings_li_back_at_rest) {
    struct ends with, without;
    cr_assert_eq(run(&without, FIXTURE_SET(SLAB), stderr), 0);
    cr_assert_eq(without.side_mAh_per_g[0] + without.side_mAh_per_g[1], 0.0);
    cr_assert_eq(run(&with, FIXTURE_SET(SLAB, "surface.side_reaction_A_per_m2=1e-5"), stderr), 0);
    double rest_h = (with.time_s[STEP_REST_CHARGED] - with.time_s[STEP_CHARGE]) / 3600;
    double li = UNITS_FARADAY_MAH_PER_MOL / (85.103359 * 108); /* mAh/g for each ion */
    cr_assert_float_eq(rest_h, 20, 1e-6);
    /* charge passes at 25 mA/g whatever it does; N lags its target by some ions, with the side reaction and without it */
    double lag[2][2];
    for (int k = 0; k < 2; k++) {
        const struct ends *e = k ? &with : &without;
        double hours = (e->time_s[STEP_DISCHARGE] - e->time_s[STEP_REST_CHARGED]) / 3600;
        lag[k][0] = 25 * e->time_s[STEP_CHARGE] / 3600 - e->capacity[STEP_CHARGE];
        lag[k][1] = 25 * hours - e->capacity[STEP_DISCHARGE];
    }
    for (int half = 0; half < 2; half++) {
        cr_expect_float_eq(lag[0][half], lag[1][half], 2 * li);
        cr_expect_float_eq(lag[0][half], 0, 6 * li);
    }
    cr_expect_gt(with.capacity[STEP_CHARGE], without.capacity[STEP_CHARGE] + 3 * li);
    cr_expect_gt(with.side_mAh_per_g[1], 10.0);
    /* 3.32 mA/g at 4.5 V, exp(-0.3) of it at 4.2 V, about 20 h long: no outer current, Li comes back */
    double back = (with.li[STEP_REST_CHARGED] - with.li[STEP_CHARGE]) * li;
    cr_expect(back > 20 * 3.32 * exp(-0.6) && back < 20 * 3.32, "%g mAh/g came back", back);
    cr_expect_float_eq(with.capacity[STEP_REST_CHARGED], with.capacity[STEP_CHARGE], 3 * li);
    cr_expect_float_eq(without.li[STEP_REST_CHARGED], without.li[STEP_CHARGE], 2);
}

Test(side_reaction, that_takes_the_whole_current_is_an_error) {
    struct ends e;
    FILE *errors = tmpfile();
    char text[400] = {0};
    cr_assert_eq(run(&e, FIXTURE_SET(SLAB, "surface.side_reaction_A_per_m2=1e-3"), errors), 1);
    rewind(errors);
    cr_assert_gt(fread(text, 1, sizeof text - 1, errors), 0);
    cr_expect(strstr(text, "side reaction") && strstr(text, "hint:"), "found: %s", text);
    fclose(errors);
}

/* The limit counts the charge of every charge anew; one slice of 0.5 % of the Li is 1.9 mAh/g. */
Test(protocol, a_charge_ends_at_its_limit_or_at_the_cutoff_before) {
    struct ends limited, free_running, high;
    cr_assert_eq(run(&free_running, FIXTURE_SET(SLAB), stderr), 0);
    cr_assert_eq(run(&limited, FIXTURE_SET(SLAB, "protocol.charge_limit_mAh_per_g=60"), stderr), 0);
    cr_assert_eq(run(&high, FIXTURE_SET(SLAB, "protocol.charge_limit_mAh_per_g=1999"), stderr), 0);
    cr_expect_gt(free_running.capacity[STEP_CHARGE], 70.0);
    cr_expect(limited.capacity[STEP_CHARGE] >= 60 && limited.capacity[STEP_CHARGE] < 66, "%g mAh/g",
              limited.capacity[STEP_CHARGE]);
    cr_expect_eq(high.capacity[STEP_CHARGE], free_running.capacity[STEP_CHARGE]);
}
