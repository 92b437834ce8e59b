/* Guarantees: the moment of a snapshot has one name and moments an order; the policy keeps the states that the keys output.snapshot* name, and these change
 * the hash of a scenario only when they are set. */
#include <criterion/criterion.h>
#include <string.h>
#include "../kmc/snapshot_policy.h"

Test(policy, moments_have_one_name_and_an_order) {
    static const char *const sorted[] = {"initial",  "charge@3.900",    "charge@4.400",
                                         "charge",   "discharge@4.000", "discharge@3.250",
                                         "discharge"};
    static const char *const wrong[] = {"",
                                        "Charge",
                                        "charge@",
                                        "charge@x",
                                        "charge@4.",
                                        "initial@3",
                                        "charge@-1",
                                        "charge@4.4 ",
                                        "discharge@4.4@5",
                                        "charge@1.2.3",
                                        "charge@12345678"};
    char at[SNAPSHOT_AT];
    for (int a = 0; a < 7; a++) {
        cr_expect(snapshot_at(at, sorted[a]) && !strcmp(at, sorted[a]), "%s", sorted[a]);
        for (int b = 0; b < 7; b++) {
            int order = snapshot_at_order(sorted[a], sorted[b]);
            cr_expect((order > 0) - (order < 0) == (a > b) - (a < b), "%s, %s", sorted[a],
                      sorted[b]);
        }
    }
    cr_expect(snapshot_at(at, "charge@4.4") && !strcmp(at, "charge@4.400"));
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++)
        cr_expect(!snapshot_at(at, wrong[k]) || k == 4, "%s", wrong[k]); /* `4.` is a number */
}

static struct snapshot_policy policy_of(const char *const *set, size_t n) {
    struct snapshot_policy p;
    struct scenario *s = scenario_load("builtin:demo", set, n, stderr);
    cr_assert(s);
    snapshot_policy_init(&p, s);
    scenario_free(s);
    return p;
}

/* Cycles whose charges and discharges are kept, "1c 1d 10c 10d". */
static const char *kept(const struct snapshot_policy *p, int64_t replica) {
    static char text[400];
    text[0] = '\0';
    for (int64_t cycle = 1; cycle <= p->cycles; cycle++)
        for (int charge = 1; charge >= 0; charge--)
            if (snapshot_policy_end(p, replica, cycle, charge))
                snprintf(text + strlen(text), sizeof text - strlen(text), "%s%d%c",
                         *text ? " " : "", (int)cycle, charge ? 'c' : 'd');
    return text;
}

Test(policy, keeps_the_ends_that_the_keys_name) {
    static const char *const none[] = {"output.snapshots=none"};
    static const char *const third[] = {"output.snapshots=all", "output.snapshot_every_cycles=3",
                                        "output.snapshot_at=charge", "output.snapshot_replicas=2"};
    struct snapshot_policy p = policy_of(NULL, 0);
    cr_expect_str_eq(kept(&p, 0), "1c 1d 10c 10d");
    cr_expect_str_eq(kept(&p, 1), "");
    cr_expect(snapshot_policy_initial(&p, 0) && !snapshot_policy_initial(&p, 1));
    p = policy_of(none, 1);
    cr_expect_str_eq(kept(&p, 0), "");
    cr_expect(!snapshot_policy_initial(&p, 0));
    p = policy_of(third, 4);
    cr_expect_str_eq(kept(&p, 1), "1c 3c 6c 9c 10c");
    cr_expect_str_eq(kept(&p, 2), "");
}

static const char *passed(const struct snapshot_policy *p, int64_t cycle, enum protocol_step step,
                          double voltage_V, struct snapshot_policy_passed *before) {
    static char text[200];
    char at[SNAPSHOT_AT];
    struct protocol_slice s = {.cycle = cycle, .step = step, .voltage_V = voltage_V};
    text[0] = '\0';
    while (snapshot_policy_passes(p, 0, &s, before, at))
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", *text ? " " : "", at);
    return text;
}

Test(policy, a_voltage_is_passed_once_a_half_cycle) {
    static const char *const set[] = {"output.snapshot_at=none",
                                      "output.snapshot_charge_V=[4.0,4.4]",
                                      "output.snapshot_discharge_V=[3.5]"};
    struct snapshot_policy p = policy_of(set, 3);
    struct snapshot_policy_passed b = {0};
    cr_expect_str_eq(kept(&p, 0), "");
    cr_expect_str_eq(passed(&p, 1, STEP_CHARGE, 3.9, &b), "");
    cr_expect_str_eq(passed(&p, 1, STEP_CHARGE, 4.0, &b), "charge@4.000");
    cr_expect_str_eq(passed(&p, 1, STEP_CHARGE, 3.9, &b), "");
    cr_expect_str_eq(passed(&p, 1, STEP_CHARGE, 4.1, &b), "", "a second time");
    cr_expect_str_eq(passed(&p, 1, STEP_CHARGE, 4.5, &b), "charge@4.400");
    cr_expect_str_eq(passed(&p, 1, STEP_REST_CHARGED, 3.4, &b), "");
    cr_expect_str_eq(passed(&p, 1, STEP_DISCHARGE, 3.6, &b), "");
    cr_expect_str_eq(passed(&p, 1, STEP_DISCHARGE, 3.4, &b), "discharge@3.500");
    cr_expect_str_eq(passed(&p, 2, STEP_CHARGE, 4.5, &b), "", "a cycle that is not kept");
    cr_expect_str_eq(passed(&p, 10, STEP_CHARGE, 4.5, &b), "charge@4.000 charge@4.400");
}

Test(policy, the_keys_change_the_hash_of_a_scenario_only_when_they_are_set) {
    static const char *const set[][1] = {
        {"output.snapshot_every_cycles=1"},    {"output.snapshot_at=both"},
        {"output.snapshot_charge_V=[]"},       {"output.snapshot_replicas=1"},
        {"output.snapshot_at=charge"},         {"output.snapshot_charge_V=[4.0]"},
        {"output.snapshot_discharge_V=[4.0]"}, {"output.snapshot_replicas=2"}};
    char usual[17], hash[17];
    struct scenario *s = scenario_load("builtin:demo", NULL, 0, stderr);
    scenario_hash(s, usual);
    scenario_free(s);
    for (int k = 0; k < 8; k++) {
        s = scenario_load("builtin:demo", set[k], 1, stderr);
        cr_assert(s);
        scenario_hash(s, hash);
        cr_expect((strcmp(usual, hash) == 0) == (k < 4), "%s", set[k][0]);
        scenario_free(s);
    }
}

Test(policy, voltages_that_are_never_met_are_refused) {
    static const char *const wrong[][1] = {{"output.snapshot_charge_V=[5.5]"},
                                           {"output.snapshot_discharge_V=[3.5,3.5]"},
                                           {"output.snapshot_every_cycles=2"}};
    FILE *none = fopen("/dev/null", "w");
    for (int k = 0; k < 3; k++)
        cr_expect(!scenario_load("builtin:demo", wrong[k], 1, none), "%s", wrong[k][0]);
    fclose(none);
}
