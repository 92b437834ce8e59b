/* selftest_gas: cases of `kmc selftest` for the fast moves: lattice gases in equilibrium. */
#ifndef KMC_SELFTEST_GAS_H
#define KMC_SELFTEST_GAS_H
#include "selftest.h"

void selftest_gas_ideal(struct selftest *t);
void selftest_gas_torus(struct selftest *t);
void selftest_gas_hexagons(struct selftest *t);
void selftest_gas_film(struct selftest *t);
void selftest_gas_passes(struct selftest *t);
void selftest_gas_clusters(struct selftest *t);

#endif
