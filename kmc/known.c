#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../lattices/lattice.h"
#include "known.h"

enum { EXIT_MEMORY = 4 };

/* The crystals are tiny: where there is no room for them there is none for anything. */
static void *kept(void *memory) {
    if (memory)
        return memory;
    fputs("error: out of memory for a crystal of some thousand sites\n", stderr);
    exit(EXIT_MEMORY);
}

struct known_crystal *known_create(const char *letters, int na, int nb, double temperature_K,
                                   const char *const *set) {
    struct known_crystal *k = kept(calloc(1, sizeof *k));
    struct lattice *l = kept(malloc(sizeof *l));
    size_t n_set = 0;
    k->ops = &engine_exact;
    while (set && set[n_set])
        n_set++;
    k->scenario = scenario_load("builtin:o3-lmr", set, n_set, stderr);
    bool ok = k->scenario && species_init(&k->species, k->scenario, stderr) &&
              lattice_init(l, letters, na, nb) == NULL &&
              model_init(&k->model, k->scenario, &k->species, l, stderr);
    assert(ok); /* `set` and sizes are written down in the program */
    (void)ok;
    tables_init(&k->model.boltzmann, temperature_K);
    k->model.events_max = 0; /* exact answers, whatever they take */
    int64_t n = lattice_n_sites(l);
    k->pristine = kept(malloc((size_t)n));
    for (int64_t s = 0; s < n; s++)
        k->pristine[s] = lattice_coord_of(l, s).kind == SITE_O ? ANION_S : SITE_OUTSIDE;
    free(l);
    return k;
}

void known_free(struct known_crystal *k) {
    scenario_free(k->scenario);
    free(k->pristine);
    free(k);
}

int64_t known_site(const struct known_crystal *k, int plane, int kind, int i, int j) {
    const struct lattice *l = &k->model.lattice;
    struct lattice_coord c = {(plane + l->n_planes) % l->n_planes, kind,
                              (i % l->na + l->na) % l->na, (j % l->nb + l->nb) % l->nb};
    return lattice_site(l, c);
}

void known_put(struct known_crystal *k, int64_t site, int byte) {
    k->pristine[site] = (uint8_t)byte;
}

int known_ion(const struct known_crystal *k, const char *symbol, int valence) {
    int element = species_find_element(&k->species, symbol);
    assert(element >= 0);
    int id = species_of(&k->species, element, valence);
    assert(id > CATION_LI);
    return id;
}

int known_direction(const struct known_crystal *k, int64_t from, int64_t to) {
    const struct lattice *l = &k->model.lattice;
    struct lattice_coord c = lattice_coord_of(l, from);
    const struct lattice_stencil *st = lattice_stencil_of(l, c);
    for (int v = 0; v < st->n_oxygen; v++)
        if (lattice_neighbor(l, c, st->oxygen[v]) == to)
            return v;
    return -1;
}

bool known_touches(const struct known_crystal *k, int64_t cation, int64_t oxygen) {
    const struct lattice *l = &k->model.lattice;
    struct lattice_coord c = lattice_coord_of(l, cation);
    const struct lattice_stencil *st = lattice_stencil_of(l, c);
    for (int v = 0; v < st->n_vertex; v++)
        if (lattice_neighbor(l, c, st->vertex[v]) == oxygen)
            return true;
    return false;
}

int64_t known_across_face(const struct known_crystal *k, int64_t site, bool oct, bool tm_gap,
                          int nth) {
    const struct lattice *l = &k->model.lattice;
    struct lattice_coord c = lattice_coord_of(l, site);
    const struct lattice_stencil *st = lattice_stencil_of(l, c);
    for (int v = 0; v < st->n_face; v++) {
        struct lattice_coord d = lattice_step(l, c, st->face[v]);
        if ((d.kind == SITE_OCT) == oct && lattice_is_tm_gap(d.plane) == tm_gap && nth-- == 0)
            return lattice_site(l, d);
    }
    assert(!"no such site");
    return -1;
}

void known_start(struct known_crystal *k, uint64_t seed, uint32_t replica) {
    bool ok = state_init(&k->state, &k->model, k->pristine, seed, replica) &&
              state_init(&k->origin, &k->model, k->pristine, seed, replica);
    k->engine = kept(ok ? k->ops->create(&k->model, &k->state, 1) : NULL);
}

void known_stop(struct known_crystal *k) {
    k->ops->free(k->engine);
    state_free(&k->state);
    state_free(&k->origin);
    k->engine = NULL;
}

void known_reset(struct known_crystal *k) {
    struct state *s = &k->state;
    const struct state *o = &k->origin;
    memcpy(s->x.occupancy, o->x.occupancy, (size_t)s->n_sites);
    memcpy(s->x.deviation, o->x.deviation, (size_t)s->n_oxygen * sizeof *s->x.deviation);
    memcpy(s->x.n_tm, o->x.n_tm, (size_t)s->n_oxygen);
    s->energy_ueV = o->energy_ueV;
    s->n_li = o->n_li;
    s->time_s = 0;
    if (!k->ops->fetch)
        return;
    struct engine *old = k->engine; /* it kept a copy of its own; what engines share stays open */
    k->engine = kept(k->ops->create(&k->model, s, 1));
    k->ops->free(old);
}

/* ---- enumeration ---- */

void known_allow(struct known_choice *c, int byte, int tokens, int movers, int64_t partner) {
    assert(c->n < KNOWN_BYTES);
    c->byte[c->n] = (uint8_t)byte;
    c->tokens[c->n] = (int8_t)tokens;
    c->movers[c->n] = (int8_t)movers;
    c->partner[c->n++] = partner;
}

struct walk {
    const struct known_crystal *k;
    const struct known_choice *choice;
    int n_choices, tokens, movers; /* wanted totals */
    int picked[64];
    struct state scratch; /* only its occupancy is used */
    known_observe observe;
    struct known_states *out;
};

static void grow(struct known_states *s) {
    if (s->n < s->room)
        return;
    s->room = s->room ? 2 * s->room : 1024;
    size_t room = (size_t)s->room;
    s->energy_ueV = kept(realloc(s->energy_ueV, room * sizeof *s->energy_ueV));
    s->n_li = kept(realloc(s->n_li, room * sizeof *s->n_li));
    s->observable =
        kept(realloc(s->observable, room * (size_t)(s->n_observables + 1) * sizeof *s->observable));
}

static int count_li(const struct walk *w) {
    int n = 0;
    for (int c = 0; c < w->n_choices; c++)
        n += lattice_coord_of(&w->k->model.lattice, w->choice[c].site).kind != SITE_O &&
             w->scratch.x.occupancy[w->choice[c].site] == CATION_LI;
    return n;
}

static void keep_state(struct walk *w) {
    struct known_states *s = w->out;
    double value[KNOWN_OBSERVABLES] = {0};
    if (!w->observe(w->k, w->scratch.x.occupancy, value))
        return;
    grow(s);
    s->energy_ueV[s->n] = state_recount(&w->scratch, &w->k->model);
    s->n_li[s->n] = count_li(w);
    for (int i = 0; i < s->n_observables; i++)
        s->observable[s->n * s->n_observables + i] = (float)value[i];
    s->n++;
}

/* A bond must be seen from both of its ends, as far as they have been chosen. */
static bool bonds_agree(const struct walk *w, int last) {
    const struct known_choice *now = &w->choice[last];
    int64_t mine = now->partner[w->picked[last]];
    for (int c = 0; c < last; c++) {
        const struct known_choice *other = &w->choice[c];
        int64_t theirs = other->partner[w->picked[c]];
        if ((theirs == now->site) != (mine == other->site))
            return false;
    }
    return true;
}

static void walk(struct walk *w, int c, int tokens, int movers) {
    if (c == w->n_choices) {
        if (tokens == w->tokens && movers == w->movers)
            keep_state(w);
        return;
    }
    const struct known_choice *choice = &w->choice[c];
    for (int b = 0; b < choice->n; b++) {
        w->picked[c] = b;
        w->scratch.x.occupancy[choice->site] = choice->byte[b];
        int t = tokens + choice->tokens[b], m = movers + choice->movers[b];
        if (t <= w->tokens && m <= w->movers && bonds_agree(w, c))
            walk(w, c + 1, t, m);
    }
}

static void count_pristine(struct walk *w) {
    for (int c = 0; c < w->n_choices; c++) {
        const struct known_choice *choice = &w->choice[c];
        int b = 0;
        while (b < choice->n && choice->byte[b] != w->k->pristine[choice->site])
            b++;
        assert(b < choice->n); /* the pristine byte is one of the allowed */
        w->tokens += choice->tokens[b];
        w->movers += choice->movers[b];
    }
}

void known_enumerate(const struct known_crystal *k, const struct known_choice *choice,
                     int n_choices, known_observe observe, int n_observables,
                     struct known_states *out) {
    struct walk w = {
        .k = k, .choice = choice, .n_choices = n_choices, .observe = observe, .out = out};
    assert(n_choices <= 64 && n_observables + 2 <= KNOWN_OBSERVABLES);
    memset(out, 0, sizeof *out);
    out->n_observables = n_observables;
    kept(state_init(&w.scratch, &k->model, k->pristine, 0, 0) ? &w.scratch : NULL);
    count_pristine(&w);
    walk(&w, 0, 0, 0);
    state_free(&w.scratch);
}

void known_states_free(struct known_states *s) {
    free(s->energy_ueV);
    free(s->n_li);
    free(s->observable);
    memset(s, 0, sizeof *s);
}

/* Energy over kT including the electrode: E + V N + kappa (N - target)^2 / 2. */
static double grand_energy(const struct known_crystal *k, const struct known_states *s, int64_t i,
                           const struct electrode *e) {
    double off = (double)(s->n_li[i] - e->target);
    double total = (double)s->energy_ueV[i] + (double)e->voltage_ueV * s->n_li[i] +
                   0.5 * (double)e->kappa_ueV * off * off;
    return total / k->model.boltzmann.kT_ueV;
}

int64_t known_ground(const struct known_states *s) {
    int64_t lowest = INT64_MAX;
    for (int64_t i = 0; i < s->n; i++)
        lowest = s->energy_ueV[i] < lowest ? s->energy_ueV[i] : lowest;
    return lowest;
}

void known_exact(const struct known_crystal *k, const struct known_states *s,
                 const struct electrode *electrode, double *mean, double *variance) {
    double lowest = INFINITY, z = 0, value[KNOWN_OBSERVABLES];
    int64_t ground = known_ground(s);
    int n = s->n_observables + 2;
    for (int64_t i = 0; i < s->n; i++)
        lowest = fmin(lowest, grand_energy(k, s, i, electrode));
    for (int o = 0; o < n; o++)
        mean[o] = variance[o] = 0;
    for (int64_t i = 0; i < s->n; i++) {
        double weight = exp(lowest - grand_energy(k, s, i, electrode));
        value[0] = 1e-6 * (double)(s->energy_ueV[i] - ground);
        value[1] = s->n_li[i];
        for (int o = 2; o < n; o++)
            value[o] = (double)s->observable[i * s->n_observables + o - 2];
        for (int o = 0; o < n; o++) {
            mean[o] += weight * value[o];
            variance[o] += weight * value[o] * value[o];
        }
        z += weight;
    }
    for (int o = 0; o < n; o++) {
        mean[o] /= z;
        variance[o] = variance[o] / z - mean[o] * mean[o];
    }
}

/* ---- averages with errors ---- */

void known_add_batch(struct known_sums *s, const double *mean, int n) {
    assert(n <= KNOWN_OBSERVABLES);
    s->n = n;
    s->batches++;
    for (int i = 0; i < n; i++) {
        s->sum[i] += mean[i];
        s->squares[i] += mean[i] * mean[i];
    }
}

double known_mean(const struct known_sums *s, int i) {
    return s->sum[i] / s->batches;
}

double known_error(const struct known_sums *s, int i) {
    double mean = known_mean(s, i), variance = s->squares[i] / s->batches - mean * mean;
    return sqrt(fmax(variance, 0) / (s->batches - 1));
}

double known_rate(const struct known_crystal *k, double d_energy, double kra) {
    double barrier = fmax(0, fmax(d_energy, kra + d_energy / 2));
    return k->model.attempt_frequency * exp(-barrier / k->model.boltzmann.kT_ueV);
}

void known_relax(int n, const double *rate, double dt, double *p) {
    const int steps = 2000;
    double h = dt / steps, k[5][KNOWN_STATES] = {{0}};
    static const double part[5] = {0, 0, 0.5, 0.5, 1};
    static const double share[5] = {0, 1. / 6, 1. / 3, 1. / 3, 1. / 6};
    assert(n <= KNOWN_STATES);
    for (int step = 0; step < steps; step++) {
        double next[KNOWN_STATES];
        memcpy(next, p, (size_t)n * sizeof *p);
        for (int stage = 1; stage <= 4; stage++) {
            memset(k[stage], 0, sizeof k[stage]);
            for (int a = 0; a < n; a++)
                for (int b = 0; b < n; b++) {
                    double flow = rate[a * n + b] * (p[a] + part[stage] * h * k[stage - 1][a]);
                    k[stage][a] -= flow;
                    k[stage][b] += flow;
                }
            for (int a = 0; a < n; a++)
                next[a] += h * share[stage] * k[stage][a];
        }
        memcpy(p, next, (size_t)n * sizeof *p);
    }
}
