// SPDX-License-Identifier: MIT
// Measured mediator time and modelled GPU time on one axis.
//
// Virtual time is the GPU's. While the mediator runs, it moves on by the real time the mediator
// takes, and the model works meanwhile: so what the mediator does while the GPU is busy with
// something else costs nothing, and what the GPU has to wait for costs its full price. Guests' own
// CPUs cost nothing; the model's execution, which stands for hardware, is not counted either, nor
// is time in which other programs had this thread's CPU.
#pragma once

#include <time.h>
#include <x86intrin.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <type_traits>

#include "dom0/gpu/model/model.h"
#include "hv/domain.h"
#include "mediator/host_gpu.h"

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
  // The time-stamp counter: a steady_clock reading would cost more than some of what is measured.
  static double ns_per_tick() {
    using Clock = std::chrono::steady_clock;
    static const double kRatio = [] {
      const auto t0 = Clock::now();
      const uint64_t c0 = __rdtsc();
      while (Clock::now() - t0 < std::chrono::milliseconds(20)) {
      }
      const std::chrono::duration<double, std::nano> ns = Clock::now() - t0;
      return ns.count() / static_cast<double>(__rdtsc() - c0);
    }();
    return kRatio;
  }
  static uint64_t cpu_ns() {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec);
  }
  // Asking for the thread's own time is dear, so only what looks long is looked at again.
  [[nodiscard]] uint64_t elapsed() const {
    const auto ns = static_cast<uint64_t>(static_cast<double>(__rdtsc() - since_) * ns_per_tick_);
    return ns < kSuspiciousNs ? ns : std::max(kSuspiciousNs, std::min(ns, cpu_ns() - cpu_since_));
  }
  void start() {
    running_ = true;
    cpu_since_ = cpu_ns();
    since_ = __rdtsc();
  }
  void stop() {
    if (!running_) return;
    const uint64_t ns = elapsed();
    virtual_ns_ += ns;
    mediator_ns_ += ns;
    running_ = false;
  }
  uint64_t virtual_ns_ = 0, mediator_ns_ = 0;
  double ns_per_tick_ = ns_per_tick();
  bool running_ = false;
  uint64_t since_ = 0, cpu_since_ = 0;
  static constexpr uint64_t kSuspiciousNs = 20'000;
};

/// Lets the model catch up before the mediator touches what the GPU may have written or may read.
class Catchup {
 public:
  Catchup(gpu::model::Model& model, CoTime& time) : model_(model), time_(time) {}
  template <class F>
  std::invoke_result_t<F> outside(F f) {
    const CoTime::Paused paused(time_);
    model_.advance_to(time_.now_ns());
    return f();
  }
  template <class F>
  std::invoke_result_t<F> then(F f) {
    outside([] {});
    return f();
  }

 private:
  gpu::model::Model& model_;
  CoTime& time_;
};

/// The model as a device that has worked up to this moment whenever it is touched. Its own work is
/// not on anybody's account.
class CoDevice final : public gpu::Device {
 public:
  CoDevice(gpu::model::Model& model, CoTime& time) : model_(model), time_(time), at_(model, time) {}
  [[nodiscard]] uint16_t device_id() const override { return model_.device_id(); }
  [[nodiscard]] uint8_t revision() const override { return model_.revision(); }
  uint32_t read32(uint32_t o) override {
    return at_.outside([&] { return model_.read32(o); });
  }
  void write32(uint32_t o, uint32_t v) override {
    at_.outside([&] { model_.write32(o, v); });
  }
  uint64_t read64(uint32_t o) override {
    return at_.outside([&] { return model_.read64(o); });
  }
  void write64(uint32_t o, uint64_t v) override {
    at_.outside([&] { model_.write64(o, v); });
  }
  uint64_t read_ggtt(uint64_t i) override {
    return at_.outside([&] { return model_.read_ggtt(i); });
  }
  void write_ggtt(uint64_t i, uint64_t e) override {
    at_.outside([&] { model_.write_ggtt(i, e); });
  }
  [[nodiscard]] uint64_t aperture_bytes() const override { return model_.aperture_bytes(); }
  void read_aperture(uint64_t o, std::span<std::byte> to) override {
    at_.outside([&] { model_.read_aperture(o, to); });
  }
  void write_aperture(uint64_t o, std::span<const std::byte> from) override {
    at_.outside([&] { model_.write_aperture(o, from); });
  }
  hv::Result<gpu::DmaPage> alloc_dma() override { return model_.alloc_dma(); }
  void free_dma(hv::BusFrame frame) override { model_.free_dma(frame); }
  bool interrupt_pending() override {
    return at_.outside([&] { return model_.interrupt_pending(); });
  }
  uint64_t now_ns() override { return time_.now_ns(); }
  void pause_ns(uint64_t ns) override {
    const CoTime::Paused paused(time_);
    time_.wait(ns);
    model_.advance_to(time_.now_ns());
  }

 private:
  gpu::model::Model& model_;
  CoTime& time_;
  Catchup at_;
};

/// The host driver as the mediator sees it.
class CoGpu final : public mediator::HostGpu {
 public:
  CoGpu(mediator::HostGpu& gpu, gpu::model::Model& model, CoTime& time)
      : gpu_(gpu), at_(model, time) {}
  hv::Result<hv::BusFrame> alloc_page(shadow::PageUse use, hv::VgpuId owner) override {
    return gpu_.alloc_page(use, owner);
  }
  void free_page(hv::BusFrame frame) override { gpu_.free_page(frame); }
  void write_page(hv::BusFrame f, unsigned offset, std::span<const std::byte> from) override {
    at_.then([&] { gpu_.write_page(f, offset, from); });
  }
  void read_page(hv::BusFrame f, unsigned offset, std::span<std::byte> to) override {
    at_.then([&] { gpu_.read_page(f, offset, to); });
  }
  bool page_equals(hv::BusFrame f, unsigned offset, std::span<const std::byte> with) override {
    return at_.then([&] { return gpu_.page_equals(f, offset, with); });
  }
  void write_entry(hv::BusFrame f, unsigned index, uint64_t entry) override {
    at_.then([&] { gpu_.write_entry(f, index, entry); });
  }
  void write_ggtt(uint64_t first, std::span<const uint64_t> entries) override {
    gpu_.write_ggtt(first, entries);
  }
  hv::Status invalidate_tlbs() override { return gpu_.invalidate_tlbs(); }
  [[nodiscard]] mediator::GpuInfo gpu_info() override { return gpu_.gpu_info(); }
  hv::Status submit(gen9::EngineId e, std::span<const uint64_t> descriptors) override {
    return at_.then([&] { return gpu_.submit(e, descriptors); });
  }
  hv::Status preempt(gen9::EngineId e) override { return gpu_.preempt(e); }
  hv::Status reset_engine(gen9::EngineId e) override { return gpu_.reset_engine(e); }
  uint64_t progress(gen9::EngineId e) override { return gpu_.progress(e); }
  hv::Status load_registers(gen9::EngineId e,
                            std::span<const mediator::RegisterValue> values) override {
    return gpu_.load_registers(e, values);
  }
  uint32_t read_register(uint32_t offset) override { return gpu_.read_register(offset); }
  size_t poll(std::span<mediator::GpuEvent> events) override {
    return at_.then([&] { return gpu_.poll(events); });
  }

 private:
  mediator::HostGpu& gpu_;
  Catchup at_;
};

/// A guest's memory, which the GPU writes too.
class CoDomain final : public hv::Domain {
 public:
  CoDomain(hv::Domain& domain, gpu::model::Model& model, CoTime& time)
      : domain_(domain), at_(model, time) {}
  [[nodiscard]] hv::DomId id() const override { return domain_.id(); }
  hv::Status read(hv::Gpa from, std::span<std::byte> to) override {
    return at_.then([&] { return domain_.read(from, to); });
  }
  hv::Status write(hv::Gpa to, std::span<const std::byte> from) override {
    return at_.then([&] { return domain_.write(to, from); });
  }
  void pin(std::span<const hv::Gfn> gfns, std::span<hv::BusFrame> frames) override {
    domain_.pin(gfns, frames);
  }
  void unpin(std::span<const hv::Gfn> gfns) override { domain_.unpin(gfns); }
  hv::Status protect(hv::Gfn gfn) override { return domain_.protect(gfn); }
  hv::Status unprotect(hv::Gfn gfn) override { return domain_.unprotect(gfn); }
  hv::Status place(hv::Range range, hv::Gpa base, uint64_t bytes) override {
    return domain_.place(range, base, bytes);
  }
  hv::Status remove(hv::Range range) override { return domain_.remove(range); }
  hv::Result<std::span<std::byte>> register_pages(hv::Range range, uint64_t offset,
                                                  uint64_t bytes) override {
    return domain_.register_pages(range, offset, bytes);
  }
  hv::Status set_direct_read(hv::Range range, uint64_t offset, uint64_t bytes,
                             bool direct) override {
    return domain_.set_direct_read(range, offset, bytes, direct);
  }
  hv::Status inject_msi(uint64_t address, uint32_t data) override {
    return domain_.inject_msi(address, data);
  }

 private:
  hv::Domain& domain_;
  Catchup at_;
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
  hv::TrapHandler& inner() { return to_; }

 private:
  hv::TrapHandler& to_;
  CoTime& time_;
};

}  // namespace bench
