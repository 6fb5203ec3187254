// SPDX-License-Identifier: MIT
// Appending plain values to a versioned state encoding, little endian.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace mediator {

template <class T>
requires std::is_trivially_copyable_v<T>
void put(std::vector<std::byte>& out, const T& v) {
  const auto bytes = std::as_bytes(std::span{&v, 1});
  out.insert(out.end(), bytes.begin(), bytes.end());
}

inline void put_string(std::vector<std::byte>& out, const std::string& s) {
  put(out, static_cast<uint32_t>(s.size()));
  const auto bytes = std::as_bytes(std::span{s.data(), s.size()});
  out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace mediator
