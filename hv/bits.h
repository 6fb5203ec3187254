// SPDX-License-Identifier: MIT
// Bit fields of hardware words, high bit first as in Intel's manuals.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

namespace hv {

constexpr uint32_t bit(unsigned n) { return uint32_t{1} << n; }
constexpr uint64_t bit64(unsigned n) { return uint64_t{1} << n; }

/// Bits hi..lo (inclusive) of a word of type T.
template <class T, unsigned Hi, unsigned Lo>
struct Field {
  static_assert(Hi >= Lo && Hi < sizeof(T) * 8);
  static constexpr T mask = (Hi - Lo + 1 == sizeof(T) * 8)
                                ? static_cast<T>(~T{0})
                                : static_cast<T>(((T{1} << (Hi - Lo + 1)) - 1) << Lo);
  static constexpr T get(T word) { return static_cast<T>((word & mask) >> Lo); }
  [[nodiscard]] static constexpr T set(T word, T value) {
    return static_cast<T>((word & ~mask) | ((value << Lo) & mask));
  }
};
template <unsigned Hi, unsigned Lo>
using Field32 = Field<uint32_t, Hi, Lo>;
template <unsigned Hi, unsigned Lo>
using Field64 = Field<uint64_t, Hi, Lo>;

/// Gen "masked" registers: the upper 16 bits say which of the lower 16 to write.
constexpr uint32_t masked_write(uint32_t old, uint32_t value) {
  const uint32_t mask = value >> 16;
  return (old & ~mask) | (value & mask);
}
constexpr uint32_t masked_enable(uint32_t bits) { return bits << 16 | bits; }
constexpr uint32_t masked_disable(uint32_t bits) { return bits << 16; }

/// Little-endian load and store at a byte position the caller has checked.
template <class T>
T load(const std::byte* p) {
  T v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
template <class T>
void store(std::byte* p, T v) {
  std::memcpy(p, &v, sizeof v);
}

constexpr uint64_t align_down(uint64_t v, uint64_t to) { return v & ~(to - 1); }
constexpr uint64_t align_up(uint64_t v, uint64_t to) { return (v + to - 1) & ~(to - 1); }

}  // namespace hv
