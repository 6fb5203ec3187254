# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Guests' consoles on their virtual displays, drawn through apertures without traps and read back by one
# screenshot; and their clocks, read as a program in the guest reads them.
# shellcheck source=tests/xen/dom0/vgpu.sh
. /bed/dom0/vgpu.sh
read -ra guests <<<"${SCREEN_GUESTS:-${guests[*]}}"
need_guests "${guests[@]}" || return
before=$(counter "${guests[0]}" exits)
for name in "${guests[@]}"; do begin "$name" screen; done
for name in "${guests[@]}"; do check "$name writes on its console" "$(console "$name")" finish "$name" 60; done
figure console_exits "$(($(counter "${guests[0]}" exits) - before))"
for name in "${guests[@]}"; do screen_is_drawn "$name"; done
check "a picture of all consoles" "$log/screenshot.log" consoles "${guests[@]}"
program=clocks
begin "${guests[0]}" "$program"
program_worked "${guests[0]}" 60 "$program"
