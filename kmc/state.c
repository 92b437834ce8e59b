#define XXH_INLINE_ALL
#include <stdbool.h>
#include <stdlib.h>
#include <xxhash.h>
#include "state.h"

void state_free(struct state *s) {
    free(s->x.occupancy);
    free(s->x.deviation);
    free(s->x.n_tm);
    free(s->demon);
    memset(s, 0, sizeof *s);
}

bool state_demons(struct state *s, int64_t n) {
    if (s->n_demons == n)
        return true;
    free(s->demon);
    s->demon = calloc((size_t)n, sizeof *s->demon);
    s->n_demons = s->demon ? n : 0;
    return s->demon != NULL;
}

bool state_init(struct state *s, const struct rate_model *m, const uint8_t *occupancy,
                uint64_t seed, uint32_t replica) {
    memset(s, 0, sizeof *s);
    s->n_sites = lattice_n_sites(&m->lattice);
    s->n_oxygen = lattice_n_oxygen(&m->lattice);
    s->x.lattice = &m->lattice;
    s->x.occupancy = malloc((size_t)s->n_sites);
    s->x.deviation = malloc((size_t)s->n_oxygen * sizeof *s->x.deviation);
    s->x.n_tm = malloc((size_t)s->n_oxygen);
    if (!s->x.occupancy || !s->x.deviation || !s->x.n_tm) {
        state_free(s);
        return false;
    }
    memcpy(s->x.occupancy, occupancy, (size_t)s->n_sites);
    s->random.seed = seed;
    s->random.replica = replica;
    state_rebuild(s, m);
    s->energy_ueV = state_recount(s, m);
    return true;
}

static struct lattice_coord oxygen_coord(const struct lattice *l, int64_t index) {
    int64_t cells = (int64_t)l->na * l->nb, in_plane = index % cells;
    struct lattice_coord c = {(int32_t)(index / cells), SITE_O, (int32_t)(in_plane % l->na),
                              (int32_t)(in_plane / l->na)};
    return c;
}

/* S_o - 12 z_o and n_TM of one O from its cations. */
static void count_around(const struct state *s, const struct rate_model *m, int64_t index,
                         int *deviation, int *n_tm) {
    struct lattice_coord o = oxygen_coord(&m->lattice, index);
    const struct lattice_stencil *st = lattice_stencil_of(&m->lattice, o);
    int anion = rate_model_state(s->x.occupancy[lattice_site(&m->lattice, o)]);
    *deviation = -m->z12[anion];
    *n_tm = 0;
    for (int v = 0; v < st->n_oct + st->n_tet; v++) {
        struct lattice_offset off = v < st->n_oct ? st->oct[v] : st->tet[v - st->n_oct];
        uint8_t ion = s->x.occupancy[lattice_neighbor(&m->lattice, o, off)];
        if (ion == SITE_OUTSIDE)
            continue;
        *deviation += m->charge[ion] * rate_model_valence_step(off.kind);
        *n_tm += m->group[ion] == GROUP_TM;
    }
    if (anion == ANION_OUTSIDE)
        *deviation = RATE_MODEL_ABSENT;
}

static int64_t count_li(const struct state *s, const struct rate_model *m) {
    int64_t n = 0;
    for (int64_t i = 0; i < s->n_sites; i++)
        n += lattice_coord_of(&m->lattice, i).kind != SITE_O &&
             (s->x.occupancy[i] == CATION_LI || (m->proton && s->x.occupancy[i] == m->proton));
    return n;
}

void state_rebuild(struct state *s, const struct rate_model *m) {
    for (int64_t o = 0; o < s->n_oxygen; o++) {
        int deviation, n_tm;
        count_around(s, m, o, &deviation, &n_tm);
        s->x.deviation[o] = (int16_t)deviation;
        s->x.n_tm[o] = (uint8_t)n_tm;
    }
    s->n_li = count_li(s, m);
}

static int64_t recount_cation(const struct state *s, const struct rate_model *m, int64_t site) {
    struct lattice_coord c = lattice_coord_of(&m->lattice, site);
    uint8_t ion = s->x.occupancy[site];
    if (c.kind == SITE_O || ion == CATION_VACANCY || ion == SITE_OUTSIDE)
        return 0;
    const struct lattice_stencil *st = lattice_stencil_of(&m->lattice, c);
    int64_t sum = m->cation[ion][rate_model_site_class(c)];
    for (int v = 0; v < st->n_face; v++) {
        int64_t other = lattice_neighbor(&m->lattice, c, st->face[v]);
        uint8_t ion2 = s->x.occupancy[other];
        if (other > site && ion2 != CATION_VACANCY && ion2 != SITE_OUTSIDE)
            sum += m->face[rate_model_contact(c.kind, st->face[v].kind)][m->group[ion]]
                          [m->group[ion2]];
    }
    return sum;
}

static int64_t recount_oxygen(const struct state *s, const struct rate_model *m, int64_t index) {
    struct lattice_coord o = oxygen_coord(&m->lattice, index);
    int64_t site = lattice_site(&m->lattice, o);
    const struct lattice_stencil *st = lattice_stencil_of(&m->lattice, o);
    uint8_t byte = s->x.occupancy[site];
    int state = rate_model_state(byte), d, n_tm;
    count_around(s, m, index, &d, &n_tm);
    if (d == RATE_MODEL_ABSENT)
        return 0;
    int64_t sum = (int64_t)m->valence_unit * d * d;
    if (state >= ANION_ACTIVE)
        return sum;
    sum += m->anion[state][n_tm];
    for (int v = 0; v < st->n_oxygen; v++) {
        int64_t other = lattice_neighbor(&m->lattice, o, st->oxygen[v]);
        int state2 = rate_model_state(s->x.occupancy[other]);
        if (other < site || state2 >= ANION_ACTIVE)
            continue;
        bool bonded =
            state >= ANION_PEROXO && state2 >= ANION_PEROXO && rate_model_partner(byte) == v;
        sum += bonded ? m->bond[state + state2 - 2 * ANION_PEROXO] : m->pair[state][state2];
    }
    return sum;
}

int64_t state_recount(const struct state *s, const struct rate_model *m) {
    int64_t sum = 0;
    for (int64_t i = 0; i < s->n_sites; i++)
        sum += recount_cation(s, m, i);
    for (int64_t o = 0; o < s->n_oxygen; o++)
        sum += recount_oxygen(s, m, o);
    return sum;
}

int64_t state_charge(const struct state *s, const struct rate_model *m) {
    int64_t sum = 0;
    for (int64_t i = 0; i < s->n_sites; i++) {
        uint8_t byte = s->x.occupancy[i];
        if (lattice_coord_of(&m->lattice, i).kind == SITE_O)
            sum -= m->z12[rate_model_state(byte)] / 12;
        else if (byte != SITE_OUTSIDE)
            sum += m->charge[byte];
    }
    return sum;
}

bool state_partners_agree(const struct state *s, const struct rate_model *m) {
    for (int64_t o = 0; o < s->n_oxygen; o++) {
        struct lattice_coord c = oxygen_coord(&m->lattice, o);
        uint8_t byte = s->x.occupancy[lattice_site(&m->lattice, c)];
        int state = rate_model_state(byte), dir = rate_model_partner(byte);
        if (state != ANION_PEROXO && state != ANION_MOLECULAR)
            continue;
        const struct lattice_stencil *st = lattice_stencil_of(&m->lattice, c);
        if (dir >= st->n_oxygen)
            return false;
        uint8_t other = s->x.occupancy[lattice_neighbor(&m->lattice, c, st->oxygen[dir])];
        int state2 = rate_model_state(other);
        if ((state2 != ANION_PEROXO && state2 != ANION_MOLECULAR) ||
            rate_model_partner(other) != st->reverse[dir])
            return false;
    }
    return true;
}

const char *state_verify(const struct state *s, const struct rate_model *m) {
    for (int64_t o = 0; o < s->n_oxygen; o++) {
        int deviation, n_tm;
        count_around(s, m, o, &deviation, &n_tm);
        if (deviation != s->x.deviation[o])
            return "bond-valence deviation of an O differs from its recount";
        if (n_tm != s->x.n_tm[o])
            return "number of TM neighbours of an O differs from its recount";
    }
    if (!state_partners_agree(s, m))
        return "a bonded O is not its partner's partner";
    if (count_li(s, m) != s->n_li)
        return "number of Li differs from its recount";
    if (state_charge(s, m) != 0)
        return "the crystal is not neutral";
    if (state_recount(s, m) != s->energy_ueV)
        return "running energy differs from its recount";
    return NULL;
}

uint64_t state_hash(const struct state *s) {
    struct {
        uint64_t occupancy;
        int64_t energy, n_li;
        double time;
        uint64_t step;
    } all = {XXH3_64bits(s->x.occupancy, (size_t)s->n_sites), s->energy_ueV, s->n_li, s->time_s,
             s->step};
    return XXH3_64bits(&all, sizeof all);
}
