/* faults: a library for LD_PRELOAD that lets the n-th request for memory fail.
 *   FAULT_AT     its number, from 1; 0 or none: all succeed
 *   FAULT_TRAP   stops there in a debugger
 *   FAULT_COUNT  file that gets the number of requests when the program ends
 * Failing calls of the system are made by `strace -e inject` (tests/faults.sh).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static atomic_long calls, at = -1;

static int fails(void) {
    if (atomic_load(&at) < 0) {
        const char *text = getenv("FAULT_AT");
        atomic_store(&at, text ? atol(text) : 0);
    }
    if (atomic_fetch_add(&calls, 1) + 1 != atomic_load(&at))
        return 0;
    if (getenv("FAULT_TRAP"))
        raise(SIGTRAP);
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size) {
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size) {
    return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size) {
    return fails() ? NULL : __libc_realloc(old, size);
}

__attribute__((destructor)) static void tell(void) {
    const char *name = getenv("FAULT_COUNT");
    char text[32];
    int file = name ? open(name, O_WRONLY | O_CREAT | O_TRUNC, 0666) : -1;
    if (file < 0)
        return;
    int n = snprintf(text, sizeof text, "%ld\n", atomic_load(&calls));
    if (write(file, text, (size_t)n) != n)
        _exit(99);
    close(file);
}
