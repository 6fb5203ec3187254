// SPDX-License-Identifier: MIT
// Slots of host GGTT: mapping, following guest entries, eviction.
#include "shadow/ggtt_slots.h"

#include "shadow/gen9/pte.h"

namespace shadow {
namespace {

uint64_t ggtt_entry(hv::BusFrame frame) { return hv::bus_address(frame) | gen9::kPtePresent; }

/// Evicted ranges come back only after an invalidation: evict several for one.
constexpr unsigned kEvictBatch = 32;

}  // namespace

GgttSlots::GgttSlots(hv::Domain& domain, GpuMemory& gpu, GgttSpace& space, Retired& retired,
                     hv::VgpuId owner)
    : domain_(domain), gpu_(gpu), space_(space), retired_(retired), owner_(owner) {}

GgttSlots::~GgttSlots() {
  clear();
  if (scratch_ != hv::kNoFrame) retired_.page(scratch_);
}

hv::Result<hv::GmAddr> GgttSlots::map(uint64_t first, std::span<const hv::Gfn> gfns) {
  const auto pages = static_cast<unsigned>(gfns.size());
  if (pages == 0 || pages > kMaxOperandPages) return hv::Error::bad_argument;
  auto it = slots_.find({first, pages});
  if (it == slots_.end()) {
    const auto base = allocate(pages);
    if (!base.ok()) return base.error();
    const Key key{first, pages};
    it = slots_.emplace(key, Slot{*base, 0, {}, lru_.insert(lru_.end(), key)}).first;
    it->second.pinned.resize(pages);
    by_host_[base->v >> hv::kPageShift] = key;
    pages_ += pages;
  }
  Slot& slot = it->second;
  for (unsigned i = 0; i < pages; ++i) {
    if (!slot.pinned[i] && !point(slot, i, gfns[i])) {
      if (slot.used != submission_) drop(it);
      return hv::Error::bad_address;
    }
  }
  slot.used = submission_;
  lru_.splice(lru_.end(), lru_, slot.lru);
  return slot.base;
}

hv::Result<hv::GmAddr> GgttSlots::allocate(unsigned pages) {
  while (pages_ + pages > kMaxSlotPages) {
    if (!evict_oldest()) return hv::Error::no_memory;
  }
  for (;;) {
    const auto base = space_.alloc(pages);
    if (base.ok()) return base;
    if (!retired_.pending()) {
      unsigned evicted = 0;
      while (evicted < kEvictBatch && evict_oldest()) ++evicted;
      if (evicted == 0) return base.error();
    }
    if (const hv::Status s = retired_.flush(); !s.ok()) return s.error();
  }
}

bool GgttSlots::evict_oldest() {
  if (lru_.empty()) return false;
  const auto it = slots_.find(lru_.front());
  if (it->second.used == submission_) return false;
  drop(it);
  ++evictions_;
  return true;
}

void GgttSlots::drop(Slots::iterator it) {
  Slot& slot = it->second;
  const unsigned pages = it->first.second;
  const std::vector<uint64_t> nothing(pages);
  gpu_.write_ggtt(slot.base.v >> hv::kPageShift, nothing);
  retired_.mark_stale();
  pages_ -= pages;
  by_host_.erase(slot.base.v >> hv::kPageShift);
  lru_.erase(slot.lru);
  const Slot dead = std::move(slot);
  slots_.erase(it);
  for (const auto& gfn : dead.pinned) {
    if (gfn) retired_.pin(domain_, *gfn);
  }
  retired_.ggtt_range(dead.base, pages);
}

/// Points one page of a slot at a guest frame, or at scratch where there is none.
bool GgttSlots::point(Slot& slot, unsigned page, std::optional<hv::Gfn> gfn) {
  hv::BusFrame frame = hv::kNoFrame;
  if (gfn) domain_.pin({&*gfn, 1}, {&frame, 1});
  const bool good = frame != hv::kNoFrame;
  const uint64_t entry = good ? ggtt_entry(frame) : scratch_entry();
  gpu_.write_ggtt((slot.base.v >> hv::kPageShift) + page, {&entry, 1});
  retired_.mark_stale();
  const std::optional<hv::Gfn> before =
      std::exchange(slot.pinned[page], good ? gfn : std::optional<hv::Gfn>{});
  if (before) retired_.pin(domain_, *before);
  return good;
}

void GgttSlots::page_changed(uint64_t page, std::optional<hv::Gfn> gfn) {
  const uint64_t low = page < kMaxOperandPages ? 0 : page - kMaxOperandPages + 1;
  for (auto it = slots_.lower_bound({low, 0}); it != slots_.end() && it->first.first <= page;) {
    const auto here = it++;
    const auto [first, pages] = here->first;
    if (page - first >= pages) continue;
    if (here->second.used == submission_) {
      (void)point(here->second, static_cast<unsigned>(page - first), gfn);
    } else {
      drop(here);
    }
  }
}

std::optional<uint64_t> GgttSlots::guest_page(uint64_t host_page) const {
  auto it = by_host_.upper_bound(host_page);
  if (it == by_host_.begin()) return {};
  --it;
  const auto [first, pages] = it->second;
  if (host_page - it->first >= pages) return {};
  return first + (host_page - it->first);
}

void GgttSlots::clear() {
  while (!slots_.empty()) drop(slots_.begin());
}

uint64_t GgttSlots::scratch_entry() {
  if (scratch_ == hv::kNoFrame) {
    const auto frame = gpu_.alloc_page(PageUse::scratch, owner_);
    if (!frame.ok()) return 0;
    scratch_ = *frame;
  }
  return ggtt_entry(scratch_);
}

}  // namespace shadow
