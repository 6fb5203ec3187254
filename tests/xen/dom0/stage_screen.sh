# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# A guest's console on its virtual display, read back by a screenshot. Every pixel goes through the guest's
# aperture: while that traps, at a millisecond an access, this takes many minutes.
# shellcheck source=tests/xen/dom0/vgpu.sh
. /bed/dom0/vgpu.sh
check "the daemon starts" "$log/xengvtd.log" start_daemon || return
check "xl create of screen with a vGPU" "$log/create-screen.log" \
  vgpu_guest screen "bed.seed=7 bed.gpu=1 bed.fbdev=1 bed.linger=60" || daemon_log screen
driver_works screen && screen_is_drawn screen
xl destroy screen
stop_daemon
