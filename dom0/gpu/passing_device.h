// SPDX-License-Identifier: MIT
// A device that is another one, but for what a class derived from it says.
#pragma once

#include "dom0/gpu/device.h"

namespace gpu {

class PassingDevice : public Device {
 public:
  /// `device` outlives this.
  explicit PassingDevice(Device& device) : device_(device) {}

  [[nodiscard]] uint16_t device_id() const override { return device_.device_id(); }
  [[nodiscard]] uint8_t revision() const override { return device_.revision(); }
  uint32_t read32(uint32_t offset) override { return device_.read32(offset); }
  void write32(uint32_t offset, uint32_t value) override { device_.write32(offset, value); }
  uint64_t read64(uint32_t offset) override { return device_.read64(offset); }
  void write64(uint32_t offset, uint64_t value) override { device_.write64(offset, value); }
  uint64_t read_ggtt(uint64_t index) override { return device_.read_ggtt(index); }
  void write_ggtt(uint64_t index, uint64_t entry) override { device_.write_ggtt(index, entry); }
  [[nodiscard]] uint64_t aperture_bytes() const override { return device_.aperture_bytes(); }
  void read_aperture(uint64_t offset, std::span<std::byte> to) override {
    device_.read_aperture(offset, to);
  }
  void write_aperture(uint64_t offset, std::span<const std::byte> from) override {
    device_.write_aperture(offset, from);
  }
  hv::Result<DmaPage> alloc_dma() override { return device_.alloc_dma(); }
  void free_dma(hv::BusFrame frame) override { device_.free_dma(frame); }
  bool interrupt_pending() override { return device_.interrupt_pending(); }
  uint64_t now_ns() override { return device_.now_ns(); }
  void pause_ns(uint64_t ns) override { device_.pause_ns(ns); }

 private:
  Device& device_;
};

}  // namespace gpu
