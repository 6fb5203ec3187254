// SPDX-License-Identifier: MIT
// Fence registers: 64 bits each, the guest's own stored, the rest absent. SKL PRM vol 2c, "FENCE".
#pragma once

#include <cstdint>

#include "mediator/register_file.h"

namespace mediator {

constexpr unsigned fence_number(uint32_t offset) { return (offset - gen9::kFence0) / 8; }

/// Fence `n` of a guest that owns `owned`; 0 (invalid) for any other.
inline uint64_t read_fence(const RegisterFile& regs, unsigned n, uint32_t owned) {
  if (n >= owned || n >= gen9::kFences) return 0;
  const uint32_t at = gen9::kFence0 + 8 * n;
  return regs.get(at) | uint64_t{regs.get(at + 4)} << 32;
}

}  // namespace mediator
