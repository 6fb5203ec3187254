// SPDX-License-Identifier: MIT
// Who had the render engine when, seen from outside the mediator: between it and the driver, and
// from the model's executed commands. The scheduler's own books are not asked.
#pragma once

#include <map>
#include <unordered_map>
#include <vector>

#include "tests/bench/cosim.h"
#include "tests/sched/work.h"

namespace sched {

/// Engine time by owner, in windows of `window_ns`.
class Occupancy {
 public:
  explicit Occupancy(uint64_t window_ns = 100 * kMs) : window_ns_(window_ns) {}
  void start(hv::VgpuId owner, uint64_t now) {
    if (running_ && owner_ == owner) return;
    stop(now);
    running_ = true;
    owner_ = owner;
    since_ = now;
  }
  void stop(uint64_t now) {
    while (running_ && since_ < now) {
      const uint64_t window = since_ / window_ns_;
      const uint64_t end = std::min(now, (window + 1) * window_ns_);
      auto& bins = bins_[owner_];
      if (bins.size() <= window) bins.resize(window + 1);
      bins[window] += end - since_;
      since_ = end;
    }
    running_ = false;
  }
  /// What is under way is counted up to `now`.
  void settle(uint64_t now) {
    if (!running_) return;
    const hv::VgpuId owner = owner_;
    stop(now);
    start(owner, now);
  }
  /// In the window of that number.
  [[nodiscard]] uint64_t in(hv::VgpuId owner, uint64_t window) const {
    const auto it = bins_.find(owner);
    return it == bins_.end() || it->second.size() <= window ? 0 : it->second[window];
  }
  [[nodiscard]] uint64_t between(hv::VgpuId owner, uint64_t from, uint64_t to) const {
    uint64_t ns = 0;
    for (uint64_t w = from; w < to; ++w) ns += in(owner, w);
    return ns;
  }

 private:
  uint64_t window_ns_;
  bool running_ = false;
  hv::VgpuId owner_{};
  uint64_t since_ = 0;
  std::map<hv::VgpuId, std::vector<uint64_t>> bins_;
};

/// The host driver, with a look at what passes.
class WatchedGpu final : public mediator::HostGpu {
 public:
  using Owner = std::function<hv::VgpuId(uint32_t lrca)>;
  WatchedGpu(bench::CoGpu& gpu, bench::CoTime& time, Occupancy& seen, Owner owner)
      : gpu_(gpu), time_(time), seen_(seen), owner_(std::move(owner)) {}

  hv::Status submit(gen9::EngineId e, std::span<const uint64_t> descriptors) override {
    const hv::Status s = gpu_.submit(e, descriptors);
    const bench::CoTime::Paused paused(time_);
    if (s.ok() && e == gen9::EngineId::rcs) {
      out_.clear();
      for (const uint64_t d : descriptors) out_.push_back(static_cast<uint32_t>(d >> 32));
      seen_.start(owner_(static_cast<uint32_t>(descriptors[0] & gen9::descriptor::Lrca::mask)),
                  time_.now_ns());
    }
    return s;
  }
  size_t poll(std::span<mediator::GpuEvent> events) override {
    const size_t n = gpu_.poll(events);
    const bench::CoTime::Paused paused(time_);
    for (const mediator::GpuEvent& e : events.first(n)) left(e);
    return n;
  }
  hv::Status reset_engine(gen9::EngineId e) override {
    const hv::Status s = gpu_.reset_engine(e);
    if (e == gen9::EngineId::rcs) seen_.stop(time_.now_ns());
    return s;
  }
  hv::Result<hv::BusFrame> alloc_page(shadow::PageUse use, hv::VgpuId owner) override {
    return gpu_.alloc_page(use, owner);
  }
  void free_page(hv::BusFrame f) override { gpu_.free_page(f); }
  void write_page(hv::BusFrame f, unsigned at, std::span<const std::byte> from) override {
    gpu_.write_page(f, at, from);
  }
  void read_page(hv::BusFrame f, unsigned at, std::span<std::byte> to) override {
    gpu_.read_page(f, at, to);
  }
  bool page_equals(hv::BusFrame f, unsigned at, std::span<const std::byte> with) override {
    return gpu_.page_equals(f, at, with);
  }
  void write_entry(hv::BusFrame f, unsigned i, uint64_t entry) override {
    gpu_.write_entry(f, i, entry);
  }
  void write_ggtt(uint64_t first, std::span<const uint64_t> entries) override {
    gpu_.write_ggtt(first, entries);
  }
  hv::Status invalidate_tlbs() override { return gpu_.invalidate_tlbs(); }
  [[nodiscard]] mediator::GpuInfo gpu_info() override { return gpu_.gpu_info(); }
  hv::Status preempt(gen9::EngineId e) override { return gpu_.preempt(e); }
  uint64_t progress(gen9::EngineId e) override { return gpu_.progress(e); }
  hv::Status load_registers(gen9::EngineId e,
                            std::span<const mediator::RegisterValue> values) override {
    return gpu_.load_registers(e, values);
  }
  uint32_t read_register(uint32_t offset) override { return gpu_.read_register(offset); }

 private:
  void left(const mediator::GpuEvent& e) {
    const bool context = e.kind == mediator::GpuEventKind::context_complete ||
                         e.kind == mediator::GpuEventKind::context_preempted;
    if (!context || e.engine != gen9::EngineId::rcs) return;
    std::erase(out_, e.context_id);
    if (out_.empty()) seen_.stop(e.time_ns);
  }
  bench::CoGpu& gpu_;
  bench::CoTime& time_;
  Occupancy& seen_;
  Owner owner_;
  std::vector<uint32_t> out_;  ///< context ids on the engine
};

/// Nanoseconds of primitives that retired, by the context's owner.
class WorkLog final : public gpu::model::CommandObserver {
 public:
  using Owner = WatchedGpu::Owner;
  explicit WorkLog(Owner owner) : owner_(std::move(owner)) {}
  void on_command(const gpu::model::ExecutedCommand& c) override {
    if (c.desc->id != gen9::Cmd::primitive_3d) return;
    const auto [it, fresh] = owners_.try_emplace(c.lrca);
    if (fresh) it->second = owner_(c.lrca);
    const uint64_t ns = primitive_ns(c.dwords[2]);
    done_[it->second] += ns;
    all_ += ns;
  }
  [[nodiscard]] uint64_t done(hv::VgpuId id) const {
    const auto it = done_.find(id);
    return it == done_.end() ? 0 : it->second;
  }
  [[nodiscard]] uint64_t all() const { return all_; }

 private:
  Owner owner_;
  std::unordered_map<uint32_t, hv::VgpuId> owners_;
  std::map<hv::VgpuId, uint64_t> done_;
  uint64_t all_ = 0;
};

}  // namespace sched
