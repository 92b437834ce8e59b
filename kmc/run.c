#include "run.h"
#include <assert.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "frames.h"
#include "run_table.h"
#include "runfiles.h"
#include "watchdog.h"

static const double SECONDS_PER_MINUTE = 60;

/* ---- observer of one replica ---- */

/* One replica under way. */
struct worker {
    struct run *run;
    struct track *track;
    struct protocol_observer observer;
    struct protocol_run *at;
    struct snapshot_policy_passed passed;
    struct watchdog watchdog;
    int status; /* exit code of what stopped it from here */
};

static void show(struct run *run, const struct replica *r, const struct protocol_slice *s) {
    char text[256];
    double done;
#pragma omp atomic read
    done = run->progress->done;
    snprintf(text, sizeof text, "%s%sreplica %u cycle %lld/%lld %s x_Li=%.2f V=%.2f", run->label,
             *run->label ? " " : "", r->number, (long long)s->cycle,
             (long long)run->sim.protocol.cycles,
             s->step >= STEP_DISCHARGE ? "discharge" : "charge", s->li / (double)r->cell.n_formula,
             s->voltage_V);
#pragma omp critical(run_progress)
    progress_show(run->progress, done, text);
}

static int64_t count_wanted(const struct run *run) {
    int64_t n = 0;
    for (int64_t k = 0; k < run->sim.replicas; k++)
        n += run->wanted[k];
    return n;
}

static double share_done(const struct run *run) {
    double sum = 0;
    for (int64_t k = 0; k < run->sim.replicas; k++) {
        double done;
        if (!run->wanted[k])
            continue;
#pragma omp atomic read
        done = run->track[k].done;
        sum += done;
    }
    return sum / (double)count_wanted(run);
}

/* Under the lock of the status. */
static void write_status(struct run *run) {
    double done;
#pragma omp atomic read
    done = run->progress->done;
    struct status_run now = {.done = share_done(run),
                             .eta_s = progress_eta_s(run->progress, done),
                             .moves_per_s = progress_moves_per_s(run->progress),
                             .replicas = count_wanted(run),
                             .finished = run->ended,
                             .cycles = run->sim.protocol.cycles};
    status_write(&run->status, &now, run->info.directory, progress_seconds(run->progress));
}

/* States at voltages that this slice is the first to pass.  One that is there was taken before a kill, or before the checkpoint that the run went on from. */
static int keep_passed(struct worker *w, const struct replica *r, const struct protocol_slice *s) {
    char at[SNAPSHOT_AT];
    int status = 0;
    const struct run *run = w->run;
    while (status == 0 && snapshot_policy_passes(&run->snapshots, r->number, s, &w->passed, at)) {
        if (frames_has_file(run->info.directory, r->number, s->cycle, at))
            continue;
        engine_fetch(r->ops, r->engine);
        status = output_snapshot(&run->info, r, s->cycle, at, s->voltage_V, stderr);
    }
    return status;
}

static void on_slice(void *context, const struct replica *r, const struct protocol_slice *s) {
    struct worker *w = context;
    struct run *run = w->run;
    double before = w->track->done;
    track_slice(w->track, r, s, s->census ? &run->couples : NULL, run->sim.protocol.cycles);
    progress_add(run->progress, (w->track->done - before) * run->weight, false);
#pragma omp atomic
    run->progress->evaluated += s->evaluated;
    show(run, r, s);
    if (w->status == 0)
        w->status = keep_passed(w, r, s);
    bool stalls = watchdog_slice(&w->watchdog, r, s);
#pragma omp critical(run_status)
    {
        if (stalls && !run->stalled)
            watchdog_warn(&w->watchdog, r, s, stderr);
        run->stalled = run->stalled || stalls;
        status_slice(&run->status, r, s);
        write_status(run);
    }
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
    double now = progress_seconds(run->progress);
    if (now - run->written_s < 2)
        return 0;
    run->written_s = now;
    return output_replace(&run->info, "cycles.csv", body_cycles, run, stderr);
}

static bool on_half(void *context, const struct replica *r, int64_t cycle, bool charge,
                    const struct protocol_half *h) {
    struct worker *w = context;
    struct run *run = w->run;
    struct clusters voids;
    if (!clusters_find(&voids, r->model, &r->state.x)) {
        w->status = EXIT_MEMORY;
        return false;
    }
    track_half(w->track, r, cycle, charge, h, &voids);
    clusters_free(&voids);
    if (w->status == 0 && snapshot_policy_end(&run->snapshots, r->number, cycle, charge))
        w->status = output_snapshot(&run->info, r, cycle, charge ? "charge" : "discharge", h->end_V,
                                    stderr);
    if (!charge && w->status == 0) {
#pragma omp critical(run_results)
        {
            track_complete(w->track);
            w->status = write_cycles_now(run);
        }
    }
    return w->status == 0;
}

/* Results that lack a row must not reach a checkpoint: a run that goes on from it would end without the row and say nothing. */
static bool on_boundary(void *context, const struct protocol_run *runs, int n) {
    struct worker *w = context;
    for (int k = 0; k < n; k++) {
        const struct worker *one = runs[k].o->context;
        if (one->status || one->track->no_memory)
            return false;
    }
    return keeper_boundary(&w->run->keeper, runs, n);
}

/* ---- one replica ---- */

int run_refuse(const struct run *run, const char *problem) {
    fprintf(stderr,
            "%s: error: %s\n    hint: the file is whole, but not of this run or program; start "
            "again with kmc run %s/resolved.toml -o DIR\n",
            run->from.path, problem, run->info.directory);
    return EXIT_USAGE;
}

/* To where the checkpoint left this replica. */
static int go_back(struct run *run, struct replica *r, int64_t stored, struct protocol_run *w) {
    char problem[CHECKPOINT_PROBLEM];
    struct protocol_position at;
    if (!checkpoint_state(&run->from, stored, &run->sim.protocol, r, &at, problem))
        return run_refuse(run, problem);
    if (run->track[r->number].cycles_done != at.cycle - 1)
        return run_refuse(run, "expected results of the cycles before the state, found "
                               "another number of them");
    protocol_continue(w, &at);
    return 0;
}

static int begin_replica(struct run *run, struct replica *r, struct worker *w) {
    int64_t stored = run->keeper.replica[r->number].stored;
    w->run = run;
    w->track = &run->track[r->number];
    w->observer = (struct protocol_observer){.context = w,
                                             .census = r->number < run->profile_replicas,
                                             .slice = on_slice,
                                             .half = on_half,
                                             .boundary = on_boundary};
    protocol_begin(w->at, r, &run->sim.protocol, &w->observer, stderr);
    if (stored >= 0)
        return go_back(run, r, stored, w->at);
    if (snapshot_policy_initial(&run->snapshots, r->number))
        return output_snapshot(&run->info, r, 0, "initial", NAN, stderr);
    return 0;
}

/* Tells the keeper how a group ended; returns its exit code. */
static int end_group(struct run *run, const struct worker *w, int n, int status) {
    bool fault = false, no_memory = false;
    for (int k = 0; k < n; k++) {
        fault = fault || w[k].at->status != 0 || w[k].status != 0;
        no_memory = no_memory || w[k].track->no_memory || w[k].status == EXIT_MEMORY;
        status = w[k].status ? w[k].status : status;
    }
    if (no_memory) {
        fprintf(stderr, "%s: error: out of memory for the results\n", run->info.directory);
        status = EXIT_MEMORY;
    }
    if (status && (fault || !run->keeper.stop))
        keeper_fail(&run->keeper);
    for (int k = 0; status == 0 && k < n; k++) {
        keeper_finish(&run->keeper, w[k].at->r->number);
#pragma omp critical(run_status)
        {
            status_leave(&run->status, w[k].at->r->number);
            run->ended++;
        }
    }
    return status;
}

static int run_workers(struct run *run, struct replica *r, struct worker *w,
                       struct protocol_run *at, int n) {
    int begun = 0, status = 0;
    if (!keeper_run(&run->keeper, r, n))
        return EXIT_RUNTIME; /* stopped; keeper_end knows the exit code */
    for (; status == 0 && begun < n; begun++) {
        w[begun].at = &at[begun];
        status = begin_replica(run, &r[begun], &w[begun]);
    }
    bool ready = status == 0;
    if (ready)
        status = protocol_run_all(at, n);
    else
        keeper_fail(&run->keeper);
    return end_group(run, w, begun, status);
}

int run_group(void *context, struct replica *r, int n) {
    struct worker *w = calloc((size_t)n, sizeof *w);
    struct protocol_run *at = calloc((size_t)n, sizeof *at);
    int status = w && at ? run_workers(context, r, w, at, n) : EXIT_MEMORY;
    free(w);
    free(at);
    return status;
}

/* ---- files of the whole run ---- */

/* A replica that has not begun has no rows, and no memory for them. */
static void write_rows(const struct track_text *text, FILE *out) {
    if (text->bytes)
        fwrite(text->data, 1, text->bytes, out);
}

static void body_profile(FILE *out, const void *context) {
    const struct run *run = context;
    fputs("Test Time / s,Voltage / V,Current / A,Cycle Count / 1,Charging Capacity / "
          "Ah,Discharging Capacity / Ah,"
          "Step Index / 1,Replica / 1,Capacity / mAh g-1",
          out);
    for (int k = 0; k < run->couples.n; k++)
        fprintf(out, ",Charge from %s / mAh g-1", run->couples.name[k]);
    fputc('\n', out);
    for (int64_t k = 0; k < run->sim.replicas; k++)
        write_rows(&run->track[k].profile, out);
}

static void body_clusters(FILE *out, const void *context) {
    const struct run *run = context;
    track_write_header_clusters(out);
    for (int64_t k = 0; k < run->sim.replicas; k++)
        write_rows(&run->track[k].clusters, out);
}

static void body_voids(FILE *out, const void *context) {
    const struct run *run = context;
    track_write_header_voids(out);
    for (int64_t k = 0; k < run->sim.replicas; k++)
        if (run->track[k].voids.bytes)
            fwrite(run->track[k].voids.data, 1, run->track[k].voids.bytes, out);
}

static void body_depth(FILE *out, const void *context) {
    const struct run *run = context;
    track_write_header_depth(out);
    for (int64_t k = 0; k < run->sim.replicas; k++)
        fwrite(run->track[k].depth.data, 1, run->track[k].depth.bytes, out);
}

static bool has_depth(const struct run *run) {
    for (int64_t k = 0; k < run->sim.replicas; k++)
        if (run->track[k].depth.bytes > 0)
            return true;
    return false;
}

static int write_results(struct run *run) {
    int status = output_replace(&run->info, "cycles.csv", body_cycles, run, stderr);
    if (status == 0)
        status = output_replace(&run->info, "profile.bdf.csv", body_profile, run, stderr);
    if (status == 0)
        status = output_replace(&run->info, "clusters.csv", body_clusters, run, stderr);
    if (status == 0)
        status = output_replace(&run->info, "voids.csv", body_voids, run, stderr);
    if (status == 0 && has_depth(run))
        status = output_replace(&run->info, "depth.csv", body_depth, run, stderr);
    if (status == 0 && run->track[0].cycles_done > 0)
        status = runfiles_write_summary(
            run->info.directory, scenario_int(run->sim.scenario, "protocol.fade_first_cycle"),
            stderr);
    return status;
}

/* The runs of a study may end at the same time, and HDF5 serves one. */
static int pack_snapshots(const struct run *run) {
    const char *directory = run->info.directory;
    struct store_origin origin = {.seed = scenario_int(run->sim.scenario, "run.seed")};
    struct frames f;
    int status;
    scenario_hash(run->sim.scenario, origin.scenario_hash);
#pragma omp critical(run_store)
    {
        status = frames_open_files(&f, &directory, stderr);
        if (status == 0)
            status = frames_pack(&f, directory, &origin, stderr);
        frames_close(&f);
    }
    return status;
}

/* Interrupted runs keep their results but get neither the end time nor the DONE mark. */
static int finish(struct run *run) {
    int status = pack_snapshots(run);
    output_time(run->info.finished);
    if (status == 0)
        status = output_finish(&run->info, stderr);
    if (status)
        return status;
    checkpoint_writer_remove(run->info.directory);
    frames_remove_files(run->info.directory);
    return 0;
}

/* ---- life ---- */

void run_clear(struct run *run) {
    memset(run, 0, sizeof *run);
    run->from.file = -1;
    run->lock.file = -1;
}

static bool create_tracks(struct run *run) {
    run->track = calloc((size_t)run->sim.replicas, sizeof *run->track);
    run->finished = calloc((size_t)run->sim.replicas, sizeof *run->finished);
    run->wanted = malloc((size_t)run->sim.replicas * sizeof *run->wanted);
    for (int64_t k = 0; run->track && k < run->sim.replicas; k++)
        if (!track_init(&run->track[k], run->sim.protocol.cycles))
            return false;
    if (run->wanted)
        memset(run->wanted, true, (size_t)run->sim.replicas * sizeof *run->wanted);
    run->sim.skip = run->finished;
    return run->track && run->finished && run->wanted;
}

int run_create(struct run *run, const struct scenario *s) {
    int status = simulation_create(&run->sim, s, stderr);
    if (status)
        return status;
    if (!create_tracks(run)) {
        fprintf(stderr, "%s: error: out of memory for the results of %lld replicas\n",
                scenario_place(s, "run.replicas"), (long long)run->sim.replicas);
        return EXIT_MEMORY;
    }
    struct output_info *info = &run->info;
    scenario_parameter_hash(s, info->parameter_hash);
    info->engine = run->sim.ops->name;
    info->threads = run->sim.threads;
    info->replicas = run->sim.replicas;
    info->scenario = s;
    info->cell = &run->sim.cell;
    snapshot_policy_init(&run->snapshots, s);
    couples_of(&run->couples, &run->sim.species, &run->sim.cell);
    run->profile_replicas = scenario_int(s, "output.profile_replicas");
    for (int64_t k = 0; k < run->sim.replicas; k++)
        run->track[k].with_voids = k < run->profile_replicas;
    return 0;
}

void run_free(struct run *run) {
    if (run->keeper.replica)
        keeper_free(&run->keeper);
    for (int64_t k = 0; run->track && k < run->sim.replicas; k++)
        track_free(&run->track[k]);
    free(run->track);
    free(run->finished);
    free(run->wanted);
    checkpoint_close(&run->from);
    simulation_free(&run->sim);
    lock_release(&run->lock);
}

void run_identity(const struct scenario *s, struct checkpoint_header *h) {
    bool exact = strcmp(simulation_engine(s), "exact") == 0;
    memset(h, 0, sizeof *h);
    scenario_parameter_hash(s, h->parameter_hash);
    scenario_hash(s, h->scenario_hash);
    snprintf(h->algorithm, sizeof h->algorithm, "%s", exact ? "exact" : "parallel");
    h->seed = scenario_int(s, "run.seed");
    h->replicas = scenario_int(s, "run.replicas");
}

int run_keep(struct run *run, double used_s) {
    const struct scenario *s = run->sim.scenario;
    struct checkpoint_header h;
    run_identity(s, &h);
    h.sites = lattice_n_sites(&run->sim.model->lattice);
    h.used_s = used_s;
    snprintf(h.program, sizeof h.program, "%s", output_program());
    snprintf(h.name, sizeof h.name, "%s", run->info.name);
    snprintf(h.started, sizeof h.started, "%s", run->info.started);
    double interval_s = scenario_real(s, "output.checkpoint_minutes") * SECONDS_PER_MINUTE;
    if (!keeper_init(&run->keeper, run->info.directory, &h, run->from.file >= 0 ? &run->from : NULL,
                     interval_s))
        return EXIT_MEMORY;
    for (int64_t k = 0; k < run->sim.replicas; k++)
        keeper_track(&run->keeper, k, &run->track[k], -1, false);
    return 0;
}

static void tell_stop(const struct run *run, int stop) {
    const char *why = stop == 128 + SIGINT    ? "interrupted (SIGINT)"
                      : stop == 128 + SIGTERM ? "interrupted (SIGTERM)"
                                              : "time limit reached (--max-wallclock)";
    fprintf(stderr,
            "%s: the cycles finished so far are in %s, without the DONE mark\n"
            "    checkpoint saved; to go on: kmc resume %s\n",
            why, run->info.directory, run->info.directory);
}

void run_notes(const struct run *run, const struct options *o) {
    const char *between = *run->label ? ": " : "";
    int64_t short_halves = 0;
    for (int64_t k = 0; k < run->sim.replicas; k++)
        short_halves += run->track[k].short_halves;
    if (short_halves && !o->quiet)
        fprintf(stderr, "note: %s%s%lld half-cycles ended with no Li left, before the cut-off\n",
                run->label, between, (long long)short_halves);
    if (o->verbose)
        fprintf(stderr, "note: %s%s%lld checkpoints written, the slowest took %.3f s\n", run->label,
                between, (long long)run->keeper.saved, run->keeper.longest_s);
}

void run_begin(struct run *run, struct progress *progress, double weight, const char *label) {
    run->progress = progress;
    run->weight = weight;
    run->label = label;
    status_init(&run->status);
    for (int64_t k = 0; k < run->sim.replicas; k++) {
        if (!run->wanted[k])
            continue;
        progress_add(progress, run->track[k].done * weight, true);
        run->ended += run->finished[k];
    }
}

/* Results as they stand; exit code of a stop, of the groups, or of writing. */
static int settle(struct run *run, int status) {
    int stop = keeper_end(&run->keeper, stderr), written = write_results(run);
    status_remove(run->info.directory);
    return stop ? stop : status ? status : written;
}

static bool is_complete(const struct run *run) {
    for (int64_t k = 0; k < run->sim.replicas; k++)
        if (run->wanted[k] && run->keeper.replica[k].place != KEEPER_FINISHED)
            return false;
    return true;
}

int run_end(struct run *run, int status) {
    status = settle(run, status);
    if (status)
        return status;
    assert(is_complete(run));
    run->info.replicas = count_wanted(run);
    return finish(run);
}

int run_pause(struct run *run, int status) {
    status = settle(run, status);
    return status ? status : keeper_save(&run->keeper, stderr);
}

int run_go(struct run *run, const struct options *o) {
    struct progress progress;
    keeper_catch_signals(o->max_wallclock_s);
    if (*run->sim.note && !o->quiet)
        fprintf(stderr, "%s\n", run->sim.note);
    progress_start(&progress, o->quiet);
    run_begin(run, &progress, 1 / (double)run->sim.replicas, "");
    int status = simulation_for_each(&run->sim, run_group, run, stderr);
    progress_end(&progress);
    status = run_end(run, status);
    if (status > 128)
        tell_stop(run, status);
    run_notes(run, o);
    if (status)
        return status;
    return run_table_print(&run->info, o->json, keeper_seconds(&run->keeper), stdout, stderr);
}
