// SPDX-License-Identifier: MIT
// A guest's submissions through the real mediator onto a fake GPU.
#include "mediator/vgpu.h"

#include "tests/unit/core/core_world.h"

namespace {
using namespace core_test;  // NOLINT: a test's own vocabulary
namespace csb = gen9::csb;
namespace ctx = gen9::ctx;

constexpr uint64_t kA = 0x100000, kB = 0x140000;
constexpr uint32_t kL4Create = 4, kL4Destroy = 5;
const uint64_t kDescA = Guest::descriptor(kA, 1), kDescB = Guest::descriptor(kB, 2);

struct VgpuTest : CoreWorld {
  Guest& g() { return *guests[0]; }
  void SetUp() override {
    CoreWorld::SetUp();
    add_guest();
    g().make_context(kA);
    g().make_context(kB);
    g().emit(kA, {kNoop, kNoop});
    g().emit(kB, {kNoop, kNoop, kNoop, kNoop});
  }
  void open_interrupts() {
    g().traps->on_write(hv::Range::bar0, 0x44304, 4, 0);    // IMR
    g().traps->on_write(hv::Range::bar0, 0x4430c, 4, ~0u);  // IER
    g().traps->on_write(hv::Range::bar0, gen9::kMasterIrq, 4, gen9::kMasterIrqEnable);
    g().mmio(EngineId::rcs, rel::kImr, 0);
  }
  void notify(uint32_t value) {
    g().traps->on_write(hv::Range::bar0, 0x78838, 4, 0x20000);  // the PML4 of both contexts
    g().traps->on_write(hv::Range::bar0, 0x7883c, 4, 0);
    g().traps->on_write(hv::Range::bar0, 0x78818, 4, value);
  }
};

TEST_F(VgpuTest, RunsAHostOwnedContextNotTheGuests) {
  g().submit(kDescA);
  ASSERT_EQ(gpu.running[0].size(), 1u);
  const uint64_t d = gpu.running[0][0];
  EXPECT_NE(d & gen9::descriptor::Lrca::mask, kA);
  EXPECT_EQ(gpu.image_dword(d, ctx::kRingTail), 8u);
  EXPECT_NE(gpu.image_dword(d, ctx::kRingStart), Guest::ring(kA));
  EXPECT_NE(gpu.image_dword(d, ctx::kPdp0Ldw), 0x20000u);
}

TEST_F(VgpuTest, TheGuestChoosesNoRegisterOfTheImage) {
  g().store(kA + 0x1000 + 2 * 4, 0x2080);  // CONTEXT_CONTROL's offset becomes HWS_PGA
  g().submit(kDescA);
  EXPECT_EQ(gpu.image_dword(gpu.running[0][0], 2), 0x2244u);
}

TEST_F(VgpuTest, CompletionIsSeenInTheStatusBufferAndTheImage) {
  g().submit(kDescA);
  finish();
  EXPECT_EQ(g().csb_event(0), csb::kIdleToActive);
  EXPECT_EQ(g().csb_event(1), csb::kContextComplete | csb::kActiveToIdle);
  EXPECT_EQ(g().csb_write_index(), 1u);
  EXPECT_EQ(g().load(kA + 0x1000 + ctx::kRingHead * 4), 8u);
  EXPECT_EQ(g().stats().submissions, 1u);
}

TEST_F(VgpuTest, ASubmissionLikeTheLastLeavesTheGgttAndTranslationsAlone) {
  constexpr uint32_t kIndirect = 0x400000, kBatch = 0x401000;
  constexpr uint32_t kEnd = 0x0au << 23, kLri1 = 0x22u << 23 | 1;
  g().store(kA + 0x1000 + ctx::kIndirectCtx * 4, kIndirect | 1);
  g().store(kBatch, kEnd);
  uint64_t entries = 0, invalidations = 0;
  for (uint32_t i = 0; i < 6; ++i) {
    if (i == 2) entries = gpu.ggtt_writes, invalidations = gpu.invalidations;
    g().store(kIndirect, i % 2 ? kNoop : kLri1);  // what is run in the restore may change
    g().store(kIndirect + 4, i % 2 ? kNoop : gen9::kMocs[0]);
    g().store(kIndirect + 8, kNoop);
    g().emit(kA, {0x31u << 23 | 1, kBatch, 0, kNoop});
    g().submit(kDescA);
    ASSERT_EQ(gpu.running[0].size(), 1u) << i;
    const uint32_t at = gpu.image_dword(gpu.running[0][0], ctx::kIndirectCtx) & ~0x3fu;
    EXPECT_EQ(gpu.fetch(at + 64), i % 2 ? kNoop : kLri1);
    finish();
  }
  EXPECT_EQ(gpu.ggtt_writes, entries);
  EXPECT_EQ(gpu.invalidations, invalidations);
}

TEST_F(VgpuTest, ALeafTableThatSettledTrapsUnlessItIsToStayOpen) {
  constexpr uint64_t kPml4 = 0x20000, kLeaf = 0x23000;
  for (const uint32_t open : {0u, 1u}) {
    config.open_leaves = open;
    TearDown();
    guests.clear();
    SetUp();
    Guest& guest = add_guest();
    guest.make_context(kA);
    for (uint64_t at = kPml4; at < kLeaf; at += 0x1000)
      guest.store(at, static_cast<uint32_t>(at + 0x1000) | 3);
    for (uint32_t i = 0; i < 20; ++i) {
      guest.emit(kA, {kNoop, kNoop});
      guest.submit(kDescA);
      finish();
    }
    const uint64_t before = guest.domain.counts().page_writes;
    guest.store(kLeaf + 8, 0x5003);
    EXPECT_EQ(guest.domain.counts().page_writes, before + (open ? 0 : 1)) << open;
  }
}
TEST_F(VgpuTest, TwoContextsGoToTheGpuTogether) {
  g().submit(kDescA, kDescB);
  ASSERT_EQ(gpu.running[0].size(), 2u);
  finish();
  EXPECT_EQ(g().csb_event(1), csb::kContextComplete | csb::kElementSwitch);
  EXPECT_EQ(g().csb_event(2), csb::kContextComplete | csb::kActiveToIdle);
}

TEST_F(VgpuTest, AGgttOperandIsRelocatedInTheCopy) {
  g().emit(kA, {kStoreDwordGgtt, 0x200010, 0, 0x1234});
  g().submit(kDescA);
  const uint64_t ring = gpu.image_dword(gpu.running[0][0], ctx::kRingStart);
  EXPECT_EQ(gpu.fetch(ring + 8), kStoreDwordGgtt);
  const uint64_t operand = gpu.fetch(ring + 12);
  EXPECT_NE(operand, 0x200010u);
  EXPECT_EQ(gen9::pte_frame(gpu.ggtt_entry(operand >> 12)), g().domain.frame(hv::Gfn{0x200}));
  EXPECT_EQ(g().load(Guest::ring(kA) + 12), 0x200010u) << "the guest's own ring is untouched";
}

TEST_F(VgpuTest, ARefusedCommandStopsTheEngineUntilItIsReset) {
  g().emit(kA, {kStoreDwordGgtt, 0xf0000000, 0, 1});  // outside the windows
  g().submit(kDescA);
  EXPECT_TRUE(gpu.submissions.empty());
  EXPECT_EQ(g().stats().refused_commands, 1u);
  EXPECT_EQ(g().stats().last_refusal.reason, mediator::Reject::ggtt_address);
  g().submit(kDescB);
  EXPECT_TRUE(gpu.submissions.empty());
  g().traps->on_write(hv::Range::bar0, gen9::kGdrst, 4, gen9::info(EngineId::rcs).reset_bit);
  g().submit(kDescB);
  EXPECT_EQ(gpu.submissions.size(), 1u);
}

TEST_F(VgpuTest, MoreWorkForTheRunningContextIsALiteRestore) {
  g().submit(kDescA);
  g().emit(kA, {kNoop, kNoop});
  g().submit(kDescA, kDescB);
  advance(1'000'000);
  EXPECT_EQ(g().csb_event(1), csb::kPreempted | csb::kLiteRestore);
  ASSERT_EQ(gpu.submissions.size(), 2u);
  EXPECT_EQ(gpu.submissions[1].descriptors.size(), 2u);
  EXPECT_EQ(gpu.image_dword(gpu.running[0][0], ctx::kRingTail), 16u);
}

TEST_F(VgpuTest, ALiteRestoreThatCameTooLateRunsAfterwards) {
  g().submit(kDescA);
  g().emit(kA, {kNoop, kNoop});
  gpu.fail_submits = 1;
  g().submit(kDescA);
  gpu.set_image_dword(gpu.running[0][0], ctx::kRingTail, 8);  // as the GPU had it
  finish();
  EXPECT_EQ(g().stats().submissions, 0u) << "the guest's tail was not reached yet";
  ASSERT_EQ(gpu.running[0].size(), 1u);
  finish();
  EXPECT_EQ(g().stats().submissions, 1u);
  EXPECT_EQ(g().load(kA + 0x1000 + ctx::kRingHead * 4), 16u);
}

TEST_F(VgpuTest, AReplacedSecondContextIsTakenOffTheGpu) {
  constexpr uint64_t kC = 0x180000;
  g().make_context(kC);
  g().emit(kC, {kNoop, kNoop});
  g().submit(kDescA, kDescB);
  g().submit(kDescA, Guest::descriptor(kC, 3));
  EXPECT_EQ(gpu.preempt_requests, 1u);
  mediator->poll();
  ASSERT_EQ(gpu.running[0].size(), 2u);
  finish();
  EXPECT_EQ(g().stats().submissions, 2u);
  EXPECT_EQ(g().load(kC + 0x1000 + ctx::kRingHead * 4), 8u);
  EXPECT_EQ(g().load(kB + 0x1000 + ctx::kRingHead * 4), 0u) << "no longer in the list";
}

TEST_F(VgpuTest, AReplacedContextThatEndedAnywayCompletesNothingElse) {
  constexpr uint64_t kC = 0x180000;
  g().make_context(kC);
  g().emit(kC, {kNoop, kNoop});
  g().submit(kDescA, kDescB);
  gpu.obeys_preemption = false;
  g().submit(kDescA, Guest::descriptor(kC, 3));
  finish();  // A and B both ran to their ends before the GPU took note
  EXPECT_EQ(g().stats().submissions, 1u);
  finish();
  EXPECT_EQ(g().stats().submissions, 2u);
  EXPECT_EQ(g().csb_event(3), csb::kContextComplete | csb::kActiveToIdle);
}

TEST_F(VgpuTest, AnotherContextPreemptsTheRunningOne) {
  g().submit(kDescA);
  g().submit(kDescB);
  EXPECT_EQ(gpu.preempt_requests, 1u);
  mediator->poll();
  EXPECT_EQ(g().csb_event(1), csb::kPreempted);
  ASSERT_EQ(gpu.running[0].size(), 1u);
  finish();
  EXPECT_EQ(g().csb_event(2), csb::kContextComplete | csb::kActiveToIdle);
}

TEST_F(VgpuTest, ABlitterContextRunsThroughAPrivateViewAtOnce) {
  g().submit(kDescA, 0, EngineId::bcs);
  ASSERT_EQ(gpu.running[1].size(), 1u);
  EXPECT_EQ(gpu.image_dword(gpu.running[1][0], ctx::kRingTail), 8u);
  gpu.finish(EngineId::bcs);
  mediator->poll();
  EXPECT_EQ(g().stats().submissions, 1u);
}

TEST_F(VgpuTest, MoreForARunningBlitterContextFollowsItsEnd) {
  g().submit(kDescA, 0, EngineId::bcs);
  g().emit(kA, {kNoop, kNoop});
  g().submit(kDescA, 0, EngineId::bcs);
  EXPECT_EQ(gpu.submissions.size(), 1u);
  for (int i = 0; i < 2; ++i) {
    gpu.finish(EngineId::bcs);
    mediator->poll();
  }
  EXPECT_EQ(gpu.submissions.size(), 2u);
  EXPECT_EQ(g().stats().submissions, 1u);
  EXPECT_EQ(g().load(kA + 0x1000 + ctx::kRingHead * 4), 16u);
}

TEST_F(VgpuTest, AUserInterruptReachesTheGuest) {
  open_interrupts();
  g().submit(kDescA);
  gpu.raise(EngineId::rcs, mediator::GpuEventKind::user_interrupt);
  mediator->poll();
  EXPECT_EQ(g().traps->on_read(hv::Range::bar0, 0x44308, 4) & 1, 1u);
}

// Bit 8 of RCS's IIR: the context switch interrupt.
bool switch_interrupt(Guest& g) {
  const bool set = g.traps->on_read(hv::Range::bar0, 0x44308, 4) >> 8 & 1;
  g.traps->on_write(hv::Range::bar0, 0x44308, 4, 1u << 8);
  return set;
}

TEST_F(VgpuTest, AListThatIsTakenAndDoneAtOnceInterruptsOnce) {
  open_interrupts();
  g().submit(kDescA);
  EXPECT_FALSE(switch_interrupt(g()));
  finish();
  EXPECT_TRUE(switch_interrupt(g()));
  advance(5'000'000);
  EXPECT_FALSE(switch_interrupt(g()));
}

TEST_F(VgpuTest, AListThatRunsForLongIsSaidToBeTakenMeanwhile) {
  open_interrupts();
  g().submit(kDescA);
  EXPECT_LE(mediator->next_deadline_ns(), clock.now + 1'000'000);
  advance(1'000'000);
  EXPECT_TRUE(switch_interrupt(g()));
  advance(1'000'000);
  EXPECT_FALSE(switch_interrupt(g()));
}

TEST_F(VgpuTest, WhatNobodyWaitsForInterruptsAtItsRateOnly) {
  open_interrupts();
  clock.now = 10'000'000;
  g().mmio(EngineId::rcs, rel::kImr, ~gen9::irq::kContextSwitch);
  g().submit(kDescA);
  finish();
  EXPECT_TRUE(switch_interrupt(g())) << "the first for long comes at once";
  g().submit(kDescB);
  finish();
  EXPECT_FALSE(switch_interrupt(g()));
  EXPECT_EQ(g().csb_write_index(), 1u) << "nor is it to be seen";
  advance(1'000'000);
  EXPECT_TRUE(switch_interrupt(g()));
  EXPECT_EQ(g().csb_write_index(), 3u);
}

TEST_F(VgpuTest, WhoWaitsSeesAtOnceThatItsListWasTakenButIsNotInterruptedForIt) {
  open_interrupts();
  g().submit(kDescA);
  EXPECT_EQ(g().csb_event(0), csb::kIdleToActive) << "so its next request can be queued behind it";
  EXPECT_FALSE(switch_interrupt(g()));
  finish();
  EXPECT_TRUE(switch_interrupt(g()));
  g().mmio(EngineId::rcs, rel::kImr, ~gen9::irq::kContextSwitch);
  const uint32_t seen = g().csb_write_index();
  g().submit(kDescB);
  EXPECT_EQ(g().csb_write_index(), seen) << "who waits for nothing does not";
}

TEST_F(VgpuTest, WhoBeginsToWaitIsToldAtOnceWhatIsDone) {
  open_interrupts();
  clock.now = 10'000'000;
  g().mmio(EngineId::rcs, rel::kImr, ~gen9::irq::kContextSwitch);
  g().submit(kDescA);
  finish();
  (void)switch_interrupt(g());
  g().submit(kDescB);
  finish();
  ASSERT_FALSE(switch_interrupt(g()));
  g().mmio(EngineId::rcs, rel::kImr, ~(gen9::irq::kContextSwitch | gen9::irq::kUser));
  EXPECT_TRUE(switch_interrupt(g()));
}

TEST_F(VgpuTest, PagesOfAnAddressSpaceThatIsGivenUpTrapNoMore) {
  notify(kL4Create);
  g().submit(kDescA);
  finish();
  EXPECT_GT(g().domain.protected_pages(), 0u);
  notify(kL4Destroy);
  EXPECT_EQ(g().domain.protected_pages(), 0u) << "though the context is still there";
  g().submit(kDescA);
  finish();
  EXPECT_EQ(g().stats().submissions, 2u) << "and may be used again";
}

TEST_F(VgpuTest, AnAddressSpaceGivenUpAtWorkIsKeptUntilTheWorkIsDone) {
  notify(kL4Create);
  g().submit(kDescA);
  notify(kL4Destroy);
  EXPECT_GT(g().domain.protected_pages(), 0u);
  finish();
  EXPECT_EQ(g().domain.protected_pages(), 0u);
}

TEST_F(VgpuTest, ACommandErrorResetsTheEngineAndStallsOnlyThisGuest) {
  Guest& other = add_guest();
  other.make_context(kA);
  other.emit(kA, {kNoop, kNoop});
  g().submit(kDescA);
  other.submit(kDescA);
  gpu.raise(EngineId::rcs, mediator::GpuEventKind::command_error);
  mediator->poll();
  EXPECT_EQ(gpu.resets, 1u);
  ASSERT_EQ(gpu.submissions.size(), 2u);
  finish();
  EXPECT_EQ(other.stats().submissions, 1u);
  EXPECT_EQ(g().stats().submissions, 0u);
}

TEST_F(VgpuTest, ASliceEndsAtItsEndWhenSomebodyWaits) {
  Guest& other = add_guest();
  other.make_context(kA);
  other.emit(kA, {kNoop, kNoop});
  g().submit(kDescA);
  advance(5'000'000);
  EXPECT_EQ(gpu.preempt_requests, 0u) << "nobody waits";
  other.submit(kDescA);
  EXPECT_LE(mediator->next_deadline_ns(), clock.now);
  advance(0);
  advance(0);
  EXPECT_EQ(gpu.preempt_requests, 1u);
  ASSERT_EQ(gpu.submissions.size(), 2u);
  finish();
  finish();
  EXPECT_EQ(g().stats().submissions, 1u) << "the preempted one came back and ended";
  EXPECT_EQ(other.stats().submissions, 1u);
}

TEST_F(VgpuTest, ADeafContextIsResetWhenItStandsStill) {
  Guest& other = add_guest();
  other.make_context(kA);
  other.emit(kA, {kNoop, kNoop});
  gpu.obeys_preemption = false;
  g().submit(kDescA);
  other.submit(kDescA);
  advance(2'000'000);
  for (int i = 0; i < 8; ++i) advance(100'000'000);
  EXPECT_EQ(gpu.resets, 1u);
  EXPECT_EQ(gpu.submissions.size(), 2u);
}

TEST_F(VgpuTest, ADeafContextThatGetsFurtherHasASecond) {
  Guest& other = add_guest();
  other.make_context(kA);
  other.emit(kA, {kNoop, kNoop});
  gpu.obeys_preemption = false;
  g().submit(kDescA);
  other.submit(kDescA);
  advance(2'000'000);
  for (int i = 0; i < 8; ++i) {
    ++gpu.progress_value;
    advance(100'000'000);
  }
  EXPECT_EQ(gpu.resets, 0u);
  for (int i = 0; i < 4; ++i) {
    ++gpu.progress_value;
    advance(100'000'000);
  }
  EXPECT_EQ(gpu.resets, 1u);
}

TEST_F(VgpuTest, WhatAGuestOpensToItsBatchesIsOpenedForItOnly) {
  g().mmio(EngineId::rcs, rel::kForceToNonpriv0, 0x7014);
  g().mmio(EngineId::rcs, rel::kForceToNonpriv0 + 4, 0x2080);  // refused: the status page
  Guest& other = add_guest();
  other.make_context(kA);
  other.emit(kA, {kNoop});
  g().submit(kDescA);
  const uint32_t slot = gen9::engine_reg(EngineId::rcs, rel::kForceToNonpriv0);
  EXPECT_EQ(gpu.loaded.at(slot), 0x7014u);
  EXPECT_NE(gpu.loaded.at(slot + 4), 0x2080u);
  other.submit(kDescA);
  finish();
  EXPECT_NE(gpu.loaded.at(slot), 0x7014u);
}

TEST_F(VgpuTest, APausedGuestGetsNoTurns) {
  mediator->pause(g().vgpu, true);
  g().submit(kDescA);
  EXPECT_TRUE(gpu.submissions.empty());
  mediator->pause(g().vgpu, false);
  EXPECT_EQ(gpu.submissions.size(), 1u);
}

TEST_F(VgpuTest, OneContextInBothPortsIsRefused) {
  g().submit(kDescA, kDescA);
  EXPECT_TRUE(gpu.submissions.empty());
  EXPECT_EQ(g().stats().refused_commands, 1u);
}

TEST_F(VgpuTest, DestroyingAGuestAtWorkGivesEverythingBack) {
  g().submit(kDescA, kDescB);
  mediator->destroy_vgpu(g().vgpu);
  EXPECT_EQ(gpu.resets, 1u);
  EXPECT_TRUE(gpu.pages.empty()) << "host pages left behind";
  for (uint64_t f = 0; f < kRamBytes >> 12; ++f)
    ASSERT_EQ(g().domain.pins(hv::Gfn{f}), 0u) << "frame " << f;
}

}  // namespace
