/* headers: the physics headers compile for the GPU.  One thread per owner writes the total rate of
 * its channels; further outputs touch tables, random numbers, tokens, fast moves and the
 * carrying out of events and moves. */
#include "../kernels/events.h"
#include "../kernels/moves.h"
#include "../kernels/philox.h"

struct headers_job {
    struct event_context context; /* device pointers */
    struct move_context moves;    /* device pointers */
    struct move_bond *bond;       /* [n_owners] a bond of each owner */
    struct event_channel *kept;   /* [EVENT_CHANNELS_MAX] of the first owner */
    struct event_list *list;      /* [n_owners] */
    const int64_t *owner;         /* [n_owners] */
    double *rate;                 /* [n_owners] 1/s */
    double *wait;                 /* [n_owners] s */
    int64_t *move;                /* [n_owners] ueV, a token added to the owner; 0 without room */
    int64_t n_owners;
};

__global__ void headers_rates(struct headers_job job) {
    int64_t k = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (k >= job.n_owners)
        return;
    const struct rate_model *m = job.context.m;
    struct lattice_coord c = lattice_coord_of(&m->lattice, job.owner[k]);
    uint8_t byte = job.context.x->occupancy[job.owner[k]];
    job.list[k].search = -1;
    job.list[k].all = k == 0 ? job.kept : NULL;
    events_of_site(&job.context, c, &job.list[k]);
    struct philox random = {1, 0};
    struct philox_block b = philox_draw(random, STREAM_ADVANCE, 0, (uint64_t)k);
    job.rate[k] = job.list[k].total;
    job.wait[k] = -tables_log(philox_open(b.v[0], b.v[1])) / job.list[k].total;
    job.move[k] = tokens_has_room(m, c.kind, byte)
                      ? tokens_energy(m, job.context.x, c, byte, +1) +
                            tokens_electrode(&job.context.electrode, job.context.n_li, 1)
                      : 0;
}

/* One thread a bond: how much energy its move takes, or nothing. */
__global__ void headers_moves(struct headers_job job) {
    int64_t k = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    struct move mv;
    if (k < job.n_owners)
        job.move[k] += moves_judge(&job.moves, &job.bond[k], (int)(k & 1), &mv) ? mv.energy : 0;
}

/* One thread carries one event, one token move and one fast move out. */
__global__ void headers_apply(struct headers_job job) {
    if (blockIdx.x || threadIdx.x || job.n_owners == 0 || job.list[0].n == 0)
        return;
    const struct rate_model *m = job.context.m;
    struct lattice_coord c = lattice_coord_of(&m->lattice, job.owner[0]);
    struct philox random = {1, 0};
    uint32_t word = philox_draw(random, STREAM_EQUILIBRATE, 0, 0).v[0];
    struct move mv;
    if (moves_accept(&m->boltzmann, job.kept[0].energy, word, random, 0, 0))
        events_apply(m, job.context.x, &job.kept[0]);
    if (tokens_has(m, c.kind, job.context.x->occupancy[job.owner[0]]))
        tokens_apply(m, job.context.x, c, -1);
    if (moves_judge(&job.moves, &job.bond[0], 0, &mv))
        moves_apply(&job.moves, &mv);
}
