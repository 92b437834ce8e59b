#!/bin/sh
# Runs every test that needs no GPU and ends with `N passed, N failed`.  Called by `make check`, from the repository root.
#   BUILD  build folder;  PYTHON  python with the analysis package, or empty;  NVCC  nvcc, or empty;  QUICK=1  leaves out other compilers
BUILD=${BUILD:-build}
WORK=$BUILD/check
KMC=$BUILD/kmc
export JOBS="${JOBS:-2}" # scenarios that golden.sh runs at a time
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

# Builds of other kinds, each in a folder of its own.
build() { # variant, what of it...
    variant=$1
    shift
    files=
    for file; do files="$files $BUILD/$variant/$file"; done
    # shellcheck disable=SC2086
    case $variant in
        all-arch) set -- "CUDA_ARCH=${ALL_ARCH:-80 86 89 90 100 120}" ;;
        gcc-O0) set -- CUDA=0 OPTIMISE=-O0 $mpi ;;
        gcc-native) set -- CUDA=0 EMULATED=1 "OPTIMISE=-O3 -march=native" ;;
        clang) set -- CUDA=0 CC=clang CXX=clang++ ;;
        asan) set -- EMULATED=1 "OPTIMISE=-O1 -fsanitize=address,undefined -fno-sanitize-recover" ;;
        tsan) set -- CUDA=0 CC=clang CXX=clang++ "OPTIMISE=-O1 -fsanitize=thread" ;;
        fault?) set -- CUDA=0 "CFLAGS=-O2 -DKMC_SABOTAGE=${variant#fault}" ;;
        *) echo "no such variant: $variant"; return 1 ;;
    esac
    # shellcheck disable=SC2086
    $nice make --no-print-directory -j2 BUILD="$BUILD/$variant" "$@" $files
}
kernel_objects="obj/kernels/device.o obj/kernels/equilibrate.o obj/kernels/advance.o"
nice=
mpi=$(command -v mpicc >/dev/null 2>&1 && command -v mpirun >/dev/null 2>&1 && echo MPI=1)
clang_openmp=$(echo '#include <omp.h>' | clang -fopenmp -x c -fsyntax-only - 2>/dev/null && echo 1)

# They begin beside the tests, which leave cores idle, as far as they are asked for below; there each is made once more, which says whether it is sound.
beforehand() {
    nice="nice -n 19"
    # shellcheck disable=SC2086
    [ -z "$NVCC" ] || build all-arch $kernel_objects
    [ -z "$QUICK" ] || return
    for variant in gcc-O0 gcc-native ${clang_openmp:+clang} ${clang_openmp:+tsan} asan; do build "$variant" kmc; done
    build fault1 test kmc
    build fault2 test kmc
    build fault3 validate kmc
}
beforehand >"$WORK/beforehand.log" 2>&1 &
beforehand=$!

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
frozen=lattices/data/calibration/parameters.toml
calibrated() { "$KMC" check "$1" | tee "$WORK/last" | grep -q "^parameters   $(sed -n '1s/.*parameters \([0-9a-f]*\)\..*/\1/p' $frozen), calibrated"; }
expect "the program's own parameters are the calibrated ones" calibrated builtin:o3-lmr
expect "the frozen parameters are the program's own" calibrated $frozen
not_calibrated() { "$KMC" check builtin:demo --set model.hole_eV=4.5 | grep -q "^parameters .* uncalibrated"; }
expect "other parameters are called uncalibrated" not_calibrated
reference=$(hashes "$KMC" --threads 1)
expect "recounts at every slice change nothing" same_hashes "$reference" "$KMC" --check-every 1
for file in tests/golden/*.toml; do
    name=$(basename "$file" .toml)
    for threads in 1 2; do
        expect "golden hashes: $name, --threads $threads" sh tests/golden.sh "$KMC" cpu $threads "$name"
    done
done
expect "same bits where the C library sees no FMA" env GLIBC_TUNABLES=glibc.cpu.hwcaps=-FMA,-AVX2_Usable,-AVX2 \
    sh tests/golden.sh "$KMC" cpu 2 o3 particle

bad_input() { # command, file: exit code 2, place, expected, found, hint, nothing written
    before=$(find . -path ./build -prune -o -path ./.git -prune -o -type f -print | wc -l)
    "$KMC" "$1" "$2" -o "$WORK/never" >"$WORK/last_out" 2>"$WORK/last_err"
    [ $? = 2 ] || { echo "exit code is not 2"; return 1; }
    [ -s "$WORK/last_out" ] && { echo "wrote to stdout"; return 1; }
    [ -e "$WORK/never" ] && { echo "left a run directory"; return 1; }
    grep -Eq '^[^ ]+:[0-9]+:[0-9]+: error: ' "$WORK/last_err" || { echo "no place"; cat "$WORK/last_err"; return 1; }
    grep -q 'hint: ' "$WORK/last_err" || { echo "no hint"; cat "$WORK/last_err"; return 1; }
    [ "$before" = "$(find . -path ./build -prune -o -path ./.git -prune -o -type f -print | wc -l)" ]
}
for file in tests/input/*.mustfail.toml; do
    expect "bad input: $file" bad_input run "$file"
done
for file in tests/input/study/*.mustfail.toml; do
    expect "bad input: $file" bad_input study "$file"
done
targets="scenario study checkpoint formula snapshot store"
seeds() {
    rm -rf "$WORK/seeds"
    for target in $targets; do mkdir -p "$WORK/seeds/$target"; done
    sh tests/fuzz/seeds.sh "$KMC" "$WORK/seeds"
}
expect "seeds of the fuzz targets are made" seeds
for target in $targets; do # what the fuzzers have found, and what they begin with: `make fuzz` does the rest
    expect "hostile files: $target" "$BUILD/replay_$target" "$WORK/seeds/$target"/* tests/fuzz/corpus/$target/*
done
mkdir -p "$WORK/taken"
echo kept >"$WORK/taken/file"
taken() { "$KMC" run builtin:demo -q -o "$WORK/taken"; [ $? = 2 ] && [ "$(ls "$WORK/taken")" = file ]; }
expect "an existing run directory is never touched" taken
runaway_voltage() { # Li comes back at rest without end
    "$KMC" run tests/input/runaway.toml -q -o "$WORK/runaway" >/dev/null 2>"$WORK/last_err"
    [ $? = 1 ] && grep -q 'error: expected a voltage within 1000 V, found ' "$WORK/last_err" && grep -q 'hint: ' "$WORK/last_err" && [ ! -e "$WORK/runaway/DONE" ] ||
        { cat "$WORK/last_err"; return 1; }
}
expect "a voltage that runs away ends the run" runaway_voltage
to_and_fro() { # flags...: lines of the watchdog
    rm -rf "$WORK/fro"
    "$KMC" run builtin:demo -q --replicas 2 --cycles 1 --set structure.cells_a=6 --set structure.cells_b=6 --set protocol.slice_percent=2 \
        -o "$WORK/fro" "$@" 2>&1 >/dev/null | grep -c 'warning: the dynamics stalls: .* of kind move, .* of all in the last 10 slices'
}
stalls() { [ "$(to_and_fro --set kinetics.stiff_firings=100 --set model.molecular_move_eV=0.3)" = 1 ] && [ "$(to_and_fro)" = 0 ]; }
expect "O2 that moves to and fro is told of once, the demo is not" stalls
endless() { # program engine: an advance that does not come to its end
    rm -rf "$WORK/endless"
    "$1" run builtin:demo -q --engine "$2" --replicas 2 --cycles 1 --set structure.cells_a=6 --set structure.cells_b=6 \
        --set kinetics.events_max=0.01 -o "$WORK/endless" >/dev/null 2>"$WORK/last_err"
    [ $? = 1 ] && grep -q 'error: expected at most 0.01 slow events a site .*, found more: [0-9]* of kind ' "$WORK/last_err" &&
        grep -q 'hint: lower ' "$WORK/last_err" && [ ! -e "$WORK/endless/DONE" ] && "$1" info "$WORK/endless" >/dev/null ||
        { cat "$WORK/last_err"; return 1; }
}
for engine in exact cpu; do
    expect "an advance that does not end is ended, $engine" endless "$KMC" $engine
done
no_command() { "$KMC" frobnicate; [ $? = 2 ]; }
expect "an unknown command exits with 2" no_command
defaults() { "$KMC" defaults >"$WORK/defaults.toml" && "$KMC" check "$WORK/defaults.toml"; }
expect "kmc defaults prints a scenario that loads" defaults
for name in $("$KMC" list | sed -n 's/^builtin:\([^ ]*\).*/\1/p'); do
    expect "builtin:$name passes kmc check" "$KMC" check "builtin:$name"
done
short_cycle() { # scenario: one coarse cycle of a tiny box, everything recounted at every slice
    rm -rf "$WORK/short"
    "$KMC" run "builtin:$1" -q --threads 1 --cycles 1 --replicas 1 --check-every 1 --set structure.cells_a=6 --set structure.cells_b=6 \
        --set structure.repeats=1 --set structure.vacuum_cells=1 --set structure.swap_sweeps=5 --set kinetics.initial_sweeps=5 \
        --set protocol.slice_percent=5 --set output.snapshots=none -o "$WORK/short" &&
        awk -F, 'NR == 1 { for (k = 1; k <= NF; k++) column[$k] = k; next } $column["discharge_capacity_mAh_per_g"] > 10 { n++ } END { exit n != 1 }' "$WORK/short/cycles.csv"
}
for name in $("$KMC" list | sed -n 's/^builtin:\([^ ]*\).*/\1/p'); do
    expect "builtin:$name runs a cycle with energy, charge and sums recounted" short_cycle "$name"
done
literature() { # the scenarios are those that the table makes, one for each row
    mkdir -p "$WORK/literature" && sh lattices/literature.sh "$WORK/literature" &&
        [ "$(ls "$WORK/literature" | wc -l)" = "$(grep -Evc '^(#|family,)' lattices/data/literature_systems.csv)" ] &&
        [ "$(ls lattices/scenarios | grep -c '^lit-')" = "$(ls "$WORK/literature" | wc -l)" ] &&
        for file in "$WORK"/literature/*.toml; do cmp "$file" "lattices/scenarios/$(basename "$file")" || return 1; done
}
expect "the scenarios of published systems are those of the table" literature
list_dopants() { "$KMC" list dopants --long | grep -q 'elements.PO4.valences = \[5\]' && "$KMC" list coatings | grep -q '^AlPO4 '; }
expect "kmc list prints a family with its parameters" list_dopants
list_nothing() { "$KMC" list frobnications >"$WORK/last_out" 2>"$WORK/last_err"; [ $? = 2 ] && [ ! -s "$WORK/last_out" ] && grep -q 'hint: ' "$WORK/last_err"; }
expect "kmc list refuses families that there are not" list_nothing
resolved() { "$KMC" run "$WORK/hash/resolved.toml" -q -o "$WORK/again" && cmp "$WORK/hash/cycles.csv" "$WORK/again/cycles.csv"; }
expect "resolved.toml repeats the run" resolved
toml_block() { # n: the n-th block of TOML of the README
    awk -v n="$1" '/^```toml$/ { k++; inside = 1; next } /^```$/ { inside = 0 } inside && k == n' README.md
}
no_depth() { [ -s "$WORK/hash/voids.csv" ] && [ ! -e "$WORK/hash/depth.csv" ]; }
expect "a bulk run has voids.csv and no depth.csv" no_depth
readme_scenario() {
    toml_block 1 >"$WORK/readme.toml" && [ -s "$WORK/readme.toml" ] &&
        "$KMC" check "$WORK/readme.toml" && "$KMC" run "$WORK/readme.toml" -q --cycles 1 --replicas 1 \
        --set structure.cells_a=6 --set structure.cells_b=6 --set structure.repeats=1 -o "$WORK/readme"
}
expect "the scenario of the README runs" readme_scenario
readme_study() {
    toml_block 2 >"$WORK/readme_study.toml" && [ -s "$WORK/readme_study.toml" ] && "$KMC" study "$WORK/readme_study.toml" --check &&
        "$KMC" study "$WORK/readme_study.toml" -q --cycles 1 --replicas 2 --set structure.cells_a=6 --set structure.cells_b=6 -o "$WORK/readme_study"
}
expect "the study of the README runs" readme_study
readme_rules() {
    toml_block 3 >"$WORK/readme_rules.toml" && "$KMC" study "$WORK/readme_rules.toml" --check | grep -q 'K,temperature_K=318.15,sample=15'
}
expect "the rules of the README make scenarios" readme_rules
voltage() { "$KMC" voltage builtin:demo -q --replicas 1 -o "$WORK/curve.csv" && [ "$(wc -l <"$WORK/curve.csv")" -gt 100 ]; }
expect "kmc voltage writes a curve" voltage
film="--set structure.geometry=film --set structure.cells_a=8 --set structure.cells_b=3 --set structure.vacuum_cells=1 --set structure.repeats=1"
voltage_of_film() { # kinetics.lithium_transport, surface.film_ohm_m2
    "$KMC" voltage builtin:nmc111 -q --replicas 1 $film --set "kinetics.lithium_transport=$1" --set "surface.film_ohm_m2=$2"
}
voltage_at_equilibrium() { voltage_of_film false 0 >"$WORK/film_a.csv" && voltage_of_film true 1 >"$WORK/film_b.csv" && [ -s "$WORK/film_a.csv" ] && cmp "$WORK/film_a.csv" "$WORK/film_b.csv"; }
expect "kmc voltage leaves Li+ on the clock and the film out" voltage_at_equilibrium
diffuse() { # threads
    "$KMC" diffuse builtin:nmc111 -q --threads "$1" --replicas 2 --hops 4 --li 0.6,0.3 --temperature-K 298.15,330 --seed 5 \
        --set structure.cells_a=6 --set structure.cells_b=6 --set structure.repeats=1 -o "$WORK/diffuse$1" >"$WORK/diffuse$1.table"
}
diffuse_threads() {
    diffuse 1 && diffuse 2 && cmp "$WORK/diffuse1.table" "$WORK/diffuse2.table" && cmp "$WORK/diffuse1/diffusion.csv" "$WORK/diffuse2/diffusion.csv" &&
        cmp "$WORK/diffuse1/activation.csv" "$WORK/diffuse2/activation.csv" && [ "$(wc -l <"$WORK/diffuse1/diffusion.csv")" = 5 ] &&
        grep -q '"seed": 5' "$WORK/diffuse1/diffusion.json"
}
expect "kmc diffuse gives the same numbers on 1 and 2 threads" diffuse_threads
diffuse_point() { # the composition alone gives what it gives beside others
    "$KMC" diffuse builtin:nmc111 -q --replicas 2 --hops 4 --li 0.3 --seed 5 --set structure.cells_a=6 --set structure.cells_b=6 \
        --set structure.repeats=1 | grep '^ 298.1' >"$WORK/point" && [ -s "$WORK/point" ] && grep -qxFf "$WORK/point" "$WORK/diffuse1.table"
}
expect "a point of kmc diffuse does not depend on the others" diffuse_point
diffuse_refuses() { # expected words, flags...
    words=$1
    shift
    "$KMC" diffuse "$@" -o "$WORK/never" >"$WORK/last_out" 2>"$WORK/last_err"
    [ $? = 2 ] && [ ! -s "$WORK/last_out" ] && [ ! -e "$WORK/never" ] && grep -q "error: .*$words" "$WORK/last_err" && grep -q 'hint: ' "$WORK/last_err" ||
        { cat "$WORK/last_err"; return 1; }
}
expect "kmc diffuse refuses a list that is none" diffuse_refuses "found .0.5,x" builtin:demo --li 0.5,x
expect "kmc diffuse refuses an empty entry" diffuse_refuses "found .3.8,," builtin:demo --voltage 3.8,,4.2
expect "kmc diffuse refuses more Li+ than the crystal has" diffuse_refuses "pristine crystal (1.2" builtin:demo --li 1.5
expect "kmc diffuse refuses less than one Li+" diffuse_refuses "one Li+ in the box" builtin:demo --li 0.0001
expect "kmc diffuse refuses both lists" diffuse_refuses "found both" builtin:demo --li 0.5 --voltage 4
expect "kmc diffuse refuses a temperature out of range" diffuse_refuses "from 200 to 500" builtin:demo --temperature-K 25
expect "kmc diffuse refuses free surfaces" diffuse_refuses "bulk" builtin:demo --set structure.geometry=slab
expect "kmc diffuse refuses no hops" diffuse_refuses "from 1 to" builtin:demo --hops 0
diffuse_engine() { "$KMC" diffuse builtin:demo --engine cpu; [ $? = 2 ]; }
expect "kmc diffuse refuses flags of a run" diffuse_engine
export_all() {
    for at in initial charge discharge; do
        "$KMC" export "$WORK/hash" --cycle 1 --at $at --format extxyz -o "$WORK/$at.extxyz" &&
            "$KMC" export "$WORK/hash" --cycle 1 --at $at --format poscar -o "$WORK/$at.poscar" || return 1
    done
    mkdir -p "$WORK/formats"
    for format in extxyz poscar cif lammps vtk; do
        "$KMC" export "$WORK/hash" --cycle 1 --at charge --format $format -o "$WORK/formats/plain.${format%k}" || return 1
    done
    mv "$WORK/formats/plain.vt" "$WORK/formats/plain.vtp"
    "$KMC" export "$WORK/hash" --cycle 1 --at charge -o "$WORK/formats/plain.extxyz.gz" &&
        "$KMC" export "$WORK/hash" --cycle 1 --at charge --relax-dimers -o "$WORK/formats/relaxed.extxyz"
}
expect "kmc export writes every format" export_all
voids_selected() { # the void members that --select shows are those that clusters.csv counts, O2 apart
    sizes=$(awk -F, '$1 == 1 && $2 == 0 && $3 == "charge" { n += $4 * $5 } END { print n + 0 }' "$WORK/hash/clusters.csv")
    found=$("$KMC" export "$WORK/hash" --cycle 1 --at charge --select clusters=1 -o - | grep -c '^X ')
    [ "$sizes" -gt 0 ] && [ "$sizes" = "$found" ] || { echo "$sizes in clusters.csv, $found exported"; return 1; }
}
expect "kmc export --select clusters shows the voids of clusters.csv" voids_selected
expect "kmc selftest passes in a short form" "$KMC" selftest --length 0.2
selftest_json() { "$KMC" selftest --only passes --engine cpu --json | tr -d '\n' | grep -Eq '^\{"seed": [0-9]+,.*"rows": \[.*\], "checked": 1, "failed": 0\}$'; }
expect "kmc selftest writes JSON" selftest_json
selftest_seed() { [ "$("$KMC" selftest --only waiting --seed 7 --length 0.1)" = "$("$KMC" selftest --only waiting --seed 7 --length 0.1)" ]; }
expect "kmc selftest repeats itself with the same seed" selftest_seed
selftest_usage() { "$KMC" selftest --only nothing; [ $? = 2 ]; }
expect "kmc selftest refuses unknown cases" selftest_usage
expect "kmc compare prints a table" "$KMC" compare "$WORK/hash" "$WORK/again"

if [ -n "$PYTHON" ]; then # beside what follows, which mostly waits
    KMC="$BUILD/kmc" "$PYTHON" -m pytest -q analysis >"$WORK/pytest.log" 2>&1 &
    pytest=$!
fi
echo "== checkpoint and resume"
start() { # directory, engine, flags...: becomes the program; with & its process is $!
    directory=$1
    engine=$2
    shift 2
    cycles=24 # long enough to be stopped in the middle
    [ "$engine" = exact ] && cycles=2
    exec "$KMC" run builtin:demo -q --engine "$engine" --cycles $cycles --replicas 3 --set structure.cells_a=6 --set structure.cells_b=6 \
        --set output.checkpoint_minutes=0.0005 --set output.snapshots=all --set output.snapshot_every_cycles=4 --set output.snapshot_replicas=2 \
        --set "output.snapshot_charge_V=[3.9,4.3]" --set "output.snapshot_discharge_V=[3.6]" -o "$WORK/$directory" "$@"
}
small() { (start "$@"); }
same_results() { # two directories
    for file in cycles.csv profile.bdf.csv clusters.csv voids.csv summary.csv DONE; do
        cmp "$WORK/$1/$file" "$WORK/$2/$file" || return 1
    done
    [ ! -e "$WORK/$1/snapshots" ] && [ ! -e "$WORK/$2/snapshots" ] && cmp "$WORK/$1/run.h5" "$WORK/$2/run.h5" && [ ! -e "$WORK/$2/checkpoint" ] && [ ! -e "$WORK/$2/lock" ] && [ ! -e "$WORK/$2/status" ]
}
unharmed() { # directory, expected words, flags...: refused with exit code 2, a hint and nothing changed
    directory=$WORK/$1
    words=$2
    shift 2
    before=$(cd "$directory" && find . -type f -exec cksum {} + | sort)
    "$KMC" resume "$directory" -q "$@" >"$WORK/last_out" 2>"$WORK/last_err"
    [ $? = 2 ] || { echo "exit code is not 2"; cat "$WORK/last_err"; return 1; }
    grep -q "$words" "$WORK/last_err" && grep -q 'expected .*found ' "$WORK/last_err" && grep -q 'hint: ' "$WORK/last_err" ||
        { cat "$WORK/last_err"; return 1; }
    [ "$before" = "$(cd "$directory" && find . -type f -exec cksum {} + | sort)" ] || { echo "files have changed"; return 1; }
}
# Kills at 10 times that differ from run to run; a run that ends before its kill is begun again.
killed() { # engine
    kills=0
    rm -rf "$WORK/killed"
    start killed "$1" --threads 1 >/dev/null 2>&1 &
    while [ "$kills" -lt 10 ]; do
        sleep "0.$(awk -v seed="$kills$$" 'BEGIN { srand(seed); printf "%02d", 5 + int(25 * rand()) }')"
        if kill -9 $! 2>/dev/null; then
            kills=$((kills + 1))
        fi
        wait $! 2>/dev/null
        if [ -e "$WORK/killed/DONE" ]; then
            rm -rf "$WORK/killed"
            start killed "$1" --threads 1 >/dev/null 2>&1 &
        elif [ -e "$WORK/killed/checkpoint" ] || [ -e "$WORK/killed/checkpoint.old" ]; then
            "$KMC" resume "$WORK/killed" -q --threads $((kills % 3 + 1)) >/dev/null 2>"$WORK/killed.err" &
        else # killed before the first checkpoint
            rm -rf "$WORK/killed"
            start killed "$1" --threads 1 >/dev/null 2>&1 &
        fi
    done
    wait $! || { cat "$WORK/killed.err"; return 1; }
    same_results "whole_$1" killed
}
stopped() { # signal
    rm -rf "$WORK/stopped"
    start stopped cpu --threads 2 >/dev/null 2>"$WORK/stopped.err" &
    sleep 0.6
    kill "-$1" $!
    wait $!
    status=$?
    [ "$status" -gt 128 ] && [ ! -e "$WORK/stopped/DONE" ] && grep -q 'kmc resume' "$WORK/stopped.err" ||
        { echo "exit code $status"; cat "$WORK/stopped.err"; return 1; }
    rm -rf "$WORK/half"
    cp -R "$WORK/stopped" "$WORK/half"
    "$KMC" resume "$WORK/stopped" -q --threads 1 >/dev/null && same_results whole_cpu stopped
}
wallclock() {
    rm -rf "$WORK/slow"
    small slow cpu --max-wallclock 0.4
    [ $? = 142 ] || { echo "exit code is not 142"; return 1; }
    "$KMC" resume "$WORK/slow" -q --max-wallclock 0.2
    [ $? = 142 ] || { echo "exit code is not 142"; return 1; }
    "$KMC" resume "$WORK/slow" -q >/dev/null && same_results whole_cpu slow
}
altered() { # name, command on resolved.toml
    rm -rf "$WORK/$1"
    cp -R "$WORK/half" "$WORK/$1" && sed -i "$2" "$WORK/$1/resolved.toml"
}
fallback() { # the checkpoint before it is used when one is damaged
    rm -rf "$WORK/damaged"
    cp -R "$WORK/half" "$WORK/damaged"
    printf 'damage' | dd of="$WORK/damaged/checkpoint" bs=1 seek=300 conv=notrunc 2>/dev/null
    "$KMC" resume "$WORK/damaged" -q >/dev/null 2>"$WORK/last_err" && grep -q 'note: .*checkpoint: byte .*expected' "$WORK/last_err" &&
        same_results whole_cpu damaged
}
lost() { # both are damaged
    rm -rf "$WORK/lost"
    cp -R "$WORK/half" "$WORK/lost"
    truncate -s 100 "$WORK/lost/checkpoint"
    truncate -s 150 "$WORK/lost/checkpoint.old"
    unharmed lost 'checkpoint.old: error'
}
in_use() { # a second process is told of the first
    rm -rf "$WORK/busy"
    start busy cpu --set output.checkpoint_minutes=10 >/dev/null 2>&1 &
    sleep 0.4
    "$KMC" resume "$WORK/busy" -q >/dev/null 2>"$WORK/last_err"
    [ $? = 2 ] && grep -q "in use by process $! on" "$WORK/last_err" || { cat "$WORK/last_err"; return 1; }
    kill -9 $!
    wait $! 2>/dev/null
    "$KMC" resume "$WORK/busy" -q >/dev/null 2>"$WORK/last_err" && grep -q 'note: .*taken over' "$WORK/last_err"
}
hinted() { "$KMC" run builtin:demo -q -o "$WORK/half" 2>"$WORK/last_err"; [ $? = 2 ] && grep -q "kmc resume" "$WORK/last_err"; }
surface() { # free surfaces: depth.csv too
    set -- --set structure.geometry=slab
    rm -rf "$WORK/slab" "$WORK/cut"
    small slab cpu "$@" || return 1
    small cut cpu --max-wallclock 0.4 "$@"
    [ $? = 142 ] || { echo "exit code is not 142"; return 1; }
    "$KMC" resume "$WORK/cut" -q >/dev/null && same_results slab cut && cmp "$WORK/slab/depth.csv" "$WORK/cut/depth.csv"
}
switching() { # Li+ on the clock below a voltage: an engine is made anew at each passage, and by resume
    set -- --cycles 1 --replicas 1 --set structure.geometry=film --set structure.cells_a=8 --set structure.cells_b=3 --set structure.repeats=1 \
        --set structure.vacuum_cells=1 --set kinetics.lithium_transport=true --set kinetics.lithium_transport_below_V=3.9
    rm -rf "$WORK/film" "$WORK/cut"
    small film exact "$@" || return 1
    rm -rf "$WORK/cut"
    small cut exact --max-wallclock 0.05 "$@"
    [ $? = 142 ] || { echo "exit code is not 142"; return 1; }
    stops=1
    while [ ! -e "$WORK/cut/DONE" ]; do
        "$KMC" resume "$WORK/cut" -q --max-wallclock 0.1 >/dev/null
        stops=$((stops + 1))
        [ $stops -lt 200 ] || return 1
    done
    [ $stops -gt 2 ] || { echo "stopped $stops times"; return 1; }
    same_results film cut
}
watch_running() { # while it runs, after a kill, after the resume
    rm -rf "$WORK/watched"
    start watched cpu >/dev/null 2>&1 &
    until [ -e "$WORK/watched/status" ] || ! kill -0 $! 2>/dev/null; do sleep 0.01; done
    "$KMC" watch "$WORK/watched" >"$WORK/watch"
    kill -9 $!
    wait $! 2>/dev/null
    grep -q 'watched: running' "$WORK/watch" && grep -q '^replica .*, cycle .* of 24, .* V, x_Li' "$WORK/watch" && grep -q '^events an hour' "$WORK/watch" ||
        { cat "$WORK/watch"; return 1; }
    "$KMC" resume "$WORK/watched" -q >/dev/null && same_results whole_cpu watched || return 1
    "$KMC" watch "$WORK/watched" | tee "$WORK/watch" | grep -q 'watched: done' && grep -q '^   24 ' "$WORK/watch"
}
watch_refuses() { "$KMC" watch "$1" 2>"$WORK/last_err"; [ $? = 2 ] && grep -q 'hint: ' "$WORK/last_err"; }
expect "a run with many checkpoints ends" small whole_cpu cpu
expect "kmc watch shows a run; killed and resumed: the same files" watch_running
expect "the same with engine exact" small whole_exact exact
expect "SIGTERM, then resume: the same files" stopped TERM
expect "SIGINT, then resume with one thread: the same files" stopped INT
expect "--max-wallclock twice, then resume: the same files" wallclock
expect "--max-wallclock of a slab, then resume: the same files" surface
expect "Li+ on the clock below a voltage, stopped again and again: the same files" switching
expect "a run with a checkpoint hints at kmc resume" hinted
expect "resume refuses a finished run" unharmed whole_cpu 'found one that has finished'
mkdir -p "$WORK/foreign" && echo kept >"$WORK/foreign/file"
expect "resume refuses a foreign directory" unharmed foreign 'no run.json'
expect "kmc watch refuses a foreign directory" watch_refuses "$WORK/foreign"
altered other_scenario 's/^upper_cutoff_V = [0-9.]*/upper_cutoff_V = 4.7/'
expect "resume refuses a changed scenario" unharmed other_scenario 'hash of the scenario'
altered other_model 's/^gate_per_li_eV = [0-9.]*/gate_per_li_eV = 0.123/'
expect "resume refuses changed parameters" unharmed other_model "hash of the model's parameters"
expect "resume refuses an engine with other results" unharmed half 'run.engine' --engine exact
expect "a damaged checkpoint: the one before is used" fallback
expect "two damaged checkpoints are refused" lost
expect "one process at a time in a run directory" in_use
expect "killed ten times and resumed: the same files" killed cpu
expect "the same with engine exact" killed exact

saved_on_the_way() { # command: SIGUSR1 has a second checkpoint written, and the run goes on
    rm -rf "$WORK/usr1"
    set -- "$1" "$WORK/usr1"
    never=output.checkpoint_minutes=0
    case $1 in
    run) start usr1 cpu --threads 2 --set $never >/dev/null 2>"$WORK/usr1.err" & ;;
    resume)
        cp -R "$WORK/half" "$WORK/usr1" && rm -f "$WORK/usr1/checkpoint.old"
        sed -i 's/^checkpoint_minutes = [^ ]*/checkpoint_minutes = 0.0/' "$WORK/usr1/resolved.toml"
        "$KMC" resume "$WORK/usr1" -q >/dev/null 2>"$WORK/usr1.err" & ;;
    study)
        set -- "$1" "$WORK/usr1/o3"
        "$KMC" study tests/input/study/pair.toml -q --cycles 8 --set $never -o "$WORK/usr1" >/dev/null 2>"$WORK/usr1.err" & ;;
    esac
    until [ -e "$2/checkpoint.old" ] || ! kill -0 $! 2>/dev/null; do
        [ -e "$2/lock" ] && kill -USR1 $! # there is a program by now
        sleep 0.05
    done
    [ -e "$2/checkpoint.old" ] || { echo "no checkpoint was written on the way"; cat "$WORK/usr1.err"; return 1; }
    wait $! || { echo "exit code $?"; cat "$WORK/usr1.err"; return 1; }
    case $1 in
    study) same_results study_whole/o3 usr1/o3 && same_results study_whole/o2-Al usr1/o2-Al ;;
    *) same_results whole_cpu usr1 ;;
    esac
}
expect "SIGUSR1: kmc run writes a checkpoint and goes on" saved_on_the_way run
expect "SIGUSR1: kmc resume writes a checkpoint and goes on" saved_on_the_way resume
flipped() { # bytes all over the file: the checkpoint before is used, and the results are those of the whole run
    size=$(wc -c <"$WORK/half/checkpoint")
    for k in 0 4 8; do
        rm -rf "$WORK/flipped"
        cp -R "$WORK/half" "$WORK/flipped"
        sed -i 's/^checkpoint_minutes = [^ ]*/checkpoint_minutes = 0.0/' "$WORK/flipped/resolved.toml" # quicker
        at=$((size * k / 10 + k))
        byte=$(od -An -tu1 -j $at -N 1 "$WORK/half/checkpoint")
        printf "\\$(printf %o $(((byte + 1 + 25 * k) % 256)))" | dd of="$WORK/flipped/checkpoint" bs=1 seek=$at conv=notrunc 2>/dev/null
        [ $((k % 5)) = 4 ] && truncate -s $at "$WORK/flipped/checkpoint"
        "$KMC" resume "$WORK/flipped" -q >/dev/null 2>"$WORK/last_err" && grep -q 'going on from .*checkpoint.old' "$WORK/last_err" &&
            same_results whole_cpu flipped || { echo "byte $at of $size"; cat "$WORK/last_err"; return 1; }
    done
}
expect "damaged checkpoints: the same files from the one before" flipped
expect "requests for memory that fail: a code, a message, nothing lost" env QUICK=1 sh tests/faults.sh "$KMC" "$BUILD/faults.so" "$WORK/faults" 1500

verified() { # directory: all checks pass
    "$KMC" verify "$WORK/$1" >"$WORK/verify.out" && grep -q ' 0 failed' "$WORK/verify.out" && grep -q '^ok .*run.h5: replica .*discharge' "$WORK/verify.out" || { cat "$WORK/verify.out"; return 1; }
}
verify_half() { "$KMC" verify "$WORK/half" | tee "$WORK/verify.out" | grep -q '^ok .*checkpoint: replica 0: energy' && grep -q ' 0 failed' "$WORK/verify.out"; }
verify_sees() { # a run, command on a copy of it, words of the row: exit code 1
    rm -rf "$WORK/doubtful"
    cp -R "$WORK/$1" "$WORK/doubtful" && (cd "$WORK/doubtful" && sh -c "$2") 2>/dev/null
    "$KMC" verify "$WORK/doubtful" >"$WORK/verify.out"
    [ $? = 1 ] && grep -q "^FAILED .*$3" "$WORK/verify.out" || { cat "$WORK/verify.out"; return 1; }
}
verify_json() { "$KMC" verify "$WORK/whole_cpu" --json | tr -d '\n' | grep -Eq '^\{"rows": \[.*"ok": true\}\], "checked": [0-9]+, "failed": 0\}$'; }
listed() { # every state that the policy of this run names is there
    [ "$("$KMC" info "$WORK/whole_cpu" | awk 'NR > 1 { print $3 }' | sort | uniq -c | awk '{ printf "%s %s;", $2, $1 }')" = \
        "charge 14;charge@3.900 14;charge@4.300 14;discharge 14;discharge@3.600 14;initial 2;" ] || { "$KMC" info "$WORK/whole_cpu"; return 1; }
}
info_foreign() { "$KMC" info "$WORK/foreign"; [ $? = 2 ]; }
info_damaged() { # exit code 5, place, expected, found, hint
    rm -rf "$WORK/doubtful"
    cp -R "$WORK/whole_cpu" "$WORK/doubtful"
    truncate -s 2000 "$WORK/doubtful/run.h5"
    "$KMC" info "$WORK/doubtful" >"$WORK/last_out" 2>"$WORK/last_err"
    [ $? = 5 ] && grep -q '/run.h5: error: expected .*, found ' "$WORK/last_err" && grep -q 'hint: ' "$WORK/last_err" && [ "$(wc -l <"$WORK/last_err")" = 2 ]
}
verify_study() { "$KMC" verify "$WORK/study_2" >"$WORK/verify.out" && grep -q '/o3/cycles.csv' "$WORK/verify.out" && grep -q '/o2-Al/cycles.csv' "$WORK/verify.out" && grep -q ' 0 failed' "$WORK/verify.out"; }
verify_foreign() { "$KMC" verify "$WORK/foreign"; [ $? = 2 ]; }
expect "kmc verify finds a finished run sound" verified whole_cpu
expect "kmc verify finds a run of engine exact sound" verified whole_exact
expect "kmc verify finds the states of an interrupted run sound" verify_half
expect "kmc verify sees a damaged checkpoint" verify_sees half 'printf x | dd of=checkpoint bs=1 seek=500 conv=notrunc' 'checkpoint: byte'
expect "kmc verify sees a damaged snapshot" verify_sees half 'printf x | dd of=snapshots/r000_c0000_initial.snap bs=1 seek=800 conv=notrunc' 'initial.snap'
expect "kmc verify sees a damaged store" verify_sees whole_cpu 'printf xxxx | dd of=run.h5 bs=1 seek=3000 conv=notrunc' 'run.h5'
expect "kmc verify sees another energy" verify_sees whole_cpu "awk -F, 'NR == 1 { for (k = 1; k <= NF; k++) if (\$k == \"energy_eV\") e = k } NR > 1 { \$e += 1 } 1' OFS=, cycles.csv >c && mv c cycles.csv" 'another energy'
expect "kmc verify sees sums that are none" verify_sees whole_cpu "awk -F, 'NR == 2 { \$3 += 1 } 1' OFS=, cycles.csv >c && mv c cycles.csv" 'row 2: coulombic'
expect "kmc verify writes JSON" verify_json
expect "kmc verify refuses a foreign directory" verify_foreign
expect "kmc info lists the states that the keys name" listed
expect "kmc info refuses a foreign directory" info_foreign
expect "a damaged store: a message and exit code 5" info_damaged

echo "== study"
pair=tests/input/study/pair.toml
begin() { # directory, flags...: becomes the program; with & its process is $!
    directory=$1
    shift
    exec "$KMC" study "$pair" -q --set output.checkpoint_minutes=0.0005 -o "$WORK/$directory" "$@"
}
study() { (begin "$@"); }
same_study() { # two directories
    for scenario in o3 o2-Al; do
        same_results "$1/$scenario" "$2/$scenario" || return 1
    done
    [ ! -e "$WORK/$1/results.csv" ] || cmp "$WORK/$1/results.csv" "$WORK/$2/results.csv" || return 1
    [ -e "$WORK/$2/DONE" ] && [ ! -e "$WORK/$2/lock" ]
}
one_thread() { study study_1 --threads 1 && same_study study_2 study_1; }
one_table() { # six replicas of two scenarios, and the fades of summary.csv
    [ "$(grep -c . "$WORK/study_whole/results.csv")" = 7 ] && [ "$(cut -d, -f 1,5 "$WORK/study_whole/results.csv" | sort -u | wc -l)" = 7 ] &&
        awk -F, 'NR == 1 { for (k = 1; k <= NF; k++) if ($k == "voltage_fade_mV_per_cycle") f = k } $1 == "\"o3\"" { s += $f / 3 } END { printf "%.6f\n", s }' "$WORK/study_whole/results.csv" >"$WORK/fade_1" &&
        awk -F, '$1 == "voltage_fade_mV_per_cycle" { for (k = 2; k <= NF; k++) if ($k ~ /^-?[0-9.]+$/ && $k ~ /[.]/) { printf "%.6f\n", $k; exit } }' "$WORK/study_whole/o3/summary.csv" >"$WORK/fade_2"
    cmp "$WORK/fade_1" "$WORK/fade_2" && [ -s "$WORK/fade_1" ] || { cat "$WORK/fade_1" "$WORK/fade_2"; return 1; }
}
alone() { # each scenario by kmc run
    rm -rf "$WORK/alone"
    common="-q --replicas 3 --cycles 2 --set structure.cells_a=6 --set structure.cells_b=6"
    "$KMC" run builtin:demo $common --set run.name=o3 -o "$WORK/alone/o3" &&
        "$KMC" run builtin:o2-lmr $common --set run.name=o2-Al --set structure.repeats=2 \
            --set 'dopant=[{element="Al",site="TM",fraction=0.05,replaces="Mn"}]' -o "$WORK/alone/o2-Al" &&
        touch "$WORK/alone/DONE" && same_study alone study_2
}
repeats() { "$KMC" run "$WORK/study_2/o3/resolved.toml" -q -o "$WORK/repeats/o3" && same_results study_2/o3 repeats/o3; }
compared() {
    "$KMC" compare "$WORK/study_2/o3" "$WORK/study_2/o2-Al" >"$WORK/compared.out" && cmp "$WORK/compared.out" "$WORK/study_2.out" &&
        grep -q 'paired, n=3' "$WORK/compared.out"
}
# Kills 6 times; what a kill has left goes on with either command, on other threads.
killed_study() {
    kills=0
    rm -rf "$WORK/study_killed"
    begin study_killed --cycles 8 >/dev/null 2>&1 &
    while [ "$kills" -lt 6 ]; do
        sleep "0.$(awk -v seed="$kills$$" 'BEGIN { srand(seed); printf "%02d", 5 + int(25 * rand()) }')"
        if kill -9 $! 2>/dev/null; then
            kills=$((kills + 1))
        fi
        wait $! 2>/dev/null
        if [ -e "$WORK/study_killed/DONE" ]; then
            rm -rf "$WORK/study_killed"
        fi
        if [ -e "$WORK/study_killed/resolved.toml" ] && [ $((kills % 2)) = 0 ]; then
            "$KMC" resume "$WORK/study_killed" -q --threads $((kills % 3 + 1)) >/dev/null 2>"$WORK/killed.err" &
        else
            begin study_killed --cycles 8 >/dev/null 2>"$WORK/killed.err" &
        fi
    done
    wait $! || { cat "$WORK/killed.err"; return 1; }
    same_study study_whole study_killed
}
stopped_study() {
    rm -rf "$WORK/study_stopped"
    begin study_stopped --cycles 8 >/dev/null 2>"$WORK/stopped.err" &
    until [ -e "$WORK/study_stopped/o3/cycles.csv" ] || ! kill -0 $! 2>/dev/null; do sleep 0.01; done
    kill -TERM $!
    wait $!
    status=$?
    [ "$status" = 143 ] && [ ! -e "$WORK/study_stopped/DONE" ] && grep -q 'kmc resume' "$WORK/stopped.err" ||
        { echo "exit code $status"; cat "$WORK/stopped.err"; return 1; }
    rm -rf "$WORK/study_half"
    cp -R "$WORK/study_stopped" "$WORK/study_half"
    study study_stopped --cycles 8 --threads 1 >/dev/null && same_study study_whole study_stopped
}
study_unharmed() { # directory, expected words, flags...: refused with exit code 2, a hint and nothing changed
    directory=$WORK/$1
    words=$2
    shift 2
    before=$(cd "$directory" && find . -type f -exec cksum {} + | sort)
    "$KMC" study "$pair" -q -o "$directory" "$@" >"$WORK/last_out" 2>"$WORK/last_err"
    [ $? = 2 ] && grep -q "$words" "$WORK/last_err" && grep -q 'hint: ' "$WORK/last_err" || { cat "$WORK/last_err"; return 1; }
    [ "$before" = "$(cd "$directory" && find . -type f -exec cksum {} + | sort)" ] || { echo "files have changed"; return 1; }
}
lost_one() { # a run that cannot go on stops no other
    rm -rf "$WORK/study_lost"
    study study_lost --cycles 8 --max-wallclock 0.001 2>/dev/null
    [ $? = 142 ] || { echo "exit code is not 142"; return 1; }
    truncate -s 100 "$WORK/study_lost/o3/checkpoint"
    rm -f "$WORK/study_lost/o3/checkpoint.old"
    "$KMC" resume "$WORK/study_lost" -q >/dev/null 2>"$WORK/last_err"
    [ $? = 2 ] && grep -q 'study_lost/o3: error' "$WORK/last_err" && [ -e "$WORK/study_lost/o2-Al/DONE" ] &&
        [ ! -e "$WORK/study_lost/DONE" ] || { cat "$WORK/last_err"; return 1; }
    rm -rf "$WORK/study_lost/o3"
    "$KMC" run "$WORK/study_whole/o3/resolved.toml" -q -o "$WORK/study_lost/o3" >/dev/null &&
        "$KMC" resume "$WORK/study_lost" -q >/dev/null && same_study study_whole study_lost
}
study_wallclock() { # exit code 142 as long as something is left
    for limit in 0.001 0.1; do
        study study_slow --cycles 8 --max-wallclock $limit 2>/dev/null
        [ $? = 142 ] || { echo "exit code is not 142"; return 1; }
    done
    "$KMC" resume "$WORK/study_slow" -q --json >"$WORK/study.json" && grep -q '"reference": ".*/o3"' "$WORK/study.json" &&
        same_study study_whole study_slow
}
expect "a study of two scenarios ends" sh -c "'$KMC' study $pair -q --set output.checkpoint_minutes=0.0005 --threads 2 -o '$WORK/study_2' >'$WORK/study_2.out'"
expect "the same files with one thread" one_thread
expect "the same files by kmc run of each scenario" alone
expect "the resolved.toml of a scenario repeats its run" repeats
expect "its table is that of kmc compare, paired" compared
expect "a longer study ends" study study_whole --cycles 8
expect "results.csv holds all replicas, with the fades of the runs" one_table
expect "SIGTERM, then the same command with one thread: the same files" stopped_study
expect "killed six times and resumed: the same files" killed_study
watch_study() { "$KMC" watch "$WORK/$1" | tee "$WORK/watch" | grep -q "$2" && grep -Eq "^o2-Al +$3" "$WORK/watch" || { cat "$WORK/watch"; return 1; }; }
expect "kmc watch shows a finished study" watch_study study_2 'study_2: 2 of 2 scenarios done' done
expect "kmc verify finds the runs of a study sound" verify_study
expect "kmc watch shows one that was stopped" watch_study study_half 'kmc resume .*study_half' '(waiting|stopped|done)'
expect "SIGUSR1: kmc study writes checkpoints and goes on" saved_on_the_way study
expect "--max-wallclock twice, then resume: the same files" study_wallclock
expect "a finished study is refused" study_unharmed study_2 'found a finished one'
expect "another study in its directory is refused" study_unharmed study_half 'expected o3 .* as in'
expect "other flags are another study" study_unharmed study_half 'expected o3 .* as in' --cycles 8 --seed 2
expect "a foreign directory is refused" study_unharmed foreign 'found something else'
expect "a run directory is refused" study_unharmed whole_cpu 'found something else'
expect "a run that is lost stops no other, and one made apart takes its place" lost_one
shards() { # three shards, one of them stopped on the way; merged when two are there, and again with all
    for i in 1 2 3; do
        study shard_$i --cycles 8 --shard $i/3 >/dev/null 2>"$WORK/shards.err" || return 1
    done
    rm -rf "$WORK/shard_2"
    study shard_2 --cycles 8 --shard 2/3 --max-wallclock 0.3 2>/dev/null && return 1
    "$KMC" merge "$WORK/shard_1" "$WORK/shard_2" "$WORK/shard_3" -q -o "$WORK/merged" 2>"$WORK/shards.err"
    grep -q 'of 6 replicas are complete' "$WORK/shards.err" && [ ! -e "$WORK/merged/DONE" ] || return 1
    study shard_2 --cycles 8 --shard 2/3 >/dev/null 2>&1 &&
        "$KMC" merge "$WORK/shard_1" "$WORK/shard_2" "$WORK/shard_3" -q -o "$WORK/merged" >"$WORK/merged.out" &&
        same_study study_whole merged && diff -r "$WORK/merged/o3/resolved.toml" "$WORK/study_whole/o3/resolved.toml"
}
merge_refused() { # expected words, arguments...
    words=$1
    shift
    "$KMC" merge "$@" >"$WORK/last_out" 2>"$WORK/last_err"
    [ $? = 2 ] && grep -Eq "$words" "$WORK/last_err" && grep -q hint: "$WORK/last_err" || { cat "$WORK/last_err"; return 1; }
}
lost_shard() { # merging what is damaged changes nothing
    rm -rf "$WORK/merged_half"
    "$KMC" merge "$WORK/shard_1" -q -o "$WORK/merged_half" 2>/dev/null
    before=$(cd "$WORK/merged_half" && find . -type f -exec cksum {} + | sort)
    cp -R "$WORK/shard_3" "$WORK/shard_lost"
    truncate -s 300 "$WORK/shard_lost/o3/checkpoint"
    rm -f "$WORK/shard_lost/o3/checkpoint.old"
    merge_refused 'expected a run with a checkpoint' "$WORK/shard_lost" -o "$WORK/merged_half" &&
        [ "$before" = "$(cd "$WORK/merged_half" && find . -type f -exec cksum {} + | sort)" ]
}
other_shard() {
    study shard_other --cycles 2 --shard 2/3 >/dev/null 2>&1 &&
        merge_refused 'expected o3 [0-9a-f]* as in' "$WORK/shard_1" "$WORK/shard_other" -o "$WORK/merged_2" && [ ! -e "$WORK/merged_2" ]
}
done_in_shard() { # a run that someone has completed inside a shard is taken as it is
    cp -R "$WORK/shard_1" "$WORK/shard_whole"
    "$KMC" resume "$WORK/shard_whole/o3" -q >/dev/null && [ -e "$WORK/shard_whole/o3/DONE" ] &&
        "$KMC" merge "$WORK/shard_whole" "$WORK/shard_2" "$WORK/shard_3" -q -o "$WORK/merged_whole" >/dev/null && same_study study_whole merged_whole
}
other_engine() { # refused before anything is made
    study shard_exact --cycles 8 --engine exact --set run.replicas=3 --shard 3/3 --max-wallclock 0.5 >/dev/null 2>&1
    merge_refused 'exact engines.*parallel|parallel engines.*exact' "$WORK/shard_1" "$WORK/shard_exact" -o "$WORK/merged_exact" && [ ! -e "$WORK/merged_exact" ]
}
no_shard() {
    study shard_none --shard 4/3 2>"$WORK/last_err"
    [ $? = 2 ] && grep -q 'expected i/N .* found `4/3`' "$WORK/last_err" && grep -q hint: "$WORK/last_err" && [ ! -e "$WORK/shard_none" ]
}
rules() { # name, lines of [study]: a study of two small scenarios
    printf '[study]\nname = "%s"\nbase = "builtin:demo"\n%s\n[[scenario]]\nname = "o3"\nset = { structure.cells_a = 6, structure.cells_b = 6 }\n[[scenario]]\nname = "peroxo"\nset = { structure.cells_a = 6, structure.cells_b = 6, kinetics.molecular_oxygen = false }\n' "$1" "$2" >"$WORK/$1.toml"
}
precise() { # one scenario needs more replicas than the other; the same with one thread and after a stop
    rules target "$(printf 'cycles = 4\nreplicas = 3\nreplicas_max = 9\ntarget_standard_error_mV = 6')"
    "$KMC" study "$WORK/target.toml" -q -o "$WORK/target_1" >"$WORK/target.out" || return 1
    "$KMC" study "$WORK/target.toml" -q --threads 1 --max-wallclock 0.7 -o "$WORK/target_2" 2>/dev/null
    "$KMC" resume "$WORK/target_2" -q >/dev/null || return 1
    for run in o3 peroxo; do
        same_results target_1/$run target_2/$run || return 1
    done
    grep -q '"replicas": 9' "$WORK/target_1/o3/run.json" && grep -q '"replicas": [4-8],' "$WORK/target_1/peroxo/run.json"
}
decides() { # a parameter that is known to decide is found, one that does nothing is not
    rules sampled "$(printf 'cycles = 1\nreplicas = 2\nsamples = 8\nsample.protocol.upper_cutoff_V = [4.3, 4.9]\nsample.model.molecular_gas_eV = [-0.1, 0.1]')"
    "$KMC" study "$WORK/sampled.toml" -q -o "$WORK/sampled" >"$WORK/sampled.out" &&
        "$KMC" compare "$WORK/sampled" --metric charge_capacity_mAh_per_g -q --csv "$WORK/sampled.csv" &&
        awk -F, '$1 == "sensitivity" { share[$3] = $17; p[$3] = $16; n++ } END { exit !(n == 2 && share["protocol.upper_cutoff_V"] > 0.6 && p["protocol.upper_cutoff_V"] < 0.05 && share["model.molecular_gas_eV"] < 0.5) }' "$WORK/sampled.csv" &&
        grep -q '8 samples' "$WORK/sampled.out" && grep -q '95 % of samples' "$WORK/sampled.out" || { cat "$WORK/sampled.csv"; return 1; }
}
expect "three shards, one of them stopped and gone on with, merged: the same files" shards
expect "a shard that is whole is refused as another one" study_unharmed shard_1 'expected a new directory' --cycles 8 --shard 1/3
expect "a whole study is no shard" merge_refused 'expected a shard of a study' "$WORK/study_whole" -o "$WORK/merged_2"
expect "a foreign directory is no shard" merge_refused 'expected the directory of a shard' "$WORK/foreign" -o "$WORK/merged_2"
expect "shards of another study are refused" other_shard
expect "a damaged shard is refused, and nothing is merged" lost_shard
expect "--shard 4/3 is refused" no_shard
expect "a run that is complete in one shard is taken as it is" done_in_shard
expect "shards of other engines are refused, and no directory is made" other_engine
expect "kmc study runs replicas until fade is known well enough" precise
expect "samples of parameters: which one decides" decides

if [ -n "$PYTHON" ]; then
    echo "== python"
    snap="$WORK/hash/run.h5:"
    ase() {
        "$PYTHON" tests/test_export_ase.py "${snap}0:initial" "$WORK/initial.extxyz" "$WORK/initial.poscar" \
            "${snap}1:charge" "$WORK/charge.extxyz" "$WORK/charge.poscar"
    }
    expect "ASE reads extended XYZ and POSCAR: composition, cell, positions" ase
    readers() { "$PYTHON" tests/test_export_readers.py "${snap}1:charge" "$WORK/formats" | tee "$WORK/readers.log"; grep -q ' passed, 0 failed$' "$WORK/readers.log"; }
    expect "ASE, pymatgen, OVITO, VTK agree on every exported format: composition, cell, neighbours" readers
    for package in $(sed -n 's/^skipped: no package //p' "$WORK/readers.log"); do
        skipped="$skipped $package"
    done
    expect "figures of a run" "$PYTHON" -m lrmkmc figures "$WORK/hash" -o "$WORK/figures" --format svg
    report() {
        KMC_PYTHON=$PYTHON $KMC report "$WORK/hash" -o "$WORK/report.html" && grep -q 'id="viewer-data"' "$WORK/report.html" &&
            ! grep -q 'https\{0,1\}:' "$WORK/report.html"
    }
    expect "kmc report: one page that needs no network" report
    no_package() {
        KMC_PYTHON=/bin/false $KMC report "$WORK/hash" -o "$WORK/none.html" >"$WORK/report.log" 2>&1
        [ $? = 2 ] && [ ! -e "$WORK/none.html" ] && grep -q 'found KMC_PYTHON=/bin/false without it' "$WORK/report.log" &&
            grep -q 'hint: .pip install' "$WORK/report.log"
    }
    expect "kmc report without the Python package: message, hint, exit code 2" no_package
    wait "$pytest"
    n=$(grep -oE '[0-9]+ passed' "$WORK/pytest.log" | grep -oE '[0-9]+' | tail -1)
    f=$(grep -oE '[0-9]+ (failed|error)' "$WORK/pytest.log" | grep -oE '[0-9]+' | tail -1)
    passed=$((passed + ${n:-0}))
    failed=$((failed + ${f:-0}))
    [ -n "$n" ] || { bad "pytest"; tail -20 "$WORK/pytest.log"; }
    grep -E '^(FAILED|ERROR)' "$WORK/pytest.log"
    echo "   ${n:-0} python tests passed"
else
    skipped="$skipped python"
fi

wait "$beforehand"
if [ -n "$NVCC" ]; then
    echo "== nvcc"
    # shellcheck disable=SC2086
    expect "the kernels compile for every architecture that is shipped" build all-arch $kernel_objects
    include=$(dirname "$(dirname "$NVCC")")/include
    curand() {
        ${CXX:-c++} -O2 -std=c++17 -I"$include" -c -o "$WORK/curand.o" tests/curand_philox.cpp &&
            ${CXX:-c++} -O2 -std=c++17 -o "$WORK/philox" tests/philox_draw.cpp "$WORK/curand.o" && "$WORK/philox"
    }
    if [ -e "$include/curand_philox4x32_x.h" ]; then
        expect "random numbers are those of cuRAND and the known answers" curand
    else
        skipped="$skipped curand_philox4x32_x.h"
    fi
else
    skipped="$skipped nvcc"
fi

if [ -z "$QUICK" ]; then
    echo "== other compilers"
    other() { # variant
        expect "builds: $1" build "$1" kmc
        expect "golden hashes: $1" sh tests/golden.sh "$BUILD/$1/kmc" cpu 2
    }
    [ -n "$mpi" ] || skipped="$skipped MPI"
    other gcc-O0
    ranks() { # directory, ranks, flags...: the study of a pair on MPI ranks
        directory=$1
        n=$2
        shift 2
        OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 mpirun --oversubscribe -n "$n" "$BUILD/gcc-O0/kmc" study "$pair" -q \
            --set output.checkpoint_minutes=0.0005 --cycles 8 -o "$WORK/$directory" "$@" >"$WORK/last_ranks" 2>&1
    }
    same_ranks() { ranks "ranks_$1" "$1" && same_study study_whole "ranks_$1" && [ ! -e "$WORK/ranks_$1/shards" ] || { cat "$WORK/last_ranks"; return 1; }; }
    # Stopped by time on two ranks, killed on three, then one process.
    stopped_ranks() {
        ranks ranks_stopped 2 --max-wallclock 1
        [ -e "$WORK/ranks_stopped/resolved.toml" ] && [ ! -e "$WORK/ranks_stopped/DONE" ] && [ ! -e "$WORK/ranks_stopped/shards" ] || return 1
        ranks ranks_stopped 3 &
        sleep 2
        pkill -KILL -f "gcc-O0/kmc study $pair"
        wait $!
        "$KMC" resume "$WORK/ranks_stopped" -q >/dev/null && same_study study_whole ranks_stopped && [ ! -e "$WORK/ranks_stopped/shards" ]
    }
    if [ -n "$mpi" ]; then
        expect "a study on one MPI rank: the same files" same_ranks 1
        expect "a study on two MPI ranks: the same files" same_ranks 2
        expect "ranks stopped and killed, then one process goes on: the same files" stopped_ranks
    fi
    no_gpu() { # of a program built without CUDA
        for command in "run builtin:demo -o $WORK/no_gpu" bench selftest; do
            "$BUILD/gcc-O0/kmc" $command --engine cuda >"$WORK/last" 2>&1
            [ $? = 3 ] && grep -q 'hint: .*kmc info' "$WORK/last" && [ ! -e "$WORK/no_gpu" ] || { cat "$WORK/last"; return 1; }
        done
    }
    expect "engine cuda without a GPU: exit code 3 and a hint" no_gpu
    other gcc-native
    expect "golden hashes: the GPU's kernels, emulated" sh tests/golden.sh "$BUILD/gcc-native/kmc" cuda 1
    expect "golden hashes: the same, threads of a block from the last to the first" env EMULATED_ORDER=backwards \
        sh tests/golden.sh "$BUILD/gcc-native/kmc" cuda 1 o3 slab tiles particle-tiles
    expect "an advance that does not end is ended, the GPU's kernels, emulated" endless "$BUILD/gcc-native/kmc" cuda
    across() { # engine that begins, engine that goes on
        rm -rf "$WORK/across"
        for limit in 1 0.2 0.1 0.05 0.02; do
            [ -e "$WORK/across/checkpoint" ] && break
            rm -rf "$WORK/across"
            "$BUILD/gcc-native/kmc" run tests/golden/particle.toml -q --set output.snapshots=all --engine "$1" --max-wallclock $limit -o "$WORK/across" >/dev/null 2>&1
        done
        [ -e "$WORK/across/checkpoint" ] && "$BUILD/gcc-native/kmc" resume "$WORK/across" -q --engine "$2" >/dev/null && same_results across_whole across
    }
    "$BUILD/gcc-native/kmc" run tests/golden/particle.toml -q --set output.snapshots=all --engine cpu -o "$WORK/across_whole" >/dev/null
    expect "begun by cpu, gone on with by the GPU's kernels, emulated: the same files" across cpu cuda
    expect "begun by the GPU's kernels, emulated, gone on with by cpu: the same files" across cuda cpu
    expect "calls of CUDA that fail end a run with a message, and it goes on (a sample)" env ENGINE=cuda sh tests/faults.sh "$BUILD/gcc-native/kmc" - "$WORK/faults_cuda" 211
    if [ -n "$clang_openmp" ]; then
        other clang
    else
        skipped="$skipped clang"
    fi
    echo "== sanitizers"
    clean() { # variant, engine, scenarios...: golden hashes under a sanitizer that stops at the first finding
        variant=$1
        engine=$2
        shift 2
        ASAN_OPTIONS=abort_on_error=0:exitcode=99 UBSAN_OPTIONS=halt_on_error=1 TSAN_OPTIONS="halt_on_error=1 ignore_noninstrumented_modules=1" \
            sh tests/golden.sh "$BUILD/$variant/kmc" "$engine" 2 "$@"
    }
    expect "builds: address and undefined-behaviour sanitizers" build asan kmc
    expect "no finding of the address and undefined-behaviour sanitizers" clean asan cpu o3 hybrid slab tiles
    expect "no finding of them in the GPU's kernels, emulated" clean asan cuda li2mno3 fluorine
    for target in $targets; do
        expect "builds with them: replay_$target" build asan "replay_$target"
        expect "no finding of them in hostile files: $target" "$BUILD/asan/replay_$target" "$WORK/seeds/$target"/* tests/fuzz/corpus/$target/*
    done
    if [ -n "$clang_openmp" ]; then
        expect "builds: thread sanitizer" build tsan kmc
        expect "no race between tiles, regions and replicas" clean tsan cpu o2 tiles
    fi
    echo "== deliberate faults"
    fault() { # number, program, tests that must turn red
        expect "builds with fault $1" build "fault$1" "$2"
        turns_red() { "$BUILD/fault$1/$2" -j2 --quiet --filter "$3"; [ $? != 0 ]; }
        expect "$3 turns red with fault $1" turns_red "$@"
    }
    fault 1 test 'detailed_balance/*'
    fault 2 test 'detailed_balance/*'
    fault 3 validate 'pass_rates/*'
    selftest_fault() { # number, cases that see it
        expect "builds kmc with fault $1" build "fault$1" kmc
        selftest_red() { "$BUILD/fault$1/kmc" selftest --only "$2"; [ $? = 1 ]; }
        expect "kmc selftest turns red with fault $1" selftest_red "$@"
    }
    selftest_fault 1 balance
    selftest_fault 2 splits
    selftest_fault 3 passes
fi

[ -n "$skipped" ] && echo "skipped for want of:$skipped"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
