/* specimen: a snapshot with one of everything, and a directory of its own for each test of snapshots and exports. */
#ifndef TESTS_SPECIMEN_H
#define TESTS_SPECIMEN_H
#include "../kmc/snapshot.h"

FILE *specimen_nowhere(void);

/* A directory under /tmp, in which the test runs; it goes with the test. */
void specimen_enter(void);
void specimen_leave(void);

int64_t specimen_site(const struct snapshot *s, int plane, int kind, int j, int i);

/* A box with every kind of occupancy; free with snapshot_free. */
void specimen_fill(struct snapshot *s, const char *letters, int na, int nb);

/* The usual one: ABCABC, 4 x 3 cells. */
void specimen_sample(struct snapshot *s);

/* A whole file with a 0 behind it; free it. */
unsigned char *specimen_read(const char *path, size_t *n);
void specimen_write(const char *path, const void *data, size_t n);

#endif
