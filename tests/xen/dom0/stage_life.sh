# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Guests come and go in every way, and leave nothing: refusals, save and migration, destruction in the middle
# of work, reboots, a crash, an end of their own; ten times in a row.
# shellcheck source=tests/xen/dom0/life.sh
. /bed/dom0/life.sh
rounds=${LIFE_ROUNDS:-10}
resident_growth_kib=4096 # allowed in all that follows: malloc keeps some of what it got

end_guests
stop_daemon
install -D -m 755 /bed/bin/xengvt-dm "$wrapper" && mkdir -p /run/xengvt
refused "no daemon runs" "xengvtd is not running" ""
check "the daemon starts" "$log/xengvtd-life.log" lean_daemon || return

refused "an unknown type" "there is no vGPU type 'huge'" 1 'device_model_args_hvm=["-xgpu","type=huge"]'
refused "a wrong option" "bad vGPU option" 1 'device_model_args_hvm=["-xgpu","type=tiny,resolution=big"]'
refused "no type" "vGPU type is not given" 1 'device_model_args_hvm=[]'
refused "a VGA of QEMU's" "QEMU's own VGA" 1 'vga="stdvga"'
refused "populate on demand" "populate-on-demand" 1 'maxmem=64'
refused "a PV guest that needs QEMU" "a PV guest cannot have a vGPU" 1 \
  'type="pv"' 'kernel="/bed/image/vmlinuz"' 'vfb=["vnc=1"]' memory=128
# xl never asks a device model for a PVH guest: only the file can be checked (docs/xl.md).
lean_file pvh 'type="pvh"' 'kernel="/bed/image/vmlinuz"' memory=128
check "xengvt check names a PVH guest" /run/said fails /run/said xengvt check /run/pvh.cfg
xl create -p /run/pvh.cfg && check "a PVH guest comes without its wrapper being called" "$log/xengvtd-life.log" \
  test ! -e /var/log/xen/qemu-dm-pvh.log
logs() { xengvt log | grep -q "$1"; }
check "xengvt log names a PVH guest" "$log/xengvtd-life.log" wait_for 20 logs "pvh: a PVH guest"
xl destroy pvh
lean_file only 'x=1'
check "xengvt check has nothing against an HVM guest" /run/said eval 'xengvt check /run/only.cfg >/run/said 2>&1'
xengvt check >"$log/check.log" 2>&1
check "xengvt check has nothing against this host" "$log/check.log" fails /run/said grep ^bad "$log/check.log"
if check "xl create of the only guest of a type" "$log/create-only.log" \
  lean only work 'device_model_args_hvm=["-xgpu","type=single"]'; then
  refused "no room left" "all 1 vGPUs of type single are in use" 1 'device_model_args_hvm=["-xgpu","type=single"]'
fi
check "a guest works" "$log/xengvtd-life.log" wait_for 40 works only || return

check "xl save fails" "$log/save.log" fails "$log/save.log" xl save only /run/only.save
check "the guest goes on after xl save" "$log/save.log" goes_on only
check "xl migrate fails" "$log/migrate.log" fails "$log/migrate.log" xl migrate -s "" only "xl migrate-receive"
check "the guest goes on after xl migrate" "$log/migrate.log" goes_on only
xl list >/run/said
check "no other guest is there after xl migrate" /run/said test "$(wc -l </run/said)" = 3
check "xl destroy in the middle of work" "$log/xengvtd-life.log" xl destroy only
check "its vGPU is gone" "$log/xengvtd-life.log" wait_for 20 has_no_vgpu only

holdings >/run/before
cat /run/before
check "xl create of a guest that reboots" "$log/create-again.log" lean again reboot
first=$(xl domid again)
destroyed=0
for ((i = 1; i <= rounds; ++i)); do
  lean "short$i" work && wait_for 20 works "short$i" && xl destroy "short$i" && destroyed=$((destroyed + 1))
done
check "$rounds guests destroyed in the middle of work" "$log/stage_life.log" test "$destroyed" = "$rounds"
rebooted() { [ "$(xengvt log | grep -c 'again: vGPU attached')" -gt "$rounds" ]; }
check "$rounds reboots in a row" "$log/stage_life.log" wait_for 240 rebooted
check "a reboot makes a new domain" "$log/stage_life.log" test "$(xl domid again)" -gt "$first"
check "xl destroy of a guest that reboots" "$log/create-again.log" ends again
for mode in crash halt; do
  check "xl create of a guest that ends ($mode)" "$log/create-end-$mode.log" lean "end-$mode" "$mode" &&
    check "it ends ($mode)" "$log/create-end-$mode.log" wait_for 60 gone "end-$mode"
done
check "no vGPU is left" "$log/xengvtd-life.log" wait_for 20 no_vgpu_left
xl dmesg | grep -a 'lean:' | sort | uniq -c
nap 2
holdings >/run/after
cat /run/after
nothing_more /run/before /run/after "$resident_growth_kib" >/run/leaks
check "nothing is left of $((2 * rounds)) guests" /run/leaks test ! -s /run/leaks
figure life_resident_growth_kib "$(awk 'NR == FNR { b[$1] = $2; next } $1 == "resident_kib" { print $2 - b[$1] }' /run/before /run/after)"
stop_daemon
