// SPDX-License-Identifier: MIT
// Opens a page for a run of writes, and finds out afterwards what was written.
#include "hv/xen/late_writes.h"

#include <cstring>
#include <utility>

#include "hv/bits.h"

namespace hv::xen {
namespace {

constexpr uint64_t kEntryBytes = 8;
/// So many neighbouring writes are a run. Opening and shutting costs about as much as two traps.
constexpr unsigned kRun = 3;
/// Not worth it for what is left of a page.
constexpr uint64_t kWorthBytes = 8 * kEntryBytes;
/// Opened at once behind a run that goes on: 256 MiB of graphics memory's entries.
constexpr uint64_t kAheadPages = 128;

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
  if (run_ < kRun) return;
  const uint64_t in_page = next_ & kPageMask;
  if (!own_page_) {
    if (in_page == 0) open(next_, kAheadPages);
  } else if (in_page && kPageSize - in_page >= kWorthBytes) {
    open(align_down(offset, kPageSize), 1);
  }
}

void LateWrites::open(uint64_t page, uint64_t most) {
  if (!before_.empty()) return;
  page_ = page;
  for (uint64_t n = 0; n < most && open_next(); ++n) continue;
  trapping_ = before_.empty();
}

bool LateWrites::open_next() {
  const uint64_t page = page_ + before_.size();
  if (page - offset_ >= bytes_) return false;
  const std::byte* memory = pages_.memory_in_guest(range_, page);
  if (!memory || !may_open_(page)) return false;
  before_.insert(before_.end(), memory, memory + kPageSize);
  if (pages_.set_trapping(range_, page, false)) return true;
  before_.resize(page - page_);
  return false;
}

void LateWrites::shut() {
  if (trapping_) return;
  trapping_ = true;
  // A page that cannot trap again is taken out of the guest, where all its accesses trap.
  for (uint64_t at = 0; at < before_.size(); at += kPageSize)
    if (!pages_.set_trapping(range_, page_ + at, true))
      (void)pages_.set_direct(range_, page_ + at, kPageSize, false);
}

void LateWrites::settle(const Report& report) {
  if (before_.empty()) return;
  shut();
  const std::vector<std::byte> was = std::exchange(before_, {});
  for (uint64_t at = 0; at < was.size(); at += kPageSize)
    settle_page(page_ + at, was.data() + at, report);
}

void LateWrites::settle_page(uint64_t page, const std::byte* was, const Report& report) {
  std::byte* const memory = pages_.memory(range_, page);
  if (std::memcmp(memory, was, kPageSize) == 0) return;
  for (uint64_t at = 0; at < kPageSize; at += kEntryBytes) {
    const auto now = load<uint64_t>(memory + at), before = load<uint64_t>(was + at);
    if (now == before) continue;
    // The handler finds what it would have found had the write trapped.
    store(memory + at, before);
    report(range_, page + at, now);
    ++reported_;
    next_ = page + at + kEntryBytes;
  }
}

}  // namespace hv::xen
