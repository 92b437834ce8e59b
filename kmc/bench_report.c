/* bench_report: see bench_report.h.  Numbers that are not known are - in the table and null in JSON. */
#include "bench_report.h"
#include <math.h>
#include <omp.h>
#include "output.h"
#include "version.h"

static void read_cpu(char *text, size_t bytes) {
    char line[256];
    FILE *in = fopen("/proc/cpuinfo", "r");
    snprintf(text, bytes, "unknown processor");
    while (in && fgets(line, sizeof line, in)) {
        char *value = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !value)
            continue;
        value[strcspn(value, "\n")] = 0;
        snprintf(text, bytes, "%s", value + 2);
        break;
    }
    if (in)
        fclose(in);
}

/* Mean number of running programs over the last minute; NaN when unknown. */
static double read_load(void) {
    double load = NAN;
    FILE *in = fopen("/proc/loadavg", "r");
    if (in && fscanf(in, "%lf", &load) != 1)
        load = NAN;
    if (in)
        fclose(in);
    return load;
}

void bench_report_init(struct bench_report *r) {
    read_cpu(r->cpu, sizeof r->cpu);
    output_time(r->date);
    r->cores = omp_get_num_procs();
    r->memory_GiB = (double)memory_of_machine() / 0x1p30;
    r->load = read_load();
}

/* ---- table ---- */

void bench_report_head(const struct bench_report *r, FILE *out) {
    fprintf(out, "kmc bench  %s, git %s, %s\n", VERSION, VERSION_GIT, r->date);
    fprintf(out, "machine    %s, %d cores, %.1f GiB\n", r->cpu, r->cores, r->memory_GiB);
    fprintf(out, "compiler   %s; %s\n", __VERSION__, VERSION_FLAGS);
    fprintf(out, "engine     %s, up to %d threads; parameters %s\n", r->engine, r->threads,
            r->parameter_hash);
    if (r->load > 0.5)
        fprintf(out, "busy       load %.1f when the benchmark began: other programs disturb it\n",
                r->load);
    fprintf(out,
            "figures    median of %d repeats of about %g s in all, (largest - smallest) / median\n",
            BENCH_REPEATS, r->seconds);
}

static double spread_percent(struct bench_figure f) {
    return f.median > 0 ? 100 * (f.high - f.low) / f.median : 0;
}

static void print_figure(FILE *out, struct bench_figure f) {
    fprintf(out, "  %10.3g (%2.0f %%)", f.median, spread_percent(f));
}

static const struct bench_verbs *last(const struct bench_result *b) {
    return &b->verbs[b->n_verbs - 1];
}

/* Work is the same on any number of threads: time on one over time on all, per thread. */
static double efficiency(struct bench_figure one, struct bench_figure all, int threads) {
    return all.median > 0 ? one.median / all.median / threads : 0;
}

static void print_row(FILE *out, const char *name, const struct bench_result *b,
                      struct bench_figure one, struct bench_figure all) {
    fprintf(out, "  %-34s", name);
    print_figure(out, one);
    if (b->n_verbs > 1)
        print_figure(out, all);
}

static void print_efficiency(FILE *out, const struct bench_result *b, struct bench_figure one,
                             struct bench_figure all) {
    if (b->n_verbs > 1)
        fprintf(out, "  %8.2f", efficiency(one, all, last(b)->threads));
    fputc('\n', out);
}

/* Of the whole program, all replicas together. */
static double peak_bytes_per_site(const struct bench_result *b) {
    int threads = b->verbs[b->n_verbs - 1].threads;
    int64_t busy = b->replicas < threads ? b->replicas : threads;
    return (double)memory_at_once(&b->memory, b->replicas, busy) /
           ((double)b->replicas * (double)b->sites);
}

static void print_columns(FILE *out, const struct bench_result *b) {
    fprintf(out, "  %-34s  %17s", "", "1 thread");
    if (b->n_verbs > 1)
        fprintf(out, "  %9d threads  efficiency", last(b)->threads);
    fputc('\n', out);
}

static void print_equilibrate(FILE *out, const struct bench_result *b) {
    const struct bench_verbs *v = &b->verbs[0], *w = last(b);
    print_row(out, "equilibrate: evaluated moves/s", b, v->evaluated_per_s, w->evaluated_per_s);
    print_efficiency(out, b, v->equilibrate_s, w->equilibrate_s);
    print_row(out, "             accepted moves/s", b, v->accepted_per_s, w->accepted_per_s);
    fputc('\n', out);
    print_row(out, "             drawn bonds/s", b, v->draws_per_s, w->draws_per_s);
    fputc('\n', out);
}

static void print_plain(FILE *out, const char *name, const struct bench_result *b, double one,
                        double all, double scale, const char *unit) {
    const double value[2] = {one, all};
    fprintf(out, "  %-34s", name);
    for (int k = 0; k < 2 && k < b->n_verbs; k++)
        if (isnan(value[k]))
            fprintf(out, "  %10s%7s", "-", "");
        else
            fprintf(out, "  %10.3g%-7s", scale * value[k], unit);
    fputc('\n', out);
}

static void print_advance(FILE *out, const struct bench_result *b) {
    const struct bench_verbs *v = &b->verbs[0], *w = last(b);
    print_row(out, "advance:     slow events/s", b, v->events_per_s, w->events_per_s);
    print_efficiency(out, b, v->advance_s, w->advance_s);
    print_row(out, "             seconds a call", b, v->advance_call_s, w->advance_call_s);
    fputc('\n', out);
    print_plain(out, "             of it refreshing all", b, v->refresh_share, w->refresh_share,
                100, " %");
    print_plain(out, "             events/s without that", b, v->net_events_per_s,
                w->net_events_per_s, 1, "");
    fprintf(out, "  %-34s  %10.3g\n", "             events a call",
            v->advance_calls ? (double)v->events / (double)v->advance_calls : 0);
    print_row(out, "simulated seconds/s, both verbs", b, v->simulated_s_per_s,
              w->simulated_s_per_s);
    fputc('\n', out);
}

static void print_cycle(FILE *out, const struct bench_cycle *c, bool ensemble) {
    char name[64], share[64] = "";
    snprintf(name, sizeof name, "cycle, default effort, %d thread%s", c->threads,
             c->threads > 1 ? "s" : "");
    if (c->share < 1)
        snprintf(share, sizeof share, "  extrapolated from %.1f %% of one", 100 * c->share);
    fprintf(out, "  %-34s", name);
    print_figure(out, c->wall_s);
    fprintf(out, " s%s\n", share);
    if (ensemble)
        fprintf(out, "  %-34s  %10.3g\n", "replica-cycles/s, all threads", c->replica_cycles_per_s);
}

static void print_scaling(FILE *out, const struct bench_result *b) {
    if (b->n_verbs < 3)
        return;
    fprintf(out, "  %-34s  %10s  %10s\n", "threads: efficiency", "equilibrate", "advance");
    for (int k = 1; k < b->n_verbs; k++) {
        const struct bench_verbs *v = &b->verbs[k], *one = &b->verbs[0];
        fprintf(out, "  %34d  %10.2f  %10.2f\n", v->threads,
                efficiency(one->equilibrate_s, v->equilibrate_s, v->threads),
                efficiency(one->advance_s, v->advance_s, v->threads));
    }
}

void bench_report_result(const struct bench_report *r, const struct bench_result *b, FILE *out) {
    (void)r;
    fprintf(out, "\n%s  %s%s%s%s\n", b->workload->name, b->workload->title,
            *b->cut ? "; CUT: " : "", b->cut, *b->cut ? "" : "; whole");
    fprintf(
        out,
        "    %lld x %lld sites (%d x %d cells x %d planes), timed at %.0f %% of the Li, %.2f V\n",
        (long long)b->replicas, (long long)b->sites, b->cells_a, b->cells_b, b->planes,
        100 * b->li_share, b->voltage_V);
    print_columns(out, b);
    print_equilibrate(out, b);
    print_advance(out, b);
    print_cycle(out, &b->cycle, b->workload->replicas > 1);
    fprintf(out, "  %-34s  %10.2f (state %.2f; all of the program at its peak %.2f)\n",
            "bytes a site of a replica", (double)b->memory.kept / (double)b->sites,
            (double)b->memory.piece[0].bytes / (double)b->sites, peak_bytes_per_site(b));
    if (b->memory.device)
        fprintf(out, "  %-34s  %10.2f, and %.1f MiB of work space\n", "             on the GPU",
                (double)b->memory.device / (double)b->sites,
                (double)b->memory.device_shared / 0x1p20);
    print_scaling(out, b);
}

void bench_report_sizes(const struct bench_report *r, FILE *out) {
    fprintf(out, "\nsizes  one box, 1 thread, slow events off\n");
    fprintf(out, "  %12s  %22s  %22s\n", "sites", "ns per evaluated move", "ns per drawn bond");
    for (int k = 0; k < BENCH_SIZES; k++) {
        const struct bench_size *s = &r->size[k];
        if (!s->done) {
            fprintf(out, "  %12lld  not run: needs about %.0f s, see --seconds, and memory\n",
                    (long long)s->sites, s->needs_s);
            continue;
        }
        fprintf(out, "  %12lld  %14.1f (%3.0f %%)  %14.1f (%3.0f %%)\n", (long long)s->sites,
                1e9 * s->evaluated_s.median, spread_percent(s->evaluated_s), 1e9 * s->draw_s.median,
                spread_percent(s->draw_s));
    }
}

/* ---- JSON ---- */

static void json_number(FILE *out, double x) {
    if (isfinite(x))
        fprintf(out, "%.6g", x);
    else
        fputs("null", out);
}

static void json_real(FILE *out, const char *key, double x, const char *end) {
    fprintf(out, "\"%s\": ", key);
    json_number(out, x);
    fputs(end, out);
}

static void json_text(FILE *out, const char *key, const char *text, const char *end) {
    fprintf(out, "\"%s\": ", key);
    output_json_string(out, text);
    fputs(end, out);
}

static void json_figure(FILE *out, const char *key, struct bench_figure f) {
    fprintf(out, "\"%s\": {", key);
    json_real(out, "median", f.median, ", ");
    json_real(out, "low", f.low, ", ");
    json_real(out, "high", f.high, "},\n      ");
}

static void json_verbs(FILE *out, const struct bench_result *b, const struct bench_verbs *v) {
    const struct bench_verbs *one = &b->verbs[0];
    fprintf(out,
            "     {\"threads\": %d, \"evaluated_moves\": %lld, \"slow_events\": %lld, "
            "\"advance_calls\": %lld,\n      ",
            v->threads, (long long)v->evaluated, (long long)v->events, (long long)v->advance_calls);
    json_figure(out, "evaluated_moves_per_s", v->evaluated_per_s);
    json_figure(out, "accepted_moves_per_s", v->accepted_per_s);
    json_figure(out, "drawn_bonds_per_s", v->draws_per_s);
    json_figure(out, "equilibrate_s", v->equilibrate_s);
    json_figure(out, "advance_s", v->advance_s);
    json_figure(out, "slow_events_per_s", v->events_per_s);
    json_figure(out, "advance_call_s", v->advance_call_s);
    json_figure(out, "simulated_s_per_s", v->simulated_s_per_s);
    json_real(out, "refresh_call_s", v->refresh_call_s, ", ");
    json_real(out, "refresh_share", v->refresh_share, ", ");
    json_real(out, "slow_events_per_s_without_refresh", v->net_events_per_s, ",\n      ");
    json_real(out, "parallel_efficiency_equilibrate",
              efficiency(one->equilibrate_s, v->equilibrate_s, v->threads), ", ");
    json_real(out, "parallel_efficiency_advance",
              efficiency(one->advance_s, v->advance_s, v->threads), "}");
}

static void json_memory(FILE *out, const struct bench_result *b) {
    const struct memory *m = &b->memory;
    double sites = (double)m->n_sites;
    fprintf(out, "    \"memory\": {\"replica_bytes\": %lld, \"replica_peak_bytes\": %lld, ",
            (long long)m->kept, (long long)m->peak);
    json_real(out, "bytes_per_site", (double)m->kept / sites, ", ");
    json_real(out, "device_bytes_per_site", (double)m->device / sites, ", ");
    json_real(out, "peak_bytes_per_site", peak_bytes_per_site(b), ", \"pieces_bytes\": {");
    for (int k = 0; k < m->n; k++)
        fprintf(out, "%s\"%s\": %lld", k ? ", " : "", m->piece[k].name,
                (long long)m->piece[k].bytes);
    fputs("}},\n", out);
}

static void json_cycle(FILE *out, const struct bench_cycle *c) {
    fprintf(out, "    \"cycle\": {\"threads\": %d, \"repeats\": %d, ", c->threads, c->repeats);
    json_real(out, "share_run", c->share, ",\n      ");
    json_figure(out, "wall_s", c->wall_s);
    json_real(out, "replica_cycles_per_s", c->replica_cycles_per_s, "}}");
}

static void json_result(FILE *out, const struct bench_result *b) {
    fputs("   {", out);
    json_text(out, "name", b->workload->name, ", ");
    json_text(out, "title", b->workload->title, ", ");
    json_text(out, "cut", b->cut, ",\n    ");
    fprintf(out,
            "\"replicas\": %lld, \"sites_per_replica\": %lld, \"cells_a\": %d, \"cells_b\": %d, "
            "\"planes\": %d,\n    ",
            (long long)b->replicas, (long long)b->sites, b->cells_a, b->cells_b, b->planes);
    json_real(out, "li_share", b->li_share, ", ");
    json_real(out, "voltage_V", b->voltage_V, ",\n");
    json_memory(out, b);
    fputs("    \"verbs\": [\n", out);
    for (int k = 0; k < b->n_verbs; k++) {
        json_verbs(out, b, &b->verbs[k]);
        fputs(k + 1 < b->n_verbs ? ",\n" : "],\n", out);
    }
    json_cycle(out, &b->cycle);
}

static void json_sizes(FILE *out, const struct bench_report *r) {
    for (int k = 0; k < BENCH_SIZES; k++) {
        const struct bench_size *s = &r->size[k];
        fprintf(out, "%s\n   {\"sites\": %lld, \"run\": %s, ", k ? "," : "", (long long)s->sites,
                s->done ? "true" : "false");
        json_real(out, "needs_s", s->needs_s, ",\n      ");
        json_figure(out, "s_per_evaluated_move",
                    s->done ? s->evaluated_s : (struct bench_figure){NAN, NAN, NAN});
        json_figure(out, "s_per_drawn_bond",
                    s->done ? s->draw_s : (struct bench_figure){NAN, NAN, NAN});
        fputs("\"threads\": 1}", out);
    }
}

void bench_report_json(const struct bench_report *r, FILE *out) {
    fputs("{\n  ", out);
    json_text(out, "program", "lrm-kmc", ", ");
    json_text(out, "version", VERSION, ", ");
    json_text(out, "git_hash", VERSION_GIT, ",\n  ");
    json_text(out, "compiler", __VERSION__, ", ");
    json_text(out, "build_flags", VERSION_FLAGS, ",\n  ");
    json_text(out, "date", r->date, ", ");
    json_text(out, "engine", r->engine, ", ");
    json_text(out, "parameter_hash", r->parameter_hash, ",\n  ");
    fputs("\"machine\": {", out);
    json_text(out, "cpu", r->cpu, ", ");
    fprintf(out, "\"cores\": %d, ", r->cores);
    json_real(out, "memory_GiB", r->memory_GiB, ", ");
    json_real(out, "load", r->load, "},\n  ");
    fprintf(out, "\"threads\": %d, \"repeats\": %d, ", r->threads, BENCH_REPEATS);
    json_real(out, "seconds_per_figure", r->seconds, ",\n  \"workloads\": [");
    for (int k = 0; k < r->n_results; k++) {
        fputs(k ? ",\n" : "\n", out);
        json_result(out, &r->result[k]);
    }
    fputs("],\n  \"sizes\": [", out);
    if (r->with_sizes)
        json_sizes(out, r);
    fputs("]\n}\n", out);
}
