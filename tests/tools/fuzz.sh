#!/bin/bash
# SPDX-License-Identifier: MIT
# fuzz.sh NAME: fuzzes one target for $TIME seconds, with clang's libFuzzer if clang is there and with
# the plain mutation driver if not. Inputs that break it are kept in build/fuzz/corpus-NAME.
set -eu
name=$1
seconds=${TIME:-60}
[ -f "tests/fuzz/${name}_fuzz.cc" ] || {
  echo "fuzz: no target '$name'; there are: $(cd tests/fuzz && echo ./*_fuzz.cc | sed -E 's/\.\/|_fuzz\.cc//g')" >&2
  exit 2
}
build() { make --no-print-directory -j"$(nproc)" "$@"; }
build PRESET=asan "build/asan/fuzz-$name"
if command -v clang++ >/dev/null; then
  corpus=build/fuzz/corpus-$name
  mkdir -p "$corpus"
  "build/asan/fuzz-$name" --seeds "$corpus"
  build PRESET=fuzz "build/fuzz/libfuzzer-$name"
  exec "build/fuzz/libfuzzer-$name" -max_total_time="$seconds" -max_len=16384 \
    -artifact_prefix="$corpus/" "$corpus"
fi
FUZZ_SECONDS=$seconds exec "build/asan/fuzz-$name"
