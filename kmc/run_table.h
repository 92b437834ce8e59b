/* run_table: the table that `kmc run` prints: cycles with intervals, fade, numerical controls, what may be claimed. */
#ifndef KMC_RUN_TABLE_H
#define KMC_RUN_TABLE_H
#include "output.h"
#include "statistics.h"

/* Reads the run directory back and prints to `out`, as a table or as JSON. Exit code. */
int run_table_print(const struct output_info *info, bool json, double wall_s, FILE *out,
                    FILE *errors);

/* The last `rows` rows of the table's first part: means of the cycles that every replica has. */
void run_table_cycles(const struct statistics_cycles *c, int64_t rows, FILE *out);

#endif
