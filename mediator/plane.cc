// SPDX-License-Identifier: MIT
// Universal planes and the cursor. SKL PRM vol 12, "Planes".
#include "mediator/plane.h"

#include "mediator/device_model.h"
#include "mediator/display_regs.h"

namespace mediator {
namespace {

using Format = hv::Field32<27, 24>;
using Tiling = hv::Field32<12, 10>;
using Low13 = hv::Field32<12, 0>;
using High13 = hv::Field32<28, 16>;

constexpr uint32_t kTileX = 1, kTileY = 4, kTileYf = 5, kIndexed8 = 12;

/// Bytes of one unit of PLANE_STRIDE.
uint32_t stride_unit(uint32_t tiling, uint32_t format) {
  switch (tiling) {
    case kTileX: return 512;
    case kTileY: return 128;
    case kTileYf: return format == kIndexed8 ? 64 : 128;
    default: return 64;
  }
}

int32_t signed_magnitude(uint32_t value) {
  const auto magnitude = static_cast<int32_t>(value & 0x1fff);
  return value & 0x8000 ? -magnitude : magnitude;
}

/// Pixels to a side of a cursor mode; 0 for off and for modes that do not exist.
uint32_t cursor_side(uint32_t control) {
  switch (control & 0x27) {
    case 0x07:
    case 0x27: return 64;
    case 0x02:
    case 0x22: return 128;
    case 0x03:
    case 0x23: return 256;
    default: return 0;
  }
}

bool pipe_runs(const RegisterFile& regs, unsigned pipe) {
  return regs.get(reg::pipe(pipe) + reg::kPipeConf) & reg::kPipeState;
}

}  // namespace

PlaneId plane_at(uint32_t offset) {
  return {.pipe = (offset >> 12) & 3, .plane = ((offset & 0xfff) - 0x180) / 0x100 % 4};
}

std::optional<PlaneId> plane_of_command(unsigned select) {
  if (select < 3) return PlaneId{select, 0};
  if (select >= 4 && select < 7) return PlaneId{select - 4, 1};
  if (select >= 7 && select < 10) return PlaneId{select - 7, 2};
  return std::nullopt;
}

void set_stride_tiling(RegisterFile& regs, PlaneId id, uint32_t dword) {
  const uint32_t at = reg::plane(id.pipe, id.plane);
  regs.set(at + reg::kPlaneStride, hv::Field32<15, 6>::get(dword));
  regs.set(at + reg::kPlaneCtl, Tiling::set(regs.get(at + reg::kPlaneCtl), dword & 7));
}

PlaneView view_plane(const RegisterFile& regs, PlaneId id) {
  const uint32_t at = reg::plane(id.pipe, id.plane);
  const uint32_t control = regs.get(at + reg::kPlaneCtl);
  const uint32_t size = regs.get(at + reg::kPlaneSize), pos = regs.get(at + reg::kPlanePos);
  const uint32_t pan = regs.get(at + reg::kPlaneOffset);
  PlaneView v;
  v.enabled = (control & reg::kPlaneEnable) && pipe_runs(regs, id.pipe);
  v.width = Low13::get(size) + 1;
  v.height = High13::get(size) + 1;
  v.format = Format::get(control);
  v.tiling = Tiling::get(control);
  v.stride = (regs.get(at + reg::kPlaneStride) & 0x3ff) * stride_unit(v.tiling, v.format);
  v.address = regs.get(at + reg::kPlaneSurfLive) & reg::kSurfaceMask;
  v.pan_x = Low13::get(pan);
  v.pan_y = High13::get(pan);
  v.screen_x = static_cast<int32_t>(Low13::get(pos));
  v.screen_y = static_cast<int32_t>(High13::get(pos));
  v.frames = regs.get(reg::pipe(id.pipe) + reg::kFlipCount);
  return v;
}

PlaneView view_cursor(const RegisterFile& regs, unsigned pipe) {
  const uint32_t at = reg::pipe(pipe), side = cursor_side(regs.get(at + reg::kCurCtl));
  const uint32_t pos = regs.get(at + reg::kCurPos);
  PlaneView v;
  v.enabled = side != 0 && pipe_runs(regs, pipe);
  v.width = v.height = side;
  v.stride = side * 4;
  v.address = regs.get(at + reg::kCurSurfLive) & reg::kSurfaceMask;
  v.format = 4;
  v.screen_x = signed_magnitude(pos & 0xffff);
  v.screen_y = signed_magnitude(pos >> 16);
  return v;
}

}  // namespace mediator
