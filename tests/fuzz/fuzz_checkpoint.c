/* Checkpoints (kmc/checkpoint.h) of a small run (tests/fuzz/seeds.sh makes such ones), as they are and with all checksums made right,
 * so that the contents are reached.  A state that is accepted must be a sound crystal.
 */
#define XXH_INLINE_ALL
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "../../kmc/checkpoint.h"
#include "../../kmc/simulation.h"
#include "fuzz.h"

/* The crystal that all inputs are read into. */
struct target {
    struct scenario *scenario;
    struct simulation sim;
    struct replica replica;
};

static void build(struct target *t) {
    static const char *const set[] = {
        "structure.cells_a=6", "structure.cells_b=6", "structure.repeats=1", "protocol.cycles=2",
        "run.replicas=2",      "run.engine=exact",    "run.threads=1"};
    t->scenario = scenario_load("builtin:demo", set, sizeof set / sizeof *set, stderr);
    if (!t->scenario || simulation_create(&t->sim, t->scenario, stderr) ||
        replica_create(&t->replica, t->scenario, &t->sim.species, t->sim.model, t->sim.ops, 1, 0,
                       stderr))
        fuzz_fail("the crystal of the checkpoints could not be built");
}

static void read_section(struct target *t, const struct checkpoint_file *f, int64_t k) {
    char problem[CHECKPOINT_PROBLEM];
    struct protocol_position at;
    struct track results;
    if (!track_init(&results, t->sim.protocol.cycles))
        return;
    (void)checkpoint_results(f, k, &t->sim.protocol, &results, problem);
    track_free(&results);
    if (checkpoint_state(f, k, &t->sim.protocol, &t->replica, &at, problem) &&
        state_verify(&t->replica.state, t->sim.model))
        fuzz_fail("a state that is no crystal was accepted");
}

static void read_all(struct target *t, const uint8_t *data, size_t size) {
    struct checkpoint_file f;
    char problem[CHECKPOINT_PROBLEM] = "";
    if (!checkpoint_open(&f, fuzz_file(data, size), problem)) {
        if (!*problem)
            fuzz_fail("no message");
        return;
    }
    for (int64_t k = 0; k < f.n; k++)
        read_section(t, &f, k);
    checkpoint_close(&f);
}

/* ---- checksums ---- */

static uint64_t word(const uint8_t *byte) {
    uint64_t v = 0;
    for (int k = 0; k < 8; k++)
        v |= (uint64_t)byte[k] << 8 * k;
    return v;
}

static void put_sum(uint8_t *byte, size_t from, size_t to) {
    uint64_t v = XXH3_64bits(byte + from, to - from);
    for (int k = 0; k < 8; k++)
        byte[to + (size_t)k] = (uint8_t)(v >> 8 * k);
}

/* Puts the sum of [from, from + n) behind it and returns the byte after, 0 where the file is too short. */
static size_t seal(uint8_t *byte, size_t size, size_t from, size_t before, uint64_t n) {
    if (n > size || from + n + 8 > size)
        return 0;
    put_sum(byte, before, from + (size_t)n);
    return from + (size_t)n + 8;
}

/* Header, sections and end as far as their lengths lead. */
static void forge(uint8_t *byte, size_t size) {
    if (size < 32)
        return;
    size_t at = seal(byte, size, 24, 0, word(byte + 16));
    while (at && at + 32 <= size && memcmp(byte + at, CHECKPOINT_SECTION, 8) == 0) {
        uint64_t results = word(byte + at + 16), state = word(byte + at + 24);
        at = seal(byte, size, at + 32, at, results);
        if (at && state)
            at = seal(byte, size, at, at, state);
    }
    put_sum(byte, 0, size - 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct target target;
    if (!target.scenario)
        build(&target);
    read_all(&target, data, size);
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        return 0;
    if (size)
        memcpy(copy, data, size);
    forge(copy, size);
    read_all(&target, copy, size);
    free(copy);
    return 0;
}
