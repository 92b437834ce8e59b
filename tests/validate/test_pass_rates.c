/* Guarantee: coloured passes make as many hops as a serial sweep, not only the right averages.
 *
 * Li on the octs of one Li layer, bonds to the six neighbours in it.  A bond that is tried makes a
 * hop with the probability
 *     p = sum over states s of P(s) [one end occupied] min(1, exp(-dE/kT)),
 * exact by enumeration: ideal gas on 12 x 12 sites (p = 2 n (M - n) / M (M - 1)), and repulsive Li
 * on 6 x 6 sites, 3 ions in 7140 states.  Sweeps in fixed order in which occupied sites draw their
 * own directions keep the averages right and the hops wrong: the third deliberate fault.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include "../../kmc/schedule.h"
#include "known.h"

enum { BATCHES = 40, LI_PLANE = 1 };

struct layer {
    struct known_crystal *k;
    struct schedule schedule;
    struct tile tile;
    struct lattice_reach reach[LATTICE_MAX_STENCILS];
    struct lattice_layer layer[TILE_PLANES_MAX * SITE_KINDS];
    struct move_context moves;
    struct tile_call call;
    int channel, cells;
    uint32_t number; /* passes so far */
};

static void open_layer(struct layer *y, int cells, int ions, double kelvin, const char *stiffness) {
    char set[64];
    snprintf(set, sizeof set, "model.valence_stiffness_eV=%s", stiffness);
    const char *const sets[] = {set, "model.face_oct_oct_li_li_eV=0", NULL};
    memset(y, 0, sizeof *y);
    y->cells = cells;
    y->k = known_create("ABCABC", cells, cells, kelvin, sets);
    for (int j = 0; j < cells; j++)
        for (int i = 0; i < cells; i++)
            known_put(y->k, known_site(y->k, LI_PLANE, SITE_OCT, i, j),
                      j * cells + i < ions ? CATION_LI : CATION_VACANCY);
    known_start(y->k, 11, 0);
    cr_assert(schedule_init(&y->schedule, &y->k->model, (const int32_t[AXES]){4, 4, 4}));
    cr_assert_eq(y->schedule.n_tiles, 1);
    struct tiling g = {{1, 1, 1}, {0, 0, 0}};
    tile_place(&y->tile, &g, &y->k->model.lattice, 0);
    tile_point(&y->tile, malloc((size_t)y->schedule.tile_bytes));
    tile_tables(&y->tile, y->reach, y->layer);
    for (int32_t row = 0; row < tile_rows(&y->tile); row++)
        tile_load_row(&y->tile, &y->k->state.x, row);
    y->moves = (struct move_context){&y->k->model, &y->tile.x, {0}, 0, 1};
    y->call.random = y->k->state.random;
    while (y->schedule.plan.channel[y->channel].kind != SITE_OCT ||
           y->schedule.plan.channel[y->channel].parity != 1 ||
           y->schedule.plan.channel[y->channel].group != PASS_OCT_IN_GAP)
        y->channel++;
}

static void close_layer(struct layer *y) {
    free(y->tile.x.deviation);
    known_stop(y->k);
    known_free(y->k);
}

/* One pass of the Li - Li channel: bonds tried in the layer, and hops. */
static void run_pass(struct layer *y, int64_t *tried, int64_t *hops) {
    const struct pass_plan *plan = &y->schedule.plan;
    const struct lattice *l = &y->tile.lattice;
    uint32_t n = y->number++, slot = 0;
    struct philox_block w = pass_words(y->call.random, 0, n, 0);
    struct pass p;
    while (plan->slot[0][slot] != y->channel)
        slot++;
    w.v[0] = slot << (32 - PASS_SLOT_BITS);
    pass_begin(&p, plan, &y->tile, 0, w, n);
    for (int32_t lane = 0; lane < p.lanes; lane++) {
        int32_t at[AXES];
        struct pass_plane q;
        struct move mv;
        uint32_t word = pass_lane_words(y->call.random, 0, n / 4, 0, (uint32_t)lane).v[n % 4];
        pass_lane(&p, lane, at);
        struct pass_row row;
        if (!pass_plane_begin(plan, &p, l, at[AXIS_C], 1, &q) || q.plane != LI_PLANE)
            continue;
        pass_row_begin(&q, l, pass_place(&p, AXIS_B, at[AXIS_B]), &row);
        ++*tried;
        if (!pass_judge(plan, &p, &q, &row, &y->tile, &y->moves, pass_place(&p, AXIS_A, at[AXIS_A]),
                        lane, word, &mv) ||
            !pass_accepts(&y->k->model, &y->call, &mv, 0, word, n, 0, (uint32_t)lane))
            continue;
        moves_apply(&y->moves, &mv);
        ++*hops;
    }
}

static void measure(struct layer *y, const char *name, int passes, double exact) {
    struct known_sums sums = {0};
    int64_t skip[2] = {0, 0};
    for (int n = 0; n < passes / 10; n++)
        run_pass(y, &skip[0], &skip[1]);
    for (int b = 0; b < BATCHES; b++) {
        int64_t tried = 0, hops = 0;
        for (int n = 0; n < passes; n++)
            run_pass(y, &tried, &hops);
        double rate = (double)hops / (double)tried;
        known_add_batch(&sums, &rate, 1);
    }
    known_check(name, known_mean(&sums, 0), known_error(&sums, 0), exact, exact);
}

Test(pass_rates, ideal_gas) {
    struct layer y;
    int sites = 12 * 12, ions = 60;
    open_layer(&y, 12, ions, 300, "0");
    measure(&y, "hops a bond, ideal gas", 6000,
            2.0 * ions * (sites - ions) / ((double)sites * (sites - 1)));
    close_layer(&y);
}

/* ---- repulsive ions by enumeration ---- */

enum { SIDE = 6, SITES = SIDE * SIDE };

/* Energy of three ions in ueV, from the energies of pairs: the bond-valence term is a sum over pairs. */
struct pairs {
    int64_t pair[SITES]; /* of ions this far apart (j * SIDE + i), single-ion energies left out */
};

static int64_t energy_with(struct layer *y, const int *site, int n) {
    struct state *s = &y->k->state;
    for (int k = 0; k < SITES; k++)
        s->x.occupancy[known_site(y->k, LI_PLANE, SITE_OCT, k % SIDE, k / SIDE)] = CATION_VACANCY;
    for (int k = 0; k < n; k++)
        s->x.occupancy[known_site(y->k, LI_PLANE, SITE_OCT, site[k] % SIDE, site[k] / SIDE)] =
            CATION_LI;
    state_rebuild(s, &y->k->model);
    return state_recount(s, &y->k->model);
}

static void measure_pairs(struct layer *y, struct pairs *p) {
    int one[1] = {0};
    int64_t empty = energy_with(y, one, 0), single = energy_with(y, one, 1) - empty;
    p->pair[0] = 0;
    for (int k = 1; k < SITES; k++) {
        int two[2] = {0, k};
        p->pair[k] = energy_with(y, two, 2) - empty - 2 * single;
    }
}

static int apart(int a, int b) {
    int i = (b % SIDE - a % SIDE + SIDE) % SIDE, j = (b / SIDE - a / SIDE + SIDE) % SIDE;
    return j * SIDE + i;
}

static double energy_of(const struct pairs *p, const int *s) {
    return (double)(p->pair[apart(s[0], s[1])] + p->pair[apart(s[0], s[2])] +
                    p->pair[apart(s[1], s[2])]);
}

/* Hops out of one state per tried bond, with Metropolis acceptance. */
static double hops_from(const struct pairs *p, const int *s, double kT) {
    static const int step[6][2] = {{1, 0}, {-1, 0}, {0, 1}, {0, -1}, {1, -1}, {-1, 1}};
    double sum = 0, here = energy_of(p, s);
    for (int ion = 0; ion < 3; ion++)
        for (int d = 0; d < 6; d++) {
            int t[3] = {s[0], s[1], s[2]};
            int i = (s[ion] % SIDE + step[d][0] + SIDE) % SIDE;
            int j = (s[ion] / SIDE + step[d][1] + SIDE) % SIDE;
            t[ion] = j * SIDE + i;
            if (t[ion] == s[(ion + 1) % 3] || t[ion] == s[(ion + 2) % 3])
                continue;
            sum += fmin(1, exp(-(energy_of(p, t) - here) / kT));
        }
    return sum / (SITES * 3); /* bonds of the layer */
}

static double exact_rate(const struct pairs *p, double kT) {
    double weight = 0, hops = 0;
    for (int a = 0; a < SITES; a++)
        for (int b = a + 1; b < SITES; b++)
            for (int c = b + 1; c < SITES; c++) {
                int s[3] = {a, b, c};
                double w = exp(-energy_of(p, s) / kT);
                weight += w;
                hops += w * hops_from(p, s, kT);
            }
    return hops / weight;
}

Test(pass_rates, repulsive_ions) {
    struct layer y;
    struct pairs p;
    open_layer(&y, SIDE, 3, 900, "0.8");
    measure_pairs(&y, &p);
    cr_assert_gt((double)p.pair[1], 0.2 * y.k->model.boltzmann.kT_ueV, "no repulsion");
    measure(&y, "hops a bond, repulsive ions", 120000, exact_rate(&p, y.k->model.boltzmann.kT_ueV));
    close_layer(&y);
}
