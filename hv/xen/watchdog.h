// SPDX-License-Identifier: MIT
// Tells when a domain computes and computes and wants nothing of us: a vCPU that runs code from a
// protected page looks so, because Xen takes its fetch for a spurious fault and tries again for
// ever.
#pragma once

#include <cstdint>

namespace hv::xen {

class Watchdog {
 public:
  /// Looked at now and then: all CPU time and exits so far. True if most of the time since the last
  /// look went into computing without a single exit.
  bool suspicious(uint64_t cpu_ns, uint64_t exits, uint64_t now_ns) {
    if (now_ns < now_ns_ + kShortestNs) return false;
    const uint64_t ran = cpu_ns - cpu_ns_, passed = now_ns - now_ns_;
    const bool busy = now_ns_ != 0 && exits == exits_ && ran > passed / 2;
    cpu_ns_ = cpu_ns;
    exits_ = exits;
    now_ns_ = now_ns;
    return busy;
  }

 private:
  static constexpr uint64_t kShortestNs = 500'000'000;
  uint64_t cpu_ns_ = 0, exits_ = 0, now_ns_ = 0;
};

}  // namespace hv::xen
