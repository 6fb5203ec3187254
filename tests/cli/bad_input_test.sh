#!/bin/bash
# SPDX-License-Identifier: MIT
# Bad usage and bad files: one clear line, exit code 2, nothing half-written left behind. Uses the
# AddressSanitizer build where there is one, so that a bad read shows.
[ build/asan/xengvt -nt build/release/xengvt ] && XENGVT=${XENGVT:-build/asan/xengvt} # one that is older is none of this tree
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
whole=$work/whole.aub
zstd -q -d "tests/corpus/aub/skl-compute-64.aub.zst" -o "$whole"
size=$(stat -c %s "$whole")

refused "no sub-command"
refused "unknown sub-command" frobnicate
for command in demo scan run record replay "trace show"; do
  # shellcheck disable=SC2086  # a command may be two words
  refused "$command: unknown option" $command --frobnicate
  # shellcheck disable=SC2086
  run $command --help
  check "$command --help" [ "$status" = 0 -a -s "$work/out" ]
done
for command in scan "run --native" "run --mediated" replay "trace show"; do
  # shellcheck disable=SC2086
  refused "$command: no file" $command
  # shellcheck disable=SC2086
  refused "$command: missing file" $command "$work/missing"
  # shellcheck disable=SC2086
  refused "$command: a folder" $command "$work"
  : >"$work/empty"
  # shellcheck disable=SC2086
  refused "$command: empty file" $command "$work/empty"
  head -c 65536 Makefile >"$work/nonsense"
  # shellcheck disable=SC2086
  refused "$command: nonsense" $command "$work/nonsense"
done
refused "run: neither native nor mediated" run "$whole"
refused "run: both native and mediated" run "$whole" --native --mediated
refused "demo: no guests" demo --guests 0 --out "$work/demo"
refused "demo: a million guests" demo --guests 1000000 --out "$work/demo"
refused "demo: guests is a number" demo --guests many --out "$work/demo"
refused "demo: negative seconds" demo --seconds -1 --out "$work/demo"
# A GPU of the host: a made-up one that a driver holds, then one that firmware gave no addresses.
device=$work/host/sys/bus/pci/devices/0000:00:02.0
mkdir -p "$device"
refused "host: no word" host
refused "host: unknown word" host frobnicate
refused "host probe: no GPU" host probe --root "$work/host/"
echo 0x8086 >"$device/vendor"; echo 0x1912 >"$device/device"; echo 0x030000 >"$device/class"
refused "host probe: BARs without addresses" host probe --root "$work/host/"
printf '%s\n' '0xf0000000 0xf0ffffff 0x140204' '0 0 0' '0xe0000000 0xefffffff 0x14220c' >"$device/resource"
refused "host selftest: nothing to configure it by" host selftest --root "$work/host/"
refused "host probe: another address" host probe --root "$work/host/" --gpu 0000:00:03.0
ln -s ../../../drivers/i915 "$device/driver"
refused "host probe: held by a driver" host probe --root "$work/host/"
run host list --root "$work/host/" --json
check "host list says why not" grep -q 'held by the kernel driver i915' "$work/out"
check "a refused demo leaves nothing" [ ! -e "$work/demo" ]

# AUB files, cut short at many places: never legal, since what they announce is not there, or end
# between two records.
for n in 1 3 4 17 100 1000 $((size / 3)) $((size / 2)) $((size - 1)); do
  head -c "$n" "$whole" >"$work/cut.aub"
  survives "cut at $n" scan "$work/cut.aub"
  survives "cut at $n" run --mediated "$work/cut.aub"
done
survivors "truncated AUB files"
head -c $((size - 1)) "$whole" >"$work/cut.aub"
refused "scan: AUB file one byte short" scan "$work/cut.aub"
refused "run: AUB file one byte short" run --mediated "$work/cut.aub"
head -c 2000 tests/corpus/aub/skl-tri-256.aub.zst >"$work/cut.aub.zst"
refused "scan: compressed AUB file cut short" scan "$work/cut.aub.zst"

for _ in $(seq 60); do
  cp "$whole" "$work/flipped.aub"
  for _ in 1 2 3; do
    random "$size"
    at=$value
    random 8
    flip "$work/flipped.aub" "$at" "$value"
  done
  survives "flipped near $at" scan "$work/flipped.aub"
  survives "flipped near $at" run --mediated "$work/flipped.aub"
done
survivors "bit-flipped AUB files"
