// SPDX-License-Identifier: MIT
// Allocation inside the two windows ("ballooning" is what is left when all else is reserved).
#include "dom0/guests/driver/ggtt.h"

#include <algorithm>
#include <array>

#include "shadow/gen9/pte.h"

namespace guests {
namespace {

constexpr uint32_t kFlushEnable = 1;

// Address 0 is kept free: a zero address in a register means "none".
uint64_t usable_base(uint64_t base) { return std::max<uint64_t>(base, hv::kPageSize); }

template <class F>
void each_page(const GgttObject& object, uint64_t offset, uint64_t bytes, F f) {
  for (uint64_t done = 0; done < bytes;) {
    const uint64_t in_page = (offset + done) & hv::kPageMask;
    const uint64_t n = std::min(bytes - done, hv::kPageSize - in_page);
    f(object.at(offset + done), done, n);
    done += n;
  }
}

}  // namespace

GuestGgtt::GuestGgtt(GuestPort& port, Frames& frames, const shadow::GgttWindows& w)
    : port_(port),
      frames_(frames),
      low_(usable_base(w.low_base), w.low_base + w.low_bytes - usable_base(w.low_base)),
      high_(w.high_base, w.high_bytes) {}

std::optional<GgttObject> GuestGgtt::create(unsigned pages, bool mappable) {
  static constexpr std::array<std::byte, hv::kPageSize> kZero{};
  std::vector<hv::Gpa> got;
  for (unsigned i = 0; i < pages; ++i) {
    const auto page = frames_.alloc();
    if (!page) return std::nullopt;
    port_.ram_write(*page, kZero);
    got.push_back(*page);
  }
  return map(std::move(got), mappable);
}

std::optional<GgttObject> GuestGgtt::map(std::vector<hv::Gpa> pages, bool mappable) {
  const auto count = static_cast<unsigned>(pages.size());
  auto base = (mappable ? low_ : high_).alloc(count);
  if (!base.ok() && !mappable) base = low_.alloc(count);
  if (!base.ok()) return std::nullopt;
  for (unsigned i = 0; i < count; ++i)
    port_.write_ggtt((base->v >> hv::kPageShift) + i, pages[i].v | gen9::kPtePresent);
  port_.write32(gen9::kGfxFlushCntl, kFlushEnable);
  return GgttObject{base->v, std::move(pages)};
}

void write_object(GuestPort& port, const GgttObject& object, uint64_t offset,
                  std::span<const std::byte> from) {
  each_page(object, offset, from.size(), [&](hv::Gpa at, uint64_t done, uint64_t n) {
    port.ram_write(at, from.subspan(done, n));
  });
}

void read_object(GuestPort& port, const GgttObject& object, uint64_t offset,
                 std::span<std::byte> to) {
  each_page(object, offset, to.size(),
            [&](hv::Gpa at, uint64_t done, uint64_t n) { port.ram_read(at, to.subspan(done, n)); });
}

}  // namespace guests
