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
#include <stdio.h>
#include <stdlib.h>
#include "influence.h"
#include "schedule.h"

enum { EXIT_MEMORY = 4 };

/* What one thread works in during a call. */
struct workspace {
    struct workspace *next; /* idle ones of a context */
    void *tile;             /* of equilibrate, or the copy of a window with what it keeps */
    struct lattice_reach reach[LATTICE_MAX_STENCILS];
    struct lattice_layer layer[TILE_PLANES_MAX * SITE_KINDS];
    struct philox_block
        words[PASS_LANES_MAX]; /* of the passes 4 words_group .. + 3, words_lanes of them */
    struct pass_open_lane open[PASS_LANES_MAX + 1];
    uint32_t words_group;
    int32_t words_lanes;
    double *rate;
    uint8_t *is_stale;         /* [leaves], all 0 between refreshes */
    int32_t *stale;            /* [leaves] */
    uint8_t *is_old;           /* [sites of the copy], all 0 between refreshes */
    struct lattice_coord *old; /* [WINDOW_OLD_MAX] */
};

/* What all replicas of one model share. */
struct context {
    struct context *next;
    const struct rate_model *m;
    int users;
    struct schedule schedule;
    struct influence influence;
    struct workspace *idle;
    int n_workspaces;
};

struct engine {
    const struct rate_model *m;
    struct state *s;
    int threads;
    bool complete;
    struct context *c;
};

/* ---- what is shared ---- */

static struct context *contexts;

static void workspace_free(struct workspace *w) {
    if (!w)
        return;
    free(w->tile);
    free(w->rate);
    free(w->is_stale);
    free(w->stale);
    free(w->is_old);
    free(w->old);
    free(w);
}

static struct workspace *workspace_create(const struct schedule *s) {
    struct workspace *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->tile = malloc((size_t)(s->tile_bytes > s->window_bytes ? s->tile_bytes : s->window_bytes));
    w->rate = malloc((size_t)s->window_doubles * sizeof *w->rate);
    w->is_stale = calloc((size_t)s->window_leaves, 1);
    w->stale = malloc((size_t)s->window_leaves * sizeof *w->stale);
    w->is_old = calloc((size_t)s->window_sites, 1);
    w->old = malloc(WINDOW_OLD_MAX * sizeof *w->old);
    if (w->tile && w->rate && w->is_stale && w->stale && w->is_old && w->old)
        return w;
    workspace_free(w);
    return NULL;
}

/* An idle work space, a new one when all are in use. */
static struct workspace *take_workspace(struct context *c) {
    struct workspace *w = NULL;
#pragma omp critical(engine_cpu_context)
    {
        w = c->idle;
        if (w)
            c->idle = w->next;
        else
            c->n_workspaces++;
    }
    w = w ? w : workspace_create(&c->schedule);
    if (w)
        return w;
    fputs("error: out of memory for the work space of a thread\n"
          "    hint: fewer threads; `kmc check` predicts the memory of a run\n",
          stderr);
    exit(EXIT_MEMORY);
}

static void give_workspace(struct context *c, struct workspace *w) {
#pragma omp critical(engine_cpu_context)
    {
        w->next = c->idle;
        c->idle = w;
    }
}

static void context_free(struct context *c) {
    while (c->idle) {
        struct workspace *next = c->idle->next;
        workspace_free(c->idle);
        c->idle = next;
    }
    influence_free(&c->influence);
    free(c);
}

static struct context *context_create(const struct rate_model *m) {
    struct context *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->m = m;
    if (influence_init(&c->influence, &m->lattice) &&
        schedule_init(&c->schedule, m, c->influence.reach)) {
        c->next = contexts;
        contexts = c;
        return c;
    }
    context_free(c);
    return NULL;
}

/* The context of a model with at least as many work spaces as one engine uses; NULL when memory runs out. */
static struct context *context_share(const struct rate_model *m, int threads) {
    struct context *c;
#pragma omp critical(engine_cpu_context)
    {
        for (c = contexts; c && c->m != m; c = c->next)
            ;
        c = c ? c : context_create(m);
        while (c && c->n_workspaces < threads) {
            struct workspace *w = workspace_create(&c->schedule);
            if (!w) {
                c = NULL; /* one without users stays in the list for the next to come */
                break;
            }
            w->next = c->idle;
            c->idle = w;
            c->n_workspaces++;
        }
        if (c)
            c->users++;
    }
    return c;
}

static void context_release(struct context *c) {
#pragma omp critical(engine_cpu_context)
    {
        struct context **at = &contexts;
        if (--c->users == 0) {
            while (*at != c)
                at = &(*at)->next;
            *at = c->next;
            context_free(c);
        }
    }
}

/* ---- equilibrate ---- */

static void load_tile(struct engine *e, struct workspace *w, const struct tiling *g, int64_t index,
                      struct tile *t) {
    tile_place(t, g, &e->m->lattice, index);
    assert(tile_bytes(&t->lattice) <= e->c->schedule.tile_bytes);
    tile_point(t, w->tile);
    tile_tables(t, w->reach, w->layer);
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

static bool is_accepted(struct tile_job *job, const struct move *mv, uint32_t word, uint32_t pass,
                        int32_t lane) {
    job->sums.evaluated++;
    return pass_accepts(job->e->m, job->call, mv, job->n_li, word, pass, job->number,
                        (uint32_t)lane);
}

static void carry_out(struct tile_job *job, const struct move *mv, uint32_t pass) {
    moves_apply(&job->moves, mv);
    job->n_li += mv->li_change;
    tile_sums_book(&job->sums, job->call, mv, pass);
}

/* The lanes of one plane of a pass one after the other, the first of which is number `lane`. */
static void run_plane(struct tile_job *job, struct workspace *w, const struct pass *p,
                      const struct pass_plane *q, uint32_t number, int32_t lane) {
    for (int32_t mb = 0; mb < p->count[AXIS_B]; mb++) {
        struct pass_row row;
        struct move mv;
        pass_row_begin(q, &job->t->lattice, pass_place(p, AXIS_B, mb), &row);
        for (int32_t ma = 0; ma < p->count[AXIS_A]; ma++, lane++) {
            uint32_t word = w->words[lane].v[number % 4];
            if (pass_judge(&job->e->c->schedule.plan, p, q, &row, job->t, &job->moves,
                           pass_place(p, AXIS_A, ma), lane, word, &mv) &&
                is_accepted(job, &mv, word, number, lane))
                carry_out(job, &mv, number);
        }
    }
}

/* An open bond: plain token hops have their bond filled in only when they are accepted. */
static void run_open(struct tile_job *job, const struct pass *p, const struct pass_plane *q,
                     struct pass_open_lane at, uint32_t word, uint32_t number) {
    struct pass_row row;
    struct move mv;
    int turned = 0, plain = -1;
    if (q->layer_a && !q->triple && tile_is_whole(job->t))
        plain = pass_judge_token(&job->e->c->schedule.plan, p, q, job->t, &job->moves, at, word,
                                 &mv, &turned);
    if (plain == 0 || (plain > 0 && !is_accepted(job, &mv, word, number, at.lane)))
        return;
    pass_row_begin(q, &job->t->lattice, at.j, &row);
    if (plain > 0) {
        pass_bond(p, q, &row, job->t, at.i, at.lane, &mv.bond);
        if (turned)
            moves_turn(&mv.bond);
        carry_out(job, &mv, number);
    } else if (pass_judge_open(p, q, &row, job->t, &job->moves, at.i, at.lane, word, &mv) &&
               is_accepted(job, &mv, word, number, at.lane)) {
        carry_out(job, &mv, number);
    }
}

/* The same, looking first for the few that have a move. */
static void scan_plane(struct tile_job *job, struct workspace *w, const struct pass *p,
                       const struct pass_plane *q, uint32_t number, int32_t lane) {
    int32_t n = pass_scan_plane(p, q, job->t, w->words, number % 4, lane, w->open);
    for (int32_t k = 0; k < n; k++)
        run_open(job, p, q, w->open[k], w->words[w->open[k].lane].v[number % 4], number);
}

static void run_pass(struct tile_job *job, struct workspace *w, uint32_t number) {
    const struct pass_plan *plan = &job->e->c->schedule.plan;
    struct pass p;
    pass_begin(&p, plan, job->t, job->call->band,
               pass_words(job->call->random, job->call->step, number, job->number), number);
    draw_words(w, job->call, job->number, number, p.lanes);
    for (int32_t mc = 0; mc < p.count[AXIS_C]; mc++) {
        struct pass_plane q;
        int32_t lane = mc * p.count[AXIS_B] * p.count[AXIS_A];
        if (!pass_plane_begin(plan, &p, &job->t->lattice, mc, job->moves.complete, &q))
            continue;
        if (p.group == PASS_FAR || KMC_SABOTAGE == SABOTAGE_SWEEP)
            run_plane(job, w, &p, &q, number, lane);
        else
            scan_plane(job, w, &p, &q, number, lane);
    }
    job->sums.draws += p.lanes;
}

static void run_tile(struct engine *e, struct workspace *w, const struct tile_call *call,
                     uint32_t number, struct tile_sums *sums) {
    struct state *s = e->s;
    struct tiling g;
    struct tile t;
    memcpy(g.pieces, e->c->schedule.tile_pieces, sizeof g.pieces);
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
    int64_t n = e->c->schedule.n_tiles;
#pragma omp parallel for schedule(dynamic, 1) num_threads(e->threads) if (n > 1)
    for (int64_t t = 0; t < n; t++) {
        struct tile_sums did;
        struct workspace *w = take_workspace(e->c);
        run_tile(e, w, call, (uint32_t)t, &did);
        give_workspace(e->c, w);
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
    uint32_t rounds = schedule_equilibrate(&e->c->schedule, e->m, e->s, &task, &call);
    call.complete = e->complete;
    pass_charge_demons(e->s->demon, e->s->n_demons, electrode->target, before);
    for (uint32_t r = 0; r < rounds; r++) {
        run_round(e, &call, &sums);
        schedule_next_round(&call);
    }
    schedule_equilibrated(&e->c->schedule, e->s, before, &call, &sums, &task);
    *out = task.equilibrated;
}

/* ---- advance ---- */

static void sum_levels(struct window *w) {
    for (int level = 1; level < w->levels; level++)
        for (int64_t node = 0; node < (w->length[level - 1] + WINDOW_FAN - 1) / WINDOW_FAN; node++)
            window_sum_node(w, level, node);
}

/* May some of these sites own channels?  Octs: some ion may hop.  Tets: anything but vacancies, Li+ and vacuum.  O: anything but O2- and what has no low
 * nibble. */
static bool has_owner(const struct window *w, struct lattice_coord c, int64_t n) {
    const struct lattice *l = &w->tile.lattice;
    const uint8_t *byte = c.kind == SITE_OCT ? w->fields.may_hop + lattice_oxygen_index(l, c)
                                             : w->tile.x.occupancy + lattice_site(l, c);
    uint8_t most = 0, add = c.kind >= SITE_TET_UP, mask = c.kind == SITE_O ? 15 : 255;
    for (int64_t i = 0; i < n; i++) {
        uint8_t b = (uint8_t)((byte[i] + add) & mask);
        most = b > most ? b : most;
    }
    return most > (c.kind >= SITE_TET_UP ? CATION_LI + 1 : 0);
}

/* Fields of the whole copy, layer by layer. */
static void fill_fields(struct window *w) {
    const struct lattice *l = &w->tile.lattice;
    for (int32_t plane = -1; plane <= l->n_planes; plane++) {
        fields_group(&w->fields, plane, (plane + 1) * l->layer_size, (plane + 2) * l->layer_size);
        fields_tm_step(&w->fields, plane, (plane + 1) * l->layer_size, (plane + 2) * l->layer_size);
    }
    for (int32_t plane = 0; plane < l->n_planes; plane++)
        window_fields(w, plane, window_first_cell(l, plane), window_last_cell(l, plane));
    for (int32_t plane = 0; plane < l->n_planes; plane++)
        for (int32_t j = 0; j < l->nb; j++)
            for (int32_t i = 0; i < l->na; i++) {
                struct lattice_coord c = {plane, SITE_O, i, j};
                window_copy_fields(w, c);
                if (!window_is_edge(l, c))
                    i = l->na - 2; /* the next one of this row at an edge follows */
            }
    for (int32_t plane = 0; plane < l->n_planes; plane++) {
        const struct lattice_layer *oct = lattice_layer_of(l, plane, SITE_OCT);
        fields_hops(&w->fields, oct, window_first_cell(l, plane), window_last_cell(l, plane));
    }
}

static void refresh_rates(struct window *w) {
    int64_t leaves = window_leaves(&w->region);
    int32_t row = w->region.length[AXIS_A], rows = w->region.length[AXIS_B];
    fill_fields(w);
    memset(w->rate, 0,
           (size_t)(w->begin[w->levels - 1] + w->length[w->levels - 1]) * sizeof *w->rate);
    for (int64_t leaf = 0; leaf < leaves; leaf += row) {
        struct lattice_coord c = window_coord(w, leaf);
        if (c.j == w->first[AXIS_B] &&
            !has_owner(w, c, (int64_t)rows * w->tile.lattice.row - w->tile.lattice.row + row)) {
            leaf += (int64_t)(rows - 1) * row;
            continue;
        }
        if (!has_owner(w, c, row))
            continue;
        for (int32_t i = 0; i < row; i++, c.i++)
            w->rate[leaf + i] = window_owner_rate(w, c);
    }
    sum_levels(w);
}

/* Renews the fields that follow from the changed sites, each once. */
static void renew_fields(const struct engine *e, struct workspace *work, struct window *w,
                         const int64_t *site, int n_site) {
    const struct window_influence *f = &e->c->influence.lists;
    const struct lattice *l = &w->tile.lattice;
    int32_t n = 0;
    for (int k = 0; k < n_site; k++)
        window_renew_first(w, lattice_coord_of(l, site[k]));
    for (int k = 0; k < n_site; k++) {
        struct lattice_coord c = lattice_coord_of(l, site[k]);
        int32_t list = window_list(w, c);
        for (int32_t q = f->field_begin[list]; q < f->field_begin[list + 1]; q++) {
            struct lattice_coord d = lattice_step(l, c, f->field[q]);
            int64_t s = lattice_site(l, d);
            if (work->is_old[s])
                continue;
            work->is_old[s] = 1;
            work->old[n++] = d;
            window_renew(w, d);
        }
    }
    for (int32_t k = 0; k < n; k++) {
        work->is_old[lattice_site(l, work->old[k])] = 0;
        window_copy_fields(w, work->old[k]);
    }
    for (int k = 0; k < n_site; k++) {
        struct lattice_coord c = lattice_coord_of(l, site[k]);
        int32_t list = window_list(w, c);
        for (int32_t q = f->ion_begin[list]; q < f->ion_begin[list + 1]; q++)
            window_renew_hops(w, lattice_step(l, c, f->ion[q]));
    }
}

/* Collects the owners that read one of the changed sites. */
static int32_t collect_stale(const struct engine *e, struct workspace *work, struct window *w,
                             const int64_t *site, int n_site) {
    const struct window_influence *f = &e->c->influence.lists;
    const struct lattice *l = &w->tile.lattice;
    int32_t n = 0;
    for (int k = 0; k < n_site; k++) {
        struct lattice_coord c = lattice_coord_of(l, site[k]);
        int32_t list = window_list(w, c);
        for (int32_t q = f->owner_begin[list]; q < f->owner_begin[list + 1]; q++) {
            int64_t leaf = window_leaf(w, lattice_step(l, c, f->owner[q]));
            if (leaf < 0 || work->is_stale[leaf])
                continue;
            work->is_stale[leaf] = 1;
            work->stale[n++] = (int32_t)leaf;
        }
    }
    return n;
}

/* Keeps of the list those whose rate is another one now; returns their number. */
static int32_t refresh_leaves(struct workspace *work, struct window *w, int32_t n) {
    int32_t changed = 0;
    for (int32_t k = 0; k < n; k++) {
        int32_t leaf = work->stale[k];
        double rate = window_owner_rate(w, window_coord(w, leaf));
        work->is_stale[leaf] = 0;
        if (rate == w->rate[leaf])
            continue;
        w->rate[leaf] = rate;
        work->stale[changed++] = leaf;
    }
    return changed;
}

/* Sums above the changed leaves, each node once. */
static void refresh_sums(struct workspace *work, struct window *w, int32_t n) {
    for (int level = 1; level < w->levels; level++) {
        int32_t nodes = 0;
        for (int32_t k = 0; k < n; k++) {
            int32_t node = work->stale[k] / WINDOW_FAN;
            if (work->is_stale[node])
                continue;
            work->is_stale[node] = 1;
            work->stale[nodes++] = node;
        }
        for (int32_t k = 0; k < nodes; k++) {
            work->is_stale[work->stale[k]] = 0;
            window_sum_node(w, level, work->stale[k]);
        }
        n = nodes;
    }
}

/* Brings fields and rates up to date after an event that changed these sites. */
static void refresh_changed(const struct engine *e, struct workspace *work, struct window *w,
                            const int64_t *site, int n_site) {
    renew_fields(e, work, w, site, n_site);
    refresh_sums(work, w, refresh_leaves(work, w, collect_stale(e, work, w, site, n_site)));
}

/* A window on the engine's state; its region is the caller's. */
static struct window window_of(const struct engine *e, const struct window_call *call) {
    return (struct window){.context = {.m = e->m,
                                       .electrode = call->electrode,
                                       .n_li = call->n_li,
                                       .step_s = call->step_s,
                                       .slice_s = call->slice_s,
                                       .limits = call->limits},
                           .fields = {.complete = e->complete},
                           .box = e->s->x,
                           .owns = e->c->schedule.owns};
}

/* Copies the region and its surroundings. */
static void load_window(const struct engine *e, struct workspace *work, struct window *w) {
    struct tile *t = &w->tile;
    window_place(w, &e->m->lattice, e->c->influence.reach);
    assert(window_bytes(&t->lattice) <= e->c->schedule.window_bytes);
    window_point(w, work->tile, (char *)work->tile + (tile_bytes(&t->lattice) + 7) / 8 * 8);
    for (int species = 0; species < MODEL_SPECIES; species++)
        fields_bound_hops(&w->fields, w->context.limits.floor, species);
    tile_tables(t, work->reach, work->layer);
    for (int32_t row = 0; row < tile_rows(t); row++)
        tile_load_row(t, &w->box, row);
    w->rate = work->rate;
    window_layout(w);
}

/* One region for one window of time. */
static void run_region(const struct engine *e, struct workspace *work, struct window *w,
                       const struct window_call *call, uint32_t unit, struct window_sums *sums) {
    double used = 0;
    load_window(e, work, w);
    refresh_rates(w);
    for (uint32_t d = 0; window_total(w) > 0; d++) {
        struct philox_block r = window_draw(call->random, call->step, unit, d);
        used += window_wait(w, r);
        if (used > call->window_s)
            break;
        if (d == window_events_max(w)) {
            sums->cut_short = 1;
            break;
        }
        struct event_channel ch = window_event(w, r);
        int64_t site[3];
        int n = window_changed(&w->tile.lattice, &ch, site);
        window_apply(w, &ch, 0);
        window_apply(w, &ch, 1);
        window_count(sums, w, &ch);
        refresh_changed(e, work, w, site, n);
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
    a->cut_short += b->cut_short;
    a->slow_down_min = b->slow_down_min < a->slow_down_min ? b->slow_down_min : a->slow_down_min;
}

static void run_parity(struct engine *e, const struct tiling *g, const struct window_call *call,
                       int parity, uint32_t unit, struct window_sums *total) {
    int64_t n = e->c->schedule.n_regions;
    struct window_sums sum = {.slow_down_min = 1};
#pragma omp parallel for schedule(dynamic, 1) num_threads(e->threads) if (n > 1)
    for (int64_t t = 0; t < n; t++) {
        struct window w = window_of(e, call);
        struct window_sums did = {.slow_down_min = 1};
        if (!region_place(&w.region, g, &e->m->lattice, t, parity))
            continue;
        struct workspace *work = take_workspace(e->c);
        run_region(e, work, &w, call, unit + (uint32_t)t, &did);
        give_workspace(e->c, work);
#pragma omp critical(engine_cpu_sums)
        add_sums(&sum, &did);
    }
    add_sums(total, &sum);
}

static void cpu_advance(struct engine *e, const struct electrode *electrode, double step_s,
                        double slice_s, struct engine_advanced *out) {
    const struct schedule *s = &e->c->schedule;
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
        for (int parity = 0; parity < (s->n_regions > 1 ? 8 : 1);
             parity++, unit += (uint32_t)s->n_regions)
            run_parity(e, &g, &call, parity ^ turn, unit, &sums);
    }
    schedule_advanced(e->s, &sums, &task);
    *out = task.advanced;
}

/* ---- life ---- */

static void cpu_free(struct engine *e) {
    if (!e)
        return;
    if (e->c)
        context_release(e->c);
    free(e);
}

static struct engine *cpu_create(const struct rate_model *m, struct state *s, int threads) {
    struct engine *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->m = m;
    e->s = s;
    e->threads = threads > 0 ? threads : 1;
    e->complete = schedule_is_complete(s);
    e->c = context_share(m, e->threads);
    if (e->c && state_demons(s, e->c->schedule.n_tiles))
        return e;
    cpu_free(e);
    return NULL;
}

const struct engine_ops engine_cpu = {.name = "cpu",
                                      .create = cpu_create,
                                      .free = cpu_free,
                                      .equilibrate = cpu_equilibrate,
                                      .advance = cpu_advance};
