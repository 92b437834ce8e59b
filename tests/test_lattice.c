/* Guarantee: the stencils are the contacts that the geometry of close packing has.
 *
 * The reference is a search over Cartesian distances with periodic images, with its own code for
 * positions: O vertices are the O within 2.2 A, contacts are pairs of cation sites with common
 * vertices, faces are pairs closer than 1.9 A (2.5 A between two octs).
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../lattices/lattice.h"

static const double A = 2.85, TM_GAP = 2.15, LI_GAP = 2.60; /* angstrom */
static const char *const STACKING[] = {"ABCABC", "ABCB", "ABAB", "ABACBCAC", "ABCABCACBCAC"};
enum { STACKINGS = 5, BOX = 5, ROOM = 128 };

static struct lattice make(const char *letters, int32_t na, int32_t nb) {
    struct lattice l;
    const char *problem = lattice_init(&l, letters, na, nb);
    cr_assert_null(problem, "%s: %s", letters, problem);
    return l;
}

/* ---- reference geometry ---- */

struct point {
    double x, y, z;
};

static double plane_height(int plane) {
    return plane / 2 * (TM_GAP + LI_GAP) + (plane % 2 ? TM_GAP : 0);
}

/* Position from the table of physics: oct on the third letter at h/2, tet up on the upper letter at
 * h/4, tet down on the lower letter at 3h/4. */
static struct point place(const char *letters, struct lattice_coord c) {
    int n = (int)strlen(letters);
    char x = letters[c.plane], y = letters[(c.plane + 1) % n];
    char letter = c.kind == SITE_OCT      ? (char)('A' + 'B' + 'C' - x - y)
                  : c.kind == SITE_TET_UP ? y
                                          : x;
    const double part[] = {0, 0.5, 0.25, 0.75};
    double h = c.plane % 2 ? LI_GAP : TM_GAP, t = (letter - 'A') / 3.0;
    return (struct point){A * (c.i + t + 0.5 * (c.j + t)), A * sqrt(3) / 2 * (c.j + t),
                          plane_height(c.plane) + part[c.kind] * h};
}

/* Shortest distance over the 27 nearest images; unique for boxes of 5 cells and 4 planes or more.
 */
static double distance(const struct lattice *l, struct point p, struct point q) {
    double best = 1e9, height = plane_height(l->n_planes);
    for (int a = -1; a <= 1; a++)
        for (int b = -1; b <= 1; b++)
            for (int c = -1; c <= 1; c++) {
                double dx = p.x - q.x + A * (a * l->na + 0.5 * b * l->nb);
                double dy = p.y - q.y + A * sqrt(3) / 2 * b * l->nb, dz = p.z - q.z + c * height;
                double d = sqrt(dx * dx + dy * dy + dz * dz);
                best = d < best ? d : best;
            }
    return best;
}

struct reference {
    struct lattice l;
    int64_t n;
    struct point *at;
    int64_t (*vertex)[6];
    int *n_vertex;
};

static struct reference reference_of(const char *letters) {
    struct reference r = {.l = make(letters, BOX, BOX)};
    r.n = lattice_n_sites(&r.l);
    r.at = malloc((size_t)r.n * sizeof *r.at);
    r.vertex = malloc((size_t)r.n * sizeof *r.vertex);
    r.n_vertex = calloc((size_t)r.n, sizeof *r.n_vertex);
    for (int64_t s = 0; s < r.n; s++)
        r.at[s] = place(letters, lattice_coord_of(&r.l, s));
    for (int64_t s = 0; s < r.n; s++)
        for (int64_t o = 0; o < r.n && lattice_coord_of(&r.l, s).kind != SITE_O; o++)
            if (lattice_coord_of(&r.l, o).kind == SITE_O &&
                distance(&r.l, r.at[s], r.at[o]) < 2.2) {
                cr_assert_lt(r.n_vertex[s], 6);
                r.vertex[s][r.n_vertex[s]++] = o;
            }
    return r;
}

static void reference_free(struct reference *r) {
    free(r->at);
    free(r->vertex);
    free(r->n_vertex);
}

static int common(const struct reference *r, int64_t s, int64_t t) {
    int n = 0;
    for (int a = 0; a < r->n_vertex[s]; a++)
        for (int b = 0; b < r->n_vertex[t]; b++)
            n += r->vertex[s][a] == r->vertex[t][b];
    return n;
}

/* ---- reading stencils ---- */

static const struct lattice_stencil *stencil(const struct lattice *l, int plane, int kind) {
    return &l->stencil[l->stencil_of[plane][kind]];
}

/* Shared O of the entry that leads from c to `target` (-1: not in the list); counts entries. */
static int entry(const struct lattice *l, struct lattice_coord c, const struct lattice_offset *list,
                 int n, int64_t target, int *times) {
    int shared = -1;
    *times = 0;
    for (int m = 0; m < n; m++)
        if (lattice_neighbor(l, c, list[m]) == target) {
            shared = list[m].shared;
            ++*times;
        }
    return shared;
}

static int contact(const struct lattice *l, int64_t from, int64_t to, int *times) {
    struct lattice_coord c = lattice_coord_of(l, from);
    const struct lattice_stencil *s = lattice_stencil_of(l, c);
    bool oct = lattice_coord_of(l, to).kind == SITE_OCT;
    return entry(l, c, oct ? s->oct : s->tet, oct ? s->n_oct : s->n_tet, to, times);
}

static int count(const struct lattice_offset *list, int n, int kind, int dplane, int shared) {
    int found = 0;
    for (int m = 0; m < n; m++)
        found += (list[m].kind == kind) && (list[m].dplane == dplane) && list[m].shared >= shared;
    return found;
}

/* ---- tests ---- */

Test(lattice, vertices_are_the_nearest_oxygens) {
    for (int q = 0; q < STACKINGS; q++) {
        struct reference r = reference_of(STACKING[q]);
        for (int64_t s = 0; s < r.n; s++) {
            struct lattice_coord c = lattice_coord_of(&r.l, s);
            const struct lattice_stencil *t = lattice_stencil_of(&r.l, c);
            const int expected[] = {0, 6, 4, 4};
            cr_assert_eq(t->n_vertex, expected[c.kind]);
            cr_assert_eq(r.n_vertex[s], t->n_vertex);
            for (int v = 0; v < r.n_vertex[s]; v++) {
                int times;
                entry(&r.l, c, t->vertex, t->n_vertex, r.vertex[s][v], &times);
                cr_assert_eq(times, 1, "%s site %lld", STACKING[q], (long long)s);
            }
        }
        reference_free(&r);
    }
}

Test(lattice, contacts_are_those_of_the_distance_search) {
    for (int q = 0; q < STACKINGS; q++) {
        struct reference r = reference_of(STACKING[q]);
        for (int64_t s = 0; s < r.n; s++)
            for (int64_t t = 0; t < r.n; t++) {
                if (s == t || r.n_vertex[s] == 0 || r.n_vertex[t] == 0)
                    continue;
                int times, shared = common(&r, s, t), found = contact(&r.l, s, t, &times);
                cr_assert_eq(times, shared > 0);
                cr_assert_eq(found, shared > 0 ? shared : -1);
            }
        reference_free(&r);
    }
}

Test(lattice, faces_are_the_short_distances) {
    for (int q = 0; q < STACKINGS; q++) {
        struct reference r = reference_of(STACKING[q]);
        for (int64_t s = 0; s < r.n; s++) {
            struct lattice_coord c = lattice_coord_of(&r.l, s);
            const struct lattice_stencil *f = lattice_stencil_of(&r.l, c);
            for (int64_t t = 0; t < r.n && c.kind != SITE_O; t++) {
                int other = lattice_coord_of(&r.l, t).kind, times;
                if (other == SITE_O || s == t)
                    continue;
                bool octs = c.kind == SITE_OCT && other == SITE_OCT;
                entry(&r.l, c, f->face, f->n_face, t, &times);
                cr_assert_eq(times, distance(&r.l, r.at[s], r.at[t]) < (octs ? 2.5 : 1.9));
            }
        }
        reference_free(&r);
    }
}

Test(lattice, face_distances_come_in_three_classes) {
    for (int q = 0; q < STACKINGS; q++) {
        struct reference r = reference_of(STACKING[q]);
        for (int64_t s = 0; s < r.n; s++) {
            struct lattice_coord c = lattice_coord_of(&r.l, s);
            const struct lattice_stencil *f = lattice_stencil_of(&r.l, c);
            for (int m = 0; m < f->n_face; m++) {
                double d = distance(&r.l, r.at[s], r.at[lattice_neighbor(&r.l, c, f->face[m])]);
                int octs = (c.kind == SITE_OCT) + (f->face[m].kind == SITE_OCT);
                const double low[] = {1.18, 1.72, 2.37}, high[] = {1.20, 1.84, 2.38};
                cr_assert(d > low[octs] && d < high[octs], "%d octs at %g", octs, d);
            }
        }
        reference_free(&r);
    }
}

Test(lattice, positions_agree_with_the_reference) {
    struct lattice l = make("ABCABCACBCAC", 4, 3);
    for (int64_t s = 0; s < lattice_n_sites(&l); s++) {
        double xyz[3];
        struct point p = place("ABCABCACBCAC", lattice_coord_of(&l, s));
        lattice_position(&l, lattice_coord_of(&l, s), A, TM_GAP, LI_GAP, xyz);
        cr_assert_float_eq(xyz[0], p.x, 1e-9);
        cr_assert_float_eq(xyz[1], p.y, 1e-9);
        cr_assert_float_eq(xyz[2], p.z, 1e-9);
    }
}

Test(lattice, cell_has_the_volume_of_the_formula_units) {
    struct lattice l = make("ABCABC", 5, 7);
    double m[3][3];
    lattice_cell(&l, A, TM_GAP, LI_GAP, m);
    double volume = m[2][2] * (m[0][0] * m[1][1] - m[0][1] * m[1][0]);
    cr_assert_float_eq(volume / (5 * 7 * 3), 33.4, 0.05, "33.4 A3 per MO2, found %g",
                       volume / (5 * 7 * 3));
    cr_assert_float_eq(m[1][0] * m[1][0] + m[1][1] * m[1][1], 49 * A * A, 1e-9);
    cr_assert_float_eq(m[1][0], 3.5 * A, 1e-12); /* a1 and a2 at 60 degrees */
}

Test(lattice, contacts_are_registered_on_both_sites) {
    for (int q = 0; q < STACKINGS; q++)
        for (int cells = 3; cells <= 4; cells++) {
            struct lattice l = make(STACKING[q], cells, 7 - cells);
            for (int64_t s = 0; s < lattice_n_sites(&l); s++) {
                struct lattice_coord c = lattice_coord_of(&l, s);
                const struct lattice_stencil *t = lattice_stencil_of(&l, c);
                for (int m = 0; m < t->n_oct + t->n_tet && c.kind != SITE_O; m++) {
                    struct lattice_offset o = m < t->n_oct ? t->oct[m] : t->tet[m - t->n_oct];
                    int times, back = contact(&l, lattice_neighbor(&l, c, o), s, &times);
                    cr_assert_eq(times, 1);
                    cr_assert_eq(back, o.shared);
                }
            }
        }
}

Test(lattice, smallest_box_has_no_duplicates_and_all_contacts) {
    for (int q = 0; q < STACKINGS; q++) {
        struct lattice small = make(STACKING[q], 3, 3), large = make(STACKING[q], 9, 9);
        for (int plane = 0; plane < small.n_planes; plane++)
            for (int kind = 0; kind < SITE_KINDS; kind++) {
                const struct lattice_stencil *s = stencil(&small, plane, kind);
                const struct lattice_stencil *t = stencil(&large, plane, kind);
                struct lattice_coord c = {plane, kind, 2, 2};
                int64_t self = lattice_site(&small, c);
                for (int m = 0; m < s->n_oct; m++) {
                    int times;
                    int64_t id = lattice_neighbor(&small, c, s->oct[m]);
                    entry(&small, c, s->oct, s->n_oct, id, &times);
                    cr_assert_eq(times, 1);
                    cr_assert_neq(id, self);
                }
                cr_assert_eq(s->n_oct, t->n_oct);
                cr_assert_eq(s->n_tet, t->n_tet);
                cr_assert_eq(s->n_face, t->n_face);
            }
    }
}

Test(lattice, o3_has_its_documented_neighbours) {
    struct lattice l = make("ABCABC", 6, 6);
    for (int plane = 0; plane < 6; plane += 2) {
        const struct lattice_stencil *s = stencil(&l, plane, SITE_OCT);
        int li_tets = 0, tm_tets = 0;
        for (int m = 0; m < s->n_face; m++) {
            cr_assert_neq(s->face[m].kind, SITE_OCT);
            li_tets += s->face[m].dplane != 0;
            tm_tets += s->face[m].dplane == 0;
        }
        cr_assert_eq(li_tets, 2);
        cr_assert_eq(tm_tets, 6);
        cr_assert_eq(count(s->oct, s->n_oct, SITE_OCT, 0, 2), 6);
        cr_assert_eq(
            count(s->oct, s->n_oct, SITE_OCT, 1, 2) + count(s->oct, s->n_oct, SITE_OCT, -1, 2), 6);
        cr_assert_eq(s->n_oct, 18);
        cr_assert_eq(s->n_tet, 32);
    }
}

Test(lattice, o3_li_tet_meets_one_tm_oct_and_three_li_octs) {
    struct lattice l = make("ABCABC", 6, 6);
    for (int plane = 1; plane < 6; plane += 2)
        for (int kind = SITE_TET_UP; kind <= SITE_TET_DOWN; kind++) {
            const struct lattice_stencil *s = stencil(&l, plane, kind);
            cr_assert_eq(s->n_face, 4);
            cr_assert_eq(count(s->face, s->n_face, SITE_OCT, 0, 3), 3);
            cr_assert_eq(count(s->face, s->n_face, SITE_OCT, 1, 3) +
                             count(s->face, s->n_face, SITE_OCT, -1, 3),
                         1);
        }
}

Test(lattice, o2_tm_oct_shares_a_face_with_one_li_oct) {
    struct lattice l = make("ABCB", 6, 6);
    for (int plane = 0; plane < 4; plane += 2) {
        const struct lattice_stencil *s = stencil(&l, plane, SITE_OCT);
        cr_assert_eq(count(s->face, s->n_face, SITE_OCT, 1, 3) +
                         count(s->face, s->n_face, SITE_OCT, -1, 3),
                     1);
        cr_assert_eq(count(s->face, s->n_face, SITE_OCT, 0, 3), 0);
    }
}

/* One Li tet of a pair points its base at a TM oct, the other at a TM-layer tet. */
Test(lattice, o2_li_tets_differ) {
    struct lattice l = make("ABCB", 6, 6);
    for (int plane = 1; plane < 4; plane += 2) {
        int with_oct = 0, with_tet = 0;
        for (int kind = SITE_TET_UP; kind <= SITE_TET_DOWN; kind++) {
            const struct lattice_stencil *s = stencil(&l, plane, kind);
            for (int m = 0; m < s->n_face; m++) {
                with_oct += s->face[m].dplane != 0 && s->face[m].kind == SITE_OCT;
                with_tet += s->face[m].dplane != 0 && s->face[m].kind != SITE_OCT;
            }
        }
        cr_assert_eq(with_oct, 1);
        cr_assert_eq(with_tet, 1);
    }
}

/* A TM that leaves through a Li tet of O2 ends in a Li oct that faces a TM oct of the other slab.
 */
Test(lattice, o2_reachable_li_octs_face_the_opposite_slab) {
    struct lattice l = make("ABCB", 6, 6);
    int paths = 0;
    for (int64_t s = 0; s < lattice_n_sites(&l); s++) {
        struct lattice_coord tet = lattice_coord_of(&l, s);
        const struct lattice_stencil *t = lattice_stencil_of(&l, tet);
        if (tet.plane % 2 == 0 || tet.kind < SITE_TET_UP)
            continue;
        int slab = 0;
        for (int m = 0; m < t->n_face; m++)
            slab += t->face[m].kind == SITE_OCT ? t->face[m].dplane : 0;
        for (int m = 0; m < t->n_face && slab != 0; m++) {
            struct lattice_coord oct = lattice_step(&l, tet, t->face[m]);
            const struct lattice_stencil *f = lattice_stencil_of(&l, oct);
            if (t->face[m].dplane != 0)
                continue;
            cr_assert_eq(count(f->face, f->n_face, SITE_OCT, -slab, 3), 1);
            paths++;
        }
    }
    cr_assert_eq(paths, 2 * 36 * 3);
}

Test(lattice, every_oxygen_has_six_octs_eight_tets_and_twelve_oxygens) {
    for (int q = 0; q < STACKINGS; q++) {
        struct reference r = reference_of(STACKING[q]);
        for (int64_t o = 0; o < r.n; o++) {
            struct lattice_coord c = lattice_coord_of(&r.l, o);
            const struct lattice_stencil *s = lattice_stencil_of(&r.l, c);
            if (c.kind != SITE_O)
                continue;
            cr_assert_eq(s->n_oct, 6);
            cr_assert_eq(s->n_tet, 8);
            cr_assert_eq(s->n_oxygen, 12);
            cr_assert_eq(s->n_vertex + s->n_face, 0);
            for (int m = 0; m < 14; m++) {
                struct lattice_offset v = m < 6 ? s->oct[m] : s->tet[m - 6];
                int64_t t = lattice_neighbor(&r.l, c, v);
                int times = 0;
                for (int a = 0; a < r.n_vertex[t]; a++)
                    times += r.vertex[t][a] == o;
                cr_assert_eq(times, 1);
            }
        }
        reference_free(&r);
    }
}

Test(lattice, oxygen_neighbours_are_near_and_lead_back) {
    for (int q = 0; q < STACKINGS; q++) {
        struct reference r = reference_of(STACKING[q]);
        for (int64_t o = 0; o < r.n; o++) {
            struct lattice_coord c = lattice_coord_of(&r.l, o);
            const struct lattice_stencil *s = lattice_stencil_of(&r.l, c);
            for (int m = 0; m < s->n_oxygen; m++) {
                struct lattice_coord d = lattice_step(&r.l, c, s->oxygen[m]);
                const struct lattice_stencil *t = lattice_stencil_of(&r.l, d);
                int64_t id = lattice_site(&r.l, d);
                int across = s->oxygen[m].dplane == 1 ? c.plane : c.plane + r.l.n_planes - 1;
                double near = m < 6 ? 2.85 : across % 2 == 0 ? 2.71 : 3.08;
                cr_assert_eq(s->oxygen[m].dplane, m < 6 ? 0 : m < 9 ? 1 : -1);
                cr_assert_float_eq(distance(&r.l, r.at[o], r.at[id]), near, 0.01);
                cr_assert_eq(lattice_neighbor(&r.l, d, t->oxygen[s->reverse[m]]), o);
            }
        }
        reference_free(&r);
    }
}

Test(lattice, prismatic_stackings_are_refused) {
    const char *const bad[] = {"AABB", "ABCA", "ABBC", "ABCBBC"};
    for (int q = 0; q < 4; q++) {
        struct lattice l;
        const char *problem = lattice_init(&l, bad[q], 6, 6);
        cr_assert(problem && strstr(problem, "prismatic"), "%s was not refused", bad[q]);
    }
}

Test(lattice, other_impossible_boxes_are_refused) {
    struct lattice l;
    char many[LATTICE_MAX_PLANES + 3] = {0}, most[LATTICE_MAX_PLANES + 1] = {0};
    for (int k = 0; k < LATTICE_MAX_PLANES; k++)
        most[k] = "AB"[k % 2];
    for (int k = 0; k < LATTICE_MAX_PLANES + 2; k++)
        many[k] = "AB"[k % 2];
    cr_assert(strstr(lattice_init(&l, "ABCBA", 6, 6), "odd"));
    cr_assert(strstr(lattice_init(&l, "AB", 6, 6), "at least 4"));
    cr_assert(strstr(lattice_init(&l, "", 6, 6), "at least 4"));
    cr_assert(strstr(lattice_init(&l, "ABXB", 6, 6), "letters"));
    cr_assert(strstr(lattice_init(&l, "abcb", 6, 6), "letters"));
    cr_assert(strstr(lattice_init(&l, many, 6, 6), "1024"));
    cr_assert(strstr(lattice_init(&l, "ABCB", 2, 6), "3 cells"));
    cr_assert(strstr(lattice_init(&l, "ABCB", 6, -1), "3 cells"));
    cr_assert(strstr(lattice_init(&l, "ABCB", INT32_MAX, INT32_MAX), "2^40"));
    cr_assert_null(lattice_init(&l, "ABCB", 3, 3));
    cr_assert_null(lattice_init(&l, most, 3, 3));
}
