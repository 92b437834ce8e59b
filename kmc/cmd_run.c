#include <string.h>
#include "commands.h"
#include "run_directory.h"

static const char usage[] =
    "kmc run SCENARIO [flags] - cycles a crystal and measures its voltage fade\n"
    "Results: a run directory (default runs/NAME) with cycles.csv, summary.csv, profile.bdf.csv, "
    "clusters.csv, voids.csv,\n"
    "depth.csv (slab, particle) and snapshots, and a table on stdout. SIGINT, SIGTERM and "
    "--max-wallclock save a checkpoint and stop, "
    "SIGUSR1 saves one;\n"
    "`kmc resume DIR` goes on from it.\n";

/* Name and directory of a new run. */
static int name_run(struct run *run, const struct options *o) {
    const struct scenario *s = run->sim.scenario;
    const char *name = scenario_text(s, "run.name");
    if (!*name)
        name = strncmp(o->scenario, "builtin:", 8) == 0 ? o->scenario + 8 : "scenario";
    snprintf(run->info.name, sizeof run->info.name, "%s", name);
    if (o->output)
        snprintf(run->info.directory, sizeof run->info.directory, "%s", o->output);
    else
        snprintf(run->info.directory, sizeof run->info.directory, "runs/%s", name);
    output_time(run->info.started);
    if (!o->output && (strchr(name, '/') || name[0] == '.')) {
        fprintf(stderr,
                "%s: error: run.name: expected a name without '/' that does not begin with '.', "
                "found \"%s\"\n"
                "    hint: it names the run directory runs/NAME; give another name or -o DIR\n",
                scenario_place(s, "run.name"), name);
        return EXIT_USAGE;
    }
    return 0;
}

int cmd_run(int argc, char **argv) {
    struct options o;
    int status = options_parse(&o, argc, argv, usage);
    if (status >= 0)
        return status;
    struct scenario *s = options_load(&o);
    if (!s)
        return EXIT_USAGE;
    struct run run;
    run_clear(&run);
    status = run_create(&run, s);
    if (status == 0)
        status = name_run(&run, &o);
    if (status == 0)
        status = run_directory_create(&run);
    if (status == 0)
        status = run_go(&run, &o);
    run_free(&run);
    scenario_free(s);
    return status;
}
