# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# For the stages with the GPU as a function of the machine's bus: its faults, marks in its log, the daemon on it.
# shellcheck source=tests/xen/dom0/life.sh
. /bed/dom0/life.sh
gpu=00:02.0
# A guest's timer that comes late says nothing of its GPU: the emulated machine stands while the GPU answers.
# shellcheck disable=SC2034 # read by no_complaints
harmless='^hrtimer: interrupt took'
file=$log/xengvtd-pci.log
# mark NUMBER: a line in the GPU's own log of accesses, with all sums until then; run.sh reads them.
mark() { setpci -s "$gpu" "e4.l=$(printf %x "$1")"; }
# faults BITS: how the GPU misbehaves from now on (dom0/gpu/proxy/faults.h).
faults() { setpci -s "$gpu" "e0.l=$(printf %x "$1")"; }
cannot_reach_memory() { ! is_bus_master; }
is_bus_master() { (($((16#$(setpci -s "$gpu" COMMAND))) & 4)); }
# refuses NAME WORDS COMMAND...: exit code 2, and one line on stderr with these words.
refuses() {
  local name=$1 words=$2 status
  shift 2
  timeout 30 "$@" >"$log/refused.out" 2>"$log/refused.err"
  status=$?
  check "$name" "$log/refused.err" [ "$status" = 2 ] || return
  check "$name, and says why" "$log/refused.err" grep -q "$words" "$log/refused.err"
}
# host KEY: a number of the daemon's own.
host() { [[ $(xengvt list --json) =~ \"$1\":([0-9]+) ]] && echo "${BASH_REMATCH[1]}"; }
pci_config() {
  printf '[gpu]\ndevice = %s\nhang-ms = 2000\nstatus-us = 30000\n[type tiny]\nlow-mib = 32\nhigh-mib = 32\nmaximum = 8\n' "$1"
}
# pci_daemon: a daemon that drives the GPU on the bus.
pci_daemon() {
  install -D -m 755 /bed/bin/xengvt-dm "$wrapper" && mkdir -p /run/xengvt || return
  pci_config pci >/run/pci.conf
  setsid xengvtd --config /run/pci.conf >>"$file" 2>&1 &
  echo $! >"$state/xengvtd.pid"
  wait_for "${1:-60}" xengvt list && daemon_runs
}
keeper_is_gone() { ! pgrep -x xengvt-keeper; }
# with_pci_daemon STAGE...: other stages, with guests that share the GPU on the bus.
with_pci_daemon() {
  local stage
  end_guests
  stop_daemon
  check "the daemon starts on the GPU" "$file" pci_daemon || return
  for stage in "$@"; do
    # shellcheck disable=SC2034 # read by the stage
    SCREEN_GUESTS='one two' PACE_IS_NOTED=1
    # shellcheck source=/dev/null
    . "/bed/dom0/stage_$stage.sh"
  done
  end_guests
  stop_daemon
  check "the GPU cannot reach memory when the daemon has ended" "$file" cannot_reach_memory
}
