/* Study files (kmc/study_plan.h).  Whatever is accepted must load scenario by scenario. */
#include "../../kmc/study_plan.h"
#include "fuzz.h"

static void check(const struct study_plan *p) {
    for (size_t k = 0; k < p->n; k++) {
        struct scenario *s = study_plan_load(p, k, stderr);
        if (!s)
            fuzz_fail("a scenario of an accepted study does not load");
        scenario_free(s);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct study_plan p;
    int status = study_plan_open(&p, fuzz_file(data, size), NULL, 0, fuzz_nowhere());
    if (status == 0)
        check(&p);
    else if (status != 2)
        fuzz_fail("expected exit code 0 or 2");
    study_plan_free(&p);
    return 0;
}
