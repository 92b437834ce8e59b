#include "model.h"
#include "../lattices/composition.h"
#include "units.h"

/* Real key in eV as integer ueV. */
static int32_t energy(const struct scenario *s, const char *key) {
    return units_ueV(scenario_real(s, key));
}

static double element_real(const struct scenario *s, const char *symbol, const char *member,
                           int i) {
    char key[96];
    snprintf(key, sizeof key, "elements.%s.%s", symbol, member);
    return i < 0 ? scenario_real(s, key) : scenario_real_at(s, key, (size_t)i);
}

static bool element_flag(const struct scenario *s, const char *symbol, const char *member) {
    char key[96];
    snprintf(key, sizeof key, "elements.%s.%s", symbol, member);
    return scenario_flag(s, key);
}

static void set_lithium(struct rate_model *m, const struct scenario *s) {
    m->charge[CATION_LI] = 1;
    m->group[CATION_LI] = GROUP_LI;
    m->cation[CATION_LI][CLASS_TM_TET] = m->cation[CATION_LI][CLASS_LI_TET] =
        energy(s, "model.li_tet_eV");
}

/* H+ is bound like Li+ but for one energy, which stands for what the electrolyte gives and takes in the exchange: neither counts as charge passed. */
static void set_proton(struct rate_model *m, const struct scenario *s, int proton) {
    if (!proton)
        return;
    int32_t exchange = energy(s, "surface.proton_exchange_energy_eV");
    m->proton = (uint8_t)proton;
    m->charge[proton] = m->charge[CATION_LI];
    m->group[proton] = m->group[CATION_LI];
    m->mobile[proton] = m->mobile[CATION_LI] = 1;
    for (int c = 0; c < SITE_CLASSES; c++)
        m->cation[proton][c] = m->cation[CATION_LI][c] + exchange;
    m->hop_barrier[proton] = energy(s, "surface.proton_hop_eV");
    m->exchange_barrier = energy(s, "surface.proton_exchange_barrier_eV");
}

/* Energy of a step of valence in octs or tets.  Steps beyond the usual valences are Mn's. */
static double step_eV(const struct scenario *s, const struct element *e, int step, bool tet) {
    int beyond = step - (e->valence_usual - e->valence_first);
    if (beyond < 0)
        return element_real(s, e->symbol, "oxidation_eV", step);
    return scenario_real_at(s, tet ? "model.mn_beyond_tet_eV" : "model.mn_beyond_oct_eV",
                            (size_t)beyond);
}

static double hop_eV(const struct scenario *s, const struct element *e, int valence) {
    if (valence <= e->valence_usual)
        return element_real(s, e->symbol, "hop_barrier_eV", valence - e->valence_first);
    return scenario_real_at(s, "model.mn_beyond_hop_eV", (size_t)(valence - e->valence_usual - 1));
}

/* A redox centre counts as deep when all its steps lie below 3.5 eV: it works at low voltage only. */
static bool is_deep(const struct scenario *s, const struct element *e) {
    for (int i = 0; i < e->valence_last - e->valence_first; i++)
        if (step_eV(s, e, i, false) > 3.5 || step_eV(s, e, i, true) > 3.5)
            return false;
    return true;
}

static void set_ion(struct rate_model *m, const struct scenario *s, const struct element *e,
                    int step) {
    int id = e->species_first + step;
    bool tm =
        e->role != ROLE_PILLAR; /* the centre of a polyanion too: a neighbour that O pays for */
    int32_t ladder[2] = {0, 0}; /* octs, tets */
    int32_t extra = units_ueV(element_real(s, e->symbol, "li_layer_extra_eV", -1));
    int32_t tet = units_ueV(element_real(s, e->symbol, "tet_extra_eV", -1));
    for (int i = 0; i < step; i++)
        for (int is_tet = 0; is_tet < 2; is_tet++)
            ladder[is_tet] += units_ueV(step_eV(s, e, i, is_tet));
    m->charge[id] = (int8_t)(e->valence_first + step);
    m->group[id] = tm ? GROUP_TM : GROUP_LI;
    m->tokens[id] = (uint8_t)step;
    m->capacity[id] = (uint8_t)(e->valence_last - e->valence_first);
    m->deep[id] = is_deep(s, e);
    m->mobile[id] = e->role == ROLE_TM && element_flag(s, e->symbol, "mobile");
    m->hop_barrier[id] = units_ueV(hop_eV(s, e, e->valence_first + step));
    m->cation[id][CLASS_TM_OCT] = ladder[0];
    m->cation[id][CLASS_LI_OCT] =
        ladder[0] + extra + (tm ? energy(s, "model.tm_oct_li_layer_eV") : 0);
    m->cation[id][CLASS_TM_TET] = ladder[1] + tet + energy(s, "model.tm_tet_tm_layer_eV");
    m->cation[id][CLASS_LI_TET] = ladder[1] + tet + extra + energy(s, "model.tm_tet_li_layer_eV");
}

static void set_faces(struct rate_model *m, const struct scenario *s) {
    static const char *const name[3] = {"li_li", "li_tm", "tm_tm"};
    for (int a = GROUP_LI; a <= GROUP_TM; a++)
        for (int b = GROUP_LI; b <= GROUP_TM; b++) {
            char key[64];
            const char *pair = name[a + b - 2 * GROUP_LI];
            snprintf(key, sizeof key, "model.face_tet_oct_%s_eV", pair);
            m->face[FACE_TET_OCT][a][b] = energy(s, key);
            snprintf(key, sizeof key, "model.face_oct_oct_%s_eV", pair);
            m->face[FACE_OCT_OCT][a][b] = energy(s, key);
            m->face[FACE_TET_TET][a][b] = energy(s, "model.face_tet_tet_eV");
        }
}

static int32_t beyond(int n, int64_t free) {
    return n > free ? (int32_t)(n - free) : 0;
}

/* Energies of an oxidised O against its number of TM neighbours; orphaned O (none or one) are lower. */
static void set_oxygen(struct rate_model *m, const struct scenario *s) {
    int64_t hole_free = scenario_int(s, "model.hole_free_tm");
    int64_t peroxo_free = scenario_int(s, "model.peroxo_free_tm");
    for (int n = 0; n < MODEL_N_TM; n++) {
        int32_t orphan = n == 0   ? energy(s, "model.orphan_no_tm_eV")
                         : n == 1 ? energy(s, "model.orphan_one_tm_eV")
                                  : 0;
        m->anion[ANION_HOLE][n] = energy(s, "model.hole_eV") - orphan +
                                  beyond(n, hole_free) * energy(s, "model.hole_per_extra_tm_eV");
        m->anion[ANION_PEROXO][n] =
            energy(s, "model.hole_eV") - orphan +
            beyond(n, peroxo_free) * energy(s, "model.peroxo_per_extra_tm_eV");
        m->anion[ANION_MOLECULAR][n] =
            energy(s, "model.molecular_eV") + n * energy(s, "model.molecular_per_tm_eV");
    }
    m->tm_step_least = 0; /* of an anion that cannot be oxidised */
    for (int state = 0; state < ANION_ACTIVE; state++)
        for (int n = 0; n + 1 < MODEL_N_TM; n++) {
            int32_t step = m->anion[state][n + 1] - m->anion[state][n];
            m->tm_step_least = step < m->tm_step_least ? step : m->tm_step_least;
        }
    int32_t(*pair)[ANION_STATES] = m->pair;
    pair[ANION_HOLE][ANION_HOLE] = energy(s, "model.pair_hole_hole_eV");
    pair[ANION_HOLE][ANION_PEROXO] = pair[ANION_PEROXO][ANION_HOLE] =
        energy(s, "model.pair_hole_peroxo_eV");
    pair[ANION_PEROXO][ANION_PEROXO] = energy(s, "model.pair_peroxo_peroxo_eV");
    pair[ANION_MOLECULAR][ANION_MOLECULAR] = energy(s, "model.pair_molecular_molecular_eV");
    for (int a = ANION_HOLE; a <= ANION_PEROXO; a++)
        pair[a][ANION_MOLECULAR] = pair[ANION_MOLECULAR][a] =
            energy(s, "model.pair_molecular_other_eV");
    m->bond[BOND_PEROXO] = energy(s, "model.bond_peroxo_eV");
    m->bond[BOND_SUPEROXO] = energy(s, "model.bond_superoxo_eV");
    m->bond[BOND_MOLECULAR] = energy(s, "model.bond_molecular_eV");
}

static void set_barriers(struct rate_model *m, const struct scenario *s) {
    int32_t formation = energy(s, "model.peroxo_formation_eV");
    m->gate_per_li = energy(s, "model.gate_per_li_eV");
    m->gate_free_li = (int32_t)scenario_int(s, "model.gate_free_li");
    m->gate_max_li = (int32_t)scenario_int(s, "model.gate_max_li");
    m->direct_hop_extra = energy(s, "model.direct_hop_extra_eV");
    m->peroxo_face = energy(s, "model.peroxo_face_eV");
    m->peroxo_formation[0] = formation + energy(s, "model.peroxo_in_plane_eV");
    m->peroxo_formation[1] = formation + energy(s, "model.peroxo_across_li_gap_eV");
    m->peroxo_formation[2] = formation + energy(s, "model.peroxo_across_tm_slab_eV");
    m->peroxo_reduction = energy(s, "model.peroxo_reduction_eV");
    m->molecular_formation = energy(s, "model.molecular_formation_eV");
    m->molecular_wall = energy(s, "model.molecular_wall_eV");
    m->molecular_move[0] = energy(s, "model.molecular_move_eV");
    m->molecular_move[1] = energy(s, "model.molecular_exchange_eV");
    m->molecular_loss =
        energy(s, "model.molecular_loss_eV") + energy(s, "surface.oxygen_loss_extra_eV");
    m->molecular_gas = energy(s, "model.molecular_gas_eV");
    m->vacancy_hop = energy(s, "model.vacancy_hop_eV");
    m->vacancy_face = energy(s, "model.vacancy_face_eV");
    m->attempt_frequency = scenario_real(s, "model.attempt_frequency_per_s");
}

/* Barriers of Li+ on the clock: wider Li layers lower them all. */
static void set_lithium_barriers(struct rate_model *m, const struct scenario *s,
                                 const struct species_table *t) {
    int32_t wider = units_ueV(scenario_real(s, "model.li_gap_eV_per_A") * model_li_gap_A(s, t));
    int32_t hop = energy(s, "model.li_hop_eV");
    m->hop_barrier[CATION_LI] = hop > wider ? hop - wider : 0;
    m->pass = energy(s, "model.li_pass_eV") - wider;
    m->pass_beside[CATION_LI] = energy(s, "model.li_pass_per_li_eV");
    if (t->proton)
        m->pass_beside[t->proton] = m->pass_beside[CATION_LI];
    for (int i = 0; i < t->n_elements; i++) {
        const struct element *e = &t->elements[i];
        if (e->role == ROLE_ANION)
            continue;
        int32_t beside = energy(s, "model.li_pass_per_tm_eV") +
                         units_ueV(element_real(s, e->symbol, "li_pass_extra_eV", -1)),
                per_charge = energy(s, "model.li_pass_per_charge_eV");
        for (int valence = e->valence_first; valence <= e->valence_last; valence++)
            m->pass_beside[e->species_first + valence - e->valence_first] =
                e->role == ROLE_PILLAR ? PASS_CLOSED : beside + (valence - 3) * per_charge;
    }
}

double model_li_gap_A(const struct scenario *s, const struct species_table *t) {
    struct composition c;
    double sum = 0;
    if (!composition_init(&c, s, t, stderr))
        return 0; /* a scenario whose crystal is refused */
    for (int i = 0; i < c.n; i++)
        if (c.part[i].element != COMPOSITION_HOST_ION)
            sum += c.part[i].amount *
                   element_real(s, composition_symbol(&c.part[i], t), "li_gap_A", -1);
    return sum;
}

static void set_controls(struct rate_model *m, const struct scenario *s) {
    bool slow = scenario_flag(s, "kinetics.slow_events");
    m->with_hops = slow && scenario_flag(s, "kinetics.transition_metal_hops");
    m->with_dimers = slow && scenario_flag(s, "kinetics.oxygen_dimers");
    m->with_molecular = m->with_dimers && scenario_flag(s, "kinetics.molecular_oxygen");
    m->with_transport = slow && scenario_flag(s, "kinetics.oxygen_transport");
    m->with_loss = slow && scenario_flag(s, "kinetics.oxygen_loss");
    m->with_exchange = slow && m->proton;
    m->with_beyond = scenario_flag(s, "kinetics.manganese_beyond_4");
    m->stiff_firings = scenario_real(s, "kinetics.stiff_firings");
    m->tet_lifetime_steps = scenario_real(s, "kinetics.tet_lifetime_slices");
    m->large_step = scenario_real(s, "kinetics.large_step");
    m->events_max = scenario_real(s, "kinetics.events_max");
    m->lithium_share = m->surface_share = 1;
    m->windows = (int32_t)scenario_int(s, "kinetics.windows");
}

bool model_init(struct rate_model *m, const struct scenario *s, const struct species_table *t,
                const struct lattice *lattice, FILE *errors) {
    memset(m, 0, sizeof *m);
    if (t->n_species > MODEL_SPECIES) {
        fprintf(errors, "elements: error: expected at most %d species, found %d\n", MODEL_SPECIES,
                t->n_species);
        return false;
    }
    m->lattice = *lattice;
    tables_init(&m->boltzmann, scenario_real(s, "conditions.temperature_K"));
    m->valence_unit = (energy(s, "model.valence_stiffness_eV") + 144) / 288;
    static const int8_t z12[ANION_STATES] = {24, 12, 12, 0, 12, 24, 12};
    memcpy(m->z12, z12, sizeof z12);
    set_lithium(m, s);
    set_proton(m, s, t->proton);
    for (int i = 0; i < t->n_elements; i++)
        for (int v = 0; t->elements[i].role != ROLE_ANION &&
                        v <= t->elements[i].valence_last - t->elements[i].valence_first;
             v++)
            set_ion(m, s, &t->elements[i], v);
    set_faces(m, s);
    set_oxygen(m, s);
    set_barriers(m, s);
    set_lithium_barriers(m, s, t);
    set_controls(m, s);
    return true;
}
