/* Guarantees: what a run writes into its status file comes back, half a file is none; events are counted from where a half-cycle began or the process
 * took over; one replica is shown until it ends; a sparkline has the shape of its values. */
#define _XOPEN_SOURCE 700
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../kmc/status.h"
#include "../kmc/watch.h"

static char scratch[] = "/tmp/test_status_XXXXXX";
static char path[64];

static void enter(void) {
    cr_assert(mkdtemp(scratch));
    snprintf(path, sizeof path, "%s/status", scratch);
}

static void leave(void) {
    status_remove(scratch);
    cr_assert(rmdir(scratch) == 0, "no other file is left");
}

TestSuite(status, .init = enter, .fini = leave);

/* A slice of a replica with two formula units. */
static void slice(struct status *s, uint32_t replica, int64_t cycle, enum protocol_step step,
                  double time_s, int64_t hops) {
    struct replica r = {.number = replica, .cell = {.n_formula = 2}};
    struct engine_advanced events = {.fired = {[EVENT_HOP] = hops, [EVENT_MOVE] = 2 * hops}};
    struct protocol_slice now = {.cycle = cycle,
                                 .step = step,
                                 .time_s = time_s,
                                 .voltage_V = 3 + time_s / 1000,
                                 .li = 1,
                                 .events = &events};
    status_slice(s, &r, &now);
}

static const struct status_run half_done = {
    .done = 0.5, .eta_s = 61, .moves_per_s = 2e6, .replicas = 3, .finished = 1, .cycles = 7};

Test(status, comes_back_as_written) {
    struct status s, r;
    status_init(&s);
    slice(&s, 2, 1, STEP_CHARGE, 100, 0);
    slice(&s, 2, 1, STEP_DISCHARGE, 200, 5);
    slice(&s, 2, 1, STEP_DISCHARGE, 300, 8);
    status_write(&s, &half_done, scratch, 0);
    cr_assert(status_read(&r, scratch));
    cr_expect(r.run.done == 0.5 && r.run.eta_s == 61 && r.run.moves_per_s == 2e6);
    cr_expect(r.run.replicas == 3 && r.run.finished == 1 && r.run.cycles == 7);
    cr_expect(r.replica == 2 && r.cycle == 1 && r.step == STEP_DISCHARGE);
    cr_expect(r.li == 0.5 && r.time_s == 300 && fabs(r.voltage_V - 3.3) < 1e-6);
    cr_expect(r.since_s == 100, "the discharge began where the charge ended: %g", r.since_s);
    cr_expect(r.fired[EVENT_HOP] == 8 && r.fired[EVENT_MOVE] == 16 && r.fired[EVENT_JOIN] == 0);
    cr_expect(r.n == 3 && fabs(r.voltage[0] - 3.1) < 1e-4 && fabs(r.voltage[2] - 3.3) < 1e-4);
    cr_expect(r.updated > 1600000000);
}

/* Counts that an earlier process has made are not this one's. */
Test(status, counts_begin_where_the_process_took_over) {
    struct status s, r;
    status_init(&s);
    slice(&s, 0, 4, STEP_CHARGE, 100, 1000);
    slice(&s, 0, 4, STEP_CHARGE, 150, 1003);
    status_write(&s, &half_done, scratch, 0);
    cr_assert(status_read(&r, scratch));
    cr_expect(r.fired[EVENT_HOP] == 3 && r.since_s == 100);
}

Test(status, one_replica_is_shown_until_it_ends) {
    struct status s;
    status_init(&s);
    slice(&s, 1, 1, STEP_CHARGE, 100, 1);
    slice(&s, 0, 1, STEP_CHARGE, 900, 1);
    cr_expect(s.replica == 1 && s.time_s == 100 && s.n == 1);
    status_leave(&s, 0);
    cr_expect(s.replica == 1);
    status_leave(&s, 1);
    slice(&s, 0, 1, STEP_CHARGE, 901, 1);
    cr_expect(s.replica == 0 && s.time_s == 901 && s.n == 1);
}

Test(status, the_last_slices_are_kept) {
    struct status s, r;
    status_init(&s);
    for (int k = 0; k < STATUS_POINTS + 7; k++)
        slice(&s, 0, 1, STEP_CHARGE, k, 0);
    status_write(&s, &half_done, scratch, 0);
    cr_assert(status_read(&r, scratch));
    cr_expect(r.n == STATUS_POINTS && fabs(r.voltage[0] - 3.007) < 1e-4);
    cr_expect(fabs(r.voltage[r.n - 1] - r.voltage_V) < 1e-4);
}

Test(status, written_at_most_once_a_second) {
    struct status s, r;
    status_init(&s);
    slice(&s, 0, 1, STEP_CHARGE, 1, 0);
    status_write(&s, &half_done, scratch, 0);
    slice(&s, 0, 1, STEP_CHARGE, 2, 0);
    status_write(&s, &half_done, scratch, 0.9);
    cr_assert(status_read(&r, scratch));
    cr_expect(r.time_s == 1);
    status_write(&s, &half_done, scratch, 1.1);
    cr_assert(status_read(&r, scratch));
    cr_expect(r.time_s == 2);
    status_remove(scratch);
    cr_expect(!status_read(&r, scratch));
}

/* Any shorter file, and any other file. */
Test(status, half_a_file_is_none) {
    struct status s, r;
    char text[8192];
    status_init(&s);
    slice(&s, 0, 1, STEP_CHARGE, 1, 0);
    status_write(&s, &half_done, scratch, 0);
    FILE *in = fopen(path, "r");
    size_t n = fread(text, 1, sizeof text, in);
    fclose(in);
    cr_assert(n > 100 && n < sizeof text);
    for (size_t cut = 0; cut < n - 1; cut++) { /* the last byte is the newline behind `end` */
        FILE *out = fopen(path, "w");
        fwrite(text, 1, cut, out);
        fclose(out);
        cr_expect(!status_read(&r, scratch), "cut at %zu", cut);
    }
}

static void expect_line(const double *value, int n, int columns, const char *expected) {
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    watch_sparkline(value, n, columns, out);
    fclose(out);
    cr_expect(!strcmp(text, expected), "%s, expected %s", text, expected);
    free(text);
}

Test(watch, sparklines) {
    static const double rise[] = {0, 1, 2, 3, 4, 5, 6, 7}, flat[] = {2, 2};
    expect_line(rise, 8, 20, "▁▂▃▄▅▆▇█");
    expect_line(rise, 8, 4, "▁▃▆█");
    expect_line(flat, 2, 9, "▅▅");
    expect_line(rise, 0, 9, "");
}
