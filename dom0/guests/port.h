// SPDX-License-Identifier: MIT
// Everything a guest driver can touch of the outside world. The same driver runs through traps into
// the mediator (TrapPort) and straight on a device (NativePort), which is how the two are compared.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "hv/bits.h"
#include "hv/types.h"
#include "shadow/gen9/regs.h"

namespace guests {

class GuestPort {
 public:
  virtual ~GuestPort() = default;

  /// True where PVINFO and PCI configuration space are there: under a mediator.
  [[nodiscard]] virtual bool virtual_gpu() const = 0;
  virtual uint64_t config_read(uint64_t offset, unsigned size) = 0;
  virtual void config_write(uint64_t offset, unsigned size, uint64_t value) = 0;
  /// BAR0; GGTT entries at gen9::kGttOffset. `size` 1, 2, 4 or 8.
  virtual uint64_t mmio_read(uint64_t offset, unsigned size) = 0;
  virtual void mmio_write(uint64_t offset, unsigned size, uint64_t value) = 0;
  /// BAR2.
  virtual void aperture_read(uint64_t offset, std::span<std::byte> to) = 0;
  virtual void aperture_write(uint64_t offset, std::span<const std::byte> from) = 0;

  [[nodiscard]] virtual uint64_t ram_bytes() const = 0;
  /// False, and nothing done, where the guest has no RAM.
  virtual bool ram_read(hv::Gpa from, std::span<std::byte> to) = 0;
  virtual bool ram_write(hv::Gpa to, std::span<const std::byte> from) = 0;
  /// One store instruction of the guest's CPU, 1 to 8 bytes.
  virtual void ram_store(hv::Gpa to, unsigned size, uint64_t value) = 0;

  /// Interrupts since the last call.
  virtual unsigned take_interrupts() = 0;
  virtual uint64_t now_ns() = 0;

  uint32_t read32(uint32_t offset) { return static_cast<uint32_t>(mmio_read(offset, 4)); }
  void write32(uint32_t offset, uint32_t value) { mmio_write(offset, 4, value); }
  void write_ggtt(uint64_t index, uint64_t entry) {
    mmio_write(gen9::kGttOffset + index * 8, 8, entry);
  }
  /// Reads one value from RAM; zero where there is none.
  template <class T>
  T ram_load(hv::Gpa from) {
    std::array<std::byte, sizeof(T)> bytes{};
    (void)ram_read(from, bytes);
    return hv::load<T>(bytes.data());
  }
};

}  // namespace guests
