/* study_vary: scenarios made by rule: grids of values, and Latin hypercubes over intervals (internal to the study files).
 *
 *   [study] or [[scenario]]
 *     vary.conditions.temperature_K = [298.15, 318.15]   every value, combined with those of all other keys that vary
 *   [study] alone
 *     samples = 16                                       each scenario so many times, with values drawn for
 *     sample.model.o2_eV = [-0.1, 0.3]                   this key, evenly between two bounds
 *     sample.model.o2_eV = "prior"                       this key, in its prior interval
 *     sample_priors = true                               every energy and barrier (model, elements) that the scenario uses and that has a
 *                                                        prior interval around its value
 *
 * Dopants: vary."dopant[0].fraction"; one item of a list: sample."elements.Ni.oxidation_eV[1]".
 * A hypercube of n samples has one value of each key in each n-th of its interval (McKay, Beckman and Conover, Technometrics 21, 239 (1979)).  Which value
 * sample k has depends on seed, key and n alone, so all scenarios have the same: their samples are pairs.
 */
#ifndef KMC_STUDY_VARY_H
#define KMC_STUDY_VARY_H
#include "study_file.h"

enum { STUDY_VARY_AXES = 16, STUDY_VARY_SAMPLES_MAX = 10000, STUDY_VARY_NAME = 65 };

/* A key that takes each value of a list. */
struct study_vary_axis {
    char *key;
    size_t list; /* entry in the file */
    size_t n;
};

/* A key that is drawn. */
struct study_vary_range {
    char *key;
    size_t entry;
    bool prior;
    double low, high;
};

struct study_vary {
    struct study_vary_axis axis[STUDY_VARY_AXES];
    size_t n_axes;
    struct study_vary_range *range; /* [n_ranges]; owner: this struct */
    size_t n_ranges;
    int64_t samples; /* 0 = no hypercube */
    bool priors;     /* sample_priors */
};

/* One number that was drawn. */
struct study_vary_draw {
    char *key; /* with [i] for an item of a list; owner: whoever holds the list */
    double value;
};

struct study_vary_draws {
    struct study_vary_draw *draw; /* [n]; owner: this struct */
    size_t n;
};

/* Reads the keys above from the table at `table`; adds to what *v holds. */
void study_vary_read(struct study_vary *v, const struct study_file *f, size_t table, bool is_study,
                     struct scenario_problems *problems);
void study_vary_free(struct study_vary *v);

/* Is it among the keys that vary or are drawn? */
bool study_vary_has(const struct study_vary *v, const char *key);

/* Combinations of the axes' values: 1 when there are none. */
size_t study_vary_count(const struct study_vary *v);

/* Appends ",key=value" of combination k to a name for each axis; false when it gets too long. */
bool study_vary_name(const struct study_vary *v, const struct study_file *f, size_t k,
                     char name[STUDY_VARY_NAME]);

/* Gives the scenario the values of combination k. */
void study_vary_assign(const struct study_vary *v, const struct study_file *f, size_t k,
                       struct scenario *s, struct scenario_problems *problems);

/* Gives the scenario the values of a sample, from 0, and lists them.  A key of the file that this scenario has not is left out. */
void study_vary_draw_sample(const struct study_vary *v, const struct study_file *f, uint64_t seed,
                            int64_t sample, struct scenario *s, struct study_vary_draws *draws,
                            struct scenario_problems *problems);
/* The value drawn for this key; NULL = none. */
const double *study_vary_drawn(const struct study_vary_draws *draws, const char *key);
void study_vary_draws_add(struct study_vary_draws *draws, const char *key, double value);
void study_vary_draws_free(struct study_vary_draws *draws);

#endif
