/* Guarantees: a run directory is read whole or refused with file and line; `kmc compare` finds
 * planted differences, corrects for their number, says what limits a comparison, and never
 * overwrites. */
#define _XOPEN_SOURCE 700 /* POSIX 2008 with nftw */
#include <criterion/criterion.h>
#include <ftw.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../kmc/commands.h"
#include "../kmc/runfiles.h"

/* Spread of the replicas' fades, mV/cycle: large against the planted differences. */
static const double SHARED[] = {0, 6, -5, 3, -6, 5, 1, -4};
static const double RIPPLE[] = {.1, -.1, .05, 0, -.05, .1, -.1, 0};

struct plan {
    const char *name;
    int seed, replicas, cycles;
    double fade, ripple; /* mV/cycle; share of RIPPLE */
    double upper_cutoff_V;
};

/* Each test works in a directory of its own, which goes with it. */
static char scratch[] = "/tmp/test_compare_XXXXXX";

static void enter(void) {
    cr_assert(mkdtemp(scratch));
    cr_assert(chdir(scratch) == 0);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *level) {
    (void)status, (void)type, (void)level;
    return remove(path);
}

static void leave(void) {
    cr_assert(chdir("/") == 0);
    nftw(scratch, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

TestSuite(compare, .init = enter, .fini = leave);
TestSuite(runfiles, .init = enter, .fini = leave);

static void write_text(const char *path, const char *format, ...) {
    va_list arguments;
    FILE *out = fopen(path, "w");
    cr_assert(out);
    va_start(arguments, format);
    vfprintf(out, format, arguments);
    va_end(arguments);
    fclose(out);
}

static char *read_all(const char *path) {
    static char text[1 << 16];
    FILE *in = fopen(path, "r");
    cr_assert(in, "%s", path);
    text[fread(text, 1, sizeof text - 1, in)] = 0;
    fclose(in);
    return text;
}

static const char HEADER[] = "cycle,replica,charge_capacity_mAh_per_g,discharge_capacity_mAh_per_g,"
                             "mean_discharge_voltage_V,hysteresis_V,discharge_energy_Wh_per_kg,"
                             "tm_li_layer_discharge,state_hash\n";

static void write_run(const struct plan *p) {
    char path[256];
    mkdir(p->name, 0777);
    snprintf(path, sizeof path, "%s/run.json", p->name);
    write_text(
        path,
        "{\"program\": \"kmc\", \"scenario\": \"%s\",\n \"seed\": %d, \"claims\": "
        "\"uncalibrated\",\n"
        " \"parameter_hash\": \"0123456789abcdef\", \"box\": {\"na\": 12, \"list\": [1, {}]},\n"
        " \"protocol\": {\"lower_cutoff_V\": 2.0, \"upper_cutoff_V\": %g, \"c_rate_per_h\": 0.1,"
        " \"cycles\": %d}}\n",
        p->name, p->seed, p->upper_cutoff_V, p->cycles);
    snprintf(path, sizeof path, "%s/DONE", p->name);
    write_text(path, "");
    snprintf(path, sizeof path, "%s/cycles.csv", p->name);
    FILE *out = fopen(path, "w");
    fputs(HEADER, out);
    for (int r = 0; r < p->replicas; r++)
        for (int cycle = 1; cycle <= p->cycles; cycle++) {
            double fade = p->fade + SHARED[r] + p->ripple * RIPPLE[r];
            fprintf(out, "%d,%d,300,%.6f,%.9f,%.6f,%.6f,%.6f,00000000000000%02x\n", cycle, r,
                    270 + SHARED[r], 3.8 - 1e-3 * fade * cycle, 0.4 + 0.001 * SHARED[r], 900.0,
                    0.01 * cycle, r);
        }
    fclose(out);
}

static const struct plan BASE = {"base", 7, 8, 5, 20, 0, 4.8};

static struct plan variant(const char *name, double fade, double ripple) {
    struct plan p = BASE;
    p.name = name;
    p.fade += fade;
    p.ripple = ripple;
    return p;
}

/* Runs `kmc compare ARGS`; output and errors go to out.txt and err.txt. */
static int compare(const char *arguments) {
    char text[512], *argv[32] = {"compare"};
    int argc = 1;
    snprintf(text, sizeof text, "%s", arguments);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    cr_assert(freopen("out.txt", "w", stdout) && freopen("err.txt", "w", stderr));
    int code = cmd_compare(argc, argv);
    fflush(stdout);
    fflush(stderr);
    return code;
}

/* Field of the CSV row that holds both texts; NaN when empty. */
static double csv_field(const char *path, const char *a, const char *b, int field) {
    char *text = read_all(path);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        if (strncmp(line, a, strlen(a)) != 0 || !strstr(line, b))
            continue;
        for (; field > 0; field--)
            line = strchr(line, ',') + 1;
        return *line == ',' || !*line ? NAN : atof(line);
    }
    cr_assert(false, "no row `%s` ... `%s`", a, b);
    return NAN;
}

enum { MEAN = 7, ERROR = 8, LOW = 9, HIGH = 10, P = 14, P_HOLM = 15, EFFECT = 16 };

/* ---- compare ---- */

Test(compare, planted_paired_difference_is_found) {
    struct plan other = variant("other", 1.5, 1);
    write_run(&BASE);
    write_run(&other);
    cr_assert(compare("base other --csv c.csv") == 0, "%s", read_all("err.txt"));
    double mean = csv_field("c.csv", "difference,other", "voltage_fade", MEAN);
    cr_expect(fabs(mean - 1.5) < 1e-6, "difference %g", mean);
    cr_expect(csv_field("c.csv", "difference,other", "voltage_fade", P) < 1e-6);
    cr_expect(csv_field("c.csv", "difference,other", "voltage_fade", EFFECT) > 5);
    cr_expect(csv_field("c.csv", "difference,other", "voltage_fade", LOW) > 1.4);
    cr_expect(fabs(csv_field("c.csv", "value,base", "voltage_fade", MEAN) - 20) < 1e-6);
    cr_expect(strstr(read_all("out.txt"), "paired, n=8"));
}

Test(compare, run_against_itself_is_not_significant) {
    write_run(&BASE);
    cr_assert(compare("base base/ --csv c.csv") == 0);
    cr_expect(csv_field("c.csv", "difference,base", "voltage_fade", P) == 1);
    cr_expect(csv_field("c.csv", "difference,base", "voltage_fade", P_HOLM) == 1);
    cr_expect(csv_field("c.csv", "difference,base", "voltage_fade", MEAN) == 0);
}

Test(compare, different_seeds_are_not_paired) {
    struct plan other = variant("other", 1.5, 1);
    other.seed = 8;
    write_run(&BASE);
    write_run(&other);
    cr_assert(compare("base other --csv c.csv") == 0);
    cr_expect(csv_field("c.csv", "difference,other", "voltage_fade", P) > 0.3, "spread hides it");
    cr_expect(strstr(read_all("out.txt"), "not paired, seeds differ (8 and 7)"));
    cr_expect(strstr(read_all("c.csv"), ",welch,"));
}

Test(compare, holm_counts_all_tests) {
    struct plan small = variant("small", 0.04, 1), large = variant("large", 1.5, 1);
    write_run(&BASE);
    write_run(&small);
    write_run(&large);
    cr_assert(compare("base small large --metric voltage_fade_mV_per_cycle --csv c.csv") == 0);
    double p = csv_field("c.csv", "difference,large", "voltage_fade", P);
    double holm = csv_field("c.csv", "difference,large", "voltage_fade", P_HOLM);
    cr_expect(fabs(holm / p - 2) < 1e-8, "smaller of two doubles: %g %g", p, holm);
    p = csv_field("c.csv", "difference,small", "voltage_fade", P);
    holm = csv_field("c.csv", "difference,small", "voltage_fade", P_HOLM);
    cr_expect(p > 0.1 && holm == p, "larger stays");
}

Test(compare, reference_is_chosen) {
    struct plan other = variant("other", 1.5, 1);
    write_run(&BASE);
    write_run(&other);
    cr_assert(compare("base other --reference other/ --csv c.csv") == 0);
    cr_expect(csv_field("c.csv", "difference,base", "voltage_fade", MEAN) < -1.4);
    cr_assert(compare("base --reference other --csv d.csv") == 0);
    cr_expect(csv_field("d.csv", "difference,base", "voltage_fade", MEAN) < -1.4);
    cr_expect(compare("base --reference base") == 2);
}

Test(compare, limits_are_said) {
    struct plan other = variant("other", 1, 1);
    other.upper_cutoff_V = 4.6;
    other.cycles = 4;
    write_run(&BASE);
    write_run(&other);
    remove("other/DONE");
    cr_assert(compare("base other") == 0);
    char *text = read_all("out.txt");
    cr_expect(strstr(text, "protocols differ: [2] has upper_cutoff_V = 4.6, the reference 4.8"),
              "%s", text);
    cr_expect(strstr(text, "protocols differ: [2] has cycles = 4, the reference 5"));
    cr_expect(strstr(text, "fades over cycles 2 to 4"));
    cr_expect(strstr(text, "results are uncalibrated"));
    cr_expect(strstr(text, "has not finished"));
}

Test(compare, run_that_stopped_early_is_named) {
    struct plan other = variant("other", 1, 1);
    write_run(&BASE);
    write_run(&other);
    write_text("other/run.json",
               "{\"scenario\": \"other\", \"seed\": 7, \"protocol\": {\"cycles\": 50}}");
    cr_assert(compare("base other") == 0);
    cr_expect(strstr(read_all("out.txt"), "[2] stopped after 5 of 50 cycles"));
}

Test(compare, same_protocols_give_no_warning) {
    struct plan other = variant("other", 1, 1);
    write_run(&BASE);
    write_run(&other);
    cr_assert(compare("base other") == 0);
    cr_expect(!strstr(read_all("out.txt"), "warning"));
}

Test(compare, protocol_of_resolved_toml) {
    struct plan other = variant("other", 1, 1);
    write_run(&BASE);
    write_run(&other);
    write_text("other/run.json", "{\"scenario\": \"other\", \"seed\": 7}");
    write_text("other/resolved.toml",
               "[model]\nc_rate_per_h = 9\n[protocol]\nc_rate_per_h = 0.5 # 1/h\n"
               "lower_cutoff_V = 2.0\nupper_cutoff_V = 4.8\ncycles = 5\n");
    cr_assert(compare("base other") == 0);
    char *text = read_all("out.txt");
    cr_expect(strstr(text, "[2] has c_rate_per_h = 0.5, the reference 0.1"), "%s", text);
    cr_expect(!strstr(text, "lacks protocol values"));
}

Test(compare, single_replica_has_no_test) {
    struct plan other = variant("other", 1, 0);
    other.replicas = 1;
    write_run(&BASE);
    write_run(&other);
    cr_assert(compare("base other --csv c.csv") == 0);
    cr_expect(isnan(csv_field("c.csv", "difference,other", "voltage_fade", P)));
    cr_expect(isnan(csv_field("c.csv", "value,other", "voltage_fade", LOW)));
    cr_expect(strstr(read_all("out.txt"), "a single replica gives no interval"));
}

Test(compare, json_is_complete) {
    struct plan other = variant("other", 1.5, 1);
    write_run(&BASE);
    write_run(&other);
    cr_assert(compare("base other --json") == 0);
    char *text = read_all("out.txt");
    cr_expect(text[0] == '{' && strstr(text, "\"p_holm\": ") && strstr(text, "\"notes\": ["));
    cr_expect(!strstr(text, "nan") && !strstr(text, "inf"));
    cr_assert(compare("base other --json c.json -q") == 0);
    cr_expect(strlen(read_all("out.txt")) == 0, "quiet");
    cr_expect(strstr(read_all("c.json"), "\"scenario\": \"other\""));
}

Test(compare, existing_files_stay) {
    write_run(&BASE);
    write_text("c.csv", "precious\n");
    cr_expect(compare("base base --csv c.csv") == 5);
    cr_expect(!strcmp(read_all("c.csv"), "precious\n"));
    cr_expect(compare("base base --csv new.csv --json=c.csv") == 5);
    cr_expect(access("new.csv", F_OK) != 0, "nothing written before the check");
}

Test(compare, wrong_usage) {
    write_run(&BASE);
    cr_expect(compare("base") == 2);
    cr_expect(compare("base nowhere") == 2);
    cr_expect(compare("base base --metric voltage") == 2);
    cr_expect(strstr(read_all("err.txt"), "mean_hysteresis_V"), "the hint names metrics");
    cr_expect(compare("base base --metric state_hash") == 2);
    cr_expect(compare("base base --colour") == 2);
    cr_expect(compare("base base --csv") == 2);
    cr_expect(compare("base base --fade-first-cycle 0") == 2);
    cr_expect(compare("base base/cycles.csv") == 2);
    mkdir("empty", 0777);
    cr_expect(compare("base empty") == 2);
    cr_expect(strstr(read_all("err.txt"), "no run.json"));
    cr_expect(compare("--help") == 0);
    cr_expect(strstr(read_all("out.txt"), "usage: kmc compare"));
}

/* ---- reading ---- */

/* Reads base/cycles.csv after replacing it; the message must hold `expected`. */
static void refuses(const char *content, const char *expected) {
    struct statistics_table t;
    char *message = NULL;
    size_t bytes;
    write_text("table.csv", "%s", content);
    FILE *errors = open_memstream(&message, &bytes);
    int code = runfiles_read_table(&t, "table.csv", errors);
    fclose(errors);
    cr_expect(code == RUNFILES_CORRUPT, "%s: code %d", content, code);
    cr_expect(strstr(message, expected), "expected `%s` in `%s`", expected, message);
    free(message);
}

Test(runfiles, damaged_tables_are_reported_with_their_line) {
    refuses("a,b\n1,2\n3\n", "table.csv:3: error: expected 2 fields, found 1");
    refuses("a,b\n1,2\n3,4,5\n", "table.csv:3: error: expected 2 fields, found 3");
    refuses("a,b\n1,2\n\n", "table.csv:3: error: expected 2 fields, found 1");
    refuses("a,b\n1,2\n3,4", "table.csv:3: error: line is cut off");
    refuses("a,b\n1,x\n",
            "table.csv:2: error: column `b`: expected a finite number or nothing, found `x`");
    refuses("a,b\n1,0x10\n", "table.csv:2");
    refuses("a,b\n1,nan\n", "table.csv:2");
    refuses("a,b\n1,1e999\n", "table.csv:2");
    refuses("a,b\n1, 2\n", "table.csv:2");
    refuses("a,b\n1,2-3\n", "table.csv:2");
    refuses("a,a\n1,2\n", "table.csv:1: error: column `a` appears twice");
    refuses("a,\n1,2\n", "table.csv:1: error: column 2: expected a name");
    refuses("", "table.csv:1: error: expected a header row");
    refuses("a,b", "table.csv:1: error: line is cut off");
}

Test(runfiles, good_table_is_read) {
    struct statistics_table t;
    write_text("table.csv", "cycle,x,state_hash\r\n1,-2.5e-3,1234567890123456\r\n2,,ff\n");
    cr_assert(runfiles_read_table(&t, "table.csv", stderr) == 0);
    cr_expect(t.n_rows == 2 && t.n_columns == 3);
    cr_expect(t.value[1] == -2.5e-3 && isnan(t.value[4]));
    cr_expect(isnan(t.value[2]), "hashes are no numbers");
    statistics_table_free(&t);
}

/* Any cut of cycles.csv is refused; only a cut behind a whole row leaves a table (of a run that was
 * stopped). */
Test(runfiles, every_truncation_is_seen) {
    struct plan p = variant("small", 0, 0);
    p.replicas = 1;
    p.cycles = 2;
    write_run(&p);
    char *whole = strdup(read_all("small/cycles.csv"));
    FILE *errors = fopen("/dev/null", "w");
    for (size_t cut = 0; cut < strlen(whole); cut++) {
        struct runfiles_run run;
        write_text("small/cycles.csv", "%.*s", (int)cut, whole);
        int code = runfiles_open(&run, "small", errors);
        bool whole_row = cut > sizeof HEADER - 1 && whole[cut - 1] == '\n';
        cr_expect(code == (whole_row ? 0 : RUNFILES_CORRUPT), "cut %zu: code %d", cut, code);
        runfiles_free(&run);
    }
    fclose(errors);
    free(whole);
}

static void bad_json(const char *text, const char *expected) {
    struct runfiles_run run;
    char *message = NULL;
    size_t bytes;
    write_text("base/run.json", "%s", text);
    FILE *errors = open_memstream(&message, &bytes);
    int code = runfiles_open(&run, "base", errors);
    fclose(errors);
    cr_expect(code == RUNFILES_CORRUPT, "%s: code %d", text, code);
    cr_expect(strstr(message, expected), "expected `%s` in `%s`", expected, message);
    free(message);
}

Test(runfiles, damaged_run_json) {
    write_run(&BASE);
    bad_json("", "base/run.json:1: error: expected `{`");
    bad_json("{\"scenario\": \"a\",\n \"seed\" 7}", "base/run.json:2: error: expected `:`");
    bad_json("{\"scenario\": \"a\", \"seed\": 7", "expected `,` or `}`");
    bad_json("{\"scenario\": \"a\", \"seed\": 7} x", "expected the end of the file");
    bad_json("{\"scenario\": \"a", "expected the end of a string");
    bad_json("{\"scenario\": \"a\"}", "expected \"seed\"");
    bad_json("{\"scenario\": \"a\", \"seed\": 1.5}", "expected \"seed\"");
    bad_json("{\"scenario\": \"a\", \"seed\": 99999999999999999999}", "expected \"seed\"");
    bad_json("{\"box\": {\"scenario\": \"a\"}, \"seed\": 7}", "expected \"scenario\"");
    char deep[4000] = "{\"scenario\": ";
    memset(deep + strlen(deep), '[', 3900);
    bad_json(deep, "nested brackets");
}

Test(runfiles, large_seeds_are_exact) {
    struct runfiles_run run;
    write_run(&BASE);
    write_text("base/run.json",
               "{\"scenario\": \"a \\\"b\\\" \\u0041\", \"seed\": 4611686018427387903}");
    cr_assert(runfiles_open(&run, "base", stderr) == 0);
    cr_expect(run.seed == 4611686018427387903);
    cr_expect(!strcmp(run.scenario, "a \"b\" ?"), "%s", run.scenario);
    cr_expect(isnan(run.protocol[RUNFILES_CYCLES]));
    runfiles_free(&run);
}

Test(runfiles, missing_and_strange_files) {
    struct runfiles_run run;
    FILE *errors = fopen("message", "w");
    write_run(&BASE);
    remove("base/cycles.csv");
    cr_expect(runfiles_open(&run, "base", errors) == RUNFILES_CORRUPT);
    cr_assert(mkfifo("base/cycles.csv", 0666) == 0);
    cr_expect(runfiles_open(&run, "base", errors) == RUNFILES_CORRUPT, "a pipe must not block");
    fclose(errors);
    char *text = read_all("message");
    cr_expect(strstr(text, "base/cycles.csv: error: cannot open"), "%s", text);
    cr_expect(strstr(text, "base/cycles.csv: error: expected a regular file"), "%s", text);
}

Test(runfiles, duplicate_cycle_is_named) {
    struct runfiles_run run;
    write_run(&BASE);
    write_text("base/cycles.csv", "cycle,replica\n1,0\n2,0\n1,1\n2,0\n");
    FILE *errors = fopen("message", "w");
    cr_expect(runfiles_open(&run, "base", errors) == RUNFILES_CORRUPT);
    fclose(errors);
    cr_expect(strstr(read_all("message"), "base/cycles.csv:5: error: "), "%s", read_all("message"));
}

Test(runfiles, summary_is_written_and_replaced) {
    write_run(&BASE);
    write_text("base/summary.csv", "old\n");
    cr_assert(runfiles_write_summary("base", 2, stderr) == 0);
    char *text = read_all("base/summary.csv");
    cr_expect(strstr(text, "\nvoltage_fade_mV_per_cycle,mV/cycle,,20"), "%s", text);
    cr_expect(strstr(text, "\nhysteresis_V,V,1,0.4,"));
    cr_expect(access("base/summary.csv.tmp", F_OK) != 0);
}
