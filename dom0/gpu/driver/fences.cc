// SPDX-License-Identifier: MIT
// The GPU's fence registers. SKL PRM vol 2c (FENCE).
#include "dom0/gpu/driver/driver.h"

namespace gpu {

void Driver::set_fence(unsigned n, uint64_t value) {
  if (n >= fences_.size() || fences_[n] == value) return;
  fences_[n] = value;
  if (started_ && !wedged_) write_fence(n);
}

/// The half with the valid bit goes first when it is taken away and last when it is set, so that
/// there is never a fence of two halves that do not belong together.
void Driver::write_fence(unsigned n) {
  const uint32_t low = gen9::kFence0 + 8 * n;
  device_.write32(low, 0);
  device_.read32(low);
  if (fences_[n] == 0) return;
  device_.write32(low + 4, static_cast<uint32_t>(fences_[n] >> 32));
  device_.write32(low, static_cast<uint32_t>(fences_[n]));
  device_.read32(low);
}

}  // namespace gpu
