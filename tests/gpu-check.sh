#!/bin/sh
# Everything that needs a GPU, within eight minutes: hashes, sanitizers, speed.  Ends with `N passed, N failed`; exit code 3 where no GPU answers.
#   sh tests/gpu-check.sh PROGRAM OUTDIR
# Writes OUTDIR/gpu-check.log (all that is printed), gpu-hashes.txt (golden lines of this GPU), selftest.log, bench-*.json, sanitizer-*.log.
# LIMIT  seconds for all of it (480);  CUDA_HOME  where compute-sanitizer may be
[ $# = 2 ] || { echo "gpu-check.sh: error: expected PROGRAM OUTDIR, found $# arguments
    hint: sh tests/gpu-check.sh build/kmc build/gpu-check" >&2; exit 2; }
program=$1
out=$2
tests=$(dirname "$0")
limit=${LIMIT:-480}
begin=$(date +%s)
passed=0
failed=0
[ -x "$program" ] || { echo "gpu-check.sh: error: expected a program, found nothing to run at $program
    hint: make" >&2; exit 2; }
mkdir -p "$out" || exit 5
work=$(mktemp -d) || exit 5
trap 'rm -rf "$work"' EXIT

if ! "$program" check "$tests/golden/o3.toml" --engine cuda >"$work/first" 2>&1; then
    reason=$(sed -n 's/.*found "cuda": //p' "$work/first" | head -1)
    echo "no GPU check: ${reason:-$(head -1 "$work/first")} (a machine with an NVIDIA GPU, its driver and a program built with nvcc is needed)" |
        tee "$out/gpu-check.log"
    exit 3
fi

ok() { passed=$((passed + 1)); }
bad() { failed=$((failed + 1)); echo "FAILED  $1"; }

# Runs a command for at most SECONDS, and never past the limit of the whole check.
limited() { # seconds, command...
    left=$((limit - $(date +%s) + begin))
    seconds=$1
    shift
    [ "$left" -gt 0 ] || { echo "no time left (LIMIT=$limit s)"; return 124; }
    [ "$seconds" -lt "$left" ] || seconds=$left
    timeout "$seconds" "$@"
}

names() { (cd "$tests/golden" && ls -- *.toml | sed 's/\.toml$//'); }

device() {
    echo "== device"
    smi=$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null | head -1)
    toolkit=$(nvcc --version 2>/dev/null | sed -n 's/.*release \([^,]*\).*/\1/p')
    git=$("$program" info | sed -n 's/.*git \(.*\)/\1/p' | head -1)
    echo "GPU          ${smi:-unknown (no nvidia-smi)}"
    echo "toolkit      ${toolkit:-no nvcc here}"
    "$program" info
    {
        echo "# engine cuda; name, replica, cycle, state hash"
        echo "# device and driver: ${smi:-unknown}; toolkit here: ${toolkit:-none}; program: git ${git:-unknown}, $("$program" info | sed -n 's/^CUDA *//p')"
    } >"$out/gpu-hashes.txt"
}

# One test for each line of `expected`: is it in `found`?
compare_lines() { # what, expected, found
    while read -r line; do
        if grep -qxF "$line" "$3"; then ok; else bad "$1: expected $line, found $(grep "^${line% *} " "$3" || echo nothing)"; fi
    done <"$2"
}

hashes() {
    echo "== hashes of the golden scenarios"
    for name in $(names); do
        started=$(date +%s)
        WORK=$work limited 60 sh "$tests/golden.sh" --print "$program" cuda 0 "$name" >"$work/cuda" || echo "$name: engine cuda failed"
        after=$(date +%s)
        WORK=$work limited 60 sh "$tests/golden.sh" --print "$program" cpu 0 "$name" >"$work/cpu" || echo "$name: engine cpu failed"
        echo "   $name: cuda $((after - started)) s, cpu $(($(date +%s) - after)) s"
        cat "$work/cuda" >>"$out/gpu-hashes.txt"
        grep "^$name " "$tests/golden/hashes.txt" >"$work/expected"
        [ -s "$work/expected" ] || bad "$name: not in golden/hashes.txt"
        before=$failed
        compare_lines "$name: cuda against hashes.txt" "$work/expected" "$work/cuda"
        compare_lines "$name: cuda against cpu here" "$work/cpu" "$work/cuda"
        compare_lines "$name: cpu here against hashes.txt" "$work/expected" "$work/cpu"
        if [ "$failed" != "$before" ]; then
            limited 60 "$program" divergence "$tests/golden/$name.toml" --engine-a cpu --engine-b cuda 2>&1 | sed 's/^/        /'
        fi
    done
}

self_test() {
    echo "== self-test"
    if limited 60 "$program" selftest --engine cuda --length 0.1 >"$out/selftest.log" 2>&1; then
        ok
        tail -1 "$out/selftest.log"
    else
        bad "kmc selftest --engine cuda: exit status $?, see $out/selftest.log"
    fi
}

# A run that needs a few dozen calls: all kernels, hardly any work.
tiny() { # geometry
    set -- "$1" --cycles 1 --replicas 2 --set protocol.slice_percent=20 --set protocol.upper_cutoff_V=4.7 --set kinetics.initial_sweeps=2 \
        --set kinetics.equilibration_sweeps=0.3 --set kinetics.sub_slices=1 --set kinetics.sub_slices_max=1
    case $1 in
    bulk) shift; echo "$tests/golden/o3.toml $*" ;;
    slab) shift; echo "$tests/golden/slab.toml $*" ;;
    particle) shift; echo "$tests/golden/particle.toml $*" ;;
    *) shift; echo "$tests/golden/tiles.toml $* --replicas 1 --set structure.cells_a=17 --set structure.cells_b=17 --set structure.repeats=1" ;;
    esac
}

sanitize() { # tool, geometry
    log=$out/sanitizer-$1-$2.log
    rm -rf "$work/run"
    started=$(date +%s)
    # shellcheck disable=SC2046
    if limited 60 "$sanitizer" --tool "$1" --error-exitcode 86 "$program" run $(tiny "$2") -q --engine cuda -o "$work/run" >"$log" 2>&1; then
        ok
        echo "   $1, $2: clean, $(($(date +%s) - started)) s"
    else
        bad "$1, $2: exit status $?, see $log"
        grep '=========' "$log" | head -20 | sed 's/^/        /'
    fi
}

sanitizers() {
    echo "== compute-sanitizer"
    sanitizer=$(command -v compute-sanitizer || command -v "${CUDA_HOME:-/usr/local/cuda}/bin/compute-sanitizer")
    [ -n "$sanitizer" ] || { echo "   skipped: no compute-sanitizer in PATH or ${CUDA_HOME:-/usr/local/cuda}/bin"; return; }
    for geometry in bulk slab particle tiles; do
        for tool in memcheck racecheck initcheck synccheck; do
            sanitize $tool $geometry
        done
    done
}

bench() { # name, seconds, flags...
    name=$1
    seconds=$2
    shift 2
    echo "-- $name"
    if limited "$seconds" "$program" bench -q "$@" --json "$out/bench-$name.json" 2>&1; then
        ok
    else
        bad "kmc bench $*: exit status $?"
    fi
}

speed() {
    echo "== speed"
    "$program" --help | grep -q '^  bench ' || { echo "   skipped: this program has no kmc bench"; return; }
    bench cuda 90 --engine cuda --seconds 3
    bench cpu-1 60 --engine cpu --threads 1 --seconds 2 --workload W1,W2
    bench cpu-all 60 --engine cpu --threads 0 --seconds 2 --workload W1,W2
}

check() {
    device
    hashes
    self_test
    speed
    sanitizers
    echo "$(($(date +%s) - begin)) s in all"
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ] && [ "$passed" != 0 ] && echo fine >"$work/fine"
}

check 2>&1 | tee "$out/gpu-check.log"
[ -e "$work/fine" ]
