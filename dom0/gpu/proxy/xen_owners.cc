// SPDX-License-Identifier: MIT
#include "dom0/gpu/proxy/xen_owners.h"

#include <unistd.h>

#include "hv/bits.h"

namespace gpu::proxy {
namespace {

using namespace xen_layout;

constexpr uint64_t kPresent = 1, kLarge = 1 << 7, kAddress = 0x000f'ffff'ffff'f000;
constexpr unsigned kPerPage = hv::kPageSize / kEntryBytes;
constexpr uint64_t kSearchEvery = 1'000'000;  // accesses; a search reads all of the RAM in use

unsigned slot(uint64_t va, unsigned level) { return va >> (12 + 9 * level) & 511; }

}  // namespace

uint64_t XenOwners::word(uint64_t at) {
  const std::byte* page = ram_.page(hv::BusFrame{at >> hv::kPageShift});
  return page ? hv::load<uint64_t>(page + (at & hv::kPageMask)) : 0;
}

std::optional<uint64_t> XenOwners::physical(uint64_t va) {
  uint64_t table = root_ << hv::kPageShift;
  for (unsigned level = 3;; --level) {
    const uint64_t entry = word(table + slot(va, level) * 8);
    if (!(entry & kPresent)) return std::nullopt;
    const uint64_t inside = (uint64_t{1} << (12 + 9 * level)) - 1;
    if (level == 0 || (level < 3 && (entry & kLarge)))
      return (entry & kAddress & ~inside) | (va & inside);
    table = entry & kAddress;
  }
}

bool XenOwners::is_root(uint64_t frame) {
  const uint64_t self = word((frame << hv::kPageShift) + kLinearSlot * 8);
  if (frame == 0 || !(self & kPresent) || (self & kAddress) >> hv::kPageShift != frame)
    return false;
  root_ = frame;
  return physical(kFrameTable).has_value();
}

/// Every top-level table under Xen maps itself at one slot, and shares the slots that are Xen's
/// own.
bool XenOwners::find_root() {
  for (const MachineRam::Region& r : ram_.regions()) {
    const uint64_t bytes = r.frames << hv::kPageShift;
    for (uint64_t at = 0; at < bytes; at += hv::kPageSize) {
      const off_t data = ::lseek(r.fd.get(), static_cast<off_t>(r.offset + at), SEEK_DATA);
      if (data < 0) break;  // nothing but holes from here on
      at = (static_cast<uint64_t>(data) - r.offset) & ~hv::kPageMask;
      for (; at < bytes; at += hv::kPageSize) {
        if (is_root(r.first + (at >> hv::kPageShift))) return true;
        if (at % (2u << 20) == 0) break;  // skip holes now and then
      }
    }
  }
  return false;
}

const std::byte* XenOwners::entry_of(uint64_t frame) {
  if (generation_ != ram_.generation()) {
    generation_ = ram_.generation();
    pages_.clear();
    looked_ = 0;
  }
  if (pages_.empty()) {
    // The map changes often while the machine starts, and a search takes long.
    if (!is_root(root_) && (looked_++ % kSearchEvery != 0 || !find_root())) return nullptr;
    pages_.resize(1);
  }
  const uint64_t page = frame / kPerPage;
  if (page >= pages_.size()) pages_.resize(page + 1);
  if (!pages_[page]) {
    auto at = physical(kFrameTable + page * hv::kPageSize);
    // The table that was found may have been some process's, which is gone.
    if (!at && !is_root(root_) && find_root()) at = physical(kFrameTable + page * hv::kPageSize);
    if (at) pages_[page] = ram_.page(hv::BusFrame{*at >> hv::kPageShift});
  }
  return pages_[page] ? pages_[page] + frame % kPerPage * kEntryBytes : nullptr;
}

void XenOwners::prepare() {
  looked_ = 0;
  entry_of(0);
}

Owner XenOwners::owner_of(hv::BusFrame frame) {
  const std::byte* entry = entry_of(frame.v);
  if (!entry) return pages_.empty() ? Owner{} : Owner{Owner::Kind::hypervisor, 0};
  const auto count = hv::load<uint64_t>(entry + kCountInfo);
  const auto owner = hv::load<uint32_t>(entry + kOwner);
  // What is free or Xen's own has no owner. A page that its guest gave back stays the guest's as
  // long as somebody holds a reference to it.
  const uint64_t state = count & kState;
  if (state == kFree || state == kOffline || !(count & kReferences) || (count & kXenHeap) ||
      owner == 0)
    return {Owner::Kind::hypervisor, 0};
  const auto domain = static_cast<uint16_t>(word(uint64_t{owner} << hv::kPageShift));
  if (domain >= kFirstReservedDomain) return {Owner::Kind::hypervisor, 0};
  return {Owner::Kind::domain, domain};
}

}  // namespace gpu::proxy
