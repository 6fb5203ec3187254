// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace gpu::pci {

/// Why something cannot be done, and what the owner can do about it.
struct Problem {
  std::string cause, cure;
};

}  // namespace gpu::pci
