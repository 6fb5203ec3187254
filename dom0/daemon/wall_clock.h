// SPDX-License-Identifier: MIT
// Wall time as the mediator sees it: monotonic, from the daemon's start.
#pragma once

#include <chrono>

#include "hv/domain.h"

namespace xengvtd {

class WallClock final : public hv::Clock {
 public:
  uint64_t now_ns() override {
    return static_cast<uint64_t>(
        std::chrono::nanoseconds(std::chrono::steady_clock::now() - start_).count());
  }

 private:
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace xengvtd
