// SPDX-License-Identifier: MIT
// Any sequence of arrivals, changes, pauses, hangs and deaths: the sums agree, nobody starves, and
// the same sequence gives the same answers.
#include <gtest/gtest.h>

#include "tests/unit/core/engine_sim.h"

namespace {
using core_test::EngineSim;
using core_test::kMs;
using core_test::kUs;
using hv::VgpuId;
using mediator::LatencyClass;
using mediator::Share;

constexpr uint64_t kSlice = 2 * kMs, kMostSlice = 3 * kMs, kLeave = 300 * kUs;

/// One life of an engine made from a seed. No caps: a capped one may have to wait for its window.
class Life {
 public:
  explicit Life(uint64_t seed) : sim({.slice_ns = kSlice}) {
    sim.seed = seed * 77 + 5;
    sim.leave_ns = kLeave;
    sim.on_turn = [this](VgpuId id, uint64_t since) { waited(id, since); };
    for (int i = 0; i < 6; ++i) add();
  }
  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      act();
      note_most();
      sim.run(sim.now + sim.random(3 * kMs));
      check();
    }
  }
  EngineSim sim;

 private:
  void add() {
    const auto w = static_cast<uint32_t>(1 + sim.random(8));
    ids.push_back(sim.add({.weight = w, .latency = static_cast<LatencyClass>(sim.random(4) == 0)}));
    weight[ids.back()] = lightest[ids.back()] = w;
  }
  /// What the bound is made of, at its largest.
  void note_most() {
    uint64_t weights = 0, all = 0;
    for (const auto& [id, w] : sim.works) {
      if (!w.present) continue;
      weights += weight[id];
      ++all;
    }
    most_weights = std::max(most_weights, weights);
    most = std::max(most, all);
  }
  /// The bound that docs/SCHEDULING.md states, with the largest values met and all of them
  /// interactive.
  void waited(VgpuId id, uint64_t since) {
    const uint64_t from = std::max(since, held_until[id]);
    const uint64_t turns = (most_weights + lightest[id] - 1) / lightest[id] + 2 * most;
    EXPECT_LE(sim.now - std::min(sim.now, from), turns * (kMostSlice + kMostSlice / 4 + kLeave))
        << "vGPU " << id.v << " at " << sim.now;
  }
  void act() {
    const VgpuId id = ids[sim.random(ids.size())];
    if (!sim.works[id].present) return;
    switch (sim.random(9)) {
      case 0: sim.take(id); break;
      case 1: sim.remove(id); break;
      case 2: add(); break;
      case 3: {
        const Share share{.weight = static_cast<uint32_t>(1 + sim.random(8)),
                          .slice_ns = (1 + sim.random(3)) * kMs};
        sim.scheduler.set_share(id, share, sim.now);
        weight[id] = share.weight;
        lightest[id] = std::min(lightest[id], share.weight);
        break;
      }
      case 4: pause(id); break;
      case 5: hang(id); break;
      default: sim.works[id].paused ? void() : sim.give(id, 1 + sim.random(20 * kMs));
    }
  }
  void pause(VgpuId id) {
    auto& w = sim.works[id];
    w.paused = !w.paused;
    if (w.paused) sim.take(id);
    sim.scheduler.set_paused(id, w.paused, sim.now);
  }
  /// It is killed where it stands, and held back.
  void hang(VgpuId id) {
    sim.take(id);
    held_until[id] = sim.now + sim.random(5 * kMs);
    sim.scheduler.hold(id, held_until[id], sim.now);
  }
  void check() {
    uint64_t of_all = 0;
    for (auto& [id, w] : sim.works) {
      uint64_t seen = 0;
      for (const auto& [from, to] : w.turns) seen += to - from;
      if (sim.on_engine == id) seen += sim.now - sim.began;
      if (w.present && w.has_work && sim.on_engine != id) waited(id, w.ready_since);
      if (w.present) {
        // Up to the last event; the rest is on its way.
        const uint64_t used = sim.scheduler.served(id).used_ns;
        EXPECT_LE(used, seen);
        if (sim.on_engine != id) {
          EXPECT_EQ(used, seen);
        }
      }
      of_all += seen;
      for (size_t i = 1; i < w.turns.size(); ++i)
        EXPECT_LE(w.turns[i - 1].second, w.turns[i].first);
    }
    EXPECT_LE(sim.scheduler.used_ns(), of_all);
    EXPECT_LE(of_all, sim.now);  // nobody's time is counted twice
  }
  std::vector<VgpuId> ids;
  std::map<VgpuId, uint32_t> weight, lightest;
  std::map<VgpuId, uint64_t> held_until;
  uint64_t most_weights = 0, most = 0;
};

TEST(SchedulerProperty, InAnySequenceTimeGivenIsTimeUsedAndNobodyWaitsTooLong) {
  for (uint64_t seed = 0; seed < 20; ++seed) Life(seed).run(300);
}

TEST(SchedulerProperty, TheSameSequenceGivesTheSameAnswers) {
  for (uint64_t seed = 0; seed < 5; ++seed) {
    Life a(seed), b(seed);
    a.run(200);
    b.run(200);
    std::vector<std::byte> x, y;
    a.sim.scheduler.encode(x);
    b.sim.scheduler.encode(y);
    EXPECT_EQ(x, y);
    for (const auto& [id, w] : a.sim.works) EXPECT_EQ(w.turns, b.sim.works[id].turns);
  }
}

// The bound that docs/SCHEDULING.md states.
TEST(SchedulerProperty, NobodyWaitsLongerThanTheStatedBound) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    EngineSim sim({.slice_ns = kSlice});
    sim.seed = seed;
    sim.leave_ns = kLeave;
    uint64_t weights = 0, lightest = 100, interactive = 0;
    const uint64_t n = 2 + sim.random(20);
    for (uint64_t i = 0; i < n; ++i) {
      const Share share{.weight = static_cast<uint32_t>(1 + sim.random(8)),
                        .latency = static_cast<LatencyClass>(sim.random(5) == 0)};
      weights += share.weight;
      lightest = std::min<uint64_t>(lightest, share.weight);
      interactive += share.latency == LatencyClass::interactive;
      sim.add(share);
    }
    for (int i = 0; i < 400; ++i) {
      sim.give(VgpuId{static_cast<uint16_t>(1 + sim.random(n))}, 1 + sim.random(30 * kMs));
      sim.run(sim.now + sim.random(2 * kMs));
    }
    const uint64_t turns = (weights + lightest - 1) / lightest + n + interactive;
    EXPECT_LE(sim.longest_wait, turns * (kSlice + kSlice / 4 + kLeave)) << "seed " << seed;
  }
}

TEST(SchedulerProperty, AnEngineIsNotIdleWhileAnybodyMayHaveIt) {
  EngineSim sim({.slice_ns = kSlice});
  sim.leave_ns = kLeave;
  for (int i = 0; i < 5; ++i) sim.give(sim.add({.weight = static_cast<uint32_t>(i + 1)}));
  sim.run(1000 * kMs);
  uint64_t given = 0;
  for (const auto& [id, w] : sim.works) given += sim.given(id, 0, 1000 * kMs);
  EXPECT_GE(given + kSlice + kLeave, 1000 * kMs);
}

// Virtual time wraps around after some days at the lowest weight.
TEST(SchedulerProperty, VirtualTimeMayWrapAround) {
  mediator::Scheduler s({.slice_ns = kSlice});
  s.add(VgpuId{1}, {.weight = 1}, 0);
  s.ready(VgpuId{1}, 0);
  ASSERT_TRUE(s.next(0));
  s.began(0);
  uint64_t now = 0;
  for (int i = 0; i < 8; ++i) {
    now += uint64_t{100'000} * 1'000'000'000;
    EXPECT_FALSE(s.must_leave(now));
  }
  s.add(VgpuId{2}, {.weight = 1}, now);
  s.ready(VgpuId{2}, now);
  EXPECT_TRUE(s.must_leave(now));
  s.ended(now);
  s.yield(true, now);
  EXPECT_EQ(s.next(now), VgpuId{2});
}

}  // namespace
