# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# The GPU as a function of the machine's PCI bus: real BARs, machine addresses, and DMA that goes wherever the
# tables say. What it reached is held against Xen's own frame table, by the process that is the GPU.
# shellcheck source=tests/xen/dom0/pci.sh
. /bed/dom0/pci.sh
# rows FILE: each row of the self test is a result and a figure.
rows() {
  tr '{' '\n' <"$1" | sed -n 's/^"name":"\([^"]*\)","passed":\([a-z]*\),"detail":"\([^"]*\)","ns":\([0-9]*\).*/\2 \4 \1: \3/p' |
    while read -r passed ns name; do
      if [ "$passed" = true ]; then pass "self test: ${name%: }"; else fail "self test: $name"; fi
      name=${name%%:*}
      figure "selftest_us_${name// /_}" "$((ns / 1000))"
    done
}
# met LOOP PLACE [MARK]: waits until the guest's program is there; keeps what the daemon counted so far, and the GPU:
# no submission that the GPU has counted is missing there.
met() {
  check "$1 reaches its $2" "$(console one)" wait_for 120 said_has one "bed: at $1 $2 [0-9]+" || return
  [ -z "${3:-}" ] || [ "$2" = begin ] || mark "$3"
  xengvt list --json >"$log/pci-$1-$2.json"
  [ -z "${3:-}" ] || [ "$2" = end ] || mark "$3"
  tell one go
}
number() { [[ $(<"$1") =~ \"$2\":([0-9]+) ]] && echo "${BASH_REMATCH[1]}"; }
counted() { echo "$(($(number "$log/pci-$1-end.json" "$2") - $(number "$log/pci-$1-begin.json" "$2")))"; }
per() { awk "BEGIN {printf \"%.4g\\n\", $1 / ($2 ? $2 : 1)}"; }

check "the GPU is on the bus" "$log/lspci.log" grep -q 8086:1912 <(lspci -n -s "$gpu" | tee "$log/lspci.log")
check "xengvt host list finds it" "$log/host.log" grep -q '"usable":true' <(xengvt host list --json | tee "$log/host.log")
check "xengvt host probe reads it" "$log/probe.json" xengvt host probe -o "$log/probe.json"
refuses "a GPU that is not there is refused" "no GPU of Intel's at" xengvt host probe --gpu 0000:00:1f.0
pci_config 0000:00:1f.0 >/run/wrong.conf
refuses "xengvtd refuses a GPU that is not there" "no GPU of Intel's at" xengvtd --config /run/wrong.conf
check "the self test passes" "$log/selftest.json" xengvt host selftest -o "$log/selftest.json"
rows "$log/selftest.json"
figure reset_ms "$(awk '/^selftest_us_hang_and_reset/ && $2 > most {most = $2} END {printf "%.3g", most / 1000}' /bed/figures)"
check "the GPU cannot reach memory afterwards" "$log/lspci.log" cannot_reach_memory
mark 1

check "the daemon starts on the GPU" "$file" pci_daemon || return
figure pci_start_bar_accesses "$(host bar_accesses)"
refuses "a second daemon on the same GPU is refused" "another xengvtd has the GPU" xengvt host probe
check "a small guest comes" "$log/create-small.log" lean small work || return
check "a small guest's commands run on the GPU" "$file" wait_for 60 works small 20 || return
xengvt list --json >"$log/pci-small.json"
xengvt info small --json >"$log/info-small.json" 2>&1
mark 2
# A wrong frame behind a page that the engine writes: free memory, which is nobody's.
page=$((16#$(xen-poke register 0x22080 | sed 's/^0x//') >> 12))
entry=$(xen-poke entry "$page")
mark 90
xen-poke entry "$page" 0x20000001 >>"$log/plant.log"
nap 3
mark 91
xen-poke entry "$page" "$entry" >>"$log/plant.log"
xl destroy small
check "its vGPU is gone" "$file" wait_for 20 has_no_vgpu small

BED_FBDEV=0 need_guests one || return
begin one submit sync queued fresh packed
met sync begin 70 && met sync end 71
for loop in queued fresh packed; do met "$loop" begin && met "$loop" end; done
program_worked one 60 submit
asked=$(counted sync gpu_submissions)
echo "sync: $asked submissions, $(counted sync bar_accesses) accesses, $(counted sync ggtt_writes) GGTT writes"
echo "queued: $(counted queued gpu_submissions) submissions, $(counted queued bar_accesses) accesses"
figure sync_submissions "$asked" # run.sh judges them by what the GPU was asked
figure ggtt_writes_per_submission "$(per "$(counted sync ggtt_writes)" "$asked")"
figure bar_accesses_per_queued_submission "$(per "$(counted queued bar_accesses)" "$(counted queued gpu_submissions)")"
check "a submission like the last writes no GGTT entry" "$log/pci-sync-end.json" [ "$(counted sync ggtt_writes)" = 0 ]
guests=(one two)
BED_FBDEV=0 need_guests "${guests[@]}" || return
xengvt list --json >"$log/pci-two-begin.json"
for program in blit batches memory fences clocks; do everyone 200 "$program"; done
# Every word of tiled buffers by the CPU: through the GPU's aperture, and not by traps.
exits_of_all() {
  local name sum=0
  for name in "${guests[@]}"; do sum=$((sum + $(counter "$name" exits))); done
  echo "$sum"
}
before=$(exits_of_all)
mark 60
everyone 200 tiles
mark 61
traps=$(($(exits_of_all) - before))
asked=$(sed -n 's/^tiled_accesses //p' /bed/figures | awk '{n += $1} END {print n + 0}')
check "tiled memory is not reached by traps ($traps exits for $asked accesses)" "$log/stage_pci.log" \
  [ "$asked" -gt 0 -a "$traps" -lt "$((asked / 20))" ]
figure tiled_accesses "$asked"
figure tiled_exits "$traps"
xengvt list --json >"$log/pci-two-end.json"
switches=$(counted two vgpu_switches)
check "the guests took turns on the engines ($switches)" "$log/pci-two-end.json" [ "$switches" -gt 0 ]
figure vgpu_switches "$switches"
shown=$(counted two tiled_regions_shown)
check "tiled memory was shown through the GPU's aperture ($shown regions)" "$log/pci-two-end.json" [ "$shown" -gt 0 ]
figure tiled_regions_shown "$shown"
figure bar_accesses_per_vgpu_switch "$(per "$(counted two vgpu_switch_accesses)" "$switches")"
figure registers_loaded_per_vgpu_switch "$(per "$(counted two registers_loaded)" "$switches")"
for name in "${guests[@]}"; do xengvt info "$name" --json >"$log/info-$name.json" 2>&1; done
mark 3
end_guests
stop_daemon
check "the GPU cannot reach memory when the daemon has ended" "$file" cannot_reach_memory
check "nothing of the daemon's is left" "$file" wait_for 5 keeper_is_gone
