#include "verify.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "checkpoint.h"
#include "frames.h"
#include "output.h"
#include "runfiles.h"
#include "simulation.h"

enum { EXIT_INPUT = 2, EXIT_MEMORY = 4, EXIT_IO = 5, PATH_BYTES = 1300 };
static const double TOLERANCE = 1e-6; /* relative; cycles.csv has nine digits */

/* One run while it is looked at. */
struct job {
    struct verify *v;
    const char *directory;
    struct scenario *scenario;
    struct simulation sim;
    struct replica replica; /* as built; stored states are read into it */
    struct runfiles_run files;
    bool has_cycles; /* `files` is open; an interrupted run may have none */
};

/* ---- rows ---- */

static bool row(struct job *j, bool good, const char *what, const char *format, ...) {
    char text[400];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    struct verify *v = j->v;
    if (v->json) {
        fprintf(v->out, "%s\n  {\"directory\": ", v->checked ? "," : "");
        output_json_string(v->out, j->directory);
        fputs(", \"what\": ", v->out);
        output_json_string(v->out, what);
        fputs(", \"detail\": ", v->out);
        output_json_string(v->out, text);
        fprintf(v->out, ", \"ok\": %s}", good ? "true" : "false");
    } else {
        fprintf(v->out, "%-7s %s/%s: %s\n", good ? "ok" : "FAILED", j->directory, what, text);
    }
    v->checked++;
    v->failed += !good;
    return good;
}

static bool agrees(double a, double b) {
    if (isnan(a) || isnan(b))
        return isnan(a) && isnan(b);
    return fabs(a - b) <= TOLERANCE * fmax(1, fmax(fabs(a), fabs(b)));
}

/* ---- cycles.csv ---- */

static double value(const struct job *j, size_t k, const char *name) {
    const struct statistics_table *t = &j->files.table;
    int column = statistics_table_column(t, name);
    return column < 0 ? NAN : t->value[k * t->n_columns + (size_t)column];
}

static double product(double a, double b) {
    return b == 0 ? 0 : a * b; /* no charge passed: no mean voltage, no energy */
}

/* The first quantity of a row that is not made of the others, or NULL. */
static const char *wrong_sum(const struct job *j, size_t k) {
    double charge = value(j, k, "charge_capacity_mAh_per_g");
    double discharge = value(j, k, "discharge_capacity_mAh_per_g");
    double up = value(j, k, "mean_charge_voltage_V"),
           down = value(j, k, "mean_discharge_voltage_V");
    if (charge > 0 && !agrees(value(j, k, "coulombic_efficiency"), discharge / charge))
        return "coulombic_efficiency is not discharge over charge";
    if (!agrees(value(j, k, "hysteresis_V"), up - down))
        return "hysteresis_V is not the difference of the mean voltages";
    if (!agrees(value(j, k, "charge_energy_Wh_per_kg"), product(up, charge)))
        return "charge_energy is not mean voltage times capacity";
    if (!agrees(value(j, k, "discharge_energy_Wh_per_kg"), product(down, discharge)))
        return "discharge_energy is not mean voltage times capacity";
    return NULL;
}

static void check_cycles(struct job *j) {
    const char *wrong = NULL;
    size_t k = 0;
    while (k < j->files.table.n_rows && !(wrong = wrong_sum(j, k)))
        k++;
    if (wrong)
        row(j, false, "cycles.csv", "row %zu: %s", k + 2, wrong);
    else
        row(j, true, "cycles.csv", "efficiency, hysteresis and energies of %zu rows", k);
}

/* energy_eV of a cycle of a replica, NaN when there is no such row. */
static double energy_of(const struct job *j, int64_t replica, int64_t cycle) {
    for (size_t k = 0; k < j->files.table.n_rows; k++)
        if (value(j, k, "replica") == (double)replica && value(j, k, "cycle") == (double)cycle)
            return value(j, k, "energy_eV");
    return NAN;
}

/* ---- snapshots ---- */

/* The same box with the same species? */
static bool same_crystal(const struct job *j, const struct snapshot *s) {
    const struct lattice *l = &j->sim.model->lattice;
    bool same = s->na == l->na && s->nb == l->nb && s->n_planes == l->n_planes &&
                s->n_species == j->sim.species.n_species;
    for (int k = 0; same && k < l->n_planes; k++)
        same = s->letters[k] == 'A' + l->letter[k];
    return same;
}

/* Ions that no event makes or takes: cations by element without Li and H, anions with vacancies. */
static bool same_atoms(const struct job *j, const uint8_t *occupancy) {
    const struct species_table *t = &j->sim.species;
    const struct state *s = &j->replica.state;
    int64_t change[SPECIES_MAX] = {0};
    for (int64_t site = 0; site < s->n_sites; site++) {
        uint8_t byte[2] = {j->replica.cell.occupancy[site], occupancy[site]};
        bool oxygen = lattice_coord_of(s->x.lattice, site).kind == SITE_O;
        for (int k = 0; k < 2; k++) {
            bool outside =
                oxygen ? rate_model_state(byte[k]) == ANION_OUTSIDE : byte[k] == SITE_OUTSIDE;
            bool counts = !oxygen && !outside && byte[k] > CATION_LI && byte[k] != t->proton;
            int slot = oxygen ? 0 : counts ? 1 + t->species[byte[k]].element : 0;
            change[slot] += (oxygen ? !outside : counts) ? (k ? 1 : -1) : 0;
        }
    }
    for (int k = 0; k < SPECIES_MAX; k++)
        if (change[k])
            return false;
    return true;
}

static const char *look_at(struct job *j, const struct snapshot *s) {
    struct state *x = &j->replica.state;
    if (!same_crystal(j, s))
        return "another box or other species than resolved.toml";
    if (!same_atoms(j, s->occupancy))
        return "other numbers of atoms than the pristine crystal";
    memcpy(x->x.occupancy, s->occupancy, (size_t)x->n_sites);
    state_rebuild(x, j->sim.model);
    x->energy_ueV = state_recount(x, j->sim.model);
    const char *wrong = state_verify(x, j->sim.model);
    double stored = strcmp(s->at, "discharge") == 0 ? energy_of(j, s->replica, s->cycle) : NAN;
    if (!wrong && !isnan(stored) && !agrees(stored, (double)x->energy_ueV * 1e-6))
        wrong = "another energy than cycles.csv";
    return wrong;
}

static int check_snapshot(struct job *j, const struct frames *f, int64_t k) {
    char place[STORE_PATH];
    struct snapshot s;
    frames_place_of(f, k, place);
    const char *what = place + strlen(j->directory) + 1;
    int status = frames_read(f, k, &s, j->v->errors);
    if (status)
        return row(j, false, what, "cannot be read or is damaged"),
               status == EXIT_MEMORY ? status : 0;
    const char *wrong = look_at(j, &s);
    row(j, !wrong, what, "%s", wrong ? wrong : "checksum, atoms, charge, partners, energy");
    snapshot_free(&s);
    return 0;
}

static void check_origin(struct job *j, const struct frames *f) {
    char scenario[17], parameters[17];
    const struct store *st = &f->place[0].store;
    scenario_hash(j->scenario, scenario);
    scenario_parameter_hash(j->scenario, parameters);
    if (f->place[0].has_store)
        row(j,
            strcmp(scenario, st->origin.scenario_hash) == 0 &&
                strcmp(parameters, st->common.parameter_hash) == 0,
            "run.h5", "hashes of scenario and parameters");
}

/* Without run.h5 when that is damaged: the files may be there yet. */
static int open_snapshots(struct job *j, struct frames *f) {
    int status = frames_open(f, &j->directory, 1, j->v->errors);
    if (status == 0)
        check_origin(j, f);
    if (status != EXIT_IO)
        return status;
    row(j, false, "run.h5", "cannot be read or is damaged");
    frames_close(f);
    return frames_open_files(f, &j->directory, j->v->errors);
}

static int check_snapshots(struct job *j) {
    struct frames f;
    int status = open_snapshots(j, &f);
    for (int64_t k = 0; status == 0 && k < f.n; k++)
        status = check_snapshot(j, &f, k);
    frames_close(&f);
    return status;
}

/* ---- checkpoints ---- */

static void check_section(struct job *j, const struct checkpoint_file *f, int64_t k,
                          const char *name) {
    char problem[CHECKPOINT_PROBLEM] = "";
    struct protocol_position at;
    struct track results;
    long long replica = (long long)f->entry[k].replica;
    bool good = track_init(&results, j->sim.protocol.cycles);
    if (good)
        good = checkpoint_results(f, k, &j->sim.protocol, &results, problem) &&
               (f->entry[k].finished ||
                checkpoint_state(f, k, &j->sim.protocol, &j->replica, &at, problem));
    track_free(&results);
    row(j, good, name, "replica %lld: %s", replica,
        !good                  ? problem
        : f->entry[k].finished ? "results of a replica that has finished"
                               : "energy, charge, Li, deviations, partners");
}

static void check_checkpoint(struct job *j, const char *name) {
    char path[PATH_BYTES], problem[CHECKPOINT_PROBLEM];
    struct checkpoint_file f;
    if (!output_exists(j->directory, name))
        return;
    snprintf(path, sizeof path, "%s/%s", j->directory, name);
    if (!checkpoint_open(&f, path, problem)) {
        row(j, false, name, "%s", problem);
        return;
    }
    char hash[17];
    scenario_hash(j->scenario, hash);
    if (row(j, strcmp(hash, f.header.scenario_hash) == 0, name, "checksums; hash of the scenario"))
        for (int64_t k = 0; k < f.n; k++)
            check_section(j, &f, k, name);
    checkpoint_close(&f);
}

/* ---- a run ---- */

/* With an engine that keeps the same state and needs no GPU. */
static struct scenario *load(const struct job *j) {
    static const char *const set[] = {"run.engine=cpu"};
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/resolved.toml", j->directory);
    struct scenario *s = scenario_load(path, NULL, 0, j->v->errors);
    if (!s || strcmp(simulation_engine(s), "exact") == 0)
        return s;
    scenario_free(s);
    return scenario_load(path, set, 1, j->v->errors);
}

static int build(struct job *j) {
    char hash[17];
    j->scenario = load(j);
    int status = j->scenario ? simulation_create(&j->sim, j->scenario, j->v->errors) : EXIT_INPUT;
    if (status)
        return status;
    status = replica_create(&j->replica, j->scenario, &j->sim.species, j->sim.model, j->sim.ops, 1,
                            0, j->v->errors);
    if (status)
        return status;
    supercell_free(&j->replica.cell);
    if (!supercell_init(&j->replica.cell, j->scenario, &j->sim.species, 0, j->v->errors))
        return EXIT_MEMORY; /* again: the replica has given its pristine sites away */
    if (!j->has_cycles)
        return 0;
    scenario_parameter_hash(j->scenario, hash);
    row(j, strcmp(hash, j->files.parameter_hash) == 0, "resolved.toml",
        "hash of the parameters as in run.json");
    return 0;
}

static int check_all(struct job *j) {
    int status = build(j);
    if (status)
        return status;
    if (j->has_cycles)
        check_cycles(j);
    check_checkpoint(j, "checkpoint");
    check_checkpoint(j, "checkpoint.old");
    return check_snapshots(j);
}

/* More than a header in cycles.csv? */
static bool has_cycles(const char *directory) {
    char path[PATH_BYTES];
    int lines = 0;
    snprintf(path, sizeof path, "%s/cycles.csv", directory);
    FILE *in = fopen(path, "r");
    for (int c; in && lines < 2 && (c = fgetc(in)) != EOF;)
        lines += c == '\n';
    if (in)
        fclose(in);
    return lines > 1;
}

int verify_run(struct verify *v, const char *directory) {
    struct job *j = calloc(1, sizeof *j);
    if (!j)
        return EXIT_MEMORY;
    j->v = v;
    j->directory = directory;
    int status = runfiles_is_run(directory, v->errors) ? 0 : EXIT_INPUT;
    if (status == 0 && has_cycles(directory)) {
        status = runfiles_open(&j->files, directory, v->errors);
        j->has_cycles = status == 0;
    }
    if (status == 0)
        status = check_all(j);
    if (j->has_cycles)
        runfiles_free(&j->files);
    if (j->replica.engine)
        replica_free(&j->replica);
    simulation_free(&j->sim);
    scenario_free(j->scenario);
    free(j);
    return status;
}
