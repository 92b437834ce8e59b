#define _XOPEN_SOURCE 700 /* POSIX 2008 with nftw */
#include "study_merge.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "checkpoint_writer.h"
#include "frames.h"
#include "options.h"
#include "output.h"

enum { PATH_BYTES = 1400 };

/* A scenario's run as it stands in one directory. */
struct source {
    char run[PATH_BYTES];
    struct checkpoint_file file; /* -1 when there is none */
};

/* The furthest section of a replica. */
struct furthest {
    size_t source;
    int64_t entry; /* -1 = none */
    int64_t slices;
};

/* ---- one run: reading ---- */

/* Its checkpoint, or the one before; false after printing when both are damaged. */
static bool open_source(struct source *s, const char *directory, const char *name) {
    char path[PATH_BYTES + 20], problem[CHECKPOINT_PROBLEM];
    s->file.file = -1;
    snprintf(s->run, sizeof s->run, "%.1000s/%s", directory, name);
    for (int k = 0; k < 2; k++) {
        snprintf(path, sizeof path, "%s/%s", s->run, k ? "checkpoint.old" : "checkpoint");
        if (checkpoint_open(&s->file, path, problem))
            return true;
        if (k == 0 && access(path, F_OK) == 0)
            fprintf(stderr, "note: %s: %s\n    the checkpoint before is taken\n", path, problem);
    }
    fprintf(stderr,
            "%s: error: expected a run with a checkpoint, found: %s\n    hint: run that part "
            "again; nothing was merged\n",
            s->run, problem);
    return false;
}

/* Does the section belong to the same run?  Prints why not. */
static bool is_same_run(const struct source *a, const struct source *b) {
    const struct checkpoint_header *x = &a->file.header, *y = &b->file.header;
    if (strcmp(x->parameter_hash, y->parameter_hash) == 0 &&
        strcmp(x->scenario_hash, y->scenario_hash) == 0 &&
        strcmp(x->algorithm, y->algorithm) == 0 && x->seed == y->seed &&
        x->replicas == y->replicas && x->sites == y->sites)
        return true;
    fprintf(stderr,
            "%s: error: expected a part of the run in %s (scenario %s, seed %lld, %s engines), "
            "found another (%s, %lld, %s)\n    hint: merge shards of one study, run with the same "
            "flags\n",
            b->file.path, a->file.path, x->scenario_hash, (long long)x->seed, x->algorithm,
            y->scenario_hash, (long long)y->seed, y->algorithm);
    return false;
}

static void look_at(struct furthest *best, const struct source *s, size_t number) {
    for (int64_t e = 0; e < s->file.n; e++) {
        struct protocol_position at;
        struct furthest *one = &best[s->file.entry[e].replica];
        if (checkpoint_place(&s->file, e, &at) && (one->entry < 0 || at.slices_done > one->slices))
            *one = (struct furthest){number, e, at.slices_done};
    }
}

/* ---- one run: writing ---- */

static int complain(const char *path, const char *what, int problem) {
    fprintf(stderr,
            "%s: error: expected to %s, found: %s\n    hint: is the disk full or the directory "
            "read-only? merging again goes on\n",
            path, what, strerror(problem));
    return EXIT_FILES;
}

/* Copies a file under a temporary name, flushed to the disk, then renames it. */
static int copy_file(const char *from, const char *to) {
    char buffer[1 << 16], temporary[PATH_BYTES + 300];
    snprintf(temporary, sizeof temporary, "%s.tmp", to);
    FILE *in = fopen(from, "rb"), *out = in ? fopen(temporary, "wb") : NULL;
    bool good = in && out;
    for (size_t n; good && (n = fread(buffer, 1, sizeof buffer, in)) > 0;)
        good = fwrite(buffer, 1, n, out) == n;
    good = good && !ferror(in);
    good = good && fflush(out) == 0 && fsync(fileno(out)) == 0;
    if (out)
        good = fclose(out) == 0 && good;
    if (in)
        fclose(in);
    good = good && rename(temporary, to) == 0;
    return good ? 0 : complain(to, "copy a file", errno);
}

/* The snapshots of the replicas that are furthest in source k. */
static int copy_snapshots(const struct source *s, size_t k, const struct furthest *best) {
    struct frames f;
    const char *from = s[k].run;
    char a[PATH_BYTES + 300], b[PATH_BYTES + 300];
    snprintf(b, sizeof b, "%s/snapshots", s[0].run);
    int status = frames_open_files(&f, &from, stderr);
    if (status == 0 && f.n && mkdir(b, 0777) != 0 && errno != EEXIST)
        status = complain(b, "make a directory", errno);
    for (int64_t e = 0; status == 0 && e < f.n; e++) {
        const struct frames_entry *one = &f.entry[e];
        if (one->replica >= s[0].file.header.replicas || best[one->replica].source != k)
            continue;
        bool fits = snapshot_path(a, sizeof a, from, one->replica, one->cycle, one->at) &&
                    snapshot_path(b, sizeof b, s[0].run, one->replica, one->cycle, one->at);
        status = fits ? copy_file(a, b) : complain(s[0].run, "name a snapshot", ENAMETOOLONG);
    }
    frames_close(&f);
    return status;
}

/* Where its values came from is known to the first part that ran. */
static int copy_scenario(const struct source *from, const struct source *to) {
    static const char *const name[] = {"scenario.toml", "resolved.toml"};
    int status = 0;
    for (int k = 0; k < 2 && status == 0; k++) {
        char a[PATH_BYTES + 300], b[PATH_BYTES + 300];
        snprintf(a, sizeof a, "%s/%s", from->run, name[k]);
        snprintf(b, sizeof b, "%s/%s", to->run, name[k]);
        status = copy_file(a, b);
    }
    return status;
}

/* The merged checkpoint of the run of source 0. */
static int write_run(const struct source *s, size_t n, const struct furthest *best) {
    struct checkpoint_header h = s[0].file.header;
    for (size_t k = 1; k < n; k++)
        if (s[k].file.header.used_s > h.used_s)
            h.used_s = s[k].file.header.used_s;
    struct checkpoint_writer *w = checkpoint_writer_begin(s[0].run, &h);
    if (!w)
        return complain(s[0].run, "write a checkpoint", errno);
    for (int64_t r = 0; r < h.replicas; r++)
        if (best[r].entry >= 0)
            checkpoint_writer_copy(w, &s[best[r].source].file, best[r].entry);
    if (!checkpoint_writer_commit(w, true))
        return complain(s[0].run, "write a checkpoint", errno ? errno : EIO);
    return 0;
}

static void add_count(struct study_merge_count *count, const struct source *s,
                      const struct furthest *best) {
    for (int64_t r = 0; count && r < s[0].file.header.replicas; r++) {
        count->all++;
        count->finished +=
            best[r].entry >= 0 && s[best[r].source].file.entry[best[r].entry].finished;
    }
}

/* Only where another directory is ahead. */
static int update_run(const struct source *s, size_t n, const struct furthest *best) {
    bool ahead = false;
    for (int64_t r = 0; r < s[0].file.header.replicas; r++)
        ahead = ahead || best[r].source != 0;
    if (!ahead)
        return 0;
    /* snapshots first: a checkpoint says that all before it is there */
    int status = 0;
    for (size_t k = 1; k < n && status == 0; k++)
        status = copy_snapshots(s, k, best);
    if (status == 0)
        status = copy_scenario(&s[1], &s[0]);
    return status ? status : write_run(s, n, best);
}

/* ---- one run ---- */

static int merge_open(struct source *s, size_t n, bool write, struct study_merge_count *count) {
    for (size_t k = 1; k < n; k++)
        if (!is_same_run(&s[0], &s[k]))
            return EXIT_USAGE;
    int64_t replicas = s[0].file.header.replicas;
    struct furthest *best = malloc((size_t)replicas * sizeof *best);
    if (!best)
        return EXIT_MEMORY;
    for (int64_t r = 0; r < replicas; r++)
        best[r] = (struct furthest){0, -1, -1};
    for (size_t k = 0; k < n; k++)
        look_at(best, &s[k], k);
    int status = write ? update_run(s, n, best) : 0;
    if (write)
        add_count(count, s, best);
    free(best);
    return status;
}

/* Checks a run of these directories, or brings it together in the first. */
static int merge_run(const char *name, const char *const *directory, size_t n, bool write,
                     struct study_merge_count *count) {
    int status = 0;
    size_t opened = 0;
    struct source *s = calloc(n, sizeof *s);
    if (!s)
        return EXIT_MEMORY;
    for (; status == 0 && opened < n; opened++)
        if (!open_source(&s[opened], directory[opened], name))
            status = EXIT_USAGE;
    if (status == 0)
        status = merge_open(s, n, write, count);
    for (size_t k = 0; k < opened; k++)
        checkpoint_close(&s[k].file);
    free(s);
    return status;
}

/* ---- a run that is complete ---- */

/* The files of one folder, the mark DONE last; not those of a run under way. */
static int copy_folder(const char *from, const char *to, const char *only_ending) {
    static const char *const not_these[] = {"DONE", "lock", "checkpoint", "checkpoint.old"};
    int status = 0;
    DIR *d = opendir(from);
    for (struct dirent *e; d && status == 0 && (e = readdir(d));) {
        char a[PATH_BYTES + 300], b[PATH_BYTES + 300];
        struct stat what;
        size_t n = strlen(e->d_name), m = only_ending ? strlen(only_ending) : 0;
        bool wanted = n > m && strcmp(e->d_name + n - m, m ? only_ending : "") == 0;
        for (int k = 0; k < 4; k++)
            wanted = wanted && strcmp(e->d_name, not_these[k]) != 0;
        snprintf(a, sizeof a, "%s/%.255s", from, e->d_name);
        snprintf(b, sizeof b, "%s/%.255s", to, e->d_name);
        if (wanted && stat(a, &what) == 0 && S_ISREG(what.st_mode))
            status = copy_file(a, b);
    }
    if (d)
        closedir(d);
    return status;
}

static int take_whole(const char *from, const char *to, const char *name) {
    char a[PATH_BYTES], b[PATH_BYTES], c[PATH_BYTES + 20], e[PATH_BYTES + 20];
    snprintf(a, sizeof a, "%.1000s/%s", from, name);
    snprintf(b, sizeof b, "%.1000s/%s", to, name);
    int status = copy_folder(a, b, NULL);
    snprintf(c, sizeof c, "%s/snapshots", a);
    snprintf(e, sizeof e, "%s/snapshots", b);
    if (status == 0 && access(c, F_OK) == 0) {
        if (mkdir(e, 0777) != 0 && errno != EEXIST)
            return complain(e, "make a directory", errno);
        status = copy_folder(c, e, ".snap");
    }
    snprintf(c, sizeof c, "%s/DONE", a);
    snprintf(e, sizeof e, "%s/DONE", b);
    status = status ? status : copy_file(c, e);
    if (status == 0)
        checkpoint_writer_remove(b);
    return status;
}

/* ---- all runs ---- */

static bool is_done(const char *directory, const struct study_plan_scenario *s) {
    char run[PATH_BYTES];
    snprintf(run, sizeof run, "%.1000s/%s", directory, s->name);
    return output_exists(run, "DONE");
}

/* The first of these directories in which the run is complete, or n. */
static size_t find_done(const struct study_plan_scenario *s, const char *const *directory,
                        size_t n) {
    size_t k = 0;
    while (k < n && !is_done(directory[k], s))
        k++;
    return k;
}

/* Every run, over directories of which the first is the one to be written.  A rank leaves runs alone that are complete in its parent. */
static int merge_all(const struct study_plan *p, const char *const *directory, size_t n, bool write,
                     bool rank, struct study_merge_count *count) {
    int status = 0;
    for (size_t k = 0; status == 0 && k < p->n; k++) {
        const struct study_plan_scenario *s = &p->scenario[k];
        size_t done = find_done(s, directory, n);
        if (done == n)
            status = merge_run(s->name, directory, n, write, count);
        else if (write && done > 0 && !rank)
            status = take_whole(directory[done], directory[0], s->name);
        if (done < n && write && count) {
            count->all += s->replicas;
            count->finished += s->replicas;
        }
    }
    if (status == EXIT_MEMORY)
        fputs("kmc merge: error: out of memory\n", stderr);
    return status;
}

int study_merge_check(const struct study_plan *p, char *const *directory, size_t n) {
    return merge_all(p, (const char *const *)directory, n, false, false, NULL);
}

int study_merge(const struct study_directory *to, const struct study_plan *p,
                char *const *directory, size_t n, struct study_merge_count *count) {
    const char **all = malloc((n + 1) * sizeof *all);
    if (!all)
        return EXIT_MEMORY;
    all[0] = to->path;
    for (size_t k = 0; k < n; k++)
        all[k + 1] = directory[k];
    int status = merge_all(p, all, n + 1, false, false, NULL);
    if (status == 0)
        status = merge_all(p, all, n + 1, true, to->parent != NULL, count);
    free(all);
    return status;
}

/* ---- what ranks leave ---- */

static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *f) {
    (void)s;
    (void)kind;
    (void)f;
    return remove(path);
}

static int remove_tree(const char *path) {
    if (access(path, F_OK) != 0 || nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0)
        return 0;
    return complain(path, "remove a directory", errno);
}

/* Directories of ranks below `shards` whose runs are all there. */
static char **list_shards(const char *shards, size_t *n) {
    char **list = NULL;
    DIR *d = opendir(shards);
    *n = 0;
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[PATH_BYTES];
        snprintf(path, sizeof path, "%.1000s/%.255s", shards, e->d_name);
        if (e->d_name[0] == '.' || !output_exists(path, "resolved.toml"))
            continue;
        list = scenario_schema_resize(list, (*n + 1) * sizeof *list);
        list[(*n)++] = scenario_store_copy(path);
    }
    if (d)
        closedir(d);
    return list;
}

int study_merge_absorb(const struct study_directory *to, const struct study_plan *p) {
    char shards[PATH_BYTES], spent[PATH_BYTES];
    size_t n;
    snprintf(shards, sizeof shards, "%s/shards", to->path);
    snprintf(spent, sizeof spent, "%s/shards.tmp", to->path);
    int status = remove_tree(spent);
    if (status || access(shards, F_OK) != 0)
        return status;
    char **list = list_shards(shards, &n);
    status = n ? study_merge(to, p, list, n, NULL) : 0;
    for (size_t k = 0; k < n; k++)
        free(list[k]);
    free(list);
    /* a kill in the middle must not leave what looks like a whole directory */
    if (status == 0 && rename(shards, spent) != 0)
        status = complain(shards, "rename a directory", errno);
    return status ? status : remove_tree(spent);
}
