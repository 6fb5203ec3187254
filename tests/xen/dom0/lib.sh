# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# For the stages, in dom0: results, waiting, the tool stack and guests.
log=/bed/log
uptime_seconds() { cut -d ' ' -f 1 /proc/uptime; }
note() { echo "# $(uptime_seconds) $*" >>/bed/results; }
pass() { echo "ok $*" >>/bed/results; }
# fail NAME LOG: the end of the log goes with the result.
fail() { { [ ! -s "${2:-}" ] || { echo "--- the end of $2:"; tail -n 25 "$2"; }; echo "not ok $1"; } >>/bed/results; }
# check NAME LOG COMMAND...: passes when the command does, and fails otherwise.
check() {
  local name=$1 file=$2
  shift 2
  if "$@"; then pass "$name"; else fail "$name" "$file"; return 1; fi
}
# figure KEY NUMBER: for build/xen/figures.json.
figure() { echo "$1 $2" >>/bed/figures; }
# A process costs dom0 a tenth of a second here, so waiting is done without any: nap is "sleep 1", has is "grep -q".
[ -p /run/nothing ] || mkfifo /run/nothing
exec {nothing}<>/run/nothing
nap() { read -rt "${1:-1}" -u "$nothing"; }
has() {
  local text
  IFS= read -rd "" text <"$1"
  [[ $text =~ $2 ]]
} 2>/dev/null
# wait_for SECONDS COMMAND...: until the command succeeds; fails when the time is over.
wait_for() {
  local until=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$until" ] || return 1
    nap
  done >/dev/null 2>&1
  return 0 # not that of the last nap
}

# What Debian's /etc/init.d/xen does.
start_tools() {
  mkdir -p /var/log/xen "$log/console"
  /usr/lib/xen-4.17/bin/xenstored || /usr/lib/xen-4.17/bin/oxenstored
  wait_for 20 xenstore-ls / || echo "xenstored does not answer"
  /usr/lib/xen-4.17/bin/xen-init-dom0
  /usr/lib/xen-4.17/bin/xenconsoled --log=guest --log-dir="$log/console" || echo "no xenconsoled"
}

# guest NAME ARGUMENTS [EXTRA...]: starts a guest of /bed/guest/guest.cfg; ARGUMENTS reach /bed/main.sh in
# it, EXTRA are device-model arguments or, with "=" in them, lines for xl. Its console is $log/console/.
guest() {
  local name=$1 arguments=$2 extra model='"-device","xen-platform,addr=0x3"' lines=()
  shift 2
  for extra in "$@"; do
    case $extra in -*) model+=",\"${extra%% *}\",\"${extra#* }\"" ;; *) lines+=("$extra") ;; esac
  done
  disk "$name" "$arguments"
  model+=",\"-drive\",\"file=/tmp/$name.disk,format=raw,if=none,id=d0\",\"-device\",\"virtio-blk-pci,drive=d0,addr=0x4\""
  model+=",\"-drive\",\"file=/dev/vdb,format=raw,if=none,id=d1,readonly=on\",\"-device\",\"virtio-blk-pci,drive=d1,addr=0x5\""
  { cat /bed/guest/guest.cfg; printf '%s\n' "name=\"$name\"" "device_model_args_hvm=[$model]" "${lines[@]}"; } >"$log/$name.cfg"
  xl create "$log/$name.cfg" >"$log/create-$name.log" 2>&1
}
# disk NAME ARGUMENTS: the guests' disk, with the arguments in its last 16 sectors.
disk() {
  local to=/tmp/$1.disk from=/bed/image/guest.disk end
  mkdir -p "/tmp/$1/bed"
  echo "$2" | tr ' ' '\n' >"/tmp/$1/bed/arguments"
  cp "$from" "$to"
  end=$(($(stat -c %s "$to") / 512 - 16))
  (cd "/tmp/$1" && find bed | cpio -o -H newc --quiet) | dd of="$to" bs=512 seek="$end" conv=notrunc status=none
}
console() { echo "$log/console/guest-$1.log"; }
console_has() { has "$log/console/guest-$1.log" "$2"; }
gone() { ! xl domid "$1" && return; nap 4; false; }
