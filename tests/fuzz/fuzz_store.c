/* run.h5 (kmc/store.h).  HDF5's own code is not instrumented: what is looked for is what this program makes of files that HDF5 takes.  Checksums of HDF5
 * stop nearly every changed byte, so an input that is no HDF5 file is a list of edits to a whole one: attributes, tables, sites and links are put in place
 * of others through HDF5.  Each edit is a byte that says what, and its arguments.
 */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../../kmc/export.h"
#include "../../kmc/frames.h"
#include "../../kmc/store_types.h"
#include "../../kmc/store_writer.h"
#include "fuzz.h"

/* HDF5 1.10 leaks what it has read of a file that it then refuses. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:libhdf5";
}

/* ---- a whole file ---- */

enum { CELLS = 2, FRAMES = 3, WHOLE_MAX = 1 << 16 };

static int next_frame(void *context, int64_t k, struct snapshot *s) {
    static const char *const at[FRAMES] = {"initial", "charge@4.400", "charge"};
    (void)context;
    *s = (struct snapshot){.na = CELLS,
                           .nb = CELLS,
                           .n_planes = 6,
                           .letters = "ABCABC",
                           .a_A = 2.85,
                           .tm_gap_A = 2.15,
                           .li_gap_A = 2.6,
                           .cycle = k > 0,
                           .voltage_V = k ? 4 : NAN,
                           .scenario = "fuzz",
                           .parameter_hash = "0123456789abcdef",
                           .version = "0.1.0",
                           .git_hash = "abcdef0",
                           .n_species = 3,
                           .species = {{"", 0, -1}, {"Li", 1, -1}, {"Mn", 4, -1}}};
    strcpy(s->at, at[k]);
    s->occupancy = malloc((size_t)snapshot_n_sites(s));
    if (!s->occupancy)
        fuzz_fail("out of memory");
    for (int64_t site = 0; site < snapshot_n_sites(s); site++)
        s->occupancy[site] = snapshot_is_anion(s, site) ? 0 : (uint8_t)((site + k) % 3);
    return 0;
}

static const uint8_t *whole_file(size_t *size) {
    static uint8_t byte[WHOLE_MAX];
    static size_t n;
    static const struct store_origin origin = {"00112233445566aa", 77};
    if (n == 0) {
        const char *path = fuzz_disk_file(NULL, 0);
        FILE *in = store_writer_write(path, &origin, FRAMES, next_frame, NULL, stderr) == 0
                       ? fopen(path, "rb")
                       : NULL;
        n = in ? fread(byte, 1, sizeof byte, in) : 0;
        if (n == 0 || n == sizeof byte || fclose(in))
            fuzz_fail("a whole file could not be made");
    }
    *size = n;
    return byte;
}

/* ---- edits ---- */

struct script {
    const uint8_t *byte;
    size_t left;
};

static unsigned take(struct script *s) {
    if (s->left == 0)
        return 0;
    s->left--;
    return *s->byte++;
}

/* As many bytes as there are, then zeros. */
static void take_bytes(struct script *s, void *to, size_t n) {
    for (size_t k = 0; k < n; k++)
        ((uint8_t *)to)[k] = (uint8_t)take(s);
}

static const char *take_name(struct script *s, const char *const *name) {
    unsigned n = 0;
    while (name[n])
        n++;
    return name[take(s) % n];
}

static const char *const ATTRIBUTES[] = {"format",   "scenario", "scenario_hash", "parameter_hash",
                                         "seed",     "version",  "git_hash",      "cells_a",
                                         "cells_b",  "letters",  "a_A",           "tm_gap_A",
                                         "li_gap_A", NULL};
static const char *const DATASETS[] = {"species", "frames", "occupancy", NULL};

static hid_t take_type(struct script *s) {
    hid_t text;
    switch (take(s) % 8) {
    case 0:
        return H5Tcopy(H5T_NATIVE_INT64);
    case 1:
        return H5Tcopy(H5T_NATIVE_UINT8);
    case 2:
        return H5Tcopy(H5T_NATIVE_DOUBLE);
    case 3:
        return store_types_create_species();
    case 4:
        return store_types_create_frame();
    case 5:
        return H5Tcopy(H5T_NATIVE_INT16);
    default:
        text = H5Tcopy(H5T_C_S1);
        H5Tset_size(text, 1 + take(s)); /* also longer than what reads it */
        return text;
    }
}

/* Another attribute of this name, or none. */
static void edit_attribute(struct script *s, hid_t file) {
    const char *name = take_name(s, ATTRIBUTES);
    hsize_t length = take(s) % 3;
    uint8_t value[2 * 256] = {0};
    H5Adelete(file, name);
    if (length == 0)
        return;
    hid_t type = take_type(s), space = H5Screate_simple(1, &length, NULL);
    if (length == 1) {
        H5Sclose(space);
        space = H5Screate(H5S_SCALAR);
    }
    take_bytes(s, value, H5Tget_size(type));
    hid_t a = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(a, type, value);
    H5Aclose(a);
    H5Sclose(space);
    H5Tclose(type);
}

/* Other bytes in a row of a table or a frame, at a place within it. */
static void edit_bytes(struct script *s, hid_t file) {
    hid_t data = H5Dopen2(file, take_name(s, DATASETS), H5P_DEFAULT);
    hid_t type = H5Dget_type(data), space = H5Dget_space(data);
    size_t all = H5Tget_size(type) * (size_t)H5Sget_simple_extent_npoints(space);
    uint8_t *row = data >= 0 && all > 0 && all < 1 << 20 ? calloc(1, all + 8) : NULL;
    if (row && H5Dread(data, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, row) >= 0) {
        size_t at = (take(s) << 8 | take(s)) % all;
        take_bytes(s, row + at, 1 + take(s) % 8);
        H5Dwrite(data, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, row);
    }
    free(row);
    H5Sclose(space);
    H5Tclose(type);
    H5Dclose(data);
}

/* Another dataset of this name: type, rank, sizes, layout, filters; not written where sizes are large. */
static void edit_dataset(struct script *s, hid_t file) {
    const char *name = take_name(s, DATASETS);
    unsigned how = take(s);
    int rank = 1 + (int)(how & 1);
    hsize_t size[2] = {1 + take(s), 1 + take(s)}, chunk[2] = {1, 1};
    if (how & 64) /* as large as can be asked for */
        size[rank - 1] <<= 8 * (take(s) % 6);
    hid_t type = take_type(s), space = H5Screate_simple(rank, size, NULL);
    hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
    for (int k = 0; k < rank; k++)
        chunk[k] = size[k] < 1 << 16 ? size[k] : 1 << 16;
    if (how & 2)
        H5Pset_chunk(properties, rank, chunk);
    if (how & 4)
        H5Pset_shuffle(properties);
    if (how & 8)
        H5Pset_deflate(properties, 1);
    if (how & 16)
        H5Pset_fletcher32(properties);
    if (how & 32)
        H5Pset_nbit(properties);
    H5Ldelete(file, name, H5P_DEFAULT);
    hid_t data = H5Dcreate2(file, name, type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    size_t all = H5Tget_size(type) * (size_t)H5Sget_simple_extent_npoints(space);
    uint8_t *bytes = all < 1 << 16 ? calloc(1, all) : NULL;
    if (bytes) {
        take_bytes(s, bytes, all < 64 ? all : 64);
        H5Dwrite(data, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes);
    }
    free(bytes);
    H5Dclose(data);
    H5Pclose(properties);
    H5Sclose(space);
    H5Tclose(type);
}

/* A link of this name to something else. */
static void edit_link(struct script *s, hid_t file) {
    const char *name = take_name(s, DATASETS), *other = take_name(s, DATASETS);
    unsigned how = take(s) % 4;
    H5Ldelete(file, name, H5P_DEFAULT);
    if (how == 0)
        H5Lcreate_soft(other, file, name, H5P_DEFAULT, H5P_DEFAULT);
    if (how == 1)
        H5Lcreate_hard(file, other, file, name, H5P_DEFAULT, H5P_DEFAULT);
    if (how == 2)
        H5Lcreate_external("/etc/passwd", other, file, name, H5P_DEFAULT, H5P_DEFAULT);
    if (how == 3)
        H5Gclose(H5Gcreate2(file, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
}

static void edit(const char *path, struct script s) {
    static void (*const edits[])(struct script *, hid_t) = {edit_attribute, edit_bytes,
                                                            edit_dataset, edit_link};
    store_types_quiet();
    hid_t access = store_types_access(), file = H5Fopen(path, H5F_ACC_RDWR, access);
    H5Pclose(access);
    if (file < 0)
        fuzz_fail("the whole file does not open");
    for (int k = 0; k < 8 && s.left; k++)
        edits[take(&s) % 4](&s, file);
    H5Fclose(file);
}

/* ---- reading ---- */

static void export_frame(const struct snapshot *s) {
    static const bool is_tm[SPECIES_MAX] = {[CATION_LI + 1] = true};
    struct view v;
    if (view_create(&v, s, is_tm, NULL, false, true, fuzz_nowhere()) == 0)
        (void)export_write(fuzz_nowhere(), export_at(0), &v, fuzz_nowhere());
    view_free(&v);
}

/* Is the file taken? */
static bool read_all(const char *path) {
    struct store st;
    struct snapshot s;
    char at[SNAPSHOT_AT], again[SNAPSHOT_AT];
    int status = store_open(&st, path, fuzz_nowhere());
    if (status && status != SNAPSHOT_CORRUPT && status != SNAPSHOT_MEMORY)
        fuzz_fail("expected exit code 0, 4 or 5");
    if (status)
        return false;
    for (int64_t k = 0; k < st.n && k < 2 * FRAMES; k++) {
        store_at(&st, k, at);
        if (!snapshot_at(again, at))
            fuzz_fail("expected a moment of a cycle");
        if (store_read(&st, k, &s, fuzz_nowhere()) == 0) {
            export_frame(&s);
            snapshot_free(&s);
        }
    }
    store_close(&st);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t magic[] = {0x89, 'H', 'D', 'F'};
    size_t n;
    const uint8_t *whole = whole_file(&n);
    if (size >= sizeof magic && memcmp(data, magic, sizeof magic) == 0) {
        (void)read_all(fuzz_disk_file(data, size));
        return 0;
    }
    const char *path = fuzz_disk_file(whole, n);
    edit(path, (struct script){data, size});
    if (!read_all(path) && size == 0)
        fuzz_fail("a whole file is refused");
    return 0;
}
