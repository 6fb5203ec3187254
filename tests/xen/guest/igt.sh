#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# Runs in a guest: intel-gpu-tools' benchmarks, those of the engines there are, each bounded in time. One that
# skips (77) has failed. What they print is kept.
# shellcheck shell=dash
# shellcheck source=tests/xen/guest/root.sh
. /bed/root.sh
mount_root || exit 1
failed=0
# run NAME SECONDS ARGUMENT...: NAME is a benchmark, or NAME:WHAT for another run of one.
run() {
  local name=$1 seconds=$2 status
  shift 2
  in_root "$seconds" "/usr/libexec/igt-gpu-tools/benchmarks/${name%%:*}" "$@" >/run/out 2>&1
  status=$?
  sed "s|^|bed: igt $name: |" /run/out | tail -n 30
  [ $status = 0 ] && [ -s /run/out ] && { echo "bed: ok $name $*"; return; }
  echo "bed: not ok $name $* (status $status)"
  failed=1
}
run gem_create 60 -s 4096 -r 1
run gem_create:busy 120 -s 4096 -r 1 -b
run gem_prw:write 60 -d cpu -D write -r 4
run gem_prw:read 60 -d gtt -D read -r 4
run gem_exec_nop 120 -e rcs
run gem_exec_nop:blitter 120 -e bcs
run gem_exec_ctx:switch 60 -b switch
run gem_exec_ctx:create 60 -b create -s
# Without -I it relocates by handle what it declares as relocated by index, which the driver refuses.
run gem_busy 60 -I
run gem_blt 60 -s 65536 -t 1 -r 1
run gem_latency 60 -t 2 -n 2
run gem_wsim 60 -r 3 -c 2 -w '1.RCS.500.0.0,1.BCS.500.-1.0,2.RCS.1000.-2.1'
exit $failed
