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
  void add(uint64_t v) { h_ = step(h_, v); }
  void add(std::span<const std::byte> bytes) {
    add(uint64_t{bytes.size()});
    if (bytes.size() >= 32) bytes = add_lanes(bytes);
    for (; bytes.size() >= 8; bytes = bytes.subspan(8)) add(load<uint64_t>(bytes.data()));
    if (bytes.empty()) return;
    uint64_t tail = 0;
    std::memcpy(&tail, bytes.data(), bytes.size());
    add(tail);
  }
  [[nodiscard]] uint64_t value() const { return h_; }
  void reset() { h_ = kSeed; }

 private:
  static uint64_t step(uint64_t h, uint64_t v) {
    h = (h ^ v) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
  }
  // Four independent chains keep the multiplier busy. Returns what is left, less than 32 bytes.
  std::span<const std::byte> add_lanes(std::span<const std::byte> bytes) {
    uint64_t lane[4] = {h_, h_ + 1, h_ + 2, h_ + 3};
    for (; bytes.size() >= 32; bytes = bytes.subspan(32))
      for (unsigned i = 0; i < 4; ++i)
        lane[i] = step(lane[i], load<uint64_t>(bytes.data() + i * 8));
    for (const uint64_t l : lane) add(l);
    return bytes;
  }
  static constexpr uint64_t kSeed = 0x243f6a8885a308d3u;
  uint64_t h_ = kSeed;
};

using Sha256 = std::array<std::byte, kShaBytes>;

uint32_t crc32(std::initializer_list<std::span<const std::byte>> parts);
Sha256 sha256(std::span<const std::byte> bytes);
/// Lower-case hexadecimal.
std::string to_hex(std::span<const std::byte> bytes);

}  // namespace hv::trace
