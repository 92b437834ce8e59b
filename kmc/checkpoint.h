/* checkpoint: a whole run in one file, from which it goes on to the bit: layout and reading.
 *
 * Everything is words of 8 bytes as kmc/codec.h codes them.
 *   header    magic "lrmkmcCP", format, bytes of what follows, struct checkpoint_header, checksum
 *   sections  one for each replica that has begun, in any order:
 *             "SECTION.", replica, bytes of results, bytes of state (0: the replica has finished); results, checksum of all this;
 *             state, checksum of the state
 *   end       "THE END.", number of sections, checksum of all bytes before
 * Checksums are XXH3, 64 bits.  Header, results and state: kmc/checkpoint_contents.h.  Writing: kmc/checkpoint_writer.h.
 *
 * Reading trusts nothing: a length is compared with what is left of the file before it is used, checksums come before contents, and contents are
 * checked against scenario and crystal before they are used.
 */
#ifndef KMC_CHECKPOINT_H
#define KMC_CHECKPOINT_H
#include "track.h"

enum { CHECKPOINT_FORMAT = 4, CHECKPOINT_PROBLEM = 200 };

#define CHECKPOINT_MAGIC "lrmkmcCP"
#define CHECKPOINT_SECTION "SECTION."
#define CHECKPOINT_END "THE END."

/* What must be the same when a run goes on, and what it carries as a whole. */
struct checkpoint_header {
    char parameter_hash[17], scenario_hash[17];
    char algorithm[16]; /* "exact" or "parallel": engines of one algorithm give the same bits */
    int64_t seed;
    int64_t replicas, sites;     /* of the run; of one replica */
    char program[80];            /* version that wrote it */
    char name[128], started[32]; /* as in struct output_info */
    double used_s;               /* wall time so far */
};

/* Where a section lies. */
struct checkpoint_entry {
    int64_t replica;
    int64_t begin, end; /* first byte in the file and the one after its last */
    bool finished;      /* no state */
};

/* A file that was opened and found whole. */
struct checkpoint_file {
    int file; /* -1 when closed */
    char path[1100];
    struct checkpoint_header header;
    struct checkpoint_entry *entry; /* [n] in the order of the file; owner: this struct */
    int64_t n;                      /* sections */
};

/* Opens and verifies a whole file.  False with "place: expected ..., found ..." in `problem`; nothing is held then. */
bool checkpoint_open(struct checkpoint_file *f, const char *path, char problem[CHECKPOINT_PROBLEM]);
void checkpoint_close(struct checkpoint_file *f);

/* Place of the k-th section in its protocol; false when it cannot be read.  Of a finished replica: as far as there is. */
bool checkpoint_place(const struct checkpoint_file *f, int64_t k, struct protocol_position *at);

/* Results of the k-th section into an empty track made for p->cycles cycles. */
bool checkpoint_results(const struct checkpoint_file *f, int64_t k, const struct protocol *p,
                        struct track *t, char problem[CHECKPOINT_PROBLEM]);

/* Place and state of the k-th section into a fresh replica; its engine is made anew.  May be called by many threads. */
bool checkpoint_state(const struct checkpoint_file *f, int64_t k, const struct protocol *p,
                      struct replica *r, struct protocol_position *at,
                      char problem[CHECKPOINT_PROBLEM]);

#endif
