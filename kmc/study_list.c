#include "study_list.h"
#include <stdlib.h>
#include <string.h>

typedef const struct toml_reader_entry *entry_pointer;

static entry_pointer entry_at(const struct study_plan *p, size_t i) {
    return study_file_entry(&p->file, i);
}

static size_t member(const struct study_plan *p, size_t table, const char *key) {
    return study_file_member(&p->file, table, key);
}

size_t study_list_study(const struct study_plan *p) {
    size_t i = study_file_top(&p->file, "study"), none = toml_reader_count(p->file.document);
    return i < none && entry_at(p, i)->type == TOML_READER_TABLE ? i : none;
}

size_t study_list_member(const struct study_plan *p, const char *key) {
    size_t study = study_list_study(p);
    return study < toml_reader_count(p->file.document) ? member(p, study, key) : 0;
}

/* ---- problems ---- */

#define REPORT(p, problems, i, key, hint, ...)                                                     \
    study_file_report(&(p)->file, i, key, hint, problems, __VA_ARGS__)

/* Something that is nowhere in the file. */
static void report_missing(const struct study_plan *p, const char *key, const char *hint,
                           const char *expected, struct scenario_problems *problems) {
    char *place = scenario_store_place(p->file.path, 1, 1);
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
        size_t distance = scenario_schema_distance(key, *k, best);
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

static bool is_text(const struct study_plan *p, size_t i, struct scenario_problems *problems) {
    return study_file_is(&p->file, i, TOML_READER_TEXT, "texts stand in double quotes", problems);
}

/* ---- names ---- */

/* Names of files that a study's directory may hold besides its runs. */
static bool is_reserved(const char *name) {
    static const char *const reserved[] = {"study.toml", "study.json", "resolved.toml", "DONE",
                                           "lock",       "shards",     "results.csv"};
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
                   "it names a directory; study.toml, study.json, resolved.toml, DONE, lock, "
                   "shards, results.csv "
                   "and *.tmp are taken",
                   "expected at most %d letters, digits or _ - + . , = with a letter or digit "
                   "first, found \"%.80s\"",
                   STUDY_PLAN_NAME - 1, entry_at(p, i)->text);
    }
}

static void check_twice(const struct study_plan *p, size_t k, struct scenario_problems *problems) {
    const struct study_plan_entry *s = &p->entry[k];
    for (size_t j = 0; *s->name && j < k; j++) {
        if (strcmp(p->entry[j].name, s->name) != 0)
            continue;
        size_t i = member(p, s->table, "name"), first = member(p, p->entry[j].table, "name");
        REPORT(p, problems, i, NULL, "each scenario has a directory of its own",
               "expected another name than in line %d, found \"%s\" again",
               entry_at(p, first)->key_line, s->name);
        return;
    }
}

/* ---- [study] ---- */

bool study_list_shard(const char *text, int64_t *shard, int64_t *shards) {
    char *end = NULL;
    long long i = strtoll(text, &end, 10), n = 0;
    bool good = end != text && *end == '/';
    const char *second = good ? end + 1 : text;
    if (good)
        n = strtoll(second, &end, 10);
    if (!good || end == second || *end || i < 1 || n < i || n > STUDY_PLAN_SHARDS_MAX)
        return false;
    *shard = i;
    *shards = n;
    return true;
}

static void read_shard(struct study_plan *p, struct scenario_problems *problems) {
    size_t i = study_list_member(p, "shard");
    if (!i || !is_text(p, i, problems))
        return;
    if (!study_list_shard(entry_at(p, i)->text, &p->shard, &p->shards))
        REPORT(p, problems, i, NULL, "shard = \"2/8\" is the second of eight",
               "expected \"i/N\" with 1 <= i <= N, found \"%.40s\"", entry_at(p, i)->text);
}

/* An integer in a range; 0 = not given, or refused. */
static int64_t read_integer(const struct study_plan *p, const char *key, int64_t low, int64_t high,
                            const char *hint, struct scenario_problems *problems) {
    size_t i = study_list_member(p, key);
    if (!i || !study_file_is(&p->file, i, TOML_READER_INT, hint, problems))
        return 0;
    int64_t n = entry_at(p, i)->integer;
    if (n >= low && n <= high)
        return n;
    REPORT(p, problems, i, NULL, hint, "expected an integer from %lld to %lld, found %lld",
           (long long)low, (long long)high, (long long)n);
    return 0;
}

static void read_target(struct study_plan *p, struct scenario_problems *problems) {
    static const char hint[] =
        "target_standard_error_mV = 0.5 with replicas = 8 to begin with and replicas_max = 64";
    size_t i = study_list_member(p, "target_standard_error_mV");
    size_t most = study_list_member(p, "replicas_max");
    if (!i) {
        if (most)
            REPORT(p, problems, most, NULL, hint,
                   "expected target_standard_error_mV beside it, found none");
        return;
    }
    entry_pointer e = entry_at(p, i);
    bool number = e->type == TOML_READER_INT || e->type == TOML_READER_REAL;
    if (!number || !(e->real >= 1e-6 && e->real <= 1e6))
        REPORT(p, problems, i, NULL, hint, "expected a number of mV/cycle from 1e-6 to 1e6");
    else
        p->target_mV = e->real;
    p->first = read_integer(p, "replicas", 3, 100000, hint, problems);
    if (!study_list_member(p, "replicas"))
        REPORT(p, problems, i, NULL, hint, "expected `replicas` to begin with, found none");
    p->replicas_max =
        most ? read_integer(p, "replicas_max", 3, 100000, hint, problems) : 10 * p->first;
    if (most && p->replicas_max && p->replicas_max < p->first)
        REPORT(p, problems, most, NULL, hint,
               "expected at least the %lld of `replicas`, found %lld", (long long)p->first,
               (long long)p->replicas_max);
}

static void read_study(struct study_plan *p, struct scenario *any,
                       struct scenario_problems *problems) {
    static const char *const known[] = {"name",
                                        "description",
                                        "replicas",
                                        "seed",
                                        "cycles",
                                        "base",
                                        "vary",
                                        "samples",
                                        "sample",
                                        "sample_priors",
                                        "target_standard_error_mV",
                                        "replicas_max",
                                        "shard",
                                        NULL};
    size_t i = study_file_top(&p->file, "study");
    if (i == toml_reader_count(p->file.document)) {
        report_missing(p, "study", "begin with [study] and name = \"...\"", "a table [study]",
                       problems);
        return;
    }
    if (!study_file_is(&p->file, i, TOML_READER_TABLE, "write [study]", problems))
        return;
    check_keys(p, i, known, any, problems);
    take_name(p, i, p->name, problems);
    size_t description = member(p, i, "description");
    if (description && study_file_assign(&p->file, any, "run.description", description, problems))
        snprintf(p->description, sizeof p->description, "%s", entry_at(p, description)->text);
    study_vary_read(&p->vary, &p->file, i, true, problems);
    read_shard(p, problems);
    read_target(p, problems);
}

static void check_top(const struct study_plan *p, const struct scenario *any,
                      struct scenario_problems *problems) {
    static const char *const known[] = {"study", "scenario", NULL};
    for (size_t i = 0; i < toml_reader_count(p->file.document); i = entry_at(p, i)->next)
        if (strcmp(entry_at(p, i)->path, "study") != 0 &&
            strcmp(entry_at(p, i)->path, "scenario") != 0)
            report_unknown(p, i, entry_at(p, i)->path, known, any, problems);
}

/* ---- [[scenario]] ---- */

/* What varies in one scenario must not vary, or be drawn, in all. */
static void check_own(const struct study_plan *p, const struct study_plan_entry *e,
                      struct scenario_problems *problems) {
    for (size_t k = 0; k < e->own.n_axes; k++)
        if (study_vary_has(&p->vary, e->own.axis[k].key))
            REPORT(p, problems, e->own.axis[k].list, NULL,
                   "let it vary in [study], or in the scenarios one by one",
                   "expected each key once, found %s in [study] too", e->own.axis[k].key);
}

static void list_entries(struct study_plan *p, const struct scenario *any,
                         struct scenario_problems *problems) {
    static const char *const known[] = {"name",   "base",   "set",    "vary",
                                        "family", "sample", "values", NULL};
    static const char hint[] = "write [[scenario]] with double brackets, once for each";
    size_t list = study_file_top(&p->file, "scenario");
    if (list == toml_reader_count(p->file.document)) {
        report_missing(p, "scenario", hint, "at least one scenario", problems);
        return;
    }
    entry_pointer e = entry_at(p, list);
    if (!study_file_is(&p->file, list, TOML_READER_LIST, hint, problems))
        return;
    if (e->count < 1 || e->count > STUDY_PLAN_SCENARIOS_MAX) {
        REPORT(p, problems, list, NULL, hint, "expected a list of 1 to %d tables, found %zu",
               (int)STUDY_PLAN_SCENARIOS_MAX, e->count);
        return;
    }
    p->entry = scenario_schema_resize(NULL, e->count * sizeof *p->entry);
    memset(p->entry, 0, e->count * sizeof *p->entry);
    for (size_t i = list + 1; i < e->next; i = entry_at(p, i)->next) {
        struct study_plan_entry *one = &p->entry[p->n_entries];
        if (!study_file_is(&p->file, i, TOML_READER_TABLE, hint, problems))
            continue;
        one->table = i;
        check_keys(p, i, known, any, problems);
        take_name(p, i, one->name, problems);
        check_twice(p, p->n_entries++, problems);
        study_vary_read(&one->own, &p->file, i, false, problems);
        check_own(p, one, problems);
    }
}

/* ---- the scenarios that they make ---- */

/* What resolved.toml says of a sample. */
static void read_origin(const struct study_plan *p, size_t table, struct study_plan_scenario *s,
                        struct scenario_problems *problems) {
    static const char hint[] = "the program writes these keys into resolved.toml";
    size_t family = member(p, table, "family"), sample = member(p, table, "sample");
    size_t values = member(p, table, "values");
    if (family && is_text(p, family, problems)) {
        if (is_safe(entry_at(p, family)->text))
            snprintf(s->family, sizeof s->family, "%s", entry_at(p, family)->text);
        else
            REPORT(p, problems, family, NULL, hint, "expected the name of a scenario");
    }
    if (sample && study_file_is(&p->file, sample, TOML_READER_INT, hint, problems)) {
        s->sample = entry_at(p, sample)->integer;
        if (s->sample < 0 || s->sample >= STUDY_VARY_SAMPLES_MAX)
            REPORT(p, problems, sample, NULL, hint, "expected an integer from 0 to %d, found %lld",
                   STUDY_VARY_SAMPLES_MAX - 1, (long long)s->sample);
    }
    if (!values || !study_file_is(&p->file, values, TOML_READER_TABLE, hint, problems))
        return;
    for (size_t i = values + 1; i < entry_at(p, values)->next; i = entry_at(p, i)->next) {
        char key[TOML_READER_PATH_MAX];
        study_file_key(&p->file, values, i, key);
        study_vary_draws_add(&s->draws, key, entry_at(p, i)->real);
    }
}

static bool too_long(const struct study_plan *p, const struct study_plan_entry *e,
                     struct scenario_problems *problems) {
    REPORT(p, problems, e->table, NULL, "a shorter name, or fewer keys in one study",
           "expected names of at most %d letters with what varies, found longer ones",
           STUDY_PLAN_NAME - 1);
    return false;
}

/* One scenario of an entry; false after reporting. */
static bool add_scenario(struct study_plan *p, size_t entry, size_t variant, int64_t sample,
                         struct scenario_problems *problems) {
    const struct study_plan_entry *e = &p->entry[entry];
    struct study_plan_scenario *s = &p->scenario[p->n++];
    size_t common = study_vary_count(&p->vary);
    *s = (struct study_plan_scenario){.sample = sample, .entry = entry, .variant = variant};
    snprintf(s->name, sizeof s->name, "%s", e->name);
    if (!study_vary_name(&e->own, &p->file, variant / common, s->name) ||
        !study_vary_name(&p->vary, &p->file, variant % common, s->name))
        return too_long(p, e, problems);
    snprintf(s->family, sizeof s->family, "%s", s->name);
    if (sample >= 0) {
        size_t used = strlen(s->name);
        if (snprintf(s->name + used, sizeof s->name - used, ",sample=%lld", (long long)sample) >=
            (int)(sizeof s->name - used))
            return too_long(p, e, problems);
    }
    read_origin(p, e->table, s, problems);
    return true;
}

/* Variants of an entry, each with its samples. */
static bool expand(struct study_plan *p, size_t entry, struct scenario_problems *problems) {
    size_t variants = study_vary_count(&p->entry[entry].own) * study_vary_count(&p->vary);
    int64_t samples = p->vary.samples;
    for (size_t k = 0; k < variants; k++)
        for (int64_t i = samples ? 0 : -1; i < samples; i++)
            if (!add_scenario(p, entry, k, i, problems))
                return false;
    return true;
}

static size_t count_scenarios(const struct study_plan *p) {
    size_t n = 0;
    for (size_t k = 0; k < p->n_entries && n <= STUDY_PLAN_SCENARIOS_MAX; k++)
        n += study_vary_count(&p->entry[k].own) * study_vary_count(&p->vary);
    return n * (size_t)(p->vary.samples > 0 ? p->vary.samples : 1);
}

static int by_name(const void *a, const void *b) {
    const struct study_plan_scenario *x = *(struct study_plan_scenario *const *)a;
    const struct study_plan_scenario *y = *(struct study_plan_scenario *const *)b;
    return strcmp(x->name, y->name);
}

/* Rules may write two values alike. */
static void check_names(const struct study_plan *p, struct scenario_problems *problems) {
    const struct study_plan_scenario **s = scenario_schema_resize(NULL, p->n * sizeof *s);
    for (size_t k = 0; k < p->n; k++)
        s[k] = &p->scenario[k];
    qsort(s, p->n, sizeof *s, by_name);
    bool found = false;
    for (size_t k = 1; k < p->n && !found; k++) {
        const struct study_plan_entry *a = &p->entry[s[k - 1]->entry], *b = &p->entry[s[k]->entry];
        bool told = a != b && strcmp(a->name, b->name) == 0; /* by check_twice */
        found = *s[k]->name && !told && strcmp(s[k - 1]->name, s[k]->name) == 0;
        if (found)
            REPORT(p, problems, b->table, NULL,
                   "values must differ in nine digits, texts in letters, digits and _ - + .",
                   "expected scenarios with names of their own, found \"%s\" twice", s[k]->name);
    }
    free(s);
}

static void list_scenarios(struct study_plan *p, struct scenario_problems *problems) {
    size_t n = count_scenarios(p), list = study_file_top(&p->file, "scenario");
    if (p->n_entries == 0)
        return;
    if (n > STUDY_PLAN_SCENARIOS_MAX) {
        REPORT(p, problems, list, NULL, "give several studies",
               "expected 2 to %d scenarios with what varies, found %zu",
               (int)STUDY_PLAN_SCENARIOS_MAX, n);
        return;
    }
    p->scenario = scenario_schema_resize(NULL, n * sizeof *p->scenario);
    for (size_t k = 0; k < p->n_entries; k++)
        if (!expand(p, k, problems))
            return;
    check_names(p, problems);
}

void study_list_read(struct study_plan *p, struct scenario_problems *problems) {
    struct scenario *any = scenario_store_create();
    check_top(p, any, problems);
    read_study(p, any, problems);
    list_entries(p, any, problems);
    list_scenarios(p, problems);
    scenario_free(any);
}
