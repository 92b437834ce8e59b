#include <stdlib.h>
#include <string.h>
#include "divergence.h"

struct search {
    const struct simulation *sim;
    const struct divergence *d;
    FILE *out, *errors;
    int64_t *done; /* [replicas] calls of equilibrate at the last slice boundary */
};

/* ---- report ---- */

static const char *step_name(int64_t step) {
    static const char *const name[] = {"first equilibration", "charge",    "hold after charge",
                                       "rest after charge",   "discharge", "hold after discharge",
                                       "rest after discharge"};
    return step >= 0 && step < STEP_DONE ? name[step] : "end";
}

static const char *anion_name(int state) {
    switch (state) {
    case ANION_OXIDE:
        return "O2-";
    case ANION_HOLE:
        return "O- (hole)";
    case ANION_PEROXO:
        return "bonded O-";
    case ANION_MOLECULAR:
        return "bonded O";
    case ANION_F:
        return "F-";
    case ANION_S:
        return "S2-";
    case ANION_CL:
        return "Cl-";
    case ANION_VACANCY:
        return "vacancy";
    case ANION_OUTSIDE:
        return "outside";
    default:
        return "unknown";
    }
}

static void print_anion(FILE *out, int byte) {
    int state = rate_model_state((uint8_t)byte);
    fprintf(out, "0x%02x %s", (unsigned)byte, anion_name(state));
    if (state == ANION_PEROXO || state == ANION_MOLECULAR)
        fprintf(out, ", partner %d", rate_model_partner((uint8_t)byte));
}

static void print_cation(FILE *out, const struct species_table *t, int byte) {
    fprintf(out, "0x%02x ", (unsigned)byte);
    if (byte == CATION_VACANCY)
        fputs("vacancy", out);
    else if (byte == SITE_OUTSIDE)
        fputs("outside", out);
    else if (byte < t->n_species)
        fprintf(out, "%s%d+", t->species[byte].symbol, t->species[byte].charge);
    else
        fputs("unknown", out);
}

static void print_site(FILE *out, struct lattice_coord c) {
    static const char *const kind[SITE_KINDS] = {"O", "oct", "tet up", "tet down"};
    fprintf(out, "plane %d, %s, i %d, j %d", c.plane, kind[c.kind], c.i, c.j);
}

static void print_occupancy(const struct search *s, const struct difference_array *a) {
    struct lattice_coord c = lattice_coord_of(&s->sim->model->lattice, a->first);
    fprintf(s->out, "  occupancy: %lld sites differ; first: site %lld, ", (long long)a->n,
            (long long)a->first);
    print_site(s->out, c);
    for (int side = 0; side < 2; side++) {
        fprintf(s->out, "%s %s ", side ? "," : ":", side ? "b" : "a");
        if (c.kind == SITE_O)
            print_anion(s->out, a->value[side]);
        else
            print_cation(s->out, &s->sim->species, a->value[side]);
    }
    fputc('\n', s->out);
}

/* An array over the O sites. */
static void print_oxygen(const struct search *s, const struct difference_array *a) {
    const struct lattice *l = &s->sim->model->lattice;
    int64_t cells = (int64_t)l->na * l->nb, cell = a->first % cells;
    struct lattice_coord c = {(int32_t)(a->first / cells), SITE_O, (int32_t)(cell % l->na),
                              (int32_t)(cell / l->na)};
    fprintf(s->out, "  %s: %lld O differ; first: O %lld, ", a->name, (long long)a->n,
            (long long)a->first);
    print_site(s->out, c);
    fprintf(s->out, ": a %d, b %d\n", a->value[0], a->value[1]);
}

static void print_place(const struct search *s, const struct engine_difference *d,
                        const struct protocol_run *run) {
    const struct protocol_position *at = &run->at;
    int64_t sub = d->equilibrations - s->done[d->replica];
    fprintf(s->out,
            "difference at call %lld of replica %u: %s, step number %u (%u before)\n"
            "  cycle %lld, %s, slice %lld, sub-slice %lld of %lld; %.0f s, %.3f V\n",
            (long long)d->call, d->replica, d->verb, d->step, d->step_before, (long long)at->cycle,
            step_name(at->step), (long long)at->in_step, (long long)sub, (long long)run->sub_slices,
            at->time_s, at->voltage_V);
    fprintf(s->out, "  a: engine %s, threads %d; b: engine %s, threads %d\n", s->d->ops[0]->name,
            s->d->threads[0], s->d->ops[1]->name, s->d->threads[1]);
}

static void print_difference(const struct search *s, const struct engine_difference *d,
                             const struct protocol_run *run) {
    print_place(s, d, run);
    for (int k = 0; k < d->n_numbers; k++)
        fprintf(s->out, "  %s: a %s, b %s\n", d->number[k].name, d->number[k].text[0],
                d->number[k].text[1]);
    if (d->array[DIFFERS_OCCUPANCY].n)
        print_occupancy(s, &d->array[DIFFERS_OCCUPANCY]);
    if (d->array[DIFFERS_DEVIATION].n)
        print_oxygen(s, &d->array[DIFFERS_DEVIATION]);
    if (d->array[DIFFERS_N_TM].n)
        print_oxygen(s, &d->array[DIFFERS_N_TM]);
    const struct difference_array *demon = &d->array[DIFFERS_DEMON];
    if (demon->n)
        fprintf(s->out, "  demons: %lld differ; first: demon %lld: a %d, b %d\n",
                (long long)demon->n, (long long)demon->first, demon->value[0], demon->value[1]);
    if (d->array[DIFFERS_OCCUPANCY].n == 0)
        fputs("  occupancy: the same\n", s->out);
}

/* ---- running ---- */

static bool at_boundary(void *context, const struct protocol_run *runs, int n) {
    struct search *s = context;
    if (engine_compare_difference()->found)
        return false;
    for (int k = 0; k < n; k++)
        s->done[runs[k].r->number] = engine_compare_equilibrations(runs[k].r->engine);
    return true;
}

static void report(const struct search *s, const struct protocol_run *runs, int n) {
    const struct engine_difference *d = engine_compare_difference();
    for (int k = 0; k < n; k++)
        if (d->found && runs[k].r->number == d->replica)
            print_difference(s, d, &runs[k]);
}

static int run_group(void *context, struct replica *r, int n) {
    struct search *s = context;
    struct protocol_observer observer = {.context = s, .boundary = at_boundary};
    struct protocol_run *runs = calloc((size_t)n, sizeof *runs);
    if (!runs)
        return 4;
    for (int k = 0; k < n; k++)
        protocol_begin(&runs[k], &r[k], &s->sim->protocol, &observer, s->errors);
    int status = protocol_run_all(runs, n);
    report(s, runs, n);
    free(runs);
    return status;
}

int divergence_run(struct simulation *sim, const struct divergence *d, FILE *out, FILE *errors) {
    struct search s = {.sim = sim, .d = d, .out = out, .errors = errors};
    s.done = calloc((size_t)sim->replicas, sizeof *s.done);
    if (!s.done)
        return 4;
    sim->ops = engine_compare_open(d->ops[0], d->threads[0], d->ops[1], d->threads[1]);
    sim->threads = 1; /* replicas one after the other, or side by side in one thread */
    int status = simulation_for_each(sim, run_group, &s, errors);
    if (status == 0)
        fprintf(out, "no difference in %lld calls: engine %s, threads %d; engine %s, threads %d\n",
                (long long)engine_compare_calls(), d->ops[0]->name, d->threads[0], d->ops[1]->name,
                d->threads[1]);
    free(s.done);
    return status;
}
