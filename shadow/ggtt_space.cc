// SPDX-License-Identifier: MIT
// First-fit allocator of host GGTT pages.
#include "shadow/ggtt_space.h"

#include <iterator>

namespace shadow {

GgttSpace::GgttSpace(uint64_t base, uint64_t bytes) : free_pages_(bytes >> hv::kPageShift) {
  if (free_pages_) holes_[base >> hv::kPageShift] = free_pages_;
}

hv::Result<hv::GmAddr> GgttSpace::alloc(unsigned pages) {
  if (pages == 0) return hv::Error::bad_argument;
  for (auto it = holes_.begin(); it != holes_.end(); ++it) {
    const auto [first, length] = *it;
    if (length < pages) continue;
    it = holes_.erase(it);
    if (length > pages) holes_.emplace_hint(it, first + pages, length - pages);
    free_pages_ -= pages;
    return hv::GmAddr{first << hv::kPageShift};
  }
  return hv::Error::no_memory;
}

void GgttSpace::free(hv::GmAddr base, unsigned pages) {
  if (pages == 0) return;
  free_pages_ += pages;
  auto it = holes_.emplace(base.v >> hv::kPageShift, pages).first;
  const auto next = std::next(it);
  if (next != holes_.end() && it->first + it->second == next->first) {
    it->second += next->second;
    holes_.erase(next);
  }
  if (it == holes_.begin()) return;
  const auto before = std::prev(it);
  if (before->first + before->second == it->first) {
    before->second += it->second;
    holes_.erase(it);
  }
}

}  // namespace shadow
