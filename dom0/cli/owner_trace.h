// SPDX-License-Identifier: MIT
// The part of `xengvt trace` that speaks with xengvtd.
#pragma once

#include <string>
#include <vector>

#include "dom0/cli/owner.h"

namespace cli {

/// `words` begins with "start" or "stop".
int trace_control(const std::vector<std::string>& words, const Parsed& parsed, std::ostream& out,
                  std::ostream& err);

}  // namespace cli
