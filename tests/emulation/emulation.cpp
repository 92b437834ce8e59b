/* emulation: fibers that take turns (cuda_runtime.h).  A fiber that waits gives way to the next one; all of a group have met when the last one comes. */
#include "cuda_runtime.h"
#include <setjmp.h>
#include <stdio.h>
#include <ucontext.h>
#include <vector>

dim3 threadIdx, blockIdx, blockDim, gridDim;
void *emulated_shared;

/* ---- calls that fail ---- */

static long calls;

static void write_count() {
    FILE *out = fopen(getenv("EMULATED_FAULT_COUNT"), "w");
    if (out) {
        fprintf(out, "%ld\n", calls);
        fclose(out);
    }
}

cudaError_t emulate_fault(void) {
    const char *at = getenv("EMULATED_FAULT_AT");
    if (calls == 0 && getenv("EMULATED_FAULT_COUNT"))
        atexit(write_count);
    return ++calls == (at ? atol(at) : 0) ? cudaErrorUnknown : cudaSuccess;
}

/* ---- fibers ---- */

extern char __start_shared_by_block[], __stop_shared_by_block[]; /* from the linker: all __shared__ variables */

namespace {
const unsigned STACK_BYTES = 256 << 10, WARP = 32;

/* Begun through its context; from then on switched by _longjmp, which costs no system call. */
struct fiber {
    ucontext_t context;
    jmp_buf place;
    std::vector<char> stack;
    bool begun, done;
};

/* Threads that meet: of a warp or of the block. */
struct meeting {
    unsigned here, members, round;
    uint32_t value[2][WARP]; /* of this round and the last */
    int any[2];
};

std::vector<fiber> fibers;
std::vector<meeting> warps;
meeting block;
unsigned running;
jmp_buf scheduler;
const std::function<void()> *body;

__attribute__((noinline)) void yield() {
    if (!_setjmp(fibers[running].place))
        _longjmp(scheduler, 1);
}

/* Lets the fiber whose turn it is run until it yields. */
__attribute__((noinline)) void resume() {
    fiber *f = &fibers[running];
    if (_setjmp(scheduler))
        return;
    if (f->begun)
        _longjmp(f->place, 1);
    f->begun = true;
    setcontext(&f->context);
}

void leave(meeting *m) {
    m->members--;
    if (m->members && m->here == m->members) {
        m->here = 0;
        m->round++;
    }
}

void enter() {
    (*body)();
    fibers[running].done = true;
    leave(&warps[running / WARP]);
    leave(&block);
    yield();
}

/* Returns the number of the round that has ended. */
unsigned meet(meeting *m) {
    unsigned round = m->round;
    if (++m->here == m->members) {
        m->here = 0;
        m->round++;
        m->any[m->round % 2] = 0;
    }
    while (m->round == round)
        yield();
    return round;
}

/* Shared memory begins as it is: full of what nobody wrote. */
__attribute__((no_sanitize("address"))) void spoil(volatile char *from, volatile char *to) {
    while (from < to)
        *from++ = (char)0xa5;
}

void begin_block() {
    unsigned n = blockDim.x;
    warps.assign((n + WARP - 1) / WARP, meeting());
    for (unsigned w = 0; w < warps.size(); w++)
        warps[w].members = n - w * WARP < WARP ? n - w * WARP : WARP;
    block = meeting();
    block.members = n;
    for (unsigned k = 0; k < n; k++) {
        fiber *f = &fibers[k];
        f->begun = f->done = false;
        getcontext(&f->context);
        f->context.uc_stack.ss_sp = f->stack.data();
        f->context.uc_stack.ss_size = f->stack.size();
        f->context.uc_link = NULL;
        makecontext(&f->context, enter, 0);
    }
}

void run_block() {
    static const char *order = getenv("EMULATED_ORDER");
    bool backwards = order && !strcmp(order, "backwards");
    begin_block();
    while (block.members)
        for (unsigned k = 0; k < blockDim.x; k++) {
            running = backwards ? blockDim.x - 1 - k : k;
            threadIdx = dim3(running, 0, 0);
            if (!fibers[running].done)
                resume();
        }
}
} // namespace

void emulate_meet(bool of_warp) {
    meet(of_warp ? &warps[running / WARP] : &block);
}

uint32_t emulate_exchange(uint32_t value, uint32_t *warp) {
    meeting *m = &warps[running / WARP];
    unsigned members = m->members;
    m->value[m->round % 2][running % WARP] = value;
    unsigned round = meet(m);
    memcpy(warp, m->value[round % 2], sizeof m->value[0]);
    return members == WARP ? ~0u : (1u << members) - 1;
}

int emulate_any_of_block(int value) {
    block.any[block.round % 2] |= value != 0;
    unsigned round = meet(&block);
    return block.any[round % 2];
}

void emulate_launch(dim3 grid, dim3 threads, size_t shared_bytes,
                    const std::function<void()> &kernel) {
    while (fibers.size() < threads.x) {
        fibers.emplace_back();
        fibers.back().stack.resize(STACK_BYTES);
    }
    body = &kernel;
    gridDim = grid;
    blockDim = threads;
    for (unsigned y = 0; y < grid.y; y++)
        for (unsigned x = 0; x < grid.x; x++) {
            blockIdx = dim3(x, y, 0);
            emulated_shared = malloc(shared_bytes ? shared_bytes : 1);
            spoil((char *)emulated_shared, (char *)emulated_shared + shared_bytes);
            spoil(__start_shared_by_block, __stop_shared_by_block);
            run_block();
            free(emulated_shared);
        }
}
