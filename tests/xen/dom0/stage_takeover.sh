# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# The daemon ends with guests at work and the next one takes them over: on purpose, when nobody notices, and
# killed, when what was on the GPU is lost like in a hang. A daemon told to end lets every guest go.
# shellcheck source=tests/xen/dom0/life.sh
. /bed/dom0/life.sh
file=$log/xengvtd-life.log
# taken_over COUNT: guests, by all daemons so far.
taken_over() { [ "$(grep -c 'taken over from' "$file")" -ge "$1" ]; }
# next_daemon SIGNAL: ends this one and starts another, which records nothing.
next_daemon() {
  kill "-$1" "$(daemon_pid)"
  wait_for 20 daemon_is_gone && lean_daemon
}
is_paused() { xengvt list | grep -q "^$1 .*paused"; }
# weighs NAME TEST NUMBER: its domain's weight among the CPU's users.
weighs() { test "$(xl sched-credit2 -d "$1" | awk 'END { print $3 }')" "$2" "$3"; }
own_weight() { xengvt info "$1" --json | grep -q "\"shares\":{\"weight\":$2,"; }
waits() { [[ $(xl list "$1") =~ -{6} ]]; }

if [ -z "${TAKEOVER_LEAN:-}" ] && need_guests one; then
  check "a daemon ends on purpose and the next is there" "$file" next_daemon USR1
  check "it has the guest" "$file" wait_for 20 taken_over 1
  begin one blit
  program_worked one 240 blit
  check "the guest noticed nothing" "$(console one)" no_complaints "$(console one)"
  begin one blit
  nap 8
  check "a daemon is killed and the next is there" "$file" next_daemon KILL
  check "it has the guest still" "$file" wait_for 20 taken_over 2
  finish one 240
  said one | grep -aE 'bed: (not )?ok ' # its work may be lost, but it ends
  begin one blit
  program_worked one 240 blit
  xengvt info one
  check "a guest may be boosted" "$file" xengvt set one latency=interactive boost=yes
  begin one pace 8
  check "its CPU weight is raised while it waits" "$file" wait_for 10 weighs one -gt 256
  check "its GPU weight does not follow that" "$file" own_weight one 256
  finish one 60
  check "its CPU weight is put back" "$file" wait_for 10 weighs one -eq 256
  begin one pace 8
  check "its CPU weight is raised again" "$file" wait_for 10 weighs one -gt 256
  kill -KILL "$(daemon_pid)"
  check "a killed daemon cannot put it back" "$file" weighs one -gt 256
  check "what systemd runs then does" "$file" xengvtd --config /run/life.conf --restore-weights
  check "the weight is the owner's" "$file" weighs one -eq 256
  check "the next daemon starts" "$file" lean_daemon
  check "it has the guest" "$file" wait_for 20 taken_over 3
  finish one 240
  end_guests
fi
stop_daemon
check "a daemon starts for small guests" "$file" lean_daemon || return
for name in small large; do
  check "xl create of $name" "$log/create-$name.log" lean "$name" work && wait_for 40 works "$name"
done
before=$(grep -c 'taken over from' "$file")
# Its work is taken and not run: that is lost, and it has to reset the engine.
xengvt set large paused=yes
nap 3
kill -KILL "$(daemon_pid)"
check "a vCPU waits for a daemon that was killed" /run/said wait_for 30 waits small
check "the next daemon starts" "$file" lean_daemon
check "it takes both over" "$file" wait_for 20 taken_over "$((before + 2))"
check "small stores on" "$file" wait_for 60 works small 20
check "large is paused still" "$file" is_paused large
xengvt set large paused=no
check "large resets the engine and stores on" "$file" wait_for 90 works large 20
xl dmesg | grep -a 'lean:' | tail -n 12
check "it had a hang to recover from" "$file" test "$(xl dmesg | grep -ac 'lean: stores again')" -gt 0
check "a guest that was taken over can be destroyed" "$file" xl destroy large
check "its vGPU is gone" "$file" wait_for 20 has_no_vgpu large
stop_daemon
check "a guest whose daemon was told to end is not stuck" "$log/xl-dmesg.log" wait_for 90 gone small
check "nothing is written down any more" "$file" test -z "$(ls -A /run/xengvt/guests)"
xl dmesg | grep -a 'lean:' | tail -n 12
