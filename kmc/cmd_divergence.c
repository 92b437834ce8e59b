#include <stdlib.h>
#include <string.h>
#include "commands.h"
#include "divergence.h"
#include "options.h"

static const char usage[] =
    "kmc divergence SCENARIO [flags] - runs two engines side by side and finds the first call "
    "after which they differ\n"
    "Compares energy, Li count, step, clock, all sites, demons and counters after every call.  "
    "Writes no files; exit code 0:\n"
    "no difference, 1: a difference, printed with its place and the first site.\n\n"
    "      --engine-a NAME     exact, cpu (default) or cuda\n"
    "      --engine-b NAME     exact, cpu or cuda (default)\n"
    "      --threads-a N       processor cores of a; default: those of --threads\n"
    "      --threads-b N       processor cores of b";

enum { FLAGS = 4, ENGINE_A = 0, ENGINE_B, THREADS_A, THREADS_B };
static const char *const flag_name[FLAGS] = {"--engine-a", "--engine-b", "--threads-a",
                                             "--threads-b"};

static int complain(const char *flag, const char *expected, const char *found, const char *hint) {
    fprintf(stderr, "command line: error: %s: expected %s, found `%.40s`\n    hint: %s\n", flag,
            expected, found, hint);
    return EXIT_USAGE;
}

/* Value of a flag given as "--flag value" or "--flag=value"; *k moves on to the value.  NULL when argv[*k] is another one. */
static const char *flag_value(const char *name, char **argv, int argc, int *k) {
    size_t n = strlen(name);
    if (strncmp(argv[*k], name, n) != 0)
        return NULL;
    if (argv[*k][n] == '=')
        return argv[*k] + n + 1;
    if (argv[*k][n] != '\0')
        return NULL;
    return *k + 1 < argc ? argv[++*k] : "";
}

/* Takes the flags of this command alone out of argv; returns the new argc. */
static int take_own(int argc, char **argv, const char *value[FLAGS]) {
    int n = 0;
    for (int k = 0; k < argc; k++) {
        char *word = argv[k];
        bool own = false;
        for (int f = 0; k > 0 && f < FLAGS && !own; f++) {
            const char *v = flag_value(flag_name[f], argv, argc, &k);
            own = v != NULL;
            value[f] = own ? v : value[f];
        }
        if (!own)
            argv[n++] = word;
    }
    argv[n] = NULL;
    return n;
}

static int take_engine(const char *flag, const char *name, const struct engine_ops **ops) {
    char note[256];
    if (strcmp(name, "exact") != 0 && strcmp(name, "cpu") != 0 && strcmp(name, "cuda") != 0)
        return complain(flag, "exact, cpu or cuda", name, "`kmc info` shows what runs here");
    *ops = engine_find(name, note, sizeof note);
    if (*ops)
        return EXIT_OK;
    fprintf(stderr,
            "command line: error: %s: expected an engine that runs here, found \"%s\": %s\n"
            "    hint: compare others, for example --engine-a cpu --engine-b exact\n",
            flag, name, note);
    return EXIT_NO_GPU;
}

static int take_threads(const char *flag, const char *text, int *threads) {
    char *end = NULL;
    if (!text)
        return EXIT_OK;
    long n = strtol(text, &end, 10);
    if (end == text || *end || n < 1 || n > 4096)
        return complain(flag, "a number from 1 to 4096", text, "cores that this engine may use");
    *threads = (int)n;
    return EXIT_OK;
}

/* Engines before anything is built. */
static int take_engines(const char *const value[FLAGS], struct divergence *d) {
    int status = take_engine("--engine-a", value[ENGINE_A] ? value[ENGINE_A] : "cpu", &d->ops[0]);
    if (status == EXIT_OK)
        status = take_engine("--engine-b", value[ENGINE_B] ? value[ENGINE_B] : "cuda", &d->ops[1]);
    return status;
}

static int take_both_threads(const char *const value[FLAGS], int cores, struct divergence *d) {
    d->threads[0] = d->threads[1] = cores;
    int status = take_threads("--threads-a", value[THREADS_A], &d->threads[0]);
    return status ? status : take_threads("--threads-b", value[THREADS_B], &d->threads[1]);
}

static int execute(struct options *o, const char *const value[FLAGS]) {
    struct divergence d = {0};
    struct simulation sim = {0};
    int status = take_engines(value, &d);
    if (status)
        return status;
    if (o->n_set < OPTIONS_SET_MAX)
        o->set[o->n_set++] = "run.engine=cpu"; /* any that runs here; not used */
    struct scenario *s = options_load(o);
    if (!s)
        return EXIT_USAGE;
    if (scenario_flag(s, "kinetics.lithium_transport")) {
        fprintf(stderr,
                "%s: error: kinetics.lithium_transport: expected false, found true\n"
                "    hint: one engine alone knows Li+ on the clock; there is nothing to compare\n",
                scenario_place(s, "kinetics.lithium_transport"));
        scenario_free(s);
        return EXIT_USAGE;
    }
    status = simulation_create(&sim, s, stderr);
    if (status == EXIT_OK) {
        status = take_both_threads(value, sim.cores, &d);
        if (status == EXIT_OK)
            status = divergence_run(&sim, &d, stdout, stderr);
        simulation_free(&sim);
    }
    scenario_free(s);
    return status;
}

int cmd_divergence(int argc, char **argv) {
    const char *value[FLAGS] = {NULL};
    struct options o;
    argc = take_own(argc, argv, value);
    int status = options_parse(&o, argc, argv, usage);
    return status >= 0 ? status : execute(&o, value);
}
