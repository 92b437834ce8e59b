#include "status.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATH_BYTES = 1200, LINE_BYTES = 8192 };
static const char MAGIC[] = "lrm-kmc status 1";
static const double INTERVAL_S = 1;

static const char *const EVENT[] = {"hop",     "join",     "split", "cleave", "combine",
                                    "oxidise", "reduce",   "move",  "lose",   "vacancy",
                                    "lithium", "exchange", "proton"};
_Static_assert(sizeof EVENT / sizeof *EVENT == EVENT_KINDS, "a name for every kind of event");

static const char *const STEP[] = {"settle",          "charge",    "hold charged",
                                   "rest charged",    "discharge", "hold discharged",
                                   "rest discharged", "done"};
_Static_assert(sizeof STEP / sizeof *STEP == STEP_DONE + 1, "a name for every step");

const char *status_event_name(int kind) {
    return EVENT[kind];
}

const char *status_step_name(enum protocol_step step) {
    return STEP[step];
}

/* ---- what is known ---- */

void status_init(struct status *s) {
    *s = (struct status){.replica = -1, .written_s = -INFINITY};
}

static bool is_discharge(enum protocol_step step) {
    return step >= STEP_DISCHARGE;
}

/* Counts from 0 in a new half-cycle, from what the events stand at when the half-cycle was under way already. */
static void begin_counts(struct status *s, const struct protocol_slice *slice, bool seen_before) {
    s->since_s = seen_before ? s->time_s : slice->time_s;
    memset(s->fired_before, 0, sizeof s->fired_before);
    if (!seen_before)
        memcpy(s->fired_before, slice->events->fired, sizeof s->fired_before);
}

void status_slice(struct status *s, const struct replica *r, const struct protocol_slice *slice) {
    bool seen = s->replica == (int64_t)r->number;
    if (s->replica >= 0 && !seen)
        return;
    if (!seen)
        s->n = s->next = 0;
    if (!seen || s->cycle != slice->cycle || is_discharge(s->step) != is_discharge(slice->step))
        begin_counts(s, slice, seen);
    s->replica = r->number;
    s->cycle = slice->cycle;
    s->step = slice->step;
    s->li = slice->li / (double)r->cell.n_formula;
    s->voltage_V = slice->voltage_V;
    s->time_s = slice->time_s;
    memcpy(s->fired, slice->events->fired, sizeof s->fired);
    s->voltage[s->next] = slice->voltage_V;
    s->next = (s->next + 1) % STATUS_POINTS;
    s->n += s->n < STATUS_POINTS;
}

void status_leave(struct status *s, int64_t replica) {
    if (s->replica == replica)
        s->replica = -1;
}

/* ---- writing ---- */

static void put(FILE *out, const struct status *s, const struct status_run *run) {
    fprintf(out, "%s\nupdated %lld\ndone %.6f\neta_s %.1f\nmoves_per_s %.4g\n", MAGIC,
            (long long)time(NULL), run->done, run->eta_s, run->moves_per_s);
    fprintf(out, "replicas %" PRId64 "\nfinished %" PRId64 "\ncycles %" PRId64 "\n", run->replicas,
            run->finished, run->cycles);
    fprintf(out, "replica %" PRId64 "\ncycle %" PRId64 "\nstep %d\n", s->replica, s->cycle,
            (int)s->step);
    fprintf(out, "li %.6f\nvoltage_V %.6f\ntime_s %.3f\nsince_s %.3f\n", s->li, s->voltage_V,
            s->time_s, s->since_s);
    for (int k = 0; k < EVENT_KINDS; k++)
        fprintf(out, "event %s %" PRId64 "\n", EVENT[k], s->fired[k] - s->fired_before[k]);
    fputs("voltages", out);
    for (int k = 0; k < s->n; k++)
        fprintf(out, " %.4f", s->voltage[(s->next - s->n + k + STATUS_POINTS) % STATUS_POINTS]);
    fputs("\nend\n", out);
}

void status_write(struct status *s, const struct status_run *run, const char *directory,
                  double now_s) {
    char path[PATH_BYTES], temporary[PATH_BYTES + 8];
    if (now_s - s->written_s < INTERVAL_S)
        return;
    s->written_s = now_s;
    snprintf(path, sizeof path, "%s/status", directory);
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    FILE *out = fopen(temporary, "w");
    if (!out)
        return;
    put(out, s, run);
    bool good = !ferror(out);
    good = fclose(out) == 0 && good;
    if (!good || rename(temporary, path) != 0)
        unlink(temporary);
}

void status_remove(const char *directory) {
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/status", directory);
    unlink(path);
    strncat(path, ".tmp", sizeof path - strlen(path) - 1);
    unlink(path);
}

/* ---- reading ---- */

static void take_voltages(struct status *s, char *text) {
    char *end = text;
    for (s->n = 0; s->n < STATUS_POINTS; s->n++, text = end) {
        double v = strtod(text, &end);
        if (end == text)
            return;
        s->voltage[s->n] = v;
    }
}

static void take_event(struct status *s, const char *text) {
    for (int k = 0; k < EVENT_KINDS; k++) {
        size_t n = strlen(EVENT[k]);
        if (strncmp(text, EVENT[k], n) == 0 && text[n] == ' ')
            s->fired[k] = strtoll(text + n, NULL, 10);
    }
}

/* Keys of later versions are passed over. */
static void take(struct status *s, const char *key, char *value) {
    const struct {
        const char *key;
        double *real;
        int64_t *whole;
    } member[] = {
        {"updated", NULL, &s->updated},       {"done", &s->run.done, NULL},
        {"eta_s", &s->run.eta_s, NULL},       {"moves_per_s", &s->run.moves_per_s, NULL},
        {"replicas", NULL, &s->run.replicas}, {"finished", NULL, &s->run.finished},
        {"cycles", NULL, &s->run.cycles},     {"replica", NULL, &s->replica},
        {"cycle", NULL, &s->cycle},           {"li", &s->li, NULL},
        {"voltage_V", &s->voltage_V, NULL},   {"time_s", &s->time_s, NULL},
        {"since_s", &s->since_s, NULL},
    };
    for (size_t k = 0; k < sizeof member / sizeof *member; k++)
        if (strcmp(key, member[k].key) == 0 && member[k].real)
            *member[k].real = strtod(value, NULL);
        else if (strcmp(key, member[k].key) == 0)
            *member[k].whole = strtoll(value, NULL, 10);
    int64_t step = strcmp(key, "step") == 0 ? strtoll(value, NULL, 10) : -1;
    if (step >= STEP_SETTLE && step <= STEP_DONE)
        s->step = (enum protocol_step)step;
    if (strcmp(key, "event") == 0)
        take_event(s, value);
    if (strcmp(key, "voltages") == 0)
        take_voltages(s, value);
}

bool status_read(struct status *s, const char *directory) {
    char path[PATH_BYTES], line[LINE_BYTES];
    status_init(s);
    snprintf(path, sizeof path, "%s/status", directory);
    FILE *in = fopen(path, "r");
    bool good = in && fgets(line, sizeof line, in), whole = false;
    good = good && strncmp(line, MAGIC, sizeof MAGIC - 1) == 0 && line[sizeof MAGIC - 1] == '\n';
    while (good && !whole && fgets(line, sizeof line, in)) {
        line[strcspn(line, "\n")] = '\0';
        char *blank = strchr(line, ' ');
        whole = strcmp(line, "end") == 0;
        if (blank) {
            *blank = '\0';
            take(s, line, blank + 1);
        }
    }
    if (in)
        fclose(in);
    return whole;
}
