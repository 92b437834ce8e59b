#define _GNU_SOURCE /* fopencookie */
#include "gzip.h"
#include <unistd.h>
#include <zlib.h>

static ssize_t write_some(void *cookie, const char *data, size_t bytes) {
    int put = gzwrite(cookie, data, (unsigned)bytes); /* a stream's buffer is small */
    return put;
}

static int close_all(void *cookie) {
    return gzclose(cookie) == Z_OK ? 0 : EOF;
}

FILE *gzip_open(FILE *out) {
    cookie_io_functions_t functions = {.write = write_some, .close = close_all};
    int file = fflush(out) == 0 ? dup(fileno(out)) : -1;
    gzFile packed = file >= 0 ? gzdopen(file, "wb") : NULL;
    FILE *stream = packed ? fopencookie(packed, "w", functions) : NULL;
    if (!stream && packed)
        gzclose(packed);
    else if (!packed && file >= 0)
        close(file);
    return stream;
}
