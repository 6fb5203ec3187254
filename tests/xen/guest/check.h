// SPDX-License-Identifier: MIT
// What the guest programs share: data that differs by guest, by buffer and by word, comparing, and
// results that the test in dom0 reads from the console.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tests/xen/guest/gpu.h"

namespace guest {

/// BED_SEED: another one in each guest, so that no guest's data can pass for another's.
inline std::uint32_t seed() {
  static const char* text = std::getenv("BED_SEED");
  static const auto value =
      text ? static_cast<std::uint32_t>(std::strtoul(text, nullptr, 0)) : std::uint32_t{1};
  return value;
}

/// What word `index` of buffer `tag` holds: any two of them differ.
inline std::uint32_t pattern(std::uint32_t tag, std::uint32_t index) {
  std::uint32_t x = (seed() * 0x9E3779B9u) ^ (tag * 0x85EBCA6Bu) ^ (index * 0xC2B2AE35u);
  x ^= x >> 15;
  return x * 0x2C1B3C6Du;
}

inline int g_failed = 0;
inline void report(const char* name, bool good, std::size_t bytes) {
  std::printf("bed: %s %s (%zu bytes)\n", good ? "ok" : "not ok", name, good ? bytes : 0);
  g_failed += !good;
}

/// Whether each word is what `expected(index)` says; names the first that is not.
template <class Words, class Expected>
bool equal(Words&& words, std::size_t count, Expected expected) {
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t found = words[i];
    if (found == expected(i)) continue;
    std::printf("bed: word %u is %08x, not %08x\n", i, found, expected(i));
    return false;
  }
  return true;
}

/// The exit status of a program, whose lines reach the console as they are printed.
inline void begin() { std::setvbuf(stdout, nullptr, _IOLBF, 0); }
inline int end() { return g_failed != 0; }

}  // namespace guest
