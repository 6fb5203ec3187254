#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# What a guest does once it is up: it takes orders from dom0 on its console, one line each: a number and a
# command, which is a function below or a program of /bed. "end" is the last.
# shellcheck shell=dash
say() { echo "bed: $*"; }
argument() { sed -n "s/^$1=//p" /bed/arguments; }
BED_SEED=$(argument bed.seed)
export BED_SEED

driver() {
  local begin options module
  begin=$(uptime_seconds)
  dmesg -c >/dev/null
  while read -r module; do
    options=
    [ "$module" != drm_kms_helper.ko ] || options=fbdev_emulation=$(argument bed.fbdev)
    # shellcheck disable=SC2086 # no option is no argument
    insmod "/modules/$module" $options || say "not ok module $module"
  done </modules/order
  [ -e /dev/dri/card0 ] || sleep 5
  say "figure probe_seconds $(echo "$(uptime_seconds) $begin" | awk '{print $1 - $2}')"
  dmesg | grep -iE 'i915|drm|vgpu|gvt|fb0|fbcon|Call Trace|WARNING|BUG' | sed 's/^/bed: dmesg /'
  say "nodes $(echo /dev/dri/*)"
}
screen() {
  [ -e /dev/fb0 ] || return
  { clear; for i in $(seq 1 30); do echo "XenGVT guest $BED_SEED, line $i: the console on a virtual display"; done; } >/dev/tty1
  sleep 1 # the console is drawn behind the writer's back
}
# What the kernel said at the level of a warning or above since the last time; "[drm]" alone says nothing.
complaints() { dmesg -r -c | sed -n 's/^<[0-4]>\[[^]]*\] *\(\[drm\] *\)\{0,1\}/bed: complaint /p'; }

say "seed $BED_SEED"
[ -n "$(argument bed.orders)" ] || return 0
stty -echo
say "ready $(uptime_seconds)"
while read -r id command; do
  say "start $id $command $(uptime_seconds)"
  [ "$command" != end ] || break
  $command
  status=$?
  complaints
  say "finish $id $status $(uptime_seconds)"
done
