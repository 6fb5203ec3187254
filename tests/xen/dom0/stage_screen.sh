# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# A guest's console on its virtual display, read back by a screenshot. Every pixel goes through the guest's
# aperture: while that traps, at a millisecond an access, this takes many minutes.
# shellcheck source=tests/xen/dom0/vgpu.sh
. /bed/dom0/vgpu.sh
BED_FBDEV=1
need_guests screen || return
order screen 60 screen && screen_is_drawn screen
