/* Guarantee: Li+ and H+ change places with the electrolyte by the Boltzmann factor, more of them at 55 C than at 25 C, and no current passes by it.
 *
 * H+ differs from Li+ by the exchange energy E alone, so among the ions of a site in touch with the electrolyte its share is 1/(1 + exp(E/kT)) in
 * equilibrium, whatever Li+ and electrons do: at every voltage, for H+ that stays where it came in and for H+ that goes on into the Li layers.
 */
#include <criterion/criterion.h>
#include <math.h>
#include "../kmc/couples.h"
#include "../kmc/protocol.h"
#include "fixture.h"

/* TM and O at rest, exchanges about 10 a second and site. */
#define RESTING                                                                                    \
    "structure.repeats=1", "surface.proton_exchange=true", "kinetics.transition_metal_hops=false", \
        "kinetics.oxygen_dimers=false", "surface.proton_exchange_barrier_eV=0.70",                 \
        "surface.proton_exchange_energy_eV=0.03"

static void use_engine(struct replica *r, const struct engine_ops *ops) {
    r->ops->free(r->engine);
    r->ops = ops;
    r->engine = ops->create(r->model, &r->state, 1);
    cr_assert_not_null(r->engine);
}

static bool lacks_oxygen(const struct state *s, int64_t site) {
    struct lattice_coord c = lattice_coord_of(s->x.lattice, site);
    return c.kind == SITE_OCT && energy_field_at(&s->x, c).n < 6;
}

/* Share of H+ among the ions +1 of the Li layers, or of those in touch with the electrolyte. */
static double proton_share(const struct replica *r, bool surface) {
    int64_t n[2] = {0, 0};
    for (int64_t site = 0; site < r->state.n_sites; site++) {
        uint8_t byte = r->state.x.occupancy[site];
        struct lattice_coord c = lattice_coord_of(r->state.x.lattice, site);
        if (c.kind == SITE_O || lattice_is_tm_gap(c.plane) ||
            (surface && !lacks_oxygen(&r->state, site)))
            continue;
        n[0] += byte == CATION_LI;
        n[1] += byte == r->model->proton;
    }
    cr_assert_gt(n[0] + n[1], 10);
    return (double)n[1] / (double)(n[0] + n[1]);
}

static void expect_fermi(const struct engine_ops *ops, double voltage_V, const char *hop,
                         bool surface) {
    const int batches = surface ? 40 : 10,
              samples = 1000 / batches; /* H+ inside has a long memory */
    struct fixture *f = fixture_create(
        "builtin:o3-lmr",
        surface ? FIXTURE_SET(RESTING, "structure.geometry=slab", "structure.cells_a=6",
                              "structure.cells_b=6", hop)
                : FIXTURE_SET(RESTING, "structure.geometry=particle", "structure.cells_a=9",
                              "structure.cells_b=9", "structure.vacuum_cells=1", hop));
    double step_s = surface ? 0.2 : 1e6; /* H+ deep inside is slow */
    double sum = 0, squares = 0, kT = f->model->boltzmann.kT_ueV;
    use_engine(&f->replica, ops);
    fixture_scramble(f, voltage_V, 300, 1, step_s);
    for (int b = 0; b < batches; b++) {
        double mean = 0;
        for (int k = 0; k < samples; k++) {
            fixture_scramble(f, voltage_V, 1, 1, step_s);
            mean += proton_share(&f->replica, surface) / samples;
        }
        sum += mean;
        squares += mean * mean;
    }
    double mean = sum / batches;
    double error = sqrt((squares / batches - mean * mean) / (batches - 1));
    double exact = 1 / (1 + exp(30000 / kT));
    cr_log_info("%s, %.1f V: %.4f +- %.4f, exact %.4f", ops->name, voltage_V, mean, error, exact);
    cr_expect_lt(error, surface ? 0.01 : 0.04);
    cr_expect_float_eq(mean, exact, 4.5 * error, "%s, %.1f V: share of H+ %.4f +- %.4f, exact %.4f",
                       ops->name, voltage_V, mean, error, exact);
    const char *problem = state_verify(&f->replica.state, f->model);
    cr_expect_null(problem, "%s", problem);
    fixture_free(f);
}

Test(protons, at_the_surface_follow_the_fermi_function) {
    expect_fermi(&engine_exact, 3.8, "surface.proton_hop_eV=5", true);
    expect_fermi(&engine_cpu, 3.8, "surface.proton_hop_eV=5", true);
    expect_fermi(&engine_cpu, 4.3, "surface.proton_hop_eV=5", true);
}

Test(protons, inside_follow_the_fermi_function) {
    expect_fermi(&engine_cpu, 4.2, "surface.proton_hop_eV=0.5", false);
}

/* ---- cycles ---- */

struct watch {
    int64_t exchanges, protons;
};

static void on_slice(void *context, const struct replica *r, const struct protocol_slice *s) {
    struct watch *w = context;
    struct couples c;
    int64_t electrons[COUPLES_MAX], sum = 0;
    couples_of(&c, r->species, &r->cell);
    couples_electrons(&c, r->species, &r->pristine, s->census, electrons);
    for (int k = 0; k < c.n; k++)
        sum += electrons[k];
    int64_t protons = r->model->proton ? s->census->cation[r->model->proton] : 0;
    cr_assert_eq(s->census->cation[CATION_LI] + protons, r->state.n_li);
    cr_assert_eq(sum, r->cell.n_li - r->state.n_li, "an exchange must pass no electron");
    w->protons = protons;
}

static bool on_half(void *context, const struct replica *r, int64_t cycle, bool charge,
                    const struct protocol_half *h) {
    struct watch *w = context;
    (void)r;
    (void)cycle;
    (void)charge;
    w->exchanges += h->events.fired[EVENT_EXCHANGE];
    return true;
}

/* One cycle of a slab with all that is recounted after every 20th slice. */
static struct watch cycle(const struct engine_ops *ops, const char *kelvin, const char *seed) {
    struct fixture *f = fixture_create(
        "builtin:o3-lmr",
        FIXTURE_SET("structure.cells_a=6", "structure.cells_b=6", "structure.repeats=1",
                    "structure.geometry=slab", FIXTURE_CONTESTED, "protocol.cycles=1",
                    "protocol.slice_percent=1", "kinetics.equilibration_sweeps=1",
                    "kinetics.initial_sweeps=20", "output.check_every=20", kelvin, seed));
    struct protocol p;
    struct watch w = {0, 0};
    struct protocol_observer o = {
        .context = &w, .census = true, .slice = on_slice, .half = on_half};
    use_engine(&f->replica, ops);
    protocol_init(&p, f->scenario);
    cr_assert_eq(protocol_run(&f->replica, &p, &o, stderr), 0);
    fixture_free(f);
    return w;
}

Test(protons, a_cycle_is_booked_without_them) {
    cr_expect_gt(cycle(&engine_exact, "conditions.temperature_K=328.15", "run.seed=1").exchanges,
                 5);
}

Test(protons, more_come_in_at_55_C) {
    struct watch cold, warm;
    for (int seed = 1; seed <= 2; seed++) {
        const char *pair = seed == 1 ? "run.seed=1" : "run.seed=2";
        cold = cycle(&engine_cpu, "conditions.temperature_K=298.15", pair);
        warm = cycle(&engine_cpu, "conditions.temperature_K=328.15", pair);
        cr_log_info("seed %d: %lld and %lld exchanges, %lld and %lld H+", seed,
                    (long long)cold.exchanges, (long long)warm.exchanges, (long long)cold.protons,
                    (long long)warm.protons);
        cr_expect_gt(warm.exchanges, 3 * cold.exchanges);
        cr_expect_gt(warm.protons, cold.protons);
    }
}

/* ---- off ---- */

Test(protons, switched_off_there_are_none) {
    struct fixture *f = fixture_create("builtin:o3-lmr", NULL);
    cr_expect_eq(f->species.proton, 0);
    cr_expect_eq(f->model->proton + f->model->with_exchange + f->model->mobile[CATION_LI], 0);
    for (int s = 0; s < f->species.n_species; s++)
        cr_expect_neq(strcmp(f->species.species[s].symbol, "H"), 0);
    fixture_free(f);
}
