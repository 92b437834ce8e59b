/* Snapshots (kmc/snapshot.h), as they are and with their checksum made right, so that the contents are reached; what is accepted is exported,
 * in a format that the input chooses. */
#define XXH_INLINE_ALL
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "../../kmc/export.h"
#include "fuzz.h"

enum { SUM = 8 };

/* With or without bonds drawn short. */
static void export_one(const struct snapshot *s, unsigned choice) {
    static const bool is_tm[SPECIES_MAX] = {[CATION_LI + 1] = true};
    bool relaxed = choice & 1;
    unsigned formats = 0;
    struct view v;
    while (export_at((int)formats))
        formats++;
    if (view_create(&v, s, is_tm, NULL, !relaxed, relaxed, fuzz_nowhere()) == 0)
        (void)export_write(fuzz_nowhere(), export_at((int)(choice / 2 % formats)), &v,
                           fuzz_nowhere());
    view_free(&v);
}

static void read_and_export(const uint8_t *data, size_t size) {
    struct snapshot s;
    int status = snapshot_read(&s, fuzz_file(data, size), fuzz_nowhere());
    if (status && status != SNAPSHOT_CORRUPT && status != SNAPSHOT_MEMORY)
        fuzz_fail("expected exit code 0, 4 or 5");
    if (status)
        return;
    export_one(&s, data[size - 1]); /* a byte of the checksum: as good as drawn */
    snapshot_free(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    read_and_export(data, size);
    if (size <= SUM)
        return 0;
    uint8_t *copy = malloc(size);
    if (!copy)
        return 0;
    memcpy(copy, data, size - SUM);
    uint64_t sum = XXH3_64bits(copy, size - SUM);
    for (int k = 0; k < SUM; k++)
        copy[size - SUM + (size_t)k] = (uint8_t)(sum >> 8 * k);
    read_and_export(copy, size);
    free(copy);
    return 0;
}
