// SPDX-License-Identifier: MIT
// The model as the host driver sees it in the daemon: its times are told in wall time, so that the
// GPU's events and the mediator's clock agree.
#pragma once

#include "dom0/daemon/pacer.h"
#include "dom0/gpu/model/model.h"

namespace xengvtd {

class PacedDevice final : public gpu::Device {
 public:
  PacedDevice(gpu::model::Model& model, const Pacer& pacer) : model_(model), pacer_(pacer) {}

  [[nodiscard]] uint16_t device_id() const override { return model_.device_id(); }
  [[nodiscard]] uint8_t revision() const override { return model_.revision(); }
  uint32_t read32(uint32_t offset) override { return model_.read32(offset); }
  void write32(uint32_t offset, uint32_t value) override { model_.write32(offset, value); }
  uint64_t read64(uint32_t offset) override { return model_.read64(offset); }
  void write64(uint32_t offset, uint64_t value) override { model_.write64(offset, value); }
  uint64_t read_ggtt(uint64_t index) override { return model_.read_ggtt(index); }
  void write_ggtt(uint64_t index, uint64_t entry) override { model_.write_ggtt(index, entry); }
  [[nodiscard]] uint64_t aperture_bytes() const override { return model_.aperture_bytes(); }
  void read_aperture(uint64_t offset, std::span<std::byte> to) override {
    model_.read_aperture(offset, to);
  }
  void write_aperture(uint64_t offset, std::span<const std::byte> from) override {
    model_.write_aperture(offset, from);
  }
  hv::Result<gpu::DmaPage> alloc_dma() override { return model_.alloc_dma(); }
  void free_dma(hv::BusFrame frame) override { model_.free_dma(frame); }
  bool interrupt_pending() override { return model_.interrupt_pending(); }
  uint64_t now_ns() override { return pacer_.wall_time(model_.now_ns()); }
  // The model runs ahead instead of anyone sleeping; it then waits for wall time to catch up.
  void pause_ns(uint64_t ns) override { model_.pause_ns(ns); }

 private:
  gpu::model::Model& model_;
  const Pacer& pacer_;
};

}  // namespace xengvtd
