/* estimate: memory and time of a run, before it is made. */
#ifndef KMC_ESTIMATE_H
#define KMC_ESTIMATE_H
#include "memory.h"
#include "simulation.h"

struct estimate {
    struct memory memory;      /* of a replica */
    double evaluated_per_draw; /* share of the draws of fast moves that find a move */
    double
        replica_s; /* one replica on one core, all cycles, Li and electrons alone: slow events come on top */
};

/* Times fast moves on replica 0 of a simulation, for a moment.  Exit code 0, 2 or 4 after printing to `errors`. */
int estimate_of(struct estimate *e, const struct simulation *sim, FILE *errors);

/* Slices of all cycles of a replica, about. */
double estimate_slices(const struct protocol *p);

/* "12.3 MiB", smaller ones in KiB. */
const char *estimate_size(char text[32], double bytes);

#endif
