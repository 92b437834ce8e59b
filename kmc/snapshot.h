/* snapshot: one configuration of the lattice, and the binary file that holds it while its run is under way (kmc/frames.h).
 *
 *   lrm-kmc-snapshot 1\n          text header, one `key value` a line, in this order:
 *   na .. nb .. letters .. planes .. a_A .. tm_gap_A .. li_gap_A ..
 *   cycle .. at .. replica .. voltage_V .. time_s .. scenario .. parameter_hash .. version ..
 * git_hash .. species INDEX SYMBOL CHARGE   one line for each cation species, ascending, from
 * `species 1 Li 1` \n                            one blank line ends the header occupancy
 * 4*planes*nb*na bytes, order of site ids (kernels/lattice.h), bytes as in the state
 * (kernels/rate_model.h) checksum                      8 bytes, little-endian XXH3_64bits of all
 * bytes before
 *
 * A file is written under a temporary name, flushed to the disk and renamed, so that a reader never
 * meets half a file. Reading trusts nothing: sizes are checked before memory is asked for, then the
 * checksum, then every byte.
 */
#ifndef KMC_SNAPSHOT_H
#define KMC_SNAPSHOT_H
#include "../kernels/rate_model.h"
#include "species.h"

enum { SNAPSHOT_MEMORY = 4, SNAPSHOT_CORRUPT = 5, SNAPSHOT_AT = 24 }; /* exit codes besides 0 */

struct snapshot {
    int32_t na, nb, n_planes;             /* box: cells along a1, a2; O planes */
    char letters[LATTICE_MAX_PLANES + 1]; /* plane letters; in writing one period is enough, reading
                                             gives all n_planes */
    double a_A, tm_gap_A, li_gap_A;       /* lattice constant, gap heights, angstrom */
    int64_t cycle;                        /* 0 for the initial state */
    char at[SNAPSHOT_AT];                 /* see snapshot_at */
    int64_t replica;
    double voltage_V; /* vs Li/Li+; NaN when not defined */
    double time_s;    /* since the start of the run */
    char scenario[128];
    char parameter_hash[17], version[32], git_hash[48];
    int n_species; /* species[1..n_species-1] are declared; 0 is the vacancy */
    struct species species[SPECIES_MAX]; /* `element` is not stored: -1 after reading */
    uint8_t *occupancy; /* lattice_n_sites bytes; after snapshot_read owned by this struct */
};

/* Writes to `path`; prints to `errors` and returns SNAPSHOT_CORRUPT when that fails. */
int snapshot_write(const struct snapshot *s, const char *path, FILE *errors);

/* Reads `path`; on 0 free with snapshot_free, else all is printed and nothing is held. */
int snapshot_read(struct snapshot *s, const char *path, FILE *errors);
void snapshot_free(struct snapshot *s);

/* Li+ in the box. */
int64_t snapshot_count_li(const struct snapshot *s);

/* DIRECTORY/snapshots/rRRR_cCCCC_AT.snap; false when the buffer is too short. */
bool snapshot_path(char *path, size_t bytes, const char *directory, int64_t replica, int64_t cycle,
                   const char *at);

/* Moment of a cycle as files and commands name it: "initial", "charge" and "discharge" for the end of that half, "charge@4.400" for the first slice of it at
 * or beyond this voltage, with three digits.  False when `text` is none; "charge@4.4" will do. */
bool snapshot_at(char at[SNAPSHOT_AT], const char *text);
/* Voltage of such a moment, NaN when it has none. */
double snapshot_at_voltage(const char *at);
/* Order of two moments of one cycle in time: < 0, 0, > 0. */
int snapshot_at_order(const char *a, const char *b);

/* Are all bytes ones that an ion, O or vacancy can have?  Else prints it for the file `path` and returns SNAPSHOT_CORRUPT. */
int snapshot_check(const struct snapshot *s, const char *path, FILE *errors);

/* Number of sites; 0 when the box is outside the limits. */
int64_t snapshot_n_sites(const struct snapshot *s);
/* True for ids of anion sites. */
bool snapshot_is_anion(const struct snapshot *s, int64_t site);
#endif
