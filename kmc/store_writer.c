#define _POSIX_C_SOURCE 200809L
#include "store_writer.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "store_types.h"

/* A chunk is at most this long: one for a small box, and a part of a large one can be read without the rest.  Level 4 packs a charged crystal to an eighth;
 * 9 takes three times as long for 3 % less. */
enum { CHUNK_SITES = 1 << 18, GZIP_LEVEL = 4 };

/* A file being written. */
struct job {
    const char *path;
    const struct store_origin *origin;
    FILE *errors;
    hid_t file, occupancy;
    int64_t n;
    hsize_t sites;
    struct store_frame *frame; /* [n] */
    struct snapshot first;     /* without sites */
};

static int fail(const struct job *j, const char *what) {
    fprintf(j->errors,
            "%s: error: expected to write the snapshots, found: %s%s%s\n    hint: is the disk full "
            "or the "
            "directory read-only? the files in snapshots/ stay\n",
            j->path, what, errno ? ": " : "", errno ? strerror(errno) : "");
    return SNAPSHOT_CORRUPT;
}

/* ---- attributes ---- */

static bool put_attribute(hid_t file, const char *name, hid_t type, const void *value) {
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t a = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    bool good = a >= 0 && H5Awrite(a, type, value) >= 0;
    good = H5Aclose(a) >= 0 && good;
    H5Sclose(space);
    return good;
}

static bool put_text(hid_t file, const char *name, const char *text) {
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, *text ? strlen(text) : 1);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    bool good = put_attribute(file, name, type, text);
    H5Tclose(type);
    return good;
}

static bool put_int(hid_t file, const char *name, int64_t value) {
    return put_attribute(file, name, H5T_NATIVE_INT64, &value);
}

static bool put_real(hid_t file, const char *name, double value) {
    return put_attribute(file, name, H5T_NATIVE_DOUBLE, &value);
}

/* Letters of all planes, of which the snapshot may hold one period. */
static bool put_letters(hid_t file, const struct snapshot *s) {
    char letters[LATTICE_MAX_PLANES + 1] = "";
    size_t period = strlen(s->letters);
    for (int k = 0; period && k < s->n_planes; k++)
        letters[k] = s->letters[(size_t)k % period];
    return put_text(file, "letters", letters);
}

static bool put_attributes(const struct job *j) {
    const struct snapshot *s = &j->first;
    hid_t f = j->file;
    return put_text(f, "format", STORE_TYPES_FORMAT) && put_text(f, "scenario", s->scenario) &&
           put_text(f, "scenario_hash", j->origin->scenario_hash) &&
           put_text(f, "parameter_hash", s->parameter_hash) &&
           put_int(f, "seed", j->origin->seed) && put_text(f, "version", s->version) &&
           put_text(f, "git_hash", s->git_hash) && put_int(f, "cells_a", s->na) &&
           put_int(f, "cells_b", s->nb) && put_letters(f, s) && put_real(f, "a_A", s->a_A) &&
           put_real(f, "tm_gap_A", s->tm_gap_A) && put_real(f, "li_gap_A", s->li_gap_A);
}

/* ---- datasets ---- */

/* Chunked, filtered, without the time of day. */
static hid_t create_dataset(hid_t file, const char *name, hid_t type, int rank, const hsize_t *size,
                            const hsize_t *chunk) {
    hid_t properties = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(rank, size, NULL);
    bool good = H5Pset_chunk(properties, rank, chunk) >= 0 && H5Pset_shuffle(properties) >= 0 &&
                H5Pset_deflate(properties, GZIP_LEVEL) >= 0 && H5Pset_fletcher32(properties) >= 0 &&
                H5Pset_obj_track_times(properties, false) >= 0;
    hid_t data = good ? H5Dcreate2(file, name, type, space, H5P_DEFAULT, properties, H5P_DEFAULT)
                      : H5I_INVALID_HID;
    H5Sclose(space);
    H5Pclose(properties);
    return data;
}

static bool put_table(hid_t file, const char *name, hid_t type, hsize_t n, const void *row) {
    hid_t packed = H5Tcopy(type);
    H5Tpack(packed);
    hid_t data = create_dataset(file, name, packed, 1, &n, &n);
    bool good = data >= 0 && H5Dwrite(data, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, row) >= 0;
    good = H5Dclose(data) >= 0 && good;
    H5Tclose(packed);
    H5Tclose(type);
    return good;
}

static bool put_species(const struct job *j) {
    struct store_types_species row[SPECIES_MAX] = {{"X", 0}};
    for (int k = SPECIES_LI; k < j->first.n_species; k++) {
        snprintf(row[k].symbol, sizeof row[k].symbol, "%s", j->first.species[k].symbol);
        row[k].charge = (int8_t)j->first.species[k].charge;
    }
    return put_table(j->file, "species", store_types_create_species(), (hsize_t)j->first.n_species,
                     row);
}

static struct store_frame row_of(const struct snapshot *s) {
    struct store_frame f;
    memset(&f, 0, sizeof f);
    f.replica = s->replica;
    f.cycle = s->cycle;
    f.half = s->at[0] == 'i' ? 0 : s->at[0] == 'c' ? 1 : 2;
    f.voltage_V = s->voltage_V;
    f.passed_V = snapshot_at_voltage(s->at);
    f.time_s = s->time_s;
    f.n_li = snapshot_count_li(s);
    return f;
}

static bool put_sites(const struct job *j, int64_t k, const uint8_t *occupancy) {
    hsize_t from[2] = {(hsize_t)k, 0}, count[2] = {1, j->sites};
    hid_t there = H5Dget_space(j->occupancy), here = H5Screate_simple(2, count, NULL);
    bool good = there >= 0 && here >= 0 &&
                H5Sselect_hyperslab(there, H5S_SELECT_SET, from, NULL, count, NULL) >= 0 &&
                H5Dwrite(j->occupancy, H5T_NATIVE_UINT8, here, there, H5P_DEFAULT, occupancy) >= 0;
    H5Sclose(here);
    H5Sclose(there);
    return good;
}

/* ---- frames ---- */

static bool same_crystal(const struct snapshot *a, const struct snapshot *b) {
    bool same = a->na == b->na && a->nb == b->nb && a->n_planes == b->n_planes &&
                strcmp(a->letters, b->letters) == 0 && a->n_species == b->n_species;
    for (int k = SPECIES_LI; same && k < a->n_species; k++)
        same = strcmp(a->species[k].symbol, b->species[k].symbol) == 0 &&
               a->species[k].charge == b->species[k].charge;
    return same;
}

static bool begin(struct job *j, const struct snapshot *s) {
    j->first = *s;
    j->first.occupancy = NULL;
    j->sites = (hsize_t)snapshot_n_sites(s);
    hsize_t size[2] = {(hsize_t)j->n, j->sites};
    hsize_t chunk[2] = {1, j->sites < CHUNK_SITES ? j->sites : CHUNK_SITES};
    j->occupancy = create_dataset(j->file, "occupancy", H5T_STD_U8LE, 2, size, chunk);
    return j->occupancy >= 0 && put_attributes(j) && put_species(j);
}

static int put_frame(struct job *j, int64_t k, const struct snapshot *s) {
    if (k == 0 && !begin(j, s))
        return fail(j, "HDF5 fails");
    if (!same_crystal(&j->first, s)) {
        errno = 0;
        return fail(j, "snapshots of different crystals");
    }
    j->frame[k] = row_of(s);
    return put_sites(j, k, s->occupancy) ? 0 : fail(j, "HDF5 fails");
}

static int put_frames(struct job *j, store_writer_source *next, void *context) {
    for (int64_t k = 0; k < j->n; k++) {
        struct snapshot s;
        int status = next(context, k, &s);
        if (status)
            return status;
        status = put_frame(j, k, &s);
        snapshot_free(&s);
        if (status)
            return status;
    }
    return put_table(j->file, "frames", store_types_create_frame(), (hsize_t)j->n, j->frame)
               ? 0
               : fail(j, "HDF5 fails");
}

/* ---- the file ---- */

static int write_file(struct job *j, const char *temporary, store_writer_source *next,
                      void *context) {
    hid_t access = store_types_access(), creation = H5Pcreate(H5P_FILE_CREATE);
    H5Pset_obj_track_times(creation, false);
    j->file = H5Fcreate(temporary, H5F_ACC_TRUNC, creation, access);
    H5Pclose(creation);
    H5Pclose(access);
    if (j->file < 0)
        return fail(j, "cannot be created");
    int status = put_frames(j, next, context);
    bool closed = j->occupancy < 0 || H5Dclose(j->occupancy) >= 0;
    closed = H5Fclose(j->file) >= 0 && closed;
    return status ? status : closed ? 0 : fail(j, "HDF5 fails");
}

static bool sync(const char *path) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    bool good = file >= 0 && fsync(file) == 0;
    return (file < 0 || close(file) == 0) && good;
}

static void sync_directory_of(const char *path) {
    char directory[STORE_PATH];
    snprintf(directory, sizeof directory, "%s", path);
    char *slash = strrchr(directory, '/');
    if (slash)
        slash[slash == directory] = '\0';
    (void)sync(slash ? directory : "."); /* some file systems refuse this for directories */
}

int store_writer_write(const char *path, const struct store_origin *origin, int64_t n,
                       store_writer_source *next, void *context, FILE *errors) {
    char temporary[STORE_PATH + 8];
    struct job j = {.path = path, .origin = origin, .errors = errors, .n = n};
    j.file = j.occupancy = H5I_INVALID_HID;
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    j.frame = calloc((size_t)n, sizeof *j.frame);
    if (!j.frame) {
        fprintf(errors, "%s: error: out of memory while writing\n", path);
        return SNAPSHOT_MEMORY;
    }
    store_types_quiet();
    errno = 0;
    int status = write_file(&j, temporary, next, context);
    if (status == 0 && (!sync(temporary) || rename(temporary, path) != 0))
        status = fail(&j, "cannot be written");
    if (status)
        unlink(temporary);
    else
        sync_directory_of(path);
    free(j.frame);
    return status;
}
