// SPDX-License-Identifier: MIT
// Guest RAM of the embedded driver, handed out page by page.
#pragma once

#include <optional>
#include <vector>

#include "hv/types.h"

namespace guests {

class Frames {
 public:
  Frames(uint64_t first_frame, uint64_t count) : next_(first_frame), end_(first_frame + count) {}
  /// Nothing when RAM is used up. Contents are whatever was there.
  std::optional<hv::Gpa> alloc() {
    if (!free_.empty()) {
      const hv::Gpa page = free_.back();
      free_.pop_back();
      return page;
    }
    if (next_ == end_) return std::nullopt;
    return hv::Gpa{next_++ << hv::kPageShift};
  }
  void free(hv::Gpa page) { free_.push_back(page); }

 private:
  uint64_t next_, end_;
  std::vector<hv::Gpa> free_;
};

}  // namespace guests
