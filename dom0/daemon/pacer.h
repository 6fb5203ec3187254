// SPDX-License-Identifier: MIT
// How modelled time follows wall time. Pure arithmetic; all times in nanoseconds.
#pragma once

#include <cstdint>

namespace xengvtd {

class Pacer {
 public:
  /// `scale`: modelled time per wall time. A model that lags more than `max_lag_ns` (wall) forgets
  /// the rest: it was too slow, and hurrying later would help nobody.
  Pacer(double scale, uint64_t max_lag_ns) : scale_(scale), max_lag_ns_(max_lag_ns) {}

  /// How far the model should be by now. Never goes back.
  [[nodiscard]] uint64_t model_time(uint64_t wall_ns) const {
    if (wall_ns <= wall_) return model_;
    return model_ + static_cast<uint64_t>(static_cast<double>(wall_ns - wall_) * scale_);
  }
  /// The wall time at which the model should be there.
  [[nodiscard]] uint64_t wall_time(uint64_t model_ns) const {
    if (model_ns <= model_) return wall_;
    return wall_ + static_cast<uint64_t>(static_cast<double>(model_ns - model_) / scale_);
  }
  /// The model stands at `model_ns`: forgives what it lags beyond the bound.
  void forgive(uint64_t model_ns, uint64_t wall_ns) {
    const uint64_t should = wall_time(model_ns);
    if (wall_ns <= should || wall_ns - should <= max_lag_ns_) return;
    forgiven_ns_ += wall_ns - should;
    model_ = model_ns;
    wall_ = wall_ns;
  }
  /// Wall time the model was too slow for, in all.
  [[nodiscard]] uint64_t forgiven_ns() const { return forgiven_ns_; }

 private:
  double scale_;
  uint64_t max_lag_ns_;
  uint64_t model_ = 0, wall_ = 0;  ///< a pair of times that belong together
  uint64_t forgiven_ns_ = 0;
};

}  // namespace xengvtd
