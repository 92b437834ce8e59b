/* engine_compare: a back end that hands every call to two others, each with a state of its own, and keeps the first difference between them.
 *
 * The replica's state is that of back end a; b gets a copy. After every equilibrate and advance all that a result can depend on is compared to the
 * bit: numbers and arrays of the state, and the counters of the call.  From the first difference on b is no longer called.
 * One pair of back ends at a time, from one thread.
 */
#ifndef KMC_ENGINE_COMPARE_H
#define KMC_ENGINE_COMPARE_H
#include "engine.h"

enum { DIFFERENCE_NUMBERS = 24, DIFFERENCE_ARRAYS = 4, DIFFERENCE_TEXT = 32 };

/* A number that differs, as text. */
struct difference_number {
    const char *name;
    char text[2][DIFFERENCE_TEXT];
};

/* An array of which entries differ: how many, the first one and its two values. */
struct difference_array {
    const char *name;
    int64_t n, first;
    int32_t value[2];
};

enum difference_order { DIFFERS_OCCUPANCY, DIFFERS_DEVIATION, DIFFERS_N_TM, DIFFERS_DEMON };

struct engine_difference {
    bool found;
    uint32_t replica;
    const char *verb;
    int64_t call;           /* of this replica, both verbs, from 1 */
    int64_t equilibrations; /* of this replica so far */
    uint32_t step_before, step;
    struct difference_number number[DIFFERENCE_NUMBERS];
    int n_numbers;
    struct difference_array
        array[DIFFERENCE_ARRAYS]; /* by enum difference_order; n = 0 where there is none */
};

/* Chooses the back ends and the threads each may use; forgets calls and differences of before. */
const struct engine_ops *engine_compare_open(const struct engine_ops *a, int threads_a,
                                             const struct engine_ops *b, int threads_b);

const struct engine_difference *engine_compare_difference(void);

/* Calls compared so far, and those of equilibrate in one replica. */
int64_t engine_compare_calls(void);
int64_t engine_compare_equilibrations(const struct engine *e);

#endif
