// SPDX-License-Identifier: MIT
// Shares and hangs through a whole mediator.
#include "tests/unit/core/core_world.h"

namespace core_test {
namespace {

constexpr uint64_t kA = 0x100000, kMs = 1'000'000;
constexpr uint64_t kDescA = uint64_t{7} << 32 | kA | 3u << 3 | 0x101;

struct SharesVgpu : CoreWorld {
  Guest& ready_guest() {
    Guest& g = add_guest();
    g.make_context(kA);
    g.emit(kA, {kNoop, kNoop});
    return g;
  }
  /// The guest's engine hangs until the mediator has reset it; how long that took.
  uint64_t hang(Guest& g, Guest& waiting) {
    const unsigned before = gpu.resets;
    gpu.obeys_preemption = false;
    g.submit(kDescA);
    waiting.submit(kDescA);
    const uint64_t begin = clock.now;
    while (gpu.resets == before && clock.now < begin + 1000 * kMs) advance(5 * kMs);
    gpu.obeys_preemption = true;
    const uint64_t took = clock.now - begin;
    if (!gpu.running[0].empty()) finish();  // the one that waited
    return took;
  }
  void reset(Guest& g) {
    g.mmio(EngineId::rcs, rel::kResetCtl, hv::masked_enable(gen9::kResetRequest));
    g.traps->on_write(hv::Range::bar0, gen9::kGdrst, 4, gen9::info(EngineId::rcs).reset_bit);
    g.mmio(EngineId::rcs, rel::kRingMode, hv::masked_enable(gen9::kModeRunListEnable));
  }
};

TEST_F(SharesVgpu, AKilledFlightIsOnItsOwnersAccount) {
  Guest &bad = ready_guest(), &good = ready_guest();
  const uint64_t took = hang(bad, good);
  EXPECT_EQ(bad.stats().hangs, 1u);
  EXPECT_GE(bad.stats().gpu_ns + 5 * kMs, took);
  EXPECT_EQ(bad.stats().served[0].used_ns, bad.stats().gpu_ns);
  EXPECT_EQ(good.stats().hangs, 0u);
  EXPECT_EQ(good.stats().submissions, 1u);
}

TEST_F(SharesVgpu, EachHangIsGivenLessTimeAndIsHeldBackLonger) {
  Guest &bad = ready_guest(), &good = ready_guest();
  const uint64_t first = hang(bad, good);
  reset(bad);
  good.emit(kA, {kNoop, kNoop});
  const uint64_t second = hang(bad, good);
  EXPECT_LT(second, first * 3 / 4);
  reset(bad);
  const size_t before = gpu.submissions.size();
  bad.submit(kDescA);
  advance(900 * kMs);
  EXPECT_EQ(gpu.submissions.size(), before) << "held back";
  advance(200 * kMs);
  EXPECT_EQ(gpu.submissions.size(), before + 1);
}

TEST_F(SharesVgpu, TheFourthHangIsFailsafe) {
  Guest &bad = ready_guest(), &good = ready_guest();
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(bad.stats().failsafe, mediator::FailsafeReason::none) << i;
    (void)hang(bad, good);
    good.emit(kA, {kNoop, kNoop});
    reset(bad);
    advance(5000 * kMs);
  }
  EXPECT_EQ(bad.stats().failsafe, mediator::FailsafeReason::repeated_hangs);
  good.submit(kDescA);
  finish();
  EXPECT_EQ(good.stats().failsafe, mediator::FailsafeReason::none);
}

TEST_F(SharesVgpu, AGuestThatResetsWhatWouldNotLeaveHasHung) {
  Guest &bad = ready_guest(), &good = ready_guest();
  gpu.obeys_preemption = false;
  bad.submit(kDescA);
  good.submit(kDescA);
  for (int i = 0; i < 12; ++i) advance(10 * kMs);
  ASSERT_EQ(gpu.resets, 0u);
  reset(bad);
  EXPECT_EQ(gpu.resets, 1u);
  EXPECT_EQ(bad.stats().hangs, 1u);
  EXPECT_GE(bad.stats().gpu_ns, 100 * kMs);
}

TEST_F(SharesVgpu, AResetOfWhatRunsWellIsNoHang) {
  Guest& g = ready_guest();
  g.submit(kDescA);
  advance(500 * kMs);
  reset(g);
  EXPECT_EQ(g.stats().hangs, 0u);
}

TEST_F(SharesVgpu, ACappedGuestLeavesTheGpuEvenIfNobodyElseWantsIt) {
  Guest& g = ready_guest();
  ASSERT_EQ(mediator->set_share(g.vgpu, {.cap = 1000}), nullptr);
  g.submit(kDescA);
  advance(9 * kMs);
  EXPECT_EQ(gpu.preempt_requests, 0u);
  advance(2 * kMs);
  advance(0);
  EXPECT_EQ(gpu.preempt_requests, 1u);
  EXPECT_TRUE(gpu.running[0].empty());
  EXPECT_LE(mediator->next_deadline_ns(), 200 * kMs);
  clock.now = 100 * kMs;
  advance(0);
  EXPECT_FALSE(gpu.running[0].empty());
}

TEST_F(SharesVgpu, ExclusiveTakesTheGpuFromOthersAtOnceAndIsNotSliced) {
  Guest &a = ready_guest(), &b = ready_guest();
  a.submit(kDescA);
  b.submit(kDescA);
  const mediator::GpuShares exclusive{
      .policy = mediator::Policy::exclusive, .slice_ns = 1 * kMs, .holder = b.vgpu};
  ASSERT_EQ(mediator->set_gpu_shares(exclusive), nullptr);
  advance(0);
  EXPECT_EQ(gpu.preempt_requests, 1u);
  ASSERT_EQ(gpu.submissions.size(), 2u);
  advance(500 * kMs);
  EXPECT_EQ(gpu.preempt_requests, 1u);
  mediator->destroy_vgpu(b.vgpu);
  EXPECT_EQ(mediator->gpu_shares().policy, mediator::Policy::best_effort);
  finish();
  EXPECT_EQ(a.stats().submissions, 1u);
}

TEST_F(SharesVgpu, ABrokenRuleLeavesEverythingAsItWas) {
  Guest& g = ready_guest();
  ASSERT_EQ(mediator->set_share(g.vgpu, {.weight = 7}), nullptr);
  EXPECT_STREQ(mediator->set_share(g.vgpu, {.weight = 0}), "a weight is 1 to 65535");
  EXPECT_EQ(mediator->share(g.vgpu).weight, 7u);
  EXPECT_NE(mediator->set_share(hv::VgpuId{99}, {}), nullptr);
  const mediator::GpuShares before = mediator->gpu_shares();
  EXPECT_NE(mediator->set_gpu_shares({.policy = mediator::Policy::fixed_share}), nullptr);
  EXPECT_EQ(mediator->gpu_shares(), before);
}

TEST_F(SharesVgpu, ItIsSeenWhetherTheGuestsCpuOwesAnAnswer) {
  Guest& g = ready_guest();
  g.traps->on_write(hv::Range::bar0, 0x44304, 4, 0);
  g.traps->on_write(hv::Range::bar0, 0x4430c, 4, ~0u);
  g.traps->on_write(hv::Range::bar0, gen9::kMasterIrq, 4, gen9::kMasterIrqEnable);
  g.mmio(EngineId::rcs, rel::kImr, 0);
  EXPECT_FALSE(mediator->waits_for_cpu(g.vgpu));
  g.submit(kDescA);
  finish();
  EXPECT_TRUE(mediator->waits_for_cpu(g.vgpu));
  g.traps->on_write(hv::Range::bar0, 0x44308, 4, ~0u);
  EXPECT_FALSE(mediator->waits_for_cpu(g.vgpu));
}

// By the longest slice of any: its turns are what the others' pulses wait for.
TEST_F(SharesVgpu, AsManyFitBeforeHeartbeatsAreMissedAsSlicesSay) {
  EXPECT_EQ(mediator->heartbeat_capacity(), 4545u);
  Guest& g = add_guest();
  ASSERT_EQ(mediator->set_gpu_shares({.slice_ns = 5 * kMs}), nullptr);
  EXPECT_EQ(mediator->heartbeat_capacity(), 980u);
  ASSERT_EQ(mediator->set_share(g.vgpu, {.slice_ns = 30 * kMs}), nullptr);
  EXPECT_EQ(mediator->heartbeat_capacity(), 166u);
}

}  // namespace
}  // namespace core_test
