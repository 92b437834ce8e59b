/* scenario_problem: prints what is wrong with a scenario, one problem a line with place, key, what was expected and found, and a hint. */
#ifndef KMC_SCENARIO_PROBLEM_H
#define KMC_SCENARIO_PROBLEM_H
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { SCENARIO_PROBLEM_PRINTED_MAX = 100 }; /* a hostile file must not fill a disk */

struct scenario_problems {
    FILE *out;    /* receives the text; owner: the caller */
    size_t count; /* problems so far; beyond 100 they are counted, not printed */
    uint64_t seen[SCENARIO_PROBLEM_PRINTED_MAX]; /* [count] hashes of those printed: none twice */
};

/* True while problems are still printed: costly hints need not be made otherwise. */
_Bool scenario_problem_wanted(const struct scenario_problems *p);

/* Prints "PLACE: error: KEY: MESSAGE" and, when hint is not NULL, "    hint: HINT".  The place "--set" gets the key
 * behind it.  Control characters become '?'.
 * What was printed before, as when several scenarios of a study build on one file, is left out. */
void scenario_problem_report(struct scenario_problems *p, const char *place, const char *key,
                             const char *hint, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Says how many problems were not printed, if any. */
void scenario_problem_finish(struct scenario_problems *p);

#endif
