// SPDX-License-Identifier: MIT
// The PVINFO page's contents.
#include "mediator/pvinfo.h"

#include "mediator/device_model.h"

namespace mediator::pvinfo {
namespace {

constexpr uint32_t kVersion = 0x08, kCaps = 0x10, kLowBase = 0x40, kLowBytes = 0x44;
constexpr uint32_t kHighBase = 0x48, kHighBytes = 0x4c, kFenceNum = 0x50, kPdps = 0x838;

}  // namespace

void fill(RegisterFile& regs, const VgpuConfig& config) {
  const auto set = [&](uint32_t at, uint64_t value) {
    regs.set(gen9::kPvInfo + at, static_cast<uint32_t>(value));
  };
  regs.set64(gen9::kPvInfo, kMagic);
  set(kVersion, 1);  // major 1, minor 0
  set(kCaps, kFullPpgtt | kHwspEmulation | (config.huge_pages ? kHugeGtt : 0));
  set(kLowBase, config.windows.low_base);
  set(kLowBytes, config.windows.low_bytes);
  set(kHighBase, config.windows.high_base);
  set(kHighBytes, config.windows.high_bytes);
  set(kFenceNum, config.fences);
}

std::array<uint64_t, 4> roots(const RegisterFile& regs) {
  std::array<uint64_t, 4> pdps{};
  for (uint32_t i = 0; i < 4; ++i) {
    const uint32_t at = gen9::kPvInfo + kPdps + 8 * i;
    pdps[i] = regs.get(at) | uint64_t{regs.get(at + 4)} << 32;
  }
  return pdps;
}

}  // namespace mediator::pvinfo
