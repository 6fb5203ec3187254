# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Two guests that want all of the GPU get their shares, and the shares follow the CPU scheduler's: its weights,
# caps and pauses, changed with xl while they run.
# shellcheck source=tests/xen/dom0/life.sh
. /bed/dom0/life.sh

# given [SECONDS]: per cent of the render engine that each hog got in so long, one "NAME N" a line.
given() {
  xengvt top --interval "${1:-6}" -n 1 --json | tr '{' '\n' |
    sed -nE 's/.*"name":"([^"]*)".*"given_percent":([0-9.E+-]*).*/\1 \2/p' | awk '{ printf "%s %.1f\n", $1, $2 }'
}
# between NAME LOW HIGH: so much of the GPU's time was given, by the last look.
between() { awk -v n="$1" -v a="$2" -v b="$3" '$1 == n { ok = $2 >= a && $2 <= b } END { exit !ok }' /run/given; }
# share_of NAME: per cent of what was given to anybody. A switch takes the daemon long here, and then nobody has it.
share_of() { awk -v n="$1" '{ all += $2 } $1 == n { own = $2 } END { printf "%.1f", all ? 100 * own / all : 0 }' /run/given; }
shares() { awk -v s="$(share_of "$1")" -v a="$2" -v b="$3" 'BEGIN { exit !(s >= a && s <= b) }'; }
is_busy() { awk '{ all += $2 } END { exit !(all >= 85) }' /run/given; }
# It never has nothing to do, so that no list of its ever ends.
hogs() { [ "$(counter "$1" gpu_ns)" -gt 0 ]; }
# look [WAIT [SECONDS]]: what was asked for has to be seen first.
look() {
  nap "${1:-2}"
  given "${2:-6}" >/run/given
  echo "given: $(tr '\n' ' ' </run/given)"
}

end_guests
stop_daemon
install -D -m 755 /bed/bin/xengvt-dm "$wrapper" && mkdir -p /run/xengvt /var/lib/xengvt
check "the daemon starts" "$log/xengvtd-life.log" lean_daemon || return
for name in one two; do
  check "xl create of a hog ($name)" "$log/create-$name.log" lean "$name" hog
  check "it is at work ($name)" "$log/xengvtd-life.log" wait_for 40 hogs "$name" || return
done
xl sched-credit2
look
figure share_equal_weights "$(share_of one)"
check "the GPU is kept busy" /run/given is_busy
check "equal weights: half each" /run/given shares one 47 53
xl sched-credit2 -d two -w 768
look
figure share_weight_256_of_1024 "$(share_of one)"
check "xl sched-credit2 -w 768: three quarters" /run/given shares two 72 78
check "and the GPU is as busy" /run/given is_busy
check "an impossible weight is refused with the rule" /run/said fails /run/said xengvt set one weight=0
check "the rule is named" /run/said grep -q 'a weight is 1 to 65535' /run/said
check "xengvt set cap=10" "$log/stage_share.log" xengvt set one cap=10
look 2 15
figure share_cap_10 "$(awk '$1 == "one" { print $2 }' /run/given)"
check "a cap of 10 % holds" /run/given between one 5 10.5
check "the other gets what is left" /run/given shares two 85 95
check "xl pause" "$log/stage_share.log" xl pause two
look 1
check "a paused domain gets nothing" /run/given between two 0 0.5
check "xl unpause" "$log/stage_share.log" xl unpause two
look
check "and goes on" /run/given shares two 85 95
xengvt top --interval 1 -n 1
xl destroy one
xl destroy two
check "no vGPU is left" "$log/xengvtd-life.log" wait_for 20 no_vgpu_left
stop_daemon
