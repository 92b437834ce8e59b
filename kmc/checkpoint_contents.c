#include "checkpoint_contents.h"
#include <math.h>
#include <stdlib.h>

/* ---- header ---- */

void checkpoint_contents_header(struct codec *c, struct checkpoint_header *h) {
    codec_name(c, h->parameter_hash, sizeof h->parameter_hash);
    codec_name(c, h->scenario_hash, sizeof h->scenario_hash);
    codec_name(c, h->algorithm, sizeof h->algorithm);
    codec_int(c, &h->seed);
    codec_int(c, &h->replicas);
    codec_int(c, &h->sites);
    codec_name(c, h->program, sizeof h->program);
    codec_name(c, h->name, sizeof h->name);
    codec_name(c, h->started, sizeof h->started);
    codec_real(c, &h->used_s);
}

/* ---- results ---- */

static void code_text(struct codec *c, struct track_text *text) {
    uint64_t n = text->bytes;
    codec_word(c, &n);
    if (c->mode == CODEC_READ) {
        c->bad = c->bad || n > (uint64_t)c->left;
        text->data = c->bad || n == 0 ? NULL : malloc((size_t)n);
        c->bad = c->bad || (n > 0 && !text->data);
        text->bytes = text->room = c->bad ? 0 : (size_t)n;
    }
    codec_bytes(c, text->data, c->bad ? 0 : text->bytes);
}

static void code_record(struct codec *c, struct cycle_record *r) {
    codec_int(c, &r->cycle);
    codec_int(c, &r->replica);
    for (int k = 0; cycle_record_column(r, k); k++)
        codec_real(c, cycle_record_column(r, k));
    codec_word(c, &r->state_hash);
    codec_real(c, &r->start_tm_li);
}

/* ---- the last look at the voids ---- */

/* Room for n of these, when a file that still holds so many could say so. */
static void *room_for(struct codec *c, int64_t n, size_t bytes_in_file, size_t bytes) {
    c->bad = c->bad || n < 0 || (uint64_t)n > (uint64_t)c->left / bytes_in_file;
    void *room = c->bad ? NULL : calloc((size_t)n + 1, bytes);
    c->bad = c->bad || !room;
    return room;
}

static void code_known(struct codec *c, struct voids *v) {
    enum { WORDS = 5 };
    codec_int(c, &v->n);
    if (c->mode == CODEC_READ)
        v->known = room_for(c, v->n, WORDS * CODEC_WORD, sizeof *v->known);
    for (int64_t k = 0; k < v->n && !c->bad; k++) {
        codec_int(c, &v->known[k].id);
        codec_int(c, &v->known[k].size);
        codec_flag(c, &v->known[k].open);
        codec_flag(c, &v->known[k].percolating);
        codec_flag(c, &v->known[k].dormant);
    }
}

static void code_members(struct codec *c, struct voids *v) {
    codec_int(c, &v->n_sites);
    c->bad = c->bad || v->n_sites < 0 || v->n_sites > INT64_MAX - 64;
    int64_t words = c->bad ? 0 : (v->n_sites + 63) / 64, members = 0;
    if (c->mode == CODEC_READ)
        v->member = room_for(c, words, CODEC_WORD, sizeof *v->member);
    for (int64_t w = 0; w < words && !c->bad; w++) {
        codec_word(c, &v->member[w]);
        members += __builtin_popcountll(v->member[w]);
    }
    bool beyond = !c->bad && v->n_sites % 64 && v->member[words - 1] >> v->n_sites % 64;
    codec_same(c, members);
    v->n_members = members;
    c->bad = c->bad || beyond;
}

/* Two labels a word. */
static void code_labels(struct codec *c, struct voids *v) {
    int64_t words = (v->n_members + 1) / 2;
    if (c->mode == CODEC_READ)
        v->label = room_for(c, words, CODEC_WORD, 2 * sizeof *v->label);
    for (int64_t k = 0; k < v->n_members && !c->bad; k += 2) {
        bool two = k + 1 < v->n_members;
        uint64_t pair =
            c->mode == CODEC_READ ? 0 : v->label[k] | (two ? (uint64_t)v->label[k + 1] << 32 : 0);
        codec_word(c, &pair);
        v->label[k] = (uint32_t)pair;
        if (two)
            v->label[k + 1] = (uint32_t)(pair >> 32);
        c->bad = c->bad || (v->label[k] & ~VOIDS_O2) >= v->n ||
                 (two ? (v->label[k + 1] & ~VOIDS_O2) >= v->n : pair >> 32 != 0);
    }
}

static void code_look(struct codec *c, struct voids *v) {
    codec_int(c, &v->last_id);
    c->bad = c->bad || v->last_id < 0 || v->last_id > INT64_MAX / 2;
    code_known(c, v);
    code_members(c, v);
    code_labels(c, v);
    if (c->bad && c->mode == CODEC_READ)
        voids_free(v);
}

void checkpoint_contents_results(struct codec *c, struct track *t, int64_t cycles) {
    codec_int(c, &t->cycles_done);
    if (t->cycles_done < 0 || t->cycles_done > cycles) {
        c->bad = true;
        t->cycles_done = 0;
    }
    for (int64_t k = 0; k < t->cycles_done && !c->bad; k++)
        code_record(c, &t->cycle[k]);
    code_record(c, &t->now);
    codec_real(c, &t->charged_Ah);
    codec_real(c, &t->discharged_Ah);
    codec_real(c, &t->last_capacity);
    codec_int(c, &t->last_step);
    codec_int(c, &t->last_cycle);
    codec_int(c, &t->short_halves);
    codec_real(c, &t->done);
    code_text(c, &t->profile);
    code_text(c, &t->clusters);
    code_text(c, &t->voids);
    code_text(c, &t->depth);
    code_look(c, &t->look);
}

/* ---- state ---- */

static void code_half(struct codec *c, struct protocol_half *h) {
    codec_real(c, &h->capacity);
    codec_real(c, &h->side);
    codec_real(c, &h->energy);
    codec_real(c, &h->mean_V);
    codec_real(c, &h->plateau);
    codec_real(c, &h->window_mean_V);
    codec_real(c, &h->end_V);
    codec_flag(c, &h->reached_cutoff);
    codec_int(c, &h->slices);
    codec_int(c, &h->sub_slices);
    codec_int(c, &h->draws);
    codec_int(c, &h->evaluated);
    codec_int(c, &h->accepted);
    codec_same(c, EVENT_KINDS);
    for (int k = 0; k < EVENT_KINDS; k++)
        codec_int(c, &h->events.fired[k]);
    codec_int(c, &h->events.hops_unslowed);
    codec_int(c, &h->events.hops_large);
    codec_real(c, &h->events.slow_down_min);
    codec_int(c, &h->events.slowed);
}

void checkpoint_contents_position(struct codec *c, struct protocol_position *p) {
    codec_int32(c, &p->electrode.voltage_ueV);
    codec_int32(c, &p->electrode.kappa_ueV);
    codec_int(c, &p->electrode.target);
    codec_real(c, &p->voltage_V);
    codec_real(c, &p->li);
    codec_real(c, &p->target_li);
    codec_real(c, &p->time_s);
    codec_int(c, &p->cycle);
    codec_int(c, &p->slices_done);
    codec_int(c, &p->sub_slices);
    codec_int(c, &p->hops_unslowed);
    codec_int(c, &p->hops_large);
    codec_int(c, &p->step);
    codec_int(c, &p->in_step);
    code_half(c, &p->half.sum);
    codec_real(c, &p->half.start_li);
    codec_real(c, &p->half.last_capacity);
    codec_real(c, &p->half.last_V);
    codec_real(c, &p->half.window_charge);
    codec_real(c, &p->half.window_energy);
}

static bool is_outside(const struct state *s, int64_t site, uint8_t byte) {
    bool oxygen = lattice_coord_of(s->x.lattice, site).kind == SITE_O;
    return oxygen ? rate_model_state(byte) == ANION_OUTSIDE : byte == SITE_OUTSIDE;
}

/* In reading, the state holds the pristine crystal: sites must exist where they do there. */
static void code_occupancy(struct codec *c, struct state *s) {
    uint8_t block[4096];
    if (c->mode != CODEC_READ) {
        codec_bytes(c, s->x.occupancy, (size_t)s->n_sites);
        return;
    }
    for (int64_t from = 0; from < s->n_sites && !c->bad; from += (int64_t)sizeof block) {
        int64_t left = s->n_sites - from, room = (int64_t)sizeof block;
        int64_t n = left < room ? left : room;
        codec_bytes(c, block, (size_t)n);
        for (int64_t k = 0; k < n && !c->bad; k++) {
            uint8_t *byte = &s->x.occupancy[from + k];
            c->bad = is_outside(s, from + k, *byte) != is_outside(s, from + k, block[k]);
            *byte = c->bad ? *byte : block[k];
        }
    }
}

void checkpoint_contents_state(struct codec *c, struct protocol_position *at, struct state *s) {
    uint64_t step = s->step;
    checkpoint_contents_position(c, at);
    codec_int(c, &s->energy_ueV);
    codec_int(c, &s->n_li);
    codec_real(c, &s->time_s);
    codec_word(c, &step);
    c->bad = c->bad || step > UINT32_MAX;
    s->step = (uint32_t)step;
    codec_same(c, s->n_demons);
    for (int64_t k = 0; k < s->n_demons && !c->bad; k++)
        codec_int32(c, &s->demon[k]);
    codec_same(c, s->n_sites);
    code_occupancy(c, s);
}

/* ---- does it fit? ---- */

static bool is_small(double x) {
    return fabs(x) < 1e15; /* NaN is not */
}

bool checkpoint_contents_place_fits(const struct protocol_position *at, const struct protocol *p,
                                    int64_t sites) {
    int64_t most = p->sub_slices > p->sub_slices_max ? p->sub_slices : p->sub_slices_max;
    bool counts = at->step >= STEP_SETTLE && at->step < STEP_DONE && at->in_step >= 1 &&
                  at->cycle >= 1 && at->cycle <= p->cycles && at->slices_done >= 0 &&
                  at->sub_slices >= 1 && at->sub_slices <= most && at->hops_unslowed >= 0 &&
                  at->hops_large >= 0;
    bool electrode = at->electrode.kappa_ueV >= 0 && at->electrode.target >= -8 * sites &&
                     at->electrode.target <= 8 * sites;
    return counts && electrode && fabs(at->voltage_V) < 1000 && is_small(at->li) &&
           is_small(at->target_li) && is_small(at->half.start_li) &&
           is_small(at->half.last_capacity) && fabs(at->half.last_V) < 1000 && isfinite(at->time_s);
}

static bool anion_fits(const struct rate_model *m, struct lattice_coord c, uint8_t byte) {
    int state = rate_model_state(byte);
    bool bonded = state == ANION_PEROXO || state == ANION_MOLECULAR;
    bool known = state <= ANION_CL || state == ANION_VACANCY;
    return known &&
           (!bonded || rate_model_partner(byte) < lattice_stencil_of(&m->lattice, c)->n_oxygen);
}

/* Bytes that tables may be indexed with. */
static bool bytes_fit(const struct replica *r) {
    for (int64_t s = 0; s < r->state.n_sites; s++) {
        struct lattice_coord c = lattice_coord_of(&r->model->lattice, s);
        uint8_t byte = r->state.x.occupancy[s];
        bool fits = c.kind == SITE_O ? anion_fits(r->model, c, byte) : byte < r->species->n_species;
        if (!fits && !is_outside(&r->state, s, byte))
            return false;
    }
    return true;
}

static bool demons_fit(const struct state *s) {
    for (int64_t k = 0; k < s->n_demons; k++)
        if (s->demon[k] > s->n_sites || s->demon[k] < -s->n_sites)
            return false;
    return true;
}

const char *checkpoint_contents_state_problem(struct replica *r) {
    int64_t n_li = r->state.n_li;
    if (!bytes_fit(r) || !demons_fit(&r->state) || !isfinite(r->state.time_s))
        return "other ions or sites";
    state_rebuild(&r->state, r->model);
    if (n_li != r->state.n_li)
        return "another number of Li";
    return state_verify(&r->state, r->model);
}
