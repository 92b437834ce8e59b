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

static int list_family(const char *family, bool full) {
    if (scenario_write_family(family, full, stdout))
        return EXIT_OK;
    fprintf(stderr,
            "command line: error: expected a family of scenarios, found `%s`\n"
            "    hint: `kmc list` prints all families\n",
            family);
    return EXIT_USAGE;
}

int cmd_list(int argc, char **argv) {
    if (asks_help(argc, argv)) {
        puts("kmc list [FAMILY] [--long] - ready-made scenarios; run one with `kmc run "
             "builtin:NAME`\n"
             "  FAMILY  dopants, coatings, literature, ...: this family alone, dopants and what "
             "covers or treats a\n"
             "          surface with an explanation\n"
             "  --long  with all parameters, their prior intervals and sources");
        return EXIT_OK;
    }
    bool full = argc > 2 && strcmp(argv[2], "--long") == 0;
    if (argc == 2 || (argc == 3 && full))
        return list_family(argv[1], full);
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
