// SPDX-License-Identifier: MIT
// Reading what a guest shows: its first pipe's primary plane and cursor, through the virtual planes
// and the guest's own GGTT entries. No GPU is involved.
#include <algorithm>

#include "mediator/mediator.h"
#include "mediator/vgpu.h"
#include "shadow/gen9/tiling.h"

namespace mediator {
namespace {

// PLANE_CTL source pixel formats, SKL PRM vol 2c.
constexpr uint32_t kXrgb8888 = 4, kRgb565 = 14;
constexpr uint32_t kMaxSide = 8192;
constexpr uint32_t kTileYf = 5;  // not read

uint32_t from_565(uint16_t p) {
  const uint32_t r = p >> 11 & 31, g = p >> 5 & 63, b = p & 31;
  return (r << 3 | r >> 2) << 16 | (g << 2 | g >> 4) << 8 | (b << 3 | b >> 2);
}

gen9::Tiling tiling_of(uint32_t plane_ctl_tiling) {
  return plane_ctl_tiling == 0   ? gen9::Tiling::linear
         : plane_ctl_tiling == 1 ? gen9::Tiling::x
                                 : gen9::Tiling::y;
}

// One row, detiled. Pieces end at pages: where nothing is mapped the screen is black.
void read_row(const shadow::Ggtt& ggtt, const PlaneView& p, uint32_t y, std::span<std::byte> row) {
  std::fill(row.begin(), row.end(), std::byte{0});
  const gen9::Tiling tiling = tiling_of(p.tiling);
  const auto bytes = static_cast<uint32_t>(row.size());
  gen9::for_each_run(tiling, p.stride, 0, y, bytes,
                     [&](uint64_t offset, uint32_t done, uint32_t n) {
                       for (uint32_t i = 0; i < n;) {
                         const uint64_t at = p.address + offset + i;
                         const auto m = static_cast<uint32_t>(
                             std::min<uint64_t>(n - i, hv::kPageSize - (at & hv::kPageMask)));
                         (void)ggtt.read(hv::GmAddr{at}, row.subspan(done + i, m));
                         i += m;
                       }
                     });
}

bool readable(const PlaneView& p) {
  return p.enabled && p.tiling != kTileYf && p.width != 0 && p.height != 0 && p.width <= kMaxSide &&
         p.height <= kMaxSide && (p.format == kXrgb8888 || p.format == kRgb565);
}

}  // namespace

hv::Result<Screen> Mediator::read_screen(hv::VgpuId id) {
  Vgpu* v = find(id);
  if (v == nullptr) return hv::Error::gone;
  const PlaneView plane = v->device().primary_plane(0);
  if (!readable(plane)) return hv::Error::not_supported;
  Screen screen{plane.width, plane.height, {}};
  screen.pixels.resize(size_t{plane.width} * plane.height);
  const size_t pixel = plane.format == kRgb565 ? 2 : 4;
  std::vector<std::byte> row(plane.width * pixel);
  for (uint32_t y = 0; y < plane.height; ++y) {
    read_row(v->ggtt(), plane, y, row);
    uint32_t* out = screen.pixels.data() + size_t{y} * plane.width;
    for (uint32_t x = 0; x < plane.width; ++x) {
      if (pixel == 4)
        out[x] = hv::load<uint32_t>(&row[x * 4]) & 0xffffff;
      else
        out[x] = from_565(hv::load<uint16_t>(&row[x * 2]));
    }
  }
  return screen;
}

}  // namespace mediator
