// SPDX-License-Identifier: MIT
// Which registers command streams may name, as sets with constant-time look-up. The rules are in
// register_access.cc; may_write_register and may_read_register (scanner.h) are their public face.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "mediator/scanner.h"
#include "shadow/gen9/regs.h"

namespace mediator {

/// Dword-aligned offsets `first` to `last`, both included.
struct RegisterRange {
  uint32_t first, last;
};

inline constexpr size_t kRegisterPages = gen9::kMmioBytes / 4096;

/// A set of dword registers in the 2 MiB register space. Registers cluster, so only pages of 4 KiB
/// that hold some are stored: `Pages` of them, page 0 being the empty one.
template <size_t Pages>
class RegisterSet {
 public:
  constexpr void add(RegisterRange r) {
    for (uint32_t at = r.first; at <= r.last; at += 4) insert(at);
  }
  constexpr void add(std::span<const RegisterRange> ranges) {
    for (const RegisterRange& r : ranges) add(r);
  }
  [[nodiscard]] constexpr bool contains(uint32_t offset) const {
    if (offset >= gen9::kMmioBytes || offset % 4 != 0) return false;
    const Bits& bits = bits_[page_[offset >> 12]];
    return bits[offset >> 8 & 15] >> (offset >> 2 & 63) & 1;
  }

 private:
  using Bits = std::array<uint64_t, 16>;
  constexpr void insert(uint32_t offset) {
    uint8_t& page = page_[offset >> 12];
    if (page == 0) page = static_cast<uint8_t>(used_++);
    bits_[page][offset >> 8 & 15] |= uint64_t{1} << (offset >> 2 & 63);
  }

  std::array<uint8_t, kRegisterPages> page_{};
  std::array<Bits, Pages> bits_{};
  size_t used_ = 1;
};

/// Registers a privileged LRI must not reach but guests do write: the value is dropped by sending
/// it to a dword of the PVINFO page, where hardware has nothing. Display, power, faults and what
/// decides how an engine takes work belong to the host.
bool is_redirected(uint32_t offset);
/// Registers that all engines share, where the GPU keeps the host's value: a load changes what the
/// vGPU reads, and goes nowhere.
bool is_kept_by_host(gen9::EngineId engine, uint32_t offset);
inline constexpr uint32_t kHarmlessRegister = gen9::kPvInfo + 0x14;

}  // namespace mediator
