#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "calibrated.h"
#include "output.h"
#include "snapshot.h"
#include "version.h"

enum { EXIT_INPUT = 2, EXIT_IO = 5 };

const char *output_program(void) {
    return VERSION " (" VERSION_GIT ")";
}

void output_time(char text[32]) {
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

static int failed(FILE *errors, const char *path, const char *what) {
    fprintf(errors, "%s: error: %s: %s\n    hint: is the disk full or the directory read-only?\n",
            path, what, strerror(errno));
    return EXIT_IO;
}

int output_replace(const struct output_info *info, const char *name,
                   void (*body)(FILE *out, const void *context), const void *context,
                   FILE *errors) {
    char path[1200], temporary[1210];
    snprintf(path, sizeof path, "%s/%s", info->directory, name);
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    FILE *out = fopen(temporary, "w");
    if (!out)
        return failed(errors, temporary, "cannot be written");
    body(out, context);
    bool ok = fflush(out) == 0 && !ferror(out) && fsync(fileno(out)) == 0;
    ok = fclose(out) == 0 && ok;
    if (!ok || rename(temporary, path) != 0)
        return failed(errors, path, "cannot be written");
    return 0;
}

void output_json_string(FILE *out, const char *text) {
    fputc('"', out);
    for (const char *p = text; *p; p++)
        if (*p == '"' || *p == '\\')
            fprintf(out, "\\%c", *p);
        else if ((unsigned char)*p < 0x20 ||
                 *p == 0x7f) /* the latter for TOML, which takes JSON strings but for it */
            fprintf(out, "\\u%04x", *p);
        else
            fputc(*p, out);
    fputc('"', out);
}

void output_json_text(FILE *out, const char *key, const char *value) {
    fprintf(out, "  \"%s\": ", key);
    output_json_string(out, value);
    fputs(",\n", out);
}

static void write_box(FILE *out, const struct supercell *c) {
    const struct lattice *l = &c->lattice;
    double cell[3][3];
    lattice_cell(l, c->a_A, c->tm_gap_A, c->li_gap_A, cell);
    fprintf(out,
            "  \"box\": {\"cells_a\": %d, \"cells_b\": %d, \"planes\": %d, \"sites\": %lld, "
            "\"formula_units\": %lld, \"li\": "
            "%lld, \"size_nm\": [%.3f, %.3f, %.3f], \"formula_mass_g_per_mol\": %.6f},\n",
            l->na, l->nb, l->n_planes, (long long)lattice_n_sites(l), (long long)c->n_formula,
            (long long)c->n_li, l->na * c->a_A / 10, l->nb * c->a_A / 10, cell[2][2] / 10,
            c->mass_g_per_mol);
}

void output_json_program(FILE *out) {
    output_json_text(out, "program", "lrm-kmc");
    output_json_text(out, "version", VERSION);
    output_json_text(out, "git_hash", VERSION_GIT);
    output_json_text(out, "build_flags", VERSION_FLAGS);
    output_json_text(out, "compiler", __VERSION__);
}

static void write_json(FILE *out, const void *context) {
    const struct output_info *i = context;
    const struct scenario *s = i->scenario;
    fputs("{\n", out);
    output_json_program(out);
    output_json_text(out, "engine", i->engine);
    output_json_text(out, "device", "cpu");
    fprintf(out, "  \"threads\": %d,\n  \"seed\": %lld,\n  \"replicas\": %lld,\n", i->threads,
            (long long)scenario_int(s, "run.seed"), (long long)i->replicas);
    output_json_text(out, "parameter_hash", i->parameter_hash);
    output_json_text(out, "scenario", i->name);
    output_json_text(out, "description", scenario_text(s, "run.description"));
    output_json_text(out, "composition", i->cell->composition);
    output_json_text(out, "started", i->started);
    output_json_text(out, "finished", i->finished);
    write_box(out, i->cell);
    fprintf(out,
            "  \"protocol\": {\"lower_cutoff_V\": %.9g, \"upper_cutoff_V\": %.9g, "
            "\"c_rate_per_h\": %.9g, \"cycles\": %lld, "
            "\"fade_first_cycle\": %lld, \"temperature_K\": %.9g},\n",
            scenario_real(s, "protocol.lower_cutoff_V"),
            scenario_real(s, "protocol.upper_cutoff_V"), scenario_real(s, "protocol.c_rate_per_h"),
            (long long)scenario_int(s, "protocol.cycles"),
            (long long)scenario_int(s, "protocol.fade_first_cycle"),
            scenario_real(s, "conditions.temperature_K"));
    fprintf(out, "  \"claims\": \"%s\"\n}\n", calibrated_claims(i->parameter_hash));
}

static void write_source(FILE *out, const void *context) {
    const struct output_info *i = context;
    fputs(scenario_source_text(i->scenario), out);
}

static void write_resolved(FILE *out, const void *context) {
    const struct output_info *i = context;
    scenario_write_resolved(i->scenario, out);
}

bool output_exists(const char *directory, const char *name) {
    char path[1200];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return access(path, F_OK) == 0;
}

static bool has_checkpoint(const char *directory) {
    return output_exists(directory, "checkpoint") || output_exists(directory, "checkpoint.old");
}

int output_directory(const char *path, bool may_exist, FILE *errors) {
    char part[1100];
    snprintf(part, sizeof part, "%s", path);
    for (char *p = part + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return failed(errors, part, "cannot be created");
        *p = '/';
    }
    if (mkdir(part, 0777) == 0 || (errno == EEXIST && may_exist))
        return 0;
    if (errno != EEXIST)
        return failed(errors, part, "cannot be created");
    fprintf(errors,
            "%s: error: run directory exists already, expected a new one\n    hint: choose another "
            "with -o DIR, or move this "
            "one away; results are never overwritten%s%s\n",
            path, has_checkpoint(path) ? "; to go on with this run: kmc resume " : "",
            has_checkpoint(path) ? path : "");
    return EXIT_INPUT;
}

int output_create(const struct output_info *info, FILE *errors) {
    char snapshots[1100];
    int status = output_directory(info->directory, info->complete, errors);
    if (status)
        return status;
    snprintf(snapshots, sizeof snapshots, "%s/snapshots", info->directory);
    if (mkdir(snapshots, 0777) != 0 && !(errno == EEXIST && info->complete))
        return failed(errors, snapshots, "cannot be created");
    status = output_replace(info, "scenario.toml", write_source, info, errors);
    if (status == 0)
        status = output_replace(info, "resolved.toml", write_resolved, info, errors);
    if (status == 0)
        status = output_replace(info, "run.json", write_json, info, errors);
    return status;
}

static void write_nothing(FILE *out, const void *context) {
    (void)out;
    (void)context;
}

int output_finish(const struct output_info *info, FILE *errors) {
    int status = output_replace(info, "run.json", write_json, info, errors);
    return status ? status : output_replace(info, "DONE", write_nothing, NULL, errors);
}

int output_snapshot(const struct output_info *info, const struct replica *r, int64_t cycle,
                    const char *at, double voltage_V, FILE *errors) {
    const struct lattice *l = &r->model->lattice;
    struct snapshot s = {.na = l->na,
                         .nb = l->nb,
                         .n_planes = l->n_planes,
                         .a_A = r->cell.a_A,
                         .tm_gap_A = r->cell.tm_gap_A,
                         .li_gap_A = r->cell.li_gap_A,
                         .cycle = cycle,
                         .replica = r->number,
                         .voltage_V = voltage_V,
                         .time_s = r->state.time_s,
                         .n_species = r->species->n_species,
                         .occupancy = r->state.x.occupancy};
    for (int k = 0; k < l->n_planes; k++)
        s.letters[k] = (char)('A' + l->letter[k]);
    memcpy(s.species, r->species->species, sizeof s.species);
    snprintf(s.at, sizeof s.at, "%s", at);
    snprintf(s.scenario, sizeof s.scenario, "%s", info->name);
    snprintf(s.parameter_hash, sizeof s.parameter_hash, "%s", info->parameter_hash);
    snprintf(s.version, sizeof s.version, "%s", VERSION);
    snprintf(s.git_hash, sizeof s.git_hash, "%s", VERSION_GIT);
    char path[1200];
    if (!snapshot_path(path, sizeof path, info->directory, r->number, cycle, at))
        return EXIT_IO;
    return snapshot_write(&s, path, errors);
}
