// SPDX-License-Identifier: MIT
// Offsets of the display registers that more than one part of the display names. SKL PRM vol 2c.
#pragma once

#include <cstdint>

#include "hv/bits.h"

namespace mediator::reg {

// Relative to a transcoder.
constexpr uint32_t transcoder(unsigned pipe) { return 0x60000 + 0x1000 * pipe; }
inline constexpr uint32_t kHtotal = 0x00, kVtotal = 0x0c, kVblank = 0x10;
inline constexpr uint32_t kLinkM1 = 0x40, kLinkN1 = 0x44, kDdiFuncCtl = 0x400;
/// Pixels or lines of a *TOTAL register.
constexpr uint32_t total(uint32_t value) { return (value >> 16 & 0x1fff) + 1; }
/// First blank pixel or line of a *BLANK register.
constexpr uint32_t blank_start(uint32_t value) { return (value & 0x1fff) + 1; }

// Relative to a pipe.
constexpr uint32_t pipe(unsigned n) { return 0x70000 + 0x1000 * n; }
inline constexpr uint32_t kPipeDsl = 0x00, kPipeConf = 0x08, kFrameCount = 0x40, kFlipCount = 0x44;
inline constexpr uint32_t kCurCtl = 0x80, kCurBase = 0x84, kCurPos = 0x88, kCurSurfLive = 0xac;
inline constexpr uint32_t kPipeEnable = hv::bit(31), kPipeState = hv::bit(30);

// Relative to a plane (0-based here; PRM's plane 1 is 0).
constexpr uint32_t plane(unsigned p, unsigned n) { return pipe(p) + 0x180 + 0x100 * n; }
inline constexpr uint32_t kPlaneCtl = 0x00, kPlaneStride = 0x08, kPlanePos = 0x0c;
inline constexpr uint32_t kPlaneSize = 0x10, kPlaneSurf = 0x1c, kPlaneOffset = 0x24;
inline constexpr uint32_t kPlaneSurfLive = 0x2c;
inline constexpr uint32_t kPlaneEnable = hv::bit(31), kPlaneAsync = hv::bit(9);
inline constexpr uint32_t kSurfaceMask = 0xfffff000;

// Interrupts of a pipe.
constexpr uint32_t pipe_imr(unsigned n) { return 0x44404 + 0x10 * n; }
inline constexpr uint32_t kVblankEvent = hv::bit(0);
constexpr uint32_t flip_done_event(unsigned plane) { return hv::bit(3 + plane); }

inline constexpr uint32_t kDpllCtrl1 = 0x6c058, kDpllCtrl2 = 0x6c05c, kDpllStatus = 0x6c060;

}  // namespace mediator::reg
