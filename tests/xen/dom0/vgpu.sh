# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# For the stages with virtual GPUs: the daemon, guests that have one, and what is expected of them.
# shellcheck source=tests/xen/dom0/lib.sh
. /bed/dom0/lib.sh
export PATH=/bed/bin:$PATH
wrapper=/usr/libexec/xengvt/xengvt-dm

start_daemon() {
  install -D -m 755 /bed/bin/xengvt-dm "$wrapper" && mkdir -p /run/xengvt || return
  xengvtd >"$log/xengvtd.log" 2>&1 &
  echo $! >/run/bed-xengvtd
  wait_for 30 xengvt list && kill -0 "$(cat /run/bed-xengvtd)"
}
stop_daemon() { kill "$(cat /run/bed-xengvtd)"; }
# no_vgpu_left NAME...: the daemon runs and has none of these guests.
no_vgpu_left() {
  local name
  kill -0 "$(cat /run/bed-xengvtd)" || return
  for name in "$@"; do ! xengvt list | grep -q "$name" || return; done
}
# Why xl create failed is in the device model's log.
daemon_log() { tail -n 5 "/var/log/xen/qemu-dm-$1.log" >>/bed/results 2>&1; }

# vgpu_guest NAME ARGUMENTS: as guest, with a virtual GPU.
vgpu_guest() {
  guest "$1" "$2" "-xgpu type=${VGPU_TYPE:-tiny}" "device_model_version=\"qemu-xen\"" "device_model_override=\"$wrapper\""
}

# driver_works NAME: i915 saw a virtual GPU, made its nodes and had nothing to complain about.
driver_works() {
  local name=$1 file
  file=$(console "$name")
  check "$name reaches its init" "$file" wait_for 600 console_has "$name" 'bed: init' || return
  check "$name loads i915" "$file" wait_for 600 console_has "$name" 'bed: nodes' || return
  check "$name sees a GVT-g GPU" "$file" console_has "$name" 'Virtual GPU for Intel GVT-g detected'
  check "$name has card0 and renderD128" "$file" console_has "$name" 'bed: nodes .*card0.*renderD128' || return
  check "$name has no error of i915" "$file" no_complaints "$file"
  figure probe_seconds "$(sed -n 's/^bed: figure probe_seconds //p' "$file" | tr -d '\r')"
}
# Debian's guests have no firmware files, so that i915 says that it could not load the DMC's.
no_complaints() {
  ! grep -aE '\*ERROR\*|GPU HANG|Call Trace|WARNING: |BUG: ' "$1" | grep -avE 'firmware|DMC|dmc'
}
# programs_work NAME PROGRAM: each line of the program is a result of its own.
programs_work() {
  local name=$1 file line
  file=$(console "$name")
  wait_for 600 console_has "$name" "bed: finish $2" || { fail "$name: $2 ends" "$file"; return 1; }
  while read -r line; do echo "${line#bed: } in $name" >>/bed/results; done \
    < <(tr -d '\r' <"$file" | sed -n "/^bed: start $2/,/^bed: finish $2/p" | grep -aE 'bed: (not )?ok ')
  check "$name: $2 passes" "$file" console_has "$name" "bed: passed $2"
  note_program "$2" "$file"
}
# note_program NAME CONSOLE: for figures.json; it failed unless it said that it passed.
note_program() {
  local result=failed bytes
  grep -aq "bed: passed $1" "$2" && result=passed
  bytes=$(sed -n 's/^bed: ok .*(\([0-9]*\) bytes).*/\1/p' "$2" | awk '{n += $1} END {print n + 0}')
  echo "program $1 $result $bytes" >>/bed/figures
}
# A screen with text on it has at least two colours; a flat picture of its size has a far smaller file.
screen_is_drawn() {
  local name=$1 picture=$log/screen-$1.png
  wait_for 120 console_has "$name" 'bed: screen ready' || { fail "$name shows its console" "$(console "$name")"; return 1; }
  xengvt screenshot "$name" -o "$picture" >"$log/screenshot-$name.log" 2>&1
  check "$name shows its console" "$log/screenshot-$name.log" test "$(stat -c %s "$picture" 2>/dev/null || echo 0)" -gt 4000
}
