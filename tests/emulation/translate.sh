#!/bin/sh
# Turns CUDA into C++ for tests/emulation: launches `kernel<<<grid, threads, bytes, stream>>>(...)` into emulate_launch, dynamic shared memory into a pointer.
#   sh tests/emulation/translate.sh kernels/x.cu >x.cpp
sed -E -e 's/extern __shared__ (struct [a-z_]+) ([a-z_]+)\[\];/\1 *\2 = (\1 *)emulated_shared;/' \
    -e ':a' -e '/<<</{/;[[:space:]]*$/!{N;ba}}' \
    -e 's/([a-z_]+)<<<(.*), ([A-Za-z_]+|[0-9]+), ([a-z_]+|0), [a-z>-]+>>>\(([^;]*)\);/emulate_launch(\2, \3, \4, [=] { \1(\5); });/' "$1"
