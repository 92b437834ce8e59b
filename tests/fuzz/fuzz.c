#define _GNU_SOURCE /* memfd_create: a file in memory, ten times as fast as one in /tmp */
#include "fuzz.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

const char *fuzz_file(const uint8_t *data, size_t size) {
    static char path[40];
    static int file = -1;
    if (file < 0) {
        file = memfd_create("kmc-fuzz", 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    }
    if (ftruncate(file, 0) != 0 || pwrite(file, data, size, 0) != (ssize_t)size)
        fuzz_fail("the input could not be written");
    return path;
}

/* Below /dev/shm, which is memory as well, or /tmp. */
static char disk_path[40];

static void remove_disk_file(void) {
    unlink(disk_path);
}

static void make_disk_file(void) {
    static const char *const folder[] = {"/dev/shm", "/tmp"};
    int file = -1;
    for (int k = 0; file < 0 && k < 2; k++) {
        snprintf(disk_path, sizeof disk_path, "%s/kmc-fuzz-XXXXXX", folder[k]);
        file = mkstemp(disk_path);
    }
    if (file < 0 || close(file) || atexit(remove_disk_file))
        fuzz_fail("no file could be made in /dev/shm or /tmp");
}

const char *fuzz_disk_file(const uint8_t *data, size_t size) {
    if (!*disk_path)
        make_disk_file();
    if (!data)
        return disk_path;
    int file = open(disk_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || write(file, data, size) != (ssize_t)size || close(file))
        fuzz_fail("the input could not be written");
    return disk_path;
}

FILE *fuzz_nowhere(void) {
    static FILE *out;
    if (!out)
        out = fopen("/dev/null", "w");
    return out;
}

_Noreturn void fuzz_fail(const char *message) {
    fprintf(stderr, "fuzz: %s\n", message);
    abort();
}
