// SPDX-License-Identifier: MIT
// The PVINFO page: how a guest driver learns that it is mediated, and what it is given.
#pragma once

#include <array>
#include <cstdint>

#include "mediator/register_file.h"

namespace mediator {

struct VgpuConfig;

namespace pvinfo {

inline constexpr uint64_t kMagic = 0x4776544776544776;  // "vGTvGTvG"
inline constexpr uint32_t kFullPpgtt = 1 << 2, kHwspEmulation = 1 << 3, kHugeGtt = 1 << 4;

/// Values of g2v_notify that ask for something; others are ignored.
inline constexpr uint32_t kL3Create = 2, kL3Destroy = 3, kL4Create = 4, kL4Destroy = 5;

/// Writes the half of the page that the guest only reads.
void fill(RegisterFile& regs, const VgpuConfig& config);
/// The page-table roots the guest wrote last.
std::array<uint64_t, 4> roots(const RegisterFile& regs);

}  // namespace pvinfo
}  // namespace mediator
