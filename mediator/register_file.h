// SPDX-License-Identifier: MIT
// The 2 MiB of virtual registers of one vGPU, standing in the register pages that its guest reads
// without exits. Plain storage; behaviour is in the register table and mmio.cc.
#pragma once

#include <cassert>
#include <cstdint>
#include <span>

#include "hv/bits.h"
#include "shadow/gen9/regs.h"

namespace mediator {

class RegisterFile {
 public:
  /// `memory`: gen9::kMmioBytes long, outlives this.
  explicit RegisterFile(std::span<std::byte> memory) : memory_(memory) {}
  /// Offsets must be 4-byte aligned and below kMmioBytes (callers check what comes from a guest).
  [[nodiscard]] uint32_t get(uint32_t offset) const {
    return hv::load<uint32_t>(memory_.data() + offset);
  }
  void set(uint32_t offset, uint32_t value) { hv::store(memory_.data() + offset, value); }
  void set64(uint32_t offset, uint64_t value) { hv::store(memory_.data() + offset, value); }
  [[nodiscard]] std::span<std::byte> bytes() const { return memory_; }

 private:
  std::span<std::byte> memory_;
};

}  // namespace mediator
