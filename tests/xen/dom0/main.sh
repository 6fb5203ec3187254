#!/bin/bash
# SPDX-License-Identifier: MIT
# What dom0 runs: the tool stack's daemons, then the stages the host asked for, or a shell.
# shellcheck source=tests/xen/dom0/vgpu.sh
. /bed/dom0/vgpu.sh
# A person or a script on the host may ask dom0 something: build/xen/share/ask is run and answered in "answer".
answer_host() {
  while nap || true; do
    [ -s /bed/ask ] || continue
    mv /bed/ask /tmp/ask
    bash /tmp/ask >/bed/answer.part 2>&1
    mv /bed/answer.part /bed/answer
  done
}
# run_stage NAME SECONDS: in a process group of its own, so that one that takes too long goes as a whole.
run_stage() {
  local until=$((SECONDS + $2)) stage
  note "stage $1, at most $2 s"
  set -m
  # shellcheck source=/dev/null
  (. "/bed/dom0/stage_$1.sh") >"$log/stage_$1.log" 2>&1 &
  stage=$!
  set +m
  while kill -0 "$stage" 2>/dev/null; do
    [ "$SECONDS" -lt "$until" ] || { kill -- "-$stage"; fail "stage $1 within $2 s" "$log/stage_$1.log"; abandon_guests; return; }
    nap
  done
}
start_tools >"$log/tools.log" 2>&1
answer_host &
if [ -e /bed/shell ]; then
  echo "This is dom0. /bed is the host's build/xen/share; guests are described in /bed/guest."
  setsid -c bash -i </dev/hvc0 >/dev/hvc0 2>&1
  exit
fi
while read -r stage seconds <&3; do run_stage "$stage" "$seconds" 3<&-; done 3</bed/stages
note "end"
(end_guests; stop_daemon) >"$log/end.log" 2>&1
xl dmesg >"$log/xl-dmesg.log" 2>&1
cp -r /var/log/xen "$log/" 2>/dev/null
echo "done" >>/bed/results
