#include <stdio.h>
#include <string.h>
#include "commands.h"
#include "estimate.h"
#include "scenario.h"
#include "study.h"
#include "study_ranks.h"

static const char usage[] =
    "kmc study STUDY.toml [flags] - many scenarios with the same seeds, compared with each other\n"
    "All replicas of all scenarios share the cores. Results: DIR/NAME for each scenario, as of "
    "`kmc "
    "run`, and at the end\n"
    "the table of `kmc compare` on stdout; the first scenario is the reference. Interrupted as "
    "`kmc "
    "run` is; the same\n"
    "command, or `kmc resume DIR`, goes on; SIGUSR1 saves checkpoints of all runs under way.\n"
    "\n"
    "  [study]\n"
    "  name = \"stackings\"          # directory runs/stackings, unless -o DIR\n"
    "  base = \"builtin:demo\"       # or a file; a scenario may name its own\n"
    "  replicas = 12               # seed, replicas, cycles: of every scenario; left out: the "
    "base's (seed: 1)\n"
    "\n"
    "  [[scenario]]\n"
    "  name = \"o3\"\n"
    "\n"
    "  [[scenario]]\n"
    "  name = \"o2\"\n"
    "  set.structure.stacking = \"ABCB\"   # any keys of `kmc defaults`, as tables below `set`\n"
    "\n"
    "By rule, in [study] for all scenarios or, vary, in one:\n"
    "  vary.conditions.temperature_K = [298.15, 318.15]   # a grid: each value with each of other "
    "keys\n"
    "  samples = 16                                       # a Latin hypercube over\n"
    "  sample.model.molecular_eV = [8.1, 8.5]             # an interval, or \"prior\" for the "
    "key's own\n"
    "  sample_priors = true                               # or over all energies and barriers with "
    "a prior interval\n"
    "  target_standard_error_mV = 0.5                     # more replicas, up to replicas_max, "
    "until fade is known so well\n"
    "Over machines: --shard and kmc merge, or mpirun (built with MPI=1): the same files.\n"
    "\n";

/* ---- dry run ---- */

/* Sums over the scenarios. */
struct total {
    double core_s;
    int64_t peak; /* bytes, of the scenario that needs most */
};

static int print_scenario(const struct study_plan *p, size_t k, struct total *t) {
    const struct study_plan_scenario *e = &p->scenario[k];
    struct scenario *s = study_plan_load(p, k, stderr);
    struct simulation sim;
    struct estimate now;
    int status = s ? simulation_create(&sim, s, stderr) : EXIT_USAGE;
    if (status == 0) {
        sim.threads = 1;
        status = estimate_of(&now, &sim, stderr);
        simulation_free(&sim);
    }
    scenario_free(s);
    if (status)
        return status;
    char size[32];
    double core_s = now.replica_s * (double)e->replicas;
    int64_t side_by_side = e->many ? e->replicas : p->threads;
    int64_t peak = memory_at_once(&now.memory, side_by_side, p->threads);
    t->core_s += core_s;
    t->peak = peak > t->peak ? peak : t->peak;
    printf("%-20s %8lld %6lld %9lld %11s %9.1f  %s  %s\n", e->name, (long long)e->replicas,
           (long long)e->cycles, (long long)now.memory.n_sites,
           estimate_size(size, (double)now.memory.kept), core_s, e->parameter_hash, e->composition);
    return 0;
}

static int print_check(const struct study_plan *p, const char *directory) {
    struct total t = {0};
    char size[32];
    printf("study %s, seed %lld, directory %s\n\n", p->name, (long long)p->seed, directory);
    printf("%-20s replicas cycles     sites   a replica    core s  parameters        composition\n",
           "scenario");
    for (size_t k = 0; k < p->n; k++) {
        int status = print_scenario(p, k, &t);
        if (status)
            return status;
    }
    int64_t n = study_plan_replicas(p);
    int threads = n < p->threads ? (int)n : p->threads;
    printf(
        "\n%lld replicas on %d cores: at least %.1f s for Li and electrons, slow events about as "
        "much again; about %s at the peak\n",
        (long long)n, threads, t.core_s / threads, estimate_size(size, (double)t.peak));
    return 0;
}

/* ---- the study ---- */

/* Only the first rank takes the directory and speaks of it. */
static int begin(struct study_directory *d, const struct study_plan *p, const struct options *o) {
    bool resumed;
    int status = study_directory_begin(d, p, &resumed);
    if (status == 0 && resumed && !o->quiet)
        fprintf(stderr, "%s: going on with this study\n", d->path);
    return status;
}

static int run_study(const struct study_plan *p, const struct options *o, const char *directory) {
    struct study_directory d;
    int status = study_directory_init(&d, directory);
    if (status)
        return status;
    if (study_ranks_number() == 0)
        status = begin(&d, p, o);
    status = study_ranks_worst(status);
    if (status == 0)
        status = study_work(&d, p, o);
    study_directory_free(&d);
    return status;
}

/* A shard is one process, and knows how many replicas it has. */
static int check_shard(const struct study_plan *p) {
    if (p->shards == 1)
        return 0;
    const char *found = p->target_mV > 0          ? "target_standard_error_mV"
                        : study_ranks_count() > 1 ? "MPI ranks"
                                                  : NULL;
    if (!found)
        return 0;
    fprintf(stderr,
            "%s: error: shard %lld/%lld: expected a fixed number of replicas and one process, "
            "found %s\n    hint: run the study as a whole, mpirun shares it out\n",
            p->file.path, (long long)p->shard, (long long)p->shards, found);
    return EXIT_USAGE;
}

static int open_plan(struct study_plan *p, const struct options *o) {
    FILE *errors = study_ranks_errors();
    int status = study_plan_open(p, o->scenario, o->set, o->n_set, errors);
    if (status == 0 && o->shard)
        status = study_plan_set_shard(p, o->shard, errors);
    if (status == 0)
        status = check_shard(p);
    return status ? status : study_plan_check(p, errors);
}

int cmd_study(int argc, char **argv) {
    struct options o;
    struct study_plan plan;
    char directory[1024];
    int status = options_parse_study(&o, argc, argv, usage);
    if (status >= 0)
        return status;
    study_ranks_begin();
    status = study_ranks_worst(open_plan(&plan, &o));
    if (plan.shards > 1)
        snprintf(directory, sizeof directory, "runs/%s-%lld-of-%lld", plan.name,
                 (long long)plan.shard, (long long)plan.shards);
    else
        snprintf(directory, sizeof directory, "runs/%s", plan.name);
    const char *path = o.output ? o.output : directory;
    if (status == 0 && o.dry)
        status = study_ranks_number() == 0 ? print_check(&plan, path) : 0;
    else if (status == 0)
        status = run_study(&plan, &o, path);
    study_plan_free(&plan);
    return status;
}
