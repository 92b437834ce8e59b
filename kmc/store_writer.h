/* store_writer: writes run.h5 (kmc/store.h) whole, under a temporary name that becomes its own when all is on the disk. */
#ifndef KMC_STORE_WRITER_H
#define KMC_STORE_WRITER_H
#include "store.h"

/* Gives the k-th snapshot, which store_writer frees; exit code. */
typedef int store_writer_source(void *context, int64_t k, struct snapshot *s);

/* Writes n >= 1 frames, all of one crystal, to `path`.  Exit code 0, 2, 4 or 5 after printing to `errors`; then nothing is left of it. */
int store_writer_write(const char *path, const struct store_origin *origin, int64_t n,
                       store_writer_source *next, void *context, FILE *errors);

#endif
