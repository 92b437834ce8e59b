#define _XOPEN_SOURCE 700 /* POSIX 2008 with nftw */
#include <criterion/criterion.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "specimen.h"

FILE *specimen_nowhere(void) {
    static FILE *out;
    return out ? out : (out = fopen("/dev/null", "w"));
}

/* Each test works in a directory of its own, which goes with it. */
static char scratch[] = "/tmp/test_export_XXXXXX";

void specimen_enter(void) {
    cr_assert(mkdtemp(scratch));
    cr_assert(chdir(scratch) == 0);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *level) {
    (void)status, (void)type, (void)level;
    return remove(path);
}

void specimen_leave(void) {
    cr_assert(chdir("/") == 0);
    nftw(scratch, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int64_t specimen_site(const struct snapshot *s, int plane, int kind, int j, int i) {
    return (((int64_t)plane * SITE_KINDS + kind) * s->nb + j) * s->na + i;
}

/* A box with every kind of occupancy: Li, Ni2+, Ni3+, Mn4+, vacancies, O in all states, F, S, Cl, O
 * vacancy, sites outside. */
void specimen_fill(struct snapshot *s, const char *letters, int na, int nb) {
    static const struct species species[] = {
        {"", 0, -1}, {"Li", 1, -1}, {"Ni", 2, 0}, {"Ni", 3, 0}, {"Mn", 4, 1},
    };
    *s = (struct snapshot){.na = na, .nb = nb, .a_A = 2.85, .tm_gap_A = 2.15, .li_gap_A = 2.60};
    s->n_planes = (int32_t)strlen(letters);
    strcpy(s->letters, letters);
    s->cycle = 3;
    strcpy(s->at, "charge");
    s->voltage_V = 4.75;
    s->time_s = 123456.789;
    strcpy(s->scenario, "o3 \"test\", 1");
    strcpy(s->parameter_hash, "0123456789abcdef");
    strcpy(s->version, "0.1.0");
    strcpy(s->git_hash, "abcdef0");
    s->n_species = 5;
    memcpy(s->species, species, sizeof species);
    s->occupancy = calloc((size_t)snapshot_n_sites(s), 1);
    for (int k = 0; k < s->n_planes; k++)
        for (int j = 0; j < nb; j++)
            for (int i = 0; i < na; i++) /* TM layers Ni2+, Ni3+, Mn4+ in turn, Li layers Li */
                s->occupancy[specimen_site(s, k, SITE_OCT, j, i)] =
                    (uint8_t)(k % 2 ? SPECIES_LI : 2 + (i + j) % 3);
    /* the third and fourth are a superoxo pair along a1: neighbours 0 and 1 of each other (kernels/lattice.h) */
    static const uint8_t states[] = {0, 1, 0x02, 0x13, 4, 5, 6, 14, 15};
    for (size_t n = 0; n < sizeof states; n++)
        s->occupancy[specimen_site(s, 1, SITE_O, (int)n / na, (int)n % na)] = states[n];
    s->occupancy[specimen_site(s, 1, SITE_OCT, 0, 0)] = SPECIES_VACANCY;
    s->occupancy[specimen_site(s, 1, SITE_TET_UP, 1, 2)] = 4;
    s->occupancy[specimen_site(s, 1, SITE_TET_DOWN, 0, 1)] = SPECIES_LI;
    s->occupancy[specimen_site(s, 0, SITE_TET_UP, 0, 0)] = SITE_OUTSIDE;
}

void specimen_sample(struct snapshot *s) {
    specimen_fill(s, "ABCABC", 4, 3);
}

unsigned char *specimen_read(const char *path, size_t *n) {
    struct stat status;
    FILE *in = fopen(path, "rb");
    cr_assert(in && fstat(fileno(in), &status) == 0, "%s", path);
    unsigned char *data = malloc((size_t)status.st_size + 1);
    *n = fread(data, 1, (size_t)status.st_size, in);
    data[*n] = 0;
    fclose(in);
    return data;
}

void specimen_write(const char *path, const void *data, size_t n) {
    FILE *out = fopen(path, "wb");
    cr_assert(out && fwrite(data, 1, n, out) == n);
    fclose(out);
}
