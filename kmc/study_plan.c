#include "study_plan.h"
#include <stdlib.h>
#include <string.h>
#include "estimate.h"
#include "scenario_layer.h"
#include "study_list.h"

enum { EXIT_INPUT = 2, EXIT_NO_MEMORY = 4 };

typedef const struct toml_reader_entry *entry_pointer;

static entry_pointer entry_at(const struct study_plan *p, size_t i) {
    return study_file_entry(&p->file, i);
}

#define REPORT(p, problems, i, key, hint, ...)                                                     \
    study_file_report(&(p)->file, i, key, hint, problems, __VA_ARGS__)

/* ---- one scenario ---- */

/* What a base must not decide: threads and seed are those of the whole study. */
static void set_integer(struct scenario *s, const char *key, int64_t value) {
    struct scenario_value *v = scenario_store_find(s, key);
    v->integer = value;
    free(v->place);
    v->place = scenario_store_copy("study");
}

/* Keys of [study] that stand for keys of a scenario. */
static const struct {
    const char *own, *key;
} COMMON[] = {{"replicas", "run.replicas"}, {"seed", "run.seed"}, {"cycles", "protocol.cycles"}};
enum { N_COMMON = sizeof COMMON / sizeof *COMMON };

static void overlay_common(const struct study_plan *p, struct scenario *s,
                           struct scenario_problems *problems) {
    set_integer(s, "run.seed", 1);
    set_integer(s, "run.threads", 0);
    for (int k = 0; k < N_COMMON; k++) {
        size_t i = study_list_member(p, COMMON[k].own);
        if (i)
            study_file_assign(&p->file, s, COMMON[k].key, i, problems);
    }
    if (p->target_mV > 0)
        set_integer(s, "run.replicas", p->replicas_max);
}

static void overlay_base(const struct study_plan *p, size_t table, struct scenario *s,
                         struct scenario_problems *problems) {
    size_t i = study_file_member(&p->file, table, "base");
    i = i ? i : study_list_member(p, "base");
    if (!i) {
        char key[TOML_READER_PATH_MAX + 8];
        snprintf(key, sizeof key, "%s.base", entry_at(p, table)->path);
        REPORT(p, problems, table, key,
               "give base = \"builtin:NAME\" (see `kmc list`) or a file, here or in [study]",
               "expected what the scenario builds on, found nothing");
    } else if (study_file_is(&p->file, i, TOML_READER_TEXT, "texts stand in double quotes",
                             problems)) {
        scenario_layer_base(s, p->file.document, i, p->file.path, problems);
    }
}

/* The study decides these for all scenarios. */
static void check_set(const struct study_plan *p, size_t set, struct scenario_problems *problems) {
    static const char *const key[] = {"run.name", "run.seed", "run.threads"};
    static const char *const hint[] = {
        "the name of the scenario names its run",
        "give `seed` in [study]: with one seed the replicas of the scenarios are pairs",
        "the whole study shares its threads: kmc study --threads N"};
    for (size_t i = set + 1; i < entry_at(p, set)->next; i++)
        for (int k = 0; k < 3; k++)
            if (strcmp(entry_at(p, i)->path + strlen(entry_at(p, set)->path) + 1, key[k]) == 0)
                REPORT(p, problems, i, key[k], hint[k],
                       "expected no key that belongs to the whole study, found it in one scenario");
}

static void overlay_set(const struct study_plan *p, size_t table, struct scenario *s,
                        struct scenario_problems *problems) {
    static const char hint[] =
        "write set.structure.stacking = \"ABCB\", or [scenario.set.structure] with keys below it";
    size_t i = study_file_member(&p->file, table, "set");
    if (!i || !study_file_is(&p->file, i, TOML_READER_TABLE, hint, problems))
        return;
    check_set(p, i, problems);
    scenario_layer_table(s, p->file.document, i, p->file.path, problems);
}

/* What the rules of the study give this scenario. */
static void overlay_rules(const struct study_plan *p, const struct study_plan_scenario *e,
                          struct scenario *s, struct scenario_problems *problems) {
    size_t common = study_vary_count(&p->vary);
    study_vary_assign(&p->vary, &p->file, e->variant % common, s, problems);
    study_vary_assign(&p->entry[e->entry].own, &p->file, e->variant / common, s, problems);
}

static void set_seed(const struct study_plan *p, const struct study_plan_scenario *e,
                     struct scenario *s, struct scenario_problems *problems) {
    const struct scenario_value *v = scenario_store_find(s, "run.seed");
    if (v->integer > v->leaf->int_max - e->sample)
        REPORT(p, problems, p->entry[e->entry].table, "run.seed", "give a smaller seed",
               "expected a seed to which the number of the sample, %lld, can be added, found %lld",
               (long long)e->sample, (long long)v->integer);
    else
        set_integer(s, "run.seed", v->integer + e->sample);
}

static void overlay_flags(const struct study_plan *p, struct scenario *s,
                          struct scenario_problems *problems) {
    for (size_t i = 0; i < p->n_set; i++)
        scenario_layer_set(s, p->set[i], problems);
}

/* `draws`: receives what was drawn. */
static struct scenario *load(const struct study_plan *p, size_t k, struct study_vary_draws *draws,
                             struct scenario_problems *problems) {
    const struct study_plan_scenario *e = &p->scenario[k];
    size_t table = p->entry[e->entry].table;
    struct scenario *s = scenario_store_create();
    overlay_base(p, table, s, problems);
    overlay_common(p, s, problems);
    overlay_set(p, table, s, problems);
    overlay_rules(p, e, s, problems);
    overlay_flags(p, s, problems);
    uint64_t seed = (uint64_t)scenario_store_find(s, "run.seed")->integer;
    if (p->vary.samples) {
        study_vary_draw_sample(&p->vary, &p->file, seed, e->sample, s, draws, problems);
    }
    if (e->sample > 0)
        set_seed(p, e, s, problems);
    struct scenario_value *name = scenario_store_find(s, "run.name");
    free(name->text);
    name->text = scenario_store_copy(e->name);
    scenario_complete(s, problems);
    return s;
}

struct scenario *study_plan_load(const struct study_plan *p, size_t k, FILE *errors) {
    struct scenario_problems problems = {.out = errors};
    struct study_vary_draws draws = {0};
    struct scenario *s = load(p, k, &draws, &problems);
    study_vary_draws_free(&draws);
    scenario_problem_finish(&problems);
    if (problems.count == 0)
        return s;
    scenario_free(s);
    return NULL;
}

/* ---- all of them ---- */

static void describe(struct study_plan_scenario *e, const struct scenario *s) {
    scenario_parameter_hash(s, e->parameter_hash);
    scenario_hash(s, e->scenario_hash);
    e->replicas = scenario_int(s, "run.replicas");
    e->cycles = scenario_int(s, "protocol.cycles");
    e->fade_first_cycle = scenario_int(s, "protocol.fade_first_cycle");
}

/* A target needs an error of each fade. */
static void check_target(const struct study_plan *p, size_t k, struct scenario_problems *problems) {
    const struct study_plan_scenario *e = &p->scenario[k];
    if (p->target_mV > 0 && e->cycles < e->fade_first_cycle + 1)
        REPORT(p, problems, study_list_member(p, "target_standard_error_mV"), NULL,
               "more cycles, or a lower protocol.fade_first_cycle",
               "expected at least two cycles from protocol.fade_first_cycle = %lld on in %s, found "
               "%lld cycles",
               (long long)e->fade_first_cycle, e->name, (long long)e->cycles);
}

static void check_scenarios(struct study_plan *p, struct scenario_problems *problems) {
    for (size_t k = 0; k < p->n; k++) {
        struct study_vary_draws draws = {0};
        struct scenario *s = load(p, k, &draws, problems);
        describe(&p->scenario[k], s);
        check_target(p, k, problems);
        if (p->vary.samples) {
            study_vary_draws_free(&p->scenario[k].draws);
            p->scenario[k].draws = draws;
        }
        if (k == 0)
            p->seed = scenario_int(s, "run.seed");
        scenario_free(s);
    }
}

static bool is_used(const struct study_plan *p, const char *key) {
    size_t n = strlen(key);
    for (size_t k = 0; k < p->n; k++)
        for (size_t i = 0; i < p->scenario[k].draws.n; i++)
            if (strncmp(p->scenario[k].draws.draw[i].key, key, n) == 0)
                return true;
    return false;
}

static bool is_flag(const struct study_plan *p, const char *key) {
    size_t n = strcspn(key, "[");
    for (size_t k = 0; k < p->n_set; k++)
        if (strncmp(p->set[k], key, n) == 0)
            return true;
    return false;
}

/* A key may be of some scenarios only, but not of none. */
static void check_ranges(const struct study_plan *p, struct scenario_problems *problems) {
    for (size_t k = 0; k < p->vary.n_ranges && problems->count == 0; k++) {
        const struct study_vary_range *r = &p->vary.range[k];
        if (!is_used(p, r->key) && !is_flag(p, r->key))
            REPORT(p, problems, r->entry, NULL, "is its element or dopant in one of them?",
                   "expected a key that some scenario has, found one of none");
    }
}

/* The name of the run comes from the study; a flag would make all of them one. */
static void check_flags(const struct study_plan *p, struct scenario_problems *problems) {
    for (size_t k = 0; k < p->n_set; k++)
        if (strncmp(p->set[k], "run.name=", 9) == 0)
            scenario_problem_report(problems, "--set", "run.name",
                                    "names of scenarios stand in the study file",
                                    "expected a key other than the name, found it");
}

int study_plan_open(struct study_plan *p, const char *path, const char *const *set, size_t n_set,
                    FILE *errors) {
    struct scenario_problems problems = {.out = errors};
    *p = (struct study_plan){.set = set, .n_set = n_set, .shard = 1, .shards = 1};
    if (study_file_open(&p->file, path, &problems)) {
        study_list_read(p, &problems);
        check_flags(p, &problems);
        check_scenarios(p, &problems);
        check_ranges(p, &problems);
        if (p->n == 1 && problems.count == 0)
            REPORT(p, &problems, study_file_top(&p->file, "scenario"), NULL,
                   "one alone is `kmc run`", "expected 2 to %d scenarios with what varies, found 1",
                   (int)STUDY_PLAN_SCENARIOS_MAX);
    }
    scenario_problem_finish(&problems);
    return problems.count ? EXIT_INPUT : 0;
}

void study_plan_free(struct study_plan *p) {
    study_file_free(&p->file);
    study_vary_free(&p->vary);
    for (size_t k = 0; k < p->n_entries; k++)
        study_vary_free(&p->entry[k].own);
    for (size_t k = 0; k < p->n; k++)
        study_vary_draws_free(&p->scenario[k].draws);
    free(p->entry);
    free(p->scenario);
    *p = (struct study_plan){0};
}

/* ---- shards ---- */

int study_plan_set_shard(struct study_plan *p, const char *text, FILE *errors) {
    if (!study_list_shard(text, &p->shard, &p->shards)) {
        fprintf(errors,
                "command line: error: --shard: expected i/N with 1 <= i <= N, found `%.40s`\n    "
                "hint: --shard 2/8 is the second of eight\n",
                text);
        return EXIT_INPUT;
    }
    if (p->target_mV > 0 && p->shards > 1) {
        fprintf(errors,
                "command line: error: --shard: expected a study with a fixed number of replicas, "
                "found target_standard_error_mV\n    hint: what one shard must add depends on all "
                "others: run it as one study, or over MPI ranks\n");
        return EXIT_INPUT;
    }
    return 0;
}

bool study_plan_owns(const struct study_plan *p, size_t scenario, int64_t replica) {
    int64_t before = 0;
    for (size_t k = 0; k < scenario && p->shards > 1; k++)
        before += p->scenario[k].replicas;
    return (before + replica) % p->shards == p->shard - 1;
}

int64_t study_plan_replicas(const struct study_plan *p) {
    int64_t n = 0;
    for (size_t k = 0; k < p->n; k++)
        n += p->scenario[k].replicas;
    return n;
}

/* ---- what is built from it ---- */

/* Peak of the whole study when all threads had replicas of this scenario, which is the most when it is the largest. */
static int64_t most_memory(const struct study_plan *p, const struct simulation *sim) {
    struct memory m;
    int64_t busy = sim->cores, n = study_plan_replicas(p);
    busy = busy < n ? busy : n;
    memory_of_replica(&m, sim->ops, &sim->model->lattice, simulation_inner_threads(sim));
    if (sim->model->with_lithium)
        memory_add_lithium(&m);
    return memory_at_once(&m, sim->ops->many ? sim->replicas : busy, busy) + (busy - 1) * m.shared;
}

static int check_memory(const struct study_plan *p, size_t k, const struct simulation *sim,
                        FILE *errors) {
    int64_t need = most_memory(p, sim), have = memory_of_machine();
    if (need <= have / 10 * 9)
        return 0;
    fprintf(errors,
            "%s: error: scenario %s: expected boxes that fit in %.1f GiB side by side, found %.1f "
            "GiB\n    hint: fewer --threads, or a smaller structure.cells_a, cells_b or repeats\n",
            p->file.path, p->scenario[k].name, (double)have / 0x1p30, (double)need / 0x1p30);
    return EXIT_NO_MEMORY;
}

static int check_one(struct study_plan *p, size_t k, FILE *errors) {
    struct study_plan_scenario *e = &p->scenario[k];
    struct simulation sim;
    struct scenario *s = study_plan_load(p, k, errors);
    int status = s ? simulation_create(&sim, s, errors) : EXIT_INPUT;
    if (status == 0) {
        snprintf(e->composition, sizeof e->composition, "%s", sim.cell.composition);
        e->many = sim.ops->many;
        e->weight = estimate_slices(&sim.protocol) * (1 + sim.protocol.sweeps) *
                    (double)lattice_n_sites(&sim.model->lattice);
        p->threads = sim.cores;
        status = check_memory(p, k, &sim, errors);
        simulation_free(&sim);
    }
    scenario_free(s);
    return status;
}

int study_plan_check(struct study_plan *p, FILE *errors) {
    int status = 0;
    for (size_t k = 0; k < p->n; k++) {
        int code = check_one(p, k, errors);
        status = status ? status : code;
    }
    return status;
}

int study_plan_compare(const struct study_plan *begun, const struct study_plan *now, FILE *errors) {
    size_t k = 0;
    while (k < begun->n && k < now->n &&
           strcmp(begun->scenario[k].name, now->scenario[k].name) == 0 &&
           strcmp(begun->scenario[k].scenario_hash, now->scenario[k].scenario_hash) == 0)
        k++;
    if (k == begun->n && k == now->n)
        return 0;
    const struct study_plan_scenario none = {.name = "none"};
    const struct study_plan_scenario *a = k < begun->n ? &begun->scenario[k] : &none;
    const struct study_plan_scenario *b = k < now->n ? &now->scenario[k] : &none;
    fprintf(errors,
            "%s: error: scenario %zu: expected %s %s as in %s, found %s %s\n"
            "    hint: a study goes on only as it began; a changed one is a new one: give another "
            "-o DIR\n",
            now->file.path, k + 1, a->name, a->scenario_hash, begun->file.path, b->name,
            b->scenario_hash);
    return EXIT_INPUT;
}
