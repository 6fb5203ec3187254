// SPDX-License-Identifier: MIT
// How far the model is advanced at a time, so that one step takes no longer than it may: whoever
// wants the model's lock waits for one. Pure arithmetic; all times in nanoseconds.
#pragma once

#include <algorithm>
#include <cstdint>

namespace xengvtd {

class StepSize {
 public:
  static constexpr uint64_t kShortestNs = 200, kLongestNs = 1'000'000;  ///< modelled

  /// `limit_ns`: wall time that a step may take.
  explicit StepSize(uint64_t limit_ns) : limit_ns_(limit_ns) {}

  /// Where the step ends of a model that stands at `now_ns`, next does something at `next_ns` and
  /// should be at `target_ns`. Time in which nothing happens takes no work and no steps: a
  /// processor that was taken away in the middle of some steps makes them short, and a loop that
  /// waits for memory looks at it once in a thousand of the shortest.
  [[nodiscard]] uint64_t until(uint64_t now_ns, uint64_t next_ns, uint64_t target_ns) const {
    return std::min(target_ns, std::max(now_ns + modelled_ns_, next_ns));
  }
  /// The last step took so long, wall time.
  void took(uint64_t wall_ns) {
    if (wall_ns > limit_ns_)
      modelled_ns_ = std::max(kShortestNs, modelled_ns_ / 2);
    else if (wall_ns < limit_ns_ / 2)
      modelled_ns_ = std::min(kLongestNs, modelled_ns_ + modelled_ns_ / 4);
  }

 private:
  const uint64_t limit_ns_;
  uint64_t modelled_ns_ = 1000;
};

}  // namespace xengvtd
