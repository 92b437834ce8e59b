/* Guarantee: a void keeps its identity from look to look by the rules of kmc/voids.h, every change is counted once, and O2 is followed by the void that held it.
 */
#include <criterion/criterion.h>
#include "../kmc/voids.h"
#include "fixture.h"

enum { ROW_J = 3, ROW_PLANE = 2, CELLS = 12 };

/* A crystal whose voids are strings of O vacancies on one row of neighbouring O, and what was seen of them. */
struct watch {
    struct fixture *f;
    struct voids v;
    struct clusters c;
    struct voids_report r;
};

static struct lattice_coord on_row(int32_t i) {
    return (struct lattice_coord){ROW_PLANE, SITE_O, i, ROW_J};
}

/* Mn in every TM oct, Li in every Li oct, all O as O2-. */
static void fill(struct fixture *f) {
    uint8_t mn = (uint8_t)fixture_species(f, "Mn", 4), *byte = f->replica.state.x.occupancy;
    for (int64_t s = 0; s < f->replica.state.n_sites; s++) {
        struct lattice_coord c = lattice_coord_of(&f->model->lattice, s);
        if (byte[s] == SITE_OUTSIDE)
            continue;
        byte[s] = c.kind == SITE_O             ? ANION_OXIDE
                  : c.kind != SITE_OCT         ? CATION_VACANCY
                  : lattice_is_tm_gap(c.plane) ? mn
                                               : CATION_LI;
    }
    state_rebuild(&f->replica.state, f->model);
}

static struct watch begin(const char *geometry) {
    struct watch w = {.f =
                          fixture_create("builtin:o3-lmr",
                                         FIXTURE_SET("structure.cells_a=12", "structure.cells_b=12",
                                                     "structure.repeats=1", geometry))};
    fill(w.f);
    return w;
}

static void end(struct watch *w) {
    clusters_free(&w->c);
    voids_free_report(&w->r);
    voids_free(&w->v);
    fixture_free(w->f);
}

/* Looks at the crystal as it is; the balance and the order of ids must hold whatever happens. */
static void look(struct watch *w) {
    int64_t before = 0;
    for (int64_t k = 0; k < w->v.n; k++)
        before += !w->v.known[k].dormant;
    clusters_free(&w->c);
    voids_free_report(&w->r);
    cr_assert(clusters_find(&w->c, w->f->model, &w->f->replica.state.x));
    cr_assert(voids_look(&w->v, &w->c, w->f->model, &w->f->replica.state.x, &w->r));
    const struct voids_report *r = &w->r;
    cr_assert_eq(w->c.n,
                 before + r->births + r->reopenings + r->splits - r->closures - r->coalescences);
    for (int64_t a = 0; a < w->v.n; a++)
        for (int64_t b = 0; b < a; b++)
            cr_assert_neq(w->v.known[a].id, w->v.known[b].id);
}

/* Vacancies where the text of the row has a #, and a look. */
static void row(struct watch *w, const char *text) {
    struct fixture *f = w->f;
    for (int32_t i = 0; i < CELLS; i++)
        f->replica.state.x.occupancy[lattice_site(&f->model->lattice, on_row(i))] =
            text[i] == '#' ? ANION_VACANCY : ANION_OXIDE;
    state_rebuild(&f->replica.state, f->model);
    look(w);
}

/* The void whose lowest site is cell i of the row. */
static const struct voids_fate *fate_at(const struct watch *w, int32_t i) {
    int64_t site = lattice_site(&w->f->model->lattice, on_row(i));
    for (int64_t k = 0; k < w->c.n; k++)
        if (w->c.entry[k].first == site)
            return &w->r.fate[k];
    cr_assert_fail("no void begins at cell %d", i);
    return NULL;
}

static void expect_fate(const struct watch *w, int32_t i, int64_t id, enum voids_event event,
                        int64_t parent, int64_t absorbed, int64_t before) {
    const struct voids_fate *f = fate_at(w, i);
    cr_expect_eq(f->id, id, "cell %d: expected void %lld, found %lld", i, (long long)id,
                 (long long)f->id);
    cr_expect_eq(f->event, event, "cell %d: expected %s, found %s", i, voids_event_name(event),
                 voids_event_name(f->event));
    cr_expect_eq(f->parent, parent);
    cr_expect_eq(f->absorbed, absorbed);
    cr_expect_eq(f->size_before, before);
}

Test(voids, birth_growth_shrinkage_and_rest) {
    struct watch w = begin("structure.geometry=bulk");
    row(&w, ".##.........");
    expect_fate(&w, 1, 1, VOIDS_BIRTH, 0, 0, -1);
    cr_expect_eq(w.r.births, 1);
    row(&w, ".###........");
    expect_fate(&w, 1, 1, VOIDS_GROWTH, 1, 0, 2);
    cr_expect_eq(w.r.births, 0);
    row(&w, ".###........");
    expect_fate(&w, 1, 1, VOIDS_SAME, 1, 0, 3);
    row(&w, "...#....##..");
    expect_fate(&w, 3, 1, VOIDS_SHRINKAGE, 1, 0, 3);
    expect_fate(&w, 8, 2, VOIDS_BIRTH, 0, 0, -1);
    row(&w, "..##....##..");
    expect_fate(&w, 2, 1, VOIDS_GROWTH, 1, 0, 1);
    expect_fate(&w, 8, 2, VOIDS_SAME, 2, 0, 2);
    end(&w);
}

Test(voids, coalescence_keeps_the_largest_share) {
    struct watch w = begin("structure.geometry=bulk");
    row(&w, "##..###.#...");
    cr_expect_eq(w.r.births, 3);
    int64_t large = fate_at(&w, 4)->id;
    row(&w, "#########...");
    expect_fate(&w, 0, large, VOIDS_COALESCENCE, large, 2, 3);
    cr_expect_eq(w.r.coalescences, 2);
    cr_expect_eq(w.c.n, 1);
    end(&w);
}

/* Equal shares: the older void lives on. */
Test(voids, coalescence_of_equals_keeps_the_older) {
    struct watch w = begin("structure.geometry=bulk");
    row(&w, ".....##.....");
    row(&w, ".##..##.....");
    cr_expect_eq(fate_at(&w, 1)->id, 2);
    row(&w, ".######.....");
    expect_fate(&w, 1, 1, VOIDS_COALESCENCE, 1, 1, 2);
    end(&w);
}

Test(voids, split_leaves_the_id_with_the_largest_part) {
    struct watch w = begin("structure.geometry=bulk");
    row(&w, ".########...");
    row(&w, ".##.####.#..");
    expect_fate(&w, 4, 1, VOIDS_SHRINKAGE, 1, 0, 8);
    expect_fate(&w, 9, 2, VOIDS_BIRTH, 0, 0, -1); /* smaller voids get their ids first */
    expect_fate(&w, 1, 3, VOIDS_SPLIT, 1, 0, -1);
    cr_expect(w.r.splits == 1 && w.r.births == 1 && w.r.closures == 0);
    end(&w);
}

/* A part of one void goes to another: both live on, nothing ended. */
Test(voids, a_part_that_changes_sides_is_neither_split_nor_coalescence) {
    struct watch w = begin("structure.geometry=bulk");
    row(&w, "#####..##...");
    int64_t left = fate_at(&w, 0)->id, right = fate_at(&w, 7)->id;
    row(&w, "###.#####...");
    expect_fate(&w, 0, left, VOIDS_SHRINKAGE, left, 0, 5);
    expect_fate(&w, 4, right, VOIDS_GROWTH, right, 0, 2);
    cr_expect(w.r.splits == 0 && w.r.coalescences == 0);
    end(&w);
}

/* The largest share of a new void is taken: it gets the id of the next one. */
Test(voids, the_next_share_hands_down_its_id) {
    struct watch w = begin("structure.geometry=bulk");
    row(&w, "########..#.");
    int64_t large = fate_at(&w, 0)->id, small = fate_at(&w, 10)->id;
    row(&w, "#####.#####.");
    expect_fate(&w, 0, large, VOIDS_SHRINKAGE, large, 0, 8);
    expect_fate(&w, 6, small, VOIDS_GROWTH, large, 0, 1);
    end(&w);
}

Test(voids, closure_and_reopening) {
    struct watch w = begin("structure.geometry=bulk");
    row(&w, ".###...##...");
    int64_t left = fate_at(&w, 1)->id, right = fate_at(&w, 7)->id;
    row(&w, "............");
    cr_expect_eq(w.r.closures, 2);
    row(&w, "..####......");
    expect_fate(&w, 2, left, VOIDS_REOPENING, left, 0, 3);
    cr_expect(w.r.reopenings == 1 && w.r.births == 0 && w.r.closures == 0);
    row(&w, "..####.##...");
    cr_expect_gt(fate_at(&w, 7)->id, right); /* two looks later it is another void */
    cr_expect_eq(fate_at(&w, 7)->event, VOIDS_BIRTH);
    end(&w);
}

/* Two voids of one charge are one in the next, though both were closed in between. */
Test(voids, dormant_voids_coalesce) {
    struct watch w = begin("structure.geometry=bulk");
    row(&w, ".###...##...");
    int64_t left = fate_at(&w, 1)->id;
    row(&w, "............");
    row(&w, ".#######....");
    expect_fate(&w, 1, left, VOIDS_COALESCENCE, left, 1, 3);
    cr_expect(w.r.reopenings == 2 && w.r.coalescences == 1);
    end(&w);
}

Test(voids, percolation_counts_once) {
    struct watch w = begin("structure.geometry=bulk");
    row(&w, "###########.");
    cr_expect_eq(w.r.percolations, 0);
    row(&w, "############");
    cr_expect_eq(w.r.percolations, 1);
    cr_expect(w.c.entry[0].percolating);
    expect_fate(&w, 0, 1, VOIDS_GROWTH, 1, 0, 11);
    row(&w, "############");
    cr_expect_eq(w.r.percolations, 0);
    row(&w, "............");
    row(&w, "############");
    cr_expect(w.r.percolations == 0 && w.r.reopenings == 1); /* it did when last seen */
    end(&w);
}

static struct lattice_coord above(const struct lattice *l, struct lattice_coord o, int v) {
    return lattice_step(l, o, lattice_stencil_of(l, o)->oxygen[v]);
}

static void vacate(struct watch *w, struct lattice_coord o, uint8_t byte) {
    fixture_put(w->f, o, byte);
}

/* From the third plane of a slab to its face. */
Test(voids, opening_to_the_surface) {
    struct watch w = begin("structure.geometry=slab");
    const struct lattice *l = &w.f->model->lattice;
    struct lattice_coord third = on_row(4), second = above(l, third, 9),
                         first = above(l, second, 9);
    cr_assert(second.plane == 1 && first.plane == 0);
    vacate(&w, third, ANION_VACANCY);
    vacate(&w, second, ANION_VACANCY);
    look(&w);
    cr_expect(w.c.n == 1 && !w.c.entry[0].open && w.r.openings == 0);
    vacate(&w, first, ANION_VACANCY);
    look(&w);
    cr_expect(w.c.n == 1 && w.c.entry[0].open && w.r.openings == 1);
    cr_expect_eq(w.r.fate[0].event, VOIDS_GROWTH);
    look(&w);
    cr_expect_eq(w.r.openings, 0);
    vacate(&w, first, ANION_OXIDE);
    look(&w);
    cr_expect(!w.c.entry[0].open);
    end(&w);
}

/* A closed void that ends in an open one is opened; one born at the face is not. */
Test(voids, opening_by_coalescence) {
    struct watch w = begin("structure.geometry=slab");
    const struct lattice *l = &w.f->model->lattice;
    struct lattice_coord third = on_row(4), second = above(l, third, 9),
                         first = above(l, second, 9);
    vacate(&w, first, ANION_VACANCY);
    look(&w);
    cr_expect(w.c.entry[0].open && w.r.openings == 0);
    vacate(&w, third, ANION_VACANCY);
    look(&w);
    cr_expect_eq(w.c.n, 2);
    vacate(&w, second, ANION_VACANCY);
    look(&w);
    cr_expect(w.c.n == 1 && w.r.coalescences == 1 && w.r.openings == 1);
    end(&w);
}

/* No surface, no open void. */
Test(voids, nothing_is_open_in_bulk) {
    struct watch w = begin("structure.geometry=bulk");
    row(&w, "############");
    cr_expect(!w.c.entry[0].open && w.r.openings == 0);
    end(&w);
}

Test(voids, wall_is_what_touches) {
    struct watch w = begin("structure.geometry=bulk");
    row(&w, ".#..........");
    cr_expect_eq(w.c.entry[0].wall, 12);
    cr_expect_eq(w.c.entry[0].anions, 1);
    cr_expect_float_eq(clusters_wall_contact(&w.c.entry[0]), 12.0 / 13, 1e-12);
    row(&w, ".##.........");
    cr_expect_eq(w.c.entry[0].wall, 18); /* neighbours in common: four */
    cr_expect_float_eq(clusters_wall_contact(&w.c.entry[0]), 18.0 / 20, 1e-12);
    end(&w);
}

/* ---- O2 ---- */

static void put_o2(struct watch *w, int32_t i, uint8_t state) {
    const struct lattice *l = &w->f->model->lattice;
    const struct lattice_stencil *st = lattice_stencil_of(l, on_row(i));
    int dir = 0;
    while (lattice_neighbor(l, on_row(i), st->oxygen[dir]) != lattice_site(l, on_row(i + 1)))
        dir++;
    bool bonded = state == ANION_MOLECULAR || state == ANION_PEROXO;
    fixture_put_pair(w->f, on_row(i), (uint8_t)(state | (bonded ? dir << 4 : 0)), on_row(i + 1),
                     (uint8_t)(state | (bonded ? st->reverse[dir] << 4 : 0)));
}

static void expect_o2(const struct watch *w, int class, int64_t before, int64_t reduced,
                      int64_t vacant) {
    cr_expect_eq(w->r.o2_before[class], before);
    cr_expect_eq(w->r.o2_reduced[class], reduced);
    cr_expect_eq(w->r.o2_vacant[class], vacant);
}

/* Three O2 in a void of five vacancies, one in a void of none: one stays, one is reduced, one is lost. */
Test(voids, o2_is_followed_by_the_void_that_held_it) {
    struct watch w = begin("structure.geometry=bulk");
    row(&w, "......#####.");
    put_o2(&w, 0, ANION_MOLECULAR);
    put_o2(&w, 2, ANION_MOLECULAR);
    put_o2(&w, 4, ANION_MOLECULAR);
    look(&w);
    cr_expect_eq(w.c.n, 1);
    put_o2(&w, 0, ANION_OXIDE);
    put_o2(&w, 2, ANION_VACANCY);
    look(&w);
    expect_o2(&w, 0, 0, 0, 0);
    expect_o2(&w, 1, 6, 2, 2);
    expect_o2(&w, 2, 0, 0, 0);
    put_o2(&w, 4, ANION_PEROXO);
    look(&w);
    expect_o2(&w, 1, 2, 2, 0);
    end(&w);
}

Test(voids, classes_are_as_documented) {
    const int64_t size[] = {0, 1, 4, 5, 16, 17, 1000};
    const int class[] = {0, 0, 0, 1, 1, 2, 2};
    for (int k = 0; k < 7; k++)
        cr_expect_eq(voids_class(size[k]), class[k]);
}

/* ---- many ---- */

/* Random sets of vacancies, now and then of another density: the balance (in look) and labels hold. */
Test(voids, any_sequence_is_balanced) {
    struct watch w = begin("structure.geometry=slab");
    struct philox random = {3, 0};
    uint8_t *byte = w.f->replica.state.x.occupancy;
    uint64_t draw = 0;
    int64_t events[VOIDS_EVENTS] = {0};
    for (int turn = 0; turn < 40; turn++) {
        uint32_t share = (uint32_t)(turn % 5) * 8; /* percent */
        for (int64_t s = 0; s < w.f->replica.state.n_sites; s++) {
            bool oxygen = lattice_coord_of(&w.f->model->lattice, s).kind == SITE_O;
            struct philox_block x = philox_draw(random, 202, 0, draw++);
            if (oxygen && byte[s] != SITE_OUTSIDE && x.v[1] % 2)
                byte[s] = philox_below(x.v[0], 100) < share ? ANION_VACANCY : ANION_OXIDE;
        }
        state_rebuild(&w.f->replica.state, w.f->model);
        look(&w);
        for (int64_t k = 0; k < w.r.n; k++)
            events[w.r.fate[k].event]++;
        int64_t members = 0;
        for (int64_t s = 0; s < w.v.n_sites; s++)
            members += w.v.member[s / 64] >> (s % 64) & 1;
        cr_assert_eq(members, w.v.n_members);
        for (int64_t k = 0; k < members; k++)
            cr_assert_lt((w.v.label[k] & ~VOIDS_O2), (uint32_t)w.v.n);
    }
    for (int e = 0; e < VOIDS_EVENTS; e++)
        cr_expect_gt(events[e], 0, "no %s", voids_event_name((enum voids_event)e));
    end(&w);
}
