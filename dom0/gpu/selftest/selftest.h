// SPDX-License-Identifier: MIT
// Whether a GPU does what the host driver expects: contexts of our own only, no guest near it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dom0/gpu/driver/driver.h"

namespace gpu {

struct SelftestRow {
  std::string name;
  bool passed = false;
  std::string detail;  ///< what was seen instead, if it did not pass
  uint64_t ns = 0;     ///< by the device's clock
};

/// Runs every test on a driver that was started and that nobody else uses. Each test stands alone;
/// what comes after a GPU that does not recover is reported as not run.
std::vector<SelftestRow> selftest(Device& device, Driver& driver);

}  // namespace gpu
