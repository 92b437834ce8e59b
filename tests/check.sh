#!/bin/sh
# Runs every test that needs no GPU and ends with `N passed, N failed`.  Called by `make check`, from the repository root.
#   BUILD  build folder;  PYTHON  python with the analysis package, or empty;  NVCC  nvcc, or empty;  QUICK=1  leaves out other compilers
BUILD=${BUILD:-build}
WORK=$BUILD/check
KMC=$BUILD/kmc
passed=0
failed=0
skipped=""
rm -rf "$WORK"
mkdir -p "$WORK"

ok() { passed=$((passed + 1)); [ -n "$VERBOSE" ] && echo "ok      $1"; return 0; }
bad() { failed=$((failed + 1)); echo "FAILED  $1"; }
expect() { # guarantee, condition as a command
    guarantee=$1
    shift
    if "$@" >"$WORK/last" 2>&1; then ok "$guarantee"; else bad "$guarantee"; sed 's/^/        /' "$WORK/last" | head -20; fi
}

# Adds the counts of a Criterion program; its closing line must say that tests ran, and no leak may be reported.
criterion() {
    name=$1
    shift
    echo "== $name"
    "$@" >"$WORK/$name.log" 2>&1
    status=$?
    line=$(grep -a 'Tested:' "$WORK/$name.log" | tail -1)
    tested=$(echo "$line" | sed 's/.*Tested: *[^0-9]*\([0-9]*\).*/\1/' | grep -E '^[0-9]+$' || echo 0)
    good=$(echo "$line" | sed 's/.*Passing: *[^0-9]*\([0-9]*\).*/\1/' | grep -E '^[0-9]+$' || echo 0)
    passed=$((passed + good))
    failed=$((failed + tested - good))
    echo "   $tested tests, $good passed"
    if [ "$status" != 0 ] || [ "$tested" = 0 ] || grep -aq LeakSanitizer "$WORK/$name.log"; then
        [ "$tested" = "$good" ] && bad "$name exit status $status, $tested tests"
        grep -aE '^\[(----|FAIL)\]|rror' "$WORK/$name.log" | head -40
    fi
}

# The hashes of a short run with every kind of event.
hashes() { # program, extra flags...
    program=$1
    shift
    rm -rf "$WORK/hash"
    "$program" run builtin:demo -q --cycles 1 --replicas 2 --set structure.cells_a=6 --set structure.cells_b=6 "$@" \
        -o "$WORK/hash" >"$WORK/hash.out" 2>&1 || { cat "$WORK/hash.out"; return 1; }
    sed 1d "$WORK/hash/cycles.csv" | sed 's/.*,//'
}
same_hashes() { # reference, program, flags...
    reference=$1
    shift
    now=$(hashes "$@") || { echo "$now"; return 1; }
    [ -n "$now" ] && [ "$now" = "$reference" ] || { echo "expected $reference, found $now"; return 1; }
}

criterion test "$BUILD/test" -j2
criterion validate "$BUILD/validate" -j2

echo "== program"
reference=$(hashes "$KMC" --threads 1)
expect "hashes match tests/golden/demo-small.txt" [ "$reference" = "$(cat tests/golden/demo-small.txt)" ]
expect "one seed repeats to the bit with 2 threads" same_hashes "$reference" "$KMC" --threads 2
expect "recounts at every slice change nothing" same_hashes "$reference" "$KMC" --check-every 1
expect "same bits where the C library sees no FMA" env GLIBC_TUNABLES=glibc.cpu.hwcaps=-FMA,-AVX2_Usable,-AVX2 sh -c \
    ". ./tests/check_hash.sh; same '$reference' '$KMC' '$WORK'"

bad_input() { # file: exit code 2, place, expected, found, hint, nothing written
    before=$(find . -path ./build -prune -o -path ./.git -prune -o -type f -print | wc -l)
    "$KMC" run "$1" -o "$WORK/never" >"$WORK/last_out" 2>"$WORK/last_err"
    [ $? = 2 ] || { echo "exit code is not 2"; return 1; }
    [ -s "$WORK/last_out" ] && { echo "wrote to stdout"; return 1; }
    [ -e "$WORK/never" ] && { echo "left a run directory"; return 1; }
    grep -Eq '^[^ ]+:[0-9]+:[0-9]+: error: ' "$WORK/last_err" || { echo "no place"; cat "$WORK/last_err"; return 1; }
    grep -q 'hint: ' "$WORK/last_err" || { echo "no hint"; cat "$WORK/last_err"; return 1; }
    [ "$before" = "$(find . -path ./build -prune -o -path ./.git -prune -o -type f -print | wc -l)" ]
}
for file in tests/input/*.mustfail.toml; do
    expect "bad input: $file" bad_input "$file"
done
mkdir -p "$WORK/taken"
echo kept >"$WORK/taken/file"
taken() { "$KMC" run builtin:demo -q -o "$WORK/taken"; [ $? = 2 ] && [ "$(ls "$WORK/taken")" = file ]; }
expect "an existing run directory is never touched" taken
no_command() { "$KMC" frobnicate; [ $? = 2 ]; }
expect "an unknown command exits with 2" no_command
defaults() { "$KMC" defaults >"$WORK/defaults.toml" && "$KMC" check "$WORK/defaults.toml"; }
expect "kmc defaults prints a scenario that loads" defaults
for name in $("$KMC" list | sed -n 's/^builtin:\([^ ]*\).*/\1/p'); do
    expect "builtin:$name passes kmc check" "$KMC" check "builtin:$name"
done
resolved() { "$KMC" run "$WORK/hash/resolved.toml" -q -o "$WORK/again" && cmp "$WORK/hash/cycles.csv" "$WORK/again/cycles.csv"; }
expect "resolved.toml repeats the run" resolved
readme_scenario() {
    sed -n '/^```toml$/,/^```$/p' README.md | sed '1d;$d' >"$WORK/readme.toml" && [ -s "$WORK/readme.toml" ] &&
        "$KMC" check "$WORK/readme.toml" && "$KMC" run "$WORK/readme.toml" -q --cycles 1 --replicas 1 \
        --set structure.cells_a=6 --set structure.cells_b=6 --set structure.repeats=1 -o "$WORK/readme"
}
expect "the scenario of the README runs" readme_scenario
voltage() { "$KMC" voltage builtin:demo -q --replicas 1 -o "$WORK/curve.csv" && [ "$(wc -l <"$WORK/curve.csv")" -gt 100 ]; }
expect "kmc voltage writes a curve" voltage
export_all() {
    for at in initial charge discharge; do
        "$KMC" export "$WORK/hash" --cycle 1 --at $at --format extxyz -o "$WORK/$at.extxyz" &&
            "$KMC" export "$WORK/hash" --cycle 1 --at $at --format poscar -o "$WORK/$at.poscar" || return 1
    done
}
expect "kmc export writes extended XYZ and POSCAR" export_all
expect "kmc compare prints a table" "$KMC" compare "$WORK/hash" "$WORK/again"

if [ -n "$PYTHON" ]; then
    echo "== python"
    snap="$WORK/hash/snapshots/r000_c"
    ase() {
        "$PYTHON" tests/test_export_ase.py "${snap}0000_initial.snap" "$WORK/initial.extxyz" "$WORK/initial.poscar" \
            "${snap}0001_charge.snap" "$WORK/charge.extxyz" "$WORK/charge.poscar"
    }
    expect "ASE reads extended XYZ and POSCAR: composition, cell, positions" ase
    expect "figures of a run" "$PYTHON" -m lrmkmc figures "$WORK/hash" -o "$WORK/figures" --format svg
    "$PYTHON" -m pytest -q analysis >"$WORK/pytest.log" 2>&1
    n=$(grep -oE '[0-9]+ passed' "$WORK/pytest.log" | grep -oE '[0-9]+' | tail -1)
    f=$(grep -oE '[0-9]+ (failed|error)' "$WORK/pytest.log" | grep -oE '[0-9]+' | tail -1)
    passed=$((passed + ${n:-0}))
    failed=$((failed + ${f:-0}))
    [ -n "$n" ] || { bad "pytest"; tail -20 "$WORK/pytest.log"; }
    echo "   ${n:-0} python tests passed"
else
    skipped="$skipped python"
fi

if [ -n "$NVCC" ]; then
    echo "== nvcc"
    expect "the physics compiles for sm_90" "$NVCC" -fmad=false -std=c++17 -arch=sm_90 -I. -c -o "$WORK/headers.o" tests/headers.cu
else
    skipped="$skipped nvcc"
fi

if [ -z "$QUICK" ]; then
    echo "== other compilers"
    other() { # variant, make variables...
        variant=$1
        shift
        expect "builds: $variant" make --no-print-directory -j2 BUILD="$BUILD/$variant" "$@" "$BUILD/$variant/kmc"
        expect "same bits: $variant" same_hashes "$reference" "$BUILD/$variant/kmc"
    }
    other gcc-O0 OPTIMISE=-O0
    other gcc-native OPTIMISE="-O3 -march=native"
    if echo '#include <omp.h>' | clang -fopenmp -x c -fsyntax-only - 2>/dev/null; then
        other clang CC=clang CXX=clang++
    else
        skipped="$skipped clang"
    fi
    echo "== deliberate faults"
    for fault in 1 2; do
        expect "builds with fault $fault" make --no-print-directory -j2 BUILD="$BUILD/fault$fault" \
            CFLAGS="-O2 -DKMC_SABOTAGE=$fault" "$BUILD/fault$fault/test"
        turns_red() { "$BUILD/fault$fault/test" -j2 --quiet --filter 'detailed_balance/*'; [ $? != 0 ]; }
        expect "detailed balance turns red with fault $fault" turns_red
    done
fi

[ -n "$skipped" ] && echo "skipped for want of:$skipped"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
