#include <omp.h>
#include <stdio.h>
#include <string.h>
#include "../kernels/tables.h"
#include "commands.h"
#include "engine.h"
#include "options.h"
#include "study_ranks.h"
#include "version.h"

int cmd_info(int argc, char **argv) {
    char note[256];
    if (argc > 1 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
        puts("kmc info - version, build and devices");
        return EXIT_OK;
    }
    if (argc > 1) {
        fprintf(
            stderr,
            "command line: error: expected no argument, found `%s`\n    hint: `kmc info --help`\n",
            argv[1]);
        return EXIT_USAGE;
    }
    printf("lrm-kmc      %s, git %s\n", VERSION, VERSION_GIT);
    printf("compiler     %s\nflags        %s\n", __VERSION__, VERSION_FLAGS);
    printf("processor    %d cores\n", omp_get_num_procs());
    printf("CUDA         %s\n", VERSION_CUDA);
    study_ranks_begin();
    printf("MPI          %s\n", study_ranks_library());
    printf("engines      auto: %s here; cpu and cuda give the same bits; exact is the serial "
           "reference\n",
           engine_find("auto", note, sizeof note)->name);
    if (*note)
        printf("             %s\n", note);
    printf("arithmetic   a*b+c %s\n",
           tables_fused() ? "FUSED: results differ from other machines" : "not fused, as needed");
    return EXIT_OK;
}
