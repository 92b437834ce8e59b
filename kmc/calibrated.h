/* calibrated: the parameters that the fit to published values ended with (lattices/data/calibration), known by their hash.
 * tests/check.sh holds the hash against the program's defaults and against the frozen file. */
#ifndef KMC_CALIBRATED_H
#define KMC_CALIBRATED_H
#include <string.h>

#define CALIBRATED_PARAMETER_HASH "f0518a0628b9b565"

/* What is claimed of results with parameters of this hash. */
static inline const char *calibrated_claims(const char *parameter_hash) {
    return strcmp(parameter_hash, CALIBRATED_PARAMETER_HASH) == 0
               ? "calibrated on undoped O3, small boxes"
               : "uncalibrated";
}

#endif
