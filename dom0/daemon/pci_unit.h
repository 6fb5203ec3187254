// SPDX-License-Identifier: MIT
// A PCI GPU in the daemon: no thread of its own, looked at ever more seldom while nothing happens.
#pragma once

#include <algorithm>
#include <optional>

#include "dom0/daemon/gpu_unit.h"
#include "dom0/gpu/pci/fenced_aperture.h"
#include "dom0/gpu/pci/xen_gpu.h"

namespace xengvtd {

class PciUnit final : public GpuUnit {
 public:
  explicit PciUnit(std::unique_ptr<gpu::pci::XenGpu> gpu) : gpu_(std::move(gpu)) {}

  gpu::Device& device() override { return gpu_->device(); }
  [[nodiscard]] gpu::DriverConfig driver_config() const override { return gpu_->driver_config(); }
  [[nodiscard]] std::string name() const override {
    return "GPU at " + gpu_->function().info().address;
  }
  void start(gpu::Driver& driver) override {
    tiled_.emplace(driver, gpu_->function().info().bars[2].address, gpu::pci::kFencedBytes);
  }
  /// Lives as long as this; nullptr before start().
  [[nodiscard]] hv::xen::TiledAperture* tiled() { return tiled_ ? &*tiled_ : nullptr; }
  void guest_was_left() override {
    if (tiled_) tiled_->stop();
  }
  void set_occupied(bool occupied) override { occupied_ = occupied; }
  uint64_t look_ns(uint64_t now) override {
    if (!occupied_) return UINT64_MAX;
    // Whatever happens leads to an access of the bus; without one, nothing did.
    const uint64_t seen = gpu_->device().counts().all();
    pause_ns_ = seen != seen_ ? kFirstPauseNs : std::min(2 * pause_ns_, kLastPauseNs);
    seen_ = seen;
    return now + pause_ns_;
  }
  void isolate() override { gpu_->function().set_bus_master(false); }
  [[nodiscard]] Figures figures() const override {
    Figures f;
    f.bar_accesses = gpu_->device().counts().all();
    f.ggtt_writes = gpu_->device().counts().ggtt_writes;
    f.tiled = tiled_ ? tiled_->taken() : 0;
    return f;
  }

 private:
  static constexpr uint64_t kFirstPauseNs = 50'000, kLastPauseNs = 2'000'000;
  std::unique_ptr<gpu::pci::XenGpu> gpu_;
  std::optional<gpu::pci::FencedAperture> tiled_;
  bool occupied_ = false;
  uint64_t seen_ = 0, pause_ns_ = kFirstPauseNs;
};

}  // namespace xengvtd
