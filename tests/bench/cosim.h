// SPDX-License-Identifier: MIT
// Measured mediator time and modelled GPU time on one axis.
//
// Virtual time is the GPU's. While the mediator runs, it moves on by the real time the mediator
// takes, and the model works meanwhile: so what the mediator does while the GPU is busy with
// something else costs nothing, and what the GPU has to wait for costs its full price. Guests' own
// CPUs cost nothing; the model's execution, which stands for hardware, is not counted either.
#pragma once

#include <chrono>
#include <cstdint>
#include <type_traits>

#include "dom0/gpu/model/model.h"
#include "hv/domain.h"

namespace bench {

class CoTime final : public hv::Clock {
 public:
  uint64_t now_ns() override { return virtual_ns_ + (running_ ? elapsed() : 0); }
  [[nodiscard]] uint64_t mediator_ns() const { return mediator_ns_; }
  /// Idle until `ns`.
  void advance_to(uint64_t ns) { virtual_ns_ = ns > virtual_ns_ ? ns : virtual_ns_; }
  /// The mediator waits for the device: time of both.
  void wait(uint64_t ns) {
    virtual_ns_ += ns;
    mediator_ns_ += ns;
  }

  /// The mediator runs while this lives.
  class Running {
   public:
    explicit Running(CoTime& t) : t_(t) { t_.start(); }
    ~Running() { t_.stop(); }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

   private:
    CoTime& t_;
  };
  /// Inside Running: what runs while this lives is not the mediator.
  class Paused {
   public:
    explicit Paused(CoTime& t) : t_(t), was_(t.running_) { t_.stop(); }
    ~Paused() {
      if (was_) t_.start();
    }
    Paused(const Paused&) = delete;
    Paused& operator=(const Paused&) = delete;

   private:
    CoTime& t_;
    bool was_;
  };

 private:
  using SteadyClock = std::chrono::steady_clock;
  [[nodiscard]] uint64_t elapsed() const {
    return static_cast<uint64_t>(std::chrono::nanoseconds(SteadyClock::now() - since_).count());
  }
  void start() {
    running_ = true;
    since_ = SteadyClock::now();
  }
  void stop() {
    if (!running_) return;
    const uint64_t ns = elapsed();
    virtual_ns_ += ns;
    mediator_ns_ += ns;
    running_ = false;
  }
  uint64_t virtual_ns_ = 0, mediator_ns_ = 0;
  bool running_ = false;
  SteadyClock::time_point since_{};
};

/// The model as a device that has worked up to this moment whenever it is touched.
class CoDevice final : public gpu::Device {
 public:
  CoDevice(gpu::model::Model& model, CoTime& time) : model_(model), time_(time) {}
  [[nodiscard]] uint16_t device_id() const override { return model_.device_id(); }
  [[nodiscard]] uint8_t revision() const override { return model_.revision(); }
  uint32_t read32(uint32_t o) override {
    return at_now([&] { return model_.read32(o); });
  }
  void write32(uint32_t o, uint32_t v) override {
    at_now([&] { model_.write32(o, v); });
  }
  uint64_t read64(uint32_t o) override {
    return at_now([&] { return model_.read64(o); });
  }
  void write64(uint32_t o, uint64_t v) override {
    at_now([&] { model_.write64(o, v); });
  }
  uint64_t read_ggtt(uint64_t i) override {
    return at_now([&] { return model_.read_ggtt(i); });
  }
  void write_ggtt(uint64_t i, uint64_t e) override {
    at_now([&] { model_.write_ggtt(i, e); });
  }
  [[nodiscard]] uint64_t aperture_bytes() const override { return model_.aperture_bytes(); }
  void read_aperture(uint64_t o, std::span<std::byte> to) override {
    at_now([&] { model_.read_aperture(o, to); });
  }
  void write_aperture(uint64_t o, std::span<const std::byte> from) override {
    at_now([&] { model_.write_aperture(o, from); });
  }
  hv::Result<gpu::DmaPage> alloc_dma() override { return model_.alloc_dma(); }
  void free_dma(hv::BusFrame frame) override { model_.free_dma(frame); }
  bool interrupt_pending() override {
    return at_now([&] { return model_.interrupt_pending(); });
  }
  uint64_t now_ns() override { return time_.now_ns(); }
  void pause_ns(uint64_t ns) override {
    const CoTime::Paused paused(time_);
    time_.wait(ns);
    model_.advance_to(time_.now_ns());
  }

 private:
  template <class F>
  std::invoke_result_t<F> at_now(F f) {
    const CoTime::Paused paused(time_);
    model_.advance_to(time_.now_ns());
    return f();
  }
  gpu::model::Model& model_;
  CoTime& time_;
};

/// A guest's traps, on the mediator's account.
class CoTraps final : public hv::TrapHandler {
 public:
  CoTraps(hv::TrapHandler& to, CoTime& time) : to_(to), time_(time) {}
  uint64_t on_read(hv::Range range, uint64_t offset, unsigned size) override {
    const CoTime::Running running(time_);
    return to_.on_read(range, offset, size);
  }
  void on_write(hv::Range range, uint64_t offset, unsigned size, uint64_t value) override {
    const CoTime::Running running(time_);
    to_.on_write(range, offset, size, value);
  }
  void on_page_write(hv::Gpa address, unsigned size) override {
    const CoTime::Running running(time_);
    to_.on_page_write(address, size);
  }

 private:
  hv::TrapHandler& to_;
  CoTime& time_;
};

}  // namespace bench
