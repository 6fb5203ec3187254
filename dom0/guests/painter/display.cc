// SPDX-License-Identifier: MIT
// Display registers of pipe A (SKL PRM vol 2c: TRANS_*, PIPE_*, PLANE_*; vol 12).
#include "dom0/guests/painter/display.h"

namespace guests {
namespace {

constexpr uint32_t kHtotal = 0x60000, kHblank = 0x60004, kHsync = 0x60008, kVtotal = 0x6000c;
constexpr uint32_t kVblank = 0x60010, kVsync = 0x60014, kPipeSrc = 0x6001c;
constexpr uint32_t kPipeConf = 0x70008, kPlaneCtl = 0x70180, kPlaneStride = 0x70188;
constexpr uint32_t kPlanePos = 0x7018c, kPlaneSize = 0x70190, kPlaneSurf = 0x7019c;
constexpr uint32_t kPlaneOffset = 0x701a4;
constexpr uint32_t kEnable = hv::bit(31), kXrgb8888 = 4u << 24;
constexpr uint32_t kStrideUnit = 64;

constexpr uint32_t pair(uint32_t high, uint32_t low) { return (high - 1) << 16 | (low - 1); }

}  // namespace

void light_screen(GuestPort& port, uint32_t width, uint32_t height, uint32_t stride,
                  uint32_t surface) {
  const uint32_t htotal = width + 320, vtotal = height + 38;
  port.write32(kHtotal, pair(htotal, width));
  port.write32(kHblank, pair(htotal, width));
  port.write32(kHsync, pair(width + 160, width + 24));
  port.write32(kVtotal, pair(vtotal, height));
  port.write32(kVblank, pair(vtotal, height));
  port.write32(kVsync, pair(height + 9, height + 3));
  port.write32(kPipeSrc, pair(width, height));
  port.write32(kPipeConf, kEnable);
  port.write32(kPlaneStride, stride / kStrideUnit);
  port.write32(kPlanePos, 0);
  port.write32(kPlaneSize, pair(height, width));
  port.write32(kPlaneOffset, 0);
  port.write32(kPlaneCtl, kEnable | kXrgb8888);
  flip(port, surface);
}

void flip(GuestPort& port, uint32_t surface) { port.write32(kPlaneSurf, surface); }

}  // namespace guests
