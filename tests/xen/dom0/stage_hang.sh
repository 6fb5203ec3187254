# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# A guest's batches that never end: its own driver gets over them, and a guest beside it has its results and
# its pace. Then the driver is unloaded and loaded again.
# shellcheck source=tests/xen/dom0/vgpu.sh
. /bed/dom0/vgpu.sh
need_guests one two || return
# What is recorded with the guests' memory takes the one processor there is half of its time.
[ -z "$(ls "$log"/trace/*.partial-* 2>/dev/null)" ] || check "the recording ends" "$log/xengvtd.log" xengvt trace stop
# pace_of: the mean of what the second guest's program said.
pace_of() { mark_of two "pace mean" | cut -d ' ' -f 1; }
begin two pace 20
program_worked two 60 pace
before=$(pace_of)
begin two pace 12
nap 4
kill -STOP "$(daemon_pid)"
nap 3
kill -CONT "$(daemon_pid)"
program_worked two 60 pace
check "a daemon that did not run for a while takes nobody for hung" "$log/xengvtd.log" [ "$(counter two hangs)" = 0 ]
# There is one processor for all. What the first guest's own kernel takes of it, to save and compress what it
# finds of the hang, is no matter of the GPU: the second is held to its pace in the rest.
cpu_of() { xl list "$1" | awk 'END {print $6}'; }
cpu=$(cpu_of one) since=${EPOCHREALTIME/[.,]/}
begin one hang 60
begin two pace 60
wait_for 120 over two
taken=$(awk -v a="$cpu" -v b="$(cpu_of one)" -v us="$((${EPOCHREALTIME/[.,]/} - since))" 'BEGIN {print (b - a) * 1e6 / us}')
program_worked one 300 hang
program_worked two 120 pace
during=$(pace_of)
# Before and after: what else this machine does changes meanwhile.
begin two pace 20
program_worked two 60 pace
after=$(pace_of)
alone=$(awk "BEGIN {print ($before + $after) / 2}")
figure pace_alone "$alone"
figure pace_beside_hang "$during"
figure cpu_of_hanging_guest "$taken"
# On the bus it is not judged: there the machine stands while the GPU, which is another process, answers.
[ -n "${PACE_IS_NOTED:-}" ] || check "a guest beside one that hangs keeps its pace ($before before, $after after, $during in $taken of the processor less)" \
  "$(console two)" awk "BEGIN {exit !($during >= 0.7 * $alone * (1 - $taken))}"
check "the daemon goes on" "$log/xengvtd.log" daemon_runs
begin one reload.sh
program_worked one 120 reload
begin one blit
program_worked one 240 blit
no_refusals one
no_refusals two
