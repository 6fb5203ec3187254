#!/bin/bash
# SPDX-License-Identifier: MIT
# What dom0 runs: the tool stack's daemons, then the stages the host asked for, or a shell.
# shellcheck source=tests/xen/dom0/lib.sh
. /bed/dom0/lib.sh
# A person or a script on the host may ask dom0 something: build/xen/share/ask is run and answered in "answer".
answer_host() {
  while nap || true; do
    [ -s /bed/ask ] || continue
    mv /bed/ask /tmp/ask
    bash /tmp/ask >/bed/answer.part 2>&1
    mv /bed/answer.part /bed/answer
  done
}
start_tools >"$log/tools.log" 2>&1
answer_host &
if [ -e /bed/shell ]; then
  echo "This is dom0. /bed is the host's build/xen/share; guests are described in /bed/guest."
  setsid -c bash -i </dev/hvc0 >/dev/hvc0 2>&1
  exit
fi
while read -r stage <&3; do
  note "stage $stage"
  # shellcheck source=/dev/null
  (. "/bed/dom0/stage_$stage.sh") >"$log/stage_$stage.log" 2>&1 3<&-
done 3</bed/stages
xl dmesg >"$log/xl-dmesg.log" 2>&1
cp -r /var/log/xen "$log/" 2>/dev/null
echo "done" >>/bed/results
