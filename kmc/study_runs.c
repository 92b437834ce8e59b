#include "study_runs.h"
#include <stdlib.h>
#include <string.h>
#include "study_list.h"

enum { EXIT_INPUT = 2 };

static void take(struct study_runs *r, const char *directory, const struct study_plan *p,
                 size_t k) {
    struct study_runs_one *one = &r->run[r->n++];
    const struct study_plan_scenario *s = &p->scenario[k];
    snprintf(one->directory, sizeof one->directory, "%.940s/%s", directory, s->name);
    snprintf(one->family, sizeof one->family, "%s", s->family);
    one->sample = s->sample;
    one->draws = s->draws;
    p->scenario[k].draws = (struct study_vary_draws){0}; /* they have a new owner */
}

int study_runs_open(struct study_runs *r, const char *directory, FILE *errors) {
    char path[1100];
    size_t n = strlen(directory);
    struct scenario_problems problems = {.out = errors};
    struct study_plan p = {.shard = 1, .shards = 1};
    *r = (struct study_runs){0};
    while (n > 1 && directory[n - 1] == '/')
        n--;
    snprintf(path, sizeof path, "%.*s/resolved.toml", (int)(n < 940 ? n : 940), directory);
    if (study_file_open(&p.file, path, &problems))
        study_list_read(&p, &problems);
    scenario_problem_finish(&problems);
    if (problems.count == 0) {
        path[n < 940 ? n : 940] = '\0';
        r->run = scenario_schema_resize(NULL, p.n * sizeof *r->run);
        for (size_t k = 0; k < p.n; k++)
            take(r, path, &p, k);
    }
    study_plan_free(&p);
    return problems.count ? EXIT_INPUT : 0;
}

void study_runs_free(struct study_runs *r) {
    for (size_t k = 0; k < r->n; k++)
        study_vary_draws_free(&r->run[k].draws);
    free(r->run);
    *r = (struct study_runs){0};
}
