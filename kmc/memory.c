/* memory: the same sizes as the allocations in state.c, engine_*.c, supercell.c and clusters.c; tests/test_memory.c compares them. */
#include "memory.h"
#include <string.h>
#include <unistd.h>
#include "influence.h"
#include "passes.h"
#include "rate_tree.h"
#include "site_lists.h"
#include "tiling.h"

enum {
    INFLUENCE_BYTES_A_PLANE = 16000, /* about 1,200 owners of 8 bytes, lists grown by doubling */
    SWAP_BYTES_A_CELL = 5,           /* one TM layer at a time */
    CLUSTER_NODE_BYTES = 16,
    MEMBERS_PERCENT = 4 /* of the sites at the end of a charge of an undoped host: found 1 to 7 */
};

static void add(struct memory *m, const char *name, int64_t bytes) {
    m->piece[m->n++] = (struct memory_piece){name, bytes};
    m->kept += bytes;
}

static int64_t leaves_of(int64_t n) {
    int64_t leaves = 1;
    while (leaves < n)
        leaves *= 2;
    return leaves;
}

static void add_influence(struct memory *m, const struct lattice *box) {
    add(m, "influence lists",
        (int64_t)sizeof(struct influence) + (int64_t)INFLUENCE_BYTES_A_PLANE * box->n_planes);
}

static void add_exact(struct memory *m, const struct lattice *box) {
    int64_t oxygen = lattice_n_oxygen(box);
    int64_t quarters = 1 + 2 + 3 + 3 + 1; /* room in the lists of token classes, site_lists.c */
    add(m, "site lists", 9 * m->n_sites + (int64_t)sizeof(int64_t) * quarters * oxygen);
    add(m, "rate tree", 2 * (int64_t)sizeof(double) * leaves_of(m->n_sites));
    add(m, "stale owners", 9 * m->n_sites);
    add_influence(m, box);
}

/* Rates with their sums, marks and list of stale owners of the largest region. */
static int64_t region_bytes(const struct lattice *box) {
    int32_t pieces[AXES];
    struct window window = {.rate = NULL};
    tiling_regions(box, pieces);
    tiling_largest_region(box, pieces, &window.region);
    int64_t leaves = window_leaves(&window.region);
    return window_layout(&window) * (int64_t)sizeof(double) +
           leaves * (int64_t)(1 + sizeof(int32_t));
}

/* What one thread works in. */
static int64_t workspace(const struct lattice *box) {
    int32_t pieces[AXES];
    struct lattice tile;
    tiling_tiles(box, pieces);
    tiling_largest_tile(box, pieces, &tile);
    return tile_bytes(&tile) + region_bytes(box) +
           LATTICE_MAX_STENCILS * (int64_t)sizeof(struct lattice_reach) +
           PASS_LANES_MAX * (int64_t)sizeof(struct philox_block);
}

static void add_cpu(struct memory *m, const struct lattice *box, int threads) {
    int32_t pieces[AXES];
    add(m, "work space", threads * workspace(box));
    add(m, "plan and demons",
        (int64_t)sizeof(struct pass_plan) + tiling_tiles(box, pieces) * (int64_t)sizeof(int32_t));
    add_influence(m, box);
}

static int64_t device_bytes(const struct memory *m, const struct lattice *box) {
    int32_t pieces[AXES];
    return m->piece[0].bytes + tiling_regions(box, pieces) * region_bytes(box);
}

void memory_of_replica(struct memory *m, const struct engine_ops *ops, const struct lattice *box,
                       int threads) {
    memset(m, 0, sizeof *m);
    m->n_sites = lattice_n_sites(box);
    add(m, "state", m->n_sites + 3 * (m->n_sites / SITE_KINDS));
    if (ops == &engine_exact)
        add_exact(m, box);
    else if (!ops->many)
        add_cpu(m, box, threads > 0 ? threads : 1);
    m->device = ops->many ? device_bytes(m, box) : 0;
    int64_t state = m->piece[0].bytes;
    m->building = m->n_sites + SWAP_BYTES_A_CELL * (int64_t)box->na * box->nb;
    m->clusters = m->n_sites * 3 / 16 + m->n_sites * MEMBERS_PERCENT / 100 * CLUSTER_NODE_BYTES;
    m->peak = m->kept + m->clusters;
    if (m->peak < state + m->building)
        m->peak = state + m->building;
}

int64_t memory_at_once(const struct memory *m, int64_t n, int64_t busy) {
    return memory_of_program() + n * m->kept + busy * (m->peak - m->kept);
}

int64_t memory_of_program(void) {
    return 5 << 20;
}

int64_t memory_of_machine(void) {
    return (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
}
