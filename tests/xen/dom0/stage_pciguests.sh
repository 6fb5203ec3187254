# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# With the GPU on the machine's bus: consoles and clocks, Mesa, the benchmarks of intel-gpu-tools, a guest that hangs
# beside one that does not, a driver that is loaded anew.
# shellcheck source=tests/xen/dom0/pci.sh
. /bed/dom0/pci.sh
with_pci_daemon screen mesa igt hang
