# Sourced by check.sh in an environment of its own: same REFERENCE PROGRAM WORK
same() {
    rm -rf "$3/hash_env"
    "$2" run builtin:demo -q --cycles 1 --replicas 2 --set structure.cells_a=6 --set structure.cells_b=6 -o "$3/hash_env" >/dev/null || return 1
    now=$(sed 1d "$3/hash_env/cycles.csv" | sed 's/.*,//')
    [ "$now" = "$1" ] || { echo "expected $1, found $now"; return 1; }
}
