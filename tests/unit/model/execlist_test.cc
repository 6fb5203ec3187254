// SPDX-License-Identifier: MIT
// Submission: idle to active and back, element switch, lite restore, preemption, and the exact CSB.
#include <gtest/gtest.h>

#include "tests/fake/gpu_world.h"

namespace {

using fake::Context;
using fake::CsbEvent;
using fake::GpuWorld;
using fake::Ppgtt;
using gen9::EngineId;
namespace ctx = gen9::ctx;
namespace csb = gen9::csb;
namespace mi = fake::mi;
namespace rel = gen9::rel;

using Events = std::vector<CsbEvent>;
constexpr uint32_t kComplete = csb::kContextComplete | csb::kActiveToIdle;
constexpr uint32_t kSwitch = csb::kContextComplete | csb::kElementSwitch;

struct ExeclistTest : testing::Test {
  GpuWorld world;
  Ppgtt space{world.memory};
  Context a = world.make_context(EngineId::rcs, space.root());
  Context b = world.make_context(EngineId::rcs, space.root());
  uint32_t page = world.alloc_ggtt();

  Events events() { return world.csb(EngineId::rcs); }
  /// A batch that starts itself again for ever, and its start in the ring.
  void emit_endless_batch(Context& c, uint64_t va) {
    fake::put(space.alloc(va), mi::batch_start(va));
    world.emit(c, mi::batch_start(va));
  }
};

TEST_F(ExeclistTest, RunsARingToItsTailAndReportsIt) {
  world.emit(a, mi::store(page, 77, true));
  world.execute(a);
  EXPECT_EQ(world.ggtt32(page), 77u);
  EXPECT_EQ(events(), (Events{{csb::kIdleToActive, 0}, {kComplete, a.id}}));
  EXPECT_TRUE(world.idle(EngineId::rcs));
  EXPECT_EQ(world.image(a, ctx::kRingHead), a.tail);
}

TEST_F(ExeclistTest, DoesNothingWithoutTheRunListBit) {
  world.set_reg(EngineId::rcs, rel::kRingMode, hv::masked_disable(gen9::kModeRunListEnable));
  world.emit(a, mi::store(page, 77, true));
  world.execute(a);
  EXPECT_EQ(world.ggtt32(page), 0u);
}

TEST_F(ExeclistTest, SwitchesToTheSecondElement) {
  world.emit(a, mi::store(page, 1, true));
  world.emit(b, mi::store(page + 4, 2, true));
  world.submit(a, b);
  world.run();
  EXPECT_EQ(events(), (Events{{csb::kIdleToActive, 0}, {kSwitch, a.id}, {kComplete, b.id}}));
  EXPECT_EQ(world.ggtt32(page) + world.ggtt32(page + 4), 3u);
}

TEST_F(ExeclistTest, CsbRegistersAgreeWithTheStatusPage) {
  world.execute(a);
  EXPECT_EQ(world.model.read64(gen9::engine_reg(EngineId::rcs, rel::kCsb + 8)),
            uint64_t{a.id} << 32 | kComplete);
  EXPECT_EQ(world.reg(EngineId::rcs, rel::kCsbPtr) & 7, 1u);
}

TEST_F(ExeclistTest, CsbWrapsAfterSixEntries) {
  for (unsigned i = 0; i < 4; ++i) {
    world.execute(a);
    EXPECT_EQ(events(), (Events{{csb::kIdleToActive, 0}, {kComplete, a.id}}));
  }
  EXPECT_EQ(world.reg(EngineId::rcs, rel::kCsbPtr) & 7, 1u);
}

TEST_F(ExeclistTest, LiteRestoreSamplesTheNewTail) {
  for (int i = 0; i < 100; ++i) world.emit(a, {mi::kNoop});
  world.submit(a);
  world.model.advance_to(4500);  // restored and under way
  world.emit(a, mi::store(page, 5, true));
  world.submit(a);
  world.run();
  EXPECT_EQ(world.ggtt32(page), 5u);
  EXPECT_EQ(events(), (Events{{csb::kIdleToActive, 0},
                              {csb::kPreempted | csb::kLiteRestore, a.id},
                              {kComplete, a.id}}));
}

TEST_F(ExeclistTest, AnotherContextPreemptsAtAnArbitrationPoint) {
  emit_endless_batch(a, 0x10000);
  world.submit(a);
  world.model.advance_to(100'000);
  world.emit(b, mi::store(page, 9, true));
  world.submit(b);
  world.run();
  EXPECT_EQ(world.ggtt32(page), 9u);
  EXPECT_EQ(events(),
            (Events{{csb::kIdleToActive, 0}, {csb::kPreempted, a.id}, {kComplete, b.id}}));
}

TEST_F(ExeclistTest, NothingPreemptsWhileArbitrationIsOff) {
  world.emit(a, {mi::kArbOff});
  emit_endless_batch(a, 0x10000);
  world.submit(a);
  world.model.advance_to(100'000);
  world.emit(b, mi::store(page, 9, true));
  world.submit(b);
  world.model.advance_to(1'000'000);
  EXPECT_EQ(world.ggtt32(page), 0u);
  EXPECT_EQ(events(), (Events{{csb::kIdleToActive, 0}}));
}

TEST_F(ExeclistTest, ArbitrationIsOnAgainForTheNextContext) {
  world.emit(a, {mi::kArbOff, mi::kNoop});
  world.execute(a);
  emit_endless_batch(a, 0x10000);
  world.submit(a);
  world.model.advance_to(world.model.now_ns() + 50'000);
  events();
  world.submit(b);
  world.run();
  EXPECT_EQ(events(), (Events{{csb::kPreempted, a.id}, {kComplete, b.id}}));
}

TEST_F(ExeclistTest, APairThatArrivesAtTheEndDisplacesTheSecondElement) {
  Context c = world.make_context(EngineId::rcs, space.root());
  world.emit(a, {mi::kNoop, mi::kNoop});
  world.submit(a, b);
  world.model.advance_to(4005);  // no arbitration point before the tail
  world.submit(c);
  world.run();
  EXPECT_EQ(
      events(),
      (Events{
          {csb::kIdleToActive, 0}, {kSwitch, a.id}, {csb::kPreempted, b.id}, {kComplete, c.id}}));
}

TEST_F(ExeclistTest, APairThatArrivesWhileTheLastIsSavedStartsAfresh) {
  world.submit(a);
  world.model.advance_to(5000);  // saving
  world.submit(b);
  world.run();
  EXPECT_EQ(
      events(),
      (Events{
          {csb::kIdleToActive, 0}, {kComplete, a.id}, {csb::kIdleToActive, 0}, {kComplete, b.id}}));
}

TEST_F(ExeclistTest, EachEventRaisesTheContextSwitchInterrupt) {
  world.submit(a);
  EXPECT_TRUE(world.model.interrupt_pending());
  const uint32_t iir = gen9::info(EngineId::rcs).gt_iir;
  EXPECT_EQ(world.model.read32(iir), gen9::irq::kContextSwitch);
  world.model.write32(iir, gen9::irq::kContextSwitch);
  EXPECT_FALSE(world.model.interrupt_pending());
  EXPECT_EQ(world.model.advance_until_interrupt(1'000'000), 7000u);  // restore and save
  EXPECT_TRUE(world.model.interrupt_pending());
}

TEST_F(ExeclistTest, MaskedRingInterruptDoesNotReachTheTree) {
  world.set_reg(EngineId::rcs, rel::kImr, ~0u);
  world.execute(a);
  EXPECT_FALSE(world.model.interrupt_pending());
}

TEST_F(ExeclistTest, StatusShowsTheRunningContext) {
  world.submit(a);
  EXPECT_EQ(world.reg(EngineId::rcs, rel::kExeclistStatusHi), a.id);
  EXPECT_NE(world.reg(EngineId::rcs, rel::kExeclistStatusLo) & (3u << 14), 0u);
  world.run();
  EXPECT_EQ(world.reg(EngineId::rcs, rel::kExeclistStatusLo) & (3u << 14), 0u);
}

}  // namespace
