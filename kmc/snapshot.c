#define _POSIX_C_SOURCE 200809L
#define XXH_INLINE_ALL
#include "snapshot.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum { HEADER_BYTES = 16384, CHECKSUM_BYTES = 8, MAX_CELLS = 65536, PATH_BYTES = 1280 };
static const char MAGIC[] = "lrm-kmc-snapshot 1";

static int fail(FILE *errors, const char *path, const char *what) {
    fprintf(errors, "%s: error: %s\n", path, what);
    return SNAPSHOT_CORRUPT;
}

static int fail_system(FILE *errors, const char *path, const char *what) {
    fprintf(errors, "%s: error: %s: %s\n", path, what, strerror(errno));
    return SNAPSHOT_CORRUPT;
}

bool snapshot_at(char at[SNAPSHOT_AT], const char *text) {
    char half[SNAPSHOT_AT] = "", end = 0;
    double voltage = NAN;
    int n = sscanf(text, "%11[a-z]@%7[0-9.]", half, at);
    bool is_half = !strcmp(half, "charge") || !strcmp(half, "discharge");
    if (n == 1) {
        snprintf(at, SNAPSHOT_AT, "%s", half);
        return !strcmp(text, half) && (is_half || !strcmp(half, "initial"));
    }
    if (n != 2 || !is_half || strlen(text) != strlen(half) + 1 + strlen(at) ||
        sscanf(at, "%lf%c", &voltage, &end) != 1)
        return false;
    return snprintf(at, SNAPSHOT_AT, "%s@%.3f", half, voltage) < SNAPSHOT_AT;
}

double snapshot_at_voltage(const char *at) {
    const char *voltage = strchr(at, '@');
    return voltage ? strtod(voltage + 1, NULL) : NAN;
}

static int half_of(const char *at) {
    return at[0] == 'i' ? 0 : at[0] == 'c' ? 1 : 2;
}

int snapshot_at_order(const char *a, const char *b) {
    double x = snapshot_at_voltage(a), y = snapshot_at_voltage(b);
    if (half_of(a) != half_of(b))
        return half_of(a) - half_of(b);
    if (isnan(x) || isnan(y))
        return isnan(x) - isnan(y); /* the end comes last */
    int order = (x > y) - (x < y);
    return half_of(a) == 1 ? order : -order;
}

bool snapshot_path(char *path, size_t bytes, const char *directory, int64_t replica, int64_t cycle,
                   const char *at) {
    int n = snprintf(path, bytes, "%s/snapshots/r%03" PRId64 "_c%04" PRId64 "_%s.snap", directory,
                     replica, cycle, at);
    return n > 0 && (size_t)n < bytes;
}

int64_t snapshot_n_sites(const struct snapshot *s) {
    bool cells = s->na > 0 && s->na <= MAX_CELLS && s->nb > 0 && s->nb <= MAX_CELLS;
    if (!cells || s->n_planes < 2 || s->n_planes > LATTICE_MAX_PLANES)
        return 0;
    return (int64_t)SITE_KINDS * s->n_planes * s->nb * s->na;
}

bool snapshot_is_anion(const struct snapshot *s, int64_t site) {
    return site / ((int64_t)s->na * s->nb) % SITE_KINDS == SITE_O;
}

int64_t snapshot_count_li(const struct snapshot *s) {
    int64_t n = 0;
    for (int64_t site = 0; site < snapshot_n_sites(s); site++)
        n += s->occupancy[site] == SPECIES_LI && !snapshot_is_anion(s, site);
    return n;
}

void snapshot_free(struct snapshot *s) {
    free(s->occupancy);
    *s = (struct snapshot){0};
}

/* ---- writing ---- */

/* A header in memory; a stream there loses what it has no room for, so what came through is counted. */
struct header {
    FILE *out;
    size_t bytes;
    bool good;
};

static void put(struct header *h, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct header *h, const char *format, ...) {
    va_list list;
    va_start(list, format);
    int n = vfprintf(h->out, format, list);
    va_end(list);
    h->good = h->good && n >= 0;
    h->bytes += n > 0 ? (size_t)n : 0;
}

/* Free text of a header line: a control character would end or hide it. */
static void put_text(struct header *h, const char *key, const char *text) {
    put(h, "%s ", key);
    for (; *text; text++)
        put(h, "%c", (unsigned char)*text < ' ' || *text == 127 ? '_' : *text);
    put(h, "\n");
}

static void put_header(struct header *h, const struct snapshot *s) {
    put(h, "%s\nna %d\nnb %d\nletters %s\nplanes %d\n", MAGIC, s->na, s->nb, s->letters,
        s->n_planes);
    put(h, "a_A %.17g\ntm_gap_A %.17g\nli_gap_A %.17g\n", s->a_A, s->tm_gap_A, s->li_gap_A);
    put(h, "cycle %" PRId64 "\nat %s\nreplica %" PRId64 "\n", s->cycle, s->at, s->replica);
    put(h, "voltage_V %.17g\ntime_s %.17g\n", s->voltage_V, s->time_s);
    put_text(h, "scenario", s->scenario);
    put_text(h, "parameter_hash", s->parameter_hash);
    put_text(h, "version", s->version);
    put_text(h, "git_hash", s->git_hash);
    for (int i = SPECIES_LI; i < s->n_species; i++)
        put(h, "species %d %s %d\n", i, s->species[i].symbol, s->species[i].charge);
    put(h, "\n");
}

static void put_checksum(uint8_t bytes[CHECKSUM_BYTES], XXH64_hash_t hash) {
    for (int i = 0; i < CHECKSUM_BYTES; i++)
        bytes[i] = (uint8_t)(hash >> 8 * i);
}

/* Returns false with errno set when a byte could not be written. */
static bool put_all(FILE *out, const struct snapshot *s) {
    char *header = NULL;
    size_t header_bytes = 0, n = (size_t)snapshot_n_sites(s);
    uint8_t checksum[CHECKSUM_BYTES];
    FILE *memory = open_memstream(&header, &header_bytes);
    XXH3_state_t *hash = XXH3_createState();
    bool good = memory && hash;
    if (memory) {
        struct header h = {memory, 0, true};
        put_header(&h, s);
        good = fclose(memory) == 0 && h.good && h.bytes == header_bytes && good;
    }
    if (good) {
        XXH3_64bits_reset(hash);
        XXH3_64bits_update(hash, header, header_bytes);
        XXH3_64bits_update(hash, s->occupancy, n);
        put_checksum(checksum, XXH3_64bits_digest(hash));
        good = fwrite(header, 1, header_bytes, out) == header_bytes &&
               fwrite(s->occupancy, 1, n, out) == n &&
               fwrite(checksum, 1, sizeof checksum, out) == sizeof checksum;
    }
    XXH3_freeState(hash);
    free(header);
    return good;
}

/* The new name must reach the disk too. */
static void sync_directory_of(const char *path) {
    char directory[PATH_BYTES];
    snprintf(directory, sizeof directory, "%s", path);
    char *slash = strrchr(directory, '/');
    if (slash)
        slash[slash == directory] = 0;
    int file = open(slash ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file >= 0) {
        (void)fsync(file); /* some file systems refuse this for directories */
        close(file);
    }
}

int snapshot_write(const struct snapshot *s, const char *path, FILE *errors) {
    char temporary[PATH_BYTES];
    int n = snprintf(temporary, sizeof temporary, "%s.tmp", path);
    if (n < 0 || (size_t)n >= sizeof temporary)
        return fail(errors, path, "path is too long");
    FILE *out = fopen(temporary, "wb");
    if (!out)
        return fail_system(errors, temporary, "cannot create");
    bool good = put_all(out, s) && fflush(out) == 0 && fsync(fileno(out)) == 0;
    good = fclose(out) == 0 && good;
    if (good && rename(temporary, path) == 0) {
        sync_directory_of(path);
        return 0;
    }
    int code = fail_system(errors, path, "cannot write");
    unlink(temporary);
    return code;
}

/* ---- reading the header ---- */

/* Header text with its reading position. */
struct reader {
    const char *path;
    const char *at; /* next line; the header ends with a 0 byte */
    size_t line;
    FILE *errors;
    bool good;
};

static void complain(struct reader *r, const char *expected, const char *found) {
    if (r->good)
        fprintf(r->errors, "%s:%zu: error: expected %s, found `%.*s`\n", r->path, r->line, expected,
                (int)strcspn(found, "\n") > 60 ? 60 : (int)strcspn(found, "\n"), found);
    r->good = false;
}

/* Value of the next line, which must be `key value`, copied to `value`. */
static void take(struct reader *r, const char *key, char *value, size_t bytes) {
    size_t length = strlen(key), line = strcspn(r->at, "\n");
    value[0] = 0;
    r->line++;
    if (line <= length || strncmp(r->at, key, length) != 0 || r->at[length] != ' ') {
        complain(r, key, r->at);
        return;
    }
    size_t size = line - length - 1;
    if (size >= bytes) {
        complain(r, "a shorter value", r->at);
        return;
    }
    memcpy(value, r->at + length + 1, size);
    value[size] = 0;
    r->at += line + (r->at[line] == '\n');
}

static int64_t to_int(struct reader *r, const char *text, int64_t low, int64_t high) {
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    bool digits = strspn(text, "0123456789-") == strlen(text);
    if (!digits || end == text || *end || errno || value < low || value > high) {
        char expected[80];
        snprintf(expected, sizeof expected, "a whole number from %" PRId64 " to %" PRId64, low,
                 high);
        complain(r, expected, text);
        return low;
    }
    return value;
}

static int64_t take_int(struct reader *r, const char *key, int64_t low, int64_t high) {
    char value[32];
    take(r, key, value, sizeof value);
    return r->good ? to_int(r, value, low, high) : low;
}

/* Finite number in [low, high]; `nan` too where the quantity may be undefined. */
static double take_real(struct reader *r, const char *key, double low, double high, bool nan_too) {
    char value[48], *end = NULL;
    take(r, key, value, sizeof value);
    if (!r->good)
        return NAN;
    if (nan_too && (!strcmp(value, "nan") || !strcmp(value, "-nan")))
        return NAN;
    double x = strtod(value, &end);
    bool plain = value[0] && strspn(value, "0123456789+-.eE") == strlen(value) && !*end;
    if (!plain || !(x >= low && x <= high))
        complain(r, "a number within its range", value);
    return x;
}

/* Repeats the period of the letters up to n_planes. */
static void take_letters(struct reader *r, struct snapshot *s) {
    char period[LATTICE_MAX_PLANES + 1];
    take(r, "letters", period, sizeof period);
    size_t n = strlen(period);
    if (r->good && (n == 0 || strspn(period, "ABC") != n))
        complain(r, "letters A, B, C", period);
    if (!r->good)
        return;
    s->n_planes = (int32_t)take_int(r, "planes", 2, LATTICE_MAX_PLANES);
    if (r->good && (size_t)s->n_planes % n != 0)
        complain(r, "a number of planes that is a multiple of the letters", period);
    for (int32_t k = 0; r->good && k < s->n_planes; k++)
        s->letters[k] = period[(size_t)k % n];
}

static void take_species(struct reader *r, struct snapshot *s) {
    char value[32];
    int index, charge, used = 0;
    struct species *next = &s->species[s->n_species];
    take(r, "species", value, sizeof value);
    if (!r->good)
        return;
    if (s->n_species == SPECIES_MAX) {
        complain(r, "fewer species", value);
    } else if (sscanf(value, "%2d %3[A-Za-z] %2d%n", &index, next->symbol, &charge, &used) != 3 ||
               value[used] || index != s->n_species) {
        complain(r, "the next species as `INDEX SYMBOL CHARGE`", value);
    } else {
        next->charge = charge;
        next->element = -1;
        s->n_species++;
    }
}

static void take_names(struct reader *r, struct snapshot *s) {
    take(r, "scenario", s->scenario, sizeof s->scenario);
    take(r, "parameter_hash", s->parameter_hash, sizeof s->parameter_hash);
    take(r, "version", s->version, sizeof s->version);
    take(r, "git_hash", s->git_hash, sizeof s->git_hash);
    s->n_species = SPECIES_LI;
    while (r->good && *r->at && *r->at != '\n')
        take_species(r, s);
    if (r->good && (s->n_species < 2 || strcmp(s->species[SPECIES_LI].symbol, "Li") != 0))
        complain(r, "species 1 to be Li", r->at);
}

static bool read_header(struct reader *r, struct snapshot *s) {
    char magic[8];
    take(r, "lrm-kmc-snapshot", magic, sizeof magic);
    if (r->good && strcmp(magic, "1") != 0)
        complain(r, "version 1", magic);
    s->na = (int32_t)take_int(r, "na", 1, MAX_CELLS);
    s->nb = (int32_t)take_int(r, "nb", 1, MAX_CELLS);
    take_letters(r, s);
    s->a_A = take_real(r, "a_A", 0.1, 100, false);
    s->tm_gap_A = take_real(r, "tm_gap_A", 0.1, 100, false);
    s->li_gap_A = take_real(r, "li_gap_A", 0.1, 100, false);
    s->cycle = take_int(r, "cycle", 0, INT64_MAX);
    char at[SNAPSHOT_AT];
    take(r, "at", s->at, sizeof s->at);
    if (r->good && (!snapshot_at(at, s->at) || strcmp(at, s->at) != 0))
        complain(r, "initial, charge, discharge, charge@VOLTAGE or discharge@VOLTAGE", s->at);
    s->replica = take_int(r, "replica", 0, INT64_MAX);
    s->voltage_V = take_real(r, "voltage_V", -1e3, 1e3, true);
    s->time_s = take_real(r, "time_s", 0, 1e300, true);
    take_names(r, s);
    return r->good;
}

/* ---- reading the file ---- */

static const char DAMAGED[] = "checksum differs: the file is damaged or truncated\n"
                              "    hint: run the scenario again to get an intact snapshot";

/* Reads up to `bytes`; returns how many, or -1. */
static int64_t read_fully(int file, void *data, size_t bytes) {
    size_t n = 0;
    while (n < bytes) {
        ssize_t got = read(file, (char *)data + n, bytes - n);
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        n += (size_t)got;
    }
    return (int64_t)n;
}

static bool anion_is_known(uint8_t byte) {
    int state = rate_model_state(byte);
    if (state == ANION_PEROXO || state == ANION_MOLECULAR)
        return rate_model_partner(byte) < 12;
    return state <= ANION_CL || state == ANION_VACANCY || state == ANION_OUTSIDE;
}

int snapshot_check(const struct snapshot *s, const char *path, FILE *errors) {
    int64_t n = snapshot_n_sites(s);
    for (int64_t site = 0; site < n; site++) {
        uint8_t byte = s->occupancy[site];
        bool known = snapshot_is_anion(s, site) ? anion_is_known(byte)
                                                : byte < s->n_species || byte == SITE_OUTSIDE;
        if (known)
            continue;
        fprintf(errors, "%s: error: site %" PRId64 ": unknown occupancy %d\n", path, site, byte);
        return SNAPSHOT_CORRUPT;
    }
    return 0;
}

/* Sites and checksum; the header (header_bytes, blank line included) has been read from the same
 * file. */
static int read_sites(struct snapshot *s, int file, const char *header, size_t header_bytes,
                      const char *path, FILE *errors) {
    size_t n = (size_t)snapshot_n_sites(s);
    uint8_t stored[CHECKSUM_BYTES] = {0}, checksum[CHECKSUM_BYTES];
    assert(n > 0); /* the header's limits see to that */
    s->occupancy = malloc(n);
    XXH3_state_t *hash = XXH3_createState();
    if (!s->occupancy || !hash) {
        XXH3_freeState(hash);
        fail(errors, path, "out of memory while reading");
        return SNAPSHOT_MEMORY;
    }
    bool good = lseek(file, (off_t)header_bytes, SEEK_SET) >= 0 &&
                read_fully(file, s->occupancy, n) == (int64_t)n &&
                read_fully(file, stored, sizeof stored) == CHECKSUM_BYTES;
    XXH3_64bits_reset(hash);
    XXH3_64bits_update(hash, header, header_bytes);
    XXH3_64bits_update(hash, s->occupancy, good ? n : 0);
    put_checksum(checksum, XXH3_64bits_digest(hash));
    XXH3_freeState(hash);
    if (!good || memcmp(stored, checksum, sizeof stored) != 0)
        return fail(errors, path, DAMAGED);
    return snapshot_check(s, path, errors);
}

/* Length of the header with its blank line, which becomes the end of the string; 0 when there is
 * none. */
static size_t cut_header(char *header, int64_t bytes) {
    char *end = NULL;
    for (int64_t i = 1; i < bytes && !end; i++) {
        if (!header[i])
            return 0;
        if (header[i] == '\n' && header[i - 1] == '\n')
            end = header + i;
    }
    return end ? (size_t)(end - header) + 1 : 0;
}

static int read_open(struct snapshot *s, int file, int64_t size, const char *path, FILE *errors) {
    char header[HEADER_BYTES + 1] = {0}, text[HEADER_BYTES + 1];
    int64_t got = read_fully(file, header, HEADER_BYTES);
    struct reader r = {.path = path, .at = text, .errors = errors, .good = true};
    if (got < (int64_t)sizeof MAGIC || memcmp(header, MAGIC, sizeof MAGIC - 1) != 0)
        return fail(errors, path, "expected a snapshot of format 1 (`lrm-kmc-snapshot 1`)");
    size_t header_bytes = cut_header(header, got);
    if (!header_bytes)
        return fail(errors, path, "expected a blank line after the header; the file is damaged");
    memcpy(text, header, header_bytes - 1);
    text[header_bytes - 1] = 0;
    if (!read_header(&r, s))
        return SNAPSHOT_CORRUPT;
    int64_t expected = (int64_t)header_bytes + snapshot_n_sites(s) + CHECKSUM_BYTES;
    if (expected == size)
        return read_sites(s, file, header, header_bytes, path, errors);
    fprintf(errors,
            "%s: error: expected %" PRId64 " bytes for this box, found %" PRId64
            ": the file is damaged or truncated\n",
            path, expected, size);
    return SNAPSHOT_CORRUPT;
}

int snapshot_read(struct snapshot *s, const char *path, FILE *errors) {
    struct stat status;
    *s = (struct snapshot){0};
    int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a pipe must not block */
    if (file < 0)
        return fail_system(errors, path, "cannot open");
    int code;
    if (fstat(file, &status) || !S_ISREG(status.st_mode))
        code = fail(errors, path, "expected a regular file");
    else
        code = read_open(s, file, status.st_size, path, errors);
    close(file);
    if (code)
        snapshot_free(s);
    return code;
}
