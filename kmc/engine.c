/* engine: what all back ends share. */
#include <string.h>
#include "engine.h"

volatile sig_atomic_t engine_stop;

const struct engine_ops *engine_find(const char *name) {
    if (strcmp(name, "exact") == 0)
        return &engine_exact;
    if (strcmp(name, "cpu") == 0 || strcmp(name, "auto") == 0)
        return &engine_cpu;
    return NULL;
}
