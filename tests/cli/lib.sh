#!/bin/bash
# SPDX-License-Identifier: MIT
# Sourced by the tests of the command line. Each check prints "ok NAME" or what went wrong and
# "not ok NAME".
# shellcheck disable=SC2034  # used by those who source this
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
xengvt=${XENGVT:-build/release/xengvt}
corpus=(tests/corpus/aub/*.aub.zst tests/corpus/aub/more/*.aub.zst)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[ -x "$xengvt" ] || { echo "not ok there is no $xengvt"; exit 1; }

pass() { echo "ok $1"; }
miss() { printf '  %s\nnot ok %s\n' "$2" "$1"; }
# check NAME CONDITION...: the condition is a command.
check() { local name=$1; shift; if "$@"; then pass "$name"; else miss "$name" "failed: $*"; fi; }
# same NAME EXPECTED GOT
same() {
  if [ "$2" = "$3" ] && [ -n "$2" ]; then pass "$1"
  else miss "$1" "$(diff <(echo "$2") <(echo "$3") | head -n 20)"; fi
}
# Runs xengvt; leaves $status and the files $work/out and $work/err.
run() { timeout 120 "$xengvt" "$@" >"$work/out" 2>"$work/err" </dev/null; status=$?; }

# one_line NAME: the last run ended with exit code 2 and one line on stderr that is not empty.
one_line() {
  if [ "$status" != 2 ]; then miss "$1" "exit code $status instead of 2: $(head -c 300 "$work/err")"
  elif [ "$(wc -l <"$work/err")" != 1 ] || ! grep -q . "$work/err"; then miss "$1" "stderr: $(head -n 5 "$work/err")"
  else pass "$1"; fi
}
# refused NAME ARGS...: xengvt refuses this with one clear line.
refused() { local name=$1; shift; run "$@"; one_line "$name"; }
# survives NAME ARGS...: any of the three exit codes; a refusal in one line. Counts instead of
# printing, so that a hundred damaged files are one check: see survivors.
survives() {
  local name=$1; shift
  run "$@"
  tried=$((tried + 1))
  case $status in
    0 | 1) ;;
    2) [ "$(wc -l <"$work/err")" = 1 ] || bad+=("$name: $(wc -l <"$work/err") lines on stderr") ;;
    *) bad+=("$name: exit code $status") ;;
  esac
}
tried=0 bad=()
survivors() {
  if [ "$tried" -gt 0 ] && [ ${#bad[@]} = 0 ]; then pass "$1 ($tried runs)"
  else miss "$1" "$(printf '%s; ' "$tried runs" "${bad[@]:0:5}")"; fi
  tried=0 bad=()
}

# field FILE NAME: the value of one top-level JSON key, without spaces.
field() { tr -d ' \n' <"$1" | sed -nE "s/.*\"$2\":(\[[^]]*\]|\{[^}]*\}|[^,}]*).*/\1/p"; }

# flip FILE OFFSET BIT: changes one bit in place.
flip() {
  local byte
  byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
  # shellcheck disable=SC2059  # the format is the byte
  printf "\\x$(printf %x $((byte ^ (1 << $3))))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
# A sequence that is the same every time: random N gives 0..N-1.
seed=12345
random() { seed=$(((seed * 1103515245 + 12345) & 0x7fffffff)); value=$(((seed >> 8) % $1)); }
