#include "watchdog.h"
#include "status.h"

static const double SHARE = 0.8, CANCELS = 0.1; /* see the header */
static const double MOST = 1, MOST_LITHIUM = 100;

/* The kind that undoes a kind, and the keys that make both rarer.  `lose` has none. */
static const struct {
    int reverse;
    const char *keys;
} undone[EVENT_KINDS] = {
    [EVENT_HOP] =
        {EVENT_HOP,
         "lower kinetics.stiff_firings (0 = any number) or raise elements.*.hop_barrier_eV"},
    [EVENT_JOIN] =
        {EVENT_SPLIT,
         "lower kinetics.stiff_firings (0 = any number) or raise model.peroxo_formation_eV"},
    [EVENT_SPLIT] =
        {EVENT_JOIN,
         "lower kinetics.stiff_firings (0 = any number) or raise model.peroxo_formation_eV"},
    [EVENT_CLEAVE] =
        {EVENT_COMBINE,
         "lower kinetics.stiff_firings (0 = any number) or raise model.peroxo_reduction_eV"},
    [EVENT_COMBINE] =
        {EVENT_CLEAVE,
         "lower kinetics.stiff_firings (0 = any number) or raise model.peroxo_reduction_eV"},
    [EVENT_OXIDISE] =
        {EVENT_REDUCE,
         "lower kinetics.stiff_firings (0 = any number) or raise model.molecular_formation_eV"},
    [EVENT_REDUCE] =
        {EVENT_OXIDISE,
         "lower kinetics.stiff_firings (0 = any number) or raise model.molecular_formation_eV"},
    [EVENT_MOVE] =
        {EVENT_MOVE,
         "lower kinetics.stiff_firings (0 = any number) or raise model.molecular_move_eV and "
         "model.molecular_exchange_eV"},
    [EVENT_LOSE] = {-1, ""},
    [EVENT_VACANCY] =
        {EVENT_VACANCY,
         "lower kinetics.stiff_firings (0 = any number) or raise model.vacancy_hop_eV"},
    [EVENT_LITHIUM] = {EVENT_LITHIUM, "lower kinetics.lithium_firings (0 leaves all hops to the "
                                      "clock) or raise model.li_pass_eV"},
    [EVENT_EXCHANGE] = {EVENT_EXCHANGE, "raise surface.proton_exchange_barrier_eV"},
    [EVENT_PROTON] =
        {EVENT_PROTON,
         "lower kinetics.stiff_firings (0 = any number) or raise surface.proton_hop_eV"},
};

static int64_t of_pair(const struct watchdog *w, int kind) {
    int reverse = undone[kind].reverse;
    return w->fired[kind] + (reverse != kind ? w->fired[reverse] : 0);
}

static int64_t of_all(const struct watchdog *w) {
    int64_t sum = 0;
    for (int k = 0; k < EVENT_KINDS; k++)
        sum += w->fired[k];
    return sum;
}

/* Firings of the pair for each O of the crystal and slice of the window. */
static double frequency(const struct watchdog *w, const struct replica *r, int kind) {
    return (double)of_pair(w, kind) / (2.0 * (double)r->cell.n_formula * WATCHDOG_SLICES);
}

static bool stalls(const struct watchdog *w, const struct replica *r, int kind) {
    int reverse = undone[kind].reverse;
    if (reverse < 0)
        return false;
    double pair = (double)of_pair(w, kind);
    double net = (double)(w->fired[kind] - w->fired[reverse]); /* 0 for hops */
    return frequency(w, r, kind) > (kind == EVENT_LITHIUM ? MOST_LITHIUM : MOST) &&
           pair >= SHARE * (double)of_all(w) && net <= CANCELS * pair && net >= -CANCELS * pair;
}

static void begin_window(struct watchdog *w, const struct protocol_slice *s, bool same_half) {
    w->cycle = s->cycle;
    w->discharge = s->step >= STEP_DISCHARGE;
    w->since_slices = 0;
    memset(w->before, 0, sizeof w->before);
    if (same_half)
        memcpy(w->before, s->events->fired, sizeof w->before);
}

bool watchdog_slice(struct watchdog *w, const struct replica *r, const struct protocol_slice *s) {
    if (w->cycle == 0) { /* the first one seen: a resumed run is in the middle of a half-cycle */
        begin_window(w, s, true);
        return false;
    }
    if (w->cycle != s->cycle || w->discharge != (s->step >= STEP_DISCHARGE))
        begin_window(w, s, false);
    if (++w->since_slices < WATCHDOG_SLICES)
        return false;
    for (int k = 0; k < EVENT_KINDS; k++)
        w->fired[k] = s->events->fired[k] - w->before[k];
    begin_window(w, s, true);
    for (w->kind = 0; w->kind < EVENT_KINDS; w->kind++)
        if (stalls(w, r, w->kind))
            return true;
    return false;
}

void watchdog_warn(const struct watchdog *w, const struct replica *r,
                   const struct protocol_slice *s, FILE *errors) {
    int reverse = undone[w->kind].reverse;
    fprintf(errors,
            "replica %u, cycle %lld, %s at %.2f V: warning: the dynamics stalls: ", r->number,
            (long long)s->cycle, status_step_name(s->step), s->voltage_V);
    if (reverse == w->kind)
        fprintf(errors, "%lld events of kind %s, to and fro,", (long long)w->fired[w->kind],
                status_event_name(w->kind));
    else
        fprintf(errors, "%lld events of kind %s and %lld of kind %s, which undo each other,",
                (long long)w->fired[w->kind], status_event_name(w->kind),
                (long long)w->fired[reverse], status_event_name(reverse));
    fprintf(errors,
            " are %.0f %% of all in the last %d slices, %.3g an O and slice\n"
            "    hint: %s\n",
            100 * (double)of_pair(w, w->kind) / (double)of_all(w), WATCHDOG_SLICES,
            frequency(w, r, w->kind), undone[w->kind].keys);
}

void watchdog_endless(const int64_t fired[EVENT_KINDS], const struct replica *r, int64_t cycle,
                      double voltage_V, FILE *errors) {
    int most = 0;
    for (int k = 1; k < EVENT_KINDS; k++)
        most = fired[k] > fired[most] ? k : most;
    int reverse = undone[most].reverse;
    fprintf(errors,
            "replica %u, cycle %lld, at %.2f V: error: expected at most %g slow events a site "
            "(kinetics.events_max) in one advance, found more: %lld of kind %s",
            r->number, (long long)cycle, voltage_V, r->model->events_max, (long long)fired[most],
            status_event_name(most));
    if (reverse != most && reverse >= 0)
        fprintf(errors, " and %lld of kind %s, which undo each other", (long long)fired[reverse],
                status_event_name(reverse));
    fprintf(errors, "\n    hint: %s, or raise kinetics.events_max\n", undone[most].keys);
}
