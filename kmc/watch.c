#define _POSIX_C_SOURCE 200809L
#include "watch.h"
#include <dirent.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "output.h"
#include "run_table.h"
#include "runfiles.h"
#include "status.h"
#include "study_directory.h"

enum { BAR = 30, OTHER_LINES = 12, SILENT_S = 60, PATH_BYTES = 1300 };
static const double SECONDS_PER_HOUR = 3600;

int watch_open(struct watch *w, const char *directory, FILE *errors) {
    *w = (struct watch){.directory = directory, .columns = 100, .rows = 40};
    w->is_study = study_directory_is_study(directory);
    return w->is_study || runfiles_is_run(directory, errors) ? 0 : RUNFILES_USAGE;
}

/* ---- pieces ---- */

void watch_sparkline(const double *value, int n, int columns, FILE *out) {
    static const char *const bar[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    double low = INFINITY, high = -INFINITY;
    for (int k = 0; k < n; k++) {
        low = fmin(low, value[k]);
        high = fmax(high, value[k]);
    }
    int width = n < columns ? n : columns;
    for (int c = 0; c < width; c++) { /* mean of the values that share a character */
        int first = (int)((int64_t)c * n / width), past = (int)((int64_t)(c + 1) * n / width);
        double sum = 0;
        for (int k = first; k < past; k++)
            sum += value[k];
        double share = high > low ? (sum / (past - first) - low) / (high - low) : 0.5;
        fputs(bar[(int)fmin(7, fmax(0, 8 * share))], out);
    }
}

static void put_bar(double done, FILE *out) {
    int full = (int)(fmin(1, fmax(0, done)) * BAR);
    fputc('[', out);
    for (int k = 0; k < BAR; k++)
        fputc(k < full ? '#' : '.', out);
    fprintf(out, "] %3.0f %%", 100 * done);
}

static void put_eta(double eta_s, FILE *out) {
    int64_t s = (int64_t)eta_s;
    if (s > 0)
        fprintf(out, "   ETA %02" PRId64 ":%02" PRId64 ":%02" PRId64, s / 3600, s / 60 % 60,
                s % 60);
}

/* Seconds since the file was written. */
static int64_t age_of(const struct status *s) {
    return (int64_t)time(NULL) - s->updated;
}

/* ---- a run ---- */

/* The last cycles that all replicas with results have; nothing when there is none yet. */
static void put_cycles(const char *directory, int rows, FILE *out) {
    struct runfiles_run run;
    char *problems = NULL;
    size_t bytes = 0;
    if (!output_exists(directory, "cycles.csv")) {
        fputs("no cycle has ended yet\n", out);
        return;
    }
    FILE *errors = open_memstream(&problems, &bytes);
    if (errors && runfiles_open(&run, directory, errors) == 0) {
        run_table_cycles(&run.cycles, rows, out);
        runfiles_free(&run);
    }
    if (errors && fclose(errors) == 0 && bytes)
        fputs(problems, out);
    free(problems);
}

static void put_events(const struct status *s, FILE *out) {
    double hours = (s->time_s - s->since_s) / SECONDS_PER_HOUR;
    const char *comma = "";
    fprintf(out, "events an hour, over the last %.3g h of this half-cycle: ", hours);
    for (int k = 0; k < EVENT_KINDS; k++)
        if (s->fired[k] > 0 && hours > 0) {
            fprintf(out, "%s%s %.3g", comma, status_event_name(k), (double)s->fired[k] / hours);
            comma = ", ";
        }
    fputs(*comma ? "\n" : "none\n", out);
}

static void put_replica(const struct status *s, int columns, FILE *out) {
    if (s->replica < 0 || s->n == 0)
        return;
    double low = INFINITY, high = -INFINITY;
    for (int k = 0; k < s->n; k++) {
        low = fmin(low, s->voltage[k]);
        high = fmax(high, s->voltage[k]);
    }
    fprintf(out,
            "\nreplica %" PRId64 ", cycle %" PRId64 " of %" PRId64
            ", %s: %.3f V, x_Li %.3f, after %.1f h\n",
            s->replica, s->cycle, s->run.cycles, status_step_name(s->step), s->voltage_V, s->li,
            s->time_s / SECONDS_PER_HOUR);
    fprintf(out, "%.2f V ", low);
    watch_sparkline(s->voltage, s->n, columns - 20, out);
    fprintf(out, " %.2f V\n", high);
    put_events(s, out);
}

static void put_running(const struct status *s, FILE *out) {
    put_bar(s->run.done, out);
    put_eta(s->run.eta_s, out);
    fprintf(out, "   %.2g moves/s   %" PRId64 " of %" PRId64 " replicas finished\n",
            s->run.moves_per_s, s->run.finished, s->run.replicas);
    if (age_of(s) > SILENT_S)
        fprintf(out, "no news for %" PRId64 " s: a long slice, or the process has ended\n",
                age_of(s));
}

static bool print_run(const struct watch *w, FILE *out) {
    struct status s;
    bool done = output_exists(w->directory, "DONE"),
         running = !done && status_read(&s, w->directory);
    fprintf(out, "%s: %s\n", w->directory, done ? "done" : running ? "running" : "not running");
    if (running)
        put_running(&s, out);
    else if (!done)
        fprintf(out, "to go on: kmc resume %s\n", w->directory);
    fputc('\n', out);
    put_cycles(w->directory, w->rows - OTHER_LINES, out);
    if (running)
        put_replica(&s, w->columns, out);
    return done;
}

/* ---- a study ---- */

/* Of the scenarios. */
struct tally {
    int n, done;
    double share; /* sum over those that are done or running */
    double eta_s;
    int64_t updated; /* of the newest status */
};

static void put_scenario(const char *name, const char *path, struct tally *t, FILE *out) {
    struct status s;
    bool done = output_exists(path, "DONE");
    t->n++;
    t->done += done;
    t->share += done;
    fprintf(out, "%-24s ", name);
    if (done) {
        fputs("done\n", out);
    } else if (!status_read(&s, path)) {
        fputs(output_exists(path, "cycles.csv") ? "stopped\n" : "waiting\n", out);
    } else {
        put_bar(s.run.done, out);
        fprintf(out, "  %" PRId64 "/%" PRId64 " replicas, cycle %" PRId64 "/%" PRId64 " %.2f V ",
                s.run.finished, s.run.replicas, s.cycle, s.run.cycles, s.voltage_V);
        watch_sparkline(s.voltage, s.n, 20, out);
        fputs(age_of(&s) > SILENT_S ? "  no news\n" : "\n", out);
        t->share += s.run.done;
        t->eta_s = s.updated >= t->updated ? s.run.eta_s : t->eta_s;
        t->updated = s.updated > t->updated ? s.updated : t->updated;
    }
}

static bool print_study(const struct watch *w, FILE *out) {
    struct dirent **entry = NULL;
    struct tally t = {0};
    char path[PATH_BYTES];
    int n = scandir(w->directory, &entry, NULL, alphasort);
    for (int k = 0; k < n; k++) {
        int length = snprintf(path, sizeof path, "%s/%s", w->directory, entry[k]->d_name);
        if (entry[k]->d_name[0] != '.' && length < (int)sizeof path &&
            output_exists(path, "run.json"))
            put_scenario(entry[k]->d_name, path, &t, out);
        free(entry[k]);
    }
    free(entry);
    bool done = output_exists(w->directory, "DONE");
    fprintf(out, "\n%s: %d of %d scenarios done\n", w->directory, t.done, t.n);
    if (!done && t.n) {
        put_bar(t.share / t.n, out);
        put_eta(t.eta_s, out);
        fputc('\n', out);
    }
    if (!done && !t.updated)
        fprintf(out, "not running; to go on: kmc resume %s\n", w->directory);
    return done;
}

bool watch_print(const struct watch *w, FILE *out) {
    return w->is_study ? print_study(w, out) : print_run(w, out);
}
