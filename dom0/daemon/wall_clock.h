// SPDX-License-Identifier: MIT
// Wall time as the mediator sees it: monotonic, from the daemon's start.
#pragma once

#include <atomic>
#include <cstdint>

#include "hv/domain.h"

namespace xengvtd {

/// What a WallClock is made of. Tests have their own.
struct ClockSource {
  uint64_t (*time_ns)();  ///< exact, monotonic; a system call where the kernel cannot do without
  uint64_t (*ticks)();    ///< cheap, of any rate, need not agree between processors
};
/// CLOCK_MONOTONIC and the processor's time-stamp counter.
ClockSource this_machine();

/// Where a look at the time takes a system call (a PV dom0 whose TSC Xen does not vouch for), as
/// many of them as a trap takes would cost more than the trap. Then it looks once in kStaleNs at
/// most and goes by ticks in between: never more than kStaleNs wrong, never back, on any thread.
class WallClock final : public hv::Clock {
 public:
  static constexpr uint64_t kStaleNs = 4'000'000;  ///< the longest that ticks are gone by
  static constexpr uint64_t kCheapTicks = 1500;    ///< a look that takes less is no system call

  explicit WallClock(ClockSource source = this_machine());
  /// Nanoseconds since it was made. Any thread.
  uint64_t now_ns() override { return cheap_ ? source_.time_ns() - start_ns_ : interpolated(); }
  [[nodiscard]] bool cheap() const { return cheap_; }

 private:
  uint64_t interpolated();
  uint64_t look(uint64_t ticks);
  uint64_t never_back(uint64_t ns);

  ClockSource source_;
  uint64_t start_ns_, start_ticks_;
  bool cheap_;
  std::atomic<uint64_t> latest_ns_ = 0;
  // A pair that belongs together, guarded by its sequence: odd while it is written.
  std::atomic<uint64_t> sequence_ = 0, looked_ns_ = 0, looked_ticks_ = 0;
  std::atomic<double> ns_per_tick_ = 0;  ///< 0 until known
};

}  // namespace xengvtd
