#!/bin/sh
# Puts together one folder for a machine that has only the NVIDIA driver and the CUDA toolkit: program, golden scenarios and hashes, GPU checks.
#   sh tests/gpu-bundle.sh PROGRAM FOLDER        called by make gpu-bundle; the folder is made anew
# Refuses a program that needs more shared libraries than glibc's own.
[ $# = 2 ] || { echo "gpu-bundle.sh: error: expected PROGRAM FOLDER, found $# arguments
    hint: make gpu-bundle" >&2; exit 2; }
program=$1
folder=$2
[ -n "$NVCC" ] && [ -x "$NVCC" ] || { echo "gpu-bundle: error: expected nvcc, found none
    hint: a GPU bundle needs the CUDA toolkit here: CUDA_HOME=... make gpu-bundle" >&2; exit 2; }

foreign=$(objdump -p "$program" | sed -n 's/^ *NEEDED *//p' | grep -vE '^(libc|libm|libdl|librt|libpthread)\.so|^ld-linux')
[ -z "$foreign" ] || { echo "gpu-bundle: error: $program: expected no shared library but glibc's, found $foreign
    hint: are libstdc++.a, libgomp.a and libcudart_static.a installed?" >&2; exit 2; }

glibc=$(objdump -T "$program" | grep -oE 'GLIBC_[0-9]+\.[0-9.]+' | sed 's/GLIBC_//' | sort -Vu | tail -1)
cuda=$("$NVCC" --version | sed -n 's/.*release \([0-9]*\.[0-9]*\).*/\1/p')
case $cuda in # NVIDIA's table of minor-version compatibility
13.*) driver=580 ;;
12.*) driver=525 ;;
11.*) driver=450 ;;
*) echo "gpu-bundle: error: expected CUDA 11, 12 or 13, found release ${cuda:-unknown} of $NVCC
    hint: add the minimum driver of this release to tests/gpu-bundle.sh" >&2; exit 2 ;;
esac

rm -rf "$folder"
mkdir -p "$folder/tests/golden" || exit 5
strip --strip-debug -o "$folder/kmc" "$program" || exit 5
cp tests/golden.sh tests/gpu-check.sh "$folder/tests/" || exit 5
cp tests/golden/*.toml tests/golden/hashes.txt "$folder/tests/golden/" || exit 5
cp LICENSE "$folder/" || exit 5
sed "s/@GLIBC@/$glibc/; s/@DRIVER@/$driver/; s/@CUDA@/$cuda/" tests/gpu-run.sh >"$folder/run.sh" || exit 5
echo "lrm-kmc on a GPU: \`sh run.sh OUT\` compares its hashes with tests/golden/hashes.txt, runs compute-sanitizer where the toolkit has it, \
measures speed, and leaves everything in OUT; needs glibc $glibc or later and an NVIDIA driver $driver or later (CUDA $cuda). \
\`./kmc --help\` for all else; built from git $("$program" info | sed -n 's/.*git //p' | head -1)." >"$folder/README"

megabytes=$(($(du -sk "$folder" | cut -f1) / 1024))
[ "$megabytes" -le 50 ] || { echo "gpu-bundle: error: $folder: expected at most 50 MB, found $megabytes
    hint: fewer architectures: make gpu-bundle BUNDLE_ARCH=90" >&2; exit 1; }
echo "$folder: $megabytes MB, glibc >= $glibc, driver >= $driver"
