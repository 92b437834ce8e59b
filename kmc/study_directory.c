#include "study_directory.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "options.h"
#include "run_directory.h"
#include "scenario_layer.h"

/* What a directory is to a study. */
enum place {
    PLACE_NEW,    /* not there, or nothing in it that matters */
    PLACE_CUT,    /* a study that was killed before all its runs were there */
    PLACE_BEGUN,  /* a study under way */
    PLACE_DONE,   /* a finished one */
    PLACE_FOREIGN /* anything else */
};

int study_directory_init(struct study_directory *d, const char *path) {
    memset(d, 0, sizeof *d);
    d->lock.file = -1;
    size_t n = strlen(path), room = sizeof d->path;
    while (n > 1 && path[n - 1] == '/')
        n--;
    if (n > 0 && n < room) {
        memcpy(d->path, path, n);
        snprintf(d->resolved, sizeof d->resolved, "%s/resolved.toml", d->path);
        return 0;
    }
    fprintf(stderr,
            "command line: error: DIR: expected a path of 1 to %zu characters, found %zu\n    "
            "hint: change to a directory above it\n",
            room - 1, n);
    return EXIT_USAGE;
}

void study_directory_free(struct study_directory *d) {
    lock_release(&d->lock);
}

bool study_directory_is_study(const char *path) {
    return output_exists(path, "study.json");
}

void study_directory_run(const struct study_directory *d, const struct study_plan_scenario *s,
                         char path[1024]) {
    snprintf(path, 1024, "%s/%s", d->path, s->name);
}

bool study_directory_is_done(const struct study_directory *d, const struct study_plan_scenario *s) {
    char path[1024];
    study_directory_run(d, s, path);
    return output_exists(path, "DONE") || (d->parent && study_directory_is_done(d->parent, s));
}

/* ---- what is there ---- */

/* Nothing, or what a kill at the very start leaves. */
static bool is_empty(const char *path) {
    static const char *const allowed[] = {".", "..", "lock", "study.json.tmp"};
    DIR *d = opendir(path);
    bool empty = d != NULL;
    for (struct dirent *e; d && (e = readdir(d));) {
        bool known = false;
        for (int k = 0; k < 4; k++)
            known = known || strcmp(e->d_name, allowed[k]) == 0;
        empty = empty && known;
    }
    if (d)
        closedir(d);
    return empty;
}

static enum place look(const struct study_directory *d) {
    struct stat status;
    if (stat(d->path, &status) != 0)
        return PLACE_NEW;
    if (!study_directory_is_study(d->path))
        return is_empty(d->path) ? PLACE_NEW : PLACE_FOREIGN;
    if (!output_exists(d->path, "resolved.toml"))
        return PLACE_CUT;
    return output_exists(d->path, "DONE") ? PLACE_DONE : PLACE_BEGUN;
}

static int refuse(const struct study_directory *d, const char *expected, const char *found,
                  const char *hint) {
    fprintf(stderr, "%s: error: expected %s, found %s\n    hint: %s\n", d->path, expected, found,
            hint);
    return EXIT_USAGE;
}

static int refuse_place(const struct study_directory *d, enum place place) {
    if (place == PLACE_FOREIGN)
        return refuse(d, "a new directory or an unfinished study", "something else",
                      "choose another with -o DIR, or move this one away; nothing is overwritten");
    if (place == PLACE_DONE)
        return refuse(d, "a new directory or an unfinished study", "a finished one",
                      "its results are complete: kmc compare shows them (a shard: kmc merge); "
                      "another study needs another -o DIR");
    return 0;
}

/* ---- files ---- */

static void write_source(FILE *out, const void *context) {
    fputs(((const struct study_plan *)context)->file.text, out);
}

static void write_json(FILE *out, const void *context) {
    const struct study_plan *p = context;
    fputs("{\n", out);
    output_json_program(out);
    output_json_text(out, "study", p->name);
    output_json_text(out, "description", p->description);
    fprintf(out, "  \"seed\": %lld,\n  \"scenarios\": [", (long long)p->seed);
    for (size_t k = 0; k < p->n; k++) {
        const struct study_plan_scenario *s = &p->scenario[k];
        fprintf(out, "%s\n    {\"name\": \"%s\", \"directory\": \"%s\", ", k ? "," : "", s->name,
                s->name); /* safe letters only */
        if (s->sample >= 0)
            fprintf(out, "\"family\": \"%s\", \"sample\": %lld, ", s->family, (long long)s->sample);
        fprintf(out, "\"parameter_hash\": \"%s\", \"scenario_hash\": \"%s\", ", s->parameter_hash,
                s->scenario_hash);
        fprintf(out,
                "\"replicas\": %lld, \"cycles\": %lld, \"composition\": ", (long long)s->replicas,
                (long long)s->cycles);
        output_json_string(out, s->composition);
        fputc('}', out);
    }
    fputs("\n  ]\n}\n", out);
}

static void write_scenario(FILE *out, const struct study_plan_scenario *s) {
    fprintf(out, "\n[[scenario]]\nname = \"%s\"\nbase = \"%s/resolved.toml\"\n", s->name, s->name);
    if (s->sample < 0)
        return;
    fprintf(out, "family = \"%s\"\nsample = %lld\n\n[scenario.values]\n", s->family,
            (long long)s->sample);
    for (size_t k = 0; k < s->draws.n; k++)
        fprintf(out, "\"%s\" = %.17e\n", s->draws.draw[k].key, s->draws.draw[k].value);
}

static void write_resolved(FILE *out, const void *context) {
    const struct study_plan *p = context;
    fputs("# The study as it runs; every key of a scenario is in its resolved.toml.\n[study]\n",
          out);
    fprintf(out, "name = \"%s\"\ndescription = ", p->name);
    output_json_string(out, p->description); /* JSON strings are TOML strings */
    fprintf(out, "\nseed = %lld\n", (long long)p->seed);
    if (p->shards > 1)
        fprintf(out, "shard = \"%lld/%lld\"\n", (long long)p->shard, (long long)p->shards);
    if (p->target_mV > 0)
        fprintf(out, "target_standard_error_mV = %.17g\nreplicas = %lld\nreplicas_max = %lld\n",
                p->target_mV, (long long)p->first, (long long)p->replicas_max);
    for (size_t k = 0; k < p->n; k++)
        write_scenario(out, &p->scenario[k]);
}

static int replace(const struct study_directory *d, const char *name,
                   void (*body)(FILE *out, const void *context), const void *context) {
    struct output_info info = {0};
    snprintf(info.directory, sizeof info.directory, "%s", d->path);
    return output_replace(&info, name, body, context, stderr);
}

static void write_nothing(FILE *out, const void *context) {
    (void)out;
    (void)context;
}

int study_directory_finish(const struct study_directory *d) {
    return replace(d, "DONE", write_nothing, NULL);
}

/* ---- the runs ---- */

static bool is_made(const char *run) {
    return output_exists(run, "checkpoint") || output_exists(run, "checkpoint.old") ||
           output_exists(run, "DONE");
}

static int make_run(const struct study_directory *d, const struct study_plan *p, size_t k) {
    struct run run;
    run_clear(&run);
    study_directory_run(d, &p->scenario[k], run.info.directory);
    if (is_made(run.info.directory))
        return 0;
    struct scenario *s = study_plan_load(p, k, stderr);
    int status = s ? run_create(&run, s) : EXIT_USAGE;
    if (status == 0) {
        run.info.complete = true;
        snprintf(run.info.name, sizeof run.info.name, "%s", p->scenario[k].name);
        output_time(run.info.started);
        status = run_directory_create(&run);
    }
    run_free(&run);
    scenario_free(s);
    return status;
}

static int make_all(const struct study_directory *d, const struct study_plan *p) {
    int status = replace(d, "study.json", write_json, p);
    if (status == 0)
        status = replace(d, "study.toml", write_source, p);
    for (size_t k = 0; status == 0 && k < p->n; k++)
        status = make_run(d, p, k);
    return status ? status : replace(d, "resolved.toml", write_resolved, p);
}

/* ---- is it the same study? ---- */

static int compare_shards(const struct study_directory *d, const struct study_plan *begun,
                          const struct study_plan *now) {
    if (begun->shard == now->shard && begun->shards == now->shards)
        return 0;
    fprintf(stderr,
            "%s: error: expected shard %lld/%lld of the study, found %lld/%lld\n    hint: each "
            "shard has a directory of its own: another -o DIR\n",
            d->path, (long long)begun->shard, (long long)begun->shards, (long long)now->shard,
            (long long)now->shards);
    return EXIT_USAGE;
}

static int compare_begun(const struct study_directory *d, const struct study_plan *p) {
    struct study_plan begun;
    int status = study_plan_open(&begun, d->resolved, NULL, 0, stderr);
    if (status == 0)
        status = study_plan_compare(&begun, p, stderr);
    if (status == 0)
        status = compare_shards(d, &begun, p);
    study_plan_free(&begun);
    return status;
}

static int compare_text(const struct study_directory *d, const struct study_plan *p) {
    char path[1100];
    size_t size;
    struct scenario_problems problems = {.out = stderr};
    if (!output_exists(d->path, "study.toml"))
        return 0;
    snprintf(path, sizeof path, "%s/study.toml", d->path);
    char *text = scenario_layer_read(path, path, "study", &size, &problems);
    bool same = text && strcmp(text, p->file.text) == 0;
    free(text);
    return same ? 0
                : refuse(d, "the study that was begun here", "another study.toml in it",
                         "give the file as it was, or another -o DIR");
}

int study_directory_begin(struct study_directory *d, const struct study_plan *p, bool *resumed) {
    int status = refuse_place(d, look(d));
    if (status == 0)
        status = output_directory(d->path, true, stderr);
    if (status == 0)
        status = lock_take(&d->lock, d->path, stderr);
    if (status)
        return status;
    enum place place = look(d); /* another process may have been at it until now */
    status = refuse_place(d, place);
    if (status == 0 && place == PLACE_BEGUN)
        status = compare_begun(d, p);
    if (status == 0 && place == PLACE_CUT)
        status = compare_text(d, p);
    if (status)
        return status;
    *resumed = place == PLACE_BEGUN;
    lock_sign(&d->lock, stderr);
    return *resumed ? 0 : make_all(d, p);
}

int study_directory_resume(struct study_directory *d, struct study_plan *p, const char *const *set,
                           size_t n_set) {
    enum place place = look(d);
    *p = (struct study_plan){0};
    if (place == PLACE_DONE)
        return refuse_place(d, place);
    if (place != PLACE_BEGUN)
        return refuse(d, "a study with all its runs", "one that was killed before they were there",
                      "it holds no results yet: kmc study STUDY.toml -o DIR begins again");
    int status = lock_take(&d->lock, d->path, stderr);
    if (status)
        return status;
    status = study_plan_open(p, d->resolved, set, n_set, stderr);
    if (status == 0)
        status = study_plan_check(p, stderr);
    if (status == 0)
        lock_sign(&d->lock, stderr);
    return status;
}
