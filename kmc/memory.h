/* memory: bytes that replicas take, predicted from the sizes of their box before anything of that size is allocated.
 *
 *   state        occupancy 1 a site, deviation 2 and n_tm 1 an O: 1.75 bytes a site
 *   shared       engines cpu and cuda: plan and lists of influence, once for all replicas of a model
 *   work space   engine cpu: a tile and the copy of a region with its fields for each thread, whatever the box
 *   building     the supercell beside the state, until the state has its own copy
 *   GPU          a second copy of the state; work space of the blocks that run at a time, whatever the box
 *   voids        from the first half-cycle on, the last look: 1/8 byte a site and 4 bytes a member of a void, dormant ones too
 *   clusters     at the end of a half-cycle: 3/16 byte a site and 20 bytes a member of a void; less for all that comes after
 */
#ifndef KMC_MEMORY_H
#define KMC_MEMORY_H
#include "engine.h"

enum { MEMORY_PIECES = 8 };

struct memory_piece {
    const char *name;
    int64_t bytes;
};

struct memory {
    int64_t n_sites;
    int n;
    struct memory_piece piece[MEMORY_PIECES]; /* what a replica holds as long as it lives */
    int64_t kept;                             /* their sum */
    int64_t voids;              /* what a replica holds from its first half-cycle on */
    int64_t shared;             /* by all replicas */
    int64_t workspace;          /* of a thread that computes */
    int32_t threads;            /* that one replica's engine uses */
    int64_t building, clusters; /* held for a moment on top, one after the other */
    int64_t peak;               /* most at any time */
    int64_t device,
        device_shared; /* on the GPU: of a replica, and of all together; 0 for an engine that uses none */
};

/* One replica of a box whose engine may use `threads` threads. */
void memory_of_replica(struct memory *m, const struct engine_ops *ops, const struct lattice *box,
                       int threads);

/* What Li+ on the clock takes on top in engine `exact`: kmc/lithium_moves.h. */
void memory_add_lithium(struct memory *m);

/* Most bytes of the whole program: n replicas alive, of which `busy` at a time are built or analysed. */
int64_t memory_at_once(const struct memory *m, int64_t n, int64_t busy);

/* Bytes of the program itself with its tables, scenario and model, whatever the box. */
int64_t memory_of_program(void);

/* Bytes of main memory of this machine. */
int64_t memory_of_machine(void);

#endif
