/* run.h5 (kmc/store.h).  HDF5's own code is not instrumented: what is looked for is what this program makes of files that HDF5 takes. */
#include "../../kmc/frames.h"
#include "fuzz.h"

/* HDF5 1.10 leaks what it has read of a file that it then refuses. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:libhdf5";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct store st;
    struct snapshot s;
    char at[SNAPSHOT_AT], again[SNAPSHOT_AT];
    int status = store_open(&st, fuzz_file(data, size), fuzz_nowhere());
    if (status && status != SNAPSHOT_CORRUPT && status != SNAPSHOT_MEMORY)
        fuzz_fail("expected exit code 0, 4 or 5");
    if (status)
        return 0;
    for (int64_t k = 0; k < st.n; k++) {
        store_at(&st, k, at);
        if (!snapshot_at(again, at))
            fuzz_fail("expected a moment of a cycle");
        if (store_read(&st, k, &s, fuzz_nowhere()) == 0)
            snapshot_free(&s);
    }
    store_close(&st);
    return 0;
}
