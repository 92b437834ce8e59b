/* Formulas of hosts (lattices/formula.h). */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../../lattices/formula.h"
#include "fuzz.h"

static void check(struct formula *f) {
    char message[200];
    double correction, sum = 0;
    for (int t = 0; t < f->n; t++)
        if (!isfinite(f->term[t].amount) || f->term[t].amount < 0 || !f->term[t].symbol[0])
            fuzz_fail("an amount that is none was accepted");
    if (!formula_normalise(f, &correction, message, sizeof message))
        return;
    for (int t = 0; t < f->n; t++)
        sum += f->term[t].amount;
    if (!(fabs(sum - 4) < 1e-6))
        fuzz_fail("two cations and two anions do not make four");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char message[200] = "", *text = malloc(size + 1);
    struct formula f;
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    text[size] = 0;
    if (formula_parse(text, &f, message, sizeof message))
        check(&f);
    else if (!strstr(message, "column") || !strstr(message, "expected"))
        fuzz_fail("no message");
    free(text);
    return 0;
}
