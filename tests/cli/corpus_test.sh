#!/bin/bash
# SPDX-License-Identifier: MIT
# Real command streams: counted as an independent decoder counted them, nothing refused, and executed
# by guests of the mediator exactly as without it.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

commands() { field "$1" commands | tr -d '{}"' | tr ',' '\n' | sed 's/:/ /' | LC_ALL=C sort; }
for file in "${corpus[@]}"; do
  name=$(basename "$file" .aub.zst)
  run scan "$file" --json
  check "scan $name ends well" [ "$status" = 0 ]
  same "scan $name counts every command" "$(LC_ALL=C sort "${file%.aub.zst}.commands")" "$(commands "$work/out")"
  same "scan $name refuses nothing" '[]' "$(field "$work/out" rejected)"
done

# results NAME ARGS...: what the GPU left in memory and executed, one line each.
results() {
  local name=$1; shift
  run run "$@" --json
  [ "$status" = 0 ] || { miss "$name" "exit code $status: $(head -n 1 "$work/err")"; return 1; }
  tr -d ' \n' <"$work/out" | grep -oE '"(memory|executed|stream)":\[[^]]*\]'
}
native=$(results "native run" "${corpus[@]}" --native)
check "native run gives three results" [ "$(wc -l <<<"$native")" = 3 ]
for options in "" "--slice-ms 1" "--slice-ms 30" "--scan-all"; do
  # shellcheck disable=SC2086  # options are words
  same "guests side by side equal native ${options:-(default slice)}" "$native" \
    "$(results mediated "${corpus[@]}" --mediated $options)"
done
for file in "${corpus[@]}"; do
  same "$(basename "$file" .aub.zst) alone equals native" "$(results native "$file" --native)" \
    "$(results mediated "$file" --mediated)"
done
