// SPDX-License-Identifier: MIT
// Frame time from the programmed timing. SKL PRM vol 12, "Transcoder" and "Display clocks".
#include "mediator/vblank.h"

#include <algorithm>
#include <array>

#include "mediator/display_regs.h"

namespace mediator {
namespace {

using PortSelect = hv::Field32<30, 28>;
using ModeSelect = hv::Field32<26, 24>;
constexpr uint32_t kHdmi = 0, kDvi = 1, kDpSst = 2, kDpMst = 3;
constexpr uint32_t kLinkMask = 0xffffff;

/// Link clock in kHz of each DPLL_CTRL1 link rate: 2700, 1350, 810, 1620, 1080, 2160 MHz.
constexpr std::array<uint64_t, 8> kLinkKhz{540'000, 270'000, 162'000, 324'000,
                                           216'000, 432'000, 0,       0};

uint64_t link_khz(const RegisterFile& regs, uint32_t port) {
  const uint32_t pll = regs.get(reg::kDpllCtrl2) >> (3 * port + 1) & 3;
  return kLinkKhz[regs.get(reg::kDpllCtrl1) >> (6 * pll + 1) & 7];
}

uint64_t pixel_khz(const RegisterFile& regs, uint32_t transcoder) {
  const uint32_t control = regs.get(transcoder + reg::kDdiFuncCtl);
  const uint32_t mode = ModeSelect::get(control), port = PortSelect::get(control);
  if ((control & hv::bit(31)) == 0 || (mode != kDpSst && mode != kDpMst)) return 0;
  const uint64_t m = regs.get(transcoder + reg::kLinkM1) & kLinkMask;
  const uint64_t n = regs.get(transcoder + reg::kLinkN1) & kLinkMask;
  if (n == 0 || port > 4) return 0;
  return link_khz(regs, port) * m / n;
}

}  // namespace

uint64_t frame_period_ns(const RegisterFile& regs, unsigned pipe) {
  const uint32_t transcoder = reg::transcoder(pipe);
  const uint64_t khz = pixel_khz(regs, transcoder);
  const uint32_t h = regs.get(transcoder + reg::kHtotal), v = regs.get(transcoder + reg::kVtotal);
  if (khz == 0 || h == 0 || v == 0) return kDefaultFrameNs;
  const uint64_t pixels = uint64_t{reg::total(h)} * reg::total(v);
  return std::clamp(pixels * 1'000'000 / khz, kMinFrameNs, kMaxFrameNs);
}

uint32_t line_at_vblank(const RegisterFile& regs, unsigned pipe) {
  const uint32_t transcoder = reg::transcoder(pipe);
  const uint32_t mode = ModeSelect::get(regs.get(transcoder + reg::kDdiFuncCtl));
  const uint32_t lag = mode == kHdmi || mode == kDvi ? 2 : 1;
  const uint32_t start = reg::blank_start(regs.get(transcoder + reg::kVblank));
  return start - std::min(start, lag);
}

}  // namespace mediator
