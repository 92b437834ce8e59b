/* scenario_problem: see scenario_problem.h. */
#include "scenario_problem.h"

#include <stdarg.h>
#include <string.h>

enum { PRINTED_MAX = 100 }; /* a hostile file must not fill a disk */

_Bool scenario_problem_wanted(const struct scenario_problems *p) {
    return p->count < PRINTED_MAX;
}

/* Control characters could rewrite the terminal. */
static void print_clean(FILE *out, const char *text) {
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        fputc(*c < 0x20 || *c == 0x7f ? '?' : *c, out);
}

void scenario_problem_report(struct scenario_problems *p, const char *place, const char *key,
                             const char *hint, const char *format, ...) {
    char message[1024];
    if (p->count++ >= PRINTED_MAX)
        return;
    va_list list;
    va_start(list, format);
    vsnprintf(message, sizeof message, format, list);
    va_end(list);
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
