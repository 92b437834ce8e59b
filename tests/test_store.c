/* Guarantees: frames come back from run.h5 as they were written, in one order, and equal frames make equal files; a cut or flipped file gives an error or
 * the frames as they were, never others; files of other shapes, types, filters and with links elsewhere are refused; a directory's snapshots are each
 * there once, wherever they lie. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../kernels/philox.h"
#include "../kmc/frames.h"
#include "../kmc/store_types.h"
#include "../kmc/store_writer.h"
#include "specimen.h"

enum { FRAMES = 5 };
static const struct store_origin ORIGIN = {"00112233445566aa", 77};
TestSuite(store, .init = specimen_enter, .fini = specimen_leave);
TestSuite(frames, .init = specimen_enter, .fini = specimen_leave);

static const char *const AT[FRAMES] = {"initial", "charge@4.400", "charge", "discharge@3.250",
                                       "discharge"};

/* Random cations and O states without partners; frame k of `replica`. */
static void fill(struct snapshot *s, int64_t replica, int64_t k, int na, int nb) {
    static const struct species species[] = {
        {"", 0, -1}, {"Li", 1, -1}, {"Ni", 2, -1}, {"Mn", 4, -1}};
    *s = (struct snapshot){.na = na, .nb = nb, .a_A = 2.85, .tm_gap_A = 2.15, .li_gap_A = 2.6};
    s->n_planes = 6;
    strcpy(s->letters, "ABCABC");
    s->replica = replica;
    s->cycle = k > 0;
    strcpy(s->at, AT[k]);
    s->voltage_V = k ? 2 + 0.5 * (double)k : NAN;
    s->time_s = 1000.25 * (double)k;
    strcpy(s->scenario, "o3 \"test\", 1");
    strcpy(s->parameter_hash, "0123456789abcdef");
    strcpy(s->version, "0.1.0");
    strcpy(s->git_hash, "abcdef0");
    s->n_species = 4;
    memcpy(s->species, species, sizeof species);
    s->occupancy = malloc((size_t)snapshot_n_sites(s));
    for (int64_t site = 0; site < snapshot_n_sites(s); site++) {
        uint32_t draw =
            philox_draw((struct philox){1, (uint32_t)replica}, 0, (uint32_t)k, (uint64_t)site).v[0];
        s->occupancy[site] = (uint8_t)(snapshot_is_anion(s, site) ? draw % 2 : draw % 4);
    }
}

static int na = 5;

static int next(void *context, int64_t k, struct snapshot *s) {
    fill(s, *(int64_t *)context, k, na, 4);
    return 0;
}

static int write_store(const char *path) {
    int64_t replica = 3;
    return store_writer_write(path, &ORIGIN, FRAMES, next, &replica, stderr);
}

static bool same(const struct snapshot *a, const struct snapshot *b) {
    bool voltage = a->voltage_V == b->voltage_V || (isnan(a->voltage_V) && isnan(b->voltage_V));
    bool species = a->n_species == b->n_species;
    for (int k = SPECIES_LI; species && k < a->n_species; k++)
        species = !strcmp(a->species[k].symbol, b->species[k].symbol) &&
                  a->species[k].charge == b->species[k].charge;
    return voltage && species && a->na == b->na && a->nb == b->nb && a->n_planes == b->n_planes &&
           !strcmp(a->letters, b->letters) && a->a_A == b->a_A && a->tm_gap_A == b->tm_gap_A &&
           a->li_gap_A == b->li_gap_A && a->replica == b->replica && a->cycle == b->cycle &&
           !strcmp(a->at, b->at) && a->time_s == b->time_s && !strcmp(a->scenario, b->scenario) &&
           !strcmp(a->parameter_hash, b->parameter_hash) && !strcmp(a->version, b->version) &&
           !strcmp(a->git_hash, b->git_hash) &&
           !memcmp(a->occupancy, b->occupancy, (size_t)snapshot_n_sites(a));
}

/* ---- store ---- */

Test(store, frames_come_back_as_written) {
    struct store st;
    cr_assert(write_store("run.h5") == 0);
    cr_assert(store_open(&st, "run.h5", stderr) == 0);
    cr_assert(st.n == FRAMES);
    cr_expect(st.origin.seed == 77 && !strcmp(st.origin.scenario_hash, ORIGIN.scenario_hash));
    for (int64_t k = 0; k < FRAMES; k++) {
        struct snapshot wanted, found;
        fill(&wanted, 3, k, na, 4);
        cr_assert(store_read(&st, k, &found, stderr) == 0);
        cr_expect(same(&wanted, &found), "frame %d", (int)k);
        snapshot_free(&wanted);
        snapshot_free(&found);
    }
    store_close(&st);
    cr_expect(access("run.h5.tmp", F_OK) != 0, "temporary file is gone");
}

Test(store, large_boxes_have_several_chunks) {
    struct store st;
    na = 3000; /* 288000 sites: one whole chunk and a part */
    cr_assert(write_store("run.h5") == 0);
    cr_assert(store_open(&st, "run.h5", stderr) == 0);
    struct snapshot wanted, found;
    fill(&wanted, 3, 4, na, 4);
    cr_assert(store_read(&st, 4, &found, stderr) == 0);
    cr_expect(same(&wanted, &found));
    snapshot_free(&wanted);
    snapshot_free(&found);
    store_close(&st);
}

Test(store, equal_frames_make_equal_files) {
    size_t n, m;
    cr_assert(write_store("a.h5") == 0);
    sleep(1); /* no time of day in it */
    cr_assert(write_store("b.h5") == 0);
    unsigned char *a = specimen_read("a.h5", &n), *b = specimen_read("b.h5", &m);
    cr_expect(n == m && memcmp(a, b, n) == 0);
    free(a);
    free(b);
}

static int another(void *context, int64_t k, struct snapshot *s) {
    (void)context;
    fill(s, 0, k, k == 2 ? 7 : 5, 4);
    return 0;
}

Test(store, nothing_is_left_of_what_cannot_be_written) {
    int64_t replica = 0;
    FILE *old = fopen("run.h5", "w");
    fputs("old", old);
    fclose(old);
    cr_expect(store_writer_write("run.h5", &ORIGIN, FRAMES, another, NULL, specimen_nowhere()) ==
                  SNAPSHOT_CORRUPT,
              "a frame of another crystal");
    cr_expect(store_writer_write("none/run.h5", &ORIGIN, FRAMES, next, &replica,
                                 specimen_nowhere()) == SNAPSHOT_CORRUPT);
    size_t n;
    unsigned char *data = specimen_read("run.h5", &n);
    cr_expect(n == 3 && memcmp(data, "old", 3) == 0, "the file before stays");
    free(data);
    cr_expect(access("run.h5.tmp", F_OK) != 0);
}

/* ---- hostile files ---- */

/* Opens and reads all; true when it gives the frames that were written, and nothing stays open. */
static bool reads_as_written(const char *path, int64_t *refused) {
    struct store st;
    int status = store_open(&st, path, specimen_nowhere());
    bool good = true;
    cr_assert(status == 0 || status == SNAPSHOT_CORRUPT || status == SNAPSHOT_MEMORY);
    *refused += status != 0;
    if (status)
        return H5Fget_obj_count(H5F_OBJ_ALL, H5F_OBJ_ALL) == 0;
    for (int64_t k = 0; k < st.n; k++) {
        struct snapshot wanted, found;
        status = store_read(&st, k, &found, specimen_nowhere());
        *refused += status != 0;
        if (status)
            continue;
        fill(&wanted, 3, k < FRAMES ? k : 0, na, 4);
        good = good && st.n == FRAMES && same(&wanted, &found);
        snapshot_free(&wanted);
        snapshot_free(&found);
    }
    store_close(&st);
    return good && H5Fget_obj_count(H5F_OBJ_ALL, H5F_OBJ_ALL) == 0;
}

Test(store, a_flipped_byte_is_no_other_frame) {
    size_t n;
    int64_t refused = 0, tried = 0;
    cr_assert(write_store("good.h5") == 0);
    unsigned char *data = specimen_read("good.h5", &n);
    for (size_t at = 0; at < n; at += 5, tried++) {
        unsigned char before = data[at];
        data[at] ^= (unsigned char)(1 << at % 8);
        specimen_write("bad.h5", data, n);
        cr_expect(reads_as_written("bad.h5", &refused), "byte %zu of %zu", at, n);
        data[at] = before;
    }
    free(data);
    cr_expect(refused > tried / 2, "%d of %d were noticed", (int)refused, (int)tried);
}

Test(store, a_cut_file_is_refused) {
    size_t n;
    cr_assert(write_store("good.h5") == 0);
    unsigned char *data = specimen_read("good.h5", &n);
    for (size_t size = 0; size < n; size += 97) {
        struct store st;
        specimen_write("bad.h5", data, size);
        cr_expect(store_open(&st, "bad.h5", specimen_nowhere()) == SNAPSHOT_CORRUPT,
                  "%zu of %zu bytes", size, n);
    }
    free(data);
}

static bool opens(const char *path, const char *words) {
    struct store st;
    char *text = NULL;
    size_t bytes = 0;
    FILE *errors = open_memstream(&text, &bytes);
    int status = store_open(&st, path, errors);
    fclose(errors);
    bool as_expected = status == SNAPSHOT_CORRUPT && strstr(text, words) && strstr(text, "hint: ");
    cr_expect(as_expected, "%s: expected `%s`, found %d: %s", path, words, status, text);
    if (status == 0)
        store_close(&st);
    free(text);
    return as_expected;
}

Test(store, what_is_no_file_is_refused) {
    mkdir("folder", 0777);
    mkfifo("pipe", 0666);
    specimen_write("text", "nothing", 7);
    opens("folder", "expected a whole HDF5 file");
    opens("pipe", "expected a whole HDF5 file");
    opens("text", "expected a whole HDF5 file");
    opens("nowhere", "expected a whole HDF5 file");
}

/* ---- files of others: everything as it should be but for one thing ---- */

enum wrong {
    RIGHT,
    OTHER_FORMAT,
    NO_ATTRIBUTE,
    HUGE_CELLS,
    LONG_TEXT,
    LETTERS,
    VARIABLE_TEXT,
    TWO_BYTES,
    FEW_SITES,
    MORE_FRAMES,
    NO_CHUNKS,
    HUGE_CHUNKS,
    EMPTY_CHUNKS,
    OTHER_FILTER,
    SOFT_LINK,
    EXTERNAL_LINK,
    NO_MEMBER,
    TEXT_MEMBER,
    HALF_RANGE,
    LI_COUNT,
    NO_LI,
    WRONGS
};

static void attribute(hid_t file, const char *name, hid_t type, const void *value) {
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t a = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    cr_assert(a >= 0 && H5Awrite(a, type, value) >= 0);
    H5Aclose(a);
    H5Sclose(space);
}

static void text_attribute(hid_t file, const char *name, const char *text) {
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, strlen(text));
    attribute(file, name, type, text);
    H5Tclose(type);
}

static void put_attributes(hid_t file, enum wrong w) {
    int64_t na_ = w == HUGE_CELLS ? INT64_C(1) << 40 : 2, nb = 2, seed = 1;
    double length = 2.5;
    const char *text = "text";
    hid_t variable = H5Tcopy(H5T_C_S1);
    H5Tset_size(variable, H5T_VARIABLE);
    text_attribute(file, "format", w == OTHER_FORMAT ? "lrm-kmc store 2" : "lrm-kmc store 1");
    if (w == VARIABLE_TEXT)
        attribute(file, "scenario", variable, &text);
    else
        text_attribute(file, "scenario", "text");
    text_attribute(file, "scenario_hash",
                   w == LONG_TEXT ? "0123456789abcdef0" : "0123456789abcdef");
    text_attribute(file, "parameter_hash", "0123456789abcdef");
    text_attribute(file, "version", "0");
    if (w != NO_ATTRIBUTE)
        text_attribute(file, "git_hash", "0");
    text_attribute(file, "letters", w == LETTERS ? "ABCD" : "ABCB");
    attribute(file, "seed", H5T_NATIVE_INT64, &seed);
    attribute(file, "cells_a", H5T_NATIVE_INT64, &na_);
    attribute(file, "cells_b", H5T_NATIVE_INT64, &nb);
    attribute(file, "a_A", H5T_NATIVE_DOUBLE, &length);
    attribute(file, "tm_gap_A", H5T_NATIVE_DOUBLE, &length);
    attribute(file, "li_gap_A", H5T_NATIVE_DOUBLE, &length);
    H5Tclose(variable);
}

static void dataset(hid_t file, const char *name, hid_t type, int rank, const hsize_t *size,
                    const hsize_t *chunk, enum wrong w, const void *data) {
    hid_t properties = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(rank, size, NULL);
    if (w != NO_CHUNKS) {
        H5Pset_chunk(properties, rank, chunk);
        H5Pset_deflate(properties, 4);
    }
    if (w == OTHER_FILTER)
        H5Pset_nbit(properties);
    hid_t d = H5Dcreate2(file, name, type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    cr_assert(d >= 0);
    if (w != EMPTY_CHUNKS && w != HUGE_CHUNKS)
        cr_assert(H5Dwrite(d, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
    H5Dclose(d);
    H5Sclose(space);
    H5Pclose(properties);
}

static void put_sites(hid_t file, enum wrong w) {
    enum { SITES = 4 * 4 * 2 * 2 };
    static uint16_t site[2 * SITES];
    hsize_t size[2] = {w == MORE_FRAMES ? 2 : 1, w == FEW_SITES ? SITES - 1 : SITES};
    hsize_t chunk[2] = {1, size[1]};
    if (w == HUGE_CHUNKS) {
        size[1] = chunk[1] = (hsize_t)1 << 31;
        size[0] = 1;
    }
    const char *name = w == SOFT_LINK ? "elsewhere" : "occupancy";
    if (w == EXTERNAL_LINK)
        H5Lcreate_external("right.h5", "occupancy", file, "occupancy", H5P_DEFAULT, H5P_DEFAULT);
    else
        dataset(file, name, w == TWO_BYTES ? H5T_NATIVE_UINT16 : H5T_NATIVE_UINT8, 2, size, chunk,
                w, site);
    if (w == SOFT_LINK)
        H5Lcreate_soft("/elsewhere", file, "occupancy", H5P_DEFAULT, H5P_DEFAULT);
}

static void put_tables(hid_t file, enum wrong w) {
    struct store_types_species species[2] = {{"X", 0}, {"Li", 1}};
    struct store_frame frame = {0, 1, w == HALF_RANGE ? 3 : 1, 4.0, NAN, w == LI_COUNT ? 5 : 0, 1};
    hsize_t n = w == NO_LI ? 1 : 2, one = 1;
    hid_t type = store_types_create_species();
    dataset(file, "species", type, 1, &n, &n, RIGHT, species);
    H5Tclose(type);
    type = store_types_create_frame();
    if (w == NO_MEMBER || w == TEXT_MEMBER) {
        hid_t text = H5Tcopy(H5T_C_S1), other = H5Tcreate(H5T_COMPOUND, H5Tget_size(type));
        H5Tset_size(text, 8);
        for (int k = w == NO_MEMBER; k < H5Tget_nmembers(type); k++) {
            char *name = H5Tget_member_name(type, (unsigned)k);
            hid_t member = H5Tget_member_type(type, (unsigned)k);
            H5Tinsert(other, name, H5Tget_member_offset(type, (unsigned)k),
                      w == TEXT_MEMBER && k == 1 ? text : member);
            H5Tclose(member);
            H5free_memory(name);
        }
        H5Tclose(type);
        H5Tclose(text);
        type = other;
    }
    dataset(file, "frames", type, 1, &one, &one, RIGHT, &frame);
    H5Tclose(type);
}

static void put_wrong(const char *path, enum wrong w) {
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    cr_assert(file >= 0);
    put_attributes(file, w);
    put_tables(file, w);
    put_sites(file, w);
    H5Fclose(file);
}

Test(store, other_types_shapes_filters_and_links_are_refused) {
    static const char *const words[WRONGS] = {
        [OTHER_FORMAT] = "format: expected `lrm-kmc store 1`, found `lrm-kmc store 2`",
        [NO_ATTRIBUTE] = "git_hash: expected one text, found none",
        [HUGE_CELLS] = "cells_a: expected 1 to 65536",
        [LONG_TEXT] = "scenario_hash: expected a text below 17 bytes",
        [LETTERS] = "letters: expected two or more of A, B, C",
        [VARIABLE_TEXT] = "scenario: expected a text below",
        [TWO_BYTES] = "one byte each",
        [FEW_SITES] = "occupancy: expected 1 frames of 64 sites, one byte each, found 1 of 63",
        [MORE_FRAMES] = "occupancy: expected 1 frames of 64 sites, one byte each, found 2 of 64",
        [NO_CHUNKS] = "occupancy: expected a chunked dataset",
        [HUGE_CHUNKS] = "occupancy: expected a chunked dataset",
        [EMPTY_CHUNKS] = "occupancy: expected a chunked dataset",
        [OTHER_FILTER] = "occupancy: expected a chunked dataset",
        [SOFT_LINK] = "occupancy: expected a dataset, found none",
        [EXTERNAL_LINK] = "occupancy: expected a dataset, found none",
        [NO_MEMBER] = "frames: expected a table of",
        [TEXT_MEMBER] = "frames: expected a table of",
        [HALF_RANGE] = "values out of range",
        [NO_LI] = "species: expected a table",
    };
    struct store st;
    struct snapshot s;
    put_wrong("right.h5", RIGHT);
    cr_assert(store_open(&st, "right.h5", stderr) == 0, "what is right is taken");
    cr_assert(store_read(&st, 0, &s, stderr) == 0);
    snapshot_free(&s);
    store_close(&st);
    for (int w = RIGHT + 1; w < WRONGS; w++) {
        put_wrong("wrong.h5", (enum wrong)w);
        if (words[w])
            opens("wrong.h5", words[w]);
    }
    put_wrong("wrong.h5", LI_COUNT);
    cr_assert(store_open(&st, "wrong.h5", stderr) == 0);
    cr_expect(store_read(&st, 0, &s, specimen_nowhere()) == SNAPSHOT_CORRUPT, "Li of the table");
    store_close(&st);
}

/* ---- frames ---- */

static void write_file(const char *directory, int64_t replica, int64_t k) {
    char path[STORE_PATH];
    struct snapshot s;
    fill(&s, replica, k, na, 4);
    cr_assert(snapshot_path(path, sizeof path, directory, replica, s.cycle, s.at));
    cr_assert(snapshot_write(&s, path, stderr) == 0);
    snapshot_free(&s);
}

Test(frames, files_become_a_store_in_the_order_of_time) {
    const char *one = "run";
    struct frames f;
    mkdir("run", 0777);
    mkdir("run/snapshots", 0777);
    for (int64_t k = FRAMES - 1; k >= 0; k--)
        write_file(one, k % 2, k);
    specimen_write("run/snapshots/r000_c0001_charge.snap.tmp", "half", 4);
    specimen_write("run/snapshots/notes.snap", "mine", 4);
    specimen_write("run/snapshots/r00_c01_charge.snap", "mine", 4);
    cr_assert(frames_open_files(&f, &one, stderr) == 0);
    cr_assert(f.n == FRAMES);
    cr_assert(frames_pack(&f, one, &ORIGIN, stderr) == 0);
    frames_close(&f);
    frames_remove_files(one);
    cr_expect(access("run/snapshots/notes.snap", F_OK) == 0, "what is no snapshot stays");
    cr_expect(!frames_has_file(one, 0, 1, "charge"));
    cr_assert(frames_open(&f, &one, 1, stderr) == 0);
    cr_assert(f.n == FRAMES);
    static const int order[FRAMES] = {0, 2, 4, 1, 3}; /* replica 0, then 1 */
    for (int64_t k = 0; k < f.n; k++) {
        struct snapshot wanted, found;
        fill(&wanted, order[k] % 2, order[k], na, 4);
        cr_assert(frames_read(&f, k, &found, stderr) == 0);
        cr_expect(same(&wanted, &found), "frame %d", (int)k);
        snapshot_free(&wanted);
        snapshot_free(&found);
    }
    cr_expect(frames_find(&f, 1, 1, "charge@4.400") == 3 &&
              frames_find(&f, 0, 1, "charge@9.000") == -1);
    frames_close(&f);
}

Test(frames, several_directories_join_and_each_frame_is_there_once) {
    static const char *const both[] = {"a", "b"};
    struct frames f;
    for (int d = 0; d < 2; d++) {
        char path[32];
        snprintf(path, sizeof path, "%s/snapshots", both[d]);
        mkdir(both[d], 0777);
        mkdir(path, 0777);
        for (int64_t k = 0; k < FRAMES; k++)
            write_file(both[d], d, k);
        cr_assert(frames_open_files(&f, &both[d], stderr) == 0);
        cr_assert(frames_pack(&f, both[d], &ORIGIN, stderr) == 0);
        frames_close(&f);
    }
    frames_remove_files("a"); /* b has files and store */
    cr_assert(frames_open(&f, both, 2, stderr) == 0);
    cr_assert(f.n == 2 * FRAMES);
    cr_assert(frames_pack(&f, "b", &ORIGIN, stderr) == 0);
    frames_close(&f);
    struct store st;
    cr_assert(store_open(&st, "b/run.h5", stderr) == 0);
    cr_expect(st.n == 2 * FRAMES && st.frame[0].replica == 0 && st.frame[9].replica == 1);
    store_close(&st);
}
