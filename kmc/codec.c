#define XXH_INLINE_ALL
#include "codec.h"
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>
#include <xxhash.h>

struct codec_sums {
    XXH3_state_t *part, *whole;
};

/* ---- life ---- */

static void sums_free(struct codec_sums *s) {
    if (!s)
        return;
    XXH3_freeState(s->part);
    XXH3_freeState(s->whole);
    free(s);
}

static struct codec_sums *sums_create(void) {
    struct codec_sums *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->part = XXH3_createState();
    s->whole = XXH3_createState();
    if (s->part && s->whole) {
        XXH3_64bits_reset(s->part);
        XXH3_64bits_reset(s->whole);
        return s;
    }
    sums_free(s);
    return NULL;
}

struct codec *codec_create(enum codec_mode mode) {
    struct codec *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->mode = mode;
    c->sums = sums_create();
    if (c->sums)
        return c;
    free(c);
    return NULL;
}

void codec_free(struct codec *c) {
    if (!c)
        return;
    sums_free(c->sums);
    free(c);
}

void codec_place(struct codec *c, int64_t at, int64_t left) {
    c->at = at;
    c->left = left;
    c->buffered = c->taken = 0;
    codec_begin_part(c);
}

/* ---- bytes ---- */

bool codec_read_at(int file, void *to, size_t n, int64_t at) {
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
    int64_t ahead = c->left < CODEC_BUFFER ? c->left : CODEC_BUFFER;
    c->buffered = (size_t)ahead;
    c->taken = 0;
    bool good = codec_read_at(c->file, c->buffer, c->buffered, c->at);
    c->at += ahead;
    return good;
}

/* Takes n bytes of what is left. */
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

void codec_bytes(struct codec *c, void *data, size_t n) {
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
    XXH3_64bits_update(c->sums->part, data, n);
    XXH3_64bits_update(c->sums->whole, data, n);
}

/* ---- values ---- */

void codec_word(struct codec *c, uint64_t *value) {
    uint8_t byte[CODEC_WORD] = {0};
    for (int k = 0; k < CODEC_WORD; k++)
        byte[k] = (uint8_t)(*value >> 8 * k);
    codec_bytes(c, byte, CODEC_WORD);
    if (c->mode != CODEC_READ)
        return;
    *value = 0;
    for (int k = 0; k < CODEC_WORD && !c->bad; k++)
        *value |= (uint64_t)byte[k] << 8 * k;
}

void codec_int(struct codec *c, int64_t *value) {
    uint64_t word = (uint64_t)*value;
    codec_word(c, &word);
    if (c->mode != CODEC_READ)
        return; /* another thread may read it meanwhile */
    *value = word <= INT64_MAX ? (int64_t)word : -(int64_t)~word - 1;
}

void codec_int32(struct codec *c, int32_t *value) {
    int64_t wide = *value;
    codec_int(c, &wide);
    c->bad = c->bad || wide < INT32_MIN || wide > INT32_MAX;
    *value = c->bad ? 0 : (int32_t)wide;
}

void codec_real(struct codec *c, double *value) {
    uint64_t word;
    memcpy(&word, value, sizeof word);
    codec_word(c, &word);
    if (c->mode == CODEC_READ)
        memcpy(value, &word, sizeof word);
}

void codec_flag(struct codec *c, bool *value) {
    uint64_t word = *value;
    codec_word(c, &word);
    c->bad = c->bad || word > 1;
    *value = word == 1;
}

void codec_same(struct codec *c, int64_t value) {
    int64_t found = value;
    codec_int(c, &found);
    c->bad = c->bad || found != value;
}

void codec_name(struct codec *c, char *text, size_t room) {
    uint64_t n = c->mode == CODEC_READ ? 0 : strlen(text);
    codec_word(c, &n);
    c->bad = c->bad || n >= room;
    if (c->bad)
        n = 0;
    codec_bytes(c, text, (size_t)n);
    if (c->mode == CODEC_READ)
        text[n] = 0;
}

/* ---- checksums ---- */

uint64_t codec_part_sum(const struct codec *c) {
    return XXH3_64bits_digest(c->sums->part);
}

uint64_t codec_whole_sum(const struct codec *c) {
    return XXH3_64bits_digest(c->sums->whole);
}

void codec_begin_part(struct codec *c) {
    XXH3_64bits_reset(c->sums->part);
}
