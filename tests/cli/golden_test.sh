#!/bin/bash
# SPDX-License-Identifier: MIT
# The golden traces replay call by call, and end in the recorded state; those of real guests also as guests of
# the embedded host, where they must write what they wrote.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

# closed NAME TRACE STATE
closed() {
  run replay "$2" --json
  same "$1 matches" true "$(field "$work/out" matches)"
  same "$1 ends in its recorded state" "$3" "$(field "$work/out" state | tr -d '"')"
}
check "there are golden traces" [ -s tests/traces/MANIFEST ]
while read -r name state; do closed "$name" "tests/traces/$name" "$state"; done <tests/traces/MANIFEST

# A vGPU that owes 8 ms of the mediator's time waits: what drivers really do must never come near that.
most_owed_ns=2000000
check "there are traces of real guests" [ -s tests/traces/real/MANIFEST ]
while read -r name how state; do
  trace=tests/traces/real/$name.xgt
  case $how in
    recorded | retold) closed "real $name ($how)" "$trace" "$state" ;;
    model) closed "real $name (played to the model)" "tests/traces/real/$name.model.xgt" "$state" ;;
    *) miss "real $name" "unknown kind of expectation '$how'" ;;
  esac
  owed=$(field "$work/out" most_owed_ns)
  check "real $name owes little of the mediator's time ($owed ns)" [ "$owed" -lt "$most_owed_ns" ]
  run replay --open "$trace" --json
  same "real $name played to the model writes what it wrote" true "$(field "$work/out" same)"
  check "real $name wrote something" [ "$(sed -nE 's/.*"written_pages":([0-9]+).*/\1/p' "$work/out")" -gt 0 ]
  run replay --retell "$trace" -o "$work/told.xgt"
  if [ "$how" != model ]; then
    check "real $name can be told anew" cmp -s <("$xengvt" trace show --text "$trace") \
      <("$xengvt" trace show --text "$work/told.xgt")
  fi
done <tests/traces/real/MANIFEST
