#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# What a guest does once it is up: loads i915, says what came of it, runs the programs it was told to run.
# shellcheck shell=dash
say() { echo "bed: $*"; }
argument() { sed -n "s/^$1=//p" /bed/arguments; }
seed=$(argument bed.seed)

# While the aperture traps, drawing a console on it takes many minutes: only with bed.fbdev=1.
load_driver() {
  local begin options module
  begin=$(uptime_seconds)
  while read -r module; do
    options=
    [ "$module" != drm_kms_helper.ko ] || options=fbdev_emulation=$(argument bed.fbdev)
    # shellcheck disable=SC2086 # no option is no argument
    insmod "/modules/$module" $options || say "not ok module $module"
  done </modules/order
  [ -e /dev/dri/card0 ] || sleep 5
  say "figure probe_seconds $(echo "$(uptime_seconds) $begin" | awk '{print $1 - $2}')"
}
show() {
  lspci | grep 0300
  dmesg | grep -iE 'i915|drm|vgpu|gvt|fb0|fbcon|Call Trace|WARNING|BUG' | sed 's/^/bed: dmesg /'
  ls -la /dev/dri
  say "nodes $(echo /dev/dri/*)"
}

say "seed $seed"
[ -z "$(argument bed.gpu)" ] || { load_driver; show; }
for program in $(argument bed.run | tr ',' ' '); do
  say "start $program $(uptime_seconds)"
  "/bed/$program" "$seed" || say "status $program $?"
  say "finish $program $(uptime_seconds)"
done
dmesg | sed -n 's/^.*\(drm:.*ERROR.*\|GPU HANG.*\|Resetting .*\)/bed: trouble \1/p'
linger=$(argument bed.linger)
if [ -n "$linger" ] && [ -e /dev/fb0 ]; then
  { clear; for i in $(seq 1 30); do echo "XenGVT guest $seed, line $i: the console on a virtual display"; done; } >/dev/tty1
  say "screen ready"
  sleep "$linger"
fi
