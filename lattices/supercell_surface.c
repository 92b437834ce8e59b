#include "supercell_surface.h"
#include <math.h>
#include <string.h>
#include "../kernels/rate_model.h"
#include "shell.h"

/* The host ion whose places a dopant shares; 255 = not known. */
static uint8_t partner_byte(const struct supercell_builder *b, enum sublattice site,
                            const char *replaces) {
    int e = species_find_element(b->t, replaces);
    if (site != SUBLATTICE_TM)
        return site == SUBLATTICE_LI ? SPECIES_LI : ANION_OXIDE;
    return e < 0 ? SITE_OUTSIDE : (uint8_t)species_of(b->t, e, b->t->elements[e].valence_initial);
}

/* Dopant k, dealt evenly before, gathers near the surface. */
static void gather_dopant(struct supercell_builder *b, struct shell *shell, size_t k) {
    char key[64], depth_key[64];
    snprintf(depth_key, sizeof depth_key, "dopant[%zu].surface_depth_nm", k);
    double nm = scenario_real(b->s, depth_key);
    snprintf(key, sizeof key, "dopant[%zu].element", k);
    int e = species_find_element(b->t, scenario_text(b->s, key));
    snprintf(key, sizeof key, "dopant[%zu].site", k);
    char site = scenario_text(b->s, key)[0];
    snprintf(key, sizeof key, "dopant[%zu].replaces", k);
    if (nm == 0)
        return;
    const struct element *x = &b->t->elements[e];
    enum sublattice on = site == 'L' ? SUBLATTICE_LI : site == 'T' ? SUBLATTICE_TM : SUBLATTICE_O;
    struct shell_sites sites = {
        .anion = on == SUBLATTICE_O, .gap = on == SUBLATTICE_LI, .deepest = SHELL_DEEP};
    sites.byte[0] =
        (uint8_t)(x->role == ROLE_ANION ? x->anion_state : species_of(b->t, e, x->valence_initial));
    sites.byte[1] = partner_byte(b, on, scenario_text(b->s, key));
    if (b->shape.kind == SHAPE_BULK)
        supercell_builder_complain(b, depth_key, "use structure.geometry = slab, film or particle",
                                   "expected a crystal with a free surface, found a periodic box");
    else if (x->role == ROLE_CENTRE || sites.byte[1] == SITE_OUTSIDE)
        supercell_builder_complain(
            b, depth_key, "name the ion in dopant.replaces; polyanions cannot gather",
            "expected a dopant that shares the sites of one host ion, found %s",
            x->role == ROLE_CENTRE ? "a polyanion" : "one that replaces several or none");
    else if (!shell_gather(shell, &sites, nm * 10 / b->c->a_A, STEP_GATHER + (uint32_t)k))
        supercell_builder_complain(b, "structure.cells_a", "use fewer cells",
                                   "expected memory for a surface");
}

/* O and Li missing in an outer shell. */
static void treat_surface(struct supercell_builder *b, struct shell *shell) {
    double nm = scenario_real(b->s, "surface.shell_nm");
    double oxygen = scenario_real(b->s, "surface.shell_oxygen_vacancies");
    double lithium = scenario_real(b->s, "surface.shell_lithium_vacancies");
    double steps = ceil(nm * 10 / b->c->a_A) - 1;
    if (nm == 0 || oxygen + lithium == 0)
        return;
    if (b->shape.kind == SHAPE_BULK) {
        supercell_builder_complain(b, "surface.shell_nm",
                                   "use structure.geometry = slab, film or particle",
                                   "expected a crystal with a free surface, found a periodic box");
        return;
    }
    uint8_t deepest = (uint8_t)(steps < SHELL_DEEP - 1 ? steps : SHELL_DEEP - 1);
    struct shell_sites o = {true, 2, {ANION_OXIDE, ANION_OXIDE}, deepest};
    struct shell_sites li = {false, 2, {SPECIES_LI, SPECIES_LI}, deepest};
    int64_t n_o = shell_convert(shell, &o, oxygen, ANION_VACANCY, STEP_SHELL_OXYGEN);
    int64_t n_li = shell_convert(shell, &li, lithium, SPECIES_VACANCY, STEP_SHELL_LITHIUM);
    b->treatment_e = 2 * n_o - n_li;
    b->c->n_li -= n_li;
}

static bool needs_shell(const struct supercell_builder *b) {
    bool needed = scenario_real(b->s, "surface.shell_nm") > 0;
    for (size_t k = 0; k < scenario_count(b->s, "dopant"); k++) {
        char key[64];
        snprintf(key, sizeof key, "dopant[%zu].surface_depth_nm", k);
        needed = needed || scenario_real(b->s, key) > 0;
    }
    return needed;
}

void supercell_surface_shape(struct supercell_builder *b) {
    struct shell shell;
    if (!needs_shell(b))
        return;
    if (!shell_create(&shell, &b->c->lattice, b->c->occupancy, b->rule.random))
        supercell_builder_complain(b, "structure.cells_a", "use fewer cells",
                                   "expected memory for a surface");
    for (size_t k = 0; b->ok && k < scenario_count(b->s, "dopant"); k++)
        gather_dopant(b, &shell, k);
    if (b->ok)
        treat_surface(b, &shell);
    shell_free(&shell);
}
