# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Three guests with a virtual GPU each, at once: Debian's i915 finds it, and programs of ours
# draw, store, order and compare with other data in each, at the same time.
# shellcheck source=tests/xen/dom0/vgpu.sh
. /bed/dom0/vgpu.sh
read -ra guests <<<"${VGPU_GUESTS:-${guests[*]}}"
need_guests "${guests[@]}" || return
figure guests "${#guests[@]}"
for program in blit batches memory fences; do everyone 120 "$program"; done
figure daemon_mib_per_guest "$(awk "BEGIN {print ($(daemon_kib) - $(<"$state/idle_kib")) / 1024 / ${#guests[@]}}")"
for name in "${guests[@]}"; do xengvt info "$name" --json >"$log/info-$name.json" 2>&1; done
