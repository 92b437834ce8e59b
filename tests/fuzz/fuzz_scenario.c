/* Scenario files (kmc/scenario.h).  What is accepted must load again from its resolved form to the same values. */
#define _POSIX_C_SOURCE 200809L
#include "../../kmc/scenario.h"
#include <stdlib.h>
#include <string.h>
#include "fuzz.h"

static char *resolved(const struct scenario *s, size_t *size) {
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    if (!out || scenario_write_resolved(s, out) != 0 || fclose(out) != 0)
        fuzz_fail("the resolved form could not be written");
    return text;
}

static void check(const struct scenario *s) {
    char before[17], after[17];
    size_t size;
    char *text = resolved(s, &size);
    struct scenario *again = scenario_load(fuzz_file((const uint8_t *)text, size), NULL, 0, stderr);
    if (!again)
        fuzz_fail("the resolved form does not load");
    scenario_hash(s, before);
    scenario_hash(again, after);
    if (strcmp(before, after) != 0)
        fuzz_fail("the resolved form has other values");
    scenario_free(again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct scenario *s = scenario_load(fuzz_file(data, size), NULL, 0, fuzz_nowhere());
    if (s)
        check(s);
    scenario_free(s);
    return 0;
}
