/* kmc export: one snapshot of a run directory as extended XYZ or POSCAR. */
#define _POSIX_C_SOURCE 200809L
#include "commands.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "export.h"
#include "runfiles.h"

enum { USAGE = 2, CORRUPT = 5, PATH_BYTES = 1280, N_LISTED = 6 };

static const char HELP[] =
    "usage: kmc export DIR --cycle N --at charge|discharge|initial [options]\n"
    "Writes one lattice snapshot of the run directory DIR to a file of the current directory.\n"
    "\n"
    "  --cycle N            cycle, from 1 (not needed with --at initial)\n"
    "  --at WHERE           end of `charge`, end of `discharge`, or `initial` (before the first "
    "cycle)\n"
    "  --replica R          replica, from 0 (default 0)\n"
    "  --format FORMAT      extxyz (default; OVITO, ASE) or poscar (VASP 5)\n"
    "  -o, --output FILE    file name; `-` writes to standard output\n"
    "  --with-vacancies     vacant sites as element X (extxyz only)\n"
    "  --force              replace an existing file\n"
    "  -q, --quiet          do not print the file name\n"
    "  -h, --help           this text\n"
    "\n"
    "Which snapshots a run keeps is set by output.snapshots in its scenario (none, last, all).\n"
    "Exit codes: 0 ok, 2 wrong usage or no such snapshot, 5 damaged file or failed write.\n";

struct options {
    const char *directory, *at, *format, *output; /* output NULL = default name */
    int64_t cycle, replica;                       /* cycle -1 = not given */
    bool with_vacancies, force, quiet, help;
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
        o->at = argument;
        if (!snapshot_at_is_valid(argument))
            return usage_error("--at: expected charge, discharge or initial", argument,
                               "`charge` is the state at the end of the charge");
        return 0;
    case 'f':
        o->format = argument;
        if (strcmp(argument, "extxyz") != 0 && strcmp(argument, "poscar") != 0)
            return usage_error("--format: expected extxyz or poscar", argument,
                               "ASE converts extxyz to many other formats");
        return 0;
    default:
        break;
    }
    if (option == 'o')
        o->output = argument;
    o->with_vacancies |= option == 'v';
    o->force |= option == 'F';
    o->quiet |= option == 'q';
    o->help |= option == 'h';
    return 0;
}

static int parse(struct options *o, int argc, char **argv) {
    static const struct option options[] = {
        {"cycle", required_argument, NULL, 'c'},   {"at", required_argument, NULL, 'a'},
        {"replica", required_argument, NULL, 'r'}, {"format", required_argument, NULL, 'f'},
        {"output", required_argument, NULL, 'o'},  {"with-vacancies", no_argument, NULL, 'v'},
        {"force", no_argument, NULL, 'F'},         {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
    };
    int option, code = 0;
    *o = (struct options){.format = "extxyz", .cycle = -1};
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

/* Options that only make sense together. */
static int check(struct options *o) {
    if (!o->at)
        return usage_error("--at is missing", NULL, "give --at charge, discharge or initial");
    if (!strcmp(o->at, "initial"))
        o->cycle = 0; /* the initial state exists once */
    else if (o->cycle < 0)
        return usage_error("--cycle is missing", NULL, "give --cycle N with N from 1");
    if (o->with_vacancies && !strcmp(o->format, "poscar"))
        return usage_error("--with-vacancies: VASP knows no element X", NULL,
                           "use --format extxyz for vacancies");
    if (o->output && strlen(o->output) >= PATH_BYTES)
        return usage_error("-o: file name is too long", NULL, "use a shorter one");
    return 0;
}

/* Says which snapshots there are when the wanted one is not. */
static int no_snapshot(const struct options *o, const char *path) {
    char folder[PATH_BYTES];
    int listed = 0;
    fprintf(stderr, "%s: error: no such snapshot in this run\n", path);
    snprintf(folder, sizeof folder, "%s/snapshots", o->directory);
    DIR *d = opendir(folder);
    for (struct dirent *e; d && listed < N_LISTED && (e = readdir(d));) {
        size_t n = strlen(e->d_name);
        if (n > 5 && !strcmp(e->d_name + n - 5, ".snap"))
            fprintf(stderr, "%s%s", listed++ ? ", " : "    hint: there is ", e->d_name);
    }
    if (d)
        closedir(d);
    fputs(listed ? "\n" : "    hint: run with --set output.snapshots=all to keep every cycle\n",
          stderr);
    return USAGE;
}

static int load(struct snapshot *s, const struct options *o) {
    char path[PATH_BYTES];
    if (!runfiles_is_run(o->directory, stderr))
        return USAGE;
    if (!snapshot_path(path, sizeof path, o->directory, o->replica, o->cycle, o->at))
        return usage_error("path of the run directory is too long", NULL, "use a shorter one");
    if (access(path, F_OK))
        return no_snapshot(o, path);
    return snapshot_read(s, path, stderr);
}

/* SCENARIO_rRRR_cCCCC_AT.FORMAT; letters of the scenario name that file systems or shells dislike
 * become `_`. */
static void default_name(char *name, size_t bytes, const struct snapshot *s, const char *format) {
    char scenario[sizeof s->scenario];
    snprintf(scenario, sizeof scenario, "%s", *s->scenario ? s->scenario : "snapshot");
    for (char *c = scenario; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr(c == scenario ? "_" : "_.-", *c))
            *c = '_';
    snprintf(name, bytes, "%s_r%03" PRId64 "_c%04" PRId64 "_%s.%s", scenario, s->replica, s->cycle,
             s->at, format);
}

static int put(FILE *out, const struct snapshot *s, const struct options *o) {
    if (!strcmp(o->format, "poscar"))
        return export_poscar(out, s, stderr);
    return export_extxyz(out, s, o->with_vacancies, stderr);
}

/* With --force a file of another name is renamed over the old one, which so stays whole until the
 * new one is. */
static int put_file(const char *name, const struct snapshot *s, const struct options *o) {
    char temporary[PATH_BYTES + 8];
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
    int code = put(out, s, o);
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

int cmd_export(int argc, char **argv) {
    struct options o;
    struct snapshot s = {0};
    char name[PATH_BYTES];
    int code = parse(&o, argc, argv);
    if (!code && o.help)
        return fputs(HELP, stdout) < 0 ? CORRUPT : 0;
    if (!code)
        code = check(&o);
    if (!code)
        code = load(&s, &o);
    if (code)
        return code;
    default_name(name, sizeof name, &s, o.format);
    if (!o.output || strcmp(o.output, "-") != 0)
        code = put_file(o.output ? o.output : name, &s, &o);
    else
        code = put(stdout, &s, &o);
    snapshot_free(&s);
    return code;
}
