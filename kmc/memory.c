/* memory: the same sizes as the allocations in state.c, engine_*.c, supercell.c and clusters.c; tests/test_memory.c compares them. */
#include "memory.h"
#include <string.h>
#include <unistd.h>
#include "influence.h"
#include "lithium_moves.h"
#include "passes.h"
#include "rate_tree.h"
#include "site_lists.h"
#include "tiling.h"

enum {
    INFLUENCE_BYTES_A_PLANE = 6300, /* about 1,570 offsets of 4 bytes */
    GPU_BLOCKS = 600,               /* that run at a time on the largest devices */
    SWAP_BYTES_A_CELL = 5,          /* one TM layer at a time */
    CLUSTER_NODE_BYTES = 20,        /* and label */
    VOID_LABEL_BYTES = 4, /* no share for dormant voids: at the end of a charge there are few */
    MEMBERS_PERCENT = 4   /* of the sites at the end of a charge of an undoped host: found 1 to 7 */
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

static int64_t influence_size(const struct lattice *box) {
    return (int64_t)INFLUENCE_BYTES_A_PLANE * box->n_planes;
}

static void add_exact(struct memory *m, const struct lattice *box) {
    int64_t oxygen = lattice_n_oxygen(box);
    int64_t quarters = 1 + 2 + 3 + 3 + 1; /* room in the lists of token classes, site_lists.c */
    add(m, "site lists", 9 * m->n_sites + (int64_t)sizeof(int64_t) * quarters * oxygen);
    add(m, "rate tree", 2 * (int64_t)sizeof(double) * leaves_of(m->n_sites));
    add(m, "stale owners", 9 * m->n_sites);
    add(m, "influence lists", influence_size(box));
}

/* Rates with their sums, marks of stale owners and so many lists of them, the copy of the largest region and its fields. */
static int64_t region_bytes(const struct lattice *box, int lists) {
    static const int32_t reach[AXES] = {3, 3, 3}; /* kmc/influence.h, all stackings */
    int32_t pieces[AXES];
    struct window window = {.rate = NULL};
    tiling_regions(box, pieces);
    tiling_largest_region(box, pieces, &window.region);
    window_place(&window, box, reach);
    int64_t leaves = window_leaves(&window.region);
    return window_layout(&window) * (int64_t)sizeof(double) + window_bytes(&window.tile.lattice) +
           lattice_array_length(&window.tile.lattice) +
           leaves * (int64_t)(1 + lists * sizeof(int32_t)) +
           WINDOW_OLD_MAX * (int64_t)sizeof(struct lattice_coord);
}

/* What one thread of engine cpu works in: tiles and windows share their place. */
static int64_t workspace(const struct lattice *box) {
    return region_bytes(box, 1) + LATTICE_MAX_STENCILS * (int64_t)sizeof(struct lattice_reach) +
           TILE_PLANES_MAX * SITE_KINDS * (int64_t)sizeof(struct lattice_layer) +
           PASS_LANES_MAX * (int64_t)(sizeof(struct philox_block) + sizeof(struct pass_open_lane));
}

static void add_cpu(struct memory *m, const struct lattice *box, int threads) {
    int32_t pieces[AXES];
    add(m, "demons", tiling_tiles(box, pieces) * (int64_t)sizeof(int32_t));
    m->shared = (int64_t)sizeof(struct pass_plan) + influence_size(box);
    m->workspace = workspace(box);
    m->threads = threads;
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
    m->device = ops->many ? m->piece[0].bytes : 0;
    m->device_shared = ops->many ? GPU_BLOCKS * region_bytes(box, 2) : 0;
    int64_t state = m->piece[0].bytes;
    m->building = m->n_sites + SWAP_BYTES_A_CELL * (int64_t)box->na * box->nb;
    m->clusters = m->n_sites * 3 / 16 + m->n_sites * MEMBERS_PERCENT / 100 * CLUSTER_NODE_BYTES;
    m->voids = m->n_sites / 8 + m->n_sites * MEMBERS_PERCENT / 100 * VOID_LABEL_BYTES;
    m->peak = m->kept + m->voids + m->clusters;
    if (m->peak < state + m->building)
        m->peak = state + m->building;
}

void memory_add_lithium(struct memory *m) {
    int64_t bytes = LITHIUM_MOVES_BYTES * (m->n_sites / SITE_KINDS);
    add(m, "ways of Li+", bytes);
    m->peak += bytes;
}

int64_t memory_at_once(const struct memory *m, int64_t n, int64_t busy) {
    int64_t threads = busy > m->threads ? busy : m->threads;
    int64_t held = m->kept + m->voids; /* peak - held < 0: building, before there are voids */
    return memory_of_program() + m->shared + threads * m->workspace + n * held +
           busy * (m->peak > held ? m->peak - held : 0);
}

int64_t memory_of_program(void) {
    return 5 << 20;
}

int64_t memory_of_machine(void) {
    return (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
}
