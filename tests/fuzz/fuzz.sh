#!/bin/sh
# Runs fuzz targets one after the other and prints a line for each.  Called by `make fuzz`, from the repository root.
#   sh tests/fuzz/fuzz.sh BUILD TARGET...
# KMC  program that writes seeds;  FUZZ_RUNS  executions of each target (default: 4 s of each)
# An input that crashes, hangs (10 s), leaks, asks for 256 MiB at once or 1 GiB in all ends the target with exit code 1 and stays in BUILD/found.
build=$1
shift
work=$build/seeds
rm -rf "$work" "$build/found"
mkdir -p "$work/checkpoint" "$work/snapshot" "$work/formula" "$work/scenario" "$work/study" "$work/store" "$build/found"
sh tests/fuzz/seeds.sh "$KMC" "$work" || exit 1
limit=-max_total_time=4
export ASAN_OPTIONS="malloc_context_size=2:quarantine_size_mb=8:$ASAN_OPTIONS" # half of the time is spent there
[ -n "$FUZZ_RUNS" ] && limit=-runs=$FUZZ_RUNS
status=0
printf '%-11s %10s %9s %9s %7s %9s\n' target executions coverage features seconds 'peak MiB'
for target; do
    mkdir -p "$build/corpus/$target"
    start=$(date +%s)
    if ! "$build/fuzz_$target" $limit -max_len=10000 -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=256 -print_final_stats=1 -verbosity=1 \
        -dict="$work/words" -artifact_prefix="$build/found/$target-" "$build/corpus/$target" "$work/$target" tests/fuzz/corpus/$target \
        >"$build/$target.log" 2>&1; then
        echo "$target: found something, see $build/$target.log and $build/found"
        grep -E 'SUMMARY|fuzz: |runtime error' "$build/$target.log" | head -5
        status=1
    fi
    awk -v name="$target" -v seconds=$(($(date +%s) - start)) '
        / cov: / { for (k = 1; k < NF; k++) { if ($k == "cov:") cov = $(k + 1); if ($k == "ft:") ft = $(k + 1) } }
        /number_of_executed_units/ { runs = $2 } /peak_rss_mb/ { peak = $2 }
        END { printf "%-11s %10d %9d %9d %7d %9d\n", name, runs, cov, ft, seconds, peak }' "$build/$target.log"
done
exit $status
