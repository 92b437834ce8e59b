/* study_plan: the file of a study: scenarios side by side, with common settings.
 *
 *   [study]      name, description; replicas, seed, cycles: hold for all scenarios; base: of scenarios that name none
 *   [[scenario]] name: its directory; base: "builtin:NAME" or a file; set: overrides of any key, as tables of a scenario file
 *
 * A scenario is its base, overlaid by [study], its `set` and the flags of the command line, in this order.  All scenarios have one seed, so their replicas
 * are pairs.  Whatever makes scenarios by rule (a grid, say) belongs in front of struct study_plan: what comes after it knows only the list.
 * Owner: whoever called study_plan_open frees with study_plan_free, also when that failed.
 */
#ifndef KMC_STUDY_PLAN_H
#define KMC_STUDY_PLAN_H
#include "scenario.h"
#include "toml_reader.h"

enum { STUDY_PLAN_NAME = 65, STUDY_PLAN_SCENARIOS_MAX = 10000 };

struct study_plan_scenario {
    char name[STUDY_PLAN_NAME];
    size_t entry; /* of its table in the document */
    char parameter_hash[17], scenario_hash[17];
    int64_t replicas, cycles;
    /* known after study_plan_check: */
    char composition[256];
    bool many;     /* its engine takes all replicas at once */
    double weight; /* of one replica: about in proportion to its time */
};

struct study_plan {
    const char *path; /* as given */
    char *text;       /* of the file; owner: this struct */
    struct toml_reader_document *document;
    char name[STUDY_PLAN_NAME];
    char description[512];
    int64_t seed;
    const char *const *set; /* [n_set] "key=value" of the command line */
    size_t n_set;
    struct study_plan_scenario *scenario; /* [n]; owner: this struct */
    size_t n;
    int threads; /* cores, after study_plan_check */
};

/* Reads the file and loads every scenario once; all problems are printed at once.  Exit code 0 or 2. */
int study_plan_open(struct study_plan *p, const char *path, const char *const *set, size_t n_set,
                    FILE *errors);
void study_plan_free(struct study_plan *p);

/* The k-th scenario, anew: after study_plan_open it loads, unless a file has changed since (NULL after printing). */
struct scenario *study_plan_load(const struct study_plan *p, size_t k, FILE *errors);

/* Builds what the replicas of each scenario share, one after the other, so that nothing is left that could refuse them later.  Exit code 0, 2 or 4. */
int study_plan_check(struct study_plan *p, FILE *errors);

/* Replicas of all scenarios. */
int64_t study_plan_replicas(const struct study_plan *p);

/* Prints at which scenario two plans differ, if they do: exit code 0 or 2.  `begun` is the plan of a directory. */
int study_plan_compare(const struct study_plan *begun, const struct study_plan *now, FILE *errors);

#endif
