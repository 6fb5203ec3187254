// SPDX-License-Identifier: MIT
// A guest that owns the GPU: the baseline that mediation is compared with.
#pragma once

#include "dom0/gpu/device.h"
#include "dom0/guests/flat_memory.h"
#include "dom0/guests/port.h"

namespace guests {

class NativePort final : public GuestPort {
 public:
  /// Takes forcewake for good: there is no power to save here.
  NativePort(gpu::Device& device, FlatMemory& memory);

  [[nodiscard]] bool virtual_gpu() const override { return false; }
  uint64_t config_read(uint64_t offset, unsigned size) override;
  void config_write(uint64_t, unsigned, uint64_t) override {}
  uint64_t mmio_read(uint64_t offset, unsigned size) override;
  void mmio_write(uint64_t offset, unsigned size, uint64_t value) override;
  void aperture_read(uint64_t offset, std::span<std::byte> to) override;
  void aperture_write(uint64_t offset, std::span<const std::byte> from) override;
  [[nodiscard]] uint64_t ram_bytes() const override { return memory_.ram_bytes(); }
  bool ram_read(hv::Gpa from, std::span<std::byte> to) override;
  bool ram_write(hv::Gpa to, std::span<const std::byte> from) override;
  void ram_store(hv::Gpa to, unsigned size, uint64_t value) override;
  unsigned take_interrupts() override { return device_.interrupt_pending() ? 1 : 0; }
  uint64_t now_ns() override { return device_.now_ns(); }

 private:
  [[nodiscard]] bool in_ram(hv::Gpa at, uint64_t bytes) const;
  gpu::Device& device_;
  FlatMemory& memory_;
};

}  // namespace guests
