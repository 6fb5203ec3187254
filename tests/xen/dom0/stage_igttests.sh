# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# IGT's own tests in a guest (tests/xen/guest/igt_tests). Debian has no package of them: tests/xen/igt_tests.sh builds
# them, and XEN_ROOT_EXTRA=build/xen/igt/extra puts them into the guests' root. What each subtest came to is a line
# of igt-PART.tsv: result, test, seconds, reason.
# shellcheck source=tests/xen/dom0/vgpu.sh
. /bed/dom0/vgpu.sh
part=${part:-gem}
table=$log/igt-$part.tsv
# What the guest's kernel said at the level of a warning or above, but for what any guest says, and for what i915
# says of work that hangs on purpose.
surprises() { grep -aE '^bed: igt says' "$1" | grep -avEf <(grep -hv '^#' /bed/guest/known_messages /bed/guest/hang_messages); }
guest_memory=768
need_guests one || return
begin one igttests.sh "$part" 940
finish one 1050
said one >"$log/igt-$part.log"
sed -n 's/^bed: igt \(pass\|fail\|skip\|timeout\|unrun\) \([^ ]*\) \([0-9.]*\) *\(.*\)/\1\t\2\t\3\t\4/p' "$log/igt-$part.log" >"$table"
while IFS=$'\t' read -r result name seconds reason; do
  case $result in
    pass) pass "igt $name ($seconds s)" ;;
    skip) note "igt $name skips: $reason" ;;
    *) fail "igt $name: $result ($reason)" ;;
  esac
done <"$table"
check "some of IGT's tests ran" "$(console one)" test "$(grep -c '^pass' "$table")" -gt 0
surprises "$log/igt-$part.log" >"$log/igt-$part-surprises.log"
check "the guest's kernel said nothing else" "$log/igt-$part-surprises.log" test ! -s "$log/igt-$part-surprises.log"
no_refusals one
check "the daemon goes on" "$log/xengvtd.log" daemon_runs
