#include <assert.h>
#include "schedule.h"

static void fill_owns(struct schedule *s, const struct rate_model *m) {
    for (int byte = 0; byte < 256; byte++)
        for (int oxygen = 0; oxygen < 2; oxygen++)
            s->owns[oxygen][byte] = (uint8_t)events_owns(m, oxygen, (uint8_t)byte);
}

bool schedule_init(struct schedule *s, const struct rate_model *m, const int32_t reach[AXES]) {
    const struct lattice *box = &m->lattice;
    struct lattice tile;
    struct window largest;
    memset(s, 0, sizeof *s);
    fill_owns(s, m);
    s->n_tiles = tiling_tiles(box, s->tile_pieces);
    s->n_regions = tiling_regions(box, s->region_pieces);
    s->windows = s->n_regions > 1 ? (uint32_t)m->windows : 1;
    tiling_largest_tile(box, s->tile_pieces, &tile);
    s->tile_bytes = tile_bytes(&tile);
    s->tile_planes = tile.n_planes;
    tiling_span(&tile, s->tile_pieces, s->tile_span);
    tiling_largest_region(box, s->region_pieces, &largest.region);
    s->window_leaves = window_leaves(&largest.region);
    s->window_doubles = window_layout(&largest);
    window_place(&largest, box, reach);
    s->window_bytes = window_bytes(&largest.tile.lattice);
    s->window_tile_bytes = tile_bytes(&largest.tile.lattice);
    s->window_planes = largest.tile.lattice.n_planes;
    s->window_sites = lattice_array_length(&largest.tile.lattice);
    if (!passes_init(&s->plan, m))
        return false;
    int32_t span[AXES];
    tiling_average_span(box, s->tile_pieces, span);
    for (int band = 0; band < PASS_BANDS; band++)
        s->mean_lanes[band] = passes_mean_lanes(&s->plan, band, span);
    return true;
}

bool schedule_is_complete(const struct state *state) {
    for (int64_t o = 0; o < state->n_oxygen; o++)
        if (state->x.deviation[o] == RATE_MODEL_ABSENT)
            return false;
    return true;
}

uint32_t schedule_equilibrate(const struct schedule *s, const struct rate_model *m,
                              const struct state *state, const struct engine_task *task,
                              struct tile_call *call) {
    uint32_t rounds = s->n_tiles > 1 ? SCHEDULE_ROUNDS : 1;
    int band = pass_band(task->electrode.voltage_ueV);
    double per_pass = s->mean_lanes[band] * (double)s->n_tiles * rounds;
    double measured = (double)task->measured / (double)(task->draws > 0 ? task->draws : 1);
    memset(call, 0, sizeof *call);
    channels_limits_init(&call->limits, m, task->slice_s);
    call->electrode = task->electrode;
    call->electrode.target = 0;
    call->random = state->random;
    call->band = band;
    call->step = state->step + 1;
    call->passes = (uint32_t)((double)task->draws / per_pass) + 1;
    call->all = call->passes * rounds;
    call->measured_from = (uint32_t)((double)call->all * (1 - measured));
    if (call->measured_from >= call->all)
        call->measured_from = call->all - 1;
    return rounds;
}

void schedule_next_round(struct tile_call *call) {
    call->step++;
    call->first_pass += call->passes;
}

void schedule_equilibrated(const struct schedule *s, struct state *state, int64_t li_before,
                           const struct tile_call *call, const struct tile_sums *sums,
                           struct engine_task *task) {
    struct engine_equilibrated *out = &task->equilibrated;
    memset(out, 0, sizeof *out);
    state->step += s->n_tiles > 1 ? SCHEDULE_ROUNDS : 1;
    state->n_li = li_before + sums->li;
    state->energy_ueV += sums->energy;
    out->samples = call->all - call->measured_from;
    out->sum_li = out->samples * li_before + sums->sum_li;
    out->draws = sums->draws;
    out->evaluated = sums->evaluated;
    out->accepted = sums->accepted;
    out->stiffness_ueV = (double)task->electrode.kappa_ueV / (double)s->n_tiles;
}

void schedule_advance(const struct schedule *s, const struct rate_model *m,
                      const struct state *state, const struct engine_task *task,
                      struct window_call *call) {
    assert(task->electrode.kappa_ueV == 0);
    memset(call, 0, sizeof *call);
    channels_limits_init(&call->limits, m, task->slice_s);
    call->electrode = task->electrode;
    call->random = state->random;
    call->step = state->step + 1;
    call->n_li = state->n_li;
    call->step_s = task->step_s;
    call->slice_s = task->slice_s;
    call->window_s = task->step_s / s->windows;
}

void schedule_advanced(struct state *state, const struct window_sums *sums,
                       struct engine_task *task) {
    struct engine_advanced *out = &task->advanced;
    state->step++;
    state->energy_ueV += sums->energy;
    state->n_li += sums->li;
    state->time_s += task->step_s;
    memcpy(out->fired, sums->fired, sizeof out->fired);
    out->hops_unslowed = sums->hops_unslowed;
    out->hops_large = sums->hops_large;
    out->slowed = sums->slowed;
    out->cut_short = sums->cut_short;
    out->slow_down_min = sums->slow_down_min;
}
