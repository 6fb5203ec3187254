// SPDX-License-Identifier: MIT
// Whether a guest's xl.cfg can give it a vGPU. xl ignores lines it does not know, and starts a PV
// or PVH guest without ever asking the device model, so this is the place to find such a mistake.
#pragma once

#include <istream>
#include <vector>

#include "dom0/daemon/host_check.h"

namespace xengvtd {

/// One Check for each thing the file must have. Values are read as xl.cfg(5) has them: numbers,
/// strings and lists, one assignment after the other, of which the last counts.
std::vector<Check> check_guest_file(std::istream& file);

}  // namespace xengvtd
