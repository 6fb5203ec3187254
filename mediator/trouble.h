// SPDX-License-Identifier: MIT
// What a vGPU that hangs the GPU has to expect. Pure policy; docs/SCHEDULING.md states it.
#pragma once

#include <algorithm>
#include <cstdint>

namespace mediator {

enum class Trouble : uint8_t {
  hang,           ///< no progress and no arbitration for hang_ns: the engine was reset
  command_error,  ///< the engine met what it cannot execute: noticed at once, but reset too
};

/// The record of one vGPU. Each trouble counts; a quiet minute halves the count.
class TroubleRecord {
 public:
  static constexpr unsigned kHang = 4, kError = 1;  ///< points
  static constexpr unsigned kToFailsafe = 16;       ///< four hangs, or sixteen errors
  static constexpr uint64_t kQuietNs = 60'000'000'000, kHoldNs = 1'000'000'000;

  /// How long its engine may make no progress: a quarter for the first hang it is remembered for,
  /// an eighth for more, so that four hangs together cost others one and a half times the first.
  [[nodiscard]] uint64_t hang_ns(uint64_t first, uint64_t now) const {
    return std::max<uint64_t>(1, first >> std::min(points_at(now) / kHang * 2, 3u));
  }
  /// Returns how long it is held back: a second for the second hang, two for the third.
  uint64_t note(Trouble trouble, uint64_t now) {
    points_ = points_at(now) + (trouble == Trouble::hang ? kHang : kError);
    last_ns_ = now;
    ++troubles_;
    const unsigned hangs = points_ / kHang;
    return trouble == Trouble::hang && hangs > 1 ? kHoldNs << std::min(hangs - 2, 3u) : 0;
  }
  [[nodiscard]] bool hopeless() const { return points_ >= kToFailsafe; }
  [[nodiscard]] uint64_t count() const { return troubles_; }

 private:
  [[nodiscard]] unsigned points_at(uint64_t now) const {
    const uint64_t quiet = (now - std::min(now, last_ns_)) / kQuietNs;
    return points_ >> std::min<uint64_t>(quiet, 31);
  }
  unsigned points_ = 0;
  uint64_t last_ns_ = 0, troubles_ = 0;
};

}  // namespace mediator
