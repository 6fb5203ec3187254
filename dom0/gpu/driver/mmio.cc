// SPDX-License-Identifier: MIT
// Register access of the host driver: per-engine offsets and bounded waits.
#include "dom0/gpu/driver/driver.h"

namespace gpu {

uint32_t Driver::read_engine(EngineId e, uint32_t rel) {
  return device_.read32(gen9::engine_reg(e, rel));
}

void Driver::write_engine(EngineId e, uint32_t rel, uint32_t value) {
  device_.write32(gen9::engine_reg(e, rel), value);
}

bool Driver::wait_for(uint32_t offset, uint32_t mask, uint32_t value, uint64_t timeout_us) {
  // Most answers come at once; the rest in microseconds. A count, not a clock, bounds the wait.
  constexpr uint64_t kStepUs = 5;
  for (uint64_t waited = 0;; waited += kStepUs) {
    if ((device_.read32(offset) & mask) == value) return true;
    if (waited >= timeout_us) return false;
    device_.pause_ns(kStepUs * 1000);
  }
}

}  // namespace gpu
