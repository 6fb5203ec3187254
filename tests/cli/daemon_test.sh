#!/bin/bash
# SPDX-License-Identifier: MIT
# xengvtd with guests in its own process, the sub-commands against it, and the device-model wrapper.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
xengvtd=${XENGVTD:-build/release/xengvtd}
wrapper=${XENGVT_DM:-build/release/xengvt-dm}
[ -x "$xengvtd" ] || xengvtd=build/xengvtd
[ -x "$wrapper" ] || wrapper=build/xengvt-dm
socket=$work/s/control.sock

run list --socket "$socket"
same "no daemon: exit code" 1 "$status"
check "no daemon: cause and cure" grep -q 'xengvtd is not running.*cure: systemctl start xengvtd' "$work/err"

"$xengvtd" --backend local --socket "$socket" 2>"$work/log" &
daemon=$!
trap 'kill "$daemon" 2>/dev/null; rm -rf "$work"' EXIT
for _ in $(seq 100); do [ -S "$socket" ] && break; sleep 0.1; done
check "the daemon listens" test -S "$socket"
same "only its owner may speak with it" 600 "$(stat -c %a "$socket")"

run attach 7 --type small --socket "$socket"
same "attach" 0 "$status"
run attach 7 --type small --socket "$socket"
same "attached twice: exit code" 1 "$status"
run attach 8 --type nothing --socket "$socket"
check "an unknown type is told with those there are" grep -q 'choose one of: tiny, small, medium, large' "$work/err"
run attach 8 --socket "$socket"
one_line "attach without a type"
for _ in $(seq 100); do
  run info 7 --json --socket "$socket"
  [ "$(field "$work/out" flips)" -gt 2 ] 2>/dev/null && break
  sleep 0.1
done
check "the guest draws" test "$(field "$work/out" flips)" -gt 2
run screenshot 7 -o "$work/screen.png" --socket "$socket"
same "screenshot" 0 "$status"
same "screenshot is a PNG" 89504e47 "$(od -An -tx1 -N4 "$work/screen.png" | tr -d ' \n')"
run screenshot 9 -o "$work/none.png" --socket "$socket"
check "no picture of a guest without a vGPU" test ! -e "$work/none.png" -a "$status" = 1
run top -n 1 --interval 0.2 --json --socket "$socket"
check "top" grep -q '"gpu_percent":' "$work/out"
run set local7 paused=yes --socket "$socket"
run list --socket "$socket"
check "a paused guest is listed so" grep -q 'local7.*paused' "$work/out"
run log --socket "$socket"
check "the log names what was refused" grep -q 'has a vGPU already; detach it first' "$work/out"

# The wrapper becomes QEMU; here a program that prints what it was given.
export XENGVT_SOCKET=$socket XENGVT_QEMU=/bin/echo
got=$("$wrapper" -xen-domid 12 -machine xenfv -xgpu type=small,resolution=800x600 -S 2>"$work/err")
same "the wrapper hands on" "-xen-domid 12 -machine pc,accel=xen -S -device xen-platform,addr=0x3" "$got"
run info 12 --json --socket "$socket"
same "the wrapper's guest has its vGPU" 800 "$(field "$work/out" width)"
"$wrapper" -xen-domid 12 -xgpu type=small >"$work/out" 2>"$work/err"
same "the wrapper fails where xengvtd refuses" 1 "$?"
check "its last line says cause and cure" grep -q '^xengvt-dm: domain local12 has a vGPU already; cure: detach it first$' <(tail -n 1 "$work/err")

run detach 7 --socket "$socket"
run trace start -o "$work/t" --socket "$socket"
same "a trace cannot start with a guest attached" 1 "$status"
run detach 12 --socket "$socket"
run trace start -o "$work/t" --socket "$socket"
same "trace start" 0 "$status"
run attach 3 --type small --socket "$socket"
sleep 0.5
kill "$daemon"
wait "$daemon"
same "the daemon ends when told" 0 "$?"
check "it takes its socket along" test ! -e "$socket"
run replay "$work/t"
same "its trace is complete and replays" 0 "$status"

"$xengvtd" --backend nothing --socket "$socket" 2>"$work/err"
same "an unknown back end" 1 "$?"
printf '[gpu]\nslice-ms = 99\n' >"$work/bad.conf"
"$xengvtd" --config "$work/bad.conf" --check-config 2>"$work/err"
same "a bad configuration: exit code" 2 "$?"
check "a bad configuration: names the key" grep -q 'slice-ms: expected a number from 1 to 30' "$work/err"
run check --root "$work" --socket "$socket" --json
same "check on a host without Xen" 1 "$status"
