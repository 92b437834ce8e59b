#include <math.h>
#include "protocol.h"
#include "units.h"

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
        .kappa_ueV = 2 * (units_ueV(scenario_real(s, "kinetics.restraint_eV")) / 2),
        .slow_events = scenario_flag(s, "kinetics.slow_events"),
        .check_every = scenario_int(s, "output.check_every"),
    };
}

/* What a replica carries from slice to slice. */
struct run {
    struct replica *r;
    const struct protocol *p;
    const struct protocol_observer *o;
    FILE *errors;
    struct electrode electrode;
    double voltage_V; /* of the slice before */
    double li;        /* <N> of the slice before */
    double target_li; /* galvanostatic target, not rounded */
    double mAh_per_li;
    double time_s;
    int64_t cycle, slices_done;
    int64_t sub_slices, hops_unslowed, hops_large; /* since sub_slices last changed */
};

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
static void adapt_sub_slices(struct run *w) {
    if (w->hops_unslowed < 20)
        return;
    if ((double)w->hops_large > w->p->large_step_share * (double)w->hops_unslowed &&
        w->sub_slices * 2 <= w->p->sub_slices_max) {
        w->sub_slices *= 2;
        w->hops_unslowed = w->hops_large = 0;
    }
}

static double cell_voltage(const struct electrode *e, const struct engine_equilibrated *eq,
                           double li) {
    return ((double)e->voltage_ueV + eq->stiffness_ueV * (li - (double)e->target)) * 1e-6;
}

/* Equilibrates and advances through `duration_s`; leaves <N> and the cell voltage in w. */
static void run_slice(struct run *w, double duration_s, struct protocol_half *h) {
    struct replica *r = w->r;
    int64_t n = w->p->slow_events ? w->sub_slices : 1, sum = 0, samples = 0;
    int64_t draws = (int64_t)(w->p->sweeps * (double)r->state.n_sites / (double)n) + 1;
    for (int64_t k = 0; k < n; k++) {
        struct engine_equilibrated eq;
        r->ops->equilibrate(r->engine, &w->electrode, duration_s, draws, (draws + 1) / 2, &eq);
        h->draws += eq.draws;
        h->evaluated += eq.evaluated;
        h->accepted += eq.accepted;
        sum += eq.sum_li;
        samples += eq.samples;
        w->li = (double)sum / (double)samples;
        w->voltage_V = cell_voltage(&w->electrode, &eq, w->li);
        if (!w->p->slow_events)
            continue;
        struct electrode held = {units_ueV(w->voltage_V), 0, 0};
        struct engine_advanced adv;
        r->ops->advance(r->engine, &held, duration_s / (double)n, duration_s, &adv);
        add_events(&h->events, &adv);
        w->hops_unslowed += adv.hops_unslowed;
        w->hops_large += adv.hops_large;
    }
    w->time_s += duration_s;
    h->slices++;
    h->sub_slices = w->sub_slices;
    adapt_sub_slices(w);
}

static int check(struct run *w) {
    const char *problem = state_verify(&w->r->state, w->r->model);
    if (!problem)
        return 0;
    fprintf(w->errors,
            "replica %u, cycle %lld: error: recount: %s\n    hint: this is a fault of the program; "
            "please report it with "
            "scenario and seed\n",
            w->r->number, (long long)w->cycle, problem);
    return 1;
}

/* Where a half-cycle stands; charge is in mAh/g, counted positive in its own direction. */
struct half {
    struct protocol_half sum;
    enum protocol_step step;
    bool charge;
    double start_li, last_capacity, last_V;
    double window_charge, window_energy; /* inside the capacity window */
};

static double overlap(double a, double b, double low, double high) {
    double from = a > low ? a : low, to = b < high ? b : high;
    return to > from ? to - from : 0;
}

/* Books the charge of a slice at the mean of the voltages at its ends. */
static void book(struct run *w, struct half *h, double duration_s, int64_t evaluated) {
    double sign = h->charge ? 1 : -1;
    double capacity = sign * (h->start_li - w->li) * w->mAh_per_li;
    double dq = capacity - h->last_capacity, v = 0.5 * (w->voltage_V + h->last_V);
    double in_window = overlap(h->last_capacity, capacity, w->p->window_low, w->p->window_high);
    h->sum.capacity += dq;
    h->sum.energy += v * dq;
    h->sum.plateau += v >= w->p->plateau_low_V && v <= w->p->plateau_high_V ? dq : 0;
    h->window_charge += in_window;
    h->window_energy += in_window * v;
    h->sum.end_V = w->voltage_V;
    struct protocol_slice s = {
        .cycle = w->cycle,
        .step = h->step,
        .time_s = w->time_s,
        .voltage_V = w->voltage_V,
        .current_mA_per_g = duration_s > 0 ? sign * dq / (duration_s / UNITS_SECONDS_PER_HOUR) : 0,
        .li = w->li,
        .evaluated = evaluated,
        .capacity_mAh_per_g = capacity,
        .charged_mAh_per_g = ((double)w->r->cell.n_li - w->li) * w->mAh_per_li};
    s.progress = capacity / (0.9 * (double)w->r->cell.n_li * w->mAh_per_li);
    h->last_capacity = capacity;
    h->last_V = w->voltage_V;
    if (w->o->slice)
        w->o->slice(w->o->context, w->r, &s);
}

static int slice(struct run *w, struct half *h, double duration_s) {
    int64_t before = h->sum.evaluated;
    run_slice(w, duration_s, &h->sum);
    book(w, h, duration_s, h->sum.evaluated - before);
    w->slices_done++;
    if (engine_stop)
        return 1;
    if (w->p->check_every && w->slices_done % w->p->check_every == 0)
        return check(w);
    return 0;
}

static bool past_cutoff(const struct run *w, bool charge) {
    return charge ? w->voltage_V >= w->p->upper_V : w->voltage_V <= w->p->lower_V;
}

/* Three times the pristine Li passed without meeting the cut-off. */
static int runaway(const struct run *w) {
    fprintf(w->errors,
            "replica %u, cycle %lld: error: expected the cut-off within three times the pristine "
            "Li, found %.3f V there\n"
            "    hint: are energies and cut-offs compatible? try kmc voltage first\n",
            w->r->number, (long long)w->cycle, w->voltage_V);
    return 1;
}

/* The field follows the measured voltage over about two ions of charge.  Following every slice, however small, would add the same lag of N to the
 * field again and again before N can answer, and drive the voltage past its equilibrium. */
static void follow_voltage(struct run *w, double step_li) {
    double share = step_li < 2 ? step_li / 2 : 1;
    double now = (double)w->electrode.voltage_ueV * 1e-6;
    w->electrode.voltage_ueV = units_ueV(now + share * (w->voltage_V - now));
}

static int galvanostatic(struct run *w, struct half *h) {
    double full = (double)w->r->cell.n_li, step = w->p->slice_fraction * full;
    double duration = step * w->mAh_per_li / w->p->current_mA_per_g * UNITS_SECONDS_PER_HOUR;
    int status = 0;
    w->electrode.kappa_ueV = w->p->kappa_ueV;
    w->target_li = w->li;
    w->electrode.voltage_ueV = units_ueV(w->voltage_V);
    for (int64_t n = 0; status == 0 && !past_cutoff(w, h->charge); n++) {
        w->target_li += h->charge ? -step : step;
        if (w->target_li < 0)
            break; /* no Li left below the cut-off */
        if ((double)n * w->p->slice_fraction > 3)
            return runaway(w);
        w->electrode.target = (int64_t)(w->target_li + 0.5);
        follow_voltage(w, step);
        status = slice(w, h, duration);
    }
    return status;
}

static int potentiostatic(struct run *w, struct half *h) {
    double end = h->charge ? w->p->upper_V : w->p->lower_V, sign = h->charge ? 1 : -1;
    double v = w->voltage_V;
    int status = 0;
    w->electrode.kappa_ueV = 0;
    while (status == 0 && sign * (end - v) > 1e-9) {
        v += sign * w->p->step_V;
        v = sign * (v - end) > 0 ? end : v;
        w->electrode.voltage_ueV = units_ueV(v);
        status = slice(w, h, w->p->step_s);
    }
    return status;
}

/* Constant voltage or open circuit for a time, in pieces of at most a tenth of an hour. */
static int wait_at(struct run *w, struct half *h, enum protocol_step step, double duration_s,
                   bool hold) {
    int pieces = (int)ceil(duration_s / (0.1 * UNITS_SECONDS_PER_HOUR)), status = 0;
    h->step = step;
    w->electrode.kappa_ueV = hold ? 0 : w->p->kappa_ueV;
    w->electrode.target = (int64_t)(w->li + 0.5);
    double v = h->charge ? w->p->upper_V : w->p->lower_V;
    for (int k = 0; k < pieces && status == 0; k++) {
        w->electrode.voltage_ueV = units_ueV(hold ? v : w->voltage_V);
        status = slice(w, h, duration_s / pieces);
    }
    return status;
}

static void finish_half(const struct run *w, struct half *h) {
    struct protocol_half *s = &h->sum;
    s->reached_cutoff = past_cutoff(w, h->charge) || w->p->mode == PROTOCOL_POTENTIOSTATIC;
    s->mean_V = s->capacity > 0 ? s->energy / s->capacity : NAN;
    double width = w->p->window_high - w->p->window_low;
    s->window_mean_V = h->window_charge > 0.999 * width ? h->window_energy / h->window_charge : NAN;
}

static int run_half(struct run *w, bool charge) {
    const struct protocol *p = w->p;
    struct half h = {.step = charge ? STEP_CHARGE : STEP_DISCHARGE,
                     .charge = charge,
                     .start_li = w->li,
                     .last_V = w->voltage_V};
    h.sum.events.slow_down_min = 1;
    int status = p->mode == PROTOCOL_POTENTIOSTATIC ? potentiostatic(w, &h) : galvanostatic(w, &h);
    if (status == 0)
        status = wait_at(w, &h, charge ? STEP_HOLD_CHARGED : STEP_HOLD_DISCHARGED,
                         charge ? p->hold_charged_s : p->hold_discharged_s, true);
    if (status == 0)
        status = wait_at(w, &h, charge ? STEP_REST_CHARGED : STEP_REST_DISCHARGED,
                         charge ? p->rest_charged_s : p->rest_discharged_s, false);
    finish_half(w, &h);
    if (status == 0)
        status = check(w);
    if (status == 0 && w->o->half && !w->o->half(w->o->context, w->r, w->cycle, charge, &h.sum))
        status = 1;
    return status;
}

/* Open-circuit voltage of the pristine crystal: restraint at its composition, field corrected until it fits. */
static void settle(struct run *w) {
    struct replica *r = w->r;
    struct engine_equilibrated eq;
    int64_t draws = (int64_t)(w->p->initial_sweeps * (double)r->state.n_sites / 8) + 1;
    w->electrode = (struct electrode){units_ueV(3.0), w->p->kappa_ueV, r->state.n_li};
    for (int k = 0; k < 8; k++) {
        r->ops->equilibrate(r->engine, &w->electrode, 0, draws, (draws + 1) / 2, &eq);
        w->li = (double)eq.sum_li / (double)eq.samples;
        w->voltage_V = cell_voltage(&w->electrode, &eq, w->li);
        w->electrode.voltage_ueV = units_ueV(w->voltage_V);
    }
}

int protocol_run(struct replica *r, const struct protocol *p, const struct protocol_observer *o,
                 FILE *errors) {
    struct run w = {.r = r, .p = p, .o = o, .errors = errors, .sub_slices = p->sub_slices};
    int status = 0;
    w.mAh_per_li = replica_mAh_per_g_per_li(r);
    settle(&w);
    for (w.cycle = 1; w.cycle <= p->cycles && status == 0; w.cycle++) {
        status = run_half(&w, true);
        if (status == 0)
            status = run_half(&w, false);
    }
    return status;
}
