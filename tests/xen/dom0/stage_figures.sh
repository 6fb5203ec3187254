# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What submitting costs a guest in exits, by the daemon's own counters: synchronous and queued submissions,
# 64 MiB of buffers used for the first time, and synchronous submissions once more with every register read an
# exit, which is what they cost where no register can be read without one; then small buffers, many to a table.
# shellcheck source=tests/xen/dom0/vgpu.sh
. /bed/dom0/vgpu.sh

# met LOOP PLACE: waits until the program is there; keeps what the daemon counted so far, and lets it go on.
met() {
  check "$1 reaches its $2" "$(console one)" wait_for 120 said_has one "bed: at $1 $2 [0-9]+" || return
  xengvt info one --json >"$log/$1-$2.json"
  tell one go
}
# counted LOOP KEY: by how much a counter grew.
counted() { echo "$(($(number "$log/$1-end.json" "$2") - $(number "$log/$1-begin.json" "$2")))"; }
number() { [[ $(<"$1") =~ \"$2\":([0-9]+) ]] && echo "${BASH_REMATCH[1]}"; }
per() { awk "BEGIN {printf \"%.4g\\n\", $1 / $2}"; }
# measure LOOP FIGURE: exits for each turn of a loop of the program that runs.
measure() {
  local turns kind
  met "$1" begin && met "$1" end || return
  turns=$(mark_of one "at $1 end")
  figure "$2" "$(per "$(counted "$1" exits)" "$turns")"
  for kind in register_reads register_writes page_writes aperture_reads aperture_writes interrupts submissions; do
    echo "$1: $kind $(per "$(counted "$1" "$kind")" "$turns")"
  done
}
# at_most KEY LIMIT: the last figure of that name.
at_most() {
  local value
  value=$(sed -n "s/^$1 //p" /bed/figures | tail -n 1)
  check "$1 is at most $2" "$log/stage_figures.log" awk "BEGIN {exit !(\"$value\" != \"\" && ${value:-0} <= $2)}"
}

guests=(one)
need_guests one || return
begin one submit sync queued fresh
measure sync exits_per_sync_submission
figure read_exits_per_submission "$(per "$(counted sync register_reads)" "$(mark_of one "at sync end")")"
measure queued exits_per_queued_submission
measure fresh exits_per_fresh_pte
program_worked one 60 submit
at_most exits_per_sync_submission 9
at_most read_exits_per_submission 0
at_most exits_per_queued_submission 3
at_most exits_per_fresh_pte 0.02

check "register reads can be made to trap" "$log/stage_figures.log" xengvt set one direct-reads=no
begin one submit sync packed
measure sync gvt_g_exits_per_sync_submission
measure packed exits_per_packed_pte
program_worked one 60 submit
at_most exits_per_packed_pte 0.02
check "register reads need not trap again" "$log/stage_figures.log" xengvt set one direct-reads=yes
