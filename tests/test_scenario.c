/* Guarantees of kmc/scenario.h: defaults, overlays, exact round trips, and an error with place,
 * expectation and hint for every mistake.
 *
 * tests/input/NAME.mustfail.toml starts with lines "# expect: TEXT": loading must fail and its
 * message hold every TEXT. Run from the root of the repository.
 */
#define _POSIX_C_SOURCE 200809L
#include "../kmc/scenario.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SET(...)                                                                                   \
    ((const char *const[]){__VA_ARGS__}),                                                          \
        sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)

static const char input[] = "tests/input/";

/* Loads and keeps what was printed; the message is freed by the caller. */
static struct scenario *load(const char *source, const char *const *set, size_t n, char **message) {
    size_t size;
    FILE *errors = open_memstream(message, &size);
    struct scenario *s = scenario_load(source, set, n, errors);
    fclose(errors);
    cr_assert((s == NULL) == (size > 0), "a message exactly when loading fails: %s", *message);
    return s;
}

static struct scenario *load_well(const char *source, const char *const *set, size_t n) {
    char *message;
    struct scenario *s = load(source, set, n, &message);
    cr_assert_not_null(s, "%s: %s", source, message);
    free(message);
    return s;
}

/* Loading must fail with a message that holds every one of the n_parts texts. */
static void expect_problem(const char *source, const char *const *set, size_t n, const char *part) {
    char *message;
    struct scenario *s = load(source, set, n, &message);
    cr_assert_null(s, "%s loads", source);
    cr_assert_not_null(strstr(message, part), "expected \"%s\" in:\n%s", part, message);
    free(message);
}

static void write_file(char path[64], const char *text, size_t size) {
    strcpy(path, "/tmp/test_scenario_XXXXXX");
    int descriptor = mkstemp(path);
    cr_assert(descriptor >= 0);
    cr_assert(write(descriptor, text, size) == (ssize_t)size);
    close(descriptor);
}

static char *resolved_text(const struct scenario *s) {
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    cr_assert_eq(scenario_write_resolved(s, out), 0);
    fclose(out);
    return text;
}

/* Values without the places behind them. */
static char *without_places(char *text) {
    char *to = text;
    for (char *from = text; *from;) {
        char *end = from + strcspn(from, "\n"), *place = strstr(from, "  # ");
        size_t n = (size_t)((place && place < end ? place : end) - from);
        memmove(to, from, n);
        to += n;
        *to++ = '\n';
        from = *end ? end + 1 : end;
    }
    *to = '\0';
    return text;
}

Test(scenario, defaults_have_the_declared_types_and_values) {
    struct scenario *s = load_well("builtin:o3-lmr", NULL, 0);
    cr_assert_eq(scenario_int(s, "run.seed"), 1);
    cr_assert_eq(scenario_real(s, "protocol.upper_cutoff_V"), 4.8);
    cr_assert(scenario_flag(s, "kinetics.slow_events"));
    cr_assert_str_eq(scenario_text(s, "structure.geometry"), "bulk");
    cr_assert_eq(scenario_real(s, "model.attempt_frequency_per_s"), 1e13);
    cr_assert_eq(scenario_count(s, "elements.Ni.valences"), 3);
    cr_assert_eq(scenario_real_at(s, "elements.Ni.valences", 2), 4.0);
    cr_assert_eq(scenario_count(s, "elements.Al.oxidation_eV"), 0);
    cr_assert_eq(scenario_count(s, "dopant"), 0);
    scenario_free(s);
}

Test(scenario, every_builtin_loads_and_is_described) {
    char *list, *rest, *line;
    size_t size;
    int n = 0;
    FILE *out = open_memstream(&list, &size);
    cr_assert_eq(scenario_write_list(out), 0);
    fclose(out);
    for (rest = list; (line = strtok_r(rest, "\n", &rest));) {
        char name[64];
        int used = 0;
        if (strncmp(line, "builtin:", 8) != 0)
            continue; /* heads of the families, how to go on */
        n++;
        cr_assert_eq(sscanf(line, "%63s %n", name, &used), 1);
        cr_assert(strlen(line + used) > 10, "%s needs a description", name);
        struct scenario *s = load_well(name, NULL, 0);
        cr_assert_str_eq(scenario_text(s, "run.name"), name + strlen("builtin:"));
        scenario_free(s);
    }
    cr_assert_geq(n, 100);
    free(list);
}

Test(scenario, resolved_file_loads_to_identical_values) {
    static const char *const sources[] = {"builtin:demo", "builtin:lmr-al",
                                          "tests/input/elements.toml"};
    for (size_t i = 0; i < 3; i++) {
        char path[64], hex[2][17];
        struct scenario *s = load_well(sources[i], SET("model.hole_eV=4.1000000000000005",
                                                       "protocol.c_rate_per_h=3.3e-5",
                                                       "run.seed=72057594037927935"));
        char *first = resolved_text(s);
        write_file(path, first, strlen(first));
        struct scenario *again = load_well(path, NULL, 0);
        char *second = resolved_text(again);
        cr_assert_str_eq(without_places(first), without_places(second));
        cr_assert_eq(scenario_real(again, "model.hole_eV"), 4.1000000000000005);
        cr_assert_eq(scenario_int(again, "run.seed"), 72057594037927935);
        scenario_parameter_hash(s, hex[0]);
        scenario_parameter_hash(again, hex[1]);
        cr_assert_str_eq(hex[0], hex[1]);
        unlink(path);
        free(first);
        free(second);
        scenario_free(s);
        scenario_free(again);
    }
}

Test(scenario, hostile_text_survives_the_resolved_file) {
    char path[64];
    const char *text = "a \"quoted\" \\ back\tslash # and \xc3\xa9 \x7f . = [x]";
    struct scenario *s =
        load_well("builtin:demo",
                  SET("run.description=a \"quoted\" \\ back\tslash # and \xc3\xa9 \x7f . = [x]"));
    cr_assert_str_eq(scenario_text(s, "run.description"), text);
    char *resolved = resolved_text(s);
    write_file(path, resolved, strlen(resolved));
    struct scenario *again = load_well(path, NULL, 0);
    cr_assert_str_eq(scenario_text(again, "run.description"), text);
    unlink(path);
    free(resolved);
    scenario_free(s);
    scenario_free(again);
}

Test(scenario, printed_defaults_load_to_the_defaults) {
    char path[64], *text, *first, *second;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    cr_assert_eq(scenario_write_defaults(out), 0);
    fclose(out);
    write_file(path, text, size);
    struct scenario *printed = load_well(path, NULL, 0);
    unlink(path);
    write_file(path, "", 0);
    struct scenario *empty = load_well(path, NULL, 0);
    unlink(path);
    first = without_places(resolved_text(printed)), second = without_places(resolved_text(empty));
    cr_assert_str_eq(first, second);
    free(first);
    free(second);
    free(text);
    scenario_free(printed);
    scenario_free(empty);
}

Test(scenario, printed_defaults_name_source_and_range_of_every_model_parameter) {
    char *text, *rest, *line, before[4][512] = {"", "", "", ""};
    size_t size;
    bool in_model = false;
    int n = 0;
    FILE *out = open_memstream(&text, &size);
    scenario_write_defaults(out);
    fclose(out);
    for (rest = text; (line = strtok_r(rest, "\n", &rest));) {
        if (*line == '[')
            in_model = strcmp(line, "[model]") == 0;
        else if (in_model && *line != '#') {
            cr_assert(strncmp(before[2], "# source: ", 10) == 0, "%s has no source", line);
            cr_assert_not_null(strstr(before[1], " from "), "%s has no range", line);
            n++;
        }
        memmove(before[0], before[1], 2 * sizeof before[0]);
        snprintf(before[2], sizeof before[2], "%s", line);
    }
    cr_assert_geq(n, 40);
    free(text);
}

Test(scenario, later_sources_win_in_the_documented_order) {
    struct scenario *s =
        load_well("tests/input/elements.toml", SET("structure.cells_a=9", "structure.cells_a=15"));
    cr_assert_str_eq(scenario_text(s, "structure.stacking"), "ABCB", "base of the include");
    cr_assert_eq(scenario_real(s, "conditions.temperature_K"), 328.0,
                 "include; integer for a real");
    cr_assert_eq(scenario_int(s, "structure.cells_a"), 15, "the last --set");
    cr_assert_eq(scenario_int(s, "structure.cells_b"), 12, "base of the base");
    scenario_free(s);
}

Test(scenario, places_name_file_line_and_column_of_the_key) {
    struct scenario *s = load_well("tests/input/elements.toml", SET("run.threads=2"));
    cr_assert_str_eq(scenario_place(s, "elements.Hf.role"), "tests/input/elements.toml:5:1");
    cr_assert_str_eq(scenario_place(s, "conditions.temperature_K"),
                     "tests/input/elements_base.toml:5:1");
    cr_assert_str_eq(scenario_place(s, "structure.stacking"), "builtin:o2-lmr:9:1");
    cr_assert_str_eq(scenario_place(s, "run.threads"), "--set");
    cr_assert_str_eq(scenario_place(s, "model.hole_eV"), "default");
    scenario_free(s);
}

Test(scenario, dopants_replace_those_of_the_base) {
    struct scenario *s = load_well("tests/input/elements.toml", SET("dopant[1].fraction=0.1"));
    cr_assert_eq(scenario_count(s, "dopant"), 2);
    cr_assert_str_eq(scenario_text(s, "dopant[0].element"), "Hf");
    cr_assert_eq(scenario_real(s, "dopant[0].fraction"), 0.02);
    cr_assert_eq(scenario_real(s, "dopant[1].fraction"), 0.1);
    cr_assert_str_eq(scenario_text(s, "dopant[1].replaces"), "");
    scenario_free(s);
}

Test(scenario, dopants_can_be_set_as_a_whole) {
    struct scenario *s =
        load_well("builtin:o3-lmr", SET("dopant=[{element=\"K\", site=\"Li\", fraction=0.02}]"));
    cr_assert_eq(scenario_count(s, "dopant"), 1);
    cr_assert_str_eq(scenario_text(s, "dopant[0].element"), "K");
    scenario_free(s);
}

Test(scenario, new_elements_take_the_template_defaults) {
    struct scenario *s = load_well("tests/input/elements.toml", NULL, 0);
    cr_assert_eq(scenario_real_at(s, "elements.Hf.hop_barrier_eV", 0), 1.0);
    cr_assert(scenario_flag(s, "elements.Hf.mobile"));
    cr_assert_eq(scenario_real(s, "elements.Hf.tet_extra_eV"), 0.0);
    scenario_free(s);
}

Test(scenario, names_are_sorted_and_complete) {
    struct scenario *s = load_well("tests/input/elements.toml", NULL, 0);
    const char *name, *before = "";
    int n = 0, found = 0;
    for (size_t i = 0; (name = scenario_name_at(s, "elements", i)); i++, n++) {
        cr_assert(strcmp(before, name) < 0, "%s before %s", before, name);
        found += strcmp(name, "Hf") == 0 || strcmp(name, "Li") == 0;
        before = name;
    }
    cr_assert_eq(n, 17);
    cr_assert_eq(found, 2);
    cr_assert_null(scenario_name_at(s, "nothing", 0));
    scenario_free(s);
}

Test(scenario, parameter_hash_sees_model_and_elements_only) {
    char a[17], b[17], c[17], d[17];
    struct scenario *s[4] = {
        load_well("builtin:o3-lmr", NULL, 0),
        load_well("builtin:o2-lmr", SET("run.seed=7", "run.replicas=3")),
        load_well("builtin:o3-lmr", SET("model.hole_eV=4.2")),
        load_well("builtin:o3-lmr", SET("elements.Ni.hop_barrier_eV=[0.9,0.9,0.8]"))};
    scenario_parameter_hash(s[0], a);
    scenario_parameter_hash(s[1], b);
    scenario_parameter_hash(s[2], c);
    scenario_parameter_hash(s[3], d);
    cr_assert_eq(strlen(a), 16);
    cr_assert_str_eq(a, b);
    cr_assert_str_neq(a, c);
    cr_assert_str_neq(a, d);
    for (int i = 0; i < 4; i++)
        scenario_free(s[i]);
}

Test(scenario, parameter_hash_sees_what_a_switch_brings_only_when_it_is_on) {
    char hash[4][17];
    struct scenario *s[4] = {
        load_well("builtin:o3-lmr", NULL, 0),
        load_well("builtin:o3-lmr", SET("model.mn_beyond_tet_eV=[3.4,3.4,3.4]")),
        load_well("builtin:o3-lmr", SET("kinetics.manganese_beyond_4=true")),
        load_well("builtin:o3-lmr",
                  SET("kinetics.manganese_beyond_4=true", "model.mn_beyond_tet_eV=[3.4,3.4,3.4]"))};
    for (int i = 0; i < 4; i++)
        scenario_parameter_hash(s[i], hash[i]);
    cr_assert_str_eq(hash[0], hash[1]);
    cr_assert_str_neq(hash[0], hash[2]);
    cr_assert_str_neq(hash[2], hash[3]);
    for (int i = 0; i < 4; i++)
        scenario_free(s[i]);
}

Test(scenario, set_takes_bare_words_as_text) {
    struct scenario *s = load_well("builtin:demo", SET("structure.geometry=slab", "run.name=2024",
                                                       "host.formula=LiNi1/3Co1/3Mn1/3O2",
                                                       "kinetics.slow_events=false"));
    cr_assert_str_eq(scenario_text(s, "structure.geometry"), "slab");
    cr_assert_str_eq(scenario_text(s, "run.name"), "2024");
    cr_assert_str_eq(scenario_text(s, "host.formula"), "LiNi1/3Co1/3Mn1/3O2");
    cr_assert_not(scenario_flag(s, "kinetics.slow_events"));
    scenario_free(s);
}

Test(scenario, problems_of_set_name_the_key_as_place) {
    expect_problem("builtin:demo", SET("run.seed=-1"),
                   "--set run.seed: error: run.seed: expected an integer from 0");
    expect_problem("builtin:demo", SET("model.mn_beyond_tet_eV=[3.5]"),
                   "model.mn_beyond_tet_eV: expected a list of 3, found a list of 1");
    expect_problem("builtin:demo", SET("protocol.cycles"),
                   "--set protocol.cycles: error: protocol.cycles: expected KEY=VALUE");
    expect_problem("builtin:demo", SET("=5"), "expected KEY=VALUE");
    expect_problem("builtin:demo", SET("protocol.cycle=5"), "did you mean `protocol.cycles`?");
    expect_problem("builtin:demo", SET("structure.stacking=ABBA"),
                   "--set structure.stacking: error: structure.stacking:");
    expect_problem("builtin:demo", SET("dopant[0].fraction=0.1"), "add [[dopant]]");
    expect_problem("builtin:demo", SET("base=builtin:o2-lmr"), "expected a known key");
    expect_problem("builtin:demo", SET("run.seed=1\nrun.replicas=2"), "--set run.seed: error");
}

Test(scenario, all_problems_are_reported_at_once) {
    char *message;
    cr_assert_null(load(
        "builtin:demo",
        SET("run.seed=-1", "nonsense=1", "structure.stacking=ABBA", "protocol.upper_cutoff_V=1"),
        &message));
    const char *parts[] = {"run.seed", "nonsense", "prismatic", "protocol.lower_cutoff_V below"};
    for (int i = 0; i < 4; i++)
        cr_assert_not_null(strstr(message, parts[i]), "%s in:\n%s", parts[i], message);
    free(message);
}

Test(scenario, unreadable_sources_are_named) {
    expect_problem("no/such/file.toml", NULL, 0,
                   "no/such/file.toml: error: scenario: expected a readable scenario file");
    expect_problem("tests", NULL, 0, "a directory");
    expect_problem("/dev/zero", NULL, 0, "a device or pipe");
    expect_problem("builtin:nothing", NULL, 0, "expected a built-in scenario");
    expect_problem("builtin:demoo", NULL, 0, "did you mean `builtin:demo`?");
}

Test(scenario, oversized_files_are_refused) {
    char path[64], *text = malloc(2 << 20);
    memset(text, '#', 2 << 20);
    write_file(path, text, 2 << 20);
    expect_problem(path, NULL, 0, "more than 1 MiB");
    unlink(path);
    free(text);
}

Test(scenario, deep_nesting_is_refused_without_harm) {
    enum { LEVELS = 300000 };
    char path[64], *text = malloc(2 * LEVELS + 8);
    for (int i = 0; i < LEVELS; i++)
        memcpy(text + 2 * i, "a.", 2);
    memcpy(text + 2 * LEVELS, "a=1\n", 4);
    write_file(path, text, 2 * LEVELS + 4);
    expect_problem(path, NULL, 0, "expected at most 800 dots on a line");
    unlink(path);
    memset(text, '[', LEVELS);
    memcpy(text, "a = ", 4);
    write_file(path, text, LEVELS);
    expect_problem(path, NULL, 0, "expected valid TOML");
    unlink(path);
    free(text);
}

Test(scenario, chains_longer_than_eight_are_refused) {
    char path[10][64], text[1024];
    write_file(path[0], "", 0);
    for (int i = 1; i < 10; i++) {
        snprintf(text, sizeof text, "include = \"%s\"\n", path[i - 1]);
        write_file(path[i], text, strlen(text));
    }
    struct scenario *s = load_well(path[7], NULL, 0);
    scenario_free(s);
    expect_problem(path[9], NULL, 0, "expected at most 8 scenarios that build on each other");
    for (int i = 0; i < 10; i++)
        unlink(path[i]);
}

Test(scenario, cycles_across_two_files_are_reported) {
    char a[64], b[64], text[1024];
    write_file(a, "", 0);
    snprintf(text, sizeof text, "include = \"%s\"\n", a);
    write_file(b, text, strlen(text));
    FILE *out = fopen(a, "w");
    fprintf(out, "base = \"%s\"\n", b);
    fclose(out);
    expect_problem(a, NULL, 0, "found a cycle");
    unlink(a);
    unlink(b);
}

Test(scenario, thousands_of_problems_are_counted_not_printed) {
    char path[64], *text = malloc(1 << 18), *p = text;
    for (int i = 0; i < 5000; i++)
        p += sprintf(p, "unknown_key_%d = %d\n", i, i);
    write_file(path, text, (size_t)(p - text));
    expect_problem(path, NULL, 0, "... and 4900 more problems");
    unlink(path);
    free(text);
}

Test(scenario, control_characters_never_reach_the_terminal) {
    char path[64], *message;
    const char text[] = "\"bad\\u001b[2Jkey\" = 1\n[run]\nengine = \"\\u001b[31m\"\n";
    write_file(path, text, sizeof text - 1);
    cr_assert_null(load(path, NULL, 0, &message));
    cr_assert_null(strchr(message, 0x1b));
    unlink(path);
    free(message);
}

Test(scenario, random_damage_never_crashes) {
    static const char *const files[] = {"tests/input/elements.toml",
                                        "lattices/scenarios/lmr-al.toml"};
    unsigned state = 1;
    for (int trial = 0; trial < 300; trial++) {
        char path[64], text[4096], *message;
        FILE *in = fopen(files[trial % 2], "r");
        size_t n = fread(text, 1, sizeof text, in);
        fclose(in);
        for (int k = 0; k < 3; k++) {
            state = state * 1664525u + 1013904223u;
            text[(state >> 8) % n] = (char)(state >> 24);
        }
        write_file(path, text, n);
        scenario_free(load(path, NULL, 0, &message));
        unlink(path);
        free(message);
    }
}

Test(scenario, source_text_is_the_file_as_given) {
    struct scenario *s = load_well("tests/input/elements.toml", NULL, 0);
    char text[4096];
    FILE *in = fopen("tests/input/elements.toml", "r");
    text[fread(text, 1, sizeof text - 1, in)] = '\0';
    fclose(in);
    cr_assert_str_eq(scenario_source_text(s), text);
    scenario_free(s);
}

/* True when "path:LINE:COLUMN: error: " stands somewhere in the message. */
static bool has_place(const char *message, const char *path) {
    for (const char *p = message; (p = strstr(p, path)); p++) {
        int line, column, used = 0;
        if (sscanf(p + strlen(path), ":%d:%d: error: %n", &line, &column, &used) == 2 && used)
            return true;
    }
    return false;
}

static void check_mustfail(const char *path) {
    char *message, line[512];
    int expectations = 0;
    cr_assert_null(load(path, NULL, 0, &message), "%s loads", path);
    cr_assert(has_place(message, path), "expected file:line:column in:\n%s", message);
    FILE *in = fopen(path, "r");
    cr_assert_not_null(in);
    while (fgets(line, sizeof line, in) && strncmp(line, "# expect: ", 10) == 0) {
        line[strcspn(line, "\n")] = '\0';
        cr_assert_not_null(strstr(message, line + 10), "%s: expected \"%s\" in:\n%s", path,
                           line + 10, message);
        expectations++;
    }
    fclose(in);
    free(message);
    cr_assert_gt(expectations, 0, "%s expects nothing", path);
}

Test(scenario, every_mustfail_input_fails_with_the_expected_message) {
    DIR *directory = opendir(input);
    cr_assert_not_null(directory, "run from the root of the repository");
    int n = 0;
    for (struct dirent *e; (e = readdir(directory));) {
        char path[512];
        size_t length = strlen(e->d_name);
        if (length < 14 || strcmp(e->d_name + length - 14, ".mustfail.toml") != 0)
            continue;
        snprintf(path, sizeof path, "%s%s", input, e->d_name);
        check_mustfail(path);
        n++;
    }
    closedir(directory);
    cr_assert_geq(n, 14);
}
