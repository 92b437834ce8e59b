/* bench: a tiny run has every figure, in the table and in JSON; wrong flags are refused. No speed is asserted. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../kmc/bench.h"
#include "../kmc/commands.h"

static int run(const char *const *flag) {
    char *argv[16] = {(char *)"bench"};
    int n = 1;
    while (flag[n - 1] && n < 15) {
        argv[n] = (char *)flag[n - 1];
        n++;
    }
    return cmd_bench(n, argv);
}
#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})

/* ---- a small JSON reader: returns the end of a value, NULL when it is none ---- */

static const char *space(const char *p) {
    while (isspace((unsigned char)*p))
        p++;
    return p;
}

static const char *text_end(const char *p) {
    if (*p++ != '"')
        return NULL;
    for (; *p && *p != '"'; p++)
        p += *p == '\\' && p[1];
    return *p ? p + 1 : NULL;
}

static const char *value_end(const char *p);

static const char *list_end(const char *p, char close, bool keys) {
    p = space(p + 1);
    if (*p == close)
        return p + 1;
    while (p) {
        if (keys) {
            p = text_end(space(p));
            p = p ? space(p) : NULL;
            if (!p || *p++ != ':')
                return NULL;
        }
        p = value_end(p);
        p = p ? space(p) : NULL;
        if (!p || *p == close)
            return p ? p + 1 : NULL;
        if (*p++ != ',')
            return NULL;
    }
    return NULL;
}

static const char *value_end(const char *p) {
    char *end;
    p = space(p);
    if (*p == '{')
        return list_end(p, '}', true);
    if (*p == '[')
        return list_end(p, ']', false);
    if (*p == '"')
        return text_end(p);
    for (const char *const *w = (const char *const[]){"null", "true", "false", NULL}; *w; w++)
        if (strncmp(p, *w, strlen(*w)) == 0)
            return p + strlen(*w);
    strtod(p, &end);
    return end > p && (isdigit((unsigned char)*p) || *p == '-') ? end : NULL;
}

static char *read_file(const char *path) {
    static char text[1 << 18];
    FILE *in = fopen(path, "r");
    cr_assert_not_null(in);
    text[fread(text, 1, sizeof text - 1, in)] = 0;
    fclose(in);
    return text;
}

static const char *const keys[] = {"git_hash",
                                   "compiler",
                                   "build_flags",
                                   "date",
                                   "engine",
                                   "parameter_hash",
                                   "cpu",
                                   "cores",
                                   "memory_GiB",
                                   "seconds_per_figure",
                                   "cut",
                                   "replicas",
                                   "sites_per_replica",
                                   "li_share",
                                   "voltage_V",
                                   "bytes_per_site",
                                   "peak_bytes_per_site",
                                   "pieces_bytes",
                                   "evaluated_moves_per_s",
                                   "accepted_moves_per_s",
                                   "drawn_bonds_per_s",
                                   "slow_events",
                                   "slow_events_per_s",
                                   "advance_call_s",
                                   "refresh_call_s",
                                   "refresh_share",
                                   "slow_events_per_s_without_refresh",
                                   "simulated_s_per_s",
                                   "parallel_efficiency_equilibrate",
                                   "parallel_efficiency_advance",
                                   "wall_s",
                                   "share_run",
                                   "replica_cycles_per_s",
                                   "sizes",
                                   "s_per_evaluated_move",
                                   NULL};

Test(bench, json_parses_and_has_every_key) {
    char path[] = "/tmp/kmc_bench_XXXXXX";
    int file = mkstemp(path);
    cr_assert_geq(file, 0);
    close(file);
    cr_redirect_stdout();
    int status =
        RUN("--seconds", "0.05", "--threads", "2", "--workload", "W1,sizes", "--json", path, "-q");
    cr_expect_eq(status, 0);
    const char *text = read_file(path), *end = value_end(text);
    cr_assert_not_null(end, "not JSON:\n%s", text);
    cr_expect_eq(*space(end), 0);
    for (const char *const *k = keys; *k; k++) {
        char quoted[64];
        snprintf(quoted, sizeof quoted, "\"%s\":", *k);
        cr_expect_not_null(strstr(text, quoted), "%s is missing", quoted);
    }
    cr_expect_not_null(strstr(text, "of 1024 replicas"));
    unlink(path);
}

/* Restoring the saved state repeats the same slices: equal work on any number of threads. */
Test(bench, a_repeat_does_the_same_work_on_any_number_of_threads) {
    struct bench_limits l = {.ops = &engine_cpu, .seconds = 0.02, .threads = 2, .quiet = true};
    struct bench_result r;
    int status = bench_run(bench_find("W1"), &l, 1.0, false, &r);
    cr_assert_eq(status, 0);
    cr_assert_eq(r.n_verbs, 2);
    cr_expect_gt(r.verbs[0].evaluated, 0);
    cr_expect_eq(r.verbs[0].evaluated, r.verbs[1].evaluated);
    cr_expect_eq(r.verbs[0].events, r.verbs[1].events);
    cr_expect_gt(r.li_share, 0.3);
    cr_expect_lt(r.li_share, 0.5);
}

Test(bench, the_exact_engine_is_timed_too) {
    struct bench_limits l = {.ops = &engine_exact, .seconds = 0.02, .threads = 1, .quiet = true};
    struct bench_result r;
    int status = bench_run(bench_find("W1"), &l, 1.0, false, &r);
    cr_assert_eq(status, 0);
    cr_expect_gt(r.verbs[0].evaluated_per_s.median, 0);
    cr_expect_gt(r.cycle.wall_s.median, 0);
}

Test(bench, large_workloads_are_cut) {
    struct bench_limits l = {.ops = &engine_cpu, .seconds = 0.02, .threads = 1, .quiet = true};
    struct bench_result r;
    int status = bench_run(bench_find("W4"), &l, 1.0, false, &r);
    cr_assert_eq(status, 0);
    cr_expect_str_eq(r.cut, "3.5 nm of 100 nm");
}

Test(bench, wrong_flags_exit_with_2_and_a_hint) {
    cr_redirect_stdout();
    cr_redirect_stderr();
    cr_expect_eq(RUN("--workload", "W5"), 2);
    cr_expect_eq(RUN("--workload", ""), 2);
    cr_expect_eq(RUN("--seconds", "soon"), 2);
    cr_expect_eq(RUN("--seconds", "-1"), 2);
    cr_expect_eq(RUN("--threads", "many"), 2);
    cr_expect_eq(RUN("--engine", "steam"), 2);
    cr_expect_eq(RUN("--frobnicate"), 2);
    cr_expect_eq(RUN("builtin:demo"), 2);
    FILE *errors = cr_get_redirected_stderr();
    char text[4096];
    fflush(stderr);
    text[fread(text, 1, sizeof text - 1, errors)] = 0;
    int hints = 0;
    for (const char *p = text; (p = strstr(p, "hint: ")); p++)
        hints++;
    cr_expect_eq(hints, 8, "found %d hints:\n%s", hints, text);
}

Test(bench, an_unwritable_file_exits_with_5) {
    cr_redirect_stderr();
    cr_expect_eq(RUN("--json", "/nonexistent/bench.json"), 5);
}
