#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "engine_compare.h"

enum { SIDES = 2 };

struct engine {
    struct engine *side[SIDES];
    struct state *state[SIDES]; /* of b: own */
    struct state own;
    int64_t calls, equilibrations;
};

static struct {
    const struct engine_ops *ops[SIDES];
    int threads[SIDES];
    int64_t calls;
    struct engine_difference first;
} pair;

const struct engine_difference *engine_compare_difference(void) {
    return &pair.first;
}

int64_t engine_compare_calls(void) {
    return pair.calls;
}

int64_t engine_compare_equilibrations(const struct engine *e) {
    return e->equilibrations;
}

/* ---- comparing ---- */

static struct difference_number *new_number(struct engine_difference *d, const char *name) {
    struct difference_number *n = &d->number[d->n_numbers];
    if (d->n_numbers < DIFFERENCE_NUMBERS)
        d->n_numbers++;
    n->name = name;
    return n;
}

static void compare_int(struct engine_difference *d, const char *name, int64_t a, int64_t b) {
    if (a == b || d->n_numbers == DIFFERENCE_NUMBERS)
        return;
    struct difference_number *n = new_number(d, name);
    snprintf(n->text[0], DIFFERENCE_TEXT, "%" PRId64, a);
    snprintf(n->text[1], DIFFERENCE_TEXT, "%" PRId64, b);
}

/* To the bit. */
static void compare_real(struct engine_difference *d, const char *name, double a, double b) {
    if (memcmp(&a, &b, sizeof a) == 0 || d->n_numbers == DIFFERENCE_NUMBERS)
        return;
    struct difference_number *n = new_number(d, name);
    snprintf(n->text[0], DIFFERENCE_TEXT, "%.17g", a);
    snprintf(n->text[1], DIFFERENCE_TEXT, "%.17g", b);
}

static void compare_entry(struct difference_array *r, int64_t k, int32_t a, int32_t b) {
    if (a == b)
        return;
    if (r->n++ == 0) {
        r->first = k;
        r->value[0] = a;
        r->value[1] = b;
    }
}

static void compare_arrays(struct engine_difference *d, const struct state *a,
                           const struct state *b) {
    static const char *const name[DIFFERENCE_ARRAYS] = {"occupancy", "deviation", "n_tm", "demon"};
    for (int k = 0; k < DIFFERENCE_ARRAYS; k++)
        d->array[k] = (struct difference_array){.name = name[k]};
    for (int64_t k = 0; k < a->n_sites; k++)
        compare_entry(&d->array[DIFFERS_OCCUPANCY], k, a->x.occupancy[k], b->x.occupancy[k]);
    for (int64_t k = 0; k < a->n_oxygen; k++)
        compare_entry(&d->array[DIFFERS_DEVIATION], k, a->x.deviation[k], b->x.deviation[k]);
    for (int64_t k = 0; k < a->n_oxygen; k++)
        compare_entry(&d->array[DIFFERS_N_TM], k, a->x.n_tm[k], b->x.n_tm[k]);
    if (a->n_demons == b->n_demons) /* the exact engine has none */
        for (int64_t k = 0; k < a->n_demons; k++)
            compare_entry(&d->array[DIFFERS_DEMON], k, a->demon[k], b->demon[k]);
}

static void compare_states(struct engine_difference *d, const struct state *a,
                           const struct state *b) {
    compare_int(d, "energy_ueV", a->energy_ueV, b->energy_ueV);
    compare_int(d, "n_li", a->n_li, b->n_li);
    compare_int(d, "step", a->step, b->step);
    compare_real(d, "time_s", a->time_s, b->time_s);
    compare_arrays(d, a, b);
}

static void compare_equilibrated(struct engine_difference *d, const struct engine_task *a,
                                 const struct engine_task *b) {
    const struct engine_equilibrated *x = &a->equilibrated, *y = &b->equilibrated;
    compare_int(d, "draws", x->draws, y->draws);
    compare_int(d, "evaluated", x->evaluated, y->evaluated);
    compare_int(d, "accepted", x->accepted, y->accepted);
    compare_int(d, "sum_li", x->sum_li, y->sum_li);
    compare_int(d, "samples", x->samples, y->samples);
    compare_real(d, "stiffness_ueV", x->stiffness_ueV, y->stiffness_ueV);
}

static void compare_advanced(struct engine_difference *d, const struct engine_task *a,
                             const struct engine_task *b) {
    static const char *const kind[] = {
        "fired hop",     "fired join",     "fired split", "fired cleave", "fired combine",
        "fired oxidise", "fired reduce",   "fired move",  "fired lose",   "fired vacancy",
        "fired lithium", "fired exchange", "fired proton"};
    _Static_assert(sizeof kind / sizeof *kind == EVENT_KINDS, "a name for every kind of event");
    const struct engine_advanced *x = &a->advanced, *y = &b->advanced;
    for (int k = 0; k < EVENT_KINDS; k++)
        compare_int(d, kind[k], x->fired[k], y->fired[k]);
    compare_int(d, "hops_unslowed", x->hops_unslowed, y->hops_unslowed);
    compare_int(d, "hops_large", x->hops_large, y->hops_large);
    compare_int(d, "slowed", x->slowed, y->slowed);
    compare_int(d, "cut_short", x->cut_short, y->cut_short);
    compare_real(d, "slow_down_min", x->slow_down_min, y->slow_down_min);
}

static bool is_any(const struct engine_difference *d) {
    bool any = d->n_numbers > 0;
    for (int k = 0; k < DIFFERENCE_ARRAYS; k++)
        any = any || d->array[k].n > 0;
    return any;
}

static void compare_call(const char *verb, const struct engine_task *a, const struct engine_task *b,
                         uint32_t step_before, bool advance) {
    struct engine *e = a->engine;
    struct engine_difference d = {.verb = verb, .step_before = step_before};
    e->calls++;
    e->equilibrations += !advance;
    pair.calls++;
    compare_states(&d, e->state[0], e->state[1]);
    if (advance)
        compare_advanced(&d, a, b);
    else
        compare_equilibrated(&d, a, b);
    if (!is_any(&d) || pair.first.found)
        return;
    d.found = true;
    d.replica = e->state[0]->random.replica;
    d.call = e->calls;
    d.equilibrations = e->equilibrations;
    d.step = e->state[0]->step;
    pair.first = d;
}

/* ---- verbs ---- */

typedef void (*verb_all)(const struct engine_ops *ops, struct engine_task *task, int n);

static void out_of_memory(void) {
    fputs("kmc divergence: error: out of memory\n    hint: fewer replicas or a smaller box\n",
          stderr);
    exit(4);
}

/* The tasks of one side: the same calls for its own engines. */
static struct engine_task *tasks_of(const struct engine_task *task, int n, int side) {
    struct engine_task *t = malloc((size_t)n * sizeof *t);
    if (!t)
        out_of_memory();
    for (int k = 0; k < n; k++) {
        t[k] = task[k];
        t[k].engine = task[k].engine->side[side];
    }
    return t;
}

static void run_side(verb_all verb, struct engine_task *t, int n, int side) {
    verb(pair.ops[side], t, n);
    for (int k = 0; k < n; k++)
        engine_fetch(pair.ops[side], t[k].engine);
}

static void take_results(struct engine_task *task, const struct engine_task *from, int n) {
    for (int k = 0; k < n; k++) {
        task[k].equilibrated = from[k].equilibrated;
        task[k].advanced = from[k].advanced;
    }
}

static void run_both(verb_all verb, const char *name, struct engine_task *task, int n,
                     bool advance) {
    struct engine_task *a = tasks_of(task, n, 0), *b = tasks_of(task, n, 1);
    uint32_t *before = malloc((size_t)n * sizeof *before);
    if (!before)
        out_of_memory();
    for (int k = 0; k < n; k++)
        before[k] = task[k].engine->state[0]->step;
    run_side(verb, a, n, 0);
    take_results(task, a, n);
    if (!pair.first.found) {
        run_side(verb, b, n, 1);
        for (int k = 0; k < n; k++)
            compare_call(name, &task[k], &b[k], before[k], advance);
    }
    free(before);
    free(a);
    free(b);
}

static void compare_equilibrate_all(struct engine_task *task, int n) {
    run_both(engine_equilibrate_all, "equilibrate", task, n, false);
}

static void compare_advance_all(struct engine_task *task, int n) {
    run_both(engine_advance_all, "advance", task, n, true);
}

static void compare_equilibrate(struct engine *e, const struct electrode *electrode, double slice_s,
                                int64_t draws, int64_t measured, struct engine_equilibrated *out) {
    struct engine_task task = {.engine = e,
                               .electrode = *electrode,
                               .slice_s = slice_s,
                               .draws = draws,
                               .measured = measured};
    compare_equilibrate_all(&task, 1);
    *out = task.equilibrated;
}

static void compare_advance(struct engine *e, const struct electrode *electrode, double step_s,
                            double slice_s, struct engine_advanced *out) {
    struct engine_task task = {
        .engine = e, .electrode = *electrode, .step_s = step_s, .slice_s = slice_s};
    compare_advance_all(&task, 1);
    *out = task.advanced;
}

/* ---- life ---- */

static void compare_free(struct engine *e) {
    if (!e)
        return;
    for (int k = 0; k < SIDES; k++)
        if (e->side[k])
            pair.ops[k]->free(e->side[k]);
    state_free(&e->own);
    free(e);
}

static bool copy_state(struct state *to, const struct rate_model *m, const struct state *from) {
    if (!state_init(to, m, from->x.occupancy, from->random.seed, from->random.replica))
        return false;
    to->time_s = from->time_s;
    to->step = from->step;
    if (from->n_demons == 0)
        return true;
    if (!state_demons(to, from->n_demons))
        return false;
    memcpy(to->demon, from->demon, (size_t)from->n_demons * sizeof *to->demon);
    return true;
}

static struct engine *compare_create(const struct rate_model *m, struct state *s, int threads) {
    (void)threads; /* each side has its own number */
    struct engine *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->state[0] = s;
    e->state[1] = &e->own;
    bool ok = copy_state(&e->own, m, s);
    for (int k = 0; ok && k < SIDES; k++) {
        e->side[k] = pair.ops[k]->create(m, e->state[k], pair.threads[k]);
        ok = e->side[k] != NULL;
    }
    if (ok)
        return e;
    compare_free(e);
    return NULL;
}

const struct engine_ops *engine_compare_open(const struct engine_ops *a, int threads_a,
                                             const struct engine_ops *b, int threads_b) {
    static struct engine_ops ops = {.name = "compare",
                                    .create = compare_create,
                                    .free = compare_free,
                                    .equilibrate = compare_equilibrate,
                                    .advance = compare_advance,
                                    .equilibrate_all = compare_equilibrate_all,
                                    .advance_all = compare_advance_all};
    memset(&pair, 0, sizeof pair);
    pair.ops[0] = a;
    pair.ops[1] = b;
    pair.threads[0] = threads_a;
    pair.threads[1] = threads_b;
    ops.many = a->many || b->many; /* side by side, as in a run */
    return &ops;
}
