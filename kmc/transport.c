#include "transport.h"
#include <math.h>

static bool refuse(const struct scenario *s, const char *key, FILE *errors, const char *problem,
                   const char *hint) {
    fprintf(errors, "%s: error: %s: %s\n    hint: %s\n", scenario_place(s, key), key, problem,
            hint);
    return false;
}

/* Does the surface have what a scenario wants of it? */
static bool has_surface(const struct scenario *s, const struct supercell *cell, FILE *errors) {
    static const char *const key[] = {"surface.exchange_current_A_per_m2", "surface.film_ohm_m2"};
    for (int k = 0; k < 2; k++)
        if (scenario_real(s, key[k]) > 0 && cell->surface_m2_per_g == 0)
            return refuse(s, key[k], errors, "expected a free surface, found a periodic box",
                          "use structure.geometry=film, slab or particle");
    return true;
}

bool transport_init(struct rate_model *m, const struct scenario *s, const struct supercell *cell,
                    FILE *errors) {
    if (!has_surface(s, cell, errors))
        return false;
    if (!scenario_flag(s, "kinetics.lithium_transport"))
        return true;
    double share = cell->width_A / 10 / scenario_real(s, "surface.particle_nm");
    if (cell->width_A == 0)
        return refuse(s, "kinetics.lithium_transport", errors,
                      "expected edges through which Li+ enters, found a box without",
                      "use structure.geometry=film or particle");
    if (share > 1)
        return refuse(s, "surface.particle_nm", errors,
                      "expected a particle at least as wide as the box",
                      "kmc check prints the size of the box, vacuum included");
    m->with_lithium = m->with_edges = m->mobile[CATION_LI] = 1;
    m->lithium_share = share * share;
    m->surface_share = share;
    m->lithium_firings = scenario_real(s, "kinetics.lithium_firings");
    m->lithium_tries = scenario_real(s, "kinetics.lithium_tries");
    double sweeps = scenario_real(s, "kinetics.equilibration_sweeps");
    m->lithium_tries_a_draw = m->lithium_tries / (sweeps > 1 ? sweeps : 1);
    return true;
}

void transport_rest(struct rate_model *resting, const struct rate_model *m) {
    *resting = *m;
    resting->with_lithium = resting->with_edges = 0;
    resting->mobile[CATION_LI] = resting->with_exchange;
}

void transport_surface_init(struct transport_surface *t, const struct scenario *s) {
    t->exchange_A_per_m2 = scenario_real(s, "surface.exchange_current_A_per_m2");
    t->film_ohm_m2 = scenario_real(s, "surface.film_ohm_m2");
}

/* tables_log, not asinh: the same on every machine. */
static double inverse_sinh(double x) {
    double y = tables_log(fabs(x) + sqrt(x * x + 1));
    return x < 0 ? -y : y;
}

double transport_surface_V(const struct transport_surface *t, const struct rate_model *m,
                           double mA_per_g, double m2_per_g) {
    if (m2_per_g == 0 || mA_per_g == 0)
        return 0;
    double j = 1e-3 * mA_per_g / m2_per_g, eta = t->film_ohm_m2 * j;
    if (t->exchange_A_per_m2 > 0)
        eta += 2e-6 * m->boltzmann.kT_ueV * inverse_sinh(j / (2 * t->exchange_A_per_m2));
    return eta;
}
