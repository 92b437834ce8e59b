/* Many copies of a network of a few states lie in one box, three planes and four cells apart, so that none feels another.  Their rates follow from the definition,
 *     rate = nu exp(-max(0, dE, E_KRA + dE/2)/kT),
 * with dE from full energy sums (state_recount) and E_KRA added up by hand, never from kernels/events.h; libm instead of the program's tables. */
#include <assert.h>
#include <math.h>
#include <string.h>
#include "selftest_events.h"
#include "selftest_exact.h"
#include "tracer.h"

enum { STATES = 3, MEMBERS = 3, COPIES_MAX = 27, COPY_CELLS = 4 };

static const double TEMPERATURE_K = 298.15;
static const int32_t VOLTAGE_UEV = 3900000;
static const char *const SETS[] = {"elements.Ni.hop_barrier_eV=[0.60,0.62,0.64]",
                                   "model.gate_free_li=0",
                                   "model.gate_per_li_eV=0.03",
                                   "model.peroxo_face_eV=-0.40",
                                   "model.peroxo_formation_eV=0.60",
                                   "model.peroxo_in_plane_eV=0.01",
                                   "model.peroxo_across_li_gap_eV=0.02",
                                   "model.peroxo_reduction_eV=0.61",
                                   "model.molecular_formation_eV=0.59",
                                   "model.molecular_wall_eV=0",
                                   NULL};

/* Copies of one network: bytes on a few sites each. */
struct copies {
    struct known_crystal *k;
    int n, n_states, n_members;
    int64_t site[COPIES_MAX][MEMBERS];
    uint8_t byte[COPIES_MAX][MEMBERS][STATES];
    double rate[STATES * STATES]; /* 1/s */
};

/* Puts copy c with its first O or TM oct at this plane and cell. */
typedef void (*put_copy)(struct copies *w, int c, int plane, int i, int j);

static void set_member(struct copies *w, int c, int m, int64_t site, int byte0, int byte1,
                       int byte2) {
    w->site[c][m] = site;
    w->byte[c][m][0] = (uint8_t)byte0;
    w->byte[c][m][1] = (uint8_t)byte1;
    w->byte[c][m][2] = (uint8_t)byte2;
    w->n_members = m + 1 > w->n_members ? m + 1 : w->n_members;
    known_put(w->k, site, byte0);
}

/* `repeats` times three copies along a1, a2 and c. */
static struct copies open_copies(int repeats, int n_states, put_copy put) {
    struct copies w = {.n_states = n_states};
    int cells = COPY_CELLS * repeats;
    w.k = known_create(repeats > 1 ? "ABCABCABCABC" : "ABCABC", cells, cells, TEMPERATURE_K, SETS);
    w.k->model.stiff_firings = 1e300;      /* true rates */
    w.k->model.tet_lifetime_steps = 1e300; /* tets are states of their own */
    for (int c = 0; c < repeats * repeats * repeats; c++)
        put(&w, w.n++, COPY_CELLS * (c / (repeats * repeats)), COPY_CELLS * (c % repeats),
            COPY_CELLS * (c / repeats % repeats));
    return w;
}

/* E + V N with the first copy in a state, ueV. */
static double energy_of(const struct copies *w, int state) {
    struct state s;
    bool ok = state_init(&s, &w->k->model, w->k->pristine, 0, 0);
    assert(ok);
    (void)ok;
    for (int m = 0; m < w->n_members; m++)
        s.x.occupancy[w->site[0][m]] = w->byte[0][m][state];
    state_rebuild(&s, &w->k->model);
    double e = (double)state_recount(&s, &w->k->model) + (double)VOLTAGE_UEV * (double)s.n_li;
    state_free(&s);
    return e;
}

/* Shifts an on-site energy so that state b lies `gap_kT` above state a. */
static void set_gap(const struct copies *w, int a, int b, double gap_kT, int32_t *energy) {
    double gap = gap_kT * w->k->model.boltzmann.kT_ueV;
    *energy += (int32_t)lround(gap - (energy_of(w, b) - energy_of(w, a)));
}

static void set_pair(struct copies *w, int a, int b, double kra_ueV) {
    double up = energy_of(w, b) - energy_of(w, a);
    w->rate[a * STATES + b] = known_rate(w->k, up, kra_ueV);
    w->rate[b * STATES + a] = known_rate(w->k, -up, kra_ueV);
}

static double rate(const struct copies *w, int a, int b) {
    return w->rate[a * STATES + b];
}

/* Copies in each state; one in none of them counts nowhere, and the sums below show it. */
static void count_states(const struct copies *w, int64_t count[STATES]) {
    const uint8_t *now = w->k->state.x.occupancy;
    for (int c = 0; c < w->n; c++)
        for (int s = 0; s < w->n_states; s++) {
            int m = 0;
            while (m < w->n_members && now[w->site[c][m]] == w->byte[c][m][s])
                m++;
            count[s] += m == w->n_members;
        }
}

/* Populations of all copies at given times in seconds, over many runs from state 0; rows for the states asked for. */
static void relax(struct selftest *t, struct copies *w, const char *name, int runs,
                  const double *times, const char *const *time_names, int n_times,
                  uint32_t replica) {
    enum { TIMES = 4 };
    int64_t count[TIMES][STATES] = {{0}};
    double p[STATES] = {1};
    struct engine_advanced a;
    char text[48];
    selftest_start(t, w->k, replica);
    for (int run = 0; run < runs; run++) {
        known_reset(w->k);
        for (int n = 0; n < n_times; n++) {
            selftest_advance(w->k, VOLTAGE_UEV, times[n] - (n ? times[n - 1] : 0), &a);
            count_states(w, count[n]);
        }
    }
    double all = (double)runs * w->n;
    for (int n = 0; n < n_times; n++) {
        known_relax(STATES, w->rate, times[n] - (n ? times[n - 1] : 0), p);
        for (int s = 1; s < w->n_states; s++) {
            if (p[s] * all < 100 || (1 - p[s]) * all < 100) /* too few for a normal error */
                continue;
            snprintf(text, sizeof text, "%s%s", name, time_names[n * (w->n_states - 1) + s - 1]);
            selftest_check(t, text, p[s], (double)count[n][s] / all, sqrt(p[s] * (1 - p[s]) / all));
        }
    }
    selftest_stop(t, w->k);
}

/* ---- an ion between an oct and a tet ---- */

/* Ni3+ in a TM oct and in a Li tet that shares a face with it; a Li in another oct of the tet counts in the gate. */
static void put_hop(struct copies *w, int c, int plane, int i, int j) {
    int ni = known_ion(w->k, "Ni", 3);
    int64_t oct = known_site(w->k, plane, SITE_OCT, i, j);
    int64_t tet = known_across_face(w->k, oct, false, false, 0);
    known_put(w->k, known_across_face(w->k, tet, true, false, 0), CATION_LI);
    set_member(w, c, 0, oct, ni, CATION_VACANCY, 0);
    set_member(w, c, 1, tet, CATION_VACANCY, ni, 0);
}

static const double HOP_KRA_UEV = 620000 + 30000; /* Ni3+ and one Li in the gate */

static void set_hop(struct copies *w, double gap_kT) {
    set_gap(w, 0, 1, gap_kT, &w->k->model.cation[known_ion(w->k, "Ni", 3)][CLASS_LI_TET]);
    set_pair(w, 0, 1, HOP_KRA_UEV);
}

/* ---- Arrhenius ----
 *
 * Both ends of the hop at equal energy: hops of n copies are a Poisson process of rate n nu exp(-E_KRA/kT), whatever state each is in; ln(rate) against 1/kT has
 * the slope -E_KRA (weights: the counts). */

enum { TEMPERATURES = 4 };
static const double temperatures_K[TEMPERATURES] = {250, 300, 350, 420};

struct line {
    double w, x, y, xx, xy;
};

static void add_point(struct line *l, double weight, double x, double y) {
    l->w += weight;
    l->x += weight * x;
    l->y += weight * y;
    l->xx += weight * x * x;
    l->xy += weight * x * y;
}

void selftest_events_arrhenius(struct selftest *t) {
    struct copies w = open_copies(3, 2, put_hop);
    struct line l = {0};
    struct engine_advanced a;
    char text[48];
    set_hop(&w, 0);
    int64_t calls = selftest_samples(t, 50, 5);
    const double hops_a_call = 300;
    for (int k = 0; k < TEMPERATURES; k++) {
        tables_init(&w.k->model.boltzmann, temperatures_K[k]);
        double kT = w.k->model.boltzmann.kT_ueV, fired = 0, expected = hops_a_call * (double)calls;
        set_pair(&w, 0, 1, HOP_KRA_UEV);
        double seconds = hops_a_call / (rate(&w, 0, 1) * w.n);
        selftest_start(t, w.k, (uint32_t)k);
        for (int64_t c = 0; c < calls; c++) {
            selftest_advance(w.k, VOLTAGE_UEV, seconds, &a);
            fired += (double)a.fired[EVENT_HOP];
        }
        selftest_stop(t, w.k);
        snprintf(text, sizeof text, "hops in %.3g s at %.0f K", seconds * (double)calls,
                 temperatures_K[k]);
        selftest_check(t, text, expected, fired, sqrt(expected));
        add_point(&l, expected, 1e6 / kT, log(fired / (seconds * (double)calls * w.n)));
    }
    double spread = l.xx - l.x * l.x / l.w;
    selftest_check(t, "slope, eV", 1e-6 * HOP_KRA_UEV, -(l.xy - l.x * l.y / l.w) / spread,
                   1 / sqrt(spread));
    known_free(w.k);
}

/* ---- waiting times ----
 *
 * One copy at equal energies: a Poisson process of rate k.  In windows of x/k the share without a hop is exp(-x) and mean and variance of the number are x; for a
 * Poisson variable the variance of (n - x)^2 is x + 2 x^2. */

void selftest_events_waiting(struct selftest *t) {
    struct copies w = open_copies(1, 2, put_hop);
    struct engine_advanced a;
    static const double window[] = {1.0, 0.3};
    char text[48];
    set_hop(&w, 0);
    int64_t windows = selftest_samples(t, 12000, 1000);
    selftest_start(t, w.k, 0);
    for (int k = 0; k < 2; k++) {
        double x = window[k], none = 0, sum = 0, squares = 0, n = (double)windows;
        for (int64_t c = 0; c < windows; c++) {
            selftest_advance(w.k, VOLTAGE_UEV, x / rate(&w, 0, 1), &a);
            double off = (double)a.fired[EVENT_HOP] - x;
            none += a.fired[EVENT_HOP] == 0;
            sum += off + x;
            squares += off * off;
        }
        snprintf(text, sizeof text, "no event within %.1f mean waits", x);
        selftest_check(t, text, exp(-x), none / n, sqrt(exp(-x) * (1 - exp(-x)) / n));
        snprintf(text, sizeof text, "events within %.1f mean waits", x);
        selftest_check(t, text, x, sum / n, sqrt(x / n));
        selftest_check(t, "their variance", x, squares / n, sqrt((x + 2 * x * x) / n));
    }
    selftest_stop(t, w.k);
    known_free(w.k);
}

/* ---- pairs of events ----
 *
 * p1(t) = p1(oo) (1 - exp(-(k01 + k10) t)),  p1(oo) = k01/(k01 + k10) = 1/(1 + exp(dE/kT)): detailed balance.  Three of them exchange Li with the electrode or
 * change the oxygen as they fill. */

static int64_t neighbor_oxygen(const struct known_crystal *k, int64_t o, int dplane) {
    const struct lattice *l = &k->model.lattice;
    struct lattice_coord c = lattice_coord_of(l, o);
    const struct lattice_stencil *st = lattice_stencil_of(l, c);
    int v = 0;
    while (st->oxygen[v].dplane != dplane)
        v++;
    return lattice_neighbor(l, c, st->oxygen[v]);
}

/* Two holes across the Li gap <-> peroxo dimer. */
static void put_join(struct copies *w, int c, int plane, int i, int j) {
    int64_t a = known_site(w->k, plane + 1, SITE_O, i, j), b = neighbor_oxygen(w->k, a, 1);
    set_member(w, c, 0, a, ANION_HOLE, ANION_PEROXO | known_direction(w->k, a, b) << 4, 0);
    set_member(w, c, 1, b, ANION_HOLE, ANION_PEROXO | known_direction(w->k, b, a) << 4, 0);
}

/* An oct that touches O a and not O b. */
static int64_t oct_beside(const struct known_crystal *k, int64_t a, int64_t b) {
    const struct lattice *l = &k->model.lattice;
    struct lattice_coord o = lattice_coord_of(l, a);
    const struct lattice_stencil *st = lattice_stencil_of(l, o);
    int v = 0;
    while (known_touches(k, lattice_neighbor(l, o, st->oct[v]), b))
        v++;
    return lattice_neighbor(l, o, st->oct[v]);
}

/* Hole + O2- + Li <-> peroxo dimer, a Li and an electron less. */
static void put_combine(struct copies *w, int c, int plane, int i, int j) {
    int64_t a = known_site(w->k, plane + 1, SITE_O, i, j), b = neighbor_oxygen(w->k, a, 0);
    set_member(w, c, 0, a, ANION_OXIDE, ANION_PEROXO | known_direction(w->k, a, b) << 4, 0);
    set_member(w, c, 1, b, ANION_HOLE, ANION_PEROXO | known_direction(w->k, b, a) << 4, 0);
    set_member(w, c, 2, oct_beside(w->k, a, b), CATION_LI, CATION_VACANCY, 0);
}

/* Peroxo + Li <-> superoxo. */
static void put_oxidise(struct copies *w, int c, int plane, int i, int j) {
    int64_t a = known_site(w->k, plane + 1, SITE_O, i, j), b = neighbor_oxygen(w->k, a, 0);
    int to_b = known_direction(w->k, a, b) << 4, to_a = known_direction(w->k, b, a) << 4;
    set_member(w, c, 0, a, ANION_PEROXO | to_b, ANION_MOLECULAR | to_b, 0);
    set_member(w, c, 1, b, ANION_PEROXO | to_a, ANION_PEROXO | to_a, 0);
    set_member(w, c, 2, oct_beside(w->k, a, b), CATION_LI, CATION_VACANCY, 0);
}

static void check_pair(struct selftest *t, struct copies *w, const char *name, uint32_t replica) {
    static const char *const names[] = {"after half a life", "in equilibrium"};
    double sum = rate(w, 0, 1) + rate(w, 1, 0), times[2] = {0.5 / sum, 8 / sum};
    relax(t, w, name, (int)selftest_samples(t, 300, 40), times, names, 2, replica);
    known_free(w->k);
}

static struct copies open_join(double gap_kT) {
    struct copies w = open_copies(3, 2, put_join);
    w.k->model.with_molecular = 0;
    set_gap(&w, 0, 1, gap_kT, &w.k->model.bond[BOND_PEROXO]);
    set_pair(&w, 0, 1, 600000 + 20000);
    return w;
}

static struct copies open_exchange(put_copy put, double gap_kT, int bond, double kra_ueV) {
    struct copies w = open_copies(3, 2, put);
    struct rate_model *m = &w.k->model;
    m->with_molecular = bond == BOND_SUPEROXO;
    for (int c = 0; c < 3; c++)
        m->peroxo_formation[c] = 3000000; /* no split */
    set_gap(&w, 0, 1, gap_kT, &m->bond[bond]);
    set_pair(&w, 0, 1, kra_ueV);
    return w;
}

void selftest_events_balance(struct selftest *t) {
    struct copies w = open_copies(3, 2, put_hop);
    set_hop(&w, 0.6);
    check_pair(t, &w, "hop ", 0);
    w = open_join(-0.4);
    check_pair(t, &w, "join ", 1);
    w = open_exchange(put_combine, -0.3, BOND_PEROXO, 610000);
    check_pair(t, &w, "combine ", 2);
    w = open_exchange(put_oxidise, 0.4, BOND_SUPEROXO, 590000);
    check_pair(t, &w, "oxidise ", 3);
}

/* ---- splits ----
 *
 * Dimers 4 kT below their holes: in equilibrium n copies split n k10 k01/(k01 + k10) times a second.  A rate wrong by 3 % shows at ten standard errors. */

void selftest_events_splits(struct selftest *t) {
    struct copies w = open_join(-4);
    struct engine_advanced a;
    struct known_sums sums = {0};
    const double splits = (double)selftest_samples(t, 900, 100);
    double rest = rate(&w, 0, 1) / (rate(&w, 0, 1) + rate(&w, 1, 0));
    double seconds = splits / (w.n * rate(&w, 1, 0) * rest);
    selftest_start(t, w.k, 0);
    selftest_advance(w.k, VOLTAGE_UEV, 30 / rate(&w, 0, 1), &a);
    for (int b = 0; b < SELFTEST_BATCHES; b++) {
        selftest_advance(w.k, VOLTAGE_UEV, seconds, &a);
        double fired = (double)a.fired[EVENT_SPLIT];
        known_add_batch(&sums, &fired, 1);
    }
    selftest_check_sums(t, "splits", splits, &sums, 0);
    selftest_stop(t, w.k);
    known_free(w.k);
}

/* ---- first passage ----
 *
 * A (TM oct) <=> B (Li tet) -> C (Li oct, 0.9 eV below B: no way back).  A dimer in the face between A and B, not in that between B and C, lowers the barrier of
 * the former by 0.40 eV, so that the three rates are alike.  Mean time to C = (k_AB + k_BA + k_BC)/(k_AB k_BC); the shares in B and C follow from the master
 * equation. */

static void put_dimer(struct known_crystal *k, int64_t a, int64_t b, int64_t c) {
    const struct lattice *l = &k->model.lattice;
    struct lattice_coord tet = lattice_coord_of(l, b);
    const struct lattice_stencil *st = lattice_stencil_of(l, tet);
    int v = 0, dir = 0;
    while (!known_touches(k, a, lattice_neighbor(l, tet, st->vertex[v])) ||
           known_touches(k, c, lattice_neighbor(l, tet, st->vertex[v])))
        v++;
    struct lattice_coord o = lattice_step(l, tet, st->vertex[v]);
    const struct lattice_stencil *so = lattice_stencil_of(l, o);
    while (known_touches(k, b, lattice_neighbor(l, o, so->oxygen[dir])))
        dir++;
    known_put(k, lattice_site(l, o), ANION_PEROXO | dir << 4);
    known_put(k, lattice_neighbor(l, o, so->oxygen[dir]), ANION_PEROXO | so->reverse[dir] << 4);
}

static void put_passage(struct copies *w, int c, int plane, int i, int j) {
    int ni = known_ion(w->k, "Ni", 2);
    int64_t from = known_site(w->k, plane, SITE_OCT, i, j);
    int64_t by = known_across_face(w->k, from, false, false, 0);
    int64_t to = known_across_face(w->k, by, true, false, 0);
    put_dimer(w->k, from, by, to);
    set_member(w, c, 0, from, ni, CATION_VACANCY, CATION_VACANCY);
    set_member(w, c, 1, by, CATION_VACANCY, ni, CATION_VACANCY);
    set_member(w, c, 2, to, CATION_VACANCY, CATION_VACANCY, ni);
}

void selftest_events_passage(struct selftest *t) {
    static const char *const names[] = {"share in B, 0.3 mean passages",
                                        "passed in 0.3 mean passages",
                                        "share in B, 0.8",
                                        "passed in 0.8",
                                        "share in B, 2",
                                        "passed in 2"};
    struct copies w = open_copies(3, 3, put_passage);
    struct rate_model *m = &w.k->model;
    int ni = known_ion(w.k, "Ni", 2);
    double kT = m->boltzmann.kT_ueV;
    m->with_dimers = 0; /* the dimer rests */
    set_gap(&w, 0, 1, 0.7, &m->cation[ni][CLASS_LI_TET]);
    set_gap(&w, 1, 2, -900000 / kT, &m->cation[ni][CLASS_LI_OCT]);
    set_pair(&w, 0, 1, 600000 - 400000);
    set_pair(&w, 1, 2, 600000);
    double ab = rate(&w, 0, 1), ba = rate(&w, 1, 0), bc = rate(&w, 1, 2);
    double mean = (ab + ba + bc) / (ab * bc), times[3] = {0.3 * mean, 0.8 * mean, 2 * mean};
    relax(t, &w, "", (int)selftest_samples(t, 300, 40), times, names, 3, 0);
    known_free(w.k);
}

/* ---- decay of a density mode ----
 *
 * Six ions without energy or barrier on rings of 12 octs along a1, a tet between each two: from its oct an ion enters a tet at nu and leaves it to either end
 * with equal chance, so a free neighbour is reached at G = nu/2.  The mean occupation of such an exclusion process obeys the diffusion equation of one ion,
 * dn_i/dt = G (n_(i+1) + n_(i-1) - 2 n_i), whatever the density (Spitzer, Adv. Math. 5, 246 (1970)): the mode cos(2 pi i/L) decays as
 * exp(-2 G (1 - cos(2 pi/L)) t), and its sine partner stays 0. */

enum { RING = 12, RING_IONS = 6, RINGS_A_LAYER = 3, COSINE_TIMES = 2 };
static const double PI = 3.14159265358979323846;

/* The tet (up) that shares faces with two octs. */
static int64_t tet_between(const struct known_crystal *k, int64_t a, int64_t b) {
    const struct lattice *l = &k->model.lattice;
    struct lattice_coord c = lattice_coord_of(l, a);
    const struct lattice_stencil *st = lattice_stencil_of(l, c);
    for (int v = 0; v < st->n_face; v++) {
        int64_t tet = lattice_neighbor(l, c, st->face[v]);
        struct lattice_coord d = lattice_coord_of(l, tet);
        for (int u = 0; d.kind == SITE_TET_UP && u < lattice_stencil_of(l, d)->n_face; u++)
            if (lattice_neighbor(l, d, lattice_stencil_of(l, d)->face[u]) == b)
                return tet;
    }
    assert(!"no such tet");
    return -1;
}

static struct known_crystal *open_rings(int ion) {
    static const char *const sets[] = {
        "model.valence_stiffness_eV=0", "model.attempt_frequency_per_s=1",
        "kinetics.stiff_firings=1e6", "kinetics.tet_lifetime_slices=0", NULL};
    struct known_crystal *k = known_create("ABCABC", RING, RING, TEMPERATURE_K, sets);
    memset(k->model.cation, 0, sizeof k->model.cation);
    memset(k->model.face, 0, sizeof k->model.face);
    k->model.charge[ion] = 0;
    k->model.hop_barrier[ion] = 0;
    for (int r = 0; r < 3 * RINGS_A_LAYER; r++)
        for (int i = 0; i < RING; i++) {
            int plane = 1 + 2 * (r / RINGS_A_LAYER), j = 4 * (r % RINGS_A_LAYER);
            int64_t a = known_site(k, plane, SITE_OCT, i, j);
            known_put(k, a, i < RING_IONS ? ion : CATION_VACANCY);
            known_put(k, tet_between(k, a, known_site(k, plane, SITE_OCT, i + 1, j)),
                      CATION_VACANCY);
        }
    return k;
}

/* Cosine and sine amplitude, sums over a ring, mean over the rings. */
static void amplitudes(const struct known_crystal *k, const uint8_t *occupancy, int ion,
                       double out[2]) {
    out[0] = out[1] = 0;
    for (int r = 0; r < 3 * RINGS_A_LAYER; r++)
        for (int i = 0; i < RING; i++) {
            double phase = 2 * PI * (i - (RING_IONS - 1) / 2.0) / RING; /* 0 in the middle */
            int64_t site =
                known_site(k, 1 + 2 * (r / RINGS_A_LAYER), SITE_OCT, i, 4 * (r % RINGS_A_LAYER));
            if (occupancy[site] != ion)
                continue;
            out[0] += cos(phase) / (3 * RINGS_A_LAYER);
            out[1] += sin(phase) / (3 * RINGS_A_LAYER);
        }
}

void selftest_events_cosine(struct selftest *t) {
    enum { ION = 2 };
    struct known_crystal *k = open_rings(ION);
    double decay = k->model.attempt_frequency * (1 - cos(2 * PI / RING)), begin[2];
    static const double lives[COSINE_TIMES] = {0.5, 1.5};
    struct known_sums sums[COSINE_TIMES] = {{0}};
    struct engine_advanced a;
    char text[48];
    int64_t runs = selftest_samples(t, 200, SELFTEST_BATCHES);
    amplitudes(k, k->pristine, ION, begin);
    selftest_start(t, k, 0);
    for (int64_t run = 0; run < runs; run++) {
        known_reset(k);
        for (int n = 0; n < COSINE_TIMES; n++) {
            double now[2];
            selftest_advance(k, VOLTAGE_UEV, (lives[n] - (n ? lives[n - 1] : 0)) / decay, &a);
            amplitudes(k, k->state.x.occupancy, ION, now);
            known_add_batch(&sums[n], now, 2);
        }
    }
    for (int n = 0; n < COSINE_TIMES; n++) {
        snprintf(text, sizeof text, "amplitude after %.1f lives", lives[n]);
        selftest_check_sums(t, text, begin[0] * exp(-lives[n]), &sums[n], 0);
    }
    selftest_check_sums(t, "its sine partner", 0, &sums[0], 1);
    selftest_stop(t, k);
    known_free(k);
}

/* ---- tracer ---- */

void selftest_events_tracer(struct selftest *t) {
    struct known_crystal *k = tracer_create();
    struct known_sums sums = {0};
    struct tracer_track track = {0};
    int64_t all = 0, windows = selftest_samples(t, 2, 1);
    double hops_expected = (double)(SELFTEST_BATCHES * windows) * TRACER_STEPS * TRACER_HOPS_A_STEP;
    selftest_start(t, k, 0);
    tracer_follow(k, &track);
    for (int b = 0; b < SELFTEST_BATCHES; b++) {
        double r2 = 0;
        for (int64_t n = 0; n < windows; n++)
            r2 += tracer_window(k, &track, &all);
        /* over the mean number of jumps: that of a batch would leave a bias of 1/jumps */
        double f = r2 / (double)(windows * TRACER_STEPS * TRACER_HOPS_A_STEP);
        known_add_batch(&sums, &f, 1);
    }
    selftest_check(t, "hops of the vacancy", hops_expected, (double)all, sqrt(hops_expected));
    selftest_stop(t, k);
    known_free(k);
    selftest_check_sums(t, "f on 7 x 7 (0.560 without end)",
                        tracer_factor(TRACER_CELLS, TRACER_STEPS * TRACER_HOPS_A_STEP), &sums, 0);
}

/* ---- jamming ----
 *
 * Twelve holes on a ring of O along a1 join to dimers for good (0.8 eV gained, no way back): pairs of free neighbours are taken at one rate k until none is left. */

enum { DIMER_RINGS = 12, DIMER_PLANES = 3, JAMMING_TIMES = 3 };

static struct known_crystal *open_dimers(double *k_join) {
    struct known_crystal *k = known_create("ABCABC", RING, RING, TEMPERATURE_K, SETS);
    struct rate_model *m = &k->model;
    const double gain = -800000, kra = 1000000;
    m->stiff_firings = 1e300;
    m->with_molecular = 0;
    memset(m->anion, 0, sizeof m->anion);
    memset(m->pair, 0, sizeof m->pair);
    m->bond[BOND_PEROXO] = (int32_t)gain; /* z stays 1: the bond is all that changes */
    m->peroxo_formation[0] = (int32_t)kra;
    for (int r = 0; r < DIMER_RINGS; r++)
        for (int i = 0; i < RING; i++)
            known_put(k, known_site(k, 2 * (r % DIMER_PLANES), SITE_O, i, 3 * (r / DIMER_PLANES)),
                      ANION_HOLE);
    *k_join = known_rate(k, gain, kra);
    return k;
}

void selftest_events_jamming(struct selftest *t) {
    static const double times[JAMMING_TIMES] = {0.3, 1.0, 30}; /* in units of 1/k */
    static const char *const names[] = {"taken at k t = 0.3", "taken at k t = 1",
                                        "jammed (1 - exp(-2) on a long ring)"};
    double rate_join;
    struct known_crystal *k = open_dimers(&rate_join);
    struct known_sums sums[JAMMING_TIMES] = {{0}};
    struct engine_advanced a;
    int64_t runs = selftest_samples(t, 240, SELFTEST_BATCHES);
    selftest_start(t, k, 0);
    for (int64_t run = 0; run < runs; run++) {
        double taken = 0;
        known_reset(k);
        for (int n = 0; n < JAMMING_TIMES; n++) {
            selftest_advance(k, VOLTAGE_UEV, (times[n] - (n ? times[n - 1] : 0)) / rate_join, &a);
            taken += 2.0 * (double)a.fired[EVENT_JOIN] / (DIMER_RINGS * RING);
            known_add_batch(&sums[n], &taken, 1);
        }
    }
    for (int n = 0; n < JAMMING_TIMES; n++)
        selftest_check_sums(t, names[n], selftest_exact_dimers(RING, times[n]), &sums[n], 0);
    selftest_stop(t, k);
    known_free(k);
}
