// SPDX-License-Identifier: MIT
// Vocabulary for writing rows of the register table, and families of rows.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "hv/bits.h"
#include "mediator/register_table.h"

namespace mediator::rows {

constexpr RegisterDesc plain(uint32_t offset, const char* name, uint32_t reset = 0,
                             uint32_t bytes = 4) {
  return {.offset = offset, .bytes = bytes, .name = name, .reset = reset};
}
constexpr RegisterDesc of(Behaviour b, uint32_t offset, const char* name, uint32_t reset = 0,
                          uint32_t bytes = 4) {
  return {.offset = offset, .bytes = bytes, .name = name, .behaviour = b, .reset = reset};
}
constexpr RegisterDesc masked(uint32_t offset, const char* name, uint32_t reset = 0,
                              uint32_t bytes = 4) {
  return of(Behaviour::masked, offset, name, reset, bytes);
}
constexpr RegisterDesc read_only(uint32_t offset, const char* name, uint32_t reset = 0,
                                 uint32_t bytes = 4) {
  return of(Behaviour::read_only, offset, name, reset, bytes);
}
constexpr RegisterDesc constant(uint32_t offset, const char* name, uint32_t value,
                                uint32_t bytes = 4) {
  return of(Behaviour::constant, offset, name, value, bytes);
}
constexpr RegisterDesc rw1c(uint32_t offset, const char* name, uint32_t bytes = 4) {
  return of(Behaviour::rw1c, offset, name, 0, bytes);
}
constexpr RegisterDesc live(uint32_t offset, const char* name, uint32_t reset = 0) {
  return of(Behaviour::live, offset, name, reset);
}
constexpr RegisterDesc hooked(Hook hook, uint32_t offset, const char* name, uint32_t reset = 0,
                              uint32_t bytes = 4, uint16_t flags = 0) {
  RegisterDesc d = of(Behaviour::hook, offset, name, reset, bytes);
  d.hook = hook;
  d.flags = flags;
  return d;
}

constexpr RegisterDesc with_flags(RegisterDesc d, uint16_t flags) {
  d.flags |= flags;
  return d;
}
constexpr RegisterDesc with_masks(RegisterDesc d, uint32_t ro, uint32_t w1c = 0) {
  d.ro = ro;
  d.rw1c = w1c;
  return d;
}

template <size_t N>
using Rows = std::array<RegisterDesc, N>;

template <size_t... N>
constexpr auto join(const Rows<N>&... parts) {
  Rows<(N + ...)> all{};
  auto* to = all.data();
  ((to = std::copy(parts.begin(), parts.end(), to)), ...);
  return all;
}

/// The same rows, one of them with another reset value.
template <size_t N>
constexpr Rows<N> with_reset(Rows<N> rows, uint32_t offset, uint32_t reset) {
  for (RegisterDesc& d : rows)
    if (d.offset == offset) d.reset = reset;
  return rows;
}

template <size_t N>
constexpr Rows<N> cited(Rows<N> rows, const char* cite) {
  for (RegisterDesc& d : rows)
    if (d.cite == nullptr) d.cite = cite;
  return rows;
}

/// One instance of a family: where it starts and what it is called.
struct Unit {
  uint32_t base;
  const char* name;
};

/// The rows of a family (offsets relative to an instance's base), once for each instance.
template <size_t N, size_t U>
constexpr Rows<N * U> family(const std::array<Unit, U>& units, const Rows<N>& rows) {
  Rows<N * U> all{};
  size_t i = 0;
  for (const Unit& unit : units)
    for (RegisterDesc d : rows) {
      d.offset += unit.base;
      d.unit = unit.name;
      all[i++] = d;
    }
  return all;
}

}  // namespace mediator::rows
