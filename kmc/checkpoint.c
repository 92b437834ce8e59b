#include "checkpoint.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "checkpoint_contents.h"

enum { HEADER_BYTES_MAX = 1024 };

/* ---- the whole file ---- */

/* Where reading stands and what was wrong first. */
struct reading {
    struct codec *c;
    struct checkpoint_file *f; /* to be filled */
    int64_t size;              /* bytes of the file */
    char *problem;             /* [CHECKPOINT_PROBLEM] */
    bool good;
};

static int64_t place(const struct reading *r) {
    return r->size - r->c->left;
}

static bool complain(struct reading *r, const char *format, ...) {
    va_list arguments;
    if (r->good) {
        char text[CHECKPOINT_PROBLEM - 40];
        va_start(arguments, format);
        vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        snprintf(r->problem, CHECKPOINT_PROBLEM, "byte %lld: %s", (long long)place(r), text);
    }
    r->good = false;
    return false;
}

static bool take_sum(struct reading *r, uint64_t expected, const char *what) {
    uint64_t found = 0;
    codec_word(r->c, &found);
    if (r->c->bad)
        return complain(r, "expected the checksum of %s, found the end of the file", what);
    if (found != expected)
        return complain(r, "expected the checksum %016llx of %s, found %016llx",
                        (unsigned long long)expected, what, (unsigned long long)found);
    codec_begin_part(r->c);
    return true;
}

static bool take_header(struct reading *r) {
    char magic[CODEC_WORD] = {0};
    uint64_t format = 0, bytes = 0;
    codec_bytes(r->c, magic, CODEC_WORD);
    if (r->c->bad || memcmp(magic, CHECKPOINT_MAGIC, CODEC_WORD) != 0)
        return complain(r, "expected a checkpoint of lrm-kmc, found something else");
    codec_word(r->c, &format);
    codec_word(r->c, &bytes);
    if (r->c->bad || format != CHECKPOINT_FORMAT)
        return complain(r, "expected format %d, found %llu", CHECKPOINT_FORMAT,
                        (unsigned long long)format);
    if (bytes > HEADER_BYTES_MAX || (int64_t)bytes > r->c->left)
        return complain(r, "expected a header of %llu bytes, found %lld left",
                        (unsigned long long)bytes, (long long)r->c->left);
    int64_t left = r->c->left;
    checkpoint_contents_header(r->c, &r->f->header);
    if (r->c->bad || left - r->c->left != (int64_t)bytes)
        return complain(r, "expected a header of %llu bytes, found another length",
                        (unsigned long long)bytes);
    return take_sum(r, codec_part_sum(r->c), "the header");
}

/* Number of sections as the end of the file says, bounded by what the file can hold. */
static bool make_entries(struct reading *r) {
    enum { END_BYTES = 3 * CODEC_WORD, SECTION_BYTES = 5 * CODEC_WORD };
    uint8_t byte[END_BYTES];
    uint64_t n = 0;
    if (r->c->left < END_BYTES ||
        !codec_read_at(r->f->file, byte, END_BYTES, r->size - END_BYTES) ||
        memcmp(byte, CHECKPOINT_END, CODEC_WORD) != 0)
        return complain(r, "expected \"%s\" %d bytes before the end, found the file cut off",
                        CHECKPOINT_END, END_BYTES);
    for (int k = 0; k < CODEC_WORD; k++)
        n |= (uint64_t)byte[CODEC_WORD + k] << 8 * k;
    if (n > (uint64_t)r->c->left / SECTION_BYTES)
        return complain(r, "expected sections that fit in %lld bytes, found %llu of them",
                        (long long)r->c->left, (unsigned long long)n);
    r->f->entry = calloc(n > 0 ? (size_t)n : 1, sizeof *r->f->entry);
    r->f->n = (int64_t)n;
    return r->f->entry ? true : complain(r, "out of memory");
}

/* Reads over `bytes` and compares their checksum. */
static bool skip_part(struct reading *r, uint64_t bytes, const char *what) {
    uint8_t buffer[4096];
    if (r->c->left < CODEC_WORD || bytes > (uint64_t)r->c->left - CODEC_WORD)
        return complain(r, "expected %llu bytes of %s, found %lld left", (unsigned long long)bytes,
                        what, (long long)r->c->left);
    while (bytes > 0) {
        size_t n = bytes < sizeof buffer ? (size_t)bytes : sizeof buffer;
        codec_bytes(r->c, buffer, n);
        bytes -= n;
    }
    return take_sum(r, codec_part_sum(r->c), what);
}

static bool take_section(struct reading *r, int64_t k) {
    struct checkpoint_entry *e = &r->f->entry[k];
    char tag[CODEC_WORD];
    uint64_t replica = 0, results = 0, state = 0;
    e->begin = place(r);
    codec_bytes(r->c, tag, CODEC_WORD);
    if (r->c->bad || memcmp(tag, CHECKPOINT_SECTION, CODEC_WORD) != 0)
        return complain(r, "expected section %lld, found something else", (long long)k + 1);
    codec_word(r->c, &replica);
    codec_word(r->c, &results);
    codec_word(r->c, &state);
    if (replica >= (uint64_t)r->f->header.replicas)
        return complain(r, "expected a replica below %lld, found %llu",
                        (long long)r->f->header.replicas, (unsigned long long)replica);
    if (!skip_part(r, results, "results") || (state > 0 && !skip_part(r, state, "state")))
        return false;
    e->replica = (int64_t)replica;
    e->finished = state == 0;
    e->end = place(r);
    return true;
}

static bool take_end(struct reading *r) {
    char tag[CODEC_WORD];
    uint64_t n = 0;
    codec_bytes(r->c, tag, CODEC_WORD);
    codec_word(r->c, &n);
    if (r->c->bad || memcmp(tag, CHECKPOINT_END, CODEC_WORD) != 0)
        return complain(r, "expected the end after %lld sections, found something else",
                        (long long)r->f->n);
    if (r->c->left != CODEC_WORD)
        return complain(r, "expected the end of the file, found %lld bytes more",
                        (long long)r->c->left);
    return take_sum(r, codec_whole_sum(r->c), "the whole file");
}

static bool read_all(struct reading *r) {
    if (!take_header(r))
        return false;
    if (r->f->header.replicas < 1 || r->f->header.sites < 1 || !isfinite(r->f->header.used_s))
        return complain(r, "expected replicas and sites, found none");
    if (!make_entries(r))
        return false;
    for (int64_t k = 0; k < r->f->n; k++)
        if (!take_section(r, k))
            return false;
    return take_end(r);
}

/* A pipe or device in its place must not block or run without end. */
static bool open_regular(struct checkpoint_file *f, int64_t *size, char *problem) {
    struct stat status;
    f->file = open(f->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (f->file >= 0 && fstat(f->file, &status) == 0 && S_ISREG(status.st_mode)) {
        *size = (int64_t)status.st_size;
        return true;
    }
    snprintf(problem, CHECKPOINT_PROBLEM, "expected a file to read, found: %s",
             f->file < 0 ? strerror(errno) : "no regular file");
    return false;
}

bool checkpoint_open(struct checkpoint_file *f, const char *path,
                     char problem[CHECKPOINT_PROBLEM]) {
    memset(f, 0, sizeof *f);
    snprintf(f->path, sizeof f->path, "%s", path);
    struct reading r = {codec_create(CODEC_READ), f, 0, problem, true};
    snprintf(problem, CHECKPOINT_PROBLEM, "out of memory");
    bool good = open_regular(f, &r.size, problem) && r.c;
    if (good) {
        r.c->file = f->file;
        codec_place(r.c, 0, r.size);
        good = read_all(&r);
    }
    codec_free(r.c);
    if (!good)
        checkpoint_close(f);
    return good;
}

void checkpoint_close(struct checkpoint_file *f) {
    if (f->file >= 0)
        close(f->file);
    free(f->entry);
    f->entry = NULL;
    f->n = 0;
    f->file = -1;
}

/* ---- one section ---- */

/* At the first byte of a section, its head taken. */
static struct codec *open_section(const struct checkpoint_file *f, int64_t k, uint64_t *results,
                                  uint64_t *state) {
    struct codec *c = codec_create(CODEC_READ);
    char tag[CODEC_WORD];
    uint64_t replica = 0;
    if (!c)
        return NULL;
    c->file = f->file;
    codec_place(c, f->entry[k].begin, f->entry[k].end - f->entry[k].begin);
    codec_bytes(c, tag, CODEC_WORD);
    codec_word(c, &replica);
    codec_word(c, results);
    codec_word(c, state);
    return c;
}

/* The contents must have used up the part, and its checksum be right. */
static bool end_section(struct codec *c, int64_t left_after) {
    uint64_t expected = codec_part_sum(c), found = 0;
    bool good = !c->bad && c->left == left_after + CODEC_WORD;
    codec_word(c, &found);
    return good && !c->bad && found == expected;
}

static bool refuse(const struct checkpoint_file *f, int64_t k, const char *expected,
                   const char *found, char *problem) {
    snprintf(problem, CHECKPOINT_PROBLEM, "byte %lld, replica %lld: expected %s, found %s",
             (long long)f->entry[k].begin, (long long)f->entry[k].replica, expected, found);
    return false;
}

bool checkpoint_results(const struct checkpoint_file *f, int64_t k, const struct protocol *p,
                        struct track *t, char problem[CHECKPOINT_PROBLEM]) {
    uint64_t results = 0, state = 0;
    struct codec *c = open_section(f, k, &results, &state);
    if (!c)
        return refuse(f, k, "memory for its results", "none", problem);
    checkpoint_contents_results(c, t, p->cycles);
    bool good = end_section(c, state ? (int64_t)(state + CODEC_WORD) : 0);
    codec_free(c);
    if (good && (!f->entry[k].finished || t->cycles_done == p->cycles))
        return true;
    return refuse(f, k, "results of this scenario", "others", problem);
}

bool checkpoint_place(const struct checkpoint_file *f, int64_t k, struct protocol_position *at) {
    uint64_t results = 0, state = 0;
    *at = (struct protocol_position){.slices_done = INT64_MAX};
    if (f->entry[k].finished)
        return true;
    struct codec *c = open_section(f, k, &results, &state);
    bool good = c && !c->bad && results < (uint64_t)c->left;
    if (good) {
        codec_place(c, f->entry[k].end - (int64_t)state - CODEC_WORD, (int64_t)state + CODEC_WORD);
        checkpoint_contents_position(c, at);
        good = !c->bad;
    }
    codec_free(c);
    return good;
}

bool checkpoint_state(const struct checkpoint_file *f, int64_t k, const struct protocol *p,
                      struct replica *r, struct protocol_position *at,
                      char problem[CHECKPOINT_PROBLEM]) {
    uint64_t results = 0, state = 0;
    struct codec *c = open_section(f, k, &results, &state);
    memset(at, 0, sizeof *at);
    if (!c)
        return refuse(f, k, "memory for its state", "none", problem);
    bool good = !c->bad && state > 0 && results < (uint64_t)c->left;
    if (good) {
        codec_place(c, f->entry[k].end - (int64_t)state - CODEC_WORD, (int64_t)state + CODEC_WORD);
        checkpoint_contents_state(c, at, &r->state);
        good = end_section(c, 0);
    }
    codec_free(c);
    if (!good || !checkpoint_contents_place_fits(at, p, r->state.n_sites))
        return refuse(f, k, "a state of this scenario", "another", problem);
    const char *wrong = checkpoint_contents_state_problem(r);
    if (wrong)
        return refuse(f, k, "a crystal of this scenario", wrong, problem);
    return replica_renew(r) || refuse(f, k, "memory for an engine", "none", problem);
}
