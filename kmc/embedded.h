/* embedded: files built into the program (schema and ready-made scenarios).  The table is written by embed.sh at build time. */
#ifndef KMC_EMBEDDED_H
#define KMC_EMBEDDED_H
#include <stddef.h>

struct embedded_file {
    const char *name;          /* last two components of the path, e.g. "scenarios/o3-lmr.toml" */
    const unsigned char *data; /* `size` bytes, then a NUL */
    size_t size;
};

extern const struct embedded_file embedded_files[]; /* in the order of the command line */
extern const size_t embedded_file_count;

#endif
