// SPDX-License-Identifier: MIT
// Hangs, errors, resets and the registers that go with them.
#include "tests/unit/model/model_fixture.h"

namespace {

using gen9::EngineId;
namespace mi = fake::mi;
namespace rel = gen9::rel;

using ResetTest = fake::ModelTest;

TEST_F(ResetTest, AnUnknownCommandHaltsWithAnError) {
  world.model.write32(0x44304, ~gen9::irq::kCsError);
  const uint32_t head = 8;
  run_ring({mi::kNoop, mi::kNoop, 0xdeadbeef, mi::kNoop});
  EXPECT_TRUE(hangs());
  EXPECT_EQ(world.reg(EngineId::rcs, rel::kIpehr), 0xdeadbeefu);
  EXPECT_EQ(world.reg(EngineId::rcs, rel::kRingHead), head);
  EXPECT_EQ(world.reg(EngineId::rcs, rel::kEir), 1u);
  EXPECT_EQ(world.reg(EngineId::rcs, rel::kEsr), 1u);
  EXPECT_EQ(world.model.read32(0x44308), gen9::irq::kCsError);
  world.model.advance_to(world.model.now_ns() + 1'000'000);
  EXPECT_EQ(world.reg(EngineId::rcs, rel::kRingHead), head);
}

TEST_F(ResetTest, AnIllSizedCommandHalts) {
  run_ring({0x22u << 23, 0x2600, 1});  // LRI of half a pair
  EXPECT_TRUE(hangs());
}

TEST_F(ResetTest, ACommandThatRunsPastTheTailHalts) {
  run_ring({0x22u << 23 | 5, 0x2600, 1});
  EXPECT_TRUE(hangs());
  EXPECT_EQ(gpr(0), 0u);
}

TEST_F(ResetTest, AnEngineNeverRunsAnotherEnginesCommands) {
  fake::Context blit = world.make_context(EngineId::bcs, space.root());
  world.emit(blit, mi::pipe_control(0));
  world.execute(blit);
  EXPECT_FALSE(world.idle(EngineId::bcs));
  EXPECT_EQ(world.model.next_event_ns(), UINT64_MAX);
}

TEST_F(ResetTest, ASubmissionDoesNotCureAHang) {
  run_ring({0xdeadbeef});
  fake::Context other = world.make_context(EngineId::rcs, space.root());
  world.execute(other);
  EXPECT_TRUE(hangs());
}

TEST_F(ResetTest, AnEngineResetDoes) {
  run_ring({0xdeadbeef});
  world.set_reg(EngineId::rcs, rel::kResetCtl, hv::masked_enable(gen9::kResetRequest));
  EXPECT_TRUE(world.reg(EngineId::rcs, rel::kResetCtl) & gen9::kResetReady);
  world.model.write32(gen9::kGdrst, gen9::info(EngineId::rcs).reset_bit);
  EXPECT_EQ(world.model.read32(gen9::kGdrst), 0u);
  EXPECT_TRUE(world.idle(EngineId::rcs));
  EXPECT_EQ(world.reg(EngineId::rcs, rel::kHwsPga), 0u);
  EXPECT_EQ(world.reg(EngineId::rcs, rel::kEir), 0u);
  world.enable(EngineId::rcs);
  fake::Context other = world.make_context(EngineId::rcs, space.root());
  world.emit(other, mi::store(page, 1, true));
  world.execute(other);
  EXPECT_EQ(world.ggtt32(page), 1u);
}

TEST_F(ResetTest, AnEngineResetLeavesTheOthersAlone) {
  fake::Context blit = world.make_context(EngineId::bcs, space.root());
  world.emit(blit, mi::store(page, 1, true));
  world.submit(blit);
  world.model.write32(gen9::kGdrst, gen9::info(EngineId::rcs).reset_bit);
  world.run();
  EXPECT_EQ(world.ggtt32(page), 1u);
}

TEST_F(ResetTest, AFullResetTakesAllEnginesFencesAndMocs) {
  fake::Context blit = world.make_context(EngineId::bcs, space.root());
  world.submit(blit);
  world.model.write64(gen9::kFence0, 0x1001);
  world.model.write32(gen9::kMocs[0], 9);
  world.model.write32(gen9::kGdrst, gen9::kGdrstFull);
  EXPECT_TRUE(world.idle(EngineId::bcs));
  EXPECT_EQ(world.model.read64(gen9::kFence0), 0u);
  EXPECT_EQ(world.model.read32(gen9::kMocs[0]), 0u);
}

TEST_F(ResetTest, EndlessBatchWithArbitrationOffMovesButNeverEnds) {
  fake::put(batch_page, mi::join({{mi::kNoop, mi::kNoop}, mi::batch_start(kBatch)}));
  world.emit(context, mi::join({{mi::kArbOff}, mi::batch_start(kBatch)}));
  world.submit(context);
  std::vector<uint32_t> heads;
  const uint64_t step = 2 * gpu::model::CostParameters{}.spin_ns;
  for (uint64_t t = 10'000 + step; t < 10'000 + 5 * step; t += step) {
    world.model.advance_to(t);
    heads.push_back(world.reg(EngineId::rcs, rel::kActhd));
  }
  EXPECT_NE(heads[0], heads[1]);
  EXPECT_EQ(heads[0] & ~0xfffu, kBatch);
  EXPECT_FALSE(world.idle(EngineId::rcs));
}

TEST_F(ResetTest, AWaitThatIsNeverSatisfiedDoesNotMove) {
  world.emit(context, mi::semaphore_wait(kData, 1));
  world.execute(context);
  EXPECT_TRUE(hangs());
  const uint32_t head = world.reg(EngineId::rcs, rel::kRingHead);
  world.model.advance_to(world.model.now_ns() + 10'000'000);
  EXPECT_EQ(world.reg(EngineId::rcs, rel::kRingHead), head);
}

TEST_F(ResetTest, StopRingHoldsTheEngineUntilCleared) {
  world.emit(context, mi::join({{mi::kNoop}, mi::store(page, 1, true)}));
  world.submit(context);
  world.set_reg(EngineId::rcs, rel::kMiMode, hv::masked_enable(gen9::kMiModeStopRing));
  world.run();
  EXPECT_EQ(world.ggtt32(page), 0u);
  EXPECT_TRUE(world.reg(EngineId::rcs, rel::kMiMode) & gen9::kMiModeIdle);
  world.set_reg(EngineId::rcs, rel::kMiMode, hv::masked_disable(gen9::kMiModeStopRing));
  world.run();
  EXPECT_EQ(world.ggtt32(page), 1u);
}

TEST_F(ResetTest, ForcewakeIsAcknowledged) {
  for (const auto& [request, ack] : {std::pair{gen9::kForcewakeRender, gen9::kForcewakeRenderAck},
                                     {gen9::kForcewakeBlitter, gen9::kForcewakeBlitterAck},
                                     {gen9::kForcewakeMedia, gen9::kForcewakeMediaAck}}) {
    world.model.write32(request, 0x00010001);
    EXPECT_EQ(world.model.read32(ack), 1u);
    world.model.write32(request, 0x00010000);
    EXPECT_EQ(world.model.read32(ack), 0u);
  }
}

TEST_F(ResetTest, OddOffsetsAreHarmless) {
  world.model.write32(0x3, 5);
  world.model.write32(0x200000, 5);
  EXPECT_EQ(world.model.read32(0x200000), 0u);
  world.model.write_ggtt(gen9::kGgttEntries, 1);
  EXPECT_EQ(world.model.read_ggtt(gen9::kGgttEntries), 0u);
}

TEST_F(ResetTest, MasterInterruptGatesTheLine) {
  world.model.write32(gen9::kMasterIrq, 0);
  run_ring({mi::kUserInterrupt});
  EXPECT_FALSE(world.model.interrupt_pending());
  EXPECT_EQ(world.model.read32(gen9::kMasterIrq), 1u);  // RCS summary
  world.model.write32(gen9::kMasterIrq, gen9::kMasterIrqEnable);
  EXPECT_TRUE(world.model.interrupt_pending());
}

TEST_F(ResetTest, BlitterInterruptsUseTheUpperHalf) {
  fake::Context blit = world.make_context(EngineId::bcs, space.root());
  world.emit(blit, {mi::kUserInterrupt});
  world.execute(blit);
  EXPECT_EQ(world.model.read32(0x44308) >> 16, gen9::irq::kUser | gen9::irq::kContextSwitch);
  EXPECT_EQ(world.model.read32(gen9::kMasterIrq) & 3, 2u);
}

TEST_F(ResetTest, TheApertureIsTheGgtt) {
  const uint32_t value = 0x11223344;
  world.model.write_aperture(page + 4, std::as_bytes(std::span(&value, 1)));
  EXPECT_EQ(world.ggtt32(page + 4), value);
  uint32_t back = 0;
  world.model.read_aperture(page + 4, std::as_writable_bytes(std::span(&back, 1)));
  EXPECT_EQ(back, value);
  world.model.read_aperture(gen9::kApertureBytes, std::as_writable_bytes(std::span(&back, 1)));
  EXPECT_EQ(back, ~0u);
}

}  // namespace
