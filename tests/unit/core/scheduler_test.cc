// SPDX-License-Identifier: MIT
// What the scheduler promises, on a simulated engine.
#include "mediator/scheduler.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/core/engine_sim.h"

namespace {
using core_test::EngineSim;
using core_test::kMs;
using core_test::kSec;
using core_test::kUs;
using hv::VgpuId;
using mediator::GpuShares;
using mediator::kWholeGpu;
using mediator::LatencyClass;
using mediator::Policy;
using mediator::Scheduler;
using mediator::Share;

constexpr uint32_t percent(unsigned n) { return n * 100; }

TEST(Scheduler, NobodyReadyIsNobodysTurn) {
  Scheduler s({});
  s.add(VgpuId{1}, {}, 0);
  EXPECT_EQ(s.next(0), std::nullopt);
  EXPECT_EQ(s.wake_ns(), UINT64_MAX);
}

TEST(Scheduler, UnknownVgpusAreIgnored) {
  Scheduler s({});
  s.ready(VgpuId{9}, 0);
  s.set_share(VgpuId{9}, {}, 0);
  s.hold(VgpuId{9}, 10, 0);
  s.remove(VgpuId{9}, 0);
  EXPECT_EQ(s.next(0), std::nullopt);
}

TEST(Scheduler, BeingReadyTwiceIsBeingReadyOnce) {
  Scheduler s({});
  s.add(VgpuId{1}, {}, 0);
  s.ready(VgpuId{1}, 0);
  s.ready(VgpuId{1}, 0);
  EXPECT_EQ(s.next(0), VgpuId{1});
  s.ready(VgpuId{1}, 0);
  EXPECT_FALSE(s.others_waiting());
}

TEST(Scheduler, ASliceEndsOnlyIfSomebodyWaits) {
  Scheduler s({.slice_ns = 2 * kMs});
  s.add(VgpuId{1}, {}, 0);
  s.add(VgpuId{2}, {}, 0);
  s.ready(VgpuId{1}, 0);
  ASSERT_EQ(s.next(0), VgpuId{1});
  s.began(0);
  EXPECT_EQ(s.wake_ns(), UINT64_MAX);
  EXPECT_FALSE(s.must_leave(10 * kMs));
  s.ready(VgpuId{2}, 10 * kMs);
  EXPECT_LE(s.wake_ns(), 10 * kMs);
  EXPECT_TRUE(s.must_leave(10 * kMs));
}

TEST(Scheduler, AGoneVgpuIsNeitherWaitingNorCurrent) {
  Scheduler s({});
  for (const uint16_t n : {1, 2}) {
    s.add(VgpuId{n}, {}, 0);
    s.ready(VgpuId{n}, 0);
  }
  ASSERT_EQ(s.next(0), VgpuId{1});
  s.remove(VgpuId{2}, 0);
  EXPECT_FALSE(s.others_waiting());
  s.remove(VgpuId{1}, 0);
  EXPECT_FALSE(s.current());
}

TEST(Scheduler, EqualOnesAreNeverASliceApartInAnyWindow) {
  EngineSim sim({.slice_ns = kMs});
  sim.leave_ns = 100 * kUs;
  for (int i = 0; i < 16; ++i) sim.give(sim.add());
  sim.run(2 * kSec);
  for (const auto& [id, w] : sim.works) {
    for (uint64_t at = 0; at < 2 * kSec; at += 100 * kMs)
      EXPECT_NEAR(sim.given(id, at, at + 100 * kMs), 6.25e6, 1e6) << id.v << " at " << at;
    EXPECT_NEAR(sim.given(id, 0, 2 * kSec), 125e6, 1.25e6);
  }
}

TEST(Scheduler, WeightsHoldWithinASliceOverASecond) {
  EngineSim sim({.slice_ns = 2 * kMs});
  sim.leave_ns = 100 * kUs;
  for (const uint32_t w : {1, 2, 4, 8}) sim.give(sim.add({.weight = w}));
  sim.run(10 * kSec);
  for (const auto& [id, w] : sim.works) {
    const double part = std::pow(2, id.v - 1) / 15;
    for (uint64_t at = 0; at < 10 * kSec; at += kSec)
      EXPECT_NEAR(sim.given(id, at, at + kSec), part * 1e9, 2e6) << id.v << " at " << at;
    EXPECT_NEAR(sim.given(id, 0, 10 * kSec), part * 1e10, part * 1e8);
  }
}

TEST(Scheduler, OvershootIsMeasuredAndPaidBack) {
  EngineSim sim({.slice_ns = kMs});
  const VgpuId rude = sim.add(), fair = sim.add();
  sim.give(rude);
  sim.give(fair);
  sim.run(kMs / 2);
  ASSERT_EQ(sim.on_engine, rude);
  sim.leave_ns = 0;
  sim.run(kMs);
  ASSERT_TRUE(sim.leaving || sim.on_engine == fair);
  // It does not leave for 20 ms.
  EngineSim late({.slice_ns = kMs});
  late.give(late.add());
  late.give(late.add());
  late.run(kMs - 1);
  late.leave_ns = 1;
  late.run(kMs);
  late.leave_at = 21 * kMs;
  late.run(100 * kMs);
  EXPECT_EQ(late.scheduler.served(VgpuId{1}).max_overshoot_ns, 20 * kMs);
  EXPECT_NEAR(late.given(VgpuId{1}, 0, 100 * kMs), 50e6, 1e6);
}

TEST(Scheduler, WhatOneLeavesTheOthersGet) {
  EngineSim sim({.slice_ns = 2 * kMs});
  const VgpuId a = sim.add({.weight = 1}), b = sim.add({.weight = 3}),
               idle = sim.add({.weight = 9});
  sim.give(a);
  sim.give(b);
  sim.run(kSec);
  EXPECT_NEAR(sim.given(a, 0, kSec), 0.25e9, 2e6);
  EXPECT_NEAR(sim.given(b, 0, kSec), 0.75e9, 2e6);
  EXPECT_EQ(sim.given(idle, 0, kSec), 0u);
}

TEST(Scheduler, IdlingSavesNothingUp) {
  EngineSim sim({.slice_ns = 2 * kMs});
  const VgpuId a = sim.add(), late = sim.add();
  sim.give(a);
  sim.run(kSec);
  sim.give(late);
  sim.run(2 * kSec);
  EXPECT_NEAR(sim.given(late, kSec, 2 * kSec), 0.5e9, 3e6);
}

TEST(Scheduler, AStarvedDomainIsNotChargedForIdlingButOnlySoMuch) {
  EngineSim sim({.slice_ns = 2 * kMs});
  const VgpuId a = sim.add(), starved = sim.add();
  sim.give(a);
  sim.give(starved);
  sim.run(100 * kMs);
  sim.take(starved);
  sim.scheduler.set_starved(starved, true, sim.now);
  sim.run(600 * kMs);
  sim.scheduler.set_starved(starved, false, sim.now);
  sim.scheduler.set_starved(starved, true, sim.now);
  sim.give(starved);
  sim.run(1100 * kMs);
  const double credit = 2e6 * mediator::kStarvedSlices;
  EXPECT_NEAR(sim.given(starved, 600 * kMs, 1100 * kMs), 250e6 + credit / 2, 3e6);
}

TEST(Scheduler, ACapHoldsInEveryWindowWithNeighboursBusyAndIdle) {
  for (const bool busy : {false, true}) {
    EngineSim sim({.slice_ns = 2 * kMs});
    sim.leave_ns = 100 * kUs;
    const VgpuId capped = sim.add({.weight = 512, .cap = percent(25)}), greedy = sim.add();
    sim.give(capped);
    if (busy) sim.give(greedy);
    sim.run(5 * kSec);
    for (uint64_t at = 0; at < 5 * kSec; at += kSec) {
      EXPECT_LE(sim.given(capped, at, at + kSec), 255 * kMs);
      EXPECT_GE(sim.given(capped, at, at + kSec), 247 * kMs);
    }
  }
}

TEST(Scheduler, AnOvershotCapIsPaidInLaterWindows) {
  EngineSim sim({.slice_ns = 2 * kMs});
  const VgpuId capped = sim.add({.cap = percent(10)});
  sim.give(capped);
  sim.run(10 * kMs - 1);
  sim.leave_ns = 1;
  sim.run(10 * kMs);
  ASSERT_TRUE(sim.leaving);
  sim.leave_at = 95 * kMs;
  sim.run(kSec);
  EXPECT_NEAR(sim.given(capped, 0, kSec), 100e6, 1e6);
  EXPECT_EQ(sim.given(capped, 100 * kMs, 900 * kMs), 0u);
}

// It would be kept away for as long as the new cap takes to pay for the old one.
TEST(Scheduler, WhatWasUsedByRightIsNoDebtUnderALowerCap) {
  EngineSim sim({.slice_ns = 2 * kMs});
  const VgpuId a = sim.add({.cap = percent(90)});
  sim.give(a);
  sim.run(90 * kMs);
  sim.scheduler.set_share(a, {.cap = percent(2)}, sim.now);
  sim.tick();
  sim.run(kSec);
  EXPECT_LE(sim.given(a, 0, 100 * kMs), 90 * kMs + 100 * kUs);
  EXPECT_NEAR(sim.given(a, 100 * kMs, kSec), 9 * 2e6, 1e5);
}

TEST(Scheduler, FixedSharesAreKeptAndNotExceeded) {
  EngineSim sim({.policy = Policy::fixed_share, .slice_ns = 2 * kMs});
  sim.leave_ns = 100 * kUs;
  const VgpuId a = sim.add({.fixed = percent(20)}), b = sim.add({.fixed = percent(70)});
  const VgpuId none = sim.add();
  sim.give(a);
  sim.give(none);
  sim.run(kSec);
  EXPECT_NEAR(sim.given(a, 0, kSec), 200e6, 1e6);
  EXPECT_EQ(sim.given(none, 0, kSec), 0u);
  sim.give(b);
  sim.run(3 * kSec);
  EXPECT_NEAR(sim.given(a, kSec, 3 * kSec), 400e6, 4e6);
  EXPECT_NEAR(sim.given(b, kSec, 3 * kSec), 1400e6, 14e6);
}

TEST(Scheduler, AnEqualShareIsOfThoseThatAreNotPaused) {
  EngineSim sim({.policy = Policy::equal_share, .slice_ns = 2 * kMs});
  const VgpuId a = sim.add(), b = sim.add();
  const VgpuId c = sim.add(), d = sim.add();
  sim.give(a);
  sim.run(kSec);
  EXPECT_NEAR(sim.given(a, 0, kSec), 250e6, 2e6);
  sim.scheduler.set_paused(c, true, sim.now);
  sim.scheduler.set_paused(d, true, sim.now);
  sim.run(2 * kSec);
  EXPECT_NEAR(sim.given(a, kSec, 2 * kSec), 500e6, 2e6);
  sim.scheduler.remove(b, sim.now);
  sim.run(3 * kSec);
  EXPECT_NEAR(sim.given(a, 2 * kSec, 3 * kSec), 1000e6, 2e6);
  EXPECT_EQ(sim.scheduler.asked(a), kWholeGpu);
}

TEST(Scheduler, ExclusiveIsNeverSlicedAndComesAndGoesLive) {
  EngineSim sim({.slice_ns = 2 * kMs});
  const VgpuId a = sim.add(), b = sim.add();
  sim.give(a);
  sim.give(b);
  sim.run(100 * kMs);
  GpuShares gpu{.policy = Policy::exclusive, .slice_ns = 2 * kMs, .holder = b};
  sim.scheduler.set_gpu(gpu, sim.now);
  sim.run(101 * kMs);
  const uint64_t turns = sim.works[b].turns.size();
  sim.run(kSec);
  EXPECT_EQ(sim.given(a, 101 * kMs, kSec), 0u);
  EXPECT_LE(sim.works[b].turns.size(), turns + 1);
  gpu.policy = Policy::best_effort;
  sim.scheduler.set_gpu(gpu, sim.now);
  sim.run(2 * kSec);
  EXPECT_NEAR(sim.given(a, kSec, 2 * kSec), 500e6, 3e6);
}

TEST(Scheduler, InteractiveWorkRunsBeforeOthersWithinItsShare) {
  EngineSim sim({.slice_ns = 2 * kMs});
  const VgpuId shell = sim.add({.latency = LatencyClass::interactive});
  for (int i = 0; i < 7; ++i) sim.give(sim.add());
  for (uint64_t t = 5 * kMs; t < 2 * kSec; t += 16 * kMs) {
    sim.run(t);
    sim.give(shell, 2 * kMs);
    sim.run(t + 5 * kMs);
    EXPECT_FALSE(sim.works[shell].has_work) << t;
  }
}

TEST(Scheduler, InteractiveAndGreedyGetsItsShareOnly) {
  EngineSim sim({.slice_ns = 2 * kMs});
  const VgpuId liar = sim.add({.latency = LatencyClass::interactive});
  sim.give(liar);
  for (int i = 0; i < 3; ++i) sim.give(sim.add());
  sim.run(kSec);
  EXPECT_NEAR(sim.given(liar, 0, kSec), 250e6, 4e6);
}

TEST(Scheduler, AHeldOneWaitsAndThenGoesOn) {
  EngineSim sim({.slice_ns = 2 * kMs});
  const VgpuId bad = sim.add(), good = sim.add();
  sim.give(good);
  sim.scheduler.hold(bad, kSec, 0);
  sim.give(bad);
  sim.run(2 * kSec);
  EXPECT_EQ(sim.given(bad, 0, kSec), 0u);
  EXPECT_NEAR(sim.given(bad, kSec, 2 * kSec), 500e6, 3e6);
}

TEST(Scheduler, AWeightCanChangeWhileAllRun) {
  EngineSim sim({.slice_ns = 2 * kMs});
  const VgpuId a = sim.add(), b = sim.add();
  sim.give(a);
  sim.give(b);
  sim.run(kSec);
  sim.scheduler.set_share(a, {.weight = 768}, sim.now);
  sim.run(2 * kSec);
  EXPECT_NEAR(sim.given(a, 0, kSec), 500e6, 3e6);
  EXPECT_NEAR(sim.given(a, kSec, 2 * kSec), 750e6, 4e6);
}

TEST(Scheduler, ADepartureToldOfLateIsChargedToItsMoment) {
  Scheduler s({.slice_ns = 2 * kMs});
  s.add(VgpuId{1}, {}, 0);
  s.add(VgpuId{2}, {}, 0);
  s.ready(VgpuId{1}, 0);
  ASSERT_EQ(s.next(0), VgpuId{1});
  s.began(0);
  s.ready(VgpuId{2}, kMs);   // charged up to here
  s.ended(kMs - 100 * kUs);  // but it had left before
  EXPECT_EQ(s.served(VgpuId{1}).used_ns, kMs - 100 * kUs);
  EXPECT_EQ(s.used_ns(), kMs - 100 * kUs);
}

}  // namespace
