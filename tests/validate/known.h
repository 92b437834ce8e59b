/* known: the comparison of measured averages with the exact ones of kmc/known.h, for Criterion. */
#ifndef TESTS_VALIDATE_KNOWN_H
#define TESTS_VALIDATE_KNOWN_H
#include "../../kmc/known.h"

/* Prints "name measured +- error exact" with --verbose; fails when they differ by more than four
 * errors or when the error exceeds 0.5 % of `scale`. */
void known_check(const char *name, double measured, double error, double exact, double scale);

#endif
