// SPDX-License-Identifier: MIT
// Appending plain values to an encoded state.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

namespace mediator {

inline void put_bytes(std::vector<std::byte>& out, std::span<const std::byte> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

template <class T>
void put(std::vector<std::byte>& out, T value) {
  static_assert(std::is_integral_v<T>);
  std::byte raw[sizeof(T)];
  std::memcpy(raw, &value, sizeof raw);
  put_bytes(out, raw);
}

}  // namespace mediator
