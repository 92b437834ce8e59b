/* order: see order.h.  Passes over a layer, each with its own random numbers:
 *     Li on its sites (composite, ribbon)  ->  partner next to Li  ->  the rest dealt at random
 */
#include "order.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "../kernels/tables.h"

enum { PASS_FAULT, PASS_DOMAIN, PASS_PARTNER, PASS_REST, PASS_SWAP };
enum { MEAN_CHARGE = 3, NEIGHBORS = 6, LARGEST_STEP = 1024 };
static const double BOLTZMANN_EV_PER_K = 8.617333262e-5; /* exact by the 2019 SI, 10 digits kept */

static struct philox_block draw(const struct order_rule *r, int32_t layer, uint32_t pass,
                                uint64_t index) {
    return philox_draw(r->random, STREAM_ORDER, ((uint32_t)layer << 8) + pass, index);
}

static double uniform(const struct order_rule *r, int32_t layer, uint32_t pass, uint64_t index) {
    struct philox_block b = draw(r, layer, pass, index);
    return philox_open(b.v[0], b.v[1]);
}

int order_draw(struct order_deck *d, double u) {
    assert(d->total > 0);
    int64_t pick = (int64_t)(u * (double)d->total);
    int c = 0;
    pick -= pick >= d->total; /* u * total may round up to total */
    while (pick >= d->left[c])
        pick -= d->left[c++];
    d->left[c]--;
    d->total--;
    return c;
}

void order_colours(const struct order_rule *r, int32_t n_layers, uint8_t *colour) {
    for (int32_t k = 0; k < n_layers; k++) {
        struct philox_block b = draw(r, k, PASS_FAULT, 0);
        if (k == 0)
            colour[k] = (uint8_t)philox_below(b.v[2], 3);
        else if (philox_open(b.v[0], b.v[1]) < r->fault_probability)
            colour[k] = (uint8_t)((colour[k - 1] + 1 + philox_below(b.v[2], 2)) % 3);
        else
            colour[k] = colour[k - 1];
    }
}

static int32_t wrap(int32_t x, int32_t n) {
    return x < 0 ? x + n : x >= n ? x - n : x;
}

static void neighbor_cells(const struct order_rule *r, int64_t cell, int64_t out[NEIGHBORS]) {
    static const int8_t step[NEIGHBORS][2] = {{1, 0}, {-1, 0}, {0, 1}, {0, -1}, {1, -1}, {-1, 1}};
    int32_t i = (int32_t)(cell % r->na), j = (int32_t)(cell / r->na);
    for (int m = 0; m < NEIGHBORS; m++)
        out[m] = (int64_t)wrap(j + step[m][1], r->nb) * r->na + wrap(i + step[m][0], r->na);
}

/* Puts Li on the free sites of a row from i0 to i1 with this colour (any colour when negative). */
static void place_row(const struct order_rule *r, int32_t j, int32_t i0, int32_t i1, int colour,
                      struct order_deck *d, uint8_t *cell) {
    for (int32_t i = i0; i < i1 && i < r->na && d->left[0] > 0; i++) {
        uint8_t *site = &cell[(int64_t)j * r->na + i];
        if (*site != ORDER_FREE || (colour >= 0 && (i - j + 3 * r->nb) % 3 != colour))
            continue;
        *site = 0;
        d->left[0]--;
        d->total--;
    }
}

/* Order in which domains are filled; the same in every layer, so domains run through the box. */
static int64_t *shuffled_blocks(const struct order_rule *r, int64_t n) {
    int64_t *block = malloc((size_t)n * sizeof *block);
    for (int64_t m = 0; block && m < n; m++) {
        uint32_t k = philox_below(draw(r, 0, PASS_DOMAIN, (uint64_t)m).v[0], (uint32_t)m + 1);
        block[m] = block[k];
        block[k] = m;
    }
    return block;
}

/* Fills domain after domain with Li on its colour until all Li is placed.  A domain as large as the
 * box is a stripe that grows row by row. */
static bool place_domains(const struct order_rule *r, int colour, struct order_deck *d,
                          uint8_t *cell) {
    const int32_t size = r->domain_cells;
    const int64_t across = (r->na + size - 1) / size, along = (r->nb + size - 1) / size;
    int64_t *block = shuffled_blocks(r, across * along);
    if (!block)
        return false;
    for (int64_t m = 0; m < across * along; m++) {
        int32_t i0 = (int32_t)(block[m] % across) * size, j0 = (int32_t)(block[m] / across) * size;
        for (int32_t j = j0; j < j0 + size && j < r->nb; j++)
            place_row(r, j, i0, i0 + size, colour, d, cell);
    }
    free(block);
    return true;
}

static int64_t count_free(const struct order_rule *r, const uint8_t *cell) {
    int64_t n = 0;
    for (int64_t s = 0; s < (int64_t)r->na * r->nb; s++)
        n += cell[s] == ORDER_FREE;
    return n;
}

/* As many rows as the Li fills, evenly spaced; the last may be filled in part. */
static void place_ribbons(const struct order_rule *r, int colour, struct order_deck *d,
                          uint8_t *cell) {
    int64_t sites = count_free(r, cell);
    int64_t rows = sites ? (d->left[0] * r->nb + sites - 1) / sites : 0;
    for (int64_t m = 0; m < rows; m++)
        place_row(r, (int32_t)((m * r->nb / rows + colour) % r->nb), 0, r->na, -1, d, cell);
}

static int li_neighbors(const struct order_rule *r, const uint8_t *cell, int64_t site) {
    int64_t next[NEIGHBORS];
    int n = 0;
    neighbor_cells(r, site, next);
    for (int m = 0; m < NEIGHBORS; m++)
        n += cell[next[m]] == 0;
    return n;
}

/* Puts partners on the free sites with `rank` Li neighbours, at random when there are too few. */
static void place_rank(const struct order_rule *r, int32_t layer, int rank, int64_t sites,
                       struct order_deck *d, uint8_t *cell) {
    int64_t placed = sites < d->left[r->partner] ? sites : d->left[r->partner];
    struct order_deck choice = {2, {placed, sites - placed}, sites};
    for (int64_t s = 0; s < (int64_t)r->na * r->nb; s++)
        if (cell[s] == ORDER_FREE && li_neighbors(r, cell, s) == rank &&
            order_draw(&choice, uniform(r, layer, PASS_PARTNER, (uint64_t)s)) == 0)
            cell[s] = (uint8_t)r->partner;
    d->left[r->partner] -= placed;
    d->total -= placed;
}

static void place_partners(const struct order_rule *r, int32_t layer, struct order_deck *d,
                           uint8_t *cell) {
    int64_t sites[NEIGHBORS + 1] = {0};
    for (int64_t s = 0; s < (int64_t)r->na * r->nb; s++)
        if (cell[s] == ORDER_FREE)
            sites[li_neighbors(r, cell, s)]++;
    for (int rank = NEIGHBORS; rank > 0 && d->left[r->partner] > 0; rank--)
        if (sites[rank] > 0)
            place_rank(r, layer, rank, sites[rank], d, cell);
}

static void place_rest(const struct order_rule *r, int32_t layer, struct order_deck *d,
                       uint8_t *cell) {
    for (int64_t s = 0; s < (int64_t)r->na * r->nb; s++)
        if (cell[s] == ORDER_FREE)
            cell[s] = (uint8_t)order_draw(d, uniform(r, layer, PASS_REST, (uint64_t)s));
}

/* State of the swap Monte Carlo of one layer. */
struct swap {
    const struct order_rule *r;
    int32_t layer;
    uint8_t *cell;
    uint32_t *site; /* the sites of the layer */
    uint32_t n;
    uint64_t threshold[LARGEST_STEP]; /* exp(-m |J| / kT) as a fraction of 2^64 */
};

static void set_thresholds(struct swap *w) {
    double kT_eV = BOLTZMANN_EV_PER_K * w->r->temperature_K;
    double J = w->r->interaction_eV < 0 ? -w->r->interaction_eV : w->r->interaction_eV;
    for (int m = 0; m < LARGEST_STEP; m++) {
        double x = m * J / kT_eV;
        w->threshold[m] = x > 600 ? 0 : (uint64_t)(tables_exp(-x) * 0x1.fffffffffffffp63);
    }
}

static int excess(const struct swap *w, int64_t site) {
    int c = w->cell[site];
    return c == ORDER_ABSENT ? 0 : w->r->charge[c] - MEAN_CHARGE;
}

/* Sum over the neighbours of a site of (q_i - 3)(q_j - 3). */
static int site_energy(const struct swap *w, int64_t site) {
    int64_t next[NEIGHBORS];
    int sum = 0;
    neighbor_cells(w->r, site, next);
    for (int m = 0; m < NEIGHBORS; m++)
        sum += excess(w, next[m]);
    return sum * excess(w, site);
}

/* One Metropolis step.  A contact between the two sites counts twice, the same after as before. */
static void try_swap(struct swap *w, uint64_t attempt) {
    struct philox_block b = draw(w->r, w->layer, PASS_SWAP, attempt);
    uint32_t s = w->site[philox_below(b.v[0], w->n)], t = w->site[philox_below(b.v[1], w->n)];
    uint8_t cs = w->cell[s], ct = w->cell[t];
    if (cs == ct)
        return;
    int before = site_energy(w, s) + site_energy(w, t);
    w->cell[s] = ct;
    w->cell[t] = cs;
    int step = site_energy(w, s) + site_energy(w, t) - before;
    int uphill = w->r->interaction_eV < 0 ? -step : step;
    uint64_t u = ((uint64_t)b.v[2] << 32) | b.v[3];
    assert(uphill < LARGEST_STEP);
    if (uphill > 0 && u >= w->threshold[uphill]) {
        w->cell[s] = cs;
        w->cell[t] = ct;
    }
}

static bool swap_sites(const struct order_rule *r, int32_t layer, uint8_t *cell) {
    int64_t sites = (int64_t)r->na * r->nb;
    struct swap *w = malloc(sizeof *w);
    uint32_t *list = malloc((size_t)sites * sizeof *list);
    if (w && list) {
        *w = (struct swap){.r = r, .layer = layer, .cell = cell, .site = list};
        set_thresholds(w);
        for (int64_t s = 0; s < sites; s++)
            if (cell[s] != ORDER_ABSENT)
                list[w->n++] = (uint32_t)s;
        for (uint64_t attempt = 0; attempt < (uint64_t)r->swap_sweeps * w->n; attempt++)
            try_swap(w, attempt);
    }
    bool ok = w && list;
    free(list);
    free(w);
    return ok;
}

bool order_fill(const struct order_rule *r, int32_t layer, int colour, const int64_t *count,
                uint8_t *cell) {
    struct order_deck d = {.n = r->n_components};
    for (int c = 0; c < d.n; c++) {
        d.left[c] = count[c];
        d.total += count[c];
    }
    assert(d.total == count_free(r, cell));
    if (r->kind == ORDER_COMPOSITE && !place_domains(r, colour, &d, cell))
        return false;
    if (r->kind == ORDER_RIBBON)
        place_ribbons(r, colour, &d, cell);
    if ((r->kind == ORDER_COMPOSITE || r->kind == ORDER_RIBBON) && r->partner)
        place_partners(r, layer, &d, cell);
    place_rest(r, layer, &d, cell);
    return r->kind != ORDER_SWAP || swap_sites(r, layer, cell);
}
