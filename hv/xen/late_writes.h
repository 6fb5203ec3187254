// SPDX-License-Identifier: MIT
// Runs of writes into register pages without an exit for each.
//
// A driver that fills a table of entries would trap for each of them. In a range where a write may
// become known late, a run opens its page: the guest writes it directly until its next request of
// any kind. Then the page traps again, and every entry that differs is reported as one write.
// Where Xen could not complete the write of a page that is opened (AMD), a run that reaches the
// end of its page opens those that follow instead.
#pragma once

#include <functional>
#include <vector>

#include "hv/xen/register_pages.h"

namespace hv::xen {

class LateWrites {
 public:
  /// A write of 8 bytes, as the TrapHandler would have got it.
  using Report = std::function<void(Range range, uint64_t offset, uint64_t value)>;
  /// Whether the page at this offset of the range may stop trapping now.
  using MayOpen = std::function<bool(uint64_t offset)>;
  LateWrites(RegisterPages& pages, Range range, uint64_t offset, uint64_t bytes, bool own_page,
             MayOpen may_open)
      : pages_(pages),
        range_(range),
        offset_(offset),
        bytes_(bytes),
        own_page_(own_page),
        may_open_(std::move(may_open)) {}

  /// After each write was handled: opens its page if it goes on with a run.
  void written(Range range, uint64_t offset, unsigned size);
  /// Before each request: what was written meanwhile, in the order of addresses.
  void settle(const Report& report);
  /// Makes the page trap; what was written is reported by the next settle().
  void shut();
  [[nodiscard]] uint64_t reported() const { return reported_; }

 private:
  void open(uint64_t page, uint64_t most);
  bool open_next();
  void settle_page(uint64_t page, const std::byte* before, const Report& report);

  RegisterPages& pages_;
  Range range_;
  uint64_t offset_, bytes_;
  const bool own_page_;
  const MayOpen may_open_;
  uint64_t next_ = 0;  // where the run would go on
  unsigned run_ = 0;
  uint64_t page_ = 0;              // offset of the first open page
  std::vector<std::byte> before_;  // of the open pages: their contents when they were opened
  bool trapping_ = true;           // whether they trap again already
  uint64_t reported_ = 0;
};

}  // namespace hv::xen
