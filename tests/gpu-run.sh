#!/bin/sh
# Checks this machine and runs all GPU tests of the bundle.
#   sh run.sh OUT        exit code 0: all passed, 1: not, 3: this machine lacks a GPU, a driver or a glibc that is new enough
[ $# = 1 ] || { echo "run.sh: error: expected an output folder, found $# arguments
    hint: sh run.sh gpu-results" >&2; exit 2; }
glibc_needed=@GLIBC@
driver_needed=@DRIVER@ # of CUDA @CUDA@
case $1 in /*) out=$1 ;; *) out=$PWD/$1 ;; esac
cd "$(dirname "$0")" || exit 2

at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -1)" = "$1" ]; } # needed, found
refuse() { echo "run.sh: $1
    hint: $2"; exit 3; }

glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null | sed 's/glibc //')
at_least "$glibc_needed" "${glibc:-0}" ||
    refuse "expected glibc $glibc_needed or later, found ${glibc:-another C library}" "build on this machine or on one as old: make gpu-bundle"
driver=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null | head -1)
[ -n "$driver" ] || driver=$(sed -n 's/^NVRM version:.*  \([0-9][0-9.]*\)  .*/\1/p' /proc/driver/nvidia/version 2>/dev/null)
case $driver in
[0-9]*) ;;
*) refuse "no GPU: no NVIDIA driver answers on this machine" "is nvidia-smi in PATH, and does it list a device?" ;;
esac
at_least "$driver_needed" "$driver" ||
    refuse "expected an NVIDIA driver $driver_needed or later (CUDA @CUDA@), found $driver" "update the driver, or build with an older toolkit: CUDA_HOME=... make gpu-bundle"
sh tests/gpu-check.sh ./kmc "$out"
