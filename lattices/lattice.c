/* lattice: neighbours from counting shared O, no distances and no stored lists.
 *
 *   1. The O vertices of a cation site follow from the letters of the two planes of its gap:
 *        oct       3 O of the lower + 3 O of the upper plane
 *        tet up    3 O of the lower plane + the O straight above
 *        tet down  the O straight below + 3 O of the upper plane
 *   2. Two cation sites that have O in common are neighbours: 1 O corner, 2 edge, 3 face.
 *
 * Vertices are compared as sites of the periodic box, so no neighbour occurs twice even in the
 * smallest one, 3 x 3 cells and 4 planes.  With 2 planes the gap above and the gap below would be
 * the same, which no crystal has: refused.
 */
#include "lattice.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const double HALF_SQRT3 = 0.86602540378443864676;
enum { REACH = 3, SITE_COUNT_BITS = 40 }; /* cells searched around a site; largest box */

struct vertices {
    int n;
    struct lattice_offset offset[6];
    int64_t id[6];
};

/* Appends to one of the lists of a stencil; false when it is full. */
static bool append(struct lattice_offset *list, int capacity, uint8_t *n, struct lattice_offset o) {
    if (*n >= capacity)
        return false;
    list[(*n)++] = o;
    return true;
}

/* The three cells with a site of letter `to` nearest to a site of letter `from` (from != to). */
static void lateral_cells(int from, int to, int8_t cell[3][2]) {
    static const int8_t table[4][3][2] = {
        {{-1, -1}, {0, -1}, {-1, 0}}, /* to - from = +2 */
        {{0, 0}, {-1, 0}, {0, -1}},   /* +1 */
        {{0, 0}, {1, 0}, {0, 1}},     /* -1 */
        {{1, 1}, {0, 1}, {1, 0}},     /* -2 */
    };
    static const int row[5] = {3, 2, -1, 1, 0};
    assert(from != to);
    memcpy(cell, table[row[to - from + 2]], sizeof table[0]);
}

static int letter_at(const struct lattice *l, int32_t plane) {
    return l->letter[(plane + l->n_planes) % l->n_planes];
}

/* Lateral letter of a site: 0, 1, 2. */
static int site_letter(const struct lattice *l, int32_t plane, int kind) {
    int lower = letter_at(l, plane), upper = letter_at(l, plane + 1);
    const int letter[SITE_KINDS] = {lower, 3 - lower - upper, upper, lower};
    return letter[kind];
}

static void add_vertex(const struct lattice *l, struct lattice_coord c, struct lattice_offset o,
                       struct vertices *v) {
    v->offset[v->n] = o;
    v->id[v->n++] = lattice_neighbor(l, c, o);
}

static void add_triangle(const struct lattice *l, struct lattice_coord c, int dplane,
                         struct vertices *v) {
    int8_t cell[3][2];
    lateral_cells(site_letter(l, c.plane, c.kind), letter_at(l, c.plane + dplane), cell);
    for (int m = 0; m < 3; m++)
        add_vertex(l, c, (struct lattice_offset){(int8_t)dplane, cell[m][0], cell[m][1], SITE_O, 0},
                   v);
}

/* The O vertices of a cation site: lower plane first. */
static struct vertices vertices_of(const struct lattice *l, struct lattice_coord c) {
    struct vertices v = {.n = 0};
    if (c.kind == SITE_TET_DOWN)
        add_vertex(l, c, (struct lattice_offset){0, 0, 0, SITE_O, 0}, &v);
    else
        add_triangle(l, c, 0, &v);
    if (c.kind == SITE_TET_UP)
        add_vertex(l, c, (struct lattice_offset){1, 0, 0, SITE_O, 0}, &v);
    else
        add_triangle(l, c, 1, &v);
    return v;
}

static int count_shared(const struct vertices *a, const struct vertices *b) {
    int n = 0;
    for (int i = 0; i < a->n; i++)
        for (int j = 0; j < b->n; j++)
            n += a->id[i] == b->id[j];
    return n;
}

static bool already_listed(const struct lattice *l, struct lattice_coord c,
                           const struct lattice_offset *list, int n, int64_t id) {
    for (int m = 0; m < n; m++)
        if (lattice_neighbor(l, c, list[m]) == id)
            return true;
    return false;
}

/* 0, -1, 1, -2, 2, ...: a small box keeps the shortest of equivalent offsets. */
static int8_t spiral(int m) {
    return (int8_t)(m % 2 ? -(m + 1) / 2 : m / 2);
}

static bool append_contact(struct lattice_stencil *s, struct lattice_offset o) {
    if (o.shared >= 3 && !append(s->face, (int)(sizeof s->face / sizeof s->face[0]), &s->n_face, o))
        return false;
    if (o.kind == SITE_OCT)
        return append(s->oct, (int)(sizeof s->oct / sizeof s->oct[0]), &s->n_oct, o);
    return append(s->tet, (int)(sizeof s->tet / sizeof s->tet[0]), &s->n_tet, o);
}

/* Adds the cation site at offset `o` when it touches an O of `own` and is not listed yet. */
static bool add_contact(const struct lattice *l, struct lattice_coord c, const struct vertices *own,
                        struct lattice_offset o, struct lattice_stencil *s) {
    struct lattice_coord other = lattice_step(l, c, o);
    int64_t id = lattice_site(l, other);
    if (id == lattice_site(l, c))
        return true;
    struct vertices v = vertices_of(l, other);
    int shared = count_shared(own, &v);
    if (shared == 0 || already_listed(l, c, s->oct, s->n_oct, id) ||
        already_listed(l, c, s->tet, s->n_tet, id))
        return true;
    o.shared = c.kind == SITE_O ? 0 : (uint8_t)(shared & 15);
    return append_contact(s, o);
}

static bool add_contacts(const struct lattice *l, struct lattice_coord c,
                         const struct vertices *own, struct lattice_stencil *s) {
    for (int kind = SITE_OCT; kind < SITE_KINDS; kind++)
        for (int p = 0; p < 5; p++)
            for (int a = 0; a <= 2 * REACH; a++)
                for (int b = 0; b <= 2 * REACH; b++) {
                    struct lattice_offset o = {spiral(p), spiral(a), spiral(b),
                                               (uint8_t)(kind & 15), 0};
                    if (!add_contact(l, c, own, o, s))
                        return false;
                }
    return true;
}

/* O neighbours of an O: 6 in plane, 3 above, 3 below. */
static void add_oxygens(const struct lattice *l, struct lattice_coord c,
                        struct lattice_stencil *s) {
    static const int8_t in_plane[6][2] = {{1, 0}, {-1, 0}, {0, 1}, {0, -1}, {1, -1}, {-1, 1}};
    for (int m = 0; m < 6; m++)
        s->oxygen[s->n_oxygen++] =
            (struct lattice_offset){0, in_plane[m][0], in_plane[m][1], SITE_O, 0};
    for (int dplane = 1; dplane >= -1; dplane -= 2) {
        int8_t cell[3][2];
        lateral_cells(letter_at(l, c.plane), letter_at(l, c.plane + dplane), cell);
        for (int m = 0; m < 3; m++)
            s->oxygen[s->n_oxygen++] =
                (struct lattice_offset){(int8_t)dplane, cell[m][0], cell[m][1], SITE_O, 0};
    }
}

/* reverse[m]: position of this O in the list of its neighbour m. */
static void set_reverse(const struct lattice *l, struct lattice_coord c,
                        struct lattice_stencil *s) {
    int64_t self = lattice_site(l, c);
    for (int m = 0; m < s->n_oxygen; m++) {
        struct lattice_coord other = lattice_step(l, c, s->oxygen[m]);
        struct lattice_stencil back = {.n_oxygen = 0};
        add_oxygens(l, other, &back);
        int r = 0;
        while (r < back.n_oxygen && lattice_neighbor(l, other, back.oxygen[r]) != self)
            r++;
        assert(r < back.n_oxygen);
        s->reverse[m] = (uint8_t)r;
    }
}

static bool derive(const struct lattice *l, struct lattice_coord c, struct lattice_stencil *s) {
    memset(s, 0, sizeof *s);
    struct vertices own = {.n = 0};
    if (c.kind == SITE_O) {
        add_vertex(l, c, (struct lattice_offset){0, 0, 0, SITE_O, 0}, &own);
        add_oxygens(l, c, s);
        set_reverse(l, c, s);
    } else {
        own = vertices_of(l, c);
        memcpy(s->vertex, own.offset, sizeof own.offset[0] * (size_t)own.n);
        s->n_vertex = (uint8_t)own.n;
    }
    return add_contacts(l, c, &own, s);
}

/* Letters and stencils of one stacking.  Lattices point to them; they live until the program ends,
 * so that lattices can be copied freely.  Boxes of CLIP cells or more share one set. */
struct stacking {
    struct stacking *next;
    int32_t na, nb, n_planes, n_stencils;
    uint8_t letter[LATTICE_TURNS * LATTICE_MAX_PLANES];
    uint8_t stencil_of[LATTICE_TURNS * LATTICE_MAX_PLANES][SITE_KINDS];
    struct lattice_stencil stencil[LATTICE_MAX_STENCILS];
};
enum { CLIP = 2 * REACH + 2 };
static struct stacking *stackings;

/* Index of an equal stencil, appended when new; -1 when there is no room. */
static int store_stencil(struct stacking *t, const struct lattice_stencil *s) {
    for (int m = 0; m < t->n_stencils; m++)
        if (memcmp(&t->stencil[m], s, sizeof *s) == 0)
            return m;
    if (t->n_stencils >= LATTICE_MAX_STENCILS)
        return -1;
    t->stencil[t->n_stencils] = *s;
    return t->n_stencils++;
}

static const char *read_letters(struct stacking *t, const char *letters) {
    size_t n = strlen(letters);
    if (n > LATTICE_MAX_PLANES)
        return "more than 1024 oxygen planes";
    if (n % 2 != 0)
        return "odd number of oxygen planes: TM and Li gaps alternate, so the period must be even";
    if (n < 4)
        return "expected at least 4 oxygen planes: with 2 a site would meet its neighbours twice, "
               "through the gap above and the gap below; repeat the letters";
    t->n_planes = (int32_t)n;
    for (size_t k = 0; k < LATTICE_TURNS * n; k++) {
        if (letters[k % n] < 'A' || letters[k % n] > 'C')
            return "expected only the letters A, B and C";
        t->letter[k] = (uint8_t)(letters[k % n] - 'A');
    }
    for (size_t k = 0; k < n; k++)
        if (t->letter[k] == t->letter[k + 1])
            return "prismatic gap: neighbouring planes (the last and first, too) carry the same "
                   "letter; only octahedral stackings (O-type) are supported";
    return NULL;
}

static const char *check_size(const struct lattice *l) {
    const int64_t largest = (int64_t)1 << SITE_COUNT_BITS;
    if (l->na < 3 || l->nb < 3)
        return "expected at least 3 cells along a1 and a2";
    int64_t rows = (int64_t)l->n_planes * SITE_KINDS * l->nb;
    if (rows > UINT32_MAX || l->na > largest / rows)
        return "box too large: more than 2^40 sites";
    return NULL;
}

static void point_to(struct lattice *l, const struct stacking *t) {
    l->n_planes = t->n_planes;
    lattice_stride(l);
    l->n_stencils = t->n_stencils;
    l->letter = t->letter;
    l->stencil_of = t->stencil_of;
    l->stencil = t->stencil;
}

static const char *derive_all(struct stacking *t, struct lattice *l) {
    for (int32_t plane = 0; plane < t->n_planes; plane++)
        for (int32_t kind = 0; kind < SITE_KINDS; kind++) {
            struct lattice_stencil s;
            if (!derive(l, (struct lattice_coord){plane, kind, 0, 0}, &s))
                return "a site has more neighbours than a stencil holds";
            int index = store_stencil(t, &s);
            if (index < 0)
                return "too many different surroundings: use a shorter or more regular stacking";
            for (int turn = 0; turn < LATTICE_TURNS; turn++)
                t->stencil_of[plane + turn * t->n_planes][kind] = (uint8_t)index;
        }
    return NULL;
}

static int32_t clip(int32_t cells) {
    return cells < CLIP ? cells : CLIP;
}

static struct stacking *find_stacking(const struct stacking *wanted) {
    for (struct stacking *t = stackings; t; t = t->next)
        if (t->na == wanted->na && t->nb == wanted->nb && t->n_planes == wanted->n_planes &&
            memcmp(t->letter, wanted->letter, (size_t)t->n_planes) == 0)
            return t;
    return NULL;
}

/* Derives the stencils of a new stacking, or takes those of an equal one. */
static const char *intern(struct stacking *t, struct lattice *l) {
    const char *problem = NULL;
    t->na = clip(l->na);
    t->nb = clip(l->nb);
#pragma omp critical(lattice_stackings)
    {
        struct stacking *known = find_stacking(t);
        point_to(l, known ? known : t);
        if (!known)
            problem = derive_all(t, l);
        if (!known && !problem) {
            t->next = stackings;
            stackings = t;
            point_to(l, t);
        } else {
            free(t);
        }
    }
    return problem;
}

const char *lattice_init(struct lattice *l, const char *letters, int32_t na, int32_t nb) {
    memset(l, 0, sizeof *l);
    l->na = na;
    l->nb = nb;
    struct stacking *t = calloc(1, sizeof *t);
    if (!t)
        return "out of memory";
    const char *problem = read_letters(t, letters);
    l->n_planes = t->n_planes;
    if (!problem)
        problem = check_size(l);
    if (problem) {
        free(t);
        return problem;
    }
    return intern(t, l);
}

static double gap_height(int32_t plane, double tm_gap_A, double li_gap_A) {
    return lattice_is_tm_gap(plane) ? tm_gap_A : li_gap_A;
}

void lattice_position(const struct lattice *l, struct lattice_coord c, double a_A, double tm_gap_A,
                      double li_gap_A, double xyz[3]) {
    static const double height[SITE_KINDS] = {0.0, 0.5, 0.25, 0.75};
    double shift = site_letter(l, c.plane, c.kind) / 3.0;
    double u = c.i + shift, v = c.j + shift;
    xyz[0] = a_A * (u + 0.5 * v);
    xyz[1] = a_A * HALF_SQRT3 * v;
    xyz[2] = height[c.kind] * gap_height(c.plane, tm_gap_A, li_gap_A);
    for (int32_t k = 0; k < c.plane; k++)
        xyz[2] += gap_height(k, tm_gap_A, li_gap_A);
}

void lattice_cell(const struct lattice *l, double a_A, double tm_gap_A, double li_gap_A,
                  double cell[3][3]) {
    memset(cell, 0, 3 * sizeof cell[0]);
    cell[0][0] = a_A * l->na;
    cell[1][0] = 0.5 * a_A * l->nb;
    cell[1][1] = HALF_SQRT3 * a_A * l->nb;
    cell[2][2] = 0.5 * l->n_planes * (tm_gap_A + li_gap_A);
}
