/* checkpoint_contents: what of a run a checkpoint keeps, value by value, and whether what was read fits the scenario.
 *
 *   header   struct checkpoint_header
 *   results  struct track
 *   state    struct protocol_position and struct state, without deviation and n_tm, which follow from the occupancy
 * Each call counts, writes or reads (kmc/codec.h); a number that cannot be part of any run makes the codec bad.
 */
#ifndef KMC_CHECKPOINT_CONTENTS_H
#define KMC_CHECKPOINT_CONTENTS_H
#include "checkpoint.h"
#include "codec.h"

void checkpoint_contents_header(struct codec *c, struct checkpoint_header *h);

/* Reading wants an empty track made for `cycles` cycles, and refuses more of them. */
void checkpoint_contents_results(struct codec *c, struct track *t, int64_t cycles);

/* The beginning of a state. */
void checkpoint_contents_position(struct codec *c, struct protocol_position *at);

/* Reading wants the pristine crystal in *s: sizes must be the same, and sites exist where they do there. */
void checkpoint_contents_state(struct codec *c, struct protocol_position *at, struct state *s);

/* Could the protocol have come to this place with a box of so many sites? */
bool checkpoint_contents_place_fits(const struct protocol_position *at, const struct protocol *p,
                                    int64_t sites);

/* NULL, or what is wrong with a state that was just read into r->state; derives its caches. */
const char *checkpoint_contents_state_problem(struct replica *r);

#endif
