#include "track.h"
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_BYTES = 512 };

bool track_init(struct track *t, int64_t cycles) {
    memset(t, 0, sizeof *t);
    t->cycle = calloc((size_t)cycles, sizeof *t->cycle);
    return t->cycle != NULL;
}

void track_free(struct track *t) {
    free(t->cycle);
    free(t->profile.data);
    free(t->clusters.data);
    memset(t, 0, sizeof *t);
}

static bool make_room(struct track_text *text, size_t bytes) {
    if (text->room - text->bytes >= bytes)
        return true;
    size_t room = 2 * text->room + bytes + 4096;
    char *data = realloc(text->data, room);
    if (!data)
        return false;
    text->data = data;
    text->room = room;
    return true;
}

/* Adds one row, or a part of it. */
static void add_row(struct track *t, struct track_text *text, const char *format, ...) {
    va_list arguments;
    if (!make_room(text, ROW_BYTES)) {
        t->no_memory = true;
        return;
    }
    va_start(arguments, format);
    int n = vsnprintf(text->data + text->bytes, ROW_BYTES, format, arguments);
    va_end(arguments);
    if (n > 0 && n < ROW_BYTES)
        text->bytes += (size_t)n;
}

static double share_done(const struct protocol_slice *s, int64_t cycles) {
    double half = s->step >= STEP_DISCHARGE ? 0.5 : 0, inside = fmin(1, fmax(0, s->progress)) / 2;
    return ((double)(s->cycle - 1) + half + inside) / (double)cycles;
}

/* Charge that the couples have given since the pristine crystal, mAh/g. */
static void add_couples(struct track *t, const struct replica *r, const struct couples *c,
                        const struct census *now) {
    int64_t electrons[COUPLES_MAX];
    couples_electrons(c, r->species, &r->pristine, now, electrons);
    for (int k = 0; k < c->n; k++)
        add_row(t, &t->profile, ",%.4f", (double)electrons[k] * replica_mAh_per_g_per_li(r));
    add_row(t, &t->profile, "\n");
}

void track_slice(struct track *t, const struct replica *r, const struct protocol_slice *s,
                 const struct couples *profile, int64_t cycles) {
    bool new_half =
        (int64_t)s->step != t->last_step && (s->step == STEP_CHARGE || s->step == STEP_DISCHARGE);
    double before = new_half || s->cycle != t->last_cycle ? 0 : t->last_capacity;
    double passed = (s->capacity_mAh_per_g - before) * 1e-3;
    *(s->step <= STEP_REST_CHARGED ? &t->charged_Ah : &t->discharged_Ah) += passed;
    t->last_capacity = s->capacity_mAh_per_g;
    t->last_step = s->step;
    t->last_cycle = s->cycle;
    /* another thread shows it */
#pragma omp atomic write
    t->done = share_done(s, cycles);
    if (!profile)
        return;
    add_row(t, &t->profile, "%.3f,%.5f,%.6f,%lld,%.7f,%.7f,%d,%u,%.4f", s->time_s, s->voltage_V,
            s->current_mA_per_g * 1e-3, (long long)s->cycle, t->charged_Ah, t->discharged_Ah,
            s->step, r->number, s->capacity_mAh_per_g);
    add_couples(t, r, profile, s->census);
}

/* A row for each size. */
static void add_voids(struct track *t, uint32_t replica, int64_t cycle, const char *at,
                      const struct clusters *c) {
    for (int64_t k = 0; k < c->n;) {
        int64_t first = k, o2 = 0;
        bool percolating = false;
        for (; k < c->n && c->entry[k].size == c->entry[first].size; k++) {
            o2 += c->entry[k].o2;
            percolating = percolating || c->entry[k].percolating;
        }
        add_row(t, &t->clusters, "%lld,%u,%s,%lld,%lld,%lld,%d\n", (long long)cycle, replica, at,
                (long long)c->entry[first].size, (long long)(k - first), (long long)o2,
                percolating);
    }
}

void track_half(struct track *t, const struct replica *r, int64_t cycle, bool charge,
                const struct protocol_half *h, const struct clusters *voids) {
    add_voids(t, r->number, cycle, charge ? "charge" : "discharge", voids);
    t->now.cycle = cycle;
    t->now.replica = r->number;
    cycle_record_half(&t->now, r, charge, h, voids);
    t->short_halves += !h->reached_cutoff;
}

void track_complete(struct track *t) {
    t->cycle[t->cycles_done++] = t->now;
    t->now.start_tm_li = t->now.tm_li_discharge;
}
