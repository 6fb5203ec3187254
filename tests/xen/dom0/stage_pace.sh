# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# As the stage hang, and a guest beside one that hangs has to keep its pace. It does not in this bed yet.
judge_pace=1
# shellcheck source=tests/xen/dom0/stage_hang.sh
. /bed/dom0/stage_hang.sh
