/* Guarantee: rates of the hops of Li+ on the clock, into tets and past them, are those of the definition; a hop that is fast both ways is none on the clock. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include "fixture.h"

/* Rate of a hop of Li+ from the definition and libm; 0 when the slower direction fires more often than is left to the clock. */
static double lithium_rate(const struct event_context *e, int64_t energy, double kra) {
    const struct rate_model *m = e->m;
    double d_energy = (double)energy, kT = m->boltzmann.kT_ueV;
    double rate = m->lithium_share * m->attempt_frequency *
                  exp(-fmax(fmax(kra + d_energy / 2, d_energy), 0) / kT);
    double slower = rate * exp(fmin(d_energy, 0) / kT);
    return m->lithium_firings > 0 && slower * e->slice_s > m->lithium_firings ? 0 : rate;
}

/* Barrier of the way past a tet whose octs these are, -1 when it is closed. */
static double barrier_past(const struct event_context *e, struct lattice_coord tet, int64_t from,
                           int64_t to) {
    const struct rate_model *m = e->m;
    const struct lattice_stencil *st = lattice_stencil_of(&m->lattice, tet);
    double kra = m->pass;
    int ends = 0;
    for (int v = 0; v < st->n_face; v++) {
        int64_t s = lattice_neighbor(&m->lattice, tet, st->face[v]);
        uint8_t ion = e->x->occupancy[s];
        if (s == from || s == to)
            ends++;
        else if (st->face[v].kind != SITE_OCT || ion == CATION_VACANCY || ion == SITE_OUTSIDE)
            continue;
        else if (m->group[ion] != GROUP_TM && ion != CATION_LI && ion != m->proton)
            return -1;
        else
            kra += m->pass_beside[ion];
    }
    return ends == 2 && e->x->occupancy[lattice_site(&m->lattice, tet)] == CATION_VACANCY ? kra
                                                                                          : -1;
}

/* Sum of the rates of all ways from one oct to another. */
static double lithium_rate_past(const struct event_context *e, const struct event_channel *ch) {
    const struct lattice *l = &e->m->lattice;
    struct lattice_coord c = lattice_coord_of(l, ch->site);
    const struct lattice_stencil *st = lattice_stencil_of(l, c);
    double sum = 0;
    for (int v = 0; v < st->n_face; v++) {
        struct lattice_coord tet = lattice_step(l, c, st->face[v]);
        double kra = tet.kind == SITE_OCT ? -1 : barrier_past(e, tet, ch->site, ch->target);
        double rate = kra < 0 ? 0 : lithium_rate(e, ch->energy, kra);
        sum += rate < CHANNELS_RATE_FLOOR ? 0 : rate;
    }
    return sum;
}

/* Rates of the hops of Li+: those between two octs past all tets together. */
static int check_rates(const struct event_context *e) {
    const struct lattice *l = &e->m->lattice;
    struct fixture_channels *all = malloc(sizeof *all);
    int past = 0;
    cr_assert_not_null(all);
    for (int64_t s = 0; s < lattice_n_sites(l); s++) {
        fixture_channels_of(e, s, all);
        for (int n = 0; n < all->list.n; n++) {
            const struct event_channel *ch = &all->channel[n];
            if (ch->kind != EVENT_LITHIUM)
                continue;
            double found = ch->rate, expected;
            if (lattice_coord_of(l, ch->site).kind == SITE_OCT &&
                lattice_coord_of(l, ch->target).kind == SITE_OCT) {
                past++;
                found = 0;
                for (int k = 0; k < all->list.n; k++)
                    found += all->channel[k].target == ch->target ? all->channel[k].rate : 0;
                expected = lithium_rate_past(e, ch);
            } else
                expected = lithium_rate(e, ch->energy, e->m->hop_barrier[CATION_LI]);
            cr_assert_float_eq(found, expected, 1e-3 * expected, "found %g, expected %g", found,
                               expected);
        }
    }
    free(all);
    return past;
}

/* Lower barrier of a fast pair, -1 when it is none. */
static int64_t fast_barrier(const struct event_context *e, int64_t from, int64_t to, int64_t tet,
                            int64_t *energy) {
    const struct lattice *l = &e->m->lattice;
    struct event_channel ch = {0};
    int64_t lower = hops_lithium_fast(e, lattice_coord_of(l, from), lattice_coord_of(l, to),
                                      lattice_coord_of(l, tet), &ch);
    cr_assert(ch.site == from && ch.target == to);
    *energy = ch.energy;
    return lower;
}

/* A hop is on the clock or a fast move, seen from both ends, and never both; returns the number of moves. */
static int check_fates(const struct event_context *e, struct state *s) {
    const struct lattice *l = &e->m->lattice;
    struct event_context all_ways = *e;
    struct fixture_channels *all = malloc(sizeof *all), *left = malloc(sizeof *left);
    int moves = 0;
    cr_assert(all && left);
    all_ways.limits.fast[EVENT_LITHIUM] = -1;
    for (int64_t site = 0; site < s->n_sites; site++) {
        fixture_channels_of(&all_ways, site, all);
        fixture_channels_of(e, site, left);
        for (int n = 0, kept = 0; n < all->list.n; n++) {
            struct event_channel ch = all->channel[n], *next = &left->channel[kept];
            bool on_the_clock = kept < left->list.n && next->target == ch.target &&
                                next->dir == ch.dir && next->rate == ch.rate;
            kept += on_the_clock;
            if (ch.kind != EVENT_LITHIUM)
                continue;
            struct lattice_coord c = lattice_coord_of(l, site);
            int64_t there, back,
                tet = c.kind != SITE_OCT
                          ? site
                          : lattice_neighbor(l, c, lattice_stencil_of(l, c)->face[ch.dir]);
            int64_t lower = fast_barrier(e, site, ch.target, tet, &there);
            bool fast = lower >= 0;
            cr_assert_neq(fast, on_the_clock, "site %lld -> %lld", (long long)site,
                          (long long)ch.target);
            events_apply(e->m, &s->x, &ch);
            cr_assert_eq(fast_barrier(e, ch.target, site, tet, &back), lower);
            cr_assert(!fast || (there == ch.energy && back == -there));
            struct event_channel home = {.kind = EVENT_LITHIUM, .site = ch.target, .target = site};
            events_apply(e->m, &s->x, &home);
            moves += fast;
        }
    }
    free(all);
    free(left);
    return moves;
}

/* In disorder made by 2 rounds at 4.3 V and 500 K, and in one drawn at random. */
static void check(const char *geometry, double share, double firings) {
    struct fixture *f = fixture_create(
        "builtin:o2-lmr",
        FIXTURE_SET(
            FIXTURE_CHEMISTRY, "structure.cells_a=4", "structure.cells_b=4", "structure.repeats=1",
            "structure.order=solid-solution", "conditions.temperature_K=500",
            "model.attempt_frequency_per_s=1e16", "elements.Mn.hop_barrier_eV=[0.3,0.4]",
            "elements.Ni.hop_barrier_eV=[0.3,0.3,0.3]", "elements.Co.hop_barrier_eV=[0.3,0.3]",
            "model.gate_max_li=4", "model.gate_per_li_eV=0.1", geometry));
    fixture_scramble(f, 4.3, 2, 20, 1e-3);
    struct rate_model *m = f->model;
    m->with_lithium = m->mobile[CATION_LI] = 1;
    m->lithium_share = share;
    m->lithium_firings = firings;
    struct state *s = fixture_state(f);
    struct event_context e = {.m = m,
                              .x = &s->x,
                              .electrode = {4300000, 0, 0},
                              .n_li = s->n_li,
                              .step_s = 1e-3,
                              .slice_s = 2e-3};
    channels_limits_init(&e.limits, m, e.slice_s);
    int past = check_rates(&e), moves = check_fates(&e, s);
    fixture_randomise(f, 7);
    past += check_rates(&e);
    moves += check_fates(&e, s);
    cr_expect(firings > 0 ? moves > 50 : moves == 0, "%d fast moves", moves);
    cr_expect_geq(past, 50, "expected at least 50 hops from oct to oct, found %d", past);
    fixture_free(f);
}

Test(lithium_hops, have_the_rates_of_their_barriers) {
    static const char *const geometry[] = {"structure.geometry=bulk", "structure.geometry=slab"};
    for (int k = 0; k < 2; k++) {
        check(geometry[k], 1, 0);
        check(geometry[k], 0.03, 0);
        check(geometry[k], 0.03, 1e6);
    }
}

static void expect_eV(double ueV, double eV) {
    cr_expect_float_eq(ueV, 1e6 * eV, 1.5, "expected %.6f eV, found %.6f eV", eV, 1e-6 * ueV);
}

/* Barriers of a Li+ from oct to oct: `pass_eV` in all, `beside_eV` more beside an ion of `symbol`. */
static void expect_barriers(struct fixture *f, const char *symbol, double pass_eV,
                            double beside_eV) {
    const struct element *e = &f->species.elements[species_find_element(&f->species, symbol)];
    const struct element *mn = &f->species.elements[species_find_element(&f->species, "Mn")];
    expect_eV(f->model->pass, pass_eV);
    expect_eV(f->model->hop_barrier[CATION_LI], pass_eV + 0.1);
    for (int id = mn->species_first; id <= mn->species_first + 1; id++)
        expect_eV(f->model->pass_beside[id], 0.2);
    expect_eV(f->model->pass_beside[CATION_LI], 0.25);
    if (e->role == ROLE_TM)
        expect_eV(f->model->pass_beside[e->species_first], beside_eV);
    else if (e->role == ROLE_PILLAR)
        cr_expect_eq(f->model->pass_beside[e->species_first], PASS_CLOSED);
    fixture_free(f);
}

#define BARRIERS                                                                                   \
    "structure.repeats=1", "model.li_hop_eV=0.4", "model.li_pass_eV=0.3",                          \
        "model.li_pass_per_tm_eV=0.2", "model.li_pass_per_li_eV=0.25", "model.li_gap_eV_per_A=3",  \
        "model.li_pass_per_charge_eV=0"

Test(lithium_hops, dopants_lower_barriers) {
    expect_barriers(fixture_create("builtin:lmr-nb",
                                   FIXTURE_SET(BARRIERS, "elements.Nb.li_pass_extra_eV=-0.14")),
                    "Nb", 0.3, 0.06);
    expect_barriers(
        fixture_create("builtin:lmr-na", FIXTURE_SET(BARRIERS, "elements.Na.li_gap_A=0.5",
                                                     "dopant[0].fraction=0.04")),
        "Na", 0.3 - 3 * 0.5 * 0.04, 0);
    expect_barriers(
        fixture_create("builtin:lmr-na-f",
                       FIXTURE_SET(BARRIERS, "elements.Na.li_gap_A=0.5", "elements.F.li_gap_A=-0.2",
                                   "dopant[0].fraction=0.04", "dopant[1].fraction=0.03")),
        "F", 0.3 - 3 * (0.5 * 0.04 - 0.2 * 0.03), 0);
}

/* The charge of a TM ion behind the face counts from 3 on, up and down. */
Test(lithium_hops, barriers_rise_with_the_charge_behind_the_face) {
    struct fixture *f =
        fixture_create("builtin:lmr-nb", FIXTURE_SET(BARRIERS, "elements.Nb.li_pass_extra_eV=-0.14",
                                                     "model.li_pass_per_charge_eV=0.1"));
    static const struct {
        const char *symbol;
        int valence;
        double beside_eV;
    } ion[] = {{"Ni", 2, 0.1}, {"Ni", 4, 0.3}, {"Co", 3, 0.2},
               {"Mn", 3, 0.2}, {"Mn", 4, 0.3}, {"Nb", 5, 0.2 + 2 * 0.1 - 0.14}};
    for (size_t k = 0; k < sizeof ion / sizeof *ion; k++) {
        const struct element *e =
            &f->species.elements[species_find_element(&f->species, ion[k].symbol)];
        expect_eV(f->model->pass_beside[e->species_first + ion[k].valence - e->valence_first],
                  ion[k].beside_eV);
    }
    expect_eV(f->model->pass_beside[CATION_LI], 0.25);
    fixture_free(f);
}

/* A barrier that dopants take below nothing is none, and the same from both ends. */
Test(lithium_hops, barriers_end_at_nothing) {
    struct fixture *f =
        fixture_create("builtin:lmr-nb", FIXTURE_SET(BARRIERS, "elements.Nb.li_pass_extra_eV=-2",
                                                     "structure.cells_a=6", "structure.cells_b=6",
                                                     "dopant[0].fraction=0.2"));
    const struct lattice *l = &f->model->lattice;
    struct event_context e = {.m = f->model, .x = &fixture_state(f)->x};
    int none = 0;
    for (int64_t s = 0; s < lattice_n_sites(l); s++) {
        struct lattice_coord tet = lattice_coord_of(l, s);
        const struct lattice_stencil *st = lattice_stencil_of(l, tet);
        for (int v = 1; v < st->n_face && tet.kind != SITE_OCT && tet.kind != SITE_O; v++) {
            int64_t a = lattice_neighbor(l, tet, st->face[0]),
                    b = lattice_neighbor(l, tet, st->face[v]);
            int64_t there = hops_pass(&e, tet, a, b);
            cr_assert_eq(there, hops_pass(&e, tet, b, a));
            cr_assert_geq(there, 0);
            none += there == 0;
        }
    }
    cr_expect_geq(none, 20, "expected at least 20 ways beside Nb, found %d", none);
    fixture_free(f);
}
