// SPDX-License-Identifier: MIT
// The guest's GGTT entries: windows, half writes, translation.
#include "shadow/ggtt.h"

#include <algorithm>
#include <array>
#include <vector>

#include "hv/bits.h"
#include "shadow/gen9/pte.h"
#include "shadow/ggtt_slots.h"

namespace shadow {
namespace {

/// Entries of which only one half was written so far; when more are open, the oldest takes effect.
constexpr size_t kMaxHalfWritten = 32;

std::optional<hv::Gfn> gfn_in(uint64_t entry) {
  if (!(entry & gen9::kPtePresent)) return {};
  return hv::Gfn{gen9::pte_address(entry) >> hv::kPageShift};
}

}  // namespace

struct Ggtt::Impl {
  struct HalfWritten {
    uint64_t index;
    uint64_t effective;  // what counts until the other half comes
    unsigned halves;     // bit 0 low, bit 1 high
  };

  hv::Domain& domain;
  std::span<std::byte> entries;
  GgttWindows windows;
  GgttSlots slots;
  std::vector<HalfWritten> half_written;
  std::vector<bool> written;  // per 4 KiB of entries, so that a reset need not touch all 8 MiB
  mutable GgttCounts counts;
  Changed changed;

  [[nodiscard]] uint64_t raw(uint64_t index) const {
    return hv::load<uint64_t>(entries.data() + index * 8);
  }
  [[nodiscard]] auto find_half(uint64_t index) const {
    return std::find_if(half_written.begin(), half_written.end(),
                        [&](const HalfWritten& h) { return h.index == index; });
  }
  [[nodiscard]] uint64_t effective(uint64_t index) const {
    const auto it = find_half(index);
    return it == half_written.end() ? raw(index) : it->effective;
  }
  [[nodiscard]] bool in_window(uint64_t index) const {
    return index < entries.size() / 8 && windows.contains(index << hv::kPageShift, hv::kPageSize);
  }
  void take_effect(uint64_t index, uint64_t before, uint64_t now) {
    if (before == now) return;
    ++counts.writes;
    if (gfn_in(before) == gfn_in(now)) return;
    slots.page_changed(index, gfn_in(now));
    if (changed) changed(index);
  }
  void write_half(uint64_t index, bool high, uint32_t value);
  template <class F>
  hv::Status each_page(hv::GmAddr at, uint64_t bytes, F f) const;
};

Ggtt::Ggtt(hv::Domain& domain, GpuMemory& gpu, GgttSpace& space, Retired& retired, hv::VgpuId owner,
           std::span<std::byte> entries, GgttWindows windows)
    : impl_(new Impl{
          domain, entries, windows, {domain, gpu, space, retired, owner}, {}, {}, {}, {}}) {
  impl_->written.resize((entries.size() + hv::kPageSize - 1) / hv::kPageSize);
}
Ggtt::~Ggtt() = default;

void Ggtt::on_change(Changed changed) { impl_->changed = std::move(changed); }

void Ggtt::write_entry(uint64_t offset, unsigned size, uint64_t value) {
  Impl& g = *impl_;
  const uint64_t index = offset / 8;
  if ((size != 4 && size != 8) || offset % size || !g.in_window(index)) {
    ++g.counts.refused;
    return;
  }
  g.written[offset / hv::kPageSize] = true;
  if (size == 4) return g.write_half(index, offset & 4, static_cast<uint32_t>(value));
  const uint64_t before = g.effective(index);
  if (const auto it = g.find_half(index); it != g.half_written.end()) g.half_written.erase(it);
  hv::store(g.entries.data() + index * 8, value);
  g.take_effect(index, before, value);
}

void Ggtt::Impl::write_half(uint64_t index, bool high, uint32_t value) {
  HalfWritten h{index, raw(index), 0};
  if (const auto it = find_half(index); it != half_written.end()) {
    h = *it;
    half_written.erase(it);
  } else if (half_written.size() == kMaxHalfWritten) {
    const HalfWritten oldest = half_written.front();
    half_written.erase(half_written.begin());
    take_effect(oldest.index, oldest.effective, raw(oldest.index));
  }
  h.halves |= high ? 2u : 1u;
  hv::store(entries.data() + index * 8 + (high ? 4 : 0), value);
  const uint64_t now = raw(index);
  const uint64_t before = h.effective;
  const bool complete = h.halves == 3, effective_now = complete || !(now & gen9::kPtePresent);
  if (effective_now) h.effective = now;
  if (!complete) half_written.push_back(h);
  if (effective_now) take_effect(index, before, now);
}

uint64_t Ggtt::read_entry(uint64_t offset, unsigned size) const {
  const Impl& g = *impl_;
  if ((size != 4 && size != 8) || offset % size || !g.in_window(offset / 8)) return 0;
  const std::byte* p = g.entries.data() + offset;
  return size == 8 ? hv::load<uint64_t>(p) : hv::load<uint32_t>(p);
}

hv::Result<hv::Gfn> Ggtt::translate(hv::GmAddr address) const {
  const uint64_t index = address.v >> hv::kPageShift;
  if (!impl_->in_window(index)) return hv::Error::bad_address;
  const auto gfn = gfn_in(impl_->effective(index));
  if (!gfn) return hv::Error::bad_address;
  return *gfn;
}

/// Calls f(guest-physical address, bytes done, bytes) for each page; stops at the first error.
template <class F>
hv::Status Ggtt::Impl::each_page(hv::GmAddr at, uint64_t bytes, F f) const {
  for (uint64_t done = 0; done < bytes;) {
    const uint64_t here = at.v + done, in_page = here & hv::kPageMask;
    const uint64_t n = std::min(bytes - done, hv::kPageSize - in_page);
    const uint64_t index = here >> hv::kPageShift;
    if (here < at.v || !in_window(index)) return hv::Error::bad_address;
    const auto gfn = gfn_in(effective(index));
    if (!gfn) return hv::Error::bad_address;
    if (const hv::Status s = f(hv::Gpa{hv::gpa_of(*gfn).v + in_page}, done, n); !s.ok()) return s;
    done += n;
  }
  return {};
}

hv::Status Ggtt::read(hv::GmAddr from, std::span<std::byte> to) const {
  return impl_->each_page(from, to.size(), [&](hv::Gpa at, uint64_t done, uint64_t n) {
    return impl_->domain.read(at, to.subspan(done, n));
  });
}

hv::Status Ggtt::write(hv::GmAddr to, std::span<const std::byte> from) {
  // All or nothing over several pages: see that each is there before the first is written.
  if ((to.v & hv::kPageMask) + from.size() > hv::kPageSize) {
    const auto there = impl_->each_page(to, from.size(), [&](hv::Gpa at, uint64_t, uint64_t) {
      std::byte probe;
      return impl_->domain.read(at, {&probe, 1});
    });
    if (!there.ok()) return there;
  }
  return impl_->each_page(to, from.size(), [&](hv::Gpa at, uint64_t done, uint64_t n) {
    return impl_->domain.write(at, from.subspan(done, n));
  });
}

hv::Result<hv::GmAddr> Ggtt::host_address(hv::GmAddr address, unsigned bytes) {
  Impl& g = *impl_;
  const uint64_t first = address.v >> hv::kPageShift, in_page = address.v & hv::kPageMask;
  const uint64_t pages = (in_page + bytes + hv::kPageMask) >> hv::kPageShift;
  if (bytes == 0 || pages > kMaxOperandPages) return hv::Error::bad_argument;
  std::array<hv::Gfn, kMaxOperandPages> gfns;
  for (uint64_t i = 0; i < pages; ++i) {
    const auto gfn = translate(hv::GmAddr{(first + i) << hv::kPageShift});
    if (!gfn.ok()) return gfn.error();
    gfns[i] = *gfn;
  }
  const auto base = g.slots.map(first, {gfns.data(), pages});
  if (!base.ok()) {
    g.counts.refused += base.error() == hv::Error::bad_address;
    return base.error();
  }
  return hv::GmAddr{base->v + in_page};
}

std::optional<hv::GmAddr> Ggtt::guest_address(hv::GmAddr host) const {
  const auto page = impl_->slots.guest_page(host.v >> hv::kPageShift);
  if (!page) return {};
  return hv::GmAddr{(*page << hv::kPageShift) + (host.v & hv::kPageMask)};
}

void Ggtt::release_operands() { impl_->slots.release_all(); }

void Ggtt::resume() { impl_->written.assign(impl_->written.size(), true); }

void Ggtt::reset() {
  Impl& g = *impl_;
  g.slots.clear();
  g.half_written.clear();
  for (size_t block = 0; block < g.written.size(); ++block) {
    if (!g.written[block]) continue;
    const size_t at = block * hv::kPageSize;
    const auto part = g.entries.subspan(at, std::min<size_t>(hv::kPageSize, g.entries.size() - at));
    std::fill(part.begin(), part.end(), std::byte{0});
    g.written[block] = false;
  }
  if (g.changed) g.changed(kAllPages);
}

const GgttWindows& Ggtt::windows() const { return impl_->windows; }

const GgttCounts& Ggtt::counts() const {
  impl_->counts.slots = impl_->slots.size();
  impl_->counts.slot_evictions = impl_->slots.evictions();
  return impl_->counts;
}

}  // namespace shadow
