/* Guarantee: charge and atoms are conserved, one seed repeats to the bit, threads change nothing.
 *
 * A doped Li-rich oxide at 430 K, where TM hop and O pairs form within one cycle, goes
 * through the whole program.  Counted after every half-cycle: ions of each element, anions, charge;
 * compared between runs: the state hash of every replica.
 */
#include <criterion/criterion.h>
#include <string.h>
#include "../../kmc/simulation.h"

enum { REPLICAS = 3, HALVES = 2 };

static const char *const SETS[] = {"structure.cells_a=6",
                                   "structure.cells_b=6",
                                   "structure.repeats=1",
                                   "structure.domain_cells=6",
                                   "conditions.temperature_K=450",
                                   "protocol.cycles=1",
                                   "kinetics.equilibration_sweeps=1",
                                   "kinetics.initial_sweeps=10",
                                   "run.replicas=3"};
enum { N_SETS = sizeof SETS / sizeof *SETS };

/* Results by replica and half-cycle; each replica writes its own row only. */
struct results {
    uint64_t hash[REPLICAS][HALVES];
    int halves[REPLICAS];
    int64_t hops[REPLICAS], o_events[REPLICAS];
    bool conserved[REPLICAS];
    const struct protocol *protocol;
};

/* Ions of each element, and anions of each kind that cannot change into another. */
struct atoms {
    int64_t element[ELEMENT_MAX], oxygen, anion[ANION_STATES];
};

static struct atoms count_atoms(const struct replica *r) {
    struct atoms c;
    memset(&c, 0, sizeof c);
    for (int64_t s = 0; s < r->state.n_sites; s++) {
        uint8_t byte = r->state.x.occupancy[s];
        if (lattice_coord_of(&r->model->lattice, s).kind == SITE_O) {
            int state = rate_model_state(byte);
            if (state < ANION_ACTIVE)
                c.oxygen++;
            else
                c.anion[state]++;
        } else if (byte != SITE_OUTSIDE && byte > SPECIES_LI) {
            c.element[r->species->species[byte].element]++;
        }
    }
    return c;
}

struct watch {
    struct results *results;
    struct atoms start;
};

static bool after_half(void *context, const struct replica *r, int64_t cycle, bool charge,
                       const struct protocol_half *h) {
    struct watch *w = context;
    struct results *out = w->results;
    struct atoms now = count_atoms(r);
    uint32_t n = r->number;
    (void)cycle;
    (void)charge;
    out->conserved[n] = out->conserved[n] && memcmp(&now, &w->start, sizeof now) == 0 &&
                        state_charge(&r->state, r->model) == 0 &&
                        state_verify(&r->state, r->model) == NULL;
    out->hash[n][out->halves[n]++] = state_hash(&r->state);
    out->hops[n] += h->events.fired[EVENT_HOP];
    for (int e = EVENT_JOIN; e < EVENT_LITHIUM; e++)
        out->o_events[n] += h->events.fired[e];
    return true;
}

static int cycle_group(void *context, struct replica *r, int n) {
    int status = 0;
    for (int k = 0; k < n && status == 0; k++) {
        struct watch w = {context, count_atoms(&r[k])};
        struct protocol_observer o = {.context = &w, .half = after_half};
        w.results->conserved[r[k].number] = true;
        status = protocol_run(&r[k], w.results->protocol, &o, stderr);
    }
    return status;
}

static struct results run(const char *seed, int threads) {
    struct results out;
    struct simulation sim;
    const char *set[N_SETS + 1];
    memset(&out, 0, sizeof out);
    memcpy(set, SETS, sizeof SETS);
    set[N_SETS] = seed;
    struct scenario *s = scenario_load("builtin:lmr-f", set, N_SETS + 1, stderr);
    cr_assert_not_null(s);
    cr_assert_eq(simulation_create(&sim, s, stderr), 0);
    sim.threads = threads;
    out.protocol = &sim.protocol;
    cr_assert_eq(simulation_for_each(&sim, cycle_group, &out, stderr), 0);
    simulation_free(&sim);
    scenario_free(s);
    return out;
}

static bool same_hashes(const struct results *a, const struct results *b) {
    return memcmp(a->hash, b->hash, sizeof a->hash) == 0;
}

Test(conservation, charge_atoms_and_trajectories) {
    struct results one = run("run.seed=5", 1), two = run("run.seed=5", 2),
                   other = run("run.seed=6", 2);
    for (int r = 0; r < REPLICAS; r++) {
        cr_expect_eq(one.halves[r], HALVES);
        cr_expect(one.conserved[r] && two.conserved[r] && other.conserved[r],
                  "replica %d lost or won atoms, charge or energy", r);
        cr_expect_gt(one.hops[r], 10, "replica %d: %lld TM hops only", r, (long long)one.hops[r]);
        cr_expect_gt(one.o_events[r], 100);
        for (int h = 0; h < HALVES; h++)
            cr_expect_neq(one.hash[r][h], other.hash[r][h], "another seed, the same trajectory");
        cr_log_info("replica %d: %lld hops, %lld O events, hash %016llx\n", r,
                    (long long)one.hops[r], (long long)one.o_events[r],
                    (unsigned long long)one.hash[r][HALVES - 1]);
    }
    for (int r = 1; r < REPLICAS; r++)
        cr_expect_neq(one.hash[r][0], one.hash[0][0], "two replicas, the same trajectory");
    cr_expect(same_hashes(&one, &two), "one seed, one and two threads: two trajectories");
}
