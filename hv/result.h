// SPDX-License-Identifier: MIT
// A value or a named error. No exceptions cross a layer, and no error is dropped by accident.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <variant>

namespace hv {

/// What a port can answer instead of a value.
enum class Error : uint8_t {
  bad_address,    ///< no memory, or no mapping, at that address
  bad_argument,   ///< the caller asked for something that is never legal
  no_memory,      ///< out of host memory, GGTT space or a stated bound
  not_supported,  ///< the back end cannot do this
  busy,           ///< try again after something else ends
  gone,           ///< the domain or device is no longer there
  io,             ///< the device or hypervisor failed
};

const char* error_name(Error e);

template <class T, class E = Error>
class [[nodiscard]] Result {
 public:
  Result(T value) : v_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit on purpose
  Result(E error) : v_(std::in_place_index<1>, error) {}             // NOLINT: implicit on purpose
  [[nodiscard]] bool ok() const { return v_.index() == 0; }
  explicit operator bool() const { return ok(); }
  /// Only after ok().
  T& value() { return *std::get_if<0>(&v_); }
  const T& value() const { return *std::get_if<0>(&v_); }
  T& operator*() { return value(); }
  const T& operator*() const { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  /// Only after !ok().
  [[nodiscard]] E error() const { return *std::get_if<1>(&v_); }
  [[nodiscard]] T value_or(T other) const { return ok() ? value() : std::move(other); }

 private:
  std::variant<T, E> v_;
};

template <class E>
class [[nodiscard]] Result<void, E> {
 public:
  Result() = default;
  Result(E error) : error_(error) {}  // NOLINT: implicit on purpose
  [[nodiscard]] bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  [[nodiscard]] E error() const { return *error_; }

 private:
  std::optional<E> error_;
};

using Status = Result<void>;

}  // namespace hv
