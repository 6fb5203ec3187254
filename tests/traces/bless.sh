#!/bin/bash
# SPDX-License-Identifier: MIT
# Records the golden traces anew, after a wanted change of what the mediator does. The commit that
# changes them says why.
set -euo pipefail
cd "$(dirname "$0")/../.."
xengvt=${XENGVT:-build/release/xengvt}
traces=tests/traces
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
"$xengvt" record run tests/corpus/aub/skl-compute-64.aub.zst tests/corpus/aub/skl-tri-256.aub.zst \
  --mediated --slice 1 -o $traces/streams.xgt >"$out/run"
"$xengvt" record run tests/corpus/aub/skl-tri-256.aub.zst --mediated --scan-all \
  -o $traces/scan-all.xgt >"$out/run"
"$xengvt" record demo --guests 2 --seconds 0.1 --out "$out" -o $traces/demo.xgt >"$out/demo"
for trace in "$traces"/*.xgt; do
  echo "$(basename "$trace") $("$xengvt" replay "$trace" --json | sed -E 's/.*"state":"([0-9a-f]*)".*/\1/')"
done >"$traces/MANIFEST"
cat "$traces/MANIFEST"
