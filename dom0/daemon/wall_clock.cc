// SPDX-License-Identifier: MIT
#include "dom0/daemon/wall_clock.h"

#include <x86intrin.h>

#include <algorithm>
#include <chrono>

namespace xengvtd {
namespace {

// A rate is only as good as the time it was measured over.
constexpr uint64_t kRateNs = 20'000'000;
constexpr int kTries = 16;

uint64_t steady_ns() {
  return static_cast<uint64_t>(
      std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count());
}
uint64_t tsc() { return __rdtsc(); }

uint64_t cost_in_ticks(const ClockSource& source) {
  uint64_t least = UINT64_MAX;
  for (int i = 0; i < kTries; ++i) {
    const uint64_t begin = source.ticks();
    source.time_ns();
    least = std::min(least, source.ticks() - begin);
  }
  return least;
}

}  // namespace

ClockSource this_machine() { return {steady_ns, tsc}; }

WallClock::WallClock(ClockSource source)
    : source_(source),
      start_ns_(source.time_ns()),
      start_ticks_(source.ticks()),
      cheap_(cost_in_ticks(source) < kCheapTicks) {}

uint64_t WallClock::interpolated() {
  const uint64_t ticks = source_.ticks();
  const uint64_t sequence = sequence_.load(std::memory_order_acquire);
  const uint64_t ns = looked_ns_.load(std::memory_order_relaxed);
  const uint64_t since = ticks - looked_ticks_.load(std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_acquire);
  const bool torn = sequence % 2 || sequence_.load(std::memory_order_relaxed) != sequence;
  const double passed = static_cast<double>(since) * ns_per_tick_.load(std::memory_order_relaxed);
  // Ticks that went back, on another processor, are very many ticks here.
  if (torn || passed <= 0 || passed >= static_cast<double>(kStaleNs)) return look(ticks);
  return never_back(ns + static_cast<uint64_t>(passed));
}

uint64_t WallClock::look(uint64_t ticks) {
  const uint64_t ns = source_.time_ns() - start_ns_;
  uint64_t sequence = sequence_.load(std::memory_order_relaxed);
  // Who comes second goes by the first's look next time.
  if (sequence % 2 == 0 && sequence_.compare_exchange_strong(sequence, sequence + 1)) {
    if (ns >= kRateNs && ticks > start_ticks_)
      ns_per_tick_ = static_cast<double>(ns) / static_cast<double>(ticks - start_ticks_);
    looked_ns_.store(ns, std::memory_order_relaxed);
    looked_ticks_.store(ticks, std::memory_order_relaxed);
    sequence_.store(sequence + 2, std::memory_order_release);
  }
  return never_back(ns);
}

uint64_t WallClock::never_back(uint64_t ns) {
  uint64_t latest = latest_ns_.load(std::memory_order_relaxed);
  while (latest < ns && !latest_ns_.compare_exchange_weak(latest, ns)) {
  }
  return std::max(latest, ns);
}

}  // namespace xengvtd
