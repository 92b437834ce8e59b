#include "comparison_runs.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "output.h"
#include "study_directory.h"

/* ---- samples of one scenario as one run ---- */

/* Sums of one column over the replicas of a cycle; NaN where any is. */
static void add_row(double *sum, const struct statistics_table *t, size_t row) {
    for (size_t k = 0; k < t->n_columns; k++)
        sum[k] += t->value[row * t->n_columns + k];
}

/* The mean over the replicas in one cycle, as a row of the sample. */
static bool append_mean(struct statistics_table *to, const struct statistics_cycles *c,
                        int64_t cycle, int64_t sample, double *row) {
    const struct statistics_table *t = c->table;
    int number = statistics_table_column(t, "replica");
    for (size_t k = 0; k < t->n_columns; k++)
        row[k] = 0;
    for (size_t r = 0; r < c->n_replicas; r++)
        add_row(row, t, c->order[c->start[r] + (size_t)cycle - 1]);
    for (size_t k = 0; k < t->n_columns; k++)
        row[k] /= (double)c->n_replicas;
    row[number] = (double)sample;
    return statistics_table_append(to, row);
}

static bool append_sample(struct statistics_table *to, const struct runfiles_run *run,
                          int64_t sample) {
    double *row = malloc(run->table.n_columns * sizeof *row);
    bool good = row != NULL;
    for (int64_t cycle = 1; good && cycle <= run->cycles.last_cycle; cycle++)
        good = append_mean(to, &run->cycles, cycle, sample, row);
    free(row);
    return good;
}

/* Takes one more sample into the pooled run; the first one gives protocol and columns. */
static int pool(struct runfiles_run *to, const struct runfiles_run *run, int64_t sample,
                FILE *errors) {
    if (to->samples == 0) {
        *to = *run;
        to->cycles = (struct statistics_cycles){0};
        to->finished = true;
        *to->parameter_hash = '\0';
        if (!statistics_table_create(&to->table, (const char *const *)run->table.name,
                                     run->table.n_columns))
            return RUNFILES_MEMORY;
    }
    to->samples++;
    to->finished = to->finished && run->finished;
    if (run->table.n_columns != to->table.n_columns) {
        fprintf(errors,
                "%s/cycles.csv: error: expected %zu columns as in the other samples, found %zu\n",
                run->directory, to->table.n_columns, run->table.n_columns);
        return RUNFILES_CORRUPT;
    }
    return append_sample(&to->table, run, sample) ? 0 : RUNFILES_MEMORY;
}

static int index_pooled(struct runfiles_run *to, FILE *errors) {
    size_t bad_row;
    const char *problem = statistics_cycles_init(&to->cycles, &to->table, &bad_row);
    if (!problem)
        return 0;
    fprintf(errors, "%s: error: samples: %s\n", to->directory, problem);
    statistics_table_free(&to->table);
    return RUNFILES_CORRUPT;
}

static int add_family(struct comparison_runs *r, const struct study_runs *s, const char *family,
                      const char *directory, FILE *errors) {
    struct runfiles_run *to = &r->run[r->n];
    int64_t seed = 0;
    int status = 0;
    *to = (struct runfiles_run){0};
    for (size_t k = 0; status == 0 && k < s->n; k++) {
        struct runfiles_run one;
        if (strcmp(s->run[k].family, family) != 0)
            continue;
        status = runfiles_open(&one, s->run[k].directory, errors);
        if (status)
            break;
        seed = one.seed - s->run[k].sample;
        status = pool(to, &one, s->run[k].sample, errors);
        runfiles_free(&one);
    }
    if (status) {
        statistics_table_free(&to->table);
        return status;
    }
    to->seed = seed;
    to->study = (int)r->n_studies;
    snprintf(to->scenario, sizeof to->scenario, "%s", family);
    snprintf(to->directory, sizeof to->directory, "%.900s/%s", directory, family);
    status = index_pooled(to, errors);
    r->n += status == 0;
    return status;
}

/* ---- studies ---- */

static bool is_first(const struct study_runs *s, size_t k) {
    for (size_t j = 0; j < k; j++)
        if (strcmp(s->run[j].family, s->run[k].family) == 0)
            return false;
    return true;
}

static int add_all(struct comparison_runs *r, const struct study_runs *s, const char *directory,
                   FILE *errors) {
    int status = 0;
    for (size_t k = 0; status == 0 && k < s->n; k++) {
        if (s->run[k].sample < 0) {
            status = runfiles_open(&r->run[r->n], s->run[k].directory, errors);
            r->n += status == 0;
        } else if (is_first(s, k)) {
            status = add_family(r, s, s->run[k].family, directory, errors);
        }
    }
    return status;
}

static bool has_samples(const struct study_runs *s) {
    for (size_t k = 0; k < s->n; k++)
        if (s->run[k].sample >= 0)
            return true;
    return false;
}

/* A study that has not come far enough, or a shard. */
static int check_begun(const struct study_runs *s, const char *directory, FILE *errors) {
    for (size_t k = 0; k < s->n; k++) {
        if (output_exists(s->run[k].directory, "cycles.csv"))
            continue;
        fprintf(errors,
                "%s: error: expected a study whose runs have results, found none yet of %s\n"
                "    hint: kmc resume %s goes on with it; shards: kmc merge first\n",
                directory, s->run[k].directory, directory);
        return RUNFILES_USAGE;
    }
    return 0;
}

static int add_study(struct comparison_runs *r, const char *directory, FILE *errors) {
    struct study_runs s;
    int status = study_runs_open(&s, directory, errors);
    if (status == 0)
        status = check_begun(&s, directory, errors);
    if (status == 0)
        status = add_all(r, &s, directory, errors);
    if (status || !has_samples(&s)) {
        study_runs_free(&s);
        return status;
    }
    r->study = scenario_schema_resize(r->study, (r->n_studies + 1) * sizeof *r->study);
    r->study[r->n_studies++] = s;
    return 0;
}

int comparison_runs_add(struct comparison_runs *r, const char *directory, FILE *errors) {
    if (study_directory_is_study(directory))
        return add_study(r, directory, errors);
    int status = runfiles_open(&r->run[r->n], directory, errors);
    r->n += status == 0;
    return status;
}

/* `cycles` of a run points to its table. */
static void move_up(struct comparison_runs *r) {
    for (size_t k = r->n; k > 0; k--) {
        r->run[k] = r->run[k - 1];
        r->run[k].cycles.table = &r->run[k].table;
    }
}

int comparison_runs_add_first(struct comparison_runs *r, const char *directory, FILE *errors) {
    struct runfiles_run first;
    int status = runfiles_open(&first, directory, errors);
    if (status)
        return status;
    move_up(r);
    r->run[0] = first;
    r->run[0].cycles.table = &r->run[0].table;
    r->n++;
    return 0;
}

int comparison_runs_reserve(struct comparison_runs *r, char *const *directory, size_t n,
                            FILE *errors) {
    r->capacity = 1; /* for a reference that is not among them */
    for (size_t k = 0; k < n; k++) {
        struct study_runs s = {0};
        bool study = study_directory_is_study(directory[k]);
        int status = study ? study_runs_open(&s, directory[k], errors) : 0;
        r->capacity += study ? s.n : 1;
        study_runs_free(&s);
        if (status)
            return status;
    }
    r->run = calloc(r->capacity, sizeof *r->run);
    return r->run ? 0 : RUNFILES_MEMORY;
}

void comparison_runs_free(struct comparison_runs *r) {
    for (size_t k = 0; k < r->n; k++)
        runfiles_free(&r->run[k]);
    for (size_t k = 0; k < r->n_studies; k++)
        study_runs_free(&r->study[k]);
    free(r->run);
    free(r->study);
    *r = (struct comparison_runs){0};
}
