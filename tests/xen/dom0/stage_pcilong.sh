# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# With the GPU on the machine's bus: Mesa, and the benchmarks of intel-gpu-tools.
# shellcheck source=tests/xen/dom0/pci.sh
. /bed/dom0/pci.sh
with_pci_daemon mesa igt
