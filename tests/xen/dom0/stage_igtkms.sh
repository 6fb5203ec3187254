# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# As the stage igttests, with the tests of the display.
part=kms
# shellcheck source=tests/xen/dom0/stage_igttests.sh
. /bed/dom0/stage_igttests.sh
