#define XXH_INLINE_ALL
#include "checkpoint.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum { WORD = 8, BUFFER = 1 << 16, HEADER_BYTES_MAX = 1024, PATH_MAX_BYTES = 1100 };
static const char MAGIC[] = "lrmkmcCP", SECTION[] = "SECTION.", END[] = "THE END.";

/* ---- one description of the contents for counting, writing and reading ---- */

enum codec_mode { CODEC_COUNT, CODEC_WRITE, CODEC_READ };

struct codec {
    enum codec_mode mode;
    FILE *out; /* writing */
    int file;  /* reading */
    int64_t at,
        left;        /* reading: next byte of the file to fetch; bytes of this part not yet taken */
    int64_t counted; /* counting */
    XXH3_state_t *part, *whole; /* checksums; may be NULL */
    bool bad;
    uint8_t buffer[BUFFER]; /* reading ahead, within `left` */
    size_t buffered, taken;
};

static struct codec *codec_create(enum codec_mode mode) {
    struct codec *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->mode = mode;
    c->part = XXH3_createState();
    c->whole = XXH3_createState();
    if (c->part && c->whole) {
        XXH3_64bits_reset(c->part);
        XXH3_64bits_reset(c->whole);
        return c;
    }
    XXH3_freeState(c->part);
    XXH3_freeState(c->whole);
    free(c);
    return NULL;
}

static void codec_free(struct codec *c) {
    if (!c)
        return;
    XXH3_freeState(c->part);
    XXH3_freeState(c->whole);
    free(c);
}

static bool read_at(int file, void *to, size_t n, int64_t at) {
    uint8_t *byte = to;
    while (n > 0) {
        ssize_t got = pread(file, byte, n, (off_t)at);
        if (got <= 0)
            return false;
        byte += got;
        at += got;
        n -= (size_t)got;
    }
    return true;
}

static bool refill(struct codec *c) {
    int64_t ahead = c->left < BUFFER ? c->left : BUFFER;
    c->buffered = (size_t)ahead;
    c->taken = 0;
    bool good = read_at(c->file, c->buffer, c->buffered, c->at);
    c->at += ahead;
    return good;
}

/* Takes n bytes of this part of the file. */
static void fetch(struct codec *c, void *data, size_t n) {
    uint8_t *to = data;
    c->bad = c->bad || n > (uint64_t)c->left;
    while (n > 0 && !c->bad) {
        if (c->taken == c->buffered && !refill(c)) {
            c->bad = true;
            return;
        }
        size_t here = c->buffered - c->taken < n ? c->buffered - c->taken : n;
        memcpy(to, c->buffer + c->taken, here);
        c->taken += here;
        c->left -= (int64_t)here;
        to += here;
        n -= here;
    }
}

static void code_bytes(struct codec *c, void *data, size_t n) {
    if (n == 0) /* an empty text has no bytes to point at */
        return;
    if (c->mode == CODEC_COUNT) {
        c->counted += (int64_t)n;
        return;
    }
    if (c->mode == CODEC_READ)
        fetch(c, data, n);
    else
        c->bad = fwrite(data, 1, n, c->out) != n || c->bad;
    if (c->bad)
        return;
    XXH3_64bits_update(c->part, data, n);
    XXH3_64bits_update(c->whole, data, n);
}

/* In reading, a bad file gives 0. */
static void code_word(struct codec *c, uint64_t *value) {
    uint8_t byte[WORD] = {0};
    for (int k = 0; k < WORD; k++)
        byte[k] = (uint8_t)(*value >> 8 * k);
    code_bytes(c, byte, WORD);
    if (c->mode != CODEC_READ)
        return;
    *value = 0;
    for (int k = 0; k < WORD && !c->bad; k++)
        *value |= (uint64_t)byte[k] << 8 * k;
}

static void code_int(struct codec *c, int64_t *value) {
    uint64_t word = (uint64_t)*value;
    code_word(c, &word);
    *value = word <= INT64_MAX ? (int64_t)word : -(int64_t)~word - 1;
}

static void code_int32(struct codec *c, int32_t *value) {
    int64_t wide = *value;
    code_int(c, &wide);
    c->bad = c->bad || wide < INT32_MIN || wide > INT32_MAX;
    *value = c->bad ? 0 : (int32_t)wide;
}

static void code_real(struct codec *c, double *value) {
    uint64_t word;
    memcpy(&word, value, sizeof word);
    code_word(c, &word);
    memcpy(value, &word, sizeof word);
}

static void code_flag(struct codec *c, bool *value) {
    uint64_t word = *value;
    code_word(c, &word);
    c->bad = c->bad || word > 1;
    *value = word == 1;
}

/* A number that reading must find again. */
static void code_same(struct codec *c, int64_t value) {
    int64_t found = value;
    code_int(c, &found);
    c->bad = c->bad || found != value;
}

/* Text in an array of `room` bytes, with its closing 0. */
static void code_name(struct codec *c, char *text, size_t room) {
    uint64_t n = c->mode == CODEC_READ ? 0 : strlen(text);
    code_word(c, &n);
    c->bad = c->bad || n >= room;
    if (c->bad)
        n = 0;
    code_bytes(c, text, (size_t)n);
    if (c->mode == CODEC_READ)
        text[n] = 0;
}

static void code_text(struct codec *c, struct track_text *text) {
    uint64_t n = text->bytes;
    code_word(c, &n);
    if (c->mode == CODEC_READ) {
        c->bad = c->bad || n > (uint64_t)c->left;
        text->data = c->bad || n == 0 ? NULL : malloc((size_t)n);
        c->bad = c->bad || (n > 0 && !text->data);
        text->bytes = text->room = c->bad ? 0 : (size_t)n;
    }
    code_bytes(c, text->data, c->bad ? 0 : text->bytes);
}

/* ---- contents ---- */

static void code_header(struct codec *c, struct checkpoint_header *h) {
    code_name(c, h->parameter_hash, sizeof h->parameter_hash);
    code_name(c, h->scenario_hash, sizeof h->scenario_hash);
    code_name(c, h->algorithm, sizeof h->algorithm);
    code_int(c, &h->seed);
    code_int(c, &h->replicas);
    code_int(c, &h->sites);
    code_name(c, h->program, sizeof h->program);
    code_name(c, h->name, sizeof h->name);
    code_name(c, h->started, sizeof h->started);
    code_real(c, &h->used_s);
}

static void code_record(struct codec *c, struct cycle_record *r) {
    code_int(c, &r->cycle);
    code_int(c, &r->replica);
    for (int k = 0; cycle_record_column(r, k); k++)
        code_real(c, cycle_record_column(r, k));
    code_word(c, &r->state_hash);
    code_real(c, &r->start_tm_li);
}

static void code_track(struct codec *c, struct track *t, int64_t cycles) {
    code_int(c, &t->cycles_done);
    if (t->cycles_done < 0 || t->cycles_done > cycles) {
        c->bad = true;
        t->cycles_done = 0;
    }
    for (int64_t k = 0; k < t->cycles_done && !c->bad; k++)
        code_record(c, &t->cycle[k]);
    code_record(c, &t->now);
    code_real(c, &t->charged_Ah);
    code_real(c, &t->discharged_Ah);
    code_real(c, &t->last_capacity);
    code_int(c, &t->last_step);
    code_int(c, &t->last_cycle);
    code_int(c, &t->short_halves);
    code_real(c, &t->done);
    code_text(c, &t->profile);
    code_text(c, &t->clusters);
}

static void code_half(struct codec *c, struct protocol_half *h) {
    code_real(c, &h->capacity);
    code_real(c, &h->energy);
    code_real(c, &h->mean_V);
    code_real(c, &h->plateau);
    code_real(c, &h->window_mean_V);
    code_real(c, &h->end_V);
    code_flag(c, &h->reached_cutoff);
    code_int(c, &h->slices);
    code_int(c, &h->sub_slices);
    code_int(c, &h->draws);
    code_int(c, &h->evaluated);
    code_int(c, &h->accepted);
    code_same(c, EVENT_KINDS);
    for (int k = 0; k < EVENT_KINDS; k++)
        code_int(c, &h->events.fired[k]);
    code_int(c, &h->events.hops_unslowed);
    code_int(c, &h->events.hops_large);
    code_real(c, &h->events.slow_down_min);
    code_int(c, &h->events.slowed);
}

static void code_position(struct codec *c, struct protocol_position *p) {
    code_int32(c, &p->electrode.voltage_ueV);
    code_int32(c, &p->electrode.kappa_ueV);
    code_int(c, &p->electrode.target);
    code_real(c, &p->voltage_V);
    code_real(c, &p->li);
    code_real(c, &p->target_li);
    code_real(c, &p->time_s);
    code_int(c, &p->cycle);
    code_int(c, &p->slices_done);
    code_int(c, &p->sub_slices);
    code_int(c, &p->hops_unslowed);
    code_int(c, &p->hops_large);
    code_int(c, &p->step);
    code_int(c, &p->in_step);
    code_half(c, &p->half.sum);
    code_real(c, &p->half.start_li);
    code_real(c, &p->half.last_capacity);
    code_real(c, &p->half.last_V);
    code_real(c, &p->half.window_charge);
    code_real(c, &p->half.window_energy);
}

static bool is_outside(const struct state *s, int64_t site, uint8_t byte) {
    bool oxygen = lattice_coord_of(s->x.lattice, site).kind == SITE_O;
    return oxygen ? rate_model_state(byte) == ANION_OUTSIDE : byte == SITE_OUTSIDE;
}

/* In reading, the state holds the pristine crystal: sites must exist where they do there. */
static void code_occupancy(struct codec *c, struct state *s) {
    uint8_t block[4096];
    if (c->mode != CODEC_READ) {
        code_bytes(c, s->x.occupancy, (size_t)s->n_sites);
        return;
    }
    for (int64_t from = 0; from < s->n_sites && !c->bad; from += (int64_t)sizeof block) {
        int64_t left = s->n_sites - from, room = (int64_t)sizeof block;
        int64_t n = left < room ? left : room;
        code_bytes(c, block, (size_t)n);
        for (int64_t k = 0; k < n && !c->bad; k++) {
            uint8_t *byte = &s->x.occupancy[from + k];
            c->bad = is_outside(s, from + k, *byte) != is_outside(s, from + k, block[k]);
            *byte = c->bad ? *byte : block[k];
        }
    }
}

/* Sizes must be those of the state at hand. */
static void code_state(struct codec *c, struct protocol_position *at, struct state *s) {
    uint64_t step = s->step;
    code_position(c, at);
    code_int(c, &s->energy_ueV);
    code_int(c, &s->n_li);
    code_real(c, &s->time_s);
    code_word(c, &step);
    c->bad = c->bad || step > UINT32_MAX;
    s->step = (uint32_t)step;
    code_same(c, s->n_demons);
    for (int64_t k = 0; k < s->n_demons && !c->bad; k++)
        code_int32(c, &s->demon[k]);
    code_same(c, s->n_sites);
    code_occupancy(c, s);
}

/* ---- writing ---- */

struct checkpoint_writer {
    struct codec *to, *count;
    uint64_t sections;
    char directory[PATH_MAX_BYTES];
};

static void join(char path[PATH_MAX_BYTES + 20], const char *directory, const char *name) {
    snprintf(path, PATH_MAX_BYTES + 20, "%s/%s", directory, name);
}

static void writer_free(struct checkpoint_writer *w) {
    codec_free(w->to);
    codec_free(w->count);
    free(w);
}

static void put_tag(struct codec *c, const char *tag) {
    char byte[WORD];
    memcpy(byte, tag, WORD);
    code_bytes(c, byte, WORD);
}

/* Ends a part: its checksum, and a new one begins. */
static void put_part(struct codec *c) {
    uint64_t sum = XXH3_64bits_digest(c->part);
    code_word(c, &sum);
    XXH3_64bits_reset(c->part);
}

static void put_header(struct checkpoint_writer *w, const struct checkpoint_header *h) {
    struct checkpoint_header copy = *h;
    uint64_t format = CHECKPOINT_FORMAT, bytes;
    code_header(w->count, &copy);
    bytes = (uint64_t)w->count->counted;
    put_tag(w->to, MAGIC);
    code_word(w->to, &format);
    code_word(w->to, &bytes);
    code_header(w->to, &copy);
    put_part(w->to);
}

struct checkpoint_writer *checkpoint_begin(const char *directory,
                                           const struct checkpoint_header *h) {
    char path[PATH_MAX_BYTES + 20];
    struct checkpoint_writer *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->to = codec_create(CODEC_WRITE);
    w->count = codec_create(CODEC_COUNT);
    snprintf(w->directory, sizeof w->directory, "%s", directory);
    join(path, directory, "checkpoint.tmp");
    if (w->to && w->count && (w->to->out = fopen(path, "wb"))) {
        put_header(w, h);
        return w;
    }
    int reason = errno;
    writer_free(w);
    errno = reason;
    return NULL;
}

static uint64_t count_track(struct checkpoint_writer *w, const struct checkpoint_section *s) {
    w->count->counted = 0;
    code_track(w->count, s->track, INT64_MAX);
    return (uint64_t)w->count->counted;
}

static uint64_t count_state(struct checkpoint_writer *w, const struct checkpoint_section *s) {
    w->count->counted = 0;
    if (s->at)
        code_state(w->count, s->at, s->state);
    return (uint64_t)w->count->counted;
}

void checkpoint_add(struct checkpoint_writer *w, const struct checkpoint_section *s) {
    uint64_t replica = (uint64_t)s->replica, results = count_track(w, s), state = count_state(w, s);
    XXH3_64bits_reset(w->to->part);
    put_tag(w->to, SECTION);
    code_word(w->to, &replica);
    code_word(w->to, &results);
    code_word(w->to, &state);
    code_track(w->to, s->track, INT64_MAX);
    put_part(w->to);
    if (s->at) {
        code_state(w->to, s->at, s->state);
        put_part(w->to);
    }
    w->sections++;
}

void checkpoint_copy(struct checkpoint_writer *w, const struct checkpoint_file *from, int64_t k) {
    uint8_t buffer[4096];
    for (int64_t at = from->entry[k].begin; at < from->entry[k].end;) {
        int64_t left = from->entry[k].end - at;
        size_t n = left < (int64_t)sizeof buffer ? (size_t)left : sizeof buffer;
        if (!read_at(from->file, buffer, n, at)) {
            w->to->bad = true;
            return;
        }
        code_bytes(w->to, buffer, n);
        at += (int64_t)n;
    }
    w->sections++;
}

static void put_end(struct checkpoint_writer *w) {
    put_tag(w->to, END);
    code_word(w->to, &w->sections);
    uint64_t sum = XXH3_64bits_digest(w->to->whole);
    code_word(w->to, &sum);
}

/* The new names must reach the disk too. */
static void sync_directory(const char *directory) {
    int file = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0)
        return;
    (void)fsync(file); /* some file systems refuse this for directories */
    close(file);
}

/* The file in place gets its second name before it loses the first, so that a kill finds one at any time; where the file system knows no second
 * names there is a moment with checkpoint.old alone, and reading falls back to it. */
static bool keep_as_old(const char *path, const char *old) {
    unlink(old);
    return link(path, old) == 0 || errno == ENOENT || rename(path, old) == 0;
}

static bool put_in_place(const char *directory, bool keep_old) {
    char temporary[PATH_MAX_BYTES + 20], path[PATH_MAX_BYTES + 20], old[PATH_MAX_BYTES + 20];
    join(temporary, directory, "checkpoint.tmp");
    join(path, directory, "checkpoint");
    join(old, directory, "checkpoint.old");
    if ((keep_old && !keep_as_old(path, old)) || rename(temporary, path) != 0)
        return false;
    sync_directory(directory);
    return true;
}

bool checkpoint_commit(struct checkpoint_writer *w, bool keep_old) {
    put_end(w);
    bool good = !w->to->bad && fflush(w->to->out) == 0 && fsync(fileno(w->to->out)) == 0;
    int reason = errno;
    good = fclose(w->to->out) == 0 && good;
    good = good && put_in_place(w->directory, keep_old);
    reason = good || reason ? reason : errno;
    writer_free(w);
    errno = reason;
    return good;
}

void checkpoint_abandon(struct checkpoint_writer *w) {
    char path[PATH_MAX_BYTES + 20];
    join(path, w->directory, "checkpoint.tmp");
    fclose(w->to->out);
    unlink(path);
    writer_free(w);
}

void checkpoint_remove(const char *directory) {
    static const char *const name[] = {"checkpoint.tmp", "checkpoint.old", "checkpoint"};
    char path[PATH_MAX_BYTES + 20];
    for (size_t k = 0; k < sizeof name / sizeof *name; k++) {
        join(path, directory, name[k]);
        unlink(path);
    }
}

/* ---- reading: the whole file ---- */

/* Where reading stands and what was wrong first. */
struct reading {
    struct codec *c;
    struct checkpoint_file *f;
    int64_t size;
    char *problem;
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

static bool take_sum(struct reading *r, XXH3_state_t *of, const char *what) {
    uint64_t expected = XXH3_64bits_digest(of), found = 0;
    code_word(r->c, &found);
    if (r->c->bad)
        return complain(r, "expected the checksum of %s, found the end of the file", what);
    if (found != expected)
        return complain(r, "expected the checksum %016llx of %s, found %016llx",
                        (unsigned long long)expected, what, (unsigned long long)found);
    XXH3_64bits_reset(r->c->part);
    return true;
}

static bool take_header(struct reading *r) {
    char magic[WORD] = {0};
    uint64_t format = 0, bytes = 0;
    code_bytes(r->c, magic, WORD);
    if (r->c->bad || memcmp(magic, MAGIC, WORD) != 0)
        return complain(r, "expected a checkpoint of lrm-kmc, found something else");
    code_word(r->c, &format);
    code_word(r->c, &bytes);
    if (r->c->bad || format != CHECKPOINT_FORMAT)
        return complain(r, "expected format %d, found %llu", CHECKPOINT_FORMAT,
                        (unsigned long long)format);
    if (bytes > HEADER_BYTES_MAX || (int64_t)bytes > r->c->left)
        return complain(r, "expected a header of %llu bytes, found %lld left",
                        (unsigned long long)bytes, (long long)r->c->left);
    int64_t left = r->c->left;
    code_header(r->c, &r->f->header);
    if (r->c->bad || left - r->c->left != (int64_t)bytes)
        return complain(r, "expected a header of %llu bytes, found another length",
                        (unsigned long long)bytes);
    return take_sum(r, r->c->part, "the header");
}

/* Number of sections as the end of the file says, bounded by what the file can hold. */
static bool make_entries(struct reading *r) {
    enum { END_BYTES = 3 * WORD, SECTION_BYTES = 5 * WORD };
    uint8_t byte[END_BYTES];
    uint64_t n = 0;
    if (r->c->left < END_BYTES || !read_at(r->f->file, byte, END_BYTES, r->size - END_BYTES) ||
        memcmp(byte, END, WORD) != 0)
        return complain(r, "expected \"%s\" %d bytes before the end, found the file cut off", END,
                        END_BYTES);
    for (int k = 0; k < WORD; k++)
        n |= (uint64_t)byte[WORD + k] << 8 * k;
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
    if (r->c->left < WORD || bytes > (uint64_t)r->c->left - WORD)
        return complain(r, "expected %llu bytes of %s, found %lld left", (unsigned long long)bytes,
                        what, (long long)r->c->left);
    while (bytes > 0) {
        size_t n = bytes < sizeof buffer ? (size_t)bytes : sizeof buffer;
        code_bytes(r->c, buffer, n);
        bytes -= n;
    }
    return take_sum(r, r->c->part, what);
}

static bool take_section(struct reading *r, int64_t k) {
    struct checkpoint_entry *e = &r->f->entry[k];
    char tag[WORD];
    uint64_t replica = 0, results = 0, state = 0;
    e->begin = place(r);
    code_bytes(r->c, tag, WORD);
    if (r->c->bad || memcmp(tag, SECTION, WORD) != 0)
        return complain(r, "expected section %lld, found something else", (long long)k + 1);
    code_word(r->c, &replica);
    code_word(r->c, &results);
    code_word(r->c, &state);
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
    char tag[WORD];
    uint64_t n = 0;
    code_bytes(r->c, tag, WORD);
    code_word(r->c, &n);
    if (r->c->bad || memcmp(tag, END, WORD) != 0)
        return complain(r, "expected the end after %lld sections, found something else",
                        (long long)r->f->n);
    if (r->c->left != WORD)
        return complain(r, "expected the end of the file, found %lld bytes more",
                        (long long)r->c->left);
    return take_sum(r, r->c->whole, "the whole file");
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
        r.c->left = r.size;
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

/* ---- reading: one section ---- */

/* At the first byte of a section, its head taken. */
static struct codec *open_section(const struct checkpoint_file *f, int64_t k, uint64_t *results,
                                  uint64_t *state) {
    struct codec *c = codec_create(CODEC_READ);
    char tag[WORD];
    uint64_t replica = 0;
    if (!c)
        return NULL;
    c->file = f->file;
    c->at = f->entry[k].begin;
    c->left = f->entry[k].end - f->entry[k].begin;
    code_bytes(c, tag, WORD);
    code_word(c, &replica);
    code_word(c, results);
    code_word(c, state);
    return c;
}

/* The contents must have used up the part, and its checksum be right. */
static bool end_section(struct codec *c, int64_t left_after) {
    uint64_t expected = XXH3_64bits_digest(c->part), found = 0;
    bool good = !c->bad && c->left == left_after + WORD;
    code_word(c, &found);
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
    code_track(c, t, p->cycles);
    bool good = end_section(c, state ? (int64_t)(state + WORD) : 0);
    codec_free(c);
    if (good && (!f->entry[k].finished || t->cycles_done == p->cycles))
        return true;
    return refuse(f, k, "results of this scenario", "others", problem);
}

static bool is_small(double x) {
    return fabs(x) < 1e15; /* NaN is not */
}

/* Could the protocol have come to this place? */
static bool position_fits(const struct protocol_position *at, const struct protocol *p,
                          int64_t sites) {
    int64_t most = p->sub_slices > p->sub_slices_max ? p->sub_slices : p->sub_slices_max;
    bool counts = at->step >= STEP_SETTLE && at->step < STEP_DONE && at->in_step >= 1 &&
                  at->cycle >= 1 && at->cycle <= p->cycles && at->slices_done >= 0 &&
                  at->sub_slices >= 1 && at->sub_slices <= most && at->hops_unslowed >= 0 &&
                  at->hops_large >= 0;
    bool electrode = at->electrode.kappa_ueV >= 0 && at->electrode.target >= -8 * sites &&
                     at->electrode.target <= 8 * sites;
    return counts && electrode && fabs(at->voltage_V) < 1000 && is_small(at->li) &&
           is_small(at->target_li) && is_small(at->half.start_li) &&
           is_small(at->half.last_capacity) && fabs(at->half.last_V) < 1000 && isfinite(at->time_s);
}

static bool anion_fits(const struct rate_model *m, struct lattice_coord c, uint8_t byte) {
    int state = rate_model_state(byte);
    bool bonded = state == ANION_PEROXO || state == ANION_MOLECULAR;
    bool known = state <= ANION_CL || state == ANION_VACANCY;
    return known &&
           (!bonded || rate_model_partner(byte) < lattice_stencil_of(&m->lattice, c)->n_oxygen);
}

/* Bytes that tables may be indexed with. */
static bool bytes_fit(const struct replica *r) {
    for (int64_t s = 0; s < r->state.n_sites; s++) {
        struct lattice_coord c = lattice_coord_of(&r->model->lattice, s);
        uint8_t byte = r->state.x.occupancy[s];
        bool fits = c.kind == SITE_O ? anion_fits(r->model, c, byte) : byte < r->species->n_species;
        if (!fits && !is_outside(&r->state, s, byte))
            return false;
    }
    return true;
}

static bool demons_fit(const struct state *s) {
    for (int64_t k = 0; k < s->n_demons; k++)
        if (s->demon[k] > s->n_sites || s->demon[k] < -s->n_sites)
            return false;
    return true;
}

/* NULL, or what is wrong with a state that was just read. */
static const char *state_problem(struct replica *r) {
    int64_t n_li = r->state.n_li;
    if (!bytes_fit(r) || !demons_fit(&r->state) || !isfinite(r->state.time_s))
        return "other ions or sites";
    state_rebuild(&r->state, r->model);
    if (n_li != r->state.n_li)
        return "another number of Li";
    return state_verify(&r->state, r->model);
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
        c->at = f->entry[k].end - (int64_t)state - WORD;
        c->left = (int64_t)state + WORD;
        c->buffered = c->taken = 0;
        XXH3_64bits_reset(c->part);
        code_state(c, at, &r->state);
        good = end_section(c, 0);
    }
    codec_free(c);
    if (!good || !position_fits(at, p, r->state.n_sites))
        return refuse(f, k, "a state of this scenario", "another", problem);
    const char *wrong = state_problem(r);
    if (wrong)
        return refuse(f, k, "a crystal of this scenario", wrong, problem);
    return replica_renew(r) || refuse(f, k, "memory for an engine", "none", problem);
}
