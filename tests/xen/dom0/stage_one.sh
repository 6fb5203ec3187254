# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# As the stage vgpu, with one guest.
VGPU_GUESTS=one
# shellcheck source=tests/xen/dom0/stage_vgpu.sh
. /bed/dom0/stage_vgpu.sh
