/* Guarantee: ideal spinel, rock salt and layered crystals are told apart; disorder is neither. */
#include <criterion/criterion.h>
#include "../kmc/motifs.h"
#include "fixture.h"

enum { PLANES = 6, CELLS = 6, PATTERNS = 4096 };

static struct fixture *box(void) {
    return fixture_create(
        "builtin:o3-lmr",
        FIXTURE_SET("structure.cells_a=6", "structure.cells_b=6", "structure.repeats=1"));
}

static void expect(struct fixture *f, double spinel, double rock_salt) {
    struct motifs n;
    state_rebuild(&f->replica.state, f->model);
    motifs_count(&n, f->model, &f->replica.state.x);
    cr_expect_float_eq((double)n.spinel / (double)n.anions, spinel, 1e-12, "spinel %lld of %lld",
                       (long long)n.spinel, (long long)n.anions);
    cr_expect_float_eq((double)n.rock_salt / (double)n.anions, rock_salt, 1e-12,
                       "rock salt %lld of %lld", (long long)n.rock_salt, (long long)n.anions);
}

/* Fills the octs of the TM layers and of the Li layers. */
static void fill(struct fixture *f, uint8_t tm_layer, uint8_t li_layer) {
    fixture_clear(f, ANION_OXIDE);
    for (int64_t s = 0; s < f->replica.state.n_sites; s++) {
        struct lattice_coord c = lattice_coord_of(&f->model->lattice, s);
        if (c.kind == SITE_OCT)
            f->replica.state.x.occupancy[s] = lattice_is_tm_gap(c.plane) ? tm_layer : li_layer;
    }
}

Test(motifs, layered_is_neither) {
    struct fixture *f = box();
    uint8_t mn = (uint8_t)fixture_species(f, "Mn", 4);
    fill(f, mn, CATION_LI);
    expect(f, 0, 0);
    fill(f, mn, CATION_VACANCY);
    expect(f, 0, 0);
    fixture_free(f);
}

/* Li2MnO3 with all Li gone: nine of twelve octs around a tet over an emptied Li of the TM layer hold Mn. */
Test(motifs, delithiated_honeycomb_is_neither) {
    struct fixture *f = box();
    uint8_t mn = (uint8_t)fixture_species(f, "Mn", 4);
    for (int filled = 0; filled < 2; filled++) {
        fill(f, mn, filled ? CATION_LI : CATION_VACANCY);
        for (int64_t s = 0; s < f->replica.state.n_sites; s++) {
            struct lattice_coord c = lattice_coord_of(&f->model->lattice, s);
            if (c.kind == SITE_OCT && lattice_is_tm_gap(c.plane) && (c.i - c.j + CELLS) % 3 == 0)
                f->replica.state.x.occupancy[s] = filled ? CATION_LI : CATION_VACANCY;
        }
        expect(f, 0, 0);
    }
    fixture_free(f);
}

Test(motifs, nickel_oxide_is_rock_salt) {
    struct fixture *f = box();
    uint8_t ni = (uint8_t)fixture_species(f, "Ni", 2);
    fill(f, ni, ni);
    expect(f, 0, 1);
    /* one empty oct takes its six O out; so does a Li in place of two of the TM beside an O */
    fixture_put(f, (struct lattice_coord){1, SITE_OCT, 2, 2}, CATION_VACANCY);
    expect(f, 0, 1 - 6.0 / (PLANES * CELLS * CELLS));
    fill(f, ni, CATION_LI);
    expect(f, 0, 0);
    fixture_free(f);
}

/* ---- spinel ---- */

/* Two bits a gap say which quarter of the octs differs from the rest: vacant in TM layers, TM in Li layers. */
static bool has_tm(int pattern, struct lattice_coord c) {
    int quarter = pattern >> 2 * c.plane & 3;
    bool differs = c.i % 2 == quarter % 2 && c.j % 2 == quarter / 2;
    return differs != (bool)lattice_is_tm_gap(c.plane);
}

/* Has every O three TM, as on 32e of Fd-3m? */
static bool three_everywhere(const struct lattice *l, int pattern) {
    struct lattice_coord o = {0, SITE_O, 0, 0};
    for (o.plane = 0; o.plane < PLANES; o.plane++)
        for (int cell = 0; cell < 4; cell++) {
            int tm = 0;
            o.i = cell % 2;
            o.j = cell / 2;
            const struct lattice_stencil *st = lattice_stencil_of(l, o);
            for (int v = 0; v < st->n_oct; v++)
                tm += has_tm(pattern, lattice_step(l, o, st->oct[v]));
            if (tm != 3)
                return false;
        }
    return true;
}

static void put_framework(struct fixture *f, int pattern) {
    uint8_t mn = (uint8_t)fixture_species(f, "Mn", 4);
    fixture_clear(f, ANION_OXIDE);
    for (int64_t s = 0; s < f->replica.state.n_sites; s++) {
        struct lattice_coord c = lattice_coord_of(&f->model->lattice, s);
        if (c.kind == SITE_OCT && has_tm(pattern, c))
            f->replica.state.x.occupancy[s] = mn;
    }
}

/* Li on every tet whose face-sharing octs are all vacant: 8a.  Returns how many. */
static int put_li(struct fixture *f) {
    const struct lattice *l = &f->model->lattice;
    int n = 0;
    for (int64_t s = 0; s < f->replica.state.n_sites; s++) {
        struct lattice_coord c = lattice_coord_of(l, s);
        const struct lattice_stencil *st = lattice_stencil_of(l, c);
        bool free = c.kind == SITE_TET_UP || c.kind == SITE_TET_DOWN;
        for (int v = 0; free && v < st->n_face; v++)
            free = f->replica.state.x.occupancy[lattice_neighbor(l, c, st->face[v])] ==
                       CATION_VACANCY ||
                   st->face[v].kind != SITE_OCT;
        if (free)
            f->replica.state.x.occupancy[s] = CATION_LI;
        n += free;
    }
    return n;
}

/* The framework of Fd-3m, found by search: it is the only way to give every O three TM with Li tets for every four O. */
static int spinel_pattern(struct fixture *f) {
    for (int pattern = 0; pattern < PATTERNS; pattern++)
        if (three_everywhere(&f->model->lattice, pattern)) {
            put_framework(f, pattern);
            if (put_li(f) == PLANES * CELLS * CELLS / 4)
                return pattern;
        }
    cr_assert_fail("no spinel in this box");
    return 0;
}

Test(motifs, lithium_manganese_spinel) {
    struct fixture *f = box();
    int pattern = spinel_pattern(f);
    expect(f, 1, 0);
    put_framework(f, pattern); /* lambda-MnO2: no Li */
    expect(f, 1, 0);
    for (int64_t s = 0; s < f->replica.state.n_sites; s++) { /* Li2Mn2O4: Li on 16c */
        struct lattice_coord c = lattice_coord_of(&f->model->lattice, s);
        if (c.kind == SITE_OCT && f->replica.state.x.occupancy[s] == CATION_VACANCY)
            f->replica.state.x.occupancy[s] = CATION_LI;
    }
    expect(f, 0, 0);
    fixture_free(f);
}

Test(motifs, disorder_is_neither) {
    struct fixture *f = box();
    int64_t anions = 0, spinel = 0, rock_salt = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct motifs n;
        fixture_randomise(f, seed);
        motifs_count(&n, f->model, &f->replica.state.x);
        anions += n.anions;
        spinel += n.spinel;
        rock_salt += n.rock_salt;
    }
    cr_expect_lt((double)spinel / (double)anions, 0.001);
    cr_expect_lt((double)rock_salt / (double)anions, 0.01);
    fixture_free(f);
}
