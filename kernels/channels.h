/* channels: ways in which slow events can happen: kinds, barriers, rates and limits, and the lists in which the channels of a site are enumerated.
 *
 * What the kinds are, and who owns them, is in hops.h (ions) and oxygen.h (O); events.h puts them together.
 *
 *   rate = nu exp(-E_a/kT),  E_a = max(0, dE, E_KRA + dE/2)      so forward/backward = exp(-dE/kT) as long as E_KRA reads the same from both ends
 * (the two sites of the event are left out of every environment that sets E_KRA).
 *
 * Fast pairs.  A pair of oxygen events that would fire more than stiff_firings times a slice and O even in its slower direction is in equilibrium on the
 * time scale of a slice: it is no event here but a move of `equilibrate` (kernels/moves.h).  The criterion is the same from both ends, so each
 * of the two verbs obeys detailed balance.  So it is with hops of Li+ on the clock that would fire more than lithium_firings times.  What else moves (hop,
 * move, vacancy) is slowed down instead, both directions by one factor.  `lose` has no reverse: the O2 is gone.
 */
#ifndef KERNELS_CHANNELS_H
#define KERNELS_CHANNELS_H
#include "fields.h"

enum event_kind {
    EVENT_HOP,
    EVENT_JOIN,
    EVENT_SPLIT,
    EVENT_CLEAVE,
    EVENT_COMBINE,
    EVENT_OXIDISE,
    EVENT_REDUCE,
    EVENT_MOVE,
    EVENT_LOSE,
    EVENT_VACANCY,
    EVENT_LITHIUM,
    EVENT_EXCHANGE,
    EVENT_PROTON,
    EVENT_KINDS
};

enum { EVENT_CHANNELS_MAX = 192 };
/* The channels of one owner fall into parts, one after the other, that can be enumerated apart; most channels that a part can have. */
enum { EVENT_PARTS = 16, EVENT_PART_MAX = 8 };
enum {
    CHANNELS_MOVE_WAYS = 22,
    CHANNELS_VACANCY_WAYS = 12,
    CHANNELS_PROTON_WAYS = 18
}; /* of an O2, an O vacancy, an H+ (six tets, three octs beyond each) */

/* Rates below this, 1/s, are taken as zero: less than one firing in 300 years a channel. */
#define CHANNELS_RATE_FLOOR 1e-10

struct event_channel {
    double rate;      /* 1/s, slow-down factor included */
    double slow_down; /* factor <= 1 applied to both directions */
    int64_t energy;   /* change of the crystal's energy, ueV */
    int64_t site;     /* owner */
    int64_t
        target; /* hop: new site; move, vacancy: the O site that the owner's partner or the owner changes places with; others: the oct that gives or takes the
                 * token, or the other O of join, split and lose */
    uint8_t kind,
        dir; /* enum event_kind; direction of the other O (index among the O neighbours); of a Li+ the face through which it leaves */
    int8_t li_change;
};

/* Channels as they are enumerated: their number and total rate, the one that a search asks for, and all of them when `all` has room. */
struct event_list {
    int n;
    double total;
    double
        search; /* the first channel at which the total exceeds this is kept in `found`; < 0 = none */
    struct event_channel found;
    struct event_channel *all; /* [EVENT_CHANNELS_MAX] or NULL */
    int part;                  /* 0 = all parts; 1 + number of the only one */
    double *rate;              /* rates of the channels of a part, [EVENT_PART_MAX], or NULL */
    int pick;                  /* 0, or 1 + number of the channel that is kept in `found` */
};

/* Is this part of an owner's channels asked for? */
KMC_HD int channels_takes(const struct event_list *l, int part) {
    return l->part == 0 || l->part == part + 1;
}

/* Ways v = from .. past - 1 out of n, of which number v is part first + v.  A loop over them begins at the only one that is asked for: threads that are
 * asked for different parts of one owner go through it together. */
struct event_ways {
    int from, past;
};

KMC_HD struct event_ways channels_ways(const struct event_list *l, int first, int n) {
    int only = l->part - 1 - first;
    struct event_ways w = {0, n};
    if (l->part == 0)
        return w;
    w.from = only < 0 ? n : only;
    w.past = only >= 0 && only < n ? only + 1 : w.from;
    return w;
}

/* Barriers in ueV that stand for rates. */
struct event_limits {
    int64_t floor; /* barriers from here on count as infinite */
    int64_t
        fast[EVENT_KINDS]; /* a pair whose higher barrier is not above this is fast; -1 = none is */
};

/* What `advance` needs beside the model: the electrode, the length of the sub-slice and that of the whole slice. */
struct event_context {
    const struct rate_model *m;
    struct configuration *x;
    struct electrode electrode;
    int64_t n_li;
    double step_s, slice_s;
    struct event_limits limits;
    struct fields
        *fields; /* of x; NULL: everything is computed anew and nothing judged by bounds */
};

/* Barrier at which a rate is `rate`, 0 when the attempt frequency lies below it. */
static inline int64_t channels_barrier_of(const struct rate_model *m, double rate) {
    double e = m->boltzmann.kT_ueV * (tables_log(m->attempt_frequency) - tables_log(rate));
    return e > 0 ? (int64_t)e : 0;
}

/* Ways in which one O can take part in an event of a kind: the firings of all of them count together.  A hop of Li+ counts alone. */
static inline void channels_limits_init(struct event_limits *l, const struct rate_model *m,
                                        double slice_s) {
    static const int ways[EVENT_KINDS] = {0,      12,    12,   12 * 6,
                                          12 * 6, 2 * 6, 2 * 6}; /* 0: never fast */
    l->floor = channels_barrier_of(m, CHANNELS_RATE_FLOOR);
    for (int k = 0; k < EVENT_KINDS; k++)
        l->fast[k] = m->stiff_firings > 0 && slice_s > 0 && ways[k] > 0
                         ? channels_barrier_of(m, m->stiff_firings / (slice_s * ways[k]))
                         : -1;
    if (m->with_lithium && m->lithium_firings > 0 && slice_s > 0)
        l->fast[EVENT_LITHIUM] =
            channels_barrier_of(m, m->lithium_firings / (slice_s * m->lithium_share));
}

/* Barrier in ueV; the floor of dE/2 keeps forward - backward = dE exactly. */
KMC_HD int64_t channels_barrier(int64_t d_energy, int64_t kra) {
    int64_t half = d_energy >= 0 ? d_energy / 2 : -((1 - d_energy) / 2);
    int64_t e = kra + half;
    e = e > d_energy ? e : d_energy;
    return e > 0 ? e : 0;
}

/* Is the pair of an oxygen event, or of hops of Li+, fast, seen from either end? */
KMC_HD int channels_is_fast(const struct event_limits *l, int kind, int64_t d_energy, int64_t kra) {
    return channels_barrier(d_energy >= 0 ? d_energy : -d_energy, kra) <= l->fast[kind];
}

/* Which omega make an oxygen event of one KRA barrier: below `slow` (else too slow to occur) and not within +-fast (else the pair is fast). */
struct event_range {
    int64_t slow, fast; /* fast = -1: none is */
};

KMC_HD struct event_range channels_range(const struct event_limits *l, int kind, int64_t kra) {
    /* channels_barrier(omega) >= floor, and channels_is_fast, solved for omega */
    struct event_range r = {2 * (l->floor - kra), 2 * (l->fast[kind] - kra) + 1};
    r.slow = l->floor <= 0 ? INT64_MIN : r.slow < l->floor ? r.slow : l->floor;
    r.fast = l->fast[kind] < kra ? -1 : r.fast < l->fast[kind] ? r.fast : l->fast[kind];
    return r;
}

KMC_HD int channels_is_idle(const struct event_range *r, int64_t omega) {
    return omega >= r->slow || (omega <= r->fast && omega >= -r->fast);
}

KMC_HD double channels_rate(const struct rate_model *m, int64_t d_energy, int64_t kra) {
    return m->attempt_frequency * tables_boltzmann(&m->boltzmann, channels_barrier(d_energy, kra));
}

KMC_HD void channels_add(struct event_list *l, const struct event_channel *c) {
    if (l->all && l->n < EVENT_CHANNELS_MAX)
        l->all[l->n] = *c;
    if (l->rate && l->n < EVENT_PART_MAX)
        l->rate[l->n] = c->rate;
    l->n++;
    if (l->total <= l->search || l->n == l->pick)
        l->found = *c;
    l->total += c->rate;
}

/* Common factor of both directions of what moves (an ion, an O2, an O vacancy; over all ways it can go): 1, or less when even the slower one fires more than
 * stiff_firings times a slice. */
KMC_HD double channels_slow_down(const struct event_context *e, int kind, double rate,
                                 int64_t d_energy) {
    double most = e->m->stiff_firings;
    double slower = d_energy >= 0 ? rate : rate * tables_boltzmann(&e->m->boltzmann, -d_energy);
    int ways = kind == EVENT_MOVE      ? CHANNELS_MOVE_WAYS
               : kind == EVENT_VACANCY ? CHANNELS_VACANCY_WAYS
               : kind == EVENT_PROTON  ? CHANNELS_PROTON_WAYS
                                       : 1;
    double firings = slower * e->slice_s * ways;
    return most > 0 && firings > most ? most / firings : 1.0;
}

KMC_HD void channels_add_slowed(const struct event_context *e, struct event_list *l,
                                struct event_channel *c, double rate) {
    if (rate < CHANNELS_RATE_FLOOR)
        return;
    c->slow_down = channels_slow_down(e, c->kind, rate, c->energy);
    c->rate = rate * c->slow_down;
    channels_add(l, c);
}

#endif
