// SPDX-License-Identifier: MIT
// Runs of writes into register pages without an exit for each.
//
// A driver that fills a table of entries would trap for each of them. In a range where a write may
// become known late, a run opens its page: the guest writes it directly until its next request of
// any kind. Then the page traps again, and every entry that differs is reported as one write.
#pragma once

#include <array>
#include <functional>

#include "hv/xen/register_pages.h"

namespace hv::xen {

class LateWrites {
 public:
  /// A write of 8 bytes, as the TrapHandler would have got it.
  using Report = std::function<void(Range range, uint64_t offset, uint64_t value)>;
  LateWrites(RegisterPages& pages, Range range, uint64_t offset, uint64_t bytes)
      : pages_(pages), range_(range), offset_(offset), bytes_(bytes) {}

  /// After each write was handled: opens its page if it goes on with a run.
  void written(Range range, uint64_t offset, unsigned size);
  /// Before each request: what was written meanwhile, in the order of addresses.
  void settle(const Report& report);
  /// Makes the page trap; what was written is reported by the next settle().
  void shut();
  [[nodiscard]] uint64_t reported() const { return reported_; }

 private:
  void open(uint64_t page);

  RegisterPages& pages_;
  Range range_;
  uint64_t offset_, bytes_;
  uint64_t next_ = 0;  // where the run would go on
  unsigned run_ = 0;
  uint64_t page_ = 0;                          // offset of the open page
  bool open_ = false, trapping_ = true;        // open, and whether it traps again already
  std::array<std::byte, kPageSize> before_{};  // its contents when it was opened
  uint64_t reported_ = 0;
};

}  // namespace hv::xen
