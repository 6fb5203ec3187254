# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Two guests that want all of the GPU get their shares, and the shares follow the CPU scheduler's: its weights,
# caps and pauses, changed with xl while they run.
# shellcheck source=tests/xen/dom0/life.sh
. /bed/dom0/life.sh

# given: per cent of the render engine that each hog got during the last seconds, one "NAME N" a line.
given() {
  xengvt top --interval 6 -n 1 --json | tr '{' '\n' |
    sed -nE 's/.*"name":"([^"]*)".*"given_percent":([0-9.E+-]*).*/\1 \2/p' | awk '{ printf "%s %.1f\n", $1, $2 }'
}
# between NAME LOW HIGH: so much was given, by the last look.
between() { awk -v n="$1" -v a="$2" -v b="$3" '$1 == n { ok = $2 >= a && $2 <= b } END { exit !ok }' /run/given; }
given_to() { awk -v n="$1" '$1 == n { print $2 }' /run/given; }
look() {
  nap "${1:-2}" # what was asked for has to be seen first
  given >/run/given
  echo "given: $(tr '\n' ' ' </run/given)"
}

end_guests
stop_daemon
install -D -m 755 /bed/bin/xengvt-dm "$wrapper" && mkdir -p /run/xengvt /var/lib/xengvt
check "the daemon starts" "$log/xengvtd-life.log" lean_daemon || return
for name in one two; do
  check "xl create of a hog ($name)" "$log/create-$name.log" lean "$name" hog
  check "it is at work ($name)" "$log/xengvtd-life.log" wait_for 40 works "$name" || return
done
xl sched-credit2
look
figure share_equal_weights "$(given_to one)"
check "equal weights: half each (one)" /run/given between one 45 55
check "equal weights: half each (two)" /run/given between two 45 55
xl sched-credit2 -d two -w 768
look
figure share_weight_256_of_1024 "$(given_to one)"
check "xl sched-credit2 -w 768: three quarters" /run/given between two 70 80
check "and a quarter for the other" /run/given between one 20 30
check "an impossible weight is refused with the rule" /run/said fails /run/said xengvt set one weight=0
check "the rule is named" /run/said grep -q 'a weight is 1 to 65535' /run/said
check "xengvt set cap=10" "$log/stage_share.log" xengvt set one cap=10
look
figure share_cap_10 "$(given_to one)"
check "a cap of 10 % holds" /run/given between one 5 10.5
check "the other gets what is left" /run/given between two 85 95
check "xl pause" "$log/stage_share.log" xl pause two
look 1
check "a paused domain gets nothing" /run/given between two 0 0.5
check "xl unpause" "$log/stage_share.log" xl unpause two
look
check "and goes on" /run/given between two 80 95
xengvt top --interval 1 -n 1
xl destroy one
xl destroy two
check "no vGPU is left" "$log/xengvtd-life.log" wait_for 20 no_vgpu_left
stop_daemon
