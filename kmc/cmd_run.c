#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <omp.h>
#include <signal.h>
#include <stdlib.h>
#include "commands.h"
#include "options.h"
#include "output.h"
#include "progress.h"
#include "run_table.h"
#include "runfiles.h"
#include "simulation.h"

static const char usage[] =
    "kmc run SCENARIO [flags] - cycles a crystal and measures its voltage fade\n"
    "Results: a run directory (default runs/NAME) with cycles.csv, summary.csv, profile.bdf.csv, "
    "clusters.csv and snapshots,\n"
    "and a table on stdout.\n";

static void on_signal(int number) {
    if (engine_stop)
        _Exit(128 + number);
    engine_stop = number;
}

static void catch_signals(void) {
    struct sigaction act = {.sa_handler = on_signal};
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
}

/* What one replica has produced so far. */
struct track {
    struct run *run;
    struct cycle_record *cycle; /* [protocol.cycles] */
    int64_t cycles_done;
    struct cycle_record now;
    char *profile, *clusters; /* text of its rows; owner: this struct */
    size_t profile_bytes, clusters_bytes;
    FILE *profile_out, *clusters_out;
    double capacity_start; /* of the half-cycle, for the cumulated columns */
    double charged_Ah, discharged_Ah, last_capacity;
    enum protocol_step last_step;
    int64_t last_cycle;
    double done; /* share of this replica's work */
};

struct run {
    struct simulation sim;
    struct output_info info;
    struct progress progress;
    struct track *track; /* [replicas] */
    int64_t profile_replicas;
    const char *snapshots; /* none, last, all */
    int64_t short_halves;  /* half-cycles that ended with no Li left */
    double written_s;      /* when cycles.csv was last written, since the start */
};

/* ---- observer of one replica ---- */

static void write_profile_row(struct track *t, const struct replica *r,
                              const struct protocol_slice *s) {
    bool new_half =
        s->step != t->last_step && (s->step == STEP_CHARGE || s->step == STEP_DISCHARGE);
    double before = new_half || s->cycle != t->last_cycle ? 0 : t->last_capacity;
    double passed = (s->capacity_mAh_per_g - before) * 1e-3;
    *(s->step <= STEP_REST_CHARGED ? &t->charged_Ah : &t->discharged_Ah) += passed;
    t->last_capacity = s->capacity_mAh_per_g;
    t->last_step = s->step;
    t->last_cycle = s->cycle;
    if (t->profile_out)
        fprintf(t->profile_out, "%.3f,%.5f,%.6f,%lld,%.7f,%.7f,%d,%u,%.4f\n", s->time_s,
                s->voltage_V, s->current_mA_per_g * 1e-3, (long long)s->cycle, t->charged_Ah,
                t->discharged_Ah, s->step, r->number, s->capacity_mAh_per_g);
}

static double share_done(const struct track *t, const struct protocol_slice *s) {
    double half = s->step >= STEP_DISCHARGE ? 0.5 : 0, inside = fmin(1, fmax(0, s->progress)) / 2;
    return ((double)(s->cycle - 1) + half + inside) / (double)t->run->sim.protocol.cycles;
}

static void on_slice(void *context, const struct replica *r, const struct protocol_slice *s) {
    struct track *t = context;
    struct run *run = t->run;
    write_profile_row(t, r, s);
    t->done = share_done(t, s);
#pragma omp atomic
    run->progress.evaluated += s->evaluated;
    if (omp_get_thread_num() != 0)
        return;
    double done = 0;
    for (int64_t k = 0; k < run->sim.replicas; k++)
        done += run->track[k].done / (double)run->sim.replicas;
    char text[128];
    snprintf(text, sizeof text, "replica %u cycle %lld/%lld %s x_Li=%.2f V=%.2f", r->number,
             (long long)s->cycle, (long long)run->sim.protocol.cycles,
             s->step >= STEP_DISCHARGE ? "discharge" : "charge", s->li / (double)r->cell.n_formula,
             s->voltage_V);
    progress_show(&run->progress, done, text);
}

static void write_clusters(struct track *t, const struct replica *r, int64_t cycle, const char *at,
                           const struct clusters *c) {
    for (int64_t k = 0; k < c->n;) {
        int64_t first = k, o2 = 0;
        bool percolating = false;
        for (; k < c->n && c->entry[k].size == c->entry[first].size; k++) {
            o2 += c->entry[k].o2;
            percolating = percolating || c->entry[k].percolating;
        }
        fprintf(t->clusters_out, "%lld,%u,%s,%lld,%lld,%lld,%d\n", (long long)cycle, r->number, at,
                (long long)c->entry[first].size, (long long)(k - first), (long long)o2,
                percolating);
    }
}

static bool wants_snapshot(const struct run *run, const struct replica *r, int64_t cycle) {
    if (r->number != 0 || strcmp(run->snapshots, "none") == 0)
        return false;
    return strcmp(run->snapshots, "all") == 0 || cycle == run->sim.protocol.cycles || cycle == 1;
}

static void body_cycles(FILE *out, const void *context) {
    const struct run *run = context;
    cycle_record_write_header(out);
    for (int64_t k = 0; k < run->sim.replicas; k++)
        for (int64_t c = 0; c < run->track[k].cycles_done; c++)
            cycle_record_write(&run->track[k].cycle[c], out);
}

/* cycles.csv as it stands, at most once in two seconds: a killed run keeps its cycles. */
static int write_cycles_now(struct run *run) {
    double now = progress_seconds(&run->progress);
    if (now - run->written_s < 2)
        return 0;
    run->written_s = now;
    return output_replace(&run->info, "cycles.csv", body_cycles, run, stderr);
}

static bool on_half(void *context, const struct replica *r, int64_t cycle, bool charge,
                    const struct protocol_half *h) {
    struct track *t = context;
    struct run *run = t->run;
    const char *at = charge ? "charge" : "discharge";
    struct clusters voids;
    if (!clusters_find(&voids, r->model, &r->state.x))
        return false;
    write_clusters(t, r, cycle, at, &voids);
    t->now.cycle = cycle;
    t->now.replica = r->number;
    cycle_record_half(&t->now, r, charge, h, &voids);
    clusters_free(&voids);
    if (wants_snapshot(run, r, cycle) &&
        output_snapshot(&run->info, r, cycle, at, h->end_V, stderr) != 0)
        return false;
    if (!h->reached_cutoff)
        run->short_halves++;
    bool ok = true;
    if (!charge) {
#pragma omp critical(run_results)
        {
            t->cycle[t->cycles_done++] = t->now;
            ok = write_cycles_now(run) == 0;
        }
        t->now.start_tm_li = t->now.tm_li_discharge;
    }
    return ok && engine_stop == 0;
}

static int begin_replica(struct run *run, struct replica *r, struct protocol_run *position,
                         struct protocol_observer *observer) {
    struct track *t = &run->track[r->number];
    *observer = (struct protocol_observer){.context = t, .slice = on_slice, .half = on_half};
    protocol_begin(position, r, &run->sim.protocol, observer, stderr);
    if (r->number < run->profile_replicas)
        t->profile_out = open_memstream(&t->profile, &t->profile_bytes);
    t->clusters_out = open_memstream(&t->clusters, &t->clusters_bytes);
    if (!t->clusters_out || (r->number < run->profile_replicas && !t->profile_out))
        return EXIT_MEMORY;
    if (strcmp(run->snapshots, "none") != 0 && r->number == 0)
        return output_snapshot(&run->info, r, 0, "initial", NAN, stderr);
    return 0;
}

static void end_replica(struct run *run, const struct replica *r) {
    struct track *t = &run->track[r->number];
    if (t->profile_out)
        fclose(t->profile_out);
    if (t->clusters_out)
        fclose(t->clusters_out);
    t->profile_out = t->clusters_out = NULL;
}

static int run_group(void *context, struct replica *r, int n) {
    struct run *run = context;
    struct protocol_observer *observer = calloc((size_t)n, sizeof *observer);
    struct protocol_run *position = calloc((size_t)n, sizeof *position);
    int status = observer && position ? 0 : EXIT_MEMORY, begun = 0;
    for (; status == 0 && begun < n; begun++)
        status = begin_replica(run, &r[begun], &position[begun], &observer[begun]);
    if (status == 0)
        status = protocol_run_all(position, n);
    for (int k = 0; k < begun; k++)
        end_replica(run, &r[k]);
    free(observer);
    free(position);
    return status;
}

/* ---- files of the whole run ---- */

static void body_profile(FILE *out, const void *context) {
    const struct run *run = context;
    fputs("Test Time / s,Voltage / V,Current / A,Cycle Count / 1,Charging Capacity / "
          "Ah,Discharging Capacity / Ah,"
          "Step Index / 1,Replica / 1,Capacity / mAh g-1\n",
          out);
    for (int64_t k = 0; k < run->sim.replicas; k++)
        fwrite(run->track[k].profile, 1, run->track[k].profile_bytes, out);
}

static void body_clusters(FILE *out, const void *context) {
    const struct run *run = context;
    fputs("cycle,replica,at,size,count,o2_count,percolating\n", out);
    for (int64_t k = 0; k < run->sim.replicas; k++)
        fwrite(run->track[k].clusters, 1, run->track[k].clusters_bytes, out);
}

static int write_results(struct run *run) {
    int status = output_replace(&run->info, "cycles.csv", body_cycles, run, stderr);
    if (status == 0)
        status = output_replace(&run->info, "profile.bdf.csv", body_profile, run, stderr);
    if (status == 0)
        status = output_replace(&run->info, "clusters.csv", body_clusters, run, stderr);
    if (status == 0 && run->track[0].cycles_done > 0)
        status = runfiles_write_summary(
            run->info.directory, scenario_int(run->sim.scenario, "protocol.fade_first_cycle"),
            stderr);
    return status;
}

/* Interrupted runs keep their results but get neither the end time nor the DONE mark. */
static int finish(struct run *run) {
    output_time(run->info.finished);
    return output_finish(&run->info, stderr);
}

/* ---- life ---- */

static void run_free(struct run *run) {
    for (int64_t k = 0; run->track && k < run->sim.replicas; k++) {
        free(run->track[k].cycle);
        free(run->track[k].profile);
        free(run->track[k].clusters);
    }
    free(run->track);
    simulation_free(&run->sim);
}

static bool allocate_tracks(struct run *run) {
    run->track = calloc((size_t)run->sim.replicas, sizeof *run->track);
    for (int64_t k = 0; run->track && k < run->sim.replicas; k++) {
        run->track[k].run = run;
        run->track[k].cycle = calloc((size_t)run->sim.protocol.cycles, sizeof *run->track[k].cycle);
        if (!run->track[k].cycle)
            return false;
    }
    return run->track != NULL;
}

static int fill_info(struct run *run, const struct options *o) {
    const struct scenario *s = run->sim.scenario;
    const char *name = scenario_text(s, "run.name");
    if (!*name)
        name = strncmp(o->scenario, "builtin:", 8) == 0 ? o->scenario + 8 : "scenario";
    snprintf(run->info.name, sizeof run->info.name, "%s", name);
    if (o->output)
        snprintf(run->info.directory, sizeof run->info.directory, "%s", o->output);
    else
        snprintf(run->info.directory, sizeof run->info.directory, "runs/%s", name);
    scenario_parameter_hash(s, run->info.parameter_hash);
    output_time(run->info.started);
    run->info.engine = run->sim.ops->name;
    run->info.threads = run->sim.threads;
    run->info.scenario = s;
    run->info.cell = &run->sim.cell;
    run->snapshots = scenario_text(s, "output.snapshots");
    run->profile_replicas = scenario_int(s, "output.profile_replicas");
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

static int execute(struct run *run, const struct options *o) {
    if (!allocate_tracks(run))
        return EXIT_MEMORY;
    int status = fill_info(run, o);
    if (status == 0)
        status = output_create(&run->info, stderr);
    if (status)
        return status;
    catch_signals();
    if (*run->sim.note && !o->quiet)
        fprintf(stderr, "%s\n", run->sim.note);
    progress_start(&run->progress, o->quiet);
    status = simulation_for_each(&run->sim, run_group, run, stderr);
    progress_end(&run->progress);
    int written = write_results(run);
    if (engine_stop) {
        fprintf(stderr,
                "interrupted: the cycles finished so far are in %s, without the DONE mark\n",
                run->info.directory);
        return 128 + engine_stop;
    }
    if (run->short_halves && !o->quiet)
        fprintf(stderr, "note: %lld half-cycles ended with no Li left, before the cut-off\n",
                (long long)run->short_halves);
    if (status || written)
        return status ? status : written;
    status = finish(run);
    if (status)
        return status;
    return run_table_print(&run->info, o->json, progress_seconds(&run->progress), stdout, stderr);
}

int cmd_run(int argc, char **argv) {
    struct options o;
    int status = options_parse(&o, argc, argv, usage);
    if (status >= 0)
        return status;
    struct scenario *s = options_load(&o);
    if (!s)
        return EXIT_USAGE;
    struct run run = {0};
    status = simulation_create(&run.sim, s, stderr);
    if (status == 0)
        status = execute(&run, &o);
    run_free(&run);
    scenario_free(s);
    return status;
}
