# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# For the stages with virtual GPUs. The daemon and the guests that are up are shared by the stages of a run:
# need_guests starts those that are not there yet, order and everyone have programs run in them, and the end
# of the run has them end by themselves. A stage that needs guests of its own, or none, calls end_guests first.
# shellcheck source=tests/xen/dom0/lib.sh
. /bed/dom0/lib.sh
export PATH=/bed/bin:$PATH
wrapper=/usr/libexec/xengvt/xengvt-dm
guests=(one two three) # what everyone means unless a stage says otherwise
state=/run/bed # NAME.order: the guest's last order; NAME.created: when; seed: of the last guest
mkdir -p "$state"
daemon_pid() { cat "$state/xengvtd.pid" 2>/dev/null; }
daemon_runs() { kill -0 "$(daemon_pid)" 2>/dev/null; }
# daemon_kib: its memory; the guests' pages, which it maps, are not counted in it.
daemon_kib() { awk '$1 == "RssAnon:" {print $2}' "/proc/$(daemon_pid)/status"; }

need_daemon() {
  daemon_runs && return
  check "the daemon starts" "$log/xengvtd.log" start_daemon || return
  daemon_kib >"$state/idle_kib"
}
# Everything the mediator learns is recorded, into a file that appears when the daemon ends; run.sh replays it.
start_daemon() {
  install -D -m 755 /bed/bin/xengvt-dm "$wrapper" && mkdir -p /run/xengvt "$log/trace" || return
  read -ra how <<<"${DAEMON_OPTIONS:---config /bed/dom0/xengvtd.conf --trace $log/trace/${trace:-run-$SECONDS}.xgt --trace-open}"
  setsid xengvtd "${how[@]}" >>"$log/xengvtd.log" 2>&1 &
  echo $! >"$state/xengvtd.pid"
  wait_for "${DAEMON_SECONDS:-30}" xengvt list && daemon_runs
}
stop_daemon() {
  daemon_runs || return 0
  kill "$(daemon_pid)"
  check "the daemon ends when told" "$log/xengvtd.log" wait_for 20 daemon_is_gone
}
daemon_is_gone() { ! daemon_runs; }
# counter NAME KEY: a number out of xengvt info.
counter() { [[ $(xengvt info "$1" --json) =~ \"$2\":([0-9]+) ]] && echo "${BASH_REMATCH[1]}"; }

# vgpu_guest NAME ARGUMENTS [EXTRA...]: as guest, with a virtual GPU.
vgpu_guest() {
  local name=$1 arguments=$2
  shift 2
  guest "$name" "$arguments" "-xgpu type=${VGPU_TYPE:-tiny}" "device_model_version=\"qemu-xen\"" \
    "device_model_override=\"$wrapper\"" "$@"
}
# need_guests NAME...: these are up with their driver loaded, or a result says why not. Fails if one is not.
need_guests() {
  local name new=() good=0
  need_daemon || return
  for name in "$@"; do [ -e "$state/$name.order" ] || new+=("$name"); done
  for name in "${new[@]}"; do create "$name" || return; done
  for name in "${new[@]}"; do comes_up "$name" || return; done
  # The first loads its driver alone, which is measured; the others at the same time.
  [ ${#new[@]} = 0 ] || { probe "${new[0]}"; good=$?; }
  for name in "${new[@]:1}"; do begin "$name" driver; done
  for name in "${new[@]:1}"; do finish "$name" 200 && driver_works "$name" || good=1; done
  return "$good"
}
create() {
  local name=$1 seed
  seed=$(($(cat "$state/seed" 2>/dev/null) + 1))
  echo "$seed" >"$state/seed"
  # An earlier guest of that name said there what this one is yet to say.
  mv "$(console "$name")" "$(console "$name").before-$seed" 2>/dev/null
  echo "${EPOCHREALTIME/[.,]/}" >"$state/$name.created"
  check "xl create of $name with a vGPU" "$log/create-$name.log" \
    vgpu_guest "$name" "bed.seed=$seed bed.orders=1 bed.fbdev=${BED_FBDEV:-1}" ${guest_memory:+"memory=$guest_memory"} || { dm_log "$name"; return 1; }
  echo 0 >"$state/$name.order"
}
# Why xl create failed is in the device model's log.
dm_log() { tail -n 5 "/var/log/xen/qemu-dm-$1.log" >>/bed/results 2>&1; }
comes_up() {
  local name=$1
  check "$name comes up" "$(console "$name")" wait_for 300 console_has "$name" 'bed: ready' || return
  figure guest_boot_seconds "$(((${EPOCHREALTIME/[.,]/} - $(<"$state/$name.created")) / 1000000))"
}
# probe NAME: loads the driver, and notes the time in the guest and the exits.
probe() {
  local before
  before=$(counter "$1" exits)
  order "$1" 200 driver
  driver_works "$1" || return
  figure probe_seconds "$(mark_of "$1" "figure probe_seconds")"
  figure probe_exits "$(($(counter "$1" exits) - before))"
}
# driver_works NAME: i915 saw a virtual GPU, made its nodes and had nothing to complain about.
driver_works() {
  local name=$1 file
  file=$(console "$name")
  check "$name sees a GVT-g GPU" "$file" console_has "$name" 'Virtual GPU for Intel GVT-g detected'
  check "$name has card0 and renderD128" "$file" console_has "$name" 'bed: nodes .*card0.*renderD128' || return
  check "$name has no error of i915 but the known ones" "$file" no_complaints "$file"
}
# What a guest's kernel said at the level of a warning or above, from loading i915 on, is all on the list.
no_complaints() {
  ! tr -d '\r' <"$1" | sed -n 's/^bed: complaint //p' | grep -vE "${harmless:-^$}" |
    grep -vxEf <(grep -v '^#' /bed/guest/known_messages)
}
# no_refusals NAME: the mediator took every command of this guest.
no_refusals() {
  xengvt info "$1" --json >"$log/info-$1.json" 2>&1
  check "no command of $1 was refused" "$log/info-$1.json" has "$log/info-$1.json" '"refused_commands":0,'
}

# begin NAME COMMAND...: a guest begins to run a command of its main.sh or a program of /bed; it waits for one
# order after the other.
begin() {
  local name=$1 id
  shift
  id=$(($(<"$state/$name.order") + 1))
  echo "$id" >"$state/$name.order"
  tell "$name" "$id $*"
}
# tell NAME LINE: types a line at the guest's console.
tell() {
  local tty
  tty=$(xenstore-read "/local/domain/$(xl domid "$1")/console/tty") && echo "$2" >"$tty"
}
# finish NAME SECONDS: waits until its order is done, and has the command's exit status; 125 if that is not to be.
finish() {
  local name=$1 text
  wait_for "$2" over "$name"
  IFS= read -rd "" text <"$(console "$name")"
  [[ $text =~ "bed: finish $(<"$state/$name.order") "([0-9]+) ]] && return "${BASH_REMATCH[1]}"
  fail "$name ends its order within $2 s" "$(console "$name")"
  return 125
}
# over NAME: its order is done, or it is gone, which is looked at now and then.
over() {
  console_has "$1" "bed: finish $(<"$state/$1.order") " || { ((SECONDS % 8 == 0)) && ! lives "$1"; }
}
lives() { [[ $(xl list "$1" 2>/dev/null) =~ [r-][b-][p-]-[c-]-\ +[0-9] && ${BASH_REMATCH[0]} != *c* ]]; }
# order NAME SECONDS COMMAND...: both.
order() {
  begin "$1" "${@:3}" && finish "$1" "$2"
}
# said NAME: what the guest printed at its last order.
said() {
  local id
  id=$(<"$state/$1.order")
  tr -d '\r' <"$(console "$1")" | sed -n "/^bed: start $id /,/^bed: finish $id /p"
}
said_has() {
  local text
  IFS= read -rd "" text <"$(console "$1")"
  [[ ${text##*"bed: start $(<"$state/$1.order") "} =~ $2 ]]
}
# mark_of NAME TEXT: what followed "bed: TEXT " at its last order.
mark_of() { said "$1" | sed -n "s/^bed: $2 //p" | tail -n 1; }
# everyone SECONDS PROGRAM [ARGUMENTS]: a program in all guests of $guests at once; each of its "bed: ok" lines
# is a result, and it is a program of figures.json.
everyone() {
  local name seconds=$1 program=$2
  shift
  for name in "${guests[@]}"; do begin "$name" "$@"; done
  for name in "${guests[@]}"; do program_worked "$name" "$seconds" "$program"; done
}
# program_worked NAME SECONDS PROGRAM: waits for it. It has failed unless it ends with status 0 and had results.
program_worked() {
  local name=$1 program=$3 result=failed line bytes=0 status count=0
  finish "$name" "$2"
  status=$?
  while read -r line; do
    echo "${line#bed: } in $name" >>/bed/results
    echo "$program: ${line#bed: }" >>/bed/rows
    count=$((count + 1))
    [[ $line =~ \(([0-9]+)\ bytes\) ]] && bytes=$((bytes + BASH_REMATCH[1]))
  done < <(said "$name" | grep -aE '^bed: (not )?ok ')
  said "$name" | sed -n 's/^bed: figure //p' >>/bed/figures
  [ "$status" = 0 ] && [ "$count" -gt 0 ] && result=passed
  echo "program $program $result $bytes" >>/bed/figures
  check "$name: $program passes" "$(console "$name")" [ "$result" = passed ]
}

# end_guests: those that are up end by themselves, and leave nothing.
end_guests() {
  local name all=()
  for name in "$state"/*.order; do [ ! -e "$name" ] || { name=${name##*/}; all+=("${name%.order}"); }; done
  [ ${#all[@]} -gt 0 ] || return 0
  for name in "${all[@]}"; do begin "$name" end; done
  for name in "${all[@]}"; do
    check "$name has not complained since" "$(console "$name")" no_complaints "$(console "$name")"
    check "$name ends by itself" "$(console "$name")" wait_for 90 gone "$name" || xl destroy "$name"
    rm -f "$state/$name.order"
  done
  check "no vGPU is left" "$log/xengvtd.log" wait_for 10 no_vgpu_left
  check "no domain is left" "$log/end.log" no_domain_left
}
no_vgpu_left() { daemon_runs && [[ $(xengvt list --json) == *'"guests":[]'* ]]; }
no_domain_left() { [ "$(xl list | wc -l)" = 2 ] || { xl list; return 1; }; }
# abandon_guests: after a stage that hung, the next one begins anew.
abandon_guests() {
  local name
  while read -r name; do xl destroy "$name"; done < <(xl list | awk 'NR > 2 {print $1}')
  rm -f "$state"/*.order
  kill -9 "$(daemon_pid)" 2>/dev/null
  rm -f "$state/xengvtd.pid" /run/xengvt/control.sock
} >>"$log/end.log" 2>&1

# consoles NAME...: all their screens in one picture.
consoles() { xengvt screenshot "$@" -o "$log/consoles.png" >"$log/screenshot.log" 2>&1; }
# A screen with text on it has at least two colours; a flat picture of its size has a far smaller file.
screen_is_drawn() {
  local name=$1 picture=$log/screen-$1.png
  xengvt screenshot "$name" -o "$picture" >"$log/screenshot-$name.log" 2>&1
  check "$name shows its console" "$log/screenshot-$name.log" test "$(stat -c %s "$picture" 2>/dev/null || echo 0)" -gt 4000
}
