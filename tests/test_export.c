/* Guarantees: exported files hold the sites, charges, layers and cell of the snapshot, and
 * selections leave the sites they name and bonds get their lengths.  */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../kmc/export.h"
#include "../lattices/lattice.h"
#include "specimen.h"

TestSuite(export, .init = specimen_enter, .fini = specimen_leave);

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
    specimen_sample(&s);
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
    specimen_sample(&s);
    char *text = extxyz_of(&s, true);
    /* all 288 sites but one O and one tet outside */
    cr_expect(atoi(text) == 286, "%d", atoi(text));
    cr_expect(count_symbol(text, "X") == 286 - 67 - 36 - 37 - 3);
    free(text);
    free(s.occupancy);
}

Test(export, extxyz_comment_line) {
    struct snapshot s;
    specimen_sample(&s);
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
    specimen_sample(&s);
    static const char *const symbol[] = {"O", "O", "O", "O", "F", "S", "Cl"};
    static const double charge[] = {-2, -1, -1, 0, -1, -2, -1};
    for (int n = 0; n < 7; n++)
        expect_site(&s, specimen_site(&s, 1, SITE_O, n / 4, n % 4), symbol[n], "O", charge[n]);
    expect_site(&s, specimen_site(&s, 0, SITE_OCT, 0, 0), "Ni", "TM", 2);
    expect_site(&s, specimen_site(&s, 0, SITE_OCT, 0, 1), "Ni", "TM", 3);
    expect_site(&s, specimen_site(&s, 1, SITE_TET_UP, 1, 2), "Mn", "Li", 4);
    expect_site(&s, specimen_site(&s, 3, SITE_OCT, 2, 3), "Li", "Li", 1);
    free(s.occupancy);
}

/* O of plane 0 at the origin; the oct of the TM gap between A and B at letter C, height 2.15/2. */
Test(export, positions_by_hand) {
    struct snapshot s;
    double x, y, z, a = 2.85;
    specimen_sample(&s);
    char *text = extxyz_of(&s, false);
    char *line = site_line(text, specimen_site(&s, 0, SITE_OCT, 0, 0));
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
    specimen_sample(&s);
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
    int code = view_create(&v, s, is_tm, &selection, false, false, specimen_nowhere());
    view_free(&v);
    return code;
}

Test(export, impossible_lattice_and_empty_views_are_refused) {
    struct snapshot s;
    specimen_sample(&s);
    cr_expect(create(&s, NULL) == 0);
    cr_expect(create(&s, "species=Fe") == 2);
    s.occupancy[specimen_site(&s, 1, SITE_O, 0, 3)] = ANION_OXIDE; /* of a superoxo pair */
    cr_expect(create(&s, NULL) == 5);
    s.occupancy[specimen_site(&s, 1, SITE_O, 0, 3)] = ANION_MOLECULAR | 1 << 4;
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
    specimen_sample(&s);
    for (int64_t k = 0; k < snapshot_n_sites(&s); k++)
        if (snapshot_is_anion(&s, k))
            s.occupancy[k] = ANION_OXIDE;
        else if (s.occupancy[k] > SPECIES_LI && s.occupancy[k] != SITE_OUTSIDE)
            s.occupancy[k] = 4;
    int64_t site = specimen_site(&s, 4, SITE_O, 1, 3);
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
    specimen_sample(&s);
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
    specimen_sample(&s);
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
    specimen_sample(&s);
    /* neighbour 0 of an O is the next along a1, neighbour 1 the one before (kernels/lattice.h) */
    int64_t first = specimen_site(&s, 3, SITE_O, 1, 1), second = specimen_site(&s, 3, SITE_O, 1, 2);
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
