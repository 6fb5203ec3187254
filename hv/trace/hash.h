// SPDX-License-Identifier: MIT
// The three checks of a trace: a fast 64-bit hash for what the core puts out, CRC-32 for damage,
// SHA-256 for the final state.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include "hv/bits.h"
#include "hv/trace/format.h"

namespace hv::trace {

/// Multiply-xorshift over 64-bit words. Not cryptographic; part of the format.
class Hash64 {
 public:
  void add(uint64_t v) {
    h_ = (h_ ^ v) * 0x9e3779b97f4a7c15u;
    h_ ^= h_ >> 29;
  }
  void add(std::span<const std::byte> bytes) {
    add(uint64_t{bytes.size()});
    while (bytes.size() >= 8) {
      add(load<uint64_t>(bytes.data()));
      bytes = bytes.subspan(8);
    }
    if (bytes.empty()) return;
    uint64_t tail = 0;
    std::memcpy(&tail, bytes.data(), bytes.size());
    add(tail);
  }
  [[nodiscard]] uint64_t value() const { return h_; }
  void reset() { h_ = kSeed; }

 private:
  static constexpr uint64_t kSeed = 0x243f6a8885a308d3u;
  uint64_t h_ = kSeed;
};

using Sha256 = std::array<std::byte, kShaBytes>;

uint32_t crc32(std::initializer_list<std::span<const std::byte>> parts);
Sha256 sha256(std::span<const std::byte> bytes);
/// Lower-case hexadecimal.
std::string to_hex(std::span<const std::byte> bytes);

}  // namespace hv::trace
