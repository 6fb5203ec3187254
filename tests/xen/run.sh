#!/bin/bash
# SPDX-License-Identifier: MIT
# Boots stock Xen and dom0 under QEMU's emulation and runs stages there. Prints "ok NAME" and
# "not ok NAME" as dom0 finds them, and at the end "N passed, N failed".
#   tests/xen/run.sh [STAGE...]   without any, those of tests/xen/stages that do not wait to be asked for
#   tests/xen/run.sh --shell      an interactive dom0 on this terminal; `poweroff -f` leaves it
# Everything that was logged is in build/xen/log afterwards; in log-pci with a GPU on the bus.
set -u
# shellcheck source=tests/xen/lib.sh
. "$(dirname "$0")/lib.sh"
limit=${XEN_LIMIT:-2400} # seconds for the whole run
shell=
[ "${1:-}" = --shell ] && { shell=1; shift; }
log=$bed/log
[[ " $*" != *" pci"* ]] || log=$bed/log-pci
# plan STAGE...: their lines of the list, in its order.
plan() { awk -v want=" $* " '/^#/ {next} {name = $1; sub("^-", "", name)} want == "  " ? $1 == name : index(want, " " name " ") {$1 = name; print}' "$sources/stages"; }
for stage in "$@"; do [ -n "$(plan "$stage")" ] || refuse "there is no stage '$stage' in $sources/stages"; done

for program in qemu-system-x86_64 mke2fs depmod cpio; do
  command -v "$program" >/dev/null || refuse "$program is missing; make setup-xen installs it"
done
"$sources/images.sh" || exit 1
"$sources/guest_root.sh" || exit 1

# archive ROOT: a compressed cpio archive to follow an initramfs.
archive() { (cd "$1" && find . | cpio -o -H newc -R 0:0 --quiet) | gzip -1; }
# guest_disk OUTPUT: GRUB, kernel and initramfs at fixed sectors. SeaBIOS reads this disk with DMA, while the
# way of xl's kernel= takes minutes here (one byte of fw_cfg after the other, in QEMU inside dom0). The last
# 16 sectors are a third initramfs in which dom0 puts the guest's arguments.
guest_disk() {
  local kernel=$images/vmlinuz initrd=$bed/guest.initrd at=2048 k i
  k=$((($(stat -c %s "$kernel") + 511) / 512)) i=$((($(stat -c %s "$initrd") + 511) / 512))
  cat >"$bed/grub.cfg" <<END
linux (hd0)$at+$k $(cat "$sources/guest/cmdline")
initrd (hd0)$((at + k))+$i (hd0)$((at + k + i))+16
boot
END
  grub-mkimage -O i386-pc -c "$bed/grub.cfg" -p / -o "$bed/core.img" biosdisk linux || refuse "no boot loader"
  cat /usr/lib/grub/i386-pc/boot.img "$bed/core.img" >"$1"
  dd if="$kernel" of="$1" seek="$at" status=none
  dd if="$initrd" of="$1" seek="$((at + k))" status=none
  truncate -s "$(((at + k + i + 16) * 512))" "$1"
}
# What differs from run to run: the init scripts and the programs of the guests.
fill_initramfs() {
  local add=$bed/add
  rm -rf "$add" && mkdir -p "$add"/{dom0,guest/bed,guest/root-modules}
  cp "$sources/dom0/init" "$add/dom0/init"
  { cat "$images/dom0.initrd"; archive "$add/dom0"; } >"$bed/dom0.initrd"
  cp "$sources/guest/init" "$add/guest/init"
  cp "$sources"/guest/{*.sh,igt_tests} "$add/guest/bed/"
  cp "$bed"/root/modules/* "$add/guest/root-modules/"
  cp build/xen/guest-bin/* "$add/guest/bed/" 2>/dev/null
  { cat "$images/guest.initrd"; archive "$add/guest"; } >"$bed/guest.initrd"
  guest_disk "$share/image/guest.disk"
}
# What dom0 sees as /bed.
fill_share() {
  local program
  rm -rf "$share" "$log"
  mkdir -p "$share"/{bin,dom0,guest,image,log} "$log"
  cp "$sources"/dom0/* "$share/dom0/"
  cp "$sources"/guest/{*.cfg,*_messages} "$share/guest/"
  for program in build/release/xengvt build/release/xengvtd build/release/xengvt-dm build/release/xen-poke; do
    [ ! -f "$program" ] || cp "$program" "$share/bin/"
  done
  cp build/xen/lean.elf "$share/image/" 2>/dev/null
  ln -f "$images/vmlinuz" "$share/image/" 2>/dev/null
  plan "$@" | cut -d ' ' -f 1,2 >"$share/stages"
  [ -z "$shell" ] || touch "$share/shell"
  : >"$share/results"
  : >"$share/figures"
  : >"$share/rows"
  date +%s >"$share/begin"
}

# nudges: a key on the serial line now and then. QEMU 7.2 can lose an interrupt: it clears one bit of a vCPU's
# requests while another thread sets the next. If that is Xen's one-shot timer, nothing in the machine ever runs
# on. Any other interrupt makes the APIC look again.
nudges() { while sleep 2 && printf ' '; do :; done; }
# boot SERIAL...: the machine. qemu64 has no SMAP, under which a PV dom0 crashes on QEMU 7.2.
boot() {
  local dom0='root=/dev/vda console=hvc0 quiet loglevel=4 panic=5 mitigations=off audit=0 pci=noearly'
  local xen='console=com1 com1=115200,8n1 dom0_mem=1024M,max:1024M dom0_max_vcpus=2 noreboot=0 reboot=no'
  xen+=' loglvl=warning guest_loglvl=all console_timestamps=boot spec-ctrl=no xpti=no sched=credit2 watchdog=0'
  local pc=(-machine pc) model=()
  # With a stage that is for a GPU on the bus, the model is a process of its own behind QEMU's proxy device.
  if on_bus; then
    model=(build/release/xengvt-pci-model --gtt-mib 2 --log "$log/dma.log" --)
    pc=(-object "memory-backend-memfd,id=mem,size=4G,share=on" -machine "pc,memory-backend=mem"
      -device "x-pci-proxy-dev,id=gpu0,fd=20,addr=0x2")
  fi
  exec nice -n "${XEN_NICE:-0}" "${model[@]}" qemu-system-x86_64 -accel tcg,thread=multi -cpu qemu64,+svm,+npt -smp "${XEN_CPUS:-1}" -m 4G \
    "${pc[@]}" -nodefaults -vga none -display none -no-reboot "$@" \
    -kernel "$images/xen" -append "$xen" -initrd "$images/vmlinuz $dom0,$bed/dom0.initrd" \
    -drive "file=$images/dom0.ext4,format=raw,if=virtio,snapshot=on" \
    -drive "file=$bed/root/root.ext4,format=raw,if=virtio,readonly=on" \
    -virtfs "local,path=$share,mount_tag=bed,security_model=none,multidevs=remap"
}

# on_bus: a stage of this run wants the GPU on the machine's bus.
on_bus() { grep -q '^pci' "$share/stages"; }
# figures: what dom0 noted, "KEY NUMBER" or "program NAME RESULT BYTES" a line, as JSON. The last of a key counts;
# a program has passed when it did in every guest.
figures() {
  awk '$1 == "program" { if ($3 != "passed") failed[$2] = 1; bytes[$2] += $4; next }
       NF == 2 && $2 ~ /^[0-9.]+$/ { figure[$1] = $2 }
       END {
         print "{"
         for (k in figure) printf "  \"%s\": %s,\n", k, figure[k] | "sort"
         close("sort")
         printf "  \"programs\": {"
         for (k in bytes) {
           printf "%s\n    \"%s\": {\"result\": \"%s\", \"bytes\": %d}", separator, k, failed[k] ? "failed" : "passed", bytes[k]
           separator = ","
         }
         print "\n  }\n}"
       }' "$share/figures" >"$1"
}
# all_noted STAGE...: what a stage should have noted and did not is a failure of its own.
all_noted() {
  local stage wanted key
  while read -r stage _ wanted; do
    for key in $wanted; do
      grep -q "\"${key#program:}\": [{0-9]" "$noted" || echo "not ok $stage notes $key"
    done
  done < <(plan "$@")
}

# same_results: with the GPU on the bus each program says of each of its tests, and of as many bytes, what it said
# with the model in the daemon, as the last run of that kind has it. What is timed has no fixed number of bytes.
same_results() {
  local program
  sed 's/^\(pace: .*\) (.*/\1/' "$share/rows" | sort -u >"${noted%.json}.rows"
  on_bus && [ -s "$bed/figures.rows" ] || return 0
  while read -r program; do
    judge "$program has the results that it has with the model in the daemon" \
      diff <(grep "^$program: " "$bed/figures.rows") <(grep "^$program: " "$bed/figures-pci.rows")
  done < <(comm -12 <(programs_of "$bed/figures.rows") <(programs_of "$bed/figures-pci.rows"))
}
programs_of() { sed 's/: .*//' "$1" | sort -u; }

# Prints results as they come, until the machine is off.
follow() { tail -n +1 -f --pid="$1" "$share/results" 2>/dev/null; }

# What was recorded at the ports replays here, with neither Xen nor GPU.
replay_traces() {
  local trace out
  for trace in "$log"/trace/*.xgt; do
    [ -f "$trace" ] || continue
    if out=$(build/release/xengvt replay "$trace" 2>&1); then out="ok ${trace##*/} replays call by call"
    else out="$out"$'\n'"not ok ${trace##*/} replays call by call"; fi
    echo "$out" | tee -a "$share/results"
  done
}

# What guests wrote on their consoles, read out of the screenshots: all of it, and each its own.
read_screens() {
  local picture name guest seen=" "
  for picture in "$log"/screen-*.png; do
    [ -f "$picture" ] || continue
    name=${picture##*/screen-}
    name=${name%.png}
    if guest=$("$bed/read-console" "$picture" 2>&1) && [[ $seen != *" $guest "* ]]; then
      seen+="$guest "
      echo "ok the console of $name reads as it was written"
    else
      echo "$guest"$'\n'"not ok the console of $name reads as it was written"
    fi
  done | tee -a "$share/results"
}
# dma_at KEY [MARK]: a sum in the log of a GPU on the bus, at the end or at a mark of a stage's.
dma_at() {
  awk -v key="$1" -v at="${2:-}" '$1 == "mark" {here = $2 == at} $1 == key && (at == "" || here) {v = $2} END {print v + 0}' "$log/dma.log"
}
# between KEY FIRST LAST: by how much a sum grew between two marks.
between() { echo "$(($(dma_at "$1" "$3") - $(dma_at "$1" "$2")))"; }
marked() { grep -q "^mark $1\$" "$log/dma.log"; }
# judge NAME COMMAND...
judge() {
  local name=$1
  shift
  if "$@"; then echo "ok $name"; else echo "not ok $name"; fi
}
# cost: of submissions that were waited for, in accesses of the bus, as the GPU counted them. A GPU that rests for a second
# is looked at, and so is a context that stays for a tenth of one, which is no part of a submission and counted apart.
cost() {
  local all=0 looks asked key
  [ -s "$log/dma.log" ] && marked 71 || return
  for key in register_reads register_writes ggtt_reads ggtt_writes aperture_accesses; do
    all=$((all + $(between "$key" 70 71)))
  done
  looks=$(between register_looks 70 71)
  asked=$(awk '$1 == "sync_submissions" {n = $2} END {print n + 0}' "$share/figures")
  {
    echo "bar_accesses_per_submission $(awk "BEGIN {printf \"%.4g\", ($all - $looks) / ($asked ? $asked : 1)}")"
    echo "bar_accesses_of_looks $looks"
  } >>"$share/figures"
  judge "a submission costs at most 4 accesses of the bus ($all for $asked, with $looks looks)" \
    [ "$asked" -gt 0 -a "$all" -gt 0 -a "$((all - looks))" -le "$((4 * asked))" ] | tee -a "$share/results"
}
# isolation: what a GPU on the bus reached, held against Xen's own frame table by the process that is the GPU.
isolation() {
  local planted wrong tiled asked
  [ -s "$log/dma.log" ] || return
  planted=$(between dma_violations 90 91)
  tiled=$(between aperture_accesses 60 61)
  asked=$(awk '$1 == "tiled_accesses" {n = $2} END {print n + 0}' "$share/figures")
  wrong=$(($(dma_at dma_violations) - planted + $(dma_at dma_refused)))
  {
    echo "dma_accesses $(dma_at dma_accesses)"
    echo "dma_checked $(dma_at dma_checked)"
    echo "dma_violations $wrong"
    echo "aperture_checked $(dma_at aperture_checked)"
    echo "longest_answer_us $(dma_at longest_answer_us)"
    ! marked 91 || echo "dma_planted_caught $planted"
    ! marked 61 || echo "tiled_accesses_by_aperture $tiled"
  } >>"$share/figures"
  {
    grep -E '^(violation|refused)' "$log/dma.log" | head -n 10
    judge "accesses of the GPU were checked ($(dma_at dma_checked))" [ "$(dma_at dma_checked)" -gt 0 ]
    judge "the GPU reached no frame that it must not ($wrong)" [ "$wrong" = 0 ]
    ! marked 91 || judge "a wrong frame that was planted is caught ($planted)" [ "$planted" -gt 0 ]
    ! marked 61 || judge "tiled memory was reached through the GPU's aperture ($tiled of $asked accesses)" \
      [ "$asked" -gt 0 -a "$((100 * tiled))" -ge "$((99 * asked))" ]
    ! marked 52 || judge "nothing was reached after the daemon was killed" [ "$(between dma_accesses 51 52)" = 0 ]
  } | tee -a "$share/results"
}

exec 9>"${TMPDIR:-/tmp}/xenbed.lock"
flock 9
fill_share "$@"
fill_initramfs
begin=$SECONDS
if [ -n "$shell" ]; then
  boot -serial mon:stdio
  exit
fi
boot -serial stdio -monitor "unix:${log#"$PWD"/}/monitor,server=on,wait=off" < <(nudges 2>/dev/null) \
  >"$log/serial.log" 2>"$log/qemu.log" 9>&- &
machine=$!
(sleep "$limit"; echo "not ok time limit of $limit s" >>"$share/results"; kill "$machine") 2>/dev/null 9>&- &
guard=$!
trap 'kill "$machine" "$guard" 2>/dev/null' EXIT
follow "$machine"
wait "$machine" 2>/dev/null
kill "$guard" 2>/dev/null
cp -r "$share"/log/. "$log/" 2>/dev/null
on_bus || cp "$log"/{consoles.png,igt-*.tsv} "$bed/" 2>/dev/null
read_screens
replay_traces
isolation
cost
noted=$bed/figures.json
! on_bus || noted=$bed/figures-pci.json
figures "$noted"
all_noted "$@" | tee -a "$share/results"
same_results | tee -a "$share/results"
grep -q '^done$' "$share/results" || {
  echo "not ok the bed reaches its end" | tee -a "$share/results"
  tail -n 30 "$log/serial.log"
}
passed=$(grep -c '^ok ' "$share/results") failed=$(grep -c '^not ok ' "$share/results")
say "took $((SECONDS - begin)) s; logs are in ${log#"$PWD"/}"
sed -n 's/^not ok/FAILED/p' "$share/results"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
