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
  [[nodiscard]] gpu::DriverConfig driver_config() const override {
    gpu::DriverConfig c = gpu_->driver_config();
    c.interrupts = gpu_->line() != nullptr;
    return c;
  }
  [[nodiscard]] std::string name() const override {
    return "GPU at " + gpu_->function().info().address;
  }
  void start(gpu::Driver& driver) override {
    driver_ = &driver;
    if (gpu_->line()) gpu_->line()->switch_on();
    tiled_.emplace(driver, gpu_->function().info().bars[2].address, gpu::pci::kFencedBytes);
  }
  /// Lives as long as this; nullptr before start().
  [[nodiscard]] hv::xen::TiledAperture* tiled() { return tiled_ ? &*tiled_ : nullptr; }
  void guest_was_left() override {
    if (tiled_) tiled_->stop();
  }
  [[nodiscard]] int event_fd() const override { return gpu_->line() ? gpu_->line()->fd() : -1; }
  void acknowledge() override {
    if (gpu_->line() && gpu_->line()->take()) driver_->interrupted();
  }
  void were_taken() override {
    if (gpu_->line()) gpu_->line()->switch_on();
  }
  void set_occupied(bool occupied) override { occupied_ = occupied; }
  uint64_t look_ns(uint64_t now) override {
    if (!occupied_) return UINT64_MAX;
    if (gpu_->line()) return now + kLinePauseNs;
    // Whatever happens leads to an access of the bus; without one, nothing did.
    const uint64_t seen = gpu_->device().counts().all();
    pause_ns_ = seen != seen_ ? kFirstPauseNs : std::min(2 * pause_ns_, kLastPauseNs);
    seen_ = seen;
    return now + pause_ns_;
  }
  void isolate() override {
    gpu_->function().set_bus_master(false);
    if (gpu_->line()) gpu_->line()->give_up();
  }
  [[nodiscard]] Figures figures() const override {
    Figures f;
    f.bar_accesses = gpu_->device().counts().all();
    f.ggtt_writes = gpu_->device().counts().ggtt_writes;
    f.tiled = tiled_ ? tiled_->taken() : 0;
    return f;
  }

 private:
  static constexpr uint64_t kFirstPauseNs = 50'000, kLastPauseNs = 2'000'000;
  static constexpr uint64_t kLinePauseNs = 10'000'000;  ///< in case an interrupt was lost
  std::unique_ptr<gpu::pci::XenGpu> gpu_;
  std::optional<gpu::pci::FencedAperture> tiled_;
  gpu::Driver* driver_ = nullptr;
  bool occupied_ = false;
  uint64_t seen_ = 0, pause_ns_ = kFirstPauseNs;
};

}  // namespace xengvtd
