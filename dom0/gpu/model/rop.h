// SPDX-License-Identifier: MIT
// Ternary raster operations: bit (P << 2 | S << 1 | D) of the code is the result for those three
// input bits. All 256 are evaluated alike, eight bytes at a time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "hv/bits.h"

namespace gpu::model {

class Rop {
 public:
  explicit constexpr Rop(uint8_t code) : code_(code) {}
  [[nodiscard]] constexpr uint8_t code() const { return code_; }
  [[nodiscard]] constexpr bool uses_destination() const {
    return ((code_ >> 1 ^ code_) & 0x55) != 0;
  }
  [[nodiscard]] constexpr bool uses_source() const { return ((code_ >> 2 ^ code_) & 0x33) != 0; }
  [[nodiscard]] constexpr bool uses_pattern() const { return ((code_ >> 4 ^ code_) & 0x0f) != 0; }

  [[nodiscard]] constexpr uint64_t operator()(uint64_t p, uint64_t s, uint64_t d) const {
    // Choose by D among pairs of the code's bits, then by S, then by P.
    const uint64_t a = choose(d, 1, 0), b = choose(d, 3, 2), c = choose(d, 5, 4),
                   e = choose(d, 7, 6);
    const uint64_t low = a ^ (s & (a ^ b)), high = c ^ (s & (c ^ e));
    return low ^ (p & (low ^ high));
  }

 private:
  [[nodiscard]] constexpr uint64_t bits(unsigned k) const { return uint64_t{0} - (code_ >> k & 1); }
  [[nodiscard]] constexpr uint64_t choose(uint64_t d, unsigned one, unsigned zero) const {
    return bits(zero) ^ (d & (bits(zero) ^ bits(one)));
  }

  uint8_t code_;
};

/// One row, `bytes` a multiple of 8: `to` = rop(pattern, source, to). `to` holds the destination.
inline void apply_rop(Rop rop, const std::byte* pattern, const std::byte* source, std::byte* to,
                      size_t bytes) {
  for (size_t i = 0; i < bytes; i += 8) {
    hv::store(to + i, rop(hv::load<uint64_t>(pattern + i), hv::load<uint64_t>(source + i),
                          hv::load<uint64_t>(to + i)));
  }
}

/// Puts back the bits of `old` where `mask` is clear.
inline void keep_masked(const std::byte* old, const std::byte* mask, std::byte* to, size_t bytes) {
  for (size_t i = 0; i < bytes; i += 8) {
    const uint64_t was = hv::load<uint64_t>(old + i), is = hv::load<uint64_t>(to + i);
    hv::store(to + i, was ^ ((was ^ is) & hv::load<uint64_t>(mask + i)));
  }
}

inline void and_lines(std::byte* to, const std::byte* with, size_t bytes) {
  for (size_t i = 0; i < bytes; i += 8) {
    hv::store(to + i, hv::load<uint64_t>(to + i) & hv::load<uint64_t>(with + i));
  }
}

}  // namespace gpu::model
