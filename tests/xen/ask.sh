#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs a command line in the dom0 of a running bed and prints what it says: tests/xen/ask.sh 'xl list'
set -u
# shellcheck source=tests/xen/lib.sh
. "$(dirname "$0")/lib.sh"
rm -f "$share/answer"
printf '%s\n' "$*" >"$share/ask.part" && mv "$share/ask.part" "$share/ask"
for _ in $(seq 120); do
  [ ! -e "$share/answer" ] || { cat "$share/answer"; exit; }
  sleep 0.5
done
refuse "dom0 does not answer"
