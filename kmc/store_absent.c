/* store_absent: store and store_writer of a program that was built without HDF5. */
#include <string.h>
#include "store_writer.h"

enum { EXIT_INPUT = 2 };

static int refuse(const char *path, FILE *errors) {
    fprintf(errors,
            "%s: error: expected a program with HDF5, found one that was built with HDF5=0\n"
            "    hint: install libhdf5-dev and build again\n",
            path);
    return EXIT_INPUT;
}

bool store_available(char what[80]) {
    strcpy(what, "none (built with HDF5=0): snapshots stay single files");
    return false;
}

int store_open(struct store *st, const char *path, FILE *errors) {
    memset(st, 0, sizeof *st);
    return refuse(path, errors);
}

void store_close(struct store *st) {
    (void)st;
}

void store_at(const struct store *st, int64_t k, char at[SNAPSHOT_AT]) {
    (void)st, (void)k;
    at[0] = '\0';
}

int store_read(const struct store *st, int64_t k, struct snapshot *s, FILE *errors) {
    (void)k;
    memset(s, 0, sizeof *s);
    return refuse(st->path, errors);
}

int store_writer_write(const char *path, const struct store_origin *origin, int64_t n,
                       store_writer_source *next, void *context, FILE *errors) {
    (void)origin, (void)n, (void)next, (void)context;
    return refuse(path, errors);
}
