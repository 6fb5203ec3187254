// SPDX-License-Identifier: MIT
// The DisplayPort sink's configuration data, with link training that always succeeds. VESA
// DisplayPort 1.2, section 2.9.3.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace mediator {

class Dpcd {
 public:
  static constexpr uint32_t kBytes = 0x700;
  Dpcd() { reset(); }
  void reset();
  /// Zeros beyond the end.
  void read(uint32_t address, std::span<uint8_t> to) const;
  /// False (and nothing is written) if any byte lies beyond the end.
  bool write(uint32_t address, std::span<const uint8_t> from);
  [[nodiscard]] std::span<const uint8_t> bytes() const { return data_; }

 private:
  void train(uint8_t pattern);
  std::array<uint8_t, kBytes> data_{};
};

}  // namespace mediator
