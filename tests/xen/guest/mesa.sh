#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# Runs in a guest: GLES on Mesa's iris without a surface and on the card, and Debian's eglinfo and kmscube.
# shellcheck shell=dash
# shellcheck source=tests/xen/guest/root.sh
. /bed/root.sh
mount_root || exit 1
failed=0
in_root 200 /bed/gles surfaceless 4 || failed=1
in_root 200 /bed/gles /dev/dri/card0 4 || failed=1
# said WHAT TEXT COMMAND...: passes if it says TEXT.
said() {
  local what=$1 text=$2
  shift 2
  in_root 120 "$@" >/run/out 2>&1
  if grep -q "$text" /run/out; then echo "bed: ok $what"; return; fi
  sed 's/^/bed: said: /' /run/out | tail -n 25
  echo "bed: not ok $what"
  failed=1
}
# It fails in the end, since there is no X server and no renderer in software.
said "eglinfo finds iris" 'EGL driver name: iris' /usr/bin/eglinfo.x86_64-linux-gnu
said "kmscube, legacy" 'Rendered .* frames' /usr/bin/kmscube -D /dev/dri/card0 -c 20
said "kmscube, atomic and with fences" 'Rendered .* frames' /usr/bin/kmscube -D /dev/dri/card0 -A -c 20
exit $failed
