/* track: what one replica of a run has produced so far: its rows of cycles.csv, profile.bdf.csv, clusters.csv, voids.csv and depth.csv.
 *
 * All of it goes into the checkpoint (kmc/checkpoint_contents.c): a new member that later rows depend on must be added there.
 */
#ifndef KMC_TRACK_H
#define KMC_TRACK_H
#include "couples.h"
#include "cycle_record.h"
#include "voids.h"

enum { TRACK_VOID_ROWS = 1000 }; /* of voids.csv at most in a look, the largest voids */

/* Text that grows; no closing 0. Owner of data: this struct. */
struct track_text {
    char *data;
    size_t bytes, room;
};

struct track {
    struct cycle_record *cycle; /* [cycles]; owner: this struct */
    int64_t cycles, cycles_done;
    struct cycle_record now;                           /* the cycle under way */
    struct track_text profile, clusters, voids, depth; /* rows, without header */
    struct voids look; /* the last one; empty after the last cycle */
    bool with_voids;   /* keeps rows of voids.csv */
    double charged_Ah, discharged_Ah, last_capacity;
    int64_t last_step, last_cycle;
    int64_t short_halves; /* half-cycles that ended with no Li left */
    double done;          /* share of this replica's work */
    bool no_memory;       /* a row is missing */
};

/* False when memory runs out. */
bool track_init(struct track *t, int64_t cycles);
void track_free(struct track *t);

/* Books a slice; its row of the profile is kept, with the charge of these couples, when `profile` is given. `cycles` = of the whole run. */
void track_slice(struct track *t, const struct replica *r, const struct protocol_slice *s,
                 const struct couples *profile, int64_t cycles);

/* Books the end of a half-cycle: rows of the voids and of the depth profile, and its side of the record. */
void track_half(struct track *t, const struct replica *r, int64_t cycle, bool charge,
                const struct protocol_half *h, const struct clusters *voids);

/* Headers of the files that hold these rows. */
void track_write_header_clusters(FILE *out);
void track_write_header_voids(FILE *out);
void track_write_header_depth(FILE *out);

/* Both sides of the record are booked: it becomes a row of cycles.csv. */
void track_complete(struct track *t);

#endif
