// SPDX-License-Identifier: MIT
// PCI configuration space of the virtual 00:02.0. SKL datasheet vol 2, "Processor Graphics".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "hv/domain.h"

namespace mediator {

struct VgpuConfig;

class PciConfig {
 public:
  static constexpr size_t kBytes = 256;
  struct Bar {
    bool enabled = false;  ///< memory decoding is on and an address is set
    uint64_t base = 0, bytes = 0;
    bool operator==(const Bar&) const = default;
  };

  explicit PciConfig(const VgpuConfig& config) { reset(config); }
  void reset(const VgpuConfig& config);

  /// Any offset, size (1..8) and alignment; what lies beyond the space reads as ones.
  [[nodiscard]] uint64_t read(uint64_t offset, unsigned size) const;
  void write(uint64_t offset, unsigned size, uint64_t value);

  /// `range` is bar0 or bar2.
  [[nodiscard]] Bar bar(hv::Range range) const;
  [[nodiscard]] bool msi_enabled() const;
  [[nodiscard]] uint64_t msi_address() const;
  [[nodiscard]] uint32_t msi_data() const;
  /// Where the guest's firmware says that the OpRegion is; 0: there is none.
  [[nodiscard]] uint32_t opregion() const;
  void clear_opregion();
  /// PCI power state: 0 is D0, 3 is D3hot.
  [[nodiscard]] unsigned power_state() const;
  [[nodiscard]] std::span<const std::byte> bytes() const { return space_; }

 private:
  void put(uint8_t offset, unsigned size, uint64_t value, uint64_t writable = 0);
  [[nodiscard]] uint64_t get(uint8_t offset, unsigned size) const;

  std::array<std::byte, kBytes> space_{};
  std::array<std::byte, kBytes> writable_{};
};

}  // namespace mediator
