// SPDX-License-Identifier: MIT
// A guest whose GPU is virtual: every access goes through the in-process hypervisor and traps.
#pragma once

#include "dom0/guests/port.h"
#include "hv/local/machine.h"

namespace guests {

class TrapPort final : public GuestPort {
 public:
  /// The domain's trap handler is attached before the first access.
  TrapPort(hv::local::LocalDomain& domain, hv::Clock& clock) : domain_(domain), clock_(clock) {}

  /// What firmware does at boot: sizes the two memory BARs, places them and enables the function.
  /// False if they are not what a Gen9 GPU shows.
  bool power_on();

  [[nodiscard]] bool virtual_gpu() const override { return true; }
  uint64_t config_read(uint64_t offset, unsigned size) override;
  void config_write(uint64_t offset, unsigned size, uint64_t value) override;
  uint64_t mmio_read(uint64_t offset, unsigned size) override;
  void mmio_write(uint64_t offset, unsigned size, uint64_t value) override;
  void aperture_read(uint64_t offset, std::span<std::byte> to) override;
  void aperture_write(uint64_t offset, std::span<const std::byte> from) override;
  [[nodiscard]] uint64_t ram_bytes() const override { return domain_.ram_bytes(); }
  bool ram_read(hv::Gpa from, std::span<std::byte> to) override;
  bool ram_write(hv::Gpa to, std::span<const std::byte> from) override;
  void ram_store(hv::Gpa to, unsigned size, uint64_t value) override;
  unsigned take_interrupts() override { return domain_.take_interrupts(); }
  uint64_t now_ns() override { return clock_.now_ns(); }

 private:
  uint64_t size_bar(unsigned offset);
  void place_bar(unsigned offset, uint64_t base);
  hv::local::LocalDomain& domain_;
  hv::Clock& clock_;
};

}  // namespace guests
