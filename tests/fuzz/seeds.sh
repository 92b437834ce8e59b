#!/bin/sh
# Seeds of the fuzz targets, made from what the repository holds: sh tests/fuzz/seeds.sh KMC FOLDER (with a folder for each target in it)
kmc=$1
to=$2
copy() { # target, files...
    target=$1
    shift
    for file; do cp "$file" "$to/$target/$(echo "$file" | tr / _)"; done
}
copy scenario tests/input/*.toml tests/golden/*.toml lattices/scenarios/*.toml
copy study tests/input/study/*.toml lattices/studies/*.toml
for study in "$to"/study/*.toml; do # few runs, as each loads a scenario
    sed 's/^samples = .*/samples = 2/' "$study" >"$to/error" && mv "$to/error" "$study"
done
for formula in Li1.2Ni0.13Co0.13Mn0.54O2 '0.5Li2MnO3*0.5LiNi1/3Co1/3Mn1/3O2' 'Li(Li1/6Ni1/6[Co1/6Mn]1/2)O2' 'LiNi.5Mn.5O1.9F0.1'; do
    printf %s "$formula" >"$to/formula/$(printf %s "$formula" | cksum | cut -d' ' -f1)"
done
# every key, and the words of values
"$kmc" defaults | sed -n 's/^\[*\([A-Za-z0-9_.]*\)\]*$/"\1"/p; s/^\([A-Za-z0-9_]*\) = .*/"\1 = "/p' | grep -v '""' | sort -u >"$to/words"
printf '"[[dopant]]"\n"[[scenario]]"\n"set."\n"base = "\n"builtin:demo"\n"[elements."\n' >>"$to/words"
# checkpoints before the first slice and in the middle, snapshots, and those of a run that ended; the crystal is that of fuzz_checkpoint.c
run() {
    "$kmc" run builtin:demo -q --engine exact --threads 1 --replicas 2 --cycles 2 --set structure.cells_a=6 --set structure.cells_b=6 \
        --set structure.repeats=1 "$@" >/dev/null 2>"$to/error"
}
for limit in 0.001 0.05 9; do
    run --max-wallclock $limit -o "$to/run" --set protocol.slice_percent=4 --set output.snapshot_charge_V=[4.4]
    [ -e "$to/run/checkpoint" ] && mv "$to/run/checkpoint" "$to/checkpoint/after_$limit"
    for file in "$to"/run/snapshots/*.snap; do [ -e "$file" ] && mv "$file" "$to/snapshot/$limit-$(basename "$file")"; done
    [ -e "$to/run/run.h5" ] && mv "$to/run/run.h5" "$to/store/whole.h5"
    rm -rf "$to/run"
done
[ -e "$to/store/whole.h5" ] && [ -n "$(ls "$to/checkpoint")" ] && [ -n "$(ls "$to/snapshot")" ] && [ -s "$to/words" ] || { cat "$to/error"; exit 1; }
