/* Guarantees of scenarios made by rule: a grid holds every combination once; a Latin hypercube has one value in each stratum, the same in every scenario, and
 * another with another seed; what is drawn reads back from resolved.toml; shards share the replicas out; a target asks for no more than it must.
 *
 * Run from the root of the repository.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../kmc/study_directory.h"
#include "../kmc/study_ranks.h"
#include "../kmc/study_runs.h"
#include "../kmc/study_target.h"

static const char RULES[] = "[study]\n"
                            "name = \"rules\"\n"
                            "base = \"builtin:demo\"\n"
                            "replicas = 3\n"
                            "vary.conditions.temperature_K = [298.15, 318.15]\n"
                            "samples = 8\n"
                            "sample.model.molecular_eV = [8.0, 8.6]\n"
                            "sample.\"elements.Ni.oxidation_eV[1]\" = \"prior\"\n"
                            "sample.elements.K.hop_barrier_eV = \"prior\"\n"
                            "[[scenario]]\n"
                            "name = \"o3\"\n"
                            "vary.protocol.upper_cutoff_V = [4.4, 4.6, 4.8]\n"
                            "[[scenario]]\n"
                            "name = \"K\"\n"
                            "base = \"builtin:lmr-k-pillar\"\n";

static char path[200];

static void write_text(const char *text) {
    snprintf(path, sizeof path, "/tmp/kmc_rules_%d.toml", (int)getpid());
    FILE *out = fopen(path, "w");
    cr_assert(out && fputs(text, out) >= 0 && fclose(out) == 0);
}

static struct study_plan open_text(const char *text, const char *key_value) {
    struct study_plan p;
    static const char *set[1]; /* the plan goes on pointing to it */
    set[0] = key_value;
    write_text(text);
    cr_assert_eq(study_plan_open(&p, path, set, key_value ? 1 : 0, stderr), 0);
    unlink(path);
    return p;
}

static struct study_plan open_rules(const char *key_value) {
    return open_text(RULES, key_value);
}

static const struct study_plan_scenario *named(const struct study_plan *p, const char *name) {
    for (size_t k = 0; k < p->n; k++)
        if (strcmp(p->scenario[k].name, name) == 0)
            return &p->scenario[k];
    cr_assert_fail("no scenario %s", name);
    return NULL;
}

static double drawn(const struct study_plan_scenario *s, const char *key) {
    for (size_t k = 0; k < s->draws.n; k++)
        if (strcmp(s->draws.draw[k].key, key) == 0)
            return s->draws.draw[k].value;
    return NAN;
}

Test(study_rules, a_grid_holds_every_combination_once) {
    struct study_plan p = open_rules(NULL);
    cr_assert_eq(p.n, (3 * 2 + 2) * 8);
    for (size_t k = 0; k < p.n; k++)
        for (size_t j = 0; j < k; j++)
            cr_assert_str_neq(p.scenario[j].name, p.scenario[k].name);
    const struct study_plan_scenario *one =
        named(&p, "o3,upper_cutoff_V=4.6,temperature_K=318.15,sample=5");
    struct scenario *s = study_plan_load(&p, (size_t)(one - p.scenario), stderr);
    cr_assert_float_eq(scenario_real(s, "protocol.upper_cutoff_V"), 4.6, 0);
    cr_assert_float_eq(scenario_real(s, "conditions.temperature_K"), 318.15, 0);
    cr_assert_float_eq(scenario_real(s, "model.molecular_eV"), drawn(one, "model.molecular_eV"), 0);
    cr_assert_eq(scenario_int(s, "run.seed"), 6);
    cr_assert_str_eq(one->family, "o3,upper_cutoff_V=4.6,temperature_K=318.15");
    scenario_free(s);
    study_plan_free(&p);
}

/* Which of the n-th parts of the interval the samples of a scenario take, as a set of bits. */
static unsigned strata(const struct study_plan *p, const char *family, const char *key, double low,
                       double high) {
    unsigned set = 0;
    for (int k = 0; k < 8; k++) {
        char name[100];
        snprintf(name, sizeof name, "%s,sample=%d", family, k);
        double x = (drawn(named(p, name), key) - low) / (high - low);
        cr_assert(x > 0 && x < 1, "%s of %s: %g", key, name, x);
        set |= 1u << (int)(8 * x);
    }
    return set;
}

Test(study_rules, a_hypercube_has_one_value_in_each_part_of_every_interval) {
    struct study_plan p = open_rules(NULL);
    double low, high;
    struct scenario *s = study_plan_load(&p, p.n - 1, stderr);
    cr_assert_eq(strata(&p, "K,temperature_K=298.15", "model.molecular_eV", 8.0, 8.6), 255);
    cr_assert(scenario_prior(s, "elements.Ni.oxidation_eV", 1, &low, &high));
    cr_assert_eq(strata(&p, "K,temperature_K=298.15", "elements.Ni.oxidation_eV[1]", low, high),
                 255);
    cr_assert(scenario_prior(s, "elements.K.hop_barrier_eV", 0, &low, &high));
    cr_assert_eq(strata(&p, "K,temperature_K=318.15", "elements.K.hop_barrier_eV[0]", low, high),
                 255);
    scenario_free(s);
    study_plan_free(&p);
}

Test(study_rules, samples_of_equal_number_are_equal_in_all_scenarios_and_follow_the_seed) {
    struct study_plan p = open_rules(NULL), other = open_rules("run.seed=2");
    int same = 0;
    for (int k = 0; k < 8; k++) {
        char a[100], b[100];
        snprintf(a, sizeof a, "o3,upper_cutoff_V=4.4,temperature_K=298.15,sample=%d", k);
        snprintf(b, sizeof b, "K,temperature_K=318.15,sample=%d", k);
        double x = drawn(named(&p, a), "model.molecular_eV");
        cr_assert_float_eq(x, drawn(named(&p, b), "model.molecular_eV"), 0);
        same += x == drawn(named(&other, a), "model.molecular_eV");
    }
    cr_assert_eq(same, 0);
    study_plan_free(&p);
    study_plan_free(&other);
}

Test(study_rules, two_keys_are_drawn_independently) {
    struct study_plan p = open_rules(NULL);
    int equal = 0;
    for (int k = 0; k < 8; k++) {
        char name[100];
        double low = 0, high = 1;
        snprintf(name, sizeof name, "K,temperature_K=298.15,sample=%d", k);
        struct scenario *s = study_plan_load(&p, 0, stderr);
        scenario_prior(s, "elements.Ni.oxidation_eV", 1, &low, &high);
        scenario_free(s);
        double x = (drawn(named(&p, name), "model.molecular_eV") - 8.0) / 0.6;
        double y = (drawn(named(&p, name), "elements.Ni.oxidation_eV[1]") - low) / (high - low);
        equal += (int)(8 * x) == (int)(8 * y);
    }
    cr_assert_lt(equal, 8);
    study_plan_free(&p);
}

Test(study_rules, elements_that_only_a_dopant_names_are_drawn_too) {
    static const char text[] = "[study]\nname = \"named\"\nsamples = 2\nsample_priors = true\n"
                               "[[scenario]]\nname = \"o3\"\nbase = \"builtin:demo\"\n"
                               "[[scenario]]\nname = \"Ru\"\nbase = \"builtin:lmr-ru\"\n";
    struct study_plan p = open_text(text, NULL);
    cr_assert_not(isnan(drawn(named(&p, "Ru,sample=1"), "elements.Ru.oxidation_eV[0]")));
    cr_assert(isnan(drawn(named(&p, "o3,sample=1"), "elements.Ru.oxidation_eV[0]")));
    cr_assert(isnan(drawn(named(&p, "Ru,sample=1"), "elements.Al.hop_barrier_eV[0]")));
    cr_assert_not(isnan(drawn(named(&p, "o3,sample=1"), "model.molecular_eV")));
    study_plan_free(&p);
}

Test(study_rules, barriers_of_lithium_are_drawn_where_it_is_on_the_clock) {
    static const char text[] = "[study]\nname = \"clock\"\nsamples = 2\nsample_priors = true\n"
                               "[[scenario]]\nname = \"rest\"\nbase = \"builtin:lmr-nb\"\n"
                               "[[scenario]]\nname = \"film\"\nbase = \"builtin:lmr-nb\"\n"
                               "set.structure.geometry = \"film\"\nset.structure.repeats = 1\n"
                               "set.run.engine = \"exact\"\n"
                               "set.kinetics.lithium_transport = true\n";
    static const char *const key[] = {"model.li_hop_eV", "model.li_pass_per_li_eV",
                                      "model.li_gap_eV_per_A", "elements.Nb.li_pass_extra_eV"};
    struct study_plan p = open_text(text, NULL);
    for (int k = 0; k < 4; k++) {
        cr_assert(isnan(drawn(named(&p, "rest,sample=1"), key[k])), "%s", key[k]);
        cr_assert_not(isnan(drawn(named(&p, "film,sample=1"), key[k])), "%s", key[k]);
    }
    cr_assert_not(isnan(drawn(named(&p, "rest,sample=1"), "elements.Nb.tet_extra_eV")));
    study_plan_free(&p);
}

Test(study_rules, what_was_drawn_is_read_back_from_the_directory) {
    struct study_plan p = open_rules("structure.cells_a=6");
    struct study_directory d;
    struct study_runs runs;
    char directory[200], command[300];
    bool resumed;
    snprintf(directory, sizeof directory, "/tmp/kmc_rules_dir_%d", (int)getpid());
    cr_assert_eq(study_plan_check(&p, stderr), 0);
    cr_assert_eq(study_directory_init(&d, directory), 0);
    cr_assert_eq(study_directory_begin(&d, &p, &resumed), 0);
    cr_assert_eq(study_runs_open(&runs, directory, stderr), 0);
    cr_assert_eq(runs.n, p.n);
    for (size_t k = 0; k < p.n; k++) {
        cr_assert_str_eq(runs.run[k].family, p.scenario[k].family);
        cr_assert_eq(runs.run[k].sample, p.scenario[k].sample);
        cr_assert_eq(runs.run[k].draws.n, p.scenario[k].draws.n);
        for (size_t j = 0; j < runs.run[k].draws.n; j++)
            cr_assert(runs.run[k].draws.draw[j].value == p.scenario[k].draws.draw[j].value);
    }
    study_runs_free(&runs);
    study_directory_free(&d);
    /* and the study goes on as the same */
    struct study_plan again;
    cr_assert_eq(study_directory_init(&d, directory), 0);
    cr_assert_eq(study_directory_resume(&d, &again, NULL, 0), 0);
    cr_assert_eq(study_plan_compare(&again, &p, stderr), 0);
    study_plan_free(&again);
    study_plan_free(&p);
    study_directory_free(&d);
    snprintf(command, sizeof command, "rm -rf %s", directory);
    cr_assert_eq(system(command), 0);
}

Test(study_rules, every_replica_belongs_to_one_shard) {
    struct study_plan p = open_rules(NULL);
    int64_t most = 0, least = 1000;
    p.shards = 5;
    for (p.shard = 1; p.shard <= 5; p.shard++) {
        int64_t n = 0;
        for (size_t k = 0; k < p.n; k++)
            for (int64_t r = 0; r < 3; r++)
                n += study_plan_owns(&p, k, r);
        most = n > most ? n : most;
        least = n < least ? n : least;
    }
    cr_assert_leq(most - least, 1);
    for (int64_t r = 0; r < 3; r++) {
        int owners = 0;
        for (p.shard = 1; p.shard <= 5; p.shard++)
            owners += study_plan_owns(&p, 7, r);
        cr_assert_eq(owners, 1);
    }
    p.shard = p.shards = 1;
    study_plan_free(&p);
}

Test(study_rules, a_target_stops_when_it_is_reached_and_at_most_doubles) {
    double x[64];
    for (int k = 0; k < 64; k++)
        x[k] = k % 2 ? 1 : -1; /* standard error of n: sqrt(n / (n - 1) / n) */
    cr_assert_eq(study_target_next(0.5, x, 8, 64), 8);
    cr_assert_eq(study_target_next(0.37, x, 8, 64), 9);
    cr_assert_eq(study_target_next(0.1, x, 8, 64), 16);
    cr_assert_eq(study_target_next(0.1, x, 40, 64), 64);
    cr_assert_eq(study_target_next(0.1, x, 64, 64), 64);
    x[0] = NAN;
    x[1] = NAN;
    cr_assert_eq(study_target_next(0.1, x, 3, 64), 6, "one value has no error: %lld",
                 (long long)study_target_next(0.1, x, 3, 64));
}

Test(study_rules, ranks_share_the_devices_of_a_machine) {
    char text[80];
    cr_assert(study_ranks_device(NULL, 4, 5, text));
    cr_assert_str_eq(text, "1");
    cr_assert(study_ranks_device("3,GPU-8f,7", 8, 4, text));
    cr_assert_str_eq(text, "GPU-8f");
    cr_assert(study_ranks_device("2", 8, 3, text));
    cr_assert_str_eq(text, "2");
    cr_assert_not(study_ranks_device("", 8, 0, text));
    cr_assert_not(study_ranks_device(NULL, 0, 0, text));
}
