/* kmc watch: how a run or study is getting on. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include "commands.h"
#include "options.h"
#include "watch.h"

static const char HELP[] =
    "usage: kmc watch DIR [options]\n"
    "Shows how the run or study in DIR is getting on: share done, time to go, cycles so far, "
    "voltage and event rates.\n"
    "On a terminal again every second until it is done (Ctrl-C ends it; the run goes on), else "
    "once.\n"
    "\n"
    "      --once               once, on a terminal too\n"
    "      --interval SECONDS   between two pictures, 0.2 to 3600 (default 1)\n"
    "  -h, --help               this text\n"
    "\n"
    "Exit codes: 0 ok, 2 wrong usage or no such run.\n";

struct watch_options {
    const char *directory;
    double interval_s;
    bool once, help;
};

static int usage_error(const char *expected, const char *found) {
    fprintf(stderr, "kmc watch: error: expected %s, found `%s`\n    hint: see `kmc watch --help`\n",
            expected, found);
    return EXIT_USAGE;
}

static bool parse_seconds(const char *text, double *seconds) {
    char *end = NULL;
    *seconds = strtod(text, &end);
    return end != text && !*end && *seconds >= 0.2 && *seconds <= 3600;
}

static int parse(struct watch_options *o, int argc, char **argv) {
    static const struct option options[] = {{"once", no_argument, NULL, '1'},
                                            {"interval", required_argument, NULL, 'i'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;
    *o = (struct watch_options){.interval_s = 1};
    optind = 0;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        if (option == '?' || option == ':')
            return usage_error("a known option with its value", argv[optind - 1]);
        if (option == 'i' && !parse_seconds(optarg, &o->interval_s))
            return usage_error("--interval from 0.2 to 3600 s", optarg);
        o->once |= option == '1';
        o->help |= option == 'h';
    }
    if (o->help)
        return 0;
    if (argc - optind != 1)
        return usage_error("one run or study directory", argc > optind ? argv[optind + 1] : "none");
    o->directory = argv[optind];
    return 0;
}

/* A picture is written in one piece: nothing flickers. */
static bool draw(struct watch *w, bool terminal) {
    struct winsize size;
    char *text = NULL;
    size_t bytes = 0;
    if (terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 40 &&
        size.ws_row > 16) {
        w->columns = size.ws_col;
        w->rows = size.ws_row;
    }
    FILE *out = open_memstream(&text, &bytes);
    bool done = !out || watch_print(w, out);
    if (out && fclose(out) == 0) {
        fputs(terminal ? "\033[H\033[2J" : "", stdout);
        fwrite(text, 1, bytes, stdout);
        fflush(stdout);
    }
    free(text);
    return done;
}

int cmd_watch(int argc, char **argv) {
    struct watch_options o;
    struct watch w;
    int status = parse(&o, argc, argv);
    if (!status && o.help)
        return fputs(HELP, stdout) < 0 ? EXIT_FILES : EXIT_OK;
    if (!status)
        status = watch_open(&w, o.directory, stderr);
    if (status)
        return status;
    bool once = o.once || !isatty(STDOUT_FILENO);
    struct timespec pause = {(time_t)o.interval_s,
                             (long)((o.interval_s - (double)(time_t)o.interval_s) * 1e9)};
    while (!draw(&w, !once) && !once)
        nanosleep(&pause, NULL);
    return EXIT_OK;
}
