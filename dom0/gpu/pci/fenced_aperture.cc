// SPDX-License-Identifier: MIT
#include "dom0/gpu/pci/fenced_aperture.h"

#include <algorithm>
#include <vector>

#include "shadow/gen9/pte.h"
#include "shadow/gen9/tiling.h"

namespace gpu::pci {
namespace {

/// A guest's fence at other addresses: its pitch and its tiling, and nothing else of it.
uint64_t moved(uint64_t fence, uint64_t base, unsigned pages) {
  namespace f = gen9::fence;
  const uint64_t first = base >> hv::kPageShift;
  uint64_t value = f::kValid;
  value = f::Tile::set(value, f::Tile::get(fence));
  value = f::Pitch::set(value, f::Pitch::get(fence));
  value = f::Start::set(value, first);
  return f::End::set(value, first + pages - 1);
}

}  // namespace

hv::Result<hv::BusFrame> FencedAperture::take(std::span<const hv::BusFrame> frames,
                                              uint64_t fence) {
  if (stopped_) return hv::Error::not_supported;
  const auto part = std::ranges::find(parts_, 0u, &Part::pages);
  if (part == parts_.end() || driver_.wedged()) return hv::Error::no_memory;
  const auto pages = static_cast<unsigned>(frames.size());
  const auto base = space_.alloc(pages);
  if (!base.ok()) return base.error();
  std::vector<uint64_t> entries;
  for (const hv::BusFrame frame : frames)
    entries.push_back(hv::bus_address(frame) | gen9::kPtePresent);
  driver_.write_ggtt(base->v >> hv::kPageShift, entries);
  driver_.set_fence(static_cast<unsigned>(part - parts_.begin()), moved(fence, base->v, pages));
  *part = {*base, pages};
  // What stood there before may be known yet; nobody could have reached it.
  if (driver_.invalidate_tlbs().ok()) {
    ++taken_;
    return frame_of(*part);
  }
  return hv::Error::io;
}

bool FencedAperture::give_back(hv::BusFrame first) {
  const auto part = std::ranges::find_if(
      parts_, [&](const Part& p) { return p.pages != 0 && frame_of(p) == first; });
  if (part == parts_.end()) return false;
  driver_.set_fence(static_cast<unsigned>(part - parts_.begin()), 0);
  const std::vector<uint64_t> nothing(part->pages);
  driver_.write_ggtt(part->base.v >> hv::kPageShift, nothing);
  if (!driver_.invalidate_tlbs().ok()) return false;
  space_.free(part->base, part->pages);
  *part = {};
  return true;
}

}  // namespace gpu::pci
