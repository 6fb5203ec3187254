// SPDX-License-Identifier: MIT
// The modelled GPU in this process, paced to wall time on a thread of its own.
#pragma once

#include <optional>

#include "dom0/daemon/config.h"
#include "dom0/daemon/gpu_thread.h"
#include "dom0/daemon/gpu_unit.h"
#include "dom0/daemon/paced_device.h"

namespace xengvtd {

class ModelUnit : public GpuUnit {
 public:
  ModelUnit(gpu::model::DmaBus& bus, const Config& config, WallClock& clock,
            std::function<void()> interrupt)
      : model_(bus, model_config(config)),
        pacer_(config.time_scale, config.max_lag_ms * 1'000'000),
        device_(model_, pacer_),
        thread_(model_, pacer_, clock, config.step_us, std::move(interrupt)) {}

  gpu::Device& device() override { return device_; }
  [[nodiscard]] std::string name() const override { return "model"; }
  void start(gpu::Driver&) override { thread_.start(); }
  void stop() override { thread_.stop(); }
  void set_occupied(bool occupied) override { thread_.set_occupied(occupied); }
  void acknowledge() override { thread_.acknowledge(); }
  [[nodiscard]] bool shows_dma() const override { return true; }
  void set_dma_observer(gpu::model::DmaObserver* observer) override {
    model_.set_dma_observer(observer);
  }
  [[nodiscard]] Figures figures() const override {
    Figures f;
    for (const gen9::EngineId e : gen9::kAllEngines) f.busy_ns += model_.busy_ns(e);
    f.lag_ns = pacer_.forgiven_ns();
    f.longest_step_ns = thread_.longest_step_ns();
    return f;
  }

 private:
  static gpu::model::Config model_config(const Config& config) {
    gpu::model::Config c;
    c.device_id = config.device_id;
    return c;
  }
  void lock() override { entry_.emplace(thread_); }
  void unlock() override { entry_.reset(); }

  gpu::model::Model model_;
  Pacer pacer_;
  PacedDevice device_;
  GpuThread thread_;
  std::optional<GpuThread::Entry> entry_;
};

}  // namespace xengvtd
