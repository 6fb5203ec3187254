// SPDX-License-Identifier: MIT
// What a fuzz target defines: the libFuzzer entry point, and inputs worth starting from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

/// Inputs that reach deep; the drivers mutate them. May be empty.
std::vector<std::vector<uint8_t>> fuzz_seeds();

/// Takes values off the front of an input; zeros when it is used up.
class FuzzInput {
 public:
  FuzzInput(const uint8_t* data, size_t size) : rest_(data, size) {}
  [[nodiscard]] bool empty() const { return rest_.empty(); }
  [[nodiscard]] std::span<const uint8_t> rest() const { return rest_; }
  template <class T>
  T take() {
    T v{};
    const size_t n = sizeof v < rest_.size() ? sizeof v : rest_.size();
    if (n > 0) std::memcpy(&v, rest_.data(), n);
    rest_ = rest_.subspan(n);
    return v;
  }

 private:
  std::span<const uint8_t> rest_;
};

/// The bytes of plain values, one after another: how targets write their seeds.
template <class... T>
void append(std::vector<uint8_t>& out, T... values) {
  const auto add = [&out](const auto& v) {
    const size_t at = out.size();
    out.resize(at + sizeof v);
    std::memcpy(out.data() + at, &v, sizeof v);
  };
  (add(values), ...);
}

/// What must hold whatever the input: stops the fuzzer, which then keeps the input.
#define FUZZ_REQUIRE(condition)                                                           \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                       \
    }                                                                                     \
  } while (false)
