/* Guarantees: a snapshot comes back as it was written, any damaged byte is noticed, hostile headers
 * are harmless; exported files hold the sites, charges, layers and cell of the snapshot, and
 * existing files stay; selections leave the sites they name and bonds get their lengths. */
#define _XOPEN_SOURCE 700 /* POSIX 2008 with nftw */
#define XXH_INLINE_ALL
#include <criterion/criterion.h>
#include <ftw.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include "../kmc/commands.h"
#include "../kmc/export.h"
#include "../kernels/philox.h"
#include "../lattices/lattice.h"

static FILE *nowhere(void) {
    static FILE *out;
    return out ? out : (out = fopen("/dev/null", "w"));
}

/* Each test works in a directory of its own, which goes with it. */
static char scratch[] = "/tmp/test_export_XXXXXX";

static void enter(void) {
    cr_assert(mkdtemp(scratch));
    cr_assert(chdir(scratch) == 0);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *level) {
    (void)status, (void)type, (void)level;
    return remove(path);
}

static void leave(void) {
    cr_assert(chdir("/") == 0);
    nftw(scratch, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

TestSuite(snapshot, .init = enter, .fini = leave);
TestSuite(export, .init = enter, .fini = leave);

static int64_t site_of(const struct snapshot *s, int plane, int kind, int j, int i) {
    return (((int64_t)plane * SITE_KINDS + kind) * s->nb + j) * s->na + i;
}

/* A box with every kind of occupancy: Li, Ni2+, Ni3+, Mn4+, vacancies, O in all states, F, S, Cl, O
 * vacancy, sites outside. */
static void fill(struct snapshot *s, const char *letters, int na, int nb) {
    static const struct species species[] = {
        {"", 0, -1}, {"Li", 1, -1}, {"Ni", 2, 0}, {"Ni", 3, 0}, {"Mn", 4, 1},
    };
    *s = (struct snapshot){.na = na, .nb = nb, .a_A = 2.85, .tm_gap_A = 2.15, .li_gap_A = 2.60};
    s->n_planes = (int32_t)strlen(letters);
    strcpy(s->letters, letters);
    s->cycle = 3;
    strcpy(s->at, "charge");
    s->voltage_V = 4.75;
    s->time_s = 123456.789;
    strcpy(s->scenario, "o3 \"test\", 1");
    strcpy(s->parameter_hash, "0123456789abcdef");
    strcpy(s->version, "0.1.0");
    strcpy(s->git_hash, "abcdef0");
    s->n_species = 5;
    memcpy(s->species, species, sizeof species);
    s->occupancy = calloc((size_t)snapshot_n_sites(s), 1);
    for (int k = 0; k < s->n_planes; k++)
        for (int j = 0; j < nb; j++)
            for (int i = 0; i < na; i++) /* TM layers Ni2+, Ni3+, Mn4+ in turn, Li layers Li */
                s->occupancy[site_of(s, k, SITE_OCT, j, i)] =
                    (uint8_t)(k % 2 ? SPECIES_LI : 2 + (i + j) % 3);
    static const uint8_t states[] = {0, 1, 0x52, 0xB3, 4, 5, 6, 14, 15};
    for (size_t n = 0; n < sizeof states; n++)
        s->occupancy[site_of(s, 1, SITE_O, (int)n / na, (int)n % na)] = states[n];
    s->occupancy[site_of(s, 1, SITE_OCT, 0, 0)] = SPECIES_VACANCY;
    s->occupancy[site_of(s, 1, SITE_TET_UP, 1, 2)] = 4;
    s->occupancy[site_of(s, 1, SITE_TET_DOWN, 0, 1)] = SPECIES_LI;
    s->occupancy[site_of(s, 0, SITE_TET_UP, 0, 0)] = SITE_OUTSIDE;
}

static void sample(struct snapshot *s) {
    fill(s, "ABCABC", 4, 3);
}

static unsigned char *read_bytes(const char *path, size_t *n) {
    struct stat status;
    FILE *in = fopen(path, "rb");
    cr_assert(in && fstat(fileno(in), &status) == 0, "%s", path);
    unsigned char *data = malloc((size_t)status.st_size + 1);
    *n = fread(data, 1, (size_t)status.st_size, in);
    data[*n] = 0;
    fclose(in);
    return data;
}

static void write_bytes(const char *path, const void *data, size_t n) {
    FILE *out = fopen(path, "wb");
    cr_assert(out && fwrite(data, 1, n, out) == n);
    fclose(out);
}

/* ---- snapshot ---- */

Test(snapshot, comes_back_as_written) {
    struct snapshot s, r;
    sample(&s);
    cr_assert(snapshot_write(&s, "a.snap", stderr) == 0);
    cr_assert(snapshot_read(&r, "a.snap", stderr) == 0);
    cr_expect(!memcmp(s.occupancy, r.occupancy, (size_t)snapshot_n_sites(&s)));
    cr_expect(r.na == 4 && r.nb == 3 && r.n_planes == 6 && r.cycle == 3 && r.replica == 0);
    cr_expect(r.a_A == s.a_A && r.tm_gap_A == s.tm_gap_A && r.li_gap_A == s.li_gap_A);
    cr_expect(r.voltage_V == s.voltage_V && r.time_s == s.time_s);
    cr_expect(!strcmp(r.letters, "ABCABC") && !strcmp(r.at, "charge"));
    cr_expect(!strcmp(r.scenario, s.scenario) && !strcmp(r.parameter_hash, s.parameter_hash));
    cr_expect(!strcmp(r.version, "0.1.0") && !strcmp(r.git_hash, "abcdef0"));
    cr_expect(r.n_species == 5 && !strcmp(r.species[3].symbol, "Ni") && r.species[3].charge == 3);
    cr_expect(access("a.snap.tmp", F_OK) != 0, "temporary file is gone");
    snapshot_free(&r);
    free(s.occupancy);
}

Test(snapshot, period_of_letters_and_undefined_voltage) {
    struct snapshot s, r;
    sample(&s);
    strcpy(s.letters, "ABC");
    s.voltage_V = NAN;
    strcpy(s.scenario, "two\nlines");
    cr_assert(snapshot_write(&s, "a.snap", stderr) == 0);
    cr_assert(snapshot_read(&r, "a.snap", stderr) == 0);
    cr_expect(!strcmp(r.letters, "ABCABC"));
    cr_expect(isnan(r.voltage_V));
    cr_expect(!strcmp(r.scenario, "two_lines"));
    snapshot_free(&r);
    free(s.occupancy);
}

Test(snapshot, header_is_as_documented) {
    struct snapshot s;
    size_t n;
    sample(&s);
    cr_assert(snapshot_write(&s, "a.snap", stderr) == 0);
    char *text = (char *)read_bytes("a.snap", &n);
    const char *expected =
        "lrm-kmc-snapshot 1\nna 4\nnb 3\nletters ABCABC\nplanes 6\na_A 2.8500000000000001\n"
        "tm_gap_A 2.1499999999999999\nli_gap_A 2.6000000000000001\ncycle 3\nat charge\nreplica 0\n"
        "voltage_V 4.75\ntime_s 123456.789\nscenario o3 \"test\", 1\nparameter_hash "
        "0123456789abcdef\n"
        "version 0.1.0\ngit_hash abcdef0\nspecies 1 Li 1\nspecies 2 Ni 2\nspecies 3 Ni 3\nspecies "
        "4 Mn 4\n\n";
    cr_expect(!strncmp(text, expected, strlen(expected)), "%s", text);
    cr_expect(n == strlen(expected) + 4 * 6 * 12 + 8);
    free(text);
    free(s.occupancy);
}

/* One wrong bit anywhere: header, sites, checksum. */
Test(snapshot, every_damaged_byte_is_noticed) {
    struct snapshot s, r;
    size_t n;
    sample(&s);
    cr_assert(snapshot_write(&s, "a.snap", stderr) == 0);
    unsigned char *data = read_bytes("a.snap", &n);
    for (size_t i = 0; i < n; i++) {
        data[i] ^= (unsigned char)(1u << i % 8);
        write_bytes("b.snap", data, n);
        cr_expect(snapshot_read(&r, "b.snap", nowhere()) == SNAPSHOT_CORRUPT, "byte %zu", i);
        data[i] ^= (unsigned char)(1u << i % 8);
    }
    free(data);
    free(s.occupancy);
}

Test(snapshot, every_truncation_and_extra_bytes_are_noticed) {
    struct snapshot s, r;
    size_t n;
    sample(&s);
    cr_assert(snapshot_write(&s, "a.snap", stderr) == 0);
    unsigned char *data = read_bytes("a.snap", &n);
    for (size_t cut = 0; cut <= n + 1; cut++) { /* read_bytes leaves a 0 byte behind the data */
        write_bytes("b.snap", data, cut);
        int expected = cut == n ? 0 : SNAPSHOT_CORRUPT;
        cr_expect(snapshot_read(&r, "b.snap", nowhere()) == expected, "cut at %zu", cut);
        snapshot_free(&r);
    }
    free(data);
    free(s.occupancy);
}

/* Replaces a piece of the header and signs the file anew: what an attacker would do. */
static int read_forged(const char *old, const char *new) {
    struct snapshot r;
    size_t n;
    char *data = (char *)read_bytes("a.snap", &n), *at = strstr(data, old);
    cr_assert(at, "%s", old);
    size_t before = (size_t)(at - data), after = n - 8 - before - strlen(old);
    size_t size = before + strlen(new) + after;
    char *forged = malloc(size + 8);
    memcpy(forged, data, before);
    memcpy(forged + before, new, strlen(new));
    memcpy(forged + before + strlen(new), at + strlen(old), after);
    XXH64_hash_t hash = XXH3_64bits(forged, size);
    for (int i = 0; i < 8; i++)
        forged[size + (size_t)i] = (char)(hash >> 8 * i);
    write_bytes("b.snap", forged, size + 8);
    int code = snapshot_read(&r, "b.snap", nowhere());
    snapshot_free(&r);
    free(forged);
    free(data);
    return code;
}

Test(snapshot, hostile_headers_are_refused) {
    static const char *const forgery[][2] = {
        {"na 4", "na 65536"},
        {"na 4", "na 99999999999999999999"},
        {"na 4", "na -4"},
        {"na 4", "na 0"},
        {"na 4", "nb 4"},
        {"na 4\nnb 3", "na 3\nnb 3"},
        {"planes 6", "planes 1000000"},
        {"planes 6", "planes 5"},
        {"ABCABC", "ABCABD"},
        {"ABCABC", ""},
        {"a_A 2.85", "a_A inf"},
        {"a_A 2.85", "a_A -2.85"},
        {"at charge", "at ../../etc"},
        {"cycle 3", "cycle 3.5"},
        {"snapshot 1", "snapshot 2"},
        {"species 1 Li 1", "species 2 Li 1"},
        {"species 4 Mn 4\n", ""},
        {"species 3 Ni 3", "species 3 Nickel 3"},
        {"species 3 Ni 3", "species 3 Ni 3 3"},
        {"species 3 Ni 3", "species 3 N\" 3"},
        {"species 1 Li 1", "species 1 Na 1"},
        {"0123456789abcdef", "0123456789abcdef0123456789abcdef"},
    };
    struct snapshot s;
    sample(&s);
    cr_assert(snapshot_write(&s, "a.snap", stderr) == 0);
    cr_expect(read_forged("version 0.1.0", "version 0.1.1") == 0, "a forgery itself is readable");
    for (size_t i = 0; i < sizeof forgery / sizeof *forgery; i++)
        cr_expect(read_forged(forgery[i][0], forgery[i][1]) == SNAPSHOT_CORRUPT, "`%s` -> `%s`",
                  forgery[i][0], forgery[i][1]);
    free(s.occupancy);
}

Test(snapshot, unknown_occupancy_is_refused) {
    struct snapshot s, r;
    sample(&s);
    static const struct {
        int kind;
        uint8_t byte;
    } bad[] = {{SITE_OCT, 5}, {SITE_TET_UP, 254}, {SITE_O, 7}, {SITE_O, 13}, {SITE_O, 0xC2}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint8_t *byte = &s.occupancy[site_of(&s, 3, bad[i].kind, 1, 1)], good = *byte;
        *byte = bad[i].byte;
        cr_assert(snapshot_write(&s, "a.snap", stderr) == 0);
        cr_expect(snapshot_read(&r, "a.snap", nowhere()) == SNAPSHOT_CORRUPT, "case %zu", i);
        *byte = good;
    }
    free(s.occupancy);
}

Test(snapshot, unwritable_place_leaves_nothing) {
    struct snapshot s;
    sample(&s);
    cr_expect(snapshot_write(&s, "missing/a.snap", nowhere()) == SNAPSHOT_CORRUPT);
    mkdir("a.snap", 0777); /* rename onto a directory fails */
    cr_expect(snapshot_write(&s, "a.snap", nowhere()) == SNAPSHOT_CORRUPT);
    cr_expect(access("a.snap.tmp", F_OK) != 0);
    free(s.occupancy);
}

/* Bytes at random: whatever they are, reading ends with an error. */
Test(snapshot, random_bytes_are_refused) {
    struct snapshot s, r;
    size_t n;
    sample(&s);
    cr_assert(snapshot_write(&s, "a.snap", stderr) == 0);
    unsigned char *data = read_bytes("a.snap", &n);
    struct philox random = {.seed = 1};
    for (uint32_t trial = 0; trial < 300; trial++) {
        unsigned char *copy = malloc(n);
        memcpy(copy, data, n);
        for (uint32_t k = 0; k < 8; k++) { /* six in the header, two anywhere */
            struct philox_block b = philox_draw(random, STREAM_ORDER, trial, k);
            copy[philox_below(b.v[0], k < 6 ? 420 : (uint32_t)n)] = (unsigned char)b.v[1];
        }
        copy[0] = 'l';
        write_bytes("b.snap", copy, n);
        bool same = !memcmp(copy, data, n);
        cr_expect(same || snapshot_read(&r, "b.snap", nowhere()) == SNAPSHOT_CORRUPT);
        free(copy);
    }
    free(data);
    free(s.occupancy);
}

/* ---- formats ---- */

/* Ni and Mn of the sample. */
static const bool is_tm[SPECIES_MAX] = {false, false, true, true, true};

static char *text_of(const struct snapshot *s, const char *format, const char *select,
                     bool with_vacancies, bool relaxed) {
    struct view v;
    struct selection selection = {0};
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    cr_assert(!select || selection_parse(&selection, select, "test", stderr), "%s", select);
    cr_assert(view_create(&v, s, is_tm, &selection, with_vacancies, relaxed, stderr) == 0);
    cr_assert(export_write(out, export_find(format), &v, stderr) == 0);
    fclose(out);
    view_free(&v);
    return text;
}

static char *extxyz_of(const struct snapshot *s, bool with_vacancies) {
    return text_of(s, "extxyz", NULL, with_vacancies, false);
}

/* Sites that start with a symbol. */
static int count_symbol(const char *text, const char *symbol) {
    int n = 0;
    for (const char *line = strchr(text, '\n'); line; line = strchr(line + 1, '\n'))
        n += !strncmp(line + 1, symbol, strlen(symbol)) && line[1 + strlen(symbol)] == ' ';
    return n;
}

/* 12 O sites a plane: 72 - 5 others on plane 1 = 67 O; 36 Li layer octs - 1 + 1 tet; 36 TM octs + 1
 * Mn tet. */
Test(export, extxyz_counts) {
    struct snapshot s;
    sample(&s);
    char *text = extxyz_of(&s, false);
    int lines = -2;
    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    cr_expect(atoi(text) == lines, "count line %d, %d sites", atoi(text), lines);
    cr_expect(count_symbol(text, "O") == 67, "%d", count_symbol(text, "O"));
    cr_expect(count_symbol(text, "Li") == 36);
    cr_expect(count_symbol(text, "Ni") + count_symbol(text, "Mn") == 37);
    cr_expect(count_symbol(text, "F") == 1 && count_symbol(text, "S") == 1 &&
              count_symbol(text, "Cl") == 1);
    cr_expect(count_symbol(text, "X") == 0);
    free(text);
    free(s.occupancy);
}

Test(export, vacancies_only_on_request_and_outside_never) {
    struct snapshot s;
    sample(&s);
    char *text = extxyz_of(&s, true);
    /* all 288 sites but one O and one tet outside */
    cr_expect(atoi(text) == 286, "%d", atoi(text));
    cr_expect(count_symbol(text, "X") == 286 - 67 - 36 - 37 - 3);
    free(text);
    free(s.occupancy);
}

Test(export, extxyz_comment_line) {
    struct snapshot s;
    sample(&s);
    char *text = extxyz_of(&s, false), *line = strchr(text, '\n') + 1;
    *strchr(line, '\n') = 0;
    const char *start = "Lattice=\"11.400000000 0.000000000 0.000000000 4.275000000 7.404517";
    cr_expect(!strncmp(line, start, strlen(start)), "%s", line);
    cr_expect(strstr(line,
                     "Properties=species:S:1:pos:R:3:id:I:1:layer:S:1:oxidation:R:1:cluster:I:"
                     "1:S_o:R:1:state:S:1 cycle=3 "
                     "voltage_V=4.750000 time_s=123456.789000 scenario=\"o3 _test_, 1\""),
              "%s", line);
    free(text);
    free(s.occupancy);
}

/* The line of a site id, cut out of the text. */
static char *site_line(char *text, int64_t id) {
    char key[32];
    snprintf(key, sizeof key, " %lld ", (long long)id);
    char *line = strchr(strchr(text, '\n') + 1, '\n') + 1;
    for (; *line; line = strchr(line, '\n') + 1) {
        char *end = strchr(line, '\n'), *found;
        *end = 0;
        found = strstr(line, key);
        if (found && strspn(found + strlen(key), "TMLiO") > 0)
            return line;
        *end = '\n';
    }
    cr_assert(false, "no site %s", key);
    return NULL;
}

static void expect_site(const struct snapshot *s, int64_t id, const char *symbol, const char *layer,
                        double charge) {
    char found_symbol[8], found_layer[8], *text = extxyz_of(s, false), *line = site_line(text, id);
    double found_charge, x, y, z;
    long long found_id;
    cr_assert(sscanf(line, "%7s %lf %lf %lf %lld %7s %lf", found_symbol, &x, &y, &z, &found_id,
                     found_layer, &found_charge) == 7);
    cr_expect(found_id == id && !strcmp(found_symbol, symbol), "%s", line);
    cr_expect(!strcmp(found_layer, layer) && found_charge == charge, "%s", line);
    free(text);
}

Test(export, layers_and_charges_of_sites) {
    struct snapshot s;
    sample(&s);
    static const char *const symbol[] = {"O", "O", "O", "O", "F", "S", "Cl"};
    static const double charge[] = {-2, -1, -1, 0, -1, -2, -1};
    for (int n = 0; n < 7; n++)
        expect_site(&s, site_of(&s, 1, SITE_O, n / 4, n % 4), symbol[n], "O", charge[n]);
    expect_site(&s, site_of(&s, 0, SITE_OCT, 0, 0), "Ni", "TM", 2);
    expect_site(&s, site_of(&s, 0, SITE_OCT, 0, 1), "Ni", "TM", 3);
    expect_site(&s, site_of(&s, 1, SITE_TET_UP, 1, 2), "Mn", "Li", 4);
    expect_site(&s, site_of(&s, 3, SITE_OCT, 2, 3), "Li", "Li", 1);
    free(s.occupancy);
}

/* O of plane 0 at the origin; the oct of the TM gap between A and B at letter C, height 2.15/2. */
Test(export, positions_by_hand) {
    struct snapshot s;
    double x, y, z, a = 2.85;
    sample(&s);
    char *text = extxyz_of(&s, false);
    char *line = site_line(text, site_of(&s, 0, SITE_OCT, 0, 0));
    cr_assert(sscanf(line, "%*s %lf %lf %lf", &x, &y, &z) == 3);
    cr_expect(fabs(z - 1.075) < 1e-6, "%s", line);
    /* modulo the 2-D cell: 2/3 (a1 + a2) = (a, 2/3 a sqrt(3)/2) */
    double v = y / (a * sqrt(0.75)), u = x / a - v / 2;
    cr_expect(fabs(u - floor(u) - 2.0 / 3) < 1e-5 && fabs(v - floor(v) - 2.0 / 3) < 1e-5, "%s",
              line);
    free(text);
    free(s.occupancy);
}

Test(export, poscar_is_grouped) {
    struct snapshot s;
    char line[8][200];
    double c[3];
    int sites = 0;
    sample(&s);
    char *text = text_of(&s, "poscar", NULL, false, false);
    FILE *in = fmemopen(text, strlen(text), "r");
    for (int i = 0; i < 8; i++)
        cr_assert(fgets(line[i], sizeof line[i], in));
    cr_expect(!strcmp(line[0], "o3 \"test\", 1 cycle 3 charge voltage 4.750000 V\n"), "%s",
              line[0]);
    cr_expect(!strcmp(line[5], " Li Ni Mn O F S Cl\n"), "%s", line[5]);
    cr_expect(!strcmp(line[6], " 36 24 13 67 1 1 1\n"), "%s", line[6]);
    cr_expect(!strcmp(line[7], "Direct\n"));
    for (; fscanf(in, "%lf %lf %lf", &c[0], &c[1], &c[2]) == 3; sites++)
        for (int i = 0; i < 3; i++)
            cr_expect(c[i] >= 0 && c[i] < 1, "site %d: %g", sites, c[i]);
    cr_expect(sites == 143);
    fclose(in);
    free(text);
    free(s.occupancy);
}

static int create(const struct snapshot *s, const char *select) {
    struct view v;
    struct selection selection = {0};
    cr_assert(!select || selection_parse(&selection, select, "test", stderr));
    int code = view_create(&v, s, is_tm, &selection, false, false, nowhere());
    view_free(&v);
    return code;
}

Test(export, impossible_lattice_and_empty_views_are_refused) {
    struct snapshot s;
    sample(&s);
    cr_expect(create(&s, NULL) == 0);
    cr_expect(create(&s, "species=Fe") == 2);
    strcpy(s.letters, "AABABC");
    cr_expect(create(&s, NULL) == 5);
    strcpy(s.letters, "ABCABC");
    for (int64_t k = 0; k < snapshot_n_sites(&s); k++)
        s.occupancy[k] = snapshot_is_anion(&s, k) ? ANION_OUTSIDE : SITE_OUTSIDE;
    cr_expect(create(&s, NULL) == 2);
    free(s.occupancy);
}

/* ---- properties and selections ---- */

static double property(const struct snapshot *s, int64_t id, char state[16]) {
    char *text = extxyz_of(s, false), *line = site_line(text, id);
    double s_o;
    cr_assert(sscanf(line, "%*s %*f %*f %*f %*d %*s %*f %*d %lf %15s", &s_o, state) == 2, "%s",
              line);
    free(text);
    return s_o;
}

/* Each O of Mn4+ and Li+ in octs has three of each: 3 4/6 + 3/6 e.  */
Test(export, charge_shared_with_an_anion_and_state) {
    struct snapshot s;
    char state[16];
    sample(&s);
    for (int64_t k = 0; k < snapshot_n_sites(&s); k++)
        if (snapshot_is_anion(&s, k))
            s.occupancy[k] = ANION_OXIDE;
        else if (s.occupancy[k] > SPECIES_LI && s.occupancy[k] != SITE_OUTSIDE)
            s.occupancy[k] = 4;
    int64_t site = site_of(&s, 4, SITE_O, 1, 3);
    s.occupancy[site] = ANION_HOLE;
    cr_expect(fabs(property(&s, site, state) - 2.5) < 1e-4 && !strcmp(state, "hole"));
    /* all the charge of the cations is shared out: 36 Mn4+ in octs and one in a tet, 36 Li+ */
    char *text = text_of(&s, "extxyz", "layer=O", false, false);
    double sum = 0;
    for (char *line = strstr(text, "\nO "); line; line = strstr(line + 1, "\nO ")) {
        double s_o;
        cr_assert(sscanf(line, " O %*f %*f %*f %*d O %*f %*d %lf", &s_o) == 1);
        sum += s_o;
    }
    cr_expect(fabs(sum - (37 * 4 + 36)) < 0.01, "%g", sum);
    free(text);
    free(s.occupancy);
}

/* Sites that the words leave. */
static int count_selected(const struct snapshot *s, const char *select) {
    char *text = text_of(s, "extxyz", select, false, false);
    int n = atoi(text);
    free(text);
    return n;
}

Test(export, selections) {
    struct snapshot s;
    sample(&s);
    static const struct {
        const char *select;
        int n;
    } expected[] = {
        {"species=Mn", 13},
        {"species=Mn,Li", 49},
        {"species=Ni2+", 12},
        {"species=Ni3", 12},
        {"species=O2-", 64}, /* 72 O sites less 8 in other states */
        {"layer=TM", 36},
        {"layer=TM,Li", 73},
        {"layer=O", 70},
        {"plane=1", 23}, /* 10 anions, 11 octs, Mn and Li in tets */
        {"plane=0:5", 143},
        {"state=hole", 1},
        {"state=oxide,fluoride", 65},
        {"vacancies", 286 - 143},
        {"vacancies layer=Li species=X", 36 * 2 - 2 + 1},
        {"tm-in-li-layer", 1},
        {"species=Li tm-in-li-layer layer=Li", -1},
        {"box=:,:,0:0.1", 12},
        {"box=:,:,:", 143},
        {"fractions=:,:,0.999:", -1},
        {"fractions=0:0.5,:,:0.01 layer=O", 9},
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        if (expected[i].n < 0)
            cr_expect(create(&s, expected[i].select) == 2, "%s", expected[i].select);
        else
            cr_expect(count_selected(&s, expected[i].select) == expected[i].n, "%s: %d",
                      expected[i].select, count_selected(&s, expected[i].select));
    }
    free(s.occupancy);
}

/* The void of the sample: the O vacancy, the O2 and the vacant oct beside them, and nothing else. */
Test(export, clusters_are_numbered_from_the_largest) {
    struct snapshot s;
    sample(&s);
    int all = count_selected(&s, "clusters=1");
    char *text = text_of(&s, "extxyz", "clusters=1 layer=O", false, false);
    cr_expect(count_symbol(text, "X") == 1 && count_symbol(text, "O") == 1, "%s", text);
    cr_expect(strstr(text, " 1 ") && all >= 2, "%d", all);
    cr_expect(create(&s, "clusters=1000") == 2);
    free(text);
    free(s.occupancy);
}

Test(export, wrong_selections_say_why) {
    static const char *const wrong[][2] = {
        {"", "at least one word"},
        {"specie=Mn", "species=, layer="},
        {"species=", "elements, or ions"},
        {"species", "elements, or ions"},
        {"species=mn", "elements, or ions"},
        {"species=Mn4*", "elements, or ions"},
        {"species=Mn,,Ni", "elements, or ions"},
        {"layer=tm", "TM, Li or O"},
        {"plane=-1", "an O plane N"},
        {"plane=3:2", "an O plane N"},
        {"plane=1,2", "an O plane N"},
        {"state=cation", "states of anion sites"},
        {"box=0:1,0:1", "three ranges in angstrom"},
        {"box=0:1,0:1,1", "three ranges in angstrom"},
        {"box=0:1,0:1,2:1", "three ranges in angstrom"},
        {"fractions=0:x,:,:", "three ranges as shares"},
        {"clusters=0", "a number of sites from 1"},
        {"vacancies=1", "expected vacancies"},
        {"layer=TM layer=Li", "each word once"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct selection selection = {0};
        char *text = NULL;
        size_t bytes;
        FILE *errors = open_memstream(&text, &bytes);
        cr_expect(!selection_parse(&selection, wrong[i][0], "place", errors), "%s", wrong[i][0]);
        fclose(errors);
        cr_expect(!strncmp(text, "place: error: expected ", 23) && strstr(text, wrong[i][1]) &&
                      strstr(text, "found `") && strstr(text, "hint: "),
                  "%s: %s", wrong[i][0], text);
        free(text);
    }
}

/* ---- relaxed bonds ---- */

/* Two O of the sample become a pair; their distance in the file is that of their bond. */
static void expect_bond(int state_a, int state_b, double length, const char *name) {
    struct snapshot s;
    double a[3], b[3], square = 0;
    sample(&s);
    /* neighbour 0 of an O is the next along a1, neighbour 1 the one before (kernels/lattice.h) */
    int64_t first = site_of(&s, 3, SITE_O, 1, 1), second = site_of(&s, 3, SITE_O, 1, 2);
    struct lattice l;
    cr_assert(!lattice_init(&l, s.letters, s.na, s.nb));
    int64_t to = lattice_oxygen(&l, lattice_coord_of(&l, first), 0);
    cr_assert(to == second);
    s.occupancy[first] = (uint8_t)(state_a | 0 << 4);
    s.occupancy[second] = (uint8_t)(state_b | 1 << 4);
    char *text = text_of(&s, "extxyz", NULL, false, true);
    cr_expect(strstr(text, "note=\"bonded O drawn at 1.45"));
    cr_expect(strstr(text, ":moved:R:1 "));
    char *line = site_line(text, first);
    cr_assert(sscanf(line, "%*s %lf %lf %lf", &a[0], &a[1], &a[2]) == 3);
    cr_expect(strstr(line, name), "%s", line);
    free(text);
    text = text_of(&s, "extxyz", NULL, false, true);
    line = site_line(text, second);
    cr_assert(sscanf(line, "%*s %lf %lf %lf", &b[0], &b[1], &b[2]) == 3);
    for (int i = 0; i < 3; i++)
        square += (a[i] - b[i]) * (a[i] - b[i]);
    cr_expect(fabs(sqrt(square) - length) < 1e-5, "%g", sqrt(square));
    free(text);
    free(s.occupancy);
}

Test(export, relaxed_bonds_have_their_lengths) {
    expect_bond(ANION_PEROXO, ANION_PEROXO, 1.45, " peroxo ");
    expect_bond(ANION_PEROXO, ANION_MOLECULAR, 1.33, " superoxo ");
    expect_bond(ANION_MOLECULAR, ANION_MOLECULAR, 1.21, " O2 ");
}

/* ---- command ---- */

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
    char *data = (char *)read_bytes(path, &n);
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
    write_bytes("run/run.json", "{}", 2);
    sample(&s);
    cr_assert(snapshot_path(path, sizeof path, "run", 0, 3, "charge"));
    cr_assert(!strcmp(path, "run/snapshots/r000_c0003_charge.snap"));
    cr_assert(snapshot_write(&s, path, stderr) == 0);
    strcpy(s.at, "initial");
    s.cycle = 0;
    cr_assert(snapshot_write(&s, "run/snapshots/r000_c0000_initial.snap", stderr) == 0);
    free(s.occupancy);
}

Test(export, command_writes_its_default_names) {
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

Test(export, command_keeps_existing_files) {
    write_run();
    write_bytes("a.xyz", "precious", 8);
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

Test(export, command_refuses_wrong_usage) {
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

Test(export, command_refuses_a_damaged_snapshot) {
    size_t n;
    write_run();
    unsigned char *data = read_bytes("run/snapshots/r000_c0003_charge.snap", &n);
    data[n - 20] ^= 1;
    write_bytes("run/snapshots/r000_c0003_charge.snap", data, n);
    free(data);
    cr_expect(run_export("run --cycle 3 --at charge -o a.xyz") == 5);
    cr_expect(holds("err.txt", "checksum differs"));
    cr_expect(access("a.xyz", F_OK) != 0);
}

/* The bytes of a gzip file depend on the snapshot alone, and hold what the plain file holds. */
Test(export, gzip_holds_the_same) {
    char command[] = "gzip -dc a.xyz.gz >b.xyz && cmp a.xyz b.xyz && cmp a.xyz.gz c.xyz.gz";
    write_run();
    cr_expect(run_export("run --cycle 3 --at charge -o a.xyz") == 0);
    cr_expect(run_export("run --cycle 3 --at charge -o a.xyz.gz") == 0);
    cr_expect(run_export("run --cycle 3 --at charge --gzip -o c.xyz.gz") == 0);
    cr_expect(system(command) == 0);
    cr_expect(run_export("run --cycle 3 --at charge --gzip") == 0);
    cr_expect(access("o3__test___1_r000_c0003_charge.extxyz.gz", F_OK) == 0);
}
