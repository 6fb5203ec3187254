#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# Runs in a guest: IGT's own tests, as /bed/igt_tests lists them for one part, each with a time limit:
#   igttests.sh PART [SECONDS]              until so many seconds have passed; what is left then is told as not run
#   igttests.sh only SECONDS TEST [SUBTESTS]
# A line for each subtest: "bed: igt RESULT TEST@SUBTEST SECONDS REASON", with RESULT one of pass, fail, skip,
# timeout and unrun; and "bed: igt says TEST@SUBTESTS: ..." for what the kernel said at the level of a warning or above.
# shellcheck shell=dash
# shellcheck source=tests/xen/guest/root.sh
. /bed/root.sh
mount_root || exit 1
while read -r module; do insmod "/root-modules/$module" 2>/dev/null; done </root-modules/vgem
[ -d /root/extra/tests ] || { echo "bed: not ok IGT's tests are in the root (tests/xen/igt_tests.sh builds them)"; exit 1; }

# results TEST STATUS: what the test's own output says of each subtest.
results() {
  sed 's/\x1b\[[0-9;]*m//g' /run/out | awk -v test="$1" -v status="$2" '
    function result(name, what, seconds) {
      sub(/s\)$/, "", seconds); sub(/^\(/, "", seconds)
      print "bed: igt " what, test "@" name, seconds + 0, what == "pass" ? "" : reason
      said++; reason = ""
    }
    function ended() { return status == 124 || status == 137 || status == 143 ? "timeout" : "fail" }
    function kind(word) { return word == "SUCCESS" ? "pass" : word == "SKIP" ? "skip" : "fail" }
    /^Starting subtest: / { running = $3; reason = "" }
    /^Starting dynamic subtest: / { part = $4 }
    /^Test requirement: / { reason = substr($0, 19) }
    /Failed assertion: / { if (reason == "") reason = part " " substr($0, index($0, "Failed assertion: ") + 18) }
    /^Received signal / { if (reason == "") reason = $0 }
    /^Subtest [^ ]+: (SUCCESS|SKIP|FAIL|CRASH|TIMEOUT)/ {
      sub(/:$/, "", $2)
      result($2, kind($3) == "fail" && reason ~ /SIGTERM/ ? "timeout" : kind($3), $4)
      running = part = ""
    }
    /^(SUCCESS|SKIP|FAIL|CRASH) \(/ && !said { result("", kind($1), $2) }
    END {
      if (running == "" && said) exit
      reason = "status " status " " reason
      result(running, status == 77 ? "skip" : ended(), 0)
    }'
}
# run SECONDS TEST [SUBTESTS]
run() {
  local seconds=$1 test=$2 subtests=$3 status begin
  set -f
  begin=$(cut -d ' ' -f 1 /proc/uptime)
  in_root "$seconds" "/extra/tests/$test" ${subtests:+--run-subtest "$subtests"} >/run/out 2>&1
  status=$?
  set +f
  results "$test" "$status" >/run/results
  cat /run/results
  echo "bed: igt took $test@$subtests $(echo "$(cut -d ' ' -f 1 /proc/uptime) $begin" | awk '{print $1 - $2}') s, status $status"
  ! grep -qE '^bed: igt (fail|timeout)' /run/results || sed 's/\x1b\[[0-9;]*m//g; s/^/bed: igt out: /' /run/out | tail -n 60
  dmesg -r -c >/run/dmesg
  sed -n "s/^<[0-4]>\[[^]]*\] *\(\[drm\] *\)\{0,1\}/bed: igt says $test@$subtests: /p" /run/dmesg
}
failed=0
dmesg -c >/dev/null
if [ "$1" = only ]; then
  run "$2" "$3" "$4"
  exit
fi
until=$(($(cut -d . -f 1 /proc/uptime) + ${2:-1000}))
while read -r part seconds test subtests; do
  [ "$part" = "$1" ] || continue
  if [ "$(cut -d . -f 1 /proc/uptime)" -ge "$until" ]; then
    echo "bed: igt unrun $test@$subtests 0 no time left"
    failed=1
    continue
  fi
  run "$seconds" "$test" "$subtests"
  ! grep -qE '^bed: igt (fail|timeout)' /run/results || failed=1
done </bed/igt_tests
exit $failed
