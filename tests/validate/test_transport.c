/* Guarantee: Li+ on the clock with electrons relaxed in between (transport mode) samples what `equilibrate` samples at the same number of Li+.
 *
 * One crystal, many random streams: mean energy, Li+ on tets, TM by valence and holes on O, averaged by the ordinary moves with N held by a stiff
 * restraint, and over equal times of a transport run that begins where they end.  N is what the restraint of the approach, as soft as in a run,
 * happened to leave, so differences are taken stream by stream.  This is the averaging error of the fast moves measured against true hops.
 */
#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <math.h>
#include <stdlib.h>
#include "../../kmc/diffusion.h"
#include "../../kmc/statistics.h"
#include "../../kmc/structure.h"
#include "../fixture.h"

enum { STREAMS = 16, ROUNDS = 240, STEPS = 240, OBSERVABLES = 8 };

static const char *const NAMES[OBSERVABLES] = {
    "energy, eV", "Li+ on tets", "Li+ in TM layers", "Ni3+", "Ni4+", "Co4+", "Mn4+", "O holes"};

struct probe {
    const struct fixture *f;
    int ni3, ni4, co4, mn4;
};

static void observe(const struct probe *p, const struct replica *r, double *sum) {
    struct structure s;
    const struct lattice *l = &r->model->lattice;
    structure_count(&s, r->model, &p->f->species, &r->state.x);
    double tm_layer = 0;
    for (int64_t site = 0; site < r->state.n_sites; site++) {
        struct lattice_coord c = lattice_coord_of(l, site);
        tm_layer += c.kind != SITE_O && lattice_is_tm_gap(c.plane) &&
                    r->state.x.occupancy[site] == CATION_LI;
    }
    const double now[OBSERVABLES] = {1e-6 * (double)r->state.energy_ueV,
                                     (double)s.li_tet,
                                     tm_layer,
                                     (double)s.species[p->ni3],
                                     (double)s.species[p->ni4],
                                     (double)s.species[p->co4],
                                     (double)s.species[p->mn4],
                                     (double)s.hole};
    for (int k = 0; k < OBSERVABLES; k++)
        sum[k] += now[k];
}

/* Means by the ordinary moves, then by transport from where they ended. */
static void sample(struct probe *p, struct diffusion_run *w, double *still, double *moving) {
    struct replica *r = w->r;
    struct electrode held = {w->electrode.voltage_ueV, 10000000, r->state.n_li};
    struct engine_equilibrated eq;
    int64_t n = r->state.n_li, draws = (int64_t)(4 * (double)r->state.n_sites);
    for (int k = 0; k < ROUNDS; k++) {
        r->ops->equilibrate(r->engine, &held, 0, draws, draws, &eq);
        observe(p, r, still);
    }
    cr_assert(diffusion_release(w));
    int64_t steps = 0;
    for (w->step_s = 1e-12; w->ions.hops < 2 * w->ions.n; w->step_s *= steps++ % 2 ? 1.5 : 1)
        diffusion_step(w);
    ions_restart(&w->ions);
    diffusion_step(w);
    w->step_s *= 0.2 * (double)w->ions.n / (double)(w->ions.hops + 1);
    ions_restart(&w->ions);
    for (int k = 0; k < STEPS; k++) {
        diffusion_step(w);
        observe(p, r, moving);
    }
    cr_log_info("%.1f hops of a Li+, %.1f events a hop\n", (double)w->ions.hops / (double)n,
                (double)w->ions.events / (double)w->ions.hops);
    cr_assert_eq(r->state.n_li, n);
    for (int k = 0; k < OBSERVABLES; k++) {
        still[k] /= ROUNDS;
        moving[k] /= STEPS;
    }
}

static void compare(const char *source, double li, const char *const *set) {
    struct fixture *f = fixture_create(source, set);
    struct probe p = {f, fixture_species(f, "Ni", 3), fixture_species(f, "Ni", 4),
                      fixture_species(f, "Co", 4), fixture_species(f, "Mn", 4)};
    struct rate_model *model = malloc(2 * sizeof *model);
    uint8_t *pristine = malloc((size_t)fixture_state(f)->n_sites);
    cr_assert(model && pristine);
    diffusion_models(f->model, &model[0], &model[1]);
    memcpy(pristine, fixture_state(f)->x.occupancy, (size_t)fixture_state(f)->n_sites);
    struct diffusion d = {.still = &model[0],
                          .moving = &model[1],
                          .step_hops = 0.1,
                          .sweeps = 8,
                          .approach_sweeps = 40,
                          .kappa_ueV = 20000};
    struct diffusion_point point = {NAN, li};
    double a[OBSERVABLES][STREAMS], b[OBSERVABLES][STREAMS];
    for (uint32_t stream = 0; stream < STREAMS; stream++) {
        struct diffusion_run w;
        double still[OBSERVABLES] = {0}, moving[OBSERVABLES] = {0};
        fixture_state(f)->random = (struct philox){20261126, stream};
        cr_assert(diffusion_begin(&w, &d, &f->replica, pristine, &point));
        sample(&p, &w, still, moving);
        for (int k = 0; k < OBSERVABLES; k++) {
            a[k][stream] = still[k];
            b[k][stream] = moving[k];
        }
        diffusion_end(&w);
    }
    for (int k = 0; k < OBSERVABLES; k++) {
        struct statistics_difference z = statistics_paired(b[k], a[k], STREAMS);
        double error = z.estimate.standard_error, off = z.estimate.mean;
        cr_log_info("%-18s equilibrate %11.4f, transport less that %+8.4f +- %7.4f  z %+5.2f\n",
                    NAMES[k], statistics_mean(a[k], STREAMS), off, error,
                    error > 0 ? off / error : 0.0);
        cr_expect(fabs(off) <= 4 * error, "%s: %+.4g +- %.2g, limit 4 errors (seed 20261126)",
                  NAMES[k], off, error);
    }
    free(model);
    free(pristine);
    fixture_free(f);
}

#define BOX                                                                                        \
    "structure.cells_a=6", "structure.cells_b=6", "structure.repeats=1",                           \
        "conditions.temperature_K=450"

Test(transport, samples_what_equilibrate_samples_in_nmc) {
    compare("builtin:nmc111", 0.34, FIXTURE_SET(BOX));
}

/* Li+ in both layers, holes on O, and tets made cheap so that many are occupied. */
Test(transport, samples_what_equilibrate_samples_with_holes_and_tets) {
    compare("builtin:o3-lmr", 0.8,
            FIXTURE_SET(BOX, "model.li_tet_eV=0.0", "model.face_tet_oct_li_li_eV=0.1",
                        "model.face_tet_oct_li_tm_eV=0.0"));
}
