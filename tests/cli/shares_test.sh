#!/bin/bash
# SPDX-License-Identifier: MIT
# Shares from outside: xengvt set on a running daemon, xengvtd.conf, and the demo. What breaks a rule is refused
# with the rule and the right exit code, and what runs goes on as it was.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
xengvtd=${XENGVTD:-build/release/xengvtd}
[ -x "$xengvtd" ] || xengvtd=build/xengvtd
socket=$work/s/control.sock
cat >"$work/conf" <<END
[daemon]
socket = $socket
guests = $work/guests
state = $work/state
[gpu]
max-busy = 2
[type one]
share = 40
maximum = 8
[type none]
maximum = 8
END
"$xengvtd" --config "$work/conf" --backend local 2>"$work/log" &
daemon=$!
trap 'kill "$daemon" 2>/dev/null; rm -rf "$work"' EXIT
for _ in $(seq 100); do [ -S "$socket" ] && break; sleep 0.1; done

# What was asked of guest 7 and of the GPU, on one line.
asked() {
  run info 7 --json --socket "$socket"
  tr -d ' \n' <"$work/out" | grep -oE '"(weight|cap_percent|fixed_percent|slice_ms)":[0-9.E+-]+|"latency":"[a-z]+"' | sort | tr '\n' ' '
  run list --json --socket "$socket"
  tr -d ' \n' <"$work/out" | grep -oE '"(policy|holder)":"[a-z0-9-]*"|"(slice_ms|window_ms)":[0-9]+' | tr '\n' ' '
}
# accepted NAME ARGS...: done, and said on one line.
accepted() { local name=$1; shift; run set "$@" --socket "$socket"; same "$name" 0 "$status"; }
# breaks RULE ARGS...: exit code 1, one line with the rule, everything as before.
breaks() {
  local rule=$1 before after lines; shift
  before=$(asked)
  run set "$@" --socket "$socket"
  local code=$status said; said=$(cat "$work/err"); lines=$(wc -l <"$work/err")
  after=$(asked)
  if [ "$code" != 1 ] || [ "$lines" != 1 ]; then miss "refused: set $*" "exit code $code: $said"
  elif ! grep -qF -- "$rule" <<<"$said"; then miss "refused: set $*" "no '$rule' in: $said"
  elif [ "$before" != "$after" ]; then miss "refused: set $*" "$(diff <(echo "$before") <(echo "$after"))"
  else pass "refused: set $*"; fi
}

run attach 7 --type one --socket "$socket"
same "attach" 0 "$status"
run attach 8 --type one --socket "$socket"
run attach 9 --type one --socket "$socket"
same "more than max-busy: exit code" 1 "$status"
check "more than max-busy: the rule" grep -q 'max-busy allows no more; cure: ' "$work/err"

accepted "a guest's shares" 7 weight=128 cap=25 latency=interactive slice=2
for is in '"cap_percent":2.5E1 ' '"latency":"interactive" ' '"slice_ms":2 ' '"weight":128 '; do
  check "what runs: $is" grep -qF -- "$is" <(asked)
done
accepted "no cap" 7 cap=none
accepted "a cap of a part of a per cent" 7 cap=0.25
accepted "both ends of a weight" 7 weight=65535
accepted "the GPU's slice and window" --gpu slice=3 window=50

w="a weight is 1 to 65535" c="a cap is 0.01 to 100 per cent" s="a slice is 1 to 30 ms"
breaks "$w" 7 weight=0
breaks "$w" 7 weight=65536
breaks "$w" 7 weight=-1
breaks "$w" 7 weight=99999999999999999999
breaks "$w" 7 weight=1e3
breaks "$w" 7 weight=
breaks "$c" 7 cap=101
breaks "$c" 7 cap=100.01
breaks "$c" 7 cap=0
breaks "$c" 7 cap=half
breaks "a fixed share is 0.01 to 100 per cent" 7 share=100.5
breaks "a latency class is normal or interactive" 7 latency=realtime
breaks "$s" 7 slice=0
breaks "$s" 7 slice=31
breaks "boost is yes or no" 7 boost=1
breaks "there are the keys weight, cap, share, latency, slice and boost" 7 wieght=1
breaks "$w" 7 cap=50 weight=0 slice=9
breaks "has no vGPU" 99 weight=5
p="a policy is best-effort, equal-share, fixed-share or exclusive"
breaks "$p" --gpu policy=fair
breaks "$p" --gpu policy=
breaks "$s" --gpu slice=31
breaks "$s" --gpu slice=default
breaks "a window is 10 to 1000 ms" --gpu window=9
breaks "a window is 10 to 1000 ms" --gpu window=1001
breaks "exclusive needs the vGPU that is to have the GPU" --gpu policy=exclusive
breaks "has no vGPU" --gpu policy=exclusive holder=99
breaks "there are the keys policy, holder, slice and window" --gpu weight=5
breaks "$s" --gpu policy=equal-share slice=99

for policy in equal-share "exclusive holder=8" fixed-share; do
  # shellcheck disable=SC2086  # two words
  accepted "policy $policy" --gpu policy=$policy
  run list --json --socket "$socket"
  check "policy $policy is what runs" grep -q "\"policy\":\"${policy%% *}\"" <(tr -d ' \n' <"$work/out")
done
breaks "fixed shares are together at most 100 per cent" 8 share=60.01
accepted "all of it" 8 share=60
run detach 8 --socket "$socket"
run attach 9 --type none --socket "$socket"
check "under fixed-share a guest needs a share" grep -q 'under fixed-share every vGPU needs a share' "$work/err"
same "and is refused: exit code" 1 "$status"
accepted "a share of most of it" 7 share=70
run attach 9 --type one --socket "$socket"
check "no guest is attached beyond what is left" grep -q 'together at most 100 per cent, this would make 110' "$work/err"
accepted "another policy" --gpu policy=best-effort
run attach 9 --type none --socket "$socket"
same "makes room for it" 0 "$status"
breaks "under fixed-share every vGPU needs a share" --gpu policy=fixed-share

for usage in "7" "7 weight" "--gpu" "--gpu policy" "7 =5" "7 paused=maybe"; do
  # shellcheck disable=SC2086
  refused "usage: set $usage" set $usage --socket "$socket"
done
kill "$daemon"
wait "$daemon"
run set 7 weight=5 --socket "$socket"
same "no daemon: exit code" 1 "$status"

# config NAME TEXT RULE
config() {
  printf '%b' "$2" >"$work/bad"
  "$xengvtd" --config "$work/bad" --check-config >"$work/out" 2>"$work/err"
  same "xengvtd.conf, $1: exit code" 2 "$?"
  check "xengvtd.conf, $1: the rule" grep -qF -- "$3" "$work/err"
}
config "weight 0" '[type a]\nweight = 0\n' '[type a] weight: expected a number from 1 to 65535'
config "cap over all" '[type a]\ncap = 101\n' '[type a] cap: expected 0.01 to 100 per cent'
config "share over all" '[type a]\nshare = 100.5\n' '[type a] share: expected 0.01 to 100 per cent'
config "unknown policy" '[gpu]\npolicy = fair\n' '[gpu] policy: expected best-effort, equal-share or fixed-share'
config "exclusive without a holder" '[gpu]\npolicy = exclusive\n' '[gpu] policy: expected best-effort'
config "unknown class" '[type a]\nlatency = fast\n' '[type a] latency: expected normal or interactive'
config "slice" '[type a]\nslice = 31\n' '[type a] slice: expected 1 to 30 ms'
config "window" '[gpu]\nwindow-ms = 5\n' '[gpu] window-ms: expected a number from 10 to 1000'
config "max-busy" '[gpu]\nmax-busy = 65535\n' '[gpu] max-busy: expected a number from 0 to 65534'

for bad in --schedule=0 --schedule=65536 --schedule=1,x --schedule=1,,2 --slice=31 --slice=0.5; do
  refused "demo $bad" demo --seconds 0.1 --out "$work/demo" "$bad"
  check "demo $bad: the rule" grep -qE 'a weight is 1 to 65535|the slice is 1 to 30 ms' "$work/err"
done
check "a refused demo leaves nothing" [ ! -e "$work/demo" ]
