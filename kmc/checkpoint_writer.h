/* checkpoint_writer: writes a checkpoint (layout: kmc/checkpoint.h) and puts it in place.
 *
 * Written as checkpoint.tmp, flushed to the disk and renamed to checkpoint; the one before stays as checkpoint.old.  A section is streamed from the
 * state, nothing of its size is built in memory.  Failures are kept until the end: checkpoint_writer_commit tells.
 */
#ifndef KMC_CHECKPOINT_WRITER_H
#define KMC_CHECKPOINT_WRITER_H
#include "checkpoint.h"

struct checkpoint_section {
    int64_t replica;
    struct track *track; /* results */
    struct protocol_position
        *at; /* NULL for a replica that has finished; then the state is left out too */
    struct state *state;
};

struct checkpoint_writer;

/* Opens checkpoint.tmp; NULL with errno set when that fails. */
struct checkpoint_writer *checkpoint_writer_begin(const char *directory,
                                                  const struct checkpoint_header *h);
void checkpoint_writer_add(struct checkpoint_writer *w, const struct checkpoint_section *s);

/* Adds the k-th section of another checkpoint as it stands. */
void checkpoint_writer_copy(struct checkpoint_writer *w, const struct checkpoint_file *from,
                            int64_t k);

/* Puts the file in place and frees the writer; the one before becomes checkpoint.old when keep_old.  False with errno set when any byte could not
 * be written: then the one before stays. */
bool checkpoint_writer_commit(struct checkpoint_writer *w, bool keep_old);

/* Removes checkpoint.tmp and frees the writer. */
void checkpoint_writer_abandon(struct checkpoint_writer *w);

/* Removes all that writers leave in a directory: checkpoint, checkpoint.old and checkpoint.tmp. */
void checkpoint_writer_remove(const char *directory);

#endif
