/* watch: what a run or study directory says about its progress, as text: share done and time to go, the cycles so far, and voltage and event rates of the
 * replica that its status file shows (kmc/status.h).  Reads files only; the run does not notice.
 */
#ifndef KMC_WATCH_H
#define KMC_WATCH_H
#include <stdbool.h>
#include <stdio.h>

struct watch {
    const char *directory;
    bool is_study;
    int columns, rows; /* of the terminal */
};

/* Exit code 0, or 2 when the directory is neither a run nor a study, after printing to `errors`. */
int watch_open(struct watch *w, const char *directory, FILE *errors);

/* One picture; true when all is done. */
bool watch_print(const struct watch *w, FILE *out);

/* n values as one line of bars of at most `columns` characters, low at the bottom; nothing for n = 0. */
void watch_sparkline(const double *value, int n, int columns, FILE *out);

#endif
