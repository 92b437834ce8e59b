#define _POSIX_C_SOURCE 200809L
#include "store_writer.h"
#include <hdf5.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "store_types.h"

enum { CHUNK_BYTES = 1 << 24, MAX_CELLS = 65536, MAX_FRAMES = 1 << 30 };
/* Deflate packs at most 1032 bytes into one. */
static const double DEFLATE_LIMIT = 1100;

bool store_available(char what[80]) {
    unsigned major, minor, release;
    store_types_quiet();
    H5get_libversion(&major, &minor, &release);
    snprintf(what, 80, "%u.%u.%u", major, minor, release);
    return true;
}

static bool refuse(const struct store *st, FILE *errors, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* False, to be returned. */
static bool refuse(const struct store *st, FILE *errors, const char *format, ...) {
    va_list list;
    va_start(list, format);
    fprintf(errors, "%s: error: ", st->path);
    vfprintf(errors, format, list);
    fputs("\n    hint: the file is damaged or none of this program's; run the scenario again to "
          "get an intact "
          "one\n",
          errors);
    va_end(list);
    return false;
}

/* ---- attributes ---- */

/* Of one value and this class; H5I_INVALID_HID with a message when there is none. */
static hid_t open_attribute(const struct store *st, const char *name, H5T_class_t class,
                            FILE *errors) {
    hid_t a =
        H5Aexists(st->file, name) > 0 ? H5Aopen(st->file, name, H5P_DEFAULT) : H5I_INVALID_HID;
    hid_t space = a >= 0 ? H5Aget_space(a) : H5I_INVALID_HID;
    hid_t type = a >= 0 ? H5Aget_type(a) : H5I_INVALID_HID;
    bool fits = space >= 0 && type >= 0 && H5Sget_simple_extent_npoints(space) == 1 &&
                H5Tget_class(type) == class;
    H5Tclose(type);
    H5Sclose(space);
    if (fits)
        return a;
    H5Aclose(a);
    refuse(st, errors, "attribute %s: expected one %s, found none", name,
           class == H5T_STRING ? "text" : "number");
    return H5I_INVALID_HID;
}

static bool take_text(const struct store *st, const char *name, char *value, size_t bytes,
                      FILE *errors) {
    hid_t a = open_attribute(st, name, H5T_STRING, errors);
    if (a < 0)
        return false;
    hid_t type = H5Aget_type(a);
    bool fits = H5Tis_variable_str(type) == 0 && H5Tget_size(type) < bytes;
    memset(value, 0, bytes);
    fits = fits && H5Aread(a, type, value) >= 0;
    H5Tclose(type);
    H5Aclose(a);
    return fits ||
           refuse(st, errors, "attribute %s: expected a text below %zu bytes, found another", name,
                  bytes);
}

static bool take_int(const struct store *st, const char *name, int64_t low, int64_t high,
                     int64_t *value, FILE *errors) {
    hid_t a = open_attribute(st, name, H5T_INTEGER, errors);
    if (a < 0)
        return false;
    bool good = H5Aread(a, H5T_NATIVE_INT64, value) >= 0 && *value >= low && *value <= high;
    H5Aclose(a);
    return good || refuse(st, errors, "attribute %s: expected %lld to %lld, found another", name,
                          (long long)low, (long long)high);
}

static bool take_length(const struct store *st, const char *name, double *value, FILE *errors) {
    hid_t a = open_attribute(st, name, H5T_FLOAT, errors);
    if (a < 0)
        return false;
    bool good = H5Aread(a, H5T_NATIVE_DOUBLE, value) >= 0 && *value >= 0.1 && *value <= 100;
    H5Aclose(a);
    return good ||
           refuse(st, errors, "attribute %s: expected 0.1 to 100 angstrom, found another", name);
}

static bool take_letters(struct store *st, FILE *errors) {
    char *letters = st->common.letters;
    if (!take_text(st, "letters", letters, sizeof st->common.letters, errors))
        return false;
    size_t n = strlen(letters);
    st->common.n_planes = (int32_t)n;
    return (n >= 2 && strspn(letters, "ABC") == n) ||
           refuse(st, errors, "attribute letters: expected two or more of A, B, C, found others");
}

static bool take_attributes(struct store *st, FILE *errors) {
    struct snapshot *c = &st->common;
    char format[32];
    int64_t na, nb;
    if (!take_text(st, "format", format, sizeof format, errors))
        return false;
    if (strcmp(format, STORE_TYPES_FORMAT) != 0)
        return refuse(st, errors, "attribute format: expected `%s`, found `%s`", STORE_TYPES_FORMAT,
                      format);
    bool good =
        take_int(st, "cells_a", 1, MAX_CELLS, &na, errors) &&
        take_int(st, "cells_b", 1, MAX_CELLS, &nb, errors) && take_letters(st, errors) &&
        take_length(st, "a_A", &c->a_A, errors) &&
        take_length(st, "tm_gap_A", &c->tm_gap_A, errors) &&
        take_length(st, "li_gap_A", &c->li_gap_A, errors) &&
        take_text(st, "scenario", c->scenario, sizeof c->scenario, errors) &&
        take_text(st, "scenario_hash", st->origin.scenario_hash, sizeof st->origin.scenario_hash,
                  errors) &&
        take_text(st, "parameter_hash", c->parameter_hash, sizeof c->parameter_hash, errors) &&
        take_int(st, "seed", 0, INT64_MAX, &st->origin.seed, errors) &&
        take_text(st, "version", c->version, sizeof c->version, errors) &&
        take_text(st, "git_hash", c->git_hash, sizeof c->git_hash, errors);
    if (good) {
        c->na = (int32_t)na;
        c->nb = (int32_t)nb;
    }
    return good;
}

/* ---- datasets ---- */

/* Only what this program writes: no code of others may run, and no other file be opened. */
static bool filters_fit(hid_t properties) {
    int n = H5Pget_nfilters(properties);
    for (int k = 0; k < n; k++) {
        unsigned flags, settings;
        size_t none = 0;
        H5Z_filter_t id =
            H5Pget_filter2(properties, (unsigned)k, &flags, &none, NULL, 0, NULL, &settings);
        if (id != H5Z_FILTER_SHUFFLE && id != H5Z_FILTER_DEFLATE && id != H5Z_FILTER_FLETCHER32)
            return false;
    }
    return n >= 0;
}

/* Chunks of a modest size, all of them there, and no more bytes than the file can hold. */
static bool chunks_fit(const struct store *st, hid_t data, hid_t properties, int rank,
                       const hsize_t *size, size_t bytes) {
    struct stat file;
    hsize_t chunk[2], there;
    double expected = 1, all = (double)bytes, one = (double)bytes;
    if (H5Pget_layout(properties) != H5D_CHUNKED || H5Pget_chunk(properties, rank, chunk) != rank)
        return false;
    for (int k = 0; k < rank; k++) {
        if (chunk[k] == 0 || size[k] == 0)
            return false;
        expected *= ceil((double)size[k] / (double)chunk[k]);
        all *= (double)size[k];
        one *= (double)chunk[k];
    }
    hid_t space = H5Dget_space(data);
    bool counted = H5Dget_num_chunks(data, space, &there) >= 0;
    H5Sclose(space);
    return counted && (double)there == expected && one <= CHUNK_BYTES &&
           stat(st->path, &file) == 0 && H5Dget_storage_size(data) <= (hsize_t)file.st_size &&
           all <= DEFLATE_LIMIT * (double)file.st_size;
}

static bool shape_fits(hid_t data, int rank, hsize_t *size) {
    hid_t space = H5Dget_space(data);
    bool fits = space >= 0 && H5Sget_simple_extent_ndims(space) == rank &&
                H5Sget_simple_extent_dims(space, size, NULL) == rank;
    H5Sclose(space);
    return fits;
}

/* A dataset of this file whose stored bytes can be trusted as far as sizes go; H5I_INVALID_HID with a message when there is none. */
static hid_t open_dataset(const struct store *st, const char *name, int rank, hsize_t size[2],
                          H5T_class_t class, FILE *errors) {
    H5L_info_t link;
    hid_t data = H5I_INVALID_HID;
    if (H5Lget_info(st->file, name, &link, H5P_DEFAULT) >= 0 && link.type == H5L_TYPE_HARD)
        data = H5Dopen2(st->file, name, H5P_DEFAULT);
    if (data < 0) {
        refuse(st, errors, "%s: expected a dataset, found none", name);
        return data;
    }
    hid_t properties = H5Dget_create_plist(data), type = H5Dget_type(data);
    size_t bytes = H5Tget_size(type);
    bool fits = shape_fits(data, rank, size) && H5Tget_class(type) == class && bytes > 0 &&
                filters_fit(properties) && chunks_fit(st, data, properties, rank, size, bytes);
    H5Tclose(type);
    H5Pclose(properties);
    if (fits)
        return data;
    H5Dclose(data);
    refuse(st, errors,
           "%s: expected a chunked dataset of %d dimension%s with shuffle, gzip and Fletcher "
           "checksums, complete, found another",
           name, rank, rank > 1 ? "s" : "");
    return H5I_INVALID_HID;
}

static bool symbol_fits(const char *symbol) {
    size_t n = strlen(symbol);
    return n >= 1 && n <= 3 && strspn(symbol, STORE_TYPES_LETTERS) == n;
}

static bool take_species(struct store *st, FILE *errors) {
    struct store_types_species row[SPECIES_MAX];
    hsize_t size[2] = {0, 0};
    hid_t data = open_dataset(st, "species", 1, size, H5T_COMPOUND, errors);
    if (data < 0)
        return false;
    bool good = size[0] >= 2 && size[0] <= SPECIES_MAX;
    hid_t type = store_types_create_species();
    memset(row, 0, sizeof row);
    good = good && store_types_has_members(data, type) &&
           H5Dread(data, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, row) >= 0;
    H5Tclose(type);
    H5Dclose(data);
    st->common.n_species = (int)size[0];
    for (int k = 1; good && k < st->common.n_species; k++) {
        struct species *s = &st->common.species[k];
        row[k].symbol[sizeof row[k].symbol - 1] = '\0';
        good = symbol_fits(row[k].symbol) && row[k].charge >= -9 && row[k].charge <= 99;
        snprintf(s->symbol, sizeof s->symbol, "%.3s", row[k].symbol);
        s->charge = row[k].charge;
        s->element = -1;
    }
    good = good && strcmp(st->common.species[SPECIES_LI].symbol, "Li") == 0;
    return good || refuse(st, errors,
                          "species: expected a table of symbol and charge with 1 = Li, at most %d "
                          "rows, found another",
                          SPECIES_MAX);
}

static bool frame_fits(const struct store *st, const struct store_frame *f) {
    bool voltage = isnan(f->voltage_V) || fabs(f->voltage_V) <= 1e3;
    bool passed = isnan(f->passed_V) || (f->half > 0 && f->passed_V >= 0 && f->passed_V <= 100);
    bool time = isnan(f->time_s) || (f->time_s >= 0 && f->time_s <= 1e300);
    return f->replica >= 0 && f->cycle >= 0 && f->half >= 0 && f->half <= 2 && voltage && passed &&
           time && f->n_li >= 0 && f->n_li <= snapshot_n_sites(&st->common);
}

static int take_frames(struct store *st, FILE *errors) {
    hsize_t size[2] = {0, 0};
    hid_t data = open_dataset(st, "frames", 1, size, H5T_COMPOUND, errors);
    if (data < 0)
        return SNAPSHOT_CORRUPT;
    st->n = size[0] <= MAX_FRAMES ? (int64_t)size[0] : 0;
    st->frame = calloc((size_t)st->n + 1, sizeof *st->frame);
    hid_t type = store_types_create_frame();
    bool good = st->frame && st->n > 0 && store_types_has_members(data, type) &&
                H5Dread(data, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, st->frame) >= 0;
    H5Tclose(type);
    H5Dclose(data);
    if (!st->frame) {
        fprintf(errors, "%s: error: out of memory while reading\n", st->path);
        return SNAPSHOT_MEMORY;
    }
    for (int64_t k = 0; good && k < st->n; k++)
        good = frame_fits(st, &st->frame[k]);
    if (!good)
        refuse(st, errors,
               "frames: expected a table of replica, cycle, at, voltage_V, passed_V, li, time_s, "
               "found another or values out of range");
    return good ? 0 : SNAPSHOT_CORRUPT;
}

static bool take_occupancy(struct store *st, FILE *errors) {
    hsize_t size[2] = {0, 0};
    int64_t sites = snapshot_n_sites(&st->common);
    st->occupancy = open_dataset(st, "occupancy", 2, size, H5T_INTEGER, errors);
    if (st->occupancy < 0)
        return false;
    hid_t type = H5Dget_type(st->occupancy);
    bool bytes = H5Tget_size(type) == 1 && H5Tget_sign(type) == H5T_SGN_NONE;
    H5Tclose(type);
    return (bytes && size[0] == (hsize_t)st->n && size[1] == (hsize_t)sites) ||
           refuse(
               st, errors,
               "occupancy: expected %lld frames of %lld sites, one byte each, found %llu of %llu",
               (long long)st->n, (long long)sites, (unsigned long long)size[0],
               (unsigned long long)size[1]);
}

/* ---- a file ---- */

int store_open(struct store *st, const char *path, FILE *errors) {
    struct stat file;
    memset(st, 0, sizeof *st);
    snprintf(st->path, sizeof st->path, "%s", path);
    st->file = st->occupancy = H5I_INVALID_HID;
    bool regular =
        strlen(path) < sizeof st->path && stat(path, &file) == 0 && S_ISREG(file.st_mode);
    store_types_quiet();
    hid_t access = store_types_access();
    st->file = regular ? H5Fopen(path, H5F_ACC_RDONLY, access) : H5I_INVALID_HID;
    H5Pclose(access);
    int status = SNAPSHOT_CORRUPT;
    if (st->file < 0)
        refuse(st, errors, "expected a whole HDF5 file, found another or none");
    else if (take_attributes(st, errors) && take_species(st, errors) &&
             (status = take_frames(st, errors)) == 0 && !take_occupancy(st, errors))
        status = SNAPSHOT_CORRUPT;
    if (status)
        store_close(st);
    return status;
}

void store_close(struct store *st) {
    if (st->occupancy >= 0)
        H5Dclose(st->occupancy);
    if (st->file >= 0)
        H5Fclose(st->file);
    free(st->frame);
    st->frame = NULL;
    st->file = st->occupancy = H5I_INVALID_HID;
    st->n = 0;
}

void store_at(const struct store *st, int64_t k, char at[SNAPSHOT_AT]) {
    static const char *const half[] = {"initial", "charge", "discharge"};
    const struct store_frame *f = &st->frame[k];
    if (isnan(f->passed_V))
        snprintf(at, SNAPSHOT_AT, "%s", half[f->half]);
    else
        snprintf(at, SNAPSHOT_AT, "%s@%.3f", half[f->half], f->passed_V);
}

static bool read_sites(const struct store *st, int64_t k, uint8_t *occupancy) {
    hsize_t from[2] = {(hsize_t)k, 0}, count[2] = {1, (hsize_t)snapshot_n_sites(&st->common)};
    hid_t there = H5Dget_space(st->occupancy), here = H5Screate_simple(2, count, NULL);
    bool good = there >= 0 && here >= 0 &&
                H5Sselect_hyperslab(there, H5S_SELECT_SET, from, NULL, count, NULL) >= 0 &&
                H5Dread(st->occupancy, H5T_NATIVE_UINT8, here, there, H5P_DEFAULT, occupancy) >= 0;
    H5Sclose(here);
    H5Sclose(there);
    return good;
}

int store_read(const struct store *st, int64_t k, struct snapshot *s, FILE *errors) {
    char place[STORE_PATH + 40];
    *s = st->common;
    s->occupancy = malloc((size_t)snapshot_n_sites(s));
    if (!s->occupancy) {
        fprintf(errors, "%s: error: out of memory while reading\n", st->path);
        return SNAPSHOT_MEMORY;
    }
    s->replica = st->frame[k].replica;
    s->cycle = st->frame[k].cycle;
    s->voltage_V = st->frame[k].voltage_V;
    s->time_s = st->frame[k].time_s;
    store_at(st, k, s->at);
    snprintf(place, sizeof place, "%s: frame %lld", st->path, (long long)k);
    int status = 0;
    if (!read_sites(st, k, s->occupancy))
        status = (refuse(st, errors, "frame %lld: expected intact chunks, found damaged ones",
                         (long long)k),
                  SNAPSHOT_CORRUPT);
    else
        status = snapshot_check(s, place, errors);
    if (status == 0 && snapshot_count_li(s) != st->frame[k].n_li)
        status =
            (refuse(st, errors, "frame %lld: expected %lld Li+ in its sites, found %lld",
                    (long long)k, (long long)st->frame[k].n_li, (long long)snapshot_count_li(s)),
             SNAPSHOT_CORRUPT);
    if (status)
        snapshot_free(s);
    return status;
}
