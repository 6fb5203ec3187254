#!/bin/bash
# SPDX-License-Identifier: MIT
# Makes the expected results of golden replays anew, after a wanted change of what the mediator does. The
# commit that changes them says why.
set -euo pipefail
cd "$(dirname "$0")/../.."
xengvt=${XENGVT:-build/release/xengvt}
traces=tests/traces
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
state() { "$xengvt" replay "$1" --json | sed -E 's/.*"state":"([0-9a-f]*)".*/\1/'; }

# What the embedded host recorded, it records again.
"$xengvt" record run tests/corpus/aub/skl-compute-64.aub.zst tests/corpus/aub/skl-tri-256.aub.zst \
  --mediated --slice 1 -o $traces/streams.xgt >"$out/run"
"$xengvt" record run tests/corpus/aub/skl-tri-256.aub.zst --mediated --scan-all \
  -o $traces/scan-all.xgt >"$out/run"
"$xengvt" record demo --guests 2 --seconds 0.1 --out "$out" -o $traces/demo.xgt >"$out/demo"
for trace in "$traces"/*.xgt; do echo "$(basename "$trace") $(state "$trace")"; done >"$traces/MANIFEST"
cat "$traces/MANIFEST"

# Real guests are not here to do it again. Their inputs and the answers they were given stay; what the mediator
# now puts out for these is told anew. Where it asks for what was never answered, the recorded guest is played to
# the model, and that is recorded.
while read -r name how _; do
  trace=$traces/real/$name.xgt model=$traces/real/$name.model.xgt
  if "$xengvt" replay "$trace" >"$out/replay"; then
    rm -f "$model"
    [ "$how" != model ] || how=recorded
  elif "$xengvt" replay --retell "$trace" -o "$out/told.xgt" >"$out/replay"; then
    cp "$out/told.xgt" "$trace"
    rm -f "$model"
    how=retold
  else
    "$xengvt" replay --open "$trace" -o "$model" >"$out/replay"
    how=model
  fi
  closed=$trace
  [ "$how" != model ] || closed=$model
  echo "$name $how $(state "$closed")"
done <"$traces/real/MANIFEST" >"$out/manifest"
cp "$out/manifest" "$traces/real/MANIFEST"
cat "$traces/real/MANIFEST"
