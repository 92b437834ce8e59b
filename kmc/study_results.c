#include "study_results.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "output.h"
#include "runfiles.h"

/* The table while it is written, and what went wrong first. */
struct table {
    const struct study_directory *directory;
    const struct study_plan *plan;
    const char **key; /* [n_keys] parameters that were drawn */
    size_t n_keys;
    int status;
};

/* ---- parameters ---- */

static bool is_listed(const struct table *t, const char *key) {
    for (size_t k = 0; k < t->n_keys; k++)
        if (strcmp(t->key[k], key) == 0)
            return true;
    return false;
}

/* In the order in which they come; samples of one scenario have the same. */
static void list_keys(struct table *t) {
    for (size_t k = 0; k < t->plan->n; k++) {
        const struct study_vary_draws *d = &t->plan->scenario[k].draws;
        bool first =
            k == 0 || strcmp(t->plan->scenario[k - 1].family, t->plan->scenario[k].family) != 0;
        for (size_t i = 0; first && i < d->n; i++) {
            if (is_listed(t, d->draw[i].key))
                continue;
            t->key = scenario_schema_resize(t->key, (t->n_keys + 1) * sizeof *t->key);
            t->key[t->n_keys++] = d->draw[i].key;
        }
    }
}

static void write_draw(FILE *out, const struct study_vary_draws *d, const char *key) {
    const double *value = study_vary_drawn(d, key);
    fputc(',', out);
    if (value)
        fprintf(out, "%.17g", *value);
}

/* ---- rows ---- */

static void write_head(const struct table *t, FILE *out) {
    fputs("scenario,family,sample,seed,replica,cycles", out);
    for (size_t k = 0; statistics_metric_name(k); k++)
        fprintf(out, ",%s", statistics_metric_name(k));
    for (size_t k = 0; k < t->n_keys; k++)
        fprintf(out, ",%s", t->key[k]);
    fputc('\n', out);
}

static void write_row(const struct table *t, const struct study_plan_scenario *s,
                      const struct runfiles_run *run, size_t replica, FILE *out) {
    struct statistics_span span = {s->fade_first_cycle, s->cycles};
    fprintf(out, "\"%s\",\"%s\",", s->name, s->family); /* commas, but no quotes */
    if (s->sample >= 0)
        fprintf(out, "%" PRId64, s->sample);
    fprintf(out, ",%" PRId64 ",%" PRId64 ",%" PRId64, run->seed, run->cycles.replica[replica],
            run->cycles.last_cycle);
    for (size_t k = 0; statistics_metric_name(k); k++)
        statistics_write_number(
            statistics_metric(&run->cycles, statistics_metric_name(k), replica, span), out);
    for (size_t k = 0; k < t->n_keys; k++)
        write_draw(out, &s->draws, t->key[k]);
    fputc('\n', out);
}

static void write_table(FILE *out, const void *context) {
    struct table *t = (struct table *)context; /* keeps the status */
    write_head(t, out);
    for (size_t k = 0; t->status == 0 && k < t->plan->n; k++) {
        char path[1024];
        struct runfiles_run run;
        study_directory_run(t->directory, &t->plan->scenario[k], path);
        t->status = runfiles_open(&run, path, stderr);
        if (t->status)
            return;
        for (size_t r = 0; r < run.cycles.n_replicas; r++)
            write_row(t, &t->plan->scenario[k], &run, r, out);
        runfiles_free(&run);
    }
}

int study_results_write(const struct study_directory *d, const struct study_plan *p) {
    struct table t = {.directory = d, .plan = p};
    struct output_info info = {0};
    list_keys(&t);
    snprintf(info.directory, sizeof info.directory, "%s", d->path);
    int status = output_replace(&info, "results.csv", write_table, &t, stderr);
    free(t.key);
    return status ? status : t.status;
}
