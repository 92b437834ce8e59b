#!/bin/sh
# embed.sh OUT.c FILE... : writes the C table of embedded.h with the bytes of every FILE.
# POSIX sh, od and sed only, so that a fresh machine needs nothing to build.
set -eu
if [ $# -lt 2 ]; then
    echo "embed.sh: expected OUT.c FILE..., found $# arguments" >&2
    exit 2
fi
out=$1
shift
tmp=$out.tmp.$$
trap 'rm -f "$tmp"' EXIT
{
    echo '/* Written by kmc/embed.sh; do not edit. */'
    echo '#include "embedded.h"'
    n=0
    for file in "$@"; do
        echo "static const unsigned char file_$n[] = {"
        od -An -v -tx1 "$file" | sed 's/[[:space:]]*\([0-9a-f][0-9a-f]\)/0x\1,/g'
        echo '0x00};'
        n=$((n + 1))
    done
    echo 'const struct embedded_file embedded_files[] = {'
    n=0
    for file in "$@"; do
        name=$(basename "$(dirname "$file")")/$(basename "$file")
        echo "    {\"$name\", file_$n, sizeof file_$n - 1},"
        n=$((n + 1))
    done
    echo '};'
    echo "const size_t embedded_file_count = $n;"
} >"$tmp"
for file in "$@"; do # od's failure is hidden by the pipe above
    [ -r "$file" ] || { echo "embed.sh: cannot read $file" >&2; exit 1; }
done
mv "$tmp" "$out"
