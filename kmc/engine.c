/* engine: what all back ends share. */
#include <stdio.h>
#include <string.h>
#include "engine.h"

static const struct engine_ops *find_cuda(char *note, size_t size) {
#ifdef KMC_CUDA
    if (engine_cuda.available(note, size))
        return &engine_cuda;
#else
    snprintf(note, size, "this program was built without CUDA");
#endif
    return NULL;
}

const struct engine_ops *engine_find(const char *name, char *note, size_t size) {
    char why[256] = "";
    *note = '\0';
    if (strcmp(name, "exact") == 0)
        return &engine_exact;
    if (strcmp(name, "cpu") == 0)
        return &engine_cpu;
    const struct engine_ops *cuda = find_cuda(why, sizeof why);
    if (cuda)
        return cuda;
    if (strcmp(name, "auto") != 0) {
        snprintf(note, size, "%s", why);
        return NULL;
    }
    snprintf(note, size, "engine cpu: no usable GPU (%s); results are the same on either", why);
    return &engine_cpu;
}

void engine_equilibrate_all(const struct engine_ops *ops, struct engine_task *task, int n) {
    if (ops->equilibrate_all && n > 0) {
        ops->equilibrate_all(task, n);
        return;
    }
    for (int k = 0; k < n; k++)
        ops->equilibrate(task[k].engine, &task[k].electrode, task[k].slice_s, task[k].draws,
                         task[k].measured, &task[k].equilibrated);
}

void engine_advance_all(const struct engine_ops *ops, struct engine_task *task, int n) {
    if (ops->advance_all && n > 0) {
        ops->advance_all(task, n);
        return;
    }
    for (int k = 0; k < n; k++)
        ops->advance(task[k].engine, &task[k].electrode, task[k].step_s, task[k].slice_s,
                     &task[k].advanced);
}

void engine_fetch(const struct engine_ops *ops, struct engine *e) {
    if (ops->fetch)
        ops->fetch(e);
}
