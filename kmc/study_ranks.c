#include "study_ranks.h"
#include <stdio.h>
#include <string.h>

/* The part of a list with commas at this place. */
static bool pick(const char *list, int place, char text[80]) {
    while (place-- > 0 && (list = strchr(list, ',')))
        list++;
    size_t n = list ? strcspn(list, ",") : 0;
    if (n == 0 || n >= 80)
        return false;
    memcpy(text, list, n);
    text[n] = '\0';
    return true;
}

bool study_ranks_device(const char *visible, int n_devices, int place, char text[80]) {
    int n = n_devices;
    if (visible) {
        n = *visible != '\0';
        for (const char *c = visible; *c; c++)
            n += *c == ',';
    }
    if (n <= 0)
        return false;
    if (visible)
        return pick(visible, place % n, text);
    snprintf(text, 80, "%d", place % n);
    return true;
}

#ifdef KMC_MPI
#include <dirent.h>
#include <mpi.h>
#include <stdlib.h>

static int number, count = 1;

static void leave(void) {
    int ended = 1;
    MPI_Finalized(&ended);
    if (!ended)
        MPI_Finalize();
}

/* GPUs that the driver knows of, without a call of CUDA: that would fix which ones it sees. */
static int count_devices(void) {
    int n = 0;
    DIR *d = opendir("/proc/driver/nvidia/gpus");
    for (struct dirent *e; d && (e = readdir(d));)
        n += e->d_name[0] != '.';
    if (d)
        closedir(d);
    return n;
}

static void choose_device(void) {
    MPI_Comm machine;
    char device[80];
    int place = 0;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine);
    MPI_Comm_rank(machine, &place);
    MPI_Comm_free(&machine);
    if (study_ranks_device(getenv("CUDA_VISIBLE_DEVICES"), count_devices(), place, device))
        setenv("CUDA_VISIBLE_DEVICES", device, 1);
}

void study_ranks_begin(void) {
    int begun = 1;
    MPI_Initialized(&begun);
    if (begun)
        return;
    MPI_Init(NULL, NULL);
    MPI_Comm_rank(MPI_COMM_WORLD, &number);
    MPI_Comm_size(MPI_COMM_WORLD, &count);
    atexit(leave);
    choose_device();
}

int study_ranks_number(void) {
    return number;
}

int study_ranks_count(void) {
    return count;
}

void study_ranks_wait(void) {
    if (count > 1)
        MPI_Barrier(MPI_COMM_WORLD);
}

int study_ranks_worst(int status) {
    int worst = status;
    if (count > 1)
        MPI_Allreduce(&status, &worst, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    return worst;
}

void study_ranks_largest(double *x, size_t n) {
    if (count > 1)
        MPI_Allreduce(MPI_IN_PLACE, x, (int)n, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
}

const char *study_ranks_library(void) {
    static char text[120];
    char library[MPI_MAX_LIBRARY_VERSION_STRING];
    int length, version, sub;
    MPI_Get_version(&version, &sub);
    MPI_Get_library_version(library, &length);
    library[strcspn(library, ",\n")] = '\0';
    snprintf(text, sizeof text, "MPI %d.%d, %.90s", version, sub, library);
    return text;
}
#else
void study_ranks_begin(void) {}

int study_ranks_number(void) {
    return 0;
}

int study_ranks_count(void) {
    return 1;
}

void study_ranks_wait(void) {}

int study_ranks_worst(int status) {
    return status;
}

void study_ranks_largest(double *x, size_t n) {
    (void)x;
    (void)n;
}

const char *study_ranks_library(void) {
    return "built without MPI";
}
#endif

FILE *study_ranks_errors(void) {
    static FILE *nowhere;
    if (study_ranks_number() == 0)
        return stderr;
    if (!nowhere)
        nowhere = fopen("/dev/null", "w");
    return nowhere ? nowhere : stderr;
}
