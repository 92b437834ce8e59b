/* schedule: how the parallel back ends cut a box and plan their passes; the same for CPU and GPU. */
#ifndef KMC_SCHEDULE_H
#define KMC_SCHEDULE_H
#include "../kernels/advance.h"
#include "engine.h"
#include "passes.h"
#include "tiling.h"

enum { SCHEDULE_ROUNDS = 4 }; /* of one call of equilibrate in a box of several tiles */

struct schedule {
    struct pass_plan plan;
    uint8_t owns[2][256]; /* see struct window */
    int32_t tile_pieces[AXES], region_pieces[AXES];
    int64_t n_tiles, n_regions;
    double mean_lanes[PASS_BANDS];      /* of a pass in the average tile, see passes_mean_lanes */
    int32_t tile_planes, window_planes; /* of the largest tile and copy of a window */
    int32_t tile_span[AXES];            /* of the largest tile: cells in which bonds begin */
    int64_t window_tile_bytes;          /* of the copy without its fields */
    int64_t tile_bytes, window_bytes, window_sites, window_doubles,
        window_leaves; /* of the largest tile and region */
    uint32_t windows;  /* of one call of advance */
};

/* Plans everything for one model, given how far owners of channels read (kmc/influence.h); false when memory runs out. */
bool schedule_init(struct schedule *s, const struct rate_model *m, const int32_t reach[AXES]);

/* First round of a call of equilibrate; the next one begins with schedule_next_round. Returns the number of rounds. */
uint32_t schedule_equilibrate(const struct schedule *s, const struct rate_model *m,
                              const struct state *state, const struct engine_task *task,
                              struct tile_call *call);
void schedule_next_round(struct tile_call *call);

/* Result of the call from the sums over all tiles and rounds; updates Li count and energy of the state. */
void schedule_equilibrated(const struct schedule *s, struct state *state, int64_t li_before,
                           const struct tile_call *call, const struct tile_sums *sums,
                           struct engine_task *task);

/* A call of advance, and its result. */
void schedule_advance(const struct schedule *s, const struct rate_model *m,
                      const struct state *state, const struct engine_task *task,
                      struct window_call *call);
void schedule_advanced(struct state *state, const struct window_sums *sums,
                       struct engine_task *task);

/* Is no anion site empty or outside? */
bool schedule_is_complete(const struct state *state);

#endif
