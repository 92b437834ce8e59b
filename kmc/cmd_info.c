#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>
#include "../kernels/tables.h"
#include "commands.h"
#include "engine.h"
#include "frames.h"
#include "options.h"
#include "runfiles.h"
#include "study_ranks.h"
#include "units.h"
#include "version.h"

static const char usage[] =
    "kmc info      - version, build and devices\n"
    "kmc info DIR  - the snapshots of a run: replica, cycle, moment, voltage, Li+ and time; any of "
    "them goes into `kmc export`\n";

/* ---- snapshots of a run ---- */

/* What run.h5 says in its table; a file is read for it. */
static int describe(const struct frames *f, int64_t k, struct store_frame *row) {
    const struct frames_entry *e = &f->entry[k];
    struct snapshot s;
    if (e->stored >= 0) {
        *row = f->place[e->directory].store.frame[e->stored];
        return 0;
    }
    int status = frames_read(f, k, &s, stderr);
    if (status)
        return status;
    *row = (struct store_frame){
        .voltage_V = s.voltage_V, .time_s = s.time_s, .n_li = snapshot_count_li(&s)};
    snapshot_free(&s);
    return 0;
}

static int list_snapshots(const char *directory) {
    struct frames f;
    struct store_frame row;
    char voltage[16];
    if (!runfiles_is_run(directory, stderr))
        return EXIT_USAGE;
    int status = frames_open(&f, &directory, 1, stderr);
    if (status == 0)
        printf("%-7s %-6s %-15s %9s %10s %12s\n", "replica", "cycle", "at", "voltage_V", "Li+",
               "time_h");
    for (int64_t k = 0; status == 0 && k < f.n; k++) {
        const struct frames_entry *e = &f.entry[k];
        status = describe(&f, k, &row);
        if (status)
            break;
        snprintf(voltage, sizeof voltage, isnan(row.voltage_V) ? "-" : "%.4f", row.voltage_V);
        printf("%-7lld %-6lld %-15s %9s %10lld %12.4f\n", (long long)e->replica,
               (long long)e->cycle, e->at, voltage, (long long)row.n_li,
               row.time_s / UNITS_SECONDS_PER_HOUR);
    }
    frames_close(&f);
    return status;
}

int cmd_info(int argc, char **argv) {
    char note[256], store[80];
    if (argc > 1 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
        fputs(usage, stdout);
        return EXIT_OK;
    }
    if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
        fprintf(stderr,
                "command line: error: expected at most one run directory, found `%s`\n    hint: "
                "`kmc info --help`\n",
                argv[argc - 1]);
        return EXIT_USAGE;
    }
    if (argc == 2)
        return list_snapshots(argv[1]);
    (void)store_available(store);
    printf("lrm-kmc      %s, git %s\n", VERSION, VERSION_GIT);
    printf("compiler     %s\nflags        %s\n", __VERSION__, VERSION_FLAGS);
    printf("processor    %d cores\n", omp_get_num_procs());
    printf("CUDA         %s\n", VERSION_CUDA);
    study_ranks_begin();
    printf("MPI          %s\n", study_ranks_library());
    printf("HDF5         %s\n", store);
    printf("engines      auto: %s here; cpu and cuda give the same bits; exact is the serial "
           "reference\n",
           engine_find("auto", note, sizeof note)->name);
    if (*note)
        printf("             %s\n", note);
    printf("arithmetic   a*b+c %s\n",
           tables_fused() ? "FUSED: results differ from other machines" : "not fused, as needed");
    return EXIT_OK;
}
