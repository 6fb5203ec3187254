#!/bin/bash
# SPDX-License-Identifier: MIT
# The golden traces replay call by call, and end in the recorded state.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

check "there are golden traces" [ -s tests/traces/MANIFEST ]
while read -r name state; do
  run replay "tests/traces/$name" --json
  same "$name matches" true "$(field "$work/out" matches)"
  same "$name ends in its recorded state" "$state" "$(field "$work/out" state | tr -d '"')"
done <tests/traces/MANIFEST
