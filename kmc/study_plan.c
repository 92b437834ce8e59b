#include "study_plan.h"
#include <stdlib.h>
#include <string.h>
#include "estimate.h"
#include "scenario_layer.h"

enum { EXIT_INPUT = 2, EXIT_NO_MEMORY = 4 };

typedef const struct toml_reader_entry *entry_pointer;

static entry_pointer entry_at(const struct study_plan *p, size_t i) {
    return toml_reader_entry_at(p->document, i);
}

/* The member of the table at `table` with this key; 0 = none (entry 0 is at the top). */
static size_t member(const struct study_plan *p, size_t table, const char *key) {
    entry_pointer t = entry_at(p, table);
    for (size_t i = table + 1; i < t->next; i = entry_at(p, i)->next)
        if (strcmp(entry_at(p, i)->path + strlen(t->path) + 1, key) == 0)
            return i;
    return 0;
}

/* The entry at the top with this key; toml_reader_count() = none. */
static size_t top(const struct study_plan *p, const char *key) {
    size_t i = 0, n = toml_reader_count(p->document);
    while (i < n && strcmp(entry_at(p, i)->path, key) != 0)
        i = entry_at(p, i)->next;
    return i;
}

/* ---- problems ---- */

#define REPORT(p, problems, i, key, hint, ...)                                                     \
    do {                                                                                           \
        entry_pointer at_ = entry_at(p, i);                                                        \
        char *place_ = scenario_store_place((p)->path, at_->key_line, at_->key_column);            \
        scenario_problem_report(problems, place_, key, hint, __VA_ARGS__);                         \
        free(place_);                                                                              \
    } while (0)

/* Something that is nowhere in the file. */
static void report_missing(const struct study_plan *p, const char *key, const char *hint,
                           const char *expected, struct scenario_problems *problems) {
    char *place = scenario_store_place(p->path, 1, 1);
    scenario_problem_report(problems, place, key, hint, "expected %s, found none", expected);
    free(place);
}

/* A wrong key, with the nearest of those that there are, or where it belongs. */
static void report_unknown(const struct study_plan *p, size_t i, const char *key,
                           const char *const *known, const struct scenario *any,
                           struct scenario_problems *problems) {
    char hint[400] = "known are";
    size_t best = 4;
    for (const char *const *k = known; *k; k++)
        snprintf(hint + strlen(hint), 40, "%s `%s`", k == known ? "" : ",", *k);
    for (const char *const *k = known; *k; k++) {
        size_t distance = scenario_schema_distance(key, *k);
        if (distance < best) {
            best = distance;
            snprintf(hint, sizeof hint, "did you mean `%s`?", *k);
        }
    }
    if (best == 4 && (scenario_store_is_table(any, key) || strcmp(key, "dopant") == 0))
        snprintf(hint, sizeof hint,
                 "keys of a scenario go into its table `set`: [scenario.set.%.40s] after its "
                 "[[scenario]]",
                 key);
    REPORT(p, problems, i, entry_at(p, i)->path, hint,
           "expected a known key, found an unknown one");
}

static void check_keys(const struct study_plan *p, size_t table, const char *const *known,
                       const struct scenario *any, struct scenario_problems *problems) {
    entry_pointer t = entry_at(p, table);
    for (size_t i = table + 1; i < t->next; i = entry_at(p, i)->next) {
        const char *key = entry_at(p, i)->path + strlen(t->path) + 1;
        const char *const *k = known;
        while (*k && strcmp(*k, key) != 0)
            k++;
        if (!*k)
            report_unknown(p, i, key, known, any, problems);
    }
}

static const char *noun(enum toml_reader_type type) {
    static const char *const nouns[] = {"a table",       "a list", "an integer", "a number",
                                        "true or false", "a text", "a date"};
    return nouns[type];
}

static bool is_text(const struct study_plan *p, size_t i, struct scenario_problems *problems) {
    entry_pointer e = entry_at(p, i);
    if (e->type == TOML_READER_TEXT)
        return true;
    REPORT(p, problems, i, e->path, "texts stand in double quotes", "expected a text, found %s",
           noun(e->type));
    return false;
}

/* ---- names ---- */

/* Names of files that a study's directory may hold besides its runs. */
static bool is_reserved(const char *name) {
    static const char *const reserved[] = {"study.toml", "study.json", "resolved.toml", "DONE",
                                           "lock"};
    for (size_t k = 0; k < sizeof reserved / sizeof *reserved; k++)
        if (strcmp(name, reserved[k]) == 0)
            return true;
    size_t n = strlen(name);
    return n > 4 && strcmp(name + n - 4, ".tmp") == 0;
}

static bool is_safe(const char *name) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    size_t n = strlen(name), plain = strspn(name, letters);
    return plain > 0 && n < STUDY_PLAN_NAME && !is_reserved(name) &&
           strspn(name + plain, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "_-+.,=") == n - plain;
}

/* The name in the table at `table`, checked; "" after reporting. */
static void take_name(const struct study_plan *p, size_t table, char name[STUDY_PLAN_NAME],
                      struct scenario_problems *problems) {
    size_t i = member(p, table, "name");
    *name = '\0';
    if (!i) {
        char key[TOML_READER_PATH_MAX + 8];
        snprintf(key, sizeof key, "%s.name", entry_at(p, table)->path);
        REPORT(p, problems, table, key, "it names a directory, as in name = \"o2\"",
               "expected a name, found nothing");
    } else if (is_text(p, i, problems)) {
        if (is_safe(entry_at(p, i)->text))
            snprintf(name, STUDY_PLAN_NAME, "%s", entry_at(p, i)->text);
        else
            REPORT(p, problems, i, entry_at(p, i)->path,
                   "it names a directory; study.toml, study.json, resolved.toml, DONE, lock and "
                   "*.tmp are taken",
                   "expected at most %d letters, digits or _ - + . , = with a letter or digit "
                   "first, found \"%.80s\"",
                   STUDY_PLAN_NAME - 1, entry_at(p, i)->text);
    }
}

static void check_twice(const struct study_plan *p, size_t k, struct scenario_problems *problems) {
    const struct study_plan_scenario *s = &p->scenario[k];
    for (size_t j = 0; *s->name && j < k; j++) {
        if (strcmp(p->scenario[j].name, s->name) != 0)
            continue;
        size_t i = member(p, s->entry, "name"), first = member(p, p->scenario[j].entry, "name");
        REPORT(p, problems, i, entry_at(p, i)->path, "each scenario has a directory of its own",
               "expected another name than in line %d, found \"%s\" again",
               entry_at(p, first)->key_line, s->name);
        return;
    }
}

/* ---- one scenario ---- */

/* The value of a scenario's key from an entry that has another path in this file. */
static void assign_as(const struct study_plan *p, struct scenario *s, const char *key, size_t entry,
                      struct scenario_problems *problems) {
    struct scenario_value *v = scenario_store_find(s, key);
    char *path = v->path;
    v->path = scenario_store_copy(entry_at(p, entry)->path); /* for the message */
    scenario_store_assign(v, p->document, entry, p->path, problems);
    free(v->path);
    v->path = path;
}

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
    size_t study = top(p, "study");
    set_integer(s, "run.seed", 1);
    set_integer(s, "run.threads", 0);
    if (study == toml_reader_count(p->document) || entry_at(p, study)->type != TOML_READER_TABLE)
        return;
    for (int k = 0; k < N_COMMON; k++) {
        size_t i = member(p, study, COMMON[k].own);
        if (i)
            assign_as(p, s, COMMON[k].key, i, problems);
    }
}

static void overlay_base(const struct study_plan *p, size_t table, struct scenario *s,
                         struct scenario_problems *problems) {
    size_t i = member(p, table, "base"), study = top(p, "study");
    if (!i && study < toml_reader_count(p->document))
        i = member(p, study, "base");
    if (!i) {
        char key[TOML_READER_PATH_MAX + 8];
        snprintf(key, sizeof key, "%s.base", entry_at(p, table)->path);
        REPORT(p, problems, table, key,
               "give base = \"builtin:NAME\" (see `kmc list`) or a file, here or in [study]",
               "expected what the scenario builds on, found nothing");
    } else if (is_text(p, i, problems)) {
        scenario_layer_base(s, p->document, i, p->path, problems);
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
    size_t i = member(p, table, "set");
    if (!i)
        return;
    if (entry_at(p, i)->type != TOML_READER_TABLE) {
        REPORT(p, problems, i, entry_at(p, i)->path,
               "write set.structure.stacking = \"ABCB\", or [scenario.set.structure] with keys "
               "below it",
               "expected a table, found %s", noun(entry_at(p, i)->type));
        return;
    }
    check_set(p, i, problems);
    scenario_layer_table(s, p->document, i, p->path, problems);
}

static struct scenario *load(const struct study_plan *p, size_t k,
                             struct scenario_problems *problems) {
    struct scenario *s = scenario_store_create();
    size_t table = p->scenario[k].entry, name = member(p, table, "name");
    overlay_base(p, table, s, problems);
    overlay_common(p, s, problems);
    overlay_set(p, table, s, problems);
    for (size_t i = 0; i < p->n_set; i++)
        scenario_layer_set(s, p->set[i], problems);
    if (*p->scenario[k].name)
        assign_as(p, s, "run.name", name, problems);
    scenario_complete(s, problems);
    return s;
}

struct scenario *study_plan_load(const struct study_plan *p, size_t k, FILE *errors) {
    struct scenario_problems problems = {.out = errors};
    struct scenario *s = load(p, k, &problems);
    scenario_problem_finish(&problems);
    if (problems.count == 0)
        return s;
    scenario_free(s);
    return NULL;
}

/* ---- the file ---- */

static void check_study(struct study_plan *p, struct scenario *any,
                        struct scenario_problems *problems) {
    static const char *const known[] = {"name",   "description", "replicas", "seed",
                                        "cycles", "base",        NULL};
    size_t i = top(p, "study");
    if (i == toml_reader_count(p->document)) {
        report_missing(p, "study", "begin with [study] and name = \"...\"", "a table [study]",
                       problems);
        return;
    }
    if (entry_at(p, i)->type != TOML_READER_TABLE) {
        REPORT(p, problems, i, "study", "write [study]", "expected a table, found %s",
               noun(entry_at(p, i)->type));
        return;
    }
    check_keys(p, i, known, any, problems);
    take_name(p, i, p->name, problems);
    size_t description = member(p, i, "description");
    if (description) {
        assign_as(p, any, "run.description", description, problems); /* type and length */
        snprintf(p->description, sizeof p->description, "%s", entry_at(p, description)->text);
    }
}

static void check_top(const struct study_plan *p, const struct scenario *any,
                      struct scenario_problems *problems) {
    static const char *const known[] = {"study", "scenario", NULL};
    for (size_t i = 0; i < toml_reader_count(p->document); i = entry_at(p, i)->next)
        if (strcmp(entry_at(p, i)->path, "study") != 0 &&
            strcmp(entry_at(p, i)->path, "scenario") != 0)
            report_unknown(p, i, entry_at(p, i)->path, known, any, problems);
}

/* Fills the list; no scenario is loaded yet. */
static void list_scenarios(struct study_plan *p, const struct scenario *any,
                           struct scenario_problems *problems) {
    static const char *const known[] = {"name", "base", "set", NULL};
    const char *hint = "write [[scenario]] with double brackets, once for each";
    size_t list = top(p, "scenario");
    if (list == toml_reader_count(p->document)) {
        report_missing(p, "scenario", hint, "at least two scenarios", problems);
        return;
    }
    entry_pointer e = entry_at(p, list);
    if (e->type != TOML_READER_LIST || e->count < 2 || e->count > STUDY_PLAN_SCENARIOS_MAX) {
        REPORT(p, problems, list, "scenario",
               e->type == TOML_READER_LIST && e->count == 1 ? "one alone is `kmc run`" : hint,
               "expected a list of 2 to %d tables, found %s", (int)STUDY_PLAN_SCENARIOS_MAX,
               e->type == TOML_READER_LIST ? "another number of them" : noun(e->type));
        return;
    }
    p->scenario = scenario_schema_resize(NULL, e->count * sizeof *p->scenario);
    memset(p->scenario, 0, e->count * sizeof *p->scenario);
    for (size_t i = list + 1; i < e->next; i = entry_at(p, i)->next) {
        if (entry_at(p, i)->type != TOML_READER_TABLE) {
            REPORT(p, problems, i, entry_at(p, i)->path, hint, "expected a table, found %s",
                   noun(entry_at(p, i)->type));
            continue;
        }
        p->scenario[p->n].entry = i;
        check_keys(p, i, known, any, problems);
        take_name(p, i, p->scenario[p->n].name, problems);
        check_twice(p, p->n++, problems);
    }
}

static void describe(struct study_plan_scenario *e, const struct scenario *s) {
    scenario_parameter_hash(s, e->parameter_hash);
    scenario_hash(s, e->scenario_hash);
    e->replicas = scenario_int(s, "run.replicas");
    e->cycles = scenario_int(s, "protocol.cycles");
}

static void check_scenarios(struct study_plan *p, struct scenario_problems *problems) {
    for (size_t k = 0; k < p->n; k++) {
        struct scenario *s = load(p, k, problems);
        describe(&p->scenario[k], s);
        p->seed = scenario_int(s, "run.seed");
        scenario_free(s);
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
    struct toml_reader_error error;
    size_t size = 0;
    *p = (struct study_plan){.path = path, .set = set, .n_set = n_set};
    p->text = scenario_layer_read(path, path, "study", &size, &problems);
    if (!p->text)
        return EXIT_INPUT;
    p->document = toml_reader_create(p->text, size, &error);
    if (!p->document) {
        scenario_layer_report_syntax(path, &error, &problems);
        return EXIT_INPUT;
    }
    struct scenario *any = scenario_store_create();
    check_top(p, any, &problems);
    check_study(p, any, &problems);
    list_scenarios(p, any, &problems);
    check_flags(p, &problems);
    check_scenarios(p, &problems);
    scenario_free(any);
    scenario_problem_finish(&problems);
    return problems.count ? EXIT_INPUT : 0;
}

void study_plan_free(struct study_plan *p) {
    toml_reader_free(p->document);
    free(p->text);
    free(p->scenario);
    *p = (struct study_plan){0};
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
            p->path, p->scenario[k].name, (double)have / 0x1p30, (double)need / 0x1p30);
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
            now->path, k + 1, a->name, a->scenario_hash, begun->path, b->name, b->scenario_hash);
    return EXIT_INPUT;
}
