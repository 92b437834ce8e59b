/* fields: what `advance` knows beforehand of every cell of a window's copy, so that most owners are judged without looking at their surroundings.
 *
 *   phi          of each cation site: sum of the deviations of its O (energy.h)                                            int16
 *   group        of each oct: enum ion_group                                                                               uint8
 *   tm_step      of each O: what it pays for the last of its TM neighbours                                                 int32, ueV
 *   may_hop      of each oct: may its ion own hops (fields_hops)                                                           uint8
 *   in_tets      of each oct: ions in tets that share a face with it                                                       uint8
 *   near         of each tet: octs that share a face with it and hold a TM ion / a Li+ or pillar                           uint8
 *   around       of each O: O neighbours that are holes / peroxo / molecular                                               uint8
 *   give, take   of each oct: omega of a token that leaves it / enters it, FIELDS_NONE when none can                       int32, ueV
 *   share        of each O that is O2- or a hole, with a hole beside: of a bond (energy.h)                                                  int32, ueV
 *
 * All arrays have one entry for each cell of the padded copy (lattice_oxygen_index), border included: there they repeat the cell that an image stands
 * for (`real`: its index; around and may_hop have no images).  They follow from the configuration, the electrode's voltage and the floor of rates alone.  `take` is filled when first asked for (FIELDS_UNKNOWN before).
 * Functions take a range of cells within one layer of the copy: a CPU core gives whole layers, which compilers turn into vector loops (what they write
 * to the border in passing is put right by the copies to it), a thread of a GPU gives single cells.
 */
#ifndef KERNELS_FIELDS_H
#define KERNELS_FIELDS_H
#include "tile.h"
#include "tokens.h"

#define FIELDS_UNKNOWN INT32_MIN
#define FIELDS_NONE INT32_MAX
#define FIELDS_FAR 1000000000 /* ueV; beyond any energy of an ion */
enum { FIELDS_NEAR_TM, FIELDS_NEAR_LI, FIELDS_NEAR };

/* What bounds the hops of a species out of an oct: energy_place_bound of tets in TM gaps and Li gaps, and the energy above that of its oct from which on
 * a tet is out of reach; by whether the oct touches a bonded O and an O vacancy (fields_touches_gap), and by the Li around the tet (the gate). */
enum { FIELDS_GATE = 5, FIELDS_GAPS = 4 };
struct fields_species {
    struct energy_bound tet[2];
    int32_t slow[FIELDS_GAPS][FIELDS_GATE];
};

struct fields {
    const struct rate_model *m;
    const struct configuration *x; /* of the copy */
    int32_t voltage_ueV;
    uint8_t complete; /* no anion site is empty or outside */
    uint8_t bounded;  /* are there bounds of hops: else all ions may hop */
    struct fields_species species[MODEL_SPECIES]; /* of mobile ones */
    int32_t *give, *take, *share, *tm_step, *real;
    int16_t *phi[SITE_KINDS];               /* by kind of cation site; [SITE_O] = NULL */
    uint8_t *near[SITE_KINDS][FIELDS_NEAR]; /* tets only */
    uint8_t *group, *in_tets, *may_hop, *around[ANION_ACTIVE]; /* around[ANION_OXIDE] = NULL */
};

/* Bytes of all arrays. */
KMC_HD int64_t fields_bytes(const struct lattice *l) {
    return lattice_array_length(l) / SITE_KINDS *
           (5 * (int64_t)sizeof(int32_t) + 3 * (int64_t)sizeof(int16_t) + 2 * FIELDS_NEAR + 6);
}

/* Lays the arrays into a work space of fields_bytes, aligned to 4 bytes. */
KMC_HD void fields_point(struct fields *f, void *workspace) {
    int64_t n = lattice_array_length(f->x->lattice) / SITE_KINDS;
    f->give = (int32_t *)workspace;
    f->take = f->give + n;
    f->share = f->give + 2 * n;
    f->tm_step = f->give + 3 * n;
    f->real = f->give + 4 * n;
    int16_t *phi = (int16_t *)(f->give + 5 * n);
    uint8_t *byte = (uint8_t *)(phi + 3 * n);
    for (int kind = SITE_O; kind < SITE_KINDS; kind++) {
        f->phi[kind] = kind == SITE_O ? NULL : phi + (kind - SITE_OCT) * n;
        for (int ion = 0; ion < FIELDS_NEAR; ion++) {
            f->near[kind][ion] = kind >= SITE_TET_UP ? byte : NULL;
            byte += kind >= SITE_TET_UP ? n : 0;
        }
    }
    f->group = byte;
    f->may_hop = byte + 4 * n;
    f->in_tets = byte + 5 * n;
    f->around[ANION_OXIDE] = NULL;
    for (int state = ANION_HOLE; state < ANION_ACTIVE; state++)
        f->around[state] = byte + state * n;
}

/* Energy above that of the oct from which on a barrier max(dE, kra + dE/2) lies above `floor`; the rate at the floor itself may count.  A bonded O and an
 * O vacancy count where they lower the barrier: whether they lie in the face of the hop is not asked. */
KMC_HD int32_t fields_slow(const struct rate_model *m, int64_t floor, int species, int gap,
                           int n_li) {
    int64_t kra = m->hop_barrier[species];
    kra += (gap & 1) && m->peroxo_face < 0 ? m->peroxo_face : 0;
    kra += (gap & 2) && m->vacancy_face < 0 ? m->vacancy_face : 0;
    kra += (int64_t)m->gate_per_li * (n_li > m->gate_free_li ? n_li - m->gate_free_li : 0);
    kra = kra > 0 ? kra : 0;
    floor++;
    return (int32_t)(2 * (floor - kra) < floor ? 2 * (floor - kra) : floor);
}

/* Are there bounds of hops?  Not when anions are missing, or when TM ions in tets that share a face would attract each other. */
KMC_HD int fields_has_bounds(const struct fields *f) {
    const struct rate_model *m = f->m;
    return f->complete && m->face[FACE_TET_TET][GROUP_TM][GROUP_TM] >= 0 &&
           m->face[FACE_TET_TET][GROUP_TM][GROUP_LI] >= 0 && m->gate_max_li < FIELDS_GATE;
}

/* Bounds of the hops of a species, for barriers below `floor` ueV. */
KMC_HD_ONCE void fields_bound_hops(struct fields *f, int64_t floor, int species) {
    const struct rate_model *m = f->m;
    struct fields_species *s = &f->species[species];
    if (!m->mobile[species])
        return;
    s->tet[0] = energy_place_bound(m, species, CLASS_TM_TET);
    s->tet[1] = energy_place_bound(m, species, CLASS_LI_TET);
    KMC_ROLLED
    for (int n_li = 0; n_li < FIELDS_GATE; n_li++)
        KMC_ROLLED
    for (int gap = 0; gap < FIELDS_GAPS; gap++)
        s->slow[gap][n_li] =
            n_li > m->gate_max_li ? -FIELDS_FAR : fields_slow(m, floor, species, gap, n_li);
}

/* Own index of a cell of the box part, and that of the cell an image stands for. */
KMC_HD void fields_real(struct fields *f, int64_t from, int64_t to) {
    for (int64_t c = from; c < to; c++)
        f->real[c] = (int32_t)c;
}

/* ---- sums over neighbours ---- */

KMC_HD_ONCE void fields_phi(struct fields *f, const struct lattice_layer *y, int64_t from,
                            int64_t to) {
    int16_t *KMC_RESTRICT phi = f->phi[y->kind];
    const int16_t *d = f->x->deviation, *v[6];
    for (int n = 0; n < y->st->n_vertex; n++)
        v[n] = d + y->r->vertex[n];
#define PRESENT(n) (v[n][c] == RATE_MODEL_ABSENT ? 0 : v[n][c])
    if (y->kind == SITE_OCT)
        for (int64_t c = from; c < to; c++)
            phi[c] = (int16_t)(PRESENT(0) + PRESENT(1) + PRESENT(2) + PRESENT(3) + PRESENT(4) +
                               PRESENT(5));
    else
        for (int64_t c = from; c < to; c++)
            phi[c] = (int16_t)(PRESENT(0) + PRESENT(1) + PRESENT(2) + PRESENT(3));
#undef PRESENT
}

/* Of a plane from -1 to n_planes: the border has ions of its own. */
KMC_HD_ONCE void fields_group(struct fields *f, int32_t plane, int64_t from, int64_t to) {
    const struct lattice *l = f->x->lattice;
    const uint8_t *byte =
        f->x->occupancy + ((SITE_KINDS - 1) * (int64_t)(plane + l->pad) + SITE_OCT) * l->layer_size;
    const uint8_t *group = f->m->group;
    uint8_t *KMC_RESTRICT out = f->group;
    for (int64_t c = from; c < to; c++)
        out[c] = group[byte[c]];
}

/* Of a plane from -1 to n_planes. */
KMC_HD_ONCE void fields_tm_step(struct fields *f, int32_t plane, int64_t from, int64_t to) {
    const struct lattice *l = f->x->lattice;
    const uint8_t *byte =
        f->x->occupancy + (SITE_KINDS - 1) * (int64_t)(plane + l->pad) * l->layer_size;
    const uint8_t *n_tm = f->x->n_tm;
    int32_t *KMC_RESTRICT step = f->tm_step;
    for (int64_t c = from; c < to; c++) {
        int state = rate_model_state(byte[c]), n = n_tm[c];
        step[c] =
            state < ANION_ACTIVE && n > 0 ? f->m->anion[state][n] - f->m->anion[state][n - 1] : 0;
    }
}

/* After fields_group of the layers around. */
KMC_HD_ONCE void fields_near(struct fields *f, const struct lattice_layer *y, int64_t from,
                             int64_t to) {
    uint8_t *KMC_RESTRICT tm = f->near[y->kind][FIELDS_NEAR_TM];
    uint8_t *KMC_RESTRICT li = f->near[y->kind][FIELDS_NEAR_LI];
    for (int64_t c = from; c < to; c++)
        tm[c] = li[c] = 0;
    for (int v = 0; v < y->st->n_face; v++) {
        if (y->st->face[v].kind != SITE_OCT)
            continue;
        const uint8_t *group = f->group + y->r->face_cell[v];
        for (int64_t c = from; c < to; c++) {
            tm[c] = (uint8_t)(tm[c] + (group[c] == GROUP_TM));
            li[c] = (uint8_t)(li[c] + (group[c] == GROUP_LI));
        }
    }
}

KMC_HD_ONCE void fields_in_tets(struct fields *f, const struct lattice_layer *y, int64_t from,
                                int64_t to) {
    uint8_t *KMC_RESTRICT ions = f->in_tets;
    for (int64_t c = from; c < to; c++)
        ions[c] = 0;
    for (int v = 0; v < y->st->n_face; v++) {
        if (y->st->face[v].kind == SITE_OCT)
            continue;
        const uint8_t *byte = f->x->occupancy + y->shift + y->r->face[v];
        for (int64_t c = from; c < to; c++)
            ions[c] = (uint8_t)(ions[c] + (byte[c] != CATION_VACANCY && byte[c] != SITE_OUTSIDE));
    }
}

KMC_HD_ONCE void fields_around(struct fields *f, const struct lattice_layer *y, int64_t from,
                               int64_t to) {
    uint8_t *KMC_RESTRICT hole = f->around[ANION_HOLE];
    uint8_t *KMC_RESTRICT peroxo = f->around[ANION_PEROXO];
    uint8_t *KMC_RESTRICT molecular = f->around[ANION_MOLECULAR];
    for (int64_t c = from; c < to; c++)
        hole[c] = peroxo[c] = molecular[c] = 0;
    for (int v = 0; v < 12; v++) {
        const uint8_t *byte = f->x->occupancy + y->shift + y->r->oxygen[v];
        for (int64_t c = from; c < to; c++) {
            uint8_t state = byte[c] & 15;
            hole[c] = (uint8_t)(hole[c] + (state == ANION_HOLE));
            peroxo[c] = (uint8_t)(peroxo[c] + (state == ANION_PEROXO));
            molecular[c] = (uint8_t)(molecular[c] + (state == ANION_MOLECULAR));
        }
    }
}

/* ---- energies ---- */

/* Energy of the faces of an ion of a group in an oct: energy_faces, at once where nothing is near. */
KMC_HD_ONCE int32_t fields_faces(const struct fields *f, const struct lattice_layer *y,
                                 int64_t cell, int group) {
    const uint8_t *site = f->x->occupancy + cell + y->shift;
    int32_t sum = 0;
    if (f->in_tets[cell] == 0 && !y->oct_faces)
        return 0;
    for (int v = 0; v < y->st->n_face; v++)
        sum += f->m->face[y->r->face_contact[v]][group][f->m->group[site[y->r->face[v]]]];
    return sum;
}

/* Omega of an oct that gives a token away (gain = -1) or takes one up (+1). */
KMC_HD_ONCE int32_t fields_token(const struct fields *f, const struct lattice_layer *y,
                                 int64_t cell, int gain) {
    const struct rate_model *m = f->m;
    uint8_t byte = f->x->occupancy[cell + y->shift];
    struct energy_field field = {f->phi[SITE_OCT][cell], 6};
    if (gain < 0 ? !tokens_has(m, SITE_OCT, byte) : !tokens_has_room(m, SITE_OCT, byte))
        return FIELDS_NONE;
    for (int v = 0; !f->complete && v < 6; v++)
        field.n -= f->x->deviation[cell + y->r->vertex[v]] == RATE_MODEL_ABSENT;
    int32_t faces = byte <= CATION_LI ? fields_faces(f, y, cell, GROUP_LI) + f->voltage_ueV : 0;
    return tokens_cation(m, byte, rate_model_valence_step(SITE_OCT), y->site_class, field, faces,
                         gain);
}

/* After fields_phi and fields_in_tets. */
KMC_HD_ONCE void fields_give(struct fields *f, const struct lattice_layer *y, int64_t from,
                             int64_t to) {
    for (int64_t c = from; c < to; c++) {
        f->give[c] = fields_token(f, y, c, -1);
        f->take[c] = FIELDS_UNKNOWN;
    }
}

/* Of O2- and holes with a hole beside; what stands at other O means nothing.  After fields_around. */
KMC_HD_ONCE void fields_share(struct fields *f, const struct lattice_layer *y, int64_t from,
                              int64_t to) {
    const uint8_t *byte = f->x->occupancy + y->shift, *hole = f->around[ANION_HOLE];
    const int32_t *gained = f->m->pair[ANION_PEROXO];
    for (int64_t c = from; c < to; c++) {
        int state = rate_model_state(byte[c]);
        f->share[c] = 0;
        if (!hole[c] || state > ANION_HOLE)
            continue;
        int32_t pairs = 0; /* energy_pairs */
        for (int s = ANION_HOLE; s < ANION_ACTIVE; s++)
            pairs += f->around[s][c] * (gained[s] - f->m->pair[state][s]);
        f->share[c] =
            energy_anion_with(f->m, state, ANION_PEROXO, f->x->n_tm[c], f->x->deviation[c], pairs);
    }
}

/* ---- hops ---- */

/* Energy of the ion in an oct: energy_of_ion from what is known. */
KMC_HD_ONCE int32_t fields_ion(const struct fields *f, const struct lattice_layer *y, int64_t cell,
                               uint8_t ion) {
    const struct rate_model *m = f->m;
    int32_t q = rate_model_valence_step(SITE_OCT) * m->charge[ion], steps = 0;
    for (int v = 0; v < 6; v++)
        steps += f->tm_step[cell + y->r->vertex[v]];
    return m->valence_unit * (2 * f->phi[SITE_OCT][cell] * q - 6 * q * q) +
           m->cation[ion][y->site_class] + steps + fields_faces(f, y, cell, GROUP_TM);
}

/* A tet that shares a face with the octs of a layer, and what is known of it: all by the oct's cell. */
struct fields_way {
    const uint8_t *byte, *n_li, *n_tm;
    const int16_t *phi;
    int32_t li_gap;
};

KMC_HD struct fields_way fields_way_of(const struct fields *f, const struct lattice_layer *y,
                                       int v) {
    int kind = y->r->face_kind[v];
    int64_t shift = y->r->face_cell[v];
    struct fields_way w;
    w.byte = f->x->occupancy + y->shift + y->r->face[v];
    w.n_li = f->near[kind][FIELDS_NEAR_LI] + shift;
    w.n_tm = f->near[kind][FIELDS_NEAR_TM] + shift;
    w.phi = f->phi[kind] + shift;
    w.li_gap = (y->site_class == CLASS_LI_OCT) ^ y->r->face_odd[v];
    return w;
}

/* Is the tet out of reach of hops: is the gate closed, or the barrier, by a lower bound, above the floor of rates?  `slow`: of struct fields_species. */
KMC_HD int fields_is_out_of_reach(const struct fields_way *w, const struct energy_bound *b,
                                  int64_t cell, int32_t energy_c, const int32_t *slow) {
    int32_t n_li = w->n_li[cell];
    return b->constant + b->per_phi * w->phi[cell] + b->per_tm * w->n_tm[cell] + b->per_li * n_li -
               energy_c >
           slow[n_li];
}

/* Does an oct touch a bonded O (1), an O vacancy (2)? */
KMC_HD int fields_touches_gap(const struct fields *f, const struct lattice_layer *y, int64_t cell) {
    const uint8_t *site = f->x->occupancy + cell + y->shift;
    int gap = 0;
    for (int v = 0; v < 6; v++) {
        int state = rate_model_state(site[y->r->vertex_site[v]]);
        gap |= state == ANION_PEROXO || state == ANION_MOLECULAR;
        gap |= (state == ANION_VACANCY) << 1;
    }
    return gap;
}

/* May the ion in an oct hop: through a tet within reach, or straight into a vacant oct?  After all but give and share, border included. */
KMC_HD_ONCE void fields_hops(struct fields *f, const struct lattice_layer *y, int64_t from,
                             int64_t to) {
    const uint8_t *byte = f->x->occupancy + y->shift, *mobile = f->m->mobile;
    uint8_t *KMC_RESTRICT may_hop = f->may_hop;
    int32_t n_ways = 0;
    struct fields_way way[8];
    for (int v = 0; v < y->st->n_face; v++)
        if (y->r->face_kind[v] != SITE_OCT)
            way[n_ways++] = fields_way_of(f, y, v);
    for (int64_t c = from; c < to; c++) {
        uint8_t ion = byte[c];
        may_hop[c] = ion != SITE_OUTSIDE && mobile[ion];
        if (!may_hop[c] || !f->bounded || y->oct_faces || ion == CATION_LI || ion == f->m->proton)
            continue;
        const struct fields_species *s = &f->species[ion];
        const int32_t *slow = s->slow[fields_touches_gap(f, y, c)];
        int32_t energy_c = fields_ion(f, y, c, ion);
        int yes = 0;
        for (int v = 0; v < n_ways && !yes; v++)
            yes = way[v].byte[c] == CATION_VACANCY &&
                  !fields_is_out_of_reach(&way[v], &s->tet[way[v].li_gap], c, energy_c, slow);
        may_hop[c] = (uint8_t)yes;
    }
}

/* ---- border ---- */

/* Copies the fields of one cell to one of its images in the border. */
KMC_HD void fields_copy(struct fields *f, int64_t to, int64_t from) {
    for (int kind = SITE_TET_UP; kind < SITE_KINDS; kind++) {
        f->phi[kind][to] = f->phi[kind][from];
        for (int ion = 0; ion < FIELDS_NEAR; ion++)
            f->near[kind][ion][to] = f->near[kind][ion][from];
    }
    f->give[to] = f->give[from];
    f->take[to] = f->take[from];
    f->share[to] = f->share[from];
    f->real[to] = (int32_t)from;
}

#endif
