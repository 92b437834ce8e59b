/* Guarantees of the library of lattices/data and lattices/scenarios: every number of the model has a prior interval, elements join a scenario only when it
 * names them, every built-in scenario makes a neutral crystal of the composition it states, polyanions, surface gradients and treatments sit where they
 * should, and presets change only what nobody gave.
 */
#define _POSIX_C_SOURCE 200809L
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../kernels/rate_model.h"
#include "../kmc/embedded.h"
#include "../kmc/scenario_catalogue.h"
#include "../lattices/shell.h"
#include "crystal.h"

static bool ends_with(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* ---- data ---- */

/* Energies, barriers, lengths and rates; not what a user chooses, nor a convention. */
static bool is_physical(const struct scenario_leaf *leaf) {
    bool real = leaf->type == SCENARIO_REAL || leaf->type == SCENARIO_REAL_LIST;
    bool element = strncmp(leaf->path, "elements.", 9) == 0 && ends_with(leaf->path, "_eV");
    bool other = strncmp(leaf->path, "model.", 6) == 0 || strncmp(leaf->path, "surface.", 8) == 0;
    return real && leaf->has_default && (element || other) && !ends_with(leaf->path, "reference_V");
}

Test(library, every_number_of_the_model_has_a_prior_interval) {
    const struct scenario_schema *schema = scenario_schema_get();
    double low, high;
    int n = 0;
    for (size_t i = 0; i < schema->count; i++) {
        const struct scenario_leaf *leaf = &schema->leaves[i];
        bool list = leaf->type >= SCENARIO_INT_LIST;
        if (!is_physical(leaf) ||
            (list && toml_reader_entry_at(leaf->document, leaf->fallback)->count == 0))
            continue;
        cr_assert(scenario_schema_prior(leaf, 0, &low, &high), "%s has no prior", leaf->path);
        cr_assert_lt(low, high, "%s", leaf->path);
        cr_assert_not_null(strpbrk(leaf->source, "0123456789"), "%s has no source", leaf->path);
        n++;
    }
    cr_assert_geq(n, 120, "%d", n);
}

Test(library, priors_of_lists_belong_to_their_items) {
    struct crystal *x = crystal_build(CRYSTAL_HOST, NULL, 0);
    double low, high;
    cr_assert(scenario_prior(x->s, "elements.Ni.oxidation_eV", 1, &low, &high));
    cr_assert_eq(low, 3.6);
    cr_assert_eq(high, 4.2);
    cr_assert(scenario_prior(x->s, "elements.Co.hop_barrier_eV", 1, &low, &high), "one for all");
    cr_assert_eq(high, 1.35);
    cr_assert_not(scenario_prior(x->s, "protocol.c_rate_per_h", 0, &low, &high));
    crystal_free(x);
}

/* ---- elements on demand ---- */

static bool has_element(const char *const *set, const char *symbol, char hash[17]) {
    struct crystal *x = crystal_build(CRYSTAL_HOST, set, 0);
    bool found = species_find_element(&x->t, symbol) >= 0;
    scenario_parameter_hash(x->s, hash);
    crystal_free(x);
    return found;
}

Test(library, elements_join_a_scenario_that_names_them_and_no_other) {
    char bare[17], with[17], dopant[17];
    cr_assert_not(has_element(NULL, "Cs", bare));
    cr_assert(has_element(SET("elements.Cs.tet_extra_eV=0.1"), "Cs", with));
    cr_assert(
        has_element(SET("dopant=[{element=\"Cs\", site=\"Li\", fraction=0.01}]"), "Cs", dopant));
    cr_assert_str_neq(bare, with);
    cr_assert_str_neq(bare, dopant);
    cr_assert_str_neq(with, dopant, "one number differs");
    cr_assert(has_element(SET("host.formula=Li2RuO3"), "Ru", with));
    cr_assert_not(
        has_element(SET("dopant=[{element=\"S\", site=\"O\", fraction=0.01}]"), "SO4", dopant),
        "the S of SO4 is another one");
    cr_assert_str_eq(bare, dopant, "S was there before");
}

/* ---- all built-in scenarios ---- */

static const char *const SMALL[] = {"structure.cells_a=9",     "structure.cells_b=9",
                                    "structure.repeats=1",     "structure.vacuum_cells=1",
                                    "structure.swap_sweeps=2", NULL};

struct ions {
    int64_t charge, cations, anions, li, of_element[ELEMENT_MAX];
};

static void count_anion(const struct crystal *x, uint8_t byte, struct ions *n) {
    static const int charge[] = {2, 0, 0, 0, 1, 2, 1};
    if (byte == ANION_VACANCY)
        return;
    cr_assert_leq(byte, ANION_CL);
    n->anions++;
    n->charge -= charge[byte];
    for (int e = 0; e < x->t.n_elements; e++)
        n->of_element[e] +=
            byte && x->t.elements[e].role == ROLE_ANION && x->t.elements[e].anion_state == byte;
}

static struct ions count_ions(const struct crystal *x) {
    struct ions n = {.charge = 0};
    for (int64_t s = 0; s < lattice_n_sites(&x->c.lattice); s++) {
        uint8_t byte = x->c.occupancy[s];
        if (byte == SITE_OUTSIDE)
            continue;
        if (lattice_coord_of(&x->c.lattice, s).kind == SITE_O) {
            count_anion(x, byte, &n);
        } else if (byte != SPECIES_VACANCY) {
            n.cations++;
            n.charge += x->t.species[byte].charge;
            n.li += byte == SPECIES_LI;
            if (x->t.species[byte].element >= 0)
                n.of_element[x->t.species[byte].element]++;
        }
    }
    return n;
}

/* Of an element that the host lacks there are as many as the dopants say. */
static void expect_dopants(const struct crystal *x, const struct ions *n, const char *name) {
    for (size_t k = 0; k < scenario_count(x->s, "dopant"); k++) {
        char key[64];
        snprintf(key, sizeof key, "dopant[%zu].element", k);
        int e = species_find_element(&x->t, scenario_text(x->s, key));
        snprintf(key, sizeof key, "dopant[%zu].fraction", k);
        double expected = scenario_real(x->s, key) * (double)x->c.n_formula;
        if (!strstr(scenario_text(x->s, "host.formula"), x->t.elements[e].symbol))
            cr_assert_float_eq((double)n->of_element[e], expected, 1.0, "%s: %s", name,
                               x->t.elements[e].symbol);
    }
}

Test(library, every_scenario_is_neutral_and_has_its_composition) {
    int made = 0;
    for (size_t i = 0; i < embedded_file_count; i++) {
        char name[128];
        if (strncmp(embedded_files[i].name, "scenarios/", 10) != 0)
            continue;
        snprintf(name, sizeof name, "builtin:%.*s", (int)strcspn(embedded_files[i].name + 10, "."),
                 embedded_files[i].name + 10);
        struct crystal *x = crystal_build(name, SMALL, 0);
        struct ions n = count_ions(x);
        cr_assert_eq(n.charge, 0, "%s: charge %lld", name, (long long)n.charge);
        cr_assert_eq(n.li, x->c.n_li, "%s", name);
        if (strcmp(scenario_text(x->s, "surface.treatment"), "none") == 0) {
            cr_assert_eq(n.cations, 2 * x->c.n_formula, "%s", name);
            cr_assert_eq(n.anions, 2 * x->c.n_formula, "%s", name);
        }
        expect_dopants(x, &n, name);
        crystal_free(x);
        made++;
    }
    cr_assert_geq(made, 100);
}

/* ---- polyanions ---- */

static void expect_centres(const char *stacking, double settled_least) {
    struct crystal *x = crystal_build("builtin:lmr-po4", SET(stacking), 0);
    const struct lattice *l = &x->c.lattice;
    int e = species_find_element(&x->t, "PO4"), all = 0, settled = 0;
    cr_assert_str_eq(x->t.species[x->t.elements[e].species_first].symbol, "P");
    cr_assert_not_null(strstr(x->c.composition, "P0.0197"), "%s", x->c.composition);
    for (int64_t s = 0; s < lattice_n_sites(l); s++) {
        struct lattice_coord at = lattice_coord_of(l, s);
        const struct lattice_stencil *st = lattice_stencil_of(l, at);
        if (at.kind == SITE_O || x->c.occupancy[s] != x->t.elements[e].species_first)
            continue;
        all++;
        if (at.kind == SITE_OCT)
            continue;
        settled++;
        cr_assert_not(lattice_is_tm_gap(at.plane));
        int vacant = 0;
        for (int f = 0; f < st->n_face; f++) {
            struct lattice_coord other = lattice_step(l, at, st->face[f]);
            bool oct = other.kind == SITE_OCT && lattice_is_tm_gap(other.plane);
            vacant += oct && x->c.occupancy[lattice_site(l, other)] == SPECIES_VACANCY;
        }
        cr_assert_geq(vacant, 1, "the oct that it left");
    }
    cr_assert_eq(all, 17);
    cr_assert_geq(settled, settled_least * all);
    crystal_free(x);
}

Test(library, centres_of_polyanions_leave_an_octahedron_for_a_tetrahedron) {
    expect_centres("structure.stacking=ABCABC", 1.0);
    struct crystal *x =
        crystal_build("builtin:lmr-po4", SET("structure.stacking=ABCB", "structure.repeats=3"), 0);
    cr_assert_eq(count_ions(x).charge, 0, "O2");
    crystal_free(x);
}

/* ---- surfaces ---- */

/* Mean depth of the octs that hold a byte, by the shell's own O. */
static double mean_depth(const struct crystal *x, const struct shell *s, uint8_t byte) {
    const struct lattice *l = &x->c.lattice;
    double sum = 0, n = 0;
    for (int64_t site = 0; site < lattice_n_sites(l); site++) {
        struct lattice_coord at = lattice_coord_of(l, site);
        if (at.kind != SITE_OCT || x->c.occupancy[site] != byte || lattice_is_tm_gap(at.plane))
            continue;
        uint8_t depth = SHELL_DEEP;
        const struct lattice_stencil *st = lattice_stencil_of(l, at);
        for (int v = 0; v < st->n_vertex; v++) {
            struct lattice_coord o = lattice_step(l, at, st->vertex[v]);
            bool outside = x->c.occupancy[lattice_site(l, o)] == SITE_OUTSIDE;
            uint8_t d = outside ? 0 : s->depth[lattice_oxygen_index(l, o)];
            depth = d < depth ? d : depth;
        }
        sum += depth;
        n++;
    }
    cr_assert_gt(n, 0);
    return sum / n;
}

Test(library, dopants_gather_near_the_surface) {
    static const char *const spread[] = {"dopant[0].surface_depth_nm=0", "dopant[0].fraction=0.05",
                                         NULL},
                             *const near[] = {"dopant[0].surface_depth_nm=0.3",
                                              "dopant[0].fraction=0.05", NULL};
    double depth[2];
    for (int k = 0; k < 2; k++) {
        struct crystal *x = crystal_build("builtin:lmr-k-surface", k ? near : spread, 0);
        struct shell s;
        struct ions n = count_ions(x);
        int e = species_find_element(&x->t, "K");
        cr_assert(shell_create(&s, &x->c.lattice, x->c.occupancy, (struct philox){0}));
        depth[k] = mean_depth(x, &s, (uint8_t)x->t.elements[e].species_first);
        cr_assert_eq(n.of_element[e], 43, "gathering loses none");
        shell_free(&s);
        crystal_free(x);
    }
    /* 12 planes: 0 to 5 steps, 1.7 to 2.3 on average when spread; at 1.05 steps 1/(e^(1/1.05)-1) = 0.6 */
    cr_assert(depth[0] > 1.4 && depth[0] < 2.6, "%g", depth[0]);
    cr_assert(depth[1] > 0.2 && depth[1] < 1.0, "%g", depth[1]);
}

Test(library, treatments_take_their_shares_out_of_the_shell_alone) {
    struct crystal *x =
        crystal_build("builtin:lmr-slab",
                      SET("surface.shell_nm=0.5", "surface.shell_oxygen_vacancies=0.25",
                          "surface.shell_lithium_vacancies=0.5"),
                      0);
    const struct lattice *l = &x->c.lattice;
    struct shell s;
    int64_t sites[2] = {0, 0}, vacant[2] = {0, 0};
    cr_assert(shell_create(&s, l, x->c.occupancy, (struct philox){0}));
    for (int64_t site = 0; site < lattice_n_sites(l); site++) {
        struct lattice_coord at = lattice_coord_of(l, site);
        if (at.kind != SITE_O || x->c.occupancy[site] == SITE_OUTSIDE)
            continue;
        int deep = s.depth[lattice_oxygen_index(l, at)] > 1; /* 0.5 nm: steps 0 and 1 */
        sites[deep]++;
        vacant[deep] += x->c.occupancy[site] == ANION_VACANCY;
    }
    cr_assert_eq(sites[0], 4 * 144, "two planes on each face");
    cr_assert_eq(vacant[0], 144);
    cr_assert_eq(vacant[1], 0);
    cr_assert_eq(count_ions(x).charge, 0);
    shell_free(&s);
    crystal_free(x);
}

static double charge_closed(const char *name, const char *const *set) {
    struct crystal *x = crystal_build(name, set, 0);
    double e = x->c.charge_correction;
    crystal_free(x);
    return e;
}

Test(library, missing_oxygen_leaves_electrons_and_li2o_none) {
    double bare = charge_closed("builtin:lmr-slab", NULL);
    double oxygen = charge_closed(
        "builtin:lmr-slab", SET("surface.shell_nm=0.5", "surface.shell_oxygen_vacancies=0.25"));
    double acid = charge_closed("builtin:lmr-treated-acid", NULL);
    cr_assert_float_eq(oxygen - bare, 2.0 * 144 / 864, 1e-9);
    cr_assert_float_eq(acid - bare, 0, 0.02);
}

/* ---- presets ---- */

static double coated(const char *const *set, const char *key) {
    struct crystal *x = crystal_build("builtin:lmr-alpo4-coated", set, 0);
    double value = scenario_real(x->s, key);
    crystal_free(x);
    return value;
}

Test(library, presets_follow_each_other_and_give_way_to_the_user) {
    static const char side[] = "surface.side_reaction_A_per_m2",
                      loss[] = "surface.oxygen_loss_extra_eV";
    cr_assert_float_eq(coated(NULL, side), 0.3e-6, 1e-12, "factor on the electrolyte's value");
    cr_assert_float_eq(coated(SET("conditions.additive=borate"), side), 0.09e-6, 1e-12);
    cr_assert_float_eq(coated(SET("surface.side_reaction_A_per_m2=2e-6"), side), 2e-6, 1e-15,
                       "given by the user");
    cr_assert_float_eq(coated(NULL, loss), 0.15, 1e-12);
    cr_assert_float_eq(coated(SET("surface.coating=none"), loss), 0, 1e-12);
    struct crystal *x = crystal_build("builtin:lmr-alpo4-coated", NULL, 0);
    char hash[17];
    scenario_parameter_hash(x->s, hash);
    cr_assert_str_eq(scenario_place(x->s, loss), "preset surface.coating=AlPO4");
    crystal_free(x);
    x = crystal_build(CRYSTAL_HOST, NULL, 0);
    char host[17];
    scenario_parameter_hash(x->s, host);
    cr_assert_str_eq(hash, host, "a coating is no parameter of the crystal");
    crystal_free(x);
}

/* Presets are not applied twice, elements that joined are there. */
static void expect_resolved(const char *source) {
    char path[] = "/tmp/test_library_XXXXXX", first[17], second[17];
    struct scenario *s = scenario_load(source, NULL, 0, stderr);
    int descriptor = mkstemp(path);
    cr_assert_geq(descriptor, 0);
    FILE *out = fdopen(descriptor, "w");
    cr_assert_eq(scenario_write_resolved(s, out), 0);
    fclose(out);
    scenario_hash(s, first);
    scenario_free(s);
    s = scenario_load(path, NULL, 0, stderr);
    cr_assert_not_null(s, "%s", source);
    scenario_hash(s, second);
    cr_assert_str_eq(first, second, "%s", source);
    scenario_free(s);
    remove(path);
}

Test(library, resolved_files_of_all_scenarios_load_to_the_same_values) {
    for (size_t i = 0; i < embedded_file_count; i++) {
        char name[128];
        if (strncmp(embedded_files[i].name, "scenarios/", 10) != 0)
            continue;
        snprintf(name, sizeof name, "builtin:%.*s", (int)strcspn(embedded_files[i].name + 10, "."),
                 embedded_files[i].name + 10);
        expect_resolved(name);
    }
}

Test(library, every_choice_of_a_preset_loads) {
    const struct scenario_schema *schema = scenario_schema_get();
    int n = 0;
    for (int i = 0; scenario_catalogue_key(i); i++) {
        const struct scenario_leaf *leaf = scenario_schema_find(schema, scenario_catalogue_key(i));
        const struct toml_reader_document *d = leaf->choices_document;
        size_t list = leaf->choices;
        for (size_t k = list + 1; k < toml_reader_entry_at(d, list)->next; k++, n++) {
            char set[128];
            snprintf(set, sizeof set, "%s=%s", leaf->path, toml_reader_entry_at(d, k)->text);
            struct scenario *s =
                scenario_load("builtin:lmr-slab", (const char *const[]){set}, 1, stderr);
            cr_assert_not_null(s, "%s", set);
            scenario_free(s);
        }
        /* as many entries as choices besides "none" */
        FILE *nowhere = fopen("/dev/null", "w");
        cr_assert_eq(scenario_catalogue_write(scenario_catalogue_family(i), true, nowhere) + 1,
                     toml_reader_entry_at(d, list)->count);
        fclose(nowhere);
    }
    cr_assert_geq(n, 25);
}

Test(library, a_coating_needs_a_surface) {
    char *message;
    size_t size;
    FILE *errors = open_memstream(&message, &size);
    cr_assert_null(scenario_load(CRYSTAL_HOST, SET("surface.coating=AlPO4"), 1, errors));
    fclose(errors);
    cr_assert_not_null(strstr(message, "free surface"), "%s", message);
    free(message);
}

static void expect_listed(const char *family, const char *part) {
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    cr_assert(scenario_write_family(family, true, out), "%s", family);
    fclose(out);
    cr_assert_not_null(strstr(text, part), "%s: no \"%s\"", family, part);
    free(text);
}

Test(library, families_are_listed_with_parameters_priors_and_sources) {
    expect_listed("dopants", "elements.Nb.hop_barrier_eV = [1.4] [1.1, 1.8]  estimate");
    expect_listed("dopant", "charge: none needed");
    expect_listed("dopants", "PO4 on TM for Mn, 0.02 a formula unit; builtin:lmr-po4");
    expect_listed("codopants", "builtin:lmr-na-f");
    expect_listed("coatings", "surface.oxygen_loss_extra_eV += 0.15 [0, 0.3]");
    expect_listed("literature", "builtin:lit-cs");
    FILE *nowhere = fopen("/dev/null", "w");
    cr_assert_not(scenario_write_family("nothing", false, nowhere));
    cr_assert_not(scenario_write_family("", false, nowhere));
    fclose(nowhere);
}
