#!/bin/sh
# State hashes of the scenarios in tests/golden/: the same for engine cpu and cuda, any number of threads, any compiler.
#   sh tests/golden.sh PROGRAM ENGINE THREADS [NAME...]           compares with tests/golden/hashes.txt; exit code 1 and a line for each that differs
#   sh tests/golden.sh --print PROGRAM ENGINE THREADS [NAME...]   prints a line for each scenario, replica and cycle: name, replica, cycle, hash
# WORK  folder for the runs (default: a temporary one, removed afterwards);  JOBS=2  two scenarios at a time, each in a temporary folder
print=
[ "$1" = --print ] && { print=1; shift; }
[ $# -ge 3 ] || { echo "golden.sh: error: expected PROGRAM ENGINE THREADS, found $# arguments
    hint: sh tests/golden.sh build/kmc cpu 1" >&2; exit 2; }
program=$1
engine=$2
threads=$3
shift 3
folder=$(dirname "$0")/golden
OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive} # threads that spin while they wait make a shared machine many times slower
export OMP_WAIT_POLICY
work=${WORK:-}
[ -n "$work" ] || { work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT; }
# shellcheck disable=SC2046
[ $# -gt 0 ] || set -- $(cd "$folder" && ls -- *.toml | sed 's/\.toml$//')

if [ "${JOBS:-1}" -gt 1 ] && [ $# -gt 1 ] && [ -z "$print" ]; then
    odd= even=
    for name; do
        last=$odd odd="$even $name" even=$last
    done
    status=0
    for part in "$odd" "$even"; do
        # shellcheck disable=SC2086
        WORK='' JOBS=1 sh "$0" "$program" "$engine" "$threads" $part &
        pids="$pids $!"
    done
    for pid in $pids; do
        wait "$pid" || status=1
    done
    exit $status
fi

# Lines of one scenario, in the order of cycles.csv.
lines() { # name
    rm -rf "$work/golden-run"
    "$program" run "$folder/$1.toml" -q --engine "$engine" --threads "$threads" -o "$work/golden-run" \
        >"$work/golden-out" 2>&1 || { sed "s/^/$1: /" "$work/golden-out" >&2; return 1; }
    awk -F, -v name="$1" 'NR == 1 { for (k = 1; k <= NF; k++) column[$k] = k; next }
        { print name, $column["replica"], $column["cycle"], $column["state_hash"] }' "$work/golden-run/cycles.csv"
}

# Says where the lines of one scenario in two files differ.
report() { # name, expected, found
    awk -v name="$1" 'NR == FNR { want[$1 " " $2 " " $3] = $4; n++; next }
        { key = $1 " " $2 " " $3; seen[key] = 1 }
        want[key] != $4 { printf "%s, replica %s, cycle %s: expected %s, found %s\n", $1, $2, $3, (key in want) ? want[key] : "no such line", $4 }
        END { for (key in want) if (!(key in seen)) printf "%s: expected a line \"%s %s\", found none\n", name, key, want[key] }' "$2" "$3"
}

status=0
for name; do
    if ! lines "$name" >"$work/golden-found"; then
        [ -n "$print" ] || echo "$name: the run failed"
        status=1
        continue
    fi
    [ -n "$print" ] && { cat "$work/golden-found"; continue; }
    grep "^$name " "$folder/hashes.txt" >"$work/golden-expected"
    cmp -s "$work/golden-expected" "$work/golden-found" && [ -s "$work/golden-found" ] && continue
    report "$name" "$work/golden-expected" "$work/golden-found"
    status=1
done
[ $status = 0 ] || [ -n "$print" ] || echo "    hint: \`kmc divergence\` finds the first call that differs between two engines; \`make golden\` after an intended change"
exit $status
