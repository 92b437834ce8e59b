/* units: the few constants and conversions of the host program.
 * Inside: energies in integer ueV, lengths in angstrom, times in seconds, voltages in V against Li/Li+.
 */
#ifndef KMC_UNITS_H
#define KMC_UNITS_H

/* Faraday constant, C/mol (CODATA 2018, exact product of e and N_A) and the same in mAh/mol. */
#define UNITS_FARADAY_C_PER_MOL 96485.33212
#define UNITS_FARADAY_MAH_PER_MOL (UNITS_FARADAY_C_PER_MOL / 3.6)
/* Boltzmann constant, eV/K (CODATA 2018, exact). */
#define UNITS_BOLTZMANN_EV_PER_K 8.617333262e-5
#define UNITS_SECONDS_PER_HOUR 3600.0

/* Molar volume of an ideal gas at 273.15 K and 101.325 kPa, mL/mol (CODATA 2018: 22413.97, rounded as in reports of gas per gram). */
#define UNITS_ML_PER_MOL_STP 22414.0

/* eV (or V for one electron) to ueV, rounded to the nearest integer. */
static inline int32_t units_ueV(double eV) {
    return (int32_t)(eV * 1e6 + (eV < 0 ? -0.5 : 0.5));
}

#endif
