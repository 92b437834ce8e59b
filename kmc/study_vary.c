#include "study_vary.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>
#include "../kernels/philox.h"

/* ---- reading ---- */

static const char VALUES_HINT[] = "write vary.conditions.temperature_K = [298.15, 318.15]";
static const char SAMPLE_HINT[] =
    "write sample.model.KEY = [low, high], or = \"prior\" for its prior interval";

static bool is_of_study(const char *key) {
    return strcmp(key, "run.name") == 0 || strcmp(key, "run.seed") == 0 ||
           strcmp(key, "run.threads") == 0;
}

bool study_vary_has(const struct study_vary *v, const char *key) {
    for (size_t k = 0; k < v->n_axes; k++)
        if (strcmp(v->axis[k].key, key) == 0)
            return true;
    for (size_t k = 0; k < v->n_ranges; k++)
        if (strcmp(v->range[k].key, key) == 0)
            return true;
    return false;
}

static void add_axis(struct study_vary *v, const struct study_file *f, size_t table, size_t i,
                     struct scenario_problems *problems) {
    char key[TOML_READER_PATH_MAX];
    size_t n = study_file_entry(f, i)->count;
    study_file_key(f, table, i, key);
    if (is_of_study(key))
        study_file_report(f, i, NULL, "the study decides these for all scenarios alike", problems,
                          "expected a key of a scenario, found %s", key);
    else if (study_vary_has(v, key))
        study_file_report(f, i, NULL, "give all its values in one list", problems,
                          "expected each key once, found %s twice", key);
    else if (n == 0)
        study_file_report(f, i, NULL, VALUES_HINT, problems,
                          "expected at least one value, found an empty list");
    else if (v->n_axes == STUDY_VARY_AXES)
        study_file_report(f, i, NULL, "give two studies", problems,
                          "expected at most %d keys that vary, found more", STUDY_VARY_AXES);
    else
        v->axis[v->n_axes++] = (struct study_vary_axis){scenario_store_copy(key), i, n};
}

/* Lists below `table`, at any depth. */
static void read_axes(struct study_vary *v, const struct study_file *f, size_t table,
                      struct scenario_problems *problems) {
    size_t end = study_file_entry(f, table)->next;
    for (size_t i = table + 1; i < end;) {
        const struct toml_reader_entry *e = study_file_entry(f, i);
        if (e->type == TOML_READER_TABLE) {
            i++;
            continue;
        }
        if (study_file_is(f, i, TOML_READER_LIST, VALUES_HINT, problems))
            add_axis(v, f, table, i, problems);
        i = e->next;
    }
}

static bool is_number(const struct toml_reader_entry *e) {
    return (e->type == TOML_READER_INT || e->type == TOML_READER_REAL) && isfinite(e->real);
}

static void add_range(struct study_vary *v, const struct study_file *f, size_t table, size_t i,
                      struct scenario_problems *problems) {
    const struct toml_reader_entry *e = study_file_entry(f, i);
    struct study_vary_range r = {.entry = i, .prior = e->type == TOML_READER_TEXT};
    bool good = r.prior && strcmp(e->text, "prior") == 0;
    if (e->type == TOML_READER_LIST && e->count == 2 && is_number(study_file_entry(f, i + 1)) &&
        is_number(study_file_entry(f, i + 2))) {
        r.low = study_file_entry(f, i + 1)->real;
        r.high = study_file_entry(f, i + 2)->real;
        good = r.low < r.high;
    }
    if (!good) {
        study_file_report(f, i, NULL, SAMPLE_HINT, problems,
                          "expected two numbers, low before high, or \"prior\"");
        return;
    }
    char key[TOML_READER_PATH_MAX];
    study_file_key(f, table, i, key);
    if (study_vary_has(v, key))
        study_file_report(f, i, NULL, "a key varies, or it is drawn", problems,
                          "expected each key once, found %s twice", key);
    r.key = scenario_store_copy(key);
    v->range = scenario_schema_resize(v->range, (v->n_ranges + 1) * sizeof *v->range);
    v->range[v->n_ranges++] = r;
}

static void read_ranges(struct study_vary *v, const struct study_file *f, size_t table,
                        struct scenario_problems *problems) {
    size_t end = study_file_entry(f, table)->next;
    for (size_t i = table + 1; i < end;) {
        const struct toml_reader_entry *e = study_file_entry(f, i);
        if (e->type != TOML_READER_TABLE)
            add_range(v, f, table, i, problems);
        i = e->type == TOML_READER_TABLE ? i + 1 : e->next;
    }
}

static void read_samples(struct study_vary *v, const struct study_file *f, size_t study,
                         struct scenario_problems *problems) {
    static const char hint[] = "give samples = 16 and what is drawn: sample.KEY or sample_priors";
    size_t samples = study_file_member(f, study, "samples");
    size_t table = study_file_member(f, study, "sample");
    size_t priors = study_file_member(f, study, "sample_priors");
    if (table && study_file_is(f, table, TOML_READER_TABLE, SAMPLE_HINT, problems))
        read_ranges(v, f, table, problems);
    if (priors && study_file_is(f, priors, TOML_READER_FLAG, hint, problems))
        v->priors = study_file_entry(f, priors)->flag;
    if (samples && study_file_is(f, samples, TOML_READER_INT, hint, problems)) {
        v->samples = study_file_entry(f, samples)->integer;
        if (v->samples < 2 || v->samples > STUDY_VARY_SAMPLES_MAX) {
            study_file_report(f, samples, NULL, hint, problems,
                              "expected an integer from 2 to %d, found %lld",
                              STUDY_VARY_SAMPLES_MAX, (long long)v->samples);
            v->samples = 0;
        }
    }
    bool drawn = v->n_ranges > 0 || v->priors;
    if (samples && !drawn)
        study_file_report(f, samples, NULL, hint, problems,
                          "expected keys to draw values for, found none");
    if (!samples && drawn)
        study_file_report(f, table ? table : priors, NULL, hint, problems,
                          "expected the number of samples beside it, found none");
}

void study_vary_read(struct study_vary *v, const struct study_file *f, size_t table, bool is_study,
                     struct scenario_problems *problems) {
    size_t vary = study_file_member(f, table, "vary");
    if (vary && study_file_is(f, vary, TOML_READER_TABLE, VALUES_HINT, problems))
        read_axes(v, f, vary, problems);
    if (is_study)
        read_samples(v, f, table, problems);
}

void study_vary_free(struct study_vary *v) {
    for (size_t k = 0; k < v->n_axes; k++)
        free(v->axis[k].key);
    for (size_t k = 0; k < v->n_ranges; k++)
        free(v->range[k].key);
    free(v->range);
    *v = (struct study_vary){0};
}

/* ---- grids ---- */

size_t study_vary_count(const struct study_vary *v) {
    size_t n = 1;
    for (size_t k = 0; k < v->n_axes && n <= 1000000; k++)
        n *= v->axis[k].n;
    return n;
}

/* The entry of the value that combination k has on each axis; the last axis runs fastest. */
static void choose(const struct study_vary *v, const struct study_file *f, size_t k,
                   size_t entry[STUDY_VARY_AXES], size_t place[STUDY_VARY_AXES]) {
    for (size_t a = v->n_axes; a-- > 0;) {
        place[a] = k % v->axis[a].n;
        k /= v->axis[a].n;
        entry[a] = v->axis[a].list + 1;
        for (size_t i = 0; i < place[a]; i++)
            entry[a] = study_file_entry(f, entry[a])->next;
    }
}

/* A value in letters that may stand in a name; lists by their place. */
static void write_value(const struct toml_reader_entry *e, size_t place, char text[40]) {
    switch (e->type) {
    case TOML_READER_INT:
        snprintf(text, 40, "%lld", (long long)e->integer);
        break;
    case TOML_READER_REAL:
        snprintf(text, 40, "%.9g", e->real);
        break;
    case TOML_READER_FLAG:
        snprintf(text, 40, "%s", e->flag ? "true" : "false");
        break;
    case TOML_READER_TEXT:
        snprintf(text, 40, "%s", e->text);
        break;
    default:
        snprintf(text, 40, "%zu", place + 1);
    }
    for (char *c = text; *c; c++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+.", *c))
            *c = '-';
}

bool study_vary_name(const struct study_vary *v, const struct study_file *f, size_t k,
                     char name[STUDY_VARY_NAME]) {
    size_t entry[STUDY_VARY_AXES], place[STUDY_VARY_AXES];
    choose(v, f, k, entry, place);
    for (size_t a = 0; a < v->n_axes; a++) {
        const char *dot = strrchr(v->axis[a].key, '.');
        char value[40];
        size_t used = strlen(name), room = STUDY_VARY_NAME - used;
        write_value(study_file_entry(f, entry[a]), place[a], value);
        int n = snprintf(name + used, room, ",%s=%s", dot ? dot + 1 : v->axis[a].key, value);
        if (n < 0 || (size_t)n >= room)
            return false;
    }
    return true;
}

void study_vary_assign(const struct study_vary *v, const struct study_file *f, size_t k,
                       struct scenario *s, struct scenario_problems *problems) {
    size_t entry[STUDY_VARY_AXES], place[STUDY_VARY_AXES];
    choose(v, f, k, entry, place);
    for (size_t a = 0; a < v->n_axes; a++)
        study_file_assign(f, s, v->axis[a].key, entry[a], problems);
}

/* ---- samples ---- */

/* One draw under way. */
struct drawing {
    const struct study_vary *v;
    const struct study_file *f;
    uint64_t seed;
    int64_t sample;
    struct study_vary_draws *draws;
    struct scenario_problems *problems;
};

/* In (0, 1): the stratum of this sample in a random order of all, and a place in it. */
static double draw_place(const struct drawing *d, const char *key) {
    struct philox g = {d->seed, (uint32_t)XXH3_64bits(key, strlen(key))};
    int64_t n = d->v->samples, at = d->sample;
    /* where a Fisher-Yates shuffle takes what began at `at` */
    for (int64_t k = n - 1; k > 0; k--) {
        int64_t other =
            philox_below(philox_draw(g, STREAM_STUDY, 0, (uint64_t)k).v[0], (uint32_t)(k + 1));
        at = at == k ? other : at == other ? k : at;
    }
    struct philox_block r = philox_draw(g, STREAM_STUDY, 1, (uint64_t)d->sample);
    return ((double)at + philox_open(r.v[0], r.v[1])) / (double)n;
}

static double *number_at(struct scenario_value *v, size_t item) {
    return v->leaf->type == SCENARIO_REAL_LIST ? &v->items[item] : &v->real;
}

static void draw_number(const struct drawing *d, struct scenario_value *v, size_t item, double low,
                        double high, const char *key) {
    if (v->place && strcmp(v->place, "--set") == 0)
        return; /* the command line wins */
    double value = low + (high - low) * draw_place(d, key);
    *number_at(v, item) = value;
    free(v->place);
    v->place = scenario_store_copy("study.sample");
    study_vary_draws_add(d->draws, key, value);
}

static size_t items(const struct scenario_value *v) {
    bool real = v->leaf->type == SCENARIO_REAL, list = v->leaf->type == SCENARIO_REAL_LIST;
    return !v->set ? 0 : real ? 1 : list ? v->count : 0;
}

/* All items of a value from its prior interval; those outside of it were chosen by the scenario and stay.  Number of intervals that there are. */
static size_t draw_prior(const struct drawing *d, struct scenario_value *v) {
    size_t known = 0;
    for (size_t i = 0; i < items(v); i++) {
        char key[TOML_READER_PATH_MAX + 24];
        double low, high, now = *number_at(v, i);
        bool list = v->leaf->type == SCENARIO_REAL_LIST;
        if (!scenario_schema_prior(v->leaf, i, &low, &high))
            continue;
        known++;
        snprintf(key, sizeof key, list ? "%s[%zu]" : "%s", v->path, i);
        if (low < high && low <= now && now <= high && !study_vary_drawn(d->draws, key))
            draw_number(d, v, i, low, high, key);
    }
    return known;
}

/* KEY or KEY[i]: the value and its item; NULL when this scenario has it not. */
static struct scenario_value *find_item(struct scenario *s, const char *key, size_t *item) {
    char name[TOML_READER_PATH_MAX];
    struct scenario_value *v = scenario_store_find(s, key);
    const char *bracket = strrchr(key, '[');
    *item = 0;
    if (v || !bracket)
        return v;
    char *end = NULL;
    snprintf(name, sizeof name, "%.*s", (int)(bracket - key), key);
    *item = (size_t)strtoul(bracket + 1, &end, 10);
    bool good = bracket[1] >= '0' && bracket[1] <= '9' && strcmp(end, "]") == 0;
    return good ? scenario_store_find(s, name) : NULL;
}

static bool is_known(const struct scenario *s, const char *key) {
    char name[TOML_READER_PATH_MAX];
    size_t n = strlen(key);
    snprintf(name, sizeof name, "%s", key);
    if (scenario_schema_find(s->schema, name))
        return true;
    if (n > 0 && key[n - 1] == ']' && strrchr(name, '['))
        *strrchr(name, '[') = '\0';
    return scenario_schema_find(s->schema, name) != NULL;
}

static void draw_range(const struct drawing *d, const struct study_vary_range *r,
                       struct scenario *s) {
    size_t item;
    struct scenario_value *v = find_item(s, r->key, &item);
    char nearest[TOML_READER_PATH_MAX], hint[2 * TOML_READER_PATH_MAX] = "see `kmc defaults`";
    if (!v && is_known(s, r->key))
        return; /* an element or dopant of other scenarios */
    if (!v) {
        if (scenario_schema_suggest(s->schema, r->key, nearest, sizeof nearest))
            snprintf(hint, sizeof hint, "did you mean `%s`?", nearest);
        study_file_report(d->f, r->entry, NULL, hint, d->problems,
                          "expected a known key, found an unknown one");
    } else if (item >= items(v) ||
               (!r->prior && !strchr(r->key, '[') && v->leaf->type == SCENARIO_REAL_LIST)) {
        study_file_report(d->f, r->entry, NULL, "of a list: sample.\"KEY[0]\" = [low, high]",
                          d->problems, "expected a key that takes a number, found another");
    } else if (r->prior) {
        if (draw_prior(d, v) == 0)
            study_file_report(d->f, r->entry, NULL, "give [low, high]", d->problems,
                              "expected a key with a prior interval, found none at it");
    } else if (v->leaf->has_min && (r->low < v->leaf->min || r->high > v->leaf->max)) {
        study_file_report(d->f, r->entry, NULL, NULL, d->problems,
                          "expected bounds from %.9g to %.9g, found %.9g and %.9g", v->leaf->min,
                          v->leaf->max, r->low, r->high);
    } else {
        draw_number(d, v, item, r->low, r->high, r->key);
    }
}

/* Barriers of Li+ on the clock, model.li_hop_eV or elements.Nb.li_pass_extra_eV. */
static bool is_of_lithium_hops(const char *path) {
    static const char *const start[] = {".li_hop", ".li_pass", ".li_gap"};
    const char *member = strrchr(path, '.');
    for (size_t i = 0; i < sizeof start / sizeof *start; i++)
        if (strncmp(member, start[i], strlen(start[i])) == 0)
            return true;
    return false;
}

/* Energies and barriers that the scenario uses: what it is made of and how it is cycled is its own choice. */
static bool is_parameter(const struct scenario *s, const char *path) {
    char symbol[8];
    bool element = sscanf(path, "elements.%7[A-Za-z0-9]", symbol) == 1;
    if (!element && strncmp(path, "model.", 6) != 0)
        return false;
    if (is_of_lithium_hops(path) && !scenario_store_find(s, "kinetics.lithium_transport")->flag)
        return false;
    if (element)
        return scenario_names_element(s, symbol);
    if (strncmp(path, "model.mn_beyond", 15) == 0)
        return scenario_store_find(s, "kinetics.manganese_beyond_4")->flag;
    return true;
}

void study_vary_draw_sample(const struct study_vary *v, const struct study_file *f, uint64_t seed,
                            int64_t sample, struct scenario *s, struct study_vary_draws *draws,
                            struct scenario_problems *problems) {
    struct drawing d = {v, f, seed, sample, draws, problems};
    scenario_add_elements(s);
    for (size_t k = 0; k < v->n_ranges; k++)
        draw_range(&d, &v->range[k], s);
    for (size_t k = 0; v->priors && k < s->count; k++)
        if (is_parameter(s, s->values[k].path))
            draw_prior(&d, &s->values[k]);
}

const double *study_vary_drawn(const struct study_vary_draws *draws, const char *key) {
    for (size_t k = 0; k < draws->n; k++)
        if (strcmp(draws->draw[k].key, key) == 0)
            return &draws->draw[k].value;
    return NULL;
}

void study_vary_draws_add(struct study_vary_draws *draws, const char *key, double value) {
    draws->draw = scenario_schema_resize(draws->draw, (draws->n + 1) * sizeof *draws->draw);
    draws->draw[draws->n++] = (struct study_vary_draw){scenario_store_copy(key), value};
}

void study_vary_draws_free(struct study_vary_draws *draws) {
    for (size_t k = 0; k < draws->n; k++)
        free(draws->draw[k].key);
    free(draws->draw);
    *draws = (struct study_vary_draws){0};
}
