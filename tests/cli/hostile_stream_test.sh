#!/bin/bash
# SPDX-License-Identifier: MIT
# A stream made hostile beside a good one: it is refused or given up, the run ends by itself, and the
# good one's results are what they are alone.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

good=tests/corpus/aub/skl-tri-256.aub.zst
zstd -qdc tests/corpus/aub/skl-compute-64.aub.zst >"$work/plain.aub"
ring=173140 batch=444  # where the file holds its ring's and its first batch's first dword

# hostile NAME OFFSET DWORD...: a copy of the stream with dwords replaced.
hostile() {
  local file=$work/$1.aub offset=$2 dword
  shift 2
  cp "$work/plain.aub" "$file"
  for dword in "$@"; do
    printf "%b" "$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' $((dword & 255)) $((dword >> 8 & 255)) \
      $((dword >> 16 & 255)) $((dword >> 24 & 255)))" |
      dd of="$file" bs=1 seek="$offset" conv=notrunc status=none
    offset=$((offset + 4))
  done
}
hostile privileged-register $ring 0x11000001 0x2080 0 0
hostile store-outside-windows $ring 0x10400002 0xff000000 0 1
hostile context-as-batch $ring 0x18800001 0x2000 0 0
hostile batch-in-the-void $ring 0x18800101 0xfffee000 0xdead 0
hostile endless-batch $batch 0x18800101 0xfffee000 0xfffffffe
hostile endless-deaf-batch $batch 0x04000000 0x18800101 0xfffee000 0xfffffffe
hostile endless-wait $batch 0x0e00c002 0xdeadbeef 0xfffee100 0xfffe 0x05000000

second() { field "$1" "$2" | tr -d '[]"' | cut -d, -f2; }
run run "$good" --native --json
memory=$(field "$work/out" memory | tr -d '[]"') stream=$(field "$work/out" stream | tr -d '[]"')
for file in "$work"/*-*.aub; do
  name=$(basename "$file" .aub)
  run run "$file" "$good" --mediated --json
  same "$name: the run says that something is wrong" 1 "$status"
  same "$name: the neighbour's memory" "$memory" "$(second "$work/out" memory)"
  same "$name: what the neighbour executed" "$stream" "$(second "$work/out" stream)"
  same "$name: no DMA left its guest" 0 "$(field "$work/out" dma_violations)"
done
