#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs test programs and sums them up. Arguments, in the order in which they run:
#   unit-*                  a GoogleTest program
#   PROGRAM                 anything else that prints "ok NAME", "not ok NAME" or "skip NAME" lines
#   --build PRESET TARGETS  builds what the programs after it need
#   --beside COMMAND        in front: one with such lines that mostly waits, or uses one processor, while the others
#                           run; of several each waits for the one before
# A program that fails without naming a test, or runs no test at all, is a failed test itself. Logs stay in
# build/check. Ends with "N passed, N failed[, N skipped]" and exits 1 if anything failed.
set -u
logs=build/check
rm -rf "$logs"
mkdir -p "$logs"
passed=0 failed=0 skipped=0 failures=()

fail() { failed=$((failed + 1)); failures+=("$1"); }
attribute() { sed -nE "s/^<testsuites .*\\b$1=\"([0-9]+)\".*/\\1/p" "$2"; }

# Counts one GoogleTest program by its XML report; without a report it crashed before the end.
run_gtest() {
  local program=$1 name=$2 log=$3 status tests bad off before=$failed
  rm -f "$log.xml"
  "$program" --gtest_color=no --gtest_output="xml:$log.xml" >"$log" 2>&1 </dev/null
  status=$?
  if [ ! -s "$log.xml" ]; then
    tail -n 40 "$log"
    fail "$name: $(sed -n 's/^\[ RUN      \] //p' "$log" | tail -n 1) (crashed, status $status)"
    return
  fi
  tests=$(attribute tests "$log.xml") bad=$(attribute failures "$log.xml")
  off=$(grep -c 'result="skipped"' "$log.xml")
  ran="$tests tests" passed=$((passed + tests - bad - off)) skipped=$((skipped + off))
  while read -r test; do fail "$name: $test"; done \
    < <(sed -nE 's/^\[  FAILED  \] ([^ ,]*).* \([0-9]+ ms\)$/\1/p' "$log")
  [ "$tests" -gt 0 ] || fail "$name: ran no test"
  [ "$status" = 0 ] || [ "$failed" -gt "$before" ] || fail "$name: exit status $status"
  [ "$failed" = "$before" ] || grep -vE '^\[ (RUN      |      OK) \]' "$log"
}

# Runs and counts one program by its "ok" lines.
run_lines() {
  "$1" >"$3" 2>&1 </dev/null
  count_lines "$2" "$3" $?
}
count_lines() {
  local name=$1 log=$2 status=$3 good bad off
  good=$(grep -c '^ok ' "$log") bad=$(grep -c '^not ok ' "$log") off=$(grep -c '^skip ' "$log")
  passed=$((passed + good)) skipped=$((skipped + off))
  while read -r test; do fail "$name: $test"; done < <(sed -n 's/^not ok //p' "$log")
  if [ "$bad" -gt 0 ] || [ "$status" != 0 ]; then grep -v '^ok ' "$log" | tail -n 40; fi
  if [ "$bad" = 0 ] && [ "$status" != 0 ]; then fail "$name: exit status $status"; fi
  if [ "$((good + bad + off))" = 0 ] && [ "$status" = 0 ]; then fail "$name: ran no test"; fi
  grep '^skip ' "$log"
  ran="$((good + bad)) checks"
}

# tell NAME SECONDS: one line about what has just run.
tell() {
  [ "$failed" = "$before" ] && verdict=ok || verdict=FAILED
  printf '%-44s %-12s %4d s  %s\n' "$1" "$ran" "$2" "$verdict"
}
log_of() { local name=${1//\//_}; echo "$logs/${name// /_}.log"; }

beside=()
while [ "${1:-}" = --beside ]; do
  beside+=("$2")
  shift 2
done
# run_beside: each of them in turn; its status is kept beside its log. Told to end, it takes the running one along.
run_beside() {
  local command words
  trap 'kill "$running" 2>/dev/null; exit 1' TERM
  for command in "${beside[@]}"; do
    read -ra words <<<"$command"
    "${words[@]}" >"$(log_of "$command")" 2>&1 </dev/null &
    running=$!
    wait "$running"
    echo "$? $SECONDS" >"$(log_of "$command").status"
  done
}
if [ ${#beside[@]} -gt 0 ]; then
  run_beside &
  beside_pid=$!
  trap 'kill "$beside_pid" 2>/dev/null' EXIT
fi
# build PRESET TARGETS: whatever else runs goes first.
build() {
  # shellcheck disable=SC2086 # targets are words
  nice make --no-print-directory -j"${JOBS:-$(nproc)}" -Otarget PRESET="$1" $2 || fail "build $1"
}
while [ $# -gt 0 ]; do
  if [ "$1" = --build ]; then
    build "$2" "$3"
    shift 3
    continue
  fi
  program=$1
  shift
  name=${program#build/}
  log=$(log_of "$name")
  begin=$SECONDS ran=crashed before=$failed
  case ${program##*/} in
    unit-*) run_gtest "$program" "$name" "$log" ;;
    *) run_lines "$program" "$name" "$log" ;;
  esac
  tell "$name" $((SECONDS - begin))
done
for command in "${beside[@]}"; do
  ran=crashed before=$failed
  log=$(log_of "$command")
  [ -s "$log.status" ] || echo "$command goes on; its log is $log"
  until [ -s "$log.status" ] || ! kill -0 "$beside_pid" 2>/dev/null; do sleep 1; done
  read -r status seconds <"$log.status" || status=1 seconds=$SECONDS
  count_lines "$command" "$log" "$status"
  tell "$command" "$seconds"
done
trap - EXIT

echo
for f in "${failures[@]}"; do echo "FAILED $f"; done
line="$passed passed, $failed failed"
[ "$skipped" = 0 ] || line="$line, $skipped skipped"
echo "$line"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
