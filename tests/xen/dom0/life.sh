# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# For the stages about the life of guests: small guests that are there in seconds, what a refusal must leave
# and say, and what the daemon and Xen hold on to.
# shellcheck source=tests/xen/dom0/vgpu.sh
. /bed/dom0/vgpu.sh

# lean_daemon: a daemon whose type "single" exists once.
lean_daemon() {
  printf '[type tiny]\nlow-mib=32\nhigh-mib=32\nmaximum=8\n[type single]\nlow-mib=32\nhigh-mib=32\nmaximum=1\n' \
    >/run/life.conf
  setsid xengvtd --config /run/life.conf >>"$log/xengvtd-life.log" 2>&1 &
  echo $! >"$state/xengvtd.pid"
  wait_for 30 xengvt list && daemon_runs
}
# ends NAME: a guest that reboots is destroyed for good only when the xl that would start it again is gone too.
ends() {
  xl destroy "$1"
  wait_for 20 unattended "$1"
}
unattended() { ! pgrep -f "xl create /run/$1.cfg" >/dev/null || { xl destroy "$1"; false; } && gone "$1"; }
has_no_vgpu() { ! xengvt list | grep -q "^$1 "; }

# lean NAME MODE [LINE...]: creates a guest of tests/xen/lean; lines are added to its configuration, where the
# last of a key counts. MODE: work, or reboot, halt or crash after a hundred numbers.
lean() {
  local name=$1 mode image
  mode=$(printf 'lean:%-7s' "$2") image=/run/lean-$2.elf
  shift 2
  [ -e "$image" ] || sed "s/lean:work   /$mode/" /bed/image/lean.elf >"$image"
  lean_file "$name" "firmware_override=\"$image\"" "$@"
  xl create "/run/$name.cfg" >"$log/create-$name.log" 2>&1
}
lean_file() {
  local name=$1
  shift
  { printf '%s\n' 'type="hvm"' memory=32 vcpus=1 'vga="none"' vnc=0 usb=0 'device_model_version="qemu-xen"' \
      "device_model_override=\"$wrapper\"" 'device_model_args_hvm=["-xgpu","type=tiny"]' 'on_poweroff="destroy"' \
      'on_reboot="restart"' 'on_crash="destroy"' "name=\"$name\""
    printf '%s\n' "$@"; } | tac | awk -F= '!seen[$1]++' | tac >"/run/$name.cfg"
}
# stored NAME: how often its vGPU ran something.
stored() { xengvt info "$1" 2>/dev/null | awk '$1 == "submissions" { n = $2 } END { print n + 0 }'; }
works() { [ "$(stored "$1")" -gt "${2:-0}" ]; }
# goes_on NAME: does more than it has done.
goes_on() { wait_for 30 works "$1" "$(stored "$1")"; }

# refused WHAT WORDS LOGGED LINE...: xl create with these lines fails; the end of the device model's log and, if
# LOGGED, of the daemon's have WORDS and a cure; nothing is left.
refused() {
  local what=$1 words=$2 logged=$3 last file=/var/log/xen/qemu-dm-refused.log
  shift 3
  rm -f "$file"
  if lean refused work "$@"; then
    fail "xl create fails: $what" "$log/create-refused.log"
    xl destroy refused
    return
  fi
  pass "xl create fails: $what"
  last=$(tail -n 1 "$file" 2>&1)
  echo "$what: $last"
  [[ $last == *"$words"*"; cure: "* ]] || { fail "its log names cause and cure: $what" "$file"; return; }
  pass "its log names cause and cure: $what"
  xengvt log -n 3 >/run/said 2>&1
  [ -z "$logged" ] || check "xengvt log names the cause: $what" /run/said grep -qF "$words" /run/said
  xl list >/run/said 2>&1
  check "nothing is left: $what" /run/said no_trace_of refused
}
no_trace_of() { ! grep -q "^$1 " /run/said && ! xengvt list 2>/dev/null | grep -q "^$1 "; }

# holdings: what the daemon and Xen hold, one "KEY NUMBER" a line.
holdings() {
  local pid
  pid=$(daemon_pid)
  echo "domains $(xl list | grep -c -v '^Name')"
  echo "zombies $(xl list | grep -c '(null)')"
  echo "descriptors $(find "/proc/$pid/fd" -mindepth 1 | wc -l)"
  echo "event_channels $(/usr/lib/xen-4.17/bin/lsevtchn 0 | grep -c Interdomain)"
  echo "foreign_mappings $(grep -cE 'privcmd|xen/hypercall' "/proc/$pid/maps")"
  echo "qmp_sockets $(find /run/xen -name 'qmp-libxl-*' | wc -l)"
  echo "device_models $(pgrep -fc 'xen-domid' || true)"
  echo "resident_kib $(awk '$1 == "VmRSS:" {print $2}' "/proc/$pid/status")"
}
# nothing_more BEFORE AFTER KIB: the same, and at most so much more memory.
nothing_more() {
  awk -v most="$3" 'NR == FNR { before[$1] = $2; next }
    $1 == "resident_kib" ? $2 > before[$1] + most : $2 != before[$1] { print $1, before[$1], $2; bad = 1 }
    END { exit bad }' "$1" "$2"
}
# fails LOG COMMAND...
fails() {
  local file=$1
  shift
  ! "$@" >"$file" 2>&1
}
