/* cmd_report: `kmc report`, one HTML file of runs and studies.
 *
 * The page is made by the Python package in analysis/, which reads the run directories as any user's script does; a second writer of figures in C
 * would have to agree with it for ever.  This command finds an interpreter that has the package, tells it where this program is (for the
 * comparison of runs), and becomes it.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#include "commands.h"
#include "options.h"

enum { PATH = 4096, LAST_ARGUMENTS = 8 };

static const char usage[] =
    "kmc report DIR... [-o FILE.html] [--force] - one HTML file of runs and studies\n"
    "Figures, sortable tables, differences between the runs with intervals, a viewer of stored "
    "states,\n"
    "provenance; opens without network access.  The first run is the reference.\n"
    "  -o, --output FILE  file to write (default: report.html)\n"
    "  --force            overwrite an existing file\n"
    "Needs Python with the package lrmkmc: the interpreter in KMC_PYTHON, venv/bin/python beside "
    "this\n"
    "program (made by `make demo`), or python3 (after `pip install ./analysis`).\n";

/* Absolute path of this program, empty when the system does not say. */
static void own_path(char path[PATH]) {
    ssize_t n = readlink("/proc/self/exe", path, PATH - 1);
    path[n > 0 ? n : 0] = 0;
}

/* venv/bin/python in the folder of this program. */
static bool beside(char path[PATH], const char *own) {
    const char *slash = strrchr(own, '/');
    int folder = slash ? (int)(slash - own) : 0;
    int n = snprintf(path, PATH, "%.*s/venv/bin/python", folder, own);
    return slash && n > 0 && n < PATH && access(path, X_OK) == 0;
}

/* Has this interpreter the package and what it needs?  Quick: they are found, not loaded. */
static bool has_package(const char *python) {
    static const char question[] =
        "import importlib.util as u, sys; need = ('lrmkmc', 'pandas', 'matplotlib', 'jinja2'); "
        "sys.exit(any(u.find_spec(name) is None for name in need))";
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        execlp(python, python, "-c", question, (char *)NULL);
        _exit(127);
    }
    int status = 1;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* The interpreter to use, or NULL; one that the user named is not passed over. */
static const char *find_python(const char *own, char path[PATH]) {
    const char *named = getenv("KMC_PYTHON");
    if (named && *named)
        return has_package(named) ? named : NULL;
    if (beside(path, own) && has_package(path))
        return path;
    return has_package("python3") ? "python3" : NULL;
}

static int missing(void) {
    const char *named = getenv("KMC_PYTHON");
    fprintf(stderr,
            "kmc report: error: expected Python with the package lrmkmc, found %s%s without it\n"
            "    hint: `pip install ./analysis` in the source folder, or name an interpreter that "
            "has it: KMC_PYTHON=.../bin/python\n",
            named && *named ? "KMC_PYTHON=" : "python3", named && *named ? named : "");
    return EXIT_USAGE;
}

int cmd_report(int argc, char **argv) {
    char own[PATH], path[PATH];
    for (int k = 1; k < argc; k++)
        if (strcmp(argv[k], "--help") == 0 || strcmp(argv[k], "-h") == 0)
            return fputs(usage, stdout) < 0 ? EXIT_FILES : 0;
    own_path(own);
    const char *python = find_python(own, path);
    if (!python)
        return missing();
    char **words = calloc((size_t)argc + LAST_ARGUMENTS, sizeof *words);
    if (!words)
        return EXIT_MEMORY;
    int n = 0;
    words[n++] = (char *)python;
    words[n++] = "-m";
    words[n++] = "lrmkmc";
    words[n++] = "report";
    for (int k = 1; k < argc; k++)
        words[n++] = argv[k];
    if (*own)
        setenv("KMC", own, 0); /* one that the user named stays */
    fflush(NULL);
    execvp(python, words);
    fprintf(stderr, "kmc report: error: cannot start %s: %s\n", python, strerror(errno));
    free(words);
    return EXIT_FAILURE;
}
