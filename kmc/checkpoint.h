/* checkpoint: a whole run in one file, from which it goes on to the bit.
 *
 * Everything is words of 8 bytes, little-endian, written one by one; reals by their IEEE bits; a text is its length and its bytes.
 *   header    magic "lrmkmcCP", format, bytes of what follows, struct checkpoint_header, checksum
 *   sections  one for each replica that has begun, in any order:
 *             "SECTION.", replica, bytes of results, bytes of state (0: the replica has finished); results, checksum of all this;
 *             state, checksum of the state
 *   end       "THE END.", number of sections, checksum of all bytes before
 * Checksums are XXH3, 64 bits.  Results = struct track; state = struct protocol_position and struct state, without the caches that follow from
 * the occupancy.  A section is streamed from the state, nothing of its size is built in memory.
 *
 * Written as checkpoint.tmp, flushed to the disk and renamed; the one before stays as checkpoint.old.
 * Reading trusts nothing: a length is compared with what is left of the file before it is used, checksums come before contents, and contents are
 * checked against scenario and crystal before they are used.
 */
#ifndef KMC_CHECKPOINT_H
#define KMC_CHECKPOINT_H
#include "track.h"

enum { CHECKPOINT_FORMAT = 1 };

/* What must be the same when a run goes on, and what it carries as a whole. */
struct checkpoint_header {
    char parameter_hash[17], scenario_hash[17];
    char algorithm[16]; /* "exact" or "parallel": engines of one algorithm give the same bits */
    int64_t seed, replicas, sites; /* sites of one replica */
    char program[80];              /* version that wrote it */
    char name[128], started[32];   /* as in struct output_info */
    double used_s;                 /* wall time so far */
};

struct checkpoint_section {
    int64_t replica;
    struct track *track;
    struct protocol_position
        *at; /* NULL for a replica that has finished; then the state is left out too */
    struct state *state;
};

/* ---- writing ---- */

struct checkpoint_file;
struct checkpoint_writer;

/* Opens checkpoint.tmp; NULL with errno set when that fails. */
struct checkpoint_writer *checkpoint_begin(const char *directory,
                                           const struct checkpoint_header *h);
void checkpoint_add(struct checkpoint_writer *w, const struct checkpoint_section *s);

/* Adds the k-th section of another checkpoint as it stands. */
void checkpoint_copy(struct checkpoint_writer *w, const struct checkpoint_file *from, int64_t k);

/* Puts the file in place and frees the writer; the one before becomes checkpoint.old when keep_old.  False with errno set when any byte could not
 * be written: then the one before stays. */
bool checkpoint_commit(struct checkpoint_writer *w, bool keep_old);
void checkpoint_abandon(struct checkpoint_writer *w);

/* Removes checkpoint, checkpoint.old and checkpoint.tmp. */
void checkpoint_remove(const char *directory);

/* ---- reading ---- */

struct checkpoint_entry {
    int64_t replica, begin, end; /* bytes of the section in the file */
    bool finished;
};

struct checkpoint_file {
    int file;
    char path[1100];
    struct checkpoint_header header;
    struct checkpoint_entry *entry; /* [n]; owner: this struct */
    int64_t n;
};

enum { CHECKPOINT_PROBLEM = 200 };

/* Opens and verifies a whole file.  False with "place: expected ..., found ..." in `problem`; nothing is held then. */
bool checkpoint_open(struct checkpoint_file *f, const char *path, char problem[CHECKPOINT_PROBLEM]);
void checkpoint_close(struct checkpoint_file *f);

/* Results of the k-th section into an empty track made for p->cycles cycles. */
bool checkpoint_results(const struct checkpoint_file *f, int64_t k, const struct protocol *p,
                        struct track *t, char problem[CHECKPOINT_PROBLEM]);

/* Place and state of the k-th section into a fresh replica; its engine is made anew.  May be called by many threads. */
bool checkpoint_state(const struct checkpoint_file *f, int64_t k, const struct protocol *p,
                      struct replica *r, struct protocol_position *at,
                      char problem[CHECKPOINT_PROBLEM]);

#endif
