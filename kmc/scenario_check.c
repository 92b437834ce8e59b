/* scenario_check: combinations of values that are each in range but make no sense together.
 *
 * What needs the crystal (compositions, box against interaction range) is checked by its builder.
 */
#include "../kernels/lattice.h"
#include "scenario_catalogue.h"

#include <math.h>
#include <string.h>

enum { PLANES_MAX = LATTICE_MAX_PLANES, HIGHEST_VALENCE = 8 };

struct check {
    const struct scenario *s;
    struct scenario_problems *problems;
};

static const struct scenario_value *value(const struct check *c, const char *key) {
    return scenario_store_find(c->s, key);
}

/* Member of an element or dopant, or NULL when it has none. */
static const struct scenario_value *member(const struct check *c, const char *table,
                                           const char *name) {
    char key[3 * TOML_READER_PATH_MAX];
    snprintf(key, sizeof key, "%s.%s", table, name);
    return scenario_store_find(c->s, key);
}

/* ---- windows ---- */

/* The place of a window's problem is the end that the user wrote. */
static void check_order(const struct check *c, const char *low, const char *high) {
    const struct scenario_value *a = value(c, low), *b = value(c, high);
    double x = a->leaf->type == SCENARIO_INT ? (double)a->integer : a->real;
    double y = b->leaf->type == SCENARIO_INT ? (double)b->integer : b->real;
    bool ordered = a->leaf->type == SCENARIO_INT ? x <= y : x < y;
    if (ordered)
        return;
    const struct scenario_value *at = strcmp(a->place, "default") == 0 ? b : a;
    const struct scenario_value *other = at == a ? b : a;
    scenario_problem_report(c->problems, at->place, at->path,
                            "the window is upside down: swap or change one of the two",
                            "expected %s below %s, found %g and %g (%s: %s)", low, high, x, y,
                            other->path, other->place);
}

/* ---- stacking ---- */

static void report_stacking(const struct check *c, const char *hint, const char *expected, char a,
                            size_t at) {
    const struct scenario_value *v = value(c, "structure.stacking");
    scenario_problem_report(c->problems, v->place, v->path, hint,
                            "expected %s, found '%c' as letter %zu of \"%.100s\"", expected, a,
                            at + 1, v->text);
}

static bool check_letters(const struct check *c, const char *letters) {
    for (size_t i = 0; letters[i]; i++)
        if (letters[i] < 'A' || letters[i] > 'C') {
            report_stacking(c, "for example \"ABCABC\" (O3) or \"ABCB\" (O2)",
                            "the letters A, B and C only", letters[i], i);
            return false;
        }
    return true;
}

static void check_neighbours(const struct check *c, const char *letters, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (letters[i] == letters[(i + 1) % n]) {
            report_stacking(c,
                            "equal letters on both sides of a gap make it prismatic (P-type), "
                            "which is not supported; the last plane meets the first",
                            "neighbouring planes with different letters", letters[i], i);
            return;
        }
}

static void check_stacking(const struct check *c) {
    const struct scenario_value *v = value(c, "structure.stacking");
    const struct scenario_value *repeats = value(c, "structure.repeats");
    size_t n = strlen(v->text), planes = n * (size_t)repeats->integer;
    if (!check_letters(c, v->text))
        return;
    if (planes < 4 || planes % 2 || planes > PLANES_MAX)
        scenario_problem_report(
            c->problems, planes > PLANES_MAX && repeats->integer > 1 ? repeats->place : v->place,
            v->path,
            "gaps alternate TM, Li; planes = letters of structure.stacking times structure.repeats",
            "expected an even number of O planes from 4 to %d, found %zu letters x %lld = %zu",
            PLANES_MAX, n, (long long)repeats->integer, planes);
    if (n)
        check_neighbours(c, v->text, n);
}

/* ---- surface ---- */

/* What covers or touches a surface needs one. */
static void check_surface(const struct check *c) {
    bool bulk = strcmp(value(c, "structure.geometry")->text, "bulk") == 0;
    for (int i = 0; bulk && scenario_catalogue_key(i); i++) {
        const struct scenario_value *v = value(c, scenario_catalogue_key(i));
        if (strcmp(v->text, "none") != 0)
            scenario_problem_report(c->problems, v->place, v->path,
                                    "use structure.geometry = slab, film or particle",
                                    "expected a crystal with a free surface, found a periodic box");
    }
}

/* ---- snapshots ---- */

static void report_voltage(const struct check *c, const struct scenario_value *v, double found,
                           const char *expected, const char *hint) {
    scenario_problem_report(c->problems, v->place, v->path, hint, "expected %s, found %g", expected,
                            found);
}

/* Each voltage is met on the way, and its snapshot has a name of its own. */
static void check_snapshot_voltages(const struct check *c, const char *key) {
    const struct scenario_value *v = value(c, key);
    double low = value(c, "protocol.lower_cutoff_V")->real;
    double high = value(c, "protocol.upper_cutoff_V")->real;
    for (size_t k = 0; k < v->count; k++) {
        bool twice = false;
        if (v->items[k] < low || v->items[k] > high)
            report_voltage(c, v, v->items[k], "voltages within the cut-offs",
                           "a half-cycle ends at its cut-off; see protocol.lower_cutoff_V and "
                           "upper_cutoff_V");
        for (size_t i = 0; i < k; i++)
            twice = twice || fabs(v->items[i] - v->items[k]) < 0.001;
        if (twice)
            report_voltage(c, v, v->items[k], "voltages 0.001 V apart or more",
                           "leave one of the two out");
    }
}

static void check_snapshots(const struct check *c) {
    const struct scenario_value *every = value(c, "output.snapshot_every_cycles");
    check_snapshot_voltages(c, "output.snapshot_charge_V");
    check_snapshot_voltages(c, "output.snapshot_discharge_V");
    if (every->integer > 1 && strcmp(value(c, "output.snapshots")->text, "all") != 0)
        scenario_problem_report(
            c->problems, every->place, every->path, "set output.snapshots = \"all\"",
            "expected output.snapshots = \"all\" with it, found \"%s\" (%s)",
            value(c, "output.snapshots")->text, value(c, "output.snapshots")->place);
}

/* ---- elements ---- */

static void report_member(const struct check *c, const struct scenario_value *v, const char *hint,
                          const char *expected, double found) {
    scenario_problem_report(c->problems, v->place, v->path, hint, "expected %s, found %g", expected,
                            found);
}

static void check_length(const struct check *c, const struct scenario_value *v, size_t expected,
                         const char *hint) {
    if (v->count != expected)
        scenario_problem_report(c->problems, v->place, v->path, hint,
                                "expected a list of %zu, found a list of %zu", expected, v->count);
}

static bool check_valences(const struct check *c, const struct scenario_value *v, bool anion) {
    const char *hint = "list every oxidation state, most reduced first, for example [2, 3, 4]";
    if (v->count == 0) {
        scenario_problem_report(c->problems, v->place, v->path, hint,
                                "expected at least one valence, found an empty list");
        return false;
    }
    for (size_t i = 0; i < v->count; i++) {
        if (i && v->items[i] != v->items[i - 1] + 1)
            return report_member(c, v, hint, "ascending consecutive valences", v->items[i]), false;
        if (anion != (v->items[i] < 0) || v->items[i] == 0)
            return report_member(c, v, "cations have positive valences, anions negative ones",
                                 anion ? "a negative valence" : "a positive valence", v->items[i]),
                   false;
    }
    return true;
}

static void check_redox(const struct check *c, const char *table, const struct scenario_value *v,
                        bool anion) {
    const struct scenario_value *initial = member(c, table, "initial_valence");
    if (initial->set && ((double)initial->integer < v->items[0] ||
                         (double)initial->integer > v->items[v->count - 1]))
        report_member(c, initial, "see valences of the element", "one of the valences",
                      (double)initial->integer);
    const struct scenario_value *oxidation = member(c, table, "oxidation_eV");
    if (oxidation->set)
        check_length(c, oxidation, v->count - 1, "one energy for each step between valences");
    const struct scenario_value *hop = member(c, table, "hop_barrier_eV");
    if (hop->set)
        check_length(c, hop, anion ? 0 : v->count,
                     "one barrier for each valence; none for an anion");
}

/* One number in each list for each valence that Mn gains. */
static void check_manganese(const struct check *c) {
    const char *hint =
        "the lists model.mn_beyond_*_eV have one number for each valence above the usual ones";
    size_t n = value(c, "model.mn_beyond_oct_eV")->count;
    const struct scenario_value *valences = value(c, "elements.Mn.valences");
    check_length(c, value(c, "model.mn_beyond_tet_eV"), n, hint);
    check_length(c, value(c, "model.mn_beyond_hop_eV"), n, hint);
    if (value(c, "kinetics.manganese_beyond_4")->flag && valences->count &&
        valences->items[valences->count - 1] + (double)n > HIGHEST_VALENCE)
        report_member(c, value(c, "model.mn_beyond_oct_eV"), hint, "valences up to 8",
                      valences->items[valences->count - 1] + (double)n);
}

/* Li and O carry a mass only; nothing else may take their roles, for nothing else lacks the other members. */
static bool check_role(const struct check *c, const char *symbol,
                       const struct scenario_value *role) {
    const char *fixed = strcmp(symbol, "Li") == 0  ? "lithium"
                        : strcmp(symbol, "O") == 0 ? "oxygen"
                                                   : NULL;
    bool special = strcmp(role->text, "lithium") == 0 || strcmp(role->text, "oxygen") == 0;
    if (fixed ? strcmp(role->text, fixed) == 0 : !special)
        return !fixed;
    scenario_problem_report(c->problems, role->place, role->path,
                            "the roles of Li and O are theirs alone", "expected %s, found \"%s\"",
                            fixed ? fixed : "TM, pillar, anion or centre", role->text);
    return false;
}

static void check_element(const struct check *c, const char *symbol) {
    char table[64];
    snprintf(table, sizeof table, "elements.%.8s", symbol);
    const struct scenario_value *role = member(c, table, "role");
    if (!check_role(c, symbol, role))
        return;
    bool anion = strcmp(role->text, "anion") == 0;
    const struct scenario_value *valences = member(c, table, "valences");
    if (valences->set && role->set && check_valences(c, valences, anion))
        check_redox(c, table, valences, anion);
    const struct scenario_value *state = member(c, table, "anion_state");
    if (anion && state->integer < 4)
        report_member(c, state, "4 = like F-, 5 = like S2-, 6 = like Cl-",
                      "a state from 4 to 6 for an anion", (double)state->integer);
}

/* ---- dopants ---- */

static const char *role_of(const struct check *c, const char *symbol) {
    char table[2 * TOML_READER_PATH_MAX];
    snprintf(table, sizeof table, "elements.%.100s", symbol);
    const struct scenario_value *role = member(c, table, "role");
    return role ? role->text : NULL;
}

static void report_element(const struct check *c, const struct scenario_value *v) {
    char known[300] = "known: ";
    const char *symbol;
    for (size_t i = 0; (symbol = scenario_name_at(c->s, "elements", i)); i++)
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i ? ", " : "",
                 symbol);
    snprintf(known + strlen(known), sizeof known - strlen(known), "; or add [elements.%.10s]",
             v->text);
    scenario_problem_report(c->problems, v->place, v->path, known,
                            "expected a known element, found \"%.40s\"", v->text);
}

static bool site_takes(const char *site, const char *role) {
    if (strcmp(site, "O") == 0)
        return strcmp(role, "anion") == 0;
    if (strcmp(site, "TM") == 0)
        return strcmp(role, "TM") == 0 || strcmp(role, "centre") == 0;
    return strcmp(role, "pillar") == 0 || strcmp(role, "TM") == 0;
}

static void check_dopant_element(const struct check *c, const struct scenario_value *element,
                                 const struct scenario_value *site) {
    const char *role = role_of(c, element->text);
    if (!role)
        report_element(c, element);
    else if (*site->text && !site_takes(site->text, role))
        scenario_problem_report(
            c->problems, element->place, element->path,
            "Li sites take pillars and TM, TM sites take TM and polyanions, O sites take anions",
            "expected an element that sits on a %s site, found %s (role %s)", site->text,
            element->text, role);
}

static bool can_replace(const struct check *c, const char *site, const char *symbol) {
    const char *role = role_of(c, symbol);
    if (strcmp(site, "O") == 0)
        return strcmp(role, "oxygen") == 0;
    if (strcmp(site, "Li") == 0)
        return strcmp(role, "lithium") == 0;
    return strcmp(role, "TM") == 0 || strcmp(role, "lithium") == 0;
}

static void check_replaces(const struct check *c, const struct scenario_value *replaces,
                           const struct scenario_value *site) {
    if (!*replaces->text)
        return;
    if (!role_of(c, replaces->text))
        report_element(c, replaces);
    else if (*site->text && !can_replace(c, site->text, replaces->text))
        scenario_problem_report(c->problems, replaces->place, replaces->path,
                                "leave it empty to replace the ions of the site in proportion",
                                "expected an ion of the %s site, found \"%s\"", site->text,
                                replaces->text);
}

static void check_dopants(const struct check *c) {
    double sum[3] = {0, 0, 0}; /* ions per formula unit on Li, TM and O sites */
    for (size_t i = 0; i < scenario_count(c->s, "dopant"); i++) {
        char table[32];
        snprintf(table, sizeof table, "dopant[%zu]", i);
        const struct scenario_value *element = member(c, table, "element");
        const struct scenario_value *site = member(c, table, "site");
        const struct scenario_value *fraction = member(c, table, "fraction");
        if (element->set)
            check_dopant_element(c, element, site);
        check_replaces(c, member(c, table, "replaces"), site);
        double *total = &sum[site->text[0] == 'L' ? 0 : site->text[0] == 'T' ? 1 : 2];
        *total += fraction->real;
        if (*total > 1.0 && *total - fraction->real <= 1.0)
            report_member(c, fraction, "the fractions of all dopants of a site add up",
                          "at most 1 dopant ion per formula unit on a site", *total);
    }
}

void scenario_check(const struct scenario *s, struct scenario_problems *problems) {
    struct check c = {s, problems};
    const char *symbol;
    check_order(&c, "protocol.lower_cutoff_V", "protocol.upper_cutoff_V");
    check_order(&c, "protocol.plateau_low_V", "protocol.plateau_high_V");
    check_order(&c, "protocol.fade_window_low_mAh_per_g", "protocol.fade_window_high_mAh_per_g");
    check_order(&c, "kinetics.sub_slices", "kinetics.sub_slices_max");
    check_stacking(&c);
    check_surface(&c);
    check_snapshots(&c);
    for (size_t i = 0; (symbol = scenario_name_at(s, "elements", i)); i++)
        check_element(&c, symbol);
    check_manganese(&c);
    check_dopants(&c);
}
