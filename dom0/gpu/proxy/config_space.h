// SPDX-License-Identifier: MIT
// PCI configuration space of the modelled GPU as a function of its own: two memory BARs, power
// management, function-level reset, and the registers in which a test asks for faults.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

namespace gpu::proxy {

namespace config {
inline constexpr unsigned kCommand = 0x04, kBar0 = 0x10, kBar2 = 0x18, kGgc = 0x50;
inline constexpr unsigned kExpress = 0x70, kDeviceControl = kExpress + 8;
inline constexpr unsigned kPower = 0xd0, kPowerControl = kPower + 4;
/// Not of any silicon: a bit set of Fault, and a number that is put into the DMA log when written.
inline constexpr unsigned kTestFaults = 0xe0, kTestMark = 0xe4;
inline constexpr uint32_t kMemoryEnable = 2, kBusMaster = 4, kFunctionReset = 1u << 15;
}  // namespace config

class ConfigSpace {
 public:
  /// `reset` is called for a function-level reset, `test` for writes of the test registers.
  ConfigSpace(uint16_t device_id, uint8_t revision, unsigned gtt_mib, std::function<void()> reset,
              std::function<void(unsigned offset, uint32_t value)> test);

  /// 1, 2 or 4 bytes, aligned; all ones outside of the 256 bytes.
  [[nodiscard]] uint32_t read(uint32_t offset, unsigned bytes) const;
  void write(uint32_t offset, unsigned bytes, uint32_t value);
  /// Back to the state after power-on.
  void power_on();

  /// Accesses to memory are answered: decoding is on and the function is in D0.
  [[nodiscard]] bool decodes() const;
  [[nodiscard]] bool bus_master() const { return word(config::kCommand) & config::kBusMaster; }
  [[nodiscard]] uint64_t bar(unsigned offset) const { return word(offset) & ~0xfu; }

 private:
  [[nodiscard]] uint32_t word(unsigned offset) const { return words_[offset / 4]; }
  uint16_t device_id_;
  uint8_t revision_;
  unsigned gtt_mib_;
  std::function<void()> reset_;
  std::function<void(unsigned, uint32_t)> test_;
  std::array<uint32_t, 64> words_{}, writable_{};
};

}  // namespace gpu::proxy
