/* study_plan: the file of a study: scenarios side by side, with common settings.
 *
 *   [study]      name, description; replicas, seed, cycles: hold for all scenarios; base: of scenarios that name none;
 *                vary, samples, sample, sample_priors: scenarios by rule (kmc/study_vary.h);
 *                target_standard_error_mV, replicas_max: more replicas until fade is that well known (kmc/study_target.h); shard: "2/8", the share of the
 *                replicas that this directory is for
 *   [[scenario]] name: its directory; base: "builtin:NAME" or a file; set: overrides of any key, as tables of a scenario file; vary: as in [study];
 *                family, sample, values: which scenario of the study this is a sample of, and what was drawn; written by the program into resolved.toml
 *
 * A scenario is its base, overlaid by [study], its `set`, what varies, what was drawn and the flags of the command line, in this order.  All scenarios have
 * one seed, so their replicas are pairs; sample k has the seed + k, so that samples are different crystals.
 * Whatever makes scenarios by rule belongs in front of struct study_plan: what comes after it knows only the list.
 * Owner: whoever called study_plan_open frees with study_plan_free, also when that failed.
 */
#ifndef KMC_STUDY_PLAN_H
#define KMC_STUDY_PLAN_H
#include "scenario.h"
#include "study_vary.h"

enum {
    STUDY_PLAN_NAME = STUDY_VARY_NAME,
    STUDY_PLAN_SCENARIOS_MAX = 10000,
    STUDY_PLAN_SHARDS_MAX = 100000
};

/* A [[scenario]] of the file. */
struct study_plan_entry {
    size_t table;
    char name[STUDY_PLAN_NAME];
    struct study_vary own; /* what varies in it alone */
};

struct study_plan_scenario {
    char name[STUDY_PLAN_NAME];
    char family[STUDY_PLAN_NAME]; /* name without the sample */
    int64_t sample;               /* from 0; -1 = none */
    size_t entry;                 /* of the file's list */
    size_t variant;               /* combination of what varies */
    struct study_vary_draws draws;
    char parameter_hash[17], scenario_hash[17];
    int64_t replicas, cycles, fade_first_cycle;
    /* known after study_plan_check: */
    char composition[256];
    bool many;     /* its engine takes all replicas at once */
    double weight; /* of one replica: about in proportion to its time */
};

struct study_plan {
    struct study_file file;
    char name[STUDY_PLAN_NAME];
    char description[512];
    int64_t seed;
    const char *const *set; /* [n_set] "key=value" of the command line */
    size_t n_set;
    struct study_vary vary;         /* in all scenarios */
    struct study_plan_entry *entry; /* [n_entries]; owner: this struct */
    size_t n_entries;
    struct study_plan_scenario *scenario; /* [n]; owner: this struct */
    size_t n;
    double target_mV;            /* standard error of fade, mV/cycle; 0 = run all replicas */
    int64_t first, replicas_max; /* with a target: replicas at first and at most */
    int64_t shard, shards;       /* this part, from 1, of so many; 1 of 1 = all */
    int threads;                 /* cores, after study_plan_check */
};

/* Reads the file and loads every scenario once; all problems are printed at once.  Exit code 0 or 2. */
int study_plan_open(struct study_plan *p, const char *path, const char *const *set, size_t n_set,
                    FILE *errors);
void study_plan_free(struct study_plan *p);

/* The k-th scenario, anew: after study_plan_open it loads, unless a file has changed since (NULL after printing). */
struct scenario *study_plan_load(const struct study_plan *p, size_t k, FILE *errors);

/* Builds what the replicas of each scenario share, one after the other, so that nothing is left that could refuse them later.  Exit code 0, 2 or 4. */
int study_plan_check(struct study_plan *p, FILE *errors);

/* Replicas of all scenarios, at most. */
int64_t study_plan_replicas(const struct study_plan *p);

/* Reads "i/N" into the plan; exit code 0, or 2 after printing. */
int study_plan_set_shard(struct study_plan *p, const char *text, FILE *errors);

/* Does a replica belong to this shard?  They are dealt out in turn, so that every shard gets its share of each scenario. */
bool study_plan_owns(const struct study_plan *p, size_t scenario, int64_t replica);

/* Prints at which scenario two plans differ, if they do: exit code 0 or 2.  `begun` is the plan of a directory.  Shards are not compared. */
int study_plan_compare(const struct study_plan *begun, const struct study_plan *now, FILE *errors);

#endif
