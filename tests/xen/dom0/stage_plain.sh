# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# An HVM guest without a virtual GPU comes up to its init, says so, and goes.
# shellcheck source=tests/xen/dom0/lib.sh
. /bed/dom0/lib.sh
begin=$(uptime_seconds)
check "xl create of a plain guest" "$log/create-plain.log" guest plain "bed.seed=1" || return
check "a plain guest reaches its init" "$(console plain)" wait_for 600 console_has plain 'bed: init'
figure plain_guest_boot_seconds "$(echo "$(uptime_seconds) $begin" | awk '{print $1 - $2}')"
check "a plain guest ends by itself" "$(console plain)" wait_for 60 gone plain
