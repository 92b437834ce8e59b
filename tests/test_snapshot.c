/* Guarantees: a snapshot comes back as it was written, any damaged byte is noticed, hostile headers
 * are harmless. */
#define XXH_INLINE_ALL
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include "../kernels/philox.h"
#include "specimen.h"

TestSuite(snapshot, .init = specimen_enter, .fini = specimen_leave);

Test(snapshot, comes_back_as_written) {
    struct snapshot s, r;
    specimen_sample(&s);
    cr_assert(snapshot_write(&s, "a.snap", stderr) == 0);
    cr_assert(snapshot_read(&r, "a.snap", stderr) == 0);
    cr_expect(!memcmp(s.occupancy, r.occupancy, (size_t)snapshot_n_sites(&s)));
    cr_expect(r.na == 4 && r.nb == 3 && r.n_planes == 6 && r.cycle == 3 && r.replica == 0);
    cr_expect(r.a_A == s.a_A && r.tm_gap_A == s.tm_gap_A && r.li_gap_A == s.li_gap_A);
    cr_expect(r.voltage_V == s.voltage_V && r.time_s == s.time_s);
    cr_expect(!strcmp(r.letters, "ABCABC") && !strcmp(r.at, "charge"));
    cr_expect(!strcmp(r.scenario, s.scenario) && !strcmp(r.parameter_hash, s.parameter_hash));
    cr_expect(!strcmp(r.version, "0.1.0") && !strcmp(r.git_hash, "abcdef0"));
    cr_expect(r.n_species == 5 && !strcmp(r.species[3].symbol, "Ni") && r.species[3].charge == 3);
    cr_expect(access("a.snap.tmp", F_OK) != 0, "temporary file is gone");
    snapshot_free(&r);
    free(s.occupancy);
}

Test(snapshot, period_of_letters_and_undefined_voltage) {
    struct snapshot s, r;
    specimen_sample(&s);
    strcpy(s.letters, "ABC");
    s.voltage_V = NAN;
    strcpy(s.scenario, "two\nlines");
    cr_assert(snapshot_write(&s, "a.snap", stderr) == 0);
    cr_assert(snapshot_read(&r, "a.snap", stderr) == 0);
    cr_expect(!strcmp(r.letters, "ABCABC"));
    cr_expect(isnan(r.voltage_V));
    cr_expect(!strcmp(r.scenario, "two_lines"));
    snapshot_free(&r);
    free(s.occupancy);
}

Test(snapshot, header_is_as_documented) {
    struct snapshot s;
    size_t n;
    specimen_sample(&s);
    cr_assert(snapshot_write(&s, "a.snap", stderr) == 0);
    char *text = (char *)specimen_read("a.snap", &n);
    const char *expected =
        "lrm-kmc-snapshot 1\nna 4\nnb 3\nletters ABCABC\nplanes 6\na_A 2.8500000000000001\n"
        "tm_gap_A 2.1499999999999999\nli_gap_A 2.6000000000000001\ncycle 3\nat charge\nreplica 0\n"
        "voltage_V 4.75\ntime_s 123456.789\nscenario o3 \"test\", 1\nparameter_hash "
        "0123456789abcdef\n"
        "version 0.1.0\ngit_hash abcdef0\nspecies 1 Li 1\nspecies 2 Ni 2\nspecies 3 Ni 3\nspecies "
        "4 Mn 4\n\n";
    cr_expect(!strncmp(text, expected, strlen(expected)), "%s", text);
    cr_expect(n == strlen(expected) + 4 * 6 * 12 + 8);
    free(text);
    free(s.occupancy);
}

/* One wrong bit anywhere: header, sites, checksum. */
Test(snapshot, every_damaged_byte_is_noticed) {
    struct snapshot s, r;
    size_t n;
    specimen_sample(&s);
    cr_assert(snapshot_write(&s, "a.snap", stderr) == 0);
    unsigned char *data = specimen_read("a.snap", &n);
    for (size_t i = 0; i < n; i++) {
        data[i] ^= (unsigned char)(1u << i % 8);
        specimen_write("b.snap", data, n);
        cr_expect(snapshot_read(&r, "b.snap", specimen_nowhere()) == SNAPSHOT_CORRUPT, "byte %zu",
                  i);
        data[i] ^= (unsigned char)(1u << i % 8);
    }
    free(data);
    free(s.occupancy);
}

Test(snapshot, every_truncation_and_extra_bytes_are_noticed) {
    struct snapshot s, r;
    size_t n;
    specimen_sample(&s);
    cr_assert(snapshot_write(&s, "a.snap", stderr) == 0);
    unsigned char *data = specimen_read("a.snap", &n);
    for (size_t cut = 0; cut <= n + 1; cut++) { /* read_bytes leaves a 0 byte behind the data */
        specimen_write("b.snap", data, cut);
        int expected = cut == n ? 0 : SNAPSHOT_CORRUPT;
        cr_expect(snapshot_read(&r, "b.snap", specimen_nowhere()) == expected, "cut at %zu", cut);
        snapshot_free(&r);
    }
    free(data);
    free(s.occupancy);
}

/* Replaces a piece of the header and signs the file anew: what an attacker would do. */
static int read_forged(const char *old, const char *new) {
    struct snapshot r;
    size_t n;
    char *data = (char *)specimen_read("a.snap", &n), *at = strstr(data, old);
    cr_assert(at, "%s", old);
    size_t before = (size_t)(at - data), after = n - 8 - before - strlen(old);
    size_t size = before + strlen(new) + after;
    char *forged = malloc(size + 8);
    memcpy(forged, data, before);
    memcpy(forged + before, new, strlen(new));
    memcpy(forged + before + strlen(new), at + strlen(old), after);
    XXH64_hash_t hash = XXH3_64bits(forged, size);
    for (int i = 0; i < 8; i++)
        forged[size + (size_t)i] = (char)(hash >> 8 * i);
    specimen_write("b.snap", forged, size + 8);
    int code = snapshot_read(&r, "b.snap", specimen_nowhere());
    snapshot_free(&r);
    free(forged);
    free(data);
    return code;
}

Test(snapshot, hostile_headers_are_refused) {
    static const char *const forgery[][2] = {
        {"na 4", "na 65536"},
        {"na 4", "na 99999999999999999999"},
        {"na 4", "na -4"},
        {"na 4", "na 0"},
        {"na 4", "nb 4"},
        {"na 4\nnb 3", "na 3\nnb 3"},
        {"planes 6", "planes 1000000"},
        {"planes 6", "planes 5"},
        {"ABCABC", "ABCABD"},
        {"ABCABC", ""},
        {"a_A 2.85", "a_A inf"},
        {"a_A 2.85", "a_A -2.85"},
        {"at charge", "at ../../etc"},
        {"cycle 3", "cycle 3.5"},
        {"snapshot 1", "snapshot 2"},
        {"species 1 Li 1", "species 2 Li 1"},
        {"species 4 Mn 4\n", ""},
        {"species 3 Ni 3", "species 3 Nickel 3"},
        {"species 3 Ni 3", "species 3 Ni 3 3"},
        {"species 3 Ni 3", "species 3 N\" 3"},
        {"species 1 Li 1", "species 1 Na 1"},
        {"0123456789abcdef", "0123456789abcdef0123456789abcdef"},
    };
    struct snapshot s;
    specimen_sample(&s);
    cr_assert(snapshot_write(&s, "a.snap", stderr) == 0);
    cr_expect(read_forged("version 0.1.0", "version 0.1.1") == 0, "a forgery itself is readable");
    for (size_t i = 0; i < sizeof forgery / sizeof *forgery; i++)
        cr_expect(read_forged(forgery[i][0], forgery[i][1]) == SNAPSHOT_CORRUPT, "`%s` -> `%s`",
                  forgery[i][0], forgery[i][1]);
    free(s.occupancy);
}

Test(snapshot, unknown_occupancy_is_refused) {
    struct snapshot s, r;
    specimen_sample(&s);
    static const struct {
        int kind;
        uint8_t byte;
    } bad[] = {{SITE_OCT, 5}, {SITE_TET_UP, 254}, {SITE_O, 7}, {SITE_O, 13}, {SITE_O, 0xC2}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint8_t *byte = &s.occupancy[specimen_site(&s, 3, bad[i].kind, 1, 1)], good = *byte;
        *byte = bad[i].byte;
        cr_assert(snapshot_write(&s, "a.snap", stderr) == 0);
        cr_expect(snapshot_read(&r, "a.snap", specimen_nowhere()) == SNAPSHOT_CORRUPT, "case %zu",
                  i);
        *byte = good;
    }
    free(s.occupancy);
}

Test(snapshot, unwritable_place_leaves_nothing) {
    struct snapshot s;
    specimen_sample(&s);
    cr_expect(snapshot_write(&s, "missing/a.snap", specimen_nowhere()) == SNAPSHOT_CORRUPT);
    mkdir("a.snap", 0777); /* rename onto a directory fails */
    cr_expect(snapshot_write(&s, "a.snap", specimen_nowhere()) == SNAPSHOT_CORRUPT);
    cr_expect(access("a.snap.tmp", F_OK) != 0);
    free(s.occupancy);
}

/* Bytes at random: whatever they are, reading ends with an error. */
Test(snapshot, random_bytes_are_refused) {
    struct snapshot s, r;
    size_t n;
    specimen_sample(&s);
    cr_assert(snapshot_write(&s, "a.snap", stderr) == 0);
    unsigned char *data = specimen_read("a.snap", &n);
    struct philox random = {.seed = 1};
    for (uint32_t trial = 0; trial < 300; trial++) {
        unsigned char *copy = malloc(n);
        memcpy(copy, data, n);
        for (uint32_t k = 0; k < 8; k++) { /* six in the header, two anywhere */
            struct philox_block b = philox_draw(random, STREAM_ORDER, trial, k);
            copy[philox_below(b.v[0], k < 6 ? 420 : (uint32_t)n)] = (unsigned char)b.v[1];
        }
        copy[0] = 'l';
        specimen_write("b.snap", copy, n);
        bool same = !memcmp(copy, data, n);
        cr_expect(same || snapshot_read(&r, "b.snap", specimen_nowhere()) == SNAPSHOT_CORRUPT);
        free(copy);
    }
    free(data);
    free(s.occupancy);
}
