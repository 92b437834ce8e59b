/* scenario_problem: see scenario_problem.h. */
#include "scenario_problem.h"

#include <stdarg.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { PRINTED_MAX = SCENARIO_PROBLEM_PRINTED_MAX };

_Bool scenario_problem_wanted(const struct scenario_problems *p) {
    return p->count < PRINTED_MAX;
}

/* Control characters could rewrite the terminal. */
static void print_clean(FILE *out, const char *text) {
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        fputc(*c < 0x20 || *c == 0x7f ? '?' : *c, out);
}

static _Bool was_seen(struct scenario_problems *p, const char *place, const char *key,
                      const char *message) {
    uint64_t hash = XXH3_64bits(place, strlen(place));
    hash = XXH3_64bits_withSeed(key, strlen(key), hash);
    hash = XXH3_64bits_withSeed(message, strlen(message), hash);
    for (size_t k = 0; k < p->count && k < PRINTED_MAX; k++)
        if (p->seen[k] == hash)
            return 1;
    if (p->count < PRINTED_MAX)
        p->seen[p->count] = hash;
    return 0;
}

void scenario_problem_report(struct scenario_problems *p, const char *place, const char *key,
                             const char *hint, const char *format, ...) {
    char message[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(message, sizeof message, format, list);
    va_end(list);
    if (was_seen(p, place, key, message) || p->count++ >= PRINTED_MAX)
        return;
    print_clean(p->out, place);
    if (strcmp(place, "--set") == 0) { /* the command line has no lines: its keys are the places */
        fputc(' ', p->out);
        print_clean(p->out, key);
    }
    fputs(": error: ", p->out);
    print_clean(p->out, key);
    fputs(": ", p->out);
    print_clean(p->out, message);
    fputc('\n', p->out);
    if (!hint)
        return;
    fputs("    hint: ", p->out);
    print_clean(p->out, hint);
    fputc('\n', p->out);
}

void scenario_problem_finish(struct scenario_problems *p) {
    if (p->count > PRINTED_MAX)
        fprintf(p->out, "... and %zu more problems\n", p->count - PRINTED_MAX);
}
