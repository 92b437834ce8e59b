#include <math.h>
#include <stdlib.h>
#include "protocol.h"
#include "couples.h"
#include "units.h"
#include "watchdog.h"

static const double VOLTAGE_MOST_V = 1000; /* 2147 V overflow the 32 bits of an electrode */

static double hours(const struct scenario *s, const char *key) {
    return scenario_real(s, key) * UNITS_SECONDS_PER_HOUR;
}

void protocol_init(struct protocol *p, const struct scenario *s) {
    *p = (struct protocol){
        .mode = strcmp(scenario_text(s, "protocol.mode"), "potentiostatic") == 0
                    ? PROTOCOL_POTENTIOSTATIC
                    : PROTOCOL_GALVANOSTATIC,
        .cycles = scenario_int(s, "protocol.cycles"),
        .current_mA_per_g = scenario_real(s, "protocol.c_rate_per_h") *
                            scenario_real(s, "protocol.nominal_capacity_mAh_per_g"),
        .lower_V = scenario_real(s, "protocol.lower_cutoff_V"),
        .upper_V = scenario_real(s, "protocol.upper_cutoff_V"),
        .charge_limit = scenario_real(s, "protocol.charge_limit_mAh_per_g"),
        .rest_charged_s = hours(s, "protocol.rest_after_charge_h"),
        .rest_discharged_s = hours(s, "protocol.rest_after_discharge_h"),
        .hold_charged_s = hours(s, "protocol.hold_after_charge_h"),
        .hold_discharged_s = hours(s, "protocol.hold_after_discharge_h"),
        .slice_fraction = scenario_real(s, "protocol.slice_percent") / 100,
        .step_V = scenario_real(s, "protocol.step_V"),
        .step_s = hours(s, "protocol.step_time_h"),
        .plateau_low_V = scenario_real(s, "protocol.plateau_low_V"),
        .plateau_high_V = scenario_real(s, "protocol.plateau_high_V"),
        .window_low = scenario_real(s, "protocol.fade_window_low_mAh_per_g"),
        .window_high = scenario_real(s, "protocol.fade_window_high_mAh_per_g"),
        .sweeps = scenario_real(s, "kinetics.equilibration_sweeps"),
        .initial_sweeps = scenario_real(s, "kinetics.initial_sweeps"),
        .sub_slices = scenario_int(s, "kinetics.sub_slices"),
        .sub_slices_max = scenario_int(s, "kinetics.sub_slices_max"),
        .large_step_share = scenario_real(s, "kinetics.large_step_share"),
        .side_A_per_m2 = scenario_real(s, "surface.side_reaction_A_per_m2"),
        .side_reference_V = scenario_real(s, "surface.side_reaction_reference_V"),
        .side_slope_V = scenario_real(s, "surface.side_reaction_slope_V"),
        .kappa_ueV = 2 * (units_ueV(scenario_real(s, "kinetics.restraint_eV")) / 2),
        .slow_events = scenario_flag(s, "kinetics.slow_events"),
        .transport = scenario_flag(s, "kinetics.lithium_transport"),
        .transport_below_V = scenario_real(s, "kinetics.lithium_transport_below_V"),
        .check_every = scenario_int(s, "output.check_every"),
    };
    transport_surface_init(&p->surface, s);
    int64_t least = p->transport ? scenario_int(s, "kinetics.lithium_sub_slices") : 1;
    p->sub_slices = p->sub_slices > least ? p->sub_slices : least;
    p->sub_slices_max = p->sub_slices_max > least ? p->sub_slices_max : least;
}

static void add_events(struct engine_advanced *sum, const struct engine_advanced *e) {
    for (int k = 0; k < EVENT_KINDS; k++)
        sum->fired[k] += e->fired[k];
    sum->hops_unslowed += e->hops_unslowed;
    sum->hops_large += e->hops_large;
    sum->slowed += e->slowed;
    if (e->slow_down_min < sum->slow_down_min)
        sum->slow_down_min = e->slow_down_min;
}

/* More sub-slices as soon as the share of large steps among at least 20 hops passes the limit. */
static void adapt_sub_slices(struct protocol_run *w) {
    struct protocol_position *at = &w->at;
    if (at->hops_unslowed < 20)
        return;
    if ((double)at->hops_large > w->p->large_step_share * (double)at->hops_unslowed &&
        at->sub_slices * 2 <= w->p->sub_slices_max) {
        at->sub_slices *= 2;
        at->hops_unslowed = at->hops_large = 0;
    }
}

static double cell_voltage(const struct electrode *e, const struct engine_equilibrated *eq,
                           double li) {
    return ((double)e->voltage_ueV + eq->stiffness_ueV * (li - (double)e->target)) * 1e-6;
}

static bool is_charge(const struct protocol_run *w) {
    return w->at.step < STEP_DISCHARGE;
}

/* Do slices have events, Li+ on the clock among them? */
static bool advances(const struct protocol_run *w) {
    return (w->p->slow_events || w->p->transport) && w->at.step != STEP_SETTLE;
}

/* Free surface of what the box stands for, m2/g. */
static double surface(const struct protocol_run *w) {
    return w->r->cell.surface_m2_per_g * w->r->model->surface_share;
}

/* Voltage of the cell: of the crystal's surface, and what the current of a galvanostatic step costs there. */
static double cell_V(const struct protocol_run *w) {
    enum protocol_step step = (enum protocol_step)w->at.step;
    double current = w->p->mode == PROTOCOL_POTENTIOSTATIC ? 0
                     : step == STEP_CHARGE                 ? w->p->current_mA_per_g
                     : step == STEP_DISCHARGE              ? -w->p->current_mA_per_g
                                                           : 0;
    return w->at.voltage_V + transport_surface_V(&w->p->surface, w->r->model, current, surface(w));
}

static void check(struct protocol_run *w) {
    engine_fetch(w->r->ops, w->r->engine);
    const char *problem = state_verify(&w->r->state, w->r->model);
    if (!problem)
        return;
    fprintf(w->errors,
            "replica %u, cycle %lld: error: recount: %s\n    hint: this is a fault of the program; "
            "please report it with "
            "scenario and seed\n",
            w->r->number, (long long)w->at.cycle, problem);
    w->status = 1;
}

/* ---- booking ---- */

static double overlap(double a, double b, double low, double high) {
    double from = a > low ? a : low, to = b < high ? b : high;
    return to > from ? to - from : 0;
}

/* Books the charge of a slice at the mean of the voltages at its ends. */
static void book(struct protocol_run *w) {
    struct protocol_position *at = &w->at;
    struct protocol_progress *h = &at->half;
    double sign = is_charge(w) ? 1 : -1;
    double hours_passed = w->duration_s / UNITS_SECONDS_PER_HOUR;
    h->sum.side += w->side_mA_per_g * hours_passed;
    double capacity = sign * ((h->start_li - at->li) * w->mAh_per_li + h->sum.side);
    double now_V = cell_V(w), dq = capacity - h->last_capacity, v = 0.5 * (now_V + h->last_V);
    double in_window = overlap(h->last_capacity, capacity, w->p->window_low, w->p->window_high);
    h->sum.capacity += dq;
    h->sum.energy += v * dq;
    h->sum.plateau += v >= w->p->plateau_low_V && v <= w->p->plateau_high_V ? dq : 0;
    h->window_charge += in_window;
    h->window_energy += in_window * v;
    h->sum.end_V = now_V;
    struct protocol_slice s = {.cycle = at->cycle,
                               .step = (enum protocol_step)at->step,
                               .time_s = at->time_s,
                               .voltage_V = now_V,
                               .current_mA_per_g = w->duration_s > 0 ? sign * dq / hours_passed : 0,
                               .li = at->li,
                               .census = w->o->census ? &w->census : NULL,
                               .events = &h->sum.events,
                               .evaluated = h->sum.evaluated - w->evaluated_before,
                               .capacity_mAh_per_g = capacity,
                               .charged_mAh_per_g =
                                   ((double)w->r->cell.n_li - at->li) * w->mAh_per_li};
    s.progress = capacity / (0.9 * (double)w->r->cell.n_li * w->mAh_per_li);
    h->last_capacity = capacity;
    h->last_V = now_V;
    if (w->o->slice)
        w->o->slice(w->o->context, w->r, &s);
}

/* ---- from slice to slice ---- */

/* Has the half-cycle met its cut-off, or a charge its limit? */
static bool past_cutoff(const struct protocol_run *w, bool charge) {
    if (charge && w->p->charge_limit > 0 && w->at.half.sum.capacity >= w->p->charge_limit)
        return true;
    return charge ? cell_V(w) >= w->p->upper_V : cell_V(w) <= w->p->lower_V;
}

/* Three times the pristine Li passed without meeting the cut-off. */
static void runaway(struct protocol_run *w) {
    fprintf(w->errors,
            "replica %u, cycle %lld: error: expected the cut-off within three times the pristine "
            "Li, found %.3f V there\n"
            "    hint: are energies and cut-offs compatible? try kmc voltage first\n",
            w->r->number, (long long)w->at.cycle, cell_V(w));
    w->status = 1;
}

/* Current of the side reaction at the voltage now, mA/g. */
static double side_current(const struct protocol_run *w) {
    const struct protocol *p = w->p;
    if (p->side_A_per_m2 <= 0)
        return 0;
    return 1e3 * p->side_A_per_m2 * surface(w) *
           tables_exp((cell_V(w) - p->side_reference_V) / p->side_slope_V);
}

/* The side reaction takes the whole current. */
static void stuck(struct protocol_run *w) {
    fprintf(
        w->errors,
        "replica %u, cycle %lld: error: expected a side reaction below the current of %.4g mA/g, "
        "found %.4g mA/g at %.3f V\n"
        "    hint: lower surface.side_reaction_A_per_m2 or protocol.upper_cutoff_V, or raise "
        "protocol.c_rate_per_h\n",
        w->r->number, (long long)w->at.cycle, w->p->current_mA_per_g, w->side_mA_per_g, cell_V(w));
    w->status = 1;
}

/* The field follows the measured voltage over about two ions of charge.  Following every slice, however small, would add the same lag of N to the
 * field again and again before N can answer, and drive the voltage past its equilibrium. */
static void follow_voltage(struct protocol_run *w, double step_li) {
    double share = step_li < 2 ? step_li / 2 : 1;
    double now = (double)w->at.electrode.voltage_ueV * 1e-6;
    w->at.electrode.voltage_ueV = units_ueV(now + share * (w->at.voltage_V - now));
}

/* Each of these prepares the next slice of its kind of step; false when the step is over. */

/* Open-circuit voltage of the pristine crystal: restraint at its composition, field corrected until it fits. */
static bool next_settle(struct protocol_run *w) {
    struct protocol_position *at = &w->at;
    if (at->in_step == 0)
        at->electrode = (struct electrode){units_ueV(3.0), w->p->kappa_ueV, w->r->state.n_li};
    else
        at->electrode.voltage_ueV = units_ueV(at->voltage_V);
    w->duration_s = 0;
    return at->in_step < 8;
}

static bool next_galvanostatic(struct protocol_run *w) {
    struct protocol_position *at = &w->at;
    double full = (double)w->r->cell.n_li, step = w->p->slice_fraction * full;
    if (at->in_step == 0) {
        at->electrode.kappa_ueV = w->p->kappa_ueV;
        at->target_li = at->li;
        at->electrode.voltage_ueV = units_ueV(at->voltage_V);
    }
    if (past_cutoff(w, is_charge(w))) {
        at->half.sum.reached_cutoff = true;
        return false;
    }
    at->target_li += is_charge(w) ? -step : step;
    if (at->target_li < 0)
        return false; /* no Li left below the cut-off */
    if ((double)at->in_step * w->p->slice_fraction > 3) {
        runaway(w);
        return false;
    }
    at->electrode.target = (int64_t)(at->target_li + 0.5);
    follow_voltage(w, step);
    double current = w->p->current_mA_per_g - (is_charge(w) ? 1 : -1) * w->side_mA_per_g;
    if (current <= 0) {
        stuck(w);
        return false;
    }
    w->duration_s = step * w->mAh_per_li / current * UNITS_SECONDS_PER_HOUR;
    return true;
}

static bool next_potentiostatic(struct protocol_run *w) {
    struct protocol_position *at = &w->at;
    double end = is_charge(w) ? w->p->upper_V : w->p->lower_V, sign = is_charge(w) ? 1 : -1;
    double v = at->in_step == 0 ? at->voltage_V : (double)at->electrode.voltage_ueV * 1e-6;
    if (sign * (end - v) <= 1e-9)
        return false;
    v += sign * w->p->step_V;
    v = sign * (v - end) > 0 ? end : v;
    at->electrode.kappa_ueV = 0;
    at->electrode.voltage_ueV = units_ueV(v);
    w->duration_s = w->p->step_s;
    return true;
}

/* Constant voltage or open circuit for a time, in pieces of at most a tenth of an hour. */
static bool next_wait(struct protocol_run *w, double total_s, bool hold) {
    struct protocol_position *at = &w->at;
    int64_t pieces = (int64_t)ceil(total_s / (0.1 * UNITS_SECONDS_PER_HOUR));
    if (at->in_step >= pieces)
        return false;
    if (at->in_step == 0) {
        at->electrode.kappa_ueV = hold ? 0 : w->p->kappa_ueV;
        at->target_li = at->li;
    }
    double v = is_charge(w) ? w->p->upper_V : w->p->lower_V;
    at->electrode.voltage_ueV = units_ueV(hold ? v : at->voltage_V);
    w->duration_s = total_s / (double)pieces;
    at->target_li += w->side_mA_per_g * w->duration_s / UNITS_SECONDS_PER_HOUR / w->mAh_per_li;
    at->electrode.target = (int64_t)(at->target_li + 0.5);
    return true;
}

static void begin_half(struct protocol_run *w) {
    struct protocol_progress *h = &w->at.half;
    memset(h, 0, sizeof *h);
    h->start_li = w->at.li;
    h->last_V = cell_V(w);
    h->sum.events.slow_down_min = 1;
}

static void end_half(struct protocol_run *w, bool charge) {
    struct protocol_progress *h = &w->at.half;
    struct protocol_half *s = &h->sum;
    double width = w->p->window_high - w->p->window_low;
    s->reached_cutoff = s->reached_cutoff || w->p->mode == PROTOCOL_POTENTIOSTATIC;
    s->mean_V = s->capacity > 0 ? s->energy / s->capacity : NAN;
    s->window_mean_V = h->window_charge > 0.999 * width ? h->window_energy / h->window_charge : NAN;
    check(w);
    if (w->status == 0 && w->o->half && !w->o->half(w->o->context, w->r, w->at.cycle, charge, s))
        w->status = 1;
}

static bool next_of_step(struct protocol_run *w) {
    const struct protocol *p = w->p;
    w->side_mA_per_g = w->at.step == STEP_SETTLE ? 0 : side_current(w);
    switch (w->at.step) {
    case STEP_SETTLE:
        return next_settle(w);
    case STEP_CHARGE:
    case STEP_DISCHARGE:
        return p->mode == PROTOCOL_POTENTIOSTATIC ? next_potentiostatic(w) : next_galvanostatic(w);
    case STEP_HOLD_CHARGED:
        return next_wait(w, p->hold_charged_s, true);
    case STEP_HOLD_DISCHARGED:
        return next_wait(w, p->hold_discharged_s, true);
    case STEP_REST_CHARGED:
        return next_wait(w, p->rest_charged_s, false);
    default:
        return next_wait(w, p->rest_discharged_s, false);
    }
}

static void next_step(struct protocol_run *w) {
    struct protocol_position *at = &w->at;
    if (at->step == STEP_REST_CHARGED || at->step == STEP_REST_DISCHARGED)
        end_half(w, is_charge(w));
    at->in_step = 0;
    if (at->step < STEP_REST_DISCHARGED)
        at->step++;
    else
        at->step = at->cycle++ < w->p->cycles ? STEP_CHARGE : STEP_DONE;
    if (at->step == STEP_CHARGE && at->cycle > w->p->cycles)
        at->step = STEP_DONE;
    if (at->step == STEP_CHARGE || at->step == STEP_DISCHARGE)
        begin_half(w);
}

/* Finds the next slice; false at the end or when something went wrong. */
static bool next_slice(struct protocol_run *w) {
    while (w->status == 0 && w->at.step != STEP_DONE && !next_of_step(w))
        if (w->status == 0)
            next_step(w);
    if (w->status || w->at.step == STEP_DONE)
        return false;
    if (!replica_rest_lithium(w->r, w->at.step == STEP_SETTLE ||
                                        w->at.voltage_V >= w->p->transport_below_V)) {
        fprintf(w->errors, "replica %u: error: out of memory for an engine\n", w->r->number);
        w->status = 4;
        return false;
    }
    w->sub_slices = advances(w) ? w->at.sub_slices : 1;
    w->sum_li = w->samples = 0;
    w->evaluated_before = w->at.half.sum.evaluated;
    return true;
}

/* ---- one slice ---- */

static struct engine_task equilibrate_task(const struct protocol_run *w) {
    const struct protocol *p = w->p;
    double sites = (double)w->r->state.n_sites;
    int64_t draws = w->at.step == STEP_SETTLE
                        ? (int64_t)(p->initial_sweeps * sites / 8) + 1
                        : (int64_t)(p->sweeps * sites / (double)w->sub_slices) + 1;
    return (struct engine_task){.engine = w->r->engine,
                                .electrode = w->at.electrode,
                                .slice_s = advances(w) ? w->duration_s : 0,
                                .draws = draws,
                                .measured = (draws + 1) / 2};
}

/* No voltage that an experiment knows, or none at all; the energies of moves hold twice as much. */
static void wild(struct protocol_run *w, double voltage_V) {
    fprintf(w->errors,
            "replica %u, cycle %lld: error: expected a voltage within %.0f V, found %.6g V: the "
            "composition is far from what the current asks for\n"
            "    hint: raise kinetics.equilibration_sweeps, or lower kinetics.restraint_eV, "
            "protocol.slice_percent or surface.side_reaction_A_per_m2\n",
            w->r->number, (long long)w->at.cycle, VOLTAGE_MOST_V, voltage_V);
    w->status = 1;
}

static void equilibrated(struct protocol_run *w, const struct engine_equilibrated *eq) {
    struct protocol_half *h = &w->at.half.sum;
    h->draws += eq->draws;
    h->evaluated += eq->evaluated;
    h->accepted += eq->accepted;
    w->sum_li += eq->sum_li;
    w->samples += eq->samples;
    w->at.li = (double)w->sum_li / (double)w->samples;
    double voltage_V = cell_voltage(&w->at.electrode, eq, w->at.li);
    if (fabs(voltage_V) <= VOLTAGE_MOST_V)
        w->at.voltage_V = voltage_V;
    else if (w->status == 0)
        wild(w, voltage_V);
}

static struct engine_task advance_task(const struct protocol_run *w) {
    return (struct engine_task){.engine = w->r->engine,
                                .electrode = {units_ueV(w->at.voltage_V), 0, 0},
                                .step_s = w->duration_s / (double)w->sub_slices,
                                .slice_s = w->duration_s};
}

static void advanced(struct protocol_run *w, const struct engine_advanced *adv) {
    if (adv->cut_short && w->status == 0) {
        watchdog_endless(adv->fired, w->r, w->at.cycle, w->at.voltage_V, w->errors);
        w->status = 1;
    }
    add_events(&w->at.half.sum.events, adv);
    w->at.hops_unslowed += adv->hops_unslowed;
    w->at.hops_large += adv->hops_large;
}

static void end_slice(struct protocol_run *w) {
    struct protocol_position *at = &w->at;
    at->in_step++;
    if (at->step == STEP_SETTLE)
        return;
    at->time_s += w->duration_s;
    at->half.sum.slices++;
    at->half.sum.sub_slices = at->sub_slices;
    adapt_sub_slices(w);
    book(w);
    at->slices_done++;
    if (w->p->check_every && at->slices_done % w->p->check_every == 0)
        check(w);
}

/* ---- batches ---- */

struct batch {
    struct protocol_run **active; /* [n] those with a slice under way */
    struct engine_task *task;     /* [n] */
    struct engine **engine;       /* [n] */
    struct census *census;        /* [n] */
    int n_active;
};

/* The k-th sub-slice of all replicas that have one. */
static void run_sub_slice(struct batch *b, int64_t k) {
    const struct engine_ops *ops = b->active[0]->r->ops;
    int n = 0;
    for (int i = 0; i < b->n_active; i++)
        if (k < b->active[i]->sub_slices)
            b->task[n++] = equilibrate_task(b->active[i]);
    engine_equilibrate_all(ops, b->task, n);
    n = 0;
    for (int i = 0; i < b->n_active; i++)
        if (k < b->active[i]->sub_slices)
            equilibrated(b->active[i], &b->task[n++].equilibrated);
    n = 0;
    for (int i = 0; i < b->n_active; i++)
        if (k < b->active[i]->sub_slices && advances(b->active[i]))
            b->task[n++] = advance_task(b->active[i]);
    engine_advance_all(ops, b->task, n);
    n = 0;
    for (int i = 0; i < b->n_active; i++)
        if (k < b->active[i]->sub_slices && advances(b->active[i]))
            advanced(b->active[i], &b->task[n++].advanced);
}

/* Counts the replicas whose observers ask for it. */
static void take_census(struct batch *b) {
    const struct engine_ops *ops = b->active[0]->r->ops;
    int n = 0;
    for (int i = 0; i < b->n_active; i++)
        if (b->active[i]->o->census)
            b->engine[n++] = b->active[i]->r->engine;
    if (n == 0)
        return;
    if (ops->census_all)
        ops->census_all(b->engine, b->census, n);
    n = 0;
    for (int i = 0; i < b->n_active; i++) {
        struct protocol_run *w = b->active[i];
        if (!w->o->census)
            continue;
        if (ops->census_all)
            w->census = b->census[n++];
        else
            couples_census(&w->census, &w->r->state.x);
    }
}

static bool run_batch_slice(struct batch *b, struct protocol_run *runs, int n) {
    int64_t most = 0;
    b->n_active = 0;
    for (int i = 0; i < n; i++)
        if (next_slice(&runs[i])) {
            b->active[b->n_active++] = &runs[i];
            most = runs[i].sub_slices > most ? runs[i].sub_slices : most;
        }
    if (b->n_active == 0)
        return false;
    for (int64_t k = 0; k < most; k++)
        run_sub_slice(b, k);
    take_census(b);
    for (int i = 0; i < b->n_active; i++)
        end_slice(b->active[i]);
    return true;
}

void protocol_begin(struct protocol_run *w, struct replica *r, const struct protocol *p,
                    const struct protocol_observer *o, FILE *errors) {
    memset(w, 0, sizeof *w);
    w->r = r;
    w->p = p;
    w->o = o;
    w->errors = errors;
    w->mAh_per_li = replica_mAh_per_g_per_li(r);
    w->at.cycle = 1;
    w->at.sub_slices = p->sub_slices;
}

void protocol_continue(struct protocol_run *w, const struct protocol_position *at) {
    w->at = *at;
}

int protocol_run_all(struct protocol_run *runs, int n) {
    struct batch b = {malloc((size_t)n * sizeof *b.active), malloc((size_t)n * sizeof *b.task),
                      malloc((size_t)n * sizeof *b.engine), malloc((size_t)n * sizeof *b.census),
                      0};
    int status = b.active && b.task && b.engine && b.census ? 0 : 4;
    const struct protocol_observer *o = runs[0].o;
    while (status == 0 && run_batch_slice(&b, runs, n)) {
        for (int i = 0; i < n; i++)
            status = status ? status : runs[i].status;
        if (status == 0 && o->boundary && !o->boundary(o->context, runs, n))
            status = 1;
    }
    for (int i = 0; i < n; i++)
        status = status ? status : runs[i].status;
    free(b.active);
    free(b.task);
    free(b.engine);
    free(b.census);
    return status;
}

int protocol_run(struct replica *r, const struct protocol *p, const struct protocol_observer *o,
                 FILE *errors) {
    struct protocol_run w;
    protocol_begin(&w, r, p, o, errors);
    return protocol_run_all(&w, 1);
}
