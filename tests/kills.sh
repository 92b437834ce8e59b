#!/bin/sh
# Kills a running study at random times, goes on after each, and compares the files with those of a study that nobody killed.
#   sh tests/kills.sh PROGRAM WORK [KILLS]      KILLS  SIGKILLs that meet a running program, 200 when left out;  SEED  of the times
# A study that ends before its kills are up is compared and begun anew.  Prints the number of kills and of studies that came to their end; exit code 1 at
# the first file that differs or study that does not go on.
program=$1
work=$2
wanted=${3:-200}
seed=${SEED:-$$}
rm -rf "$work"
mkdir -p "$work"
begin() { # directory
    exec "$program" study tests/input/study/pair.toml -q --cycles 8 --set output.checkpoint_minutes=0.0005 \
        --set output.snapshots=all --set output.snapshot_replicas=2 --set output.snapshot_charge_V=[3.9,4.3] --threads $((kills % 3 + 1)) -o "$work/$1"
}
kills=0
complete=0
resumed=0
(begin whole) >/dev/null 2>"$work/err" || { cat "$work/err"; exit 1; }
same() {
    for run in o3 o2-Al; do
        for file in cycles.csv profile.bdf.csv clusters.csv voids.csv summary.csv run.h5 DONE; do
            cmp "$work/whole/$run/$file" "$work/killed/$run/$file" || return 1
        done
    done
    [ -e "$work/killed/DONE" ] && [ ! -e "$work/killed/lock" ]
}
ended() { # a study that has come to its end
    same || { echo "FAILED  after $kills kills (seed $seed): files differ"; exit 1; }
    complete=$((complete + 1))
    rm -rf "$work/killed"
}
while [ "$kills" -lt "$wanted" ]; do
    if [ -e "$work/killed/resolved.toml" ] && [ $((kills % 2)) = 0 ]; then
        resumed=$((resumed + 1))
        "$program" resume "$work/killed" -q --threads $((kills % 3 + 1)) >/dev/null 2>"$work/err" &
    else
        begin killed >/dev/null 2>"$work/err" &
    fi
    sleep "$(awk -v seed="$seed$kills" 'BEGIN { srand(seed); printf "%.3f", 0.02 + 0.5 * rand() ^ 2 }')"
    kill -9 $! 2>/dev/null && killed=1 || killed=0
    wait $! 2>/dev/null
    status=$?
    [ $killed = 1 ] && [ $status = 137 ] && { kills=$((kills + 1)); continue; }
    [ $status = 0 ] || { echo "FAILED  after $kills kills (seed $seed): exit code $status"; cat "$work/err"; exit 1; }
    ended
done
if [ -e "$work/killed/resolved.toml" ]; then
    "$program" resume "$work/killed" -q >/dev/null 2>"$work/err" || { echo "FAILED  after $kills kills (seed $seed)"; cat "$work/err"; exit 1; }
    ended
fi
echo "$kills kills, seed $seed: $complete studies came to their end, all with the files of the one that nobody killed"
