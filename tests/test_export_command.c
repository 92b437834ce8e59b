/* Guarantees: `kmc export` names and keeps files as it says, and refuses wrong usage and damaged snapshots. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../kmc/commands.h"
#include "../kmc/export.h"
#include "specimen.h"

TestSuite(export_command, .init = specimen_enter, .fini = specimen_leave);

static int run_export(const char *arguments) {
    char text[512], *argv[32] = {"export"};
    int argc = 1;
    snprintf(text, sizeof text, "%s", arguments);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    cr_assert(freopen("out.txt", "w", stdout) && freopen("err.txt", "w", stderr));
    int code = cmd_export(argc, argv);
    fflush(stdout);
    fflush(stderr);
    return code;
}

static bool holds(const char *path, const char *text) {
    size_t n;
    char *data = (char *)specimen_read(path, &n);
    bool found = strstr(data, text) != NULL;
    free(data);
    return found;
}

/* run/ with one snapshot, replica 0, cycle 3, charge. */
static void write_run(void) {
    struct snapshot s;
    char path[256];
    mkdir("run", 0777);
    mkdir("run/snapshots", 0777);
    specimen_write("run/run.json", "{}", 2);
    specimen_sample(&s);
    cr_assert(snapshot_path(path, sizeof path, "run", 0, 3, "charge"));
    cr_assert(!strcmp(path, "run/snapshots/r000_c0003_charge.snap"));
    cr_assert(snapshot_write(&s, path, stderr) == 0);
    strcpy(s.at, "initial");
    s.cycle = 0;
    cr_assert(snapshot_write(&s, "run/snapshots/r000_c0000_initial.snap", stderr) == 0);
    free(s.occupancy);
}

Test(export_command, writes_its_default_names) {
    write_run();
    cr_expect(run_export("run --cycle 3 --at charge") == 0);
    cr_expect(holds("o3__test___1_r000_c0003_charge.extxyz", "Properties=species"));
    cr_expect(holds("out.txt", "o3__test___1_r000_c0003_charge.extxyz\n"));
    cr_expect(run_export("run --at initial --format poscar -q") == 0);
    cr_expect(holds("o3__test___1_r000_c0000_initial.poscar", "Direct"));
    cr_expect(holds("out.txt", "") && !holds("out.txt", "poscar"));
    cr_expect(run_export("run --at initial --with-vacancies -o -") == 0);
    cr_expect(holds("out.txt", "286\nLattice="));
}

Test(export_command, keeps_existing_files) {
    write_run();
    specimen_write("a.xyz", "precious", 8);
    cr_expect(run_export("run --cycle 3 --at charge -o a.xyz") == 2);
    cr_expect(holds("a.xyz", "precious"));
    cr_expect(holds("err.txt", "--force"));
    cr_expect(run_export("run --cycle 3 --at charge -o a.xyz --force") == 0);
    cr_expect(holds("a.xyz", "Properties=species"));
    cr_expect(access("a.xyz.tmp", F_OK) != 0);
    mkfifo("pipe", 0600); /* a device or pipe would be gone */
    cr_expect(run_export("run --cycle 3 --at charge -o pipe --force") == 2);
    cr_expect(holds("err.txt", "expected a regular file"));
}

Test(export_command, refuses_wrong_usage) {
    write_run();
    static const char *const wrong[] = {
        "",
        "run",
        "run --cycle 3",
        "run --at charge",
        "run --cycle 0 --at charge",
        "run --cycle 3x --at charge",
        "run --cycle 3 --at noon",
        "run --cycle 3 --at charge --format pdb",
        "run --at initial --format cif --with-vacancies",
        "run --at initial --format poscar --select clusters=2",
        "run --at initial --format vtk --gzip",
        "run --at initial --select colour=red",
        "run --at initial --select species=Fe",
        "run --cycle 3 --at charge --replica -1",
        "run run --at initial",
        "nowhere --at initial",
        "run --cycle 4 --at charge",
        "run --at initial --format poscar --with-vacancies",
        "run --at initial --colour",
        "run --at",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_expect(run_export(wrong[i]) == 2, "`%s`", wrong[i]);
        cr_expect(holds("err.txt", "error: "), "`%s`", wrong[i]);
    }
    run_export("run --cycle 4 --at charge");
    cr_expect(holds("err.txt", "replica 0 cycle 3 charge"), "the hint lists what there is");
    cr_expect(run_export("--help") == 0);
    cr_expect(holds("out.txt", "usage: kmc export"));
}

Test(export_command, refuses_a_damaged_snapshot) {
    size_t n;
    write_run();
    unsigned char *data = specimen_read("run/snapshots/r000_c0003_charge.snap", &n);
    data[n - 20] ^= 1;
    specimen_write("run/snapshots/r000_c0003_charge.snap", data, n);
    free(data);
    cr_expect(run_export("run --cycle 3 --at charge -o a.xyz") == 5);
    cr_expect(holds("err.txt", "checksum differs"));
    cr_expect(access("a.xyz", F_OK) != 0);
}

/* The bytes of a gzip file depend on the snapshot alone, and hold what the plain file holds. */
Test(export_command, gzip_holds_the_same) {
    char command[] = "gzip -dc a.xyz.gz >b.xyz && cmp a.xyz b.xyz && cmp a.xyz.gz c.xyz.gz";
    write_run();
    cr_expect(run_export("run --cycle 3 --at charge -o a.xyz") == 0);
    cr_expect(run_export("run --cycle 3 --at charge -o a.xyz.gz") == 0);
    cr_expect(run_export("run --cycle 3 --at charge --gzip -o c.xyz.gz") == 0);
    cr_expect(system(command) == 0);
    cr_expect(run_export("run --cycle 3 --at charge --gzip") == 0);
    cr_expect(access("o3__test___1_r000_c0003_charge.extxyz.gz", F_OK) == 0);
}
