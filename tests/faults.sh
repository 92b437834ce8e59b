#!/bin/sh
# Lets one request for memory or one call of the system fail, the n-th, in a short run with checkpoints, in `kmc resume` and in `kmc export`.
#   sh tests/faults.sh PROGRAM LIBRARY WORK [EVERY]
#   ENGINE=cuda sh tests/faults.sh EMULATED_PROGRAM - WORK [EVERY]       lets calls of CUDA fail instead
#   FROM  first request for memory that fails in resume and export: about 17,000 before it read the same scenario as in run, and have failed there
#   COMMANDS  those that are tried (default "run resume export")
# LIBRARY  tests/faults.c;  EVERY  only each so many-th n of memory, and of calls a tenth of that (default 1: all);  QUICK=1  no calls of the system
# Demanded each time: a defined exit code, a message on stderr unless it is 0, no crash, no hang; a checkpoint that was there is not lost, and going on
# from it gives the files of the run without a fault.  Prints the number of cases by exit code and each case that failed; exit code 1 then.
program=$1
library=$2
work=$3
every=${4:-1}
rm -rf "$work"
mkdir -p "$work"
flags="-q --threads 1 --replicas 2 --cycles 1 --set structure.cells_a=6 --set structure.cells_b=6 --set structure.repeats=1 \
--set protocol.slice_percent=10 --set kinetics.initial_sweeps=1 --set output.checkpoint_minutes=1e-9 ${ENGINE:+--engine $ENGINE}"
failures=0

wrong() { # what
    failures=$((failures + 1))
    echo "FAILED  $command, $kind $n: $1 (exit code $status)"
    head -3 "$work/err" | sed 's/^/        /'
}

same() { # directory
    for file in cycles.csv profile.bdf.csv clusters.csv voids.csv summary.csv run.h5 DONE; do
        cmp "$work/whole/$file" "$1/$file" || return 1
    done
    [ ! -e "$1/checkpoint" ] && [ ! -e "$1/lock" ]
}

# The command under test; what stands before it lets it fail.
call() {
    case $command in
    run) timeout 60 "$@" "$program" run builtin:demo $flags -o "$work/dir" ;;
    resume) timeout 60 "$@" "$program" resume "$work/dir" -q ;;
    export) timeout 60 "$@" "$program" export "$work/whole" --cycle 1 --at charge --format extxyz -o "$work/dir/out" ;;
    esac
}

prepare() {
    rm -rf "$work/dir"
    case $command in
    resume) cp -R "$work/half" "$work/dir" ;;
    export) mkdir "$work/dir" ;;
    esac
}

inject() {
    case $kind in
    memory) call env LD_PRELOAD="$library" FAULT_AT="$n" ;;
    cuda) call env EMULATED_FAULT_AT="$n" ;;
    *) call strace -f -qq -o /dev/null -e trace="${kind%:*}" -e inject="${kind%:*}:error=${kind#*:}:when=$n" ;;
    esac >"$work/out" 2>"$work/err"
    status=$?
}

# The code of the program loader is 127, that of libgomp's own failures 1; 2 = the input could not be read.
judge() {
    case $status in
    0 | 1 | 2 | 4 | 5) ;;
    3) [ "$kind" = cuda ] || wrong "no GPU is used" ;;
    127) grep -Eq 'loading shared libraries|cannot allocate TLS|^out of memory$' "$work/err" || wrong "the exit code has no meaning" ;;
    139) [ "$kind" = mmap:ENOMEM ] && [ "$n" = 1 ] || wrong "the exit code has no meaning" ;; # the loader's own first mapping
    124) wrong "it hangs" ;;
    *) wrong "the exit code has no meaning" ;;
    esac
    [ "$status" = 0 ] || [ -s "$work/err" ] || wrong "no message"
}

# What is there goes on to the same files.
go_on() {
    if [ -e "$work/dir/DONE" ]; then
        rm -f "$work/dir/checkpoint" "$work/dir/checkpoint.old" "$work/dir/checkpoint.tmp" "$work/dir/lock" # what a failed removal has left
    elif [ -e "$work/dir/checkpoint" ] || [ -e "$work/dir/checkpoint.old" ]; then
        [ "$status" = 0 ] && wrong "not complete"
        timeout 60 "$program" resume "$work/dir" -q >"$work/out" 2>"$work/err2" || { wrong "it does not go on"; head -3 "$work/err2"; return; }
    elif [ $command = resume ]; then
        wrong "the checkpoint is lost"
        return
    else
        [ "$status" = 0 ] && wrong "no results"
        [ -e "$work/dir/cycles.csv" ] && wrong "cycles without a checkpoint"
        return
    fi
    same "$work/dir" >"$work/differ" 2>&1 || { wrong "other files"; head -3 "$work/differ"; }
}

exported() {
    if [ "$status" = 0 ]; then
        cmp -s "$work/dir/out" "$work/exported" || wrong "another file"
    else
        [ ! -e "$work/dir/out" ] || cmp -s "$work/dir/out" "$work/exported" || wrong "half a file"
    fi
}

case_of() {
    prepare
    inject
    judge
    echo "$status" >>"$work/codes"
    if [ $command = export ]; then exported; else go_on; fi
}

# Number of calls of a kind when nothing fails.
count() {
    prepare
    if [ "$kind" = memory ]; then
        call env LD_PRELOAD="$library" FAULT_COUNT="$work/count" >/dev/null 2>"$work/err" && cat "$work/count"
    elif [ "$kind" = cuda ]; then
        call env EMULATED_FAULT_COUNT="$work/count" >/dev/null 2>"$work/err" && cat "$work/count"
    else
        call strace -f -qq -o "$work/trace" -e trace="${kind%:*}" >/dev/null 2>"$work/err" && grep -c "^[0-9]* *${kind%:*}(" "$work/trace"
    fi
}

try_all() { # step
    : >"$work/codes"
    status=none
    calls=$(count)
    [ "${calls:-0}" -gt 0 ] || { [ "${kind%:*}" = "$kind" ] && wrong "no calls were counted"; return; }
    n=$((($1 < calls ? $1 + 1 : calls) / 2))
    [ $n = 0 ] && n=1
    [ $kind = memory ] && [ $command != run ] && [ -n "$FROM" ] && n=$FROM
    while [ "$n" -le "$calls" ]; do
        case_of
        n=$((n + $1))
    done
    echo "$command, $kind: $calls calls, $(wc -l <"$work/codes") failed in turn; exit codes$(sort -n "$work/codes" | uniq -c | awk '{ printf " %s x%s", $2, $1 }')"
}

# A disk that is full from the beginning on, and one that has room for so many KiB; needs the right to mount.
full_disk() {
    command=run
    kind="disk of KiB"
    for n in 4 8 12 16 20 24 28 32 40 48 64 96; do
        rm -rf "$work/dir" && mkdir -p "$work/disk"
        mount -t tmpfs -o "size=${n}k" tmpfs "$work/disk" 2>/dev/null || { echo "a full disk: left out, no right to mount"; return; }
        timeout 60 "$program" run builtin:demo $flags -o "$work/disk/dir" >"$work/out" 2>"$work/err"
        status=$?
        judge
        [ -e "$work/disk/dir" ] && cp -R "$work/disk/dir" "$work/dir"
        umount "$work/disk"
        [ "$status" = 0 ] || [ "$status" = 5 ] || wrong "expected exit code 5"
        go_on
        echo "run, disk of $n KiB: exit code $status"
    done
}

"$program" run builtin:demo $flags -o "$work/whole" >/dev/null &&
    "$program" export "$work/whole" --cycle 1 --at charge --format extxyz -q -o "$work/exported" || exit 1
limit=0.02
until [ -e "$work/half/checkpoint.old" ]; do
    rm -rf "$work/half"
    "$program" run builtin:demo $flags -o "$work/half" --max-wallclock $limit >/dev/null 2>&1
    [ $? = 0 ] && { echo "the run ended before it was stopped"; exit 1; }
    limit=$(echo "$limit" | awk '{ print $1 * 1.3 }')
done
if [ -n "$ENGINE" ]; then
    kind=cuda
    for command in run resume; do try_all "$every"; done
    [ "$failures" = 0 ]
    exit
fi
for command in ${COMMANDS:-run resume export}; do
    kind=memory
    try_all "$every"
    if [ -z "$QUICK" ]; then
        command -v strace >/dev/null || { echo "calls of the system: left out, strace is missing: apt-get install strace"; continue; }
        for kind in openat:EACCES openat:EMFILE read:EIO pread64:EIO write:ENOSPC write:EIO pwrite64:ENOSPC fsync:EIO close:EIO rename:EIO link:EPERM \
            unlink:EPERM mkdir:ENOSPC ftruncate:ENOSPC fcntl:ENOLCK newfstatat:EIO mmap:ENOMEM; do
            try_all $(((every + 9) / 10))
        done
    fi
done
[ -n "$QUICK" ] || full_disk
[ "$failures" = 0 ]
