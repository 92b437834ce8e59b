#include <math.h>
#include <stddef.h>
#include "cycle_record.h"
#include "budget.h"
#include "motifs.h"

static const struct {
    const char *name;
    size_t offset;
} columns[] = {
#define COLUMN(name, member)                                                                       \
    { name, offsetof(struct cycle_record, member) }
    COLUMN("charge_capacity_mAh_per_g", charge_capacity),
    COLUMN("discharge_capacity_mAh_per_g", discharge_capacity),
    COLUMN("side_reaction_charge_mAh_per_g", side_charge),
    COLUMN("side_reaction_discharge_mAh_per_g", side_discharge),
    COLUMN("coulombic_efficiency", coulombic_efficiency),
    COLUMN("mean_charge_voltage_V", mean_charge_V),
    COLUMN("mean_discharge_voltage_V", mean_discharge_V),
    COLUMN("hysteresis_V", hysteresis_V),
    COLUMN("charge_energy_Wh_per_kg", charge_energy),
    COLUMN("discharge_energy_Wh_per_kg", discharge_energy),
    COLUMN("plateau_charge_mAh_per_g", plateau_charge),
    COLUMN("window_mean_discharge_voltage_V", window_mean_discharge_V),
    COLUMN("tm_li_layer_charge", tm_li_charge),
    COLUMN("mn_li_layer_charge", mn_li_charge),
    COLUMN("ni_li_layer_charge", ni_li_charge),
    COLUMN("co_li_layer_charge", co_li_charge),
    COLUMN("tm_li_layer_discharge", tm_li_discharge),
    COLUMN("mn_li_layer_discharge", mn_li_discharge),
    COLUMN("ni_li_layer_discharge", ni_li_discharge),
    COLUMN("co_li_layer_discharge", co_li_discharge),
    COLUMN("tm_tet_charge", tm_tet_charge),
    COLUMN("tm_tet_discharge", tm_tet_discharge),
    COLUMN("return_fraction", return_fraction),
    COLUMN("honeycomb_order", honeycomb_order),
    COLUMN("o_hole_charge", o_hole_charge),
    COLUMN("o_peroxo_charge", o_peroxo_charge),
    COLUMN("o_superoxo_charge", o_superoxo_charge),
    COLUMN("o_molecular_charge", o_molecular_charge),
    COLUMN("o_hole_discharge", o_hole_discharge),
    COLUMN("o_peroxo_discharge", o_peroxo_discharge),
    COLUMN("o_superoxo_discharge", o_superoxo_discharge),
    COLUMN("o_molecular_discharge", o_molecular_discharge),
    COLUMN("budget_oxide_charge", budget_oxide_charge),
    COLUMN("budget_hole_charge", budget_hole_charge),
    COLUMN("budget_dimer_charge", budget_dimer_charge),
    COLUMN("budget_molecular_charge", budget_molecular_charge),
    COLUMN("budget_lost_charge", budget_lost_charge),
    COLUMN("o2_lost_charge_mL_per_g", lost_mL_charge),
    COLUMN("budget_oxide_discharge", budget_oxide_discharge),
    COLUMN("budget_hole_discharge", budget_hole_discharge),
    COLUMN("budget_dimer_discharge", budget_dimer_discharge),
    COLUMN("budget_molecular_discharge", budget_molecular_discharge),
    COLUMN("budget_lost_discharge", budget_lost_discharge),
    COLUMN("o2_lost_discharge_mL_per_g", lost_mL_discharge),
    COLUMN("spinel_charge", spinel_charge),
    COLUMN("spinel_discharge", spinel_discharge),
    COLUMN("rock_salt_charge", rock_salt_charge),
    COLUMN("rock_salt_discharge", rock_salt_discharge),
    COLUMN("cluster_number_mean_charge", cluster_number_mean),
    COLUMN("cluster_weight_mean_charge", cluster_weight_mean),
    COLUMN("cluster_largest_charge", cluster_largest),
    COLUMN("cluster_percolates_charge", cluster_percolates),
    COLUMN("void_count_charge", void_count_charge),
    COLUMN("void_count_discharge", void_count_discharge),
    COLUMN("void_births", void_births),
    COLUMN("void_reopenings", void_reopenings),
    COLUMN("void_splits", void_splits),
    COLUMN("void_coalescences", void_coalescences),
    COLUMN("void_closures", void_closures),
    COLUMN("void_openings", void_openings),
    COLUMN("void_percolations", void_percolations),
    COLUMN("o2_reduced", o2_reduced),
    COLUMN("o2_reduced_void_to_4", o2_reduced_class[0]),
    COLUMN("o2_reduced_void_5_to_16", o2_reduced_class[1]),
    COLUMN("o2_reduced_void_over_16", o2_reduced_class[2]),
    COLUMN("o2_site_vacant", o2_vacant),
    COLUMN("tm_hops", tm_hops),
    COLUMN("o_events", o_events),
    COLUMN("join_events", joins),
    COLUMN("split_events", splits),
    COLUMN("cleave_events", cleaves),
    COLUMN("combine_events", combines),
    COLUMN("oxidise_events", oxidations),
    COLUMN("reduce_events", reductions),
    COLUMN("move_events", moves),
    COLUMN("lose_events", losses),
    COLUMN("vacancy_events", vacancies),
    COLUMN("mn_beyond_4_charge", mn_beyond_charge),
    COLUMN("mn_beyond_4_discharge", mn_beyond_discharge),
    COLUMN("protons_charge_per_formula_unit", protons_charge),
    COLUMN("protons_discharge_per_formula_unit", protons_discharge),
    COLUMN("exchange_events", exchanges),
    COLUMN("lithium_hops", lithium_hops),
    COLUMN("large_step_share", large_step_share),
    COLUMN("stiff_factor_min", stiff_factor_min),
    COLUMN("sub_slices_max", sub_slices_max),
    COLUMN("energy_eV", energy_eV),
#undef COLUMN
};
enum { COLUMNS = sizeof columns / sizeof *columns };

static double share(int64_t part, int64_t whole) {
    return whole > 0 ? (double)part / (double)whole : 0;
}

static double element_share(const struct structure *s, const struct species_table *t,
                            const char *symbol) {
    int e = species_find_element(t, symbol);
    return e >= 0 && s->element[e] > 0 ? share(s->element_li_layer[e], s->element[e]) : NAN;
}

static void fill_charge(struct cycle_record *c, const struct replica *r, const struct structure *s,
                        const struct protocol_half *h, const struct clusters *voids) {
    c->charge_capacity = h->capacity;
    c->side_charge = h->side;
    c->mean_charge_V = h->mean_V;
    c->charge_energy = h->energy;
    c->plateau_charge = h->plateau;
    c->tm_li_charge = share(s->tm_li_oct + s->tm_li_tet, s->tm);
    c->mn_li_charge = element_share(s, r->species, "Mn");
    c->ni_li_charge = element_share(s, r->species, "Ni");
    c->co_li_charge = element_share(s, r->species, "Co");
    c->tm_tet_charge = share(s->tm_li_tet + s->tm_tm_tet, s->tm);
    c->o_hole_charge = share(s->hole, s->n_anions);
    c->o_peroxo_charge = share(s->peroxo, s->n_anions);
    c->o_superoxo_charge = share(s->superoxo, s->n_anions);
    c->o_molecular_charge = share(s->molecular, s->n_anions);
    c->cluster_number_mean = voids->number_mean;
    c->cluster_weight_mean = voids->weight_mean;
    c->cluster_largest = (double)voids->largest;
    c->cluster_percolates = voids->percolates;
    c->void_count_charge = (double)voids->n;
}

static void fill_discharge(struct cycle_record *c, const struct replica *r,
                           const struct structure *s, const struct protocol_half *h) {
    c->discharge_capacity = h->capacity;
    c->side_discharge = h->side;
    c->mean_discharge_V = h->mean_V;
    c->discharge_energy = h->energy;
    c->window_mean_discharge_V = h->window_mean_V;
    c->coulombic_efficiency = c->charge_capacity > 0 ? h->capacity / c->charge_capacity : NAN;
    c->hysteresis_V = c->mean_charge_V - h->mean_V;
    c->tm_li_discharge = share(s->tm_li_oct + s->tm_li_tet, s->tm);
    c->mn_li_discharge = element_share(s, r->species, "Mn");
    c->ni_li_discharge = element_share(s, r->species, "Ni");
    c->co_li_discharge = element_share(s, r->species, "Co");
    c->tm_tet_discharge = share(s->tm_li_tet + s->tm_tm_tet, s->tm);
    double went = c->tm_li_charge - c->start_tm_li;
    c->return_fraction = went > 0 ? (c->tm_li_charge - c->tm_li_discharge) / went : NAN;
    c->o_hole_discharge = share(s->hole, s->n_anions);
    c->o_peroxo_discharge = share(s->peroxo, s->n_anions);
    c->o_superoxo_discharge = share(s->superoxo, s->n_anions);
    c->o_molecular_discharge = share(s->molecular, s->n_anions);
    c->honeycomb_order = supercell_honeycomb_order(&r->cell, r->species, r->state.x.occupancy);
    c->energy_eV = (double)r->state.energy_ueV * 1e-6;
    c->state_hash = state_hash(&r->state);
}

static void fill_budget(struct cycle_record *c, const struct replica *r, const struct structure *s,
                        bool charge) {
    struct budget b;
    budget_of(&b, s, &r->pristine);
    double mass = r->cell.mass_g_per_mol * (double)r->cell.n_formula;
    *(charge ? &c->budget_oxide_charge : &c->budget_oxide_discharge) = budget_share(&b, b.oxide);
    *(charge ? &c->budget_hole_charge : &c->budget_hole_discharge) = budget_share(&b, b.hole);
    *(charge ? &c->budget_dimer_charge : &c->budget_dimer_discharge) = budget_share(&b, b.dimer);
    *(charge ? &c->budget_molecular_charge : &c->budget_molecular_discharge) =
        budget_share(&b, b.molecular);
    *(charge ? &c->budget_lost_charge : &c->budget_lost_discharge) = budget_share(&b, b.lost);
    *(charge ? &c->lost_mL_charge : &c->lost_mL_discharge) = budget_mL_per_g(b.lost, mass);
}

static void fill_motifs(struct cycle_record *c, const struct replica *r, bool charge) {
    struct motifs n;
    motifs_count(&n, r->model, &r->state.x);
    *(charge ? &c->spinel_charge : &c->spinel_discharge) = share(n.spinel, n.anions);
    *(charge ? &c->rock_salt_charge : &c->rock_salt_discharge) = share(n.rock_salt, n.anions);
}

/* What the switches of contested mechanisms bring. */
static void fill_contested(struct cycle_record *c, const struct replica *r,
                           const struct structure *s, bool charge) {
    const struct species_table *t = r->species;
    int mn = species_find_element(t, "Mn");
    int64_t beyond = 0;
    for (int k = 0; mn >= 0 && k < t->n_species; k++)
        beyond += t->species[k].element == mn && t->species[k].charge > 4 ? s->species[k] : 0;
    *(charge ? &c->mn_beyond_charge : &c->mn_beyond_discharge) =
        mn >= 0 && s->element[mn] > 0 ? share(beyond, s->element[mn]) : NAN;
    *(charge ? &c->protons_charge : &c->protons_discharge) =
        t->proton ? share(s->species[t->proton], r->cell.n_formula) : 0;
}

/* Adds the events of a half-cycle; the charge begins the counts. */
static void count_events(struct cycle_record *c, const int64_t fired[EVENT_KINDS], bool charge) {
    double *const count[EVENT_LITHIUM] = {&c->tm_hops,  &c->joins,      &c->splits,     &c->cleaves,
                                          &c->combines, &c->oxidations, &c->reductions, &c->moves,
                                          &c->losses,   &c->vacancies};
    c->o_events = charge ? 0 : c->o_events;
    for (int k = 0; k < EVENT_LITHIUM; k++) {
        *count[k] = (charge ? 0 : *count[k]) + (double)fired[k];
        c->o_events += k == EVENT_HOP ? 0 : (double)fired[k];
    }
    c->exchanges = (charge ? 0 : c->exchanges) + (double)fired[EVENT_EXCHANGE];
    c->lithium_hops = (charge ? 0 : c->lithium_hops) + (double)fired[EVENT_LITHIUM];
}

void cycle_record_half(struct cycle_record *c, const struct replica *r, bool charge,
                       const struct protocol_half *h, const struct clusters *voids) {
    struct structure s;
    structure_count(&s, r->model, r->species, &r->state.x);
    if (charge) {
        c->large_step_share = c->sub_slices_max = 0;
        c->stiff_factor_min = 1;
        fill_charge(c, r, &s, h, voids);
    } else {
        fill_discharge(c, r, &s, h);
        c->void_count_discharge = (double)voids->n;
    }
    fill_budget(c, r, &s, charge);
    fill_motifs(c, r, charge);
    fill_contested(c, r, &s, charge);
    count_events(c, h->events.fired, charge);
    double large = share(h->events.hops_large, h->events.hops_unslowed);
    c->large_step_share = fmax(c->large_step_share, large);
    c->stiff_factor_min = fmin(c->stiff_factor_min, h->events.slow_down_min);
    c->sub_slices_max = fmax(c->sub_slices_max, (double)h->sub_slices);
}

static double defined_share(int64_t part, int64_t whole) {
    return whole > 0 ? share(part, whole) : NAN;
}

static void fill_o2(struct cycle_record *c, const struct voids_report *r) {
    int64_t before = 0, reduced = 0, vacant = 0;
    for (int k = 0; k < VOIDS_CLASSES; k++) {
        before += r->o2_before[k];
        reduced += r->o2_reduced[k];
        vacant += r->o2_vacant[k];
        c->o2_reduced_class[k] = defined_share(r->o2_reduced[k], r->o2_before[k]);
    }
    c->o2_reduced = defined_share(reduced, before);
    c->o2_vacant = defined_share(vacant, before);
}

void cycle_record_voids(struct cycle_record *c, bool charge, const struct voids_report *r) {
    double *const count[] = {&c->void_births,       &c->void_reopenings, &c->void_splits,
                             &c->void_coalescences, &c->void_closures,   &c->void_openings,
                             &c->void_percolations};
    const int64_t now[] = {r->births,   r->reopenings, r->splits,      r->coalescences,
                           r->closures, r->openings,   r->percolations};
    for (size_t k = 0; k < sizeof now / sizeof *now; k++)
        *count[k] = (charge ? 0 : *count[k]) + (double)now[k];
    if (!charge)
        fill_o2(c, r);
}

double *cycle_record_column(struct cycle_record *c, int k) {
    return k < COLUMNS ? (double *)(void *)((char *)c + columns[k].offset) : NULL;
}

void cycle_record_write_header(FILE *out) {
    fputs("cycle,replica", out);
    for (int k = 0; k < COLUMNS; k++)
        fprintf(out, ",%s", columns[k].name);
    fputs(",state_hash\n", out);
}

void cycle_record_write(const struct cycle_record *c, FILE *out) {
    fprintf(out, "%lld,%lld", (long long)c->cycle, (long long)c->replica);
    for (int k = 0; k < COLUMNS; k++) {
        double v;
        memcpy(&v, (const char *)c + columns[k].offset, sizeof v);
        if (isnan(v))
            fputc(',', out);
        else
            fprintf(out, ",%.9g", v);
    }
    fprintf(out, ",%016llx\n", (unsigned long long)c->state_hash);
}
