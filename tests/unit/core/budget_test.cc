// SPDX-License-Identifier: MIT
// A guest that makes the mediator work more than it may waits for that itself, and nobody else.
#include "mediator/vgpu.h"
#include "tests/unit/core/core_world.h"

namespace core_test {
namespace {

constexpr uint64_t kA = 0x100000, kPml4 = 0x20000, kTables = 0x800000, kUs = 1000;
constexpr unsigned kLeaves = 40;
const uint64_t kDescA = Guest::descriptor(kA, 7);

struct Budget : CoreWorld {
  void SetUp() override {
    config.work = {.burst_ns = 200 * kUs, .resume_ns = 50 * kUs, .pays = 2};
    CoreWorld::SetUp();
    for (int i = 0; i < 2; ++i) {
      Guest& g = add_guest();
      g.make_context(kA);
      g.emit(kA, {kNoop, kNoop});
    }
  }
  Guest& bad() { return *guests[0]; }
  Guest& good() { return *guests[1]; }
  void entry(uint64_t table, unsigned i, uint64_t to) {
    const uint64_t e = to | 3;
    ASSERT_TRUE(bad().domain.write(hv::Gpa{table + i * 8}, std::as_bytes(std::span{&e, 1})).ok());
  }
  /// About 1.1 ms of work by stated costs.
  void large_space() {
    const uint64_t pdp = kTables, pd = kTables + 0x1000, leaves = kTables + 0x2000;
    entry(kPml4, 0, pdp);
    entry(pdp, 0, pd);
    for (unsigned i = 0; i < kLeaves; ++i) {
      entry(pd, i, leaves + i * 0x1000);
      for (unsigned k = 0; k < 512; ++k) entry(leaves + i * 0x1000, k, uint64_t{k} << 12);
    }
  }
  void full_reset(Guest& g) { g.traps->on_write(hv::Range::bar0, gen9::kGdrst, 4, 1); }
  size_t owned_submissions(const Guest& g) {
    size_t n = 0;
    for (const auto& s : gpu.submissions)
      n += mediator::owner_of_host_id(static_cast<uint32_t>(
               gen9::descriptor::ContextId::get(s.descriptors.at(0)))) == g.vgpu;
    return n;
  }
};

TEST_F(Budget, AnAddressSpaceTooLargeForOneGoIsMadeInStepsAndThenRun) {
  large_space();
  bad().submit(kDescA);
  EXPECT_EQ(owned_submissions(bad()), 0u);
  good().submit(kDescA);
  EXPECT_EQ(owned_submissions(good()), 1u) << "nobody else waits";
  finish();
  const uint64_t from = clock.now;
  for (int i = 0; i < 100 && owned_submissions(bad()) == 0; ++i) {
    const uint64_t next = mediator->next_deadline_ns();
    ASSERT_NE(next, UINT64_MAX) << "it is not forgotten";
    advance(next > clock.now ? next - clock.now : 1);
  }
  EXPECT_EQ(owned_submissions(bad()), 1u);
  EXPECT_GT(clock.now - from, 1500 * kUs) << "a step's time is paid for twice";
  EXPECT_GT(bad().stats().put_off, 3u);
  EXPECT_GT(bad().stats().work_ns, 1000 * kUs);
  EXPECT_EQ(bad().stats().refused_commands, 0u);
  EXPECT_EQ(good().stats().put_off, 0u);
  finish();
  EXPECT_EQ(bad().stats().submissions, 1u);
}

TEST_F(Budget, AStormOfResetsMakesItsGuestWait) {
  for (int i = 0; i < 10; ++i) full_reset(bad());
  const uint64_t ready = mediator->ready_ns(bad().vgpu, clock.now);
  EXPECT_GT(ready, clock.now + 1000 * kUs);
  EXPECT_LE(mediator->ready_ns(good().vgpu, clock.now), clock.now);
  EXPECT_LE(mediator->ready_ns(bad().vgpu, ready), ready);
  EXPECT_EQ(mediator->ready_ns(hv::VgpuId{99}, clock.now), 0u);
}

TEST_F(Budget, WhatIsSubmittedMeanwhileIsNotLost) {
  for (int i = 0; i < 10; ++i) full_reset(bad());
  bad().mmio(EngineId::rcs, rel::kRingMode, hv::masked_enable(gen9::kModeRunListEnable));
  EXPECT_TRUE(mediator->idle());
  bad().submit(kDescA);
  EXPECT_EQ(owned_submissions(bad()), 0u);
  EXPECT_FALSE(mediator->occupied());
  EXPECT_FALSE(mediator->idle()) << "it has work, and a time";
  mediator->poll();
  EXPECT_GT(mediator->next_deadline_ns(), clock.now);
  EXPECT_LE(mediator->next_deadline_ns(), mediator->ready_ns(bad().vgpu, clock.now));
  advance(mediator->next_deadline_ns() - clock.now);
  advance(2000 * kUs);
  EXPECT_EQ(owned_submissions(bad()), 1u);
}

TEST_F(Budget, MoreForAContextThatRunsIsSubmittedBehindIt) {
  bad().submit(kDescA);
  ASSERT_EQ(owned_submissions(bad()), 1u);
  mediator->find(bad().vgpu)->work().charge(1000 * kUs);
  bad().emit(kA, {kNoop, kNoop});
  bad().submit(kDescA);
  EXPECT_EQ(owned_submissions(bad()), 1u);
  finish();
  EXPECT_EQ(owned_submissions(bad()), 1u);
  advance(2000 * kUs);
  EXPECT_EQ(owned_submissions(bad()), 2u);
  finish();
  EXPECT_EQ(bad().stats().submissions, 1u);
}

TEST_F(Budget, OfTwoContextsThatAreTooMuchAtOnceTheSecondComesLater) {
  constexpr uint64_t kB = 0x200000;
  bad().make_context(kB);
  bad().emit(kB, {kNoop, kNoop});
  mediator::Vgpu& v = *mediator->find(bad().vgpu);
  // Just short of the budget when the first is looked at, beyond it when the second is.
  for (int i = 0; i < 300; ++i) bad().emit(kA, {kNoop, kNoop});
  v.work().charge(153'000);
  bad().submit(kDescA, Guest::descriptor(kB, 8));
  ASSERT_EQ(owned_submissions(bad()), 1u);
  EXPECT_EQ(gpu.submissions.back().descriptors.size(), 1u);
  EXPECT_TRUE(v.work().spent());
  finish();
  advance(2000 * kUs);
  EXPECT_EQ(owned_submissions(bad()), 2u);
  finish();
  EXPECT_EQ(bad().stats().submissions, 2u);
  EXPECT_EQ(bad().stats().refused_commands, 0u);
}

TEST_F(Budget, AnAddressSpaceThatIsGivenUpIsTakenApartInItsOwnTime) {
  large_space();
  mediator::Vgpu& v = *mediator->find(bad().vgpu);
  const auto root = v.ppgtt().acquire(hv::Gpa{kPml4});
  ASSERT_TRUE(root.ok());
  while (!v.ppgtt().sync(*root).ok()) v.work().settle(clock.now += 1000 * kUs);
  ASSERT_GT(v.ppgtt().counts().tables, uint64_t{kLeaves});
  v.work().charge(200 * kUs);
  v.ppgtt().release(*root);
  ASSERT_TRUE(v.ppgtt().untidy());
  bad().mmio(EngineId::rcs, rel::kImr, 0);  // as the access that gave it up would have
  for (int i = 0; i < 100 && v.ppgtt().untidy(); ++i) {
    const uint64_t next = mediator->next_deadline_ns();
    ASSERT_NE(next, UINT64_MAX);
    advance(next > clock.now ? next - clock.now : 1);
  }
  EXPECT_EQ(v.ppgtt().counts().tables, 0u);
}

TEST_F(Budget, WhoIsDismissedIsTakenApartInStepsAndNobodyWaits) {
  large_space();
  mediator::Vgpu& v = *mediator->find(bad().vgpu);
  const auto root = v.ppgtt().acquire(hv::Gpa{kPml4});
  ASSERT_TRUE(root.ok());
  while (!v.ppgtt().sync(*root).ok()) v.work().settle(clock.now += 1000 * kUs);
  v.work().settle(clock.now += 1000 * kUs);
  ASSERT_EQ(mediator->set_gpu_shares({.policy = mediator::Policy::exclusive, .holder = bad().vgpu}),
            nullptr);

  mediator->dismiss(bad().vgpu);
  EXPECT_FALSE(mediator->tidy(bad().vgpu));
  EXPECT_LT(v.work().debt_ns(), 500 * kUs) << "of more than one millisecond";
  EXPECT_EQ(mediator->gpu_shares().policy, mediator::Policy::best_effort);
  EXPECT_EQ(bad().stats().asked, 0u);
  bad().submit(kDescA);
  good().submit(kDescA);
  EXPECT_EQ(owned_submissions(bad()), 0u);
  EXPECT_EQ(owned_submissions(good()), 1u);
  finish();
  for (int i = 0; i < 100 && !mediator->tidy(bad().vgpu); ++i) {
    const uint64_t next = mediator->next_deadline_ns();
    ASSERT_NE(next, UINT64_MAX);
    advance(next > clock.now ? next - clock.now : 1);
  }
  EXPECT_EQ(v.ppgtt().counts().tables, 0u);
  EXPECT_TRUE(mediator->tidy(hv::VgpuId{99}));
}

}  // namespace
}  // namespace core_test
