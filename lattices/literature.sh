#!/bin/sh
# literature.sh FOLDER : writes a scenario FOLDER/lit-NAME.toml for every row of lattices/data/literature_systems.csv.
# Conditions of a row are input, what was measured is not in the table.  Amounts of dopants and what an electrolyte does are those of the scenario in
# `base`.  Voltages against Li-In count 0.62 V more against Li/Li+.  tests/check.sh regenerates the files of lattices/scenarios and compares.
set -eu
[ $# = 1 ] || { echo "literature.sh: error: expected a folder, found $# arguments" >&2; exit 2; }
awk -F, -v folder="$1" '
function fail(what) { print "literature.sh: error: row " NR ": " what > "/dev/stderr"; bad = 1; exit 1 }
# Na+/PO4 -> na-po4
function plain(text) { gsub(/[0-9]*[+]/, "", text); sub(/[0-9]*-$/, "", text); sub("/", "-", text); return tolower(text) }
/^#/ || /^family,/ { next }
NF != 9 { fail("expected 9 fields, found " NF) }
{
    family = $1; what = $2; host = $3; shift_V = $9 ~ /^Li-In/ ? 0.62 : 0
    if (family == "solid_state") {
        electrolyte = what
        sub(".*/", "", electrolyte) # of two layers, the one at the cathode
        name = "lit-" tolower(what)
        sub("/", "-", name); gsub(/[.]/, "", name)
        if (count[name]++) name = name "-" count[name]
        base = "lmr-slab"
    } else if (family == "dopant" || family == "codopant") {
        name = "lit-" plain(what)
        base = what == "K+" ? "lmr-k-pillar" : "lmr-" plain(what)
    } else
        fail("expected dopant, codopant or solid_state, found " family)
    if (name in seen) fail("two rows make " name)
    seen[name] = 1
    file = folder "/" name ".toml"
    printf "# literature: %s %s %s, %s to %s V vs %s, %s/h, %s cycles, %s C\n", what, (family == "solid_state" ? "with" : "in"), host, $4, $5, $9, $6, $7, $8 > file
    print "# Written by lattices/literature.sh from a row of lattices/data/literature_systems.csv (Huang et al., Adv. Mater. 37, 2410006)." > file
    if (family == "solid_state")
        print "# Not in the row: geometry (slab) and what the electrolyte does (preset, kmc list electrolytes --long)." > file
    else
        print "# Not in the row: amount and site of the dopant, those of builtin:" base "; order of the TM layers." > file
    if (shift_V) print "# Voltages against Li-In, taken as Li/Li+ + 0.62 V." > file
    printf "base = \"builtin:%s\"\n\n[run]\nname = \"%s\"\ndescription = \"%s, as published\"\n\n[host]\nformula = \"%s\"\n", base, name, what, host > file
    if (host == "Li2RuO3") print "\n[structure]\norder = \"composite\"" > file
    printf "\n[conditions]\ntemperature_K = %.2f\n", $8 + 273.15 > file
    if (family == "solid_state") printf "electrolyte = \"%s\"\n", electrolyte > file
    printf "\n[protocol]\nlower_cutoff_V = %.2f\nupper_cutoff_V = %.2f\nc_rate_per_h = %g\ncycles = %d\n", $4 + shift_V, $5 + shift_V, $6, $7 > file
    close(file)
}
END { exit bad }' "$(dirname "$0")/data/literature_systems.csv"
