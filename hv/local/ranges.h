// SPDX-License-Identifier: MIT
// Trapped ranges of one domain: where they are placed, and the register pages behind them.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "hv/domain.h"

namespace hv::local {

class Ranges {
 public:
  Ranges() = default;
  ~Ranges();
  Ranges(const Ranges&) = delete;
  Ranges& operator=(const Ranges&) = delete;

  struct Hit {
    Range range{};
    uint64_t offset = 0;
  };
  /// The range that wholly contains the access, if any. BARs hide RAM.
  bool find(Gpa address, unsigned size, Hit& hit) const {
    for (const Range r : {Range::bar0, Range::bar2}) {
      const Placed& p = placed_[static_cast<unsigned>(r)];
      const uint64_t offset = address.v - p.base;
      if (offset < p.bytes) {
        hit = {r, offset};
        return p.bytes - offset >= size;
      }
    }
    return false;
  }
  /// Where the guest reads these bytes without an exit, or nullptr.
  [[nodiscard]] const std::byte* direct(const Hit& hit, unsigned size) const {
    const auto& pages = direct_[static_cast<unsigned>(hit.range)];
    const uint64_t page = hit.offset >> kPageShift, in_page = hit.offset & kPageMask;
    if (page >= pages.size() || !pages[page] || in_page + size > kPageSize) return nullptr;
    return pages[page] + in_page;
  }

  Status place(Range range, Gpa base, uint64_t bytes);
  Status remove(Range range);
  Result<std::span<std::byte>> add_pages(Range range, uint64_t offset, uint64_t bytes);
  Status set_direct(Range range, uint64_t offset, uint64_t bytes, bool direct);

 private:
  struct Placed {
    uint64_t base = 0, bytes = 0;
  };
  struct Block {
    Range range{};
    uint64_t offset = 0, bytes = 0;
    std::byte* memory = nullptr;
  };
  [[nodiscard]] const Block* block_at(Range range, uint64_t offset) const;

  std::array<Placed, kRanges> placed_{};
  std::array<std::vector<std::byte*>, kRanges> direct_;  // per page: memory, or nullptr = traps
  std::vector<Block> blocks_;
};

}  // namespace hv::local
