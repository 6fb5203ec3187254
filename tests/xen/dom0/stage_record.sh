# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# The recordings of tests/traces/real: a daemon and a guest for each, so that each stands by itself.
# shellcheck source=tests/xen/dom0/vgpu.sh
. /bed/dom0/vgpu.sh
# record NAME SECONDS [COMMAND...]: one guest's life, from its creation to its end.
record() {
  local name=$1 seconds=$2
  shift 2
  end_guests
  stop_daemon
  trace=real-$name
  need_guests "$name" || return
  [ $# = 0 ] || check "$name: $*" "$(console "$name")" order "$name" "$seconds" "$@"
}
for one in ${RECORD:-boot blit contexts reset console}; do
  case $one in
    boot) record boot 0 ;;
    blit) record blit 60 blit ;;
    contexts) record contexts 120 batches ;;
    reset) record reset 150 hang ;;
    console) BED_FBDEV=1 record console 60 screen ;;
  esac
done
end_guests
stop_daemon
