#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# The guest's root with Debian's programs (tests/xen/guest_root.sh), on its second disk. To be read by another
# script, or called: root.sh COMMAND...
# shellcheck shell=dash
mount_root() {
  local module
  [ ! -d /root/bed ] || return 0
  while read -r module; do insmod "/root-modules/$module" 2>/dev/null; done </root-modules/order
  mkdir -p /root
  for _ in 1 2 3 4 5; do [ -b /dev/vdb ] && break; sleep 1; done
  mount -t ext4 -o ro,noload /dev/vdb /root || { echo "bed: not ok the root is mounted"; return 1; }
  for fs in dev proc sys bed; do mount -o bind /$fs /root/$fs; done
  for fs in tmp run; do mount -t tmpfs none /root/$fs; done
  mount -t debugfs none /root/sys/kernel/debug
}
# in_root SECONDS COMMAND...: with a limit of time.
in_root() {
  local seconds=$1
  shift
  HOME=/tmp XDG_RUNTIME_DIR=/run PATH=/usr/bin:/bed timeout -k 5 "$seconds" chroot /root "$@"
}
case $0 in */root.sh) mount_root && in_root 600 "$@" ;; esac
