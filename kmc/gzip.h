/* gzip: a stream that compresses what is written to it, through zlib.  The bytes depend on the text alone: no name, no time. */
#ifndef KMC_GZIP_H
#define KMC_GZIP_H
#include <stdio.h>

/* Compresses into `out`, which stays open; fclose of the stream ends the compressed part and tells whether all was written.  NULL without memory. */
FILE *gzip_open(FILE *out);
#endif
