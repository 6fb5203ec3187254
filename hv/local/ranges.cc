// SPDX-License-Identifier: MIT
// Trapped ranges and register pages of the in-process hypervisor.
#include "hv/local/ranges.h"

#include <sys/mman.h>

#include "hv/bits.h"

namespace hv::local {
namespace {

/// Larger than any BAR; keeps offset + bytes from wrapping.
constexpr uint64_t kMaxRangeBytes = uint64_t{1} << 40;

bool page_span(uint64_t offset, uint64_t bytes) {
  return bytes && !((offset | bytes) & kPageMask) && offset < kMaxRangeBytes &&
         bytes <= kMaxRangeBytes;
}

}  // namespace

Ranges::~Ranges() {
  for (const Block& b : blocks_) munmap(b.memory, b.bytes);
}

Status Ranges::place(Range range, Gpa base, uint64_t bytes) {
  if (range == Range::config || !page_span(0, bytes) || (base.v & kPageMask) ||
      base.v + bytes < base.v) {
    return Error::bad_argument;
  }
  placed_[static_cast<unsigned>(range)] = {base.v, bytes};
  return {};
}

Status Ranges::remove(Range range) {
  placed_[static_cast<unsigned>(range)] = {};
  return {};
}

const Ranges::Block* Ranges::block_at(Range range, uint64_t offset) const {
  for (const Block& b : blocks_) {
    if (b.range == range && offset - b.offset < b.bytes) return &b;
  }
  return nullptr;
}

Result<std::span<std::byte>> Ranges::add_pages(Range range, uint64_t offset, uint64_t bytes) {
  if (range == Range::config || !page_span(offset, bytes)) return Error::bad_argument;
  for (const Block& b : blocks_) {
    const bool apart = offset >= b.offset + b.bytes || b.offset >= offset + bytes;
    if (b.range == range && !apart) return Error::busy;
  }
  void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) return Error::no_memory;
  blocks_.push_back({range, offset, bytes, static_cast<std::byte*>(p)});
  return std::span<std::byte>{blocks_.back().memory, bytes};
}

Status Ranges::set_direct(Range range, uint64_t offset, uint64_t bytes, bool direct) {
  if (!page_span(offset, bytes)) return Error::bad_argument;
  for (uint64_t at = offset; at < offset + bytes; at += kPageSize) {
    if (!block_at(range, at)) return Error::bad_argument;
  }
  auto& pages = direct_[static_cast<unsigned>(range)];
  if (pages.size() < (offset + bytes) / kPageSize) pages.resize((offset + bytes) / kPageSize);
  for (uint64_t at = offset; at < offset + bytes; at += kPageSize) {
    const Block* b = block_at(range, at);
    pages[at >> kPageShift] = direct ? b->memory + (at - b->offset) : nullptr;
  }
  return {};
}

}  // namespace hv::local
