#!/bin/bash
# SPDX-License-Identifier: MIT
# Outputs that cannot be written: one line, exit code 2, and no half-written file.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
disk=$work/disk
mkdir "$disk"
# A tiny disk, where we may mount one; else a limit on the size of files does the same.
if mount -t tmpfs -o size=8k tmpfs "$disk" 2>/dev/null; then
  trap 'umount "$disk"; rm -rf "$work"' EXIT
else
  ulimit -f 8
  trap '' XFSZ
fi
left() { find "$disk" -type f; }

refused "record to a full disk" record demo --guests 2 --seconds 0.5 --out "$work/out.d" -o "$disk/demo.trace"
check "record leaves nothing behind" [ -z "$(left)" ]
refused "demo on a full disk" demo --guests 2 --seconds 0.2 --out "$disk/demo"
check "demo leaves nothing behind" [ -z "$(left)" ]
refused "record into a folder that is not there" record demo --seconds 0.1 --out "$work/out.d" -o "$work/none/demo.trace"
refused "record over a folder" record demo --seconds 0.1 --out "$work/out.d" -o "$work"
refused "demo below a file" demo --seconds 0.1 --out Makefile/demo
run record demo --guests 1 --seconds 0.1 --out "$work/out.d" -o /dev/full
check "record to /dev/full is refused" [ "$status" = 2 ]
if [ -w /dev/full ]; then
  "$xengvt" scan "${corpus[0]}" --json >/dev/full 2>"$work/err"
  status=$?
  one_line "standard output on a full disk"
fi
