/* kmc export: one snapshot of a run directory as a file of another program. */
#define _POSIX_C_SOURCE 200809L
#include "commands.h"
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "export.h"
#include "frames.h"
#include "gzip.h"
#include "runfiles.h"

enum { USAGE = 2, CORRUPT = 5, PATH_BYTES = 1280, N_LISTED = 6 };

static const char HELP[] =
    "usage: kmc export DIR --cycle N --at charge|discharge|initial [options]\n"
    "Writes one lattice snapshot of the run directory DIR to a file of the current directory.\n"
    "\n"
    "  --cycle N            cycle, from 1 (not needed with --at initial)\n"
    "  --at WHERE           end of `charge`, end of `discharge`, `charge@V` or `discharge@V` (when "
    "V "
    "was passed), or\n"
    "                       `initial` (before the first cycle)\n"
    "  --replica R          replica, from 0 (default 0)\n"
    "  --format FORMAT      extxyz (default; OVITO, ASE), poscar (VASP 5), cif, lammps (dump) or "
    "vtk (points, .vtp)\n"
    "  -o, --output FILE    file name; `-` writes to standard output; compressed when it ends in "
    ".gz\n"
    "  --gzip               compressed, any format but vtk\n"
    "  --select 'WORDS'     only these sites; every word must hold, commas mean `or`:\n"
    "      species=Mn,Ni3+,X   elements, or ions of one charge; X = vacant\n"
    "      layer=TM,Li,O       gap of a cation site, or anion site\n"
    "      plane=N or N:M      O planes from 0, with the gap above each\n"
    "      state=peroxo,O2     anion sites: oxide hole peroxo superoxo O2 fluoride sulfide "
    "chloride vacancy\n"
    "      box=X0:X1,Y0:Y1,Z0:Z1   angstrom; an end left out is open\n"
    "      fractions=A0:A1,B0:B1,C0:C1   the same as shares of the cell\n"
    "      clusters=N          voids of N sites or more\n"
    "      vacancies           vacant sites\n"
    "      tm-in-li-layer      transition-metal ions in the gaps of Li\n"
    "  --with-vacancies     vacant sites as element X (extxyz, lammps, vtk)\n"
    "  --relax-dimers       draws O-O bonds at 1.45 (peroxo), 1.33 (superoxo), 1.21 A (O2); the "
    "model has ideal sites\n"
    "  --force              replace an existing file\n"
    "  -q, --quiet          do not print the file name\n"
    "  -h, --help           this text\n"
    "\n"
    "Of each site extxyz, lammps and vtk have id, layer, oxidation state, cluster (1 = the largest "
    "void), S_o (charge that\n"
    "its cations share with an anion site, e) and state of O.\n"
    "Which snapshots a run keeps is set by output.snapshot* in its scenario; `kmc info DIR` lists "
    "them.\n"
    "Exit codes: 0 ok, 2 wrong usage or no such snapshot, 4 out of memory, 5 damaged file or "
    "failed write.\n";

struct options {
    const char *directory, *output; /* output NULL = default name */
    char at[SNAPSHOT_AT];
    const struct export_format *format;
    struct selection selection;
    int64_t cycle, replica; /* cycle -1 = not given */
    bool with_vacancies, relaxed, gzip, force, quiet, help;
};

static int usage_error(const char *what, const char *found, const char *hint) {
    fprintf(stderr, "kmc export: error: %s", what);
    if (found)
        fprintf(stderr, ", found `%s`", found);
    fprintf(stderr, "\n    hint: %s\n", hint);
    return USAGE;
}

static bool parse_count(const char *text, int64_t smallest, int64_t *value) {
    char *end = NULL;
    errno = 0;
    *value = strtoll(text, &end, 10);
    return isdigit((unsigned char)text[0]) && !*end && !errno && *value >= smallest;
}

static int parse_option(struct options *o, int option, const char *argument) {
    switch (option) {
    case 'c':
        if (!parse_count(argument, 1, &o->cycle))
            return usage_error("--cycle: expected a whole number from 1", argument,
                               "use --at initial for the state before the first cycle");
        return 0;
    case 'r':
        if (!parse_count(argument, 0, &o->replica))
            return usage_error("--replica: expected a whole number from 0", argument,
                               "replicas are numbered 0, 1, 2, ...");
        return 0;
    case 'a':
        if (!snapshot_at(o->at, argument))
            return usage_error("--at: expected charge, discharge, initial or charge@VOLTAGE",
                               argument,
                               "`charge` is the state at the end of the charge, `charge@4.4` that "
                               "when 4.4 V were passed");
        return 0;
    case 'f':
        o->format = export_find(argument);
        if (!o->format)
            return usage_error("--format: expected extxyz, poscar, cif, lammps or vtk", argument,
                               "ASE converts extxyz to many other formats");
        return 0;
    case 's':
        return selection_parse(&o->selection, argument, "kmc export: --select", stderr) ? 0 : USAGE;
    default:
        break;
    }
    if (option == 'o')
        o->output = argument;
    o->with_vacancies |= option == 'v';
    o->relaxed |= option == 'R';
    o->gzip |= option == 'z';
    o->force |= option == 'F';
    o->quiet |= option == 'q';
    o->help |= option == 'h';
    return 0;
}

static int parse(struct options *o, int argc, char **argv) {
    static const struct option options[] = {
        {"cycle", required_argument, NULL, 'c'},
        {"at", required_argument, NULL, 'a'},
        {"replica", required_argument, NULL, 'r'},
        {"format", required_argument, NULL, 'f'},
        {"output", required_argument, NULL, 'o'},
        {"with-vacancies", no_argument, NULL, 'v'},
        {"select", required_argument, NULL, 's'},
        {"relax-dimers", no_argument, NULL, 'R'},
        {"gzip", no_argument, NULL, 'z'},
        {"force", no_argument, NULL, 'F'},
        {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option, code = 0;
    *o = (struct options){.format = export_at(0), .cycle = -1};
    optind = 0; /* start afresh, also on a second call in one process */
    opterr = 0;
    while (!code && (option = getopt_long(argc, argv, ":o:qh", options, NULL)) != -1) {
        if (option == '?' || option == ':')
            return usage_error(option == '?' ? "unknown option" : "option without its value",
                               argv[optind - 1], "see `kmc export --help`");
        code = parse_option(o, option, optarg);
    }
    if (code || o->help)
        return code;
    if (argc - optind != 1)
        return usage_error("expected one run directory", argc > optind ? argv[optind + 1] : NULL,
                           "kmc export DIR --cycle N --at charge");
    o->directory = argv[optind];
    return 0;
}

static bool ends_in(const char *text, const char *suffix) {
    size_t n = strlen(text), m = strlen(suffix);
    return n >= m && strcmp(text + n - m, suffix) == 0;
}

/* Options that only make sense together. */
static int check(struct options *o) {
    if (!*o->at)
        return usage_error("--at is missing", NULL, "give --at charge, discharge or initial");
    if (!strcmp(o->at, "initial"))
        o->cycle = 0; /* the initial state exists once */
    else if (o->cycle < 0)
        return usage_error("--cycle is missing", NULL, "give --cycle N with N from 1");
    if (!o->format->vacancies && (o->with_vacancies || selection_wants_vacancies(&o->selection)))
        return usage_error("vacant sites: this format knows no element X", o->format->name,
                           "use --format extxyz, lammps or vtk for vacancies and voids");
    o->gzip |= o->output && ends_in(o->output, ".gz");
    if (o->gzip && !strcmp(o->format->name, "vtk"))
        return usage_error("--gzip: VTK opens no compressed file", o->output,
                           "leave --gzip and .gz out");
    if (o->output && strlen(o->output) >= PATH_BYTES)
        return usage_error("-o: file name is too long", NULL, "use a shorter one");
    return 0;
}

/* Says which snapshots there are when the wanted one is not. */
static int no_snapshot(const struct options *o, const struct frames *f) {
    fprintf(stderr,
            "%s: error: no such snapshot in this run, expected replica %" PRId64 ", cycle %" PRId64
            ", %s\n",
            o->directory, o->replica, o->cycle, o->at);
    for (int64_t k = 0; k < f->n && k < N_LISTED; k++)
        fprintf(stderr, "%sreplica %" PRId64 " cycle %" PRId64 " %s",
                k ? ", " : "    hint: there is ", f->entry[k].replica, f->entry[k].cycle,
                f->entry[k].at);
    if (f->n > N_LISTED)
        fprintf(stderr, ", ... (%" PRId64 " in all: kmc info %s)", f->n, o->directory);
    fputs(f->n ? "\n" : "    hint: run with --set output.snapshots=all to keep every cycle\n",
          stderr);
    return USAGE;
}

static int load(struct snapshot *s, const struct options *o) {
    struct frames f;
    if (!runfiles_is_run(o->directory, stderr))
        return USAGE;
    int code = frames_open(&f, &o->directory, 1, stderr);
    int64_t k = code ? -1 : frames_find(&f, o->replica, o->cycle, o->at);
    if (!code)
        code = k < 0 ? no_snapshot(o, &f) : frames_read(&f, k, s, stderr);
    frames_close(&f);
    return code;
}

/* SCENARIO_rRRR_cCCCC_AT.SUFFIX; letters of the scenario name that file systems or shells dislike
 * become `_`. */
static void default_name(char *name, size_t bytes, const struct snapshot *s,
                         const struct options *o) {
    char scenario[sizeof s->scenario];
    snprintf(scenario, sizeof scenario, "%s", *s->scenario ? s->scenario : "snapshot");
    for (char *c = scenario; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr(c == scenario ? "_" : "_.-", *c))
            *c = '_';
    snprintf(name, bytes, "%s_r%03" PRId64 "_c%04" PRId64 "_%s.%s%s", scenario, s->replica,
             s->cycle, s->at, o->format->suffix, o->gzip ? ".gz" : "");
}

/* ---- what is a transition metal ---- */

static bool has_role_tm(const struct scenario *scenario, const char *symbol) {
    char key[64];
    const char *name;
    for (size_t k = 0; (name = scenario_name_at(scenario, "elements", k)) != NULL; k++)
        if (strcmp(name, symbol) == 0) {
            snprintf(key, sizeof key, "elements.%s.role", symbol);
            return strcmp(scenario_text(scenario, key), "TM") == 0;
        }
    return false;
}

/* Roles of elements as the run had them; a file that this program cannot read (another version's) gives way to the built-in ones. */
static struct scenario *load_roles(const char *directory) {
    char path[PATH_BYTES];
    char *problems = NULL;
    size_t bytes = 0;
    FILE *memory = open_memstream(&problems, &bytes);
    int n = snprintf(path, sizeof path, "%s/resolved.toml", directory);
    bool fits = n > 0 && (size_t)n < sizeof path && memory;
    struct scenario *scenario = fits ? scenario_load(path, NULL, 0, memory) : NULL;
    if (!scenario) {
        fprintf(stderr,
                "note: %s cannot be read by this program: which elements are transition metals is "
                "as built in\n",
                path);
        scenario = scenario_load("builtin:o3-lmr", NULL, 0, stderr);
    }
    if (memory)
        fclose(memory);
    free(problems);
    return scenario;
}

static int find_tm(bool is_tm[SPECIES_MAX], const struct snapshot *s, const char *directory) {
    struct scenario *scenario = load_roles(directory);
    if (!scenario)
        return CORRUPT;
    for (int k = 0; k < s->n_species; k++)
        is_tm[k] = k > SPECIES_LI && has_role_tm(scenario, s->species[k].symbol);
    scenario_free(scenario);
    return 0;
}

/* ---- writing ---- */

static int put(FILE *out, const struct view *v, const struct options *o) {
    if (!o->gzip)
        return export_write(out, o->format, v, stderr);
    FILE *packed = gzip_open(out);
    int code = packed ? export_write(packed, o->format, v, stderr) : CORRUPT;
    if ((!packed || fclose(packed) != 0) && !code)
        code = CORRUPT;
    if (code)
        fputs("export: error: cannot compress (disk full?)\n", stderr);
    return code;
}

/* With --force a file of another name is renamed over the old one, which so stays whole until the
 * new one is. */
static int put_file(const char *name, const struct view *v, const struct options *o) {
    char temporary[PATH_BYTES + 8];
    struct stat status;
    if (o->force && stat(name, &status) == 0 && !S_ISREG(status.st_mode))
        return usage_error("--force: expected a regular file", name,
                           "it replaces the file; `-o -` writes to standard output");
    snprintf(temporary, sizeof temporary, "%s.tmp", name);
    const char *target = o->force ? temporary : name;
    FILE *out = fopen(target, o->force ? "w" : "wx");
    if (!out && errno == EEXIST)
        return usage_error("the output file exists", name,
                           "give --force to replace it, or another name with -o");
    if (!out) {
        fprintf(stderr, "%s: error: cannot create: %s\n", target, strerror(errno));
        return CORRUPT;
    }
    int code = put(out, v, o);
    bool closed = fclose(out) == 0;
    if (!code && closed && (!o->force || rename(target, name) == 0)) {
        if (!o->quiet)
            printf("%s\n", name);
        return 0;
    }
    if (!code)
        fprintf(stderr, "%s: error: cannot write: %s\n", name, strerror(errno));
    unlink(target);
    return code ? code : CORRUPT;
}

static int put_snapshot(const struct snapshot *s, const struct options *o) {
    bool is_tm[SPECIES_MAX];
    char name[PATH_BYTES];
    struct view v = {0};
    int code = find_tm(is_tm, s, o->directory);
    if (!code)
        code = view_create(&v, s, is_tm, &o->selection, o->with_vacancies, o->relaxed, stderr);
    default_name(name, sizeof name, s, o);
    if (!code && o->output && strcmp(o->output, "-") == 0)
        code = put(stdout, &v, o);
    else if (!code)
        code = put_file(o->output ? o->output : name, &v, o);
    view_free(&v);
    return code;
}

int cmd_export(int argc, char **argv) {
    struct options o;
    struct snapshot s = {0};
    int code = parse(&o, argc, argv);
    if (!code && o.help)
        return fputs(HELP, stdout) < 0 ? CORRUPT : 0;
    if (!code)
        code = check(&o);
    if (!code)
        code = load(&s, &o);
    if (code)
        return code;
    code = put_snapshot(&s, &o);
    snapshot_free(&s);
    return code;
}
