/* store: run.h5, the snapshots of a run in one HDF5 file that h5py, MATLAB, h5dump and all other readers of HDF5 1.10 open without a plugin.
 *
 *   /            attributes: format "lrm-kmc store 1", scenario, scenario_hash, parameter_hash, seed, version, git_hash
 *                cells_a, cells_b, letters (of all O planes), a_A, tm_gap_A, li_gap_A
 *   /species     [index] symbol, charge: what the bytes of cation sites mean; 0 = vacancy
 *   /frames      [frame] replica, cycle, at (enum initial, charge, discharge), voltage_V, passed_V (NaN: the end of the half-cycle, else the voltage
 *                that was passed), li (Li+ in the box), time_s
 *   /occupancy   [frame, site] bytes as in the state (kernels/rate_model.h), order of site ids (kernels/lattice.h)
 *
 * Datasets are chunked, shuffled, gzipped and have Fletcher checksums; the format of HDF5 1.10 has checksums of all else, so that no damaged byte
 * passes for data.  Frames are in the order of replica, cycle and time.  Equal frames give equal files, byte for byte.
 *
 * Reading trusts nothing: links into other files, other types, filters, shapes and layouts are refused, and sizes are compared with the file before
 * memory is asked for.  Problems are printed as `place: error: expected ..., found ...` with a hint; HDF5's own messages are silenced.
 * A build with HDF5=0 has kmc/store_absent.c instead: store_available() says so.  Not for two threads at once.
 */
#ifndef KMC_STORE_H
#define KMC_STORE_H
#include "snapshot.h"

enum { STORE_PATH = 1280 };

/* What all frames of a run have in common, beside the crystal. */
struct store_origin {
    char scenario_hash[17];
    int64_t seed;
};

struct store_frame {
    int64_t replica, cycle;
    int8_t half;                /* 0 initial, 1 charge, 2 discharge */
    double voltage_V, passed_V; /* NaN where there is none */
    int64_t n_li;
    double time_s;
};

/* An open file. */
struct store {
    char path[STORE_PATH];
    int64_t file, occupancy;   /* HDF5's handles; -1 when closed */
    int64_t n;                 /* frames */
    struct store_frame *frame; /* [n]; owner: this struct */
    struct snapshot common;    /* crystal, species, provenance; no sites */
    struct store_origin origin;
};

/* Can this program read and write run.h5?  `what` says how. */
bool store_available(char what[80]);

/* Exit codes 0, 2 (no HDF5 in this program), 4 or 5 (SNAPSHOT_...) after printing to `errors`; store_close only after 0. */
int store_open(struct store *st, const char *path, FILE *errors);
void store_close(struct store *st);

/* Moment of the k-th frame. */
void store_at(const struct store *st, int64_t k, char at[SNAPSHOT_AT]);

/* The k-th frame as a snapshot; free it with snapshot_free. Exit code 0, 4 or 5. */
int store_read(const struct store *st, int64_t k, struct snapshot *s, FILE *errors);

#endif
