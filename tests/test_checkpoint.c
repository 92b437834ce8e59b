/* Guarantee: a run that goes on from a checkpoint gives the bits of the run without interruption, and a checkpoint that is damaged in any byte, cut
 * off or made up is refused.
 */
#define XXH_INLINE_ALL
#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>
#include "../kmc/checkpoint_writer.h"
#include "fixture.h"

enum { FILE_MAX = 1 << 20 };

/* A small crystal, its scenario short enough to be run many times, with TM hops and O-O dimers from the first charge on. */
#define SMALL                                                                                      \
    "structure.cells_a=6", "structure.cells_b=6", "protocol.slice_percent=4", "protocol.cycles=2", \
        "kinetics.initial_sweeps=10", "conditions.temperature_K=500"

struct trip {
    struct fixture *f;
    struct protocol p;
    struct track track;
    struct couples couples;
    struct checkpoint_header header;
    char directory[64], path[80];
    int stop_after, boundaries; /* 0 = never */
    uint64_t hash;              /* of the state at the end */
    int64_t hops, lithium_hops;
};

static void use_engine(struct replica *r, const struct engine_ops *ops) {
    r->ops->free(r->engine);
    r->ops = ops;
    r->threads = 1;
    r->engine = ops->create(r->model, &r->state, 1);
    cr_assert_not_null(r->engine);
}

static struct trip begin_trip(const struct engine_ops *ops, const char *const *set) {
    struct trip t = {.f = fixture_create("builtin:demo", set)};
    protocol_init(&t.p, t.f->scenario);
    use_engine(&t.f->replica, ops);
    cr_assert(track_init(&t.track, t.p.cycles));
    t.track.with_voids = true;
    couples_of(&t.couples, t.f->replica.species, &t.f->replica.cell);
    t.header = (struct checkpoint_header){.seed = 1, .replicas = 3, .used_s = 0.5};
    t.header.sites = t.f->replica.state.n_sites;
    snprintf(t.header.name, sizeof t.header.name, "trip");
    snprintf(t.directory, sizeof t.directory, "/tmp/kmc-checkpoint-XXXXXX");
    cr_assert_not_null(mkdtemp(t.directory));
    snprintf(t.path, sizeof t.path, "%s/checkpoint", t.directory);
    return t;
}

static void end_trip(struct trip *t) {
    checkpoint_writer_remove(t->directory);
    rmdir(t->directory);
    track_free(&t->track);
    fixture_free(t->f);
}

/* ---- a run that writes a checkpoint and stops ---- */

static void on_slice(void *context, const struct replica *r, const struct protocol_slice *s) {
    struct trip *t = context;
    track_slice(&t->track, r, s, &t->couples, t->p.cycles);
}

static bool on_half(void *context, const struct replica *r, int64_t cycle, bool charge,
                    const struct protocol_half *h) {
    struct trip *t = context;
    struct clusters voids;
    cr_assert(clusters_find(&voids, r->model, &r->state.x));
    track_half(&t->track, r, cycle, charge, h, &voids);
    clusters_free(&voids);
    t->hops += h->events.fired[EVENT_HOP];
    t->lithium_hops += h->events.fired[EVENT_LITHIUM];
    if (!charge)
        track_complete(&t->track);
    return true;
}

static void save(struct trip *t, struct protocol_position *at, const char *directory) {
    struct checkpoint_section s = {0, &t->track, at, &t->f->replica.state};
    struct checkpoint_writer *w = checkpoint_writer_begin(directory, &t->header);
    cr_assert_not_null(w);
    checkpoint_writer_add(w, &s);
    cr_assert(checkpoint_writer_commit(w, true));
}

static bool on_boundary(void *context, const struct protocol_run *runs, int n) {
    struct trip *t = context;
    struct protocol_position at = runs[0].at;
    cr_assert_eq(n, 1);
    if (++t->boundaries != t->stop_after)
        return true;
    save(t, &at, t->directory);
    return false;
}

/* From the beginning, or from *at.  Returns whether it came to the end. */
static bool go(struct trip *t, const struct protocol_position *at) {
    struct protocol_observer o = {
        .census = true, .context = t, .slice = on_slice, .half = on_half, .boundary = on_boundary};
    struct protocol_run w;
    protocol_begin(&w, &t->f->replica, &t->p, &o, stderr);
    if (at)
        protocol_continue(&w, at);
    bool ended = protocol_run_all(&w, 1) == 0;
    cr_assert_eq(w.status, 0);
    t->hash = state_hash(&t->f->replica.state);
    return ended;
}

/* A fresh trip with what the checkpoint of another one holds. */
static struct trip load(const struct trip *from, const struct engine_ops *ops,
                        const char *const *set, struct protocol_position *at) {
    struct trip t = begin_trip(ops, set);
    struct checkpoint_file f;
    char problem[CHECKPOINT_PROBLEM] = "";
    cr_assert(checkpoint_open(&f, from->path, problem), "%s", problem);
    cr_assert_eq(f.n, 1);
    cr_assert(checkpoint_results(&f, 0, &t.p, &t.track, problem), "%s", problem);
    cr_assert(checkpoint_state(&f, 0, &t.p, &t.f->replica, at, problem), "%s", problem);
    checkpoint_close(&f);
    return t;
}

static void expect_same_text(const struct track_text *a, const struct track_text *b) {
    cr_assert_eq(a->bytes, b->bytes);
    cr_assert(a->bytes == 0 || memcmp(a->data, b->data, a->bytes) == 0);
}

static void expect_same_results(const struct track *a, const struct track *b, int64_t cycles) {
    expect_same_text(&a->profile, &b->profile);
    expect_same_text(&a->clusters, &b->clusters);
    expect_same_text(&a->voids, &b->voids);
    expect_same_text(&a->depth, &b->depth);
    cr_assert_eq(a->cycles_done, b->cycles_done);
    for (int64_t c = 0; c < cycles; c++)
        cr_assert_eq(memcmp(&a->cycle[c], &b->cycle[c], sizeof a->cycle[c]), 0);
}

/* Interrupts at several boundaries, the last of them in the second cycle. */
static void go_on_after_interruptions(const struct engine_ops *ops, const char *const *set) {
    struct trip whole = begin_trip(ops, set);
    cr_assert(go(&whole, NULL));
    cr_assert_gt(whole.hops, 5, "too few hops for a test: %lld", (long long)whole.hops);
    cr_assert_eq(whole.lithium_hops > 100, whole.p.transport);
    for (int part = 1; part < 8; part++) {
        struct trip first = begin_trip(ops, set);
        struct protocol_position at;
        first.stop_after = 1 + (whole.boundaries - 2) * part / 7;
        cr_assert(!go(&first, NULL));
        struct trip second = load(&first, ops, set, &at);
        cr_assert_eq(state_hash(&second.f->replica.state), first.hash);
        cr_assert(go(&second, &at));
        cr_assert_eq(second.hash, whole.hash, "after %d of %d slices", first.stop_after,
                     whole.boundaries);
        expect_same_results(&second.track, &whole.track, whole.p.cycles);
        end_trip(&second);
        end_trip(&first);
    }
    end_trip(&whole);
}

Test(checkpoint, exact_engine_goes_on_to_the_bit) {
    go_on_after_interruptions(&engine_exact, FIXTURE_SET(FIXTURE_CHEMISTRY, SMALL));
}

Test(checkpoint, cpu_engine_goes_on_to_the_bit) {
    go_on_after_interruptions(&engine_cpu, FIXTURE_SET(FIXTURE_CHEMISTRY, SMALL));
}

/* With free surfaces: depth profiles, and voids that open. */
Test(checkpoint, a_slab_goes_on_to_the_bit) {
    go_on_after_interruptions(&engine_cpu,
                              FIXTURE_SET(FIXTURE_CHEMISTRY, SMALL, "structure.geometry=slab"));
}

/* Li+ on the clock: the sub-slices, and octs open at the edges alone. */
Test(checkpoint, lithium_on_the_clock_goes_on_to_the_bit) {
    go_on_after_interruptions(&engine_exact,
                              FIXTURE_SET(FIXTURE_CHEMISTRY, SMALL, "structure.geometry=film",
                                          "structure.vacuum_cells=1", "surface.particle_nm=2",
                                          "structure.cells_b=3", "protocol.cycles=1",
                                          "kinetics.lithium_transport=true",
                                          "kinetics.lithium_firings=0.3", "surface.film_ohm_m2=1"));
}

/* More than one tile and region: the demons count. */
Test(checkpoint, tiles_go_on_to_the_bit) {
    const char *const *set = FIXTURE_SET(
        FIXTURE_CHEMISTRY, "structure.cells_a=48", "structure.cells_b=48",
        "structure.order=solid-solution", "protocol.slice_percent=10", "protocol.cycles=1",
        "kinetics.initial_sweeps=1", "kinetics.equilibration_sweeps=0.2");
    struct trip whole = begin_trip(&engine_cpu, set), first = begin_trip(&engine_cpu, set);
    struct protocol_position at;
    cr_assert_gt(whole.f->replica.state.n_demons, 1);
    cr_assert(go(&whole, NULL));
    first.stop_after = whole.boundaries / 2;
    cr_assert(!go(&first, NULL));
    struct trip second = load(&first, &engine_cpu, set, &at);
    cr_assert(go(&second, &at));
    cr_assert_eq(second.hash, whole.hash);
    expect_same_results(&second.track, &whole.track, 1);
    end_trip(&second);
    end_trip(&first);
    end_trip(&whole);
}

/* ---- the file ---- */

static size_t read_file(const char *path, uint8_t *byte) {
    FILE *in = fopen(path, "rb");
    cr_assert_not_null(in);
    size_t n = fread(byte, 1, FILE_MAX, in);
    fclose(in);
    cr_assert_lt(n, FILE_MAX);
    return n;
}

static void write_file(const char *path, const uint8_t *byte, size_t n) {
    FILE *out = fopen(path, "wb");
    cr_assert_not_null(out);
    cr_assert_eq(fwrite(byte, 1, n, out), n);
    cr_assert_eq(fclose(out), 0);
}

/* A checkpoint in the second cycle, its bytes in `byte`. */
static struct trip make_file(uint8_t *byte, size_t *n) {
    struct trip t = begin_trip(&engine_cpu, FIXTURE_SET(SMALL));
    t.stop_after = 75;
    cr_assert(!go(&t, NULL));
    cr_assert_eq(t.track.cycles_done, 1);
    *n = read_file(t.path, byte);
    return t;
}

Test(checkpoint, what_was_read_is_written_again_to_the_byte) {
    static uint8_t first[FILE_MAX], again[FILE_MAX];
    size_t n;
    struct protocol_position at;
    struct trip a = make_file(first, &n);
    struct trip b = load(&a, &engine_cpu, FIXTURE_SET(SMALL), &at);
    save(&b, &at, b.directory);
    cr_assert_eq(read_file(b.path, again), n);
    cr_assert_eq(memcmp(first, again, n), 0);
    end_trip(&b);
    end_trip(&a);
}

Test(checkpoint, copied_sections_and_finished_replicas_are_read_back) {
    static uint8_t byte[FILE_MAX];
    size_t n;
    char problem[CHECKPOINT_PROBLEM] = "";
    struct trip a = make_file(byte, &n), b = begin_trip(&engine_cpu, FIXTURE_SET(SMALL));
    struct checkpoint_file f;
    cr_assert(checkpoint_open(&f, a.path, problem), "%s", problem);
    cr_assert(go(&b, NULL));
    struct checkpoint_section done = {2, &b.track, NULL, NULL};
    struct checkpoint_writer *w = checkpoint_writer_begin(b.directory, &b.header);
    checkpoint_writer_add(w, &done);
    checkpoint_writer_copy(w, &f, 0);
    cr_assert(checkpoint_writer_commit(w, true));
    checkpoint_close(&f);
    cr_assert(checkpoint_open(&f, b.path, problem), "%s", problem);
    cr_assert(f.n == 2 && f.entry[0].finished && !f.entry[1].finished);
    cr_assert(f.entry[0].replica == 2 && f.entry[1].replica == 0);
    struct track results;
    cr_assert(track_init(&results, b.p.cycles));
    cr_assert(checkpoint_results(&f, 0, &b.p, &results, problem), "%s", problem);
    expect_same_results(&results, &b.track, b.p.cycles);
    track_free(&results);
    checkpoint_close(&f);
    end_trip(&b);
    end_trip(&a);
}

static bool opens(const char *path, char problem[CHECKPOINT_PROBLEM]) {
    struct checkpoint_file f;
    bool good = checkpoint_open(&f, path, problem);
    if (good)
        checkpoint_close(&f);
    return good;
}

Test(checkpoint, any_flipped_bit_is_detected) {
    static uint8_t byte[FILE_MAX];
    size_t n;
    char problem[CHECKPOINT_PROBLEM];
    struct trip t = make_file(byte, &n);
    for (size_t k = 0; k < 1000; k++) {
        size_t at = k < 300 ? k : k < 350 ? n - 1 - (k - 300) : (k - 350) * n / 650;
        byte[at] ^= (uint8_t)(1 << k % 8);
        write_file(t.path, byte, n);
        cr_assert(!opens(t.path, problem), "byte %zu of %zu", at, n);
        cr_assert_not_null(strstr(problem, "expected"));
        byte[at] ^= (uint8_t)(1 << k % 8);
    }
    write_file(t.path, byte, n);
    cr_assert(opens(t.path, problem));
    end_trip(&t);
}

Test(checkpoint, any_truncation_or_addition_is_detected) {
    static uint8_t byte[FILE_MAX];
    size_t n;
    char problem[CHECKPOINT_PROBLEM];
    struct trip t = make_file(byte, &n);
    for (size_t k = 0; k < 600; k++) {
        size_t size = k < 300 ? k : k < 340 ? n - 1 - (k - 300) : (k - 340) * n / 260;
        write_file(t.path, byte, size);
        cr_assert(!opens(t.path, problem), "%zu of %zu bytes", size, n);
    }
    write_file(t.path, byte, n + 8);
    cr_assert(!opens(t.path, problem));
    cr_assert(!opens(t.directory, problem));
    cr_assert(!opens("/dev/zero", problem));
    write_file(t.path, byte, n);
    end_trip(&t);
}

static uint64_t word_at(const uint8_t *byte, size_t at) {
    uint64_t v = 0;
    for (int k = 0; k < 8; k++)
        v |= (uint64_t)byte[at + (size_t)k] << 8 * k;
    return v;
}

static void put_word(uint8_t *byte, size_t at, uint64_t v) {
    for (int k = 0; k < 8; k++)
        byte[at + (size_t)k] = (uint8_t)(v >> 8 * k);
}

/* Makes all checksums right again, as far as the lengths in the file let one find them. */
static void forge(uint8_t *byte, size_t n, size_t section) {
    uint64_t results = word_at(byte, section + 16), state = word_at(byte, section + 24);
    put_word(byte, section - 8, XXH3_64bits(byte, section - 8));
    size_t after = section + 32 + (size_t)results;
    if (results < n && after + 8 <= n) {
        put_word(byte, after, XXH3_64bits(byte + section, after - section));
        if (state < n && after + 16 + state <= n)
            put_word(byte, after + 8 + (size_t)state, XXH3_64bits(byte + after + 8, (size_t)state));
    }
    put_word(byte, n - 8, XXH3_64bits(byte, n - 8));
}

/* Reads everything there is; what is accepted must be a sound crystal. */
static void read_forged(struct trip *t) {
    struct checkpoint_file f;
    struct protocol_position at;
    char problem[CHECKPOINT_PROBLEM];
    struct track results;
    if (!checkpoint_open(&f, t->path, problem))
        return;
    cr_assert(track_init(&results, t->p.cycles));
    if (f.n > 0)
        (void)checkpoint_results(&f, 0, &t->p, &results, problem);
    if (f.n > 0 && checkpoint_state(&f, 0, &t->p, &t->f->replica, &at, problem)) {
        cr_assert_null(state_verify(&t->f->replica.state, t->f->model));
        cr_assert(at.cycle >= 1 && at.cycle <= t->p.cycles);
    }
    track_free(&results);
    checkpoint_close(&f);
}

Test(checkpoint, made_up_contents_with_right_checksums_do_no_harm) {
    static uint8_t byte[FILE_MAX];
    static const uint64_t nasty[] = {0,       1,   UINT64_MAX, INT64_MAX, (uint64_t)1 << 63,
                                     1 << 20, 255, 40,         7};
    size_t n;
    struct trip t = make_file(byte, &n);
    size_t section = 32 + (size_t)word_at(byte, 16);
    cr_assert_eq(memcmp(byte + section, "SECTION.", 8), 0);
    struct philox random = {5, 0};
    for (uint64_t k = 0; k < 2500; k++) {
        struct philox_block r = philox_draw(random, 201, 0, k);
        size_t most = k % 3 == 0 ? section + 64 : n - 24;
        size_t at = philox_below(r.v[0], (uint32_t)most);
        uint8_t kept[8];
        memcpy(kept, byte + at, 8);
        if (k % 2)
            put_word(byte, at, nasty[philox_below(r.v[1], sizeof nasty / sizeof *nasty)]);
        else
            byte[at] = (uint8_t)r.v[1];
        forge(byte, n, section);
        write_file(t.path, byte, n);
        read_forged(&t);
        memcpy(byte + at, kept, 8);
    }
    end_trip(&t);
}

Test(checkpoint, the_one_before_is_kept) {
    static uint8_t first[FILE_MAX], old[FILE_MAX];
    size_t n;
    char path[100];
    struct protocol_position at;
    struct trip a = make_file(first, &n);
    struct trip b = load(&a, &engine_cpu, FIXTURE_SET(SMALL), &at);
    at.time_s += 1;
    save(&b, &at, a.directory);
    snprintf(path, sizeof path, "%s/checkpoint.old", a.directory);
    cr_assert_eq(read_file(path, old), n);
    cr_assert_eq(memcmp(first, old, n), 0);
    end_trip(&b);
    end_trip(&a);
}
