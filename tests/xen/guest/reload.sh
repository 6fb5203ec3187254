#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# Runs in a guest: i915 is unloaded and loaded again, and works as before.
# shellcheck shell=dash
failed=0
report() { if [ "$1" = 0 ]; then echo "bed: ok $2"; else echo "bed: not ok $2"; failed=1; fi; }
# The console on the virtual display uses the driver; it comes back by itself.
for console in /sys/class/vtconsole/*; do
  ! grep -q 'frame buffer' "$console/name" || echo 0 >"$console/bind"
done
rmmod i915
report $? "i915 is unloaded"
[ ! -e /dev/dri/card0 ]
report $? "its nodes are gone"
insmod /modules/i915.ko
report $? "i915 is loaded again"
for _ in 1 2 3 4 5 6 7 8 9 10; do [ -e /dev/dri/renderD128 ] && break; sleep 1; done
[ -e /dev/dri/card0 ] && [ -e /dev/dri/renderD128 ]
report $? "its nodes are back"
exit $failed
