# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Stock Xen and a PV dom0 are up, with all that HVM guests need.
# shellcheck source=tests/xen/dom0/lib.sh
. /bed/dom0/lib.sh
info=$log/xl-info.log
figure bed_boot_seconds "$(($(date +%s) - $(</bed/begin)))"
check "the tool stack answers" "$log/tools.log" xl list
xl info >"$info" 2>&1
check "Xen is Debian's 4.17" "$info" grep -q '^xen_version .*: 4\.17' "$info"
check "HVM guests with HAP are possible" "$info" grep -Eq '^virt_caps .*: .*hvm.* hap' "$info"
check "guest memory can be mapped" "$info" test -c /dev/xen/privcmd
