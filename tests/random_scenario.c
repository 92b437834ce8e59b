#include "random_scenario.h"
#include <math.h>
#include <string.h>
#include "../kernels/philox.h"
#include "../kmc/embedded.h"
#include "../kmc/scenario_schema.h"

/* The purpose number is not one of the program's streams. */
struct dice {
    struct philox random;
    uint64_t n;
};

static uint32_t roll(struct dice *d, uint32_t sides) {
    return philox_below(philox_draw(d->random, 202, 0, d->n++).v[0], sides);
}

static double part(struct dice *d) {
    return roll(d, 1u << 30) * 0x1p-30;
}

static double between(struct dice *d, double low, double high) {
    return low + part(d) * (high - low);
}

/* ---- keys with a range of their own ---- */

struct own_range {
    const char *path;
    double low, high; /* both the same: always set to it */
};

static const struct own_range own_range[] = {
    {"run.replicas", 1, 1},
    {"run.threads", 1, 1},
    {"output.check_every", 1, 1},
    {"protocol.cycles", 1, 2},
    {"protocol.slice_percent", 1, 20},
    {"structure.cells_a", 3, 9},
    {"structure.cells_b", 3, 9},
    {"structure.repeats", 1, 2},
    {"structure.vacuum_cells", 1, 2},
    {"structure.domain_cells", 3, 9},
    {"structure.swap_sweeps", 0, 4},
    {"kinetics.equilibration_sweeps", 0, 1},
    {"kinetics.initial_sweeps", 0, 2},
    {"kinetics.sub_slices", 1, 3},
    {"kinetics.sub_slices_max", 2, 5},
    {"kinetics.lithium_sub_slices", 1, 4},
    {"kinetics.windows", 1, 4},
    {"kinetics.stiff_firings", 0.1, 4},
    {"kinetics.lithium_firings", 0.1, 2},
    {"kinetics.lithium_tries", 0.1, 2},
};

static const struct own_range *own_range_of(const char *path) {
    for (size_t k = 0; k < sizeof own_range / sizeof *own_range; k++)
        if (strcmp(path, own_range[k].path) == 0)
            return &own_range[k];
    return NULL;
}

static void write_own(struct dice *d, const struct scenario_leaf *leaf,
                      const struct own_range *range, FILE *out) {
    bool plane = strncmp(leaf->path, "structure.cells", 15) == 0;
    double v = between(d, range->low, range->high);
    if (plane && roll(d, 2)) /* fits the honeycomb */
        v = 6;
    else if (plane && roll(d, 8) == 0) /* more than one tile and region */
        v = 18 + roll(d, 8);
    if (leaf->type == SCENARIO_INT)
        fprintf(out, "%s = %.0f\n", leaf->path, floor(v));
    else
        fprintf(out, "%s = %.17e\n", leaf->path, v);
}

/* ---- all others ---- */

static double clipped(const struct scenario_leaf *leaf, double v) {
    v = leaf->has_min && v < leaf->min ? leaf->min : v;
    return leaf->has_max && v > leaf->max ? leaf->max : v;
}

/* At a limit, anywhere in the range, or near `fallback`. */
static double number(struct dice *d, const struct scenario_leaf *leaf, double fallback) {
    bool bounded = leaf->has_min && leaf->has_max;
    switch (bounded ? roll(d, 10) : 9) {
    case 0:
        return leaf->min;
    case 1:
        return leaf->max;
    case 2:
        return between(d, leaf->min, leaf->max);
    case 3: /* over all magnitudes */
        return clipped(leaf, fallback * exp(between(d, -12, 12)));
    default:
        return clipped(leaf, fallback + between(d, -0.3, 0.3) * fmax(fabs(fallback), 0.5));
    }
}

static void write_list(struct dice *d, const struct scenario_leaf *leaf,
                       const struct toml_reader_entry *list, FILE *out) {
    fprintf(out, "%s = [", leaf->path);
    for (size_t k = 1; k <= list->count; k++)
        fprintf(out, "%s%.17e", k > 1 ? ", " : "",
                number(d, leaf, toml_reader_entry_at(leaf->document, leaf->fallback + k)->real));
    fputs("]\n", out);
}

static void write_choice(struct dice *d, const struct scenario_leaf *leaf, FILE *out) {
    size_t n = toml_reader_entry_at(leaf->choices_document, leaf->choices)->count;
    size_t pick = leaf->choices + 1 + roll(d, (uint32_t)n);
    fprintf(out, "%s = \"%s\"\n", leaf->path,
            toml_reader_entry_at(leaf->choices_document, pick)->text);
}

static void write_any(struct dice *d, const struct scenario_leaf *leaf, FILE *out) {
    const struct toml_reader_entry *fallback = toml_reader_entry_at(leaf->document, leaf->fallback);
    if (leaf->choices)
        write_choice(d, leaf, out);
    else if (leaf->type == SCENARIO_FLAG)
        fprintf(out, "%s = %s\n", leaf->path, roll(d, 2) ? "true" : "false");
    else if (leaf->type == SCENARIO_INT)
        fprintf(out, "%s = %.0f\n", leaf->path, floor(number(d, leaf, (double)fallback->integer)));
    else if (leaf->type == SCENARIO_REAL)
        fprintf(out, "%s = %.17e\n", leaf->path, number(d, leaf, fallback->real));
    else if (leaf->type == SCENARIO_REAL_LIST)
        write_list(d, leaf, fallback, out);
}

static bool begins(const char *path, const char *with) {
    return strncmp(path, with, strlen(with)) == 0;
}

/* One key in so many is drawn; 0 = none.  Presets of surfaces and what makes an element are mostly refused where they do not fit. */
static uint32_t rarity(const struct scenario_leaf *leaf) {
    if (begins(leaf->path, "elements."))
        return leaf->type == SCENARIO_INT || leaf->type == SCENARIO_TEXT ? 2000 : 60;
    if (begins(leaf->path, "model."))
        return 25;
    if (begins(leaf->path, "run.") || begins(leaf->path, "output.") ||
        begins(leaf->path, "host.") || begins(leaf->path, "structure.geometry"))
        return 0;
    return begins(leaf->path, "protocol.") ? 16 : leaf->choices ? 20 : 10;
}

static void write_keys(struct dice *d, FILE *out) {
    const struct scenario_schema *schema = scenario_schema_get();
    for (size_t k = 0; k < schema->count; k++) {
        const struct scenario_leaf *leaf = &schema->leaves[k];
        const struct own_range *own = own_range_of(leaf->path);
        if (own)
            write_own(d, leaf, own, out);
        else if (leaf->has_default && !leaf->is_template && !leaf->on_demand && rarity(leaf) &&
                 roll(d, rarity(leaf)) == 0)
            write_any(d, leaf, out);
    }
}

/* ---- texts ---- */

static void write_stacking(struct dice *d, FILE *out) {
    static const char letter[] = "ABC";
    uint32_t n = 4 + 2 * roll(d, 3), last = 0;
    fputs("structure.stacking = \"A", out);
    for (uint32_t k = 1; k < n; k++) {
        uint32_t next = (last + 1 + roll(d, 2)) % 3;
        if (k + 1 == n && next == 0) /* the last plane meets the first */
            next = 3 - last;
        last = next;
        fputc(letter[last], out);
    }
    fputs("\"\n", out);
}

/* Neutral with Ni2+, Co3+, Mn4+. */
static void write_formula(struct dice *d, FILE *out) {
    double li = between(d, 1, 1.33), co = between(d, 0, fmin(0.4, 4 - 3 * li));
    double mn = (li - co) / 2;
    fprintf(out, "host.formula = \"Li%.4fNi%.4fCo%.4fMn%.4fO2\"\n", li, 2 - li - co - mn, co, mn);
}

/* Where an element of this role sits. */
static const char *site_of(const char *role) {
    if (strcmp(role, "pillar") == 0)
        return "Li";
    return strcmp(role, "anion") == 0 ? "O" : "TM";
}

static const struct scenario_leaf *random_role(struct dice *d) {
    const struct scenario_schema *schema = scenario_schema_get();
    for (;;) {
        const struct scenario_leaf *leaf = &schema->leaves[roll(d, (uint32_t)schema->count)];
        size_t n = strlen(leaf->path);
        if (begins(leaf->path, "elements.") && !leaf->is_template && leaf->has_default &&
            strcmp(leaf->path + n - 5, ".role") == 0)
            return leaf;
    }
}

static void write_dopant(struct dice *d, FILE *out) {
    static const char *const other[] = {"", "", "Mn", "Ni", "Co", "Li", "O", "Al"};
    const struct scenario_leaf *leaf = random_role(d);
    const char *site = site_of(toml_reader_entry_at(leaf->document, leaf->fallback)->text);
    size_t symbol = strlen("elements.");
    double amount = part(d);
    fprintf(out, "[[dopant]]\nelement = \"%.*s\"\nsite = \"%s\"\nfraction = %.6f\n",
            (int)(strlen(leaf->path) - symbol - strlen(".role")), leaf->path + symbol,
            roll(d, 8) ? site : "TM", 0.3 * amount * amount);
    if (roll(d, 3) == 0)
        fprintf(out, "surface_depth_nm = %.3f\n", 3 * part(d));
    fprintf(out, "replaces = \"%s\"\n",
            strcmp(site, "TM") == 0 && roll(d, 4) ? "Mn" : other[roll(d, 8)]);
}

/* ---- the file ---- */

static void write_base(struct dice *d, FILE *out) {
    static const char *const common[] = {"o3-lmr", "o2-lmr", "nmc111", "lmr-slab"};
    const struct embedded_file *file = &embedded_files[roll(d, (uint32_t)embedded_file_count)];
    if (!begins(file->name, "scenarios/"))
        fprintf(out, "base = \"builtin:%s\"\n", common[roll(d, 4)]);
    else
        fprintf(out, "base = \"builtin:%.*s\"\n", (int)(strlen(file->name) - 15), file->name + 10);
}

void random_scenario_write(uint64_t seed, FILE *out) {
    static const char *const geometry[] = {"bulk", "slab", "film", "particle"};
    struct dice d = {{seed, 0}, 0};
    write_base(&d, out);
    fprintf(out, "run.seed = %llu\nrun.engine = \"%s\"\n", (unsigned long long)(seed & 0xffffffff),
            roll(&d, 2) ? "exact" : "cpu");
    if (roll(&d, 2))
        fprintf(out, "structure.geometry = \"%s\"\n", geometry[roll(&d, 4)]);
    if (roll(&d, 2))
        write_stacking(&d, out);
    if (roll(&d, 4) == 0)
        write_formula(&d, out);
    write_keys(&d, out);
    for (uint32_t n = roll(&d, 2) ? roll(&d, 3) : 0; n > 0; n--)
        write_dopant(&d, out);
}
