#include <stdlib.h>
#include <string.h>
#include "rate_tree.h"

bool rate_tree_init(struct rate_tree *t, int64_t n) {
    t->n_leaves = 1;
    while (t->n_leaves < n)
        t->n_leaves *= 2;
    t->node = calloc((size_t)t->n_leaves * 2, sizeof *t->node);
    return t->node != NULL;
}

void rate_tree_free(struct rate_tree *t) {
    free(t->node);
    t->node = NULL;
}

void rate_tree_build(struct rate_tree *t) {
    for (int64_t i = t->n_leaves - 1; i >= 1; i--)
        t->node[i] = t->node[2 * i] + t->node[2 * i + 1];
}

void rate_tree_set(struct rate_tree *t, int64_t leaf, double rate) {
    int64_t i = t->n_leaves + leaf;
    if (t->node[i] == rate)
        return;
    t->node[i] = rate;
    for (i /= 2; i >= 1; i /= 2)
        t->node[i] = t->node[2 * i] + t->node[2 * i + 1];
}

int64_t rate_tree_select(const struct rate_tree *t, double value, double *rest) {
    int64_t i = 1;
    while (i < t->n_leaves) {
        double left = t->node[2 * i];
        /* rounding may carry the value past the last filled child: stay on the side that has rate */
        bool go_left = t->node[2 * i + 1] == 0 || (left > 0 && value < left);
        value = go_left ? value : value - left;
        i = go_left ? 2 * i : 2 * i + 1;
    }
    *rest = value;
    return i - t->n_leaves;
}
