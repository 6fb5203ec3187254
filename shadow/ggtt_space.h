// SPDX-License-Identifier: MIT
// Allocator of host GGTT addresses for the mediator's own objects and for operand slots.
#pragma once

#include <cstdint>
#include <map>

#include "hv/result.h"
#include "hv/types.h"

namespace shadow {

class GgttSpace {
 public:
  /// Manages [base, base + bytes), both multiples of 4 KiB.
  GgttSpace(uint64_t base, uint64_t bytes);
  /// First fit. no_memory when no hole is long enough.
  hv::Result<hv::GmAddr> alloc(unsigned pages);
  void free(hv::GmAddr base, unsigned pages);
  [[nodiscard]] uint64_t free_pages() const { return free_pages_; }

 private:
  std::map<uint64_t, uint64_t> holes_;  // first page -> pages
  uint64_t free_pages_ = 0;
};

}  // namespace shadow
