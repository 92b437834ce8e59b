/* engine_cpu: the parallel algorithm on CPU cores.
 *
 * equilibrate: rounds; in each the box is cut into tiles at random places, every tile runs its coloured passes (kernels/equilibrate.h).
 * advance: windows; in each the box is cut into regions at random places, an even number along each axis, and the regions of one parity act at a time
 *   (kernels/advance.h).  Between two that act lies a resting one, wider than what an event reads and writes.
 * Which tile or region runs on which thread changes nothing.
 * The restraint acts on each tile through an integer demon: N + sum of the demons = target is constant, weight exp(-kappa demon^2 / 2kT); with D tiles
 * it restrains N with stiffness kappa / D.  A box that is one tile has N itself restrained.
 */
#include <assert.h>
#include <omp.h>
#include <stdlib.h>
#include "../kernels/advance.h"
#include "../kernels/equilibrate.h"
#include "engine.h"
#include "influence.h"
#include "passes.h"
#include "tiling.h"

/* What one thread works in. */
struct workspace {
    void *tile;
    int64_t tile_bytes;
    struct lattice_reach reach[LATTICE_MAX_STENCILS];
    struct philox_block words[PASS_LANES_MAX]; /* of the passes 4 words_group .. + 3, words_lanes of them */
    uint32_t words_group;
    int32_t words_lanes;
    double *rate;
    int64_t rate_length;
    uint8_t *is_stale; /* [leaves] */
    int32_t *stale;    /* [leaves] */
};

struct engine {
    const struct rate_model *m;
    struct state *s;
    int threads;
    bool complete;
    struct pass_plan plan;
    struct influence influence;
    uint8_t owns[2][256];
    int32_t tile_pieces[AXES], region_pieces[AXES];
    int64_t n_tiles, n_regions;
    double mean_lanes; /* of a pass in the average tile */
    struct workspace *work; /* [threads] */
};

/* ---- equilibrate ---- */

/* What one tile did. */
struct tile_sums {
    int64_t energy, li, evaluated, accepted, draws, sum_li;
};

/* One call of equilibrate on one tile. */
struct tile_job {
    struct move_context moves;
    struct electrode electrode;
    int64_t n_li; /* as the electrode counts */
    int band;
    uint32_t step, tile, first_pass, passes, measured_from;
};

static void load_tile(struct engine *e, struct workspace *w, const struct tiling *g, int64_t index,
                      struct tile *t) {
    tile_place(t, g, &e->m->lattice, index);
    assert(tile_bytes(&t->lattice) <= w->tile_bytes);
    tile_point(t, w->tile);
    for (int s = 0; s < t->lattice.n_stencils; s++)
        tile_reach(&t->lattice, s, &w->reach[s]);
    t->lattice.reach = w->reach;
    for (int32_t row = 0; row < tile_rows(t); row++)
        tile_load_row(t, &e->s->x, row);
}

static void try_lane(const struct engine *e, struct tile_job *job, struct tile_sums *sums,
                     const struct move *mv, uint32_t word, uint32_t pass, int32_t lane) {
    int64_t omega = mv->energy + tokens_electrode(&job->electrode, job->n_li, mv->li_change);
    sums->evaluated++;
    if (!moves_accept(&e->m->boltzmann, omega, word, e->s->random, job->step,
                      pass_low_index(pass, job->tile, (uint32_t)lane)))
        return;
    moves_apply(&job->moves, mv);
    sums->accepted++;
    sums->energy += mv->energy;
    sums->li += mv->li_change;
    job->n_li += mv->li_change;
}

/* Words for the lanes of this pass that the passes before it in its group of four have not drawn. */
static void draw_words(const struct engine *e, struct workspace *w, const struct tile_job *job,
                       uint32_t number, int32_t lanes) {
    if (number / 4 != w->words_group) {
        w->words_group = number / 4;
        w->words_lanes = 0;
    }
    for (int32_t lane = w->words_lanes; lane < lanes; lane++)
        w->words[lane] =
            pass_lane_words(e->s->random, job->step, number / 4, job->tile, (uint32_t)lane);
    w->words_lanes = lanes > w->words_lanes ? lanes : w->words_lanes;
}

static void run_pass(const struct engine *e, struct workspace *w, const struct tile *t,
                     struct tile_job *job, uint32_t number, struct tile_sums *sums) {
    struct pass p;
    int32_t lane = 0;
    pass_begin(&p, &e->plan, t, job->band,
               pass_words(e->s->random, job->step, number, job->tile));
    draw_words(e, w, job, number, p.lanes);
    for (int32_t mc = 0; mc < p.count[AXIS_C]; mc++) {
        struct pass_plane q;
        pass_plane_begin(&e->plan, &p, &t->lattice, mc, &q);
        for (int32_t mb = 0; mb < p.count[AXIS_B]; mb++) {
            int32_t j = pass_place(&p, AXIS_B, mb, t->lattice.nb);
            for (int32_t ma = 0; ma < p.count[AXIS_A]; ma++, lane++) {
                struct move mv;
                uint32_t word = w->words[lane].v[number % 4];
                int32_t i = pass_place(&p, AXIS_A, ma, t->lattice.na);
                if (pass_judge(&e->plan, &p, &q, t, &job->moves, i, j, lane, word, &mv))
                    try_lane(e, job, sums, &mv, word, number, lane);
            }
        }
    }
    sums->draws += p.lanes;
}

static void run_tile(struct engine *e, struct workspace *w, const struct tiling *g,
                     struct tile_job *job, struct tile_sums *sums) {
    struct tile t;
    load_tile(e, w, g, job->tile, &t);
    job->moves.x = &t.x;
    w->words_group = UINT32_MAX;
    for (uint32_t p = 0; p < job->passes; p++) {
        uint32_t number = job->first_pass + p;
        run_pass(e, w, &t, job, number, sums);
        if (number >= job->measured_from)
            sums->sum_li += sums->li;
    }
    for (int32_t row = 0; row < tile_rows(&t); row++)
        tile_store_row(&t, &e->s->x, row);
}

static void place_cuts(const struct engine *e, struct tiling *g, uint32_t step, uint32_t purpose) {
    struct philox_block r = pass_words(e->s->random, step, purpose, UINT32_MAX);
    for (int a = 0; a < AXES; a++) {
        int32_t n = tile_box_length(&e->m->lattice, a);
        g->origin[a] = g->pieces[a] > 1 ? (int32_t)philox_below(r.v[a], (uint32_t)n) : 0;
    }
    g->origin[AXIS_C] = g->origin[AXIS_C] / 2 * 2;
}

/* Gives the demons of the tiles what the target has moved, spread evenly. */
static void charge_demons(struct engine *e, const struct electrode *electrode) {
    struct state *s = e->s;
    int64_t missing = electrode->target - s->n_li;
    for (int64_t t = 0; t < s->n_demons; t++)
        missing -= s->demon[t];
    int64_t each = missing / s->n_demons, left = missing % s->n_demons;
    for (int64_t t = 0; t < s->n_demons; t++)
        s->demon[t] += (int32_t)(each + (t < (left < 0 ? -left : left) ? (left < 0 ? -1 : 1) : 0));
}

static void add_sums(struct tile_sums *a, const struct tile_sums *b) {
    a->energy += b->energy;
    a->li += b->li;
    a->evaluated += b->evaluated;
    a->accepted += b->accepted;
    a->draws += b->draws;
    a->sum_li += b->sum_li;
}

/* All tiles of one round. */
static void run_round(struct engine *e, const struct tile_job *job, struct tile_sums *total) {
    struct tiling g = {{0}, {0}};
    struct state *s = e->s;
    memcpy(g.pieces, e->tile_pieces, sizeof g.pieces);
    place_cuts(e, &g, job->step, 0);
    uint32_t shift = pass_words(s->random, job->step, 1, UINT32_MAX).v[0];
    bool restrained = job->electrode.kappa_ueV != 0;
    struct tile_sums sum = {0};
#pragma omp parallel for schedule(dynamic, 1) num_threads(e->threads) if (e->n_tiles > 1)
    for (int64_t t = 0; t < e->n_tiles; t++) {
        struct tile_job mine = *job;
        struct tile_sums did = {0};
        int32_t *demon = restrained ? &s->demon[(t + shift) % s->n_demons] : NULL;
        mine.tile = (uint32_t)t;
        mine.electrode.target = 0;
        mine.n_li = demon ? -*demon : 0;
        run_tile(e, &e->work[omp_get_thread_num() % e->threads], &g, &mine, &did);
        if (demon)
            *demon -= (int32_t)did.li;
#pragma omp critical(engine_cpu_sums)
        add_sums(&sum, &did);
    }
    add_sums(total, &sum);
}

enum { ROUNDS = 4 };

static void cpu_equilibrate(struct engine *e, const struct electrode *electrode, double slice_s,
                            int64_t draws, int64_t measured, struct engine_equilibrated *out) {
    struct state *s = e->s;
    struct tile_job job = {{e->m, NULL, {0}, electrode->voltage_ueV, e->complete},
                           *electrode,
                           0,
                           pass_band(electrode->voltage_ueV),
                           0,
                           0,
                           0,
                           0,
                           0};
    memset(out, 0, sizeof *out);
    events_limits_init(&job.moves.limits, e->m, slice_s);
    if (electrode->kappa_ueV)
        charge_demons(e, electrode);
    uint32_t rounds = e->n_tiles > 1 ? ROUNDS : 1;
    double per_pass = e->mean_lanes * (double)e->n_tiles * rounds;
    job.passes = (uint32_t)((double)draws / per_pass) + 1;
    uint32_t all = job.passes * rounds;
    job.measured_from =
        (uint32_t)((double)all * (1 - (double)measured / (double)(draws > 0 ? draws : 1)));
    if (job.measured_from >= all)
        job.measured_from = all - 1;
    for (uint32_t r = 0; r < rounds; r++) {
        struct tile_sums sums = {0};
        int64_t before = s->n_li;
        job.step = ++s->step;
        run_round(e, &job, &sums);
        uint32_t last = job.first_pass + job.passes;
        int64_t from = job.measured_from > job.first_pass ? job.measured_from : job.first_pass;
        int64_t samples = (int64_t)last > from ? (int64_t)last - from : 0;
        out->sum_li += samples * before + sums.sum_li;
        out->samples += samples;
        out->draws += sums.draws;
        out->evaluated += sums.evaluated;
        out->accepted += sums.accepted;
        s->n_li += sums.li;
        s->energy_ueV += sums.energy;
        job.first_pass = last;
    }
    out->stiffness_ueV = (double)electrode->kappa_ueV / (double)e->n_tiles;
}

/* ---- advance ---- */

static void fill_owns(struct engine *e) {
    for (int byte = 0; byte < 256; byte++) {
        int state = rate_model_state((uint8_t)byte);
        e->owns[0][byte] = e->m->with_hops && byte < MODEL_SPECIES && e->m->mobile[byte];
        e->owns[1][byte] = e->m->with_dimers && (state == ANION_HOLE || state == ANION_PEROXO ||
                                                 state == ANION_MOLECULAR);
    }
}

static void sum_levels(struct window *w) {
    for (int level = 1; level < w->levels; level++)
        for (int64_t node = 0; node < (w->length[level - 1] + WINDOW_FAN - 1) / WINDOW_FAN; node++)
            window_sum_node(w, level, node);
}

static void refresh_rates(struct window *w) {
    int64_t leaves = window_leaves(&w->region);
    memset(w->rate, 0,
           (size_t)(w->begin[w->levels - 1] + w->length[w->levels - 1]) * sizeof *w->rate);
    struct lattice_coord c = {0, 0, 0, 0};
    int64_t row = w->region.length[AXIS_A];
    for (int64_t leaf = 0; leaf < leaves; leaf++) {
        if (leaf % row == 0)
            c = window_coord(w, leaf);
        w->rate[leaf] = window_owner_rate(w, c);
        c.i = c.i + 1 < w->context.x->lattice->na ? c.i + 1 : 0;
    }
    sum_levels(w);
}

static void refresh_influenced(const struct engine *e, struct workspace *work, struct window *w,
                               const int64_t *site, int n_site) {
    const struct lattice *l = &e->m->lattice;
    int32_t n = 0;
    for (int k = 0; k < n_site; k++) {
        struct lattice_coord c = lattice_coord_of(l, site[k]);
        const struct influence_offset *o = e->influence.list[c.plane][c.kind];
        for (int32_t q = 0; q < e->influence.n[c.plane][c.kind]; q++) {
            int64_t leaf = window_leaf(w, influence_owner(l, c, o[q]));
            if (leaf < 0 || work->is_stale[leaf])
                continue;
            work->is_stale[leaf] = 1;
            work->stale[n++] = (int32_t)leaf;
        }
    }
    for (int32_t k = 0; k < n; k++) {
        int64_t node = work->stale[k];
        double rate = window_owner_rate(w, window_coord(w, node));
        work->is_stale[node] = 0;
        if (rate == w->rate[node])
            continue;
        w->rate[node] = rate;
        for (int level = 1; level < w->levels; level++)
            window_sum_node(w, level, node /= WINDOW_FAN);
    }
}

static void count_event(const struct window *w, const struct event_channel *ch, double step_s,
                        struct engine_advanced *out) {
    out->fired[ch->kind]++;
    out->slowed += ch->slow_down < 1;
    out->slow_down_min = ch->slow_down < out->slow_down_min ? ch->slow_down : out->slow_down_min;
    if (ch->kind != EVENT_HOP || ch->slow_down < 1)
        return;
    out->hops_unslowed++;
    out->hops_large += ch->rate * step_s > w->context.m->large_step;
}

/* One region for one window of time. */
static void run_region(struct engine *e, struct workspace *work, struct window *w, double window_s,
                       double step_s, uint32_t unit, struct engine_advanced *out,
                       struct tile_sums *sums) {
    double used = 0;
    w->rate = work->rate;
    window_layout(w);
    refresh_rates(w);
    for (uint32_t d = 0; window_total(w) > 0 && !engine_stop; d++) {
        struct philox_block r = window_draw(e->s->random, e->s->step, unit, d);
        used += window_wait(w, r);
        if (used > window_s)
            break;
        struct event_channel ch = window_event(w, r);
        int64_t site[3];
        int n = window_changed(&e->m->lattice, &ch, site);
        events_apply(e->m, &e->s->x, &ch);
        sums->energy += ch.energy;
        sums->li += ch.li_change;
        refresh_influenced(e, work, w, site, n);
        count_event(w, &ch, step_s, out);
    }
}

static void add_advanced(struct engine_advanced *a, const struct engine_advanced *b) {
    for (int k = 0; k < EVENT_KINDS; k++)
        a->fired[k] += b->fired[k];
    a->hops_unslowed += b->hops_unslowed;
    a->hops_large += b->hops_large;
    a->slowed += b->slowed;
    a->slow_down_min = b->slow_down_min < a->slow_down_min ? b->slow_down_min : a->slow_down_min;
}

/* Regions of one parity; returns false when the region number has another one. */
static bool region_of(const struct engine *e, const struct tiling *g, int64_t index, int parity,
                      struct region *r) {
    for (int a = 0; a < AXES; a++) {
        int32_t p = (int32_t)(index % g->pieces[a]);
        index /= g->pieces[a];
        if (g->pieces[a] > 1 && p % 2 != (parity >> a & 1))
            return false;
        if (g->pieces[a] == 1 && (parity >> a & 1))
            return false;
        int32_t from = tile_begin(g, &e->m->lattice, a, p);
        r->length[a] = tile_begin(g, &e->m->lattice, a, p + 1) - from;
        r->start[a] = tile_wrap(from, tile_box_length(&e->m->lattice, a));
    }
    return true;
}

static void run_parity(struct engine *e, const struct tiling *g, const struct event_context *ctx,
                       int parity, double window_s, double step_s, uint32_t unit,
                       struct engine_advanced *out) {
    struct tile_sums total = {0};
#pragma omp parallel for schedule(dynamic, 1) num_threads(e->threads) if (e->n_regions > 1)
    for (int64_t t = 0; t < e->n_regions; t++) {
        struct window w = {.context = *ctx, .owns = e->owns};
        struct engine_advanced did = {.slow_down_min = 1};
        struct tile_sums sums = {0};
        if (!region_of(e, g, t, parity, &w.region))
            continue;
        run_region(e, &e->work[omp_get_thread_num() % e->threads], &w, window_s, step_s,
                   unit + (uint32_t)t, &did, &sums);
#pragma omp critical(engine_cpu_sums)
        {
            add_advanced(out, &did);
            add_sums(&total, &sums);
        }
    }
    e->s->energy_ueV += total.energy;
    e->s->n_li += total.li;
}

/* The order of the parities: a random shift of 0 .. 7 by exclusive or, the same for both directions of any pair of events. */
static void cpu_advance(struct engine *e, const struct electrode *electrode, double step_s,
                        double slice_s, struct engine_advanced *out) {
    assert(electrode->kappa_ueV == 0);
    memset(out, 0, sizeof *out);
    out->slow_down_min = 1;
    struct event_context ctx = {e->m,   &e->s->x, *electrode, e->s->n_li, step_s,
                                slice_s, {0}};
    events_limits_init(&ctx.limits, e->m, slice_s);
    struct tiling g = {{0}, {0}};
    memcpy(g.pieces, e->region_pieces, sizeof g.pieces);
    uint32_t windows = e->n_regions > 1 ? (uint32_t)e->m->windows : 1, unit = 0;
    e->s->step++;
    for (uint32_t k = 0; k < windows; k++) {
        place_cuts(e, &g, e->s->step, 2 + k);
        int turn = e->n_regions > 1
                       ? (int)(pass_words(e->s->random, e->s->step, 2 + k, UINT32_MAX - 1).v[0] % 8)
                       : 0;
        for (int parity = 0; parity < 8; parity++, unit += (uint32_t)e->n_regions)
            run_parity(e, &g, &ctx, parity ^ turn, step_s / windows, step_s, unit, out);
    }
    e->s->time_s += step_s;
}

/* ---- life ---- */

static void cpu_free(struct engine *e) {
    if (!e)
        return;
    for (int k = 0; e->work && k < e->threads; k++) {
        free(e->work[k].tile);
        free(e->work[k].rate);
        free(e->work[k].is_stale);
        free(e->work[k].stale);
    }
    free(e->work);
    influence_free(&e->influence);
    free(e);
}

static bool create_workspace(const struct engine *e, struct workspace *w) {
    struct lattice largest_tile;
    struct window largest = {.rate = NULL};
    tiling_largest_tile(&e->m->lattice, e->tile_pieces, &largest_tile);
    tiling_largest_region(&e->m->lattice, e->region_pieces, &largest.region);
    int64_t leaves = window_leaves(&largest.region);
    w->tile_bytes = tile_bytes(&largest_tile);
    w->rate_length = window_layout(&largest);
    w->tile = malloc((size_t)w->tile_bytes);
    w->rate = malloc((size_t)w->rate_length * sizeof *w->rate);
    w->is_stale = calloc((size_t)leaves, 1);
    w->stale = malloc((size_t)leaves * sizeof *w->stale);
    return w->tile && w->rate && w->is_stale && w->stale;
}

static struct engine *cpu_create(const struct rate_model *m, struct state *s, int threads) {
    struct engine *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->m = m;
    e->s = s;
    e->threads = threads;
    fill_owns(e);
    e->complete = true;
    for (int64_t o = 0; o < s->n_oxygen && e->complete; o++)
        e->complete = s->x.deviation[o] != RATE_MODEL_ABSENT;
    bool ok = passes_init(&e->plan, m) && influence_init(&e->influence, &m->lattice);
    e->n_tiles = tiling_tiles(&m->lattice, e->tile_pieces);
    e->n_regions = tiling_regions(&m->lattice, e->region_pieces);
    struct lattice average;
    tiling_average_tile(&m->lattice, e->tile_pieces, &average);
    e->mean_lanes = passes_mean_lanes(&e->plan, &average);
    e->work = calloc((size_t)threads, sizeof *e->work);
    ok = ok && e->work && state_demons(s, e->n_tiles);
    for (int k = 0; ok && k < threads; k++)
        ok = create_workspace(e, &e->work[k]);
    if (ok)
        return e;
    cpu_free(e);
    return NULL;
}

const struct engine_ops engine_cpu = {.name = "cpu",
                                       .create = cpu_create,
                                       .free = cpu_free,
                                       .equilibrate = cpu_equilibrate,
                                       .advance = cpu_advance};
