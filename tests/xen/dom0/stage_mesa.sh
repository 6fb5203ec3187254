# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Mesa's iris in a guest: it starts, its work is taken and it ends, without a surface and on the card.
# shellcheck source=tests/xen/dom0/vgpu.sh
. /bed/dom0/vgpu.sh
need_guests one || return
begin one mesa.sh
program_worked one 500 mesa
no_refusals one
