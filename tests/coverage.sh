#!/bin/sh
# Runs unit tests and every command in a build with --coverage and prints the share of lines they reach: sh tests/coverage.sh BUILD FLOOR
# Exit code 2 below FLOOR (percent).  The CUDA engine and code that only a GPU runs are not in the build.
build=$1
floor=$2
work=$build/runs
kmc=$build/kmc
rm -rf "$work"
mkdir -p "$work"
quiet() { "$@" >"$work/out" 2>"$work/err" || { echo "FAILED  $*"; head -5 "$work/err"; exit 1; }; }
small="-q --set structure.cells_a=6 --set structure.cells_b=6 --set structure.repeats=1"
quiet "$build/test" -j2 --quiet
quiet "$kmc" run builtin:demo $small --cycles 2 --replicas 2 -o "$work/run"
quiet "$kmc" run builtin:demo $small --cycles 1 --replicas 1 --engine exact --check-every 10 -o "$work/exact"
"$kmc" run builtin:demo $small --cycles 20 --replicas 2 --max-wallclock 0.5 -o "$work/cut" >/dev/null 2>&1
[ ! -e "$work/cut/checkpoint" ] || quiet "$kmc" verify "$work/cut"
[ ! -e "$work/cut/checkpoint" ] || quiet "$kmc" resume "$work/cut" -q
quiet "$kmc" study tests/input/study/pair.toml -q --cycles 1 -o "$work/study"
quiet "$kmc" study tests/input/study/pair.toml --check
quiet "$kmc" compare "$work/study/o3" "$work/study/o2-Al"
quiet "$kmc" compare "$work/study/o3" "$work/study/o2-Al" --json
quiet "$kmc" verify "$work/run" "$work/exact" --json
for format in extxyz poscar; do quiet "$kmc" export "$work/run" --cycle 1 --at charge --format $format -o "$work/$format"; done
quiet "$kmc" voltage builtin:demo $small --replicas 1 -o "$work/curve.csv"
quiet "$kmc" diffuse builtin:nmc111 $small --replicas 2 --hops 2 --li 0.6,0.3 -o "$work/diffuse"
quiet "$kmc" divergence builtin:demo --engine-a cpu --engine-b cpu --set structure.cells_a=6 --set structure.cells_b=6 --cycles 1
quiet "$kmc" selftest --length 0.1
quiet "$kmc" bench --seconds 0.1 --json "$work/bench.json"
for command in list defaults info "check builtin:o2-lmr"; do quiet "$kmc" $command; done
for name in slab particle protons manganese; do quiet "$kmc" run tests/golden/$name.toml -q -o "$work/$name"; done
for file in tests/input/*.mustfail.toml; do "$kmc" run "$file" -o "$work/never" >/dev/null 2>&1; done
for file in tests/input/study/*.mustfail.toml; do "$kmc" study "$file" -o "$work/never" >/dev/null 2>&1; done
gcovr --root . --object-directory "$build/obj" --filter kmc/ --filter lattices/ --filter kernels/ --txt "$build/coverage.txt" \
    --fail-under-line "$floor" "$build/obj" >"$work/out" 2>&1
status=$?
grep -E '^TOTAL' "$build/coverage.txt" | awk -v floor="$floor" '{ print "lines reached: " $4 " of " $2 " (floor " floor " %)" }'
[ $status = 0 ] || tail -3 "$work/out"
exit $status
