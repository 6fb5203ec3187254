// SPDX-License-Identifier: MIT
// Opens a page for a run of writes, and finds out afterwards what was written.
#include "hv/xen/late_writes.h"

#include <cstring>

#include "hv/bits.h"

namespace hv::xen {
namespace {

constexpr uint64_t kEntryBytes = 8;
/// So many neighbouring writes are a run. Opening and shutting costs about as much as two traps.
constexpr unsigned kRun = 3;
/// Not worth it for what is left of a page.
constexpr uint64_t kWorthBytes = 8 * kEntryBytes;

}  // namespace

void LateWrites::written(Range range, uint64_t offset, unsigned size) {
  const bool ours = range == range_ && offset - offset_ < bytes_ && size == kEntryBytes &&
                    offset % kEntryBytes == 0;
  if (!ours) {
    run_ = 0;
    return;
  }
  run_ = offset == next_ ? run_ + 1 : 1;
  next_ = offset + kEntryBytes;
  if (run_ >= kRun && kPageSize - (next_ & kPageMask) >= kWorthBytes && (next_ & kPageMask))
    open(align_down(offset, kPageSize));
}

void LateWrites::open(uint64_t page) {
  const std::byte* memory = pages_.memory_in_guest(range_, page);
  if (open_ || !memory) return;
  std::memcpy(before_.data(), memory, kPageSize);
  if (!pages_.set_trapping(range_, page, false)) return;
  page_ = page;
  open_ = true;
  trapping_ = false;
}

void LateWrites::shut() {
  if (!open_ || trapping_) return;
  trapping_ = true;
  // A page that cannot trap again is taken out of the guest, where all its accesses trap.
  if (!pages_.set_trapping(range_, page_, true))
    (void)pages_.set_direct(range_, page_, kPageSize, false);
}

void LateWrites::settle(const Report& report) {
  if (!open_) return;
  shut();
  open_ = false;
  std::byte* memory = pages_.memory(range_, page_);
  for (uint64_t at = 0; at < kPageSize; at += kEntryBytes) {
    const auto now = load<uint64_t>(memory + at), before = load<uint64_t>(before_.data() + at);
    if (now == before) continue;
    // The handler finds what it would have found had the write trapped.
    store(memory + at, before);
    report(range_, page_ + at, now);
    ++reported_;
    next_ = page_ + at + kEntryBytes;
  }
}

}  // namespace hv::xen
