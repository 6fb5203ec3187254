# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Two guests with a virtual GPU each, at once: Debian's i915 finds it, and a program of ours draws and
# compares with other data in each.
# shellcheck source=tests/xen/dom0/vgpu.sh
. /bed/dom0/vgpu.sh
read -ra guests <<<"${VGPU_GUESTS:-one two}"
check "the daemon starts" "$log/xengvtd.log" start_daemon || return
seed=0
for name in "${guests[@]}"; do
  seed=$((seed + 1))
  check "xl create of $name with a vGPU" "$log/create-$name.log" \
    vgpu_guest "$name" "bed.seed=$seed bed.gpu=1 bed.fbdev=0 bed.run=blit" || { daemon_log "$name"; return; }
done
for name in "${guests[@]}"; do
  driver_works "$name" && programs_work "$name" blit
  xengvt info "$name" --json >"$log/info-$name.json" 2>&1
done
for name in "${guests[@]}"; do check "$name ends by itself" "$(console "$name")" wait_for 240 gone "$name"; done
check "the daemon is still there, without guests" "$log/xengvtd.log" no_vgpu_left "${guests[@]}"
stop_daemon
