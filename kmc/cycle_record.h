/* cycle_record: one row of cycles.csv: a cycle of a replica. */
#ifndef KMC_CYCLE_RECORD_H
#define KMC_CYCLE_RECORD_H
#include <stdio.h>
#include "clusters.h"
#include "protocol.h"
#include "structure.h"
#include "voids.h"

/* NaN = not defined (an empty field). Fractions tm_li_* (octs and tets of the Li layers) and tm_tet_* (tets of both
 * layers) are of all TM ions, mn_, ni_, co_ of that element (mn_beyond_*: Mn above 4+), o_* and motifs of all anions, budget_* of the pristine O. */
struct cycle_record {
    int64_t cycle, replica;
    double charge_capacity, discharge_capacity; /* mAh/g */
    double side_charge, side_discharge;         /* of the side reaction within them, mAh/g */
    double coulombic_efficiency;
    double mean_charge_V, mean_discharge_V, hysteresis_V;
    double charge_energy, discharge_energy; /* Wh/kg */
    double plateau_charge;                  /* mAh/g */
    double window_mean_discharge_V;
    double tm_li_charge, mn_li_charge, ni_li_charge, co_li_charge;
    double tm_li_discharge, mn_li_discharge, ni_li_discharge, co_li_discharge;
    double tm_tet_charge, tm_tet_discharge, return_fraction, honeycomb_order;
    double o_hole_charge, o_peroxo_charge, o_superoxo_charge, o_molecular_charge;
    double o_hole_discharge, o_peroxo_discharge, o_superoxo_discharge, o_molecular_discharge;
    double budget_oxide_charge, budget_hole_charge, budget_dimer_charge, budget_molecular_charge,
        budget_lost_charge, lost_mL_charge;
    double budget_oxide_discharge, budget_hole_discharge, budget_dimer_discharge,
        budget_molecular_discharge, budget_lost_discharge, lost_mL_discharge;
    double spinel_charge, spinel_discharge, rock_salt_charge, rock_salt_discharge;
    double cluster_number_mean, cluster_weight_mean, cluster_largest, cluster_percolates;
    double void_count_charge, void_count_discharge;
    double void_births, void_reopenings, void_splits, void_coalescences, void_closures,
        void_openings, void_percolations; /* both looks of the cycle together */
    /* of the O in O2 at the end of charge, by the end of discharge: all, and by size of the void */
    double o2_reduced, o2_reduced_class[VOIDS_CLASSES], o2_vacant;
    double tm_hops, o_events; /* events fired in the cycle */
    double joins, splits, cleaves, combines, oxidations, reductions, moves, losses,
        vacancies; /* the oxygen events by kind */
    double mn_beyond_charge, mn_beyond_discharge, protons_charge, protons_discharge;
    double exchanges;    /* of Li+ with H+ of the electrolyte, both ways */
    double lithium_hops; /* of Li+ on the clock; fast ones are moves and not counted */
    double large_step_share, stiff_factor_min, sub_slices_max, energy_eV;
    uint64_t state_hash;
    double start_tm_li; /* share of TM in the Li layers when the cycle began; not written */
};

/* Fills the charge or discharge side from a half-cycle that has just ended. */
void cycle_record_half(struct cycle_record *c, const struct replica *r, bool charge,
                       const struct protocol_half *h, const struct clusters *voids);

/* What became of the voids and of their O2 since the last look; after cycle_record_half of the same half-cycle. */
void cycle_record_voids(struct cycle_record *c, bool charge, const struct voids_report *r);

/* The number in column k (without cycle, replica and hash), or NULL past the last: all of the record besides those three and start_tm_li. */
double *cycle_record_column(struct cycle_record *c, int k);

void cycle_record_write_header(FILE *out);
void cycle_record_write(const struct cycle_record *c, FILE *out);

#endif
