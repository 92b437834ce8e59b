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
#include "influence.h"
#include "schedule.h"

/* What one thread works in. */
struct workspace {
    void *tile;
    struct lattice_reach reach[LATTICE_MAX_STENCILS];
    struct philox_block
        words[PASS_LANES_MAX]; /* of the passes 4 words_group .. + 3, words_lanes of them */
    uint32_t words_group;
    int32_t words_lanes;
    double *rate;
    uint8_t *is_stale; /* [leaves] */
    int32_t *stale;    /* [leaves] */
};

struct engine {
    const struct rate_model *m;
    struct state *s;
    int threads;
    bool complete;
    struct schedule schedule;
    struct influence influence;
    struct workspace *work; /* [threads] */
};

/* ---- equilibrate ---- */

static void load_tile(struct engine *e, struct workspace *w, const struct tiling *g, int64_t index,
                      struct tile *t) {
    tile_place(t, g, &e->m->lattice, index);
    assert(tile_bytes(&t->lattice) <= e->schedule.tile_bytes);
    tile_point(t, w->tile);
    for (int s = 0; s < t->lattice.n_stencils; s++)
        tile_reach(&t->lattice, s, &w->reach[s]);
    t->lattice.reach = w->reach;
    for (int32_t row = 0; row < tile_rows(t); row++)
        tile_load_row(t, &e->s->x, row);
}

/* Words for the lanes of this pass that the passes before it in its group of four have not drawn. */
static void draw_words(struct workspace *w, const struct tile_call *c, uint32_t tile, uint32_t pass,
                       int32_t lanes) {
    if (pass / 4 != w->words_group) {
        w->words_group = pass / 4;
        w->words_lanes = 0;
    }
    for (int32_t lane = w->words_lanes; lane < lanes; lane++)
        w->words[lane] = pass_lane_words(c->random, c->step, pass / 4, tile, (uint32_t)lane);
    w->words_lanes = lanes > w->words_lanes ? lanes : w->words_lanes;
}

/* One tile in one round: place, demon, what has come of it. */
struct tile_job {
    const struct engine *e;
    const struct tile_call *call;
    struct tile *t;
    struct move_context moves;
    uint32_t number;
    int64_t n_li; /* as the restraint counts */
    struct tile_sums sums;
};

static void try_lane(struct tile_job *job, const struct move *mv, uint32_t word, uint32_t pass,
                     int32_t lane) {
    job->sums.evaluated++;
    if (!pass_accepts(job->e->m, job->call, mv, job->n_li, word, pass, job->number, (uint32_t)lane))
        return;
    moves_apply(&job->moves, mv);
    job->n_li += mv->li_change;
    tile_sums_book(&job->sums, job->call, mv, pass);
}

static void run_pass(struct tile_job *job, struct workspace *w, uint32_t number) {
    const struct pass_plan *plan = &job->e->schedule.plan;
    const struct tile *t = job->t;
    struct pass p;
    int32_t lane = 0;
    pass_begin(&p, plan, t, job->call->band,
               pass_words(job->call->random, job->call->step, number, job->number), number);
    draw_words(w, job->call, job->number, number, p.lanes);
    for (int32_t mc = 0; mc < p.count[AXIS_C]; mc++) {
        struct pass_plane q;
        pass_plane_begin(plan, &p, &t->lattice, mc, &q);
        for (int32_t mb = 0; mb < p.count[AXIS_B]; mb++) {
            int32_t j = pass_place(&p, AXIS_B, mb);
            for (int32_t ma = 0; ma < p.count[AXIS_A]; ma++, lane++) {
                struct move mv;
                uint32_t word = w->words[lane].v[number % 4];
                int32_t i = pass_place(&p, AXIS_A, ma);
                if (pass_judge(plan, &p, &q, t, &job->moves, i, j, lane, word, &mv))
                    try_lane(job, &mv, word, number, lane);
            }
        }
    }
    job->sums.draws += p.lanes;
}

static void run_tile(struct engine *e, struct workspace *w, const struct tile_call *call,
                     uint32_t number, struct tile_sums *sums) {
    struct state *s = e->s;
    struct tiling g;
    struct tile t;
    memcpy(g.pieces, e->schedule.tile_pieces, sizeof g.pieces);
    pass_place_cuts(&g, &e->m->lattice, call->random, call->step, 0);
    int32_t *demon = &s->demon[pass_demon(call->random, call->step, number, s->n_demons)];
    load_tile(e, w, &g, number, &t);
    struct tile_job job = {
        e,      call,
        &t,     {e->m, &t.x, call->limits, call->electrode.voltage_ueV, call->complete},
        number, -*demon,
        {0}};
    w->words_group = UINT32_MAX;
    for (uint32_t p = 0; p < call->passes; p++)
        run_pass(&job, w, call->first_pass + p);
    for (int32_t row = 0; row < tile_rows(&t); row++)
        tile_store_row(&t, &s->x, row);
    *demon -= (int32_t)job.sums.li;
    *sums = job.sums;
}

static void run_round(struct engine *e, const struct tile_call *call, struct tile_sums *total) {
    struct tile_sums sum = {0};
    int64_t n = e->schedule.n_tiles;
#pragma omp parallel for schedule(dynamic, 1) num_threads(e->threads) if (n > 1)
    for (int64_t t = 0; t < n; t++) {
        struct tile_sums did;
        run_tile(e, &e->work[omp_get_thread_num() % e->threads], call, (uint32_t)t, &did);
#pragma omp critical(engine_cpu_sums)
        tile_sums_add(&sum, &did);
    }
    tile_sums_add(total, &sum);
}

static void cpu_equilibrate(struct engine *e, const struct electrode *electrode, double slice_s,
                            int64_t draws, int64_t measured, struct engine_equilibrated *out) {
    struct engine_task task = {
        .electrode = *electrode, .slice_s = slice_s, .draws = draws, .measured = measured};
    struct tile_call call;
    struct tile_sums sums = {0};
    int64_t before = e->s->n_li;
    uint32_t rounds = schedule_equilibrate(&e->schedule, e->m, e->s, &task, &call);
    call.complete = e->complete;
    pass_charge_demons(e->s->demon, e->s->n_demons, electrode->target, before);
    for (uint32_t r = 0; r < rounds; r++) {
        run_round(e, &call, &sums);
        schedule_next_round(&call);
    }
    schedule_equilibrated(&e->schedule, e->s, before, &call, &sums, &task);
    *out = task.equilibrated;
}

/* ---- advance ---- */

static void sum_levels(struct window *w) {
    for (int level = 1; level < w->levels; level++)
        for (int64_t node = 0; node < (w->length[level - 1] + WINDOW_FAN - 1) / WINDOW_FAN; node++)
            window_sum_node(w, level, node);
}

static void refresh_rates(struct window *w) {
    int64_t leaves = window_leaves(&w->region), row = w->region.length[AXIS_A];
    struct lattice_coord c = {0, 0, 0, 0};
    memset(w->rate, 0,
           (size_t)(w->begin[w->levels - 1] + w->length[w->levels - 1]) * sizeof *w->rate);
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

/* One region for one window of time. */
static void run_region(struct engine *e, struct workspace *work, struct window *w,
                       const struct window_call *call, uint32_t unit, struct window_sums *sums) {
    double used = 0;
    w->rate = work->rate;
    window_layout(w);
    refresh_rates(w);
    for (uint32_t d = 0; window_total(w) > 0; d++) {
        struct philox_block r = window_draw(call->random, call->step, unit, d);
        used += window_wait(w, r);
        if (used > call->window_s)
            break;
        struct event_channel ch = window_event(w, r);
        int64_t site[3];
        int n = window_changed(&e->m->lattice, &ch, site);
        events_apply(e->m, &e->s->x, &ch);
        window_count(sums, w, &ch);
        refresh_influenced(e, work, w, site, n);
    }
}

static void add_sums(struct window_sums *a, const struct window_sums *b) {
    a->energy += b->energy;
    a->li += b->li;
    for (int k = 0; k < EVENT_KINDS; k++)
        a->fired[k] += b->fired[k];
    a->hops_unslowed += b->hops_unslowed;
    a->hops_large += b->hops_large;
    a->slowed += b->slowed;
    a->slow_down_min = b->slow_down_min < a->slow_down_min ? b->slow_down_min : a->slow_down_min;
}

static void run_parity(struct engine *e, const struct tiling *g, const struct window_call *call,
                       int parity, uint32_t unit, struct window_sums *total) {
    int64_t n = e->schedule.n_regions;
    struct window_sums sum = {.slow_down_min = 1};
#pragma omp parallel for schedule(dynamic, 1) num_threads(e->threads) if (n > 1)
    for (int64_t t = 0; t < n; t++) {
        struct window w = {.context = {e->m, &e->s->x, call->electrode, call->n_li, call->step_s,
                                       call->slice_s, call->limits},
                           .owns = e->schedule.owns};
        struct window_sums did = {.slow_down_min = 1};
        if (!region_place(&w.region, g, &e->m->lattice, t, parity))
            continue;
        run_region(e, &e->work[omp_get_thread_num() % e->threads], &w, call, unit + (uint32_t)t,
                   &did);
#pragma omp critical(engine_cpu_sums)
        add_sums(&sum, &did);
    }
    add_sums(total, &sum);
}

static void cpu_advance(struct engine *e, const struct electrode *electrode, double step_s,
                        double slice_s, struct engine_advanced *out) {
    const struct schedule *s = &e->schedule;
    struct engine_task task = {.electrode = *electrode, .step_s = step_s, .slice_s = slice_s};
    struct window_call call;
    struct window_sums sums = {.slow_down_min = 1};
    struct tiling g;
    uint32_t unit = 0;
    schedule_advance(s, e->m, e->s, &task, &call);
    memcpy(g.pieces, s->region_pieces, sizeof g.pieces);
    for (uint32_t k = 0; k < s->windows; k++) {
        pass_place_cuts(&g, &e->m->lattice, call.random, call.step, 2 + k);
        int turn = s->n_regions > 1 ? window_turn(call.random, call.step, 2 + k) : 0;
        for (int parity = 0; parity < 8; parity++, unit += (uint32_t)s->n_regions)
            run_parity(e, &g, &call, parity ^ turn, unit, &sums);
    }
    schedule_advanced(e->s, &sums, &task);
    *out = task.advanced;
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

static bool create_workspace(const struct schedule *s, struct workspace *w) {
    w->tile = malloc((size_t)s->tile_bytes);
    w->rate = malloc((size_t)s->window_doubles * sizeof *w->rate);
    w->is_stale = calloc((size_t)s->window_leaves, 1);
    w->stale = malloc((size_t)s->window_leaves * sizeof *w->stale);
    return w->tile && w->rate && w->is_stale && w->stale;
}

static struct engine *cpu_create(const struct rate_model *m, struct state *s, int threads) {
    struct engine *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->m = m;
    e->s = s;
    e->threads = threads > 0 ? threads : 1;
    e->complete = schedule_is_complete(s);
    e->work = calloc((size_t)e->threads, sizeof *e->work);
    bool ok = e->work && schedule_init(&e->schedule, m) &&
              influence_init(&e->influence, &m->lattice) && state_demons(s, e->schedule.n_tiles);
    for (int k = 0; ok && k < e->threads; k++)
        ok = create_workspace(&e->schedule, &e->work[k]);
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
