/* Guarantee: any scenario is either refused with a message or keeps energies, charge, atoms and electrons balanced in every slice, and goes on from a
 * checkpoint to the same bits.
 *
 *     KMC_PROPERTIES_SEED=7 KMC_PROPERTIES_RUNS=1000 build/test --filter properties/any_scenario_is_refused_or_keeps_its_balances
 *
 * looks at scenarios 7 to 1006 and names each.  A scenario that fails is left as /tmp/kmc-properties-SEED.toml, which `kmc run` takes.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "../kmc/checkpoint_writer.h"
#include "../kmc/simulation.h"
#include "random_scenario.h"

enum { SLICES = 24 }; /* of which the first 8 settle the crystal */

static const double SECONDS = 0.15; /* a scenario stops at the next boundary after that */

struct trial {
    uint64_t seed;
    char path[64], directory[64];
    struct scenario *scenario;
    struct simulation sim;
    FILE *errors;
    char *said; /* what went there; valid after fflush */
    size_t said_bytes;
};

/* One replica on its way, from the beginning or from the checkpoint. */
struct journey {
    struct trial *t;
    struct replica *r;
    struct couples couples;
    struct track track;
    struct checkpoint_header header;
    int64_t first_li, ions[ELEMENT_MAX], anions; /* of the pristine crystal */
    int64_t lost, vacant;                        /* O2 that left in this half-cycle; vacant O */
    int slices, stop, save;                      /* boundaries passed, and of what is done there */
    clock_t begin;
    bool half_began;
    uint64_t hash;
    double voltage_V;
};

/* ---- invariants ---- */

static void count(const struct journey *j, const struct census *c, int64_t *ions, int64_t *anions) {
    const struct species_table *t = j->r->species;
    memset(ions, 0, ELEMENT_MAX * sizeof *ions);
    *anions = 0;
    for (int k = 0; k < t->n_species; k++)
        if (t->species[k].element >= 0)
            ions[t->species[k].element] += c->cation[k];
    for (int k = 0; k < ANION_STATES; k++)
        if (k != ANION_OUTSIDE)
            *anions += c->anion[k];
}

/* Cations by element, anion sites, and electrons: those of the couples are those that Li+ left behind. */
static void check_atoms(const struct journey *j, const struct census *now) {
    int64_t ions[ELEMENT_MAX], anions, electrons[COUPLES_MAX], sum = 0;
    count(j, now, ions, &anions);
    for (int e = 0; e < ELEMENT_MAX; e++)
        cr_assert_eq(ions[e], j->ions[e], "element %d: %lld instead of %lld", e, (long long)ions[e],
                     (long long)j->ions[e]);
    cr_assert_eq(anions, j->anions);
    for (int k = ANION_F; k < ANION_VACANCY; k++)
        cr_assert_eq(now->anion[k], j->r->pristine.anion[k]);
    couples_electrons(&j->couples, j->r->species, &j->r->pristine, now, electrons);
    for (int k = 0; k < j->couples.n; k++)
        sum += electrons[k];
    cr_assert_eq(sum, j->first_li - j->r->state.n_li, "%lld electrons for %lld Li+", (long long)sum,
                 (long long)(j->first_li - j->r->state.n_li));
}

/* Anion sites get vacant where O2 leaves, two at a time, and nowhere else. */
static void check_loss(struct journey *j, const struct census *now, int64_t lost) {
    int64_t before = j->half_began ? 0 : j->lost;
    cr_assert_eq(now->anion[ANION_VACANCY] - j->vacant, 2 * (lost - before));
    j->vacant = now->anion[ANION_VACANCY];
    j->lost = lost;
    j->half_began = false;
}

static void on_slice(void *context, const struct replica *r, const struct protocol_slice *s) {
    struct journey *j = context;
    cr_assert(isfinite(s->voltage_V) && isfinite(s->capacity_mAh_per_g) && isfinite(s->li) &&
              isfinite(s->current_mA_per_g) && isfinite(s->time_s));
    check_loss(j, s->census, s->events->fired[EVENT_LOSE]);
    check_atoms(j, s->census);
    track_slice(&j->track, r, s, &j->couples, j->t->sim.protocol.cycles);
}

static bool on_half(void *context, const struct replica *r, int64_t cycle, bool charge,
                    const struct protocol_half *h) {
    struct journey *j = context;
    struct clusters voids;
    cr_assert(clusters_find(&voids, r->model, &r->state.x));
    track_half(&j->track, r, cycle, charge, h, &voids);
    clusters_free(&voids);
    if (!charge)
        track_complete(&j->track);
    j->half_began = true;
    return true;
}

/* ---- a run to a number of slices, which may save a checkpoint on its way ---- */

static void save(struct journey *j, const struct protocol_run *w) {
    struct protocol_position at = w->at;
    struct checkpoint_section s = {0, &j->track, &at, &j->r->state};
    struct checkpoint_writer *out = checkpoint_writer_begin(j->t->directory, &j->header);
    cr_assert_not_null(out);
    checkpoint_writer_add(out, &s);
    cr_assert(checkpoint_writer_commit(out, false));
}

static bool on_boundary(void *context, const struct protocol_run *runs, int n) {
    struct journey *j = context;
    const char *wrong;
    cr_assert_eq(n, 1);
    engine_fetch(j->r->ops, j->r->engine);
    wrong = state_verify(&j->r->state, j->r->model);
    cr_assert_null(wrong, "%s", wrong);
    j->hash = state_hash(&j->r->state);
    j->voltage_V = runs->at.voltage_V;
    if (++j->slices == j->save && runs->at.step != STEP_DONE)
        save(j, runs);
    bool late = (double)(clock() - j->begin) > SECONDS * CLOCKS_PER_SEC;
    return j->slices != j->stop && (j->save == 0 || j->slices < j->save || !late);
}

static void begin_journey(struct journey *j, struct trial *t, struct replica *r) {
    j->t = t;
    j->r = r;
    j->begin = clock();
    j->first_li = r->state.n_li;
    j->vacant = r->pristine.anion[ANION_VACANCY];
    count(j, &r->pristine, j->ions, &j->anions);
    couples_of(&j->couples, r->species, &r->cell);
    cr_assert(track_init(&j->track, t->sim.protocol.cycles));
    j->track.with_voids = true;
    j->header = (struct checkpoint_header){.seed = 1, .replicas = 1, .sites = r->state.n_sites};
}

/* Returns its exit code; 0 when it was stopped in the middle. */
static int travel(struct journey *j, const struct protocol_position *at) {
    struct protocol_observer o = {
        .context = j, .census = true, .slice = on_slice, .half = on_half, .boundary = on_boundary};
    struct protocol_run w;
    protocol_begin(&w, j->r, &j->t->sim.protocol, &o, j->t->errors);
    if (at)
        protocol_continue(&w, at);
    (void)protocol_run_all(&w, 1);
    return w.status;
}

static int from_checkpoint(void *context, struct replica *r, int n) {
    struct journey *j = context;
    struct checkpoint_file f;
    char path[80], problem[CHECKPOINT_PROBLEM] = "";
    struct protocol_position at;
    const struct protocol *p = &j->t->sim.protocol;
    cr_assert_eq(n, 1);
    begin_journey(j, j->t, r);
    snprintf(path, sizeof path, "%s/checkpoint", j->t->directory);
    cr_assert(checkpoint_open(&f, path, problem), "%s", problem);
    cr_assert(checkpoint_results(&f, 0, p, &j->track, problem), "%s", problem);
    cr_assert(checkpoint_state(&f, 0, p, r, &at, problem), "%s", problem);
    checkpoint_close(&f);
    struct census now;
    couples_census(&now, &r->state.x);
    j->vacant = now.anion[ANION_VACANCY];
    j->lost = at.half.sum.events.fired[EVENT_LOSE];
    int status = travel(j, &at);
    track_free(&j->track);
    return status;
}

static int from_the_beginning(void *context, struct replica *r, int n) {
    struct trial *t = context;
    struct journey whole = {.save = SLICES / 2, .stop = SLICES}, second = {.t = t};
    char path[80];
    int64_t zero = 0;
    cr_assert_eq(n, 1);
    begin_journey(&whole, t, r);
    int status = travel(&whole, NULL);
    track_free(&whole.track);
    snprintf(path, sizeof path, "%s/checkpoint", t->directory);
    if (status || whole.slices <= whole.save || access(path, R_OK) != 0)
        return status;
    second.slices = whole.save;
    second.stop = whole.slices;
    status = simulation_run_group(&t->sim, &zero, 1, from_checkpoint, &second, t->errors);
    cr_assert_eq(status, 0);
    cr_assert_eq(second.slices, whole.slices);
    cr_assert_eq(second.hash, whole.hash, "other bits after the checkpoint");
    cr_assert_eq(second.voltage_V, whole.voltage_V);
    return 0;
}

/* ---- one scenario ---- */

/* Input that is refused, or a protocol that cannot be carried out, says so; anything else is a fault. */
static void expect_message(struct trial *t, int status) {
    cr_assert(status == 2 || status == 1, "exit code %d: %s", status, t->said);
    cr_assert(strstr(t->said, "error: ") && strstr(t->said, "expected ") &&
                  strstr(t->said, "found ") && strstr(t->said, "hint: "),
              "%s", t->said);
    cr_assert_null(strstr(t->said, "fault of the program"), "%s", t->said);
}

static void begin_trial(struct trial *t, uint64_t seed) {
    memset(t, 0, sizeof *t);
    t->seed = seed;
    snprintf(t->path, sizeof t->path, "/tmp/kmc-properties-%llu.toml", (unsigned long long)seed);
    snprintf(t->directory, sizeof t->directory, "/tmp/kmc-properties-XXXXXX");
    cr_assert_not_null(mkdtemp(t->directory));
    FILE *out = fopen(t->path, "w");
    t->errors = open_memstream(&t->said, &t->said_bytes);
    cr_assert(out && t->errors);
    random_scenario_write(seed, out);
    cr_assert_eq(fclose(out), 0);
}

static void end_trial(struct trial *t) {
    checkpoint_writer_remove(t->directory);
    rmdir(t->directory);
    unlink(t->path);
    fclose(t->errors);
    free(t->said);
}

/* Its exit code. */
static int try_scenario(uint64_t seed, bool loud) {
    struct trial t;
    int64_t zero = 0;
    int status = 2;
    begin_trial(&t, seed);
    t.scenario = scenario_load(t.path, NULL, 0, t.errors);
    if (t.scenario)
        status = simulation_create(&t.sim, t.scenario, t.errors);
    if (t.scenario && status == 0) {
        status = simulation_run_group(&t.sim, &zero, 1, from_the_beginning, &t, t.errors);
        simulation_free(&t.sim);
    }
    fflush(t.errors);
    if (status)
        expect_message(&t, status);
    if (loud)
        fprintf(stderr, "seed %llu: exit code %d\n%s", (unsigned long long)seed, status, t.said);
    scenario_free(t.scenario);
    end_trial(&t);
    return status;
}

static uint64_t wanted(const char *name, uint64_t usual) {
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : usual;
}

Test(properties, any_scenario_is_refused_or_keeps_its_balances, .timeout = 100000) {
    uint64_t seed = wanted("KMC_PROPERTIES_SEED", 1), runs = wanted("KMC_PROPERTIES_RUNS", 300);
    bool loud = getenv("KMC_PROPERTIES_SEED") != NULL;
    uint64_t n[3] = {0};
    for (uint64_t k = seed; k < seed + runs; k++)
        n[try_scenario(k, loud)]++;
    fprintf(stderr, "properties: seeds %llu to %llu: %llu ran, %llu refused, %llu ended early\n",
            (unsigned long long)seed, (unsigned long long)(seed + runs - 1),
            (unsigned long long)n[0], (unsigned long long)n[2], (unsigned long long)n[1]);
    cr_assert(runs < 20 || n[0] > runs / 4, "too few scenarios run for a test");
}
