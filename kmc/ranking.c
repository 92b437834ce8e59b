#include "ranking.h"
#include <math.h>
#include <stdlib.h>
#include "../kernels/philox.h"
#include "statistics.h"

enum { OF_VALUES, OF_SPREAD }; /* index of a draw: z of a replica, and what chi^2 is made of */

/* Two independent normal numbers: of draws 2 step and 2 step + 1 (Box, Muller). */
static void normals(uint64_t seed, int64_t replica, uint32_t step, uint64_t index, double z[2]) {
    struct philox g = {seed, (uint32_t)replica};
    struct philox_block b = philox_draw(g, STREAM_SPECIES, step, index);
    double radius = sqrt(-2 * log(philox_open(b.v[0], b.v[1])));
    double angle = 2 * 3.14159265358979323846 * philox_open(b.v[2], b.v[3]);
    z[0] = radius * cos(angle);
    z[1] = radius * sin(angle);
}

/* Two draws of the mean. */
static void draw_means(const struct ranking_sample *s, double mean, uint32_t step, double mu[2]) {
    double sum[2] = {0, 0}, chi2[2] = {0, 0}, z[2];
    for (size_t r = 0; r < s->n; r++) {
        normals(s->seed, s->replica[r], step, OF_VALUES, z);
        for (int k = 0; k < 2; k++)
            sum[k] += z[k] * (s->x[r] - mean);
        if (r + 1 == s->n)
            break;
        normals(s->seed, (int64_t)r, step, OF_SPREAD, z);
        for (int k = 0; k < 2; k++)
            chi2[k] += z[k] * z[k];
    }
    for (int k = 0; k < 2; k++)
        mu[k] = mean + sum[k] / sqrt((double)s->n * chi2[k]);
}

/* Gives the winners of one draw their share. */
static void award(const double *mu, size_t n, bool smallest, double *p) {
    double best = NAN;
    int winners = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(mu[i]) && (isnan(best) || (smallest ? mu[i] < best : mu[i] > best)))
            best = mu[i];
    for (size_t i = 0; i < n; i++)
        winners += mu[i] == best;
    for (size_t i = 0; i < n; i++)
        if (mu[i] == best)
            p[i] += 1.0 / winners / RANKING_DRAWS;
}

bool ranking_probabilities(const struct ranking_sample *s, size_t n, bool smallest, double *p) {
    double *mean = malloc((3 * n + 1) * sizeof *mean);
    size_t usable = 0;
    if (!mean)
        return false;
    double *mu[2] = {mean + n, mean + 2 * n};
    for (size_t i = 0; i < n; i++) {
        mean[i] = statistics_mean(s[i].x, s[i].n);
        usable += s[i].n > 1;
        p[i] = s[i].n > 1 ? 0 : NAN;
    }
    for (uint32_t step = 0; usable > 1 && step < RANKING_DRAWS / 2; step++) {
        for (size_t i = 0; i < n; i++) {
            double two[2] = {NAN, NAN};
            if (s[i].n > 1)
                draw_means(&s[i], mean[i], step, two);
            mu[0][i] = two[0];
            mu[1][i] = two[1];
        }
        award(mu[0], n, smallest, p);
        award(mu[1], n, smallest, p);
    }
    for (size_t i = 0; usable < 2 && i < n; i++)
        p[i] = NAN;
    free(mean);
    return true;
}
