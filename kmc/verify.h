/* verify: looks at what a run directory has stored and computes again what can be: checksums, energies, charge, Li, atoms, deviations, sums.
 *
 *   checkpoint  checksums of the file; of every state energy, charge, Li, deviations of O and partners of dimers, recounted from the occupancy
 *   snapshots   of run.h5 and snapshots/: checksum, box and species; charge and partners, cations by element and anions, the energy of cycles.csv at the end of a discharge
 *   cycles.csv  efficiency, hysteresis and energies from the columns they are made of
 */
#ifndef KMC_VERIFY_H
#define KMC_VERIFY_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Results of all runs; zero-initialise. */
struct verify {
    bool json;          /* rows as objects of a list, else as lines */
    FILE *out, *errors; /* rows; problems of files */
    int64_t checked, failed;
};

/* Looks at one run directory; every check is a row.  Exit code 0 even when checks failed (they are counted), else 2, 4 or 5. */
int verify_run(struct verify *v, const char *directory);

#endif
