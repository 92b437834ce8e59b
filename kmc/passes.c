/* passes: spacings from what a bond reads and writes.
 *
 * Two bonds of one pass are translates of each other (another stencil in another plane).  They may run side by side when neither writes what the other
 * reads.  With w a written and r a read thing of the same sort (byte or deviation of the same kind of site):
 *     along c   spacing > |plane(r) - plane(w)|   for all pairs
 *     along b   spacing > |j(r) - j(w)|           for pairs in one plane: lanes in different planes are apart already
 *     along a   spacing > |i(r) - i(w)|           for pairs in one plane and row
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "passes.h"

/* ---- channels ---- */

enum { ANY_GAP = 2, TM_GAP = 0, LI_GAP = 1, BANDS = PASS_BANDS };

/* Shares of draws kept for bonds with a deep centre (Mn) at one end, at both, and for Li in TM gaps; in percent for each band. */
struct thinning {
    uint8_t deep[BANDS], two_deep[BANDS], two_li[BANDS];
};

struct channel_source {
    uint8_t kind, parity, group, far_kind, far_parity;
    double weight[BANDS]; /* below 3.65 V, up to 4.25 V, above; relative numbers of lanes drawn */
    struct thinning keep;
};

/* As a group of a source: PASS_VERTEX of O in a bond only, of redox centres only, PASS_OXYGEN of a bonded O and one that is not. */
enum { BONDED_VERTEX = 100, CENTRE_VERTEX, BONDED_OXYGEN };

#define KEEP_ALL                                                                                   \
    {                                                                                              \
        {100, 100, 100}, {100, 100, 100}, {                                                        \
            100, 100, 100                                                                          \
        }                                                                                          \
    }

/* Weights: where each couple works; found by false hysteresis at equal effort, those of triples and of bonded O by the convergence of oxygen events
 * (kmc/DESIGN.md, "Equilibration", "Parallel against exact"). */
static const struct channel_source sources[] = {
    {SITE_OCT, LI_GAP, PASS_VERTEX, 0, 0, {0.10, 0.16, 0.45}, KEEP_ALL},
    {SITE_OCT, TM_GAP, PASS_VERTEX, 0, 0, {0.06, 0.08, 0.08}, {{50, 20, 10}, {0}, {0}}},
    {SITE_OCT,
     TM_GAP,
     PASS_OCT_ACROSS,
     0,
     0,
     {0.30, 0.40, 0.08},
     {{60, 6, 8}, {60, 6, 8}, {10, 10, 30}}},
    {SITE_OCT,
     TM_GAP,
     PASS_OCT_IN_GAP,
     0,
     0,
     {0.08, 0.08, 0.04},
     {{60, 20, 10}, {40, 10, 5}, {10, 10, 30}}},
    {SITE_OCT, LI_GAP, PASS_OCT_IN_GAP, 0, 0, {0.05, 0.06, 0.06}, KEEP_ALL},
    {SITE_O, ANY_GAP, PASS_OXYGEN, 0, 0, {0.04, 0.08, 0.14}, KEEP_ALL},
    {SITE_TET_UP, LI_GAP, PASS_OCT_IN_GAP, 0, 0, {0.10, 0.03, 0.02}, KEEP_ALL},
    {SITE_TET_UP,
     LI_GAP,
     PASS_OCT_ACROSS,
     0,
     0,
     {0.15, 0.015, 0.01},
     {{100, 30, 20}, {0}, {100, 100, 100}}},
    {SITE_TET_UP, LI_GAP, PASS_TET, 0, 0, {0.02, 0.005, 0.005}, KEEP_ALL},
    {SITE_TET_UP, LI_GAP, PASS_VERTEX, 0, 0, {0.01, 0.01, 0.02}, KEEP_ALL},
    {SITE_TET_UP, TM_GAP, PASS_OCT_IN_GAP, 0, 0, {0.01, 0.003, 0.003}, KEEP_ALL},
    {SITE_OCT, LI_GAP, BONDED_VERTEX, 0, 0, {0.2, 0.2, 0.6}, KEEP_ALL},
    {SITE_OCT, TM_GAP, BONDED_VERTEX, 0, 0, {0.2, 0.2, 0.3}, {{50, 20, 20}, {0}, {0}}},
    {SITE_TET_UP, ANY_GAP, CENTRE_VERTEX, 0, 0, {0.2, 0.2, 0.6}, KEEP_ALL},
    {SITE_O, ANY_GAP, BONDED_OXYGEN, 0, 0, {0.2, 0.2, 0.6}, KEEP_ALL},
    {SITE_OCT, LI_GAP, PASS_TRIPLE, 0, 0, {0.2, 0.2, 0.6}, KEEP_ALL},
    {SITE_OCT, TM_GAP, PASS_TRIPLE, 0, 0, {0.2, 0.2, 0.3}, {{50, 20, 20}, {0}, {0}}},
    {SITE_OCT,
     TM_GAP,
     PASS_FAR,
     SITE_OCT,
     LI_GAP,
     {0.08, 0.04, 0.02},
     {{100, 20, 10}, {100, 20, 10}, {10, 10, 30}}},
    {SITE_OCT, LI_GAP, PASS_FAR, SITE_OCT, LI_GAP, {0.02, 0.02, 0.02}, KEEP_ALL},
    {SITE_OCT,
     TM_GAP,
     PASS_FAR,
     SITE_OCT,
     TM_GAP,
     {0.15, 0.06, 0.012},
     {{100, 40, 10}, {30, 10, 5}, {10, 10, 30}}},
    {SITE_TET_UP, LI_GAP, PASS_FAR, SITE_OCT, LI_GAP, {0.06, 0.01, 0.005}, KEEP_ALL},
    {SITE_TET_UP,
     LI_GAP,
     PASS_FAR,
     SITE_OCT,
     TM_GAP,
     {0.06, 0.005, 0.001},
     {{100, 30, 20}, {0}, {100, 100, 100}}},
    {SITE_OCT, LI_GAP, PASS_FAR, SITE_O, ANY_GAP, {0.01, 0.02, 0.03}, KEEP_ALL},
};
enum { SOURCES = sizeof sources / sizeof *sources };

static bool is_li_class(int c) {
    return c == TOKEN_LI_OCT || c == TOKEN_LI_TET;
}

static int percent_kept(const struct channel_source *s, int band, int a, int b) {
    if (a == TOKEN_DEEP && b == TOKEN_DEEP)
        return s->keep.two_deep[band];
    if (a == TOKEN_DEEP || b == TOKEN_DEEP)
        return s->keep.deep[band];
    if (s->parity == TM_GAP && is_li_class(a) && is_li_class(b))
        return s->keep.two_li[band];
    return 100;
}

static void set_channel(struct pass_channel *ch, const struct channel_source *s) {
    memset(ch, 0, sizeof *ch);
    ch->kind = s->kind;
    ch->parity = s->parity;
    ch->bonded = s->group == BONDED_VERTEX || s->group == BONDED_OXYGEN;
    ch->group = s->group == BONDED_OXYGEN   ? PASS_OXYGEN
                : s->group >= BONDED_VERTEX ? PASS_VERTEX
                                            : s->group;
    ch->far_kind = s->far_kind;
    ch->far_parity = s->far_parity;
    ch->on_top = s->group >= BONDED_VERTEX || ch->group == PASS_TRIPLE;
}

/* Can two sites of these infos have a move: a token hop, or for bonds that know a direction between O the making or cutting of a bond? */
static bool is_open(const struct pass_channel *ch, int a, int b) {
    bool token = (a & PASS_HAS && b & PASS_ROOM) || (b & PASS_HAS && a & PASS_ROOM);
    bool paired = ch->group == PASS_OXYGEN || ch->group == PASS_TRIPLE;
    return token || (paired && a & b & PASS_BOND);
}

/* Between O, one bonded and one not, tokens hop in a channel of their own. */
static bool is_of_channel(const struct pass_channel *ch, int a, int b) {
    if (ch->group == PASS_OXYGEN)
        return ch->bonded == ((a & PASS_BONDED) != (b & PASS_BONDED));
    return !ch->bonded || b & PASS_BONDED;
}

static void fill_keep(struct pass_plan *plan, struct pass_channel *ch,
                      const struct channel_source *s) {
    for (int band = 0; band < BANDS; band++)
        for (int a = 0; a < PASS_CODES; a++)
            for (int b = 0; b < PASS_CODES; b++) {
                int ia = plan->info[a], ib = plan->info[b];
                int class_a = ia & PASS_CLASS, class_b = ib & PASS_CLASS;
                if (class_a < TOKEN_CLASSES && class_b < TOKEN_CLASSES && is_open(ch, ia, ib) &&
                    is_of_channel(ch, ia, ib) &&
                    (s->group != CENTRE_VERTEX || !is_li_class(class_a)))
                    ch->keep[band][a << PASS_CODE_BITS | b] =
                        (uint8_t)((percent_kept(s, band, class_a, class_b) * PASS_KEEP + 50) / 100);
            }
}

static int members(const struct pass_plan *plan, const struct lattice *l,
                   const struct pass_channel *ch, int stencil) {
    const struct lattice_stencil *st = &l->stencil[stencil];
    switch (ch->group) {
    case PASS_VERTEX:
        return st->n_vertex;
    case PASS_TRIPLE:
        return 12 * st->n_vertex;
    case PASS_OCT_IN_GAP:
        return plan->n_in_gap[stencil];
    case PASS_OCT_ACROSS:
        return plan->n_across[stencil];
    case PASS_TET:
        return st->n_tet;
    case PASS_OXYGEN:
        return st->n_oxygen;
    default:
        return 1;
    }
}

static void sort_octs(struct pass_plan *plan, const struct lattice *l) {
    for (int s = 0; s < l->n_stencils; s++)
        for (int v = 0; v < l->stencil[s].n_oct; v++) {
            bool in_gap = l->stencil[s].oct[v].dplane == 0;
            uint8_t *n = in_gap ? &plan->n_in_gap[s] : &plan->n_across[s];
            (in_gap ? plan->in_gap : plan->across)[s][(*n)++] = (uint8_t)v;
        }
}

/* ---- reads and writes ---- */

enum { THINGS_MAX = 2048 };

/* A byte or a deviation; coordinates are not wrapped, planes relative to the first site. */
struct thing {
    struct lattice_coord c;
    bool deviation;
};

struct touched {
    const struct lattice *l;
    int32_t plane; /* of the first site */
    int n_reads, n_writes;
    struct thing read[THINGS_MAX], write[THINGS_MAX];
};

static const struct lattice_stencil *stencil_at(const struct touched *t, struct lattice_coord c) {
    return &t->l->stencil[t->l->stencil_of[tile_wrap(t->plane + c.plane, t->l->n_planes)][c.kind]];
}

static struct lattice_coord moved(struct lattice_coord c, struct lattice_offset o) {
    return (struct lattice_coord){c.plane + o.dplane, o.kind, c.i + o.di, c.j + o.dj};
}

static void add_read(struct touched *t, struct lattice_coord c, bool deviation) {
    for (int k = 0; k < t->n_reads; k++)
        if (memcmp(&t->read[k].c, &c, sizeof c) == 0 && t->read[k].deviation == deviation)
            return;
    t->read[t->n_reads++] = (struct thing){c, deviation};
}

static void add_write(struct touched *t, struct lattice_coord c, bool deviation) {
    t->write[t->n_writes++] = (struct thing){c, deviation};
    add_read(t, c, deviation);
}

/* Reads of an O whose state may change: neighbours, and theirs where it may be bonded (wall rule). */
static void touch_oxygen(struct touched *t, struct lattice_coord o, bool wall) {
    const struct lattice_stencil *st = stencil_at(t, o);
    add_write(t, o, false);
    add_write(t, o, true);
    for (int v = 0; v < st->n_oxygen; v++) {
        struct lattice_coord p = moved(o, st->oxygen[v]);
        const struct lattice_stencil *sp = stencil_at(t, p);
        add_read(t, p, false);
        for (int w = 0; wall && w < sp->n_oxygen; w++)
            add_read(t, moved(p, sp->oxygen[w]), false);
    }
}

static void touch_site(struct touched *t, struct lattice_coord c, bool wall) {
    if (c.kind == SITE_O) {
        touch_oxygen(t, c, wall);
        return;
    }
    const struct lattice_stencil *st = stencil_at(t, c);
    add_write(t, c, false);
    for (int v = 0; v < st->n_vertex; v++)
        add_write(t, moved(c, st->vertex[v]), true);
    for (int v = 0; v < st->n_face; v++)
        add_read(t, moved(c, st->face[v]), false);
}

/* The other end of member `pick` of a channel; false when this stencil has no such member. */
static bool other_end(const struct pass_plan *plan, const struct pass_channel *ch,
                      const struct touched *t, struct lattice_coord a, int pick, int far_kind,
                      struct lattice_coord *b) {
    const struct lattice_stencil *st = stencil_at(t, a);
    int s = (int)(st - t->l->stencil);
    if (pick >= members(plan, t->l, ch, s))
        return false;
    switch (ch->group) {
    case PASS_VERTEX:
        *b = moved(a, st->vertex[pick]);
        break;
    case PASS_TRIPLE:
        *b = moved(a, st->vertex[pick / 12]);
        break;
    case PASS_OCT_IN_GAP:
        *b = moved(a, st->oct[plan->in_gap[s][pick]]);
        break;
    case PASS_OCT_ACROSS:
        *b = moved(a, st->oct[plan->across[s][pick]]);
        break;
    case PASS_TET:
        *b = moved(a, st->tet[pick]);
        break;
    case PASS_OXYGEN:
        *b = moved(a, st->oxygen[pick]);
        break;
    default:
        *b = a;
        b->kind = far_kind;
        if (ch->far_parity < 2 && (t->plane + a.plane) % 2 != ch->far_parity)
            b->plane++;
    }
    return true;
}

static bool touch_bond(const struct pass_plan *plan, const struct pass_channel *ch, int kind,
                       int far_kind, int pick, struct touched *t) {
    struct lattice_coord a = {0, kind, 0, 0}, b;
    t->n_reads = t->n_writes = 0;
    if (!other_end(plan, ch, t, a, pick, far_kind, &b))
        return false;
    bool walls = ch->group == PASS_OXYGEN && ch->bonded;
    touch_site(t, a, walls);
    touch_site(t, b, walls || ch->group == PASS_VERTEX);
    if (ch->group == PASS_TRIPLE)
        touch_oxygen(t, moved(b, stencil_at(t, b)->oxygen[pick % 12]), false);
    return true;
}

static void widen(uint8_t *spacing, int32_t distance) {
    distance = distance < 0 ? -distance : distance;
    if (distance >= *spacing)
        *spacing = (uint8_t)(distance + 1);
}

/* Planes in which a bond reads (0) and writes (1) bytes (0) and deviations (1) of each kind of site, over all places of its first site: two lanes may lie
 * in any two planes. */
struct plane_range {
    int32_t low, high;
};
struct reach {
    struct plane_range of[2][2][SITE_KINDS];
};

static void stretch(struct plane_range *r, int32_t plane) {
    r->low = plane < r->low ? plane : r->low;
    r->high = plane > r->high ? plane : r->high;
}

static void space_within_plane(struct pass_channel *ch, const struct touched *t) {
    for (int w = 0; w < t->n_writes; w++)
        for (int r = 0; r < t->n_reads; r++) {
            const struct thing *a = &t->write[w], *b = &t->read[r];
            if (a->deviation != b->deviation || a->c.kind != b->c.kind || a->c.plane != b->c.plane)
                continue;
            widen(&ch->spacing[AXIS_B], a->c.j - b->c.j);
            if (a->c.j == b->c.j)
                widen(&ch->spacing[AXIS_A], a->c.i - b->c.i);
        }
}

static void space_across_planes(struct pass_channel *ch, const struct reach *reach) {
    for (int deviation = 0; deviation < 2; deviation++)
        for (int kind = 0; kind < SITE_KINDS; kind++) {
            const struct plane_range *w = &reach->of[1][deviation][kind],
                                     *r = &reach->of[0][deviation][kind];
            if (w->low > w->high)
                continue;
            widen(&ch->spacing[AXIS_C], r->high - w->low);
            widen(&ch->spacing[AXIS_C], r->low - w->high);
        }
}

static void add_planes(struct reach *reach, const struct touched *t) {
    for (int r = 0; r < t->n_reads; r++)
        stretch(&reach->of[0][t->read[r].deviation][t->read[r].c.kind], t->read[r].c.plane);
    for (int w = 0; w < t->n_writes; w++)
        stretch(&reach->of[1][t->write[w].deviation][t->write[w].c.kind], t->write[w].c.plane);
}

static int last_kind(int kind) {
    return kind == SITE_TET_UP ? SITE_TET_DOWN : kind;
}

static void space_channel(const struct pass_plan *plan, struct pass_channel *ch,
                          struct touched *t) {
    ch->spacing[AXIS_A] = ch->spacing[AXIS_B] = ch->spacing[AXIS_C] = 1;
    for (int32_t plane = 0; plane < t->l->n_planes; plane++) {
        int n = members(plan, t->l, ch, t->l->stencil_of[plane][ch->kind]);
        ch->n_picks = (uint8_t)(n > ch->n_picks ? n : ch->n_picks);
    }
    for (int pick = 0; pick < ch->n_picks; pick++)
        for (int kind = ch->kind; kind <= last_kind(ch->kind); kind++)
            for (int far = ch->far_kind; far <= last_kind(ch->far_kind); far++) {
                struct reach reach;
                for (int k = 0; k < SITE_KINDS; k++)
                    for (int w = 0; w < 2; w++)
                        reach.of[w][0][k] = reach.of[w][1][k] = (struct plane_range){1000, -1000};
                for (t->plane = 0; t->plane < t->l->n_planes; t->plane++) {
                    if ((ch->parity < 2 && t->plane % 2 != ch->parity) ||
                        !touch_bond(plan, ch, kind, far, pick, t))
                        continue;
                    space_within_plane(ch, t);
                    add_planes(&reach, t);
                }
                space_across_planes(ch, &reach);
            }
    if (ch->parity < 2 && ch->spacing[AXIS_C] % 2)
        ch->spacing[AXIS_C]++;
}

/* ---- plan ---- */

static bool is_useful(const struct rate_model *m, const struct channel_source *s) {
    if (s->group == CENTRE_VERTEX)
        return m->with_beyond;
    return (s->group != PASS_TRIPLE && s->group < BONDED_VERTEX) || m->with_dimers;
}

/* A channel gets lanes in proportion to its weight: passes with few lanes are drawn more often. */
static double pass_weight(const struct pass_plan *plan, int channel, int source, int band) {
    const struct pass_channel *ch = &plan->channel[channel];
    int volume = ch->spacing[AXIS_A] * ch->spacing[AXIS_B] * ch->spacing[AXIS_C];
    return sources[source].weight[band] * volume;
}

static void fill_slots(struct pass_plan *plan, const int *source) {
    for (int band = 0; band < BANDS; band++) {
        double total = 0, sum = 0;
        int slot = 0;
        for (int c = 0; c < plan->n_channels; c++)
            total += pass_weight(plan, c, source[c], band);
        for (int c = 0; c < plan->n_channels; c++) {
            sum += pass_weight(plan, c, source[c], band) / total;
            while (slot < PASS_SLOTS && (double)slot + 0.5 < sum * PASS_SLOTS)
                plan->slot[band][slot++] = (uint8_t)c;
        }
        while (slot < PASS_SLOTS)
            plan->slot[band][slot++] = 0;
    }
}

static uint8_t info_of(const struct rate_model *m, int32_t kind, uint8_t byte) {
    int state = rate_model_state(byte);
    bool bond = kind != SITE_O || state == ANION_HOLE || state == ANION_PEROXO;
    bool bonded = kind == SITE_O && (state == ANION_PEROXO || state == ANION_MOLECULAR);
    return (uint8_t)(tokens_class(m, kind, byte) | (tokens_has(m, kind, byte) ? PASS_HAS : 0) |
                     (tokens_has_room(m, kind, byte) ? PASS_ROOM : 0) | (bond ? PASS_BOND : 0) |
                     (bonded ? PASS_BONDED : 0));
}

/* Code of an info, a new one for one not met before. */
static uint8_t code_of(struct pass_plan *plan, int *n, uint8_t info) {
    for (int c = 0; c < *n; c++)
        if (plan->info[c] == info)
            return (uint8_t)c;
    assert(*n < PASS_CODES);
    plan->info[*n] = info;
    return (uint8_t)(*n)++;
}

/* The class of a Li+ or a vacancy says oct; what a tet is called makes no difference to what is kept. */
static void fill_codes(struct pass_plan *plan, const struct rate_model *m) {
    int n = 0;
    memset(plan->info, TOKEN_NONE, sizeof plan->info);
    for (int byte = 0; byte < 256; byte++) {
        bool cation = byte < MODEL_SPECIES || byte == SITE_OUTSIDE;
        plan->code[1][byte] = code_of(plan, &n, info_of(m, SITE_O, (uint8_t)byte));
        plan->code[0][byte] =
            code_of(plan, &n, cation ? info_of(m, SITE_OCT, (uint8_t)byte) : TOKEN_NONE);
    }
}

bool passes_init(struct pass_plan *plan, const struct rate_model *m) {
    int source[PASS_CHANNELS_MAX];
    struct touched *t = malloc(sizeof *t);
    if (!t)
        return false;
    memset(plan, 0, sizeof *plan);
    t->l = &m->lattice;
    sort_octs(plan, &m->lattice);
    fill_codes(plan, m);
    for (int s = 0; s < SOURCES; s++) {
        if (!is_useful(m, &sources[s]))
            continue;
        struct pass_channel *ch = &plan->channel[plan->n_channels];
        source[plan->n_channels++] = s;
        set_channel(ch, &sources[s]);
        fill_keep(plan, ch, &sources[s]);
        space_channel(plan, ch, t);
    }
    free(t);
    fill_slots(plan, source);
    return true;
}

double passes_mean_lanes(const struct pass_plan *plan, int band, const int32_t span[AXES]) {
    double sum = 0;
    for (int s = 0; s < PASS_SLOTS; s++) {
        const struct pass_channel *ch = &plan->channel[plan->slot[band][s]];
        double lanes = !ch->on_top;
        for (int a = 0; a < AXES; a++)
            lanes *= pass_count(span[a], ch->spacing[a]);
        sum += lanes;
    }
    return sum / PASS_SLOTS;
}
