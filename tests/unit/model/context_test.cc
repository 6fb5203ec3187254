// SPDX-License-Identifier: MIT
// Context images: what is saved and restored, resuming inside batches, restore workarounds, and
// results that do not depend on preemption.
#include "tests/unit/model/model_fixture.h"

namespace {

using gen9::EngineId;
namespace ctx = gen9::ctx;
namespace mi = fake::mi;
namespace rel = gen9::rel;
using fake::Context;
using fake::Dwords;

struct ContextTest : fake::ModelTest {
  using ModelTest::ModelTest;
  Context other = world.make_context(EngineId::rcs, space.root());
};

TEST_F(ContextTest, RegistersSurviveAnotherContext) {
  run_ring(mi::join({mi::lri(0x2600, 7), mi::lri(0x2418, 1), mi::lri(0x7034, 0x60000060)}));
  world.emit(other, mi::join({mi::lri(0x2600, 8), mi::lri(0x2418, 0), mi::lri(0x7034, 1)}));
  world.execute(other);
  run_ring(
      mi::join({mi::srm(0x2600, kData), mi::srm(0x2418, kData + 4), mi::srm(0x7034, kData + 8)}));
  EXPECT_EQ(data32(0), 7u);
  EXPECT_EQ(data32(4), 1u);
  EXPECT_EQ(data32(8), 0x60000060u);
}

TEST_F(ContextTest, CountersOfEachSliceSurviveAnotherContext) {
  for (const uint32_t reg :
       {0x2158u, 0x22c8u, 0x22dcu, 0x22f0u, 0x22fcu, 0x2360u, 0x2364u, 0x2448u, 0x2454u}) {
    run_ring(mi::lri(reg, 7));
    world.emit(other, mi::lri(reg, 8));
    world.execute(other);
    run_ring(mi::srm(reg, kData));
    EXPECT_EQ(data32(), 7u) << std::hex << reg;
  }
}

TEST_F(ContextTest, RestoreInhibitStartsFromNothing) {
  run_ring(mi::lri(0x2600, 7));
  world.emit(other, mi::srm(0x2600, kData));
  hv::store<uint32_t>(data, 1);
  world.execute(other);
  EXPECT_EQ(data32(), 0u);
}

TEST_F(ContextTest, SavingClearsRestoreInhibit) {
  EXPECT_TRUE(world.image(context, ctx::kContextControl) & ctx::kRestoreInhibit);
  world.execute(context);
  EXPECT_FALSE(world.image(context, ctx::kContextControl) & ctx::kRestoreInhibit);
}

TEST_F(ContextTest, TheImageHoldsLriBlocksUpToABatchEnd) {
  run_ring(mi::lri(0x2600, 7));
  unsigned i = ctx::kEngineState;
  bool gpr0 = false;
  while (world.image(context, i) != mi::kBatchEnd) {
    ASSERT_LT(i, 1000u);
    const uint32_t header = world.image(context, i++);
    if (header == 0) continue;
    ASSERT_EQ(header >> 23, 0x22u);
    for (unsigned n = ((header & 0xff) + 1) / 2; n > 0; --n, i += 2)
      if (world.image(context, i) == 0x2600) gpr0 = world.image(context, i + 1) == 7;
  }
  EXPECT_TRUE(gpr0);
}

TEST_F(ContextTest, ADamagedImageHangsAndDoesNotRunAway) {
  world.execute(context);
  for (unsigned i = ctx::kEngineState; i < 1000; ++i) world.set_image(context, i, 0x110010ff);
  world.set_image(context, 990, 0x110010ff);
  world.set_image(context, ctx::kEngineState, 0x7a000004);
  world.execute(context);
  EXPECT_TRUE(hangs());
}

TEST_F(ContextTest, AnUnmappedImageHangs) {
  world.model.write_ggtt((context.lrca + 0x1000) >> 12, 0);
  world.execute(context);
  EXPECT_TRUE(hangs());
  EXPECT_TRUE(faulted());
}

TEST_F(ContextTest, SoftwaresTailIsNotOverwrittenByASave) {
  world.emit(context, {mi::kNoop, mi::kNoop});
  world.submit(context);
  world.model.advance_to(4030);
  world.set_image(context, ctx::kRingTail, 0x100);
  world.run();
  EXPECT_EQ(world.image(context, ctx::kRingTail), 0x100u);
}

TEST_F(ContextTest, PreemptionInsideASecondLevelBatchComesBackExactlyThere) {
  std::byte* second = space.alloc(0x20000);
  Dwords body;
  for (unsigned i = 0; i < 40; ++i)
    body = mi::join({body, mi::store(kData + 4 * i, i + 1), {mi::kArbCheck}});
  fake::put(second, mi::join({body, {mi::kBatchEnd}}));
  batch(context, mi::join({mi::batch_start(0x20000, mi::kPpgttBatch | mi::kSecondLevel),
                           mi::store(kData + 0x800, 0xaa)}));
  world.emit(context, mi::store(page, 0xbb, true));
  world.submit(context);
  world.model.advance_to(4500);
  world.submit(other);
  world.run();
  EXPECT_EQ(world.csb(EngineId::rcs)[1].status, gen9::csb::kPreempted);
  const uint32_t so_far = data32(4 * 39);
  EXPECT_EQ(so_far, 0u);
  EXPECT_EQ(world.image(context, ctx::kSbbHeadLdw) & ~0xfffu, 0x20000u);
  world.execute(context);
  for (unsigned i = 0; i < 40; ++i) EXPECT_EQ(data32(4 * i), i + 1);
  EXPECT_EQ(data32(0x800), 0xaau);
  EXPECT_EQ(world.ggtt32(page), 0xbbu);
}

TEST_F(ContextTest, IndirectAndPerContextBatchesRunAtEveryRestore) {
  const uint32_t workarounds = world.alloc_ggtt(2);
  const Dwords count{0x2fu << 23 | mi::kGgtt | 5u << 8 | 1, page, 0};  // atomic increment
  for (unsigned i = 0; i < count.size(); ++i) {
    world.set_ggtt32(workarounds + i * 4, count[i]);
    world.set_ggtt32(workarounds + 0x1000 + i * 4, count[i]);
  }
  world.set_ggtt32(workarounds + 0x1000 + 12, mi::kBatchEnd);
  world.set_image(context, ctx::kIndirectCtx, workarounds | 1);
  world.set_image(context, ctx::kBbPerCtxPtr, (workarounds + 0x1000) | 1);
  world.execute(context);
  EXPECT_EQ(world.ggtt32(page), 2u);
  world.execute(context);
  EXPECT_EQ(world.ggtt32(page), 4u);
}

TEST_F(ContextTest, TheBlittersSetUpBelongsToItsContext) {
  Context blit = world.make_context(EngineId::bcs, space.root());
  world.execute(blit);
  const unsigned third = ctx::kEngineState + 2 + 2 * 3 + 1;  // of the words carried by NOPID loads
  world.set_image(blit, third, 0x12345678);
  world.execute(blit);
  EXPECT_EQ(world.image(blit, third), 0x12345678u);
}

TEST_F(ContextTest, SetPredicateSurvivesPreemption) {
  const uint32_t always = 0x01u << 23 | 15;
  batch(context,
        mi::join({{always}, Dwords(300, mi::kNoop), {mi::kArbCheck}, mi::store(kData, 1)}));
  world.submit(context);
  world.model.advance_to(5000);
  world.submit(other);
  world.run();
  world.execute(context);
  EXPECT_EQ(world.csb(EngineId::rcs)[1].status, gen9::csb::kPreempted);
  EXPECT_EQ(data32(), 0u);
}

struct ContextTimeTest : ContextTest {
  static gpu::model::Config config() {
    gpu::model::Config c;
    c.context_time = true;
    return c;
  }
  ContextTimeTest() : ContextTest(config()) {}
  /// Stores of timestamps between commands of all kinds.
  static Dwords stream() {
    Dwords all;
    for (unsigned i = 0; i < 20; ++i)
      all = mi::join({all,
                      mi::srm(0x2358, kData + 16 * i),
                      {mi::kArbCheck},
                      mi::pipe_control(3u << 14, kData + 16 * i + 8)});
    return all;
  }
  std::vector<uint32_t> result() const {
    std::vector<uint32_t> words(1024);
    for (unsigned i = 0; i < 1024; ++i) words[i] = data32(4 * i);
    return words;
  }
};

TEST_F(ContextTimeTest, TheCpuReadsTheGpusClockAllTheSame) {
  world.model.advance_to(1'000'000);
  EXPECT_EQ(world.reg(EngineId::rcs, gen9::rel::kTimestamp), 12'000u);
}

TEST_F(ContextTimeTest, PreemptionDoesNotShowInTimestamps) {
  run_batch(stream());
  const auto alone = result();
  std::fill_n(data, hv::kPageSize, std::byte{});
  Context again = world.make_context(EngineId::rcs, space.root());
  batch(again, stream());
  unsigned preemptions = 0;
  for (int i = 0; i < 100; ++i) {
    world.submit(again);
    world.model.advance_to(world.model.now_ns() + 4000 + 700);
    world.submit(other);
    world.run();
    for (const auto& e : world.csb(EngineId::rcs))
      preemptions += e.status == gen9::csb::kPreempted && e.context_id == again.id;
  }
  EXPECT_GT(preemptions, 5u);
  EXPECT_EQ(result(), alone);
  EXPECT_NE(alone[2], 0u);
}

TEST_F(ContextTimeTest, ChargedTimeIsKeptAtTheEndOfTheStatePage) {
  run_ring({mi::kNoop, mi::kNoop, mi::kNoop});
  EXPECT_EQ(world.image(context, 1022), 60u);
  run_ring({mi::kNoop});
  EXPECT_EQ(world.image(context, 1022), 80u);
}

TEST_F(ContextTimeTest, AWaitCostsTheSameHoweverLongAndOftenPreempted) {
  world.emit(context, mi::semaphore_wait(kData, 1));
  world.submit(context);
  world.model.advance_to(50'000);
  world.submit(other);
  world.run();
  world.submit(context);
  world.run(50'000);
  hv::store<uint32_t>(data, 1);
  world.run();
  EXPECT_EQ(world.image(context, 1022), 20u);
}

}  // namespace
