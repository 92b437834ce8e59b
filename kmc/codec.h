/* codec: values as words in a file, with checksums.
 *
 * One description of some contents, made of these calls, counts its bytes, writes it or reads it, by the mode of the codec.
 * A number is a word of 8 bytes, little-endian; negative ones in two's complement, reals by their IEEE bits; a text is its length and its bytes.
 * Two checksums, XXH3 of 64 bits, run along: of the part under way and of all bytes since the codec was made.
 * Reading trusts nothing: what does not fit in what is left, or is out of range, sets `bad`, and from then on numbers are 0 and texts empty.
 */
#ifndef KMC_CODEC_H
#define KMC_CODEC_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { CODEC_WORD = 8, CODEC_BUFFER = 1 << 16 };

enum codec_mode { CODEC_COUNT, CODEC_WRITE, CODEC_READ };

struct codec_sums;

struct codec {
    enum codec_mode mode;
    FILE *out;                    /* writing; owner: the caller */
    int file;                     /* reading; owner: the caller */
    int64_t at;                   /* reading: next byte of the file to fetch */
    int64_t left;                 /* reading: bytes that may still be taken */
    int64_t counted;              /* counting: bytes so far */
    struct codec_sums *sums;      /* checksums; owner: this struct */
    bool bad;                     /* a byte could not be written or read, or makes no sense */
    uint8_t buffer[CODEC_BUFFER]; /* reading ahead, within `left` */
    size_t buffered, taken;       /* bytes of the buffer that are filled, and used */
};

/* NULL when memory runs out; the caller sets `out`, or the place to read at (codec_place). */
struct codec *codec_create(enum codec_mode mode);
void codec_free(struct codec *c);

/* Reading goes on at byte `at` of the file and may take `left` bytes; a new part begins. */
void codec_place(struct codec *c, int64_t at, int64_t left);

void codec_bytes(struct codec *c, void *data, size_t n);
void codec_word(struct codec *c, uint64_t *value);
void codec_int(struct codec *c, int64_t *value);
void codec_int32(struct codec *c, int32_t *value);
void codec_real(struct codec *c, double *value);
void codec_flag(struct codec *c, bool *value);

/* A number that reading must find again. */
void codec_same(struct codec *c, int64_t value);

/* Text in an array of `room` bytes, with its closing 0. */
void codec_name(struct codec *c, char *text, size_t room);

/* Checksums so far; codec_begin_part begins that of the part anew. */
uint64_t codec_part_sum(const struct codec *c);
uint64_t codec_whole_sum(const struct codec *c);
void codec_begin_part(struct codec *c);

/* n bytes of a file from byte `at` on; false when they are not there. */
bool codec_read_at(int file, void *to, size_t n, int64_t at);

#endif
