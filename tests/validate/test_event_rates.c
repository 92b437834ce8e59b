/* Guarantee: slow events fire at their rates: relaxation, waiting times and choice among channels.
 *
 * Networks of a few states, everything else fixed.  Their rates follow from the definition,
 *     rate = nu exp(-max(0, dE, E_KRA + dE/2)/kT),
 * with dE from two full energy sums and E_KRA added up by hand, never from kernels/events.h.
 * An ensemble starts in state 0; populations against time must solve dp/dt = W p, for two states
 *     p1(t) = k01/(k01 + k10) (1 - exp(-(k01 + k10) t)).
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include "known.h"

enum { STATES = 9, MEMBERS = 9, TIMES = 6, ENSEMBLE = 120000 };

static const double TEMPERATURE_K = 298.15;
static const int32_t VOLTAGE_UEV = 3900000;
static const char *const SETS[] = {"elements.Ni.hop_barrier_eV=[0.60,0.62,0.64]",
                                   "model.gate_free_li=0",
                                   "model.gate_per_li_eV=0.03",
                                   "model.peroxo_face_eV=-0.02",
                                   "model.direct_hop_extra_eV=0.05",
                                   "model.peroxo_formation_eV=0.60",
                                   "model.peroxo_in_plane_eV=0.01",
                                   "model.peroxo_across_li_gap_eV=0.02",
                                   "model.peroxo_across_tm_slab_eV=0.03",
                                   "model.peroxo_reduction_eV=0.61",
                                   "model.molecular_formation_eV=0.59",
                                   "model.molecular_wall_eV=0.2",
                                   "model.molecular_move_eV=0.60",
                                   "model.molecular_exchange_eV=0.61",
                                   "model.molecular_loss_eV=0.63",
                                   "model.molecular_gas_eV=-0.03",
                                   "model.vacancy_hop_eV=0.62",
                                   "model.vacancy_face_eV=-0.04",
                                   "model.orphan_one_tm_eV=0.02",
                                   "model.orphan_no_tm_eV=0.03",
                                   NULL};

/* States as bytes on a few sites; rate[a][b] in 1/s from a to b. */
struct network {
    struct known_crystal *k;
    int n_states, n_members;
    int64_t site[MEMBERS];
    uint8_t byte[MEMBERS][STATES];
    double rate[STATES][STATES];
};

/* A site of a network of two states. */
static void add_member(struct network *w, int64_t site, int byte0, int byte1) {
    cr_assert_lt(w->n_members, MEMBERS);
    w->site[w->n_members] = site;
    w->byte[w->n_members][0] = (uint8_t)byte0;
    w->byte[w->n_members++][1] = (uint8_t)byte1;
    known_put(w->k, site, byte0);
}

/* A site that holds `ion` in state `home` and is vacant in the others. */
static void add_home(struct network *w, int64_t site, int ion, int home) {
    cr_assert_lt(w->n_members, MEMBERS);
    w->site[w->n_members] = site;
    for (int s = 0; s < STATES; s++)
        w->byte[w->n_members][s] = (uint8_t)(s == home ? ion : CATION_VACANCY);
    w->n_members++;
    known_put(w->k, site, home == 0 ? ion : CATION_VACANCY);
}

static int state_now(const struct network *w, const uint8_t *occupancy) {
    for (int s = 0; s < w->n_states; s++) {
        int m = 0;
        while (m < w->n_members && occupancy[w->site[m]] == w->byte[m][s])
            m++;
        if (m == w->n_members)
            return s;
    }
    cr_assert_fail("a state outside the network");
    return -1;
}

/* E + V N of a state, ueV, from the full sum. */
static double energy_of(const struct network *w, int state) {
    struct state s;
    cr_assert(state_init(&s, &w->k->model, w->k->pristine, 0, 0));
    for (int m = 0; m < w->n_members; m++)
        s.x.occupancy[w->site[m]] = w->byte[m][state];
    state_rebuild(&s, &w->k->model);
    double e = (double)state_recount(&s, &w->k->model) + (double)VOLTAGE_UEV * (double)s.n_li;
    state_free(&s);
    return e;
}

static double rate_between(const struct network *w, int a, int b, double kra_ueV) {
    return known_rate(w->k, energy_of(w, b) - energy_of(w, a), kra_ueV);
}

static void set_pair(struct network *w, int a, int b, double kra_ueV) {
    w->rate[a][b] = rate_between(w, a, b, kra_ueV);
    w->rate[b][a] = rate_between(w, b, a, kra_ueV);
}

/* ---- sites by their contacts ---- */

/* An oct that touches O `with` and not O `without`. */
static int64_t oct_beside(const struct known_crystal *k, int64_t with, int64_t without) {
    const struct lattice *l = &k->model.lattice;
    struct lattice_coord o = lattice_coord_of(l, with);
    const struct lattice_stencil *st = lattice_stencil_of(l, o);
    for (int v = 0; v < st->n_oct; v++) {
        int64_t site = lattice_neighbor(l, o, st->oct[v]);
        if (!known_touches(k, site, without))
            return site;
    }
    cr_assert_fail("every oct of the O touches the other one");
    return -1;
}

/* ---- ensemble ---- */

static double rate_out(const struct network *w, int state) {
    double sum = 0;
    for (int b = 0; b < w->n_states; b++)
        sum += w->rate[state][b];
    return sum;
}

/* Populations at six times, 0.4 lives of state 0 apart. */
static void relax(struct network *w, const char *name, uint64_t seed) {
    struct known_crystal *k = w->k;
    const struct electrode electrode = {VOLTAGE_UEV, 0, 0};
    struct engine_advanced a;
    int64_t count[TIMES][STATES] = {{0}};
    double p[STATES] = {1}, dt = 0.4 / rate_out(w, 0);
    char label[80];
    known_start(k, seed, 0);
    for (int run = 0; run < ENSEMBLE; run++) {
        known_reset(k);
        for (int t = 0; t < TIMES; t++) {
            engine_exact.advance(k->engine, &electrode, dt, dt, &a);
            count[t][state_now(w, k->state.x.occupancy)]++;
        }
    }
    known_stop(k);
    for (int t = 0; t < TIMES; t++) {
        known_relax(STATES, w->rate[0], dt, p);
        for (int s = 0; s < w->n_states; s++) {
            snprintf(label, sizeof label, "%s: state %d after %.1f lives", name, s, 0.4 * (t + 1));
            known_check(label, (double)count[t][s] / ENSEMBLE, sqrt(p[s] * (1 - p[s]) / ENSEMBLE),
                        p[s], 1.0);
        }
    }
    known_free(k);
}

static struct network make_network(const char *letters, int n_states) {
    struct network w = {.k = known_create(letters, 4, 4, TEMPERATURE_K, SETS)};
    w.n_states = n_states;
    w.k->model.stiff_firings = 1e300;      /* true rates */
    w.k->model.tet_lifetime_steps = 1e300; /* tets are states of their own */
    return w;
}

/* Shifts an on-site energy so that state b lies `gap_ueV` above state a. */
static void set_gap(struct network *w, int a, int b, double gap_ueV, int32_t *energy) {
    *energy += (int32_t)lround(gap_ueV - (energy_of(w, b) - energy_of(w, a)));
    cr_assert_float_eq(energy_of(w, b) - energy_of(w, a), gap_ueV, 0.6);
}

Test(event_rates, hop_oct_to_tet_relaxes) {
    struct network w = make_network("ABCABC", 2);
    struct rate_model *m = &w.k->model;
    int ni = known_ion(w.k, "Ni", 3);
    int64_t oct = known_site(w.k, 0, SITE_OCT, 0, 0),
            tet = known_across_face(w.k, oct, false, false, 0);
    int64_t gate = known_across_face(w.k, tet, true, false, 0);
    known_put(w.k, gate, CATION_LI);
    add_member(&w, oct, ni, CATION_VACANCY);
    add_member(&w, tet, CATION_VACANCY, ni);
    set_gap(&w, 0, 1, 15001, &m->cation[ni][CLASS_LI_TET]);
    set_pair(&w, 0, 1, 620000 + 30000);
    relax(&w, "oct-tet", 1);
}

Test(event_rates, direct_hop_relaxes) {
    struct network w = make_network("ABCB", 2);
    struct rate_model *m = &w.k->model;
    int ni = known_ion(w.k, "Ni", 2);
    int64_t oct = known_site(w.k, 0, SITE_OCT, 0, 0),
            other = known_across_face(w.k, oct, true, false, 0);
    add_member(&w, oct, ni, CATION_VACANCY);
    add_member(&w, other, CATION_VACANCY, ni);
    set_gap(&w, 0, 1, -9000, &m->cation[ni][CLASS_LI_OCT]);
    set_pair(&w, 0, 1, 600000 + 50000);
    relax(&w, "direct", 2);
}

/* Four octs around a tet through which the ion passes at once: k(a -> b) = in(a) out(b)/sum out. */
Test(event_rates, hop_through_tet_relaxes) {
    struct network w = make_network("ABCABC", 4);
    struct rate_model *m = &w.k->model;
    const int in_tet = 4; /* a state that the network passes through only */
    int ni = known_ion(w.k, "Ni", 4);
    int64_t oct = known_site(w.k, 0, SITE_OCT, 0, 0),
            tet = known_across_face(w.k, oct, false, false, 0);
    double in[4], out[4], total = 0;
    m->tet_lifetime_steps = 0;
    m->valence_unit = 100;
    add_home(&w, oct, ni, 0);
    for (int n = 0; n < 3; n++)
        add_home(&w, known_across_face(w.k, tet, true, false, n), ni, n + 1);
    add_home(&w, tet, ni, in_tet);
    known_put(w.k, known_site(w.k, 1, SITE_OCT, 2, 2), CATION_LI); /* unequal surroundings */
    known_put(w.k, known_site(w.k, 0, SITE_OCT, 1, 2), CATION_LI);
    set_gap(&w, 0, 1, 20000, &m->cation[ni][CLASS_LI_OCT]);
    for (int s = 0; s < 4; s++) {
        in[s] = rate_between(&w, s, in_tet, 640000);
        out[s] = rate_between(&w, in_tet, s, 640000);
        total += out[s];
    }
    for (int a = 0; a < 4; a++)
        for (int b = 0; b < 4; b++)
            w.rate[a][b] = a == b ? 0 : in[a] * out[b] / total;
    relax(&w, "oct-(tet)-oct", 3);
}

/* Two holes and a peroxo dimer, one contact after the other. */
static void relax_dimer(int dplane, double extra_ueV, const char *name) {
    struct network w = make_network("ABCABC", 2);
    struct rate_model *m = &w.k->model;
    int64_t a = known_site(w.k, 1, SITE_O, 1, 1), b = -1;
    const struct lattice *l = &m->lattice;
    struct lattice_coord c = lattice_coord_of(l, a);
    const struct lattice_stencil *st = lattice_stencil_of(l, c);
    for (int v = 0; v < st->n_oxygen && b < 0; v++)
        if (st->oxygen[v].dplane == dplane)
            b = lattice_neighbor(l, c, st->oxygen[v]);
    add_member(&w, a, ANION_HOLE, ANION_PEROXO | known_direction(w.k, a, b) << 4);
    add_member(&w, b, ANION_HOLE, ANION_PEROXO | known_direction(w.k, b, a) << 4);
    m->with_molecular = 0;
    set_gap(&w, 0, 1, 4001, &m->bond[BOND_PEROXO]);
    set_pair(&w, 0, 1, 600000 + extra_ueV);
    relax(&w, name, (uint64_t)(5 + dplane));
}

Test(event_rates, join_and_split_relax) {
    relax_dimer(0, 10000, "join in plane");
    relax_dimer(1, 20000, "join across the Li gap");
    relax_dimer(-1, 30000, "join across the TM slab");
}

/* A pair of O and one Li oct beside the first of them only. */
static void add_pair_and_oct(struct network *w, int64_t *a, int64_t *b, int64_t *oct) {
    *a = known_site(w->k, 1, SITE_O, 1, 1);
    *b = known_site(w->k, 1, SITE_O, 2, 1);
    *oct = oct_beside(w->k, *a, *b);
    for (int c = 0; c < 3; c++)
        w->k->model.peroxo_formation[c] = 3000000; /* no split */
}

/* Hole + O2- + Li <-> peroxo dimer: one Li and one electron less. */
Test(event_rates, cleave_and_combine_relax) {
    struct network w = make_network("ABCABC", 2);
    struct rate_model *m = &w.k->model;
    int64_t a, b, oct;
    add_pair_and_oct(&w, &a, &b, &oct);
    add_member(&w, a, ANION_OXIDE, ANION_PEROXO | known_direction(w.k, a, b) << 4);
    add_member(&w, b, ANION_HOLE, ANION_PEROXO | known_direction(w.k, b, a) << 4);
    add_member(&w, oct, CATION_LI, CATION_VACANCY);
    m->with_molecular = 0;
    set_gap(&w, 0, 1, -7000, &m->bond[BOND_PEROXO]);
    set_pair(&w, 0, 1, 610000);
    relax(&w, "combine", 7);
}

/* Peroxo + Li <-> superoxo, beside a molecular O: the wall rule counts it among the 22 others. */
Test(event_rates, oxidise_and_reduce_relax) {
    struct network w = make_network("ABCABC", 2);
    struct rate_model *m = &w.k->model;
    int64_t a, b, oct;
    add_pair_and_oct(&w, &a, &b, &oct);
    int to_b = known_direction(w.k, a, b), to_a = known_direction(w.k, b, a);
    add_member(&w, a, ANION_PEROXO | to_b << 4, ANION_MOLECULAR | to_b << 4);
    add_member(&w, b, ANION_PEROXO | to_a << 4, ANION_PEROXO | to_a << 4);
    add_member(&w, oct, CATION_LI, CATION_VACANCY);
    /* a fixed O2 in the same row: its first O is a neighbour of b, its second is not of a or b */
    int64_t c = known_site(w.k, 1, SITE_O, 3, 1), d = known_site(w.k, 1, SITE_O, 3, 2);
    known_put(w.k, c, ANION_MOLECULAR | known_direction(w.k, c, d) << 4);
    known_put(w.k, d, ANION_MOLECULAR | known_direction(w.k, d, c) << 4);
    cr_assert(known_direction(w.k, b, c) >= 0 && known_direction(w.k, a, c) < 0);
    int others = (known_direction(w.k, b, c) >= 0) + (known_direction(w.k, a, c) >= 0) +
                 (known_direction(w.k, b, d) >= 0) + (known_direction(w.k, a, d) >= 0);
    set_gap(&w, 0, 1, 11000, &m->bond[BOND_SUPEROXO]);
    set_pair(&w, 0, 1, 590000 + 200000 * others / 22);
    relax(&w, "oxidise", 8);
}

/* ---- O2 and O vacancies on the move ---- */

/* Three O in a row; an Al beside the last one only makes the places unequal. */
static void add_row(struct network *w, int64_t o[3]) {
    for (int n = 0; n < 3; n++)
        o[n] = known_site(w->k, 1, SITE_O, n, 1);
    cr_assert_lt(known_direction(w->k, o[0], o[2]), 0);
    int64_t oct = -1;
    const struct lattice *l = &w->k->model.lattice;
    struct lattice_coord c = lattice_coord_of(l, o[2]);
    const struct lattice_stencil *st = lattice_stencil_of(l, c);
    for (int v = 0; v < st->n_oct; v++) {
        int64_t site = lattice_neighbor(l, c, st->oct[v]);
        oct = known_touches(w->k, site, o[1]) || known_touches(w->k, site, o[0]) ? oct : site;
    }
    cr_assert_geq(oct, 0);
    known_put(w->k, oct, known_ion(w->k, "Al", 3));
}

/* The O2 of the middle with the first O, and with the last one; `other` is what changes places. */
static void relax_move(int other, double kra_ueV, const char *name, uint64_t seed) {
    struct network w = make_network("ABCABC", 2);
    int64_t o[3];
    add_row(&w, o);
    add_member(&w, o[1], ANION_MOLECULAR | known_direction(w.k, o[1], o[0]) << 4,
               ANION_MOLECULAR | known_direction(w.k, o[1], o[2]) << 4);
    add_member(&w, o[0], ANION_MOLECULAR | known_direction(w.k, o[0], o[1]) << 4, other);
    add_member(&w, o[2], other, ANION_MOLECULAR | known_direction(w.k, o[2], o[1]) << 4);
    set_gap(&w, 0, 1, 8001, &w.k->model.anion[ANION_MOLECULAR][1]);
    set_pair(&w, 0, 1, kra_ueV);
    relax(&w, name, seed);
}

Test(event_rates, moves_of_molecules_relax) {
    relax_move(ANION_VACANCY, 600000, "O2 into a vacancy", 11);
    relax_move(ANION_OXIDE, 610000, "O2 against O2-", 12);
}

/* An anion between the second and the last O of the row. */
static void relax_vacancy(int anion, const char *name, uint64_t seed) {
    struct network w = make_network("ABCABC", 2);
    int64_t o[3];
    add_row(&w, o);
    add_member(&w, o[1], anion, ANION_VACANCY);
    add_member(&w, o[2], ANION_VACANCY, anion);
    set_gap(&w, 0, 1, -6001, &w.k->model.anion[anion][1]);
    set_pair(&w, 0, 1, 620000);
    relax(&w, name, seed);
}

Test(event_rates, hops_of_vacancies_relax) {
    relax_vacancy(ANION_OXIDE, "vacancy against O2-", 13);
    relax_vacancy(ANION_HOLE, "vacancy against a hole", 14);
}

/* O2 whose second O has one TM neighbour, the surface next to its first. */
Test(event_rates, molecules_leave_at_the_surface) {
    struct network w = make_network("ABCABC", 2);
    const struct rate_model *m = &w.k->model;
    int64_t o[3];
    add_row(&w, o);
    known_put(w.k, o[0], ANION_OUTSIDE);
    add_member(&w, o[1], ANION_MOLECULAR | known_direction(w.k, o[1], o[2]) << 4, ANION_VACANCY);
    add_member(&w, o[2], ANION_MOLECULAR | known_direction(w.k, o[2], o[1]) << 4, ANION_VACANCY);
    double alone = 2.0 * m->anion[ANION_MOLECULAR][0] + m->bond[BOND_MOLECULAR];
    double gain = energy_of(&w, 1) - energy_of(&w, 0) + alone - 30000;
    cr_assert_float_eq(gain, -430000, 1); /* one TM neighbour, and the gas */
    w.rate[0][1] = known_rate(w.k, gain, 630000);
    relax(&w, "loss", 15);
}

/* ---- waiting times ---- */

/* One ion between an oct and a tet of equal energy: events are a Poisson process of rate k. */
Test(event_rates, waiting_times_are_exponential) {
    enum { WINDOWS = 250000, BINS = 8 };
    struct network w = make_network("ABCABC", 2);
    struct known_crystal *k = w.k;
    const struct electrode electrode = {VOLTAGE_UEV, 0, 0};
    struct engine_advanced a;
    int ni = known_ion(k, "Ni", 3);
    int64_t oct = known_site(k, 0, SITE_OCT, 0, 0),
            tet = known_across_face(k, oct, false, false, 0);
    add_member(&w, oct, ni, CATION_VACANCY);
    add_member(&w, tet, CATION_VACANCY, ni);
    set_gap(&w, 0, 1, 0, &k->model.cation[ni][CLASS_LI_TET]);
    double rate = rate_between(&w, 0, 1, 620000);
    static const double window[] = {1.0, 0.2, 0.5, 1.5};
    char label[80];
    known_start(k, 9, 0);
    for (int t = 0; t < 4; t++) {
        double x = window[t], sum = 0, squares = 0, chi2 = 0, expected = exp(-x);
        int64_t bin[BINS] = {0};
        for (int n = 0; n < WINDOWS; n++) {
            engine_exact.advance(k->engine, &electrode, x / rate, x / rate, &a);
            double fired = (double)a.fired[EVENT_HOP];
            sum += fired;
            squares += fired * fired;
            bin[a.fired[EVENT_HOP] < BINS - 1 ? a.fired[EVENT_HOP] : BINS - 1]++;
        }
        double mean = sum / WINDOWS, variance = squares / WINDOWS - mean * mean, left = 1;
        int dof = 0;
        for (int b = 0; b < BINS; b++) {
            double share = b == BINS - 1 ? left : expected;
            if (share * WINDOWS > 10) {
                chi2 += pow((double)bin[b] - share * WINDOWS, 2) / (share * WINDOWS);
                dof++;
            }
            left -= expected;
            expected *= x / (b + 1);
        }
        snprintf(label, sizeof label, "no event within %.1f mean waits", x);
        known_check(label, (double)bin[0] / WINDOWS, sqrt(exp(-x) * (1 - exp(-x)) / WINDOWS),
                    exp(-x), exp(-x));
        snprintf(label, sizeof label, "events within %.1f mean waits", x);
        known_check(label, mean, sqrt(x / WINDOWS), x, x);
        snprintf(label, sizeof label, "their variance");
        known_check(label, variance, sqrt((x + 2 * x * x) / WINDOWS), x, fmax(x, 1));
        cr_log_info("chi-square %.1f for %d bins\n", chi2, dof);
        cr_expect(chi2 < dof + 4 * sqrt(2.0 * dof), "chi-square %.1f for %d bins", chi2, dof);
    }
    known_stop(k);
    known_free(k);
}

/* ---- choice among channels ---- */

/* Anions of a state in the face between tet and oct. */
static int count_shared(const struct known_crystal *k, int64_t tet, int64_t oct, int state) {
    const struct lattice *l = &k->model.lattice;
    int n = 0;
    for (int64_t s = 0; s < lattice_n_sites(l); s++)
        if (lattice_coord_of(l, s).kind == SITE_O && rate_model_state(k->pristine[s]) == state)
            n += known_touches(k, tet, s) && known_touches(k, oct, s);
    return n;
}

static int count_li_around(const struct known_crystal *k, int64_t tet) {
    const struct lattice *l = &k->model.lattice;
    struct lattice_coord c = lattice_coord_of(l, tet);
    const struct lattice_stencil *st = lattice_stencil_of(l, c);
    int n = 0;
    for (int v = 0; v < st->n_face; v++)
        n += st->face[v].kind == SITE_OCT &&
             k->pristine[lattice_neighbor(l, c, st->face[v])] == CATION_LI;
    return n;
}

/* The first O, or the last one, in the face of tet and oct. */
static int64_t shared_oxygen(const struct known_crystal *k, int64_t tet, int64_t oct, bool last) {
    const struct lattice *l = &k->model.lattice;
    struct lattice_coord c = lattice_coord_of(l, tet);
    const struct lattice_stencil *st = lattice_stencil_of(l, c);
    int64_t found = -1;
    for (int v = 0; v < st->n_vertex && (last || found < 0); v++)
        if (known_touches(k, oct, lattice_neighbor(l, c, st->vertex[v])))
            found = lattice_neighbor(l, c, st->vertex[v]);
    return found;
}

/* An O in the face of tet and oct is bonded to an O next to it; the dimer rests. */
static void put_dimer(struct known_crystal *k, int64_t tet, int64_t oct) {
    const struct lattice *l = &k->model.lattice;
    int64_t o = shared_oxygen(k, tet, oct, false);
    struct lattice_coord oc = lattice_coord_of(l, o);
    int64_t p = lattice_neighbor(l, oc, lattice_stencil_of(l, oc)->oxygen[0]);
    known_put(k, o, ANION_PEROXO);
    known_put(k, p, ANION_PEROXO | known_direction(k, p, o) << 4);
    k->model.with_dimers = 0;
}

/* A Ni in a TM oct with its eight tets, of which two have Li beside them; they lie so deep that it
 * never comes back, exp(-0.9 eV/kT). */
static struct network make_star(void) {
    struct network w = make_network("ABCABC", 9);
    struct known_crystal *k = w.k;
    struct rate_model *m = &k->model;
    int ni = known_ion(k, "Ni", 2), n = 1;
    int64_t oct = known_site(k, 0, SITE_OCT, 2, 2);
    m->cation[ni][CLASS_LI_TET] = -900000;
    m->cation[ni][CLASS_TM_TET] = -920000;
    m->valence_unit = 20;
    m->face[FACE_TET_OCT][GROUP_LI][GROUP_TM] = m->face[FACE_TET_OCT][GROUP_TM][GROUP_LI] = 10000;
    add_home(&w, oct, ni, 0);
    for (int t = 0; t < 2; t++)
        add_home(&w, known_across_face(k, oct, false, false, t), ni, n++);
    for (int t = 0; t < 6; t++)
        add_home(&w, known_across_face(k, oct, false, true, t), ni, n++);
    known_put(k, known_across_face(k, w.site[1], true, false, 0), CATION_LI);
    known_put(k, known_across_face(k, w.site[1], true, false, 1), CATION_LI);
    known_put(k, known_across_face(k, w.site[2], true, false, 2), CATION_LI);
    put_dimer(k, w.site[4], oct);
    known_put(k, shared_oxygen(k, w.site[6], oct, true), ANION_VACANCY);
    for (int t = 1; t < 9; t++) {
        double kra = 600000 + 30000 * count_li_around(k, w.site[t]) -
                     (count_shared(k, w.site[t], oct, ANION_PEROXO) > 0 ? 20000 : 0) -
                     (count_shared(k, w.site[t], oct, ANION_VACANCY) > 0 ? 40000 : 0);
        w.rate[0][t] = rate_between(&w, 0, t, kra);
    }
    return w;
}

/* Half of the trials fire: their share measures the total rate, their ends the channels' rates. */
Test(event_rates, channels_fire_in_proportion) {
    enum { TRIALS = 400000 };
    struct network w = make_star();
    struct known_crystal *k = w.k;
    const struct electrode electrode = {VOLTAGE_UEV, 0, 0};
    struct engine_advanced a;
    double total = rate_out(&w, 0), half_life = log(2) / total, fired = 0, count[STATES] = {0};
    char label[80];
    known_start(k, 10, 0);
    for (int run = 0; run < TRIALS; run++) {
        known_reset(k);
        engine_exact.advance(k->engine, &electrode, half_life, half_life, &a);
        cr_assert_leq(a.fired[EVENT_HOP], 1);
        fired += (double)a.fired[EVENT_HOP];
        count[state_now(&w, k->state.x.occupancy)]++;
    }
    known_check("share fired in the half-life", fired / TRIALS, 0.5 / sqrt(TRIALS), 0.5, 0.5);
    for (int t = 1; t < STATES; t++) {
        double share = w.rate[0][t] / total;
        snprintf(label, sizeof label, "channel %d, %.3g /s", t, w.rate[0][t]);
        known_check(label, count[t] / fired, sqrt(share * (1 - share) / fired), share, 1.0);
    }
    known_stop(k);
    known_free(k);
}
