/* random_scenario: scenario files made of a seed.
 *
 * A ready-made scenario as base, and on top some of the keys that the schema declares, at their limits, anywhere between or near the default, with stackings, formulas
 * and dopants.  Keys added to the schema are drawn without a change here.  Keys that cost time (sizes, efforts, firings kept) have ranges of their own,
 * so that a slice takes milliseconds.  Some of what comes out is refused, most of it runs.
 */
#ifndef TESTS_RANDOM_SCENARIO_H
#define TESTS_RANDOM_SCENARIO_H
#include <stdint.h>
#include <stdio.h>

void random_scenario_write(uint64_t seed, FILE *out);

#endif
