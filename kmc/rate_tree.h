/* rate_tree: sums of rates in a binary tree of fixed shape, and selection in proportion to them.
 *
 * Every node is the IEEE sum of its two children, so the total depends on the leaves alone, not on the order of updates.  Doubles instead of scaled
 * integers: no cap on a channel's rate and no floor, 15.9 decades below the largest.
 * Memory: 16 bytes a leaf, leaves rounded up to a power of two.
 */
#ifndef KMC_RATE_TREE_H
#define KMC_RATE_TREE_H
#include <stdbool.h>
#include <stdint.h>

struct rate_tree {
    int64_t n_leaves; /* power of two */
    double *node;     /* [2 n_leaves], root at 1, leaves from n_leaves on */
};

bool rate_tree_init(struct rate_tree *t, int64_t n);
void rate_tree_free(struct rate_tree *t);

/* Sets a leaf without updating its ancestors; rate_tree_build then sums all. */
static inline void rate_tree_put(struct rate_tree *t, int64_t leaf, double rate) {
    t->node[t->n_leaves + leaf] = rate;
}
void rate_tree_build(struct rate_tree *t);

/* Sets a leaf and updates its ancestors. */
void rate_tree_set(struct rate_tree *t, int64_t leaf, double rate);

static inline double rate_tree_get(const struct rate_tree *t, int64_t leaf) {
    return t->node[t->n_leaves + leaf];
}

static inline double rate_tree_total(const struct rate_tree *t) {
    return t->node[1];
}

/* Leaf in whose share of [0, total) the value falls; *rest = value within the leaf. Never a leaf of rate zero. */
int64_t rate_tree_select(const struct rate_tree *t, double value, double *rest);

#endif
