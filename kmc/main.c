/* lrm-kmc: kinetic Monte Carlo of voltage fade in Li-rich layered cathodes. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "../kernels/tables.h"
#include "commands.h"
#include "options.h"
#include "version.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"run", cmd_run, "cycle one scenario and measure its voltage fade"},
    {"resume", cmd_resume, "go on with an interrupted run, same results to the bit"},
    {"study", cmd_study, "many scenarios with the same seeds, compared with each other"},
    {"merge", cmd_merge, "shards of a study into one directory"},
    {"watch", cmd_watch, "how a run or study is getting on, live in the terminal"},
    {"voltage", cmd_voltage, "equilibrium voltage curve and dQ/dV without slow events"},
    {"diffuse", cmd_diffuse, "diffusivities of Li+ against composition and temperature"},
    {"compare", cmd_compare, "table of runs with intervals and paired differences"},
    {"report", cmd_report, "one HTML file of runs and studies, to be mailed"},
    {"export", cmd_export, "lattice snapshots as extended XYZ, POSCAR, CIF, LAMMPS dump or VTK"},
    {"check", cmd_check, "dry run: composition, box, memory, time"},
    {"verify", cmd_verify, "recounts of stored states, sums and checksums"},
    {"bench", cmd_bench, "speed and memory on fixed workloads"},
    {"selftest", cmd_selftest, "the engines of this machine on textbook problems"},
    {"divergence", cmd_divergence, "first call after which two engines differ"},
    {"list", cmd_list, "ready-made scenarios"},
    {"defaults", cmd_defaults, "every scenario key with unit, default, range and source"},
    {"info", cmd_info, "version, build, devices; DIR: the snapshots of a run"},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_usage(FILE *out) {
    fputs("kmc COMMAND ... - voltage fade of Li-rich layered cathodes by lattice kinetic Monte "
          "Carlo\n\n",
          out);
    for (int k = 0; k < COMMANDS; k++)
        fprintf(out, "  %-10s %s\n", commands[k].name, commands[k].help);
    fputs("\n`kmc COMMAND --help` explains each. First try: kmc run builtin:demo\n", out);
}

/* A full disk behind stdout must not pass unnoticed. */
static int flushed(int status) {
    bool ok = fflush(stdout) == 0 && !ferror(stdout);
    if (!ok)
        fputs(
            "kmc: error: the output could not be written completely\n    hint: is the disk full?\n",
            stderr);
    return ok || status ? status : 5;
}

/* Whatever asked for the memory, the last line says what is wrong. */
static int named(const char *command, int status) {
    if (status == EXIT_MEMORY)
        fprintf(stderr,
                "kmc %s: error: ended for want of memory\n"
                "    hint: fewer replicas, --threads or cells; kmc check predicts what is needed\n",
                command);
    return status;
}

int main(int argc, char **argv) {
    signal(SIGUSR1,
           SIG_IGN); /* it asks for a checkpoint, and must not end a run that has not begun */
    if (tables_fused()) {
        fputs("kmc: error: this build fuses a*b+c, so results would not be reproducible\n"
              "    hint: compile with -ffp-contract=off\n",
              stderr);
        return 1;
    }
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        print_usage(stdout);
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("lrm-kmc %s (%s)\n", VERSION, VERSION_GIT);
        return 0;
    }
    for (int k = 0; argc > 1 && k < COMMANDS; k++)
        if (strcmp(argv[1], commands[k].name) == 0)
            return flushed(named(argv[1], commands[k].run(argc - 1, argv + 1)));
    if (argc > 1)
        fprintf(stderr, "kmc: error: expected a command, found `%s`\n\n", argv[1]);
    print_usage(stderr);
    return 2;
}
