# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Debian's intel-gpu-tools at work in a guest: each of its benchmarks for the engines there are.
# shellcheck source=tests/xen/dom0/vgpu.sh
. /bed/dom0/vgpu.sh
need_guests one || return
begin one igt.sh
program_worked one 600 igt
no_refusals one
