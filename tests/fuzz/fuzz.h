/* fuzz: what the targets share.  A target is one function that libFuzzer calls with any bytes; it must come back, hold no memory and trip no sanitizer
 * (`make fuzz`).  tests/fuzz/replay.c calls the same functions with files, so that `make check` repeats the corpus with any compiler.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A path from which these bytes can be read until the next call; readers want names of files. */
const char *fuzz_file(const uint8_t *data, size_t size);

/* The same for readers that want a file on a disk, as HDF5 does; data NULL: the path alone. */
const char *fuzz_disk_file(const uint8_t *data, size_t size);

/* Where messages go that nobody reads. */
FILE *fuzz_nowhere(void);

/* Ends the program with a message: a property of what was accepted does not hold. */
_Noreturn void fuzz_fail(const char *message);

#endif
