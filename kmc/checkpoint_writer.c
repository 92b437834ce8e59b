#include "checkpoint_writer.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "checkpoint_contents.h"

enum { PATH_MAX_BYTES = 1100 };

struct checkpoint_writer {
    struct codec *to;    /* checkpoint.tmp */
    struct codec *count; /* lengths that come before their contents */
    uint64_t sections;   /* added so far */
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

/* ---- contents ---- */

static void put_tag(struct codec *c, const char *tag) {
    char byte[CODEC_WORD];
    memcpy(byte, tag, CODEC_WORD);
    codec_bytes(c, byte, CODEC_WORD);
}

/* Ends a part: its checksum, and a new one begins. */
static void put_part(struct codec *c) {
    uint64_t sum = codec_part_sum(c);
    codec_word(c, &sum);
    codec_begin_part(c);
}

static void put_header(struct checkpoint_writer *w, const struct checkpoint_header *h) {
    struct checkpoint_header copy = *h;
    uint64_t format = CHECKPOINT_FORMAT, bytes;
    checkpoint_contents_header(w->count, &copy);
    bytes = (uint64_t)w->count->counted;
    put_tag(w->to, CHECKPOINT_MAGIC);
    codec_word(w->to, &format);
    codec_word(w->to, &bytes);
    checkpoint_contents_header(w->to, &copy);
    put_part(w->to);
}

struct checkpoint_writer *checkpoint_writer_begin(const char *directory,
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

static uint64_t count_results(struct checkpoint_writer *w, const struct checkpoint_section *s) {
    w->count->counted = 0;
    checkpoint_contents_results(w->count, s->track, INT64_MAX);
    return (uint64_t)w->count->counted;
}

static uint64_t count_state(struct checkpoint_writer *w, const struct checkpoint_section *s) {
    w->count->counted = 0;
    if (s->at)
        checkpoint_contents_state(w->count, s->at, s->state);
    return (uint64_t)w->count->counted;
}

void checkpoint_writer_add(struct checkpoint_writer *w, const struct checkpoint_section *s) {
    uint64_t replica = (uint64_t)s->replica, results = count_results(w, s),
             state = count_state(w, s);
    codec_begin_part(w->to);
    put_tag(w->to, CHECKPOINT_SECTION);
    codec_word(w->to, &replica);
    codec_word(w->to, &results);
    codec_word(w->to, &state);
    checkpoint_contents_results(w->to, s->track, INT64_MAX);
    put_part(w->to);
    if (s->at) {
        checkpoint_contents_state(w->to, s->at, s->state);
        put_part(w->to);
    }
    w->sections++;
}

void checkpoint_writer_copy(struct checkpoint_writer *w, const struct checkpoint_file *from,
                            int64_t k) {
    uint8_t buffer[4096];
    for (int64_t at = from->entry[k].begin; at < from->entry[k].end;) {
        int64_t left = from->entry[k].end - at;
        size_t n = left < (int64_t)sizeof buffer ? (size_t)left : sizeof buffer;
        if (!codec_read_at(from->file, buffer, n, at)) {
            w->to->bad = true;
            return;
        }
        codec_bytes(w->to, buffer, n);
        at += (int64_t)n;
    }
    w->sections++;
}

static void put_end(struct checkpoint_writer *w) {
    put_tag(w->to, CHECKPOINT_END);
    codec_word(w->to, &w->sections);
    uint64_t sum = codec_whole_sum(w->to);
    codec_word(w->to, &sum);
}

/* ---- putting in place ---- */

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

bool checkpoint_writer_commit(struct checkpoint_writer *w, bool keep_old) {
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

void checkpoint_writer_abandon(struct checkpoint_writer *w) {
    char path[PATH_MAX_BYTES + 20];
    join(path, w->directory, "checkpoint.tmp");
    fclose(w->to->out);
    unlink(path);
    writer_free(w);
}

void checkpoint_writer_remove(const char *directory) {
    static const char *const name[] = {"checkpoint.tmp", "checkpoint.old", "checkpoint"};
    char path[PATH_MAX_BYTES + 20];
    for (size_t k = 0; k < sizeof name / sizeof *name; k++) {
        join(path, directory, name[k]);
        unlink(path);
    }
}
