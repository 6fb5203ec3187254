// SPDX-License-Identifier: MIT
// Owners change everything while all runs: policy, weights, caps, fixed shares, latency classes,
// slices, pauses. Whatever the sequence, what each policy promises holds.
#include <gtest/gtest.h>

#include "tests/unit/core/engine_sim.h"

namespace {
using core_test::EngineSim;
using core_test::kMs;
using core_test::kUs;
using hv::VgpuId;
using mediator::GpuShares;
using mediator::kWholeGpu;
using mediator::LatencyClass;
using mediator::Policy;
using mediator::Share;

constexpr uint64_t kMostSlice = 4 * kMs, kLeave = 300 * kUs;
constexpr size_t kMost = 10;
// Busy for so many windows under a share of each, it has had at least one window's part.
constexpr uint64_t kWindows = 3;

/// What one vGPU was asked, as the test knows it.
struct Asked {
  Share share;
  uint64_t held_until = 0;
  uint64_t allowed = 0;       ///< of each window
  uint64_t most_allowed = 0;  ///< of this window, with what it was raised by since
  uint64_t steady_since = 0;  ///< under unchanged settings
  uint64_t busy_since = 0;    ///< when it was last given work
  uint32_t lightest = 0;
};

class Live {
 public:
  explicit Live(uint64_t seed) {
    sim.seed = seed * 131 + 7;
    sim.leave_ns = kLeave;
    gpu = {.slice_ns = 2 * kMs, .window_ns = (20 + sim.random(5) * 20) * kMs};
    sim.scheduler.set_gpu(gpu, 0);
    sim.on_turn = [this](VgpuId id, uint64_t since) { turn(id, since); };
    sim.on_idle = [this] { idle(); };
    for (int i = 0; i < 4; ++i) add();
  }
  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      act();
      const uint64_t quiet = sim.random(40) == 0 ? 400 * kMs : 4 * kMs;
      for (const uint64_t end = sim.now + sim.random(quiet); sim.now < end;) {
        const uint64_t window_end = (sim.now / gpu.window_ns + 1) * gpu.window_ns;
        sim.run(std::min(end, window_end));
        if (sim.now == window_end) window_ended();
      }
      check();
    }
  }
  EngineSim sim;

 private:
  [[nodiscard]] uint64_t present() {
    return static_cast<uint64_t>(std::ranges::count_if(
        sim.works, [](const auto& w) { return w.second.present && !w.second.paused; }));
  }
  [[nodiscard]] size_t all() {
    return static_cast<size_t>(
        std::ranges::count_if(sim.works, [](const auto& w) { return w.second.present; }));
  }
  /// What docs/SCHEDULING.md says it may have of each window.
  [[nodiscard]] uint64_t allowed(VgpuId id) {
    const Share& s = asked[id].share;
    uint64_t most = gpu.window_ns;
    if (gpu.policy == Policy::equal_share) most /= std::max<uint64_t>(1, present());
    if (gpu.policy == Policy::fixed_share) most = most * s.fixed / kWholeGpu;
    if (gpu.policy == Policy::exclusive && gpu.holder != id) most = 0;
    return s.cap != 0 ? std::min(most, gpu.window_ns * s.cap / kWholeGpu) : most;
  }
  /// Something changed for all, or for one.
  void changed(std::optional<VgpuId> only = {}) {
    for (auto& [id, a] : asked) {
      const uint64_t now_allowed = allowed(id);
      if (now_allowed > a.allowed) a.most_allowed += now_allowed - a.allowed;
      a.allowed = now_allowed;
      if (!only || *only == id) a.steady_since = sim.now;
    }
    uint64_t weights = 0;
    for (const auto& [id, w] : sim.works) weights += w.present ? asked[id].share.weight : 0;
    most_weights = std::max(most_weights, weights);
    most_guests = std::max<uint64_t>(most_guests, all());
    sim.tick();
  }
  Share any_share() {
    return {.weight = static_cast<uint32_t>(1 + sim.random(8)),
            .cap = sim.random(3) == 0 ? static_cast<uint32_t>(500 + sim.random(9000)) : 0,
            .fixed = static_cast<uint32_t>(100 + sim.random(kWholeGpu * 8 / 10 / kMost - 100)),
            .latency = static_cast<LatencyClass>(sim.random(4) == 0),
            .slice_ns = sim.random(2) * (1 + sim.random(4)) * kMs};
  }
  void add() {
    const Share s = any_share();
    const VgpuId id = sim.add(s);
    asked[id] = {.share = s, .lightest = s.weight};
    changed();
  }
  VgpuId any() {
    const auto n = static_cast<uint16_t>(1 + sim.random(sim.works.size()));
    return VgpuId{n};
  }
  void act() {
    const VgpuId id = any();
    auto& w = sim.works[id];
    if (sim.random(12) == 0) return set_gpu();
    if (sim.random(12) == 0 && all() < kMost) return add();
    if (!w.present) return;
    switch (sim.random(10)) {
      case 0: sim.take(id); return changed(id);
      case 1: return remove(id);
      case 2:
      case 3: return set_share(id);
      case 4: sim.pause(id, !w.paused); return changed();
      case 5: return hold(id);
      default:
        sim.give(id, sim.random(3) == 0 ? UINT64_MAX : 1 + sim.random(30 * kMs));
        asked[id].busy_since = sim.now;
    }
  }
  void set_gpu() {
    gpu.policy = static_cast<Policy>(sim.random(4));
    gpu.slice_ns = (1 + sim.random(3)) * kMs;
    gpu.holder = any();
    sim.scheduler.set_gpu(gpu, sim.now);
    changed();
  }
  void set_share(VgpuId id) {
    Asked& a = asked[id];
    a.share = any_share();
    a.lightest = std::min(a.lightest, a.share.weight);
    sim.scheduler.set_share(id, a.share, sim.now);
    changed(id);
  }
  /// As after a hang: it is off the engine.
  void hold(VgpuId id) {
    sim.take(id);
    asked[id].held_until = sim.now + sim.random(5 * kMs);
    sim.scheduler.hold(id, asked[id].held_until, sim.now);
    changed(id);
  }
  void remove(VgpuId id) {
    if (present() < 3) return;
    sim.remove(id);
    changed();
  }

  // What must hold.
  void turn(VgpuId id, uint64_t since) {
    const auto& w = sim.works[id];
    EXPECT_TRUE(w.present && !w.paused && w.has_work) << "vGPU " << id.v;
    EXPECT_GE(sim.now, asked[id].held_until) << "vGPU " << id.v;
    EXPECT_GT(allowed(id), 0u) << "vGPU " << id.v << " at " << sim.now;
    waited(id, since);
  }
  [[nodiscard]] bool may_run(VgpuId id) {
    const auto& w = sim.works[id];
    return w.present && !w.paused && w.has_work && sim.now >= asked[id].held_until;
  }
  [[nodiscard]] bool has_no_bound(VgpuId id) {
    return gpu.policy == Policy::exclusive ? id == gpu.holder && asked[id].share.cap == 0
                                           : allowed(id) >= gpu.window_ns;
  }
  /// Work conserving: nobody without a bound has work while the engine has none.
  void idle() {
    for (const auto& [id, w] : sim.works)
      EXPECT_FALSE(may_run(id) && has_no_bound(id)) << "vGPU " << id.v << " at " << sim.now;
  }
  /// No starvation: the bound that docs/SCHEDULING.md states, with the largest values met.
  void waited(VgpuId id, uint64_t since) {
    const Asked& a = asked[id];
    if (gpu.policy != Policy::best_effort || a.share.cap != 0) return;
    const uint64_t from = std::max({since, a.held_until, a.steady_since});
    const uint64_t turns = (most_weights + a.lightest - 1) / a.lightest + 2 * most_guests;
    EXPECT_LE(sim.now - std::min(sim.now, from), turns * (kMostSlice + kMostSlice / 4 + kLeave))
        << "vGPU " << id.v << " at " << sim.now;
  }
  void window_ended() {
    for (auto& [id, a] : asked) {
      const uint64_t got = sim.given(id, sim.now - gpu.window_ns, sim.now);
      EXPECT_LE(got, a.most_allowed + kLeave) << "vGPU " << id.v << ", window up to " << sim.now;
      a.most_allowed = allowed(id);
      part_was_given(id);
    }
  }
  /// Under hard shares too: who is busy has its part of a window after a few.
  void part_was_given(VgpuId id) {
    const Asked& a = asked[id];
    const auto& w = sim.works[id];
    const uint64_t from = std::max({a.steady_since, a.held_until, a.busy_since});
    const bool hard = gpu.policy == Policy::equal_share || gpu.policy == Policy::fixed_share;
    if (!hard || !may_run(id) || a.share.cap != 0 || w.left_ns != UINT64_MAX) return;
    if (sim.now - std::min(sim.now, from) < kWindows * gpu.window_ns) return;
    ++parts;
    EXPECT_GE(sim.given(id, sim.now - kWindows * gpu.window_ns, sim.now), allowed(id))
        << "vGPU " << id.v << " at " << sim.now;
  }
  void check() {
    uint64_t sum = 0;
    for (auto& [id, w] : sim.works) {
      uint64_t seen = sim.on_engine == id ? sim.now - sim.began : 0;
      for (const auto& [from, to] : w.turns) seen += to - from;
      if (may_run(id) && sim.on_engine != id) waited(id, w.ready_since);
      if (w.present && sim.on_engine != id) {
        EXPECT_EQ(sim.scheduler.served(id).used_ns, seen);
      }
      sum += seen;
    }
    EXPECT_LE(sim.scheduler.used_ns(), sum);
    EXPECT_LE(sum, sim.now);
  }

  GpuShares gpu;
  std::map<VgpuId, Asked> asked;
  uint64_t most_weights = 0, most_guests = 0;

 public:
  uint64_t parts = 0;  ///< times a part of a hard share was looked at
};

TEST(SchedulerLive, WhateverOwnersChangeWhatIsPromisedHolds) {
  uint64_t parts = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    Live life(seed);
    life.run(400);
    parts += life.parts;
    if (testing::Test::HasFailure()) FAIL() << "seed " << seed;
  }
  EXPECT_GT(parts, 20u);
}

TEST(SchedulerLive, TheSameChangesGiveTheSameAnswers) {
  for (uint64_t seed = 100; seed < 105; ++seed) {
    Live a(seed), b(seed);
    a.run(200);
    b.run(200);
    std::vector<std::byte> x, y;
    a.sim.scheduler.encode(x);
    b.sim.scheduler.encode(y);
    EXPECT_EQ(x, y);
    for (const auto& [id, w] : a.sim.works) EXPECT_EQ(w.turns, b.sim.works[id].turns);
  }
}

}  // namespace
