/* device: one GPU with the states of many replicas; the two verbs for any number of them in one launch sequence.
 *
 * Memory on the device: 1.75 bytes a site (occupancy, deviation, n_tm), demons, and work space for the blocks that run at one time.
 * All functions but device_count return NULL, or a static text that says what went wrong (CUDA's own message).
 */
#ifndef KERNELS_DEVICE_H
#define KERNELS_DEVICE_H
#include "advance.h"
#include "census.h"
#include "equilibrate.h"

#ifdef __cplusplus
extern "C" {
#endif

struct device;

/* How the box is cut and planned (kmc/schedule.h). */
struct device_plan {
    const struct pass_plan *passes;
    const uint8_t (*owns)[256];
    int32_t tile_pieces[AXES], region_pieces[AXES];
    int32_t reach[AXES]; /* of owners (kmc/influence.h) */
    int32_t tile_planes, window_planes;
    int32_t tile_span[AXES]; /* of the largest tile: cells in which bonds begin */
    int64_t n_tiles, n_regions, tile_bytes, window_tile_bytes, window_bytes, window_sites,
        window_doubles, window_leaves;
    uint32_t rounds, windows;
};

/* A call of equilibrate for one replica; `sums` is the result. */
struct device_equilibrate {
    int32_t replica;
    int64_t target, n_li; /* of the restraint, before the call */
    struct tile_call call;
    struct tile_sums sums;
};

struct device_advance {
    int32_t replica;
    uint8_t complete; /* no anion site is empty or outside */
    struct window_call call;
    struct window_sums sums;
};

struct device_census {
    int32_t replica;
    struct census census;
};

/* Number of usable GPUs; `why` (may be NULL) gets the reason when there is none. */
int device_count(char *why, size_t size);

/* Name, compute capability, driver and memory of the GPU as one line. */
void device_name(char *text, size_t size);

/* Opens the first GPU for a model. */
const char *device_open(struct device **d, const struct rate_model *m, const struct device_plan *p,
                        const struct window_influence *f);
void device_close(struct device *d);

/* Free memory on the device, bytes. */
int64_t device_free_bytes(void);

/* Room for one more replica, filled from the host's configuration; its number on the device in *replica. */
const char *device_add(struct device *d, const struct configuration *x, int32_t *replica);
void device_remove(struct device *d, int32_t replica);

/* Copies a replica's configuration and demons to the host, or back. */
const char *device_download(struct device *d, int32_t replica, struct configuration *x,
                            int32_t *demon);
const char *device_upload(struct device *d, int32_t replica, const struct configuration *x,
                          const int32_t *demon);

const char *device_equilibrate(struct device *d, struct device_equilibrate *job, int n);
const char *device_advance(struct device *d, struct device_advance *job, int n);

/* Counts replicas; results in job[].census. */
const char *device_census(struct device *d, struct device_census *job, int n);

#ifdef __cplusplus
}
#endif
#endif
