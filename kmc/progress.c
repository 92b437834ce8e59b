#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include "progress.h"

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void progress_start(struct progress *p, bool quiet) {
    *p = (struct progress){.quiet = quiet, .terminal = isatty(STDERR_FILENO), .start_s = now_s()};
    p->last_s = p->start_s;
}

double progress_seconds(const struct progress *p) {
    return now_s() - p->start_s;
}

double progress_eta_s(const struct progress *p, double done) {
    double here = done - p->done_before;
    return here > 0.005 ? progress_seconds(p) * (1 - done) / here : 0;
}

double progress_moves_per_s(const struct progress *p) {
    double used = progress_seconds(p);
    int64_t evaluated;
#pragma omp atomic read
    evaluated = p->evaluated;
    return used > 0 ? (double)evaluated / used : 0;
}

void progress_show(struct progress *p, double done, const char *text) {
    double now = now_s();
    if (p->quiet || now - p->last_s < (p->terminal ? 0.25 : 10.0))
        return;
    p->last_s = now;
    double eta = progress_eta_s(p, done);
    int h = (int)(eta / 3600), m = (int)(eta / 60) % 60, s = (int)eta % 60;
    fprintf(stderr, "%s%3.0f %% %s  %.1e moves/s  ETA %02d:%02d:%02d%s",
            p->terminal ? "\r\033[K" : "", 100 * done, text, progress_moves_per_s(p), h, m, s,
            p->terminal ? "" : "\n");
    fflush(stderr);
    p->drawn = p->terminal;
}

void progress_add(struct progress *p, double share, bool before) {
#pragma omp atomic
    p->done += share;
    if (!before)
        return;
#pragma omp atomic
    p->done_before += share;
}

void progress_end(struct progress *p) {
    if (p->drawn)
        fputs("\r\033[K", stderr);
    p->drawn = false;
}
