#include "track.h"
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "depth.h"

enum { ROW_BYTES = 512 };

bool track_init(struct track *t, int64_t cycles) {
    memset(t, 0, sizeof *t);
    t->cycle = calloc((size_t)cycles, sizeof *t->cycle);
    t->cycles = cycles;
    return t->cycle != NULL;
}

void track_free(struct track *t) {
    free(t->cycle);
    free(t->profile.data);
    free(t->clusters.data);
    free(t->voids.data);
    free(t->depth.data);
    voids_free(&t->look);
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

/* ---- voids ---- */

/* O of O2 a site of the void; an empty field where there are none. */
static void add_filling(struct track *t, struct track_text *text, int64_t o2, int64_t sites) {
    if (sites > 0)
        add_row(t, text, ",%.6g", (double)o2 / (double)sites);
    else
        add_row(t, text, ",");
}

/* Sums over the voids of one size. */
struct size_row {
    int64_t size, count, o2, open;
    double wall;
    bool percolating;
};

static void add_size(struct track *t, uint32_t replica, int64_t cycle, const char *at,
                     const struct size_row *s) {
    add_row(t, &t->clusters, "%lld,%u,%s,%lld,%lld,%lld,%d,%lld", (long long)cycle, replica, at,
            (long long)s->size, (long long)s->count, (long long)s->o2, s->percolating,
            (long long)s->open);
    add_filling(t, &t->clusters, s->o2, s->size * s->count);
    add_row(t, &t->clusters, ",%.6g\n", s->wall / (double)s->count);
}

/* A row for each size. */
static void add_sizes(struct track *t, uint32_t replica, int64_t cycle, const char *at,
                      const struct clusters *c) {
    for (int64_t k = 0; k < c->n;) {
        struct size_row s = {.size = c->entry[k].size};
        for (; k < c->n && c->entry[k].size == s.size; k++) {
            s.count++;
            s.o2 += c->entry[k].o2;
            s.open += c->entry[k].open;
            s.wall += clusters_wall_contact(&c->entry[k]);
            s.percolating = s.percolating || c->entry[k].percolating;
        }
        add_size(t, replica, cycle, at, &s);
    }
}

static void add_void(struct track *t, uint32_t replica, int64_t cycle, const char *at,
                     const struct clusters_entry *e, const struct voids_fate *f) {
    add_row(t, &t->voids, "%lld,%u,%s,%lld,%lld,%lld", (long long)cycle, replica, at,
            (long long)f->id, (long long)e->size, (long long)e->o2);
    add_filling(t, &t->voids, e->o2, e->size);
    add_row(t, &t->voids, ",%.6g,%d,%d,%s,", clusters_wall_contact(e), e->open, e->percolating,
            voids_event_name(f->event));
    if (f->parent)
        add_row(t, &t->voids, "%lld", (long long)f->parent);
    add_row(t, &t->voids, ",%lld,", (long long)f->absorbed);
    if (f->size_before >= 0)
        add_row(t, &t->voids, "%lld", (long long)f->size_before);
    add_row(t, &t->voids, "\n");
}

static void add_voids(struct track *t, const struct replica *r, int64_t cycle, bool charge,
                      const struct clusters *c) {
    const char *at = charge ? "charge" : "discharge";
    struct voids_report report;
    add_sizes(t, r->number, cycle, at, c);
    if (!voids_look(&t->look, c, r->model, &r->state.x, &report)) {
        t->no_memory = true;
        return;
    }
    int64_t first = c->n > TRACK_VOID_ROWS ? c->n - TRACK_VOID_ROWS : 0;
    for (int64_t k = first; t->with_voids && k < c->n; k++)
        add_void(t, r->number, cycle, at, &c->entry[k], &report.fate[k]);
    cycle_record_voids(&t->now, charge, &report);
    voids_free_report(&report);
}

/* ---- depth ---- */

static void add_ratio(struct track *t, int64_t part, double whole) {
    if (whole > 0)
        add_row(t, &t->depth, ",%.6g", (double)part / whole);
    else
        add_row(t, &t->depth, ",");
}

static void add_bin(struct track *t, const struct depth_bin *b) {
    add_ratio(t, b->tm_li_layer, (double)b->tm);
    add_ratio(t, b->vacant, (double)b->sites);
    add_ratio(t, b->molecular, (double)b->sites);
    add_ratio(t, b->tm_valence, (double)b->tm);
    add_ratio(t, b->li, 0.5 * DEPTH_PARTS * (double)b->sites);
    add_row(t, &t->depth, "\n");
}

static void add_depth(struct track *t, const struct replica *r, int64_t cycle, bool charge) {
    double step_nm = 0.05 * (r->cell.tm_gap_A + r->cell.li_gap_A); /* half of c/3, in nm */
    struct depth d;
    t->no_memory = !depth_profile(&d, r->model, &r->state.x) || t->no_memory;
    for (int32_t k = 0; k < d.n; k++) {
        add_row(t, &t->depth, "%lld,%s,%u,%d,%.6g,%lld", (long long)cycle,
                charge ? "charge" : "discharge", r->number, k, k * step_nm,
                (long long)d.bin[k].sites);
        add_bin(t, &d.bin[k]);
    }
}

/* ---- half-cycles ---- */

void track_half(struct track *t, const struct replica *r, int64_t cycle, bool charge,
                const struct protocol_half *h, const struct clusters *voids) {
    t->now.cycle = cycle;
    t->now.replica = r->number;
    cycle_record_half(&t->now, r, charge, h, voids);
    add_voids(t, r, cycle, charge, voids);
    add_depth(t, r, cycle, charge);
    t->short_halves += !h->reached_cutoff;
}

void track_write_header_clusters(FILE *out) {
    fputs("cycle,replica,at,size,count,o2_count,percolating,open_count,filling,wall_contact\n",
          out);
}

void track_write_header_voids(FILE *out) {
    fputs("cycle,replica,at,void,size,o2_count,filling,wall_contact,open,percolating,event,parent,"
          "absorbed,size_before\n",
          out);
}

void track_write_header_depth(FILE *out) {
    fputs("cycle,at,replica,depth_planes,depth_nm,o_sites,tm_li_layer,o_vacant,o_molecular,"
          "tm_valence,li_per_formula_unit\n",
          out);
}

void track_complete(struct track *t) {
    t->cycle[t->cycles_done++] = t->now;
    t->now.start_tm_li = t->now.tm_li_discharge;
    if (t->cycles_done == t->cycles)
        voids_free(&t->look);
}
