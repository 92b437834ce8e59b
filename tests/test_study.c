/* Guarantees of a study: a scenario is its base with the common settings, its own and the command line's on top; every mistake has its place; a directory
 * is taken only by the study that began in it, and a killed beginning is made whole.
 *
 * tests/input/study/NAME.mustfail.toml starts with lines "# expect: TEXT", as for scenarios.  Run from the root of the repository.
 */
#define _XOPEN_SOURCE 700 /* POSIX 2008 with nftw */
#include <criterion/criterion.h>
#include <dirent.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../kmc/output.h"
#include "../kmc/study_directory.h"

#define SET(...)                                                                                   \
    ((const char *const[]){__VA_ARGS__}),                                                          \
        sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)

static const char input[] = "tests/input/study/", pair[] = "tests/input/study/pair.toml";

static struct study_plan open_well(const char *path, const char *const *set, size_t n_set) {
    struct study_plan p;
    cr_assert_eq(study_plan_open(&p, path, set, n_set, stderr), 0, "%s", path);
    cr_assert_eq(study_plan_check(&p, stderr), 0, "%s", path);
    return p;
}

/* ---- the plan ---- */

Test(study, a_scenario_is_its_base_with_overrides_on_top) {
    char hash[17];
    struct study_plan p = open_well(pair, NULL, 0);
    cr_assert_eq(p.n, 2);
    cr_assert_str_eq(p.name, "pair");
    cr_assert_str_eq(p.description, "two stackings, \"small\" boxes");
    cr_assert_eq(study_plan_replicas(&p), 6);
    cr_assert_str_eq(p.scenario[1].name, "o2-Al");
    cr_assert_not_null(strstr(p.scenario[1].composition, "Al"));
    struct scenario *same = scenario_load("builtin:demo",
                                          SET("structure.cells_a=6", "structure.cells_b=6",
                                              "run.name=o3", "run.replicas=3", "protocol.cycles=2"),
                                          stderr);
    scenario_hash(same, hash);
    cr_assert_str_eq(p.scenario[0].scenario_hash, hash);
    scenario_parameter_hash(same, hash);
    cr_assert_str_eq(p.scenario[0].parameter_hash, hash);
    scenario_free(same);
    study_plan_free(&p);
}

Test(study, the_command_line_wins_and_all_scenarios_have_one_seed) {
    struct study_plan p = open_well(pair, SET("run.seed=7", "structure.cells_a=9"));
    cr_assert_eq(p.seed, 7);
    for (size_t k = 0; k < p.n; k++) {
        struct scenario *s = study_plan_load(&p, k, stderr);
        cr_assert_eq(scenario_int(s, "run.seed"), 7);
        cr_assert_eq(scenario_int(s, "structure.cells_a"), 9);
        cr_assert_eq(scenario_int(s, "structure.cells_b"), 6);
        cr_assert_str_eq(scenario_text(s, "run.name"), p.scenario[k].name);
        scenario_free(s);
    }
    study_plan_free(&p);
}

Test(study, places_name_the_line_of_the_study) {
    struct study_plan p = open_well(pair, NULL, 0);
    struct scenario *s = study_plan_load(&p, 1, stderr);
    cr_assert_str_eq(scenario_place(s, "structure.cells_a"), "tests/input/study/pair.toml:16:1");
    cr_assert_str_eq(scenario_place(s, "run.replicas"), "tests/input/study/pair.toml:5:1");
    cr_assert_eq(scenario_count(s, "dopant"), 1);
    scenario_free(s);
    study_plan_free(&p);
}

Test(study, the_shipped_study_is_valid) {
    struct study_plan p = open_well("lattices/studies/stackings.toml", NULL, 0);
    cr_assert_eq(p.n, 3);
    study_plan_free(&p);
}

/* ---- mistakes ---- */

static char *problems_of(const char *path) {
    char *message;
    size_t size;
    struct study_plan p;
    FILE *errors = open_memstream(&message, &size);
    int status = study_plan_open(&p, path, NULL, 0, errors);
    status = status ? status : study_plan_check(&p, errors);
    study_plan_free(&p);
    fclose(errors);
    cr_assert_eq(status, 2, "%s loads", path);
    return message;
}

static void check_expectations(const char *path) {
    char line[400], *message = problems_of(path);
    FILE *in = fopen(path, "r");
    int n = 0;
    while (in && fgets(line, sizeof line, in) && strncmp(line, "# expect: ", 10) == 0) {
        line[strcspn(line, "\n")] = 0;
        cr_assert_not_null(strstr(message, line + 10), "%s: expected \"%s\" in:\n%s", path,
                           line + 10, message);
        n++;
    }
    cr_assert_gt(n, 0, "%s expects nothing", path);
    fclose(in);
    free(message);
}

Test(study, every_mistake_has_its_place_and_a_hint) {
    int n = 0;
    DIR *d = opendir(input);
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[400];
        if (!strstr(e->d_name, ".mustfail.toml"))
            continue;
        snprintf(path, sizeof path, "%s%s", input, e->d_name);
        check_expectations(path);
        n++;
    }
    closedir(d);
    cr_assert_geq(n, 9);
}

Test(study, a_mistake_in_a_common_place_is_reported_once) {
    char *message = problems_of("tests/input/study/many_problems.mustfail.toml");
    char *first = strstr(message, "study.replicas");
    cr_assert_not_null(first);
    cr_assert_null(strstr(first + 1, "study.replicas"));
    free(message);
}

/* ---- the directory ---- */

static char scratch[64], place[80];

static void make_scratch(void) {
    strcpy(scratch, "/tmp/test_study_XXXXXX");
    cr_assert_not_null(mkdtemp(scratch));
    snprintf(place, sizeof place, "%s/study", scratch);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *at) {
    (void)status;
    (void)type;
    (void)at;
    return remove(path);
}

static void remove_scratch(void) {
    nftw(scratch, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Exit code; *resumed as study_directory_begin says. */
static int begin(const struct study_plan *p, bool *resumed) {
    struct study_directory d;
    cr_assert_eq(study_directory_init(&d, place), 0);
    int status = study_directory_begin(&d, p, resumed);
    study_directory_free(&d);
    return status;
}

static void drop(const char *name) {
    char path[200];
    snprintf(path, sizeof path, "%s/%s", place, name);
    cr_assert_eq(unlink(path), 0, "%s", path);
}

TestSuite(study_directory, .init = make_scratch, .fini = remove_scratch);

Test(study_directory, the_same_study_goes_on_and_another_is_refused) {
    bool resumed = true;
    struct study_plan p = open_well(pair, NULL, 0);
    struct study_plan other = open_well(pair, SET("protocol.cycles=3"));
    struct study_plan threads = open_well(pair, SET("run.threads=1", "run.engine=cpu"));
    cr_assert_eq(begin(&p, &resumed), 0);
    cr_assert(!resumed);
    cr_assert_eq(begin(&other, &resumed), 2);
    cr_assert_eq(begin(&threads, &resumed), 0, "threads and engine change no result");
    cr_assert(resumed);
    cr_assert(!output_exists(place, "lock"));
    study_plan_free(&p);
    study_plan_free(&other);
    study_plan_free(&threads);
}

Test(study_directory, what_resume_reads_is_the_study_that_was_begun) {
    bool resumed;
    struct study_directory d;
    struct study_plan p = open_well(pair, NULL, 0), again;
    cr_assert_eq(begin(&p, &resumed), 0);
    cr_assert_eq(study_directory_init(&d, place), 0);
    cr_assert_eq(study_directory_resume(&d, &again, NULL, 0), 0);
    cr_assert_eq(study_plan_compare(&p, &again, stderr), 0);
    cr_assert_str_eq(again.description, p.description);
    study_plan_free(&p);
    study_plan_free(&again);
    study_directory_free(&d);
}

Test(study_directory, a_beginning_that_was_killed_is_made_whole) {
    bool resumed;
    struct study_plan p = open_well(pair, NULL, 0);
    struct study_plan other = open_well("lattices/studies/stackings.toml", NULL, 0);
    cr_assert_eq(begin(&p, &resumed), 0);
    drop("resolved.toml");
    drop("o2-Al/checkpoint");
    cr_assert_eq(begin(&other, &resumed), 2);
    cr_assert(!output_exists(place, "hybrid"));
    cr_assert_eq(begin(&p, &resumed), 0);
    cr_assert(!resumed);
    cr_assert(output_exists(place, "o2-Al/checkpoint") && output_exists(place, "resolved.toml"));
    study_plan_free(&p);
    study_plan_free(&other);
}

Test(study_directory, foreign_and_finished_directories_are_left_alone) {
    bool resumed;
    struct study_directory d;
    struct study_plan p = open_well(pair, NULL, 0);
    strcpy(place, scratch);
    char path[200];
    snprintf(path, sizeof path, "%s/study.toml", scratch);
    fclose(fopen(path, "w"));
    cr_assert_eq(begin(&p, &resumed), 2);
    cr_assert(!output_exists(place, "lock") && !output_exists(place, "o3"));
    snprintf(place, sizeof place, "%s/done", scratch);
    cr_assert_eq(begin(&p, &resumed), 0);
    cr_assert_eq(study_directory_init(&d, place), 0);
    cr_assert_eq(study_directory_finish(&d), 0);
    study_directory_free(&d);
    cr_assert_eq(begin(&p, &resumed), 2);
    study_plan_free(&p);
}
