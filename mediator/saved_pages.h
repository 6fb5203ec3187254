// SPDX-License-Identifier: MIT
// Pages of context images that the GPU saved for this vGPU, by digest. What a guest hands in for
// the part of an image that nobody can audit (3D state, pages 2 and up) is loaded only if it is one
// of them: drivers copy a recorded default state into every new context, and nothing else.
#pragma once

#include <algorithm>
#include <deque>
#include <set>
#include <span>

#include "hv/trace/hash.h"

namespace mediator {

/// Pages remembered; the oldest is forgotten. A render image has 20.
inline constexpr size_t kMaxSavedPages = 2048;

class SavedPages {
 public:
  void add(std::span<const std::byte> page) {
    if (is_zero(page)) return;
    const auto [at, added] = known_.insert(hv::trace::sha256(page));
    if (!added) return;
    order_.push_back(at);
    if (order_.size() <= kMaxSavedPages) return;
    known_.erase(order_.front());
    order_.pop_front();
  }
  /// A page without anything in it loads nothing.
  [[nodiscard]] bool contains(std::span<const std::byte> page) const {
    return is_zero(page) || (!known_.empty() && known_.contains(hv::trace::sha256(page)));
  }
  [[nodiscard]] size_t size() const { return order_.size(); }

 private:
  static bool is_zero(std::span<const std::byte> page) {
    return std::all_of(page.begin(), page.end(), [](std::byte b) { return b == std::byte{0}; });
  }
  std::set<hv::trace::Sha256> known_;
  std::deque<std::set<hv::trace::Sha256>::iterator> order_;
};

}  // namespace mediator
