/* Guarantee: rates of the hops of Li+ on the clock, into tets and past them, are those of the definition, slowed down or not. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include "fixture.h"

/* Rate of a hop of Li+ from the definition and libm: a share of it, and no more firings a slice of the slower direction than are kept. */
static double lithium_rate(const struct event_context *e, int64_t energy, double kra) {
    const struct rate_model *m = e->m;
    double d_energy = (double)energy, kT = m->boltzmann.kT_ueV;
    double rate = m->lithium_share * m->attempt_frequency *
                  exp(-fmax(fmax(kra + d_energy / 2, d_energy), 0) / kT);
    double kept = m->lithium_firings / (rate * exp(fmin(d_energy, 0) / kT) * e->slice_s);
    return m->lithium_firings > 0 && kept < 1 ? rate * kept : rate;
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
        else if (ion == CATION_LI || ion == m->proton)
            kra += m->pass_per_li;
        else if (m->group[ion] == GROUP_TM)
            kra += m->pass_per_tm;
        else
            return -1;
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
    int past = check_rates(&e);
    fixture_randomise(f, 7);
    past += check_rates(&e);
    cr_expect_geq(past, 50, "expected at least 50 hops from oct to oct, found %d", past);
    fixture_free(f);
}

Test(lithium_hops, have_the_rates_of_their_barriers) {
    static const char *const geometry[] = {"structure.geometry=bulk", "structure.geometry=slab"};
    for (int k = 0; k < 2; k++) {
        check(geometry[k], 1, 0);
        check(geometry[k], 0.03, 0);
        check(geometry[k], 0.03, 10);
    }
}
