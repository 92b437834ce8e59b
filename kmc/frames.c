#define _POSIX_C_SOURCE 200809L
#include "frames.h"
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "store_writer.h"

static bool store_path(char path[STORE_PATH], const char *directory) {
    int n = snprintf(path, STORE_PATH, "%s/run.h5", directory);
    return n > 0 && n < STORE_PATH;
}

static int no_memory(FILE *errors) {
    fputs("snapshots: error: out of memory for their list\n", errors);
    return SNAPSHOT_MEMORY;
}

static bool add(struct frames *f, const struct frames_entry *e) {
    struct frames_entry *more = realloc(f->entry, (size_t)(f->n + 1) * sizeof *more);
    if (!more)
        return false;
    f->entry = more;
    f->entry[f->n++] = *e;
    return true;
}

/* ---- what is there ---- */

/* Reads a file name as snapshot_path writes it. */
static bool parse_name(const char *name, struct frames_entry *e) {
    char at[SNAPSHOT_AT], again[64];
    int used = 0;
    if (sscanf(name, "r%18" SCNd64 "_c%18" SCNd64 "_%23[a-z0-9.@]%n", &e->replica, &e->cycle, at,
               &used) != 3 ||
        name[used])
        return false;
    char *suffix = strrchr(at, '.');
    if (!suffix || strcmp(suffix, ".snap") != 0)
        return false;
    *suffix = '\0';
    snprintf(again, sizeof again, "r%03" PRId64 "_c%04" PRId64 "_%s.snap", e->replica, e->cycle,
             at);
    return snapshot_at(e->at, at) && strcmp(again, name) == 0;
}

static struct dirent *next_name(DIR *d) {
    errno = 0; /* so that the end can be told from an error */
    return readdir(d);
}

static int unreadable(const char *folder, FILE *errors) {
    fprintf(errors,
            "%s: error: expected a readable folder, found: %s\n    hint: its snapshots are needed; "
            "check its permissions\n",
            folder, strerror(errno));
    return SNAPSHOT_CORRUPT;
}

static int list_files(struct frames *f, int place, FILE *errors) {
    char folder[STORE_PATH];
    struct frames_entry e = {.directory = place, .stored = -1};
    snprintf(folder, sizeof folder, "%s/snapshots", f->place[place].directory);
    DIR *d = opendir(folder);
    if (!d)
        return errno == ENOENT ? 0 : unreadable(folder, errors);
    int status = 0;
    struct dirent *one = NULL;
    while (status == 0 && (one = next_name(d)) != NULL)
        if (parse_name(one->d_name, &e) && !add(f, &e))
            status = no_memory(errors);
    if (status == 0 && errno)
        status = unreadable(folder, errors);
    closedir(d);
    return status;
}

static int list_stored(struct frames *f, int place, FILE *errors) {
    char path[STORE_PATH];
    struct frames_place *p = &f->place[place];
    if (!store_path(path, p->directory) || access(path, F_OK) != 0)
        return 0;
    int status = store_open(&p->store, path, errors);
    p->has_store = status == 0;
    for (int64_t k = 0; status == 0 && k < p->store.n; k++) {
        const struct store_frame *row = &p->store.frame[k];
        struct frames_entry e = {row->replica, row->cycle, "", place, k};
        store_at(&p->store, k, e.at);
        status = add(f, &e) ? 0 : no_memory(errors);
    }
    return status;
}

static int compare_key(const struct frames_entry *a, const struct frames_entry *b) {
    if (a->replica != b->replica)
        return a->replica < b->replica ? -1 : 1;
    if (a->cycle != b->cycle)
        return a->cycle < b->cycle ? -1 : 1;
    return snapshot_at_order(a->at, b->at);
}

/* Of two with one key the file comes first, then the directory. */
static int compare(const void *x, const void *y) {
    const struct frames_entry *a = x, *b = y;
    int order = compare_key(a, b);
    if (order == 0)
        order = (a->stored >= 0) - (b->stored >= 0);
    return order ? order : (a->directory > b->directory) - (a->directory < b->directory);
}

static void sort(struct frames *f) {
    int64_t kept = 0;
    if (f->n > 0)
        qsort(f->entry, (size_t)f->n, sizeof *f->entry, compare);
    for (int64_t k = 0; k < f->n; k++)
        if (kept == 0 || compare_key(&f->entry[kept - 1], &f->entry[k]) != 0)
            f->entry[kept++] = f->entry[k];
    f->n = kept;
}

static int open_all(struct frames *f, const char *const *directory, int n, bool stored,
                    FILE *errors) {
    int status = 0;
    memset(f, 0, sizeof *f);
    f->place = calloc((size_t)n, sizeof *f->place);
    if (!f->place)
        return no_memory(errors);
    for (; status == 0 && f->n_places < n; f->n_places++) {
        f->place[f->n_places].directory = directory[f->n_places];
        if (stored)
            status = list_stored(f, f->n_places, errors);
        if (status == 0)
            status = list_files(f, f->n_places, errors);
    }
    if (status == 0)
        sort(f);
    return status;
}

int frames_open(struct frames *f, const char *const *directory, int n, FILE *errors) {
    return open_all(f, directory, n, true, errors);
}

int frames_open_files(struct frames *f, const char *const *directory, FILE *errors) {
    return open_all(f, directory, 1, false, errors);
}

void frames_close(struct frames *f) {
    for (int k = 0; k < f->n_places; k++)
        if (f->place[k].has_store)
            store_close(&f->place[k].store);
    free(f->place);
    free(f->entry);
    memset(f, 0, sizeof *f);
}

/* ---- one of them ---- */

bool frames_has_file(const char *directory, int64_t replica, int64_t cycle, const char *at) {
    char path[STORE_PATH];
    return snapshot_path(path, sizeof path, directory, replica, cycle, at) &&
           access(path, F_OK) == 0;
}

int64_t frames_find(const struct frames *f, int64_t replica, int64_t cycle, const char *at) {
    struct frames_entry wanted = {.replica = replica, .cycle = cycle};
    snprintf(wanted.at, sizeof wanted.at, "%s", at);
    for (int64_t k = 0; k < f->n; k++)
        if (compare_key(&wanted, &f->entry[k]) == 0)
            return k;
    return -1;
}

static bool file_path(const struct frames *f, const struct frames_entry *e, char path[STORE_PATH]) {
    return snapshot_path(path, STORE_PATH, f->place[e->directory].directory, e->replica, e->cycle,
                         e->at);
}

void frames_place_of(const struct frames *f, int64_t k, char text[STORE_PATH]) {
    const struct frames_entry *e = &f->entry[k];
    if (e->stored < 0)
        (void)file_path(f, e, text);
    else
        snprintf(text, STORE_PATH, "%.1100s/run.h5: replica %" PRId64 ", cycle %" PRId64 ", %s",
                 f->place[e->directory].directory, e->replica, e->cycle, e->at);
}

int frames_read(const struct frames *f, int64_t k, struct snapshot *s, FILE *errors) {
    char path[STORE_PATH];
    const struct frames_entry *e = &f->entry[k];
    if (e->stored >= 0)
        return store_read(&f->place[e->directory].store, e->stored, s, errors);
    if (file_path(f, e, path))
        return snapshot_read(s, path, errors);
    *s = (struct snapshot){0};
    return SNAPSHOT_CORRUPT;
}

/* ---- packing ---- */

struct source {
    const struct frames *frames;
    FILE *errors;
};

static int next(void *context, int64_t k, struct snapshot *s) {
    const struct source *from = context;
    return frames_read(from->frames, k, s, from->errors);
}

int frames_pack(const struct frames *f, const char *directory, const struct store_origin *origin,
                FILE *errors) {
    char path[STORE_PATH], what[80];
    struct source from = {f, errors};
    if (f->n == 0 || !store_available(what) || !store_path(path, directory))
        return 0;
    return store_writer_write(path, origin, f->n, next, &from, errors);
}

void frames_remove_files(const char *directory) {
    char path[STORE_PATH];
    struct frames f = {0};
    if (!store_path(path, directory) || access(path, F_OK) != 0)
        return;
    (void)open_all(&f, &directory, 1, false, stderr); /* what is left over does no harm */
    for (int64_t k = 0; k < f.n; k++)
        if (file_path(&f, &f.entry[k], path))
            unlink(path);
    frames_close(&f);
    snprintf(path, sizeof path, "%s/snapshots", directory);
    rmdir(path);
}
