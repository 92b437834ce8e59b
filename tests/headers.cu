/* headers: the physics headers compile for the GPU.  One thread per owner writes the total rate of
 * its channels; further outputs touch tables, random numbers, tokens and the carrying out of an
 * event. */
#include "../kernels/events.h"
#include "../kernels/philox.h"

struct headers_job {
    struct event_context context; /* device pointers */
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

/* One thread carries one event and one token move out. */
__global__ void headers_apply(struct headers_job job) {
    if (blockIdx.x || threadIdx.x || job.n_owners == 0 || job.list[0].n == 0)
        return;
    const struct rate_model *m = job.context.m;
    struct lattice_coord c = lattice_coord_of(&m->lattice, job.owner[0]);
    uint64_t threshold = tables_threshold(&m->boltzmann, job.list[0].channel[0].energy);
    struct philox random = {1, 0};
    if (philox_draw(random, STREAM_EQUILIBRATE, 0, 0).v[0] < (uint32_t)(threshold >> 32))
        events_apply(m, job.context.x, &job.list[0].channel[0]);
    if (tokens_has(m, c.kind, job.context.x->occupancy[job.owner[0]]))
        tokens_apply(m, job.context.x, c, -1);
}
