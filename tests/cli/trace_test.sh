#!/bin/bash
# SPDX-License-Identifier: MIT
# Recordings: the demo's trace and the committed ones replay bit for bit; a changed one says where it
# goes another way; damaged ones are refused.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
trace=$work/demo.trace

replays() {
  run replay "$2" --json
  if [ "$status" = 0 ] && [ "$(field "$work/out" matches)" = true ]; then pass "$1"
  else miss "$1" "exit code $status: $(head -c 300 "$work/out" "$work/err")"; fi
}
run record demo --out "$work/demo" -o "$trace"
check "the demo can be recorded" [ "$status" = 0 -a -s "$trace" ]
replays "the demo's trace replays" "$trace"
check "replay names its events" [ "$(field "$work/out" events)" -gt 100 ]
state=$(field "$work/out" state)
run replay "$trace" --json
same "a replay ends in the same state every time" "$state" "$(field "$work/out" state)"
for golden in tests/traces/*.trace tests/traces/*.trace.zst; do
  [ -f "$golden" ] && replays "golden $(basename "$golden") replays" "$golden"
done

run trace show "$trace"
check "a trace has a text form" [ "$status" = 0 -a "$(wc -l <"$work/out")" -gt 100 ]

# Damaged traces; with the sanitizer build if it is there.
[ build/asan/xengvt -nt build/release/xengvt ] && xengvt=build/asan/xengvt
run record demo --guests 1 --seconds 0.05 --out "$work/demo" -o "$work/small.trace"
small=$work/small.trace
size=$(stat -c %s "$small" 2>/dev/null || echo 0)
check "a small trace can be recorded" [ "$size" -gt 100 ]
[ "$size" -gt 100 ] || exit 1
head -c $((size - 1)) "$small" >"$work/cut.trace"
refused "trace one byte short" replay "$work/cut.trace"
refused "trace show: one byte short" trace show "$work/cut.trace"
for n in 1 8 63 100 $((size / 2)); do
  head -c "$n" "$small" >"$work/cut.trace"
  refused "trace cut at $n of $size" replay "$work/cut.trace"
done
for _ in $(seq 60); do
  cp "$small" "$work/flipped.trace"
  random "$size"
  at=$value
  random 8
  flip "$work/flipped.trace" "$at" "$value"
  survives "flipped at $at" replay "$work/flipped.trace"
  survives "flipped at $at" trace show "$work/flipped.trace"
done
survivors "bit-flipped traces"
