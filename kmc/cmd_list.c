#include <string.h>
#include "commands.h"
#include "options.h"

static bool asks_help(int argc, char **argv) {
    return argc > 1 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0);
}

static int no_arguments(int argc, char **argv) {
    if (argc == 1)
        return -1;
    fprintf(stderr,
            "command line: error: expected no argument, found `%s`\n    hint: `kmc %s --help`\n",
            argv[1], argv[0]);
    return EXIT_USAGE;
}

int cmd_list(int argc, char **argv) {
    if (asks_help(argc, argv)) {
        puts("kmc list - ready-made scenarios; run one with `kmc run builtin:NAME`");
        return EXIT_OK;
    }
    int status = no_arguments(argc, argv);
    return status >= 0 ? status : scenario_write_list(stdout);
}

int cmd_defaults(int argc, char **argv) {
    if (asks_help(argc, argv)) {
        puts("kmc defaults - every scenario key with default, unit, range, meaning and source, as "
             "a TOML file");
        return EXIT_OK;
    }
    int status = no_arguments(argc, argv);
    return status >= 0 ? status : scenario_write_defaults(stdout);
}
