/* selftest_events: cases of `kmc selftest` for the slow events: rates, waiting times, kinetics. */
#ifndef KMC_SELFTEST_EVENTS_H
#define KMC_SELFTEST_EVENTS_H
#include "selftest.h"

void selftest_events_arrhenius(struct selftest *t);
void selftest_events_waiting(struct selftest *t);
void selftest_events_balance(struct selftest *t);
void selftest_events_splits(struct selftest *t);
void selftest_events_passage(struct selftest *t);
void selftest_events_cosine(struct selftest *t);
void selftest_events_tracer(struct selftest *t);
void selftest_events_jamming(struct selftest *t);

#endif
