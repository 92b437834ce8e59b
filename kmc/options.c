#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include "options.h"

const char options_help[] =
    "SCENARIO is a TOML file or builtin:NAME (see `kmc list`).\n"
    "  -o, --output PATH       where results go\n"
    "      --engine NAME       auto, cpu, cuda or exact (scenario key run.engine)\n"
    "      --threads N         processor cores, 0 = all (run.threads)\n"
    "      --seed S            seed of all random streams (run.seed)\n"
    "      --replicas N        independent crystals (run.replicas)\n"
    "      --cycles N          charge-discharge cycles (protocol.cycles)\n"
    "      --check-every N     recount energies every N slices (output.check_every)\n"
    "      --set KEY=VALUE     override any key of the scenario; may be repeated\n"
    "      --max-wallclock S   kmc run: after S seconds save a checkpoint and stop\n"
    "      --json              results as JSON on stdout (kmc run)\n"
    "  -q, --quiet             no progress, no notes\n"
    "  -v, --verbose           more notes\n"
    "  -h, --help              this text\n";

static const char study_help[] =
    "  -o, --output DIR        directory of the study (default runs/NAME)\n"
    "      --check             list scenarios, memory and time; write nothing\n"
    "      --shard I/N         only the I-th of N parts of the replicas, for job arrays; then kmc "
    "merge\n"
    "      --engine NAME       auto, cpu, cuda or exact\n"
    "      --threads N         processor cores, 0 = all\n"
    "      --seed S            seed of all random streams, the same in every scenario\n"
    "      --replicas N        independent crystals of each scenario; with a target at most so "
    "many\n"
    "      --cycles N          charge-discharge cycles of each scenario\n"
    "      --check-every N     recount energies every N slices\n"
    "      --set KEY=VALUE     override any key in every scenario; may be repeated\n"
    "      --max-wallclock S   after S seconds save checkpoints and stop\n"
    "      --json              the comparison as JSON on stdout\n"
    "  -q, --quiet             no progress, no notes\n"
    "  -v, --verbose           more notes\n"
    "  -h, --help              this text\n";

static const char diffuse_help[] =
    "SCENARIO is a TOML file or builtin:NAME (see `kmc list`).\n"
    "      --li X,Y,...        Li+ per formula unit (default 0.95 to 0.1 of the pristine Li)\n"
    "      --voltage V,W,...   or: cell voltages, V\n"
    "      --temperature-K T,U temperatures (default conditions.temperature_K)\n"
    "      --hops N            hops of a Li+ in a run (default 32)\n"
    "      --step-hops N       hops of a Li+ between two relaxations of the electrons (default "
    "0.1)\n"
    "  -o, --output DIR        new directory for diffusion.csv, activation.csv, diffusion.json\n"
    "      --threads N         processor cores, 0 = all\n"
    "      --seed S            seed of all random streams\n"
    "      --replicas N        independent crystals\n"
    "      --set KEY=VALUE     override any key of the scenario; may be repeated\n"
    "  -q, --quiet             no progress, no notes\n"
    "  -h, --help              this text\n";

static const char resume_help[] =
    "DIR is a directory of `kmc run` or `kmc study`.\n"
    "      --threads N         processor cores, 0 = all\n"
    "      --engine NAME       another engine with the same results (auto, cpu, cuda)\n"
    "      --max-wallclock S   after S seconds save a checkpoint and stop\n"
    "      --json              results as JSON on stdout\n"
    "  -q, --quiet             no progress, no notes\n"
    "  -v, --verbose           more notes\n"
    "  -h, --help              this text\n";

enum {
    OPT_ENGINE = 256,
    OPT_THREADS,
    OPT_SEED,
    OPT_REPLICAS,
    OPT_CYCLES,
    OPT_CHECK,
    OPT_SET,
    OPT_JSON,
    OPT_WALLCLOCK,
    OPT_DRY,
    OPT_SHARD,
    OPT_LI,
    OPT_VOLTAGE,
    OPT_TEMPERATURE,
    OPT_HOPS,
    OPT_STEP_HOPS
};

/* Of whatever runs scenarios; the closing entry is part of it. */
#define RUN_FLAGS                                                                                  \
    {"output", required_argument, NULL, 'o'}, {"engine", required_argument, NULL, OPT_ENGINE},     \
        {"threads", required_argument, NULL, OPT_THREADS},                                         \
        {"seed", required_argument, NULL, OPT_SEED},                                               \
        {"replicas", required_argument, NULL, OPT_REPLICAS},                                       \
        {"cycles", required_argument, NULL, OPT_CYCLES},                                           \
        {"check-every", required_argument, NULL, OPT_CHECK},                                       \
        {"set", required_argument, NULL, OPT_SET},                                                 \
        {"max-wallclock", required_argument, NULL, OPT_WALLCLOCK},                                 \
        {"json", no_argument, NULL, OPT_JSON}, {"quiet", no_argument, NULL, 'q'},                  \
        {"verbose", no_argument, NULL, 'v'}, {"help", no_argument, NULL, 'h'}, {                   \
        NULL, 0, NULL, 0                                                                           \
    }

static const struct option flags[] = {RUN_FLAGS};
static const struct option study_flags[] = {{"check", no_argument, NULL, OPT_DRY},
                                            {"shard", required_argument, NULL, OPT_SHARD},
                                            RUN_FLAGS};

static const struct option diffuse_flags[] = {
    {"output", required_argument, NULL, 'o'},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"seed", required_argument, NULL, OPT_SEED},
    {"replicas", required_argument, NULL, OPT_REPLICAS},
    {"set", required_argument, NULL, OPT_SET},
    {"li", required_argument, NULL, OPT_LI},
    {"voltage", required_argument, NULL, OPT_VOLTAGE},
    {"temperature-K", required_argument, NULL, OPT_TEMPERATURE},
    {"hops", required_argument, NULL, OPT_HOPS},
    {"step-hops", required_argument, NULL, OPT_STEP_HOPS},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0}};

/* What cannot change a result. */
static const struct option resume_flags[] = {
    {"engine", required_argument, NULL, OPT_ENGINE},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"max-wallclock", required_argument, NULL, OPT_WALLCLOCK},
    {"json", no_argument, NULL, OPT_JSON},
    {"quiet", no_argument, NULL, 'q'},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0}};

/* Turns a flag into "key=value". */
static bool override(struct options *o, const char *key, const char *value) {
    if (o->n_text == 8 || o->n_set == OPTIONS_SET_MAX ||
        strlen(key) + strlen(value) + 2 > sizeof o->text[0]) {
        fprintf(stderr,
                "command line: error: %s: expected a short value given once, found `%.40s`\n", key,
                value);
        return false;
    }
    char *text = o->text[o->n_text++];
    snprintf(text, sizeof o->text[0], "%s=%s", key, value);
    o->set[o->n_set++] = text;
    return true;
}

/* A number from low to high. */
static bool take_number(double *number, const char *flag, const char *value, double low,
                        double high) {
    char *end = NULL;
    *number = strtod(value, &end);
    if (end != value && !*end && *number >= low && *number <= high)
        return true;
    fprintf(stderr, "command line: error: %s: expected a number from %g to %g, found `%.40s`\n",
            flag, low, high, value);
    return false;
}

static bool take_wallclock(struct options *o, const char *value) {
    char *end = NULL;
    o->max_wallclock_s = strtod(value, &end);
    if (end != value && !*end && o->max_wallclock_s > 0 && o->max_wallclock_s < 1e12)
        return true;
    fprintf(stderr,
            "command line: error: --max-wallclock: expected a number of seconds above 0, found "
            "`%.40s`\n",
            value);
    return false;
}

static bool take(struct options *o, int flag) {
    switch (flag) {
    case 'o':
        o->output = optarg;
        return true;
    case 'q':
        o->quiet = true;
        return true;
    case 'v':
        o->verbose = true;
        return true;
    case OPT_JSON:
        o->json = true;
        return true;
    case OPT_DRY:
        o->dry = true;
        return true;
    case OPT_SHARD:
        o->shard = optarg;
        return true;
    case OPT_ENGINE:
        return override(o, "run.engine", optarg);
    case OPT_THREADS:
        return override(o, "run.threads", optarg);
    case OPT_SEED:
        return override(o, "run.seed", optarg);
    case OPT_REPLICAS:
        return override(o, "run.replicas", optarg);
    case OPT_CYCLES:
        return override(o, "protocol.cycles", optarg);
    case OPT_CHECK:
        return override(o, "output.check_every", optarg);
    case OPT_WALLCLOCK:
        return take_wallclock(o, optarg);
    case OPT_LI:
        o->li = optarg;
        return true;
    case OPT_VOLTAGE:
        o->voltages = optarg;
        return true;
    case OPT_TEMPERATURE:
        o->temperatures = optarg;
        return true;
    case OPT_HOPS:
        return take_number(&o->hops, "--hops", optarg, 1, 1e6);
    case OPT_STEP_HOPS:
        return take_number(&o->step_hops, "--step-hops", optarg, 1e-3, 10);
    case OPT_SET:
        if (o->n_set == OPTIONS_SET_MAX) {
            fprintf(stderr, "command line: error: --set: expected at most %d, found more\n",
                    OPTIONS_SET_MAX);
            return false;
        }
        o->set[o->n_set++] = optarg;
        return true;
    default:
        return false; /* getopt has printed the reason */
    }
}

/* One kind of command line: its flags, help and what the argument is. */
struct grammar {
    const char *letters, *help, *argument, *example;
    const struct option *flags;
};

/* Puts the one argument into *argument. */
static int parse(struct options *o, int argc, char **argv, const char *usage,
                 const struct grammar *g, const char **argument) {
    memset(o, 0, sizeof *o);
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, g->letters, g->flags, NULL)) != -1;) {
        if (c == 'h') {
            printf("%s\n%s", usage, g->help);
            return EXIT_OK;
        }
        if (!take(o, c)) {
            fprintf(stderr, "    hint: `kmc %s --help` lists the flags\n", argv[0]);
            return EXIT_USAGE;
        }
    }
    if (optind != argc - 1) {
        fprintf(stderr,
                "command line: error: expected one %s, found %d\n    hint: `kmc %s "
                "%s`, or `kmc %s --help`\n",
                g->argument, argc - optind, argv[0], g->example, argv[0]);
        return EXIT_USAGE;
    }
    *argument = argv[optind];
    return -1;
}

int options_parse(struct options *o, int argc, char **argv, const char *usage) {
    static const struct grammar g = {"o:qvh", options_help, "SCENARIO", "builtin:demo", flags};
    return parse(o, argc, argv, usage, &g, &o->scenario);
}

int options_parse_study(struct options *o, int argc, char **argv, const char *usage) {
    static const struct grammar g = {"o:qvh", study_help, "STUDY", "study.toml", study_flags};
    return parse(o, argc, argv, usage, &g, &o->scenario);
}

int options_parse_resume(struct options *o, int argc, char **argv, const char *usage) {
    static const struct grammar g = {"qvh", resume_help, "DIR", "runs/demo", resume_flags};
    return parse(o, argc, argv, usage, &g, &o->directory);
}

int options_parse_diffuse(struct options *o, int argc, char **argv, const char *usage) {
    static const struct grammar g = {"o:qh", diffuse_help, "SCENARIO", "builtin:demo",
                                     diffuse_flags};
    return parse(o, argc, argv, usage, &g, &o->scenario);
}

struct scenario *options_load(const struct options *o) {
    return scenario_load(o->scenario, o->set, o->n_set, stderr);
}
