/* voids: overlaps site by site through both sets of members, sorted; then one walk down the list gives ids.
 *
 * Memory: between looks 1/8 byte a site, 4 bytes a member (those of dormant voids too) and 24 a void; in a look on top once more that, 8 bytes a shared site
 * and 32 an overlapping pair.
 */
#include "voids.h"
#include <stdlib.h>
#include "structure.h"

enum { NONE = -1 };

/* Sites that an old and a new void share. */
struct overlap {
    int64_t sites, id, first; /* the old void's id, the new one's lowest site: for the order */
    uint32_t from, to;        /* old and new void */
};

struct look {
    const struct voids *v;
    const struct clusters *c;
    struct voids_report *r;
    uint64_t *shared; /* [n_shared] old index in the high half, new one in the low half */
    int64_t n_shared;
    struct overlap *overlap; /* [n_overlaps] from the largest down */
    int64_t n_overlaps;
    int64_t *heir; /* [old voids] entry that an old void became or ended in, NONE */
    int64_t *from; /* [new voids] old index whose id a new void has, NONE */
};

const char *voids_event_name(enum voids_event event) {
    static const char *const name[VOIDS_EVENTS] = {
        "birth", "split", "coalescence", "reopening", "growth", "shrinkage", "same"};
    return name[event];
}

int voids_class(int64_t size) {
    enum { SMALL = 4, MEDIUM = 16 };
    return size <= SMALL ? 0 : size <= MEDIUM ? 1 : 2;
}

/* ---- overlaps ---- */

static int64_t count_bits(uint64_t word) {
    return __builtin_popcountll(word);
}

static int64_t count_shared(const struct voids *v, const struct clusters *c) {
    int64_t n = 0;
    if (v->n_sites != c->n_sites)
        return 0;
    for (int64_t w = 0; w < (c->n_sites + 63) / 64; w++)
        n += count_bits(v->member[w] & c->member[w]);
    return n;
}

/* Old and new void of every shared site. */
static void list_shared(struct look *k) {
    int64_t was = 0, now = 0, n = 0;
    for (int64_t w = 0; n < k->n_shared; w++) {
        uint64_t a = k->v->member[w], b = k->c->member[w];
        for (uint64_t both = a & b; both; both &= both - 1) {
            uint64_t below = (both & -both) - 1;
            uint64_t from = k->v->label[was + count_bits(a & below)] & ~VOIDS_O2;
            k->shared[n++] = from << 32 | k->c->label[now + count_bits(b & below)];
        }
        was += count_bits(a);
        now += count_bits(b);
    }
}

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static int largest_first(const void *a, const void *b) {
    const struct overlap *x = a, *y = b;
    if (x->sites != y->sites)
        return x->sites < y->sites ? 1 : -1;
    if (x->id != y->id)
        return x->id > y->id ? 1 : -1;
    return (x->first > y->first) - (x->first < y->first);
}

/* Counts equal pairs of the sorted list. */
static void add_overlaps(struct look *k) {
    for (int64_t s = 0; s < k->n_shared; s++) {
        uint64_t pair = k->shared[s];
        if (s == 0 || pair != k->shared[s - 1]) {
            uint32_t from = (uint32_t)(pair >> 32), to = (uint32_t)pair;
            k->overlap[k->n_overlaps++] =
                (struct overlap){0, k->v->known[from].id, k->c->entry[to].first, from, to};
        }
        k->overlap[k->n_overlaps - 1].sites++;
    }
}

static bool find_overlaps(struct look *k) {
    int64_t pairs = 0;
    k->n_shared = count_shared(k->v, k->c);
    k->shared = malloc((size_t)(k->n_shared + 1) * sizeof *k->shared);
    if (!k->shared)
        return false;
    list_shared(k);
    qsort(k->shared, (size_t)k->n_shared, sizeof *k->shared, by_value);
    for (int64_t s = 0; s < k->n_shared; s++)
        pairs += s == 0 || k->shared[s] != k->shared[s - 1];
    k->overlap = malloc((size_t)(pairs + 1) * sizeof *k->overlap);
    if (!k->overlap)
        return false;
    add_overlaps(k);
    qsort(k->overlap, (size_t)pairs, sizeof *k->overlap, largest_first);
    return true;
}

/* ---- identity ---- */

static bool start_fates(struct look *k) {
    int64_t n_old = k->v->n, n_new = k->c->n;
    k->heir = malloc((size_t)(n_old + 1) * sizeof *k->heir);
    k->from = malloc((size_t)(n_new + 1) * sizeof *k->from);
    k->r->fate = malloc((size_t)(n_new + 1) * sizeof *k->r->fate);
    if (!k->heir || !k->from || !k->r->fate)
        return false;
    k->r->n = n_new;
    for (int64_t o = 0; o < n_old; o++)
        k->heir[o] = NONE;
    for (int64_t e = 0; e < n_new; e++) {
        k->from[e] = NONE;
        k->r->fate[e] = (struct voids_fate){.event = VOIDS_BIRTH, .size_before = -1};
    }
    return true;
}

/* Ids go to heirs; old voids without one end in the void of the largest overlap. */
static void hand_down(struct look *k) {
    for (int64_t p = 0; p < k->n_overlaps; p++) {
        const struct overlap *o = &k->overlap[p];
        struct voids_fate *f = &k->r->fate[o->to];
        f->parent = f->parent ? f->parent : o->id;
        if (k->heir[o->from] != NONE || k->from[o->to] != NONE)
            continue;
        k->heir[o->from] = o->to;
        k->from[o->to] = o->from;
        f->id = o->id;
    }
    for (int64_t p = 0; p < k->n_overlaps; p++) {
        const struct overlap *o = &k->overlap[p];
        if (k->heir[o->from] != NONE)
            continue;
        k->heir[o->from] = o->to;
        k->r->fate[o->to].absorbed++;
        k->r->coalescences++;
    }
}

static enum voids_event event_of(const struct voids_fate *f, int64_t size,
                                 const struct voids_known *was) {
    if (!was)
        return f->parent ? VOIDS_SPLIT : VOIDS_BIRTH;
    if (f->absorbed)
        return VOIDS_COALESCENCE;
    if (was->dormant)
        return VOIDS_REOPENING;
    return size > f->size_before   ? VOIDS_GROWTH
           : size < f->size_before ? VOIDS_SHRINKAGE
                                   : VOIDS_SAME;
}

static void judge_new(struct look *k, int64_t *last_id) {
    for (int64_t e = 0; e < k->c->n; e++) {
        struct voids_fate *f = &k->r->fate[e];
        const struct clusters_entry *now = &k->c->entry[e];
        const struct voids_known *was = k->from[e] == NONE ? NULL : &k->v->known[k->from[e]];
        f->size_before = was ? was->size : -1;
        f->event = event_of(f, now->size, was);
        f->id = was ? f->id : ++*last_id;
        k->r->births += f->event == VOIDS_BIRTH;
        k->r->splits += f->event == VOIDS_SPLIT;
        k->r->percolations += now->percolating && !(was && was->percolating);
    }
}

static void judge_old(struct look *k) {
    for (int64_t o = 0; o < k->v->n; o++) {
        const struct voids_known *was = &k->v->known[o];
        bool closed = k->heir[o] == NONE;
        k->r->closures += closed && !was->dormant;
        k->r->reopenings += !closed && was->dormant;
        k->r->openings += !closed && !was->open && k->c->entry[k->heir[o]].open;
    }
}

/* ---- O2 ---- */

/* Goes through the members of the last look. */
static void follow_o2(const struct look *k, const struct rate_model *m,
                      const struct configuration *x) {
    int64_t rank = 0;
    if (k->v->n_sites != k->c->n_sites)
        return;
    for (int64_t w = 0; rank < k->v->n_members; w++)
        for (uint64_t left = k->v->member[w]; left; left &= left - 1) {
            uint32_t label = k->v->label[rank++];
            if (!(label & VOIDS_O2))
                continue;
            int64_t site = 64 * w + __builtin_ctzll(left);
            int class = voids_class(k->v->known[label & ~VOIDS_O2].size);
            bool vacant = rate_model_state(x->occupancy[site]) == ANION_VACANCY;
            k->r->o2_before[class]++;
            k->r->o2_vacant[class] += vacant;
            k->r->o2_reduced[class] += !vacant && !structure_is_o2(m, x, site);
        }
}

/* ---- remembering ---- */

static bool falls_dormant(const struct look *k, int64_t old) {
    return k->heir[old] == NONE && !k->v->known[old].dormant;
}

/* The voids of now, then those that closed; place[old] = index of an old one that falls dormant. */
static bool know(const struct look *k, struct voids *next, int64_t *place) {
    next->known = malloc((size_t)(k->c->n + k->r->closures + 1) * sizeof *next->known);
    if (!next->known)
        return false;
    for (next->n = 0; next->n < k->c->n; next->n++) {
        const struct clusters_entry *e = &k->c->entry[next->n];
        next->known[next->n] =
            (struct voids_known){k->r->fate[next->n].id, e->size, e->open, e->percolating, false};
    }
    for (int64_t o = 0; o < k->v->n; o++) {
        place[o] = falls_dormant(k, o) ? next->n : NONE;
        if (place[o] == NONE)
            continue;
        next->known[next->n] = k->v->known[o];
        next->known[next->n++].dormant = true;
    }
    return true;
}

/* Bits of a word of old members that belong to voids that fall dormant; `rank` = number of the first one. */
static uint64_t dormant_bits(const struct voids *v, const int64_t *place, int64_t w, int64_t rank) {
    uint64_t bits = 0;
    for (uint64_t left = v->member[w]; left; left &= left - 1)
        if (place[v->label[rank++] & ~VOIDS_O2] != NONE)
            bits |= left & -left;
    return bits;
}

static bool merge_members(const struct look *k, struct voids *next, const int64_t *place) {
    const struct voids *v = k->v;
    int64_t words = (k->c->n_sites + 63) / 64, rank = 0;
    bool same_box = v->n_sites == k->c->n_sites;
    next->n_sites = k->c->n_sites;
    next->member = malloc((size_t)(words + 1) * sizeof *next->member);
    for (int64_t w = 0; next->member && w < words; w++) {
        next->member[w] = k->c->member[w];
        if (same_box) {
            next->member[w] |= dormant_bits(v, place, w, rank);
            rank += count_bits(v->member[w]);
        }
        next->n_members += count_bits(next->member[w]);
    }
    next->label = malloc((size_t)(next->n_members + 1) * sizeof *next->label);
    return next->member && next->label;
}

/* Labels of the members of now, with a mark on O in O2, and of dormant voids. */
static void merge_labels(const struct look *k, struct voids *next, const int64_t *place,
                         const struct rate_model *m, const struct configuration *x) {
    int64_t old_rank = 0, now_rank = 0, n = 0;
    for (int64_t w = 0; n < next->n_members; w++) {
        uint64_t was = k->v->n_sites == k->c->n_sites ? k->v->member[w] : 0;
        for (uint64_t left = next->member[w]; left; left &= left - 1) {
            uint64_t bit = left & -left;
            if (k->c->member[w] & bit) {
                bool o2 = structure_is_o2(m, x, 64 * w + __builtin_ctzll(left));
                next->label[n++] = k->c->label[now_rank++] | (o2 ? VOIDS_O2 : 0);
                continue;
            }
            int64_t rank = old_rank + count_bits(was & (bit - 1));
            next->label[n++] = (uint32_t)place[k->v->label[rank] & ~VOIDS_O2];
        }
        old_rank += count_bits(was);
    }
}

static bool remember(const struct look *k, struct voids *next, const struct rate_model *m,
                     const struct configuration *x) {
    int64_t *place = malloc((size_t)(k->v->n + 1) * sizeof *place);
    bool ok = place && know(k, next, place) && merge_members(k, next, place);
    if (ok)
        merge_labels(k, next, place, m, x);
    free(place);
    return ok;
}

/* ---- the look ---- */

static void judge(struct look *k, struct voids *next, const struct rate_model *m,
                  const struct configuration *x) {
    hand_down(k);
    judge_new(k, &next->last_id);
    judge_old(k);
    follow_o2(k, m, x);
}

bool voids_look(struct voids *v, const struct clusters *c, const struct rate_model *m,
                const struct configuration *x, struct voids_report *r) {
    struct look k = {.v = v, .c = c, .r = r};
    struct voids next = {.last_id = v->last_id};
    memset(r, 0, sizeof *r);
    bool ok = find_overlaps(&k) && start_fates(&k);
    if (ok) {
        judge(&k, &next, m, x);
        ok = remember(&k, &next, m, x);
    }
    free(k.shared);
    free(k.overlap);
    free(k.heir);
    free(k.from);
    if (!ok) {
        voids_free(&next);
        voids_free_report(r);
        return false;
    }
    voids_free(v);
    *v = next;
    return true;
}

void voids_free_report(struct voids_report *r) {
    free(r->fate);
    r->fate = NULL;
}

void voids_free(struct voids *v) {
    free(v->known);
    free(v->member);
    free(v->label);
    memset(v, 0, sizeof *v);
}
