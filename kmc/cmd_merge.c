#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include "commands.h"
#include "output.h"
#include "study.h"
#include "study_merge.h"

static const char help[] =
    "kmc merge DIR ... -o DIR - shards of a study into one directory\n"
    "DIR ... are directories of `kmc study STUDY.toml --shard I/N`, complete or not.  The merged "
    "directory is the one that\n"
    "`kmc study STUDY.toml` would have made, and the table of `kmc compare` is printed.  Where "
    "replicas are missing it can\n"
    "go on: kmc resume DIR, or merge again with more shards.\n\n"
    "  -o, --output DIR        merged directory: new, or an unfinished one of the same study\n"
    "      --json              the comparison as JSON on stdout\n"
    "  -q, --quiet             no notes\n"
    "  -h, --help              this text\n";

struct request {
    struct options options; /* what study_go takes */
    char **directory;       /* [n] */
    size_t n;
    bool help;
};

static int usage_error(const char *expected, const char *found) {
    fprintf(stderr,
            "command line: error: expected %s, found %s\n    hint: kmc merge shard-1 shard-2 -o "
            "merged, or `kmc merge --help`\n",
            expected, found);
    return EXIT_USAGE;
}

static int parse(struct request *q, int argc, char **argv) {
    static const struct option flags[] = {{"output", required_argument, NULL, 'o'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"quiet", no_argument, NULL, 'q'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    *q = (struct request){0};
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "o:qh", flags, NULL)) != -1;) {
        if (c == 'o')
            q->options.output = optarg;
        else if (c == 'j')
            q->options.json = true;
        else if (c == 'q')
            q->options.quiet = true;
        else if (c == 'h')
            q->help = true;
        else
            return EXIT_USAGE; /* getopt has printed the reason */
    }
    q->directory = argv + optind;
    q->n = (size_t)(argc - optind);
    if (q->help)
        return 0;
    if (q->n == 0)
        return usage_error("directories of shards", "none");
    return q->options.output ? 0 : usage_error("-o DIR", "none");
}

/* ---- the sources ---- */

/* The plan of a shard without its share. */
static int open_source(struct study_plan *p, const char *directory) {
    struct study_directory d;
    *p = (struct study_plan){0};
    int status = study_directory_init(&d, directory);
    if (status)
        return status;
    if (!output_exists(d.path, "study.json") || !output_exists(d.path, "resolved.toml")) {
        fprintf(stderr,
                "%s: error: expected the directory of a shard, found something else\n    hint: "
                "give what `kmc study --shard I/N -o DIR` has made\n",
                d.path);
        return EXIT_USAGE;
    }
    status = study_plan_open(p, d.resolved, NULL, 0, stderr);
    if (status == 0 && p->shards == 1) {
        fprintf(stderr,
                "%s: error: expected a shard of a study, found a whole one\n    hint: kmc resume "
                "%s goes on with it\n",
                d.path, d.path);
        status = EXIT_USAGE;
    }
    p->shard = p->shards = 1;
    return status;
}

static int compare_sources(const struct request *q, const struct study_plan *first) {
    int status = 0;
    for (size_t k = 1; status == 0 && k < q->n; k++) {
        struct study_plan other;
        status = open_source(&other, q->directory[k]);
        if (status == 0)
            status = study_plan_compare(first, &other, stderr);
        study_plan_free(&other);
    }
    return status;
}

/* ---- merging ---- */

/* The study file as it was given stands in each shard. */
static int take_text(struct study_plan *p, const char *directory) {
    char path[1100];
    struct scenario_problems problems = {.out = stderr};
    struct study_file f;
    snprintf(path, sizeof path, "%.1000s/study.toml", directory);
    bool good = study_file_open(&f, path, &problems);
    if (good) {
        char *text = p->file.text;
        p->file.text = f.text;
        f.text = text;
    }
    study_file_free(&f);
    return good ? 0 : EXIT_USAGE;
}

static int finish(struct study_directory *d, const struct study_plan *p, const struct options *o,
                  const struct study_merge_count *count) {
    if (count->finished == count->all)
        return study_go(d, p, o);
    fprintf(stderr,
            "%s: %lld of %lld replicas are complete\n    to run the rest: kmc resume %s; or merge "
            "again with more shards\n",
            d->path, (long long)count->finished, (long long)count->all, d->path);
    return 0;
}

static int merge(const struct request *q, const struct study_plan *p) {
    struct study_directory d;
    struct study_merge_count count = {0};
    bool resumed;
    int status = study_directory_init(&d, q->options.output);
    if (status)
        return status;
    status = study_directory_begin(&d, p, &resumed);
    if (status == 0)
        status = study_merge(&d, p, q->directory, q->n, &count);
    if (status == 0)
        status = finish(&d, p, &q->options, &count);
    study_directory_free(&d);
    return status;
}

int cmd_merge(int argc, char **argv) {
    struct request q;
    struct study_plan plan;
    int status = parse(&q, argc, argv);
    if (status || q.help) {
        if (status == 0)
            fputs(help, stdout);
        return status;
    }
    status = open_source(&plan, q.directory[0]);
    if (status == 0)
        status = compare_sources(&q, &plan);
    if (status == 0)
        status = study_plan_check(&plan, stderr);
    if (status == 0)
        status = study_merge_check(&plan, q.directory, q.n);
    if (status == 0)
        status = take_text(&plan, q.directory[0]);
    if (status == 0)
        status = merge(&q, &plan);
    study_plan_free(&plan);
    return status;
}
