/* frames: the snapshots of run directories, wherever they are.
 *
 * While a run is under way each snapshot is a file of its own, snapshots/rRRR_cCCCC_AT.snap, that appears whole or not at all: a kill can hurt none, and
 * going on from a checkpoint writes the same names again.  A run that is complete packs them into run.h5, gets its DONE mark, and lets the files go.
 * So run.h5 is written once and whole; a directory with both, left by a kill or made by an older program, has each snapshot once: the file counts.
 */
#ifndef KMC_FRAMES_H
#define KMC_FRAMES_H
#include "store.h"

struct frames_entry {
    int64_t replica, cycle;
    char at[SNAPSHOT_AT];
    int directory;  /* index of that it lies in */
    int64_t stored; /* frame of its run.h5, -1 = a file */
};

/* Where frames lie: one directory. */
struct frames_place {
    const char *directory; /* owner: the caller of frames_open */
    bool has_store;
    struct store store;
};

struct frames {
    struct frames_place *place; /* [n_places]; owner: this struct */
    int n_places;
    struct frames_entry *entry; /* [n] each once, by replica, cycle and time; owner: this struct */
    int64_t n;
};

/* Snapshots of n run directories, of the same scenario if more than one.  Exit code 0, 2, 4 or 5 after printing to `errors`; frames_close in any case. */
int frames_open(struct frames *f, const char *const *directory, int n, FILE *errors);
void frames_close(struct frames *f);

/* The same of the files of one directory alone, whatever its run.h5 holds. */
int frames_open_files(struct frames *f, const char *const *directory, FILE *errors);

/* Is the file of this snapshot there? */
bool frames_has_file(const char *directory, int64_t replica, int64_t cycle, const char *at);

/* Index of a snapshot, -1 when there is none. */
int64_t frames_find(const struct frames *f, int64_t replica, int64_t cycle, const char *at);

/* Name of the k-th for messages, path of its file or of run.h5 with its frame. */
void frames_place_of(const struct frames *f, int64_t k, char text[STORE_PATH]);

/* Reads the k-th; free it with snapshot_free.  Exit code 0, 2, 4 or 5. */
int frames_read(const struct frames *f, int64_t k, struct snapshot *s, FILE *errors);

/* Packs all into DIRECTORY/run.h5; nothing is written when there are none, or when this program has no HDF5.  Exit code 0, 4 or 5. */
int frames_pack(const struct frames *f, const char *directory, const struct store_origin *origin,
                FILE *errors);

/* Removes the files in snapshots/ that run.h5 holds. */
void frames_remove_files(const char *directory);

#endif
